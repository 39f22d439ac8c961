"""Transfer learning, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: two weights in a row -----------------------------------------------------------------------------------------


def _draw_step(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "x": int(rng.integers(1, 4)),
        "w": int(rng.integers(1, 4)),
        "v": int(rng.choice((-4, -2, 2, 4, 6))) / 4,
        "t": int(rng.integers(-3, 8)),
        "u": int(rng.integers(2, 5)),
        "rate": float(rng.choice((0.05, 0.1, 0.2))),
        "share": float(rng.choice((0.1, 0.25, 0.5))),
    }


def _step(given: dict[str, Any], share: float | None = None, one_by_one: bool = False, scale: float = 1) -> list[float]:
    """The new answer and the old head's answer after one step."""
    x, w, v = given["x"], given["w"], given["v"]
    share = given["share"] if share is None else share
    error = scale * (v * w * x - given["t"])
    new_v = v - given["rate"] * error * w * x
    if one_by_one:
        error = new_v * w * x - given["t"]
    new_w = w - given["rate"] * share * error * (new_v if one_by_one else v) * x
    return [new_v * new_w * x, given["u"] * new_w * x]


def _trace_step(given: dict[str, Any]) -> str:
    x, w, v, t, u, rate, share = (given[key] for key in ("x", "w", "v", "t", "u", "rate", "share"))
    error, (new, old) = v * w * x - t, _step(given)
    new_v, new_w = v - rate * error * w * x, w - rate * share * error * v * x
    return (
        f"- y = {v} · {w} · {x} = {v * w * x:g}, the error y - t = {error:g}.\n"
        f"- Slope by v: {error:g} · {w} · {x} = {error * w * x:g}; new v = {v} - {rate} · {error * w * x:g} = "
        f"{new_v:g}.\n"
        f"- Slope by w, with the *old* v: {error:g} · {v} · {x} = {error * v * x:g}; its rate is {share} · {rate}: "
        f"new w = "
        f"{new_w:g}.\n"
        f"- New answer {new_v:g} · {new_w:g} · {x} = **{new:.4g}**. Old answer {u} · {new_w:g} · {x} = "
        f"**{old:.4g}**; it "
        f"was {u * w * x}."
    )


Q1 = Numbers(
    draw=_draw_step,
    ask=lambda given: (
        f"x = {given['x']}, w = {given['w']}, v = {given['v']}, t = {given['t']}; the old head is u = {given['u']}. "
        f"Learning rate {given['rate']} for v, and {given['share']} times that for w."
    ),
    expected=_step,
    slips=(
        Slip(
            "w frozen",
            lambda given: _step(given, share=0.0),
            "w stayed where it was. It learns, too, at its smaller rate.",
        ),
        Slip(
            "the same rate for both",
            lambda given: _step(given, share=1.0),
            "w took a step at the full rate. Its own rate is smaller.",
        ),
        Slip(
            "one after the other",
            lambda given: _step(given, one_by_one=True),
            "w's slope was computed with the new v. Both slopes belong to the same point, before the step.",
        ),
        Slip(
            "uphill",
            lambda given: _step(given, scale=-1),
            "the step goes uphill: the slope is subtracted.",
        ),
        Slip(
            "slope of the square without 1/2",
            lambda given: _step(given, scale=2),
            "the slopes are twice too large: the loss has a factor one half.",
        ),
        Slip(
            "old answer unchanged",
            lambda given: [_step(given)[0], given["u"] * given["w"] * given["x"]],
            "the first number is right. The old head reads w as well, and w has moved.",
        ),
    ),
    hints=(
        "Four steps: the answer y, the error, two slopes, two new weights. Then both answers again.",
        "dL/dv = (y - t) · w · x and dL/dw = (y - t) · v · x, both at the old weights.",
        "new v = v - rate · dL/dv, new w = w - share · rate · dL/dw; the old head answers u · w · x with the new w.",
    ),
    trace=_trace_step,
)

# --- q2: what learns --------------------------------------------------------------------------------------------------


def _draw_layers(rng: np.random.Generator) -> dict[str, Any]:
    widths = [3, *(int(n) for n in np.cumsum(rng.integers(4, 13, 4)))]
    return {
        "layers": [[a, b, 3] for a, b in pairwise(widths)],
        "free_from": int(rng.integers(2, 4)),  # counted from 1
        "old_classes": int(rng.integers(10, 21)),
        "new_classes": int(rng.integers(3, 9)),
    }


def _counts(
    given: dict[str, Any], bias: bool = True, later: int = 0, classes: str = "new_classes", head: bool = True
) -> Any:
    each = [a * b * k * k + bias * b for a, b, k in given["layers"]]
    cut = given["free_from"] - 1 + later
    width = given["layers"][-1][1]
    return [sum(each[:cut]), sum(each[cut:]) + head * (width + bias) * given[classes]]


def _trace_layers(given: dict[str, Any]) -> str:
    lines = []
    for n, (a, b, k) in enumerate(given["layers"], start=1):
        state = "learns" if n >= given["free_from"] else "frozen"
        lines.append(f"- layer {n}: {a} · {b} · {k} · {k} + {b} = {a * b * k * k + b}, {state}")
    width, classes = given["layers"][-1][1], given["new_classes"]
    frozen, free = _counts(given)
    return "\n".join(lines) + (
        f"\n- new head: {width} · {classes} + {classes} = {(width + 1) * classes}, learns; the old head is gone\n\n"
        f"Frozen **{frozen}**, learning **{free}**."
    )


Q2 = Numbers(
    draw=_draw_layers,
    ask=lambda given: (
        "| layer | maps in | maps out | kernel |\n|---|---|---|---|\n"
        + "\n".join(f"| {n} | {a} | {b} | {k} x {k} |" for n, (a, b, k) in enumerate(given["layers"], start=1))
        + f"\n\nAll with bias. Then the mean over all places and a dense head for {given['old_classes']} classes. The "
        f"new task has {given['new_classes']} classes; layers {given['free_from']} and above learn."
    ),
    expected=_counts,
    slips=(
        Slip(
            "biases forgotten",
            lambda given: _counts(given, bias=False),
            "the biases are missing: one for each map that comes out, and one for each class.",
        ),
        Slip(
            "the cut one layer too high",
            lambda given: _counts(given, later=1),
            "the layer that is named learns already; you froze it.",
        ),
        Slip(
            "the old head kept",
            lambda given: _counts(given, classes="old_classes"),
            "the head was counted with the old task's classes. A new one takes its place.",
        ),
        Slip(
            "head forgotten",
            lambda given: _counts(given, head=False),
            "the first number is right. The new head learns as well.",
        ),
        Slip(
            "frozen and learning swapped",
            lambda given: _counts(given)[::-1],
            "these are the right numbers, in the other order: frozen first.",
        ),
    ),
    hints=(
        "Count each layer: in · out · k · k weights, and one bias a map.",
        "Layers below the cut are frozen. The head is dense: one weight for each of its inputs and classes, and a "
        "bias a class.",
        "The mean over all places leaves one number a map: the head's inputs are the last layer's maps.",
    ),
    trace=_trace_layers,
)

# --- q3: the input that it knows --------------------------------------------------------------------------------------


def _prepared(pictures: np.ndarray, mean: np.ndarray, std: np.ndarray, scale: float = 255) -> np.ndarray:
    return np.moveaxis((pictures.astype(float) / scale - mean) / std, 3, 1)


def _own(pictures: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    x = pictures / 255
    spread = np.maximum(x.std(axis=(0, 1, 2)), 1e-6)
    return np.moveaxis((x - x.mean(axis=(0, 1, 2))) / spread, 3, 1)


def _prepare_cases(rng: np.random.Generator) -> list[list[Any]]:
    mean, std = np.array([0.5, 0.4, 0.3]), np.array([0.25, 0.2, 0.1])
    cases = [[np.array([[[[255, 0, 51]]]], dtype=np.uint8), mean, std]]
    for count, height, width in ((1, 2, 3), (2, 3, 2), (2, 3, 3)):
        pictures = rng.integers(0, 256, (count, height, width, 3)).astype(np.uint8)
        cases.append([pictures, rng.integers(3, 7, 3) / 10, rng.permutation([0.2, 0.25, 0.3])])
    return cases


Q3 = Function(
    name="prepare",
    cases=_prepare_cases,
    expected=_prepared,
    slips=(
        Slip(
            "not divided by 255",
            lambda pictures, mean, std: _prepared(pictures, mean, std, scale=1),
            "mean and spread speak of numbers between 0 and 1; the pictures are in 0 to 255.",
        ),
        Slip(
            "statistics of the new pictures",
            _own,
            "these are the new pictures' own mean and spread. The network learned with those that are given: use them.",
        ),
        Slip(
            "channels left at the end",
            lambda pictures, mean, std: np.moveaxis(_prepared(pictures, mean, std), 1, 3),
            "the numbers are right, the axes are not: the channels belong in front of height and width.",
        ),
        Slip(
            "reshaped in place of moved",
            lambda pictures, mean, std: np.moveaxis(_prepared(pictures, mean, std), 1, 3).reshape(
                len(pictures), 3, *pictures.shape[1:3]
            ),
            "reshape does not move axes: it mixes colours and places. Use transpose or moveaxis.",
        ),
        Slip(
            "divided by the variance",
            lambda pictures, mean, std: _prepared(pictures, mean, std**2),
            "divided by the square of the spread.",
        ),
        Slip(
            "mean left in",
            lambda pictures, mean, std: _prepared(pictures, 0 * mean, std),
            "the mean has not been subtracted.",
        ),
    ),
    hints=(
        "Work the single pixel of the first case by hand: 255 becomes 1, less 0.5, divided by 0.25.",
        "mean and std have one number a channel; while the channels are the last axis they fit by themselves.",
        "Then pictures.transpose(0, 3, 1, 2).",
    ),
    remark="A frozen network has no way of telling you that its input is off: it answers all the same, only worse.",
)

# --- q4: batch norm that is frozen ------------------------------------------------------------------------------------


def _normed(
    x: np.ndarray, mean: np.ndarray, var: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float
) -> np.ndarray:
    return np.stack(
        [(x[:, c] - mean[c]) / math.sqrt(var[c] + eps) * weight[c] + bias[c] for c in range(x.shape[1])], axis=1
    )


def _of_batch(
    x: np.ndarray, mean: np.ndarray, var: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float
) -> np.ndarray:
    return _normed(x, x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3)), weight, bias, eps)


def _norm_cases(rng: np.random.Generator) -> list[list[Any]]:
    one = np.ones(1)
    cases = [[np.full((1, 1, 1, 1), 5.0), one, 3 * one, 2 * one, one, 1.0]]
    for shape in ((2, 3, 1, 2), (3, 3, 3, 3), (2, 4, 2, 1)):
        c = shape[1]
        cases.append(
            [
                rng.integers(-5, 6, shape).astype(float),
                rng.integers(-2, 3, c).astype(float),
                rng.integers(1, 9, c) / 2,
                rng.integers(2, 6, c) / 2,
                rng.integers(1, 4, c).astype(float),
                0.5,
            ]
        )
    return cases


Q4 = Function(
    name="frozen_norm",
    cases=_norm_cases,
    expected=_normed,
    slips=(
        Slip(
            "the batch's own statistics",
            _of_batch,
            "this takes mean and variance of the batch, as in training. Frozen means: those that were stored.",
        ),
        Slip(
            "variance not rooted",
            lambda x, mean, var, weight, bias, eps: _normed(x, mean, (var + eps) ** 2, weight, bias, 0.0),
            "divided by the variance. The root is missing.",
        ),
        Slip(
            "eps outside the root",
            lambda x, mean, var, weight, bias, eps: _normed(x, mean, (np.sqrt(var) + eps) ** 2, weight, bias, 0.0),
            "eps was added to the root. It is added to the variance, under the root.",
        ),
        Slip(
            "shift before scale",
            lambda x, mean, var, weight, bias, eps: _normed(x, mean, var, weight, bias * weight, eps),
            "the bias was added before the weight came in. First times weight, then plus bias.",
        ),
        Slip(
            "weight and bias left out",
            lambda x, mean, var, weight, bias, eps: _normed(x, mean, var, weight**0, 0 * bias, eps),
            "weight and bias are missing. They were learned, and the layers above rely on them.",
        ),
        Slip(
            "eps left out",
            lambda x, mean, var, weight, bias, eps: _normed(x, mean, var, weight, bias, 0.0),
            "eps is missing under the root.",
        ),
    ),
    hints=(
        "One number a channel has to meet axis 1 of (N, C, H, W): mean[:, None, None] has the shape (C, 1, 1).",
        "(x - mean) / sqrt(var + eps), then times weight, plus bias.",
        "None of the four is computed here: all are arguments.",
    ),
    remark="In PyTorch that is what `net.eval()` does. Frozen weights with batch norm in training mode still change.",
)

# --- q5: whole signs held out -----------------------------------------------------------------------------------------


def _held_out(
    tracks: np.ndarray,
    labels: np.ndarray,
    share: float,
    *,
    up: bool = True,
    first: bool = False,
    by_class: bool = True,
    frames: bool = False,
) -> np.ndarray:
    held = np.zeros(len(tracks), dtype=bool)
    for label in np.unique(labels) if by_class else [None]:
        mine = np.flatnonzero((labels == label) | (label is None))
        units = np.arange(len(mine)) if frames else np.unique(tracks[mine])
        count = math.ceil(share * len(units) - 1e-9) if up else math.floor(share * len(units) + 1e-9)
        chosen = units[:count] if first else units[len(units) - count :]
        held[mine[chosen] if frames else mine[np.isin(tracks[mine], chosen)]] = True
    return held


def _split_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.array([0, 0, 0, 1, 1, 2]), np.zeros(6, dtype=int), 0.5],
        [np.array([0, 0, 1, 2, 2, 3]), np.array([0, 0, 0, 1, 1, 1]), 0.5],
    ]
    for classes in (2, 3):
        tracks, labels, number = [], [], 0
        for label in range(classes):
            for _ in range(int(rng.integers(3, 6))):
                length = int(rng.integers(1, 5))
                tracks, labels, number = tracks + [number] * length, labels + [label] * length, number + 1
        order = rng.permutation(len(tracks))
        cases.append([np.array(tracks)[order], np.array(labels)[order], 0.4])
    return cases


Q5 = Function(
    name="held_out",
    cases=_split_cases,
    expected=lambda tracks, labels, share: _held_out(tracks, labels, share),
    slips=(
        Slip(
            "single frames held out",
            lambda tracks, labels, share: _held_out(tracks, labels, share, frames=True),
            "a track has frames on both sides: near twins of held-out pictures are trained on. Hold out whole tracks.",
        ),
        Slip(
            "not by class",
            lambda tracks, labels, share: _held_out(tracks, labels, share, by_class=False),
            "the share was taken of all tracks together. Then some classes may have none: take it class by class.",
        ),
        Slip(
            "rounded down",
            lambda tracks, labels, share: _held_out(tracks, labels, share, up=False),
            "rounded down. Round up, so that a class with few tracks is tested, too.",
        ),
        Slip(
            "the first tracks",
            lambda tracks, labels, share: _held_out(tracks, labels, share, first=True),
            "these are the first tracks of each class. The last ones are asked for.",
        ),
        Slip(
            "mask turned round",
            lambda tracks, labels, share: ~_held_out(tracks, labels, share),
            "True and False are exchanged: True is what is held out.",
        ),
    ),
    hints=(
        "Class by class: which tracks has it? np.unique gives them in order.",
        "How many of them? math.ceil(share * number of tracks). Take the last ones.",
        "np.isin(tracks, chosen) is True for every frame of the chosen tracks.",
    ),
    remark="Track numbers are not used twice, so no track belongs to two classes.",
)

# --- q6: a head to train ----------------------------------------------------------------------------------------------

CLASSES, MAPS = 6, 48


def _features(rng: np.random.Generator, centers: np.ndarray, scales: np.ndarray, labels: np.ndarray) -> np.ndarray:
    found = np.maximum(0, centers[labels] + rng.normal(0, 0.9, (len(labels), MAPS)))
    return (found * scales).astype(np.float32)


def _head_cases(rng: np.random.Generator) -> list[list[Any]]:
    centers, scales = rng.normal(0.3, 0.8, (CLASSES, MAPS)), 10 ** rng.uniform(-2, 2, MAPS)
    labels, truth = rng.permutation(np.repeat(np.arange(CLASSES), 10)), rng.integers(0, CLASSES, 400)
    return [[_features(rng, centers, scales, labels), labels, _features(rng, centers, scales, truth), truth]]


def _logits(
    features: np.ndarray, labels: np.ndarray, new: np.ndarray, steps: int = 200, rate: float = 0.3, scaled: bool = True
) -> np.ndarray:
    x, new = features.astype(float), new.astype(float)
    if scaled:
        middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
        x, new = (x - middle) / spread, (new - middle) / spread
    weights, bias, targets = np.zeros((x.shape[1], CLASSES)), np.zeros(CLASSES), np.eye(CLASSES)[labels]
    for _ in range(steps):
        scores = x @ weights + bias
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        slope = shares / shares.sum(axis=1, keepdims=True) - targets
        weights, bias = weights - rate * x.T @ slope / len(x), bias - rate * slope.mean(axis=0)
    return new @ weights + bias


Q6 = Function(
    name="classify",
    cases=_head_cases,
    expected=lambda features, labels, new_features: _logits(features, labels, new_features).argmax(axis=1),
    bar=0.85,
    seconds=10,
    slips=(
        Slip(
            "constant: head left at zero",
            lambda features, labels, new_features: _logits(features, labels, new_features, steps=0).argmax(axis=1),
            "never trained",
        ),
        Slip("scores: logits returned", _logits, "the scores of all classes"),
        Slip(
            "shifted: classes counted from 1",
            lambda features, labels, new_features: _logits(features, labels, new_features).argmax(axis=1) + 1,
            "from 1",
        ),
        Slip(
            "below: features as they come",
            lambda features, labels, new_features: _logits(
                features, labels, new_features, steps=20, scaled=False
            ).argmax(axis=1),
            "scales left as they are",
        ),
        Slip(
            "below: uphill",
            lambda features, labels, new_features: _logits(features, labels, new_features, steps=20, rate=-0.3).argmax(
                axis=1
            ),
            "the wrong sign",
        ),
        Slip(
            "count: answers for the training pictures",
            lambda features, labels, new_features: _logits(features, labels, features).argmax(axis=1),
            "the wrong pictures",
        ),
    ),
    hints=(
        "One dense layer from the features to six logits, from zeros; softmax and cross-entropy, slope p - t.",
        "Look at features.std(axis=0): the units differ in scale by thousands. What does one learning rate make of "
        "that?",
        "Subtract mean and divide by spread of the *training* features, in both sets. 200 steps at rate 0.3 are "
        "enough.",
    ),
    remark="Sixty pictures teach 294 weights. All of the backbone's would have been too many for them.",
)

# --- q7: in words -----------------------------------------------------------------------------------------------------

Q7 = Words(
    rubric=(
        ("features only is safe with few pictures of a task that is near the old one; it cannot adapt", 1),
        (
            "fine-tuning starts from the old weights and adapts; a smaller rate below or a head trained first "
            "protects them",
            1,
        ),
        ("forgetting: the old task's head reads features that have moved, so its answers change", 1),
    ),
    hints=(
        "Which weights learn in each of the three ways, and from how many pictures?",
        "Look at q1: what did the old head answer after the step, though nobody touched it?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6, "q7": Q7}
