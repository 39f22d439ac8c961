"""Super-resolution, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: bicubic by hand, at another place ----------------------------------------------------------------------------


def _draw_place(rng: np.random.Generator) -> dict[str, Any]:
    while True:
        factor = int(rng.integers(3, 6))
        pixel = int(rng.integers(factor, 7 * factor))
        first, t = _place(factor, pixel)
        if 0 <= first <= 4 and t > 0.01:  # four neighbours inside, and not on top of one of them
            return {"row": [int(n) for n in rng.integers(0, 21, 8)], "factor": factor, "pixel": pixel}


def _place(factor: int, pixel: int, half: float = 0.5) -> tuple[int, float]:
    """The first of the four neighbours of a pixel of the result, and how far it lies behind the second."""
    where = (pixel + half) / factor - half
    return math.floor(where + 1e-9) - 1, where - math.floor(where + 1e-9)


def _cubic(t: float, a: float = -0.5, far: bool = True) -> float:
    if t <= 1 or not far:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * (t**3 - 5 * t**2 + 8 * t - 4)


def _bicubic(
    given: dict[str, Any],
    *,
    half: float = 0.5,
    shift: int = 0,
    change: Callable[[list[float]], list[float]] = list,
    kernel: Callable[[float], float] = _cubic,
) -> list[float]:
    first, t = _place(given["factor"], given["pixel"], half)
    weights = change([kernel(distance) for distance in (1 + t, t, 1 - t, 2 - t)])
    values = [given["row"][min(first + shift + n, 7)] for n in range(4)]
    return [*weights, sum(w * v for w, v in zip(weights, values, strict=True))]


def _trace_place(given: dict[str, Any]) -> str:
    first, t = _place(given["factor"], given["pixel"])
    *weights, value = _bicubic(given)
    lines = []
    for n, (distance, weight) in enumerate(zip((1 + t, t, 1 - t, 2 - t), weights, strict=True)):
        formula = "1.5 t³ - 2.5 t² + 1" if distance <= 1 else "-0.5 t³ + 2.5 t² - 4 t + 2"
        lines.append(
            f"- pixel {first + n}, value {given['row'][first + n]}, t = {distance:.4f}: {formula} = {weight:.4f}"
        )
    sums = " + ".join(f"({w:.4f})·{given['row'][first + n]}" for n, w in enumerate(weights))
    return (
        f"Pixel {given['pixel']} lies at ({given['pixel']} + ½) / {given['factor']} - ½ = {first + 1 + t:.4f} of the "
        f"given row, between its pixels {first + 1} and {first + 2}.\n\n" + "\n".join(lines) + "\n\n"
        f"They add up to 1, and the value is {sums} = **{value:.4f}**."
    )


Q1 = Numbers(
    draw=_draw_place,
    ask=lambda given: (
        f"the row {', '.join(map(str, given['row']))} (its pixels 0 to 7), enlarged {given['factor']} times; pixel "
        f"{given['pixel']} of the result, also counted from 0"
    ),
    expected=_bicubic,
    slips=(
        Slip(
            "the cubic with a = -3/4",
            lambda given: _bicubic(given, kernel=lambda t: _cubic(t, a=-0.75)),
            "this is the cubic with a = -¾, which PyTorch takes if antialias is left out. The papers' has -½.",
        ),
        Slip(
            "half a pixel forgotten",
            lambda given: _bicubic(given, half=0.0),
            "the place is not right. Both rows cover the same width: their edges meet, not the centres of their first "
            "pixels.",
        ),
        Slip(
            "two neighbours, straight line",
            lambda given: _bicubic(given, kernel=lambda t: max(0.0, 1 - t)),
            "this is linear interpolation. The cubic takes four neighbours.",
        ),
        Slip(
            "weights mirrored",
            lambda given: _bicubic(given, change=lambda weights: weights[::-1]),
            "the four weights are right, but in mirror image: the nearest pixel counts most.",
        ),
        Slip(
            "no negative weights",
            lambda given: _bicubic(given, change=lambda weights: [abs(w) for w in weights]),
            "the outer two have lost their signs, and the four no longer add up to 1.",
        ),
        Slip(
            "inner formula for all four",
            lambda given: _bicubic(given, kernel=lambda t: _cubic(t, far=False)),
            "the inner two are right. Beyond a distance of 1 the kernel has another formula.",
        ),
        Slip(
            "weights on the wrong pixels",
            lambda given: _bicubic(given, shift=1),
            "the weights are right. They were given to pixels one place too far to the right: two of the four lie left "
            "of the place.",
        ),
    ),
    hints=(
        "First the place: where does the centre of this pixel lie, if the given pixels' centres lie at 0, 1, 2, ...?",
        "At (pixel + ½) / factor - ½. The whole part and the next number are the inner two neighbours.",
        "Distances 1 + t, t, 1 - t, 2 - t, from left to right: outer formula, inner, inner, outer. The sum must be 1.",
    ),
    trace=_trace_place,
)

# --- q2: shrinking and enlarging a row, with a triangle ---------------------------------------------------------------


def _resize(
    row: np.ndarray,
    outputs: int,
    *,
    center: Callable[[int, int, int], float] = lambda n, inputs, outputs: (n + 0.5) * inputs / outputs - 0.5,
    stretch: Callable[[float], float] = lambda step: max(step, 1.0),
    share: bool = True,
) -> np.ndarray:
    result, wide = [], stretch(len(row) / outputs)
    for n in range(outputs):
        place = center(n, len(row), outputs)
        weights = [max(0.0, 1 - abs(k - place) / wide) for k in range(len(row))]
        total = sum(weights) if share else 1.0
        found = sum(w * float(value) for w, value in zip(weights, row, strict=True))
        result.append(found / total if total else float("nan"))
    return np.array(result)


def _nearest(row: np.ndarray, outputs: int) -> np.ndarray:
    return row[[int((n + 0.5) * len(row) / outputs) for n in range(outputs)]]


def _resize_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[np.array([0.0, 6, 0, 6]), 2], [np.array([5.0]), 3], [np.array([1.0, 4, 2]), 3]]
    for inputs, outputs in ((7, 3), (9, 2), (3, 7), (int(rng.integers(10, 14)), int(rng.integers(4, 8)))):
        cases.append([rng.integers(0, 10, inputs).astype(float), outputs])
    return cases


Q2 = Function(
    name="resize_row",
    cases=_resize_cases,
    expected=lambda row, outputs: _resize(row, outputs),
    slips=(
        Slip(
            "kernel not stretched",
            lambda row, outputs: _resize(row, outputs, stretch=lambda step: 1.0),
            "on the way down most pixels are not looked at: the kernel must be as much wider as the new pixels are, or "
            "fine patterns turn into false ones.",
        ),
        Slip(
            "stretched on the way up, too",
            lambda row, outputs: _resize(row, outputs, stretch=lambda step: step),
            "on the way up the kernel was made narrower. It is stretched where the row gets shorter, and there alone.",
        ),
        Slip(
            "weights not brought to sum 1",
            lambda row, outputs: _resize(row, outputs, share=False),
            "a flat row does not stay flat: the weights of each new pixel must add up to 1.",
        ),
        Slip(
            "half a pixel forgotten",
            lambda row, outputs: _resize(row, outputs, center=lambda n, inputs, outputs: n * inputs / outputs),
            "the result is moved. Pixels have a width, and the edges of both rows meet: the first new centre lies half "
            "a new pixel behind the edge.",
        ),
        Slip(
            "centres at the ends aligned",
            lambda row, outputs: _resize(
                row, outputs, center=lambda n, inputs, outputs: n * (inputs - 1) / max(1, outputs - 1)
            ),
            "the first and last centres were laid upon each other. It is the edges of both rows that meet.",
        ),
        Slip(
            "nearest pixel",
            _nearest,
            "each new pixel is a copy of one given one. It is a mean of all those under the triangle.",
        ),
    ),
    hints=(
        "The centre of new pixel n lies at (n + ½) · step - ½ among the given ones, step = inputs / outputs.",
        "Distances of all given pixels to it, divided by max(step, 1); the triangle makes weights of them.",
        "weights = np.maximum(0, 1 - np.abs(distances)); divide each row by its sum; weights @ row.",
    ),
    remark='PyTorch calls it `mode="bilinear", antialias=True`. Only the kernel differs from bicubic.',
)

# --- q3: the papers' PSNR ---------------------------------------------------------------------------------------------

_WEIGHTS = np.array([65.481, 128.553, 24.966]) / 255


def _cut(pictures: np.ndarray, border: int) -> np.ndarray:
    height, width = pictures.shape[:2]
    return pictures[border : height - border, border : width - border]


def _psnr(
    result: np.ndarray,
    truth: np.ndarray,
    border: int,
    *,
    cut: Callable[[np.ndarray, int], np.ndarray] = _cut,
    mixed: Callable[[np.ndarray], np.ndarray] = lambda difference: difference @ _WEIGHTS,
    wrap: bool = False,
    peak: float = 255,
) -> float:
    difference = (result - truth).astype(float) if wrap else result.astype(float) - truth.astype(float)
    return _decibels(mixed(cut(difference, border)), peak)


def _decibels(differences: np.ndarray, peak: float = 255) -> float:
    if not differences.size:
        return math.nan
    mean = float(np.square(differences).mean())
    return 10 * math.log10(peak**2 / mean) if mean else math.inf


def _rounded(result: np.ndarray, truth: np.ndarray, border: int) -> float:
    y, wanted = (np.round(16 + _cut(x, border) @ _WEIGHTS) for x in (result, truth))
    return _decibels(y - wanted)


def _psnr_cases(rng: np.random.Generator) -> list[list[Any]]:
    flat = np.zeros((1, 1, 3), dtype=np.uint8)
    cases = [[flat + np.uint8(255), flat, 0], [flat + np.uint8(9), flat + np.uint8(9), 0]]
    for height, width, border in ((4, 5, 1), (3, 4, 0), (7, 8, 2), (9, 6, 2)):
        truth = rng.integers(0, 256, (height, width, 3))
        result = np.clip(truth + rng.integers(-9, 10, truth.shape), 0, 255)
        cases.append([result.astype(np.uint8), truth.astype(np.uint8), border])
    return cases


Q3 = Function(
    name="luminance_psnr",
    cases=_psnr_cases,
    expected=lambda result, truth, border: _psnr(result, truth, border),
    slips=(
        Slip(
            "plain mean of the colours",
            lambda result, truth, border: _psnr(result, truth, border, mixed=lambda d: d.mean(axis=-1)),
            "the three colours are averaged. Luminance has weights, and they add up to 219 / 255 only.",
        ),
        Slip(
            "error of all three colours",
            lambda result, truth, border: _psnr(result, truth, border, mixed=lambda d: d),
            "the squared error of all three colours was averaged. The papers compare the luminance alone.",
        ),
        Slip(
            "border left in",
            lambda result, truth, border: _psnr(result, truth, 0),
            "the border is still there.",
        ),
        Slip(
            "a border of 0 cuts off all",
            lambda result, truth, border: _psnr(result, truth, border, cut=lambda x, b: x[b:-b, b:-b]),
            "a border of 0 leaves no pixel at all: x[0:-0] is x[0:0].",
        ),
        Slip(
            "cut above and left only",
            lambda result, truth, border: _psnr(result, truth, border, cut=lambda x, b: x[b:, b:]),
            "the border is cut off above and on the left. Below and on the right, too.",
        ),
        Slip(
            "bytes subtracted as bytes",
            lambda result, truth, border: _psnr(result, truth, border, wrap=True),
            "bytes know nothing below 0: 3 - 5 is 254 among them. Make floats of both pictures first.",
        ),
        Slip(
            "the narrower range undone",
            lambda result, truth, border: _psnr(result, truth, border, peak=219),
            "1.3 dB too low. The luminance reaches from 16 to 235, and the peak is 255 all the same: so papers have "
            "it. Is your peak 219, or do your weights add up to 1?",
        ),
        Slip(
            "luminance rounded",
            _rounded,
            "the luminance was rounded to whole steps. Here it stays as it is.",
        ),
    ),
    hints=(
        "Four steps: floats, luminance, border, decibels. The first case by hand: white and black, Y is 235 and 16.",
        "The 16 falls out of the difference. Cut with x[border : height - border], which is right for 0 as well.",
        "mean = np.mean((y1 - y2) ** 2) after the cut; 10 · log10(255² / mean), and infinity for a mean of 0.",
    ),
    remark="Black against white has 1.32 dB and not 0: the luminance never uses the whole range.",
)

# --- q4: a network that begins at the bicubic picture -----------------------------------------------------------------

Layers = list[tuple[torch.Tensor, torch.Tensor]]


def _last_maps(small: torch.Tensor, layers: Layers, relu: bool = True) -> torch.Tensor:
    x = small
    for number, (kernels, biases) in enumerate(layers):
        x = F.conv2d(x, kernels, biases, padding=kernels.shape[-1] // 2)
        if relu and number < len(layers) - 1:
            x = F.relu(x)
    return x


def _network(
    small: torch.Tensor,
    start: torch.Tensor,
    layers: Layers,
    factor: int,
    *,
    relu: bool = True,
    end: Callable[[torch.Tensor, int], torch.Tensor] = F.pixel_shuffle,
) -> torch.Tensor:
    return start + end(_last_maps(small, layers, relu), factor)


def _arranged(*order: int) -> Callable[[torch.Tensor, int], torch.Tensor]:
    """A shuffle of (N, row in the block, column in the block, H, W), whose axes come in another order."""

    def end(maps: torch.Tensor, factor: int) -> torch.Tensor:
        count, _, height, width = maps.shape
        parts = maps.reshape(count, factor, factor, height, width).permute(0, *order)
        return parts.reshape(count, 1, factor * height, factor * width)

    return end


def _network_cases(rng: np.random.Generator) -> list[list[Any]]:
    def whole(*shape: int, low: int = -2, high: int = 3) -> torch.Tensor:
        return torch.from_numpy(rng.integers(low, high, shape).astype(np.float32))

    start = torch.arange(1.0, 9).reshape(1, 1, 2, 4)
    small, counting = torch.tensor([[[[1.0, 10.0]]]]), torch.arange(1.0, 5).reshape(4, 1, 1, 1)
    cases = [
        [small, start, [(0 * counting, torch.zeros(4))], 2],  # the last layer is 0: the bicubic picture comes out
        [small, 0 * start, [(counting, torch.zeros(4))], 2],
    ]
    for count, height, width, factor, channels in ((1, 3, 2, 2, 2), (2, 2, 3, 3, 3)):
        layers = [(whole(channels, 1, 3, 3), whole(channels))]
        layers.append((whole(channels, channels, 1, 1), whole(channels)))
        layers.append((whole(factor**2, channels, 3, 3), whole(factor**2)))
        small = whole(count, 1, height, width, low=0, high=5)
        cases.append([small, whole(count, 1, factor * height, factor * width, low=-1, high=6), layers, factor])
    return cases


Q4 = Function(
    name="super_resolve",
    cases=_network_cases,
    expected=lambda small, start, layers, factor: _network(small, start, layers, factor),
    slips=(
        Slip(
            "skip forgotten",
            lambda small, start, layers, factor: F.pixel_shuffle(_last_maps(small, layers), factor),
            "the network paints the whole picture here. With a last layer of zeros the bicubic one must come out.",
        ),
        Slip(
            "ReLU behind the last layer",
            lambda small, start, layers, factor: _network(
                small, start, layers, factor, end=lambda x, r: F.pixel_shuffle(x.relu(), r)
            ),
            "there is a ReLU behind the last layer. What the bicubic picture lacks may be negative.",
        ),
        Slip(
            "ReLU after the sum",
            lambda small, start, layers, factor: _network(small, start, layers, factor).relu(),
            "there is a ReLU after the sum, as in the units of 07. Here the sum is the answer, as it is.",
        ),
        Slip(
            "no ReLU between",
            lambda small, start, layers, factor: _network(small, start, layers, factor, relu=False),
            "without a ReLU between them the layers together do no more than one convolution.",
        ),
        Slip(
            "rows and columns exchanged",
            lambda small, start, layers, factor: _network(small, start, layers, factor, end=_arranged(3, 2, 4, 1)),
            "inside each block rows and columns are exchanged: map 1 is the pixel on the right of map 0.",
        ),
        Slip(
            "maps laid side by side",
            lambda small, start, layers, factor: _network(small, start, layers, factor, end=_arranged(1, 3, 2, 4)),
            "each map became a picture of its own, side by side. Every place of the small picture becomes one block: "
            "the pixels of the maps alternate.",
        ),
        Slip(
            "reshaped without permute",
            lambda small, start, layers, factor: _network(small, start, layers, factor, end=_arranged(1, 2, 3, 4)),
            "the shape is right, the order is not: reshape alone leaves each map in one piece. The axes must change "
            "places in between.",
        ),
    ),
    hints=(
        "What must come out if the last layer is all zeros? Begin with that line, the sum.",
        "F.conv2d(x, kernels, biases, padding=side // 2); a ReLU behind every layer but the last.",
        "Maps to (N, factor, factor, H, W). A row of the result is H, then the row in the block: which order of axes?",
    ),
    remark="`F.pixel_shuffle(x, factor)` does the same; it takes the maps of each channel in runs of factor².",
)

# --- q5: why PSNR likes blur ------------------------------------------------------------------------------------------


def _draw_edges(rng: np.random.Generator) -> dict[str, Any]:
    pixels, first = int(rng.integers(10, 17)), int(rng.integers(2, 5))
    return {
        "pixels": pixels,
        "a": first,
        "b": first + int(rng.integers(2, 5)),
        "bright": int(rng.choice((80, 100, 120, 160, 200))),
        "chance": float(rng.choice((0.2, 0.3, 0.4, 0.6, 0.7, 0.8))),
    }


def _edges(
    given: dict[str, Any],
    *,
    guess: Callable[[float], float] = lambda chance: chance,
    share: Callable[[dict[str, Any]], float] = lambda given: (given["b"] - given["a"]) / given["pixels"],
    decibels: float = 10,
    turned: bool = False,
    absolute: Callable[[float], float] = lambda chance: float(chance > 0.5),
    alone: bool = False,
) -> list[float]:
    chance = 1 - given["chance"] if turned else given["chance"]
    whole, grey = given["bright"] ** 2 * share(given), guess(chance)
    sure = (1 - chance) * whole
    mean = (1 - grey) ** 2 * whole if alone else (chance * (1 - grey) ** 2 + (1 - chance) * grey**2) * whole
    gain = decibels * math.log10(sure / mean)
    return [grey * given["bright"], sure, mean, gain, absolute(chance) * given["bright"]]


def _trace_edges(given: dict[str, Any]) -> str:
    a, b, n, bright, p = (given[name] for name in ("a", "b", "pixels", "bright", "chance"))
    grey, sure, mean, gain, median = _edges(given)
    return (
        f"The two differ in {b - a} of {n} pixels: {bright} in A, 0 in B.\n\n"
        f"- the mean of what may be there: {p:g}·{bright} + {1 - p:g}·0 = **{grey:g}**\n"
        f"- guess A: with chance {1 - p:g} it is wrong by {bright} in {b - a} of {n} pixels: "
        f"{1 - p:g}·{bright}²·{b - a}/{n} = **{sure:.2f}**\n"
        f"- guess {grey:g}: ({p:g}·{bright - grey:g}² + {1 - p:g}·{grey:g}²)·{b - a}/{n} = **{mean:.2f}**\n"
        f"- 10 log10({sure:.2f} / {mean:.2f}) = **{gain:.3f}** dB, which is -10 log10({p:g}): the edge's height and "
        f"the width of the doubt fall out\n"
        f"- absolute error: a guess g costs {p:g}·({bright} - g) + {1 - p:g}·g, a straight line in g; it is smallest "
        f"at the end that is likelier, **{median:g}**"
    )


Q5 = Numbers(
    draw=_draw_edges,
    ask=lambda given: (
        f"a row of {given['pixels']} pixels, 0 before the edge, {given['bright']} from the edge on. A: the first "
        f"bright pixel has the number {given['a']} (chance {given['chance']:g}), B: it has {given['b']} (chance "
        f"{1 - given['chance']:g}). Pixels are counted from 0."
    ),
    expected=_edges,
    slips=(
        Slip(
            "halfway between the two",
            lambda given: _edges(given, guess=lambda chance: 0.5),
            "the guess lies halfway. The two are not equally likely: what is likelier pulls more.",
        ),
        Slip(
            "chances exchanged",
            lambda given: _edges(given, turned=True),
            "the chances are exchanged: in the pixels between the two places it is A that is bright.",
        ),
        Slip(
            "open pixels only",
            lambda given: _edges(given, share=lambda given: 1.0),
            "the errors are means over the open pixels. Those on which both agree belong to the row as well.",
        ),
        Slip(
            "all pixels open",
            lambda given: _edges(given, share=lambda given: float(given["b"] - given["a"])),
            "the squared errors were added up. Divide by the number of pixels.",
        ),
        Slip(
            "20 in place of 10",
            lambda given: _edges(given, decibels=20),
            "the fourth is twice too large: of squared errors one takes 10 times the logarithm, not 20 times.",
        ),
        Slip(
            "a mean for the absolute error, too",
            lambda given: _edges(given, absolute=lambda chance: chance),
            "four are right. The last is not the mean: compare what 0, the mean and the full brightness cost in "
            "absolute error.",
        ),
        Slip(
            "judged against A alone",
            lambda given: _edges(given, alone=True),
            "the third is the error if A is true. B may be, and then the guess is wrong by something else.",
        ),
    ),
    hints=(
        "In all pixels but a few A and B agree, and there you guess what both say. Only the open ones matter.",
        "A guess g costs chance(A) · (bright - g)² + chance(B) · g² in an open pixel. Where is its slope 0?",
        "Mean over the row: times open pixels / all pixels. The gain: 10 log10(error of A / error of the best guess).",
    ),
    trace=_trace_edges,
)

# --- q6: in words -----------------------------------------------------------------------------------------------------

Q6 = Words(
    rubric=(
        ("stripes: they are in the small pictures already, aliasing; low-pass before every second pixel is taken", 1),
        (
            "pattern: the kernels of the pixel shuffle differ from the start; begin with equal ones, enlarge first, or "
            "add a difference that begins at 0 to the bicubic picture",
            1,
        ),
        ("fur: many answers fit, squared error and PSNR want their mean, which is a smear; nothing brings it back", 1),
    ),
    hints=(
        "For each: is it in the small picture, in a layer, or in what the loss asks for?",
        "The three sections: why one must low-pass first; why PSNR likes blur; chequerboards and rims.",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6}
