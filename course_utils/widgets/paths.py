"""Routes through residual blocks (notebook 07)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets


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
        canvas.text(
            20,
            34,
            f"{blocks} blocks, branches of slope {slope:g}: share of the whole slope by route",
            23,
            weight="bold",
        ),
        f'<line x1="{left}" y1="{bottom}" x2="{left + width}" y2="{bottom}" stroke="{canvas.LINE}" stroke-width="2"/>',
    ]
    top_share = max(shares)
    for k, share in enumerate(shares):
        bar = share / top_share * height
        fill = canvas.WINDOW if k == blocks else canvas.INPUT
        parts.append(
            f'<rect class="share" x="{left + k * step + 1:.1f}" y="{bottom - bar:.1f}" width="{max(step - 2, 1):.1f}" '
            f'height="{bar:.1f}" fill="{fill}" stroke="{canvas.LINE}"/>'
        )
        if blocks <= 20 or k % 5 == 0:
            parts.append(canvas.text(left + (k + 0.5) * step, bottom + 24, str(k), 17, "middle"))
    for tick in (0.5, 1.0):
        y = bottom - tick * height
        parts.append(f'<line x1="{left - 8}" y1="{y}" x2="{left}" y2="{y}" stroke="{canvas.LINE}" stroke-width="2"/>')
        parts.append(canvas.text(left - 12, y + 6, f"{100 * tick * top_share:.0f} %", 17, "end"))
    parts.append(canvas.text(left + width / 2, bottom + 54, "branches on the route", 20, "middle"))
    x = left + (longest + 0.5) * step
    parts.append(
        canvas.text(min(max(x, left + 130), left + width - 130), 70, f"most: routes of {longest}", 19, "middle")
    )
    lines = [
        f"residual chain: (1 + {slope:g})^{blocks} = {total:.4g}, the sum over all routes",
        f"plain chain: {slope:g}^{blocks} = {slope**blocks:.2g}, the one route through every branch (far right)",
    ]
    parts += [canvas.text(20, 528 + 32 * number, line, 21) for number, line in enumerate(lines)]
    words = (
        f"Bars: share of the slope of {blocks} residual blocks that comes through routes with 0 to {blocks} branches, "
        f"for branches of slope {slope:g}. Routes of {longest} branches bring the most. {lines[0]}; {lines[1]}."
    )
    return canvas.svg(words, parts, 580)


def show_paths(blocks: int = 30, slope: float = 0.2) -> None:
    """Display the picture of `paths_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(paths_svg(blocks, slope))


def explore_paths(blocks: int = 30, slope: float = 0.2) -> ipywidgets.VBox:
    """Sliders for the number of blocks and the slope of their branches, and the picture of `paths_svg` that follows.

    Used in notebooks/07_residual_networks.ipynb. Arguments and errors as in `paths_svg`.

    Returns:
        The explorer: a box of DOM class `paths-explorer`, to be left as the last value of a cell.
    """
    import ipywidgets

    start = paths_svg(blocks, slope)
    count = ipywidgets.IntSlider(value=blocks, min=1, max=60, description="blocks", **canvas.SLIDER)
    weight = ipywidgets.FloatSlider(
        value=slope, min=0.05, max=1.0, step=0.05, description="slope of a branch", **canvas.SLIDER
    )

    def draw() -> str:
        return paths_svg(count.value, weight.value)

    return canvas.follow("paths-explorer", [count, weight], start, draw)
