"""The results of an annotation in Label Studio: its regions, their labels, and the answers given to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from alphaction.data.formats.action_attributes import split_text
from alphaction.data.formats.labelstudio_video import entries_of, has_time
from alphaction.data.formats.rows import RowBuilder
from alphaction.utils.values import Value, quoted

_ANSWERS = {"choices": "choices", "taxonomy": "taxonomy", "textarea": "text", "number": "number"}
_TRACKS = ("videorectangle", "videorectanglelabels")
_PICTURES = ("rectangle", "rectanglelabels")
_LABELS = ("labels", "videorectanglelabels", "timelinelabels", "rectanglelabels")


def kind_of(result: Value) -> str:
    """Return the type of a result, in lower case."""
    return result["type"].text("").lower()


def with_regions(results: Sequence[Value]) -> list[tuple[Value, str]]:
    """Return each result with the id of its region."""
    return [(result, result["id"].text(f"#{position}")) for position, result in enumerate(results)]


class Regions:
    """What the results of an annotation are.

    Args:
        results: of one annotation.

    Attributes:
        tracks: region -> its boxes in a video; older files have them only in a result of type "labels".
        times: the stretches of time, with their regions.
        pictures: the boxes on a picture, with their regions.
        answers: region -> name -> values of its choices, taxonomies, texts and numbers.
        others: the results that are none of these.
        unowned: number of answers that belong to no region.
    """

    def __init__(self, results: Sequence[Value]) -> None:
        every = with_regions(results)
        self.tracks = {region: result for result, region in every if kind_of(result) in _TRACKS}
        for result, region in every:
            if entries_of(result):
                self.tracks.setdefault(region, result)
        self.times = [(result, region) for result, region in every if has_time(result)]
        self.pictures = [(result, region) for result, region in every if kind_of(result) in _PICTURES]
        owners = {*self.tracks, *(region for _, region in (*self.times, *self.pictures))}
        self.answers: dict[str, dict[str, list[str]]] = {}
        self.unowned = 0
        self.others: list[Value] = []
        for result, region in every:
            if is_answer(result) and region in owners:
                name, values = answer_of(result)
                self.answers.setdefault(region, {}).setdefault(name, []).extend(values)
            elif is_answer(result):
                self.unowned += 1
            elif region not in owners:
                self.others.append(result)
        self._labels: dict[str, list[str]] = {}
        for result, region in every:
            if "timelinelabels" not in result["value"]:
                self._labels.setdefault(region, []).extend(own_labels(result))

    def labels(self, region: str) -> list[str]:
        """Return the labels of a region; the tool may repeat them in a result of type "labels" of the same id."""
        return list(dict.fromkeys(self._labels.get(region, ())))

    def count(self, rows: RowBuilder) -> None:
        """Count what is not read."""
        rows.count("choices for a whole video left out", self.unowned)
        for result in self.others:
            rows.count(f"results of type {quoted(result['type'].text(''))} left out")
        if not self.tracks and not self.times and not self.pictures:
            rows.count("tasks without boxes")


def is_answer(result: Value) -> bool:
    """Return whether a result is a choice, taxonomy, text or number."""
    key = _ANSWERS.get(kind_of(result))
    return key is not None and key in result["value"]


def answer_of(result: Value) -> tuple[str, list[str]]:
    """Return name and values of a choice, taxonomy, text or number."""
    key = _ANSWERS[kind_of(result)]
    found = result["value"][key]
    # A taxonomy's item is the path to it; its last part is the class.
    items = [item[-1] if item.is_list else item for item in (found.each() if found.is_list else [found])]
    texts = [item.text("") for item in items if item.given]
    if key == "text":
        texts = [part for text in texts for part in split_text(text)]
    return result["from_name"].text("") or key, texts


def own_labels(result: Value, keys: Collection[str] = _LABELS) -> list[str]:
    """Return the labels that a result has itself."""
    found = [result["value"][key] for key in keys]
    texts = (label.text("") for labels in found for label in (labels.each() if labels.is_list else [labels]))
    return list(filter(None, texts))
