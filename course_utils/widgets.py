"""Explorers: pictures that follow sliders. A pure function makes each picture, as text, from plain numbers.

The pictures are SVG inside an HTML widget: from slider to picture this takes a fifth of what a matplotlib figure takes.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from course_utils.convolution import output_size, sizes_sharing_output, transposed_output_size
from course_utils.runtime import check_int

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


# --- softmax and cross-entropy -------------------------------------------------------------------------------------

_FRUIT = ("apple", "banana", "carrot")
_LOGIT_LIMITS, _TEMPERATURE_LIMITS = (-6.0, 6.0), (0.25, 4.0)


def softmax_svg(apple: float = 2.0, banana: float = 1.0, carrot: float = 0.0, temperature: float = 1.0) -> str:
    """Picture of three logits, their softmax, the cross-entropy where the truth is an apple, and its gradient.

    The probabilities are q = softmax(logits / temperature), the loss -ln q[apple], its gradient by the logits
    (q - y) / temperature with y = (1, 0, 0). Derivation: notebooks/05_training_a_classifier.ipynb.

    Args:
        apple, banana, carrot: the logits, -6 to 6.
        temperature: 0.25 to 4.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: a number out of its range.
    """
    logits = (apple, banana, carrot)
    ranges = {name: (value, _LOGIT_LIMITS) for name, value in zip(_FRUIT, logits, strict=True)}
    for name, (value, (low, high)) in {**ranges, "temperature": (temperature, _TEMPERATURE_LIMITS)}.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}")
    highest = max(logits)
    powers = [math.exp((logit - highest) / temperature) for logit in logits]
    shares = [power / sum(powers) for power in powers]
    loss = math.log(sum(powers)) - (apple - highest) / temperature
    gradient = [(share - (name == "apple")) / temperature for name, share in zip(_FRUIT, shares, strict=True)]
    widest = max(1e-9, *(abs(g) for g in gradient))

    heads = ((250, "logit"), (560, f"softmax(logit / {temperature:g})"), (850, "gradient of the loss"))
    parts = [_text(x, 40, words, 23, "middle", weight="bold") for x, words in heads]
    for x, low, high in ((250, "-6", "6"), (560, "0", "1")):
        parts += [_text(x - 110, 338, low, 17, "middle"), _text(x + 110, 338, high, 17, "middle")]
        parts.append(f'<line x1="{x - 110}" y1="316" x2="{x + 110}" y2="316" stroke="{_LINE}" stroke-width="1.5"/>')
    parts.append(_text(850, 338, "to the right: will go down", 17, "middle"))
    for x in (250, 850):
        parts.append(f'<line x1="{x}" y1="60" x2="{x}" y2="316" stroke="{_LINE}" stroke-dasharray="4 4"/>')
    for row, name in enumerate(_FRUIT):
        y = 74 + 80 * row
        fill = _WINDOW if name == "apple" else _INPUT
        parts.append(_text(20, y + 32, name, 23, weight="bold" if name == "apple" else ""))
        length = logits[row] / 6 * 110
        for kind, left, width in (
            ("logit", 250 + min(0.0, length), abs(length)),
            ("share", 450, shares[row] * 220),
            ("gradient", 850 + min(0.0, gradient[row] / widest * 100), abs(gradient[row] / widest * 100)),
        ):
            parts.append(
                f'<rect class="{kind}" x="{left:.2f}" y="{y}" width="{width:.2f}" height="46" fill="{fill}" '
                f'stroke="{_LINE}"/>'
            )
        parts.append(_text(258, y + 68, f"{logits[row]:g}", 18))
        parts.append(_text(450, y + 68, f"{shares[row]:.4f}", 18))
        parts.append(_text(858, y + 68, f"{gradient[row]:+.4f}", 18))
    lines = [
        f"the truth is an apple: loss = -ln {shares[0]:.4g} = {loss:.3f} nats = {loss / math.log(2):.3f} bits",
        "gradient = (probability - truth) / temperature; its three entries add up to 0",
    ]
    parts += [_text(20, 382 + 32 * number, line, 21) for number, line in enumerate(lines)]
    words = (
        f"Logits {apple:g}, {banana:g} and {carrot:g} for apple, banana and carrot at temperature {temperature:g} give "
        f"the probabilities {shares[0]:.3f}, {shares[1]:.3f} and {shares[2]:.3f}. The truth is an apple: the loss is "
        f"{loss:.3f} nats, its gradient {gradient[0]:.3f}, {gradient[1]:.3f} and {gradient[2]:.3f}."
    )
    return _svg(words, parts, 430)


def show_softmax(apple: float = 2.0, banana: float = 1.0, carrot: float = 0.0, temperature: float = 1.0) -> None:
    """Display the picture of `softmax_svg`, still, with alternative text. Arguments and errors as there."""
    _show_still(softmax_svg(apple, banana, carrot, temperature))


def explore_softmax(
    apple: float = 2.0, banana: float = 1.0, carrot: float = 0.0, temperature: float = 1.0
) -> ipywidgets.VBox:
    """Sliders for three logits and a temperature, and the picture of `softmax_svg` that follows.

    Used in notebooks/05_training_a_classifier.ipynb. Arguments and errors as in `softmax_svg`.

    Returns:
        The explorer: a box of DOM class `softmax-explorer`, to be left as the last value of a cell.
    """
    import ipywidgets

    given = (apple, banana, carrot, temperature)
    picture = ipywidgets.HTML(softmax_svg(*given), layout={"width": "100%", "max_width": f"{_WIDTH}px"})
    limits = [
        *((f"logit of {name}", _LOGIT_LIMITS, 0.5) for name in _FRUIT),
        ("temperature", _TEMPERATURE_LIMITS, 0.25),
    ]
    sliders = [
        ipywidgets.FloatSlider(value=value, min=low, max=high, step=step, description=words, **_SLIDER)
        for value, (words, (low, high), step) in zip(given, limits, strict=True)
    ]

    def draw(_change: object = None) -> None:
        picture.value = softmax_svg(*(slider.value for slider in sliders))

    for slider in sliders:
        slider.observe(draw, names="value")
    rows = ipywidgets.HBox(sliders, layout={"flex_flow": "row wrap", "width": "100%"})
    return _explorer("softmax-explorer", rows, picture)


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
