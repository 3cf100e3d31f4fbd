"""Readers of everything else that is text: boxes, results, label maps, configs, catalogs, records, lists."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz import world
from fuzz.annotation_targets import box_seeds, prepare_dataset_of
from fuzz.seeds import Seed, file_seed, text
from fuzz.target import Target

from alphaction.config.catalog_file import register_file
from alphaction.config.changes import changed_values
from alphaction.config.load import get_cfg, load_cfg
from alphaction.config.paths_catalog import find_dataset, known_datasets, splits_of
from alphaction.config.validate import validate_cfg
from alphaction.data.annotations import read_label_map, write_ava_csv
from alphaction.data.formats.known_formats import DETECTION_FORMATS
from alphaction.data.moments import Moments
from alphaction.engine.metrics_file import METRICS_FILE, cut_back, iterations_evaluated
from alphaction.engine.run_lock import RUN_LOCK, locked_folder
from alphaction.evaluation import evaluate_files
from alphaction.evaluation.tubes.evaluate_tubes import TubeOptions, evaluate_tube_files
from alphaction.evaluation.tubes.tube_file import FORMAT, read_tubes, write_tubes
from alphaction.utils.errors import UserError
from alphaction.utils.key_values import check_key_values
from alphaction.workflows.detect.import_boxes import ImportRules
from alphaction.workflows.detect.import_files import import_files
from alphaction.workflows.detect.onnx_model.model import parse_names
from alphaction.workflows.detect.partial_detections import PartialDetections
from alphaction.workflows.predict.person_boxes import boxes_from_file
from alphaction.workflows.predict.record import differences, read_record
from alphaction.workflows.predict.video_list import find_videos, jobs_for, named_paths, split_keys
from alphaction.workflows.predict.video_options import VideoOptions
from alphaction.workflows.prepare.ava_json import read_movie_list
from alphaction.workflows.prepare.dataset_folder import RECORD
from alphaction.zoo.cache import check_cached, record_file
from alphaction.zoo.registry import find_weights

_MOT = "".join(f"{frame},{track},10,20,100,200,0.9,-1,-1,-1\n" for frame in (26, 51, 101) for track in (1, 2))
_TRUTH = "26,1,10,20,100,200,1,1,0.5\n51,1,10,20,100,200,1,1,1\n"
_YOLO = "0 0.5 0.5 0.2 0.4 0.9\n0 0.3 0.5 0.2 0.4 0.8 1\n1 0.3 0.5 0.2 0.4\n"
_DETECTOR_CSV = (
    "video,second,x1,y1,x2,y2,score,class\nclip_01,1,0.1,0.2,0.3,0.4,0.9,person\nclip_02,2,0.1,0.2,0.3,0.4,0.9,dog\n"
)


def _detection_seeds(name: str) -> list[Seed]:
    if name == "coco":
        return box_seeds("coco")
    if name == "mot":
        demo = "3 1 228 107 23 63 -1 -1 -1 -1 \n26 2 1 10 190 243 -1 -1 -1 -1 \n"
        header = "frame,id,bb_left,bb_top,bb_width,bb_height,conf,x,y,z\n" + _MOT
        return [
            text("clip_01.txt", _MOT),
            text("clip_02/gt/gt.txt", _TRUTH),
            text("demo.txt", demo),
            text("clip_01.csv", header),
        ]
    if name == "yolo":
        return [text("clip_01_1.txt", _YOLO), text("clip_01/0002.txt", _YOLO)]
    return [text("boxes.csv", _DETECTOR_CSV), *box_seeds("ava")]


def _import(name: str, path: Path) -> None:
    """Import the boxes of a detector, by the defaults and with the flags that keep everything."""
    every = ImportRules(every_class=True, frames=name in ("csv", "yolo"), first_frame=0 if name != "coco" else None)
    errors = []
    for rules in (ImportRules(), every):
        try:
            import_files([path], name, world.table(), world.info_of, rules)
        except UserError as error:
            errors.append(error)
    if len(errors) == 2:
        raise errors[0]


def _results() -> list[Seed]:
    rows = "clip_01,1,0.1,0.2,0.3,0.8,1,0.9\nclip_01,1,0.1,0.2,0.3,0.8,2,0.5\nclip_02,4,0.5,0.2,0.7,0.8,1,0.25\n"
    return [text("results.csv", rows), text("tabs.csv", rows.replace(",", "\t"))]


def _evaluate(path: Path) -> None:
    truth, labels = path.parent / "truth_.csv", path.parent / "labels_.pbtxt"
    write_ava_csv(truth, world.table())
    labels.write_text(world.LABELS, encoding="utf-8")
    evaluate_files(truth, path, labels)


def label_map_seeds() -> list[Seed]:
    """Return every form in which classes are listed."""
    names = {"1": "wave", "2": "run, fast"}
    numbered = [{"id": 1, "name": "wave"}, {"id": 2, "name": "run"}]
    return [
        text("map.pbtxt", world.LABELS),
        text(
            "item.pbtxt",
            'item {\n  name: "a \\" b"\n  id: 1\n  display_name: "x"\n}\nitem { name: \'c\' id: 2 }\n# x\n',
        ),
        text(
            "groups.pbtxt",
            'group { name: "a" exclusive: true }\nlabel {\n  name: "x"\n  label_id: 3\n  label_type: "a"\n}\n'
            'label { name: "y" label_id: 1 label_type: "b / \u6b65" exclusive: false }\n',
        ),
        text("lines.txt", "1: wave\n2: run\n\n# comment\n"),
        text("last.txt", "id,name\nwave,1\nrun,2\n"),
        text("names.txt", "wave\n'run'\nstand up,\n"),
        text("table.csv", "id;label\n1;wave\n2;run\n"),
        Seed("map.json", "json", names),
        Seed("ids.json", "json", {"wave": 1, "run": 2}),
        Seed("list.json", "json", ["wave", "run"]),
        Seed("objects.json", "json", {"categories": numbered}),
        Seed("groups.json", "json", [{**each, "group": "posture", "exclusive": True} for each in numbered]),
        Seed("data.yaml", "yaml", "path: ../x\nnc: 2\nnames:\n  0: wave\n  1: run\n"),
        Seed("list.yaml", "yaml", "names: [wave, 'run, fast']\nnc: 2\n"),
    ]


def _label_map(path: Path) -> None:
    found = read_label_map(path)
    found.write(path.parent / "written.pbtxt")
    read_label_map(path.parent / "written.pbtxt")
    found.channels(found.ids)
    found.find(found.names[0])
    type(found).from_dict(found.to_dict())


@cache
def _config_seeds() -> list[Seed]:
    files = ("resnet50_4x16f_denseserial.yaml", "tiny/pets.yaml", "tiny/base.yaml", "tiny/interactions.yaml")
    base = (world.ROOT / "config_files" / "tiny" / "base.yaml").read_bytes()
    seeds = [file_seed(world.ROOT / "config_files" / file) for file in files]
    return [
        Seed(seed.name, "yaml", seed.data, beside={"base.yaml": base} if seed.name != "base.yaml" else {})
        for seed in seeds
    ]


def _config(path: Path) -> None:
    cfg = load_cfg(path)
    before = get_cfg().dump()
    list(changed_values(before, cfg.dump()))
    validate_cfg(cfg, check_files=False)


def _override_seeds() -> list[Seed]:
    values = {
        "SOLVER.BASE_LR": "0.001",
        "SOLVER.STEPS": "(100, 200)",
        "DATASETS.TRAIN": "[pets_train]",
        "INPUT.PIXEL_MEAN": "[1.5, 2, 3]",
        "INPUT.FLIP_CLASS_PAIRS": "[[a, b], [c, d]]",
        "MODEL.IA_STRUCTURE.MAX_OBJECT": "3",
        "DATASETS.TEST": "pets_val",
        "OUTPUT_DIR": "output/x",
        "INPUT.FRAME_NUM": "32",
    }
    return [text("words.txt", "\n".join(word for pair in values.items() for word in pair))]


def _overrides(path: Path) -> None:
    words = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    split_keys(words)
    check_key_values(words)
    cfg = load_cfg(None, words)
    validate_cfg(cfg, check_files=False)


def _catalog_seeds() -> list[Seed]:
    catalog = (
        "name: pets\nvideos: videos\nlabel_map: labels.pbtxt\neval_label_map: labels.pbtxt\nsplits:\n"
        "  train:\n    annotations: train.csv\n  val:\n    annotations: train.csv\n    person_boxes: boxes.csv\n"
    )
    splits = "{train: {annotations: train.csv}, val: {annotations: train.csv}}"
    flow = f"{{name: pets, clips: videos, label_map: labels.pbtxt, splits: {splits}}}\n"
    beside = {
        "labels.pbtxt": world.LABELS.encode(),
        "train.csv": b"a,1,0,0,1,1,1\n",
        "boxes.csv": b"",
        "videos/a.mp4": b"",
    }
    return [Seed("dataset.yaml", "yaml", content, beside=beside) for content in (catalog, flow)]


def _catalog(path: Path) -> None:
    cfg = load_cfg(None, ["DATASETS.CATALOG", [str(path)], "DATASETS.DATA_DIR", str(path.parent / "data")])
    own = [name for name in known_datasets(cfg) if not name.startswith("ava_video")]
    for name in own:
        splits_of(cfg, name.partition("_")[0])
    for name in own:
        find_dataset(cfg, name)
    with suppress(KeyError):  # the command registers boxes of a split that it has found
        register_file(path, "val", "person_boxes", "new boxes.csv")


def _movies() -> list[Seed]:
    return [text("movies.txt", "clip_01.mp4\nclip_02\n\n")]


def _video_list(path: Path) -> None:
    videos = find_videos(named_paths([str(path)]))
    jobs_for(VideoOptions(path, path.parent / "out"), videos, one=False)


def _names_seeds() -> list[Seed]:
    python = "{0: 'person', 1: 'dog', 2: \"cat's\"}"
    return [
        text("names.txt", python),
        text("list.txt", '["person", "dog"]'),
        Seed("a.json", "json", {"0": "a", "1": "b"}),
    ]


def _names(path: Path) -> None:
    parse_names(path.read_bytes().decode("utf-8", "surrogateescape"))


_OPTIONS = {"detector": "x", "score": 0.5, "short_side": 640}


def _partial_seeds() -> list[Seed]:
    found = [
        {"video": "clip_01", "second": second, "boxes": [[0.1, 0.2, 0.3, 0.4]], "scores": [0.9]} for second in (1, 2)
    ]
    return [text("boxes.csv.partial", "".join(json.dumps(line) + "\n" for line in ({"options": _OPTIONS}, *found)))]


def _partial(path: Path) -> None:
    found = PartialDetections(path.with_name("boxes.csv"), _OPTIONS)
    found.table(list(found.found), "boxes")


def _video_record_seeds() -> list[Seed]:
    record = {"state": "done", "settings": "0", "video": "clip_01.mp4, 10 bytes", "launch": "", "seconds": 2.5}
    settings = {"weights": "w.pth, sha256 12", "TEST.BOX_THRESH": "0.5"}
    return [Seed("record.json", "json", record), Seed("settings-0.json", "json", settings)]


def _video_record(path: Path) -> None:
    read_record(path.parent)
    differences(path.parent, "0", {"weights": "other.pth"})


@cache
def _record_seeds() -> list[Seed]:
    with TemporaryDirectory() as name:
        truth = Path(name) / "truth.csv"
        write_ava_csv(truth, world.table())
        dataset = prepare_dataset_of(truth).parent
        content = truth.read_bytes()
        return [
            Seed(f"out/{RECORD}", "json", json.loads((dataset / RECORD).read_text()), beside={"truth.csv": content})
        ]


def _record(path: Path) -> None:
    """Make a dataset anew over one whose record was changed."""
    truth = path.parent.parent / "truth.csv"
    record = path.read_bytes()
    prepare_dataset_of(truth, force=True)
    path.write_bytes(record)
    try:
        prepare_dataset_of(truth)
    except UserError:
        prepare_dataset_of(truth, force=True)


def _lock_seeds() -> list[Seed]:
    with TemporaryDirectory() as folder, locked_folder(Path(folder)):
        return [Seed(RUN_LOCK, "json", json.loads((Path(folder) / RUN_LOCK).read_text(encoding="utf-8")))]


def _lock(path: Path) -> None:
    with locked_folder(path.parent):
        pass


def _metrics_seeds() -> list[Seed]:
    lines = [{"iteration": 20, "loss": 0.5, "lr": 0.1}, {"iteration": 20, "mAP": 0.25}, {"iteration": 40, "lr": 0.1}]
    return [text(METRICS_FILE, "".join(json.dumps(line) + "\n" for line in lines))]


def _metrics(path: Path) -> None:
    iterations_evaluated(cut_back(path.parent, 30))


def _zoo_seeds() -> list[Seed]:
    record = {"sha256": "0" * 64, "size": 5, "modified_ns": 1, "recorded": "2026-01-31", "origin": "https://a/b"}
    return [Seed("weights.pth.sha256.json", "json", record)]


def _zoo(path: Path) -> None:
    weights = path.with_name("weights.pth")
    weights.write_bytes(b"PK\3\4hello")
    assert record_file(weights) == path
    entry = next(each for each in map(find_weights, ["slow_r50_4x16_ava22"]) if each)
    check_cached(entry, weights)


def _video_boxes(path: Path) -> None:
    boxes_from_file(path, Path("clip_01.mp4"), Moments.between(1, 0, 20), world.size("clip_01"), 20.0)


def _tubes_seeds() -> list[Seed]:
    keyframe = {"time": 1.0, "box": [0.1, 0.2, 0.3, 0.8], "box_score": 0.9, "scores": {"stand": 0.1, "walk": 0.8}}
    event = {"action": "walk", "from": 0.5, "to": 1.5, "score": 0.8}
    person = {"person": 1, "frames": [[1.0, 0.1, 0.2, 0.3, 0.8], [1.04, 0.1, 0.2, 0.3, 0.8]]}
    video = {"video": "a.mp4", "fps": 25.0, "size": [64, 36], "duration": 2.0, "stride": 1.0}
    persons = [{**person, "keyframes": [keyframe], "events": [event]}]
    return [
        Seed(
            "tubes.json",
            "json",
            {"format": FORMAT, "videos": [{**video, "classes": [*keyframe["scores"]], "persons": persons}]},
        )
    ]


def _tubes(path: Path) -> None:
    write_tubes(path.with_name("again.json"), read_tubes(path))


def _tube_rows_seeds() -> list[Seed]:
    frames = "".join(f"a,{frame},0.1,0.1,0.5,0.9,walk,1,0.{frame}\n" for frame in range(4))
    seconds = "".join(f"a,{second},0.1,0.1,0.5,0.9,wave,0.5\n" for second in (0.04, 0.08))
    header = "video,frame,x1,y1,x2,y2,class_id,person_id,score\n"
    return [text("found.csv", header + frames), text("seconds.csv", seconds)]


def _tube_rows(path: Path) -> None:
    truth = path.with_name("truth_.csv")
    truth.write_text("video,frame,x1,y1,x2,y2,class\n" + "a,0,0.1,0.1,0.5,0.9,walk\na,1,0.1,0.1,0.5,0.9,wave\n")
    evaluate_tube_files(truth, path, None, TubeOptions(rate=25.0))


def other_targets() -> list[Target]:
    """Return the targets of this module."""
    detections = [
        Target(f"detections/{name}", partial(_detection_seeds, name), partial(_import, name))
        for name in DETECTION_FORMATS
    ]
    return [
        *detections,
        Target("results", _results, _evaluate),
        Target("boxes of a video", partial(box_seeds, "ava"), _video_boxes),
        Target("tubes", _tubes_seeds, _tubes),
        Target("tubes/csv", _tube_rows_seeds, _tube_rows),
        Target("label map", label_map_seeds, _label_map),
        Target("config", _config_seeds, _config, names_file=False, share=0.3),
        Target("overrides", _override_seeds, _overrides, names_file=False, share=0.3),
        Target("catalog", _catalog_seeds, _catalog),
        Target("movie list", _movies, read_movie_list),
        Target("video list", _movies, _video_list, names_file=False),
        Target("names of an ONNX file", _names_seeds, _names),
        Target("record/unfinished boxes", _partial_seeds, _partial),
        Target("record/video", _video_record_seeds, _video_record, names_file=False),
        Target("record/dataset", _record_seeds, _record, share=0.3),
        Target("record/metrics", _metrics_seeds, _metrics),
        Target("record/lock", _lock_seeds, _lock),
        Target("record/zoo", _zoo_seeds, _zoo),
    ]
