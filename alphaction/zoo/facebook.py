"""What the entries of PySlowFast and PyTorchVideo have in common."""

from __future__ import annotations

from dataclasses import dataclass

from alphaction.zoo.entry import PublicWeights
from alphaction.zoo.facts import FACEBOOK, Values, head


@dataclass(frozen=True)
class Zoo:
    """One of the two projects.

    Attributes:
        source: as ``tools/convert_weights.py --from`` calls it.
        title: what people call it.
        page: where its weights are listed.
        url: the folder above those of its files.
    """

    source: str
    title: str
    page: str
    url: str

    def entry(
        self,
        folder: str,
        name: str,
        what: str,
        backbone: str,
        file_name: str,
        figure: str,
        recipe: Values,
        settings: Values,
    ) -> PublicWeights:
        """Return an entry; ``folder`` holds its file, and is called "ava" for detectors."""
        detector = folder == "ava"
        return PublicWeights(
            name=name,
            what=f"{what} ({self.title})",
            kind="detector" if detector else "backbone",
            source=self.source,
            backbone=backbone,
            page=self.page,
            file_name=file_name,
            url=f"{self.url}/{folder}/{file_name}",
            license="Apache-2.0",
            figure=figure,
            recipe=recipe | FACEBOOK,
            settings=settings | head() if detector else settings,
        )
