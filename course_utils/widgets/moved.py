"""A signal that moves, and the answer to it (notebook 01)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from course_utils.runtime import check_choice, check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

_PLACES = 24  # divisible by every stride offered, so that the circle closes


_PATTERN = (5, (1, 3, 2))  # the signal: zeros, and from this place on these numbers


_KERNELS = {"template (1, 3, 2)": (1, 3, 2), "difference (-1, 1)": (-1, 1), "sum of three (1, 1, 1)": (1, 1, 1)}


_MOVED_LIMITS = {"shift": (0, _PLACES - 1), "stride": (1, 4)}


def _circular(signal: Sequence[int], kernel: Sequence[int], stride: int) -> list[int]:
    """Cross-correlation on a circle: every stride-th place, the kernel's first number laid onto it."""
    return [
        sum(weight * signal[(place + k) % len(signal)] for k, weight in enumerate(kernel))
        for place in range(0, len(signal), stride)
    ]


def _rolled(values: Sequence[int], by: int) -> list[int]:
    return [values[(place - by) % len(values)] for place in range(len(values))]


def _bars(before: Sequence[int], after: Sequence[int], top: float, kind: str, fill: str) -> list[str]:
    """Solid bars for `after`, dashed outlines for `before`, zero line, and the numbers that are not zero."""
    left, width, height = 30, 940, 130
    low, high = min(0, *before, *after), max(1, *before, *after)
    unit, step = height / (high - low), width / len(after)
    zero = top + high * unit
    parts = []
    for values, name, style in (
        (after, kind, f'fill="{fill}" stroke="{canvas.LINE}"'),
        (
            before,
            f"{kind}-before",
            f'fill="none" stroke="{canvas.STAMP_FRAME}" stroke-width="2.5" stroke-dasharray="6 4"',
        ),
    ):
        for place, value in enumerate(values):
            if value:
                x, y = left + (place + 0.15) * step, zero - max(value, 0) * unit
                parts.append(
                    f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{0.7 * step:.1f}" '
                    f'height="{abs(value) * unit:.1f}" {style}/>'
                )
    for place, value in enumerate(after):
        x = left + (place + 0.5) * step
        if value:
            y = zero - value * unit - 6 if value > 0 else zero - value * unit + 18
            parts.append(canvas.text(x, y, str(value).replace("-", "−"), 17, "middle"))
        parts.append(canvas.text(x, top + height + 40, str(place), 13, "middle", "#555555"))
    parts.append(f'<line x1="{left}" y1="{zero:.1f}" x2="{left + width}" y2="{zero:.1f}" stroke="{canvas.LINE}"/>')
    return parts


def moved_svg(shift: int = 3, stride: int = 1, kernel: str = "template (1, 3, 2)") -> str:
    """Picture of a signal on a circle of 24 places, moved, and of what a convolution answers before and after.

    It says whether the new answer is the old one moved (equivariance), and what pooling over all places keeps
    (invariance). Derivation: notebooks/01_why_convolution.ipynb.

    Args:
        shift: by how many places the signal is moved, 0 to 23.
        stride: of the convolution, 1 to 4.
        kernel: 'template (1, 3, 2)', 'difference (-1, 1)' or 'sum of three (1, 1, 1)'.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: a number out of its range, or an unknown kernel.
    """
    for name, value in (("shift", shift), ("stride", stride)):
        check_int(name, value, *_MOVED_LIMITS[name])
    weights = _KERNELS[check_choice("kernel", kernel, tuple(_KERNELS))]
    start, pattern = _PATTERN
    signal = [*[0] * start, *pattern, *[0] * (_PLACES - start - len(pattern))]
    moved = _rolled(signal, shift)
    before, after = _circular(signal, weights, stride), _circular(moved, weights, stride)
    places = len(before)
    fitting = [by for by in range(places) if _rolled(before, by) == after]
    if shift % stride == 0:
        by = shift // stride
        verdict = f"{shift} / {stride} = {by}: the new answer is the old one, moved by {by}. Equivariant."
    elif fitting:
        verdict = f"{shift} / {stride} is no whole number, yet the old answer, moved by {fitting[0]}, happens to fit."
    else:
        verdict = f"{shift} / {stride} is no whole number: no move of the old answer gives the new one."
    pooled = "; ".join(
        f"{name} {function(before)} before, {function(after)} after"
        for name, function in (("largest", max), ("sum", sum))
    ).replace("-", "−")
    if (max(before), sum(before)) == (max(after), sum(after)):
        kept = "kept by chance" if shift % stride else "both kept: invariant"
    else:
        kept = "not both kept"
    lines = [verdict, f"pooled over all places: {pooled} ({kept})"]
    parts = [
        canvas.text(20, 34, f"signal, moved by {shift} (dashed: before)", 22, weight="bold"),
        *_bars(signal, moved, 62, "signal", canvas.INPUT),
        canvas.text(
            20, 282, f"answer: kernel {kernel.replace('-', '−')}, stride {stride} (dashed: before)", 22, weight="bold"
        ),
        *_bars(before, after, 312, "answer", canvas.OUTPUT),
    ]
    parts += [canvas.text(20, 532 + 32 * number, line, 20) for number, line in enumerate(lines)]
    words = (
        f"A signal on {_PLACES} places, moved by {shift}, and the answers of a convolution with kernel {kernel} and "
        f"stride {stride} before and after. {lines[0]} {lines[1][0].upper()}{lines[1][1:]}."
    )
    return canvas.svg(words, parts, 584)


def show_moved(shift: int = 3, stride: int = 1, kernel: str = "template (1, 3, 2)") -> None:
    """Display the picture of `moved_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(moved_svg(shift, stride, kernel))


def explore_moved(shift: int = 3, stride: int = 1, kernel: str = "template (1, 3, 2)") -> ipywidgets.VBox:
    """Sliders for shift and stride, a list of kernels, and the picture of `moved_svg` that follows them.

    Used in notebooks/01_why_convolution.ipynb. Arguments and errors as in `moved_svg`.

    Returns:
        The explorer: a box of DOM class `moved-explorer`, to be left as the last value of a cell.
    """
    import ipywidgets

    sliders = canvas.sliders(_MOVED_LIMITS, {"shift": shift, "stride": stride})
    check_choice("kernel", kernel, tuple(_KERNELS))
    chosen = ipywidgets.Dropdown(options=list(_KERNELS), value=kernel, description="kernel", **canvas.SLIDER)
    picture = ipywidgets.HTML(layout={"width": "100%", "max_width": f"{canvas.WIDTH}px"})

    def draw(_change: object = None) -> None:
        picture.value = moved_svg(sliders["shift"].value, sliders["stride"].value, chosen.value)

    for control in (*sliders.values(), chosen):
        control.observe(draw, names="value")
    draw()
    rows = ipywidgets.HBox(
        [*sliders.values(), chosen], layout={"flex_flow": "row wrap", "width": "100%", "max_width": f"{canvas.WIDTH}px"}
    )
    return canvas.explorer("moved-explorer", rows, picture)
