"""One step of attention with small numbers: three states, their scores, weights and context (notebook 19)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

_INPUTS = ((0.1, 0, 1), (1, 0.1, 0), (0.2, 0.3, 1))  # the lecture's a, b, c; the matrices are the notebook's choice
_U, _W = ((1, 0, 0), (1, 1, 0), (0, 0, 1)), ((0, 0.5, 0), (0, 0, 0.5), (0.5, 0, 0))
_W_A, _U_A, _V = ((0, 0, 1), (1, 0, 0), (0, 1, 0)), ((1, 0, 0), (0, 0, 1), (0, 1, 0)), (2, -1, 1)
_SHARE_LIMITS, _SHARPNESS_LIMITS = (0.0, 1.0), (0.0, 8.0)
_RIGHT = 930  # where the longest bars end


def _times(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def _tanh_of_sum(one: Sequence[float], other: Sequence[float]) -> list[float]:
    return [math.tanh(a + b) for a, b in zip(one, other, strict=True)]


class Attended(NamedTuple):
    """Three states of three numbers, their scores, their weights, and the context."""

    states: list[list[float]]
    scores: list[float]
    weights: list[float]
    context: list[float]


def attend_by_hand(share: float = 0.0, sharpness: float = 1.0) -> Attended:
    """The lecture's encoder and first look, for s_0 = share * h_3 and scores multiplied by `sharpness`.

    Derivation: notebooks/19_attention.ipynb.

    Args:
        share: 0 to 1.
        sharpness: 0 to 8.

    Raises:
        ValueError: a number out of its range.
    """
    given = {"share": (share, _SHARE_LIMITS), "sharpness": (sharpness, _SHARPNESS_LIMITS)}
    for name, (value, (low, high)) in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}")
    states, state = [], [0.0] * 3
    for x in _INPUTS:
        state = _tanh_of_sum(_times(_U, x), _times(_W, state))
        states.append(state)
    asked = _times(_W_A, [share * number for number in state])
    compared = [_tanh_of_sum(asked, _times(_U_A, h)) for h in states]
    scores = [sharpness * score for score in _times(compared, _V)]
    powers = [math.exp(score - max(scores)) for score in scores]
    weights = [power / sum(powers) for power in powers]
    return Attended(states, scores, weights, _times(list(zip(*states, strict=True)), weights))


def attention_svg(share: float = 0.0, sharpness: float = 1.0) -> str:
    """Picture of three states, their scores against s_0, their softmax weights, and the mixture that these give.

    Args:
        share: s_0 is this share of h_3, 0 to 1.
        sharpness: factor on the scores, 0 to 8.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: a number out of its range.
    """
    states, scores, weights, context = attend_by_hand(share, sharpness)

    def vector(numbers: Sequence[float]) -> str:
        return "(" + ", ".join(f"{number:.3f}" for number in numbers) + ")"

    heads = ((150, "state h"), (480, "score e"), (790, "weight k"))
    parts = [canvas.text(x, 40, words, 23, "middle", weight="bold") for x, words in heads]
    parts.append(f'<line x1="480" y1="60" x2="480" y2="300" stroke="{canvas.LINE}" stroke-dasharray="4 4"/>')
    widest = max(1.0, *(abs(score) for score in scores))
    for row, (state, score, weight) in enumerate(zip(states, scores, weights, strict=True)):
        y = 70 + 78 * row
        fill = canvas.WINDOW if weight == max(weights) else canvas.INPUT
        parts.append(canvas.text(20, y + 30, f"h{'₁₂₃'[row]} = {vector(state)}", 20))
        bars = (
            ("score", 480 + min(0.0, score / widest * 110), abs(score / widest * 110)),
            ("weight", 650, weight * (_RIGHT - 650)),
        )
        for kind, left, width in bars:
            parts.append(
                f'<rect class="{kind}" x="{left:.2f}" y="{y}" width="{width:.2f}" height="42" fill="{fill}" '
                f'stroke="{canvas.LINE}"/>'
            )
        parts.append(canvas.text(488, y + 64, f"{score:.3f}", 18))
        parts.append(canvas.text(650, y + 64, f"{weight:.4f}", 18))
    parts.append(canvas.text(20, 345, f"s₀ = {share:g} · h₃ = {vector([share * number for number in states[2]])}", 21))
    mixture = " + ".join(f"{weight:.3f} h{'₁₂₃'[j]}" for j, weight in enumerate(weights))
    parts.append(canvas.text(20, 380, f"context c = {mixture} = {vector(context)}", 21))
    words = (
        f"Attention over three states with s_0 = {share:g} times h_3 and sharpness {sharpness:g}. Scores "
        f"{', '.join(f'{score:.3f}' for score in scores)} give the weights "
        f"{', '.join(f'{weight:.4f}' for weight in weights)} and the context {vector(context)}."
    )
    return canvas.svg(words, parts, 410)


def show_attention(share: float = 0.0, sharpness: float = 1.0) -> None:
    """Display the picture of `attention_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(attention_svg(share, sharpness))


def explore_attention(share: float = 0.0, sharpness: float = 1.0) -> ipywidgets.VBox:
    """Two sliders, and the picture of `attention_svg` that follows them.

    Used in notebooks/19_attention.ipynb. Arguments and errors as in `attention_svg`.

    Returns:
        The explorer: a box of DOM class `attention-explorer`, to be left as the last value of a cell.
    """
    start = attention_svg(share, sharpness)
    rows = (("share of h₃ in s₀", share, _SHARE_LIMITS, 0.25), ("sharpness", sharpness, _SHARPNESS_LIMITS, 0.5))
    sliders = canvas.float_sliders(rows)

    def draw() -> str:
        return attention_svg(*(slider.value for slider in sliders))

    return canvas.follow("attention-explorer", sliders, start, draw)
