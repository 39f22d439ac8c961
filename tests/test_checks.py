"""The self-checks: right answers pass, usual slips are named, anything else gets a hint and not the answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from sklearn.metrics import fbeta_score

from course_utils import boxes, checks, convolution, metrics
from course_utils.boxes import iou


def _turned_and_padded(g, kernels):
    padded = np.pad(g, ((0, 0), *((side - 1, side - 1) for side in kernels.shape[1:])))
    return np.stack([convolution.cross_correlate(a, b[::-1, ::-1]) for a, b in zip(padded, kernels, strict=True)])


def _each_by_each(images, kernels):
    return np.stack([convolution.cross_correlate(a, b) for a, b in zip(images, kernels, strict=True)])


def _f2(predictions, targets, axis=1, given=1, true=4):
    hits, whole = (predictions * targets).sum(axis), given * predictions.sum(axis) + true * targets.sum(axis)
    return (given + true) * hits / np.maximum(whole, 1)


def _nearest_mean(train, labels, new):
    kinds = labels.unique()
    means = torch.stack([train[labels == kind].mean(dim=0) for kind in kinds])
    return kinds[torch.cdist(new, means).argmin(dim=1)]


def _cutout(images, side, rows=None, columns=None, channels=slice(None)):
    """A square of zeros in each picture; what is given for rows or columns is the range its corner is drawn from."""
    images = images.clone()
    for image in images:
        top = torch.randint(images.shape[2] - side + 1 if rows is None else rows, ()).item()
        left = torch.randint(images.shape[3] - side + 1 if columns is None else columns, ()).item()
        image[channels, top : top + side, left : left + side] = 0
    return images


def _weighted_iou(confusion, by=1, fill=0.0):
    right, union = np.diag(confusion), confusion.sum(0) + confusion.sum(1) - np.diag(confusion)
    iou = np.divide(right, union, out=np.full(len(right), fill), where=union > 0)
    return (iou * confusion.sum(by)).sum() / confusion.sum()


def _soft_nms(found, scores, iou_threshold):
    scores, overlap = scores.clone(), boxes.iou(found, found)
    waiting = torch.ones(len(scores), dtype=torch.bool)
    while waiting.any():
        best = int(torch.where(waiting, scores, -1.0).argmax())
        waiting[best] = False
        lowered = waiting & (overlap[best] > iou_threshold)
        scores[lowered] *= 1 - overlap[best][lowered]
    return scores


def _mine(losses, matched, ratio=3):
    order = losses.masked_fill(matched, -1.0).argsort(descending=True)
    counts = matched.clone()
    counts[order[: min(ratio * int(matched.sum()), int((~matched).sum()))]] = True
    return counts


def _median_frequency(maps, num_classes, void=255, everywhere=False, absent=0.0):
    shares = []
    for label in range(num_classes):
        chosen = maps if everywhere else maps[(maps == label).any(dim=2).any(dim=1)]
        shares.append((maps == label).sum() / (chosen != void).sum() if len(chosen) else torch.tensor(torch.nan))
    shares = torch.stack(shares)
    return (shares.nanmedian() / shares).nan_to_num(absent, posinf=absent)


RIGHT = {
    "00.first_number": -4,
    "01.predict_weights": [73_728, 3_072_000],
    "01.change_edge": [[-2, -1, 0], [-1, 0, 1], [0, 1, 2]],
    "01.build_local": lambda x, weights: torch.stack([(x[i : i + 3] * row).sum() for i, row in enumerate(weights)]),
    "02.quiz_1": (1, 6, 6),
    "02.quiz_1_padding": 2,
    "02.quiz_2": (3, 4, 4, 5, 9),
    "02.predict_sizes": [24, 16, 112, 6],
    "02.change_strides": [(3, 2, 1, 1), (3, 1, 1, 1), (3, 1, 1, 1)],
    "02.build_depthwise": lambda image, kernels: torch.stack(
        [convolution.cross_correlate(channel, kernel) for channel, kernel in zip(image, kernels, strict=True)]
    ),
    "03.predict_sizes": [14, 8, 28, 17],
    "03.change_grid": (4, 2, 1, 0),
    "03.build_bilinear": lambda image, factor: F.interpolate(image[None], scale_factor=factor, mode="bilinear")[0],
    "06.predict_head": 15_227_688,
    "06.change_groups": 14,
    "06.build_squeeze": lambda x, first, second: (
        x * torch.sigmoid(second(F.relu(first(x.mean(dim=(2, 3))))))[..., None, None]
    ),
    "07.predict_110": [18, 54],
    "07.change_factor": 0.9548,
    "04.predict_kernel": [3, 0, 14, 3],
    "04.predict_middle": 6,
    "04.change_rate": 0.08,
    "04.build_depthwise_backward": lambda g, image, kernels: (
        _turned_and_padded(g, kernels),
        _each_by_each(image, g),
    ),
    "05.predict_loss": [2, 1.386],
    "05.change_smoothing": 0.5003,
    "05.build_cutout": lambda images, side: _cutout(images, side),
    "07.build_pre_activation": lambda block, x: x + block.conv2(F.relu(block.bn2(block.conv1(F.relu(block.bn1(x)))))),
    "07b.predict_depth": [5.75, 0.5],
    "07b.change_blocks": [6, 12, 1],
    "07b.build_midpoint": lambda f, x, h: x + h * f(x + h / 2 * f(x)),
    "08.predict_flips": [0.5, 0.9375],
    "08.change_rates": 2.19e-4,
    "08.build_head": lambda train, labels, new: _nearest_mean(train, labels, new),
    "09.predict_everything": [0.1667, 1],
    "09.change_threshold": 0.2,
    "09.build_f2": lambda predictions, targets: _f2(predictions, targets).mean(),
    "12.predict_outputs": [3887, 6591],
    "12.change_edge": 20,
    "12.build_soft_nms": _soft_nms,
    "12b.predict_ap": 0.483,
    "12b.change_maps": 1107,
    "12b.build_mining": _mine,
    "14.predict_valid": [84, 444],
    "14.change_dilations": [1, 3, 9],
    "14.build_balance": lambda maps, num_classes: _median_frequency(maps, num_classes),
    "10.predict_shift": [1 / 3, 0.1429],
    "10.change_turn": [0.15, 0.7, 0.1, 0.4],
    "10.build_distance_iou": lambda a, b: torchvision.ops.distance_box_iou(a, b),
    "11.predict_targets": [0.25, 0, 0, -0.693],
    "11.change_shift": [1, 22],
    "11.build_average_recall": lambda proposals, boxes: _average_recall(proposals, boxes),
    "11b.predict_anchors": [17_100, 102_600],
    "11b.change_stride": [4, 2],
    "11b.build_boxes_of_masks": lambda masks: _boxes_of_masks(masks),
    "13.predict_answers": [9, 14],
    "13.change_sky": [114, 0.3167],
    "13.build_weighted_iou": lambda confusion: _weighted_iou(confusion),
    "15.predict_mean": [10, 20, 22.36],
    "15.change_temperature": 0.5,
    "15.build_balanced": lambda distances, bins: _balanced(distances, bins),
    "16.predict_tiled": [4, 1],
    "16.change_weights": [0.0094, 0.0472, 0.1887, 0.7547],
    "16.build_keep_colors": lambda painted, content: _luma_moved(painted, content),
    "17.predict_cost": [74_304, 68.48],
    "17.change_decibels": [36.02, 0.851],
    "17.build_repeated": lambda kernels, factor: kernels.repeat_interleave(factor**2, dim=0),
    "18.predict_channels": [56, 131_072],
    "18.change_peak": 0.635,
    "18.build_similarity": lambda points, truth, area, k: _similarity(points, truth, area, k),
    "19.predict_weights": [0.25, 0.5, 0.25],
    "19.change_sharpness": 4.17,
    "19.build_causal": lambda query, key, value: F.scaled_dot_product_attention(query, key, value, is_causal=True),
}


def test_every_question_is_tested_here():
    assert set(RIGHT) == set(checks.QUESTIONS)


@pytest.mark.parametrize("name", checks.QUESTIONS)
def test_right_answer_is_right(name):
    assert checks.answer(name, RIGHT[name]) == "right"


@pytest.mark.parametrize("name", checks.QUESTIONS)
@pytest.mark.parametrize("value", [..., None, (...,), [1, ...], (1, (2, ...))])
def test_placeholder_is_not_answered_yet(name, value):
    assert checks.answer(name, value) == "not answered yet"


@pytest.mark.parametrize(
    ("name", "number"), [(name, n) for name, question in checks.QUESTIONS.items() for n in range(len(question.slips))]
)
def test_each_slip_is_named(name, number):
    wrong, message = checks.QUESTIONS[name].slips[number]
    assert checks.answer(name, wrong()) == f"not yet: {message}"


@pytest.mark.parametrize("name", [name for name, question in checks.QUESTIONS.items() if question.expected])
def test_anything_else_gets_the_hint_and_not_the_answer(name):
    wanted = np.atleast_1d(checks.QUESTIONS[name].expected())
    for value in (wanted + 1000, -7.5, [1, 2], np.nan * wanted, "word", {}, object(), [[1, 2], [3]], lambda: 0):
        verdict = checks.answer(name, value)
        assert verdict.startswith("not yet: ") and checks.QUESTIONS[name].hint in verdict
        if wanted.size > 1:  # a lone digit may stand in a sentence by chance
            assert str(RIGHT[name]) not in verdict


def test_numbers_may_come_as_list_tuple_array_or_tensor():
    for kind in (list, tuple, np.array, torch.tensor):
        assert checks.answer("02.predict_sizes", kind([24, 16, 112, 6])) == "right"
    assert checks.answer("02.quiz_1_padding", 2.0) == "right"


@pytest.mark.parametrize(
    ("kernel", "part"),
    [
        (torch.tensor([[-1.0, -1, 0], [-1, 0, 1], [0, 1, 1]]), "right"),
        ([[-1, 0, 0], [0, 0, 0], [0, 0, 1]], "right"),
        ([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], "upright or level edges"),
        ([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], "upright or level edges"),
        ([[0, -1, -2], [1, 0, -1], [2, 1, 0]], "on the other diagonal it answers"),
        ([[2, 1, 0], [1, 0, -1], [0, -1, -2]], "it answers below 0"),
        ([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], "it answers 0 to the edge"),
        ([[1, 1, 1]] * 3, "on a flat area it answers 9 times"),
        ([[0, 0, 0]] * 3, "a kernel of zeros"),
        ([[float("inf")] * 3] * 3, "must be finite"),
        ([1, 2, 3], "three rows of three numbers; this is (3,)"),
        ("sobel", "this is a word"),
        ([[..., 0, 0]] * 3, "not answered yet"),
        (len, "three rows of three numbers; this is builtin_function"),
    ],
)
def test_change_edge(kernel, part):
    assert part in checks.answer("01.change_edge", kernel)


def _windows(x, weights):
    return x.unfold(0, weights.shape[1], 1)


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (lambda x, weights: (_windows(x, weights) * weights).sum(1), "right"),
        (lambda x, weights: [(x[i : i + 3] * weights[i]).sum() for i in range(7)], "right"),
        (lambda x, weights: ..., "not answered yet"),
        (lambda x, weights: (_windows(x, weights) * weights[0]).sum(1), "that is a convolution"),
        (lambda x, weights: (_windows(x, weights) * weights.flip(1)).sum(1), "turned round"),
        (lambda x, weights: (_windows(x, weights) * weights.flip(0)).sum(1), "wrong order"),
        (lambda x, weights: _windows(x, weights) * weights, "7 answers in one row; this is (7, 3)"),
        (lambda x, weights: x[:7], "the numbers are not"),
        (lambda x, weights: "word", "7 answers in one row"),
        (lambda x, weights: x @ weights, "it stops with RuntimeError"),
        (lambda x: x, "it stops with TypeError"),
        (3, "a function is asked for"),
    ],
)
def test_build_local(function, part):
    assert part in checks.answer("01.build_local", function)


@pytest.mark.parametrize(
    ("layers", "part"),
    [
        ([(3, 1, 1, 1), (3, 3, 1, 1), (3, 1, 1, 1)], "right"),
        ([(3, 1, 1, 1), (3, 1, 1, 1), (3, 2, 1, 1)], "after the last there is none"),
        ([(3, 2, 1, 1), (3, 2, 1, 1), (3, 1, 1, 1)], "this stack sees 15 pixels"),
        ([(5, 1, 1, 1), (5, 1, 1, 1), (3, 1, 1, 1)], "only the strides may change"),
        ([(3, 1, 1, 1)] * 5, "only the strides may change"),
        ([(3, 0, 1, 1)] * 3, "stride must be an integer of at least 1, got 0"),
        (11, "not a stack of layers"),
    ],
)
def test_change_strides(layers, part):
    assert part in checks.answer("02.change_strides", layers)


def _separately(image, kernels):
    return RIGHT["02.build_depthwise"](image, kernels)


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (lambda image, kernels: ..., "not answered yet"),
        (lambda image, kernels: None, "not answered yet"),
        (lambda image, kernels: _separately(image, kernels).sum(0), "added up"),
        (lambda image, kernels: _separately(image, kernels).sum(0).expand(3, -1, -1), "added up"),
        (lambda image, kernels: _separately(image, kernels.flip(1, 2)), "flipped"),
        (lambda image, kernels: _separately(image, kernels[:1].expand(3, -1, -1)), "first kernel"),
        (lambda image, kernels: _separately(image, kernels)[:, 1:], "the shape must be (3, 4, 6)"),
        (lambda image, kernels: _separately(image, kernels) + 1, "the shape is right, the numbers are not"),
        (lambda image, kernels: 3, "the shape must be"),
        (lambda image, kernels: image @ kernels, "it stops with RuntimeError"),
        (lambda image: image, "it stops with TypeError"),
        (3, "a function is asked for"),
    ],
)
def test_build_depthwise(function, part):
    assert part in checks.answer("02.build_depthwise", function)


@pytest.mark.parametrize(
    ("layer", "part"),
    [
        ((2, 2, 0, 0), "right"),
        ([6, 2, 2, 0], "right"),
        ((3, 2, 1, 1), "no output padding is asked for, here it is 1"),
        ((3, 2, 1, 0), "makes 7, 13 and 19 pixels"),
        ((4, 2, 0, 0), "makes 10, 16 and 22 pixels"),
        ((3, 3, 0, 0), "the stride stays 2, here it is 3"),
        ((4, 2, 1), "not a layer"),
        ((4, 2, 1, 2), "output_padding must be an integer from 0 to 1, got 2"),
        (4, "not a layer"),
    ],
)
def test_change_grid(layer, part):
    assert part in checks.answer("03.change_grid", layer)


def _enlarged(image, factor):
    kernels = torch.tensor(convolution.bilinear_kernel(factor), dtype=torch.float32).repeat(len(image), 1, 1, 1)
    return F.conv_transpose2d(image[None], kernels, stride=factor, padding=factor // 2, groups=len(image))[0]


def _framed(image, factor):
    return _enlarged(convolution.pad_replicate(image, 1), factor)


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (lambda image, factor: _framed(image, factor)[:, factor:-factor, factor:-factor], "right"),
        (lambda image, factor: ..., "not answered yet"),
        (_enlarged, "equal inside, not in the outermost 1 pixels at factor 2"),
        (_framed, "the shape must be (3, 8, 10), this is (3, 12, 14)"),
        (lambda image, factor: F.interpolate(image[None], scale_factor=factor)[0], "copies the nearest pixel"),
        (lambda image, factor: _framed(image, factor)[:, : 4 * factor, : 5 * factor], "the numbers are not"),
        (lambda image, factor: _framed(image, 2)[:, 2:-2, 2:-2], "the shape must be (3, 12, 15)"),
        (lambda image: image, "it stops with TypeError"),
        (3, "a function is asked for"),
    ],
)
def test_build_bilinear(function, part):
    assert part in checks.answer("03.build_bilinear", function)


def _autograd_depthwise(g, image, kernels):
    x, w = (torch.tensor(array, requires_grad=True) for array in (image, kernels))
    F.conv2d(x[None], w[:, None], groups=len(w)).backward(torch.tensor(g)[None])
    return x.grad, w.grad


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (_autograd_depthwise, "right"),
        (lambda g, image, kernels: list(_autograd_depthwise(g, image, kernels)), "right"),
        (lambda g, image, kernels: ..., "not answered yet"),
        (lambda g, image, kernels: (..., 1), "not answered yet"),
        (lambda g, image, kernels: _autograd_depthwise(g, image, kernels)[0], "two gradients"),
        (lambda g, image, kernels: _autograd_depthwise(g, image, kernels)[::-1], "order is exchanged"),
        (lambda g, image, kernels: (_turned_and_padded(g, kernels[:, ::-1, ::-1]), kernels), "not been turned"),
        (
            lambda g, image, kernels: (_turned_and_padded(g, kernels), _each_by_each(image, g)[:, ::-1, ::-1]),
            "upside down",
        ),
        (
            lambda g, image, kernels: (0 * image + _turned_and_padded(g, kernels).sum(0), kernels),
            "channels have been added up",
        ),
        (lambda g, image, kernels: (_turned_and_padded(g, kernels), 0 * kernels), "numbers of the kernels"),
        (lambda g, image, kernels: (0 * image, _each_by_each(image, g)), "numbers of the image"),
        (lambda g, image, kernels: (image[:, 1:], kernels), "must have its shape, (3, 6, 7)"),
        (lambda g, image, kernels: ("a word", kernels), "arrays of numbers"),
        (lambda g, image, kernels: g @ kernels, "it stops with ValueError"),
        (lambda g: g, "it stops with TypeError"),
        (4, "a function is asked for"),
    ],
)
def test_build_depthwise_backward(function, part):
    assert part in checks.answer("04.build_depthwise_backward", function)


def _factors(x, first, second):
    return second(F.relu(first(x.mean(dim=(2, 3)))))


def _cut_in_place(images, side):
    images[:] = _cutout(images, side)
    return images


def _scattered(images, side):
    mask = torch.zeros(len(images), 1, 8, 9, dtype=torch.bool)
    for k in range(side * side):
        mask[:, :, 2 * k % 8, k] = True
    return images.masked_fill(mask, 0)


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (
            lambda x, first, second: x * _factors(x, first, second).sigmoid().reshape(*x.shape[:2], 1, 1),
            "right",
        ),
        (lambda x, first, second: ..., "not answered yet"),
        (lambda x, first, second: _factors(x, first, second).sigmoid(), "the factors alone"),
        (lambda x, first, second: x * _factors(x, first, second)[..., None, None], "the sigmoid is missing"),
        (lambda x, first, second: x * _factors(x, first, second).relu()[..., None, None], "not a ReLU"),
        (
            lambda x, first, second: x * second(first(x.mean(dim=(2, 3)))).sigmoid()[..., None, None],
            "the ReLU between the two",
        ),
        (lambda x, first, second: x + _factors(x, first, second).sigmoid()[..., None, None], "have been added"),
        (
            lambda x, first, second: (
                x * _factors(x.amax(dim=(2, 3), keepdim=True), first, second).sigmoid()[..., None, None]
            ),
            "the largest value",
        ),
        (lambda x, first, second: x, "the shape is right, the numbers are not"),
        (lambda x, first, second: x[0], "the shape must be the input's, (2, 8, 5, 6), this is (8, 5, 6)"),
        (lambda x, first, second: second(x), "it stops with RuntimeError"),
        (lambda x: x, "it stops with TypeError"),
        (4, "a function is asked for"),
    ],
)
def test_build_squeeze(function, part):
    assert part in checks.answer("06.build_squeeze", function)


def test_groups_are_those_of_the_paper():
    """Xie et al. 2017, table 2: with 1, 2, 4, 8, 32 groups a group has 64, 40, 24, 14, 4 channels."""
    from course_utils.questions import architectures

    assert [architectures._nearest(groups) for groups in (1, 2, 4, 8, 32)] == [64, 40, 24, 14, 4]


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (lambda f, x, h: ..., "not answered yet"),
        (lambda f, x, h: None, "not answered yet"),
        (lambda f, x, h: x + h * f(x), "this is Euler's step"),
        (lambda f, x, h: x + h / 2 * f(x), "the point half-way. Ask the field there"),
        (lambda f, x, h: x + h * f(x + h * f(x)), "Half a step is far enough"),
        (lambda f, x, h: x + h / 2 * f(x) + h * f(x + h / 2 * f(x)), "starts from x"),
        (lambda f, x, h: x + h / 2 * f(x) + h / 2 * f(x + h / 2 * f(x)), "two half steps of Euler"),
        (lambda f, x, h: x + h / 2 * (f(x) + f(x + h * f(x))), "Heun's rule"),
        (lambda f, x, h: x + h / 2 * f(x + h / 2 * f(x)), "a whole one: h, not h / 2"),
        (lambda f, x, h: h * f(x + h / 2 * f(x)), "the state has not been added"),
        (lambda f, x, h: x + h * f(x + h / 3 * f(x)), "the numbers are not"),
        (lambda f, x, h: f(x)[0], "the shape must be the state's, (2, 2), this is (2,)"),
        (lambda f, x, h: 1.0, "the shape must be the state's"),
        (lambda f, x: x, "it stops with TypeError"),
        (3, "a function is asked for"),
    ],
)
def test_build_midpoint(function, part):
    assert part in checks.answer("07b.build_midpoint", function)


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (lambda p, t: fbeta_score(t, p, beta=2, average="samples", zero_division=0), "right"),
        (lambda p, t: torch.tensor(_f2(p, t)).mean(), "right"),
        (lambda p, t: ..., "not answered yet"),
        (_f2, "one number is asked for"),
        (lambda p, t: _f2(p, t, given=1, true=1).mean(), "this is F1"),
        (lambda p, t: _f2(p, t, given=4, true=1).mean(), "it belongs to the true"),
        (lambda p, t: _f2(p, t, axis=0).mean(), "over the labels"),
        (lambda p, t: _f2(p, t, axis=None).mean(), "counted together"),
        (lambda p, t: fbeta_score(t, p, beta=2, average="samples", zero_division=1), "where nothing is true"),
        (lambda p, t: np.float64(np.nan) if (t.sum(1) == 0).any() else _f2(p, t).mean(), "it gives nan"),
        (lambda p, t: 0.3, "the number is not right"),
        (lambda p, t: "word", "one number is asked for"),
        (lambda p: p, "it stops with TypeError"),
        (3, "a function is asked for"),
    ],
)
def test_build_f2(function, part):
    assert part in checks.answer("09.build_f2", function)


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (_cutout, "right"),
        (lambda images, side: ..., "not answered yet"),
        (lambda images, side: None, "not answered yet"),
        (lambda images, side: images, "nothing has been cut out"),
        (lambda images, side: images[0], "the shape must stay (200, 3, 8, 9)"),
        (_cut_in_place, "changed as well"),
        (lambda images, side: _cutout(images, side) + 0.1, "pixels outside the square"),
        (lambda images, side: images.masked_fill(_cutout(images, side) == 0, 0.5), "pixels outside the square"),
        (lambda images, side: _cutout(images, side, channels=slice(1)), "all three channels"),
        (lambda images, side: _cutout(images, side - 1), "smaller than 3 by 3"),
        (lambda images, side: _cutout(images, side, rows=8, columns=9), "smaller than 3 by 3"),
        (lambda images, side: _cutout(images, side + 1), "16 pixels of one picture are gone"),
        (lambda images, side: _cutout(images, side, rows=1, columns=1), "the same place in every picture"),
        (lambda images, side: _cutout(images, side, rows=5), "some places are never drawn"),
        (_scattered, "do not form a square"),
        (lambda images: images, "it stops with TypeError"),
        (5, "a function is asked for"),
    ],
)
def test_build_cutout(function, part):
    assert part in checks.answer("05.build_cutout", function)


def _standardized_by_the_new(train, labels, new):
    return _nearest_mean((train - train.mean(0)) / train.std(0), labels, (new - new.mean(0)) / new.std(0))


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (_nearest_mean, "right"),
        (lambda train, labels, new: _nearest_mean(train, labels, new).tolist(), "right"),
        (lambda train, labels, new: labels[torch.cdist(new, train).argmin(dim=1)], "right"),
        (lambda train, labels, new: ..., "not answered yet"),
        (lambda train, labels, new: None, "not answered yet"),
        (lambda train, labels, new: 8 - _nearest_mean(train, labels, new), "the two labels are exchanged"),
        (lambda train, labels, new: (_nearest_mean(train, labels, new) == 5).long(), "here 3 and 5; yours has 0"),
        (lambda train, labels, new: F.one_hot(_nearest_mean(train, labels, new))[:, [3, 5]], "these are scores"),
        (lambda train, labels, new: labels, "as many answers as training pictures"),
        (lambda train, labels, new: _nearest_mean(train, labels, new)[:, None], "one label for each of the 60"),
        (lambda train, labels, new: "cat", "one label for each of the 60"),
        (lambda train, labels, new: torch.full((len(new),), 5), "of the answers are right"),
        (_standardized_by_the_new, "answers differently"),
        (lambda train, labels, new: train @ new, "it stops with RuntimeError"),
        (lambda train: train, "it stops with TypeError"),
        (5, "a function is asked for"),
    ],
)
def test_build_head(function, part):
    assert part in checks.answer("08.build_head", function)


def test_build_cutout_leaves_the_random_numbers_alone():
    torch.manual_seed(3)
    first = torch.rand(4)
    torch.manual_seed(3)
    checks.answer("05.build_cutout", _cutout)
    assert torch.equal(torch.rand(4), first)


def _hard_nms(found, scores, iou_threshold):
    kept = boxes.nms(found, scores, iou_threshold)
    return torch.zeros_like(scores).index_put((kept,), scores[kept])


def _in_first_order(found, scores, iou_threshold):
    overlap, order = boxes.iou(found, found), scores.argsort(descending=True).tolist()
    scores = scores.clone()
    for place, best in enumerate(order):
        for k in order[place + 1 :]:
            scores[k] *= 1 - overlap[best, k] if overlap[best, k] > iou_threshold else 1
    return scores


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (_soft_nms, "right"),
        (lambda found, scores, t: ..., "not answered yet"),
        (lambda found, scores, t: scores, "no score has changed"),
        (lambda found, scores, t: _soft_nms(found, scores, t).sort(descending=True).values, "the scores come sorted"),
        (_hard_nms, "hard suppression"),
        (lambda found, scores, t: _soft_nms(found, scores, 0.0), "below the threshold as well"),
        (_in_first_order, "the order of the first scores is kept"),
        (lambda found, scores, t: scores.mul_(0.5), "have been changed"),
        (lambda found, scores, t: scores + 1, "the numbers are not right"),
        (lambda found, scores, t: scores[:3], "as many scores as boxes"),
        (lambda found, scores, t: found @ scores, "it stops with RuntimeError"),
        (3, "a function is asked for"),
    ],
)
def test_build_soft_nms(function, part):
    assert part in checks.answer("12.build_soft_nms", function)


def _easiest(losses, matched, ratio):
    order = losses.masked_fill(matched, 9.0).argsort()
    return matched.clone().index_fill(0, order[: ratio * int(matched.sum())], True)


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (_mine, "right"),
        (lambda losses, matched, ratio: _mine(losses, matched, ratio).tolist(), "right"),
        (lambda losses, matched, ratio: ..., "not answered yet"),
        (lambda losses, matched, ratio: _mine(losses, matched, ratio) & ~matched, "the matched boxes are missing"),
        (_easiest, "the easiest background boxes"),
        (lambda losses, matched, ratio: _mine(losses, matched, 1) & False | matched, "the mask is not right"),
        (lambda losses, matched, ratio: torch.ones_like(matched), "all boxes count"),
        (lambda losses, matched, ratio: matched.logical_not_(), "has been changed"),
        (lambda losses, matched, ratio: losses[:2], "a mask of the boxes"),
        (lambda losses, matched, ratio: losses @ matched, "it stops with RuntimeError"),
        (4, "a function is asked for"),
    ],
)
def test_build_mining(function, part):
    assert part in checks.answer("12b.build_mining", function)


def _average_recall(proposals, boxes, thresholds=10):
    if not len(proposals):
        return 0.0
    best = iou(boxes, proposals).amax(dim=1)
    return sum((best >= 0.5 + 0.05 * k - 1e-6).float().mean().item() for k in range(thresholds)) / thresholds


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (lambda p, b: torch.tensor(_average_recall(p, b)), "right"),
        (lambda p, b: ..., "not answered yet"),
        (lambda p, b: None, "not answered yet"),
        (lambda p, b: _average_recall(p, b, 1), "this is the recall at 0.5"),
        (lambda p, b: _average_recall(p, b, 11), "the last one is 0.95"),
        (lambda p, b: iou(b, p).amax(dim=1).mean() if len(p) else 0.0, "the mean of the best overlaps"),
        (lambda p, b: _average_recall(b, p) if len(p) else 0.0, "the share of proposals"),
        (lambda p, b: _average_recall(p, b) if len(p) else 1.0, "without proposals nothing is caught"),
        (
            lambda p, b: iou(b, p).amax(dim=1).mean() * 0 + _average_recall(p, b),
            "there are no proposals: the answer is 0",
        ),
        (lambda p, b: 0.123, "the number is not right"),
        (lambda p, b: iou(b, p), "one number is asked for"),
        (lambda p: p, "it stops with TypeError"),
        (3, "a function is asked for"),
    ],
)
def test_build_average_recall(function, part):
    assert part in checks.answer("11.build_average_recall", function)


def test_average_recall_counts_a_threshold_that_is_just_reached():
    """torch's `>` in place of `>=`: the exact proposal still counts, a box of IoU 0.5 does not."""
    from course_utils.questions import proposals

    half = torch.tensor([[0.0, 0, 10, 5]])
    assert proposals._average_recall(half, torch.tensor([[0.0, 0, 10, 10]])) == pytest.approx(0.1)
    assert proposals._average_recall(half, torch.tensor([[0.0, 0, 10, 10]]), strict=True) == 0


def _similarity(points, truth, area, k, least=1, power=2, factor=2.0):
    counted = (truth[:, 2] >= least).float()
    away = (points - truth[:, :2]).norm(dim=1)
    spread = (area**0.5 * k) ** power
    return (counted * torch.exp(-(away**power) / (factor * spread))).sum() / counted.sum()


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (_similarity, "right"),
        (lambda p, t, a, k: _similarity(p, t, a, k).item(), "right"),
        (lambda p, t, a, k: ..., "not answered yet"),
        (lambda p, t, a, k: _similarity(p, t, a, k, least=0), "joints of visibility 0 count as well"),
        (lambda p, t, a, k: _similarity(p, t, a, k, least=2), "hidden joints (visibility 1) count"),
        (lambda p, t, a, k: _similarity(p, t, a, k) * 6, "that is the sum"),
        (lambda p, t, a, k: _similarity(p, t, a, k) * 6 / 9, "divided by all joints"),
        (lambda p, t, a, k: _similarity(p, t, a, k, power=1), "has not been squared"),
        (lambda p, t, a, k: _similarity(p, t, a, k, factor=1.0), "the 2 in the denominator is missing"),
        (lambda p, t, a, k: _similarity(p, t, a**2, k), "s is the root of the area"),
        (lambda p, t, a, k: 0.123, "the number is not right"),
        (lambda p, t, a, k: k, "one number is asked for"),
        (lambda p: p, "it stops with TypeError"),
        (3, "a function is asked for"),
    ],
)
def test_build_similarity(function, part):
    assert part in checks.answer("18.build_similarity", function)


def _boxes_of_masks(masks, edge=1):
    boxes = torch.zeros(len(masks), 4)
    for box, mask in zip(boxes, masks, strict=True):
        rows, columns = mask.any(dim=1).nonzero()[:, 0], mask.any(dim=0).nonzero()[:, 0]
        if len(rows):
            box[:] = torch.tensor([columns[0], rows[0], columns[-1] + edge, rows[-1] + edge])
    return boxes


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (lambda masks: _boxes_of_masks(masks).numpy(), "right"),
        (lambda masks: ..., "not answered yet"),
        (lambda masks: _boxes_of_masks(masks, 0), "right and lower edges are exclusive"),
        (torchvision.ops.masks_to_boxes, "right and lower edges are exclusive"),
        (lambda masks: _boxes_of_masks(masks)[:, [1, 0, 3, 2]], "the two are exchanged"),
        (lambda masks: torchvision.ops.box_convert(_boxes_of_masks(masks), "xyxy", "xywh"), "x y width height"),
        (lambda masks: _boxes_of_masks(masks) - (~masks.any(dim=(1, 2)))[:, None].float(), "an empty mask gives"),
        (lambda masks: torchvision.ops.masks_to_boxes(masks[:3]), "right and lower edges are exclusive"),
        (lambda masks: _boxes_of_masks(masks)[0], "3 masks need 3 rows"),
        (lambda masks: _boxes_of_masks(masks) + 5, "the numbers are not"),
        (lambda masks: [[m.nonzero().min(dim=0).values.tolist()] for m in masks], "3 masks need 3 rows"),
        (
            lambda masks: _boxes_of_masks(masks) + torch.stack([m.nonzero().amin() * 0 for m in masks])[:, None],
            "where a mask is empty",
        ),
        (lambda: 3, "it stops with TypeError"),
        (3, "a function is asked for"),
    ],
)
def test_build_boxes_of_masks(function, part):
    assert part in checks.answer("11b.build_boxes_of_masks", function)


@pytest.mark.parametrize(
    ("dilations", "part"),
    [
        ([1, 3, 9], "right"),
        (torch.tensor([9, 1, 3]), "right"),
        ([1, 2, 4], "no holes, but the field is 15 wide"),
        ([1, 3, 10], "the field is 29 pixels wide, but only 27 of them are read"),
        ([2, 3, 9], "there are holes"),
        ([0, 3, 9], "at least 1"),
        ([1, 3, 9.5], "three whole numbers"),
        ([1, 3], "three whole numbers"),
        ("wide", "three whole numbers"),
    ],
)
def test_change_dilations(dilations, part):
    assert part in checks.answer("14.change_dilations", dilations)


def _zeroed(maps, num_classes):
    right = _median_frequency(maps, num_classes)
    maps[maps == 255] = 0
    return right


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (_median_frequency, "right"),
        (lambda maps, n: _median_frequency(maps, n).tolist(), "right"),
        (lambda maps, n: ..., "not answered yet"),
        (lambda maps, n: None, "not answered yet"),
        (lambda maps, n: 1 / _median_frequency(maps, n), "upside down"),
        (lambda maps, n: _median_frequency(maps, n, everywhere=True), "of those pictures only that show the class"),
        (lambda maps, n: _median_frequency(maps, n, void=-1), "void pixels are counted"),
        (lambda maps, n: _median_frequency(maps, n, absent=1.0), "A class that never does gets 0"),
        (
            lambda maps, n: torch.bincount(maps[maps < n], minlength=n) / (maps < n).sum(),
            "these are the shares",
        ),
        (_zeroed, "have been changed"),
        (lambda maps, n: torch.ones(n), "the weights are not right"),
        (lambda maps, n: torch.ones(n, n), "one weight for each class"),
        (lambda maps, n: maps @ maps.float(), "it stops with RuntimeError"),
        (lambda maps: maps, "it stops with TypeError"),
        (3, "a function is asked for"),
    ],
)
def test_build_balance(function, part):
    assert part in checks.answer("14.build_balance", function)


def test_check_prints_the_verdict(capsys):
    checks.check("02.quiz_1", (3, 6, 6))
    assert capsys.readouterr().out.startswith("not yet: one kernel reaches through all three channels")


def test_unknown_question_is_refused_by_name():
    with pytest.raises(ValueError, match=r"name must be one of 02.quiz_1, .* got '02.quiz_9'"):
        checks.answer("02.quiz_9", 1)


def _squared(a, b):
    """Squared distances of the centres, (N, M), and sides of the enclosing boxes, (N, M, 2)."""
    first, second = ((box[:, :2] + box[:, 2:]) / 2 for box in (a, b))
    sides = torch.maximum(a[:, None, 2:], b[:, 2:]) - torch.minimum(a[:, None, :2], b[:, :2])
    return torch.cdist(first, second) ** 2, sides


def _distance_iou(a, b, apart=lambda d, s: d / (s**2).sum(dim=2)):
    return torchvision.ops.box_iou(a, b) - apart(*_squared(a, b))


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (_distance_iou, "right"),
        (lambda a, b: _distance_iou(a, b).numpy(), "right"),
        (lambda a, b: ..., "not answered yet"),
        (torchvision.ops.box_iou, "this is IoU"),
        (torchvision.ops.generalized_box_iou, "this is GIoU"),
        (lambda a, b: _distance_iou(a, b, lambda d, s: d.sqrt() / s.norm(dim=2)), "have not been squared"),
        (lambda a, b: _distance_iou(a, b, lambda d, s: d), "divided by the squared diagonal"),
        (lambda a, b: _distance_iou(a, b, lambda d, s: -d / (s**2).sum(dim=2)), "has been added"),
        (lambda a, b: _distance_iou(a, b, lambda d, s: d / s.prod(dim=2)), "area instead of its squared diagonal"),
        (lambda a, b: 1 - _distance_iou(a, b), "this is the loss"),
        (lambda a, b: _distance_iou(a, b) / 2, "the numbers are not"),
        (lambda a, b: _distance_iou(a, b).diagonal(), "the shape must be (7, 5)"),
        (lambda a, b: 0.5, "the shape must be (7, 5)"),
        (lambda a, b: a @ b, "it stops with RuntimeError"),
        (lambda a: a, "it stops with TypeError"),
        (0.5, "a function is asked for"),
    ],
)
def test_build_distance_iou(function, part):
    assert part in checks.answer("10.build_distance_iou", function)


def test_a_quarter_turn_agrees_with_a_turned_picture():
    """b_x, b_y, b_h, b_w of a bright rectangle in a picture of 100 by 100 pixels, before and after."""

    def label(picture):
        rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
        return [columns[0] / 100, 1 - (rows[-1] + 1) / 100, len(rows) / 100, len(columns) / 100]

    picture = np.zeros((100, 100))
    picture[45:85, 20:30] = 1
    assert label(picture) == pytest.approx([0.2, 0.15, 0.4, 0.1])
    assert checks.answer("10.change_turn", label(np.rot90(picture, -1))) == "right"


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (lambda confusion: ..., "not answered yet"),
        (lambda confusion: _weighted_iou(confusion, by=0), "weighted by what was predicted"),
        (lambda confusion: _weighted_iou(confusion, fill=np.nan), "gives nan where a class occurs in neither"),
        (lambda confusion: _weighted_iou(confusion) * confusion.sum(), "the weights must add up to 1"),
        (metrics.mean_iou, "that is the mean IoU"),
        (metrics.pixel_accuracy, "that is the pixel accuracy"),
        (metrics.class_iou, "one number for the whole matrix is asked for, this is (4,)"),
        (lambda confusion: 0.5, "that is not the weighted mean"),
        (lambda confusion: confusion @ [1, 2], "it stops with ValueError"),
        (0.5, "a function is asked for"),
    ],
)
def test_build_weighted_iou(function, part):
    assert part in checks.answer("13.build_weighted_iou", function)


def _balanced(distances, bins, count=torch.mean, share=torch.mean):
    return share(torch.stack([count(distances[bins == number]) for number in bins.unique()]))


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (_balanced, "right"),
        (lambda d, b: float(_balanced(d, b)), "right"),
        (lambda d, b: ..., "not answered yet"),
        (lambda d, b: d.mean(), "the common bin drowns the others"),
        (lambda d, b: _balanced(d, b, share=torch.sum) / (b.max() + 1), "bins of which no pixel comes"),
        (lambda d, b: _balanced(d, b, share=torch.sum), "added up"),
        (lambda d, b: _balanced(d, b, count=torch.sum), "the mean within a bin, not the sum"),
        (lambda d, b: _balanced(d, b, share=torch.median), "the median of the bins' means"),
        (lambda d, b: 17.0, "the number is not right"),
        (lambda d, b: d, "one number is asked for"),
        (lambda d: d, "it stops with TypeError"),
        (3, "a function is asked for"),
    ],
)
def test_build_balanced(function, part):
    assert part in checks.answer("15.build_balanced", function)


def _luma_moved(painted, content, weights=(0.299, 0.587, 0.114)):
    return content + (torch.tensor(weights).reshape(3, 1, 1) * (painted - content)).sum(dim=0)


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (_luma_moved, "right"),
        (lambda painted, content: _luma_moved(painted, content).clamp(0, 1).numpy(), "right"),
        (lambda painted, content: ..., "not answered yet"),
        (lambda painted, content: _luma_moved(content, painted), "exchanged"),
        (lambda painted, content: _luma_moved(painted, content, (1 / 3, 1 / 3, 1 / 3)), "plain mean of the channels"),
        (lambda painted, content: _luma_moved(painted, 0 * content), "in gray"),
        (lambda painted, content: content + _luma_moved(painted, 0 * content)[0], "subtract the photograph's own"),
        (lambda painted, content: content * _luma_moved(painted, 0 * content)[0], "a product changes"),
        (lambda painted, content: painted, "the painting as it was"),
        (lambda painted, content: content, "the photograph as it was"),
        (lambda painted, content: content / 2, "the numbers are not"),
        (lambda painted, content: content[0], "a picture (3, 5, 7) is asked for"),
        (lambda painted, content: painted @ content, "it stops with RuntimeError"),
        (lambda painted: painted, "it stops with TypeError"),
        (3, "a function is asked for"),
    ],
)
def test_build_keep_colors(function, part):
    assert part in checks.answer("16.build_keep_colors", function)


def test_a_tiled_map_agrees_with_the_gram_matrix():
    from course_utils.features import gram_matrix

    small = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    tiled = small.repeat(1, 1, 2, 2)
    means = (gram_matrix(tiled) / gram_matrix(small)).mean().item()
    sums = means * (8 * 10) / (4 * 5)
    assert checks.answer("16.predict_tiled", [sums, means]) == "right"


def _causal(query, key, value, shift=0, scale=0.5, hidden=-torch.inf):
    scores = scale * query @ key.transpose(1, 2)
    return scores.masked_fill(~torch.ones_like(scores, dtype=torch.bool).tril(shift), hidden).softmax(dim=2) @ value


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (_causal, "right"),
        (lambda q, k, v: _causal(q, k, v).numpy(), "right"),
        (lambda q, k, v: ..., "not answered yet"),
        (F.scaled_dot_product_attention, "The mask is missing"),
        (lambda q, k, v: _causal(q.flip(1), k.flip(1), v.flip(1)).flip(1), "itself and what comes after it"),
        (lambda q, k, v: _causal(q, k, v, shift=-1), "each place may look at itself"),
        (lambda q, k, v: _causal(q, k, v, scale=1), "divided by sqrt(d)"),
        (lambda q, k, v: _causal(q, k, v, hidden=0), "hidden places got the score 0"),
        (lambda q, k, v: (q @ k.transpose(1, 2) / 2).softmax(dim=2).tril() @ v, "no longer add up to 1"),
        (lambda q, k, v: _causal(q, k, v)[:, :3], "the shape must be that of the query, (2, 5, 4)"),
        (lambda q, k, v: _causal(q, k, v) + 1, "the numbers are not"),
        (lambda q, k, v: q @ k, "it stops with RuntimeError"),
        (4, "a function is asked for"),
    ],
)
def test_build_causal(function, part):
    assert part in checks.answer("19.build_causal", function)


@pytest.mark.parametrize(
    ("function", "part"),
    [
        (lambda kernels, factor: kernels.repeat_interleave(factor**2, dim=0), "right"),
        (lambda kernels, factor: kernels.repeat_interleave(factor**2, dim=0).numpy(), "right"),
        (lambda kernels, factor: ..., "not answered yet"),
        (lambda kernels, factor: kernels.repeat(factor**2, 1, 1, 1), "one after the other"),
        (lambda kernels, factor: kernels.repeat_interleave(factor**2, dim=0) / factor**2, "divided by four"),
        (lambda kernels, factor: kernels.repeat_interleave(factor, dim=0), r"12 kernels are to come"),
        (lambda kernels, factor: kernels.repeat_interleave(factor**2, dim=0) + 1, "the kernels are not"),
        (lambda kernels, factor: 3, "12 kernels are to come: (12, 2, 3, 3), this is int"),
        (lambda kernels, factor: kernels @ kernels.flatten(), "it stops with RuntimeError"),
        (lambda kernels: kernels, "it stops with TypeError"),
        (3, "a function is asked for"),
    ],
)
def test_build_repeated(function, part):
    assert part in checks.answer("17.build_repeated", function)


def test_a_cost_agrees_with_the_counter():
    from course_utils.layers import count_multiply_adds
    from course_utils.models.superresolution import VDSR

    net = VDSR(depth=10, width=32).to("meta")
    weights = sum(p.numel() for p in net.parameters() if p.ndim == 4)
    work = count_multiply_adds(net, torch.empty(1, 1, 360, 640, device="meta"))
    assert checks.answer("17.predict_cost", [weights, work / 1e9]) == "right"
