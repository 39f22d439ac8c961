"""Every worked number of the lectures, computed by the package: lecture, what, how, value.

One row a number. Later notebooks add their rows at the end of their own block.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from course_utils import convolution as conv

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def digits(rows: str) -> np.ndarray:
    """'123 456' as a matrix of single digits."""
    return np.array([[int(digit) for digit in row] for row in rows.split()])


def numbers(rows: str) -> np.ndarray:
    """'1 2 3 / 4 5 6' as a matrix."""
    return np.array([[int(number) for number in row.split()] for row in rows.split("/")])


AJOU_5 = digits("33210 00131 31223 20022 20001"), digits("012 220 012")
AJOU_4 = digits("1230 0123 3012 2301"), digits("201 012 102")
AJOU_7 = digits("1230123 0123012 3012301 2301230 1230123 0123012 3012301"), AJOU_4[1]
WIEN = (
    numbers("105 102 100 97 96 / 103 99 103 101 102 / 101 98 104 102 100 / 99 101 106 104 99 / 104 104 104 100 98"),
    numbers("0 -1 0 / -1 5 -1 / 0 -1 0"),
)


def correlated(image_and_kernel: tuple[np.ndarray, np.ndarray], **geometry: int) -> np.ndarray:
    return conv.cross_correlate(*image_and_kernel, **geometry)


def shape(image: tuple[int, ...], kernel: tuple[int, ...], **geometry: int) -> tuple[int, ...]:
    return conv.cross_correlate(np.zeros(image), np.zeros(kernel), **geometry).shape


def dilated_fields() -> list[int]:
    return [conv.receptive_field([(3, 1, 0, d) for d in (1, 2, 4)[: n + 1]]).size for n in range(3)]


SORBONNE_KERNEL = np.array([[1, 2], [3, 4]])  # w1 to w4
SORBONNE_MATRIX = numbers("1 2 0 3 4 0 0 0 0 / 0 1 2 0 3 4 0 0 0 / 0 0 0 1 2 0 3 4 0 / 0 0 0 0 1 2 0 3 4")
STAMPED = np.array([[3, 1], [0, 2]])  # our z
NUS = np.array([[3, 2], [0, 1]])


def transposed(z: np.ndarray, kernel: np.ndarray, **geometry: int) -> np.ndarray:
    size = conv.transposed_output_size(len(z), len(kernel), **geometry)
    return (conv.convolution_matrix(kernel, size, **geometry).T @ z.reshape(-1)).reshape(size, size)


# notebook, lecture, what, computed by, value, and as it stands in a compared cell (brackets and commas do not count)
TABLE: list[tuple[str, str, str, Any, Any, str]] = [
    (
        "02",
        "Ajou",
        "5x5 input, 3x3 kernel",
        lambda: correlated(AJOU_5),
        numbers("12 12 17 / 10 17 19 / 9 6 14"),
        "12 12 17 10 17 19 9 6 14",
    ),
    ("02", "Ajou", "4x4 input", lambda: correlated(AJOU_4), numbers("15 16 / 6 15"), "cross-correlation: 15 16 6 15"),
    (
        "02",
        "Ajou",
        "4x4 input, padding 1",
        lambda: correlated(AJOU_4, padding=1),
        numbers("7 12 10 2 / 4 15 16 10 / 10 6 15 6 / 8 10 4 3"),
        "7 12 10 2 4 15 16 10 10 6 15 6 8 10 4 3",
    ),
    (
        "02",
        "Ajou",
        "7x7 input, stride 2",
        lambda: correlated(AJOU_7, stride=2),
        numbers("15 17 15 / 17 15 17 / 15 17 15"),
        "15 17 15 17 15 17 15 17 15",
    ),
    (
        "02",
        "Ajou",
        "quiz 1, no padding",
        lambda: shape((3, 10, 10), (1, 3, 5, 5)),
        (1, 6, 6),
        "padding 0: output (1, 6, 6)",
    ),
    (
        "02",
        "Ajou",
        "quiz 1, padding 2",
        lambda: shape((3, 10, 10), (1, 3, 5, 5), padding=2),
        (1, 10, 10),
        "padding 2: output (1, 10, 10)",
    ),
    ("02", "TU Wien", "sharpening, first value", lambda: correlated(WIEN)[0, 0], 89, "89 111"),
    (
        "02",
        "TU Wien",
        "sharpening, all values",
        lambda: correlated(WIEN),
        numbers("89 111 101 / 85 111 101 / 98 117 113"),
        "89 111 101 85 111 101 98 117 113",
    ),
    (
        "02",
        "TU Wien",
        "sharpening, padded by replication, first row",
        lambda: correlated((conv.pad_replicate(WIEN[0], 1), WIEN[1]))[0],
        np.array([110, 104, 98, 91, 89]),
        "replication: 110 104 98 91 89",
    ),
    (
        "02",
        "TU Wien",
        "3 to 32 channels, weights",
        lambda: conv.parameter_count(3, 32, 3, bias=False),
        864,
        "864 weights",
    ),
    ("02", "TU Wien", "the same with biases", lambda: conv.parameter_count(3, 32, 3), 896, "896 with biases"),
    (
        "02",
        "TU Wien",
        "32 to 64 channels, weights",
        lambda: conv.parameter_count(32, 64, 3, bias=False),
        18_432,
        "18,432 weights",
    ),
    ("02", "TU Wien", "the same with biases", lambda: conv.parameter_count(32, 64, 3), 18_496, "18,496 with biases"),
    ("02", "Sorbonne", "3x3 input, 2x2 kernel", lambda: conv.output_size(3, 2), 2, "3x3 input, 2x2 kernel 2"),
    (
        "02",
        "Sorbonne",
        "4x4 input, 2x2 kernel, stride 2",
        lambda: conv.output_size(4, 2, stride=2),
        2,
        "2x2 kernel, stride 2 2",
    ),
    (
        "02",
        "Sorbonne",
        "input sizes that share an output: n + a, a = 0 .. s - 1",
        lambda: [conv.output_size(96 + a, 16, stride=16) for a in range(16)],
        [6] * 16,
        "output 6x6 for input sizes 96 to 111",
    ),
    ("02", "Sorbonne", "dilation 1, 2, 4", dilated_fields, [3, 7, 15], "dilation 1, 2, 4: 3 7 15"),
    (
        "02",
        "Sorbonne",
        "LeNet-style, 64 kernels 9x9",
        lambda: conv.parameter_count(1, 64, 9, bias=False),
        5184,
        "1 map to 64: 5,184",
    ),
    (
        "02",
        "Sorbonne",
        "LeNet-style, 256 kernels 9x9 on one map each",
        lambda: 256 * conv.parameter_count(1, 1, 9, bias=False),
        20_736,
        "one map each: 20,736",
    ),
    (
        "02",
        "Sorbonne",
        "LeNet-style, the same on all 64 maps (slip)",
        lambda: conv.parameter_count(64, 256, 9, bias=False),
        1_327_104,
        "all maps each: 1,327,104",
    ),
    (
        "02",
        "Sorbonne",
        "LeNet-style, 256 x 101 (slip)",
        lambda: conv.parameter_count(256, 101, 1, bias=False),
        25_856,
        "256 numbers to 101: 25,856",
    ),
    (
        "03",
        "Sorbonne",
        "3x3 input, 2x2 kernel as a 4x9 matrix",
        lambda: conv.convolution_matrix(SORBONNE_KERNEL, 3),
        SORBONNE_MATRIX,
        "W = 1 2 0 3 4 0 0 0 0 0 1 2 0 3 4 0 0 0 0 0 0 1 2 0 3 4 0 0 0 0 0 1 2 0 3 4",
    ),
    (
        "03",
        "Sorbonne",
        "W x = z for x = 1 to 9",
        lambda: conv.convolution_matrix(SORBONNE_KERNEL, 3) @ np.arange(1, 10),
        np.array([37, 47, 67, 77]),
        "W x = 37 47 67 77",
    ),
    (
        "03",
        "Sorbonne",
        "its transpose, 9x4",
        lambda: conv.convolution_matrix(SORBONNE_KERNEL, 3).T,
        SORBONNE_MATRIX.T,
        "W transposed = 1 0 0 0 2 1 0 0 0 2 0 0 3 0 1 0 4 3 2 1 0 4 0 2 0 0 3 0 0 0 4 3 0 0 0 4",
    ),
    (
        "03",
        "Sorbonne",
        "y = W^T z",
        lambda: transposed(STAMPED, SORBONNE_KERNEL),
        numbers("3 7 2 / 9 17 8 / 0 6 8"),
        "y = 3 7 2 9 17 8 0 6 8",
    ),
    (
        "03",
        "Sorbonne",
        "y = z * w with the star of x * w = z (slip)",
        lambda: correlated((STAMPED, SORBONNE_KERNEL)),
        numbers("13"),
        "same star as in x * w: 13",
    ),
    (
        "03",
        "Sorbonne",
        "y = z * w, padded by k - 1, kernel turned",
        lambda: correlated((STAMPED, SORBONNE_KERNEL[::-1, ::-1]), padding=1),
        numbers("3 7 2 / 9 17 8 / 0 6 8"),
        "padded, kernel turned: 3 7 2 9 17 8 0 6 8",
    ),
    (
        "03",
        "Sorbonne",
        "the reverse operation: W^T W x for x = 1 to 9 (slip)",
        lambda: transposed(np.array([[37, 47], [67, 77]]), SORBONNE_KERNEL),
        numbers("37 121 94 / 178 500 342 / 201 499 308"),
        "W^T W x = 37 121 94 178 500 342 201 499 308",
    ),
    (
        "03",
        "Sorbonne",
        "dilation 1, 2, 4, by formula and by gradient",
        dilated_fields,
        [3, 7, 15],
        "fields by formula 3 7 15 by gradient 3 7 15",
    ),
    (
        "03",
        "NUS",
        "nearest neighbour",
        lambda: transposed(NUS, np.ones((2, 2)), stride=2),
        digits("3322 3322 0011 0011"),
        "nearest: 3 3 2 2 3 3 2 2 0 0 1 1 0 0 1 1",
    ),
    (
        "03",
        "NUS",
        "bilinear: filter times 4",
        lambda: conv.bilinear_kernel(2).sum(),
        4,
        "factor 2: kernel 4 padding 1 10 -> 20 weights sum to 4",
    ),
    (
        "03",
        "NUS",
        "bilinear: three quarters of the pixels were 0",
        lambda: 1 - 1 / conv.bilinear_kernel(2).sum(),
        0.75,
        "share of zeros after spreading: 0.75",
    ),
    (
        "05",
        "Ajou",
        "natural image sets, pictures a class",
        lambda: [round(9_146 / 101), round(30_607 / 256), 60_000 // 10, 60_000 // 100, 1_200_000 // 1_000],
        [91, 120, 6_000, 600, 1_200],
        "pictures a class: 91 120 6000 600 1200 641",
    ),
    (
        "05",
        "Ajou",
        "ImageNet in full, pictures a class",
        lambda: round(14_000_000 / 21_841),
        641,
        "pictures a class: 91 120 6000 600 1200 641",
    ),
]


@pytest.mark.parametrize(
    ("computed", "value"), [(row[3], row[4]) for row in TABLE], ids=[f"{row[0]}, {row[1]}, {row[2]}" for row in TABLE]
)
def test_lecture_number(computed, value):
    np.testing.assert_array_equal(computed(), value)


def plain(text: str) -> str:
    """Words and numbers only, one space between them: a printed tensor, a list and a table row read alike."""
    return " ".join(re.sub(r"tensor|[\[\](),]", " ", text).split())


@pytest.mark.parametrize(
    ("notebook", "written"),
    [(row[0], row[5]) for row in TABLE],
    ids=[f"{row[0]}, {row[1]}, {row[2]}" for row in TABLE],
)
def test_number_stands_in_a_compared_cell(notebook, written):
    (path,) = NOTEBOOKS.glob(f"{notebook}_*.ipynb")
    compared = [
        plain(output.text)
        for cell in nbformat.read(path, as_version=4).cells
        if "nbval-check-output" in cell.metadata.get("tags", [])
        for output in cell.outputs
        if output.output_type == "stream"
    ]
    assert any(plain(written) in text for text in compared), f"{written!r} is in no compared cell of {path.name}"
