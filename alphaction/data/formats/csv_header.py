"""The header line of a csv file: it names the columns, in any order and by any of the usual names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alphaction.utils.errors import DataError, UserError

# Role -> what its column is called, in lower case without spaces, dots, dashes and underscores.
_NAMES = {
    "video": ("video", "videoid", "videoname", "movie", "clip", "file", "filename", "videofile", "videopath"),
    "second": ("second", "seconds", "sec", "timestamp", "time", "keyframe", "timesec", "times", "frametimestamp"),
    "frame": ("frame", "frameid", "framenumber", "frameindex", "frameidx", "frameno"),
    "x1": ("x1", "x", "xmin", "minx", "left", "x0", "xtl", "bbleft", "bboxx", "bboxx1", "boxx1", "entityboxx1"),
    "y1": ("y1", "y", "ymin", "miny", "top", "y0", "ytl", "bbtop", "bboxy", "bboxy1", "boxy1", "entityboxy1"),
    "x2": ("x2", "xmax", "maxx", "right", "xbr", "bbright", "bboxx2", "boxx2", "entityboxx2"),
    "y2": ("y2", "ymax", "maxy", "bottom", "ybr", "bbbottom", "bboxy2", "boxy2", "entityboxy2"),
    "width": ("w", "width", "bbwidth", "bboxw", "bboxwidth", "boxwidth"),
    "height": ("h", "height", "bbheight", "bboxh", "bboxheight", "boxheight"),
    "cx": ("cx", "xcenter", "xc", "centerx", "xcentre", "centrex"),
    "cy": ("cy", "ycenter", "yc", "centery", "ycentre", "centrey"),
    "score": ("score", "conf", "confidence", "prob", "probability"),
    "class": (
        "class", "classid", "classname", "label", "labelid", "labelname", "category", "categoryid", "categoryname",
        "name", "cls", "action", "actionid", "actionname", "actionlabel", "activity", "behavior", "behaviour",
    ),
    "person": ("person", "personid", "track", "trackid", "actor", "actorid", "entityid", "playerid", "identity"),
    "confirmed": ("confirmed",),  # 0: a prediction that nobody has confirmed
    # The number of the row, and words on it: known, and of no use here.
    "other": ("", "id", "index", "row", "rowid", "comment", "comments", "note", "notes", "annotator", "split"),
}  # fmt: skip
_ROLE_OF = {name: role for role, names in _NAMES.items() for name in names}
_BOXES = {
    "xyxy": ("x1", "y1", "x2", "y2"),
    "xywh": ("x1", "y1", "width", "height"),
    "cxcywh": ("cx", "cy", "width", "height"),
}
# With sizes, these may be the corner or the center: only they leave --box-format a say.
_VAGUE = {"x", "y", "bboxx", "bboxy"}
_EXAMPLES = (
    "video; second (or frame); x1, y1, x2, y2 or x, y, width, height or cx, cy, width, height; class (or action, "
    "label); person_id (or track_id); score; confirmed (0: a prediction that nobody has confirmed)"
)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


@dataclass(frozen=True)
class CsvHeader:
    """The names of a csv file's columns.

    Attributes:
        where: file and line, for messages.
        cells: the names as written.
        roles: what each column holds: "video", "second", "frame", "x1", "y1", "x2", "y2", "width", "height", "cx",
            "cy", "score", "class", "person", "confirmed", "other", or "" where the name is not known.
    """

    where: str
    cells: tuple[str, ...]
    roles: tuple[str, ...]

    @classmethod
    def parse(cls, where: str, cells: Sequence[str]) -> CsvHeader:
        """Return the header with these names."""
        names = [_plain(cell) for cell in cells]
        roles = [_ROLE_OF.get(name, "") for name in names]
        for axis in "xy":  # x0, y0, x1, y1: the second corner is called 1
            if {f"{axis}0", f"{axis}1"} <= set(names) and f"{axis}2" not in roles:
                roles[names.index(f"{axis}1")] = f"{axis}2"
        return cls(where, tuple(cell.strip() for cell in cells), tuple(roles))

    def error(self, problem: str) -> UserError:
        """Return the error for this header."""
        return DataError(f"{self.where}: {problem} Known names: {_EXAMPLES}.")

    def all_of(self, role: str) -> list[int]:
        """Return the positions of all columns of a role."""
        return [position for position, found in enumerate(self.roles) if found == role]

    def find(self, role: str) -> int | None:
        """Return the position of a role's column, or None; two of them are a :class:`UserError`."""
        positions = self.all_of(role)
        if len(positions) > 1:
            both = " and ".join(self.cells[position] for position in positions)
            raise self.error(f'columns {both} both look like "{role}". Remove or rename one.')
        return positions[0] if positions else None

    def require(self, *roles: str, named: str = "") -> int:
        """Return the position of the first of ``roles`` that there is; none is a :class:`UserError`."""
        for role in roles:
            position = self.find(role)
            if position is not None:
                return position
        wanted = named or " (or ".join(roles) + ")" * (len(roles) - 1)
        raise self.error(f"the header ({', '.join(self.cells)}) has no column {wanted}.")

    def box(self, box_format: str = "auto") -> tuple[str, list[int]]:
        """Return how a box is written, one of ``BOX_FORMATS``, and the positions of its four columns.

        Args:
            box_format: what the user says; ``auto``: as the header names it.

        Raises:
            DataError: no complete box is named, or another form than ``box_format``.
        """
        complete = [form for form, roles in _BOXES.items() if set(roles) <= set(self.roles)]
        if not complete:
            raise self.error(f"the header names no box ({', '.join(self.cells)}).")
        form = box_format if box_format in complete else complete[0]
        positions = [self.require(role) for role in _BOXES[form]]
        if box_format in ("auto", form):
            return form, positions
        names = [self.cells[position] for position in positions]
        if (form, box_format) == ("xywh", "cxcywh") and {_plain(name) for name in names[:2]} <= _VAGUE:
            return box_format, positions
        raise DataError(
            f"{self.where}: the header names the box {', '.join(names)}, which is {form}, but --box-format says "
            f"{box_format}. Leave the option out, or correct the header."
        )

    def refuse_unknown(self) -> None:
        """Raise a :class:`UserError` if a column's name is not known, as nobody can tell what it holds."""
        unknown = [cell for cell, role in zip(self.cells, self.roles, strict=True) if not role]
        if unknown:
            listed = ", ".join(f'"{cell}"' for cell in unknown)
            many = len(unknown) > 1
            raise self.error(
                f"the header names {'columns that are' if many else 'a column that is'} not known: {listed}. Rename or "
                f"remove {'them' if many else 'it'}."
            )

    def unused(self, used: Sequence[int]) -> tuple[str, ...]:
        """Return the names of the columns at no position of ``used``, less those without a name."""
        return tuple(cell for position, cell in enumerate(self.cells) if cell and position not in used)
