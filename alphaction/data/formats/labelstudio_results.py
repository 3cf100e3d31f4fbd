"""The results of an annotation in Label Studio: its regions, their labels, and the answers given to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from alphaction.data.formats.action_attributes import split_text
from alphaction.data.formats.labelstudio_video import entries_of, has_time, value_of
from alphaction.data.formats.rows import RowBuilder

_ANSWERS = {"choices": "choices", "taxonomy": "taxonomy", "textarea": "text", "number": "number"}
_TRACKS = ("videorectangle", "videorectanglelabels")
_PICTURES = ("rectangle", "rectanglelabels")
_LABELS = ("labels", "videorectanglelabels", "timelinelabels", "rectanglelabels")


def kind_of(result: dict) -> str:
    """Return the type of a result, in lower case."""
    return str(result.get("type")).lower()


def with_regions(results: Sequence[dict]) -> list[tuple[dict, str]]:
    """Return each result with the id of its region."""
    return [(result, str(result.get("id", f"#{position}"))) for position, result in enumerate(results)]


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

    def __init__(self, results: Sequence[dict]) -> None:
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
        self.others: list[dict] = []
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
            if "timelinelabels" not in value_of(result):
                self._labels.setdefault(region, []).extend(own_labels(result))

    def labels(self, region: str) -> list[str]:
        """Return the labels of a region; the tool may repeat them in a result of type "labels" of the same id."""
        return list(dict.fromkeys(self._labels.get(region, ())))

    def count(self, rows: RowBuilder) -> None:
        """Count what is not read."""
        rows.count("choices for a whole video left out", self.unowned)
        for result in self.others:
            rows.count(f'results of type "{result.get("type")}" left out')
        if not self.tracks and not self.times and not self.pictures:
            rows.count("tasks without boxes")


def is_answer(result: dict) -> bool:
    """Return whether a result is a choice, taxonomy, text or number."""
    key = _ANSWERS.get(kind_of(result))
    return key is not None and key in value_of(result)


def answer_of(result: dict) -> tuple[str, list[str]]:
    """Return name and values of a choice, taxonomy, text or number."""
    key = _ANSWERS[kind_of(result)]
    found = value_of(result)[key]
    raw = found if isinstance(found, list) else [found]
    # A taxonomy's item is the path to it; its last part is the class.
    texts = [str(item[-1] if isinstance(item, list) and item else item) for item in raw if item is not None]
    if key == "text":
        texts = [part for text in texts for part in split_text(text)]
    return str(result.get("from_name") or key), texts


def own_labels(result: dict, keys: Collection[str] = _LABELS) -> list[str]:
    """Return the labels that a result has itself."""
    found = (value_of(result).get(key) for key in keys)
    return [str(label) for labels in found if labels for label in (labels if isinstance(labels, list) else [labels])]
