"""How heavily the style weighs: pictures that were computed for several weights, and what each gains and gives up.

Used in notebooks/16_style_transfer.ipynb.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

_SIDE, _TOP = 460, 70  # of the picture and of the curve
_KEYS = ("weight", "picture", "content", "style")


def _check(results: Sequence[Mapping[str, Any]], chosen: int) -> None:
    if len(results) < 2 or any(set(_KEYS) - set(result) for result in results):
        raise ValueError(f"results must be two mappings or more with the keys {', '.join(_KEYS)}, got {len(results)}")
    for result in results:
        canvas.check_picture("picture", result["picture"])
        for key in ("weight", "content", "style"):
            if not (math.isfinite(result[key]) and result[key] > 0):
                raise ValueError(f"{key} must be a finite number above 0 in every result, got {result[key]!r}")
    check_int("chosen", chosen, 0, len(results) - 1)


def _places(values: Sequence[float], low: float, high: float) -> list[float]:
    """Positions between low and high on a logarithmic axis that just holds the values."""
    logs = [math.log(value) for value in values]
    least, span = min(logs), max(max(logs) - min(logs), 1e-9)
    return [low + (value - least) / span * (high - low) for value in logs]


def _names(results: Sequence[Mapping[str, Any]], xs: Sequence[float], ys: Sequence[float], middle: float) -> list[str]:
    """The weight of style beside each point, on the side where the falling curve leaves room."""
    parts = []
    for number, (x, y) in enumerate(zip(xs, ys, strict=True)):
        place = (x + 18, y - 4, "start") if x < middle else (x - 18, y + 18, "end")
        if number and math.dist((x, y), (xs[number - 1], ys[number - 1])) < 40:  # else on the last one's circle
            place = (x, y - 20, "middle")
        parts.append(canvas.text(*place[:2], f"{results[number]['weight']:g}", 16, place[2]))
    return parts


def style_svg(results: Sequence[Mapping[str, Any]], chosen: int = 0) -> str:
    """One picture of several that differ in the weight of style, and all of them as points: content against style.

    The weight stands beside each point, and at the axes the least and the largest loss.

    Args:
        results: mappings with `weight`, `picture` (3, H, W) in 0..1, and the two losses `content` and `style`, above 0;
            two or more, by rising weight.
        chosen: which one is shown, counted from 0.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: too few results, a key that is missing, a number or a shape that does not fit.
    """
    _check(results, chosen)
    now = results[chosen]
    height, width = (side * _SIDE / max(now["picture"].shape[1:]) for side in now["picture"].shape[1:])
    parts = [
        canvas.text(20, 40, f"weight of style {now['weight']:g}", 22, weight="bold"),
        canvas.picture(now["picture"], 20, _TOP, width, height, smooth=True),
        canvas.text(570, 40, "what is gained, what is given up", 22, weight="bold"),
    ]
    start, base, side = 570, _TOP + _SIDE - 40, 400
    parts.append(
        f'<rect x="{start}" y="{base - side}" width="{side}" height="{side}" fill="none" stroke="{canvas.LINE}" '
        'stroke-width="2"/>'
    )
    contents, styles = ([result[key] for result in results] for key in ("content", "style"))
    xs, ys = _places(contents, start + 30, start + side - 30), _places(styles, base - 30, base - side + 30)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    parts.append(f'<polyline points="{points}" fill="none" stroke="#0072B2" stroke-width="3"/>')
    for number, (x, y) in enumerate(zip(xs, ys, strict=True)):
        kind, radius, fill = ("point", 13, canvas.WINDOW) if number == chosen else ("other", 7, "#FFFFFF")
        parts.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" stroke="#000" '
            'stroke-width="3"/>'
        )
    parts += _names(results, xs, ys, start + side / 2)
    for at, opposite in ((min, max), (max, min)):  # y grows downwards
        parts.append(canvas.text(at(xs), base + 24, f"{at(contents):.3g}", 16, "middle"))
        parts.append(canvas.text(start - 6, opposite(ys) + 6, f"{at(styles):.3g}", 16, "end"))
    parts.append(canvas.text(start + side / 2, base + 30, "content loss (logarithmic)", 18, "middle"))
    parts.append(
        f'<text x="{start - 20}" y="{base - side / 2:g}" font-size="18" text-anchor="middle" '
        f'transform="rotate(-90 {start - 20} {base - side / 2:g})">style loss (logarithmic)</text>'
    )
    line = f"content loss {now['content']:.3g}, style loss {now['style']:.3g}"
    parts.append(canvas.text(start, base + 68, line, 19))
    place = f"number {chosen + 1} of {len(results)}"
    words = f"The picture that comes out at weight of style {now['weight']:g}, {place}: {line}."
    return canvas.svg(words, parts, _TOP + _SIDE + 50)


def show_style(results: Sequence[Mapping[str, Any]], chosen: int = 0) -> None:
    """Display the picture of `style_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(style_svg(results, chosen))


def explore_style(results: Sequence[Mapping[str, Any]], chosen: int = 0) -> ipywidgets.VBox:
    """A slider over the weights, and the picture of `style_svg` that follows it.

    Used in notebooks/16_style_transfer.ipynb. Arguments and errors as in `style_svg`.

    Returns:
        The explorer: a box of DOM class `style-explorer`, to be left as the last value of a cell.
    """
    start = style_svg(results, chosen)
    controls = canvas.sliders({"weight": (0, len(results) - 1)}, {"weight": chosen})
    controls["weight"].description, controls["weight"].readout = "weight of style", False

    def draw() -> str:
        return style_svg(results, controls["weight"].value)

    return canvas.follow("style-explorer", list(controls.values()), start, draw)
