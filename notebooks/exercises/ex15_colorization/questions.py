"""Colorization, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: red or blue --------------------------------------------------------------------------------------------------


def _draw_cars(rng: np.random.Generator) -> dict[str, Any]:
    first, second = [int(n) for n in rng.integers(20, 70, 2)], [int(n) for n in rng.integers(-60, -10, 2)]
    if rng.random() < 0.5:
        first, second = [first[0], second[1]], [second[0], first[1]]
    return {"colors": [first, second], "share": int(rng.choice((60, 65, 70, 75, 80))) / 100}


def _cars(given: dict[str, Any], share: float | None = None, size: Any = None) -> tuple[float, float, float]:
    """The best answer (a, b), and its chroma over the mean chroma of the truth."""
    colors, share = np.array(given["colors"], dtype=float), given["share"] if share is None else share
    size = size or (lambda color: float(np.hypot(*color)))
    mean = share * colors[0] + (1 - share) * colors[1]
    true = given["share"] * size(colors[0]) + (1 - given["share"]) * size(colors[1])
    return float(mean[0]), float(mean[1]), size(mean) / true


def _trace_cars(given: dict[str, Any]) -> str:
    (first, second), p = given["colors"], given["share"]
    a, b, ratio = _cars(given)
    sizes = [float(np.hypot(*color)) for color in (first, second)]
    return (
        f"- The mean has the smallest squared error: a = {p}·({first[0]}) + {1 - p:.2f}·({second[0]}) = **{a:.2f}**, "
        f"b = {p}·({first[1]}) + {1 - p:.2f}·({second[1]}) = **{b:.2f}**.\n"
        f"- Its chroma: √({abs(a):.2f}² + {abs(b):.2f}²) = {np.hypot(a, b):.2f}.\n"
        f"- The truth's, on average: {p}·{sizes[0]:.2f} + {1 - p:.2f}·{sizes[1]:.2f} = "
        f"{p * sizes[0] + (1 - p) * sizes[1]:.2f}. Ratio **{ratio:.3f}**: this is how grey it gets."
    )


Q1 = Numbers(
    draw=_draw_cars,
    ask=lambda given: (
        f"Of a hundred such cars {100 * given['share']:.0f} have (a, b) = {tuple(given['colors'][0])}, the others "
        f"{tuple(given['colors'][1])}."
    ),
    expected=lambda given: list(_cars(given)),
    slips=(
        Slip(
            "plain mean of the two colours",
            lambda given: list(_cars(given, share=0.5)),
            "you took the point half way. The more frequent colour pulls harder: weigh by the shares.",
        ),
        Slip(
            "the more frequent colour",
            lambda given: list(_cars(given, share=1.0)),
            "the more frequent colour is not the answer with the smallest squared error on average.",
        ),
        Slip(
            "shares exchanged",
            lambda given: list(_cars(given, share=1 - given["share"])),
            "the shares are exchanged: the first colour is the more frequent one.",
        ),
        Slip(
            "ratio turned over",
            lambda given: [*_cars(given)[:2], 1 / _cars(given)[2]],
            "the colour is right; the ratio is turned over: the answer's chroma over the truth's.",
        ),
        Slip(
            "sides added up for chroma",
            lambda given: list(_cars(given, size=lambda color: float(np.abs(color).sum()))),
            "the colour is right. Chroma is the distance from grey, √(a² + b²), not the sum of both.",
        ),
        Slip(
            "chroma of the mean truth",
            lambda given: [*_cars(given)[:2], 1.0],
            "the colour is right. The truth's mean chroma is the mean of two distances, not the distance of their "
            "mean.",
        ),
    ),
    hints=(
        "Which point has the smallest mean squared distance to 70 points here and 30 there?",
        "a and b by themselves: share · first + (1 - share) · second. Chroma is √(a² + b²).",
        "Truth: share · chroma of the first + (1 - share) · chroma of the second. Answer's chroma over that.",
    ),
    trace=_trace_cars,
)

# --- q2: lightness ----------------------------------------------------------------------------------------------------

WEIGHTS = np.array([0.2126, 0.7152, 0.0722])


def _lightness(
    pictures: np.ndarray,
    *,
    curve: bool = True,
    weights: np.ndarray = WEIGHTS,
    root: bool = True,
    dark: bool = True,
    scale: float = 255,
) -> np.ndarray:
    c = pictures.astype(float) / scale
    linear = np.where(c > 0.04045, ((c + 0.055) / 1.055) ** 2.4, c / 12.92) if curve else c
    y = linear @ weights
    if not root:
        return 100 * y
    light = 116 * np.cbrt(y) - 16
    return np.where(y > 0.008856, light, 903.3 * y) if dark else light


def _lightness_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.full((1, 1, 3), 128, dtype=np.uint8)],
        [np.array([[[0, 0, 0], [255, 255, 255]]], dtype=np.uint8)],
        [np.array([[[3, 5, 20], [255, 0, 0], [0, 0, 255]]], dtype=np.uint8)],
    ]
    for shape in ((2, 2), (3, 4)):
        cases.append([rng.integers(0, 256, (*shape, 3)).astype(np.uint8)])
    return cases


Q2 = Function(
    name="lightness",
    cases=_lightness_cases,
    expected=lambda pictures: _lightness(pictures),
    slips=(
        Slip(
            "screen's curve not undone",
            lambda pictures: _lightness(pictures, curve=False),
            "the numbers of a file are not proportional to light. Undo the screen's curve before you add up.",
        ),
        Slip(
            "three colours weighted the same",
            lambda pictures: _lightness(pictures, weights=np.full(3, 1 / 3)),
            "the three colours are averaged. Green looks ten times as bright as blue: use the weights.",
        ),
        Slip(
            "no cube root",
            lambda pictures: _lightness(pictures, root=False),
            "this is 100 · Y, proportional to light. What the eye sees goes with the cube root.",
        ),
        Slip(
            "dark part forgotten",
            lambda pictures: _lightness(pictures, dark=False),
            "near black the cube root does not hold: black gives -16. There L is 903.3 · Y.",
        ),
        Slip(
            "blue taken for red",
            lambda pictures: _lightness(pictures[..., ::-1]),
            "red and blue are exchanged.",
        ),
        Slip(
            "not divided by 255",
            lambda pictures: _lightness(pictures, scale=1),
            "the formulas are for numbers from 0 to 1: divide the bytes by 255.",
        ),
    ),
    hints=(
        "Three steps: bytes to 0..1 and the curve undone; the weighted sum Y; the cube root.",
        "np.where(c > 0.04045, ((c + 0.055) / 1.055) ** 2.4, c / 12.92), then @ weights.",
        "np.where(Y > 0.008856, 116 * np.cbrt(Y) - 16, 903.3 * Y).",
    ),
    remark="White is 100, black 0, and the grey of byte 128 about 54.",
    tolerance=1e-3,
)

# --- q3: a colour as a mixture of bins --------------------------------------------------------------------------------


def _soft(
    colors: np.ndarray,
    bins: np.ndarray,
    neighbors: int,
    sigma: float,
    *,
    square: bool = True,
    half: bool = True,
    norm: bool = True,
    nearest: int | None = None,
    flat: bool = False,
) -> np.ndarray:
    found = np.zeros((len(colors), len(bins)))
    for n, color in enumerate(colors):
        far = np.sqrt(((bins - color) ** 2).sum(axis=1))
        chosen = np.argsort(far, kind="stable")[: nearest or neighbors]
        weight = np.exp(-(far[chosen] ** (2 if square else 1)) / ((2 if half else 1) * sigma ** (2 if square else 1)))
        found[n, chosen] = 1 if flat else weight
        if norm:
            found[n] /= found[n].sum()
    return found


def _soft_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.array([[2.0, 0.0]]), np.array([[0.0, 0], [10, 0], [30, 0]]), 2, 5.0],
        [np.array([[10.0, 10.0]]), np.array([[10.0, 10], [0, 10], [10, 30]]), 2, 5.0],
    ]
    grid = np.array([[a, b] for a in range(-20, 21, 10) for b in range(-20, 21, 10)], dtype=float)
    for count, neighbors in ((2, 5), (3, 4)):
        cases.append([rng.uniform(-18, 18, (count, 2)).round(2), grid, neighbors, 5.0])
    return cases


Q3 = Function(
    name="soft_encode",
    cases=_soft_cases,
    expected=lambda colors, bins, neighbors, sigma: _soft(colors, bins, neighbors, sigma),
    slips=(
        Slip(
            "the nearest bin alone",
            lambda colors, bins, neighbors, sigma: _soft(colors, bins, neighbors, sigma, nearest=1),
            "only the nearest bin gets weight. A colour between two bins belongs to both.",
        ),
        Slip(
            "all bins",
            lambda colors, bins, neighbors, sigma: _soft(colors, bins, neighbors, sigma, nearest=len(bins)),
            "all bins get weight. Only the nearest ones do, the others stay at exactly 0.",
        ),
        Slip(
            "weights not brought to sum 1",
            lambda colors, bins, neighbors, sigma: _soft(colors, bins, neighbors, sigma, norm=False),
            "the weights of a colour must add up to 1.",
        ),
        Slip(
            "distance not squared",
            lambda colors, bins, neighbors, sigma: _soft(colors, bins, neighbors, sigma, square=False),
            "a Gaussian has the squared distance over 2 · sigma² in its exponent.",
        ),
        Slip(
            "2 forgotten in the Gaussian",
            lambda colors, bins, neighbors, sigma: _soft(colors, bins, neighbors, sigma, half=False),
            "the 2 is missing: the exponent is the squared distance over 2 · sigma².",
        ),
        Slip(
            "all neighbours the same",
            lambda colors, bins, neighbors, sigma: _soft(colors, bins, neighbors, sigma, flat=True),
            "the neighbours share the weight equally. The nearer one gets more.",
        ),
    ),
    hints=(
        "For one colour: the distances to all bins, and the numbers of the nearest ones (np.argsort).",
        "exp(-distance² / (2 · sigma²)) for these, 0 for the others.",
        "Then divide by the sum, so that it is a distribution.",
    ),
    remark="The target keeps where between the bins a colour lies: classification need not be coarse.",
)

# --- q4: rare colours count more --------------------------------------------------------------------------------------


def _weights(
    numbers: np.ndarray,
    count: int,
    mix: float,
    *,
    turn: bool = False,
    norm: str = "pixels",
    inverse: bool = True,
    one: float | None = None,
    pixels: bool = True,
) -> np.ndarray:
    prior = np.bincount(numbers.ravel(), minlength=count) / numbers.size
    mix = 1 - mix if turn else mix
    mixed = (1 - mix) * prior + mix * (1 / count if one is None else one)
    weights = 1 / mixed if inverse else mixed
    if norm == "pixels":
        weights = weights / (prior * weights).sum()
    elif norm == "bins":
        weights = weights / weights.mean()
    return weights[numbers] if pixels else weights


def _weights_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[np.array([[0, 0, 0, 1]]), 2, 0.5], [np.array([[0, 0, 2, 1]]), 4, 0.25]]
    for shape, count, mix in (((3, 4), 5, 0.4), ((4, 4), 6, 0.75)):
        numbers = np.minimum(rng.geometric(0.45, shape) - 1, count - 1)
        numbers[0, :2] = (0, 1)
        cases.append([numbers, count, mix])
    return cases


Q4 = Function(
    name="pixel_weights",
    cases=_weights_cases,
    expected=lambda numbers, count, mix: _weights(numbers, count, mix),
    slips=(
        Slip(
            "frequent colours count more",
            lambda numbers, count, mix: _weights(numbers, count, mix, inverse=False),
            "frequent colours get the larger weight. It is the other way: one over the mixed prior.",
        ),
        Slip(
            "mix turned round",
            lambda numbers, count, mix: _weights(numbers, count, mix, turn=True),
            "mix belongs to the uniform distribution, 1 - mix to the prior.",
        ),
        Slip(
            "mean not brought to 1",
            lambda numbers, count, mix: _weights(numbers, count, mix, norm="none"),
            "the mean weight of the pixels must be 1, or the loss changes its scale.",
        ),
        Slip(
            "mean 1 over the bins",
            lambda numbers, count, mix: _weights(numbers, count, mix, norm="bins"),
            "the mean over the *bins* is 1 here. Asked is the mean over the pixels, where bins come as often as they "
            "do.",
        ),
        Slip(
            "mixed with 1 in place of 1/Q",
            lambda numbers, count, mix: _weights(numbers, count, mix, one=1.0),
            "the uniform distribution gives each bin 1 / count, not 1.",
        ),
        Slip(
            "one weight a bin",
            lambda numbers, count, mix: _weights(numbers, count, mix, pixels=False),
            "these are the weights of the bins. Asked is one for each pixel: weights[numbers].",
        ),
    ),
    hints=(
        "How often does each bin come? np.bincount(numbers.ravel(), minlength=count), as shares.",
        "1 / ((1 - mix) · share + mix / count) for each bin, then looked up for each pixel.",
        "Divide by the mean over all pixels.",
    ),
    remark="A bin that never comes is looked up nowhere; thanks to the mix it does no harm either.",
)

# --- q5: between mean and mode ----------------------------------------------------------------------------------------


def _annealed(chances: np.ndarray, bins: np.ndarray, temperature: float, norm: bool = True) -> np.ndarray:
    sharp = (chances / chances.max(axis=1, keepdims=True)) ** (1 / temperature)
    return (sharp / sharp.sum(axis=1, keepdims=True) if norm else chances ** (1 / temperature)) @ bins


def _softmax_of_chances(chances: np.ndarray, bins: np.ndarray, temperature: float) -> np.ndarray:
    sharp = np.exp(chances / temperature)
    return sharp / sharp.sum(axis=1, keepdims=True) @ bins


def _annealed_cases(rng: np.random.Generator) -> list[list[Any]]:
    bins = np.array([[-40.0, 0], [0, 10], [50, 20]])
    cases = [[np.array([[0.25, 0.25, 0.5]]), bins, 0.5], [np.array([[0.0, 0.75, 0.25]]), bins, 0.5]]
    for count, temperature in ((2, 0.38), (3, 0.6)):
        chances = rng.integers(1, 9, (count, 4)).astype(float)
        chances[0, 1] = 0
        cases.append(
            [chances / chances.sum(axis=1, keepdims=True), rng.integers(-60, 60, (4, 2)).astype(float), temperature]
        )
    return cases


Q5 = Function(
    name="annealed_mean",
    cases=_annealed_cases,
    expected=_annealed,
    slips=(
        Slip(
            "plain mean",
            lambda chances, bins, temperature: chances @ bins,
            "the temperature does nothing: this is the mean.",
        ),
        Slip(
            "the likeliest bin",
            lambda chances, bins, temperature: bins[chances.argmax(axis=1)],
            "this is the likeliest bin, the limit of temperature 0.",
        ),
        Slip(
            "power T in place of 1/T",
            lambda chances, bins, temperature: _annealed(chances, bins, 1 / temperature),
            "the distribution became flatter, not sharper: the exponent is 1 / T.",
        ),
        Slip(
            "sum not brought to 1",
            lambda chances, bins, temperature: _annealed(chances, bins, temperature, norm=False),
            "after sharpening the probabilities no longer add up to 1: divide by their sum.",
        ),
        Slip(
            "softmax of the probabilities",
            _softmax_of_chances,
            "softmax was taken of p / T. The formula has log p / T in it: p to the power 1 / T.",
        ),
    ),
    hints=(
        "exp(log(p) / T) is p ** (1 / T), and that does not mind a probability of 0.",
        "Sharpen each row, divide by its sum, then take the mean of the bins.",
        "(sharp / sharp.sum(axis=1, keepdims=True)) @ bins.",
    ),
    remark="T = 1 gives the mean, grey where two colours compete; near 0 it is the mode. The paper takes 0.38.",
)

# --- q6: a measure ----------------------------------------------------------------------------------------------------


def _area(
    errors: np.ndarray,
    weights: np.ndarray,
    thresholds: np.ndarray,
    *,
    weigh: bool = True,
    strict: bool = False,
    norm: bool = True,
    mean: bool = True,
    turn: bool = False,
) -> float:
    weights = weights if weigh else np.ones_like(weights)
    shares = []
    for threshold in thresholds:
        good = errors < threshold if strict else errors <= threshold
        good = ~good if turn else good
        shares.append((weights * good).sum() / (weights.sum() if norm else len(errors)))
    return float(np.mean(shares) if mean else np.sum(shares))


def _area_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.array([0.0]), np.array([2.0]), np.array([0.0, 1.0])],
        [np.array([0.0, 2.0, 5.0]), np.array([1.0, 3.0, 0.5]), np.array([0.0, 1, 2, 3])],
    ]
    for count in (6, 9):
        cases.append([rng.integers(0, 20, count).astype(float), rng.integers(1, 9, count) / 2, np.arange(16.0)])
    return cases


Q6 = Function(
    name="color_auc",
    cases=_area_cases,
    expected=lambda errors, weights, thresholds: _area(errors, weights, thresholds),
    slips=(
        Slip(
            "weights ignored",
            lambda errors, weights, thresholds: _area(errors, weights, thresholds, weigh=False),
            "every pixel counts the same here. Rare colours carry more weight.",
        ),
        Slip(
            "threshold excluded",
            lambda errors, weights, thresholds: _area(errors, weights, thresholds, strict=True),
            "an error of exactly the threshold is within it.",
        ),
        Slip(
            "divided by the number of pixels",
            lambda errors, weights, thresholds: _area(errors, weights, thresholds, norm=False),
            "divided by the number of pixels. A weighted share is divided by the sum of the weights.",
        ),
        Slip(
            "sum over the thresholds",
            lambda errors, weights, thresholds: _area(errors, weights, thresholds, mean=False),
            "the shares were added up over the thresholds. Their mean lies between 0 and 1.",
        ),
        Slip(
            "share of the errors",
            lambda errors, weights, thresholds: _area(errors, weights, thresholds, turn=True),
            "this is the share that lies *beyond* the threshold.",
        ),
    ),
    hints=(
        "For one threshold: which pixels have an error of at most that?",
        "Their weights, added up, over all weights. That for every threshold, then the mean.",
        "errors <= thresholds[:, None] gives a row for each threshold.",
    ),
    remark="With all weights 1 it is the paper's raw AuC; grey answers do well there: most pixels are nearly grey.",
)

# --- q7: sizes --------------------------------------------------------------------------------------------------------


def _draw_net(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "side": int(rng.choice((96, 128, 160, 192, 224, 256))),
        "halved": int(rng.choice((3, 4))),
        "doubled": int(rng.choice((1, 2))),
        "channels": int(rng.choice((64, 128, 256))),
        "bins": int(rng.choice((240, 261, 313))),
    }


def _net(given: dict[str, Any], doubled: int | None = None) -> tuple[int, int, int]:
    side = given["side"] // 2 ** given["halved"] * 2 ** (given["doubled"] if doubled is None else doubled)
    return side, side * side * given["bins"], given["channels"] * given["bins"] + given["bins"]


def _trace_net(given: dict[str, Any]) -> str:
    side, numbers, weights = _net(given)
    return (
        f"- {given['side']} / 2^{given['halved']} = {given['side'] // 2 ** given['halved']}, times "
        f"2^{given['doubled']}: "
        f"**{side}**\n- {side} · {side} · {given['bins']} = **{numbers}**\n"
        f"- a 1 x 1 layer: {given['channels']} · {given['bins']} weights and {given['bins']} biases: **{weights}**"
    )


Q7 = Numbers(
    draw=_draw_net,
    ask=lambda given: (
        f"Input {given['side']} x {given['side']}; {given['halved']} layers of stride 2, then {given['doubled']} "
        f"transposed "
        f"of stride 2, all others of stride 1 with padding (some dilated); at the end {given['channels']} maps and a "
        f"1 x 1 "
        f"convolution with bias to {given['bins']} bins."
    ),
    expected=lambda given: list(_net(given)),
    slips=(
        Slip(
            "the way up forgotten",
            lambda given: list(_net(given, doubled=0)),
            "the transposed convolutions are missing: each doubles the side.",
        ),
        Slip(
            "back to full size",
            lambda given: list(_net(given, doubled=given["halved"])),
            "the network does not go back to the input's size: count how often it halves and how often it doubles.",
        ),
        Slip(
            "biases forgotten",
            lambda given: [*_net(given)[:2], given["channels"] * given["bins"]],
            "the first two are right. In the third the biases are missing, one for each bin.",
        ),
        Slip(
            "two numbers a pixel",
            lambda given: [_net(given)[0], 2 * _net(given)[0] ** 2, _net(given)[2]],
            "the second number counts a and b. The network answers with a distribution over all bins at every pixel.",
        ),
        Slip(
            "places of a row",
            lambda given: [_net(given)[0], _net(given)[0] * given["bins"], _net(given)[2]],
            "the second number counts one row of pixels only. The output has height and width.",
        ),
        Slip(
            "a 3 x 3 kernel at the end",
            lambda given: [*_net(given)[:2], 9 * given["channels"] * given["bins"] + given["bins"]],
            "the first two are right. The last layer's kernel is 1 x 1.",
        ),
    ),
    hints=(
        "Halve the side for each layer of stride 2, double it for each transposed one. Dilation changes no size.",
        "The output has one number for each pixel and bin.",
        "A 1 x 1 convolution is a dense layer at each pixel: in · out weights and out biases.",
    ),
    trace=_trace_net,
)

# --- q8: in words -----------------------------------------------------------------------------------------------------

Q8 = Words(
    rubric=(
        ("squared error: the mean of plausible colours is best, and a mean of opposite colours is grey", 1),
        ("a distribution over bins can say 'red or blue'; a sharpened mean or the mode then chooses a colour", 1),
        ("rebalancing: nearly grey pixels are most of all, rare colours must count more to be learned", 1),
    ),
    hints=(
        "What did q1's ratio tell you? What would a distribution over bins have said of the same car?",
        "How many pixels of an ordinary photograph are vivid?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6, "q7": Q7, "q8": Q8}
