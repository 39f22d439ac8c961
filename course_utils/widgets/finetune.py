"""Two weights in a row, one of them learned before: what fine-tuning gains and forgets (notebook 08)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

_INPUT, _OLD_HEAD, _TARGET = 2.0, 3.0, 3.0
_OLD_TARGET = 6.0  # what the old head answers as long as the feature's weight is 1
_RATE, _STEPS = 0.05, 40
_HEAD_LIMITS, _SHARE_LIMITS, _ALONE_LIMITS = (-2.0, 2.0), (0, 100), (0, 20)


def _answers(head: float, share: int, alone: int) -> tuple[list[float], list[float]]:
    """The new and the old answer before training and after each step."""
    weight, new, old = 1.0, [], []
    for step in range(_STEPS + 1):
        new.append(head * weight * _INPUT)
        old.append(_OLD_HEAD * weight * _INPUT)
        error = new[-1] - _TARGET
        by_head, by_weight = error * weight * _INPUT, error * head * _INPUT
        head -= _RATE * by_head
        if step >= alone:
            weight -= _RATE * share / 100 * by_weight
    return new, old


def _plot(answers: list[float], target: float, bottom: float, low: float, high: float, kind: str, title: str) -> list:
    """One curve over the steps, its target dashed; `low` to `high` span 200 units above `bottom`."""
    left, width, unit = 110, 560, 200 / (high - low)

    def y(value: float) -> float:
        return bottom - (value - low) * unit

    points = " ".join(f"{left + width * n / _STEPS:.1f},{y(value):.1f}" for n, value in enumerate(answers))
    parts = [canvas.text(left, bottom - 214, title, 22, weight="bold")]
    parts += [
        f'<line x1="{left}" y1="{y(at):.1f}" x2="{left + width}" y2="{y(at):.1f}" stroke="{color}" {style}/>'
        for at, color, style in ((0, "#9AA7B2", 'stroke-width="1.5"'), (target, "#000000", 'stroke-dasharray="9 6"'))
    ]
    parts += [canvas.text(left - 12, y(at) + 6, f"{at:g}", 18, "end") for at in (low, 0, target)]
    parts.append(canvas.text(left + width + 12, y(target) + 6, "right answer", 18))
    parts.append(
        f'<polyline class="{kind}" points="{points}" fill="none" stroke="{canvas.STAMP_FRAME}" stroke-width="4"/>'
    )
    return parts


def finetune_svg(head: float = 0.5, share: int = 100, alone: int = 0) -> str:
    """Picture of two answers of one feature while a new head is trained on it, and the feature with it.

    The feature is w x with x = 2 and w = 1, learned before; the old head answers 3 w x, and 6 is right. The new head
    answers v w x, and 3 is right. 40 steps go down the gradient of half the squared error, with rate 0.05 for v.
    Derivation: notebooks/08_transfer_learning.ipynb.

    Args:
        head: v at the start, -2 to 2.
        share: the rate of w in percent of that of v, 0 to 100; 0 is features only.
        alone: for so many steps v learns alone, 0 to 20.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: a number out of its range.
    """
    low, high = _HEAD_LIMITS
    if isinstance(head, bool) or not isinstance(head, int | float) or not low <= head <= high:
        raise ValueError(f"head must be a number from {low:g} to {high:g}, got {head!r}")
    check_int("share", share, *_SHARE_LIMITS)
    check_int("alone", alone, *_ALONE_LIMITS)
    new, old = _answers(float(head), share, alone)
    parts = _plot(new, _TARGET, 260, -4, 5, "new", "the new head's answer, v w x")
    parts += _plot(old, _OLD_TARGET, 530, -8, 9, "old", "the old head's answer, 3 w x: nobody trains it")
    parts += [canvas.text(110 + 560 * n / _STEPS, 560, str(n), 17, "middle") for n in range(0, _STEPS + 1, 10)]
    parts.append(canvas.text(390, 586, "step", 19, "middle"))
    if alone and share:
        x = 110 + 560 * alone / _STEPS
        parts.append(f'<line class="alone" x1="{x:g}" y1="60" x2="{x:g}" y2="530" stroke="#555555" stroke-width="2"/>')
        parts.append(canvas.text(x + 6, 282, "from here on w learns too", 17, color="#333333"))
    lines = [
        ("after 40 steps", f"v w x = {new[-1]:.2f}", f"3 w x = {old[-1]:.2f}"),
        ("missing", f"{abs(_TARGET - new[-1]):.2f}", f"{abs(_OLD_TARGET - old[-1]):.2f}"),
    ]
    for x, (title, upper, lower) in zip((700, 870), lines, strict=True):
        for y, words in ((170, upper), (470, lower)):
            parts.append(canvas.text(x, y, title, 17, color="#333333"))
            parts.append(canvas.text(x, y + 30, words, 21, weight="bold"))
    words = (
        f"A head that starts at {head:g}, a feature with {share} % of its learning rate, the head alone for {alone} "
        f"steps. After 40 steps the new answer is {new[-1]:.2f}, 3 would be right; the old answer is {old[-1]:.2f}, 6 "
        "would be right."
    )
    return canvas.svg(words, parts, 600)


def show_finetune(head: float = 0.5, share: int = 100, alone: int = 0) -> None:
    """Display the picture of `finetune_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(finetune_svg(head, share, alone))


def explore_finetune(head: float = 0.5, share: int = 100, alone: int = 0) -> ipywidgets.VBox:
    """Three sliders, and the picture of `finetune_svg` that follows them.

    Used in notebooks/08_transfer_learning.ipynb. Arguments and errors as in `finetune_svg`.

    Returns:
        The explorer: a box of DOM class `finetune-explorer`, to be left as the last value of a cell.
    """
    import ipywidgets

    start = finetune_svg(head, share, alone)
    low, high = _HEAD_LIMITS
    heads = ipywidgets.FloatSlider(
        value=head, min=low, max=high, step=0.25, description="head starts at", **canvas.SLIDER
    )
    limits = {"rate of w in %": (share, _SHARE_LIMITS), "steps of v alone": (alone, _ALONE_LIMITS)}
    others = [
        ipywidgets.IntSlider(value=value, min=low, max=high, description=words, **canvas.SLIDER)
        for words, (value, (low, high)) in limits.items()
    ]

    def draw() -> str:
        return finetune_svg(heads.value, *(slider.value for slider in others))

    return canvas.follow("finetune-explorer", [heads, *others], start, draw)
