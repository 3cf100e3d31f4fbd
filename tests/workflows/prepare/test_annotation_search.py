"""Folders of annotation files, and archives."""

from __future__ import annotations

import zipfile

import pytest
from data.formats.cvat_files import box, job, track
from workflows.prepare.importing import import_file, listed

from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.annotation_search import find_annotation_files
from alphaction.workflows.prepare.prepare_options import PrepareOptions

JOB = job(track(box(25), label="wave"))


def test_folders_are_searched_as_cvat_unzips_them(tmp_path):
    for name in ("t2/annotations.xml", "t1/annotations.xml", "t1/.hidden.xml", "__MACOSX/t1/a.xml", ".git/a.xml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(JOB)
    found = find_annotation_files("--train", (tmp_path,))
    assert [str(path.relative_to(tmp_path)) for path in found.files] == ["t1/annotations.xml", "t2/annotations.xml"]
    assert found.notes() == []


def test_what_is_no_annotation_is_passed_over_and_named(tmp_path):
    none = {
        "README.txt": "These files, made in June, hold boxes, actions, and more.\n",
        "labelmap.txt": "1: sit\n2: stand\n",
        "exclusions.csv": "a,902\na,903\n",
        "package.json": '{"name": "x"}',
        "plan.xml": "<plan/>",
        "broken.json": "[{",
        "empty.csv": "",
    }
    good = {
        "a.csv": "a,902,0.1,0.1,0.5,0.5,sit\n",
        "b.csv": 'video;second;x1;y1;x2;y2;label\n"a";902;0,1;0,1;0,5;0,5;sit\n',
        "c.xml": JOB,
        "d.tsv": "a\t902\t0.1\t0.1\t0.5\t0.5\tsit\n",
    }
    for name, text in {**none, **good}.items():
        (tmp_path / name).write_text(text)
    found = find_annotation_files("--train", (tmp_path,))
    assert [path.name for path in found.files] == sorted(good)
    assert {path.name for path in found.passed_over} == set(none)
    assert found.notes()[0] == "passed over as no annotations: 7 files"
    assert f"  {tmp_path / 'labelmap.txt'}: text without rows of boxes" in found.notes()
    assert f"  {tmp_path / 'package.json'}: is JSON of another kind: an object with the keys name." in found.notes()
    for name in good:
        (tmp_path / name).unlink()
    with pytest.raises(
        UserError, match=r"--train .*: the folder holds no annotation file \(.csv, .*\n.*README.txt: text"
    ):
        find_annotation_files("--train", (tmp_path,))
    given = find_annotation_files(
        "--train", (tmp_path / "README.txt",)
    )  # a file that is named is read, and says why not
    assert given.files == (tmp_path / "README.txt",)


def test_files_of_other_flags_and_the_folder_to_write_are_not_annotations(tmp_path):
    rows = "a,902,0.1,0.1,0.5,0.5,1\n"
    for name in ("train.csv", "persons.csv", "own/annotations/own_train.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rows)
    options = PrepareOptions(
        name="own",
        videos=tmp_path,
        train=(tmp_path,),
        person_boxes=(tmp_path / "persons.csv",),
        output=tmp_path / "own",
    )
    assert options.annotation_files["train"].files == (tmp_path / "train.csv",)


def test_a_file_given_twice_is_refused(tmp_path):
    (tmp_path / "a.xml").write_text(JOB)
    with pytest.raises(UserError, match="a.xml is given twice"):
        find_annotation_files("--train", (tmp_path, tmp_path / "a.xml"))


def archive(path, **members):
    with zipfile.ZipFile(path, "w") as file:
        for name, text in members.items():
            file.writestr(name.replace("__", "/"), text)
    return path


def test_an_archive_with_one_file_is_read(tmp_path):
    path = archive(tmp_path / "clip_02.zip", **{"annotations.xml": JOB, "images__frame_000000.txt": "x", "a.png": "p"})
    assert [row[:2] for row in listed(import_file(path))] == [("clip_02", 1)]
    assert find_annotation_files("--train", (tmp_path,)).files == (path,)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.xml": JOB, "b.xml": JOB}, r"zip archive with 2 files \(a.xml, b.xml\). Unpack it and pass the right"),
        ({"a.png": "p"}, "zip archive with no file of annotations or boxes"),
        ({"task.json": "{}", "annotations.json": "[]"}, "is a backup of CVAT"),
    ],
)
def test_an_archive_that_leaves_a_choice_is_refused(tmp_path, members, message):
    path = archive(tmp_path / "clip_02.zip", **members)
    with pytest.raises(UserError, match=message):
        import_file(path)


def test_a_damaged_archive_is_named(tmp_path):
    path = archive(tmp_path / "a.zip", **{"annotations.xml": JOB * 50})
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"wave", b"wbve", 1))
    with pytest.raises(UserError, match="a.zip cannot be read .*CRC"):
        import_file(path, videos=("a",))
    path.write_bytes(whole[:200])
    with pytest.raises(UserError, match="a.zip is a zip archive that cannot be read"):
        import_file(path, videos=("a",))


def test_files_of_detectors_are_told_in_one_line(tmp_path):
    for number in range(10):
        (tmp_path / f"race_{number}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    with pytest.raises(UserError) as error:
        find_annotation_files("--train", [tmp_path])
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert "race_0.txt and 9 more: is a YOLO label file" in lines[1]
    assert "tools/detect_persons.py --import FILE --from yolo" in lines[1]
