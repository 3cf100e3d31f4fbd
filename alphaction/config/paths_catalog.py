"""Finds the files of a dataset by its name: in AVA's usual layout, or through ``dataset.yaml`` files."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.yaml_file import YAML_SUFFIXES, LocatedDict, read_yaml_mapping
from alphaction.utils.errors import UserError
from alphaction.utils.files import missing_file
from alphaction.utils.inside import name_problem
from alphaction.utils.messages import suggest

logger = logging.getLogger(__name__)

CATALOG_FILE = "dataset.yaml"
BUILT_IN = "built in"
AVA_VERSIONS = ("ava_video_v2.1", "ava_video_v2.2")
AVA_LABEL_MAP = Path(__file__).with_name("ava_action_list_v2.2.pbtxt")
AVA_EVAL_LABEL_MAP = Path(__file__).with_name("ava_action_list_v2.2_for_activitynet_2019.pbtxt")

_TOP_KEYS = ("name", "videos", "clips", "label_map", "eval_label_map", "splits")
SPLIT_KEYS = ("annotations", "person_boxes", "object_boxes", "exclusions")
_FOLDERS = ("videos", "clips")
# What AVA cannot do without: one role of each group.
_NEEDED = (("annotations",), ("clips", "videos"))


@dataclass(frozen=True)
class DatasetSpec:
    """The files of one dataset; all that are given exist.

    Attributes:
        name: what DATASETS.TRAIN and DATASETS.TEST call it.
        videos: folder of whole movies ``{video}.{mp4,mkv,...}``, or None.
        clips: folder of one-second clips ``{video}/{second}.mp4``, or None; exactly one of the two is given.
        label_map: the classes (pbtxt).
        eval_label_map: the classes that count in the evaluation; None: all of ``label_map``.
        annotations: ground truth.
        person_boxes: detected persons for testing; None: the ground truth boxes.
        object_boxes: detected objects; None: none.
        exclusions: seconds to leave out; None: none.
        source: "built in", or the path of the yaml file that registers it.
        follow_links: read folders of clips that are links to places outside ``clips`` (DATASETS.FOLLOW_LINKS).
    """

    name: str
    videos: Path | None
    clips: Path | None
    label_map: Path
    eval_label_map: Path | None
    annotations: Path
    person_boxes: Path | None
    object_boxes: Path | None
    exclusions: Path | None
    source: str
    follow_links: bool = False


@dataclass(frozen=True)
class _Entry:
    """A registered dataset whose files have not been looked for yet.

    Attributes:
        source: "built in", or the yaml file.
        roles: role -> the places where its file may be; the first that exists counts.
    """

    source: str
    roles: dict[str, tuple[Path, ...]]


def find_dataset(cfg: CfgNode, name: str, without: Collection[str] = ()) -> DatasetSpec:
    """Return the files of the dataset called ``name``.

    Args:
        cfg: the whole config.
        name: as in DATASETS.TRAIN.
        without: roles such as "person_boxes" that are not needed: their files may be missing, and are None.

    Raises:
        UserError: if no dataset has that name (lists those known), a file of it is missing (names every one and where
            it was expected), a file of DATASETS.CATALOG is malformed, or two files register this name.
    """
    entries, skipped = _registered(cfg)
    if name not in entries:
        own = f"{cfg.DATASETS.DATA_DIR}/NAME/{CATALOG_FILE}"
        message = (
            f'dataset "{name}" is not known. {suggest(name, entries, limit=20)} '
            f"To add your own, write {own}, or list such a file in DATASETS.CATALOG."
        )
        folder = Path(cfg.DATASETS.DATA_DIR)
        if not cfg.DATASETS.CATALOG and not folder.is_dir():  # a command that was started elsewhere, perhaps
            message = (
                f'dataset "{name}" is not known: DATASETS.DATA_DIR is {folder}, and there is no such folder in '
                f"{Path.cwd()}. Start the command where it is, or end it with DATASETS.DATA_DIR FOLDER."
            )
        if skipped:
            message = "\n".join([f"{message} Files that could not be used:", *skipped])
        raise UserError(message)
    for problem in skipped:
        logger.warning("skipped a file that dataset %s does not need: %s", name, problem)
    entry, *others = entries[name]
    if others:
        raise UserError(
            f'dataset "{name}" is registered twice: by {entry.source} and by {others[0].source}. '
            "Change the name in one of them."
        )
    found = {
        role: next(filter(os.path.isdir if role in _FOLDERS else os.path.isfile, places), None)
        for role, places in entry.roles.items()
    }
    found |= dict.fromkeys(without)
    problems = list(_missing(entry, found, without))
    if problems:
        raise UserError("\n  - ".join([f'dataset "{name}" ({entry.source}) lacks files:', *problems]))
    if found["clips"]:
        found["videos"] = None
    return DatasetSpec(name=name, source=entry.source, follow_links=cfg.DATASETS.FOLLOW_LINKS, **found)


def known_datasets(cfg: CfgNode) -> list[str]:
    """Return the names of all registered datasets, sorted; their files need not exist."""
    return sorted(_registered(cfg)[0])


def splits_of(cfg: CfgNode, dataset: str) -> list[str]:
    """Return the names of all splits of a dataset, training first; "ava_video_v2.2" is AVA of that version."""
    if dataset in AVA_VERSIONS:
        return [dataset.replace("video", f"video_{split}") for split in ("train", "val")]
    names = [name for name in known_datasets(cfg) if name.startswith(f"{dataset}_")]
    # "pets" must not take the splits of "pets_indoor", which another file registers.
    shortest = min(names, key=lambda name: (name.count("_"), name), default="")
    files = set(registered_by(cfg, shortest))
    names = [name for name in names if files & set(registered_by(cfg, name)) and BUILT_IN not in files]
    return sorted(names, key=lambda name: ("train" not in name, name))


def registered_by(cfg: CfgNode, name: str) -> list[str]:
    """Return what registers the dataset called ``name``: "built in", or the paths of yaml files; [] if nothing does."""
    return [entry.source for entry in _registered(cfg)[0].get(name, [])]


def _missing(entry: _Entry, found: dict[str, Path | None], without: Collection[str]) -> Iterator[str]:
    """Yield one message for each file that must be there and is not; in one's own data that is every file named."""
    if entry.source != BUILT_IN:
        for role, places in entry.roles.items():
            if places and not found[role] and role not in without:
                yield f"{role}: {missing_file(places[0], folders=role in _FOLDERS)}"
        return
    for group in _NEEDED:
        if not any(found[role] or role in without for role in group):
            places = [str(path) for role in group for path in entry.roles[role] if path.suffix != ".gz"]
            yield f"{' or '.join(group)}: expected {' or '.join(places)}. Prepare AVA there, or set DATASETS.DATA_DIR."


def _registered(cfg: CfgNode) -> tuple[dict[str, list[_Entry]], list[str]]:
    """Return what registers each name, built in first, and why files found by search were skipped.

    A search below DATA_DIR meets files of other tools and of unfinished datasets: they must not stop a run.
    """
    entries = {name: [entry] for name, entry in _built_in(Path(os.path.expanduser(cfg.DATASETS.DATA_DIR)))}
    skipped: list[str] = []
    for path, is_named in _catalog_files(cfg):
        try:
            registered = list(_read_catalog(path))
        except UserError as error:
            if is_named:
                raise
            skipped.append(str(error))
            continue
        for name, entry in registered:
            entries.setdefault(name, []).append(entry)
    return entries, skipped


def _built_in(data_dir: Path) -> Iterator[tuple[str, _Entry]]:
    root = data_dir / "AVA"
    annotations, boxes = root / "annotations", root / "boxes"
    for version in ("2.1", "2.2"):
        for split in ("train", "val"):
            stem = f"ava_{split}_v{version}"
            roles = {
                "videos": (root / "movies" / "trainval",),
                "clips": (root / "clips" / "trainval",),
                "label_map": (annotations / f"ava_action_list_v{version}.pbtxt", AVA_LABEL_MAP),
                "eval_label_map": (
                    annotations / f"ava_action_list_v{version}_for_activitynet_2019.pbtxt",
                    annotations / f"ava_action_list_v{version}_for_activitynet_2018.pbtxt",
                    AVA_EVAL_LABEL_MAP,
                ),
                "annotations": _or_gz(*(annotations / (stem + end) for end in ("_min.json", ".json", ".csv"))),
                "person_boxes": _or_gz(boxes / f"ava_{split}_det_person_bbox.json"),
                "object_boxes": _or_gz(boxes / f"ava_{split}_det_object_bbox.json"),
                "exclusions": _or_gz(annotations / f"ava_{split}_excluded_timestamps_v{version}.csv"),
            }
            yield f"ava_video_{split}_v{version}", _Entry(BUILT_IN, roles)


def _or_gz(*paths: Path) -> tuple[Path, ...]:
    return tuple(place for path in paths for place in (path, path.with_name(path.name + ".gz")))


def _catalog_files(cfg: CfgNode) -> list[tuple[Path, bool]]:
    """Return the dataset.yaml files below DATASETS.DATA_DIR and in DATASETS.CATALOG, and whether the latter names them.

    Each file is returned once.
    """
    data_dir = Path(os.path.expanduser(cfg.DATASETS.DATA_DIR))
    below = [path for depth in ("", "*/", "*/*/") for path in sorted(data_dir.glob(depth + CATALOG_FILE))]
    # Folders like .toy-x1y2 are being written right now.
    files = [path for path in below if not any(part.startswith(".") for part in path.relative_to(data_dir).parts)]
    once = {path.resolve(): (path, False) for path in files}
    for named in cfg.DATASETS.CATALOG:
        path = Path(os.path.expanduser(named))
        path = path / CATALOG_FILE if path.is_dir() else path
        if not path.is_file():
            raise UserError(f"DATASETS.CATALOG: {missing_file(path, YAML_SUFFIXES)}")
        once[path.resolve()] = (path, True)
    return list(once.values())


def _read_catalog(path: Path) -> Iterator[tuple[str, _Entry]]:
    """Yield the name and files of every split that the yaml file ``path`` registers."""
    content = read_yaml_mapping(path, "dataset file")
    problems = [*_wrong_keys(content, _TOP_KEYS, ("name", "label_map", "splits"), ""), *_wrong_sections(content)]
    if not problems:
        problems = [*_wrong_names(content)]
    if problems:
        raise UserError("\n  - ".join([f"dataset file {path}:", *problems]))
    for split, files in content["splits"].items():
        values = {**content, **files}
        roles = {
            role: (path.parent / os.path.expanduser(values[role]),) if values.get(role) else ()
            for role in (*_FOLDERS, "label_map", "eval_label_map", *SPLIT_KEYS)
        }
        yield f"{content['name']}_{split}", _Entry(str(path), roles)


def _wrong_names(content: LocatedDict) -> Iterator[str]:
    """Yield which splits, with the name before them, cannot name the folders that results are written to."""
    for split in content["splits"]:
        name = f"{content['name']}_{split}"
        if problem := name_problem(name):
            yield f'the dataset "{name}" (name, _ and split) names folders: {problem}. Use letters, digits, _ and -.'


def _wrong_sections(content: LocatedDict) -> Iterator[str]:
    """Yield what is wrong with the folders and the splits."""
    if bool(content.get("videos")) == bool(content.get("clips")):
        yield (
            "name exactly one folder: videos (of whole movies, {video}.mp4) or clips (of one-second clips, "
            "{video}/{second}.mp4)"
        )
    splits = content.get("splits")
    if splits and not isinstance(splits, LocatedDict):
        yield "splits must hold one section per split, such as train: {annotations: train.csv}"
        return
    for split, files in (splits or {}).items():
        if isinstance(files, LocatedDict):
            yield from _wrong_keys(files, SPLIT_KEYS, ("annotations",), f"splits.{split}.")
        else:
            yield f"line {splits.lines[split]}: splits.{split} must hold keys such as annotations: FILE"


def _wrong_keys(content: LocatedDict, known: tuple[str, ...], required: tuple[str, ...], prefix: str) -> Iterator[str]:
    """Yield what is wrong with the keys of one section and the types of their values."""
    for key in required:
        if not content.get(key):
            yield f"{prefix}{key} is missing"
    for key, value in content.items():
        if key not in known:
            yield f"line {content.lines[key]}: unknown key {prefix}{key}. {suggest(str(key), known)}"
        elif key != "splits" and value is not None and not isinstance(value, str):
            yield f"line {content.lines[key]}: {prefix}{key} must be text, got {value!r}; write it in quotes"
