"""What is left of an outline when only whole cells are told apart: a tree, averaged and enlarged (notebook 13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

SIDE = 64  # pixels of the picture; after five halvings 2 by 2 cells
_LIMITS = {"halvings": (0, 5), "size": (8, 60), "column": (16, 48), "row": (16, 48)}
_TREE, _ANSWER, _OUTLINE = "#9FC9A8", "#F2B233", "#000000"


def tree(size: int, column: int, row: int) -> np.ndarray:
    """A crown on a trunk, bool (64, 64), `size` pixels high, its middle at column and row; cut at the border."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    crown, top = 0.65 * size, row - size / 2
    leaves = (x - column) ** 2 + (y - top - crown / 2) ** 2 <= (crown / 2) ** 2
    trunk = (np.abs(x - column) <= max(1, size / 14)) & (y >= top + crown / 2) & (y <= top + size)
    return leaves | trunk


def averaged(mask: np.ndarray, cell: int) -> np.ndarray:
    """The mask averaged over square cells, enlarged bilinearly to its old size, and cut at one half."""
    shares = mask.reshape(SIDE // cell, cell, SIDE // cell, cell).mean(axis=(1, 3))
    places = (np.arange(SIDE) + 0.5) / cell - 0.5  # of the pixels' middles, in cells
    enlarge = np.stack([np.interp(places, np.arange(len(shares)), one) for one in np.eye(len(shares))], axis=1)
    return enlarge @ shares @ enlarge.T > 0.5


def _runs(mask: np.ndarray) -> list[tuple[int, int, int]]:
    """Row, first column and length of each run of pixels."""
    found = []
    for row, line in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(int), [0]])))
        found += [(row, int(a), int(b - a)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return found


def coarse_svg(halvings: int = 4, size: int = 44, column: int = 30, row: int = 33) -> str:
    """Picture of a tree beside what is left of it when only whole cells can be told apart.

    Args:
        halvings: how often the resolution is halved, 0 to 5; a cell has 2 to the power of that many pixels a side.
        size: height of the tree in pixels, 8 to 60.
        column, row: its middle in pixels, 16 to 48; the picture has 64 by 64.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: a number that is not an integer in its range.
    """
    for name, value in (("halvings", halvings), ("size", size), ("column", column), ("row", row)):
        check_int(name, value, *_LIMITS[name])
    cell, truth = 2**halvings, tree(size, column, row)
    answer = averaged(truth, cell)
    iou = (truth & answer).sum() / (truth | answer).sum()
    pixel, top, parts = 7, 60, []
    for left, title in ((20, "truth, and the cells"), (530, "averaged over the cells, enlarged")):
        parts.append(canvas.text(left, 40, title, 24, weight="bold"))
        parts.append(canvas.cell(left, top, pixel * SIDE, canvas.PADDING, "ground"))
        shown, fill, kind = (truth, _TREE, "truth") if left == 20 else (answer, _ANSWER, "answer")
        for r, first, length in _runs(shown):
            parts.append(
                f'<rect class="{kind}" x="{left + pixel * first}" y="{top + pixel * r}" width="{pixel * length}" '
                f'height="{pixel + 0.5}" fill="{fill}"/>'
            )
        for k in range(cell, SIDE, cell):
            if cell > 1 and left == 20:
                a, b = left + pixel * k, top + pixel * k
                ends = f'x1="{a}" y1="{top}" x2="{a}" y2="{top + pixel * SIDE}"'
                parts.append(f'<line {ends} stroke="{canvas.LINE}" stroke-width="1"/>')
                ends = f'x1="{left}" y1="{b}" x2="{left + pixel * SIDE}" y2="{b}"'
                parts.append(f'<line {ends} stroke="{canvas.LINE}" stroke-width="1"/>')
    for r, first, length in _runs(truth):  # the true outline over the answer
        for x in (530 + pixel * first, 530 + pixel * (first + length)):
            ends = f'x1="{x}" y1="{top + pixel * r}" x2="{x}" y2="{top + pixel * (r + 1)}"'
            parts.append(f'<line {ends} stroke="{_OUTLINE}" stroke-width="3"/>')
    cells = f"{SIDE // cell} × {SIDE // cell} cells of {cell} × {cell} pixels"
    parts.append(canvas.text(20, top + pixel * SIDE + 40, cells, 24))
    parts.append(canvas.text(530, top + pixel * SIDE + 40, f"IoU with the truth: {iou:.2f}", 24, weight="bold"))
    words = (
        f"Left a tree of {size} pixels in a picture of 64 by 64, with a grid of {cells}. Right the tree averaged over "
        f"the cells and enlarged bilinearly, cut at one half, with the sides of the true outline over it. "
        f"IoU with the truth: {iou:.2f}."
    )
    return canvas.svg(words, parts, top + pixel * SIDE + 60)


def show_coarse(halvings: int = 4, size: int = 44, column: int = 30, row: int = 33) -> None:
    """Display the picture of `coarse_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(coarse_svg(halvings, size, column, row))


def explore_coarse(halvings: int = 4, size: int = 44, column: int = 30, row: int = 33) -> ipywidgets.VBox:
    """Four sliders for the cells and the tree, and the picture of `coarse_svg` that follows them.

    Used in notebooks/13_fully_convolutional.ipynb. Arguments and errors as in `coarse_svg`.

    Returns:
        The explorer: a box of DOM class `coarse-explorer`, to be left as the last value of a cell.
    """
    sliders = canvas.sliders(_LIMITS, {"halvings": halvings, "size": size, "column": column, "row": row})

    def draw() -> str:
        return coarse_svg(**{name: slider.value for name, slider in sliders.items()})

    return canvas.follow("coarse-explorer", list(sliders.values()), draw(), draw)
