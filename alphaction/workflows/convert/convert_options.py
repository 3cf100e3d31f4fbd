"""The options of the conversion of weights, checked before anything is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from alphaction.checkpoint.foreign.sources import load_sources
from alphaction.config.config_text import check_target
from alphaction.utils.errors import UserError
from alphaction.utils.files import WEIGHT_SUFFIXES, refuse_existing, require_file
from alphaction.utils.messages import problem_list
from alphaction.utils.options import check_options, option
from alphaction.zoo import PublicWeights, cached_file, find_weights, get_weights, is_zoo_name, refuse_persons

AUTO = "auto"


@dataclass(frozen=True)
class ConvertOptions:
    """What is converted, and where it goes."""

    input: Path = option(
        metavar="FILE",
        help="weights of another project: .pth, .pyth, .pkl, .ckpt, .safetensors, .bin; or zoo:NAME, public weights, "
        "which are downloaded if they are not here",
    )
    output: Path = option(metavar="PTH", help="file to write: plain tensors and the settings that they need")
    config_out: Path | None = option(None, metavar="YAML", help="config to write that uses them")
    source: str = option(
        AUTO,
        "--from",
        choices=(AUTO, *load_sources()),
        help="the project that they are of (default: recognized by the file's own layout and names)",
    )
    force: bool = option(False, help="replace the files to write if they exist")

    def check(self) -> None:
        """Raise a :class:`UserError` for files that cannot be read or written, and for a zoo:NAME that is none."""
        if problems := check_options(self):
            raise UserError(problem_list("the flags:", problems))
        entry = self._entry()
        file = self.input if entry is None else cached_file(entry)
        if entry is None:
            require_file("--input", file, WEIGHT_SUFFIXES)
        if self.output.suffix != ".pth":
            raise UserError(f"--output {self.output}: name it {self.output.with_suffix('.pth')}")
        refuse_existing("--output", self.output, self.force)
        if self.output.exists() and file.exists() and self.output.samefile(file):
            raise UserError(f"--output {self.output} is the file to convert. Choose another name.")
        if self.config_out is not None:
            check_target(self.config_out, self.force, "--config-out")

    def with_file(self) -> ConvertOptions:
        """Return the options with the file in place of zoo:NAME, which is downloaded if it is not here.

        Raises:
            UserError: it cannot be had, or is not the right one.
        """
        entry = self._entry()
        return self if entry is None else replace(self, input=get_weights(entry))

    def _entry(self) -> PublicWeights | None:
        """Return the public weights that the input names, None if it is a file."""
        if not is_zoo_name(str(self.input)):
            return None
        entry = find_weights(str(self.input))
        refuse_persons(entry, f"--input {self.input}")
        return entry
