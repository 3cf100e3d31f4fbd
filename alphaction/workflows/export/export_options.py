"""The options of an export, which are the flags of tools/export_model.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alphaction.checkpoint.exported_file import SUFFIXES
from alphaction.utils.errors import UserError
from alphaction.utils.files import refuse_existing
from alphaction.utils.messages import problem_list
from alphaction.utils.options import check_options, option


@dataclass(frozen=True)
class ExportOptions:
    """What to write; each field is described by its help."""

    format: str | None = option(
        None,
        choices=tuple(SUFFIXES),
        help="what to write (default: by the ending of --output, "
        f"{', '.join(f'{suffix}: {name}' for name, suffix in SUFFIXES.items())})",
    )
    output: Path | None = option(None, metavar="FILE", help="file to write; a network with a memory gets a second one")
    check: Path | None = option(
        None, metavar="FILE", help="write nothing: compare an exported file with the checkpoint"
    )
    force: bool = option(False, help="replace --output if it exists")

    def check_flags(self) -> None:
        """Raise a :class:`UserError` for what is wrong with the options."""
        if problems := check_options(self):
            raise UserError(problem_list("options of the export:", problems))
        if (self.output is None) == (self.check is None):
            raise UserError("give --output FILE to write a file, or --check FILE to compare one with its checkpoint")
        if self.check is not None and (self.format is not None or self.force):
            raise UserError("--check reads a file; --format and --force go with --output")

    def chosen_format(self) -> str:
        """Return the format to write.

        Raises:
            UserError: the ending of --output is that of none, or of another one.
        """
        suffix = self.output.suffix
        by_suffix = next((name for name, own in SUFFIXES.items() if own == suffix), None)
        if self.format is None and by_suffix is None:
            raise UserError(
                f"--output {self.output}: its ending tells no format. End it in {', '.join(SUFFIXES.values())}."
            )
        chosen = self.format or by_suffix
        if by_suffix != chosen:
            raise UserError(f"--output {self.output}: a file of --format {chosen} ends in {SUFFIXES[chosen]}.")
        return chosen

    def check_output(self, path: Path) -> None:
        """Raise a :class:`UserError` if a file may not be written."""
        refuse_existing("--output", path, self.force)
