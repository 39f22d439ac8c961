"""Steps through time: Euler and its relatives (notebook 07b)."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

_STEPPERS = {  # color, dash pattern, marker: as a path round the origin
    "Euler": ("#D55E00", "9 5", "M -5 -5 h 10 v 10 h -10 z"),
    "backward Euler": ("#0072B2", "2 4", "M 0 -7 L 7 0 L 0 7 L -7 0 z"),
    "Runge-Kutta": ("#009E73", "12 4 2 4", "M 0 -6 L 6 5 L -6 5 z"),
}


_STEP_LIMITS = {"decay": (0, 10), "turning": (0, 6), "step_size": (0.05, 1.0)}


_PLOT = (70, 70, 470, 380)  # left, top, width, height of the curves


_PLANE = (600, 70, 380)  # left, top, side of the complex plane


_PLANE_LEFT, _PLANE_TOP, _PLANE_SIDE = -4.5, 3.5, 7.0  # its corner and side in units of z


def _runge_kutta_growth(z: complex) -> complex:
    return 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24


def _growth(z: complex) -> dict[str, complex]:
    """What one step multiplies x by, for x' = rate * x and z = step size * rate."""
    return {"Euler": 1 + z, "backward Euler": 1 / (1 - z), "Runge-Kutta": _runge_kutta_growth(z)}


@lru_cache
def _runge_kutta_border() -> list[complex]:
    """The border of |1 + z + z^2/2 + z^3/6 + z^4/24| <= 1, found along rays from z = -1."""
    border = []
    for ray in range(120):
        direction = cmath.exp(2j * math.pi * ray / 120)
        inside, outside = 0.0, 5.0
        for _ in range(40):
            middle = (inside + outside) / 2
            if abs(_runge_kutta_growth(-1 + middle * direction)) <= 1:
                inside = middle
            else:
                outside = middle
        border.append(-1 + inside * direction)
    return border


def _verdict(factor: complex) -> str:
    size = abs(factor)
    return "stays" if abs(size - 1) < 1e-9 else "fades" if size < 1 else "grows"


def steps_svg(decay: float = 0.0, turning: float = 3.0, step_size: float = 0.25, steps: int = 12) -> str:
    """Picture of three steppers on x' = (-decay + turning i) x: curves over time, and where h times rate lies.

    Left, the real part of x: exact, by Euler (a residual block), by backward Euler and by Runge-Kutta of order 4.
    Right, the complex plane with the places where each of them does not grow.

    Args:
        decay: 0 to 10 a second.
        turning: 0 to 6 radians a second.
        step_size: h, 0.05 to 1 second.
        steps: how many, 1 to 40.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: an argument is out of range.
    """
    check_int("steps", steps, 1, 40)
    for name, value in (("decay", decay), ("turning", turning), ("step_size", step_size)):
        low, high = _STEP_LIMITS[name]
        if not low <= value <= high:
            raise ValueError(f"{name} must be from {low} to {high}, got {value!r}")
    rate, end = complex(0.0 - decay, turning), step_size * steps  # 0.0 - 0.0, where -0.0 would print its sign
    z = step_size * rate
    factors = _growth(z)
    left, top, width, height = _PLOT

    def place(time: float, x: float) -> tuple[float, float]:
        return left + time / end * width, top + (2 - max(min(x, 40), -40)) / 4 * height

    def curve(points: Sequence[tuple[float, float]], kind: str, color: str, dashes: str, thick: float) -> str:
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        return (
            f'<polyline class="{kind}" points="{line}" fill="none" stroke="{color}" stroke-width="{thick:g}"{dashed}/>'
        )

    parts = [
        f'<defs><clipPath id="plot"><rect x="{left}" y="{top}" width="{width}" height="{height}"/></clipPath></defs>',
        canvas.text(left + width / 2, 38, "x over time (real part)", 22, "middle", weight="bold"),
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="{canvas.LINE}"/>',
    ]
    for tick in (-2, -1, 0, 1, 2):
        y = place(0, tick)[1]
        parts.append(f'<line x1="{left}" y1="{y:g}" x2="{left + width}" y2="{y:g}" stroke="#D0D0D0"/>')
        parts.append(canvas.text(left - 8, y + 6, str(tick), 17, "end"))
    for share in (0, 0.5, 1):
        parts.append(canvas.text(left + share * width, top + height + 22, f"{share * end:g}", 17, "middle"))
    parts.append(canvas.text(left + width / 2, top + height + 46, "time in seconds", 18, "middle"))
    inner = [
        curve(
            [place(end * k / 240, cmath.exp(rate * end * k / 240).real) for k in range(241)], "exact", "#000000", "", 2
        )
    ]
    for name, factor in factors.items():
        color, dashes, marker = _STEPPERS[name]
        points, x = [], 1 + 0j
        for n in range(steps + 1):
            points.append(place(n * step_size, x.real))
            x = x * factor if abs(x) < 1e12 else x
        inner.append(curve(points, name.replace(" ", "-").lower(), color, dashes, 2.5))
        inner += [f'<path d="{marker}" transform="translate({a:.1f},{b:.1f})" fill="{color}"/>' for a, b in points]
    parts.append(f'<g clip-path="url(#plot)">{"".join(inner)}</g>')

    left, top, side = _PLANE
    unit = side / _PLANE_SIDE

    def spot(point: complex) -> tuple[float, float]:
        return left + (point.real - _PLANE_LEFT) * unit, top + (_PLANE_TOP - point.imag) * unit

    origin, euler, backward = spot(0j), spot(-1 + 0j), spot(1 + 0j)
    border = " ".join("{:.1f},{:.1f}".format(*spot(point)) for point in _runge_kutta_border())
    parts += [
        canvas.text(left + side / 2, 38, "plane of h · rate", 22, "middle", weight="bold"),
        f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="none" stroke="{canvas.LINE}"/>',
        f'<polygon points="{border}" fill="#D5EDE4" stroke="#009E73" stroke-width="2.5" stroke-dasharray="12 4 2 4"/>',
        f'<circle cx="{euler[0]:.1f}" cy="{euler[1]:.1f}" r="{unit:.1f}" fill="#F7D795" stroke="#D55E00" '
        'stroke-width="2.5" stroke-dasharray="9 5"/>',
        f'<circle cx="{backward[0]:.1f}" cy="{backward[1]:.1f}" r="{unit:.1f}" fill="url(#hatch)" stroke="#0072B2" '
        'stroke-width="2.5" stroke-dasharray="2 4"/>',
        f'<line x1="{left}" y1="{origin[1]:.1f}" x2="{left + side}" y2="{origin[1]:.1f}" stroke="{canvas.LINE}"/>',
        f'<line x1="{origin[0]:.1f}" y1="{top}" x2="{origin[0]:.1f}" y2="{top + side}" stroke="{canvas.LINE}"/>',
    ]
    for tick in (-4, -2, 2):
        x, y = spot(complex(tick, 0))
        parts.append(canvas.text(x + 9 * (tick > 0) - 11 * (tick < 0), y + 20, str(tick), 15, "middle"))
        if tick > -4:
            x, y = spot(complex(0, tick))
            parts.append(canvas.text(x - 8, y + 5, f"{tick}i", 15, "end"))
    seen = z.real >= _PLANE_LEFT + 0.2 and abs(z.imag) <= _PLANE_TOP - 0.2
    shown = complex(max(z.real, _PLANE_LEFT + 0.2), max(min(z.imag, _PLANE_TOP - 0.2), 0.2 - _PLANE_TOP))
    x, y = spot(shown)
    parts.append(
        f'<circle class="here" cx="{x:.1f}" cy="{y:.1f}" r="8" fill="#000000" stroke="#FFFFFF" stroke-width="3"/>'
    )
    parts.append(
        canvas.text(
            min(max(x, left + 70), left + side - 70),
            y - 14,
            "you are here" if seen else "beyond the edge",
            16,
            "middle",
        )
    )

    x = 20.0
    for name, words in (
        ("", "exact"),
        ("Euler", "Euler (calm in the disc)"),
        ("backward Euler", "backward Euler (grows in the hatch)"),
        ("Runge-Kutta", "Runge-Kutta"),
    ):
        color, dashes, marker = _STEPPERS.get(name, ("#000000", "", ""))
        parts.append(
            f'<line x1="{x:g}" y1="530" x2="{x + 40:g}" y2="530" stroke="{color}" stroke-width="2.5" '
            f'stroke-dasharray="{dashes}"/>'
        )
        if marker:
            parts.append(f'<path d="{marker}" transform="translate({x + 20:g},530)" fill="{color}"/>')
        parts.append(canvas.text(x + 48, 536, words, 17))
        x += 72 + 8.6 * len(words)
    told = "; ".join(f"{name} {abs(factor):.3g}, {_verdict(factor)}" for name, factor in factors.items())
    lines = [
        f"rate = {rate.real:g} + {rate.imag:g}i, h = {step_size:g}, so h · rate = {z.real:.3g} + {z.imag:.3g}i",
        f"growth a step: {told}; exact {abs(cmath.exp(z)):.3g}",
    ]
    parts += [canvas.text(20, 576 + 30 * number, line, 18) for number, line in enumerate(lines)]
    words = (
        f"Three ways to step through x' = rate times x, for decay {decay:g} and turning {turning:g}, with {steps} "
        f"steps of {step_size:g} seconds. A step multiplies the size of x by: {told}; exact {abs(cmath.exp(z)):.3g}."
    )
    return canvas.svg(words, parts, 630)


def show_steps(decay: float = 0.0, turning: float = 3.0, step_size: float = 0.25, steps: int = 12) -> None:
    """Display the picture of `steps_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(steps_svg(decay, turning, step_size, steps))


def explore_steps(
    decay: float = 0.0, turning: float = 3.0, step_size: float = 0.25, steps: int = 12
) -> ipywidgets.VBox:
    """Sliders for a linear equation and the steps through it, and the picture of `steps_svg` that follows them.

    Used in notebooks/07b_depth_as_time.ipynb. Arguments and errors as in `steps_svg`.

    Returns:
        The explorer: a box of DOM class `steps-explorer`, to be left as the last value of a cell.
    """
    import ipywidgets

    picture = ipywidgets.HTML(
        steps_svg(decay, turning, step_size, steps), layout={"width": "100%", "max_width": f"{canvas.WIDTH}px"}
    )
    given, sliders = {"decay": decay, "turning": turning, "step_size": step_size}, {}
    for name, (low, high) in _STEP_LIMITS.items():
        sliders[name] = ipywidgets.FloatSlider(
            value=given[name],
            min=low,
            max=high,
            step=0.05 if name == "step_size" else 0.5,
            description=name.replace("_", " "),
            **canvas.SLIDER,
        )
    sliders |= canvas.sliders({"steps": (1, 40)}, {"steps": steps})

    def draw(_change: object = None) -> None:
        picture.value = steps_svg(**{name: slider.value for name, slider in sliders.items()})

    for slider in sliders.values():
        slider.observe(draw, names="value")
    rows = ipywidgets.HBox(
        list(sliders.values()), layout={"flex_flow": "row wrap", "width": "100%", "max_width": f"{canvas.WIDTH}px"}
    )
    return canvas.explorer("steps-explorer", rows, picture)
