"""What bottlenecks and groups cost (notebook 06)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from course_utils.convolution import (
    multiplication_count,
    parameter_count,
)
from course_utils.runtime import check_choice
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

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
        canvas.text(
            20, 36, f"bottleneck {channels} → {width} → {width} → {channels}, beside a plain 3×3", 23, weight="bold"
        )
    ]
    fills = (canvas.INPUT, canvas.WINDOW, canvas.OUTPUT)
    left, room, bar = 250.0, 620.0, 44.0
    totals = {}
    for row, (title, cost, largest_side) in enumerate((("weights", weights, side), ("multiply-adds", work, 56))):
        top = 96.0 + 186 * row
        each, one = [cost(layer, side) for layer in layers], cost(plain, side)
        scale = room / max(sum(cost(layer, largest_side) for layer in layers), cost(plain, largest_side))
        totals[title] = (sum(each), one)
        map_words = "" if row == 0 else f" on a map of {side} × {side} (scale: full length at 56 × 56)"
        parts.append(canvas.text(20, top - 14, title + map_words, 21, weight="bold"))
        parts += [canvas.text(20, top + 30, "plain 3×3", 20), canvas.text(20, top + 30 + 62, "bottleneck", 20)]
        parts.append(
            f'<rect class="plain" x="{left:g}" y="{top:g}" width="{one * scale:.2f}" height="{bar:g}" '
            f'fill="url(#hatch)" stroke="{canvas.LINE}" stroke-width="1.5"/>'
        )
        x = left
        for value, fill in zip(each, fills, strict=True):
            parts.append(
                f'<rect class="part" x="{x:.2f}" y="{top + 62:g}" width="{value * scale:.2f}" height="{bar:g}" '
                f'fill="{fill}" stroke="{canvas.LINE}" stroke-width="1.5"/>'
            )
            x += value * scale
        parts.append(canvas.text(left + one * scale + 10, top + 30, _short(one), 20))
        parts.append(canvas.text(x + 10, top + 92, _short(sum(each)), 20))
    x = 20.0
    for words, fill in zip(names, fills, strict=True):
        parts += [canvas.cell(x, 452, 22, fill, "legend"), canvas.text(x + 30, 470, words, 19)]
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
    parts += [canvas.text(20, 516 + 30 * number, line, 20) for number, line in enumerate(lines)]
    words = (
        f"Bars for a bottleneck of {channels} channels with a middle of {width}, {names[1]}, beside a plain 3 by 3 "
        f"convolution on {channels} channels. {lines[0][0].upper()}{lines[0][1:]}; {lines[1]}."
    )
    return canvas.svg(words, parts, 570)


def show_bottleneck(
    channels: int = 256, width: int = 64, groups: int = 1, kernel_size: int = 3, side: int = 56
) -> None:
    """Display the picture of `bottleneck_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(bottleneck_svg(channels, width, groups, kernel_size, side))


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
            options=_BOTTLENECK_CHOICES[name], value=value, description=name.replace("_", " "), **canvas.SLIDER
        )
        for name, value in given.items()
    }
    picture = ipywidgets.HTML(layout={"width": "100%", "max_width": f"{canvas.WIDTH}px"})

    def draw(_change: object = None) -> None:
        picture.value = bottleneck_svg(**{name: slider.value for name, slider in sliders.items()})

    for slider in sliders.values():
        slider.observe(draw, names="value")
    draw()
    rows = ipywidgets.HBox(
        list(sliders.values()), layout={"flex_flow": "row wrap", "width": "100%", "max_width": f"{canvas.WIDTH}px"}
    )
    return canvas.explorer("bottleneck-explorer", rows, picture)
