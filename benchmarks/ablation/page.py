"""The page of the study: what is computed of ``page.md.template``, and the page that it is filled into."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from string import Template

from alphaction.toy import ToyOptions
from alphaction.toy.world import build_world
from alphaction.utils.messages import counted
from benchmarks.ablation.arms import GROUPS, Arm
from benchmarks.ablation.claims import Claim, judge
from benchmarks.ablation.dataset import KINDS, WORLD, StudyData
from benchmarks.ablation.plan import Run, Study
from benchmarks.ablation.record import run_records
from benchmarks.ablation.results import ALL, Results
from benchmarks.ablation.seed_statistics import LEAST_SPREAD, MOST_SPREAD, Summary

COLUMNS = (*KINDS, ALL)
PICTURES = "images"
WORLD_PICTURE = "ablation_world.png"
TEMPLATE = Path(__file__).with_name("page.md.template")
_WIDTH = 120


def make_page(results: Results, plots: Mapping[str, Path], folder: Path, *, apart: bool = False) -> str:
    """Return the page.

    Args:
        results: the numbers.
        plots: group -> picture.
        folder: where the page will lie; pictures are linked relative to it.
        apart: sections say what runs they are of, as they are to join a page of other runs.
    """
    values: dict[str, object] = {
        **_study_values(results),
        **_world_values(results.study.data),
        **_cost_values(results),
        "world_picture": f"{PICTURES}/{WORLD_PICTURE}",
        "claims": _claim_rows(judge(results)),
        "least_spread": f"{LEAST_SPREAD:g}",
        "most_spread": f"{MOST_SPREAD:g}",
    }
    for group in GROUPS:
        if arms := results.study.group(group):
            values[f"{group}_table"] = table(results, arms)
            if apart:
                values[f"{group}_apart"] = _apart(results, arms)
        if group in plots:
            values[f"{group}_plot"] = plots[group].relative_to(folder).as_posix()
    return filled(TEMPLATE.read_text(encoding="utf-8"), values)


def updated(page: str, new: str, groups: Sequence[str]) -> str:
    """Return ``page`` with the sections of some groups taken from ``new``; all else of it stays.

    A section that ``page`` does not have yet follows the one that it follows in the template.

    Args:
        page: an earlier page of the study.
        new: a page of the same template.
        groups: of arms, whose sections have a field ``$GROUP_table``.
    """
    template = _sections(TEMPLATE.read_text(encoding="utf-8"))
    order = list(template)
    kept, made = _sections(page), _sections(new)
    for place, heading in enumerate(order):
        if heading not in made or not any(f"${group}_table" in template[heading] for group in groups):
            continue
        if heading not in kept:
            before = next(name for name in reversed(order[:place]) if name in kept)
            names = list(kept)
            names.insert(names.index(before) + 1, heading)
            kept = {name: kept.get(name, "") for name in names}
        kept[heading] = made[heading].rstrip() + "\n\n"
    return "".join(kept.values()).rstrip() + "\n"


def _sections(text: str) -> dict[str, str]:
    """Return heading -> section of a page; what stands before the first heading has the name ""."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    return {part.splitlines()[0] if part.startswith("## ") else "": part for part in parts}


def filled(template: str, values: Mapping[str, object]) -> str:
    """Return the template with its fields (``$name``) filled, in lines of at most 120 characters.

    A paragraph with a field that has no value is left out, together with the line before it that ends with a colon. So
    is a section (a heading of two # and all up to the next) whose table has none, which is a field ``$..._table``.
    """

    def has_values(text: str, names: str = r"\w+") -> bool:
        return all(name in values for name in re.findall(rf"\$\{{?({names})", text))

    sections = re.split(r"^(?=## )", template, flags=re.MULTILINE)
    kept = "".join(section for section in sections if has_values(section, r"\w+_table"))
    paragraphs = [text for text in re.split(r"(?<!:)\n\n", kept.strip()) if has_values(text)]
    page = Template("\n\n".join(paragraphs)).substitute(values)
    return "\n\n".join(_wrapped(paragraph) for paragraph in page.split("\n\n")) + "\n"


def table(results: Results, arms: Sequence[Arm]) -> str:
    """Return the table of some arms: AP in points, chance first, the best of a column in bold."""
    seeds = len(results.study.options.seeds)
    best = {}
    for column in COLUMNS:
        means = [found.mean for arm in arms if (found := results.kind(arm.name, column))]
        best[column] = f"{max(means):.1f}" if means else None
    lines = [
        f"| arm | {' | '.join(f'{kind} classes' for kind in KINDS)} | all classes | minutes a run |",
        "|---" * (len(COLUMNS) + 2) + "|",
        f"| chance | {' | '.join(f'{results.chance(column):.1f}' for column in COLUMNS)} | |",
    ]
    for arm in arms:
        cells = [cell(results.kind(arm.name, column), seeds, best[column]) for column in COLUMNS]
        minutes = results.minutes(arm.name)
        lines.append(f"| {arm.title} | {' | '.join(cells)} | {f'{minutes.mean:.1f}' if minutes else ''} |")
    return "\n".join(lines)


def cell(summary: Summary | None, seeds: int, best: str | None) -> str:
    """Return "97.0 ± 0.4", in bold where the mean reads like ``best``, with the number of seeds if some are missing."""
    if summary is None:
        return "not run"
    mean = f"{summary.mean:.1f}"
    text = mean if summary.std is None else f"{mean} ± {summary.std:.1f}"
    text = f"**{text}**" if mean == best else text
    return text if summary.count == seeds else f"{text} ({summary.count} of {counted(seeds, 'seed')})"


def _study_values(results: Results) -> dict[str, object]:
    """Return what differs from the study as it is meant to be: other settings, missing runs."""
    values: dict[str, object] = {}
    if keys := results.study.options.overrides:
        pairs = zip(keys[::2], keys[1::2], strict=True)
        values["changes"] = ", ".join(f"`{key} {value}`" for key, value in pairs)
    if missing := results.missing:
        seeds: dict[str, list[int]] = {}
        for run in missing:
            seeds.setdefault(run.arm, []).append(run.seed)
        total = len(results.study.runs)
        values["missing"] = "; ".join(f"{arm} seed {', '.join(map(str, found))}" for arm, found in seeds.items())
        values |= {"finished": total - len(missing), "total": total}
    return values


def _apart(results: Results, arms: Sequence[Arm]) -> str:
    """Return what runs the table of some arms is of, and the command that repeats them."""
    study = results.study
    owners = {study.owners[arm.name] for arm in arms}
    records = [scores.record for (arm, _), scores in results.scores.items() if arm in owners]
    if not records:
        return "No run of these arms is finished."
    minutes = sum(record.seconds for record in records) / 60
    devices = ", ".join(sorted({record.device for record in records}))
    seeds = ",".join(map(str, study.options.seeds))
    command = f"python tools/ablation.py --update --seeds {seeds} --arms {','.join(arm.name for arm in arms)}"
    return (
        f"This table was made apart from the others, of {counted(len(records), 'run')} on {devices}, which took "
        f"{minutes:.1f} min if added up (`{command}`)."
    )


def _world_values(data: StudyData) -> dict[str, object]:
    values: dict[str, object] = {"lag": data.lag, "chance": f"{100 * data.chance_of_all():.1f}"}
    values |= {name: data.record["options"][name] for name in ("seconds", "width", "height", "num_train", "num_val")}
    for kind in KINDS:
        values[f"{kind}_classes"] = ", ".join(data.of_kind(kind))
        values[f"{kind}_chance"] = f"{100 * data.chance_of(kind):.1f}"
    return values


def _claim_rows(claims: Sequence[Claim]) -> str:
    return "\n".join(f"| {claim.text} | **{claim.verdict}** | {claim.figures} |" for claim in claims)


def _cost_values(results: Results) -> dict[str, object]:
    """Return what the finished runs took, and the commands that repeat them."""
    study, cost = results.study, results.cost
    # On a machine without a GPU, the test of the pages could not run it.
    needs_gpu = study.device == "cuda" and "MODEL.DEVICE" in study.options.overrides[::2]
    values: dict[str, object] = {
        "not_run": "<!-- not run: needs GPUs -->\n" if needs_gpu else "",
        "commands": f"{dataset_command(study.data)}\n{study_command(study, cost.jobs)}",
    }
    if results.scores:
        records = [scores.record for scores in results.scores.values()]
        # Of some of the runs in a folder, nobody knows what they took together.
        is_all = len(run_records(study.options)) <= len(records)
        values |= {
            "runs": counted(len(records), "run"),
            "devices": ", ".join(sorted({record.device for record in records})),
            "minutes": f"{sum(record.seconds for record in records) / 60:.1f}",
            "from_start_to_end": f"{cost.wall_seconds / 60:.1f} min from start to end, " if is_all else "",
            "jobs": counted(cost.jobs, "run"),
            "threads": counted(cost.threads, "thread"),
        }
    plain = next((run for run in study.runs if run.processes == 1 and run.restart_at is None), None)
    if plain is not None:
        values["single_run"] = run_command_line(plain)
    return values


def dataset_command(data: StudyData) -> str:
    """Return the command that makes the dataset; options are named where they are not the world's defaults."""
    defaults = build_world(WORLD).defaults
    chosen = data.record["options"]
    flags = [
        f"--{option.name.replace('_', '-')} {chosen[option.name]}"
        for option in fields(ToyOptions)
        if option.name != "world" and chosen[option.name] != getattr(defaults, option.name)
    ]
    return " ".join([f"python tools/make_toy_dataset.py --world {WORLD} --output data/{WORLD}", *flags])


def study_command(study: Study, jobs: int) -> str:
    """Return the command of the study, with the default folders."""
    options = study.options
    pairs = [("--seeds", ",".join(map(str, options.seeds))), ("--jobs", str(jobs))]
    if options.arms:
        pairs.append(("--arms", ",".join(options.arms)))
    pairs += zip(options.overrides[::2], options.overrides[1::2], strict=True)
    return _in_lines("python tools/ablation.py", pairs)


def run_command_line(run: Run) -> str:
    """Return a run's training as a command in the clone, on the default folder of the dataset."""
    words = {
        **dict(run.overrides),
        "DATASETS.CATALOG": f"data/{WORLD}/dataset.yaml",
        "DATASETS.TRAIN": f"[{WORLD}_train]",
        "DATASETS.TEST": f"[{WORLD}_val]",
        "DATALOADER.CLIP_CACHE": "output/ablation/cache",
        "OUTPUT_DIR": f"output/{run.arm}_seed_{run.seed}",
    }
    head = f"python train_net.py --config-file config_files/tiny/interactions.yaml --seed {run.seed}"
    return _in_lines(head, words.items())


def _in_lines(head: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return a shell command of pairs of words in lines of at most 120 characters."""
    lines, line = [], head
    for pair in map(shlex.join, pairs):
        if len(line) + len(pair) > _WIDTH - 4:
            lines.append(line)
            line = "   "
        line += f" {pair}"
    return " \\\n".join([*lines, line])


def _wrapped(part: str) -> str:
    """Return a paragraph in lines of at most 120 characters; tables, headings and blocks stay as they are."""
    if part.startswith(("|", "#", "```", "!", "<")):
        return part
    return textwrap.fill(part, _WIDTH, break_long_words=False, break_on_hyphens=False)
