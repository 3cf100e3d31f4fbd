"""The templates: one HTML file that needs nothing else, in which names from files are only ever text."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from alphaction.utils.command_text import as_typed
from alphaction.utils.messages import counted, visible
from alphaction.workflows.report.svg import draw
from alphaction.workflows.report.texts import breakable, brief, command

GENERATOR = "AlphAction report"
"""What the head of a page says of its origin: such a file may be replaced by a newer report."""
_HEAD_BYTES = 4096


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("alphaction.workflows.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {"brief": brief, "draw": draw, "breakable": breakable, "counted": counted}
    environment.filters["command"] = lambda line: command(visible(as_typed(line)))
    return environment


def render(page: Any) -> str:
    """Return the HTML of a page; see ``templates/report.html.j2`` for what it has to have."""
    environment = _environment()
    script = environment.loader.get_source(environment, "script.js")[0].strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report.html.j2").render(
        page=page, script=Markup(script), script_hash=f"sha256-{digest}", generator=GENERATOR
    )


def is_report(head: bytes) -> bool:
    """Return whether a file that begins so is a report."""
    return f'name="generator" content="{GENERATOR}"'.encode() in head[:_HEAD_BYTES]


def _shown(value: Any) -> Any:
    """Escape what is not seen, or turns the writing around, in every text; name commands as they can be typed."""
    return visible(as_typed(value)) if type(value) is str else value
