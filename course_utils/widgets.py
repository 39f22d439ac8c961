"""Explorers: pictures that follow sliders. A pure function makes each picture, as text, from plain numbers.

The pictures are SVG inside an HTML widget: from slider to picture this takes a fifth of what a matplotlib figure takes.
"""

from __future__ import annotations

import base64
import cmath
import html
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from course_utils import metrics
from course_utils.convolution import (
    multiplication_count,
    output_size,
    parameter_count,
    sizes_sharing_output,
    transposed_output_size,
)
from course_utils.runtime import check_choice, check_int

if TYPE_CHECKING:
    import ipywidgets

_WIDTH, _HEIGHT = 1000, 700
_TOP, _PANEL = 56, 480  # both grids start at this height and fit into squares of this side
_INPUT, _PADDING, _WINDOW, _OUTPUT, _LINE = "#CFE4F5", "#FFFFFF", "#F2B233", "#D5EDE4", "#404040"
_ALARM = "#B34700"
_SLIDER = {"style": {"description_width": "130px"}, "layout": {"width": "420px"}}


# --- the picture ---------------------------------------------------------------------------------------------------


def _svg(words: str, parts: Sequence[str], height: int) -> str:
    """The parts as one picture that says what it shows; `url(#hatch)` is a fill that they may use."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{html.escape(words)}" style="width: 100%; max-width: {_WIDTH}px; background: white" '
        'font-family="DejaVu Sans, Verdana, sans-serif">'
        '<defs><pattern id="hatch" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="9" height="9" fill="{_PADDING}"/><line x1="0" y1="0" x2="0" y2="9" stroke="#8C8C8C" '
        'stroke-width="3"/></pattern></defs>' + "".join(parts) + "</svg>"
    )


def _text(
    x: float, y: float, words: str, size: int = 21, anchor: str = "start", color: str = "#000000", weight: str = ""
) -> str:
    bold = ' font-weight="bold"' if weight else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" fill="{color}"{bold}>'
        f"{html.escape(words, quote=False)}</text>"
    )


def _cell(x: float, y: float, side: float, fill: str, kind: str, outline: float = 1.0) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="{fill}" '
        f'stroke="{_LINE}" stroke-width="{outline:g}"/>'
    )


def _legend(unread: bool) -> str:
    """Swatches and what they mean, left to right."""
    parts, x, y = [], 20.0, 568
    entries = [("input", _INPUT), ("padding", "url(#hatch)"), ("read by this window", _WINDOW), ("output", _OUTPUT)]
    for words, fill in entries:
        parts.append(_cell(x, y, 22, fill, "legend"))
        if fill == _WINDOW:
            parts.append(f'<circle cx="{x + 11:g}" cy="{y + 11}" r="4"/>')
        parts.append(_text(x + 30, y + 18, words, 19))
        x += 62 + 9.6 * len(words)
    if unread:
        parts.append(_text(x + 4, y + 18, "×", 24))
        parts.append(_text(x + 26, y + 18, "never read, by no window", 19))
    return "".join(parts)


def convolution_svg(
    input_size: int = 7, kernel_size: int = 3, padding: int = 1, stride: int = 2, dilation: int = 1, position: int = 0
) -> str:
    """Picture of one window of a convolution: padded input, cells that it reads, output grid, formula with the numbers.

    A kernel that does not fit into the padded input gives a picture that says so, not an error.

    Args:
        input_size, kernel_size, padding, stride, dilation: as in `convolution.output_size`, for a square input.
        position: which output cell is being computed, counted row by row from 0; taken modulo the number of cells.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: an argument is not an integer or is out of range.
    """
    check_int("input_size", input_size, 1)
    check_int("kernel_size", kernel_size, 1)
    check_int("padding", padding, 0)
    check_int("stride", stride, 1)
    check_int("dilation", dilation, 1)
    check_int("position", position, 0)
    span = dilation * (kernel_size - 1) + 1
    padded = input_size + 2 * padding
    fits = span <= padded
    positions = output_size(input_size, kernel_size, stride, padding, dilation) if fits else 0
    row, column = divmod(position % max(positions**2, 1), max(positions, 1))
    taps = [a * dilation for a in range(kernel_size)]
    ever_read = {start * stride + tap for start in range(positions) for tap in taps}

    side = min(80.0, _PANEL / max(padded, span))
    left, top = (20 + (_PANEL - side * padded) / 2, _TOP + (_PANEL - side * padded) / 2) if fits else (20, _TOP)
    parts = []
    for i in range(padded):
        for j in range(padded):
            x, y = left + j * side, top + i * side
            inside = padding <= i < padding + input_size and padding <= j < padding + input_size
            parts.append(_cell(x, y, side, _INPUT if inside else "url(#hatch)", "input" if inside else "padding"))
            if fits and inside and not (i in ever_read and j in ever_read):
                parts.append(_text(x + side / 2, y + side * 0.72, "×", round(side * 0.7), "middle", "#555555"))
    top_left = (left + column * stride * side, top + row * stride * side)
    for a in taps:
        for b in taps:
            x, y = top_left[0] + b * side, top_left[1] + a * side
            if fits:
                parts.append(_cell(x, y, side, _WINDOW, "window", 2.5))
                parts.append(f'<circle cx="{x + side / 2:.1f}" cy="{y + side / 2:.1f}" r="{side * 0.13:.1f}"/>')
            else:
                parts.append(
                    f'<rect class="window" x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" '
                    f'fill="{_WINDOW}" fill-opacity="0.55" stroke="{_ALARM}" stroke-width="2.5" '
                    'stroke-dasharray="7 4"/>'
                )
    frame = _LINE if fits else _ALARM
    parts.append(
        f'<rect x="{top_left[0]:.1f}" y="{top_left[1]:.1f}" width="{span * side:.1f}" height="{span * side:.1f}" '
        f'fill="none" stroke="{frame}" stroke-width="4"/>'
    )
    parts.append(_text(260, 38, f"input {input_size} × {input_size}, padding {padding}", 23, "middle", weight="bold"))

    lines = [f"span of the kernel = dilation · (kernel − 1) + 1 = {dilation} · ({kernel_size} − 1) + 1 = {span}"]
    numbers = f"⌊({input_size} + 2 · {padding} − {span}) / {stride}⌋ + 1"
    if fits:
        out_side = min(80.0, 380 / positions)
        out_left, out_top = 580 + (380 - out_side * positions) / 2, _TOP + (_PANEL - out_side * positions) / 2
        for i in range(positions):
            for j in range(positions):
                parts.append(_cell(out_left + j * out_side, out_top + i * out_side, out_side, _OUTPUT, "output"))
        x, y = out_left + column * out_side, out_top + row * out_side
        parts.append(_cell(x, y, out_side, _WINDOW, "current", 4))
        parts.append(f'<circle cx="{x + out_side / 2:.1f}" cy="{y + out_side / 2:.1f}" r="{out_side * 0.13:.1f}"/>')
        parts.append(
            f'<path d="M 516 {_TOP + _PANEL / 2:g} h 34 m -12 -9 l 12 9 l -12 9" fill="none" stroke="#000" '
            'stroke-width="3"/>'
        )
        parts.append(_text(770, 38, f"output {positions} × {positions}", 23, "middle", weight="bold"))
        remainder = (padded - span) % stride
        shared = sizes_sharing_output(input_size, kernel_size, stride, padding, dilation)
        lines.append(f"output size = ⌊(input + 2 · padding − span) / stride⌋ + 1 = {numbers} = {positions}")
        if stride == 1:
            lines.append("stride 1: no other input size gives this output size")
        else:
            sizes = f"{shared[0]} to {shared[-1]}" if len(shared) > 2 else " and ".join(map(str, shared))
            rest = f"a remainder of {remainder}" if remainder else "no remainder"
            lines.append(f"{padded - span} / {stride} leaves {rest}; input sizes that give {positions}: {sizes}")
        where = f"The window at output row {row + 1}, column {column + 1} is marked."
    else:
        need = -(-(span - input_size) // 2)
        parts.append(_text(770, 200, "no output", 30, "middle", _ALARM, "bold"))
        parts.append(_text(770, 240, "The kernel does not fit:", 22, "middle"))
        parts.append(_text(770, 270, f"it spans {span}, the padded input {padded}.", 22, "middle"))
        parts.append(_text(770, 310, f"Padding {need} would be enough.", 22, "middle"))
        lines.append(f"{numbers} is below 1: no window fits into the padded input")
        lines.append("PyTorch stops here with an error")
        where = f"The kernel spans {span} pixels and does not fit into {padded}."
    unread = fits and any(pixel not in ever_read for pixel in range(padding, padding + input_size))
    parts.append(_legend(unread))
    parts += [_text(20, 624 + 30 * number, line, 20) for number, line in enumerate(lines)]
    words = (
        f"Convolution of a {input_size} by {input_size} input with padding {padding}, kernel {kernel_size}, "
        f"stride {stride}, dilation {dilation}. {where} {lines[1]}."
    )
    return _svg(words, parts, _HEIGHT)


def still_picture(svg: str) -> str:
    """An SVG as an `<img>` element that carries its words as alternative text, for readers without a kernel."""
    start = svg.find('aria-label="')
    if not svg.startswith("<svg") or start < 0:
        raise ValueError(f"svg must be an <svg> element with an aria-label, got {svg[:40]!r}")
    start += len('aria-label="')
    words = svg[start : svg.index('"', start)]  # escaped already
    data = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    return (
        f'<img role="img" aria-label="{words}" alt="{words}" src="data:image/svg+xml;base64,{data}" '
        f'style="width: 100%; max-width: {_WIDTH}px">'
    )


def _show_still(svg: str) -> None:
    from IPython.display import display

    words = html.unescape(svg.split('aria-label="', 1)[1].split('"', 1)[0])
    display({"text/html": still_picture(svg), "text/plain": f"[figure: {words}]"}, raw=True)


def show_convolution(
    input_size: int = 7, kernel_size: int = 3, padding: int = 1, stride: int = 2, dilation: int = 1, position: int = 0
) -> None:
    """Display the picture of `convolution_svg`, still, with alternative text. Arguments and errors as there."""
    _show_still(convolution_svg(input_size, kernel_size, padding, stride, dilation, position))


# --- the explorers -------------------------------------------------------------------------------------------------


def _explorer(dom_class: str, sliders: ipywidgets.Box, picture: ipywidgets.HTML) -> ipywidgets.VBox:
    """Sliders above their picture, in a box that also offers the picture as HTML: shown where no widget can be."""
    import ipywidgets

    class Explorer(ipywidgets.VBox):
        def _repr_mimebundle_(self, **kwargs: object) -> dict:
            bundle = super()._repr_mimebundle_(**kwargs) or {}
            return {**bundle, "text/html": still_picture(picture.value)}

    explorer = Explorer([sliders, picture])
    explorer.add_class(dom_class)
    return explorer


def _sliders(limits: Mapping[str, tuple[int, int]], given: Mapping[str, int]) -> dict[str, ipywidgets.IntSlider]:
    """One slider a name, labelled in words; a ValueError names what lies outside its slider's range."""
    import ipywidgets

    sliders = {}
    for name, (low, high) in limits.items():
        check_int(name, given[name], low, high)
        sliders[name] = ipywidgets.IntSlider(
            value=given[name], min=low, max=high, description=name.replace("_", " "), **_SLIDER
        )
    return sliders


def explore_convolution(
    input_size: int = 7, kernel_size: int = 3, padding: int = 1, stride: int = 2, dilation: int = 1, position: int = 0
) -> ipywidgets.VBox:
    """Sliders for the numbers of a convolution, and the picture of `convolution_svg` that follows them.

    Used in notebooks/02_convolution_arithmetic.ipynb.

    Args:
        input_size: 1 to 14; kernel_size: 1 to 7; padding: 0 to 4; stride: 1 to 5; dilation: 1 to 4, all as they are
            at the start.
        position: the output cell shown at the start, counted row by row from 0.

    Returns:
        The explorer: a box of DOM class `convolution-explorer`, to be left as the last value of a cell. Where there is
        no kernel, its still picture is shown.

    Raises:
        ValueError: a number outside its slider's range.
    """
    import ipywidgets

    limits = {"input_size": (1, 14), "kernel_size": (1, 7), "padding": (0, 4), "stride": (1, 5), "dilation": (1, 4)}
    given = {
        "input_size": input_size,
        "kernel_size": kernel_size,
        "padding": padding,
        "stride": stride,
        "dilation": dilation,
    }
    sliders = _sliders(limits, given)
    check_int("position", position, 0)
    window = ipywidgets.IntSlider(value=position, min=0, max=position, description="window position", **_SLIDER)
    play = ipywidgets.Play(min=0, max=position, interval=400, description="move the window")
    ipywidgets.jslink((play, "value"), (window, "value"))
    ipywidgets.jslink((window, "max"), (play, "max"))
    picture = ipywidgets.HTML(layout={"width": "100%", "max_width": f"{_WIDTH}px"})

    def draw(_change: object = None) -> None:
        now = {name: slider.value for name, slider in sliders.items()}
        try:
            last = output_size(**now) ** 2 - 1
        except ValueError:  # the kernel does not fit: the picture says so
            last = 0
        window.max, window.disabled = last, last == 0
        picture.value = convolution_svg(**now, position=window.value)

    for slider in (*sliders.values(), window):
        slider.observe(draw, names="value")
    draw()

    rows = ipywidgets.HBox(
        [*sliders.values(), window, play], layout={"flex_flow": "row wrap", "width": "100%", "max_width": f"{_WIDTH}px"}
    )
    return _explorer("convolution-explorer", rows, picture)


# --- routes through residual blocks --------------------------------------------------------------------------------


def paths_svg(blocks: int = 30, slope: float = 0.2) -> str:
    """Picture of how much of a residual chain's slope comes through routes of each length.

    A chain of `blocks` steps y = x + slope * x has the slope (1 + slope) ** blocks = sum over k of C(blocks, k) * slope
    ** k, where k counts the branches on a route (Veit, Wilber, Belongie 2016, section 3). Derivation:
    notebooks/07_residual_networks.ipynb.

    Args:
        blocks: 1 to 60.
        slope: of each branch, 0.05 to 1.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: a number out of its range.
    """
    check_int("blocks", blocks, 1, 60)
    if not 0.05 <= slope <= 1:
        raise ValueError(f"slope must be from 0.05 to 1, got {slope}")
    total = (1 + slope) ** blocks
    shares = [math.comb(blocks, k) * slope**k / total for k in range(blocks + 1)]
    longest = max(range(blocks + 1), key=lambda k: shares[k])
    left, bottom, width, height = 80, 430, 880, 350
    step = width / (blocks + 1)
    parts = [
        _text(
            20,
            34,
            f"{blocks} blocks, branches of slope {slope:g}: share of the whole slope by route",
            23,
            weight="bold",
        ),
        f'<line x1="{left}" y1="{bottom}" x2="{left + width}" y2="{bottom}" stroke="{_LINE}" stroke-width="2"/>',
    ]
    top_share = max(shares)
    for k, share in enumerate(shares):
        bar = share / top_share * height
        fill = _WINDOW if k == blocks else _INPUT
        parts.append(
            f'<rect class="share" x="{left + k * step + 1:.1f}" y="{bottom - bar:.1f}" width="{max(step - 2, 1):.1f}" '
            f'height="{bar:.1f}" fill="{fill}" stroke="{_LINE}"/>'
        )
        if blocks <= 20 or k % 5 == 0:
            parts.append(_text(left + (k + 0.5) * step, bottom + 24, str(k), 17, "middle"))
    for tick in (0.5, 1.0):
        y = bottom - tick * height
        parts.append(f'<line x1="{left - 8}" y1="{y}" x2="{left}" y2="{y}" stroke="{_LINE}" stroke-width="2"/>')
        parts.append(_text(left - 12, y + 6, f"{100 * tick * top_share:.0f} %", 17, "end"))
    parts.append(_text(left + width / 2, bottom + 54, "branches on the route", 20, "middle"))
    x = left + (longest + 0.5) * step
    parts.append(_text(min(max(x, left + 130), left + width - 130), 70, f"most: routes of {longest}", 19, "middle"))
    lines = [
        f"residual chain: (1 + {slope:g})^{blocks} = {total:.4g}, the sum over all routes",
        f"plain chain: {slope:g}^{blocks} = {slope**blocks:.2g}, the one route through every branch (far right)",
    ]
    parts += [_text(20, 528 + 32 * number, line, 21) for number, line in enumerate(lines)]
    words = (
        f"Bars: share of the slope of {blocks} residual blocks that comes through routes with 0 to {blocks} branches, "
        f"for branches of slope {slope:g}. Routes of {longest} branches bring the most. {lines[0]}; {lines[1]}."
    )
    return _svg(words, parts, 580)


def show_paths(blocks: int = 30, slope: float = 0.2) -> None:
    """Display the picture of `paths_svg`, still, with alternative text. Arguments and errors as there."""
    _show_still(paths_svg(blocks, slope))


def explore_paths(blocks: int = 30, slope: float = 0.2) -> ipywidgets.VBox:
    """Sliders for the number of blocks and the slope of their branches, and the picture of `paths_svg` that follows.

    Used in notebooks/07_residual_networks.ipynb. Arguments and errors as in `paths_svg`.

    Returns:
        The explorer: a box of DOM class `paths-explorer`, to be left as the last value of a cell.
    """
    import ipywidgets

    picture = ipywidgets.HTML(paths_svg(blocks, slope), layout={"width": "100%", "max_width": f"{_WIDTH}px"})
    count = ipywidgets.IntSlider(value=blocks, min=1, max=60, description="blocks", **_SLIDER)
    weight = ipywidgets.FloatSlider(
        value=slope, min=0.05, max=1.0, step=0.05, description="slope of a branch", **_SLIDER
    )

    def draw(_change: object = None) -> None:
        picture.value = paths_svg(count.value, weight.value)

    for slider in (count, weight):
        slider.observe(draw, names="value")
    rows = ipywidgets.HBox([count, weight], layout={"flex_flow": "row wrap", "width": "100%"})
    return _explorer("paths-explorer", rows, picture)


# --- steps through time --------------------------------------------------------------------------------------------

_STEPPERS = {  # color, dash pattern, marker: as a path round the origin
    "Euler": ("#D55E00", "9 5", "M -5 -5 h 10 v 10 h -10 z"),
    "backward Euler": ("#0072B2", "2 4", "M 0 -7 L 7 0 L 0 7 L -7 0 z"),
    "Runge-Kutta": ("#009E73", "12 4 2 4", "M 0 -6 L 6 5 L -6 5 z"),
}
_STEP_LIMITS = {"decay": (0, 10), "turning": (0, 6), "step_size": (0.05, 1.0)}
_PLOT = (70, 70, 470, 380)  # left, top, width, height of the curves
_PLANE = (600, 70, 380)  # left, top, side of the complex plane
_PLANE_LEFT, _PLANE_TOP, _PLANE_SIDE = -4.5, 3.5, 7.0  # its corner and side in units of z


def _runge_kutta_growth(z: complex) -> complex:
    return 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24


def _growth(z: complex) -> dict[str, complex]:
    """What one step multiplies x by, for x' = rate * x and z = step size * rate."""
    return {"Euler": 1 + z, "backward Euler": 1 / (1 - z), "Runge-Kutta": _runge_kutta_growth(z)}


@lru_cache
def _runge_kutta_border() -> list[complex]:
    """The border of |1 + z + z^2/2 + z^3/6 + z^4/24| <= 1, found along rays from z = -1."""
    border = []
    for ray in range(120):
        direction = cmath.exp(2j * math.pi * ray / 120)
        inside, outside = 0.0, 5.0
        for _ in range(40):
            middle = (inside + outside) / 2
            if abs(_runge_kutta_growth(-1 + middle * direction)) <= 1:
                inside = middle
            else:
                outside = middle
        border.append(-1 + inside * direction)
    return border


def _verdict(factor: complex) -> str:
    size = abs(factor)
    return "stays" if abs(size - 1) < 1e-9 else "fades" if size < 1 else "grows"


def steps_svg(decay: float = 0.0, turning: float = 3.0, step_size: float = 0.25, steps: int = 12) -> str:
    """Picture of three steppers on x' = (-decay + turning i) x: curves over time, and where h times rate lies.

    Left, the real part of x: exact, by Euler (a residual block), by backward Euler and by Runge-Kutta of order 4.
    Right, the complex plane with the places where each of them does not grow.

    Args:
        decay: 0 to 10 a second.
        turning: 0 to 6 radians a second.
        step_size: h, 0.05 to 1 second.
        steps: how many, 1 to 40.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: an argument is out of range.
    """
    check_int("steps", steps, 1, 40)
    for name, value in (("decay", decay), ("turning", turning), ("step_size", step_size)):
        low, high = _STEP_LIMITS[name]
        if not low <= value <= high:
            raise ValueError(f"{name} must be from {low} to {high}, got {value!r}")
    rate, end = complex(0.0 - decay, turning), step_size * steps  # 0.0 - 0.0, where -0.0 would print its sign
    z = step_size * rate
    factors = _growth(z)
    left, top, width, height = _PLOT

    def place(time: float, x: float) -> tuple[float, float]:
        return left + time / end * width, top + (2 - max(min(x, 40), -40)) / 4 * height

    def curve(points: Sequence[tuple[float, float]], kind: str, color: str, dashes: str, thick: float) -> str:
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        return (
            f'<polyline class="{kind}" points="{line}" fill="none" stroke="{color}" stroke-width="{thick:g}"{dashed}/>'
        )

    parts = [
        f'<defs><clipPath id="plot"><rect x="{left}" y="{top}" width="{width}" height="{height}"/></clipPath></defs>',
        _text(left + width / 2, 38, "x over time (real part)", 22, "middle", weight="bold"),
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="{_LINE}"/>',
    ]
    for tick in (-2, -1, 0, 1, 2):
        y = place(0, tick)[1]
        parts.append(f'<line x1="{left}" y1="{y:g}" x2="{left + width}" y2="{y:g}" stroke="#D0D0D0"/>')
        parts.append(_text(left - 8, y + 6, str(tick), 17, "end"))
    for share in (0, 0.5, 1):
        parts.append(_text(left + share * width, top + height + 22, f"{share * end:g}", 17, "middle"))
    parts.append(_text(left + width / 2, top + height + 46, "time in seconds", 18, "middle"))
    inner = [
        curve(
            [place(end * k / 240, cmath.exp(rate * end * k / 240).real) for k in range(241)], "exact", "#000000", "", 2
        )
    ]
    for name, factor in factors.items():
        color, dashes, marker = _STEPPERS[name]
        points, x = [], 1 + 0j
        for n in range(steps + 1):
            points.append(place(n * step_size, x.real))
            x = x * factor if abs(x) < 1e12 else x
        inner.append(curve(points, name.replace(" ", "-").lower(), color, dashes, 2.5))
        inner += [f'<path d="{marker}" transform="translate({a:.1f},{b:.1f})" fill="{color}"/>' for a, b in points]
    parts.append(f'<g clip-path="url(#plot)">{"".join(inner)}</g>')

    left, top, side = _PLANE
    unit = side / _PLANE_SIDE

    def spot(point: complex) -> tuple[float, float]:
        return left + (point.real - _PLANE_LEFT) * unit, top + (_PLANE_TOP - point.imag) * unit

    origin, euler, backward = spot(0j), spot(-1 + 0j), spot(1 + 0j)
    border = " ".join("{:.1f},{:.1f}".format(*spot(point)) for point in _runge_kutta_border())
    parts += [
        _text(left + side / 2, 38, "plane of h · rate", 22, "middle", weight="bold"),
        f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="none" stroke="{_LINE}"/>',
        f'<polygon points="{border}" fill="#D5EDE4" stroke="#009E73" stroke-width="2.5" stroke-dasharray="12 4 2 4"/>',
        f'<circle cx="{euler[0]:.1f}" cy="{euler[1]:.1f}" r="{unit:.1f}" fill="#F7D795" stroke="#D55E00" '
        'stroke-width="2.5" stroke-dasharray="9 5"/>',
        f'<circle cx="{backward[0]:.1f}" cy="{backward[1]:.1f}" r="{unit:.1f}" fill="url(#hatch)" stroke="#0072B2" '
        'stroke-width="2.5" stroke-dasharray="2 4"/>',
        f'<line x1="{left}" y1="{origin[1]:.1f}" x2="{left + side}" y2="{origin[1]:.1f}" stroke="{_LINE}"/>',
        f'<line x1="{origin[0]:.1f}" y1="{top}" x2="{origin[0]:.1f}" y2="{top + side}" stroke="{_LINE}"/>',
    ]
    for tick in (-4, -2, 2):
        x, y = spot(complex(tick, 0))
        parts.append(_text(x + 9 * (tick > 0) - 11 * (tick < 0), y + 20, str(tick), 15, "middle"))
        if tick > -4:
            x, y = spot(complex(0, tick))
            parts.append(_text(x - 8, y + 5, f"{tick}i", 15, "end"))
    seen = z.real >= _PLANE_LEFT + 0.2 and abs(z.imag) <= _PLANE_TOP - 0.2
    shown = complex(max(z.real, _PLANE_LEFT + 0.2), max(min(z.imag, _PLANE_TOP - 0.2), 0.2 - _PLANE_TOP))
    x, y = spot(shown)
    parts.append(
        f'<circle class="here" cx="{x:.1f}" cy="{y:.1f}" r="8" fill="#000000" stroke="#FFFFFF" stroke-width="3"/>'
    )
    parts.append(
        _text(
            min(max(x, left + 70), left + side - 70),
            y - 14,
            "you are here" if seen else "beyond the edge",
            16,
            "middle",
        )
    )

    x = 20.0
    for name, words in (
        ("", "exact"),
        ("Euler", "Euler (calm in the disc)"),
        ("backward Euler", "backward Euler (grows in the hatch)"),
        ("Runge-Kutta", "Runge-Kutta"),
    ):
        color, dashes, marker = _STEPPERS.get(name, ("#000000", "", ""))
        parts.append(
            f'<line x1="{x:g}" y1="530" x2="{x + 40:g}" y2="530" stroke="{color}" stroke-width="2.5" '
            f'stroke-dasharray="{dashes}"/>'
        )
        if marker:
            parts.append(f'<path d="{marker}" transform="translate({x + 20:g},530)" fill="{color}"/>')
        parts.append(_text(x + 48, 536, words, 17))
        x += 72 + 8.6 * len(words)
    told = "; ".join(f"{name} {abs(factor):.3g}, {_verdict(factor)}" for name, factor in factors.items())
    lines = [
        f"rate = {rate.real:g} + {rate.imag:g}i, h = {step_size:g}, so h · rate = {z.real:.3g} + {z.imag:.3g}i",
        f"growth a step: {told}; exact {abs(cmath.exp(z)):.3g}",
    ]
    parts += [_text(20, 576 + 30 * number, line, 18) for number, line in enumerate(lines)]
    words = (
        f"Three ways to step through x' = rate times x, for decay {decay:g} and turning {turning:g}, with {steps} "
        f"steps of {step_size:g} seconds. A step multiplies the size of x by: {told}; exact {abs(cmath.exp(z)):.3g}."
    )
    return _svg(words, parts, 630)


def show_steps(decay: float = 0.0, turning: float = 3.0, step_size: float = 0.25, steps: int = 12) -> None:
    """Display the picture of `steps_svg`, still, with alternative text. Arguments and errors as there."""
    _show_still(steps_svg(decay, turning, step_size, steps))


def explore_steps(
    decay: float = 0.0, turning: float = 3.0, step_size: float = 0.25, steps: int = 12
) -> ipywidgets.VBox:
    """Sliders for a linear equation and the steps through it, and the picture of `steps_svg` that follows them.

    Used in notebooks/07b_depth_as_time.ipynb. Arguments and errors as in `steps_svg`.

    Returns:
        The explorer: a box of DOM class `steps-explorer`, to be left as the last value of a cell.
    """
    import ipywidgets

    picture = ipywidgets.HTML(
        steps_svg(decay, turning, step_size, steps), layout={"width": "100%", "max_width": f"{_WIDTH}px"}
    )
    given, sliders = {"decay": decay, "turning": turning, "step_size": step_size}, {}
    for name, (low, high) in _STEP_LIMITS.items():
        sliders[name] = ipywidgets.FloatSlider(
            value=given[name],
            min=low,
            max=high,
            step=0.05 if name == "step_size" else 0.5,
            description=name.replace("_", " "),
            **_SLIDER,
        )
    sliders |= _sliders({"steps": (1, 40)}, {"steps": steps})

    def draw(_change: object = None) -> None:
        picture.value = steps_svg(**{name: slider.value for name, slider in sliders.items()})

    for slider in sliders.values():
        slider.observe(draw, names="value")
    rows = ipywidgets.HBox(
        list(sliders.values()), layout={"flex_flow": "row wrap", "width": "100%", "max_width": f"{_WIDTH}px"}
    )
    return _explorer("steps-explorer", rows, picture)


# --- transposed convolution ----------------------------------------------------------------------------------------

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_STAMP_FRAME = "#D55E00"
_TRANSPOSED_LIMITS = {
    "input_size": (1, 4),
    "kernel_size": (1, 4),
    "stride": (1, 3),
    "padding": (0, 2),
    "output_padding": (0, 2),
}


def _weight_cell(
    x: float, y: float, width: float, height: float, index: int, count: int, kind: str, letters: bool
) -> str:
    """A cell in the shade of one weight of the kernel, with its name where there is room; equal weight, equal shade."""
    share = index / max(count - 1, 1)
    red, green, blue = (round(light + share * (dark - light)) for light, dark in ((222, 18), (236, 84), (248, 140)))
    cell = (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="rgb({red},{green},{blue})" stroke="{_LINE}" stroke-width="{1 if min(width, height) > 6 else 0.3}"/>'
    )
    if not letters:
        return cell
    name = "w" + str(index + 1).translate(_SUBSCRIPTS)
    size = round(min(height * 0.6, width * 0.42, 20))
    color = "#FFFFFF" if share > 0.5 else "#000000"
    return cell + _text(x + width / 2, y + height / 2 + size * 0.35, name, size, "middle", color)


def _frame(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="none" '
        f'stroke="{_STAMP_FRAME}" stroke-width="4"/>'
    )


def transposed_svg(
    input_size: int = 2, kernel_size: int = 2, stride: int = 1, padding: int = 0, output_padding: int = 0, cell: int = 0
) -> str:
    """Picture of a transposed convolution: input, stamps on the output with their overlaps, and beside it the matrix.

    Settings that PyTorch refuses give a picture that says so, not an error.

    Args:
        input_size, kernel_size, stride, padding, output_padding: as in `convolution.transposed_output_size`, for a
            square input.
        cell: the input cell whose stamp is marked, counted row by row from 0; taken modulo the number of cells.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: an argument is not an integer or is out of range.
    """
    given = {
        "input_size": input_size,
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "output_padding": output_padding,
    }
    for name, value in given.items():
        check_int(name, value, _TRANSPOSED_LIMITS[name][0])
    check_int("cell", cell, 0)
    n, k, columns, weights = input_size, kernel_size, input_size**2, kernel_size**2
    chosen = cell % columns
    full = (n - 1) * stride + k + output_padding
    kept = range(padding, full - padding)
    problem = ""
    if output_padding >= stride:
        problem = f"output padding {output_padding} must be smaller than stride {stride}"
    elif not kept:
        problem = f"padding {padding} cuts away all {full} pixels of a side"
    stamps = [sum(0 <= place - i * stride < k for i in range(n)) for place in range(full)]

    parts = [_text(95, 38, f"input {n} × {n}", 21, "middle", weight="bold")]
    side = min(40.0, 150 / n)
    for index in range(columns):
        x, y = 95 - side * n / 2 + index % n * side, 84 + index // n * side
        parts.append(_cell(x, y, side, _WINDOW if index == chosen else _INPUT, "input"))
        if index == chosen:
            parts.append(_frame(x, y, side, side))
    parts.append(_text(95, 296, f"kernel {k} × {k}", 21, "middle", weight="bold"))
    side = min(40.0, 150 / k)
    for index in range(weights):
        x, y = 95 - side * k / 2 + index % k * side, 312 + index // k * side
        parts.append(_weight_cell(x, y, side, side, index, weights, "weight", True))

    side = min(62.0, 400 / full)
    left, top = 400 - side * full / 2, 84
    for i in range(full):
        for j in range(full):
            x, y, inside = left + j * side, top + i * side, i in kept and j in kept
            parts.append(_cell(x, y, side, _OUTPUT if inside else "url(#hatch)", "output" if inside else "cut"))
            if inside and side >= 13:
                size = round(min(side * 0.6, 20))
                parts.append(
                    _text(x + side / 2, y + side / 2 + size * 0.35, str(stamps[i] * stamps[j]), size, "middle")
                )
    x, y = left + chosen % n * stride * side, top + chosen // n * stride * side
    for index in range(weights):
        a, b = divmod(index, k)
        parts.append(_weight_cell(x + b * side, y + a * side, side, side, index, weights, "stamp", side >= 24))
    parts.append(_frame(x, y, k * side, k * side))
    named = f"canvas {full} × {full}" if problem else f"output {len(kept)} × {len(kept)}"
    parts.append(_text(400, 38, named, 21, "middle", weight="bold"))
    parts.append(_text(400, 66, "numbers: how many stamps meet there", 16, "middle"))

    rows = len(kept) ** 2
    if problem:
        parts.append(_text(810, 220, "no layer", 30, "middle", _ALARM, "bold"))
        parts += [_text(810, 262 + 28 * number, words, 19, "middle") for number, words in enumerate(_halves(problem))]
    else:
        parts.append(_text(810, 38, f"Wᵀ: {rows} × {columns}", 21, "middle", weight="bold"))
        parts.append(_text(810, 66, "a row an output, a column an input", 16, "middle"))
        height, width = min(38.0, 430 / rows), min(38.0, 330 / columns)
        left, top = 810 - width * columns / 2, 84
        places = [(i, j) for i in kept for j in kept]
        for row, (i, j) in enumerate(places):
            for column in range(columns):
                a, b = i - column // n * stride, j - column % n * stride
                x, y = left + column * width, top + row * height
                if 0 <= a < k and 0 <= b < k:
                    kind = "stamped" if column == chosen else "entry"
                    letters = height >= 15 and width >= 19
                    parts.append(_weight_cell(x, y, width, height, a * k + b, weights, kind, letters))
                elif height >= 10:
                    parts.append(_cell_of(x, y, width, height, "zero"))
        parts.append(
            f'<rect x="{left:.1f}" y="{top}" width="{width * columns:.1f}" height="{height * rows:.1f}" fill="none" '
            f'stroke="{_LINE}" stroke-width="1.5"/>'
        )
        parts.append(_frame(left + chosen * width, top, width, height * rows))

    x = 20.0
    entries = [("chosen input", _WINDOW), ("output", _OUTPUT), ("cut away by padding", "url(#hatch)")]
    for words, fill in entries:
        parts += [_cell(x, 536, 22, fill, "legend"), _text(x + 30, 554, words, 19)]
        x += 62 + 9.6 * len(words)
    parts += [_frame(x, 538, 20, 18), _text(x + 30, 554, "its stamp on the output, its column in Wᵀ", 19)]

    lines = [
        "output size = (input − 1) · stride + kernel − 2 · padding + output padding",
        f"= ({n} − 1) · {stride} + {k} − 2 · {padding} + {output_padding} = {full - 2 * padding}",
    ]
    if problem:
        lines += [f"{problem}: PyTorch stops here with an error"]
        told = f"{problem[0].upper()}{problem[1:]}, so there is no such layer."
    else:
        size = transposed_output_size(n, k, stride, padding, output_padding)
        filled = sum(stamps[i] for i in kept) ** 2
        lines.append(f"Wᵀ has {rows * columns} entries, {filled} of them not zero, made of {weights} weights")
        low, high = min(stamps[i] for i in kept) ** 2, max(stamps[i] for i in kept) ** 2
        meet = f"{low}" if low == high else f"{low} to {high}"
        even = "is" if k % stride == 0 else "is not"
        lines.append(f"stamps that meet on one pixel: {meet}; kernel {k} {even} a multiple of stride {stride}")
        shared = sizes_sharing_output(size, k, stride, padding)
        if len(shared) > 1:
            sizes = f"{shared[0]} to {shared[-1]}" if len(shared) > 2 else " and ".join(map(str, shared))
            lines.append(f"the convolution makes {n} out of {sizes}; output padding chooses which of them comes back")
        else:
            lines.append(f"the convolution makes {n} out of {size} alone, so there is nothing to choose")
        told = (
            f"Output {size} by {size}, matrix {rows} by {columns}. The stamp of input row {chosen // n + 1}, column "
            f"{chosen % n + 1} is marked. {lines[3][0].upper()}{lines[3][1:]}."
        )
    parts += [_text(20, 588 + 26 * number, line, 19) for number, line in enumerate(lines)]
    words = (
        f"Transposed convolution of a {n} by {n} input with kernel {k}, stride {stride}, padding {padding}, output "
        f"padding {output_padding}. {told}"
    )
    return _svg(words, parts, _HEIGHT)


def _cell_of(x: float, y: float, width: float, height: float, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="#FFFFFF" '
        'stroke="#B0B0B0" stroke-width="0.7"/>'
    )


def _halves(words: str) -> list[str]:
    """A sentence on two lines, broken at the blank nearest to its middle."""
    blanks = [at for at, letter in enumerate(words) if letter == " "]
    middle = min(blanks, key=lambda at: abs(at - len(words) / 2))
    return [words[:middle], words[middle + 1 :]]


def show_transposed(
    input_size: int = 2, kernel_size: int = 2, stride: int = 1, padding: int = 0, output_padding: int = 0, cell: int = 0
) -> None:
    """Display the picture of `transposed_svg`, still, with alternative text. Arguments and errors as there."""
    _show_still(transposed_svg(input_size, kernel_size, stride, padding, output_padding, cell))


def explore_transposed(
    input_size: int = 2, kernel_size: int = 2, stride: int = 1, padding: int = 0, output_padding: int = 0, cell: int = 0
) -> ipywidgets.VBox:
    """Sliders for the numbers of a transposed convolution, and the picture of `transposed_svg` that follows them.

    Used in notebooks/03_transposed_convolution.ipynb.

    Args:
        input_size: 1 to 4; kernel_size: 1 to 4; stride: 1 to 3; padding: 0 to 2; output_padding: 0 to 2, all as they
            are at the start.
        cell: the input cell marked at the start, counted row by row from 0.

    Returns:
        The explorer: a box of DOM class `transposed-explorer`, to be left as the last value of a cell. Where there is
        no kernel, its still picture is shown.

    Raises:
        ValueError: a number outside its slider's range.
    """
    import ipywidgets

    given = {
        "input_size": input_size,
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "output_padding": output_padding,
    }
    sliders = _sliders(_TRANSPOSED_LIMITS, given)
    check_int("cell", cell, 0, input_size**2 - 1)
    chosen = ipywidgets.IntSlider(value=cell, min=0, max=input_size**2 - 1, description="input cell", **_SLIDER)
    picture = ipywidgets.HTML(layout={"width": "100%", "max_width": f"{_WIDTH}px"})

    def draw(_change: object = None) -> None:
        now = {name: slider.value for name, slider in sliders.items()}
        chosen.max, chosen.disabled = now["input_size"] ** 2 - 1, now["input_size"] == 1
        picture.value = transposed_svg(**now, cell=chosen.value)

    for slider in (*sliders.values(), chosen):
        slider.observe(draw, names="value")
    draw()
    rows = ipywidgets.HBox(
        [*sliders.values(), chosen], layout={"flex_flow": "row wrap", "width": "100%", "max_width": f"{_WIDTH}px"}
    )
    return _explorer("transposed-explorer", rows, picture)


# --- a signal that moves -------------------------------------------------------------------------------------------

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
        (after, kind, f'fill="{fill}" stroke="{_LINE}"'),
        (before, f"{kind}-before", f'fill="none" stroke="{_STAMP_FRAME}" stroke-width="2.5" stroke-dasharray="6 4"'),
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
            parts.append(_text(x, y, str(value).replace("-", "−"), 17, "middle"))
        parts.append(_text(x, top + height + 40, str(place), 13, "middle", "#555555"))
    parts.append(f'<line x1="{left}" y1="{zero:.1f}" x2="{left + width}" y2="{zero:.1f}" stroke="{_LINE}"/>')
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
        _text(20, 34, f"signal, moved by {shift} (dashed: before)", 22, weight="bold"),
        *_bars(signal, moved, 62, "signal", _INPUT),
        _text(
            20, 282, f"answer: kernel {kernel.replace('-', '−')}, stride {stride} (dashed: before)", 22, weight="bold"
        ),
        *_bars(before, after, 312, "answer", _OUTPUT),
    ]
    parts += [_text(20, 532 + 32 * number, line, 20) for number, line in enumerate(lines)]
    words = (
        f"A signal on {_PLACES} places, moved by {shift}, and the answers of a convolution with kernel {kernel} and "
        f"stride {stride} before and after. {lines[0]} {lines[1][0].upper()}{lines[1][1:]}."
    )
    return _svg(words, parts, 584)


def show_moved(shift: int = 3, stride: int = 1, kernel: str = "template (1, 3, 2)") -> None:
    """Display the picture of `moved_svg`, still, with alternative text. Arguments and errors as there."""
    _show_still(moved_svg(shift, stride, kernel))


def explore_moved(shift: int = 3, stride: int = 1, kernel: str = "template (1, 3, 2)") -> ipywidgets.VBox:
    """Sliders for shift and stride, a list of kernels, and the picture of `moved_svg` that follows them.

    Used in notebooks/01_why_convolution.ipynb. Arguments and errors as in `moved_svg`.

    Returns:
        The explorer: a box of DOM class `moved-explorer`, to be left as the last value of a cell.
    """
    import ipywidgets

    sliders = _sliders(_MOVED_LIMITS, {"shift": shift, "stride": stride})
    check_choice("kernel", kernel, tuple(_KERNELS))
    chosen = ipywidgets.Dropdown(options=list(_KERNELS), value=kernel, description="kernel", **_SLIDER)
    picture = ipywidgets.HTML(layout={"width": "100%", "max_width": f"{_WIDTH}px"})

    def draw(_change: object = None) -> None:
        picture.value = moved_svg(sliders["shift"].value, sliders["stride"].value, chosen.value)

    for control in (*sliders.values(), chosen):
        control.observe(draw, names="value")
    draw()
    rows = ipywidgets.HBox(
        [*sliders.values(), chosen], layout={"flex_flow": "row wrap", "width": "100%", "max_width": f"{_WIDTH}px"}
    )
    return _explorer("moved-explorer", rows, picture)


# --- bottlenecks and groups ----------------------------------------------------------------------------------------

_BOTTLENECK_CHOICES = {
    "channels": (64, 128, 256, 512, 1024, 2048),
    "width": (32, 64, 128, 256, 512, 1024),
    "groups": (1, 2, 4, 8, 16, 32),
    "kernel_size": (1, 3, 5, 7),
    "side": (7, 14, 28, 56),
}


def _check_bottleneck(given: Mapping[str, int]) -> None:
    for name, value in given.items():
        check_choice(name, value, _BOTTLENECK_CHOICES[name])


def _short(number: float) -> str:
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " K")):
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return f"{number:g}"


def bottleneck_svg(channels: int = 256, width: int = 64, groups: int = 1, kernel_size: int = 3, side: int = 56) -> str:
    """Picture of what a bottleneck costs beside one plain 3x3 convolution: weights and multiply-adds as bars.

    The bottleneck is 1x1 from `channels` to `width`, then `kernel_size` in `groups` groups, then 1x1 back (He et al.
    2016, figure 5; Xie et al. 2017, figure 3). The bars of the multiply-adds keep their scale while `side` changes.

    Args:
        channels: in and out, 64 to 2048, a power of two.
        width: channels in the middle, 32 to 1024, a power of two.
        groups: of the middle convolution, 1 to 32, a power of two.
        kernel_size: of the middle convolution, 1, 3, 5 or 7.
        side: of the map in pixels, 7, 14, 28 or 56.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: an argument is none of its choices.
    """
    _check_bottleneck(
        {"channels": channels, "width": width, "groups": groups, "kernel_size": kernel_size, "side": side}
    )
    plain = (channels, channels, 3, 1)
    layers = ((channels, width, 1, 1), (width, width, kernel_size, groups), (width, channels, 1, 1))
    in_groups = "1 group" if groups == 1 else f"{groups} groups"
    names = (f"1×1, {channels} → {width}", f"{kernel_size}×{kernel_size}, {in_groups}", f"1×1, {width} → {channels}")

    def weights(layer: tuple[int, int, int, int], _side: int) -> int:
        a, b, kernel, parts = layer
        return parameter_count(a, b, kernel, bias=False, groups=parts)

    def work(layer: tuple[int, int, int, int], map_side: int) -> int:
        a, b, kernel, parts = layer
        return multiplication_count(a, b, kernel, map_side, groups=parts)

    parts = [
        _text(20, 36, f"bottleneck {channels} → {width} → {width} → {channels}, beside a plain 3×3", 23, weight="bold")
    ]
    fills = (_INPUT, _WINDOW, _OUTPUT)
    left, room, bar = 250.0, 620.0, 44.0
    totals = {}
    for row, (title, cost, largest_side) in enumerate((("weights", weights, side), ("multiply-adds", work, 56))):
        top = 96.0 + 186 * row
        each, one = [cost(layer, side) for layer in layers], cost(plain, side)
        scale = room / max(sum(cost(layer, largest_side) for layer in layers), cost(plain, largest_side))
        totals[title] = (sum(each), one)
        map_words = "" if row == 0 else f" on a map of {side} × {side} (scale: full length at 56 × 56)"
        parts.append(_text(20, top - 14, title + map_words, 21, weight="bold"))
        parts += [_text(20, top + 30, "plain 3×3", 20), _text(20, top + 30 + 62, "bottleneck", 20)]
        parts.append(
            f'<rect class="plain" x="{left:g}" y="{top:g}" width="{one * scale:.2f}" height="{bar:g}" '
            f'fill="url(#hatch)" stroke="{_LINE}" stroke-width="1.5"/>'
        )
        x = left
        for value, fill in zip(each, fills, strict=True):
            parts.append(
                f'<rect class="part" x="{x:.2f}" y="{top + 62:g}" width="{value * scale:.2f}" height="{bar:g}" '
                f'fill="{fill}" stroke="{_LINE}" stroke-width="1.5"/>'
            )
            x += value * scale
        parts.append(_text(left + one * scale + 10, top + 30, _short(one), 20))
        parts.append(_text(x + 10, top + 92, _short(sum(each)), 20))
    x = 20.0
    for words, fill in zip(names, fills, strict=True):
        parts += [_cell(x, 452, 22, fill, "legend"), _text(x + 30, 470, words, 19)]
        x += 62 + 10.2 * len(words)
    three = [weights(layer, side) for layer in layers]
    both, one = totals["weights"]
    compared = (
        f"{one / both:.3g} times fewer than" if both < one else f"{both / one:.3g} times" if both > one else "equal to"
    )
    lines = [
        f"weights: {three[0]:,} + {three[1]:,} + {three[2]:,} = {both:,}, {compared} the plain {one:,}",
        f"each weight is used {side} · {side} = {side**2:,} times: {totals['multiply-adds'][0]:,} multiply-adds",
    ]
    parts += [_text(20, 516 + 30 * number, line, 20) for number, line in enumerate(lines)]
    words = (
        f"Bars for a bottleneck of {channels} channels with a middle of {width}, {names[1]}, beside a plain 3 by 3 "
        f"convolution on {channels} channels. {lines[0][0].upper()}{lines[0][1:]}; {lines[1]}."
    )
    return _svg(words, parts, 570)


def show_bottleneck(
    channels: int = 256, width: int = 64, groups: int = 1, kernel_size: int = 3, side: int = 56
) -> None:
    """Display the picture of `bottleneck_svg`, still, with alternative text. Arguments and errors as there."""
    _show_still(bottleneck_svg(channels, width, groups, kernel_size, side))


def explore_bottleneck(
    channels: int = 256, width: int = 64, groups: int = 1, kernel_size: int = 3, side: int = 56
) -> ipywidgets.VBox:
    """Sliders for the numbers of a bottleneck, and the picture of `bottleneck_svg` that follows them.

    Used in notebooks/06_architectures.ipynb. Arguments and errors as in `bottleneck_svg`.

    Returns:
        The explorer: a box of DOM class `bottleneck-explorer`, to be left as the last value of a cell. Where there is
        no kernel, its still picture is shown.
    """
    import ipywidgets

    given = {"channels": channels, "width": width, "groups": groups, "kernel_size": kernel_size, "side": side}
    _check_bottleneck(given)
    sliders = {
        name: ipywidgets.SelectionSlider(
            options=_BOTTLENECK_CHOICES[name], value=value, description=name.replace("_", " "), **_SLIDER
        )
        for name, value in given.items()
    }
    picture = ipywidgets.HTML(layout={"width": "100%", "max_width": f"{_WIDTH}px"})

    def draw(_change: object = None) -> None:
        picture.value = bottleneck_svg(**{name: slider.value for name, slider in sliders.items()})

    for slider in sliders.values():
        slider.observe(draw, names="value")
    draw()
    rows = ipywidgets.HBox(
        list(sliders.values()), layout={"flex_flow": "row wrap", "width": "100%", "max_width": f"{_WIDTH}px"}
    )
    return _explorer("bottleneck-explorer", rows, picture)


# --- one label and its threshold -----------------------------------------------------------------------------------

_SHOWS, _LACKS = "#0072B2", "#E69F00"  # pictures that show the label, pictures that do not
_BINS = 20


def _annotation_arguments(
    scores: object, targets: object, names: Sequence[str], label: int, threshold: int
) -> tuple[np.ndarray, np.ndarray]:
    scores, targets = np.asarray(scores, dtype=np.float64), np.asarray(targets)
    if scores.ndim != 2 or scores.shape != targets.shape:
        raise ValueError(f"scores and targets must both have the shape (N, L), got {scores.shape}, {targets.shape}")
    if len(names) != scores.shape[1]:
        raise ValueError(f"names must be as many as there are labels, {scores.shape[1]}, got {len(names)}")
    if not (0 <= scores.min() and scores.max() <= 1):
        raise ValueError(f"scores must lie in 0..1, got {scores.min():g} to {scores.max():g}: apply the sigmoid first")
    check_int("label", label, 0, scores.shape[1] - 1)
    check_int("threshold", threshold, 0, 100)
    return scores, targets.astype(bool)


def _share_in_words(name: str, part: int, whole: int) -> str:
    return f"{name} = {part} / {whole} = {part / whole:.3f}" if whole else f"{name} = 0 / 0: not defined"


def annotation_svg(scores: object, targets: object, names: Sequence[str], label: int = 0, threshold: int = 50) -> str:
    """Picture of one label at one threshold: its scores, the four counts, precision and recall, and their curve.

    Args:
        scores: (N, L), probabilities in 0..1.
        targets: (N, L) of 0 and 1; every label at least once 1.
        names: the L labels.
        label: which one is shown.
        threshold: in percent, 0 to 100; a picture gets the label if its score reaches it.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: shapes that differ, scores outside 0..1, a label without a picture, a number out of its range.
    """
    scores, targets = _annotation_arguments(scores, targets, names, label, threshold)
    score, true, name = scores[:, label], targets[:, label], names[label]
    given = score >= threshold / 100
    hits, false, missed = int((given & true).sum()), int((given & ~true).sum()), int((~given & true).sum())
    rest = len(score) - hits - false - missed
    precision, recall, _ = metrics.precision_recall_curve(score, true)

    parts = [
        _text(20, 36, f"label \u201c{name}\u201d, given from a score of {threshold / 100:.2f} on", 24, weight="bold")
    ]
    left, middle, width, height = 40, 215, 420, 120
    for kind, pictures, fill, sign in (("shows", true, _SHOWS, -1), ("lacks", ~true, _LACKS, 1)):
        bars = np.histogram(score[pictures], bins=_BINS, range=(0, 1))[0]
        tallest = max(int(bars.max()), 1)
        for k, count in enumerate(bars.tolist()):
            bar = height * count / tallest
            x, y = left + k * width / _BINS + 1, middle - bar if sign < 0 else middle
            parts.append(
                f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width / _BINS - 2:.1f}" height="{bar:.1f}" '
                f'fill="{fill}"/>'
            )
        words = f"{int(pictures.sum())} pictures {'show it' if kind == 'shows' else 'do not'} (tallest bar: {tallest})"
        parts.append(_text(left, middle - height - 12 if sign < 0 else middle + height + 46, words, 18))
    x = left + width * threshold / 100
    parts += [
        f'<line x1="{left}" y1="{middle}" x2="{left + width}" y2="{middle}" stroke="{_LINE}" stroke-width="2"/>',
        f'<line class="threshold" x1="{x:.1f}" y1="{middle - height}" x2="{x:.1f}" y2="{middle + height}" '
        'stroke="#000000" stroke-width="4" stroke-dasharray="9 5"/>',
        *(_text(left + width * at, middle + height + 22, f"{at:g}", 16, "middle") for at in (0, 0.5, 1)),
        _text(left + width * 0.75, middle + height + 22, "score", 16, "middle"),
    ]

    side, base, start = 330, 400, 610  # the curve
    parts.append(
        f'<rect x="{start}" y="{base - side}" width="{side}" height="{side}" fill="none" stroke="{_LINE}" '
        'stroke-width="2"/>'
    )
    points = " ".join(
        f"{start + side * r:.1f},{base - side * p:.1f}"
        for p, r in zip(precision.tolist(), recall.tolist(), strict=True)
    )
    parts.append(f'<polyline points="{points}" fill="none" stroke="{_SHOWS}" stroke-width="3"/>')
    for at in (0, 0.5, 1):
        parts.append(_text(start + side * at, base + 24, f"{at:g}", 16, "middle"))
        parts.append(_text(start - 10, base - side * at + 6, f"{at:g}", 16, "end"))
    parts.append(_text(start + side / 2, base + 50, "recall", 19, "middle"))
    parts.append(
        f'<text x="{start - 48}" y="{base - side / 2:g}" font-size="19" text-anchor="middle" '
        f'transform="rotate(-90 {start - 48} {base - side / 2:g})">precision</text>'
    )
    if hits + false:
        x, y = start + side * hits / (hits + missed), base - side * hits / (hits + false)
        parts.append(
            f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="11" fill="{_WINDOW}" stroke="#000" stroke-width="3"/>'
        )
    parts.append(_text(start + side, 50, f"average precision {metrics.average_precision(score, true):.3f}", 19, "end"))

    columns, table = (180, 330), 440
    parts += [_text(columns[0], table, "shows it", 18, "middle"), _text(columns[1], table, "does not", 18, "middle")]
    for row, (title, counts) in enumerate((("given", (hits, false)), ("not given", (missed, rest)))):
        y = table + 12 + 46 * row
        parts.append(_text(100, y + 31, title, 18, "end"))
        for center, count, right in zip(columns, counts, (row == 0, row == 1), strict=True):
            fill = _OUTPUT if right else "url(#hatch)"
            parts.append(
                f'<rect class="count" x="{center - 70}" y="{y}" width="140" height="42" fill="{fill}" '
                f'stroke="{_LINE}"/>'
            )
            parts.append(f'<rect x="{center - 34}" y="{y + 6}" width="68" height="30" fill="#FFFFFF"/>')
            parts.append(_text(center, y + 30, str(count), 23, "middle", weight="bold"))
    lines = [
        _share_in_words("precision", hits, hits + false),
        _share_in_words("recall", hits, hits + missed),
        _share_in_words("F1", 2 * hits, 2 * hits + false + missed),
    ]
    parts += [_text(500, 482 + 30 * number, line, 21) for number, line in enumerate(lines)]
    words = (
        f"Label {name}, given from a score of {threshold / 100:.2f} on. {hits} pictures that show it get it, {missed} "
        f"do not; {false} pictures without it get it, {rest} do not. {'; '.join(lines)}. The point on the "
        "precision-recall curve is marked."
    )
    return _svg(words, parts, 570)


def show_annotation(scores: object, targets: object, names: Sequence[str], label: int = 0, threshold: int = 50) -> None:
    """Display the picture of `annotation_svg`, still, with alternative text. Arguments and errors as there."""
    _show_still(annotation_svg(scores, targets, names, label, threshold))


def explore_annotation(
    scores: object, targets: object, names: Sequence[str], label: int = 0, threshold: int = 50
) -> ipywidgets.VBox:
    """A menu for the label and a slider for the threshold, and the picture of `annotation_svg` that follows them.

    Used in notebooks/09_multi_label_annotation.ipynb. Arguments and errors as in `annotation_svg`.

    Returns:
        The explorer: a box of DOM class `annotation-explorer`, to be left as the last value of a cell.
    """
    import ipywidgets

    start = annotation_svg(scores, targets, names, label, threshold)
    picture = ipywidgets.HTML(start, layout={"width": "100%", "max_width": f"{_WIDTH}px"})
    options = [(name, number) for number, name in enumerate(names)]
    chosen = ipywidgets.Dropdown(options=options, value=label, description="label", **_SLIDER)
    height = ipywidgets.IntSlider(value=threshold, min=0, max=100, description="threshold in %", **_SLIDER)

    def draw(_change: object = None) -> None:
        picture.value = annotation_svg(scores, targets, names, chosen.value, height.value)

    for control in (chosen, height):
        control.observe(draw, names="value")
    rows = ipywidgets.HBox([chosen, height], layout={"flex_flow": "row wrap", "width": "100%"})
    return _explorer("annotation-explorer", rows, picture)
