"""Convolution arithmetic, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: output sizes -------------------------------------------------------------------------------------------------


def _draw_layers(rng: np.random.Generator) -> dict[str, Any]:
    layers = []
    for stride, padding in ((1, 0), (2, 1), (3, 0), (2, 2)):
        layers.append((int(rng.integers(12, 60)), int(rng.choice((3, 5, 7))), stride, padding))
    return {"layers": layers}


def _ask_layers(given: dict[str, Any]) -> str:
    rows = "\n".join(f"| {n} | {f} | {s} | {p} |" for n, f, s, p in given["layers"])
    return f"| input | kernel | stride | padding |\n|---|---|---|---|\n{rows}"


def _sizes(formula: Any) -> Any:
    return lambda given: [formula(*layer) for layer in given["layers"]]


def _trace_layers(given: dict[str, Any]) -> str:
    lines = [
        f"- ({n} + 2·{p} - {f}) / {s} = {n + 2 * p - f} / {s}, rounded down {(n + 2 * p - f) // s}; "
        f"plus 1: **{(n + 2 * p - f) // s + 1}**"
        for n, f, s, p in given["layers"]
    ]
    return (
        "A window can move (input + 2·padding - kernel) / stride times, whole moves only, and has a place before the "
        "first move.\n\n" + "\n".join(lines)
    )


Q1 = Numbers(
    draw=_draw_layers,
    ask=_ask_layers,
    expected=_sizes(lambda n, f, s, p: (n + 2 * p - f) // s + 1),
    slips=(
        Slip(
            "rounded up",
            _sizes(lambda n, f, s, p: -((f - n - 2 * p) // s) + 1),
            "you took the ceiling: look at the floor in the formula. A window that only half fits is left out.",
        ),
        Slip(
            "+ 1 forgotten",
            _sizes(lambda n, f, s, p: (n + 2 * p - f) // s),
            "you counted the moves. The place before the first move is missing: + 1.",
        ),
        Slip("padding at one end", _sizes(lambda n, f, s, p: (n + p - f) // s + 1), "padding comes at both ends."),
        Slip("padding left out", _sizes(lambda n, f, s, p: (n - f) // s + 1), "the padding has been left out."),
        Slip("stride left out", _sizes(lambda n, f, s, p: n + 2 * p - f + 1), "the stride has been left out."),
        Slip(
            "not rounded",
            _sizes(lambda n, f, s, p: (n + 2 * p - f) / s + 1),
            "there is no half window: round down before you add 1.",
        ),
    ),
    hints=(
        "Draw the first row as a line of pixels, and slide the kernel along it. Count its places, not its moves.",
        "How far can the window move in the padded row? Divide that by the stride, round down, and add the "
        "first place.",
        "floor((input + 2 · padding - kernel) / stride) + 1, one row after the other.",
    ),
    trace=_trace_layers,
)

# --- q2: a small cross-correlation ------------------------------------------------------------------------------------


def _draw_sum(rng: np.random.Generator) -> dict[str, Any]:
    return {"image": rng.integers(0, 5, (4, 4)).tolist(), "kernel": rng.integers(-2, 3, (3, 3)).tolist()}


def _matrix(rows: Any) -> str:
    return "$\\begin{pmatrix}" + r" \\ ".join(" & ".join(map(str, row)) for row in rows) + "\\end{pmatrix}$"


def _windows(given: dict[str, Any], kernel: Any = None, image: Any = None) -> list[list[int]]:
    image = np.array(given["image"] if image is None else image)
    kernel = np.array(given["kernel"] if kernel is None else kernel)
    return [[int((image[i : i + 3, j : j + 3] * kernel).sum()) for j in range(2)] for i in range(2)]


def _trace_sum(given: dict[str, Any]) -> str:
    image, kernel = np.array(given["image"]), np.array(given["kernel"])
    lines = []
    for i, j in product(range(2), range(2)):
        window = image[i : i + 3, j : j + 3]
        products = " + ".join(
            f"{a}·({b})" if b < 0 else f"{a}·{b}" for a, b in zip(window.flat, kernel.flat, strict=True)
        )
        lines.append(f"- row {i}, column {j}: {products} = **{(window * kernel).sum()}**")
    return "Lay the kernel, as it is written, on each of the four windows:\n\n" + "\n".join(lines)


Q2 = Numbers(
    draw=_draw_sum,
    ask=lambda given: f"image {_matrix(given['image'])}, kernel {_matrix(given['kernel'])}",
    expected=_windows,
    slips=(
        Slip(
            "kernel flipped",
            lambda given: _windows(given, np.array(given["kernel"])[::-1, ::-1]),
            "kernel flipped: that is the mathematicians' convolution. Lay the kernel on the picture as it is written.",
        ),
        Slip(
            "kernel transposed",
            lambda given: _windows(given, np.array(given["kernel"]).T),
            "rows and columns of the kernel are swapped: its first row lies on the window's first row.",
        ),
        Slip(
            "flipped left to right only",
            lambda given: _windows(given, np.array(given["kernel"])[:, ::-1]),
            "the kernel's columns are reversed. Nothing is turned in a cross-correlation.",
        ),
        Slip(
            "output transposed",
            lambda given: np.array(_windows(given)).T.tolist(),
            "the four numbers are right, but rows and columns of your answer are swapped: first row, the two "
            "windows at "
            "the top.",
        ),
        Slip(
            "signs ignored",
            lambda given: _windows(given, np.abs(given["kernel"])),
            "the minus signs of the kernel are lost.",
        ),
    ),
    hints=(
        "How many places has a 3x3 window in a 4x4 picture? Your answer has that many numbers, in rows as the "
        "places lie.",
        "At each place: nine products of numbers that lie on top of each other, then their sum.",
        "The top right window begins in column 1: leave the picture's first column and last row out of it.",
    ),
    trace=_trace_sum,
)

# --- q3: the shape of the output --------------------------------------------------------------------------------------


def _shape(height: int, width: int, kernel: tuple[int, int], stride: int, padding: int) -> tuple[int, int]:
    found = F.conv2d(torch.zeros(1, 1, height, width), torch.zeros(1, 1, *kernel), stride=stride, padding=padding)
    return tuple(found.shape[2:])


def _shape_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[5, 5, (3, 3), 1, 0], [5, 7, (3, 3), 1, 0], [6, 9, (3, 3), 2, 1], [7, 7, (1, 5), 2, 0]]
    for _ in range(8):
        kh, kw = (int(k) for k in rng.integers(1, 6, 2))
        height, width = (int(n) for n in rng.integers(6, 40, 2))
        cases.append([height, width, (kh, kw), int(rng.integers(1, 4)), int(rng.integers(0, 3))])
    return cases


def _each(height: int, width: int, kernel: tuple[int, int], stride: int, padding: int, side: Any) -> tuple[Any, Any]:
    return side(height, kernel[0], stride, padding), side(width, kernel[1], stride, padding)


Q3 = Function(
    name="output_shape",
    cases=_shape_cases,
    expected=_shape,
    slips=(
        Slip(
            "height and width swapped",
            lambda height, width, kernel, stride, padding: _shape(height, width, kernel, stride, padding)[::-1],
            "height and width swapped: the height comes first, in shapes as in indices.",
        ),
        Slip(
            "kernel's sides swapped",
            lambda height, width, kernel, stride, padding: _shape(height, width, kernel[::-1], stride, padding),
            "the kernel's height has met the picture's width. Its sides come as (height, width), too.",
        ),
        Slip(
            "rounded up",
            lambda h, w, k, s, p: _each(h, w, k, s, p, lambda n, f, s, p: -((f - n - 2 * p) // s) + 1),
            "you took the ceiling: look at the floor in the formula.",
        ),
        Slip(
            "padding at one end",
            lambda h, w, k, s, p: _each(h, w, k, s, p, lambda n, f, s, p: (n + p - f) // s + 1),
            "padding comes at both ends: 2 · padding.",
        ),
        Slip(
            "not rounded",
            lambda h, w, k, s, p: _each(h, w, k, s, p, lambda n, f, s, p: (n + 2 * p - f) / s + 1),
            "a shape is whole numbers: divide with // in place of /.",
        ),
        Slip(
            "stride applied before the kernel",
            lambda h, w, k, s, p: _each(h, w, k, s, p, lambda n, f, s, p: (n + 2 * p) // s - f + 1),
            "the size was divided by the stride before the kernel was taken off. First see how far the window "
            "can move.",
        ),
    ),
    hints=(
        "It is the formula of q1, once for the height and once for the width.",
        "Which of the kernel's two numbers belongs to the height? The pair is (height, width).",
        "(height + 2 * padding - kernel[0]) // stride + 1, and the same for the width with kernel[1].",
    ),
    remark="The two sides do not know of each other: that is why each may have a kernel size of its own.",
)

# --- q4: dilation -----------------------------------------------------------------------------------------------------


def _dilated(image: np.ndarray, kernel: np.ndarray, dilation: int) -> np.ndarray:
    x, w = torch.from_numpy(np.ascontiguousarray(image)), torch.from_numpy(np.ascontiguousarray(kernel))
    return F.conv2d(x[None, None].double(), w[None, None].double(), dilation=dilation)[0, 0].numpy()


def _dilated_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = []
    for (height, width), (kh, kw), dilation in (
        ((3, 3), (2, 2), 1),
        ((4, 5), (2, 2), 2),
        ((7, 6), (3, 2), 2),
        ((9, 10), (3, 3), 3),
        ((6, 6), (1, 1), 2),
    ):
        image, kernel = rng.integers(-4, 5, (height, width)), rng.integers(-3, 4, (kh, kw))
        cases.append([image.astype(float), kernel.astype(float), dilation])
    return cases


def _undilated_shape(image: np.ndarray, kernel: np.ndarray, dilation: int) -> np.ndarray:
    height, width = (side - k + 1 for side, k in zip(image.shape, kernel.shape, strict=True))
    room = np.zeros((height, width))
    found = _dilated(image, kernel, dilation)
    room[: found.shape[0], : found.shape[1]] = found
    return room


Q4 = Function(
    name="dilated",
    cases=_dilated_cases,
    expected=_dilated,
    slips=(
        Slip(
            "kernel flipped",
            lambda image, kernel, dilation: _dilated(image, kernel[::-1, ::-1], dilation),
            "kernel flipped. Cross-correlation lays it down as it is.",
        ),
        Slip(
            "dilation ignored",
            lambda image, kernel, dilation: _dilated(image, kernel, 1),
            "the dilation does nothing: neighbours in the kernel must meet pixels that lie `dilation` apart.",
        ),
        Slip(
            "one gap too many",
            lambda image, kernel, dilation: _dilated(image, kernel, dilation + 1),
            "the pixels lie dilation + 1 apart. Dilation 1 is the plain layer, without gaps.",
        ),
        Slip(
            "size without dilation",
            _undilated_shape,
            "the size is that of a layer without dilation. A kernel of k numbers spans dilation · (k - 1) + 1 pixels.",
        ),
        Slip(
            "dilation taken for stride",
            lambda image, kernel, dilation: _dilated(image, kernel, 1)[::dilation, ::dilation],
            "that is a stride: the window jumps. With dilation the window itself is spread, and moves by 1.",
        ),
        Slip(
            "average in place of sum",
            lambda image, kernel, dilation: _dilated(image, kernel, dilation) / kernel.size,
            "the products are averaged. A convolution adds them.",
        ),
    ),
    hints=(
        "Begin with your loops for the plain layer. Only the pixels under the window change.",
        "A slice has a third number: image[a:b:dilation] takes every dilation-th pixel.",
        "The window spans dilation * (k - 1) + 1 pixels, at the top left (i, j): image[i : i + span : dilation, ...].",
    ),
    remark="With `dilation = 1` the span is the kernel's own size, and the slices are those of the plain layer.",
)

# --- q5: how many layers ----------------------------------------------------------------------------------------------


def _layers_needed(kernel_size: int, target: int) -> int:
    count, seen = 0, 1
    while seen < target:
        count, seen = count + 1, seen + kernel_size - 1
    return count


def _layers_cases(rng: np.random.Generator) -> list[list[int]]:
    drawn = [[int(rng.choice((3, 5, 7))), int(rng.integers(8, 120))] for _ in range(8)]
    return [[3, 3], [3, 1], [3, 7], [3, 8], [5, 9], [5, 11], [2, 10], *drawn]


Q5 = Function(
    name="layers_needed",
    cases=_layers_cases,
    expected=_layers_needed,
    slips=(
        Slip(
            "rounded down",
            lambda kernel_size, target: (target - 1) // (kernel_size - 1),
            "rounded down: the last layer is missing, and the stack sees less than the target.",
        ),
        Slip(
            "the first pixel forgotten",
            lambda kernel_size, target: -(-target // (kernel_size - 1)),
            "with no layer at all one pixel is seen already, so only target - 1 must be added; where the target "
            "is met exactly, yours is "
            "one layer too many.",
        ),
        Slip(
            "kernel_size gained a layer",
            lambda kernel_size, target: -(-target // kernel_size),
            "each layer was taken to add kernel_size pixels. Windows overlap: a layer adds kernel_size - 1.",
        ),
        Slip(
            "not a whole number",
            lambda kernel_size, target: (target - 1) / (kernel_size - 1),
            "layers are whole: round up.",
        ),
    ),
    hints=(
        "What do 0, 1, 2 and 3 layers of 3x3 see? Write the four numbers down.",
        "Every layer adds kernel_size - 1 pixels to the 1 that no layer sees.",
        "The smallest whole n with 1 + n * (kernel_size - 1) >= target; a while loop finds it.",
    ),
    remark="Or in one line: `-(-(target - 1) // (kernel_size - 1))`, as `-(-a // b)` rounds up.",
)

# --- q6: what a layer costs -------------------------------------------------------------------------------------------


def _draw_cost(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "in_channels": int(rng.integers(2, 17)),
        "out_channels": int(rng.integers(4, 33)),
        "kernel_size": int(rng.choice((3, 5))),
        "side": int(rng.integers(10, 33)),
    }


def _cost(given: dict[str, Any]) -> tuple[int, int, int, int]:
    """Weights, biases, output places, multiplications."""
    kernel = given["kernel_size"]
    weights = given["in_channels"] * given["out_channels"] * kernel**2
    places = (given["side"] - kernel + 1) ** 2
    return weights, given["out_channels"], places, weights * places


def _ask_cost(given: dict[str, Any]) -> str:
    return (
        f"{given['in_channels']} maps of {given['side']}x{given['side']} numbers go in, {given['out_channels']} "
        f"maps come "
        f"out; kernels {given['kernel_size']}x{given['kernel_size']}, with bias, stride 1, no padding."
    )


def _trace_cost(given: dict[str, Any]) -> str:
    weights, biases, places, products = _cost(given)
    c, k, n = given["in_channels"], given["kernel_size"], given["side"]
    return (
        f"- One kernel reaches through all {c} maps: {c}·{k}·{k} = {c * k * k} weights. {biases} kernels: {weights}. "
        f"One bias each: {weights} + {biases} = **{weights + biases}** parameters.\n"
        f"- Places of the window: {n} - {k} + 1 = {n - k + 1} a side, {places} in all. Every weight multiplies once at "
        f"every place: {weights}·{places} = **{products}** multiplications."
    )


Q6 = Numbers(
    draw=_draw_cost,
    ask=_ask_cost,
    expected=lambda given: [_cost(given)[0] + _cost(given)[1], _cost(given)[3]],
    slips=(
        Slip(
            "biases forgotten",
            lambda given: [_cost(given)[0], _cost(given)[3]],
            "the second number is right; in the first the biases are missing, one for each output map.",
        ),
        Slip(
            "kernel without depth",
            lambda given: [
                _cost(given)[0] // given["in_channels"] + _cost(given)[1],
                _cost(given)[3] // given["in_channels"],
            ],
            "a kernel is as deep as its input: it reads all maps at once.",
        ),
        Slip(
            "places of the input",
            lambda given: [_cost(given)[0] + _cost(given)[1], _cost(given)[0] * given["side"] ** 2],
            "the first number is right. The window has fewer places than the input has pixels: there is no padding.",
        ),
        Slip(
            "a bias for every weight",
            lambda given: [2 * _cost(given)[0], _cost(given)[3]],
            "the second number is right. There is one bias for each output map, not for each weight.",
        ),
        Slip(
            "products of one place",
            lambda given: [_cost(given)[0] + _cost(given)[1], _cost(given)[0]],
            "the first number is right. The second counts one place of the window; it has many.",
        ),
    ),
    hints=(
        "Two numbers: parameters, then multiplications. What does one kernel look like, and how many are there?",
        "parameters = in · out · k · k + out. For the products: how often is each weight used?",
        "Each weight is used once at every place of the window, and there are (side - k + 1) · (side - k + 1) places.",
    ),
    trace=_trace_cost,
)

# --- q7: in words -----------------------------------------------------------------------------------------------------

Q7 = Words(
    rubric=(
        ("the same few weights are used at every place, so their number hangs on kernel and channels alone", 1),
        ("at every place of the output all weights are multiplied once, so the work grows with the area", 1),
        ("a consequence that is right, for instance: the same network runs on pictures of other sizes", 1),
    ),
    hints=(
        "Think of your two numbers in q6. Which of them changes when the side of the picture is doubled?",
        "Say what is shared, then what has to be done again for each place.",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6, "q7": Q7}
