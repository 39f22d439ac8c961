"""What the exercises take for right, held against PyTorch, torchvision, scikit-learn, scikit-image and the package.

Marks rest on these functions. An assignment's notebook solves each of them a second time (test_exercises.py).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision.models
import torchvision.ops
from sacrebleu.metrics import BLEU
from skimage.color import rgb2lab, rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio
from sklearn.metrics import accuracy_score, jaccard_score
from torch import nn
from torchvision.models.detection import _utils as detection_utils
from torchvision.models.googlenet import Inception

from course_utils import color, metrics
from course_utils.convolution import bilinear_kernel, receptive_field
from course_utils.exercises import judging
from course_utils.exercises.values import unpack
from course_utils.grading.assignment import VARIANTS, Assignment, folders, load
from course_utils.models import fcn, rcnn, yolo
from course_utils.models.attention import AdditiveAttention


def loaded(number: str) -> Assignment:
    return load(next(folder for folder in folders() if folder.name.startswith(f"ex{number}_")))


def cases(assignment: Assignment, question: str) -> list[list[object]]:
    return [[unpack(part) for part in case] for case in assignment.sheet(question, "references")["cases"]]


def verdict(
    assignment: Assignment, question: str, answer: object, number: int = 0, seed: str = "references"
) -> judging.Verdict:
    """What is said to an answer: a function, on the cases that the seed draws, or the numbers of a variant."""
    if callable(answer):
        sheet = assignment.sheet(question, seed)
        return judging.judge(sheet, judging.outcomes(answer, sheet["cases"]))
    return judging.judge(assignment.variant(question, number)[1], [judging.outcome(lambda: answer, [])])


def tensor(values: object) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=float))


def counted(network: nn.Module, picture: tuple[int, ...]) -> list[list[int]]:
    """Parameters and multiply-adds of each convolution and dense layer, counted by hooks on the meta device."""
    rows = []

    def look(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
        shared = 0 if module.bias is None else module.bias.numel()
        rows.append([module.weight.numel() + shared, output.numel() * module.weight[0].numel()])

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(look)
    network.to("meta")(torch.empty(1, *picture, device="meta"))
    return rows


def test_06_an_inception_block_is_torchvision_s() -> None:
    question = loaded("06").questions["q1"]
    for seed in range(5):
        given = question.draw(np.random.default_rng(seed))
        names = ("arrive", "one", "reduce_3", "three", "reduce_5", "five", "pooled")
        block = Inception(*(given[name] for name in names))
        block.branch3[1].conv = nn.Conv2d(given["reduce_5"], given["five"], 5, padding=2, bias=False)  # it has a 3x3
        picture = (given["arrive"], given["side"], given["side"])
        out, weights, work, naive = question.expected(given)
        rows = counted(block, picture)
        assert [weights, work] == [sum(row[0] for row in rows), sum(row[1] for row in rows)]
        assert block(torch.empty(1, *picture, device="meta")).shape == (1, out, given["side"], given["side"])
        for branch in (block.branch2, block.branch3):
            conv = branch[1].conv
            branch[1].conv = nn.Conv2d(given["arrive"], conv.out_channels, conv.kernel_size, padding="same", bias=False)
            branch[0] = nn.Identity()
        assert naive == sum(row[0] for row in counted(block, picture))


def test_06_small_kernels_see_as_much_as_the_large_one() -> None:
    question = loaded("06").questions["q2"]
    for seed in range(10):
        given = question.draw(np.random.default_rng(seed))
        c, m, k = (given[name] for name in ("channels", "inner", "kernel"))
        layers, single, stack, pair = question.expected(given)
        assert receptive_field([(3,)] * layers).size == k > receptive_field([(3,)] * (layers - 1)).size
        widths = [c] + [m] * (layers - 1) + [c]
        threes = nn.Sequential(*(nn.Conv2d(a, b, 3, bias=False) for a, b in pairwise(widths)))
        flat, tall = nn.Conv2d(c, m, (1, k), bias=False), nn.Conv2d(m, c, (k, 1), bias=False)
        networks = nn.Conv2d(c, c, k, bias=False), threes, nn.Sequential(flat, tall)
        assert [single, stack, pair] == [sum(row[0] for row in counted(net, (c, k, k))) for net in networks]
        assert {net(torch.empty(1, c, k, k, device="meta")).shape for net in networks} == {(1, c, 1, 1)}


def test_06_the_error_is_pytorch_s() -> None:
    question = loaded("06").questions["q3"]
    for seed in range(5):
        given = question.draw(np.random.default_rng(seed))
        came, built, weights, times = question.expected(given)
        layers, channels = [], 3
        for _ in range(given["poolings"]):
            layers += [nn.Conv2d(channels, given["channels"], 3, padding=1), nn.MaxPool2d(2)]
            channels = given["channels"]
        trunk = nn.Sequential(*layers, nn.Flatten()).to("meta")
        dense = nn.Linear(*given["second"])
        assert weights == dense.weight.numel() == times * channels * dense.out_features
        assert dense(torch.zeros(trunk(torch.empty(2, 3, built, built, device="meta")).shape)).shape[0] == 2
        arrived = trunk(torch.empty(given["first"][0], 3, came, came, device="meta"))
        with pytest.raises(RuntimeError) as error:
            dense(torch.zeros(arrived.shape))
        assert str(error.value).removeprefix("addmm: ") in question.ask(given)


def test_06_groups_without_groups() -> None:
    assignment = loaded("06")
    for weight, groups in cases(assignment, "q4"):
        full = assignment.questions["q4"].expected(weight, groups)
        x = torch.rand(2, full.shape[1], 5, 5, dtype=torch.float64)
        torch.testing.assert_close(F.conv2d(x, tensor(full)), F.conv2d(x, tensor(weight), groups=groups))


def as_modules(layers: list, channels: int, side: int) -> nn.Sequential:
    """The network that a list of q5's layers stands for."""
    network, x = nn.Sequential().to("meta"), torch.empty(1, channels, side, side, device="meta")
    for kind, *numbers in layers:
        if kind == "conv":
            kernels, size, stride, padding, groups = numbers
            network.append(nn.Conv2d(x.shape[1], kernels, size, stride, padding, groups=groups, device="meta"))
        elif kind == "dense":
            network.append(nn.Flatten())
            network.append(nn.Linear(x[0].numel(), numbers[0], device="meta"))
        else:
            network.append(nn.AdaptiveAvgPool2d(1) if kind == "mean" else nn.MaxPool2d(*numbers))
        x = network(torch.empty(1, channels, side, side, device="meta"))
    return network


def test_06_the_bill_is_what_hooks_count() -> None:
    assignment = loaded("06")
    bill = assignment.questions["q5"].expected
    for layers, channels, side in cases(assignment, "q5"):
        rows = counted(as_modules(layers, channels, side), (channels, side, side))
        assert [row for row in bill(layers, channels, side) if row != [0, 0]] == rows
    alexnet = [("conv", 64, 11, 4, 2, 1), ("pool", 3, 2), ("conv", 192, 5, 1, 2, 1), ("pool", 3, 2)]
    alexnet += [("conv", kernels, 3, 1, 1, 1) for kernels in (384, 256, 256)]
    alexnet += [("pool", 3, 2), ("dense", 4096), ("dense", 4096), ("dense", 1000)]
    rows = bill(alexnet, 3, 224)
    with torch.device("meta"):
        assert [row for row in rows if row != [0, 0]] == counted(torchvision.models.alexnet().eval(), (3, 224, 224))
    assert [sum(column) for column in zip(*rows, strict=True)] == [61_100_840, 714_188_480]
    parameters, work = ([row[n] for row in rows] for n in (0, 1))
    assert alexnet[parameters.index(max(parameters))][0] == "dense" and alexnet[work.index(max(work))][0] == "conv"


def _blocks_by_pytorch(weight, groups):
    """What a grouped convolution makes of single ones, turned round."""
    _, own, height, width = weight.shape
    x = torch.zeros(groups * own, groups * own, 2 * height - 1, 2 * width - 1)
    x[range(len(x)), range(len(x)), height - 1, width - 1] = 1
    return F.conv2d(x, torch.from_numpy(weight).float(), groups=groups).flip(2, 3).transpose(0, 1)


def _blocks_number_by_number(weight, groups):
    kernels, own = weight.shape[:2]
    rows = []
    for o in range(kernels):
        row = []
        for c in range(groups * own):
            inside = c // own == o * groups // kernels
            row.append(weight[o, c % own].tolist() if inside else np.zeros(weight.shape[2:]).tolist())
        rows.append(row)
    return rows


def _bill_by_hooks(layers, channels, side):
    rows = counted(as_modules(layers, channels, side), (channels, side, side))
    return np.array([rows.pop(0) if layer[0] in ("conv", "dense") else [0, 0] for layer in layers], dtype=np.float32)


def _bill_from_the_end(layers, channels, side):
    """Sizes first, by the positions of a window; then costs, last layer first, as tuples of floats."""
    shapes = [(channels, side)]
    for kind, *numbers in layers:
        c, n = shapes[-1]
        if kind in ("conv", "pool"):
            kernel, stride, padding = numbers[1:4] if kind == "conv" else (*numbers, 0)
            n = len(range(0, n + 2 * padding - kernel + 1, stride))
        shapes.append((numbers[0] if kind in ("conv", "dense") else c, n if kind in ("conv", "pool") else 1))
    rows = ()
    for layer, (c, n), (out, after) in reversed(list(zip(layers, shapes[:-1], shapes[1:], strict=True))):
        reads = {"conv": lambda c=c, layer=layer: c * layer[2] ** 2 / layer[-1], "dense": lambda c=c, n=n: c * n * n}
        weights = out * reads[layer[0]]() if layer[0] in reads else 0.0
        rows = ((weights + out if weights else 0.0, weights * after**2), *rows)
    return rows


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("q4", _blocks_by_pytorch),
        ("q4", _blocks_number_by_number),
        ("q5", _bill_by_hooks),
        ("q5", _bill_from_the_end),
    ],
)
@pytest.mark.parametrize("seed", ["visible", "other ways"])
def test_06_other_ways_are_right(name, function, seed) -> None:
    assert verdict(loaded("06"), name, function, seed=seed).message == "right"


@pytest.mark.parametrize("name", ["q1", "q2", "q3"])
def test_06_counts_may_be_of_any_kind_and_are_exact(name) -> None:
    assignment = loaded("06")
    for number in range(VARIANTS):
        right = assignment.questions[name].expected(assignment.variant(name, number)[0])
        for answer in (tuple(right), np.array(right), torch.tensor(right), [float(n) for n in right]):
            assert verdict(assignment, name, answer, number).right
        swapped, short = [right[0], *right[:0:-1]], right[:3]
        near = [right[0], 1.0001 * right[1], *right[2:]]
        for answer in (swapped, short, near, [2 * n for n in right], max(right)):
            said = verdict(assignment, name, answer, number)
            assert not said.right and said.slip is None


def _bill_of(layers, channels, side):
    return loaded("06").questions["q5"].expected(layers, channels, side)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("q4", lambda weight, groups: np.zeros((len(weight), groups * weight.shape[1], *weight.shape[2:]))),
        ("q4", lambda weight, groups: np.tile(weight, (1, groups, 1, 1)) / groups),
        ("q4", lambda weight, groups: np.concatenate([weight, 0 * weight], axis=1)),
        ("q4", lambda weight, groups: _blocks_by_pytorch(weight, groups).flip(2, 3)),
        ("q4", lambda weight, groups: _blocks_by_pytorch(weight, groups).transpose(0, 1)),
        ("q5", lambda layers, channels, side: [sum(c) for c in zip(*_bill_of(layers, channels, side), strict=True)]),
        ("q5", lambda layers, channels, side: [row[::-1] for row in _bill_of(layers, channels, side)]),
        ("q5", lambda layers, channels, side: [row for row in _bill_of(layers, channels, side) if any(row)]),
        ("q5", lambda layers, channels, side: np.transpose(_bill_of(layers, channels, side))),
        ("q5", lambda layers, channels, side: [[p, 2 * m] for p, m in _bill_of(layers, channels, side)]),
    ],
)
def test_06_what_no_slip_knows_is_wrong_as_well(name, function) -> None:
    said = verdict(loaded("06"), name, function, seed="unknown mistakes")
    assert not said.right and said.slip is None


def test_08_frozen_batch_norm() -> None:
    assignment = loaded("08")
    for x, mean, var, weight, bias, eps in cases(assignment, "q4"):
        theirs = F.batch_norm(*map(tensor, (x, mean, var, weight, bias)), training=False, eps=eps)
        np.testing.assert_allclose(assignment.questions["q4"].expected(x, mean, var, weight, bias, eps), theirs)


def test_08_one_step_of_descent() -> None:
    question = loaded("08").questions["q1"]
    given = question.draw(np.random.default_rng(0))
    v, w = (torch.tensor(float(given[name]), dtype=torch.float64, requires_grad=True) for name in "vw")
    rate = given["rate"]
    optimizer = torch.optim.SGD([{"params": [v]}, {"params": [w], "lr": rate * given["share"]}], lr=rate)
    (0.5 * (v * w * given["x"] - given["t"]) ** 2).backward()
    optimizer.step()
    answers = [(v * w * given["x"]).item(), (given["u"] * w * given["x"]).item()]
    assert question.expected(given) == pytest.approx(answers)


def test_09_loss_and_its_slopes() -> None:
    assignment = loaded("09")
    for logits, targets in cases(assignment, "q3"):
        theirs = F.binary_cross_entropy_with_logits(tensor(logits), tensor(targets), reduction="none").sum(1).mean()
        assert assignment.questions["q3"].expected(logits, targets) == pytest.approx(theirs.item())
    question = assignment.questions["q1"]
    given = question.draw(np.random.default_rng(0))
    z = tensor(np.array(given["signs"]) * np.log(given["odds"])).requires_grad_()
    loss = F.binary_cross_entropy_with_logits(z, tensor(given["targets"]), reduction="sum")
    loss.backward()
    assert question.expected(given) == pytest.approx([loss.item(), *z.grad.tolist()])


def test_09_precision_recall_and_best_f1() -> None:
    assignment = loaded("09")
    given = assignment.questions["q2"].draw(np.random.default_rng(0))
    theirs = metrics.precision_recall(given["given"], given["truth"])
    assert assignment.questions["q2"].expected(given) == pytest.approx(list(theirs))
    for scores, targets in cases(assignment, "q4"):
        for label, threshold in enumerate(assignment.questions["q4"].expected(scores, targets)):
            precision, recall, _ = metrics.precision_recall_curve(scores[:, label], targets[:, label])
            best = (2 * precision * recall / np.maximum(1e-9, precision + recall)).max()
            named = (scores[:, label] >= threshold).astype(int)[:, None]
            ours = metrics.f1(named, targets[:, label, None], average="micro")
            assert ours == pytest.approx(best)


def test_10_overlaps() -> None:
    assignment = loaded("10")
    rng = np.random.default_rng(0)
    pairs = assignment.questions["q2"].draw(rng)
    theirs = [torchvision.ops.box_iou(tensor([a]), tensor([b])).item() for a, b in pairs["pairs"]]
    assert assignment.questions["q2"].expected(pairs) == pytest.approx(theirs)
    apart = assignment.questions["q6"].draw(rng)
    theirs = torchvision.ops.generalized_box_iou(tensor([apart["a"]]), tensor([apart["b"]])).item()
    assert assignment.questions["q6"].expected(apart) == pytest.approx([0, 0, theirs])
    for found, true, threshold in cases(assignment, "q4"):
        table = torchvision.ops.box_iou(tensor(found).reshape(-1, 4), tensor(true).reshape(-1, 4))
        best = [int(row.argmax()) if len(row) and row.max() >= threshold else -1 for row in table]
        assert assignment.questions["q4"].expected(found, true, threshold).tolist() == best


def test_10_parts_of_the_loss() -> None:
    assignment = loaded("10")
    for outputs, labels in cases(assignment, "q5"):
        o, t = tensor(outputs), tensor(labels)
        there = t[:, 4] == 1
        wanted = [0.0, F.binary_cross_entropy_with_logits(o[:, 4], t[:, 4]).item(), 0.0]
        if there.any():
            wanted[0] = 4 * F.mse_loss(o[there, :4], t[there, :4]).item()
            wanted[2] = F.cross_entropy(o[there, 5:], t[there, 5:].argmax(dim=1)).item()
        assert assignment.questions["q5"].expected(outputs, labels) == pytest.approx(wanted)


def test_11_windows_are_those_of_unfold() -> None:
    assignment = loaded("11")
    for number in range(4):
        given, _ = assignment.variant("q1", number)
        height, width, step = (given[name] for name in ("height", "width", "step"))
        picture = torch.arange(height * width, dtype=torch.float32).reshape(1, 1, height, width)  # each pixel's number
        windows = [F.unfold(picture, (tall, wide), stride=step)[0] for wide, tall in given["shapes"]]
        held = torch.cat([part.flatten() for part in windows]).long()
        times = torch.bincount(held, minlength=height * width).reshape(height, width)
        far = max(given["shapes"][0])
        (holding,) = times[far : height - far - step, far : width - far - step].unique().tolist()
        count = sum(part.shape[1] for part in windows)
        wanted = [count, holding, count * given["side"] ** 2 / (height * width)]
        assert assignment.questions["q1"].expected(given) == pytest.approx(wanted)


def test_11_anchors_are_told_what_torchvision_tells_them() -> None:
    assignment = loaded("11")
    told = assignment.questions["q2"].expected
    for table, high, low in cases(assignment, "q2"):
        table = table[:, (table > 0).any(axis=0)]  # torchvision lets a box that nobody touches choose all anchors
        if table.shape[1]:
            theirs = detection_utils.Matcher(high, low, allow_low_quality_matches=True)(tensor(table).T)
            assert told(table, high, low) == [{-1: 0, -2: -1}.get(match, 1) for match in theirs.tolist()]
    anchors = rcnn.anchor_boxes((12, 12))
    for boxes in ([[4.0, 6, 22, 30], [1, 20, 46, 27]], [[10.0, 10, 16, 15]], []):
        boxes = torch.tensor(boxes).reshape(-1, 4)
        overlap = torchvision.ops.box_iou(anchors, boxes).numpy()
        assert told(overlap, 0.7, 0.3) == rcnn.assign_anchors(anchors, boxes)[0].tolist()


def test_11_boxes_are_moved_as_torchvision_moves_them() -> None:
    assignment = loaded("11")
    coder = detection_utils.BoxCoder((10.0, 10.0, 5.0, 5.0))
    for regions, deltas, classes, height, width in cases(assignment, "q3"):
        chosen = deltas[np.arange(len(classes)), classes - 1] * (classes > 0)[:, None]
        moved = coder.decode_single(tensor(chosen), tensor(regions))
        wanted = torchvision.ops.clip_boxes_to_image(moved, (height, width))
        found = assignment.questions["q3"].expected(regions, deltas, classes, height, width)
        np.testing.assert_allclose(found, wanted, atol=1e-9)


def test_11_pooled_as_torchvision_pools() -> None:
    assignment = loaded("11")
    numbers = (10 * torch.arange(8.0)[:, None] + torch.arange(8.0))[None, None]
    columns = torch.eye(8)[:, None, None].expand(8, 1, 8, 8)  # map c: ones in column c
    for number in range(VARIANTS):
        given, _ = assignment.variant("q4", number)
        box, scale = torch.tensor([given["box"]], dtype=torch.float32), 1 / given["stride"]
        place = (0, 0, 0, 1) if given["bin"] == "upper right" else (0, 0, 1, 0)
        pooled = torchvision.ops.roi_pool(numbers, [box], 2, scale)[place].item()
        aligned = torchvision.ops.roi_align(numbers, [box], 2, scale, sampling_ratio=1, aligned=True)[place].item()
        read = torchvision.ops.roi_pool(columns, [box] * 8, 2, scale).amax(dim=(1, 2, 3)).sum().item()
        wide = read * given["stride"] - (box[0, 2] - box[0, 0]).item()
        assert assignment.questions["q4"].expected(given) == pytest.approx([pooled, aligned, wide])


def test_11_one_box_fewer_is_not_enough() -> None:
    question = loaded("11").questions["q5"]
    drawn = np.random.default_rng(0)
    for _ in range(20):
        corners = [torch.from_numpy(drawn.integers(0, 12, (count, 2))) for count in (3, 1, 4, 30, 20, 25)]
        boxes = [torch.cat([c, c + torch.from_numpy(drawn.integers(4, 12, c.shape))], dim=1).float() for c in corners]
        overlaps = [torchvision.ops.box_iou(t, p).numpy() for t, p in zip(boxes[:3], boxes[3:], strict=True)]
        share = float(drawn.choice((0.25, 0.5, 0.75)))
        n = question.expected(overlaps, 0.5, share)
        recalls = [np.mean([any(row[:m] >= 0.5) for table in overlaps for row in table]) for m in range(31)]
        assert (max(recalls) < share) if n == -1 else (recalls[n - 1] < share <= recalls[n])


def test_11_right_in_other_words() -> None:
    assignment = loaded("11")

    def told_by_pytorch(overlap: np.ndarray, high: float, low: float) -> torch.Tensor:
        table = F.pad(torch.from_numpy(overlap).float(), (0, 1))  # a last box that nobody touches
        best, top = table.amax(dim=1), table.amax(dim=0)
        objects = (best >= high) | ((table == top) & (table > 0)).any(dim=1)
        return torch.where(objects, 1.0, torch.where(best < low, 0.0, -1.0))

    def moved_in_single_precision(regions, deltas, classes, height, width) -> torch.Tensor:
        boxes, t = torch.from_numpy(regions).float(), torch.from_numpy(deltas).float() / torch.tensor([10, 10, 5, 5])
        everything = torch.stack([boxes, *(decoded(t[:, k], boxes) for k in range(t.shape[1]))], dim=1)
        chosen = everything[torch.arange(len(boxes)), torch.from_numpy(classes)]
        return torchvision.ops.clip_boxes_to_image(chosen, (height, width))

    def decoded(t: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        x, y, w, h = torchvision.ops.box_convert(boxes, "xyxy", "cxcywh").unbind(dim=1)
        moved = torch.stack([x + t[:, 0] * w, y + t[:, 1] * h, w * t[:, 2].exp(), h * t[:, 3].exp()], dim=1)
        return torchvision.ops.box_convert(moved, "cxcywh", "xyxy")

    def moved_one_by_one(regions, deltas, classes, height, width) -> list:
        found = []
        for (x1, y1, x2, y2), answers, label in zip(regions, deltas, classes, strict=True):
            w, h = x2 - x1, y2 - y1
            if label:
                x1 += answers[label - 1][0] / 10 * w + w / 2 * (1 - np.exp(answers[label - 1][2] / 5))
                y1 += answers[label - 1][1] / 10 * h + h / 2 * (1 - np.exp(answers[label - 1][3] / 5))
                w, h = w * np.exp(answers[label - 1][2] / 5), h * np.exp(answers[label - 1][3] / 5)
            found.append([max(0, min(width, x1)), max(0, min(height, y1))])
            found[-1] += [max(0, min(width, x1 + w)), max(0, min(height, y1 + h))]
        return np.array(found).reshape(-1, 4)

    def from_the_end(overlaps, threshold, share) -> np.int64:
        answer, most = -1, max(table.shape[1] for table in overlaps)
        for n in range(most, 0, -1):
            caught = sum(int(row[:n].max(initial=0) >= threshold) for table in overlaps for row in table)
            if caught >= share * sum(len(table) for table in overlaps):
                answer = n
        return np.int64(answer)

    right = (("q2", told_by_pytorch), ("q3", moved_in_single_precision), ("q3", moved_one_by_one), ("q5", from_the_end))
    for question, function in right:
        for seed in ("visible", "references", "secret of a term"):
            found = verdict(assignment, question, function, seed=seed)
            assert found.right, (function.__name__, found.message)
    for number in range(VARIANTS):
        for question, digits in (("q1", 2), ("q4", 3)):
            numbers = assignment.questions[question].expected(assignment.variant(question, number)[0])
            for answer in (np.round(numbers, digits), tuple(numbers), torch.tensor(numbers)):
                assert verdict(assignment, question, answer, number).right


def test_11_wrong_in_ways_that_no_slip_names() -> None:
    assignment = loaded("11")
    told, refine, needed = (assignment.questions[name].expected for name in ("q2", "q3", "q5"))
    wrong = {
        "q2": [
            lambda overlap, high, low: np.negative(told(overlap, high, low)),
            lambda overlap, high, low: np.flip(told(overlap, high, low)),
            lambda overlap, high, low: told(overlap, 0.7, 0.3),  # thresholds built in
            lambda overlap, high, low: np.zeros(len(overlap)),
            lambda overlap, high, low: [told(overlap, high, low)],
        ],
        "q3": [
            lambda regions, deltas, classes, height, width: regions,
            lambda *given: refine(*given)[:, [1, 0, 3, 2]],
            lambda *given: np.round(refine(*given)),
            lambda regions, deltas, classes, *sides: refine(regions, deltas[..., [1, 0, 3, 2]], classes, *sides),
            lambda regions, deltas, classes, *sides: refine(regions, -deltas, classes, *sides),
            lambda regions, deltas, classes, *sides: refine(regions, deltas, np.minimum(classes, 1), *sides),
        ],
        "q5": [
            lambda overlaps, threshold, share: needed([table.T for table in overlaps], threshold, share),
            lambda overlaps, threshold, share: needed([table[:, ::-1] for table in overlaps], threshold, share),
            lambda overlaps, threshold, share: needed([-np.sort(-table) for table in overlaps], threshold, share),
            lambda overlaps, threshold, share: needed(overlaps, 0.5, share),
            lambda overlaps, threshold, share: needed(overlaps, threshold, share) + 1,
            lambda overlaps, threshold, share: needed(overlaps[:1], threshold, share),
        ],
    }
    for question, functions in wrong.items():
        for number, function in enumerate(functions):
            found = verdict(assignment, question, function)
            assert not found.right and found.slip is None, (question, number, found)
    for number in range(VARIANTS):
        for question in ("q1", "q4"):
            right = assignment.questions[question].expected(assignment.variant(question, number)[0])
            others = [
                right[:2],
                right[::-1],
                [right[0] + 1, *right[1:]],
                [*right[:2], -right[2]],
                [right[0], 0, right[2]],
            ]
            for answer in others:
                assert not verdict(assignment, question, answer, number).right


def test_12_grid_and_suppression() -> None:
    assignment = loaded("12")
    rng = np.random.default_rng(0)
    for _ in range(5):
        given = assignment.questions["q1"].draw(rng)
        target = {"boxes": torch.tensor([given["box"]], dtype=torch.float32), "labels": torch.tensor([0])}
        truth = yolo.encode([target], 100, given["grid"], 1)[0]
        row, column, *numbers = assignment.questions["q1"].expected(given)
        assert numbers == pytest.approx(truth[row, column, :4].tolist(), abs=1e-4) and truth[row, column, 4] == 1
        heap = assignment.questions["q4"].draw(rng)
        kept = torchvision.ops.batched_nms(
            torch.tensor(heap["boxes"], dtype=torch.float32),
            torch.tensor(heap["scores"]),
            torch.tensor(heap["classes"]),
            heap["threshold"],
        )
        assert assignment.questions["q4"].expected(heap) == kept.tolist()
    outputs = rng.random((5, 5, 5))
    theirs = yolo.decode(tensor(outputs)[None], 40.0, num_boxes=1).boxes[0, :, :, 0]
    np.testing.assert_allclose(assignment.questions["q3"].expected(outputs, 40, 40), theirs, atol=1e-6)


def test_12_loss_and_average_precision() -> None:
    assignment = loaded("12")
    for answers, overlaps, true, scores, label in cases(assignment, "q6"):
        best, one_hot = int(overlaps.argmax()), F.one_hot(torch.tensor(label), len(scores)).numpy()
        terms = 5 * np.square(answers[best, :4] - true).sum() + np.square(answers[best, 4] - overlaps[best])
        terms += sum(0.5 * answers[k, 4] ** 2 for k in range(len(answers)) if k != best)
        terms += np.square(scores - one_hot).sum()
        assert assignment.questions["q6"].expected(answers, overlaps, true, scores, label) == pytest.approx(terms)
    for scores, hits, count in cases(assignment, "q7"):
        found = np.cumsum(hits[np.argsort(-scores)])
        if len(found):
            theirs = metrics.interpolated_average_precision(found / np.arange(1, len(found) + 1), found / count)
            assert assignment.questions["q7"].expected(scores, hits, count) == pytest.approx(theirs)


def test_13_windows_and_one_pass() -> None:
    """The network of q1, built: how large a window it reads, and how many answers a pass gives."""
    question = loaded("13").questions["q1"]
    for draw in range(5):
        given = question.draw(np.random.default_rng(draw))
        kernel, pool, side = given["kernel"], given["pool"], given["side"]
        first = torch.nn.Conv2d(1, 1, kernel)
        net = torch.nn.Sequential(first, torch.nn.MaxPool2d(pool), torch.nn.Conv2d(1, 1, side))
        window, answers, times = question.expected(given)
        assert net(torch.zeros(1, 1, window, window)).shape[2:] == (1, 1)
        with pytest.raises(RuntimeError):
            net(torch.zeros(1, 1, window - 1, window - 1))
        picture = torch.zeros(1, 1, given["height"], given["width"])
        assert net(picture).numel() == answers
        apart = picture.unfold(2, window, pool).unfold(3, window, pool).reshape(-1, 1, window, window)
        assert len(apart) == answers and first(apart).numel() / first(picture).numel() == pytest.approx(times)


def test_13_a_dense_layer_is_a_convolution() -> None:
    assignment = loaded("13")
    for weight, bias, maps in cases(assignment, "q2"):
        n = round((weight.shape[1] / len(maps)) ** 0.5)
        kernels = tensor(weight).reshape(len(weight), len(maps), n, n)
        theirs = F.conv2d(tensor(maps)[None], kernels, tensor(bias))[0]
        np.testing.assert_allclose(assignment.questions["q2"].expected(weight, bias, maps), theirs, atol=1e-9)


def test_13_the_way_up() -> None:
    assignment = loaded("13")
    given = {"row": [24, 80]}
    row = torch.tensor([[given["row"]]], dtype=torch.float64)
    kernel = tensor(np.sqrt(np.diag(bilinear_kernel(4))))[None, None]  # along one side
    theirs = F.conv_transpose1d(row, kernel, stride=4, padding=2)[0, 0]
    assert assignment.questions["q3"].expected(given) == theirs.tolist()
    for coarse, fine, weight, bias in cases(assignment, "q4"):
        doubling = fcn.bilinear_upsampling(len(coarse), 2).double()
        skip = torch.nn.Conv2d(len(fine), len(coarse), 1, dtype=torch.float64)
        skip.weight.data, skip.bias.data = tensor(weight)[:, :, None, None], tensor(bias)
        height, width = fine.shape[1:]
        theirs = doubling(tensor(coarse)[None])[..., :height, :width] + skip(tensor(fine)[None])
        ours = assignment.questions["q4"].expected(coarse, fine, weight, bias)
        np.testing.assert_allclose(ours, theirs[0].detach(), atol=1e-6)


def test_13_measures_and_loss_without_void() -> None:
    assignment = loaded("13")
    for draw in range(5):
        given = assignment.questions["q5"].draw(np.random.default_rng(draw))
        labelled = np.array(given["truth"]) != 255
        truth, found = (np.array(given[name])[labelled] for name in ("truth", "found"))
        present = np.unique([truth, found])
        theirs = [accuracy_score(truth, found), jaccard_score(truth, found, labels=present, average="macro")]
        assert assignment.questions["q5"].expected(given) == pytest.approx(theirs)
        confusion = metrics.segmentation_confusion(given["found"], given["truth"], 4)
        assert theirs == pytest.approx([metrics.pixel_accuracy(confusion), metrics.mean_iou(confusion)])
    for logits, targets in cases(assignment, "q6"):
        theirs = F.cross_entropy(tensor(logits), torch.from_numpy(targets), ignore_index=255)
        assert assignment.questions["q6"].expected(logits, targets) == pytest.approx(theirs.item())


def test_13_right_answers_in_other_shapes_are_right() -> None:
    """Another precision, PyTorch, or loops in another order: what counts is what comes out."""

    def moved(weight: np.ndarray, bias: np.ndarray, maps: np.ndarray) -> torch.Tensor:
        n = int((weight.shape[1] / len(maps)) ** 0.5 + 0.5)
        w, b, x = (torch.from_numpy(part).float() for part in (weight, bias, maps))
        return F.conv2d(x[None], w.reshape(len(w), len(x), n, n), b)[0]

    def by_windows(weight: np.ndarray, bias: np.ndarray, maps: np.ndarray) -> list:
        n = int((weight.shape[1] / len(maps)) ** 0.5 + 0.5)
        rows, columns = maps.shape[1] - n + 1, maps.shape[2] - n + 1
        windows = [[maps[:, i : i + n, j : j + n].flatten() for j in range(columns)] for i in range(rows)]
        return [
            [[float(unit @ window + b) for window in row] for row in windows]
            for unit, b in zip(weight, bias, strict=True)
        ]

    def layers(coarse: np.ndarray, fine: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> torch.Tensor:
        scores = F.conv2d(tensor(fine)[None], tensor(weight)[:, :, None, None], tensor(bias))
        large = fcn.bilinear_upsampling(len(coarse), 2)(torch.from_numpy(coarse).float()[None])
        return (scores + large[..., : fine.shape[1], : fine.shape[2]])[0]

    def from_padded(coarse: np.ndarray, fine: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """Zeros around the coarse scores, interpolation, and the rim cut off again."""
        large = F.interpolate(F.pad(tensor(coarse), (1, 1, 1, 1))[None], scale_factor=2.0, mode="bilinear")[0]
        large = large.numpy()[:, 2 : 2 + fine.shape[1], 2 : 2 + fine.shape[2]]
        return large + (weight @ fine.reshape(len(fine), -1) + bias[:, None]).reshape(large.shape)

    def one_by_one(logits: np.ndarray, targets: np.ndarray) -> float:
        losses = []
        for n, row, column in np.argwhere(targets != 255):
            scores = logits[n, :, row, column].tolist()
            largest, right = max(scores), scores[targets[n, row, column]]
            losses.append(largest + float(np.log(sum(np.exp(score - largest) for score in scores))) - right)
        return sum(losses) / len(losses)

    def library(logits: np.ndarray, targets: np.ndarray) -> torch.Tensor:
        return F.cross_entropy(torch.from_numpy(logits).float(), torch.from_numpy(targets), ignore_index=255)

    assignment = loaded("13")
    for question, answers in {
        "q2": (moved, by_windows),
        "q4": (layers, from_padded),
        "q6": (one_by_one, library),
    }.items():
        for seed in ("visible", "secret of a term"):
            for function in answers:
                said = verdict(assignment, question, function, seed=seed)
                assert said.right, (question, function.__name__, said.message)


def test_14_unpooling_and_focal_loss() -> None:
    assignment = loaded("14")
    for values, positions, height, width in cases(assignment, "q3"):
        theirs = F.max_unpool2d(tensor(values)[None], torch.from_numpy(positions)[None], 2, output_size=(height, width))
        np.testing.assert_array_equal(assignment.questions["q3"].expected(values, positions, height, width), theirs[0])
    for logits, truth, gamma in cases(assignment, "q5"):
        entropy = F.cross_entropy(tensor(logits), torch.from_numpy(truth), reduction="none")
        theirs = ((1 - torch.exp(-entropy)) ** gamma * entropy).mean()
        assert assignment.questions["q5"].expected(logits, truth, gamma) == pytest.approx(theirs.item())


def test_14_sizes_of_the_paper() -> None:
    assert loaded("14").questions["q1"].expected({"depth": 4, "side": 572}) == [388, 88]  # figure 1 of U-Net


def test_15_lightness() -> None:
    assignment = loaded("15")
    for (pictures,) in cases(assignment, "q2"):
        ours = assignment.questions["q2"].expected(pictures)
        np.testing.assert_allclose(ours, rgb2lab(pictures)[..., 0], atol=2e-2)  # it has longer constants


def test_15_mean_weight_is_one_and_annealing_is_a_softmax() -> None:
    assignment = loaded("15")
    for numbers, count, mix in cases(assignment, "q4"):
        assert assignment.questions["q4"].expected(numbers, count, mix).mean() == pytest.approx(1)
    for chances, bins, temperature in cases(assignment, "q5"):
        theirs = torch.softmax(tensor(chances).log() / temperature, dim=1) @ tensor(bins)
        np.testing.assert_allclose(assignment.questions["q5"].expected(chances, bins, temperature), theirs)


def test_16_slopes() -> None:
    assignment = loaded("16")
    for rows, wanted in cases(assignment, "q5"):
        maps = tensor(rows).requires_grad_()
        ((maps @ maps.T / maps.shape[1] - tensor(wanted)) ** 2).mean().backward()
        np.testing.assert_allclose(assignment.questions["q5"].expected(rows, wanted), maps.grad, atol=1e-9)
    for weights, target, start, rate, steps in cases(assignment, "q6"):
        image = tensor(start).requires_grad_()
        for _ in range(steps):
            (slope,) = torch.autograd.grad(
                0.5 * ((tensor(weights) @ image).relu() - tensor(target)).square().sum(), image
            )
            image = (image - rate * slope).clamp(0, 1).detach().requires_grad_()
        ours = assignment.questions["q6"].expected(weights, target, start, rate, steps)
        np.testing.assert_allclose(ours, image.detach(), atol=1e-9)


def test_19_looks_against_the_package() -> None:
    assignment = loaded("19")
    for state, memory, mask, W, U, v in cases(assignment, "q2"):
        attend = AdditiveAttention(W.shape[1], U.shape[1], len(W)).double()
        attend.load_state_dict({"W.weight": tensor(W), "U.weight": tensor(U), "v.weight": tensor(v)[None]})
        with torch.no_grad():
            theirs, _ = attend(tensor(state), tensor(memory), attend.U(tensor(memory)), torch.from_numpy(mask))
        np.testing.assert_allclose(assignment.questions["q2"].expected(state, memory, mask, W, U, v), theirs, atol=1e-9)
    question = assignment.questions["q1"]
    for seed in range(5):
        given = question.draw(np.random.default_rng(seed))
        state, memory = np.array([given["state"]]), np.array([given["memory"]])
        exchange, v = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array(given["v"])
        context = assignment.questions["q2"].expected(state, memory, np.ones((1, 3)), exchange, np.eye(2), v)[0]
        *weights, first, second = question.expected(given)
        assert [first, second] == pytest.approx(context.tolist()) and sum(weights) == pytest.approx(1)


def test_19_gated_units_against_nn_gru_cell_and_the_package() -> None:
    question = loaded("19").questions["q3"]
    for seed in range(5):
        given = question.draw(np.random.default_rng(seed)) | {"r": [0.25, 0.8], "z": [0.3, 0.9]}
        s, A, b = (torch.tensor(given[name], dtype=torch.float32) for name in ("state", "A", "input"))
        gates = torch.logit(torch.tensor([*given["r"], *given["z"]]))
        cell = torch.nn.GRUCell(1, 2)  # the gates come from its biases alone
        torch.nn.init.zeros_(cell.weight_ih)
        with torch.no_grad():
            cell.weight_hh.copy_(torch.cat([torch.zeros(4, 2), A]))
            cell.bias_ih.copy_(torch.cat([gates, b]))
            cell.bias_hh.zero_()
            theirs = cell(torch.zeros(1, 1), s[None])[0]
        paper, pytorch = question.expected(given)
        assert pytorch == pytest.approx(theirs.tolist(), abs=1e-6)
        r, z = (torch.tensor(given[name]) for name in "rz")
        assert paper == pytest.approx(((1 - z) * s + z * torch.tanh(A @ (r * s) + b)).tolist(), abs=1e-6)


def test_19_heads_against_nn_multihead_attention() -> None:
    assignment = loaded("19")
    for query, key, value, heads in cases(assignment, "q4"):
        size = query.shape[1]
        module = torch.nn.MultiheadAttention(size, heads, bias=False, dtype=torch.float64)
        with torch.no_grad():
            module.in_proj_weight.copy_(torch.eye(size).repeat(3, 1))
            module.out_proj.weight.copy_(torch.eye(size))
            theirs, _ = module(tensor(query), tensor(key), tensor(value))
        np.testing.assert_allclose(assignment.questions["q4"].expected(query, key, value, heads), theirs, atol=1e-9)


def test_19_bleu_against_sacrebleu() -> None:
    question = loaded("19").questions["q5"]
    scorer = BLEU(max_ngram_order=2, smooth_method="none", tokenize="none")
    for seed in range(20):
        given = question.draw(np.random.default_rng(seed))
        said, true = (" ".join(given[name]) for name in ("said", "true"))
        theirs = scorer.corpus_score([said], [[true]])
        factor = min(1.0, theirs.bp)
        expected = [*(share / 100 for share in theirs.precisions), factor, theirs.score / 100]
        assert question.expected(given) == pytest.approx(expected, abs=1e-9)


def _look_in_single_precision(state, memory, mask, W, U, v):
    scores = torch.tanh((tensor(state) @ tensor(W).T)[:, None] + tensor(memory) @ tensor(U).T) @ tensor(v)
    weights = torch.softmax(scores.masked_fill(~torch.from_numpy(mask), -1e9), dim=1).float()
    return torch.einsum("nt,ntm->nm", weights, tensor(memory).float())


def _look_word_by_word(state, memory, mask, W, U, v):
    found = []
    for n in range(len(state)):
        length = int(mask[n].sum())
        scores = np.array([np.tanh(W @ state[n] + U @ memory[n, t]) @ v for t in range(length)])
        weights = np.exp(scores - scores.max())
        found.append(list(weights / weights.sum() @ memory[n, :length]))
    return found


def _heads_with_pytorch(query, key, value, heads):
    q, k, v = (tensor(x).float().unflatten(1, (heads, -1)).transpose(0, 1) for x in (query, key, value))
    return F.scaled_dot_product_attention(q, k, v).transpose(0, 1).flatten(1)


def _heads_one_by_one(query, key, value, heads):
    parts = []
    for q, k, v in zip(*(np.split(x, heads, axis=1) for x in (query, key, value)), strict=True):
        weights = np.exp((q / q.shape[1] ** 0.25) @ (k / q.shape[1] ** 0.25).T)
        parts.append(weights @ v / weights.sum(axis=1, keepdims=True))
    return np.hstack(parts).tolist()


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("q2", _look_in_single_precision),
        ("q2", _look_word_by_word),
        ("q4", _heads_with_pytorch),
        ("q4", _heads_one_by_one),
    ],
)
def test_19_other_ways_are_right(name, function) -> None:
    assert verdict(loaded("19"), name, function, seed="other ways").message == "right"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("q1", lambda right: [round(number, 3) for number in right]),
        ("q1", lambda right: torch.tensor(right, dtype=torch.float32)),
        ("q3", lambda right: np.round(right, 3).astype(np.float32)),
        ("q3", lambda right: (tuple(right[0]), tuple(right[1]))),
        ("q5", lambda right: np.round(right, 3)),
    ],
)
def test_19_numbers_may_be_rounded_and_of_any_kind(name, change) -> None:
    assignment = loaded("19")
    for number in range(VARIANTS):
        right = assignment.questions[name].expected(assignment.variant(name, number)[0])
        assert verdict(assignment, name, change(right), number).right


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("q2", lambda state, memory, mask, W, U, v: memory.mean(axis=1)),
        ("q2", lambda state, memory, mask, W, U, v: memory[:, 0]),
        ("q2", lambda state, memory, mask, W, U, v: _look_word_by_word(state, memory, mask, W, U, np.ones(len(v)))),
        ("q2", lambda state, memory, mask, W, U, v: _look_word_by_word(state, memory * mask[..., None], mask, W, W, v)),
        ("q4", lambda query, key, value, heads: _heads_one_by_one(query, value, key, heads)),
        ("q4", lambda query, key, value, heads: _heads_one_by_one(key, query, value, heads)),
        ("q4", lambda query, key, value, heads: _heads_one_by_one(query, key, value, heads)[::-1]),
        ("q4", lambda query, key, value, heads: np.round(_heads_one_by_one(query, key, value, heads), 2)),
    ],
)
def test_19_what_no_slip_knows_is_wrong_as_well(name, function) -> None:
    said = verdict(loaded("19"), name, function, seed="unknown mistakes")
    assert not said.right and said.slip is None


def test_17_bicubic_and_the_triangle_are_pytorch_s() -> None:
    assignment = loaded("17")
    for number in range(VARIANTS):
        given, _ = assignment.variant("q1", number)
        row = tensor(given["row"]).expand(1, 1, 8, 8)
        theirs = F.interpolate(row, scale_factor=given["factor"], mode="bicubic", antialias=True)
        *weights, value = assignment.questions["q1"].expected(given)
        assert sum(weights) == pytest.approx(1) and value == pytest.approx(theirs[0, 0, 0, given["pixel"]].item())
    for row, outputs in cases(assignment, "q2"):
        theirs = F.interpolate(tensor(row)[None, None, None], (1, outputs), mode="bilinear", antialias=True)
        np.testing.assert_allclose(assignment.questions["q2"].expected(row, outputs), theirs[0, 0, 0], atol=1e-9)


def test_17_decibels_of_the_luminance() -> None:
    assignment = loaded("17")
    for result, truth, border in cases(assignment, "q3"):
        height, width = truth.shape[:2]
        inside = np.s_[border : height - border, border : width - border]
        ours = assignment.questions["q3"].expected(result, truth, border)
        y, wanted = (rgb2ycbcr(x)[inside][..., 0] for x in (result, truth))
        with np.errstate(divide="ignore"):
            assert ours == pytest.approx(peak_signal_noise_ratio(wanted, y, data_range=255))
        planes = [color.rgb_to_ycbcr(tensor(x).permute(2, 0, 1) / 255)[0][inside][None] for x in (result, truth)]
        assert ours == pytest.approx(metrics.psnr(*planes).item())


def test_17_the_network_is_torch_s_and_begins_at_bicubic() -> None:
    assignment = loaded("17")
    for small, start, layers, factor in cases(assignment, "q4"):
        parts: list[nn.Module] = []
        for kernels, biases in layers:
            conv = nn.Conv2d(*kernels.shape[1::-1], kernels.shape[-1], padding="same", dtype=torch.float64)
            conv.load_state_dict({"weight": tensor(kernels), "bias": tensor(biases)})
            parts += [conv, nn.ReLU()]
        net = nn.Sequential(*parts[:-1], nn.PixelShuffle(factor))
        ours = assignment.questions["q4"].expected
        given = [(torch.from_numpy(kernels), torch.from_numpy(biases)) for kernels, biases in layers]
        found = ours(torch.from_numpy(small), torch.from_numpy(start), given, factor)
        np.testing.assert_allclose(found, tensor(start) + net(tensor(small)).detach(), atol=1e-4)
        given[-1] = tuple(torch.zeros_like(x) for x in given[-1])
        np.testing.assert_array_equal(ours(torch.from_numpy(small), torch.from_numpy(start), given, factor), start)


def test_17_the_best_guess_is_the_best_of_all_guesses() -> None:
    question = loaded("17").questions["q5"]
    rng = np.random.default_rng(0)
    for _ in range(10):
        given = question.draw(rng)
        truths = np.array([np.arange(given["pixels"]) >= given[name] for name in "ab"]) * float(given["bright"])
        chances, guesses = np.array([given["chance"], 1 - given["chance"]]), np.linspace(0, given["bright"], 2001)
        rows = np.where(truths[0] == truths[1], truths[0], guesses[:, None])
        errors = {power: chances @ (np.abs(rows - truths[:, None]) ** power).mean(axis=2) for power in (1, 2)}
        wanted = [guesses[errors[2].argmin()], errors[2][-1], errors[2].min()]
        wanted += [10 * np.log10(wanted[1] / wanted[2]), guesses[errors[1].argmin()]]
        assert question.expected(given) == pytest.approx(wanted, rel=1e-3)


def test_17_right_in_other_words() -> None:
    assignment = loaded("17")

    def single_precision(row: np.ndarray, outputs: int) -> list[float]:
        x = torch.from_numpy(row).float()[None, None, None]
        return F.interpolate(x, (1, outputs), mode="bilinear", antialias=True).flatten().tolist()

    def pixel_by_pixel(result: np.ndarray, truth: np.ndarray, border: int) -> np.ndarray:
        total, count = np.float32(0), 0
        for i in range(border, len(truth) - border):
            for j in range(border, truth.shape[1] - border):
                r, g, b = (int(result[i, j, k]) - int(truth[i, j, k]) for k in range(3))
                total, count = total + ((65.481 * r + 128.553 * g + 24.966 * b) / 255) ** 2, count + 1
        with np.errstate(divide="ignore"):
            return np.array([-10 * np.log10(total / count / 255**2)])

    def with_loops(small: torch.Tensor, start: torch.Tensor, layers: list, factor: int) -> np.ndarray:
        x = small.double()
        for number, (kernels, biases) in enumerate(layers):
            side = kernels.shape[-1]
            columns = F.unfold(x, side, padding=side // 2)
            mixed = kernels.double().flatten(1) @ columns + biases.double()[:, None]
            x = mixed.reshape(len(x), -1, *x.shape[2:])
            x = x.clamp(min=0) if number + 1 < len(layers) else x
        result = start.double().numpy().copy()
        for i in range(factor):
            for j in range(factor):
                result[:, 0, i::factor, j::factor] += x[:, factor * i + j].numpy()
        return result

    for question, answer in (("q2", single_precision), ("q3", pixel_by_pixel), ("q4", with_loops)):
        assert verdict(assignment, question, answer) == judging.Verdict(True, "right")
    for question in ("q1", "q5"):
        for number in range(VARIANTS):
            right = assignment.questions[question].expected(assignment.variant(question, number)[0])
            for answer in (np.round(right, 3), tuple(right), torch.tensor(right)):
                assert verdict(assignment, question, answer, number).right


def test_17_wrong_in_ways_that_no_slip_names() -> None:
    assignment = loaded("17")
    wrong = {
        "q2": [
            lambda row, outputs: np.interp(
                (np.arange(outputs) + 0.5) * len(row) / outputs - 0.5, np.arange(len(row)), row
            ),
            lambda row, outputs: F.interpolate(tensor(row)[None, None], outputs, mode="area")[0, 0],  # a box
            lambda row, outputs: np.round(assignment.questions["q2"].expected(row, outputs)),
        ],
        "q3": [
            lambda result, truth, border: assignment.questions["q3"].expected(result, truth, border) / 2,
            lambda result, truth, border: assignment.questions["q3"].expected(result, truth, border + 1),
            lambda result, truth, border: assignment.questions["q3"].expected(
                result[..., ::-1], truth[..., ::-1], border
            ),
        ],
        "q4": [
            lambda small, start, layers, factor: start,
            lambda small, start, layers, factor: F.interpolate(small, scale_factor=factor, mode="bilinear"),
            lambda *given: assignment.questions["q4"].expected(*given)[:1],
        ],
    }
    for question, functions in wrong.items():
        for function in functions:
            assert not verdict(assignment, question, function).right
    for number in range(VARIANTS):
        right = assignment.questions["q1"].expected(assignment.variant("q1", number)[0])
        assert not verdict(assignment, "q1", right[:4], number).right
        assert not verdict(assignment, "q1", [*right[1:4], right[0], right[4]], number).right
        right = assignment.questions["q5"].expected(assignment.variant("q5", number)[0])
        assert not verdict(assignment, "q5", [*right[:3], -right[3], right[4]], number).right
        assert not verdict(assignment, "q5", [*right[:3], 10 ** (right[3] / 10), right[4]], number).right
