"""Two pictures of one thing, and a border between them that can be drawn to and fro.

Used in notebooks/17_super_resolution.ipynb.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets
    import torch

_TOP, _TALLEST = 56, 720


def curtain_svg(
    left: torch.Tensor, right: torch.Tensor, border: int = 50, names: tuple[str, str] = ("before", "after")
) -> str:
    """One picture: of `left` what lies left of the border, of `right` what lies right of it.

    Args:
        left, right: (3, H, W) in 0..1, of one shape, PyTorch.
        border: where they meet, in percent of the width.
        names: what is written above them.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: pictures of two shapes or not in color, or a border outside 0..100.
    """
    import torch

    canvas.check_picture("left", left)
    canvas.check_picture("right", right)
    if left.shape != right.shape:
        raise ValueError(f"right must have the shape of left, {tuple(left.shape)}, got {tuple(right.shape)}")
    check_int("border", border, 0, 100)
    rows, columns = left.shape[1:]
    factor = min(canvas.WIDTH / columns, _TALLEST / rows)
    width, height = columns * factor, rows * factor
    start, column = (canvas.WIDTH - width) / 2, round(border / 100 * columns)
    joined = torch.cat([left[..., :column], right[..., column:]], dim=2)
    x = start + column * factor
    parts = [canvas.picture(joined, start, _TOP, width, height)]
    for ink, thick in (("#FFFFFF", 7), ("#000000", 3)):  # a light seam, so that the line shows on any ground
        parts.append(
            f'<line class="border" x1="{x:.1f}" y1="{_TOP - 10}" x2="{x:.1f}" y2="{_TOP + height + 10:.1f}" '
            f'stroke="{ink}" stroke-width="{thick}"/>'
        )
    parts.append(canvas.text(start, 36, f"◀ {names[0]}", 22, weight="bold"))
    parts.append(canvas.text(start + width, 36, f"{names[1]} ▶", 22, "end", weight="bold"))
    words = (
        f"One picture in two versions: {names[0]} left of a line at {border} % of the width, {names[1]} right of it."
    )
    return canvas.svg(words, parts, round(_TOP + height + 20))


def show_curtain(
    left: torch.Tensor, right: torch.Tensor, border: int = 50, names: tuple[str, str] = ("before", "after")
) -> None:
    """Display the picture of `curtain_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(curtain_svg(left, right, border, names))


def explore_curtain(
    left: torch.Tensor, right: torch.Tensor, border: int = 50, names: tuple[str, str] = ("before", "after")
) -> ipywidgets.VBox:
    """A slider that draws the border to and fro, and the picture of `curtain_svg` that follows it.

    Used in notebooks/17_super_resolution.ipynb. Arguments and errors as in `curtain_svg`.

    Returns:
        The explorer: a box of DOM class `curtain-explorer`, to be left as the last value of a cell.
    """
    start = curtain_svg(left, right, border, names)
    controls = canvas.sliders({"border": (0, 100)}, {"border": border})

    def draw() -> str:
        return curtain_svg(left, right, controls["border"].value, names)

    return canvas.follow("curtain-explorer", list(controls.values()), start, draw)
