"""A window on its way over a padded input (notebook 02)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_utils.convolution import (
    output_size,
    sizes_sharing_output,
)
from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets


def _legend(unread: bool) -> str:
    """Swatches and what they mean, left to right."""
    parts, x, y = [], 20.0, 568
    entries = [
        ("input", canvas.INPUT),
        ("padding", "url(#hatch)"),
        ("read by this window", canvas.WINDOW),
        ("output", canvas.OUTPUT),
    ]
    for words, fill in entries:
        parts.append(canvas.cell(x, y, 22, fill, "legend"))
        if fill == canvas.WINDOW:
            parts.append(f'<circle cx="{x + 11:g}" cy="{y + 11}" r="4"/>')
        parts.append(canvas.text(x + 30, y + 18, words, 19))
        x += 62 + 9.6 * len(words)
    if unread:
        parts.append(canvas.text(x + 4, y + 18, "×", 24))
        parts.append(canvas.text(x + 26, y + 18, "never read, by no window", 19))
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

    side = min(80.0, canvas.PANEL / max(padded, span))
    left, top = (
        (20 + (canvas.PANEL - side * padded) / 2, canvas.TOP + (canvas.PANEL - side * padded) / 2)
        if fits
        else (20, canvas.TOP)
    )
    parts = []
    for i in range(padded):
        for j in range(padded):
            x, y = left + j * side, top + i * side
            inside = padding <= i < padding + input_size and padding <= j < padding + input_size
            parts.append(
                canvas.cell(x, y, side, canvas.INPUT if inside else "url(#hatch)", "input" if inside else "padding")
            )
            if fits and inside and not (i in ever_read and j in ever_read):
                parts.append(canvas.text(x + side / 2, y + side * 0.72, "×", round(side * 0.7), "middle", "#555555"))
    top_left = (left + column * stride * side, top + row * stride * side)
    for a in taps:
        for b in taps:
            x, y = top_left[0] + b * side, top_left[1] + a * side
            if fits:
                parts.append(canvas.cell(x, y, side, canvas.WINDOW, "window", 2.5))
                parts.append(f'<circle cx="{x + side / 2:.1f}" cy="{y + side / 2:.1f}" r="{side * 0.13:.1f}"/>')
            else:
                parts.append(
                    f'<rect class="window" x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" '
                    f'fill="{canvas.WINDOW}" fill-opacity="0.55" stroke="{canvas.ALARM}" stroke-width="2.5" '
                    'stroke-dasharray="7 4"/>'
                )
    frame = canvas.LINE if fits else canvas.ALARM
    parts.append(
        f'<rect x="{top_left[0]:.1f}" y="{top_left[1]:.1f}" width="{span * side:.1f}" height="{span * side:.1f}" '
        f'fill="none" stroke="{frame}" stroke-width="4"/>'
    )
    parts.append(
        canvas.text(260, 38, f"input {input_size} × {input_size}, padding {padding}", 23, "middle", weight="bold")
    )

    lines = [f"span of the kernel = dilation · (kernel − 1) + 1 = {dilation} · ({kernel_size} − 1) + 1 = {span}"]
    numbers = f"⌊({input_size} + 2 · {padding} − {span}) / {stride}⌋ + 1"
    if fits:
        out_side = min(80.0, 380 / positions)
        out_left, out_top = (
            580 + (380 - out_side * positions) / 2,
            canvas.TOP + (canvas.PANEL - out_side * positions) / 2,
        )
        for i in range(positions):
            for j in range(positions):
                parts.append(
                    canvas.cell(out_left + j * out_side, out_top + i * out_side, out_side, canvas.OUTPUT, "output")
                )
        x, y = out_left + column * out_side, out_top + row * out_side
        parts.append(canvas.cell(x, y, out_side, canvas.WINDOW, "current", 4))
        parts.append(f'<circle cx="{x + out_side / 2:.1f}" cy="{y + out_side / 2:.1f}" r="{out_side * 0.13:.1f}"/>')
        parts.append(
            f'<path d="M 516 {canvas.TOP + canvas.PANEL / 2:g} h 34 m -12 -9 l 12 9 l -12 9" fill="none" stroke="#000" '
            'stroke-width="3"/>'
        )
        parts.append(canvas.text(770, 38, f"output {positions} × {positions}", 23, "middle", weight="bold"))
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
        parts.append(canvas.text(770, 200, "no output", 30, "middle", canvas.ALARM, "bold"))
        parts.append(canvas.text(770, 240, "The kernel does not fit:", 22, "middle"))
        parts.append(canvas.text(770, 270, f"it spans {span}, the padded input {padded}.", 22, "middle"))
        parts.append(canvas.text(770, 310, f"Padding {need} would be enough.", 22, "middle"))
        lines.append(f"{numbers} is below 1: no window fits into the padded input")
        lines.append("PyTorch stops here with an error")
        where = f"The kernel spans {span} pixels and does not fit into {padded}."
    unread = fits and any(pixel not in ever_read for pixel in range(padding, padding + input_size))
    parts.append(_legend(unread))
    parts += [canvas.text(20, 624 + 30 * number, line, 20) for number, line in enumerate(lines)]
    words = (
        f"Convolution; {input_size} by {input_size} input, padding {padding}, kernel {kernel_size}, "
        f"stride {stride}, dilation {dilation}. {where} {lines[1]}."
    )
    return canvas.svg(words, parts, canvas.HEIGHT)


def show_convolution(
    input_size: int = 7, kernel_size: int = 3, padding: int = 1, stride: int = 2, dilation: int = 1, position: int = 0
) -> None:
    """Display the picture of `convolution_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(convolution_svg(input_size, kernel_size, padding, stride, dilation, position))


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
    sliders = canvas.sliders(limits, given)
    check_int("position", position, 0)
    window = ipywidgets.IntSlider(value=position, min=0, max=position, description="window position", **canvas.SLIDER)
    play = ipywidgets.Play(min=0, max=position, interval=400, description="move the window")
    ipywidgets.jslink((play, "value"), (window, "value"))
    ipywidgets.jslink((window, "max"), (play, "max"))
    picture = ipywidgets.HTML(layout={"width": "100%", "max_width": f"{canvas.WIDTH}px"})

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
        [*sliders.values(), window, play],
        layout={"flex_flow": "row wrap", "width": "100%", "max_width": f"{canvas.WIDTH}px"},
    )
    return canvas.explorer("convolution-explorer", rows, picture)
