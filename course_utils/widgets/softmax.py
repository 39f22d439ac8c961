"""Three logits, their softmax and its loss (notebook 05)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

_FRUIT = ("apple", "banana", "carrot")


_LOGIT_LIMITS, _TEMPERATURE_LIMITS = (-6.0, 6.0), (0.25, 4.0)


def softmax_svg(apple: float = 2.0, banana: float = 1.0, carrot: float = 0.0, temperature: float = 1.0) -> str:
    """Picture of three logits, their softmax, the cross-entropy where the truth is an apple, and its gradient.

    The probabilities are q = softmax(logits / temperature), the loss -ln q[apple], its gradient by the logits
    (q - y) / temperature with y = (1, 0, 0). Derivation: notebooks/05_training_a_classifier.ipynb.

    Args:
        apple, banana, carrot: the logits, -6 to 6.
        temperature: 0.25 to 4.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: a number out of its range.
    """
    logits = (apple, banana, carrot)
    ranges = {name: (value, _LOGIT_LIMITS) for name, value in zip(_FRUIT, logits, strict=True)}
    for name, (value, (low, high)) in {**ranges, "temperature": (temperature, _TEMPERATURE_LIMITS)}.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}")
    highest = max(logits)
    powers = [math.exp((logit - highest) / temperature) for logit in logits]
    shares = [power / sum(powers) for power in powers]
    loss = math.log(sum(powers)) - (apple - highest) / temperature
    gradient = [(share - (name == "apple")) / temperature for name, share in zip(_FRUIT, shares, strict=True)]
    widest = max(1e-9, *(abs(g) for g in gradient))

    heads = ((250, "logit"), (560, f"softmax(logit / {temperature:g})"), (850, "gradient of the loss"))
    parts = [canvas.text(x, 40, words, 23, "middle", weight="bold") for x, words in heads]
    for x, low, high in ((250, "-6", "6"), (560, "0", "1")):
        parts += [canvas.text(x - 110, 338, low, 17, "middle"), canvas.text(x + 110, 338, high, 17, "middle")]
        parts.append(
            f'<line x1="{x - 110}" y1="316" x2="{x + 110}" y2="316" stroke="{canvas.LINE}" stroke-width="1.5"/>'
        )
    parts.append(canvas.text(850, 338, "to the right: will go down", 17, "middle"))
    for x in (250, 850):
        parts.append(f'<line x1="{x}" y1="60" x2="{x}" y2="316" stroke="{canvas.LINE}" stroke-dasharray="4 4"/>')
    for row, name in enumerate(_FRUIT):
        y = 74 + 80 * row
        fill = canvas.WINDOW if name == "apple" else canvas.INPUT
        parts.append(canvas.text(20, y + 32, name, 23, weight="bold" if name == "apple" else ""))
        length = logits[row] / 6 * 110
        for kind, left, width in (
            ("logit", 250 + min(0.0, length), abs(length)),
            ("share", 450, shares[row] * 220),
            ("gradient", 850 + min(0.0, gradient[row] / widest * 100), abs(gradient[row] / widest * 100)),
        ):
            parts.append(
                f'<rect class="{kind}" x="{left:.2f}" y="{y}" width="{width:.2f}" height="46" fill="{fill}" '
                f'stroke="{canvas.LINE}"/>'
            )
        parts.append(canvas.text(258, y + 68, f"{logits[row]:g}", 18))
        parts.append(canvas.text(450, y + 68, f"{shares[row]:.4f}", 18))
        parts.append(canvas.text(858, y + 68, f"{gradient[row]:+.4f}", 18))
    lines = [
        f"the truth is an apple: loss = -ln {shares[0]:.4g} = {loss:.3f} nats = {loss / math.log(2):.3f} bits",
        "gradient = (probability - truth) / temperature; its three entries add up to 0",
    ]
    parts += [canvas.text(20, 382 + 32 * number, line, 21) for number, line in enumerate(lines)]
    words = (
        f"Logits {apple:g}, {banana:g} and {carrot:g} for apple, banana and carrot at temperature {temperature:g} give "
        f"the probabilities {shares[0]:.3f}, {shares[1]:.3f} and {shares[2]:.3f}. The truth is an apple: the loss is "
        f"{loss:.3f} nats, its gradient {gradient[0]:.3f}, {gradient[1]:.3f} and {gradient[2]:.3f}."
    )
    return canvas.svg(words, parts, 430)


def show_softmax(apple: float = 2.0, banana: float = 1.0, carrot: float = 0.0, temperature: float = 1.0) -> None:
    """Display the picture of `softmax_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(softmax_svg(apple, banana, carrot, temperature))


def explore_softmax(
    apple: float = 2.0, banana: float = 1.0, carrot: float = 0.0, temperature: float = 1.0
) -> ipywidgets.VBox:
    """Sliders for three logits and a temperature, and the picture of `softmax_svg` that follows.

    Used in notebooks/05_training_a_classifier.ipynb. Arguments and errors as in `softmax_svg`.

    Returns:
        The explorer: a box of DOM class `softmax-explorer`, to be left as the last value of a cell.
    """
    given = (apple, banana, carrot, temperature)
    start = softmax_svg(*given)
    rows = [
        *((f"logit of {name}", value, _LOGIT_LIMITS, 0.5) for name, value in zip(_FRUIT, given[:3], strict=True)),
        ("temperature", temperature, _TEMPERATURE_LIMITS, 0.25),
    ]
    sliders = canvas.float_sliders(rows)

    def draw() -> str:
        return softmax_svg(*(slider.value for slider in sliders))

    return canvas.follow("softmax-explorer", sliders, start, draw)
