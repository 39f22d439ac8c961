"""What the exercises take for right, held against PyTorch, torchvision, scikit-learn, scikit-image and the package.

Marks rest on these functions. An assignment's notebook solves each of them a second time (test_exercises.py).
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision.ops
from skimage.color import rgb2lab

from course_utils import metrics
from course_utils.exercises.values import unpack
from course_utils.grading.assignment import Assignment, folders, load
from course_utils.models import yolo


def loaded(number: str) -> Assignment:
    return load(next(folder for folder in folders() if folder.name.startswith(f"ex{number}_")))


def cases(assignment: Assignment, question: str) -> list[list[object]]:
    return [[unpack(part) for part in case] for case in assignment.sheet(question, "references")["cases"]]


def tensor(values: object) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=float))


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
