"""What is derived in a notebook and kept in the package stands in both, and both give the same.

A function or class of the package whose docstring says "Derived in notebooks/NN_topic.ipynb" has a twin: the `def` or
`class` of the same name in that notebook's code cells. The test takes the twin out of the notebook, without running the
rest of it, and holds it equal to the package's on the samples below.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import CodeType, MappingProxyType
from typing import Any, NamedTuple

import nbformat
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "course_utils"
REFERENCE = re.compile(r"Derived in (notebooks/\d\d[a-z]?_\w+\.ipynb)")


class Call(NamedTuple):
    """Arguments of one call; for a class, of its constructor, and `inputs` are then what the module is given."""

    args: tuple = ()
    kwargs: Mapping[str, Any] = MappingProxyType({})
    inputs: tuple = ()


# --- samples: what each twin is tried on ------------------------------------------------------------------------------


def _pictures() -> list[Call]:
    import torch

    generator = torch.Generator().manual_seed(0)
    color, gray = torch.rand(2, 3, 32, 32, generator=generator), torch.rand(3, 1, 25, 30, generator=generator)
    options = [{}, {"cell_size": 4}, {"cell_size": 5, "orientations": 6, "block_size": 1}, {"block_size": 3}]
    return [Call((color,), option) for option in options] + [Call((gray, 4, 8))]


def _geometries() -> list[Call]:
    sizes = [(5, 3), (4, 3, 1, 1), (7, 3, 2), (8, 3, 2), (224, 7, 2, 3), (9, 3, 1, 0, 4), (1, 1), (32, 5, 3, 2, 2)]
    return [Call(size) for size in sizes]


def _images(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape) for shape in shapes]


def _tensors(*shapes: tuple[int, ...]) -> list[Any]:
    import torch

    return [torch.from_numpy(array) for array in _images(*shapes)]


def _parameter_counts() -> list[Call]:
    return [Call(counts) for counts in [(3, 96, 11), (3, 32, 3, False), (32, 64, 3), (512, 4096, 7), (1, 1, 1, True)]]


def _multiplication_counts() -> list[Call]:
    return [Call(counts) for counts in [(3, 96, 11, 55), (3, 32, 3, 32), (256, 64, 1, 14), (1, 1, 1, 1)]]


def _stacks() -> list[Call]:
    stacks = [
        [(3, 1, 0, 1), (3, 1, 0, 2), (3, 1, 0, 4)],
        [(7, 2, 3, 1), (3, 2, 1, 1), (3, 1, 1, 1)],
        [(2, 2, 0, 1)] * 4,
        [(1, 1, 0, 1)],
        [],
    ]
    return [Call((stack,)) for stack in stacks]


def _paddings() -> list[Call]:
    (image,) = _tensors((4, 5))
    return [Call((image, 0)), Call((image, 1)), Call((image, 3))]


def _convolutions() -> list[Call]:
    image, kernel, bias = _tensors((3, 7, 6), (2, 3, 3, 2), (2,))
    options = [{}, {"stride": 2}, {"padding": 1}, {"dilation": 2}, {"stride": 3, "padding": 2, "dilation": 2}]
    return [Call((image, kernel), option) for option in options] + [Call((image, kernel, bias), {"stride": 2})]


def _poolings() -> list[Call]:
    (image,) = _tensors((2, 7, 8))
    return [Call((image, 2)), Call((image, 3, 2)), Call((image, 3, 1), {"mode": "average"}), Call((image, 7))]


def _matrices() -> list[Call]:
    square, several = _tensors((1, 1, 2, 2), (3, 2, 3, 2))
    options = [{}, {"stride": 2}, {"padding": 1}, {"dilation": 2}, {"stride": 3, "padding": 2, "dilation": 2}]
    return [Call((square, (3, 3)))] + [Call((several, (7, 6)), option) for option in options]


def _transposed_geometries() -> list[Call]:
    sizes = [(2, 2), (4, 3, 2, 1), (4, 3, 2, 1, 1), (7, 4, 2, 1), (3, 5, 3, 2, 2), (6, 3, 2, 0, 0, 3), (1, 1)]
    return [Call(size) for size in sizes]


def _factors() -> list[Call]:
    return [Call((factor,)) for factor in (1, 2, 3, 4, 7)]


def _blocks() -> list[Call]:
    import torch

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 9, 8, generator=generator)
    options = [(4, 4), (4, 4, 2), (4, 6, 2), (4, 6), (4, 8, 2, False), (4, 4, 1, False)]
    return [Call(option, inputs=(x,)) for option in options]


def _networks() -> list[Call]:
    import torch

    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return [
        Call((1,), inputs=(x,)),
        Call((2,), {"residual": False}, inputs=(x,)),
        Call((1, (8, 12)), {"num_classes": 7}, inputs=(x,)),
    ]


def _label_sets() -> list[Call]:
    given, true = (np.random.default_rng(0).random((2, 9, 5)) < 0.3).astype(int)
    given[0] = true[1] = given[2] = true[2] = 0
    options = [{}, {"average": "macro"}, {"average": "micro"}, {"zero_division": 1.0}, {"zero_division": float("nan")}]
    return [Call((given, true), option) for option in options] + [Call((given[:1], true[:1], "macro"))]


def _curves() -> list[Call]:
    rng = np.random.default_rng(0)
    few, many = rng.integers(0, 4, 30) / 4, rng.random(30)
    return [Call((scores, rng.integers(0, 2, 30))) for scores in (few, many)] + [Call(([0.3], [1]))]


def _scored() -> list[Call]:
    import torch

    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(40, 7, generator=generator), torch.randint(7, (40,), generator=generator)
    return [
        Call((logits, labels)),
        *(Call((logits, labels, k)) for k in (1, 2, 5, 7)),
        Call((logits[:1], labels[:1], 3)),
    ]


def _box_pairs() -> list[Call]:
    import torch

    generator = torch.Generator().manual_seed(0)
    corners = [torch.rand(count, 2, 2, generator=generator) * 40 for count in (30, 20)]
    a, b = (torch.cat([box.amin(dim=1), box.amax(dim=1)], dim=1) for box in corners)
    a[0] = b[0]
    flat = torch.tensor([[3.0, 3, 3, 3], [3, 3, 3, 9], [3, 3, 5, 9]])
    return [Call((a, b)), Call((flat, flat)), Call((a[:0], b)), Call((a, b[:0]))]


def _conventions() -> list[Call]:
    from course_utils.boxes import FORMATS

    rows, _ = _box_pairs()[0].args  # four numbers from 0 up, ascending: a box in every convention
    return [Call((rows, source, target, 50)) for source in FORMATS for target in FORMATS]


def _segmentations() -> list[Call]:
    rng = np.random.default_rng(0)
    segments = np.array([[0, 0, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 1, 2, 2], [0, 3, 3, 2, 2]])
    blocks = np.kron(np.arange(20).reshape(4, 5), np.ones((3, 4), dtype=int))
    return [Call((part, rng.random((*part.shape, 3)), bins)) for part in (segments, blocks) for bins in (2, 25)]


def _pairs_of_regions() -> list[Call]:
    from course_utils.models.rcnn import describe_regions

    a, b, c, d = describe_regions(*_segmentations()[0].args)
    return [Call((a, b)), Call((b, c)), Call((d, a))]


def _likenesses() -> list[Call]:
    return [Call((*call.args, pixels)) for call in _pairs_of_regions() for pixels in (20, 9216)]


def _searches() -> list[Call]:
    from course_utils.datasets import toyland

    image = toyland.batch([toyland.scene(5)])[0]
    return [Call((image, 50, (50,), ("hsv",))), Call((image[:, :40, :60], 2000, (30, 90), ("lab", "rgb"), 12, 3))]


def _boxes(count: int, seed: int = 0) -> Any:
    import torch

    corners = 90 * torch.rand(count, 2, 2, generator=torch.Generator().manual_seed(seed))
    return torch.cat([corners.amin(dim=1), corners.amax(dim=1) + 5], dim=1)


def _truths() -> list[dict]:
    import torch

    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    return [{"boxes": _boxes(3, 7), "labels": torch.tensor([2, 0, 9])}, nothing]


def _drawn_regions() -> list[Call]:  # more are asked for than there are: nothing is left to chance
    return [Call((_boxes(30), truth, 1000, 1.0)) for truth in _truths()]


def _answers() -> list[Call]:
    import torch

    generator = torch.Generator().manual_seed(0)
    logits, deltas = torch.randn(9, 11, generator=generator), torch.randn(9, 10, 4, generator=generator)
    classes, goals = torch.randint(11, (9,), generator=generator), torch.randn(9, 4, generator=generator)
    return [Call((logits, deltas, classes, goals)), Call((logits, deltas, 0 * classes, goals))]


def _scored_regions() -> list[Call]:
    import torch

    generator = torch.Generator().manual_seed(0)
    scores, deltas = torch.rand(40, 3, generator=generator), torch.randn(40, 3, 4, generator=generator)
    whole = (scores, deltas, _boxes(40), (96, 96))
    empty = (scores[:0], deltas[:0], _boxes(0), (96, 96))
    return [Call(whole), Call(whole, {"score_threshold": 0.5, "iou_threshold": 0.7, "limit": 7}), Call(empty)]


def _regressions() -> list[Call]:
    x, t = _tensors((12, 5), (12, 4))
    return [Call((x, t, 0.5)), Call((x, t, 100.0)), Call((x[:0], t[:0], 1.0))]


def _crops() -> list[Call]:
    import torch

    image = torch.rand(3, 40, 50, generator=torch.Generator().manual_seed(0))
    return [Call((image, _boxes(6) / 2)), Call((image, _boxes(3) / 2, 16, 0.0)), Call((image, _boxes(0)))]


def _trunks() -> list[Call]:
    import torch

    return [Call((8,), inputs=(torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0)),))]


def _crop_networks() -> list[Call]:
    import torch

    return [Call((4, 8), inputs=(torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0)),))]


def _region_networks() -> list[Call]:
    import torch

    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    return [Call((4, 8), inputs=(images, [_boxes(5), _boxes(3, 1)]))]


def _region_features(side: int) -> Any:
    import torch

    return torch.randn(3, 8, side, side, generator=torch.Generator().manual_seed(0))


def _anchors() -> list[Call]:
    return [Call(((2, 3),)), Call(((3, 2), (8, 20), (0.5, 3), 16))]


def _assignments() -> list[Call]:
    from course_utils.models.rcnn import anchor_boxes

    anchors = anchor_boxes((6, 6))
    return [Call((anchors, _boxes(n, n))) for n in (0, 1, 4)] + [Call((anchors, _boxes(3), 0.5, 0.4))]


def _proposal_answers(count: int) -> tuple:
    import torch

    from course_utils.models.rcnn import anchor_boxes

    generator = torch.Generator().manual_seed(count)
    return torch.randn(324, generator=generator), torch.randn(324, 4, generator=generator), anchor_boxes((6, 6))


def _proposal_losses() -> list[Call]:
    return [Call((*_proposal_answers(n), _boxes(n, n) / 4, 10_000)) for n in (0, 3)]


def _proposals() -> list[Call]:
    whole = (*_proposal_answers(0), (24, 24))
    return [Call(whole), Call(whole, {"count": 5}), Call(whole, {"iou_threshold": 0.3, "before": 40})]


def _masks() -> list[Call]:
    import torch

    masks = torch.rand(4, 96, 96, generator=torch.Generator().manual_seed(0)) < 0.5
    return [Call((masks, _boxes(4))), Call((masks[:1], _boxes(1), 4))]


def _small_masks() -> list[Call]:
    import torch

    masks = torch.rand(5, 16, 16, generator=torch.Generator().manual_seed(0))
    return [
        Call((masks, _boxes(5), (96, 96))),
        Call((masks[:1, :2, :2], _boxes(1), (40, 30))),
        Call((masks[:0], _boxes(0), (9, 9))),
    ]


def _targets() -> list[dict]:
    import torch

    generator = torch.Generator().manual_seed(0)
    made = []
    for count in (0, 1, 4, 9):
        corners = torch.rand(count, 2, 2, generator=generator).sort(dim=1).values * 96
        labels = torch.randint(3, (count,), generator=generator)
        made.append({"boxes": corners.reshape(count, 4), "labels": labels})
    return made


def _encodings() -> list[Call]:
    return [Call((_targets(), 96, grid, 3)) for grid in (1, 7, 12)]


def _grids() -> list[Call]:
    import torch

    boxes = torch.rand(2, 7, 7, 2, 5, generator=torch.Generator().manual_seed(0))
    return [Call((boxes, 7)), Call((boxes[:, :3, :3, :1, :4], 3))]


def _outputs() -> list[Call]:
    import torch

    outputs = torch.rand(4, 12, 12, 13, generator=torch.Generator().manual_seed(0))
    return [Call((outputs, 96)), Call((outputs[..., :8], 1.0, 1)), Call((outputs, 448, 2))]


def _losses() -> list[Call]:
    import torch

    from course_utils.models.yolo import encode

    generator = torch.Generator().manual_seed(0)
    outputs, truth = torch.rand(4, 12, 12, 18, generator=generator), encode(_targets(), 96, 12, 3)
    two = outputs[..., :13]
    return [Call((two, truth)), Call((outputs, truth), {"num_boxes": 3}), Call((two, 0 * truth))]


def _weighted_losses() -> list[Call]:
    weights = {"center": 1.0, "side": 2.0, "object": 3.0, "empty": 0.1, "class": 0.7}
    return [*_losses(), Call(_losses()[0].args, {"weights": weights})]


def _paired_boxes() -> list[Call]:
    import torch

    corner, side = torch.rand(4, 50, 2, generator=torch.Generator().manual_seed(0)).chunk(2)
    pairs = [torch.cat([a, a + b], dim=1) for a, b in zip(corner, side, strict=True)]
    return [Call(tuple(pairs)), Call((pairs[0], pairs[0])), Call((0 * pairs[0], 0 * pairs[1]))]


def _suppressions() -> list[Call]:
    import torch

    generator = torch.Generator().manual_seed(0)
    calls = []
    for count in (0, 1, 250):
        corner, side = torch.rand(2, count, 2, generator=generator) * 50
        found, scores = torch.cat([corner, corner + side], dim=1), torch.rand(count, generator=generator)
        labels = torch.randint(3, (count,), generator=generator)
        calls += [Call((found, scores, 0.5)), Call((found, scores, 0.75, labels))]
        calls += [Call((found.round(), (4 * scores).round(), 0.25))]
    return calls


def _colors() -> Any:
    import torch

    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def _encoders() -> list[Call]:
    return [Call((width,), inputs=(_colors(),)) for width in (4, 8)]


def _segmentations_of_pixels() -> list[Call]:
    rng = np.random.default_rng(0)
    given, true = rng.integers(0, 4, (2, 3, 8, 7))
    void = np.where(rng.random(true.shape) < 0.2, 255, true)
    return [Call((given, true, 4)), Call((given, void, 6)), Call((given, np.where(void == 255, 9, void), 5, 9))]


def _confusions() -> list[Call]:
    counts = np.random.default_rng(0).integers(0, 30, (4, 5, 5))
    counts[1, 2], counts[1, :, 2] = 0, 0  # a class that is neither true nor predicted
    counts[2, 3] = 0  # one that is only predicted
    return [Call((one,)) for one in counts]


def _fully_convolutional() -> list[Call]:
    import torch

    pictures = torch.rand(2, 3, 64, 32, generator=torch.Generator().manual_seed(0))
    return [Call((stride, 5, 4), inputs=(pictures,)) for stride in (32, 16, 8)]


def _detectors() -> list[Call]:
    return [Call(args, {"width": 4}, inputs=(_colors(),)) for args in [(), (3, 1), (5, 3)]] + [
        Call((2,), {"width": 4, "stride": 16}, inputs=(_colors(),))
    ]


def _class_maps() -> list[Call]:
    rng = np.random.default_rng(0)
    true, guess = (np.kron(rng.integers(0, 4, (3, 5, 6)), np.ones((1, 4, 3), dtype=np.int64)) for _ in range(2))
    true[0, :3] = 255
    maps = [_tensor(guess), _tensor(true), 6]
    return [Call(tuple(maps)), Call(tuple(maps), {"distance": 1}), Call((*maps[:2], 5, 3))]


def _tensor(array: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(array)


def _pixels() -> list[tuple]:
    import torch

    generator = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(2, 4, 6, 5, generator=generator), torch.randint(4, (2, 6, 5), generator=generator)
    return [(logits, targets), (logits, targets.masked_fill(logits[:, 0] > 0.5, 255))]


def _overlaps() -> list[Call]:
    rng = np.random.default_rng(0)
    tables = [rng.random((detections, truths)) for detections, truths in ((1, 1), (9, 4), (4, 9), (0, 3), (3, 0))]
    return [Call((table,)) for table in tables] + [Call((tables[1].round(1), 0.7)), Call(([[0.5, 0.5]], 0.5))]


def _recalls() -> list[Call]:
    calls = []
    for seed in range(3):
        right = np.random.default_rng(seed).random(40) < 0.5
        curve = right.cumsum() / np.arange(1, 41), right.cumsum() / 25
        calls += [Call((*curve, way)) for way in ("all_points", "11_points", "101_points")]
    return [*calls, Call(([], []))]


def _detected() -> list[Call]:
    import torch

    generator = torch.Generator().manual_seed(1)
    told = []
    for target in _targets():
        twice = target["boxes"].repeat(2, 1) + torch.rand(2 * len(target["labels"]), 1, generator=generator) * 9
        labels = target["labels"].repeat(2)
        told.append({"boxes": twice, "labels": labels, "scores": torch.rand(len(labels), generator=generator)})
    options = [{}, {"iou_threshold": 0.75}, {"interpolation": "101_points"}, {"interpolation": "11_points"}]
    return [Call((told, _targets()), option | {"num_classes": 4}) for option in options]


def _crowds() -> list[Any]:
    import torch

    generator = torch.Generator().manual_seed(0)
    made = []
    for people in (1, 3):
        places = 64 * torch.rand(2, people, 14, 2, generator=generator)
        made.append(torch.cat([places, torch.randint(3, (2, people, 14, 1), generator=generator)], dim=3))
    return made


def _limbs() -> tuple:
    from course_utils.datasets import toyland

    return toyland.SKELETON


def _pose_maps() -> list[Any]:
    import torch

    from course_utils.models import pose

    generator = torch.Generator().manual_seed(0)
    exact = pose.heat_maps(_crowds()[1], 64)
    return [exact, exact + 0.05 * torch.rand(exact.shape, generator=generator), torch.rand(2, 3, 5, 7)]


def _pose_outputs() -> list[Any]:
    import torch

    from course_utils.models import pose

    keypoints = _crowds()[1]
    exact = torch.cat([pose.heat_maps(keypoints, 64), pose.fields(keypoints, 64, _limbs())], dim=1)
    return [exact, exact + 0.05 * torch.randn(exact.shape, generator=torch.Generator().manual_seed(0))]


def _peak_places() -> list[Call]:
    import torch

    columns, rows = torch.tensor([0, 3, 6]), torch.tensor([4, 2, 0])
    return [Call((torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(0)), columns, rows))]


def _limb_pairs() -> list[Call]:
    keypoints, outputs = _crowds()[1], _pose_outputs()
    pairs = [(maps[n, 14 + 2 * k : 16 + 2 * k], *keypoints[n, :, _limbs()[k]].unbind(1)) for maps in outputs
             for n, k in ((0, 0), (1, 7))]  # fmt: skip
    return [Call(pair) for pair in pairs] + [Call((*pairs[0][:2], pairs[0][2][:1]), {"stride": 2, "samples": 3})]


def _scores_of_limbs() -> list[Call]:
    tables = _tensors((3, 3), (2, 5), (4, 1))
    return [Call((table,)) for table in tables] + [Call((tables[0], -9.0)), Call((tables[0][:0],))]


def _mirrored_outputs() -> list[Call]:
    from course_utils.datasets import people

    outputs = _pose_outputs()[1]
    return [Call((outputs, people.SWAP, _limbs())), Call((outputs[:, :14], people.SWAP))]


def _hourglass_input(channels: int) -> tuple:
    import torch

    return (torch.randn(2, channels, 8, 8, generator=torch.Generator().manual_seed(0)),)


def _found_joints() -> list[Call]:
    import torch

    truth = _crowds()[0][:, 0]
    found = truth[..., :2] + 6 * torch.randn(2, 14, 2, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([20.0, 30.0])
    return [Call((found, truth, lengths)), Call((found, truth, lengths), {"share": 0.5})]


def _found_people() -> list[Call]:
    import torch

    truth = _crowds()[1]
    found = truth[:, [1, 0, 2, 1]] + 5 * torch.randn(2, 4, 14, 3, generator=torch.Generator().manual_seed(0))
    lengths = torch.full((2, 3), 25.0)
    return [Call((list(found), truth, lengths)), Call(([found[0], found[1][:0]], truth, lengths, 0.5))]


def _lab_pictures() -> list[Call]:
    import torch

    generator = torch.Generator().manual_seed(0)
    small, many = torch.rand(3, 5, 4, generator=generator), torch.rand(2, 3, 6, 7, generator=generator)
    return [Call((small,)), Call((many.double(),))]


def _labs() -> list[Call]:
    from course_utils.color import rgb_to_lab

    outside = 100 * _tensors((3, 4, 5))[0]
    return [*(Call((rgb_to_lab(*call.args),)) for call in _lab_pictures()), Call((outside,))]


def _bins() -> Any:
    from course_utils.color import in_gamut_bins

    return in_gamut_bins(20)


def _ab(*shape: int) -> Any:
    return 40 * _tensors(shape)[0].float()


def _encoded(*shape: int) -> tuple[Any, Any]:
    from course_utils.color import soft_encode

    return soft_encode(_ab(*shape), _bins())


def _colors_to_encode() -> list[Call]:
    options = [{}, {"neighbors": 1}, {"neighbors": 3, "sigma": 9.0}]
    return [Call((_ab(2, 2, 4, 3), _bins()), option) for option in options] + [Call((_ab(2, 1, 1), _bins()))]


def _priors(count: int = 4) -> list[Any]:
    return [array.abs() / array.abs().sum() for array in _tensors((count,), (count,))]


def _distributions() -> list[Call]:
    logits = _tensors((2, len(_bins()), 3, 4))[0].float()
    return [Call((logits, _bins())), Call((logits, _bins(), 1.0)), Call((logits, _bins(), 0.05))]


def _bin_losses() -> list[Call]:
    numbers, shares = _encoded(2, 2, 3, 4)
    logits = _tensors((2, len(_bins()), 3, 4))[0].float()
    return [Call((logits, numbers, shares)), Call((logits, numbers, shares, _priors(len(_bins()))[0].float()))]


def _colorizers(*out_channels: int) -> list[Call]:
    import torch

    x = torch.rand(2, 1, 16, 24, generator=torch.Generator().manual_seed(0))
    return [Call((channels, 4), inputs=(x,)) for channels in out_channels]


def _predictions() -> list[Call]:
    import torch

    from course_utils.models.colorization import SmallColorizer

    torch.manual_seed(0)
    lightness = torch.rand(2, 1, 9, 7)
    return [
        Call((SmallColorizer(2, 4), lightness)),
        Call((SmallColorizer(len(_bins()), 4), lightness, _bins())),
        Call((SmallColorizer(len(_bins()), 4), lightness, _bins(), 0.8)),
    ]


def _painted() -> list[Call]:
    pictures = _tensors((3, 2, 4, 5), (3, 2, 4, 5))
    return [Call(tuple(pictures)), Call((*pictures, 255.0))]


def _painted_ab() -> list[Call]:
    ab, targets, weights = _ab(3, 2, 4, 5), -_ab(3, 2, 4, 5), _tensors((3, 4, 5))[0].float().abs()
    return [Call((ab, targets)), Call((ab, targets, weights)), Call((ab, targets, weights, 40.0))]


def _maps() -> list[Call]:
    return [Call((maps,)) for maps in _tensors((2, 5, 4, 3), (1, 1, 1, 1), (3, 2, 1, 7))]


def _gated_steps() -> list[Call]:
    state, inputs, *matrices = _tensors((3, 4), (3, 5), (4, 9), (4, 9), (4, 9))
    options = [{}, {"reset_inside": False}, {"z_is_new": False}, {"reset_inside": False, "z_is_new": False}]
    return [Call((state, inputs, *matrices), option) for option in options]


def _memory() -> tuple:
    """Memory (3, 5, 6), its mask, a summary (3, 6) and words (3, 4) of a vocabulary of 8."""
    import torch

    memory, summary = (array.float() for array in _tensors((3, 5, 6), (3, 6)))
    mask = torch.arange(5) < torch.tensor([[5], [3], [4]])
    return memory, mask, summary, torch.tensor([[5, 3, 2, 0], [4, 2, 0, 0], [3, 4, 5, 2]])


def _looks() -> list[Call]:
    memory, mask, _, _ = _memory()
    (state, keys) = (array.float() for array in _tensors((3, 4), (3, 5, 7)))
    return [Call((4, 6, 7), inputs=(state, memory, keys, mask))]


def _decoders() -> list[Call]:
    return [Call((8, 6, 4), {"attention": attends}, _memory()) for attends in (True, False)]


def _translators() -> list[Call]:
    import torch

    sources, targets = torch.tensor([[4, 7, 5, 9, 2], [6, 8, 2, 0, 0], [5, 5, 5, 2, 0]]), _memory()[3]
    return [Call((10, 8, 6), {"attention": attends}, (sources, targets)) for attends in (True, False)]


def _captioners() -> list[Call]:
    memory, _, _, words = _memory()
    return [Call((8, 6, 4), {"attention": attends}, (memory, words)) for attends in (True, False)]


def _feature_maps() -> list[Call]:
    import torch

    from course_utils.models.yolo import Encoder

    torch.manual_seed(0)
    return [Call((Encoder(4).eval(), torch.rand(2, 3, 32, 48)))]


def _translations() -> list[Call]:
    rng = np.random.default_rng(0)
    given, true = ([[*rng.choice(list("abcd"), length)] for length in (9, 6, 12)] for _ in range(2))
    return [Call((given, true)), Call((true, true)), Call((given, true, 2)), Call(([["a"]], [["b"]]))]


def _luminances() -> Any:
    import torch

    return torch.rand(2, 1, 9, 8, generator=torch.Generator().manual_seed(0))


def _counted() -> list[Call]:
    import torch
    from torch import nn

    layers = [nn.Conv2d(4, 6, 3, 2, 1, groups=2), nn.ConvTranspose2d(4, 3, 4, 2, 1), nn.Linear(8, 5)]
    return [Call((layer, torch.zeros(2, 4, 8, 8))) for layer in layers]


def _cascades() -> list[Call]:
    import torch
    from torch import nn

    torch.manual_seed(0)
    mixes = [nn.Conv2d(4 * n, 4, 1).requires_grad_(False) for n in (2, 3, 4)]
    blocks = [nn.Conv2d(4, 4, 3, padding=1).requires_grad_(False) for _ in mixes]
    return [Call((torch.rand(2, 4, 5, 6), blocks, mixes))]


def _carns() -> list[Call]:
    options = [{}, {"groups": 4, "shared": True}, {"residual": True, "scales": (2,)}]
    return [Call((1, 8), option, inputs=(_luminances(),)) for option in options] + [
        Call((1, 8), inputs=(_luminances(), scale)) for scale in (3, 4)
    ]


SAMPLES: dict[str, Callable[[], list[Call]]] = {
    "models.attention.gru_step": _gated_steps,
    "models.attention.AdditiveAttention": _looks,
    "models.attention.Decoder": _decoders,
    "models.attention.Translator": _translators,
    "models.attention.picture_memory": _feature_maps,
    "models.attention.Captioner": _captioners,
    "metrics.ngrams": lambda: [Call((list("abcabc"), n)) for n in (1, 2, 4, 7)],
    "metrics.bleu": _translations,
    "features.hog": _pictures,
    "features.gram_matrix": _maps,
    "convolution.output_size": _geometries,
    "convolution.sizes_sharing_output": _geometries,
    "convolution.parameter_count": _parameter_counts,
    "convolution.multiplication_count": _multiplication_counts,
    "convolution.receptive_field": _stacks,
    "convolution.pad_replicate": _paddings,
    "convolution.cross_correlate": _convolutions,
    "convolution.pool": _poolings,
    "convolution.convolution_matrix": _matrices,
    "convolution.transposed_output_size": _transposed_geometries,
    "convolution.bilinear_kernel": _factors,
    "boxes.convert": _conventions,
    "boxes.iou": _box_pairs,
    "boxes.generalized_iou": _box_pairs,
    "metrics.precision_recall": _label_sets,
    "metrics.f1": _label_sets,
    "boxes.nms": _suppressions,
    "metrics.match_detections": _overlaps,
    "metrics.interpolated_average_precision": _recalls,
    "metrics.detection_average_precision": _detected,
    "models.yolo.encode": _encodings,
    "models.yolo.corners": _grids,
    "models.yolo.decode": _outputs,
    "models.yolo.paired_iou": _paired_boxes,
    "models.yolo.loss_terms": _losses,
    "models.yolo.yolo_loss": _weighted_losses,
    "models.yolo.Encoder": _encoders,
    "models.yolo.SmallYolo": _detectors,
    "metrics.segmentation_confusion": _segmentations_of_pixels,
    "metrics.pixel_accuracy": _confusions,
    "metrics.class_iou": _confusions,
    "metrics.mean_iou": _confusions,
    "models.fcn.FCN": _fully_convolutional,
    "metrics.boundary_iou": _class_maps,
    "models.segmentation.SegNet": lambda: [Call((5, 4), inputs=(_colors(),))],
    "models.segmentation.UNet": lambda: [Call((5, 4), inputs=(_colors(),)), Call((5, 4, False), inputs=(_colors(),))],
    "models.segmentation.DilatedNet": lambda: [
        Call((5, 4), inputs=(_colors(),)),
        Call((2, 4, (3,)), inputs=(_colors(),)),
    ],
    "models.segmentation.PaperUNet": lambda: [Call((3, 4, 2, 2), inputs=(_colors()[..., :60, :44],))],
    "models.segmentation.valid_sizes": lambda: [Call((572,)), Call((188,)), Call((44, 2)), Call((22, 1))],
    "models.segmentation.dice_loss": lambda: [Call(pixels) for pixels in _pixels()],
    "models.segmentation.focal_loss": lambda: [Call((*pixels, g)) for pixels in _pixels() for g in (0.0, 2.0)],
    "metrics.precision_recall_curve": _curves,
    "metrics.average_precision": _curves,
    "metrics.top_k_accuracy": _scored,
    "boxes.encode": lambda: [Call((_boxes(9), _boxes(9, 1)))],
    "boxes.decode": lambda: [Call((_tensors((9, 4))[0].float(), _boxes(9)))],
    "models.rcnn.describe_regions": _segmentations,
    "models.rcnn.box_around": _pairs_of_regions,
    "models.rcnn.merge": _pairs_of_regions,
    "models.rcnn.likeness": _likenesses,
    "models.rcnn.group_regions": _segmentations,
    "models.rcnn.selective_search": _searches,
    "models.rcnn.Trunk": _trunks,
    "models.rcnn.RegionHead": lambda: [Call((4, 8, 12), inputs=(_region_features(4),))],
    "models.rcnn.warp": _crops,
    "models.rcnn.RCNN": _crop_networks,
    "models.rcnn.FastRCNN": _region_networks,
    "models.rcnn.sample_regions": _drawn_regions,
    "models.rcnn.region_loss": _answers,
    "models.rcnn.detections": _scored_regions,
    "models.rcnn.ridge": _regressions,
    "models.rcnn.anchor_boxes": _anchors,
    "models.rcnn.assign_anchors": _assignments,
    "models.rcnn.RegionProposalNetwork": lambda: [Call((8, 5), inputs=(_region_features(6),))],
    "models.rcnn.rpn_loss": _proposal_losses,
    "models.rcnn.propose": _proposals,
    "models.rcnn.MaskHead": lambda: [Call((4, 8, 6), inputs=(_region_features(8),))],
    "models.rcnn.mask_goals": _masks,
    "models.rcnn.paste_masks": _small_masks,
    "models.pose.present": lambda: [Call((keypoints, 50)) for keypoints in _crowds()],
    "models.pose.heat_maps": lambda: [Call((k, 64, *more)) for k in _crowds() for more in ((), (8, 2.0))],
    "models.pose.subpixel": _peak_places,
    "models.pose.decode": lambda: [Call((maps,)) for maps in _pose_maps()] + [Call((_pose_maps()[1], 8))],
    "models.pose.flip_back": _mirrored_outputs,
    "models.pose.Residual": lambda: [Call((6,), inputs=_hourglass_input(6))],
    "models.pose.Hourglass": lambda: [Call((4, depth), inputs=_hourglass_input(4)) for depth in (1, 3)],
    "models.pose.StackedHourglass": lambda: [Call((5, 4, n, 2), inputs=_hourglass_input(4)) for n in (1, 3)],
    "models.pose.PoseNet": lambda: [Call((3, 2, 2, 4), inputs=(_colors(),))],
    "models.pose.find_peaks": lambda: [Call((maps[0], *more)) for maps in _pose_maps() for more in ((), (0.5, 8))],
    "models.pose.fields": lambda: [Call((k, 64, _limbs(), *more)) for k in _crowds() for more in ((), (8, 0.7))],
    "models.pose.limb_scores": _limb_pairs,
    "models.pose.match_limbs": _scores_of_limbs,
    "models.pose.find_people": lambda: [Call((maps[n], _limbs())) for maps in _pose_outputs() for n in (0, 1)],
    "metrics.pck": _found_joints,
    "metrics.pck_several": _found_people,
    "datasets.people.mirror": lambda: [Call((_colors(), keypoints)) for keypoints in _crowds()],
    "datasets.people.torso_lengths": lambda: [Call((keypoints,)) for keypoints in _crowds()],
    "datasets.people.head_lengths": lambda: [Call((keypoints,)) for keypoints in _crowds()],
    "color.rgb_to_lab": _lab_pictures,
    "color.lab_to_rgb": _labs,
    "color.in_gamut_bins": lambda: [Call(), Call((20,))],
    "color.soft_encode": _colors_to_encode,
    "color.bin_prior": lambda: [Call((*_encoded(2, 2, 4, 3), len(_bins())))],
    "color.smooth_prior": lambda: [Call((_priors(len(_bins()))[0].float(), _bins(), sigma)) for sigma in (5.0, 30.0)],
    "color.rebalancing_weights": lambda: [Call((prior, mix)) for prior in _priors() for mix in (0.0, 0.5, 1.0)],
    "color.annealed_mean": _distributions,
    "metrics.psnr": _painted,
    "metrics.color_auc": _painted_ab,
    "metrics.ssim": lambda: [
        Call(tuple(_tensors((2, 3, 14, 12), (2, 3, 14, 12)))),
        Call((_colors(), _colors().flip(3))),
    ],
    "metrics.luminance_quality": lambda: [Call((_colors(), _colors().flip(3), 2))],
    "color.rgb_to_ycbcr": _lab_pictures,
    "color.ycbcr_to_rgb": _lab_pictures,
    "layers.count_multiply_adds": _counted,
    "datasets.superresolution.shrink": lambda: [Call((_colors(), 2)), Call((_colors().double(), 4))],
    "datasets.superresolution.enlarge": lambda: [Call((_colors(), 2)), Call((_colors().double(), 3))],
    "models.superresolution.SRCNN": lambda: [
        Call((kernels, residual), inputs=(_luminances(),)) for kernels in ((9, 5, 5), (9, 1, 5)) for residual in (0, 1)
    ],
    "models.superresolution.VDSR": lambda: [
        Call((), inputs=(_luminances(),)),
        Call((4, 6, 3), inputs=(_luminances(),)),
    ],
    "models.superresolution.CARN": _carns,
    "models.superresolution.cascade": _cascades,
    "models.superresolution.Cascade": lambda: [
        Call((8, *more), inputs=(_luminances().expand(-1, 8, -1, -1),)) for more in ((), (4, True))
    ],
    "models.superresolution.ResidualUnit": lambda: [
        Call((8, groups), inputs=(_luminances().expand(-1, 8, -1, -1),)) for groups in (1, 4)
    ],
    "models.colorization.ColorizationNet": lambda: [Call((2,), inputs=_colorizers(2)[0].inputs)],
    "models.colorization.SmallColorizer": lambda: _colorizers(2, 7),
    "models.colorization.bin_loss": _bin_losses,
    "models.colorization.predict_ab": _predictions,
    "models.resnet.Block": _blocks,
    "models.resnet.ResNet": _networks,
}


# --- who has a twin ---------------------------------------------------------------------------------------------------


def references(package: Path) -> dict[str, str]:
    """Every docstring of a package that says where it is derived: "module.name" (or "module") to notebook."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        module = ".".join(path.relative_to(package).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
                match = REFERENCE.search(" ".join((ast.get_docstring(node) or "").split()))
                if match:
                    found[module if isinstance(node, ast.Module) else f"{module}.{node.name}"] = match.group(1)
    return found


REFERENCES = references(PACKAGE)
MODULES = {".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in PACKAGE.rglob("*.py")}
TWINS = {name: notebook for name, notebook in REFERENCES.items() if name not in MODULES}


# --- taking a twin out of its notebook --------------------------------------------------------------------------------


def statements(notebook: nbformat.NotebookNode) -> list[ast.stmt]:
    """The top-level statements of a notebook's code cells, IPython's % and ! lines left out."""
    found: list[ast.stmt] = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in cell.source.splitlines()]
            found += ast.parse("\n".join(lines)).body
    return found


def _names_used(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _is_constant(node: ast.stmt) -> bool:
    """An assignment of a value written out, as in EPSILON = 1e-5."""
    if not isinstance(node, ast.Assign) or not all(isinstance(target, ast.Name) for target in node.targets):
        return False
    try:
        ast.literal_eval(node.value)
    except ValueError:
        return False
    return True


def twin_code(body: Iterable[ast.stmt], name: str, home: str) -> CodeType:
    """The definition of `name`, the helpers and constants it needs, and the imports (but none from `home`), compiled.

    Raises:
        LookupError: the notebook has no `def` or `class` of that name at top level.
    """
    imports: list[ast.stmt] = []
    definitions: dict[str, ast.stmt] = {}  # a name defined twice keeps its last definition
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            aliases = [a for a in node.names if home not in (module, a.name, f"{module}.{a.name}")]
            if aliases:
                parts = {"names": aliases} if module is None else {"module": module, "names": aliases, "level": 0}
                imports.append(ast.copy_location(type(node)(**parts), node))
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            definitions[node.name] = node
        elif _is_constant(node):
            definitions.update({target.id: node for target in node.targets})
    if not isinstance(definitions.get(name), ast.FunctionDef | ast.ClassDef):
        raise LookupError(
            f"no `def {name}` or `class {name}` in the notebook's code cells (an import is no definition)"
        )
    needed, waiting = set(), {name}
    while waiting:
        needed |= waiting
        waiting = {used for one in waiting for used in _names_used(definitions[one])} & set(definitions) - needed
    kept = [node for node in body if any(definitions[one] is node for one in needed)]
    return compile(ast.Module(body=[*imports, *kept], type_ignores=[]), "<notebook>", "exec")


def take_twin(notebook: nbformat.NotebookNode, name: str, home: str) -> Any:
    """Run the twin's definition by itself and return it."""
    namespace: dict[str, Any] = {"__name__": "notebook"}
    exec(twin_code(statements(notebook), name, home), namespace)
    return namespace[name]


# --- holding the two equal --------------------------------------------------------------------------------------------


def assert_same(ours: Any, theirs: Any, where: str) -> None:
    """Equal numbers, shapes and structure; floating point within 1e-5 of each other."""
    import torch

    if isinstance(ours, torch.Tensor | np.ndarray):
        ours, theirs = np.asarray(ours.detach() if torch.is_tensor(ours) else ours), np.asarray(theirs)
        assert ours.shape == theirs.shape, f"{where}: shape {ours.shape} in the package, {theirs.shape} in the notebook"
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-6, err_msg=where)
    elif isinstance(ours, tuple | list | range):
        assert len(ours) == len(theirs), f"{where}: {ours} in the package, {theirs} in the notebook"
        for i, (mine, yours) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(mine, yours, f"{where}[{i}]")
    elif isinstance(ours, Mapping):
        assert list(ours) == list(theirs), f"{where}: {list(ours)} in the package, {list(theirs)} in the notebook"
        for key in ours:
            assert_same(ours[key], theirs[key], f"{where}[{key!r}]")
    elif isinstance(ours, float):
        assert theirs == pytest.approx(ours, rel=1e-6), f"{where}: {ours} in the package, {theirs} in the notebook"
    else:
        assert ours == theirs, f"{where}: {ours} in the package, {theirs} in the notebook"


def hold_equal(ours: Any, theirs: Any, calls: list[Call]) -> None:
    """Try both on every call: functions by their results, modules by their outputs with the same weights."""
    import torch

    assert calls, "no sample to try the twins on"
    for call in calls:
        where = f"{ours.__name__}{call.args!r:.60} {dict(call.kwargs)}"
        if not isinstance(ours, type):
            assert_same(ours(*call.args, **call.kwargs), theirs(*call.args, **call.kwargs), where)
            continue
        torch.manual_seed(0)
        mine = ours(*call.args, **call.kwargs)
        torch.manual_seed(0)
        yours = theirs(*call.args, **call.kwargs)
        yours.load_state_dict(mine.state_dict(), strict=True)
        for mode in (True, False):  # batch statistics, then the running ones that they left behind
            with torch.no_grad():
                results = [module.train(mode)(*call.inputs) for module in (mine, yours)]
            assert_same(*results, f"{where}, {'training' if mode else 'evaluation'}")


def package_object(name: str) -> tuple[Any, str]:
    """The package's own object and its module's name, for 'module.name'."""
    module, _, attribute = f"course_utils.{name}".rpartition(".")
    return getattr(importlib.import_module(module), attribute), module


# --- the course's twins -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "notebook"), sorted(REFERENCES.items()), ids=sorted(REFERENCES))
def test_home_notebook_exists(name: str, notebook: str) -> None:
    assert (ROOT / notebook).is_file(), f"course_utils.{name} says it is derived in {notebook}, which does not exist"


def test_every_twin_has_samples_and_every_sample_a_twin() -> None:
    assert TWINS, "no docstring of the package says where it is derived"
    assert set(TWINS) == set(SAMPLES)


@pytest.mark.parametrize(("name", "notebook"), sorted(TWINS.items()), ids=sorted(TWINS))
def test_twin_is_in_the_notebook_and_gives_the_same(name: str, notebook: str) -> None:
    ours, home = package_object(name)
    theirs = take_twin(nbformat.read(ROOT / notebook, as_version=4), name.rpartition(".")[2], home)
    hold_equal(ours, theirs, SAMPLES[name]())


# --- the test itself can fail -----------------------------------------------------------------------------------------

RIGHT = """
def output_size(input_size, kernel_size, stride=1, padding=0, dilation=1):
    return half_open(input_size + 2 * padding - dilation * (kernel_size - 1) - ONE, stride) + ONE
"""
HELPERS = """
import math
ONE = 1
def half_open(length, step):
    return math.floor(length / step)
raise RuntimeError("a twin is taken out without running the rest of the notebook")
"""


def _notebook(*cells: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])


def _hold_output_size(*cells: str) -> None:
    ours, home = package_object("convolution.output_size")
    hold_equal(ours, take_twin(_notebook(*cells), "output_size", home), _geometries())


def test_a_right_twin_passes_with_its_helpers_and_imports() -> None:
    _hold_output_size("%matplotlib inline\n" + HELPERS, RIGHT)


def test_a_later_definition_counts() -> None:
    _hold_output_size(HELPERS, "def output_size(n, f):\n    return n - f + 1", RIGHT)


def test_a_wrong_twin_is_found() -> None:
    with pytest.raises(AssertionError, match="in the package"):
        _hold_output_size(HELPERS, RIGHT.replace("2 * padding", "padding"))


@pytest.mark.parametrize(
    "cell",
    [
        "from course_utils.convolution import output_size",
        "output_size = lambda n, f: n - f + 1",
        "class Sizes:\n    def output_size(self):\n        return 1",
        "# def output_size(n, f): later",
    ],
    ids=["an import", "a lambda", "a method", "a comment"],
)
def test_a_twin_that_is_not_written_out_is_found(cell: str) -> None:
    with pytest.raises(LookupError, match="output_size"):
        _hold_output_size(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "from course_utils import convolution\ndef output_size(*a):\n    return convolution.output_size(*a)",
        "import course_utils.convolution as c\ndef output_size(*a):\n    return c.output_size(*a)",
        "from course_utils.convolution import output_size as o\ndef output_size(*a):\n    return o(*a)",
    ],
)
def test_a_twin_that_asks_the_package_is_found(cell: str) -> None:
    with pytest.raises(NameError):
        _hold_output_size(cell)


LINEAR = """
from torch import nn
class Linear(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.weight = nn.Parameter(nn.init.normal_(nn.Linear(a, b).weight.detach()))
        self.bias = nn.Parameter(nn.Linear(a, b).bias.detach())
    def forward(self, x):
        return x @ self.weight.T + self.bias
"""


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("", ""), None),
        (("+ self.bias", "- self.bias"), AssertionError),
        (("self.bias", "self.offset"), RuntimeError),
    ],
    ids=["right", "another output", "another state_dict"],
)
def test_modules_are_compared_by_weights_and_outputs(change: tuple[str, str], error: type | None) -> None:
    import torch

    twin = take_twin(_notebook(LINEAR.replace(*change)), "Linear", "torch.nn.modules.linear")
    calls = [Call((3, 2), inputs=(torch.ones(4, 3),))]
    if error is None:
        hold_equal(torch.nn.Linear, twin, calls)
        return
    with pytest.raises(error):
        hold_equal(torch.nn.Linear, twin, calls)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ((3, 1), (3, 2)),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, {"a": 2}),
        (range(4, 6), [4]),
        (np.zeros((2, 2)), np.zeros(2)),
        (np.zeros(2), np.ones(2)),
        (0.5, 0.6),
        (3, 4),
    ],
)
def test_unlike_results_are_told_apart(ours: Any, theirs: Any) -> None:
    with pytest.raises(AssertionError):
        assert_same(ours, theirs, "here")


def test_references_are_read_from_wrapped_docstrings(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    source = (
        'def f():\n    """One.\n\n    Derived in\n    notebooks/02_sums.ipynb."""\n'
        'def g():\n    """Two."""\n'
        'class C:\n    """Three. Derived in notebooks/07_nets.ipynb. More."""\n'
    )
    (tmp_path / "models" / "net.py").write_text(source)
    expected = {"models.net.f": "notebooks/02_sums.ipynb", "models.net.C": "notebooks/07_nets.ipynb"}
    assert references(tmp_path) == expected
