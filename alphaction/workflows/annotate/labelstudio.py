"""Predictions as tasks of Label Studio: a task for each chosen keyframe, the first to look at first.

A task shows the whole video and has boxes on one frame alone, so that whoever submits it has answered for that frame.
Until then the boxes are predictions, which Label Studio keeps apart from annotations by itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from alphaction.data.formats.confirmation import MODEL
from alphaction.data.formats.labelstudio_video import ONE_FRAME
from alphaction.workflows.annotate.to_correct import BoxToCorrect, KeyframeToCorrect, ToCorrect, VideoToCorrect

TASKS, INTERFACE = "tasks.json", "labeling_interface.xml"
_DIGITS = 4  # of percent


def write_labelstudio(folder: Path, found: ToCorrect, url: str) -> None:
    """Write ``tasks.json`` and ``labeling_interface.xml``.

    Args:
        folder: where to write.
        found: the predictions.
        url: what stands before the name of a video in its address.
    """
    (folder / INTERFACE).write_text(_interface(found), encoding="utf-8")
    tasks = [_task(video, keyframe, url) for video, keyframe in found.in_order()]
    (folder / TASKS).write_text(json.dumps(tasks, indent=1, ensure_ascii=False), encoding="utf-8")


def _interface(found: ToCorrect) -> str:
    choices = "\n".join(f"    <Choice value={quoteattr(name)}/>" for name in found.classes)
    return f"""<View>
  <Header value="second $second: frame ${ONE_FRAME}"/>
  <Labels name="label" toName="video"><Label value="person"/></Labels>
  <Video name="video" value="$video" frameRate="$fps"/>
  <VideoRectangle name="box" toName="video"/>
  <Choices name="action" toName="video" perRegion="true" choice="multiple" showInline="true">
{choices}
  </Choices>
  <Number name="person_id" toName="video" perRegion="true" min="0" step="1"/>
</View>
"""


def _task(video: VideoToCorrect, keyframe: KeyframeToCorrect, url: str) -> dict[str, object]:
    result = []
    for box in keyframe.boxes:
        result += _results(video, keyframe, box)
    best = [next(iter(box.actions.values()), box.best[1]) for box in keyframe.boxes]
    return {
        "data": {
            "video": url + quote(video.name),
            "fps": f"{video.fps:.6f}",
            "second": f"{keyframe.time:g}",
            ONE_FRAME: str(keyframe.frame + 1),
        },
        "predictions": [{"model_version": MODEL, "score": round(min(best), 4), "result": result}],
    }


def _results(video: VideoToCorrect, keyframe: KeyframeToCorrect, box: BoxToCorrect) -> list[dict[str, object]]:
    """Return the region of a person and the answers to it, which share its id."""
    x1, y1, x2, y2 = (100 * side for side in box.box)
    entry = {
        "x": round(x1, _DIGITS),
        "y": round(y1, _DIGITS),
        "width": round(x2 - x1, _DIGITS),
        "height": round(y2 - y1, _DIGITS),
        "rotation": 0,
        "frame": keyframe.frame + 1,
        "time": keyframe.frame / video.fps,
        "enabled": False,  # it is on this frame alone
    }
    length = {"framesCount": video.frames, "duration": video.frames / video.fps}
    region = {"id": f"person{box.person}_{keyframe.frame}", "to_name": "video", "origin": "prediction"}
    chosen = {**region, "from_name": "action", "type": "choices", "value": {"choices": [*box.actions]}}
    return [
        {
            **region,
            "from_name": "box",
            "type": "videorectangle",
            "score": round(box.best[1], 4),
            "value": {**length, "sequence": [entry], "labels": ["person"]},
        },
        *([chosen] if box.actions else []),
        {**region, "from_name": "person_id", "type": "number", "value": {"number": box.person}},
    ]
