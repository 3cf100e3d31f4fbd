"""What the site adds to the pages of this folder, which are written for the repository, too (see mkdocs.yml).

* README and CONTRIBUTING are pages: the first one, and the last.
* A file of the repository that a page links to is copied into the site, below ``repository/``.
* The API page is made from the docstrings of the names in ``API``.
* The search works from a folder, too, without the script that the theme would fetch for that.
* Markdown as GitHub reads it: anchors of headings, and a list right after a line of text.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md"}
"""Pages that lie beside this folder, and their names in the site."""
COPIES = "repository"
"""Folder of the site for other files of the repository."""
API_PAGE = "api_reference.md"
API = {
    "Detection from Python": (
        "alphaction.api.ActionDetector", "alphaction.api.Prediction", "alphaction.api.Person", "alphaction.api.Track",
        "alphaction.api.TrainingResult", "alphaction.api.events_of", "alphaction.api.to_fiftyone",
    ),
    "Configs": ("alphaction.config.get_cfg", "alphaction.config.load_cfg", "alphaction.config.validate_cfg"),
    "Data": (
        "alphaction.data.dataset.ActionDataset", "alphaction.data.joined_dataset.JoinedDataset",
        "alphaction.data.sample.SampleRequest", "alphaction.data.sample.ClipSample",
        "alphaction.data.sample.ClipBatch", "alphaction.data.sample.Keyframe", "alphaction.data.collate.BatchCollator",
    ),
    "The network": (
        "alphaction.modeling.build_detection_model", "alphaction.modeling.DetectionModel",
        "alphaction.modeling.detector.TrainOutput", "alphaction.modeling.detector.PooledFeatures",
        "alphaction.modeling.optimize_for_inference",
    ),
    "Losses": (
        "alphaction.modeling.roi_head.ActionLoss", "alphaction.layers.softmax_focal_loss",
        "alphaction.layers.sigmoid_focal_loss",
    ),
    "Registries": ("alphaction.modeling.registries", "alphaction.utils.registry.Registry"),
    "Memory": ("alphaction.memory.MemoryPool", "alphaction.memory.MemoryFeatures"),
    "Weights": ("alphaction.checkpoint.load_weights", "alphaction.checkpoint.LoadReport"),
    "Evaluation": (
        "alphaction.evaluation.AvaEvaluator", "alphaction.evaluation.AvaResult",
        "alphaction.evaluation.EvaluationCounts", "alphaction.evaluation.evaluate_files",
        "alphaction.evaluation.read_detections", "alphaction.evaluation.write_detections",
        "alphaction.evaluation.format_report",
    ),
    "Errors": ("alphaction.utils.errors.UserError",),
}  # fmt: skip
"""Sections of the API page, and the names in each."""

FETCHED = "https://unpkg.com/iframe-worker/shim"
"""The theme's script for a search in a page that is opened from a folder."""

_LINK = re.compile(r"(?<=\]\()(?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?(?=\))")
_FENCE = re.compile(r"^[ ]*(```|~~~).*?^[ ]*\1[ ]*$", re.DOTALL | re.MULTILINE)
_LIST_AFTER_TEXT = re.compile(r"^(?![*+|#>\s-])(.*\S.*)\n(?=[*-] )", re.MULTILINE)
_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):(<code>)[~]?")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give headings the anchors that GitHub gives them."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = slugify(case="lower")
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie elsewhere or are made, and the files that any page links to."""
    texts = {file.src_uri: file.content_string for file in files.documentation_pages()}
    for name, page in OUTSIDE.items():
        texts[page] = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=texts[page]))
    files.append(File.generated(config, API_PAGE, content=api_text()))
    for name in sorted({name for page, text in texts.items() for name in _linked(page, text)}):
        if files.get_file_from_path(f"{COPIES}/{name}") is None:
            files.append(File.generated(config, f"{COPIES}/{name}", abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the text of a page with links as the site has them, and lists as Python-Markdown wants them."""
    uri = page.file.src_uri
    if uri == API_PAGE:
        return markdown

    def adapted(text: str) -> str:
        linked = _LINK.sub(lambda link: _in_site(uri, link["path"]) + (link["anchor"] or ""), text)
        return _LIST_AFTER_TEXT.sub(r"\1\n\n", linked)

    return _outside_fences(markdown, adapted)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the page without the roles that docstrings name classes and functions with."""
    return _ROLE.sub(r"\1", html) if page.file.src_uri == API_PAGE else html


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Return the page with our own script in place of one from the network."""
    return output.replace(FETCHED, "site_search.js")


def on_post_template(output: str, template_name: str, config: MkDocsConfig) -> str:
    """Return a page that is not of the docs in the same way, such as 404.html."""
    return output.replace(FETCHED, "/site_search.js" if template_name == "404.html" else "site_search.js")


def api_text() -> str:
    """Return the API page: a directive for each name."""
    lines = ["# API reference", "", "What programs may import. The rest may change from one version to the next."]
    for section, names in API.items():
        known = [name for name in names if _exists(name)]
        if known:
            lines += ["", f"## {section}", ""] + [f"::: {name}\n" for name in known]
    return "\n".join(lines)


def _exists(name: str) -> bool:
    """Return whether the package of a name is there; one of its names that is not is an error of the build."""
    return ROOT.joinpath(*name.split(".")[:2]).is_dir()


def _linked(page: str, text: str) -> Iterator[str]:
    """Yield the files of the repository, relative to it, that a page links to and the site does not have."""
    found: list[str] = []
    _outside_fences(text, lambda part: found.extend(link["path"] for link in _LINK.finditer(part)) or part)
    for path in found:
        name = _in_repository(page, path)
        if name not in OUTSIDE and not name.startswith(("docs/", "../")) and (ROOT / name).is_file():
            yield name


def _in_repository(page: str, path: str) -> str:
    """Return where a link of a page leads to, relative to the repository."""
    outside = {site: name for name, site in OUTSIDE.items()}
    return posixpath.normpath(posixpath.join(posixpath.dirname(outside.get(page, f"docs/{page}")), path))


def _in_site(page: str, path: str) -> str:
    """Return a link of a page as the site has it; one that leads nowhere stays, and is reported."""
    name = _in_repository(page, path)
    if name in OUTSIDE:
        target = OUTSIDE[name]
    elif name.startswith("docs/"):
        target = name.removeprefix("docs/")
    elif (ROOT / name).is_file():
        target = f"{COPIES}/{name}"
    else:
        return path
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def _outside_fences(text: str, change: Callable[[str], str]) -> str:
    """Return the text with everything but its blocks of code changed."""
    parts, end = [], 0
    for block in _FENCE.finditer(text):
        parts += [change(text[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*parts, change(text[end:])])
