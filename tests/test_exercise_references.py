"""What the exercises take for right, held against PyTorch, torchvision, scikit-learn, scikit-image and the package.

Marks rest on these functions. An assignment's notebook solves each of them a second time (test_exercises.py).
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision.ops
from skimage.color import rgb2lab, rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio
from torch import nn

from course_utils import color, metrics
from course_utils.exercises import judging
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


def verdict(assignment: Assignment, question: str, answer: object, number: int = 0) -> judging.Verdict:
    """What is said to an answer: a function, or the numbers of a variant."""
    if callable(answer):
        sheet = assignment.sheet(question, "references")
        return judging.judge(sheet, judging.outcomes(answer, sheet["cases"]))
    return judging.judge(assignment.variant(question, number)[1], [judging.outcome(lambda: answer, [])])


def test_17_bicubic_and_the_triangle_are_pytorch_s() -> None:
    assignment = loaded("17")
    for number in range(24):
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
        for number in range(24):
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
    for number in range(24):
        right = assignment.questions["q1"].expected(assignment.variant("q1", number)[0])
        assert not verdict(assignment, "q1", right[:4], number).right
        assert not verdict(assignment, "q1", [*right[1:4], right[0], right[4]], number).right
        right = assignment.questions["q5"].expected(assignment.variant("q5", number)[0])
        assert not verdict(assignment, "q5", [*right[:3], -right[3], right[4]], number).right
        assert not verdict(assignment, "q5", [*right[:3], 10 ** (right[3] / 10), right[4]], number).right
