"""The page in a real browser, from a file, without a network."""

from __future__ import annotations

import json

import pytest
from browser import started_browser
from workflows.report.conftest import write_run
from workflows.report.made_up import made_up
from workflows.report.test_hostile_names import NAMES

from alphaction.data.keyframes import Keyframe
from alphaction.workflows.report import evaluations
from alphaction.workflows.report.make_report import make_report
from alphaction.workflows.report.report_options import ReportOptions


@pytest.fixture(scope="module")
def browser():
    with started_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def report(tmp_path_factory, small_toy_folder):
    """The page of a run on a toy dataset."""
    folder = write_run(tmp_path_factory.mktemp("report") / "my run #1", small_toy_folder)
    return make_report(ReportOptions(run=folder, examples=3)).path


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory, small_toy_folder):
    """A page whose names are hostile, Chinese, and very long."""
    folder = write_run(tmp_path_factory.mktemp("report") / "run", small_toy_folder)
    path = folder / "inference" / "toy_val" / "result.json"
    fields = {"per_class": 0.5, "class_groups": "movement" * 40, "ground_truth": 123456}
    path.write_text(json.dumps(json.loads(path.read_text()) | {k: dict.fromkeys(NAMES, v) for k, v in fields.items()}))
    keyframes = [Keyframe("val_000", 1), Keyframe("v" * 300, 2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluations, "analyze", lambda *args, **more: made_up(NAMES, keyframes, examples=4))
        return make_report(ReportOptions(run=folder, examples=4)).path


@pytest.fixture
def opened(browser):
    """Function: file, width -> the page in the browser, and what it complained of."""
    contexts = []

    def open_page(path, width):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}))
        page, complaints = contexts[-1].new_page(), []
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url[:99]}"))
        page.on("request", lambda request: request.url.startswith(("file:", "data:")) or complaints.append(request.url))
        page.goto(path.as_uri())
        return page, complaints

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [1200, 400])
@pytest.mark.parametrize("which", ["report", "hostile_report"])
def test_it_opens_without_complaints_and_fits(request, opened, which, width):
    page, complaints = opened(request.getfixturevalue(which), width)
    pictures = page.evaluate("[...document.images].map(image => image.complete && image.naturalWidth)")
    assert len(pictures) >= 4
    assert all(pictures)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('.charts svg').getBoundingClientRect().width") > 250
    assert page.locator(".shot img").first.is_visible()
    assert complaints == []


@pytest.mark.parametrize("width", [1200, 400])
def test_no_hole_is_left_beside_the_last_result(opened, report, width):
    page, _ = opened(report, width)
    tiles = page.locator(".tiles > *")
    for left in range(tiles.count(), 1, -1):
        ends = [page.locator(of).last.bounding_box() for of in (".tiles", ".tiles > *")]
        whole, last = (box["x"] + box["width"] for box in ends)
        assert abs(whole - last) < 2, f"{left} of them"
        page.evaluate("document.querySelector('.tiles').lastElementChild.remove()")


def column(page, index):
    """Return the cells of a column of the AP table, from top to bottom."""
    rows = page.locator("#set1-ap tbody tr")
    return rows.evaluate_all(
        f"rows => rows.map(row => row.children[{index}].dataset.v || row.children[{index}].textContent)"
    )


def test_tables_sort_and_say_so(opened, report):
    page, complaints = opened(report, 1200)
    heads = page.locator("#set1-ap thead th")
    before = column(page, 2)
    assert len(before) > 5
    heads.nth(2).locator("button").click()
    assert [float(value) for value in column(page, 2)] == sorted(map(float, before), reverse=True)
    assert heads.nth(2).get_attribute("aria-sort") == "descending"
    page.keyboard.press("Enter")  # the button has the focus
    assert [float(value) for value in column(page, 2)] == sorted(map(float, before))
    heads.nth(0).locator("button").click()
    names = [name.strip() for name in column(page, 0)]
    assert names == sorted(names)
    assert [heads.nth(i).get_attribute("aria-sort") for i in (0, 2)] == ["ascending", "none"]
    assert complaints == []


def test_filters_and_pictures(opened, report):
    page, complaints = opened(report, 1200)
    table = page.locator("#set1-ap")
    page.locator("input[data-filter=set1-ap]").fill("WALK")
    shown = [name.strip() for name in table.locator("tbody tr:visible th").all_inner_texts()]
    assert shown
    assert all("walk" in name for name in shown)
    assert page.locator("[data-count=set1-ap]").inner_text().startswith(f"{len(shown)} of ")
    page.locator(".shot .open").first.click()
    viewer = page.locator("#viewer")
    assert viewer.is_visible()
    assert viewer.locator("img").count() == 2
    assert viewer.locator("img").first.bounding_box()["width"] > 600
    page.keyboard.press("Escape")
    assert not viewer.is_visible()
    assert complaints == []


def test_it_prints_within_the_page_and_reads_without_scripts(browser, report):
    context = browser.new_context(viewport={"width": 720, "height": 1000}, java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(report.as_uri())
        assert page.locator("#set1-ap").is_visible()
        assert page.locator(".shot img").first.is_visible()
        assert page.locator(".filter:visible, .arrow:visible").count() == 0  # they would do nothing
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth") <= 720
        assert page.locator("nav").is_hidden()
    finally:
        context.close()
