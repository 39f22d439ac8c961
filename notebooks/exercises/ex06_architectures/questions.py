"""Architectures, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: an Inception block on paper ----------------------------------------------------------------------------------


def _draw_block(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "arrive": 32 * int(rng.integers(5, 17)),
        "one": 16 * int(rng.integers(3, 13)),
        "reduce_3": 16 * int(rng.integers(4, 10)),
        "three": 32 * int(rng.integers(4, 10)),
        "reduce_5": 8 * int(rng.integers(2, 6)),
        "five": 16 * int(rng.integers(2, 8)),
        "pooled": 16 * int(rng.integers(2, 8)),
        "side": int(rng.choice((7, 14, 28))),
    }


def _block(
    given: dict[str, Any],
    *,
    places: Any = lambda kernel: kernel * kernel,
    uses: Any = lambda side: side * side,
    reads_input: bool = False,
    biases: bool = False,
    projection: bool = True,
    naive_projection: bool = True,
    reductions_leave: bool = False,
) -> list[int]:
    """Channels out, weights and multiply-adds of the block; weights of the block without its two reductions."""
    c, one, three, five, pooled = (given[name] for name in ("arrive", "one", "three", "five", "pooled"))
    r3, r5 = given["reduce_3"], given["reduce_5"]
    out = one + three + five + (pooled if projection else c) + (r3 + r5 if reductions_leave else 0)
    last = c * pooled * places(1) if projection else 0
    weights = c * (one + r3 + r5) * places(1) + last
    weights += (c if reads_input else r3) * three * places(3) + (c if reads_input else r5) * five * places(5)
    kernels = one + r3 + three + r5 + five + pooled if biases else 0
    naive = c * one * places(1) + c * three * places(3) + c * five * places(5) + (last if naive_projection else 0)
    return [out, weights + kernels, weights * uses(given["side"]), naive]


def _trace_block(given: dict[str, Any]) -> str:
    c, one, three, five, pooled, side = (given[n] for n in ("arrive", "one", "three", "five", "pooled", "side"))
    r3, r5 = given["reduce_3"], given["reduce_5"]
    out, weights, work, naive = _block(given)
    return (
        f"- Out: {one} + {three} + {five} + {pooled} = **{out}**; the reductions stay inside.\n"
        f"- 1x1: {c}·{one} = {c * one}\n"
        f"- 3x3 with its reduction: {c}·{r3} + 9·{r3}·{three} = {c * r3 + 9 * r3 * three}\n"
        f"- 5x5 with its reduction: {c}·{r5} + 25·{r5}·{five} = {c * r5 + 25 * r5 * five}\n"
        f"- behind the pooling: {c}·{pooled} = {c * pooled}\n"
        f"- Weights together: **{weights}**. Each is used at {side}·{side} places: **{work}** multiply-adds.\n"
        f"- Without the reductions: {c}·{one} + 9·{c}·{three} + 25·{c}·{five} + {c}·{pooled} = **{naive}**, "
        f"{naive / weights:.1f} times as many."
    )


Q1 = Numbers(
    draw=_draw_block,
    ask=lambda given: (
        f"{given['arrive']} channels arrive, on a map of {given['side']} x {given['side']}.\n\n"
        "| 1x1 | reduction before 3x3 | 3x3 | reduction before 5x5 | 5x5 | 1x1 behind the pooling |\n"
        "|---|---|---|---|---|---|\n"
        f"| {given['one']} | {given['reduce_3']} | {given['three']} | {given['reduce_5']} | {given['five']} | "
        f"{given['pooled']} |"
    ),
    expected=_block,
    slips=(
        Slip(
            "reductions concatenated too",
            lambda given: _block(given, reductions_leave=True),
            "the first number is too large: the reductions are read inside their branches and do not leave the block.",
        ),
        Slip(
            "pooling without its 1x1",
            lambda given: _block(given, projection=False),
            "the 1x1 convolution behind the pooling is missing. Pooling alone would hand on all channels that arrive.",
        ),
        Slip(
            "large kernels read the input",
            lambda given: _block(given, reads_input=True),
            "in your weights the 3x3 and the 5x5 read all channels that arrive. They read what the reduction leaves.",
        ),
        Slip(
            "side not squared",
            lambda given: _block(given, uses=lambda side: side),
            "the weights are right. A map has side times side places, and at each of them every weight is used.",
        ),
        Slip(
            "each weight used once",
            lambda given: _block(given, uses=lambda side: 1),
            "the weights are right. In a convolution a weight is used at every place of the map, not once.",
        ),
        Slip(
            "kernel's side not squared",
            lambda given: _block(given, places=lambda kernel: kernel),
            "a 3x3 kernel has nine weights for each channel that it reads, a 5x5 has 25.",
        ),
        Slip(
            "biases counted",
            lambda given: _block(given, biases=True),
            "biases are counted among the weights. These convolutions have none: batch norm follows.",
        ),
        Slip(
            "naive block without the last 1x1",
            lambda given: _block(given, naive_projection=False),
            "the first three are right. For the last only the two reductions go; the 1x1 behind the pooling stays.",
        ),
    ),
    hints=(
        "Draw the four branches. Which of the six numbers are still there where they are joined?",
        "Weights of one convolution: channels that it reads, times kernels, times places of the kernel. Six of them.",
        "All six work on the same map. So multiply-adds are all weights times side times side.",
    ),
    trace=_trace_block,
    tolerance=1e-6,
)

# --- q2: small kernels in place of a large one ------------------------------------------------------------------------


def _draw_kernels(rng: np.random.Generator) -> dict[str, Any]:
    channels = 16 * int(rng.integers(2, 17))
    inner = int(rng.choice((channels // 2, 3 * channels // 4, 3 * channels // 2, 2 * channels)))
    return {"channels": channels, "inner": inner, "kernel": int(rng.choice((5, 7, 9, 11)))}


def _stack(outer: int, inner: int, layers: int, places: int = 9) -> int:
    widths = [outer] + [inner] * (layers - 1) + [outer]
    return sum(places * a * b for a, b in pairwise(widths))


def _kernels(given: dict[str, Any], more: int = 0) -> list[int]:
    """Layers of the stack; weights of the one large kernel, of the stack, of the pair."""
    c, m, k = given["channels"], given["inner"], given["kernel"]
    layers = (k - 1) // 2 + more
    return [layers, k * k * c * c, _stack(c, m, layers), 2 * k * c * m]


def _one_width(given: dict[str, Any], name: str) -> list[int]:
    layers, single, *_ = _kernels(given)
    width = given[name]
    return [layers, single, 9 * layers * width**2, 2 * given["kernel"] * width**2]


def _trace_kernels(given: dict[str, Any]) -> str:
    c, m, k = given["channels"], given["inner"], given["kernel"]
    layers, single, stack, pair = _kernels(given)
    between = f" + {layers - 2}·9·{m}·{m}" if layers > 2 else ""
    return (
        f"- The first 3x3 sees 3 pixels a side, each further one 2 more: ({k} - 1) / 2 = **{layers}** layers.\n"
        f"- One kernel: {k}·{k}·{c}·{c} = **{single}**.\n"
        f"- Stack: 9·{c}·{m}{between} + 9·{m}·{c} = **{stack}**, {stack / single:.2f} of that.\n"
        f"- Pair: 1·{k}·{c}·{m} + {k}·1·{m}·{c} = **{pair}**, {pair / single:.2f} of it."
    )


Q2 = Numbers(
    draw=_draw_kernels,
    ask=lambda given: (
        f"kernel {given['kernel']} x {given['kernel']}, C = {given['channels']} channels in and out, "
        f"M = {given['inner']} channels in between"
    ),
    expected=_kernels,
    slips=(
        Slip(
            "one layer too many",
            lambda given: _kernels(given, 1),
            "your stack sees more than the one kernel does. The first 3x3 layer sees three pixels already.",
        ),
        Slip(
            "one layer too few",
            lambda given: _kernels(given, -1),
            "your stack sees less than the one kernel does. The first layer counts as well.",
        ),
        Slip(
            "C channels everywhere",
            lambda given: _one_width(given, "channels"),
            "the first two are right. Between the layers there are M channels, not C.",
        ),
        Slip(
            "M channels everywhere",
            lambda given: _one_width(given, "inner"),
            "the first two are right. The first layer reads C channels, and the last one makes C again.",
        ),
        Slip(
            "pair with square kernels",
            lambda given: [*_kernels(given)[:3], _kernels(given)[3] * given["kernel"]],
            "the first three are right. A 1xk kernel is one row: it has k places.",
        ),
        Slip(
            "kernel's side not squared",
            lambda given: [
                _kernels(given)[0],
                given["kernel"] * given["channels"] ** 2,
                _stack(given["channels"], given["inner"], _kernels(given)[0], 3),
                _kernels(given)[3],
            ],
            "the square kernels have been counted by their side. A 3x3 kernel has nine places.",
        ),
        Slip(
            "every kernel reads one channel",
            lambda given: [_kernels(given)[0], given["kernel"] ** 2 * given["channels"], *_kernels(given)[2:]],
            "the second number is too small: each kernel reads all C channels, and there are C kernels.",
        ),
    ),
    hints=(
        "Two 3x3 layers see 5 pixels a side. What does each further one add?",
        "Write the channels in a row: C, then M between any two layers, then C. Each layer: places · before · behind.",
        "A stack of two is 9·C·M + 9·M·C. Every layer more adds 9·M·M.",
    ),
    trace=_trace_kernels,
    tolerance=1e-6,
)

# --- q3: what goes wrong here -----------------------------------------------------------------------------------------


def _draw_error(rng: np.random.Generator) -> dict[str, Any]:
    """The two shapes of the error: what arrives, then the dense layer's weights."""
    came, built = (int(n) for n in rng.choice(np.arange(3, 11), 2, replace=False))
    channels = int(rng.choice((24, 40, 48, 96, 128, 192)))
    return {
        "channels": channels,
        "poolings": int(rng.integers(3, 6)),
        "first": [int(rng.choice((4, 8, 16, 32))), channels * came**2],
        "second": [channels * built**2, int(rng.choice((5, 10, 20, 37)))],
    }


def _sides(given: dict[str, Any], *, larger: Any = lambda poolings: 2**poolings, side: Any = math.isqrt) -> list[int]:
    """Sides of the pictures that came and that it was built for; the dense layer's weights; how many times fewer."""
    needed, classes = given["second"]
    places = given["first"][1] // given["channels"], needed // given["channels"]
    return [*(side(n) * larger(given["poolings"]) for n in places), needed * classes, places[1]]


def _trace_error(given: dict[str, Any]) -> str:
    c, d, (batch, arrives), (needed, classes) = (given[name] for name in ("channels", "poolings", "first", "second"))
    came, built, weights, times = _sides(given)
    a, b = came // 2**d, built // 2**d
    return (
        f"- What arrives: {batch} pictures of {arrives} numbers. One map: {arrives} / {c} = {a * a}, "
        f"so {a} x {a}. Before {d} halvings: {a}·{2**d} = **{came}**.\n"
        f"- The layer's weights take {needed} numbers: {needed} / {c} = {b * b}, "
        f"so {b} x {b}, and {b}·{2**d} = **{built}**.\n"
        f"- {needed}·{classes} = **{weights}** weights.\n"
        f"- With the mean over each map {c} numbers are left, and {c}·{classes} = {c * classes} weights: **{times}** "
        "times fewer, one for each place of the map. And no size of picture stops it."
    )


Q3 = Numbers(
    draw=_draw_error,
    ask=lambda given: (
        f"{given['poolings']} poolings; {given['channels']} maps at the end. The error:\n\n"
        "`RuntimeError: mat1 and mat2 shapes cannot be multiplied "
        f"({given['first'][0]}x{given['first'][1]} and {given['second'][0]}x{given['second'][1]})`"
    ),
    expected=_sides,
    slips=(
        Slip(
            "the two sides exchanged",
            lambda given: [_sides(given)[1], _sides(given)[0], *_sides(given)[2:]],
            "the two sides are exchanged. The second shape is that of the layer's weights: it was there before.",
        ),
        Slip(
            "sides of the last map",
            lambda given: _sides(given, larger=lambda poolings: 1),
            "the first two are sides of the last map. Go back through the poolings to the picture.",
        ),
        Slip(
            "halvings added up",
            lambda given: _sides(given, larger=lambda poolings: 2 * poolings),
            "each pooling halves what the one before has left: going back, the factors are multiplied.",
        ),
        Slip(
            "one pooling too few",
            lambda given: _sides(given, larger=lambda poolings: 2 ** (poolings - 1)),
            "the first two are half of what they should be: one pooling has been forgotten.",
        ),
        Slip(
            "no root taken",
            lambda given: _sides(given, side=lambda places: places),
            "numbers divided by maps are the places of a map, its side times its side.",
        ),
        Slip(
            "weights from what arrived",
            lambda given: [*_sides(given)[:2], given["first"][1] * given["second"][1], _sides(given)[3]],
            "the third number was counted from what arrives. The layer has the weights that it was made with.",
        ),
        Slip(
            "one mean over all maps",
            lambda given: [*_sides(given)[:3], given["second"][0]],
            "the first three are right. The mean is taken in each map by itself, so the number of maps stays.",
        ),
        Slip(
            "factor by the side alone",
            lambda given: [*_sides(given)[:3], math.isqrt(_sides(given)[3])],
            "the first three are right. The mean makes one number of all places of a map, which are side times side.",
        ),
        Slip(
            "factor by the maps",
            lambda given: [*_sides(given)[:3], given["channels"]],
            "the first three are right. The maps stay as many as they are; what the mean takes away is their places.",
        ),
    ),
    hints=(
        "`nn.Linear` multiplies what arrives, (pictures, numbers), by its weights, (numbers, classes), in this order.",
        "How many numbers are in one map? And how long is its side?",
        "Each pooling halved the side. So multiply by 2 once for each, for both pictures.",
    ),
    trace=_trace_error,
    tolerance=1e-6,
)

# --- q4: groups, without groups ---------------------------------------------------------------------------------------


def _spread(weight: np.ndarray, groups: int, read: Any = lambda group: group) -> np.ndarray:
    """Blocks on the diagonal: those of group g in the columns of group read(g)."""
    kernels, own, *kernel = weight.shape
    full = np.zeros((groups, kernels // groups, groups, own, *kernel))
    for group in range(groups):
        full[group, :, read(group)] = weight.reshape(groups, -1, own, *kernel)[group]
    return full.reshape(kernels, groups * own, *kernel)


def _dealt_inputs(weight: np.ndarray, groups: int) -> np.ndarray:
    """Group g reads channels g, g + groups, ..., like cards that are dealt."""
    order = np.arange(groups * weight.shape[1]).reshape(-1, groups).T.ravel()
    full = np.zeros_like(_spread(weight, groups))
    full[:, order] = _spread(weight, groups)
    return full


def _dealt_kernels(weight: np.ndarray, groups: int) -> np.ndarray:
    """Kernel o belongs to group o modulo groups."""
    full = np.zeros_like(_spread(weight, groups))
    own = weight.shape[1]
    for number, kernel in enumerate(weight):
        group = number % groups
        full[number, group * own : (group + 1) * own] = kernel
    return full


def _group_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[np.array([2.0, 3.0]).reshape(2, 1, 1, 1), 2], [np.arange(1.0, 9.0).reshape(4, 2, 1, 1), 2]]
    for kernels, own, side, groups in (
        (2, 3, 3, 1),  # one group: nothing changes
        (6, 1, 3, 3),  # depthwise, two kernels a channel
        (int(rng.integers(2, 4)) * 3, int(rng.integers(2, 5)), 2, 3),
        (int(rng.integers(2, 4)) * 4, int(rng.integers(2, 4)), 1, 4),
    ):
        cases.append([rng.integers(1, 10, (kernels, own, side, side)).astype(float), groups])
    return cases


Q4 = Function(
    name="ungrouped",
    cases=_group_cases,
    expected=_spread,
    slips=(
        Slip(
            "every group reads everything",
            lambda weight, groups: np.tile(weight, (1, groups, 1, 1)),
            "every kernel reads all channels, by copies of its weights. It reads its own group's; the rest is 0.",
        ),
        Slip(
            "all groups read the first channels",
            lambda weight, groups: _spread(weight, groups, lambda group: 0),
            "every group reads the channels of the first. The second group reads those behind them, and so on.",
        ),
        Slip(
            "groups in reverse order",
            lambda weight, groups: _spread(weight, groups, lambda group: groups - 1 - group),
            "the first kernels read the last channels. The first group has the first kernels and the first channels.",
        ),
        Slip(
            "channels dealt like cards",
            _dealt_inputs,
            "a group's channels lie next to each other; yours are `groups` apart.",
        ),
        Slip(
            "kernels dealt like cards",
            _dealt_kernels,
            "a group's kernels lie next to each other; with you the next kernel belongs to the next group.",
        ),
        Slip(
            "left as it is",
            lambda weight, groups: weight,
            "this is the grouped weight still. In an ordinary convolution each kernel has weights for all channels.",
        ),
        Slip(
            "only the first group",
            lambda weight, groups: (
                _spread(weight, groups) * (np.arange(len(weight)) < len(weight) // groups)[:, None, None, None]
            ),
            "only the first group has weights. Every group has its kernels.",
        ),
    ),
    hints=(
        "By hand: four kernels, two groups, four channels. Which channels do kernels 0 and 1 read, which 2 and 3?",
        "Begin with zeros of shape (kernels, groups · own, kh, kw). Kernel o is in group o // (kernels // groups).",
        "full[o, group * own : (group + 1) * own] = weight[o].",
    ),
    remark="Blocks on a diagonal: what is left out are zeros, and `groups` says how many times fewer weights are left.",
)

# --- q5: what a network costs, layer by layer -------------------------------------------------------------------------


def _bill(
    layers: list[tuple[Any, ...]],
    channels: int,
    side: int,
    *,
    groups_count: int = 1,
    biases: bool = True,
    rounding: Any = math.floor,
    ends: int = 2,
    before: bool = False,
    flatten: bool = True,
    keep: bool = False,
    pooling: bool = True,
    mean: bool = True,
    bias_work: bool = False,
    square: int = 2,
) -> list[list[int]]:
    """Parameters and multiply-adds of each layer; the options are mistakes."""
    rows = []
    picture = channels
    for kind, *numbers in layers:
        arriving, makes, kernel, groups, shared = side, 0, 1, 1, 0
        reads = picture if keep else channels
        if kind == "conv":
            makes, kernel, stride, padding, groups = numbers
            side = rounding((side + ends * padding - kernel) / stride) + 1
        elif kind == "pool" and pooling:
            side = rounding((side - numbers[0]) / numbers[1]) + 1
        elif kind == "mean" and mean:
            side = 1
        elif kind == "dense":
            makes, reads, side = numbers[0], reads * (side**2 if flatten else 1), 1
        channels = makes or channels
        weights = makes * reads * kernel**2 // groups**groups_count
        shared = makes if biases else 0
        uses = (arriving if before and kind == "conv" else side) ** square
        rows.append([weights + shared, (weights + (shared if bias_work else 0)) * uses])
    return rows


def _bill_cases(rng: np.random.Generator) -> list[list[Any]]:
    net = [("conv", 4, 5, 2, 0, 1), ("pool", 3, 2), ("conv", 6, 3, 1, 1, 2), ("dense", 10), ("dense", 3)]
    cases = [
        [[("conv", 2, 3, 1, 0, 1)], 3, 6],
        [[("pool", 2, 2), ("dense", 5)], 2, 7],
        [net, 3, 24],
        [[("conv", 8, 3, 2, 1, 1), ("conv", 8, 3, 1, 1, 8), ("conv", 12, 1, 1, 0, 1), ("mean",), ("dense", 4)], 3, 16],
    ]
    for groups in (2, 4):
        first, second, third = (8 * int(n) for n in rng.integers(1, 7, 3))
        kernel = int(rng.choice((5, 7)))
        layers = [
            ("conv", first, kernel, 2, kernel // 2 - 1, 1),
            ("pool", 3, 2),
            ("conv", second, 3, 1, 1, groups),
            ("conv", third, 3, 2, 1, 1),
        ]
        layers += [("dense", int(rng.integers(20, 50)))] if groups == 2 else [("mean",)]
        cases.append(
            [[*layers, ("dense", int(rng.integers(5, 20)))], int(rng.integers(1, 5)), int(rng.integers(30, 50))]
        )
    return cases


Q5 = Function(
    name="bill",
    cases=_bill_cases,
    expected=lambda layers, channels, side: _bill(layers, channels, side),
    slips=(
        Slip(
            "groups ignored",
            lambda layers, channels, side: _bill(layers, channels, side, groups_count=0),
            "groups do nothing. A kernel reads the channels of its own group only.",
        ),
        Slip(
            "groups divided twice",
            lambda layers, channels, side: _bill(layers, channels, side, groups_count=2),
            "divided by the groups twice. Each kernel reads fewer channels; there are as many kernels as before.",
        ),
        Slip(
            "biases forgotten",
            lambda layers, channels, side: _bill(layers, channels, side, biases=False),
            "the biases are missing among the parameters, one for each kernel or unit.",
        ),
        Slip(
            "biases multiplied",
            lambda layers, channels, side: _bill(layers, channels, side, bias_work=True),
            "the parameters are right. A bias is added and multiplied with nothing.",
        ),
        Slip(
            "places of the input",
            lambda layers, channels, side: _bill(layers, channels, side, before=True),
            "the parameters are right. A convolution does its products once for each place of its *output*.",
        ),
        Slip(
            "side not squared",
            lambda layers, channels, side: _bill(layers, channels, side, square=1),
            "the parameters are right. A map has side times side places.",
        ),
        Slip(
            "dense layer reads one number a map",
            lambda layers, channels, side: _bill(layers, channels, side, flatten=False),
            "a dense layer reads all numbers of all maps, not one a map. Only behind the mean is that the same.",
        ),
        Slip(
            "pooling leaves the side",
            lambda layers, channels, side: _bill(layers, channels, side, pooling=False),
            "pooling costs nothing, but it shrinks the map for all that comes behind it.",
        ),
        Slip(
            "mean leaves the map",
            lambda layers, channels, side: _bill(layers, channels, side, mean=False),
            "behind the mean the map is as large as before. The mean leaves one number a map: side 1.",
        ),
        Slip(
            "channels not handed on",
            lambda layers, channels, side: _bill(layers, channels, side, keep=True),
            "every layer reads as many channels as the picture has. It reads what the layer before it makes.",
        ),
        Slip(
            "sides rounded up",
            lambda layers, channels, side: _bill(layers, channels, side, rounding=math.ceil),
            "sides are rounded up. A window that does not fit is left out.",
        ),
        Slip(
            "padding at one end only",
            lambda layers, channels, side: _bill(layers, channels, side, ends=1),
            "padding is counted once. It lies at both ends.",
        ),
    ),
    hints=(
        "Go through the list with two numbers in hand, channels and side. What does each kind of layer make of them?",
        "Convolution: side first, (side + 2·padding - kernel) // stride + 1. Weights: kernels · channels/groups · k².",
        "A dense layer: weights = units · channels · side², each used once; behind it channels = units and side = 1.",
    ),
    remark="In AlexNet the row with most parameters is a dense layer, the row with most work a convolution.",
    tolerance=1e-6,
)

# --- q6: in words -----------------------------------------------------------------------------------------------------

Q6 = Words(
    rubric=(
        ("a parameter is stored once; AlexNet's sit in dense layers, which use each one once a picture", 1),
        ("a convolution uses each weight at every place of the map: few parameters, and more work (twice here)", 1),
        ("training keeps the activations of every picture of the batch; they, not the parameters, fill the memory", 1),
    ),
    hints=(
        "Parameters, multiply-adds, activations, seconds: which of them did they look at, which do they want to lower?",
        "How often is one weight used for one picture, in a dense layer and in a 3x3 convolution on a map of 28 x 28?",
        "What does the backward pass need of the forward pass? How does that grow with the batch?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6}
