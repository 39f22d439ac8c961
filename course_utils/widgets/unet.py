"""The sides of the maps in a U-Net, level by level (notebook 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_utils.runtime import check_choice, check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

LIMITS = {"input_size": (16, 640), "depth": (1, 4)}
PADDINGS = ("none", "one pixel")
_LEFT, _RIGHT, _TOP, _STEP = 210, 720, 110, 100


def walk(input_size: int, depth: int, padding: str = "none") -> tuple[list[float], list[float]]:
    """Sides of the maps behind the two 3x3 convolutions of each level, down and up; fractions where halving fails.

    The walk goes on with fractions and below zero, so that a picture can show where it breaks.
    """
    lost = 4 if padding == "none" else 0
    down: list[float] = [input_size - lost]
    for _ in range(depth):
        down.append(down[-1] / 2 - lost)
    up: list[float] = []
    for _ in range(depth):
        up.append(2 * (up[-1] if up else down[-1]) - lost)
    return down, up


def fits(input_size: int, depth: int, padding: str = "none") -> bool:
    """Whether every map that is pooled has an even side, and something is left at the end."""
    down, up = walk(input_size, depth, padding)
    return all(side % 2 == 0 for side in down[:-1]) and min(*down, *up) >= 1


def _nearest(input_size: int, depth: int, padding: str) -> list[int]:
    """The nearest sizes that fit, at or below and at or above."""
    low, high = LIMITS["input_size"]
    below = [size for size in range(input_size, low - 1, -1) if fits(size, depth, padding)][:1]
    above = [size for size in range(input_size, high + 200) if fits(size, depth, padding)][:1]
    return sorted({*below, *above})


def unet_svg(input_size: int = 572, depth: int = 4, padding: str = "none") -> str:
    """Picture of a U-Net's maps: their sides level by level, what is cut off each skip, and whether the size fits.

    Args:
        input_size: side of the picture in pixels, 16 to 640.
        depth: poolings, 1 to 4.
        padding: of each 3x3 convolution: 'none', as in the paper, or 'one pixel'.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: an argument out of its range.
    """
    check_int("input_size", input_size, *LIMITS["input_size"])
    check_int("depth", depth, *LIMITS["depth"])
    check_choice("padding", padding, PADDINGS)
    down, up = walk(input_size, depth, padding)
    whole = fits(input_size, depth, padding)
    parts = [
        canvas.text(
            40, 46, f"input {input_size} × {input_size}, {depth} poolings, padding: {padding}", 24, weight="bold"
        )
    ]
    said = []
    broken = False

    def box(x: float, y: float, side: float, bad: bool, kind: str) -> None:
        fill = "url(#hatch)" if bad else canvas.INPUT if kind == "down" else canvas.OUTPUT
        parts.append(
            f'<rect class="{kind}{" broken" if bad else ""}" x="{x - 80}" y="{y - 30}" width="160" height="52" '
            f'fill="{fill}" stroke="{canvas.ALARM if bad else canvas.LINE}" stroke-width="{4 if bad else 2}"/>'
        )
        parts.append(f'<rect x="{x - 52}" y="{y - 20}" width="104" height="32" fill="#FFFFFF" fill-opacity="0.85"/>')
        parts.append(canvas.text(x, y + 4, f"{side:g}", 24, "middle", weight="bold"))

    for level in range(depth + 1):
        y = _TOP + _STEP * level
        x = _LEFT if level < depth else (_LEFT + _RIGHT) / 2
        odd = level < depth and down[level] % 2 != 0
        bad = broken or odd or down[level] < 1
        box(x, y, down[level], bad, "down")
        if odd and not broken:
            parts.append(canvas.text(_LEFT, y + 46, "odd: cannot be halved", 18, "middle", canvas.ALARM))
        elif level < depth:
            parts.append(canvas.text(_LEFT, y + 46, "↓ pool: half", 18, "middle"))
        broken = bad
    for level in range(depth):
        y, side = _TOP + _STEP * level, up[depth - 1 - level]
        box(_RIGHT, y, side, broken or side < 1, "up")
        if not broken:
            kept = side + (4 if padding == "none" else 0)
            cut = (down[level] - kept) / 2
            words = f"skip, {cut:g} cut off at each edge" if cut else "skip, whole"
            parts.append(
                f'<line class="skip" x1="{_LEFT + 84}" y1="{y - 4}" x2="{_RIGHT - 92}" y2="{y - 4}" '
                f'stroke="{canvas.LINE}" stroke-width="3" stroke-dasharray="10 5"/>'
            )
            parts.append(canvas.text((_LEFT + _RIGHT) / 2, y - 14, words, 18, "middle"))
            parts.append(canvas.text(_RIGHT, y + 46, "↑ double, merge", 18, "middle"))
            said.append(f"level {level}: {down[level]:g} down, {side:g} up, {cut:g} cut off")
    bottom = _TOP + _STEP * depth + 80
    if whole:
        lost = input_size - up[-1]
        verdict = f"output {up[-1]:g} × {up[-1]:g}" + (
            f": a frame of {lost / 2:g} pixels gets no answer" if lost else ""
        )
    else:
        near = " or ".join(str(size) for size in _nearest(input_size, depth, padding))
        verdict = f"this size does not fit; take {near}"
    parts.append(canvas.text(40, bottom, verdict, 24, color="#000000" if whole else canvas.ALARM, weight="bold"))
    words = (
        f"A U-Net with {depth} poolings and padding {padding} on {input_size} by {input_size} pixels. Sides on the way "
        f"down: {', '.join(f'{side:g}' for side in down)}. {'; '.join(said)}. {verdict[0].upper()}{verdict[1:]}."
    )
    return canvas.svg(words.replace("×", "by").replace(". . ", ". "), parts, bottom + 40)


def show_unet(input_size: int = 572, depth: int = 4, padding: str = "none") -> None:
    """Display the picture of `unet_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(unet_svg(input_size, depth, padding))


def explore_unet(input_size: int = 572, depth: int = 4, padding: str = "none") -> ipywidgets.VBox:
    """Sliders for size and depth, a menu for the padding, and the picture of `unet_svg` that follows them.

    Used in notebooks/14_segnet_and_unet.ipynb. Arguments and errors as in `unet_svg`.

    Returns:
        The explorer: a box of DOM class `unet-explorer`, to be left as the last value of a cell.
    """
    import ipywidgets

    start = unet_svg(input_size, depth, padding)
    sliders = canvas.sliders(LIMITS, {"input_size": input_size, "depth": depth})
    menu = ipywidgets.Dropdown(options=PADDINGS, value=padding, description="padding", **canvas.SLIDER)

    def draw() -> str:
        return unet_svg(sliders["input_size"].value, sliders["depth"].value, menu.value)

    return canvas.follow("unet-explorer", [*sliders.values(), menu], start, draw)
