"""The site of the docs: it is complete, has no broken link, and fetches nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import started_browser
from docs.blocks import pages

pytest.importorskip("material", reason="the site needs the extra [docs]")
pytest.importorskip("mkdocstrings", reason="the site needs the extra [docs]")
pytestmark = pytest.mark.slow


def build(root: Path, site: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    # The theme tells of its successor, whatever the pages say.
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=200)


@pytest.fixture(scope="module")
def site(repo_root, tmp_path_factory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    process = build(repo_root, folder)
    output = process.stdout + process.stderr
    assert process.returncode == 0, output[-4000:]
    assert "WARNING" not in output
    return folder


class Links(HTMLParser):
    """What a page loads, and what it links to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded, self.linked, self.ids = [], [], []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids.append(found.get("id"))
        if tag == "link" and found.get("rel") not in ("prev", "next", "canonical"):
            self.loaded.append(found.get("href", ""))
        elif tag == "a":
            self.linked.append(found.get("href") or "")
        elif "src" in found:
            self.loaded.append(found["src"])


def test_every_page_is_there_and_in_the_navigation(repo_root, site):
    names = {"index" if page.name == "README.md" else page.stem for page in pages(repo_root)} | {"api_reference"}
    assert {path.stem for path in site.glob("*.html")} == names | {"404"}
    linked = Links(site / "404.html").linked
    assert {f"{name}.html" for name in names} - {link.lstrip("/") for link in linked} == set()


def test_nothing_is_fetched(site):
    for page in site.rglob("*.html"):
        outside = [name for name in Links(page).loaded if re.match(r"(https?:)?//", name)]
        assert outside == [], page.name
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.search(r"url\(['\"]?(https?:)?//|@import", styles)


def test_links_to_files_of_the_repository_lead_to_copies(repo_root, site):
    name = "config_files/resnet50_4x16f_serial.yaml"
    assert f"repository/{name}" in Links(site / "index.html").linked
    assert (site / "repository" / name).read_bytes() == (repo_root / name).read_bytes()
    assert "INSTALL.html" in Links(site / "index.html").linked
    assert "CONTRIBUTING.html" in Links(site / "MODEL_ZOO.html").linked
    for page in site.glob("*.html"):
        local = [link.partition("#")[0] for link in Links(page).linked if not re.match(r"[a-z]+:", link)]
        assert [link for link in local if link and not (site / link.lstrip("./")).exists()] == [], page.name


def test_the_api_page_has_every_name(site):
    text = (site / "api_reference.html").read_text(encoding="utf-8")
    ids = Links(site / "api_reference.html").ids
    for name in (
        "api.ActionDetector.predict", "config.load_cfg", "data.dataset.ActionDataset", "data.sample.ClipBatch",
        "modeling.build_detection_model", "modeling.registries.BACKBONES", "modeling.roi_head.ActionLoss",
        "memory.MemoryPool", "checkpoint.load_weights", "evaluation.AvaEvaluator", "utils.errors.UserError",
    ):  # fmt: skip
        assert f"alphaction.{name}" in ids, name
    assert not re.search(r":(class|func|meth|mod):", text)
    assert "Parameters:" in text
    assert "Raises:" in text


def test_broken_links_anchors_and_pages_outside_of_the_navigation_are_refused(repo_root, tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("site_hooks.py", "site_search.js", "site.css"):
        shutil.copy(repo_root / "docs" / name, docs)
    (tmp_path / "README.md").write_text(
        "# Home\n\n[page](docs/PAGE.md#a-b--c) [file](mkdocs.yml) [no file](tools/no.py)\n"
    )
    (tmp_path / "CONTRIBUTING.md").write_text("# Contributing\n")
    (docs / "PAGE.md").write_text(
        "# Page\n\n## A b & c\n\n```\n[code](no.md)\n```\n\n[home](../README.md) [no](#nothing)\n"
    )
    (docs / "LOST.md").write_text("# Lost\n\nText\n* item\n")
    config = (repo_root / "mkdocs.yml").read_text(encoding="utf-8")
    nav = "nav: [index.md, PAGE.md, CONTRIBUTING.md, api_reference.md]\n\ntheme:"
    (tmp_path / "mkdocs.yml").write_text(re.sub(r"nav:\n.*?\ntheme:", nav, config, flags=re.DOTALL))
    process = build(tmp_path, tmp_path / "site")
    assert process.returncode == 1
    problems = [
        line for line in (process.stdout + process.stderr).splitlines() if "WARNING" in line or "LOST.md" in line
    ]
    text = "\n".join(problems)
    for expected in ("LOST.md", "tools/no.py", "#nothing"):
        assert expected in text
    assert "a-b--c" not in text
    assert "no.md" not in text
    assert "<li>item" in (tmp_path / "site" / "LOST.html").read_text()


@pytest.mark.parametrize("width", [1200, 400])
def test_the_search_works_from_a_folder_and_asks_no_network(site, width):
    problems: list[str] = []
    with started_browser() as browser:
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if request.url.startswith("http") else None)
        page.goto((site / "index.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width < 960:
            page.click("label[for=__search].md-header__button")
        page.click("input[data-md-component=search-query]")
        page.keyboard.type("REPEAT_THRESHOLD")
        page.wait_for_selector(".md-search-result__item", timeout=30_000)
        hrefs = page.eval_on_selector_all(".md-search-result__link", "found => found.map(link => link.href)")
    assert any("CONFIG.html" in link for link in hrefs)
    assert problems == []
