"""Every worked number of the lectures: where it is computed, by what, its value, and that a notebook shows it.

`TABLE` has one row a number; later notebooks add their rows at the end of their own block. A row whose notebook is not
written yet waits: its value is computed all the same, and the notebook is searched for it as soon as the file exists.

`lecture_numbers.csv` says what must be in the table, and knows nothing of it: it was compiled by reading the slides of
the Ajou, TU Wien and Sorbonne lectures one after the other and writing down each number that is the result of a sum on
a slide or of a question asked there. What a lecture quotes (years, results of competitions, sizes of data sets) is not
in it. Where a slide's number is a slip, the right one stands there; where a picture is lost, that of our own picture.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from itertools import pairwise
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
    return np.array([[float(n) if "." in n else int(n) for n in row.split()] for row in rows.split("/")])


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


def super_resolution_layers(name: str) -> int:
    import torch

    from course_utils.models import superresolution

    return sum(isinstance(layer, torch.nn.Conv2d) for layer in getattr(superresolution, name)().modules())


def weighted_layers(blocks_per_stage: int) -> int:
    import torch

    from course_utils.models.resnet import ResNet

    with torch.device("meta"):
        net = ResNet(blocks_per_stage)
    return sum(isinstance(module, torch.nn.Conv2d | torch.nn.Linear) for module in net.modules())


def dilated_fields() -> list[int]:
    return [conv.receptive_field([(3, 1, 0, d) for d in (1, 2, 4)[: n + 1]]).size for n in range(3)]


def paper_unet_output() -> int:
    from course_utils.models.segmentation import valid_sizes

    return valid_sizes(572).up[-1]


SORBONNE_KERNEL = np.array([[1, 2], [3, 4]])  # w1 to w4
SORBONNE_MATRIX = numbers("1 2 0 3 4 0 0 0 0 / 0 1 2 0 3 4 0 0 0 / 0 0 0 1 2 0 3 4 0 / 0 0 0 0 1 2 0 3 4")
STAMPED = np.array([[3, 1], [0, 2]])  # our z
NUS = np.array([[3, 2], [0, 1]])


def attended(share: float) -> dict[str, np.ndarray]:
    """The NUS example of attention: states h, weights k, context c and s_1, from s_0 = share * h_3."""
    import torch

    from course_utils.models.attention import gru_step
    from course_utils.widgets.attention import attend_by_hand

    states, _, weights, context = attend_by_hand(share)
    h, c = np.array(states), np.array(context)
    blocks = {  # columns: three of the state, two of the word said last, three of the context
        "r": "1 0 0 0 1 0 0 -1 / 0 1 0 1 0 0 -1 0 / 0 0 1 0 1 -1 0 0",
        "z": "0 0 1 1 0 1 0 0 / 1 0 0 0 1 0 1 0 / 0 1 0 -1 0 0 0 1",
        "s": "0 1 0 1 0 1 0 0 / 0 0 1 0 1 0 0 1 / 1 0 0 -1 0 0 1 0",
    }
    matrices = [torch.tensor(numbers(rows), dtype=torch.float64) for rows in blocks.values()]
    s_1 = gru_step(torch.tensor(share * h[2]), torch.tensor([1.0, 0, *c], dtype=torch.float64), *matrices)
    return {"h": h, "k": np.array(weights), "c": c, "s_1": s_1.numpy()}


def transposed(z: np.ndarray, kernel: np.ndarray, **geometry: int) -> np.ndarray:
    size = conv.transposed_output_size(len(z), len(kernel), **geometry)
    return (conv.convolution_matrix(kernel, size, **geometry).T @ z.reshape(-1)).reshape(size, size)


def dense_count(*sizes: int, bias: bool = True) -> int:
    """Weights of a dense network with these layer sizes: each layer is a 1x1 convolution on one pixel."""
    return sum(conv.parameter_count(a, b, 1, bias=bias) for a, b in pairwise(sizes))


def alexnet_count(first: list[tuple[int, int, int]]) -> int:
    """Weights of five convolutions (channels that a kernel reads, kernels, side) and AlexNet's three dense layers."""
    return sum(conv.parameter_count(*layer) for layer in first) + dense_count(256 * 36, 4096, 4096, 1000)


TWO_GROUPS = [(3, 96, 11), (48, 256, 5), (256, 384, 3), (192, 384, 3), (192, 256, 3)]  # two groups in 2, 4 and 5
ONE_TOWER = [(3, 64, 11), (64, 192, 5), (192, 384, 3), (384, 256, 3), (256, 256, 3)]


def alexnet_work() -> tuple[int, int]:
    """Numbers that its layers give out, and multiplications, products with padding among them."""
    layers = [(*layer, side) for layer, side in zip(TWO_GROUPS, (55, 27, 13, 13, 13), strict=True)]
    layers += [(256 * 36, 4096, 1, 1), (4096, 4096, 1, 1), (4096, 1000, 1, 1)]
    return sum(b * side**2 for _, b, _, side in layers), sum(conv.multiplication_count(*layer) for layer in layers)


def vgg16_count() -> int:
    widths = [3, 64, 64, 128, 128, *[256] * 3, *[512] * 6]
    convolutions = sum(conv.parameter_count(a, b, 3) for a, b in pairwise(widths))
    return convolutions + dense_count(512 * 49, 4096, 4096, 1000)


def resnet_count(*blocks: int) -> int:
    """Weights of a bottleneck ResNet (He et al. 2016, table 1); batch norm has two a channel."""
    total, width = conv.parameter_count(3, 64, 7, bias=False) + 2 * 64, 64
    for stage, count in enumerate(blocks):
        inner = 64 * 2**stage
        for block in range(count):
            for a, b, side in ((width, inner, 1), (inner, inner, 3), (inner, 4 * inner, 1)):
                total += conv.parameter_count(a, b, side, bias=False) + 2 * b
            if block == 0:
                total += conv.parameter_count(width, 4 * inner, 1, bias=False) + 2 * 4 * inner
            width = 4 * inner
    return total + dense_count(width, 1000)


PASCAL_BOXES = (57, 133, 329, 265), (153, 95, 396, 218)


def overlap(pixel: int) -> float:
    """IoU of the two boxes, on continuous coordinates (pixel = 0) or counting pixels inclusively (pixel = 1)."""
    (a, b, c, d), (e, f, g, h) = PASCAL_BOXES
    shared = (min(c, g) - max(a, e) + pixel) * (min(d, h) - max(b, f) + pixel)
    areas = (c - a + pixel) * (d - b + pixel) + (g - e + pixel) * (h - f + pixel)
    return round(shared / (areas - shared), 4)


def colorized(side: int) -> tuple[int, ...]:
    """Output of the colorization network: three strides of 2, then a transposed convolution of stride 2."""
    from course_utils.color import in_gamut_bins

    for _ in range(3):
        side = conv.output_size(side, 3, stride=2, padding=1)
    side = conv.transposed_output_size(side, 4, stride=2, padding=1)
    return side, side, len(in_gamut_bins())


# notebook, lecture, what, computed by, value, and as it stands in a compared cell (brackets and commas do not count)
TABLE: list[tuple[str, str, str, Any, Any, str]] = [
    *[
        (
            "01",
            "Ajou",
            f"{units:,} units on 10,000 inputs, weights",
            lambda units=units: dense_count(10_000, units, bias=False),
            weights,
            f"{units:,} units x 10,000 inputs = {weights:,} weights",
        )
        for units, weights in ((1, 10**4), (10, 10**5), (100, 10**6), (100_000, 10**9))
    ],
    (
        "01",
        "Ajou",
        "last dense layer of AlexNet, 4096 to 1000",
        lambda: dense_count(4096, 1000, bias=False),
        4_096_000,
        "1,000 units x 4,096 inputs = 4,096,000 weights",
    ),
    ("01", "TU Wien", "a colour picture of 32x32 as a vector", lambda: 3 * 32 * 32, 3072, "D = 3 x 32 x 32 = 3,072"),
    (
        "01",
        "TU Wien",
        "MLP, D = 3072, H = 500, 10 classes",
        lambda: dense_count(3072, 500, 10),
        1_541_510,
        "MLP 3,072 -> 500 -> 10: 1,541,510",
    ),
    (
        "01",
        "TU Wien",
        "3 to 32 channels, weights, beside the MLP",
        lambda: conv.parameter_count(3, 32, 3, bias=False),
        864,
        "3x3, 3 -> 32: 864 weights, 896 with biases",
    ),
    (
        "01",
        "TU Wien",
        "32 to 64 channels, weights, beside the MLP",
        lambda: conv.parameter_count(32, 64, 3, bias=False),
        18_432,
        "3x3, 32 -> 64: 18,432 weights, 18,496 with biases",
    ),
    (
        "01",
        "TU Wien",
        "sharpening: one pixel against its neighbours",
        lambda: 99 + 4 * (99 - (102 + 103 + 103 + 98) / 4),
        89,
        "99 - 101.5 = -2.5: 99 + 4 x -2.5 = 89",
    ),
    (
        "01",
        "TU Wien",
        "sharpening, 89 and its eight neighbours",
        lambda: correlated(WIEN),
        numbers("89 111 101 / 85 111 101 / 98 117 113"),
        "89 111 101 85 111 101 98 117 113",
    ),
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
    (
        "02",
        "Ajou",
        "quiz 2, on a picture of our own",
        lambda: shape((3, 12, 12), (5, 3, 4, 4)),
        (5, 9, 9),
        "kernels (5, 3, 4, 4), padding 0: output (5, 9, 9)",
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
    (
        "02",
        "Sorbonne",
        "1x1 convolution, C' = 1",
        lambda: shape((3, 160, 240), (1, 3, 1, 1)),
        (1, 160, 240),
        "(3, 160, 240) -> (1, 160, 240)",
    ),
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
        "06",
        "Ajou",
        "AlexNet's first layer, 96 kernels of 11x11x3 with biases",
        lambda: conv.parameter_count(3, 96, 11),
        34_944,
        "34,944",
    ),
    ("06", "Ajou", "AlexNet of 2012", lambda: alexnet_count(TWO_GROUPS), 60_965_224, "60,965,224"),
    ("06", "Ajou", "AlexNet in one tower", lambda: alexnet_count(ONE_TOWER), 61_100_840, "61,100,840"),
    ("06", "Sorbonne", "AlexNet, about 60 M", lambda: alexnet_count(TWO_GROUPS), 60_965_224, "60,965,224"),
    ("06", "Sorbonne", "AlexNet's neurons, about 650 K", lambda: alexnet_work()[0], 659_272, "659,272"),
    ("06", "Sorbonne", "AlexNet's connections, about 630 M", lambda: alexnet_work()[1], 724_406_816, "724,406,816"),
    ("06", "Sorbonne", "VGG-16, 138 M", vgg16_count, 138_357_544, "138,357,544"),
    ("06", "Sorbonne", "ResNet-152, 60 M", lambda: resnet_count(3, 8, 36, 3), 60_192_808, "60,192,808"),
    ("10", "Sorbonne", "IoU of the Pascal boxes, continuous", lambda: overlap(0), 0.2943, "0.2943"),
    ("10", "Sorbonne", "IoU of the Pascal boxes, inclusive", lambda: overlap(1), 0.2965, "0.2965"),
    ("12", "Sorbonne", "YOLO's output on Pascal VOC", lambda: 7 * 7 * (2 * 5 + 20), 1470, "1,470"),
    (
        "13",
        "Sorbonne",
        "VGG's first dense layer, 7x7x512 to 4096, as a convolution",
        lambda: conv.parameter_count(512, 4096, 7, bias=False),
        102_760_448,
        "102,760,448",
    ),
    ("14", "Sorbonne", "dilations 1, 2, 4 on 3x3 kernels", dilated_fields, [3, 7, 15], "fields 3 7 15"),
    ("14", "NUS", "U-Net's output, smaller by valid padding", paper_unet_output, 388, "572 in gives 2 388 388"),
    *[
        (
            "15",
            "LMU",
            f"colorization: places and bins of the output for an input of {side} pixels (the slides mix the two)",
            lambda side=side: colorized(side),
            (quarter, quarter, 313),
            f"{side} x {side} in -> {quarter} x {quarter} x 313",
        )
        for side, quarter in ((256, 64), (224, 56))
    ],
]

# notebook 06: layers as (in_channels, out_channels, kernel_size, groups, side of the output), dense layers as 1x1
DENSE_LAYERS = [(9216, 4096, 1, 1, 1), (4096, 4096, 1, 1, 1), (4096, 1000, 1, 1, 1)]
ALEXNET_2012 = [
    (3, 96, 11, 1, 55),
    (96, 256, 5, 2, 27),
    (256, 384, 3, 1, 13),
    (384, 384, 3, 2, 13),
    (384, 256, 3, 2, 13),
]
ALEXNET_2012 += DENSE_LAYERS
ALEXNET_2014 = [
    (3, 64, 11, 1, 55),
    (64, 192, 5, 1, 27),
    (192, 384, 3, 1, 13),
    (384, 256, 3, 1, 13),
    (256, 256, 3, 1, 13),
]
ALEXNET_2014 += DENSE_LAYERS


def learned(layers: list[tuple[int, int, int, int, int]]) -> int:
    return sum(conv.parameter_count(a, b, kernel, groups=groups) for a, b, kernel, groups, _ in layers)


def of_torchvision(name: str, **how: bool) -> int:
    """Parameters of torchvision's network, built without contents."""
    import torch
    import torchvision

    with torch.device("meta"):
        model = getattr(torchvision.models, name)(**how)
    return sum(parameter.numel() for parameter in model.parameters())


WITHOUT_AUX = {"aux_logits": False, "init_weights": False}
TABLE += [
    ("06", "Ajou", "AlexNet, 96 kernels, two groups", lambda: learned(ALEXNET_2012), 60_965_224, "60,965,224"),
    ("06", "Ajou", "AlexNet, 64 kernels, one tower", lambda: learned(ALEXNET_2014), 61_100_840, "61,100,840"),
    (
        "06",
        "Sorbonne",
        "AlexNet, neurons (650 K)",
        lambda: sum(b * side**2 for _, b, _, _, side in ALEXNET_2012),
        659_272,
        "neurons 659 272",
    ),
    (
        "06",
        "Sorbonne",
        "AlexNet, connections (630 M)",
        lambda: sum(conv.multiplication_count(a, b, k, side, groups=g) for a, b, k, g, side in ALEXNET_2012),
        724_406_816,
        "connections 724 406 816 with padding",
    ),
    ("06", "Sorbonne", "VGG-16, about 138 M", lambda: of_torchvision("vgg16"), 138_357_544, "138,357,544"),
    ("06", "Sorbonne", "ResNet-152, about 60 M", lambda: of_torchvision("resnet152"), 60_192_808, "60,192,808"),
    (
        "06",
        "Sorbonne",
        "a dense layer on 7x7 as a convolution, on 12x12: (N - n + 1)^2 outputs",
        lambda: shape((12, 12), (7, 7)),
        (6, 6),
        "on 12x12 the convolution gives 2 32 6 6",
    ),
    (
        "06",
        "Sorbonne",
        "VGG's first dense layer as a convolution",
        lambda: conv.parameter_count(512, 4096, 7, bias=False),
        102_760_448,
        "as a convolution: 102,760,448 weights",
    ),
    (
        "06",
        "Sorbonne",
        "GoogLeNet, not 24 M (slip)",
        lambda: of_torchvision("googlenet", **WITHOUT_AUX),
        6_624_904,
        "6,624,904",
    ),
    (
        "06",
        "Sorbonne",
        "Inception v3, 24 M",
        lambda: of_torchvision("inception_v3", **WITHOUT_AUX),
        23_834_568,
        "23,834,568",
    ),
    ("06", "Sorbonne", "LeNet-style, 256 x 101 (slip)", lambda: 256 * 101, 25_856, "to 101 classes: 25,856"),
    (
        "06",
        "Sorbonne",
        "LeNet-style, one map each and all maps (slip)",
        lambda: [conv.parameter_count(maps, 256, 9, bias=False) for maps in (1, 64)],
        [20_736, 1_327_104],
        "one map each 20,736; all 64 maps each 1,327,104",
        "07b",
        "Ajou",
        "depth reached on CIFAR: 1,202 layers, 200 blocks in each of three stages",
        lambda: weighted_layers(200),
        1202,
        "1202 layers: 200 blocks a stage, 600 additions, 19,421,274 weights",
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
    (
        "08",
        "Sorbonne",
        "M2CAI, right answers in % of features only, from scratch, fine-tuned, ResNet-200; wrong ones beside them",
        lambda: [round(100 - right, 2) for right in (60.53, 69.13, 79.06, 79.24)],
        [39.47, 30.87, 20.94, 20.76],
        "features only 60.53 % wrong 39.47 % from scratch 69.13 % wrong 30.87 % fine-tuned 79.06 % wrong 20.94 % "
        "ResNet-200 fine-tuned 79.24 % wrong 20.76 %",
    ),
    (
        "08",
        "Sorbonne",
        "M2CAI, points from scratch to fine-tuned, to features only, and from Inception v3 to ResNet-200",
        lambda: [round(a - b, 2) for a, b in ((79.06, 69.13), (60.53, 69.13), (79.24, 79.06))],
        [9.93, -8.6, 0.18],
        "fine-tuned - from scratch +9.93 points: of the mistakes 32% are gone features only - from scratch -8.60 "
        "points ResNet-200 - Inception v3 +0.18 points",
    ),
    *[
        (
            "17",
            "Ajou",
            f"{net}: layers",
            lambda net=net: super_resolution_layers(net),
            layers,
            f"{layers} layers {weights}",
        )
        for net, layers, weights in (("SRCNN", 3, "57,184"), ("VDSR", 20, "664,704"))
    ],
    (
        "19",
        "NUS",
        "attention: the encoder's states for a = (0.1, 0, 1), b = (1, 0.1, 0), c = (0.2, 0.3, 1); matrices ours",
        lambda: np.round(attended(0)["h"], 4),
        numbers("0.0997 0.0997 0.7616 / 0.7817 0.9016 0.0498 / 0.5722 0.4815 0.8834"),
        "h_1 0.0997 0.0997 0.7616 h_2 0.7817 0.9016 0.0498 h_3 0.5722 0.4815 0.8834",
    ),
    (
        "19",
        "NUS",
        "attention: weights, context and s_1 from s_0 = 0",
        lambda: np.round([attended(0)[name] for name in ("k", "c", "s_1")], 4),
        numbers("0.0703 0.7147 0.2150 / 0.6887 0.7549 0.2790 / 0.7883 0.1850 -0.0786"),
        "e -0.3440 1.9747 0.7733 k 0.0703 0.7147 0.2150 c 0.6887 0.7549 0.2790 r 0.4307 0.5610 0.3343 "
        "z 0.8441 0.6802 0.3272 proposal 0.9340 0.2720 -0.2403 s_1 0.7883 0.1850 -0.0786",
    ),
    (
        "19",
        "NUS",
        "attention: weights, context and s_1 from s_0 = h_3",
        lambda: np.round([attended(1)[name] for name in ("k", "c", "s_1")], 4),
        numbers("0.1847 0.5167 0.2986 / 0.5932 0.6281 0.4301 / 0.9288 0.6749 0.4299"),
        "e 1.1621 2.1909 1.6424 k 0.1847 0.5167 0.2986 c 0.5932 0.6281 0.4301 r 0.5355 0.7013 0.5720 "
        "z 0.9225 0.7686 0.4779 proposal 0.9588 0.7331 -0.0654 s_1 0.9288 0.6749 0.4299",
    ),
]


def ids(rows: list[tuple]) -> list[str]:
    return [f"{row[0]}, {row[1]}, {row[2]}" for row in rows]


@pytest.mark.parametrize(("computed", "value"), [(row[3], row[4]) for row in TABLE], ids=ids(TABLE))
def test_lecture_number(computed, value):
    np.testing.assert_array_equal(computed(), value)


# --- every row is shown -----------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """Words and numbers only, one space between them: a printed tensor, a list and a table row read alike."""
    return " ".join(re.sub(r"tensor|[\[\](),]", " ", text).split())


def compared_texts(notebook: nbformat.NotebookNode) -> list[str]:
    """What the compared cells print or show as text, one entry an output."""
    outputs = [
        output
        for cell in notebook.cells
        if "nbval-check-output" in cell.metadata.get("tags", [])
        for output in cell.get("outputs", [])
    ]
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return [plain(text if isinstance(text, str) else "".join(text)) for text in texts]


@pytest.mark.parametrize(("notebook", "written"), [(row[0], row[5]) for row in TABLE], ids=ids(TABLE))
def test_number_stands_in_a_compared_cell(notebook, written):
    found = list(NOTEBOOKS.glob(f"{notebook}_*.ipynb"))
    if not found:
        pytest.skip(f"waits for notebook {notebook}, which is not written yet")
    (path,) = found
    texts = compared_texts(nbformat.read(path, as_version=4))
    assert any(plain(written) in text for text in texts), f"{written!r} is in no compared cell of {path.name}"


@pytest.mark.parametrize(
    ("tags", "printed"), [([], "1,470"), (["nbval-check-output"], "1,471"), (["hide-input"], "1,470")]
)
def test_a_number_that_is_not_compared_does_not_count(tags, printed):
    cell = nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("stream", text=printed)])
    cell.metadata["tags"] = tags
    texts = compared_texts(nbformat.v4.new_notebook(cells=[cell]))
    assert not any(plain("1,470") in text for text in texts)


# --- nothing is missing -----------------------------------------------------------------------------------------------

REQUIRED = Path(__file__).with_name("lecture_numbers.csv")
Key = tuple[str, tuple[float, ...]]


def required() -> Counter[Key]:
    """Lecture and numbers of each line of the list, as often as they stand there."""
    with open(REQUIRED, encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return Counter((line["lecture"], tuple(float(number) for number in line["numbers"].split())) for line in lines)


def in_table(table: list[tuple]) -> Counter[Key]:
    values = [(row[1], np.asarray(row[4], dtype=float).reshape(-1)) for row in table]
    return Counter((lecture, tuple(value.tolist())) for lecture, value in values)


def test_no_required_number_is_missing():
    missing = required() - in_table(TABLE)
    assert not missing, f"in {REQUIRED.name} and in no row of TABLE: {list(missing)}"


@pytest.mark.parametrize("lecture", ["Ajou", "TU Wien", "Sorbonne"])
def test_the_list_covers_the_lecture(lecture):
    assert sum(count for (name, _), count in required().items() if name == lecture) >= 9


def test_a_missing_number_is_found():
    for number in [("Ajou", (1.0, 6.0, 6.0)), ("TU Wien", (1_541_510.0,)), ("Sorbonne", (1_327_104.0,))]:
        kept = [row for row in TABLE if number not in in_table([row])]
        assert len(kept) < len(TABLE) and set(required() - in_table(kept)) == {number}
