"""A box on a feature map: what RoI pooling rounds it to, and where RoIAlign reads (notebook 11)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

CELLS, STRIDE, BINS = 8, 4, 2  # an 8 by 8 map of a picture of 32 pixels, pooled to 2 by 2
_LIMITS = {"x": (0, 28), "y": (0, 28), "width": (4, 32), "height": (4, 32)}
_BOX, _SAMPLE = "#D55E00", "#000000"


def _check(x: int, y: int, width: int, height: int) -> tuple[int, int, int, int]:
    for name, value in (("x", x), ("y", y), ("width", width), ("height", height)):
        check_int(name, value, *_LIMITS[name])
    return x, y, min(x + width, CELLS * STRIDE), min(y + height, CELLS * STRIDE)


def pooled_cells(low: int, high: int) -> list[tuple[int, int]]:
    """The cells, first and one past the last, of each bin of RoI pooling along one side, for edges in pixels.

    Bins share cells where their edges are rounded outwards; what lies outside the map is left out.
    """
    first, last = (math.floor(edge / STRIDE + 0.5) for edge in (low, high))
    side = max(last - first + 1, 1) / BINS
    bins = [(math.floor(first + k * side), math.ceil(first + (k + 1) * side)) for k in range(BINS)]
    return [(min(a, CELLS), min(b, CELLS)) for a, b in bins]


def aligned_points(low: int, high: int) -> list[float]:
    """Where RoIAlign reads along one side, one point a bin: in cells, the first cell's middle at 0.5."""
    side = (high - low) / STRIDE / BINS
    return [low / STRIDE + (k + 0.5) * side for k in range(BINS)]


def _pooled(rows: tuple[int, int], columns: tuple[int, int]) -> float:
    """The largest number of the cells; 0 where there is none, as in torchvision."""
    return CELLS * (rows[1] - 1) + columns[1] - 1 if rows[0] < rows[1] and columns[0] < columns[1] else 0


def _read(y: float, x: float) -> float:
    """The map at a point, interpolated: it is level beyond the middles of the outermost cells."""
    row, column = (min(max(at - 0.5, 0), CELLS - 1) for at in (y, x))
    return CELLS * row + column


def roi_svg(x: int = 9, y: int = 3, width: int = 16, height: int = 16) -> str:
    """Picture of a box on an 8 by 8 map that numbers its cells row by row, pooled and aligned to 2 by 2.

    Args:
        x, y: upper left corner in pixels of the picture, 0 to 28; a cell is 4 pixels.
        width, height: in pixels, 4 to 32; what reaches beyond pixel 32 is cut off.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: a number that is not an integer in its range.
    """
    x1, y1, x2, y2 = _check(x, y, width, height)
    rows, columns = pooled_cells(y1, y2), pooled_cells(x1, x2)
    points_y, points_x = aligned_points(y1, y2), aligned_points(x1, x2)
    pooled = [[_pooled(r, c) for c in columns] for r in rows]
    aligned = [[_read(a, b) for b in points_x] for a in points_y]
    side, top = 48, 84
    parts = []
    for left, title in ((40, "RoI pooling: whole cells"), (560, "RoIAlign: points")):
        parts.append(canvas.text(left, 44, title, 24, weight="bold"))
        for row in range(CELLS):
            for column in range(CELLS):
                taken = left == 40 and any(a <= row < b for a, b in rows) and any(a <= column < b for a, b in columns)
                place = left + side * column, top + side * row
                fill = canvas.INPUT if taken else canvas.PADDING
                parts.append(canvas.cell(*place, side, fill, "taken" if taken else "cell"))
                parts.append(canvas.text(place[0] + 5, place[1] + 18, str(CELLS * row + column), 15))
        if left == 40:
            for k, r in enumerate(rows):
                for m, c in enumerate(columns):
                    inset = 3 if (k + m) % 2 else 8  # bins may share cells: keep their frames apart
                    frame = [left + side * c[0], top + side * r[0], side * (c[1] - c[0]), side * (r[1] - r[0])]
                    if frame[2] > 0 and frame[3] > 0:
                        parts.append(
                            f'<rect class="bin" x="{frame[0] + inset}" y="{frame[1] + inset}" '
                            f'width="{frame[2] - 2 * inset}" height="{frame[3] - 2 * inset}" fill="none" '
                            'stroke="#0072B2" stroke-width="3" stroke-dasharray="8 4"/>'
                        )
        else:
            for a in points_y:
                for b in points_x:
                    parts.append(
                        f'<circle class="point" cx="{left + side * b:.1f}" cy="{top + side * a:.1f}" r="8" '
                        f'fill="{canvas.WINDOW}" stroke="{_SAMPLE}" stroke-width="3"/>'
                    )
        box = [
            left + side * x1 / STRIDE,
            top + side * y1 / STRIDE,
            side * (x2 - x1) / STRIDE,
            side * (y2 - y1) / STRIDE,
        ]
        parts.append(
            f'<rect class="box" x="{box[0]:.1f}" y="{box[1]:.1f}" width="{box[2]:.1f}" height="{box[3]:.1f}" '
            f'fill="none" stroke="{_BOX}" stroke-width="4"/>'
        )
    bottom = top + side * CELLS + 40
    for left, values in ((40, pooled), (560, aligned)):
        for k, row in enumerate(values):
            line = "     ".join(f"{value:g}" for value in row)
            parts.append(canvas.text(left + 10, bottom + 32 * k, line, 24, weight="bold"))
    both = [", ".join(f"{value:g}" for row in values for value in row) for values in (pooled, aligned)]
    words = (
        f"A box from ({x1}, {y1}) to ({x2}, {y2}) pixels on an 8 by 8 map with cells of 4 pixels, numbered 0 to 63. "
        f"RoI pooling takes columns {columns[0][0]} to {columns[-1][1] - 1} and rows {rows[0][0]} to "
        f"{rows[-1][1] - 1}, and gives {both[0]}. RoIAlign reads four points inside the box and gives {both[1]}."
    )
    return canvas.svg(words, parts, bottom + 60)


def show_roi(x: int = 9, y: int = 3, width: int = 16, height: int = 16) -> None:
    """Display the picture of `roi_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(roi_svg(x, y, width, height))


def explore_roi(x: int = 9, y: int = 3, width: int = 16, height: int = 16) -> ipywidgets.VBox:
    """Four sliders for the box, and the picture of `roi_svg` that follows them.

    Used in notebooks/11_region_proposals.ipynb. Arguments and errors as in `roi_svg`.

    Returns:
        The explorer: a box of DOM class `roi-explorer`, to be left as the last value of a cell.
    """
    sliders = canvas.sliders(_LIMITS, {"x": x, "y": y, "width": width, "height": height})

    def draw() -> str:
        return roi_svg(**{name: slider.value for name, slider in sliders.items()})

    return canvas.follow("roi-explorer", list(sliders.values()), draw(), draw)
