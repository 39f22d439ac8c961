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
from sklearn.metrics import accuracy_score, jaccard_score

from course_utils import metrics
from course_utils.convolution import bilinear_kernel
from course_utils.exercises import judging
from course_utils.exercises.values import unpack
from course_utils.grading.assignment import Assignment, folders, load
from course_utils.models import fcn, yolo


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
            sheet = assignment.sheet(question, seed)
            for function in answers:
                verdict = judging.judge(sheet, judging.outcomes(function, sheet["cases"]))
                assert verdict.right, (question, function.__name__, verdict.message)


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
