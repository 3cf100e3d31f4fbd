"""The page of the study: Markdown with tables, claims and plots."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from alphaction.toy import ToyOptions
from alphaction.toy.world import build_world
from alphaction.utils.messages import counted
from benchmarks.ablation.arms import GROUPS, Arm
from benchmarks.ablation.claims import Claim, judge
from benchmarks.ablation.dataset import KINDS, WORLD, StudyData
from benchmarks.ablation.plan import Run, Study
from benchmarks.ablation.record import run_records
from benchmarks.ablation.results import ALL, Results
from benchmarks.ablation.statistics import LEAST_SPREAD, MOST_SPREAD, Summary

COLUMNS = (*KINDS, ALL)
PICTURES = "images"
WORLD_PICTURE = "ablation_world.png"
_WIDTH = 120
_TITLES = {
    "structures": "Structures",
    "options": "Options for training from random weights",
    "length": "How far the memory reaches",
    "penalty": "Old features",
    "consistency": "Processes and breaks",
}
_TEXTS = {
    "structures": "`MODEL.IA_STRUCTURE.I_BLOCK_LIST` and `MODEL.IA_STRUCTURE.STRUCTURE`: one block of each kind, and "
    "the three ways to wire all of them. Serial: each block's output is the query of the next. Dense: from the third "
    "block on, the query is a learned sum of all outputs before. Parallel: every block asks with the person's own "
    "features, and the outputs are added up.",
    "options": "Five are keys that upstream does not have. Their defaults keep the numbers of the published models; "
    "`config_files/tiny/interactions.yaml` changes them. "
    "`MODEL.IA_STRUCTURE.MASK_ABSENT` leaves slots in which nothing is out of the attention. "
    "`MODEL.IA_STRUCTURE.CENTER_FEATURES` subtracts from the pooled features what all of them share. "
    "`MODEL.IA_STRUCTURE.POSITION_INIT_STD` starts the temporal positions at random. "
    "`MODEL.IA_STRUCTURE.MEMORY_OWN_SECOND` fills the slot of the clip's own second, upstream's way: M then sees the "
    "other person of the clip as well. `MODEL.IA_STRUCTURE.COSINE_SCALE` scores slots by the cosine of query and key, "
    "not by their dot product. Blocks start larger than upstream's here: `MODEL.IA_STRUCTURE.CONV_INIT_STD` "
    "and `MODEL.IA_STRUCTURE.USE_ZERO_INIT_CONV`, which starts each block's output at zero. "
    "`MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR` is a linear classifier here; the published models have two layers "
    "before it.",
    "length": "`MODEL.IA_STRUCTURE.LENGTH` of a model with a single M block. What the memory class asks for lies "
    "{lag} s or more away: a shorter memory cannot hold it.",
    "penalty": "`MODEL.IA_STRUCTURE.PENALTY` of a model with a single M block: in training, remembered features are "
    "scaled down the more the loss has changed since they were stored, or are used as they are.",
    "consistency": "The memory that a run writes is part of its state: two gloo processes (always on the CPU) exchange "
    "what they write, and a run that is stopped after half of its iterations loads it from beside its checkpoint.",
}
_DECIDED_BY = {
    "own": "the person",
    "person": "the other person, out of reach of the person's own box: a P block",
    "object": "the ball: an O block",
    "memory": "most of the seconds far away, before and after, out of reach of the clip: an M block",
}


def make_page(results: Results, plots: Mapping[str, Path], folder: Path) -> str:
    """Return the page.

    Args:
        results: the numbers.
        plots: group -> picture.
        folder: where the page will lie; pictures are linked relative to it.
    """
    parts = [*_introduction(results), *_world(results.study.data), *_claims(judge(results))]
    for group in GROUPS:
        if arms := results.study.group(group):
            parts += [f"## {_TITLES[group]}", _TEXTS[group].format(lag=results.study.data.lag)]
            parts.append(table(results, arms))
            if group in plots:
                link = plots[group].relative_to(folder).as_posix()
                parts.append(f"![AP of each arm: {_TITLES[group].lower()}]({link})")
    parts += _cost(results)
    return "\n\n".join(_wrapped(part) for part in parts) + "\n"


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


def _introduction(results: Results) -> Iterator[str]:
    study = results.study
    yield "# Ablation of the interaction structures"
    yield "<!-- Generated by tools/ablation.py; changes by hand are lost. -->"
    yield (
        "Which part of a model with Interaction Aggregation does what: models that differ in one thing are trained on "
        "a small rendered world in which each kind of block can be missed. This is the ablation of the "
        'paper (Tang et al., "Asynchronous Interaction Aggregation for Action Detection", ECCV 2020) in small; the '
        "numbers are about this world, not about AVA."
    )
    if keys := study.options.overrides:
        changes = ", ".join(f"`{key} {value}`" for key, value in zip(keys[::2], keys[1::2], strict=True))
        yield f"**The texts below are about the study's config; every run here has other settings: {changes}.**"
    if missing := results.missing:
        seeds: dict[str, list[int]] = {}
        for run in missing:
            seeds.setdefault(run.arm, []).append(run.seed)
        names = "; ".join(f"{arm} seed {', '.join(map(str, found))}" for arm, found in seeds.items())
        total = len(study.runs)
        yield f"**Not complete: {total - len(missing)} of {total} runs are finished. Missing: {names}.**"


def _world(data: StudyData) -> Iterator[str]:
    options = data.record["options"]
    yield "## The world, and why chance is known"
    yield (
        f"A video is {options['seconds']} s long. Two persons stand at the ends of a wide frame "
        f"({options['width']}x{options['height']} pixels), and a ball lies between them. Coins decide, anew and "
        "independently for every second, whether each person jumps, whether both wave, and whether the ball bounces. "
        f"The memory class asks whether most of the seconds {data.lag} s or more before or after have waving (of an "
        "even number, the farthest does not count). A clip is shorter than a second, no second leaves a trace in the "
        "frames of another, and neither the other person nor the ball lies within what the convolutions over a "
        "person's box see: tests turn over the cause of each class and compare pixels, and gradients as they are at "
        "test time (in training, the statistics of batch norms mix all that a batch shows). So the person, object and "
        "memory classes are out of reach of a model without a block that looks there. Videos come in pairs that look "
        "alike, with opposite coins: every class is right for half of the persons, for every look and at every second. "
        "A ranking that knows nothing has the share of persons that carry the class as AP: "
        f"{100 * data.chance_of_all():.1f}. Finitely many coins are never quite uncorrelated: where two differ a "
        "little more often than not in both splits, one is worth a few points as a guess of the other."
    )
    yield f"![Two seconds of two videos that look alike, with the left person's classes]({PICTURES}/{WORLD_PICTURE})"
    rows = ["| classes | | decided by | chance, points |", "|---|---|---|---|"]
    for kind in KINDS:
        names = ", ".join(data.of_kind(kind))
        rows.append(f"| {kind} | {names} | {_DECIDED_BY[kind]} | {100 * data.chance_of(kind):.1f} |")
    yield "\n".join(rows)
    yield (
        f"There are {options['num_train']} training and {options['num_val']} validation videos; person and object "
        "boxes are exact. All numbers are AP in points (percent) at IoU 0.5, the mean over the classes of a kind, and "
        "then mean ± standard deviation (n - 1) over the seeds. A seed decides the initial weights and the order of "
        "the clips."
    )


def _claims(claims: Sequence[Claim]) -> Iterator[str]:
    yield "## What the numbers say"
    yield (
        "Computed from the tables below; of several seeds, the least and the largest gain are given. An arm whose mean "
        "differs from that of another by no more than a spread counts as equal to it: the other's standard deviation "
        f"over the seeds, but at least {LEAST_SPREAD:g} point and at most {MOST_SPREAD:g}."
    )
    rows = ["| claim | | figures |", "|---|---|---|"]
    rows += [f"| {claim.text} | **{claim.verdict}** | {claim.figures} |" for claim in claims]
    yield "\n".join(rows)


def _cost(results: Results) -> Iterator[str]:
    study = results.study
    yield "## Cost, and how to repeat it"
    if results.scores:
        records = [scores.record for scores in results.scores.values()]
        seconds = sum(record.seconds for record in records)
        devices = ", ".join(sorted({record.device for record in records}))
        cost = results.cost
        together = f"{counted(cost.jobs, 'run')} at a time, {counted(cost.threads, 'thread')} each"
        # Of some of the runs in a folder, nobody knows what they took together.
        if len(run_records(study.options)) <= len(records):
            together = f"{cost.wall_seconds / 60:.1f} min from start to end, {together}"
        yield (
            f"{counted(len(records), 'run')} on {devices}, which took {seconds / 60:.1f} min if added up; {together}. "
            "Making the dataset comes before that. Arms that come to the same config share their runs."
        )
    # On a machine without a GPU, the test of the pages could not run it.
    needs_gpu = study.device == "cuda" and "MODEL.DEVICE" in study.options.overrides[::2]
    fence = "<!-- not run: needs GPUs -->\n```bash" if needs_gpu else "```bash"
    yield f"{fence}\n{dataset_command(study.data)}\n{study_command(study, results.cost.jobs)}\n```"
    yield (
        "An interrupted study goes on when the command is given again; finished runs are kept. `--report-only` writes "
        "this page from what is finished so far, and the numbers are in `results.json` of the folder `--output`."
    )
    plain = next((run for run in study.runs if run.processes == 1 and run.restart_at is None), None)
    if plain is not None:
        yield "A single run, here without the study's record-keeping:"
        yield f"{fence}\n{run_command_line(plain)}\n```"


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
    lines, line = [], ""
    for word in part.split(" "):
        if line and len(line) + 1 + len(word) > _WIDTH:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])
