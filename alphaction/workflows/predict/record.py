"""What is known of the videos in a folder of results: ``.predict_video/NAME/`` beside each ``NAME``.

A record says what made a result: with which settings, from which video. It is written when the result is whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from yacs.config import CfgNode

from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.errors import UserError
from alphaction.utils.values import Value, parse_json
from alphaction.workflows.detect.choose_detector import recorded
from alphaction.workflows.detect.detector_flags import PREDICT_VIDEO
from alphaction.workflows.predict.shown_scores import shown_setting
from alphaction.workflows.predict.video_options import VideoOptions

FOLDER = ".predict_video"
BEGUN, DONE, FAILED = "begun", "done", "failed"
_RECORD = "record.json"
_SETTINGS = "settings-{}.json"
# Sections of the config that decide on results, and what in them does not.
_SECTIONS = ("MODEL", "INPUT", "TEST", "SOLVER.AMP", "DATALOADER.SIZE_DIVISIBILITY")
_INDIFFERENT = {"MODEL.DEVICE", "MODEL.WEIGHT", "TEST.VIDEOS_PER_BATCH"}
_README = "README.txt"
_EXPLANATION = """\
tools/predict_video.py keeps here, for each video, what its result was made from (record.json, settings-*.json) and its
rows of --csv and --tracks. The same command reads it to predict only what is missing. Delete this folder when all
videos are done: the results beside it are complete without it.
"""
_MOST_BYTES = 1 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Record:
    """What is known of one video.

    Attributes:
        state: "begun", "done" or "failed".
        settings: name of the settings that it was made with.
        video: name, size and time of the file.
        launch: the processes that it was made by, "" if they have no common name.
        seconds: length of the part that was predicted.
        written: when the record was written, by the clock of the file system.
    """

    state: str
    settings: str
    video: str
    launch: str = ""
    seconds: float = 0.0
    written: float = field(default=0.0, compare=False)


def read_record(place: Path) -> Record | None:
    """Return the record in the folder of a video; None if there is none that can be read."""
    path = place / _RECORD
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
        written = path.stat().st_mtime
        value = _parsed(path, content.decode("utf-8"))
        return Record(
            value["state"].text(),
            value["settings"].text(),
            value["video"].text(),
            value["launch"].text(""),
            value["seconds"].number(0.0),
            written,
        )
    except (OSError, UnicodeDecodeError, UserError):
        return None


def write_record(place: Path, record: Record) -> None:
    """Write the record of a video; it appears whole."""
    known = {name: value for name, value in asdict(record).items() if name != "written"}
    write_text_atomically(place / _RECORD, json.dumps(known, indent=1) + "\n")


def video_identity(path: Path) -> str:
    """Return what tells a video from another one of its name; machines may see it at different paths."""
    try:
        status = path.stat()
    except OSError:
        return path.name
    return f"{path.name}, {status.st_size} bytes, modified {status.st_mtime_ns}"


def settings_of(cfg: CfgNode, weights: Path, options: VideoOptions) -> dict[str, str]:
    """Return all that decides on a result besides the video, as texts; weights and boxes by their content.

    Args:
        cfg: the config, as it was loaded.
        weights: the file.
        options: of any of the videos.
    """
    settings = {name: str(value) for name, value in _flat(cfg, "") if _decides(name)}
    settings |= {"weights": _content_of(weights)}
    settings["--min-score"] = shown_setting(weights, options.min_score)
    for flag in ("max_classes", "smooth", "between", "start", "end", "scale"):
        settings[f"--{flag.replace('_', '-')}"] = str(getattr(options, flag))
    for flag, path in (("--detections", options.detections), ("--object-boxes", options.object_boxes)):
        settings[flag] = _content_of(path) if path is not None else "none"
    if options.detects:
        settings["detector"] = str(recorded(options.detecting(), PREDICT_VIDEO))
    return settings


def save_settings(folder: Path, settings: Mapping[str, str]) -> str:
    """Keep settings in the folder of the records, and what that is; return their name."""
    if not (folder / _README).exists():
        write_text_atomically(folder / _README, _EXPLANATION)
    text = json.dumps(dict(settings), indent=1, sort_keys=True) + "\n"
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = folder / _SETTINGS.format(name)
    if not path.exists():
        write_text_atomically(path, text)
    return name


def differences(folder: Path, name: str, settings: Mapping[str, str]) -> list[str]:
    """Return in which settings those of that name differ from ``settings``: "weights: a before, b now"."""
    path = folder / _SETTINGS.format(name)
    try:
        before = _parsed(path, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, UserError):
        return []
    texts = {key: value.text("") for key, value in before.items()}
    return [
        f"{key}: {texts.get(key, 'none')} before, {settings.get(key, 'none')} now"
        for key in sorted({*texts, *settings})
        if texts.get(key) != settings.get(key)
    ]


def _parsed(path: Path, text: str) -> Value:
    def error(place: str, problem: str) -> UserError:
        return UserError(f"{path}{', ' * bool(place)}{place}: {problem}")

    return Value(parse_json(text, error), error)


def _flat(node: CfgNode, above: str) -> list[tuple[str, object]]:
    entries: list[tuple[str, object]] = []
    for name, value in node.items():
        entries += _flat(value, f"{above}{name}.") if isinstance(value, CfgNode) else [(f"{above}{name}", value)]
    return entries


def _decides(name: str) -> bool:
    return name not in _INDIFFERENT and any(f"{name}.".startswith(f"{section}.") for section in _SECTIONS)


def _content_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return f"{path.name}, sha256 {digest.hexdigest()[:16]}"
