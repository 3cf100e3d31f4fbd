"""Readers of annotations: every format as ``tools/prepare_dataset.py`` reads it, and as a dataset's own file."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock
from xml.etree import ElementTree

from data.formats import cvat_files
from fuzz import world
from fuzz.seeds import Seed, file_seed, text
from fuzz.target import Target
from workflows.prepare import cvat_exporters, exporters

from alphaction.data.annotations import read_annotations, read_boxes, read_exclusions
from alphaction.data.formats.known_formats import FORMATS
from alphaction.workflows.prepare import prepare
from alphaction.workflows.prepare.prepare_options import PrepareOptions

_EXPORTERS = {
    "ava": {"a.csv": exporters.export_ava},
    "coco": {
        "a.json": exporters.export_actions_json,
        "plain.json": exporters.export_coco,
        "attributes.json": exporters.export_coco_attributes,
        "roboflow.json": exporters.export_coco_roboflow,
    },
    "via": {"a.json": exporters.export_via, "pictures.json": exporters.export_via_pictures},
    "cvat": {"a.xml": cvat_exporters.export_cvat, "images.xml": cvat_exporters.export_cvat_images},
    "labelstudio": {"a.json": exporters.export_labelstudio, "min.json": exporters.export_labelstudio_min},
    "vidat": {},
    "fiftyone": {"samples.json": exporters.export_fiftyone},
}
_CSV = {
    "header.csv": "video_id,time,x1,y1,x2,y2,action,person\nclip_01,1,0.1,0.2,0.3,0.4,wave,0\n"
    "clip_02,2,.1,.2,.3,.4,run,1\n",
    "tabs.csv": "clip_01\t1\t0.1\t0.2\t0.3\t0.4\t1\t0\r\nclip_01\t2.5\t0.1\t0.2\t0.3\t0.4\t2\t\r\n",
    "semicolons.csv": "clip_01;1;0,1;0,2;0,3;0,4;1\nclip_01;2;0,1;0,2;0,3;0,4;2\n",
    "frames.csv": "video,frame,x,y,width,height,label\nclip_01,25,10,20,30,40,wave\nclip_02,50,11,21,31,41,run\n",
    "quoted.csv": 'video,second,cx,cy,width,height,class\n"clip_01","1",0.5,0.5,0.2,0.2,"run, fast"\n'
    '"clip_02",2,.5,.5,.2,.2,wave\n',
}
_REAL = {
    "via": {"via_frames/1_finish.json": "", "via_segments/01NVb_003_072_T2_4CV.json": ""},
    "coco": {"coco_cvat/instances_default.json": "tennis", "coco_roboflow/_annotations.coco.json": "classroom"},
    "cvat": {
        "cvat_bare/DJI_tracks.xml": "DJI_0068",
        "cvat_job/annotations.xml": "traffic",
        "cvat_project/proj.xml": "",
        "jaad/video_0013.xml": "",
        "jaad/video_0300.xml": "",
    },
    "labelstudio": {
        "label_studio/ls_airplane.json": "",
        "label_studio/ls_car_airplane.json": "",
        "ls_timeline/test_timeline_labels_1.json": "",
    },
    "vidat": {"vidat/example.json": ""},
    "ava": {"label_map_txt/keyframes.csv": "", "mot_spaces/keyframes.csv": ""},
}
"""Format -> real export -> the folder that names its video, where the file does not."""
_VIA_SEGMENTS = {
    "project": {"pid": "x", "rev": "1", "pname": "n", "data_format_version": "3.1.1", "vid_list": ["1"]},
    "config": {"file": {"loc_prefix": {"1": ""}}},
    "attribute": {
        "1": {"aname": "action", "anchor_id": "FILE1_Z2_XY0", "type": 4, "options": {"0": "wave", "1": "run"}},
        "2": {"aname": "note", "anchor_id": "FILE1_Z1_XY1", "type": "1", "options": {}, "default_option_id": ""},
    },
    "file": {"1": {"fid": "1", "fname": "clip_01.mp4", "type": 4, "loc": 1, "src": ""}},
    "metadata": {
        "1_a": {"vid": "1", "flg": 0, "z": [0.5, 4.25], "xy": [], "av": {"1": "0"}},
        "1_b": {"vid": "1", "flg": 0, "z": [1], "xy": [2, 10, 20, 100, 200], "av": {"1": "1", "2": "x"}},
    },
    "view": {"1": {"fid_list": ["1"]}},
}
_TIMELINE = [
    {
        "id": 1,
        "data": {"video": "/data/upload/1/ab-clip_01.mp4", "fps": 25},
        "annotations": [
            {
                "id": 2,
                "result": [
                    {
                        "id": "r1",
                        "type": "timelinelabels",
                        "from_name": "t",
                        "to_name": "video",
                        "value": {"ranges": [{"start": 1, "end": 50}], "timelinelabels": ["wave"]},
                    }
                ],
            }
        ],
    }
]


def _cvat_texts() -> list[Seed]:
    boxes = (cvat_files.box(0), cvat_files.box(25, 10.0, rotation="10"), cvat_files.box(50, outside=1))
    action = cvat_files.attribute("action", "wave")
    track = cvat_files.track(*boxes, cvat_files.box(60, attributes=action), label="person")
    task = cvat_files.task(1, "clip_01", 500) + cvat_files.task(2, "clip_02", 500, step=2)
    texts = {
        "clip_01/job.xml": cvat_files.job(track, step="step=1"),
        "project.xml": cvat_files.project(task, track.replace('id="0"', 'id="0" task_id="1"')),
        "clip_02/bare.xml": cvat_files.bare(track),
    }
    return [Seed(name, "xml", ElementTree.fromstring(content)) for name, content in texts.items()]


@cache
def annotation_seeds(name: str) -> list[Seed]:
    """Return the honest files of a format: as this project's exporters write it, and real ones where they are here."""
    seeds = []
    infos = {video: world.INFOS[video] for video in ("clip_01", "clip_02")}
    with TemporaryDirectory() as folder:
        for file, export in _EXPORTERS[name].items():
            export(Path(folder) / file, world.table(), world.label_map(), infos)
            seeds.append(file_seed(Path(folder) / file))
        if name == "vidat":
            path = Path(folder) / "clip_01.json"
            exporters.export_vidat(path, world.table(), world.label_map(), {"clip_01": world.INFO})
            seeds.append(file_seed(path))
            seeds[-1].data["annotation"]["actionAnnotationList"] = [
                {"start": 1.0, "end": 2.5, "action": 1, "object": 0, "description": "", "color": "#fff"}
            ]
            seeds[-1].data["config"]["actionLabelData"] = [{"id": 1, "name": "wave", "color": "#fff", "objects": [0]}]
    if name == "ava":
        seeds += [text(file, content) for file, content in _CSV.items()]
    if name == "via":
        seeds.append(Seed("segments.json", "json", _VIA_SEGMENTS))
    if name == "labelstudio":
        seeds.append(Seed("clip_01/timeline.json", "json", _TIMELINE))
    if name == "cvat":
        seeds += _cvat_texts()
    real = world.real_exports()
    if real is not None:
        for file, video in _REAL.get(name, {}).items():
            seeds += [replace(file_seed(real / file), name=f"{video}/{Path(file).name}" if video else Path(file).name)]
    return seeds


def prepare_dataset_of(path: Path, **options: object) -> Path:
    """Make a dataset of a file, as the command does."""
    videos = path.parent / "videos"
    videos.mkdir(exist_ok=True)
    asked = PrepareOptions(
        name="fuzz",
        videos=videos,
        train=(path,),
        output=path.parent / "out",
        overrides=("DATASETS.DATA_DIR", str(path.parent / "data")),
        **options,
    )
    with mock.patch.object(prepare, "VideoLibrary", world.KnownVideos):
        return prepare.prepare_dataset(asked, say=str, progress=False)


def _prepare_both(path: Path) -> None:
    """Make a dataset with the file as training and validation, spread segments and samples in the middle of actions."""
    prepare_dataset_of(path, val=(path,), segments="spread", keyframes="both", keyframe_interval=0.5, beyond_end="drop")


def _ground_truth(path: Path) -> None:
    read_annotations(path, world.label_map(), sizes=world.size)
    read_annotations(path, world.label_map(), sizes=world.size, skip_unknown_classes=True)


def _boxes(path: Path) -> None:
    read_boxes(path, world.table(), world.size)
    read_boxes(path, None, world.size, objects=True)


def box_seeds(name: str) -> list[Seed]:
    if name == "coco":
        entry = {"image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40], "score": 0.9}
        images = [{"id": 1, "file_name": "clip_01/0001.jpg", "width": 640, "height": 480}]
        listed = {"images": images, "annotations": [dict(entry, id=1)], "categories": [{"id": 1, "name": "person"}]}
        movie = {"video": "clip_01", "time": 1, "bbox": [0.1, 0.2, 0.3, 0.4], "score": 0.5}
        return [
            Seed("boxes.json", "json", [entry, dict(entry)]),
            Seed("listed.json", "json", listed),
            Seed("m.json", "json", [movie]),
        ]
    rows = "clip_01,1,0.1,0.2,0.3,0.4,0.9\nclip_01,2,0.1,0.2,0.3,0.4,0.8\nclip_02,4,0.1,0.2,0.3,0.4,0.7\n"
    slowfast = "clip_01\t1\t0.1\t0.2\t0.3\t0.4\t\t0.9\r\nclip_02\t2\t0.1\t0.2\t0.3\t0.4\t\t0.8\r\n"
    return [
        text("boxes.csv", rows),
        text("tabs.csv", slowfast),
        text("header.csv", "video,second,x1,y1,x2,y2,score\n" + rows),
    ]


def _exclusions() -> list[Seed]:
    return [
        text("excluded.csv", "clip_01,0001\nclip_02,2\n"),
        text("named.csv", "video,second\nclip_01,1.5\nclip_02,4\n"),
    ]


def annotation_targets() -> list[Target]:
    """Return a target for each reader of each format."""
    targets = []
    for each in FORMATS:
        seeds = partial(annotation_seeds, each.name) if each.annotations else None
        if seeds:
            targets.append(Target(f"annotations/{each.name}", seeds, prepare_dataset_of))
            targets.append(Target(f"annotations both/{each.name}", seeds, _prepare_both))
        if each.ground_truth:
            targets.append(Target(f"ground truth/{each.name}", seeds, _ground_truth))
        if each.boxes:
            targets.append(Target(f"boxes/{each.name}", partial(box_seeds, each.name), _boxes))
    targets.append(Target("exclusions", _exclusions, read_exclusions))
    return targets
