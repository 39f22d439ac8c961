"""The explorer of notebook 02 in a real JupyterLab: run the notebook, move the sliders, see the picture follow."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.ui.conftest import Lab, Traffic

pytestmark = pytest.mark.ui

NOTEBOOK = "02_convolution_arithmetic.ipynb"
SLIDERS = ("input size", "kernel size", "padding", "stride", "dilation")
OPEN_SECONDS = 180
FIRST_CELL_SECONDS = 30  # after this long without a first execution count, Run All is issued again
RUN_SECONDS = 300
PICTURE_SECONDS = 30
MOVES = 21

# The state of the notebook in front, read from JupyterLab's own model: cells out of sight are not always on the page.
STATE = """() => {
    const panel = window.jupyterapp?.shell?.currentWidget;
    const kernel = panel?.sessionContext?.session?.kernel;
    if (!panel?.content?.model || !kernel) return null;
    const cells = [...panel.content.model.cells].filter(cell => cell.type === 'code');
    return {
        kernel: kernel.status,
        counts: cells.map(cell => cell.executionCount),
        busy: cells.filter(cell => cell.executionState === 'running').length,
        errors: cells.flatMap(cell => cell.outputs.toJSON().filter(output => output.output_type === 'error')
            .map(output => `cell [${cell.executionCount}]: ${output.ename}: ${output.evalue}`)),
    };
}"""
KERNEL_READY = f"() => ({STATE})()?.kernel === 'idle'"
FIRST_COUNT = f"() => ({STATE})()?.counts.some(count => count !== null)"
FINISHED = (
    f"() => {{ const s = ({STATE})(); return s?.kernel === 'idle' && !s.busy && s.counts.every(count => count); }}"
)
FAILED = f"() => ({STATE})()?.errors.length > 0"

# Milliseconds from a key press in the explorer to the frame that shows another picture.
STOPWATCH = """explorer => {
    window.pictureTimes = [];
    let pressed = null;
    explorer.addEventListener('keydown', () => { pressed = performance.now(); }, true);
    new MutationObserver(() => {
        if (pressed === null) return;
        const start = pressed;
        pressed = null;
        requestAnimationFrame(() => window.pictureTimes.push(performance.now() - start));
    }).observe(explorer.querySelector('.widget-html'), {childList: true, subtree: true});
}"""


class NotYet(AssertionError):
    """What was waited for did not come."""


def wait_for(page: Page, condition: str, what: str, seconds: float, argument: object = None) -> None:
    """Wait until a condition on the page holds; else say what was waited for and how things stand."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

    try:
        page.wait_for_function(condition, arg=argument, timeout=seconds * 1000)
    except PlaywrightTimeoutError:
        dialogs = page.locator(".jp-Dialog, .Toastify__toast").all_inner_texts()
        raise NotYet(f"no {what} within {seconds:.0f} s; {page.evaluate(STATE)}; dialogs: {dialogs}") from None


def run_all(page: Page) -> None:
    """Run -> Run All Cells, again if it was lost: right after the start, a first Run All sometimes goes nowhere."""
    wait_for(page, KERNEL_READY, "idle kernel", OPEN_SECONDS)
    for last_try in (False, False, True):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.locator('.lm-Menu [data-command="runmenu:run-all"]').click()
        try:
            wait_for(page, FIRST_COUNT, "execution count", FIRST_CELL_SECONDS)
            break
        except NotYet:
            if last_try:
                raise
    wait_for(page, f"() => ({FINISHED})() || ({FAILED})()", "end of the run", RUN_SECONDS)


def handle(explorer: Locator, description: str) -> Locator:
    """The knob of the slider with this description."""
    slider = explorer.locator(".widget-slider").filter(has=explorer.page.get_by_text(description, exact=True))
    return slider.locator(".noUi-handle")


def picture(explorer: Locator) -> str:
    return explorer.locator("svg").evaluate("svg => svg.outerHTML")


def move(explorer: Locator, description: str) -> None:
    """Move a slider by one step, by an arrow key, and wait until the picture is another."""
    knob = handle(explorer, description)
    at_end = knob.get_attribute("aria-valuenow") == knob.get_attribute("aria-valuemax")
    before = picture(explorer)
    knob.focus()
    explorer.page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
    changed = "before => document.querySelector('.convolution-explorer svg').outerHTML !== before"
    wait_for(explorer.page, changed, f"new picture after a step of {description!r}", PICTURE_SECONDS, before)


def test_sliders_move_the_picture(lab: Lab, page: Page, traffic: Traffic, capsys: pytest.CaptureFixture[str]) -> None:
    page.goto(lab.address(NOTEBOOK), timeout=OPEN_SECONDS * 1000)
    run_all(page)
    state = page.evaluate(STATE)
    assert state["errors"] == [], state["errors"]

    explorer = page.locator(".jp-OutputArea .convolution-explorer")
    explorer.wait_for(timeout=PICTURE_SECONDS * 1000)
    assert explorer.count() == 1
    for description in SLIDERS:
        move(explorer, description)

    explorer.evaluate(STOPWATCH)
    for _ in range(MOVES):
        move(explorer, "input size")
    wait_for(page, f"() => window.pictureTimes.length >= {MOVES}", f"{MOVES} times taken", PICTURE_SECONDS)
    times = page.evaluate("() => window.pictureTimes")
    with capsys.disabled():
        print(
            f"\nslider to picture: median {statistics.median(times):.0f} ms, longest {max(times):.0f} ms, {MOVES} moves"
        )

    state = page.evaluate(STATE)
    assert state["errors"] == [], state["errors"]
    assert page.get_by_text("Jupyter news").count() == 0, "JupyterLab asks whether it may fetch news"
    assert len(traffic.urls) > 10, "the recording of requests saw next to nothing, so it proves nothing"
    assert traffic.outside() == [], "requests that left this machine"
