"""A distribution over colours, red or blue, and the one colour that it is turned into (notebook 15)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets
    import torch

_RED, _BLUE, _SPREAD = (62.0, 41.0), (17.0, -60.0), 13.0  # the two paints of Toyland's cars, and how they vary
_LIGHTNESS = 45.0  # of both
_RED_LIMITS, _TEMPERATURE_LIMITS = (0.05, 0.95), (0.05, 1.0)


@cache
def _bins() -> torch.Tensor:
    from course_utils.color import in_gamut_bins

    return in_gamut_bins()


def _hex(a: float, b: float, lightness: float = _LIGHTNESS) -> str:
    import torch

    from course_utils.color import lab_to_rgb

    rgb = lab_to_rgb(torch.tensor([lightness, a, b]).reshape(3, 1, 1)).flatten()
    return "#" + "".join(f"{round(255 * value):02X}" for value in rgb.tolist())


@cache
def _plane() -> tuple[str, ...]:
    """The bins as squares in their own colours, with the axes: the part of the picture that never changes."""
    parts = []
    for a, b in _bins().tolist():
        x, y = _place(a, b)
        parts.append(f'<rect x="{x - 9:.1f}" y="{y - 9:.1f}" width="18" height="18" fill="{_hex(a, b, 70.0)}"/>')
    x, y = _place(0, 0)
    parts.append(f'<line x1="60" y1="{y}" x2="500" y2="{y}" stroke="#404040" stroke-dasharray="4 4"/>')
    parts.append(f'<line x1="{x}" y1="14" x2="{x}" y2="480" stroke="#404040" stroke-dasharray="4 4"/>')
    parts.append(canvas.text(478, y - 8, "a: red", 17))
    parts.append(canvas.text(x + 8, 26, "b: yellow", 17))
    return tuple(parts)


def _place(a: float, b: float) -> tuple[float, float]:
    return 270 + 2 * a, 250 - 2 * b


def annealing_svg(red: float = 0.55, temperature: float = 0.38) -> str:
    """Picture of the 313 bins, of a car's distribution over them, and of its mean, annealed mean and most likely bin.

    The distribution is a mixture of two Gaussians around Toyland's red and blue paint. The annealed mean is that of
    `color.annealed_mean`. Used in notebooks/15_colorization.ipynb.

    Args:
        red: probability of red, 0.05 to 0.95; the rest is blue.
        temperature: T of the annealed mean, 0.05 to 1.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: a number out of its range.
    """
    import torch

    from course_utils.color import annealed_mean

    for name, value, (low, high) in (
        ("red", red, _RED_LIMITS),
        ("temperature", temperature, _TEMPERATURE_LIMITS),
    ):
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}")
    bins = _bins()
    humps = [(-((bins - torch.tensor(at)) ** 2).sum(dim=1) / (2 * _SPREAD**2)).softmax(dim=0) for at in (_RED, _BLUE)]
    shares = red * humps[0] + (1 - red) * humps[1]
    logits = shares.log().reshape(1, -1, 1, 1)
    sharpened = (logits / temperature).softmax(dim=1).flatten()
    answers = {
        "mean, T = 1": annealed_mean(logits, bins, 1.0),
        f"annealed mean, T = {temperature:g}": annealed_mean(logits, bins, temperature),
        "most likely bin": bins[shares.argmax()],
    }
    parts, told = [*_plane()], []
    for (a, b), share in zip(bins.tolist(), sharpened.tolist(), strict=True):
        if share > 1e-3:
            x, y = _place(a, b)
            radius = 34 * share**0.5
            parts.append(
                f'<circle class="share" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.2f}" fill="#FFFFFF" fill-opacity="0.85" '
                f'stroke="#000000"/>'
            )
    marks = ("square", "cross", "diamond")
    for number, (name, answer) in enumerate(answers.items()):
        a, b = answer.flatten().tolist()
        far = (a * a + b * b) ** 0.5
        x, y = _place(a, b)
        top = 50 + 145 * number
        parts.append(_mark(marks[number], x, y))
        parts.append(
            f'<rect class="answer" x="548" y="{top}" width="120" height="96" fill="{_hex(a, b)}" '
            f'stroke="{canvas.LINE}"/>'
        )
        parts.append(_mark(marks[number], 692, top + 20))
        parts.append(canvas.text(712, top + 27, name, 19, weight="bold"))
        parts.append(canvas.text(682, top + 58, f"a = {a:.0f}, b = {b:.0f}", 20))
        parts.append(canvas.text(682, top + 86, f"chroma {far:.0f}", 20))
        told.append(f"{name}: a {a:.0f}, b {b:.0f}, chroma {far:.0f}")
    parts.append(
        canvas.text(60, 516, "circles: the sharpened distribution over the 313 bins, areas as its probabilities", 19)
    )
    words = (
        f"The 313 bins on the ab plane and a car that is red with probability {red:g}, else blue. {'; '.join(told)}."
    )
    return canvas.svg(words, parts, 540)


def _mark(kind: str, x: float, y: float) -> str:
    """A mark of its own shape, black with a white seam, so that it shows on any colour."""
    if kind == "square":
        path = f"M{x - 8:.1f},{y - 8:.1f}h16v16h-16z"
    elif kind == "diamond":
        path = f"M{x:.1f},{y - 11:.1f}l11,11l-11,11l-11,-11z"
    else:
        path = f"M{x - 9:.1f},{y - 9:.1f}l18,18m0,-18l-18,18"
    seam = f'<path d="{path}" fill="none" stroke="#FFFFFF" stroke-width="7"/>'
    return seam + f'<path class="{kind}" d="{path}" fill="none" stroke="#000000" stroke-width="3.5"/>'


def show_annealing(red: float = 0.55, temperature: float = 0.38) -> None:
    """Display the picture of `annealing_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(annealing_svg(red, temperature))


def explore_annealing(red: float = 0.55, temperature: float = 0.38) -> ipywidgets.VBox:
    """Sliders for the odds of red and the temperature, and the picture of `annealing_svg` that follows.

    Used in notebooks/15_colorization.ipynb. Arguments and errors as in `annealing_svg`.

    Returns:
        The explorer: a box of DOM class `annealing-explorer`, to be left as the last value of a cell.
    """
    start = annealing_svg(red, temperature)
    rows = (("probability of red", red, _RED_LIMITS, 0.01), ("temperature", temperature, _TEMPERATURE_LIMITS, 0.01))
    sliders = canvas.float_sliders(rows)

    def draw() -> str:
        return annealing_svg(*(slider.value for slider in sliders))

    return canvas.follow("annealing-explorer", sliders, start, draw)
