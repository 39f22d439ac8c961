"""Transposed convolution, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: sizes --------------------------------------------------------------------------------------------------------


def _draw_layers(rng: np.random.Generator) -> dict[str, Any]:
    rows = []
    for stride, padding, extra in ((2, 0, 0), (2, 1, 1), (3, 1, 2), (4, 2, 0)):
        rows.append((int(rng.integers(4, 30)), int(rng.choice((4, 5, 6, 7))), stride, padding, extra))
    return {"layers": rows}


def _ask_layers(given: dict[str, Any]) -> str:
    rows = "\n".join("| " + " | ".join(map(str, row)) + " |" for row in given["layers"])
    return f"| input | kernel | stride | padding | output padding |\n|---|---|---|---|---|\n{rows}"


def _sizes(formula: Any) -> Any:
    return lambda given: [formula(*layer) for layer in given["layers"]]


def _trace_layers(given: dict[str, Any]) -> str:
    lines = [
        f"- ({n} - 1)·{s} + {k} = {(n - 1) * s + k} pixels of canvas; less 2·{p}, plus {e}: "
        f"**{(n - 1) * s + k - 2 * p + e}**"
        for n, k, s, p, e in given["layers"]
    ]
    return (
        "The first stamp covers as many pixels as the kernel has, each further one begins a stride later. "
        "Padding cuts off at "
        "both ends, output padding moves the cut at the far end.\n\n" + "\n".join(lines)
    )


Q1 = Numbers(
    draw=_draw_layers,
    ask=_ask_layers,
    expected=_sizes(lambda n, k, s, p, e: (n - 1) * s + k - 2 * p + e),
    slips=(
        Slip(
            "the convolution's formula",
            _sizes(lambda n, k, s, p, e: (n + 2 * p - k) // s + 1),
            "that is the size after a convolution, which shrinks. Here each input number puts down a stamp.",
        ),
        Slip(
            "padding added",
            _sizes(lambda n, k, s, p, e: (n - 1) * s + k + 2 * p + e),
            "padding of a transposed convolution cuts pixels off; it puts none on.",
        ),
        Slip(
            "padding at one end",
            _sizes(lambda n, k, s, p, e: (n - 1) * s + k - p + e),
            "padding cuts at both ends.",
        ),
        Slip(
            "output padding forgotten",
            _sizes(lambda n, k, s, p, e: (n - 1) * s + k - 2 * p),
            "the output padding is missing.",
        ),
        Slip(
            "a stride too many",
            _sizes(lambda n, k, s, p, e: n * s + k - 2 * p + e),
            "from the first stamp to the last there are input - 1 strides, not input.",
        ),
        Slip(
            "input times stride",
            _sizes(lambda n, k, s, p, e: n * s),
            "that holds only for kernels and paddings that are chosen so. Count the canvas.",
        ),
    ),
    hints=(
        "Put the stamps down on a line: where does the first begin, where does the last end?",
        "The last stamp begins at (input - 1) · stride. Add the kernel, cut the padding at both ends.",
        "(input - 1) · stride + kernel - 2 · padding + output padding.",
    ),
    trace=_trace_layers,
)

# --- q2: stamps by hand -----------------------------------------------------------------------------------------------


def _draw_stamps(rng: np.random.Generator) -> dict[str, Any]:
    return {"z": rng.integers(-3, 6, (2, 2)).tolist(), "kernel": rng.integers(-2, 5, (2, 2)).tolist()}


def _matrix(rows: Any) -> str:
    return "$\\begin{pmatrix}" + r" \\ ".join(" & ".join(map(str, row)) for row in rows) + "\\end{pmatrix}$"


def _stamped(z: Any, kernel: Any, overwrite: bool = False) -> list[list[int]]:
    z, kernel = np.array(z), np.array(kernel)
    canvas = np.zeros((3, 3), dtype=int)
    for i in range(2):
        for j in range(2):
            under = canvas[i : i + 2, j : j + 2]
            under[:] = z[i, j] * kernel + (0 if overwrite else under)
    return canvas.tolist()


def _trace_stamps(given: dict[str, Any]) -> str:
    z, kernel = np.array(given["z"]), np.array(given["kernel"])
    places = ("top left", "top right", "bottom left", "bottom right")
    stamps = [
        f"- {z[i, j]} times the kernel, {places[2 * i + j]}: {(z[i, j] * kernel).tolist()}"
        for i in range(2)
        for j in range(2)
    ]
    rows = "; ".join(", ".join(map(str, row)) for row in _stamped(z, kernel))
    return "Four stamps on a canvas of 3x3:\n\n" + "\n".join(stamps) + f"\n\nWhere they overlap they add: **{rows}**."


Q2 = Numbers(
    draw=_draw_stamps,
    ask=lambda given: f"input {_matrix(given['z'])}, kernel {_matrix(given['kernel'])}, stride 1",
    expected=lambda given: _stamped(given["z"], given["kernel"]),
    slips=(
        Slip(
            "kernel flipped",
            lambda given: _stamped(given["z"], np.array(given["kernel"])[::-1, ::-1]),
            "kernel flipped. A stamp is the kernel as it is written; the turning belongs to the view that collects.",
        ),
        Slip(
            "overwritten in place of added",
            lambda given: _stamped(given["z"], given["kernel"], overwrite=True),
            "where stamps overlap, the later one has replaced the earlier ones. The ink adds up.",
        ),
        Slip(
            "kernel transposed",
            lambda given: _stamped(given["z"], np.array(given["kernel"]).T),
            "rows and columns of the kernel are swapped. It is the matrix W that is transposed, not the kernel.",
        ),
        Slip(
            "input transposed",
            lambda given: _stamped(np.array(given["z"]).T, given["kernel"]),
            "rows and columns of the input are swapped.",
        ),
        Slip(
            "a convolution",
            lambda given: int((np.array(given["z"]) * np.array(given["kernel"])).sum()),
            "one number: that is the convolution of the two. A transposed convolution makes the picture larger.",
        ),
    ),
    hints=(
        "Each of the four input numbers presses the kernel, that many times, onto a canvas of 3x3.",
        "The number in row i, column j puts the stamp's upper left corner on row i, column j of the canvas.",
        "The middle of the canvas is reached by all four stamps, each with another cell of the kernel.",
    ),
    trace=_trace_stamps,
)

# --- q3: the layer on a line ------------------------------------------------------------------------------------------


def _spread(z: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    row, weights = (torch.from_numpy(np.ascontiguousarray(a))[None, None].double() for a in (z, kernel))
    return F.conv_transpose1d(row, weights, stride=stride)[0, 0].numpy()


def _spread_cases(rng: np.random.Generator) -> list[list[Any]]:
    shapes = ((2, 2, 1), (3, 2, 2), (2, 2, 3), (4, 3, 2), (5, 4, 3), (1, 3, 2), (6, 5, 1))
    return [[rng.integers(1, 6, n).astype(float), rng.integers(1, 6, k).astype(float), s] for n, k, s in shapes]


def _spread_overwriting(z: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    canvas = np.zeros((len(z) - 1) * stride + len(kernel))
    for i, value in enumerate(z):
        canvas[i * stride : i * stride + len(kernel)] = value * kernel
    return canvas


def _spread_to(z: np.ndarray, kernel: np.ndarray, stride: int, size: int) -> np.ndarray:
    found = _spread(z, kernel, stride)
    return np.pad(found, (0, max(0, size - len(found))))[:size]


Q3 = Function(
    name="stamp_row",
    cases=_spread_cases,
    expected=_spread,
    slips=(
        Slip(
            "kernel flipped",
            lambda z, kernel, stride: _spread(z, kernel[::-1], stride),
            "kernel flipped. The stamp is the kernel as it is.",
        ),
        Slip(
            "overwritten in place of added",
            _spread_overwriting,
            "where stamps overlap, the later one replaces the earlier: use += on the canvas.",
        ),
        Slip(
            "stride ignored",
            lambda z, kernel, stride: _spread(z, kernel, 1),
            "the stamps lie side by side. They should begin `stride` pixels apart.",
        ),
        Slip(
            "size is input times stride",
            lambda z, kernel, stride: _spread_to(z, kernel, stride, len(z) * stride),
            "the canvas is len(z) * stride long. The last stamp may end before that, or reach beyond.",
        ),
        Slip(
            "a convolution with stride",
            lambda z, kernel, stride: np.correlate(z, kernel, mode="full")[::stride],
            "the stride skips outputs. In a transposed convolution it spreads the inputs.",
        ),
    ),
    hints=(
        "Make a canvas of zeros. How long is it? (q1, with padding 0.)",
        "Input number i presses z[i] * kernel onto the pixels from i * stride on.",
        "canvas[i * stride : i * stride + len(kernel)] += z[i] * kernel, for each i.",
    ),
    remark="With stride 2 and a kernel of 3, every second pixel is reached by two stamps: this is where grids "
    "come from.",
)

# --- q4: how many stamps meet -----------------------------------------------------------------------------------------


def _meet(n: int, kernel_size: int, stride: int) -> list[int]:
    return _spread(np.ones(n), np.ones(kernel_size), stride).astype(int).tolist()


def _meet_cases(rng: np.random.Generator) -> list[list[int]]:
    drawn = [[int(rng.integers(3, 8)), int(rng.integers(2, 8)), int(rng.integers(2, 5))] for _ in range(6)]
    return [[2, 2, 2], [3, 3, 2], [3, 4, 2], [4, 2, 3], [2, 5, 1], *drawn]


Q4 = Function(
    name="meeting",
    cases=_meet_cases,
    expected=_meet,
    slips=(
        Slip(
            "stride ignored",
            lambda n, kernel_size, stride: _meet(n, kernel_size, 1),
            "the stamps lie side by side; they begin `stride` pixels apart.",
        ),
        Slip(
            "covered or not",
            lambda n, kernel_size, stride: [min(1, count) for count in _meet(n, kernel_size, stride)],
            "this says only whether a pixel is reached. How many stamps reach it?",
        ),
        Slip(
            "the same everywhere",
            lambda n, kernel_size, stride: [-(-kernel_size // stride)] * ((n - 1) * stride + kernel_size),
            "at the ends fewer stamps meet, and between them the number may change from pixel to pixel.",
        ),
        Slip(
            "last stamp missing",
            lambda n, kernel_size, stride: _meet(n - 1, kernel_size, stride),
            "one stamp is missing: n numbers, n stamps.",
        ),
        Slip(
            "size is input times stride",
            lambda n, kernel_size, stride: _spread_to(np.ones(n), np.ones(kernel_size), stride, n * stride).tolist(),
            "there are (n - 1) * stride + kernel_size pixels.",
        ),
    ),
    hints=(
        "It is a transposed convolution again: which input and which kernel count stamps?",
        "Ones in, a kernel of ones: each stamp adds 1 to each pixel under it.",
    ),
    remark="`stamp_row(np.ones(n), np.ones(kernel_size), stride)` says it in one line. Even counts inside need "
    "a kernel that the "
    "stride divides.",
)

# --- q5: max unpooling ------------------------------------------------------------------------------------------------


def _unpool(values: np.ndarray, places: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    picture = np.zeros(shape)
    picture[np.divmod(places, shape[1])] = values
    return picture


def _unpool_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = []
    for height, width in ((2, 4), (4, 4), (4, 6), (6, 8), (5, 7)):
        picture = torch.from_numpy(rng.permutation(height * width).reshape(1, 1, height, width).astype(float) + 1)
        values, places = F.max_pool2d(picture, 2, return_indices=True)
        cases.append([values[0, 0].numpy(), places[0, 0].numpy(), (height, width)])
    return cases


def _by_columns(values: np.ndarray, places: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    picture = np.zeros(shape)
    picture[places % shape[0], places // shape[0]] = values
    return picture


def _blocks(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    picture = np.zeros(shape)
    large = values.repeat(2, axis=0).repeat(2, axis=1)
    picture[: large.shape[0], : large.shape[1]] = large
    return picture


def _corners(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    picture = np.zeros(shape)
    picture[: 2 * values.shape[0] : 2, : 2 * values.shape[1] : 2] = values
    return picture


Q5 = Function(
    name="unpool",
    cases=_unpool_cases,
    expected=_unpool,
    slips=(
        Slip(
            "whole windows filled",
            lambda values, places, shape: _blocks(values, shape),
            "every pixel of a window gets its largest value. Only the place where it stood does; the others are 0.",
        ),
        Slip(
            "places ignored",
            lambda values, places, shape: _corners(values, shape),
            "the values stand in the upper left corner of their windows. `places` says where they belong.",
        ),
        Slip(
            "counted down the columns",
            _by_columns,
            "the places are counted along the rows: place 1 is in row 0, column 1.",
        ),
        Slip(
            "width of the small picture",
            lambda values, places, shape: _unpool(
                values, np.minimum(places // values.shape[1], shape[0] - 1) * shape[1] + places % values.shape[1], shape
            ),
            "the places count pixels of the large picture: divide by its width.",
        ),
        Slip(
            "left as a long row",
            lambda values, places, shape: _unpool(values, places, shape).ravel(),
            "the shape is missing: a picture is asked for, not a row.",
        ),
    ),
    hints=(
        "Begin with zeros of the asked shape. Where does values[0, 0] belong?",
        "A place is row * width + column, of the large picture.",
        "picture.ravel()[places.ravel()] = values.ravel() writes all of them, if picture is one block of memory.",
    ),
    remark="`F.max_unpool2d` does the same. What was not the largest of its window is gone for good.",
)

# --- q6: in words -----------------------------------------------------------------------------------------------------

Q6 = Words(
    rubric=(
        ("the shape comes back, the values do not", 1),
        (
            "a reason: fewer numbers than before, so different pictures give the same result; or W^T W is not "
            "the identity",
            1,
        ),
        ("where a decoder's sharp pictures come from then: from training, what pictures look like", 1),
    ),
    hints=(
        "Nine numbers went in, four came out. Can different nines give the same four?",
        "What does a decoder know that is not in the four numbers?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6}
