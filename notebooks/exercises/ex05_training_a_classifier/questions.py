"""Training a classifier, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: the loss on paper --------------------------------------------------------------------------------------------


def _draw_loss(rng: np.random.Generator) -> dict[str, Any]:
    return {"halvings": rng.permutation(np.arange(1, 7))[:4].tolist()}


def _chances(given: dict[str, Any]) -> np.ndarray:
    return 0.5 ** np.array(given["halvings"])


def _trace_loss(given: dict[str, Any]) -> str:
    steps = given["halvings"]
    parts = ", ".join(f"1/{2**h} gives {h}·0.6931" for h in steps)
    total = sum(steps)
    return (
        f"The loss of a picture is minus the natural logarithm of the true class's probability: {parts}. The "
        f"mean of the four: "
        f"{total}·0.6931 / 4 = **{total * math.log(2) / 4:.4f}**."
    )


Q1 = Numbers(
    draw=_draw_loss,
    ask=lambda given: (
        "The network gives the true class of four pictures the probabilities "
        + ", ".join(f"1/{2**h}" for h in given["halvings"])
        + ". (The natural logarithm of 2 is 0.6931.)"
    ),
    expected=lambda given: float(-np.log(_chances(given)).mean()),
    slips=(
        Slip(
            "logarithm to base 2",
            lambda given: float(-np.log2(_chances(given)).mean()),
            "that is in bits. PyTorch's loss takes the natural logarithm.",
        ),
        Slip(
            "sum in place of mean",
            lambda given: float(-np.log(_chances(given)).sum()),
            "that is the sum over the pictures; the loss is their mean.",
        ),
        Slip(
            "logarithm of the mean",
            lambda given: float(-np.log(_chances(given).mean())),
            "the mean has been taken before the logarithm. Each picture has its own loss.",
        ),
        Slip(
            "sign forgotten",
            lambda given: float(np.log(_chances(given)).mean()),
            "a loss is not below 0: minus the logarithm.",
        ),
        Slip(
            "one minus the probability",
            lambda given: float(1 - _chances(given).mean()),
            "no logarithm in it. Cross-entropy is minus the logarithm of the true class's probability.",
        ),
    ),
    hints=(
        "What is the loss of a single picture whose true class gets 1/2? And with 1/4?",
        "1/8 is 2 to the power of -3: its loss is 3 times that of 1/2. Then the mean of the four.",
    ),
    trace=_trace_loss,
    tolerance=6e-4,
)

# --- q2: batch norm on paper ------------------------------------------------------------------------------------------


def _draw_norm(rng: np.random.Generator) -> dict[str, Any]:
    middle, spread = int(rng.integers(2, 9)), int(rng.integers(2, 5))
    values = middle + spread * rng.permutation([-1, -1, 1, 1])
    return {"values": values.tolist(), "scale": int(rng.integers(2, 6)), "shift": int(rng.integers(1, 8))}


def _normed(
    given: dict[str, Any], power: float = 0.5, ddof: int = 0, scale: Any = None, shift: Any = None
) -> list[float]:
    x = np.array(given["values"], dtype=float)
    scale, shift = (given[name] if value is None else value for name, value in (("scale", scale), ("shift", shift)))
    return (scale * (x - x.mean()) / x.var(ddof=ddof) ** power + shift).tolist()


def _trace_norm(given: dict[str, Any]) -> str:
    x = np.array(given["values"])
    lines = [
        f"- {given['scale']}·({value} - {x.mean():g}) / {x.std():g} + {given['shift']} = **{answer:g}**"
        for value, answer in zip(given["values"], _normed(given), strict=True)
    ]
    return (
        f"The mean is {x.mean():g}. The variance, the mean of the squared distances from it, is {x.var():g}; its root "
        f"{x.std():g}.\n\n" + "\n".join(lines)
    )


Q2 = Numbers(
    draw=_draw_norm,
    ask=lambda given: (
        f"The values of one channel in a batch of four: {', '.join(map(str, given['values']))}. "
        f"Scale $\\gamma$ = {given['scale']}, shift $\\beta$ = {given['shift']}; $\\varepsilon$ = 0."
    ),
    expected=_normed,
    slips=(
        Slip(
            "divided by the variance",
            lambda given: _normed(given, power=1.0),
            "you divided by the variance. Its root, the standard deviation, brings the spread to 1.",
        ),
        Slip(
            "variance with n - 1",
            lambda given: _normed(given, ddof=1),
            "the variance has been divided by n - 1. In training batch norm divides by n.",
        ),
        Slip(
            "scale and shift forgotten",
            lambda given: _normed(given, scale=1, shift=0),
            "normalised, but scale and shift are missing.",
        ),
        Slip(
            "scale and shift exchanged",
            lambda given: _normed(given, scale=given["shift"], shift=given["scale"]),
            "scale and shift are exchanged: the scale multiplies.",
        ),
        Slip(
            "not divided at all",
            lambda given: _normed(given, power=0.0),
            "the mean has been taken off, the spread has not been brought to 1.",
        ),
        Slip(
            "shift inside the scale",
            lambda given: _normed(given, shift=given["scale"] * given["shift"]),
            "the shift has been multiplied by the scale. It comes last.",
        ),
    ),
    hints=(
        "Mean first, then how far each value is from it, then the mean of the squares of that.",
        "(value - mean) / standard deviation is 1 or -1 here. Then times the scale, plus the shift.",
    ),
    trace=_trace_norm,
)

# --- q3: ranks --------------------------------------------------------------------------------------------------------


def _ranks(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return 1 + (logits > logits[np.arange(len(labels)), labels][:, None]).sum(axis=1)


def _rank_cases(rng: np.random.Generator) -> list[list[np.ndarray]]:
    cases = [[np.array([[0.1, 0.7, 0.2]]), np.array([2])], [np.array([[5.0, 1, 3, 2]]), np.array([3])]]
    for n, classes in ((4, 3), (8, 5), (20, 10)):
        logits = rng.permuted(np.tile(np.arange(classes, dtype=float), (n, 1)), axis=1)
        cases.append([logits, rng.integers(0, classes, n)])
    return cases


Q3 = Function(
    name="ranks",
    cases=_rank_cases,
    expected=_ranks,
    slips=(
        Slip("counted from 0", lambda logits, labels: _ranks(logits, labels) - 1, "the best class has rank 1, not 0."),
        Slip(
            "ranks from the bottom",
            lambda logits, labels: _ranks(-logits, labels),
            "the class with the smallest logit has rank 1 here. `argsort` sorts upwards.",
        ),
        Slip(
            "the class at that place",
            lambda logits, labels: np.argsort(-logits, axis=1)[np.arange(len(labels)), labels] + 1,
            "`argsort` says which class stands in which place. The place of the true class is asked for: the "
            "other way round.",
        ),
        Slip(
            "the predicted class",
            lambda logits, labels: logits.argmax(axis=1),
            "that is the predicted class. In which place does the true one stand?",
        ),
        Slip(
            "first or not",
            lambda logits, labels: (logits.argmax(axis=1) == labels).astype(int),
            "that says only whether the best class is the true one. How far down does the true one stand?",
        ),
        Slip(
            "mean over the pictures",
            lambda logits, labels: float(_ranks(logits, labels).mean()),
            "one rank for each picture is asked for, not their mean.",
        ),
    ),
    hints=(
        "How many classes have a larger logit than the true one? What is the rank if there are none?",
        "logits[np.arange(N), labels] are the logits of the true classes, one a picture.",
        "1 + (logits > those[:, None]).sum(axis=1)",
    ),
    remark="Then top-1 is `(ranks <= 1).mean()` and top-5 is `(ranks <= 5).mean()`.",
)

# --- q4: moved pictures -----------------------------------------------------------------------------------------------


def _moved(images: np.ndarray, down: int, right: int) -> np.ndarray:
    tensor = torch.from_numpy(images)
    return F.pad(tensor, (right, -right, down, -down)).numpy()  # negative padding cuts


def _moved_cases(rng: np.random.Generator) -> list[list[Any]]:
    shifts = ((0, 0), (1, 0), (0, 1), (2, -1), (-1, -2), (-2, 3))
    shapes = ((1, 1, 3, 3), (1, 1, 3, 4), (1, 2, 4, 3), (2, 3, 5, 6), (2, 1, 4, 5), (3, 3, 6, 7))
    return [[rng.integers(1, 10, shape).astype(float), *shift] for shape, shift in zip(shapes, shifts, strict=True)]


Q4 = Function(
    name="moved",
    cases=_moved_cases,
    expected=_moved,
    slips=(
        Slip(
            "what leaves comes in again",
            lambda images, down, right: np.roll(images, (down, right), axis=(2, 3)),
            "what leaves at one side comes in at the other. Behind the edge the pictures are black: 0.",
        ),
        Slip(
            "moved the other way",
            lambda images, down, right: _moved(images, -down, -right),
            "moved the wrong way: `down` moves the pictures down, so their first rows become 0.",
        ),
        Slip(
            "down and right exchanged",
            lambda images, down, right: _moved(images, right, down),
            "down and right are exchanged: rows are axis 2, columns axis 3.",
        ),
        Slip(
            "edge repeated",
            lambda images, down, right: _edged(images, down, right),
            "the edge pixels are repeated. What comes in is black.",
        ),
        Slip(
            "negative shifts ignored",
            lambda images, down, right: _moved(images, max(down, 0), max(right, 0)),
            "right where both shifts are positive. A negative one moves up, or to the left.",
        ),
    ),
    hints=(
        "Begin with zeros of the same shape. Which rows of the new pictures are filled, from which rows of the old?",
        "With down = 2: new[:, :, 2:] = old[:, :, :-2]. With down = -2: new[:, :, :-2] = old[:, :, 2:].",
        "np.roll, then set the rows and columns that came in again to 0: another way, with fewer cases.",
    ),
    remark="Moved pictures are new pictures for nothing, as long as the label stays true.",
)


def _edged(images: np.ndarray, down: int, right: int) -> np.ndarray:
    rows = np.clip(np.arange(images.shape[2]) - down, 0, images.shape[2] - 1)
    columns = np.clip(np.arange(images.shape[3]) - right, 0, images.shape[3] - 1)
    return images[:, :, rows][:, :, :, columns]


# --- q5: which is taken for which -------------------------------------------------------------------------------------


def _confusion(targets: np.ndarray, predictions: np.ndarray, num_classes: int) -> np.ndarray:
    return np.bincount(targets * num_classes + predictions, minlength=num_classes**2).reshape(num_classes, num_classes)


def _confusion_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[np.array([0, 0, 1]), np.array([0, 1, 1]), 3]]
    for n, classes in ((6, 2), (30, 4), (60, 5)):
        targets = rng.integers(0, classes, n)
        predictions = np.where(rng.random(n) < 0.6, targets, rng.integers(0, classes, n))
        cases.append([targets, predictions, classes])
    return cases


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


Q5 = Function(
    name="confusion",
    cases=_confusion_cases,
    expected=_confusion,
    slips=(
        Slip(
            "rows and columns exchanged",
            lambda targets, predictions, num_classes: _confusion(predictions, targets, num_classes),
            "rows and columns are exchanged: a row for each true class.",
        ),
        Slip(
            "shares in place of counts",
            lambda targets, predictions, num_classes: _shares(_confusion(targets, predictions, num_classes)),
            "each row has been divided by its sum. Counts are asked for.",
        ),
        Slip(
            "right ones only",
            lambda targets, predictions, num_classes: np.diag(np.diag(_confusion(targets, predictions, num_classes))),
            "only the right predictions are counted. The others are what the table is for.",
        ),
        Slip(
            "wrong ones only",
            lambda targets, predictions, num_classes: (
                _confusion(targets, predictions, num_classes) * (1 - np.eye(num_classes))
            ),
            "the diagonal is empty: right predictions are counted, too.",
        ),
        Slip(
            "each pair once",
            lambda targets, predictions, num_classes: np.minimum(_confusion(targets, predictions, num_classes), 1),
            "each pair is counted once. `table[targets, predictions] += 1` does that; np.add.at counts all.",
        ),
    ),
    hints=(
        "A table of zeros, num_classes by num_classes. Each picture adds 1 in one place.",
        "Row: the true class. Column: the predicted one. A loop over the pictures is good enough.",
    ),
    remark="The sum of the diagonal, divided by the sum of all, is the accuracy.",
)

# --- q6: a network that is trained to a bar ---------------------------------------------------------------------------

_SIDE = 16


def _stripes(rng: np.random.Generator, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (N, 1, 16, 16) of stripes in one of four directions, in noise, and which (N,)."""
    labels = rng.integers(0, 4, count)
    y, x = np.mgrid[:_SIDE, :_SIDE]
    angles = np.pi * labels[:, None, None] / 4
    waves = rng.uniform(3, 6, (count, 1, 1))
    phases = rng.uniform(0, 2 * np.pi, (count, 1, 1))
    images = np.sin(2 * np.pi * (np.cos(angles) * x + np.sin(angles) * y) / waves + phases)
    images = 0.5 + 0.25 * images + rng.normal(0, 0.25, images.shape)
    return torch.from_numpy(images[:, None].astype(np.float32)), torch.from_numpy(labels)


def _stripe_cases(rng: np.random.Generator) -> list[list[torch.Tensor]]:
    return [[*_stripes(rng, 400), *_stripes(rng, 300)]]


def _trained(
    net: nn.Module, train_images: Any, train_labels: Any, images: Any, steps: int = 200, lr: float = 0.01
) -> Any:
    """Scores (N, 4) of the pictures after so many steps of Adam."""
    torch.manual_seed(0)
    for layer in net.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    optimizer = torch.optim.Adam(net.parameters(), lr)
    for _ in range(steps):
        chosen = torch.randint(len(train_images), (50,))
        optimizer.zero_grad()
        F.cross_entropy(net(train_images[chosen]), train_labels[chosen]).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        return net(images)


def _conv_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)
    )


Q6 = Function(
    name="classify",
    cases=_stripe_cases,
    expected=lambda *given: _trained(_conv_net(), *given).argmax(1),
    bar=0.9,
    seconds=20,
    slips=(
        Slip(
            "below: no hidden layer",
            lambda *given: _trained(nn.Sequential(nn.Flatten(), nn.Linear(_SIDE**2, 4)), *given).argmax(1),
            "",
        ),
        Slip(
            "constant: rate a thousand times too small",
            lambda *given: _trained(_conv_net(), *given, lr=1e-5).argmax(1),
            "",
        ),
        Slip("scores", lambda *given: _trained(_conv_net(), *given), ""),
        Slip("shifted: classes from 1", lambda *given: _trained(_conv_net(), *given).argmax(1) + 1, ""),
        Slip("constant: one class for all", lambda train_images, train_labels, images: torch.ones(len(images)), ""),
        Slip("count: the best picture of each class", lambda *given: _trained(_conv_net(), *given).argmax(0), ""),
    ),
    hints=(
        "Where a stripe lies says nothing, only which way it runs. Which last layer forgets the place?",
        "16 kernels of 5x5, batch norm, ReLU, the mean of each map (`nn.AdaptiveAvgPool2d(1)`), one dense layer "
        "to 4 scores.",
        "200 steps of Adam at a rate of 0.01 with batches of 50; `net.eval()` before you look at new pictures.",
    ),
    remark="Kernels of 5x5 become stripes themselves: look at `net[0].weight`.",
)

# --- q7: in words -----------------------------------------------------------------------------------------------------

Q7 = Words(
    rubric=(
        (
            "in training mode batch norm takes mean and spread from the batch at hand, so answers hang on the "
            "batch's other pictures",
            1,
        ),
        ("dropout keeps switching units off, so the same picture gets another answer each time", 1),
        ("how one notices: the same picture twice, alone and in a batch, or small batches with worse accuracy", 1),
    ),
    hints=(
        "Which layers do something else in training than afterwards?",
        "Send one picture through the network twice, then once in other company. What would differ?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6, "q7": Q7}
