"""What happens, one JSON object a line, for programs that read along.

{"kind": "start", "clock": ..., "video": ..., "size": [640, 360], "fps": 25.0, "stride": 1, "classes": [...]}
{"kind": "person", "time": 12, "clock": ..., "lag": 0.9, "person": 1, "box": [...], "box_score": 0.97,
 "actions": {"walk": 0.81}}
{"kind": "opened", "time": 12, "clock": ..., "person": 1, "action": "walk", "score": 0.81, "box": [...]}
{"kind": "closed", "time": 15, "clock": ..., "person": 1, "action": "walk", "score": 0.79, "from": 11.5, "to": 14.5}
{"kind": "end", "clock": ...}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from alphaction.evaluation.tubes import Event
from alphaction.workflows.live.line_file import LineFile
from alphaction.workflows.live.seen import SeenMoment

_DIGITS = 6  # of times, boxes and scores


class JsonLines:
    """The lines of ``--jsonl``; see the module. The last one is missing where the program was killed.

    Args:
        file: what is written.
        start: fields of the first line.
        clock: of the first line.
    """

    def __init__(self, file: LineFile, start: dict[str, Any], clock: datetime) -> None:
        self._file = file
        self._write("start", clock, **start)

    def add(self, seen: SeenMoment) -> None:
        """Write what a moment tells."""
        boxes = {}
        for person in seen.persons:
            box = boxes[person.person] = _rounded(person.box.tolist())
            self._write(
                "person",
                seen.clock,
                time=seen.time,
                lag=round(seen.lag, 3),
                person=person.person,
                box=box,
                box_score=round(float(person.box_score), _DIGITS),
                actions={name: round(score, _DIGITS) for name, score in person.actions},
            )
        for opened in seen.opened:
            self._write(
                "opened",
                seen.clock,
                time=opened.time,
                person=opened.person,
                action=opened.action,
                score=round(opened.score, _DIGITS),
                box=boxes[opened.person],
            )
        for event in seen.closed:
            self._closed(event, seen.time, seen.clock)

    def finish(self, events: Sequence[Event], clock: datetime) -> None:
        """Write the events that the end closes, and the last line."""
        for event in events:
            self._closed(event, event.end, clock)
        self._write("end", clock)
        self._file.close()

    def _closed(self, event: Event, time: float, clock: datetime) -> None:
        start, end, score = _rounded([event.start, event.end, event.score])
        fields = {"person": event.person, "action": event.action, "score": score, "from": start, "to": end}
        self._write("closed", clock, time=round(time, _DIGITS), **fields)

    def _write(self, kind: str, clock: datetime, **fields: Any) -> None:
        line = {"kind": kind, "clock": clock.isoformat(timespec="milliseconds"), **fields}
        self._file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, _DIGITS) for value in values]
