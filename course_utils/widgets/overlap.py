"""Two boxes on squared paper, their IoU and their generalized IoU (notebook 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

_FIXED = (4, 3, 10, 8)  # box A: x1 y1 x2 y2, in squares
_LIMITS = {"left": (0, 14), "top": (0, 10), "width": (0, 8), "height": (0, 8)}
_COLUMNS, _ROWS, _SIDE = 22, 18, 25


def _rectangle(box: tuple[int, int, int, int], kind: str, style: str) -> str:
    x1, y1, x2, y2 = (20 + _SIDE * edge for edge in box)
    return f'<rect class="{kind}" x="{x1}" y="{y1}" width="{x2 - x1}" height="{y2 - y1}" {style}/>'


def overlap_svg(left: int = 7, top: int = 5, width: int = 6, height: int = 5) -> str:
    """Picture of two boxes on squared paper: what they share, what encloses them, IoU and generalized IoU.

    Box A stays, 6 squares wide and 5 high. Derivation: notebooks/10_localization.ipynb.

    Args:
        left, top: the upper left corner of box B in squares, 0 to 14 and 0 to 10.
        width, height: of box B in squares, 0 to 8.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: a number out of its range.
    """
    from course_utils import boxes  # needs torch: imported where somebody looks

    for name, value in {"left": left, "top": top, "width": width, "height": height}.items():
        check_int(name, value, *_LIMITS[name])
    moved = (left, top, left + width, top + height)
    iou, generalized = (f([_FIXED], [moved]).item() for f in (boxes.iou, boxes.generalized_iou))
    corners = list(zip(_FIXED, moved, strict=True))
    inner = (*(max(pair) for pair in corners[:2]), *(min(pair) for pair in corners[2:]))
    outer = (*(min(pair) for pair in corners[:2]), *(max(pair) for pair in corners[2:]))
    shared = max(inner[2] - inner[0], 0) * max(inner[3] - inner[1], 0)
    a, b = (_FIXED[2] - _FIXED[0]) * (_FIXED[3] - _FIXED[1]), width * height
    union, enclosing = a + b - shared, (outer[2] - outer[0]) * (outer[3] - outer[1])

    paper = (0, 0, _COLUMNS, _ROWS)
    grid = [f"M{20 + _SIDE * n} 20v{_SIDE * _ROWS}" for n in range(_COLUMNS + 1)]
    grid += [f"M20 {20 + _SIDE * n}h{_SIDE * _COLUMNS}" for n in range(_ROWS + 1)]
    parts = [
        _rectangle(paper, "paper", 'fill="white"'),
        f'<path d="{"".join(grid)}" stroke="#D8D8D8" fill="none"/>',
        _rectangle(_FIXED, "fixed", f'fill="{canvas.INPUT}" fill-opacity="0.8"'),
        _rectangle(moved, "moved", f'fill="{canvas.WINDOW}" fill-opacity="0.45"'),
    ]
    if shared:
        parts.append(_rectangle(inner, "shared", 'fill="url(#hatch)"'))
    parts += [
        _rectangle(outer, "enclosing", 'fill="none" stroke="#000000" stroke-width="2" stroke-dasharray="8 5"'),
        _rectangle(_FIXED, "frame", f'fill="none" stroke="{canvas.LINE}" stroke-width="3"'),
        _rectangle(moved, "frame", f'fill="none" stroke="{canvas.ALARM}" stroke-width="3"'),
        canvas.text(26 + _SIDE * _FIXED[0], 43 + _SIDE * _FIXED[1], "A", 22, weight="bold"),
        canvas.text(14 + _SIDE * moved[2], 14 + _SIDE * moved[3], "B", 22, "end", canvas.ALARM, weight="bold"),
    ]
    lines = [
        f"A: 6 × 5 = {a} squares",
        f"B: {width} × {height} = {b} squares",
        f"shared (hatched): {shared}",
        f"union: {a} + {b} − {shared} = {union}",
        f"IoU = {shared} / {union} = {iou:.3f}",
        f"around both (dashed): {outer[2] - outer[0]} × {outer[3] - outer[1]} = {enclosing}",
        f"of it, in neither: {enclosing} − {union} = {enclosing - union}",
        f"GIoU = {iou:.3f} − {enclosing - union} / {enclosing} = {generalized:.3f}".replace("= -", "= −"),
    ]
    bold = {4, 7}
    parts += [
        canvas.text(595, 60 + 52 * n, line, 19, weight="bold" if n in bold else "") for n, line in enumerate(lines)
    ]
    words = f"Two boxes on squared paper, A fixed, B at column {left} and row {top}. {'. '.join(lines)}."
    return canvas.svg(words, parts, 490)


def show_overlap(left: int = 7, top: int = 5, width: int = 6, height: int = 5) -> None:
    """Display the picture of `overlap_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(overlap_svg(left, top, width, height))


def explore_overlap(left: int = 7, top: int = 5, width: int = 6, height: int = 5) -> ipywidgets.VBox:
    """Four sliders for box B, and the picture of `overlap_svg` that follows them.

    Used in notebooks/10_localization.ipynb. Arguments and errors as in `overlap_svg`.

    Returns:
        The explorer: a box of DOM class `overlap-explorer`, to be left as the last value of a cell.
    """
    sliders = canvas.sliders(_LIMITS, {"left": left, "top": top, "width": width, "height": height})

    def draw() -> str:
        return overlap_svg(**{name: slider.value for name, slider in sliders.items()})

    return canvas.follow("overlap-explorer", list(sliders.values()), draw(), draw)
