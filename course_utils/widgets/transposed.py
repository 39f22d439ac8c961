"""A transposed convolution as stamps and as a matrix (notebook 03)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_utils.convolution import (
    sizes_sharing_output,
    transposed_output_size,
)
from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


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
        f'fill="rgb({red},{green},{blue})" stroke="{canvas.LINE}" '
        f'stroke-width="{1 if min(width, height) > 6 else 0.3}"/>'
    )
    if not letters:
        return cell
    name = "w" + str(index + 1).translate(_SUBSCRIPTS)
    size = round(min(height * 0.6, width * 0.42, 20))
    color = "#FFFFFF" if share > 0.5 else "#000000"
    return cell + canvas.text(x + width / 2, y + height / 2 + size * 0.35, name, size, "middle", color)


def _frame(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="none" '
        f'stroke="{canvas.STAMP_FRAME}" stroke-width="4"/>'
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

    parts = [canvas.text(95, 38, f"input {n} × {n}", 21, "middle", weight="bold")]
    side = min(40.0, 150 / n)
    for index in range(columns):
        x, y = 95 - side * n / 2 + index % n * side, 84 + index // n * side
        parts.append(canvas.cell(x, y, side, canvas.WINDOW if index == chosen else canvas.INPUT, "input"))
        if index == chosen:
            parts.append(_frame(x, y, side, side))
    parts.append(canvas.text(95, 296, f"kernel {k} × {k}", 21, "middle", weight="bold"))
    side = min(40.0, 150 / k)
    for index in range(weights):
        x, y = 95 - side * k / 2 + index % k * side, 312 + index // k * side
        parts.append(_weight_cell(x, y, side, side, index, weights, "weight", True))

    side = min(62.0, 400 / full)
    left, top = 400 - side * full / 2, 84
    for i in range(full):
        for j in range(full):
            x, y, inside = left + j * side, top + i * side, i in kept and j in kept
            parts.append(
                canvas.cell(x, y, side, canvas.OUTPUT if inside else "url(#hatch)", "output" if inside else "cut")
            )
            if inside and side >= 13:
                size = round(min(side * 0.6, 20))
                parts.append(
                    canvas.text(x + side / 2, y + side / 2 + size * 0.35, str(stamps[i] * stamps[j]), size, "middle")
                )
    x, y = left + chosen % n * stride * side, top + chosen // n * stride * side
    for index in range(weights):
        a, b = divmod(index, k)
        parts.append(_weight_cell(x + b * side, y + a * side, side, side, index, weights, "stamp", side >= 24))
    parts.append(_frame(x, y, k * side, k * side))
    named = f"canvas {full} × {full}" if problem else f"output {len(kept)} × {len(kept)}"
    parts.append(canvas.text(400, 38, named, 21, "middle", weight="bold"))
    parts.append(canvas.text(400, 66, "numbers: how many stamps meet there", 16, "middle"))

    rows = len(kept) ** 2
    if problem:
        parts.append(canvas.text(810, 220, "no layer", 30, "middle", canvas.ALARM, "bold"))
        parts += [
            canvas.text(810, 262 + 28 * number, words, 19, "middle") for number, words in enumerate(_halves(problem))
        ]
    else:
        parts.append(canvas.text(810, 38, f"Wᵀ: {rows} × {columns}", 21, "middle", weight="bold"))
        parts.append(canvas.text(810, 66, "a row an output, a column an input", 16, "middle"))
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
            f'stroke="{canvas.LINE}" stroke-width="1.5"/>'
        )
        parts.append(_frame(left + chosen * width, top, width, height * rows))

    x = 20.0
    entries = [("chosen input", canvas.WINDOW), ("output", canvas.OUTPUT), ("cut away by padding", "url(#hatch)")]
    for words, fill in entries:
        parts += [canvas.cell(x, 536, 22, fill, "legend"), canvas.text(x + 30, 554, words, 19)]
        x += 62 + 9.6 * len(words)
    parts += [_frame(x, 538, 20, 18), canvas.text(x + 30, 554, "its stamp on the output, its column in Wᵀ", 19)]

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
    parts += [canvas.text(20, 588 + 26 * number, line, 19) for number, line in enumerate(lines)]
    words = (
        f"Transposed convolution of a {n} by {n} input with kernel {k}, stride {stride}, padding {padding}, output "
        f"padding {output_padding}. {told}"
    )
    return canvas.svg(words, parts, canvas.HEIGHT)


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
    canvas.show_still(transposed_svg(input_size, kernel_size, stride, padding, output_padding, cell))


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
    sliders = canvas.sliders(_TRANSPOSED_LIMITS, given)
    check_int("cell", cell, 0, input_size**2 - 1)
    chosen = ipywidgets.IntSlider(value=cell, min=0, max=input_size**2 - 1, description="input cell", **canvas.SLIDER)
    picture = ipywidgets.HTML(layout={"width": "100%", "max_width": f"{canvas.WIDTH}px"})

    def draw(_change: object = None) -> None:
        now = {name: slider.value for name, slider in sliders.items()}
        chosen.max, chosen.disabled = now["input_size"] ** 2 - 1, now["input_size"] == 1
        picture.value = transposed_svg(**now, cell=chosen.value)

    for slider in (*sliders.values(), chosen):
        slider.observe(draw, names="value")
    draw()
    rows = ipywidgets.HBox(
        [*sliders.values(), chosen], layout={"flex_flow": "row wrap", "width": "100%", "max_width": f"{canvas.WIDTH}px"}
    )
    return canvas.explorer("transposed-explorer", rows, picture)
