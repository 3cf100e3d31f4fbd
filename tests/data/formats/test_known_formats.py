"""Which format a file has, by its content."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alphaction.data.annotations import ActionClass, LabelMap, read_annotations, read_boxes
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.known_formats import (
    ANNOTATION_FORMATS,
    DATASET_BOX_FORMATS,
    DETECTION_FORMATS,
    FORMATS,
    GROUND_TRUTH_FORMATS,
    any_of,
    recognize,
)
from alphaction.utils.errors import UserError

LABEL_MAP = LabelMap((ActionClass(1, "wave", "object"),), "label map")
ANNOTATIONS = {
    "ava": "clip_01,0,0.1,0.2,0.3,0.4,1\n",
    "via": json.dumps({"metadata": {}, "attribute": {}, "view": {}}),
    "coco": json.dumps({"images": [], "annotations": []}),
    "cvat": '<?xml version="1.0"?>\n<annotations></annotations>',
    "vidat": json.dumps({"version": "2.1.0", "annotation": {"objectAnnotationListMap": {}}, "config": {}}),
    "labelstudio": json.dumps([{"id": 1, "annotations": []}]),
    "fiftyone": json.dumps({"samples": [{"filepath": "data/street_000051.jpg"}]}),
}


def content(text: str) -> FileContent:
    return FileContent(Path("file"), "annotations", text)


@pytest.mark.parametrize("name", ANNOTATION_FORMATS)
def test_each_annotation_format_is_recognized(name):
    assert recognize(content(ANNOTATIONS[name]), tuple(ANNOTATION_FORMATS.values())).name == name


def test_one_format_is_read_for_several_purposes():
    assert (
        {each.name for each in GROUND_TRUTH_FORMATS} == {each.name for each in DATASET_BOX_FORMATS} == {"ava", "coco"}
    )
    assert set(DETECTION_FORMATS) == {"coco", "yolo", "mot", "csv"}
    assert len({each.name for each in FORMATS}) == len(FORMATS)
    readers = [(each.annotations, each.ground_truth, each.boxes, each.detections) for each in FORMATS]
    assert all(any(some) for some in readers)


def test_near_relatives_name_the_remedy():
    formats = tuple(ANNOTATION_FORMATS.values())
    for text, remedy in (
        ('{"_via_settings": {}}', "VIA 2.*Use VIA 3"),
        ("# Exported using VGG Image Annotator\n", "Save the project in VIA"),
        ("<rss/>", "no <annotations>.*CVAT for video 1.1"),
        (
            '{"a": 1}',
            "the keys a. Expected AVA csv, a VIA 3 project, COCO JSON, CVAT for video 1.1 XML, Label Studio JSON, "
            "Vidat JSON or FiftyOne's samples.json",
        ),
    ):
        with pytest.raises(UserError, match=remedy):
            recognize(content(text), formats)


def test_a_tools_file_in_place_of_a_datasets_is_named(tmp_path):
    path = tmp_path / "annotations.xml"
    path.write_text(ANNOTATIONS["cvat"])
    with pytest.raises(
        UserError, match="annotations.xml is XML. Expected AVA csv or COCO JSON. CVAT .* tools/prepare_dataset.py"
    ):
        read_annotations(path, LABEL_MAP)
    path.write_bytes(b"PK\x03\x04rest")
    with pytest.raises(UserError, match="zip archive that cannot be read .* Unpack it"):
        read_boxes(path)


def test_a_list_of_titles_reads_as_a_sentence():
    assert [any_of(titles) for titles in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a or b", "a, b or c"]
    assert any_of(["a", "b"], "and") == "a and b"


OTHERS = {
    "MOTChallenge text": "# frame, id\n1,1,10,10,50,100,1,1,-1,-1\n2,1,10,10,50,100,1,1,-1,-1\n",
    "MOTChallenge text .frame, track id": "3 1 228 107 23 63 -1 -1 -1 -1\n",
    "detect_persons.py --import FILE --from mot": "3 1 228 107 23 63 0.5\n",
    "a YOLO label file": "0 0.5 0.5 0.1 0.1\n16 0.5 0.5 0.1 0.1 0.9\n",
    "detect_persons.py --import FILE --from yolo": "0 0.5 0.5 1 0.1\n",
    "a script of a VIA project": '_via_dp = {"project": {}}\n',
    "a script": "var data = [1];\n",
    "Pascal VOC XML": "<annotation><object><bndbox><xmin>1</xmin></bndbox></object></annotation>",
    "Datumaro's JSON": '{"info": {}, "categories": {}, "items": []}',
    "LabelMe's JSON of one picture": '{"version": "5.0.1", "shapes": [], "imagePath": "a.jpg"}',
    "Supervisely's JSON": '{"size": {}, "objects": [], "frames": []}',
    "the .result. of an annotation of Label Studio": '[{"from_name": "box", "to_name": "video", "value": {}}]',
    "an export of VIA 2": '{"a.jpg1": {"filename": "a.jpg", "size": 1, "regions": []}}',
}


@pytest.mark.parametrize("name", OTHERS)
def test_files_of_other_tools_are_named_for_what_they_are(name):
    with pytest.raises(UserError, match=f"annotations: file is .*{name}"):
        recognize(content(OTHERS[name]), tuple(ANNOTATION_FORMATS.values()))


@pytest.mark.parametrize(
    "text",
    [
        "1,2,0.1,0.2,0.5,0.6,3\n",
        "1,2,10,20,30,40,3\n",
        "1\t2\t10\t20\t30\t40\t3\t1\n",
        "video,second,x1,y1,x2,y2\n",
        "1 902 0.1 0.2 0.3 0.4 12\n",
        "",
    ],
)
def test_csv_of_numbers_is_csv(text):
    assert recognize(content(text), tuple(ANNOTATION_FORMATS.values())).name == "ava"
