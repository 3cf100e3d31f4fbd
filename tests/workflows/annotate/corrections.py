"""What each tool saves after a person has corrected what was exported, written as the tool itself writes it."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from workflows.annotate.predicted import Corrected, Key, predicted

_RATES = {video.video: video.fps for video in predicted()}
_SIZES = {video.video: video.size for video in predicted()}
_NOTHING = Corrected()


def _pixels(video: str, box) -> list[float]:
    return [side * length for side, length in zip(box, _SIZES[video] * 2, strict=True)]


def _person_at(video: str, second: float, corner: float) -> int:
    """Return the person whose left side, as a fraction, is the nearest: tools number objects anew."""
    [tubes] = [each for each in predicted() if each.video == video]
    starts = {
        person.person: scored.box[0] for person in tubes.persons for scored in person.keyframes if scored.time == second
    }
    return min(starts, key=lambda person: abs(starts[person] - corner))


def correct_cvat(folder: Path, corrections: dict[Key, Corrected]) -> Path:
    """Write CVAT's exports of the tasks: tracks numbered anew, coordinates with two decimals."""
    output = folder.parent / "from cvat"
    output.mkdir()
    for path in sorted(folder.glob("*.xml")):
        root = ElementTree.parse(path).getroot()
        video = root.findtext("meta/task/source")
        task = root.find("meta/task")
        ElementTree.SubElement(task, "id").text = "31"
        ElementTree.SubElement(task, "bugtracker")
        for number, track in enumerate(root.findall("track")):
            track.set("id", str(number + 7))
            track.set("source", "file")
            for box in track.findall("box"):
                _correct_cvat_box(video, track, box, corrections)
        ElementTree.ElementTree(root).write(output / f"task_{path.stem}.xml", encoding="utf-8")
    return output


def _correct_cvat_box(video: str, track, box, corrections: dict[Key, Corrected]) -> None:
    values = {key: float(box.get(key)) for key in ("xtl", "ytl", "xbr", "ybr")}
    second = round(int(box.get("frame")) / _RATES[video])
    if box.get("outside") == "0":
        person = _person_at(video, second, values["xtl"] / _SIZES[video][0])
        made = corrections.get((video, second, person), _NOTHING)
        if made.deleted:
            box.set("outside", "1")
        if made.box is not None:
            values = dict(zip(values, _pixels(video, made.box), strict=True))
        attributes = {each.get("name"): each for each in box.findall("attribute")}
        attributes["confirmed"].text = "true" if made.confirmed else "false"
        if made.labels is not None:
            slots = [name for name in attributes if name.startswith("action")]
            for place, name in enumerate(slots):
                attributes[name].text = made.labels[place] if place < len(made.labels) else "none"
    for key, value in values.items():
        box.set(key, f"{value:.2f}")


def correct_via(folder: Path, corrections: dict[Key, Corrected]) -> Path:
    """Write the project as VIA saves it, with identifiers of its own for what was drawn."""
    project = json.loads((folder / "via_project.json").read_text(encoding="utf-8"))
    project["project"] |= {"pid": "7b2f", "rev": "3", "rev_timestamp": "1700000000000"}
    options = {name: key for key, name in project["attribute"]["1"]["options"].items()}
    for mid, entry in list(project["metadata"].items()):
        video = project["file"][project["view"][entry["vid"]]["fid_list"][0]]["fname"]
        made = corrections.get((video, entry["z"][0], int(entry["av"]["2"])), _NOTHING)
        if made.deleted:
            del project["metadata"][mid]
            continue
        if made.box is not None:
            x1, y1, x2, y2 = _pixels(video, made.box)
            entry["xy"] = [2, round(x1, 3), round(y1, 3), round(x2 - x1, 3), round(y2 - y1, 3)]
        if made.labels is not None:
            entry["av"]["1"] = ",".join(options[name] for name in made.labels)
        if made.confirmed:
            entry["av"]["3"] = "1"
    path = folder.parent / "saved.json"
    path.write_text(json.dumps(project), encoding="utf-8")
    return path


def correct_labelstudio(folder: Path, corrections: dict[Key, Corrected]) -> Path:
    """Write the JSON export of all tasks: those that were submitted have an annotation beside the prediction."""
    tasks = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
    exported = []
    for number, task in enumerate(tasks, start=40):
        video = next(name for name in _RATES if task["data"]["video"].endswith(_quoted(name)))
        second = float(task["data"]["second"])
        own = {key: made for key, made in corrections.items() if key[:2] == (video, second)}
        [prediction] = task["predictions"]
        entry = {
            "id": number, "data": task["data"], "meta": {}, "project": 7, "annotations": [], "drafts": [],
            "predictions": [{**prediction, "id": 500 + number, "task": number, "project": 7}],
        }  # fmt: skip
        # A task is submitted as a whole: what the corrections leave open stays a prediction.
        persons = [result["value"]["number"] for result in prediction["result"] if result["type"] == "number"]
        if all((made := own.get((video, second, person))) and (made.confirmed or made.deleted) for person in persons):
            entry["annotations"] = [
                {
                    "id": 900 + number, "completed_by": 1, "was_cancelled": False, "ground_truth": False,
                    "created_at": "2026-05-01T10:00:00.000000Z", "updated_at": "2026-05-01T10:30:00.000000Z",
                    "lead_time": 31.5, "parent_prediction": 500 + number,
                    "result": _submitted(prediction["result"], video, second, own),
                }
            ]  # fmt: skip
        exported.append(entry)
    path = folder.parent / "project-7.json"
    path.write_text(json.dumps(exported), encoding="utf-8")
    return path


def _quoted(name: str) -> str:
    return quote(name)


def _submitted(results: list[dict], video: str, second: float, own: dict[Key, Corrected]) -> list[dict]:
    found = []
    persons = {result["id"]: result["value"]["number"] for result in results if result["type"] == "number"}
    for result in results:
        made = own[video, second, persons[result["id"]]]
        if made.deleted or (result["type"] == "choices" and made.labels is not None):
            continue
        if result["type"] == "videorectangle" and made.box is not None:
            x1, y1, x2, y2 = (100 * side for side in made.box)
            [entry] = result["value"]["sequence"]
            result["value"]["sequence"] = [{**entry, "x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}]
            result["origin"] = "prediction-changed"
        found.append(result)
        if result["type"] == "videorectangle" and made.labels:
            value = {"value": {"choices": list(made.labels)}, "from_name": "action", "type": "choices"}
            found.append({"id": result["id"], "to_name": "video", "origin": "manual", **value})
    return found


def correct_coco(folder: Path, corrections: dict[Key, Corrected]) -> Path:
    """Write COCO as CVAT exports it from a task of the pictures: new ids, attributes kept."""
    data = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    images = {image["id"]: image for image in data["images"]}
    ids = {category["name"]: category["id"] for category in data["categories"]}
    kept, answered = [], set()
    for annotation in data["annotations"]:
        video, second = _moment(images[annotation["image_id"]]["file_name"])
        person = annotation["attributes"]["track_id"]
        made = corrections.get((video, second, person), _NOTHING)
        if made.deleted:
            continue
        if made.box is not None:
            x1, y1, x2, y2 = _pixels(video, made.box)
            annotation["bbox"] = [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)]
        annotation["attributes"] |= {"confirmed": made.confirmed, "occluded": False, "rotation": 0.0}
        if "score" in annotation["attributes"]:  # datumaro, which writes it, takes this name for the box's own score
            annotation["score"] = annotation["attributes"].pop("score")
        if made.labels is None:
            kept.append(annotation)
        elif (video, second, person) not in answered:
            answered.add((video, second, person))
            kept += [{**annotation, "category_id": ids[name]} for name in made.labels or ("person",)]
    data["annotations"] = [{**annotation, "id": number} for number, annotation in enumerate(kept, start=1)]
    path = folder.parent / "instances_default.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def _moment(name: str) -> tuple[str, float]:
    """Return video and second of a picture whose frames are counted from 1."""
    stem, _, number = Path(name).stem.rpartition("_")
    video = f"{stem}.mp4"
    return video, round((int(number) - 1) / _RATES[video])


def correct_fiftyone(folder: Path, corrections: dict[Key, Corrected]) -> Path:
    """Write the samples as FiftyOne exports them: with ids, absolute paths, and attributes of each detection."""
    samples = json.loads((folder / "samples.json").read_text(encoding="utf-8"))["samples"]
    for number, sample in enumerate(samples):
        video, second = _moment(sample["filepath"])
        width, height = _SIZES[video]
        sample |= {
            "_id": {"$oid": f"{number:024x}"}, "_media_type": "image", "_rand": 0.5, "_dataset_id": {"$oid": "0" * 24},
            "filepath": f"/data/pictures/{Path(sample['filepath']).name}",
            "metadata": {"_cls": "ImageMetadata", "size_bytes": 9, "width": width, "height": height, "num_channels": 3},
            "created_at": {"$date": "2026-05-01T10:00:00Z"},
        }  # fmt: skip
        kept, answered = [], set()
        for place, detection in enumerate(sample["persons"]["detections"]):
            made = corrections.get((video, second, detection["index"]), _NOTHING)
            detection |= {"_id": {"$oid": f"{number:012x}{place:012x}"}, "attributes": {}}
            if made.deleted:
                continue
            if made.box is not None:
                x1, y1, x2, y2 = made.box
                detection["bounding_box"] = [x1, y1, x2 - x1, y2 - y1]
            if made.confirmed:
                detection["tags"] = ["confirmed"]
            if made.labels is None:
                kept.append(detection)
            elif detection["index"] not in answered:
                answered.add(detection["index"])
                kept += [{**detection, "label": name} for name in made.labels or ("person",)]
        sample["persons"]["detections"] = kept
    output = folder.parent / "from fiftyone"
    output.mkdir()
    path = output / "samples.json"
    path.write_text(json.dumps({"samples": samples}), encoding="utf-8")
    return path


CORRECT = {
    "cvat": correct_cvat,
    "via": correct_via,
    "labelstudio": correct_labelstudio,
    "coco": correct_coco,
    "fiftyone": correct_fiftyone,
}
