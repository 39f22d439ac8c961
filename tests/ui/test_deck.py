"""A deck of slides in a browser without a network: formulas are drawn, every slide fits, keys lead through all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.ui.conftest import Traffic

pytestmark = pytest.mark.ui

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "02_convolution_arithmetic.ipynb"
OPEN_SECONDS = 120

# How the slide in front sits on its 1600 x 900: too wide, or too tall without a way to scroll.
MISFITS = """() => {
    const slide = Reveal.getCurrentSlide();
    const out = [];
    if (slide.scrollWidth > slide.clientWidth + 1) out.push('too wide');
    if (slide.scrollHeight > 901 && !slide.classList.contains('scrolls')) out.push('too tall');
    for (const picture of slide.querySelectorAll('img')) {
        if (!picture.naturalWidth) out.push('a picture that does not load');
        else if (picture.getBoundingClientRect().height > innerHeight) out.push('a picture taller than the screen');
    }
    const letters = parseFloat(getComputedStyle(slide).fontSize) * Reveal.getScale();
    if (letters < 20) out.push(`letters of ${letters} pixels`);
    return out;
}"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The deck of notebook 02, freshly made."""
    if shutil.which("npm") is None and not (ROOT / "node_modules").is_dir():
        pytest.skip("npm is not installed, and node_modules does not hold the slides' packages")
    out = tmp_path_factory.mktemp("slides")
    command = [sys.executable, str(ROOT / "tools" / "slides.py"), str(NOTEBOOK), "--out", str(out)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    return out / f"{NOTEBOOK.stem}.slides.html"


@pytest.fixture
def deck(file: Path, page: Page, traffic: Traffic) -> Page:
    """That deck, open in a browser that is offline."""
    page.context.set_offline(True)
    page.goto(file.as_uri(), timeout=OPEN_SECONDS * 1000)
    page.locator("body[data-ready]").wait_for(timeout=OPEN_SECONDS * 1000)
    return page


def test_nothing_but_files_is_loaded(deck: Page, traffic: Traffic) -> None:
    files = [url for url in traffic.urls if urlsplit(url).scheme == "file"]
    assert len(files) >= 8, "the recording saw next to nothing, so it proves nothing"
    assert [url for url in traffic.urls if urlsplit(url).scheme not in ("file", "data", "blob")] == []


def test_formulas_are_drawn(deck: Page) -> None:
    assert deck.locator("mjx-container svg").count() > 0
    assert deck.locator("mjx-merror, [data-mml-node='merror']").count() == 0, "a formula that MathJax cannot read"
    left = deck.evaluate("() => [...document.querySelectorAll('.jp-RenderedMarkdown')].map(e => e.textContent)")
    assert left and not any("$$" in text for text in left)


def test_every_slide_fits_and_the_keys_lead_through_all(deck: Page) -> None:
    total = deck.evaluate("() => Reveal.getTotalSlides()")
    assert total > 10
    misfits, seen = {}, set()
    for _ in range(20 * total):
        place = json.dumps(deck.evaluate("() => { const {h, v} = Reveal.getIndices(); return [h, v]; }"))
        seen.add(place)
        if found := deck.evaluate(MISFITS):
            misfits[place] = found
        if deck.evaluate("() => Reveal.isLastSlide() && !Reveal.availableFragments().next"):
            break
        deck.keyboard.press("Space")
    assert len(seen) == total
    assert misfits == {}


def test_an_unfolded_solution_still_fits(deck: Page) -> None:
    place = deck.evaluate("""() => {
        const slide = document.querySelector('details').closest('section');
        const {h, v} = Reveal.getIndices(slide);
        Reveal.slide(h, v, 100);
        return slide === Reveal.getCurrentSlide();
    }""")
    assert place
    solution = deck.locator("section.present section.present details, section.present details").first
    folded = solution.evaluate("details => details.getBoundingClientRect().height")
    solution.locator("summary").click()
    deck.wait_for_function("() => document.querySelector('details').open")
    assert solution.evaluate("details => details.getBoundingClientRect().height") > 2 * folded
    assert deck.evaluate(MISFITS) == []


def test_cells_to_skip_are_not_there_and_the_explorer_has_its_picture(deck: Page) -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    kinds = [cell["metadata"]["slideshow"]["slide_type"] for cell in cells]
    assert deck.locator(".jp-Cell").count() == len(cells) - kinds.count("skip")
    picture = deck.locator(".jp-CodeCell").filter(has_text="explore_convolution").locator("img").first
    assert picture.evaluate("img => img.naturalWidth") > 0
    assert len(picture.get_attribute("alt")) >= 20
