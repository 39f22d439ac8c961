"""Multi-label annotation, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_utils.grading.assignment import Function, Numbers, Slip, Words

NAMES = ("cat", "car", "sun")

# --- q1: a loss by hand -----------------------------------------------------------------------------------------------


def _draw_yes(rng: np.random.Generator) -> dict[str, Any]:
    odds = [int(n) for n in rng.choice((2, 3, 4, 7, 9), 3, replace=False)]
    signs = [int(s) for s in rng.permutation([1, -1, int(rng.choice((-1, 1)))])]
    targets = [int(t) for t in rng.permutation([1, 1, 0])]
    return {"odds": odds, "signs": signs, "targets": targets}


def _shares(given: dict[str, Any], softmax: bool = False) -> list[float]:
    z = [sign * math.log(odd) for sign, odd in zip(given["signs"], given["odds"], strict=True)]
    if softmax:
        return [math.exp(a) / sum(map(math.exp, z)) for a in z]
    return [1 / (1 + math.exp(-a)) for a in z]


def _loss(given: dict[str, Any], only_true: bool = False, log: Any = math.log) -> float:
    pairs = zip(_shares(given), given["targets"], strict=True)
    return sum(-log(p) if t else 0 if only_true else -log(1 - p) for p, t in pairs)


def _slopes(given: dict[str, Any], softmax: bool = False) -> list[float]:
    t = given["targets"]
    return [p - (a / sum(t) if softmax else a) for p, a in zip(_shares(given, softmax), t, strict=True)]


def _trace_yes(given: dict[str, Any]) -> str:
    lines = []
    for name, p, t, slope in zip(NAMES, _shares(given), given["targets"], _slopes(given), strict=True):
        word = (
            f"true, -ln {p:.3f} = {-math.log(p):.3f}" if t else f"not true, -ln(1 - {p:.3f}) = {-math.log(1 - p):.3f}"
        )
        lines.append(f"- {name}: p = {p:.3f}; {word}; slope p - t = {p:.3f} - {t} = **{slope:.3f}**")
    return (
        "With the logit ln a, p = a / (a + 1); with -ln a, p = 1 / (a + 1).\n\n"
        + "\n".join(lines)
        + f"\n\nTogether **{_loss(given):.3f}** nats."
    )


Q1 = Numbers(
    draw=_draw_yes,
    ask=lambda given: (
        "| label | logit | true? |\n|---|---|---|\n"
        + "\n".join(
            f"| {name} | {'-' if sign < 0 else ''}ln {odd} | {t} |"
            for name, sign, odd, t in zip(NAMES, given["signs"], given["odds"], given["targets"], strict=True)
        )
    ),
    expected=lambda given: [_loss(given), *_slopes(given)],
    slips=(
        Slip(
            "only the true labels",
            lambda given: [_loss(given, only_true=True), *_slopes(given)],
            "the slopes are right. In the loss the labels that are not true count, too: -ln(1 - p).",
        ),
        Slip(
            "softmax's slopes",
            lambda given: [_loss(given), *_slopes(given, softmax=True)],
            "the loss is right, the slopes are those of a softmax. Here each label has a sigmoid of its own.",
        ),
        Slip(
            "slopes with the wrong sign",
            lambda given: [_loss(given), *(-slope for slope in _slopes(given))],
            "the loss is right, the slopes have the wrong sign. The loss of a true label falls when its logit rises.",
        ),
        Slip(
            "mean over the labels",
            lambda given: [_loss(given) / 3, *(slope / 3 for slope in _slopes(given))],
            "this is the mean over the three labels. Asked is their sum.",
        ),
        Slip(
            "bits in place of nats",
            lambda given: [_loss(given, log=math.log2), *_slopes(given)],
            "the slopes are right. The loss is in bits: take the natural logarithm.",
        ),
    ),
    hints=(
        "First the three probabilities: the sigmoid of ln 3 is 3 / 4, that of -ln 3 is 1 / 4.",
        "A true label costs -ln p, another one -ln(1 - p).",
        "The slope by each logit is p - t, as for the softmax; but every label has its own p.",
    ),
    trace=_trace_yes,
)

# --- q2: precision and recall by hand ---------------------------------------------------------------------------------


def _draw_sets(rng: np.random.Generator) -> dict[str, Any]:
    truth = (rng.random((4, 3)) < 0.55).astype(int)
    truth[truth.sum(axis=1) == 0, int(rng.integers(3))] = 1
    given = np.where(rng.random((4, 3)) < 0.3, 1 - truth, truth)
    given[int(rng.integers(4))] = 0  # one picture without an answer
    return {"truth": truth.tolist(), "given": given.tolist()}


def _share(part: np.ndarray, whole: np.ndarray, nothing: float = 0.0) -> float:
    part, whole = np.atleast_1d(part), np.atleast_1d(whole)
    return float(np.nanmean(np.where(whole > 0, part / np.maximum(1, whole), nothing)))


def _scores(given: dict[str, Any], axis: int | None = 1, nothing: float = 0.0) -> list[float]:
    truth, named = np.array(given["truth"]), np.array(given["given"])
    hits = (truth & named).sum(axis=axis)
    return [_share(hits, named.sum(axis=axis), nothing), _share(hits, truth.sum(axis=axis), nothing)]


def _row_names(row: Any) -> str:
    return ", ".join(name for name, yes in zip(NAMES, row, strict=True) if yes) or "nothing"


def _trace_sets(given: dict[str, Any]) -> str:
    lines = []
    for n, (true, named) in enumerate(zip(given["truth"], given["given"], strict=True), start=1):
        hits = sum(a * b for a, b in zip(true, named, strict=True))
        lines.append(f"- picture {n}: {hits} right; precision {hits}/{sum(named)}, recall {hits}/{sum(true)}")
    precision, recall = _scores(given)
    return (
        "\n".join(lines) + f"\n\n0/0 counts as 0. Means over four pictures: **{precision:.3f}** and **{recall:.3f}**."
    )


Q2 = Numbers(
    draw=_draw_sets,
    ask=lambda given: (
        "| picture | truth | given |\n|---|---|---|\n"
        + "\n".join(
            f"| {n} | {_row_names(true)} | {_row_names(named)} |"
            for n, (true, named) in enumerate(zip(given["truth"], given["given"], strict=True), start=1)
        )
    ),
    expected=_scores,
    slips=(
        Slip(
            "added up before dividing",
            lambda given: _scores(given, axis=None),
            "all hits were added up before dividing (micro). Asked are the means over the pictures.",
        ),
        Slip(
            "by label",
            lambda given: _scores(given, axis=0),
            "these are means over the labels (macro). Asked are means over the pictures: row by row.",
        ),
        Slip(
            "precision and recall swapped",
            lambda given: _scores(given)[::-1],
            "precision and recall are swapped: precision is the share of the labels *given* that are true.",
        ),
        Slip(
            "no answer counted as 1",
            lambda given: [_scores(given, nothing=1.0)[0], _scores(given)[1]],
            "the picture without an answer got precision 1. Here 0/0 counts as 0.",
        ),
        Slip(
            "no answer left out",
            lambda given: [_scores(given, nothing=float("nan"))[0], _scores(given)[1]],
            "the picture without an answer was left out of the mean precision. Here 0/0 counts as 0.",
        ),
    ),
    hints=(
        "Two fractions for each picture. How many labels are in both lists?",
        "Precision: hits / given. Recall: hits / true. Nothing given: 0/0, and that counts as 0.",
        "Then the mean of four precisions, and the mean of four recalls.",
    ),
    trace=_trace_sets,
)

# --- q3: the loss that no logit breaks --------------------------------------------------------------------------------


def _stable(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Loss of every label, (N, L)."""
    z = np.asarray(logits, dtype=float)
    return np.maximum(z, 0) - z * targets + np.log1p(np.exp(-np.abs(z)))


def _careless(logits: np.ndarray, targets: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(-logits))
        return float(-(targets * np.log(p) + (1 - targets) * np.log(1 - p)).sum(axis=1).mean())


def _cut(logits: np.ndarray, targets: np.ndarray) -> float:
    with np.errstate(over="ignore"):
        p = np.clip(1 / (1 + np.exp(-logits)), 1e-7, 1 - 1e-7)
    return float(-(targets * np.log(p) + (1 - targets) * np.log(1 - p)).sum(axis=1).mean())


def _softmax_loss(logits: np.ndarray, targets: np.ndarray) -> float:
    shares = logits - logits.max(axis=1, keepdims=True)
    shares = shares - np.log(np.exp(shares).sum(axis=1, keepdims=True))
    return float(-(targets * shares).sum(axis=1).mean())


def _loss_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.array([[0.0]]), np.array([[1.0]])],
        [np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]])],
        [np.array([[800.0, -800.0]]), np.array([[0.0, 1.0]])],
        [np.array([[900.0, -900.0]]), np.array([[1.0, 0.0]])],
    ]
    for count, labels in ((2, 3), (5, 4)):
        cases.append(
            [rng.integers(-4, 5, (count, labels)).astype(float), rng.integers(0, 2, (count, labels)).astype(float)]
        )
    return cases


Q3 = Function(
    name="annotation_loss",
    cases=_loss_cases,
    expected=lambda logits, targets: float(_stable(logits, targets).sum(axis=1).mean()),
    slips=(
        Slip(
            "sigmoid, then logarithm",
            _careless,
            "large logits end in nan or infinity: the sigmoid is exactly 0 or 1 there. Put the formula together on "
            "paper "
            "first, then code what is left.",
        ),
        Slip(
            "probabilities cut off",
            _cut,
            "the probabilities are cut off, so the worst mistakes look small (and teach nothing). Work on the logits.",
        ),
        Slip(
            "mean over the labels, too",
            lambda logits, targets: float(_stable(logits, targets).mean()),
            "the labels were averaged. Asked is their sum, and the mean over the pictures alone.",
        ),
        Slip(
            "sum over all",
            lambda logits, targets: float(_stable(logits, targets).sum()),
            "everything was added up. The mean over the pictures is missing.",
        ),
        Slip(
            "softmax over the labels",
            _softmax_loss,
            "this is softmax with cross-entropy: the labels share one probability. Here each has a yes or no of its "
            "own.",
        ),
        Slip(
            "only the true labels",
            lambda logits, targets: float((_stable(logits, targets) * targets).sum(axis=1).mean()),
            "labels that are not true cost nothing here. Then it pays to name everything.",
        ),
        Slip(
            "yes and no exchanged",
            lambda logits, targets: float(_stable(logits, 1 - targets).sum(axis=1).mean()),
            "yes and no are exchanged: a large logit means yes.",
        ),
    ),
    hints=(
        "-t ln p - (1 - t) ln(1 - p), with p = 1 / (1 + e^-z). Put p in, and simplify before you write code.",
        "What is left is ln(1 + e^z) - z t. And ln(e^0 + e^z) has a function of its own in NumPy.",
        "np.logaddexp(0, logits) - logits * targets; sum over axis 1, then the mean.",
    ),
    remark="`logaddexp` never forms e^800: it takes out the larger exponent first.",
)

# --- q4: a threshold for each label -----------------------------------------------------------------------------------


def _f1(named: np.ndarray, truth: np.ndarray) -> float:
    return 2 * float((named & truth).sum()) / max(1, int(named.sum() + truth.sum()))


def _thresholds(
    scores: np.ndarray,
    targets: np.ndarray,
    *,
    value: Any = _f1,
    strict: bool = False,
    low: bool = False,
    one: bool = False,
) -> Any:
    truth = targets.astype(bool)
    if one:
        scores, truth = scores.reshape(-1, 1), truth.reshape(-1, 1)
    found = []
    for label in range(scores.shape[1]):
        best, chosen = -1.0, 0.0
        for threshold in np.unique(scores[:, label])[:: 1 if low else -1]:
            named = scores[:, label] > threshold if strict else scores[:, label] >= threshold
            now = value(named, truth[:, label])
            if now > best + 1e-12:
                best, chosen = now, float(threshold)
        found.append(chosen)
    return np.array(found * (targets.shape[1] if one else 1))


def _threshold_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.array([[0.9], [0.8], [0.3]]), np.array([[1], [1], [0]])],
        [np.array([[0.9], [0.8], [0.6], [0.5], [0.4]]), np.array([[1], [0], [0], [1], [0]])],
        [np.array([[0.9], [0.8], [0.7]]), np.array([[0], [1], [0]])],
        [np.array([[0.9], [0.6], [0.5], [0.4], [0.2]]), np.array([[1], [0], [0], [0], [1]])],
        [np.array([[0.9], [0.8], [0.6], [0.4], [0.3], [0.2]]), np.array([[1], [0], [0], [1], [1], [0]])],
    ]
    for count in (6, 8):
        scores = np.stack([rng.permutation(np.arange(1, 17))[:count] / 20 for _ in range(3)], axis=1)
        cases.append([scores, (scores + rng.normal(0, 0.3, scores.shape) > 0.4).astype(int)])
    return cases


Q4 = Function(
    name="best_thresholds",
    cases=_threshold_cases,
    expected=lambda scores, targets: _thresholds(scores, targets),
    slips=(
        Slip(
            "the threshold excluded",
            lambda scores, targets: _thresholds(scores, targets, strict=True),
            "a label is named if its score is at least the threshold; you asked for more than it.",
        ),
        Slip(
            "best accuracy",
            lambda scores, targets: _thresholds(
                scores, targets, value=lambda named, truth: float((named == truth).mean())
            ),
            "these thresholds have the best accuracy. For a rare label that is to name nothing; asked is the best F1.",
        ),
        Slip(
            "best precision",
            lambda scores, targets: _thresholds(
                scores, targets, value=lambda named, truth: float((named & truth).sum() / max(1, named.sum()))
            ),
            "these thresholds have the best precision. Recall has no part in it.",
        ),
        Slip(
            "best recall",
            lambda scores, targets: _thresholds(
                scores, targets, value=lambda named, truth: float((named & truth).sum() / max(1, truth.sum()))
            ),
            "these thresholds have the best recall. Precision has no part in it.",
        ),
        Slip(
            "one threshold for all labels",
            lambda scores, targets: _thresholds(scores, targets, one=True),
            "all labels get one threshold. Every label has its own: column by column.",
        ),
        Slip(
            "lowest of equals",
            lambda scores, targets: _thresholds(scores, targets, low=True),
            "of thresholds with the same F1 the highest is asked for.",
        ),
    ),
    hints=(
        "One column at a time. Which thresholds make a difference? Only the scores themselves.",
        "F1 = 2 · hits / (named + true). Try each score of the column as a threshold, from the highest down.",
        "Keep a threshold only if its F1 is larger than the best so far: then the highest of equals stays.",
    ),
    remark="On few pictures such thresholds fit accidents. Choose them on held-out pictures, never on the test set.",
)

# --- q5: a ranking loss -----------------------------------------------------------------------------------------------


def _ranking(
    scores: np.ndarray,
    targets: np.ndarray,
    margin: float = 1.0,
    clamp: bool = True,
    turn: int = 1,
    square: bool = False,
    per_pair: bool = True,
    worst: bool = False,
) -> float:
    losses = []
    for row, truth in zip(scores, targets, strict=True):
        pairs = margin - turn * (row[truth == 1][:, None] - row[truth == 0])
        pairs = np.maximum(0, pairs) if clamp else pairs
        pairs = pairs**2 if square else pairs
        if not pairs.size:
            losses.append(0.0)
        elif worst:
            losses.append(float(pairs.max()))
        else:
            losses.append(float(pairs.mean() if per_pair else pairs.sum()))
    return float(np.mean(losses))


def _ranking_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.array([[0.5, 0.25]]), np.array([[1, 0]])],
        [np.array([[3.0, 1.0, 0.5]]), np.array([[1, 0, 0]])],
        [np.array([[1.0, 2.0]]), np.array([[1, 1]])],
        [np.array([[1.0, 2.0], [0.0, 0.5]]), np.array([[0, 0], [1, 0]])],
    ]
    for count in (2, 4):
        cases.append([rng.integers(-8, 9, (count, 5)) / 4, rng.permuted(np.tile([1, 1, 0, 0, 0], (count, 1)), axis=1)])
    return cases


Q5 = Function(
    name="ranking_loss",
    cases=_ranking_cases,
    expected=lambda scores, targets: _ranking(scores, targets),
    slips=(
        Slip(
            "no margin",
            lambda scores, targets: _ranking(scores, targets, margin=0.0),
            "the margin of 1 is missing: a true label that leads by a hair should still cost.",
        ),
        Slip(
            "not clamped at 0",
            lambda scores, targets: _ranking(scores, targets, clamp=False),
            "pairs that are far in order give negative losses, and pay for the others. Clamp each pair at 0.",
        ),
        Slip(
            "true and false exchanged",
            lambda scores, targets: _ranking(scores, targets, turn=-1),
            "true and false are exchanged: the true label should score higher.",
        ),
        Slip(
            "squared",
            lambda scores, targets: _ranking(scores, targets, square=True),
            "the hinges were squared.",
        ),
        Slip(
            "sum over the pairs",
            lambda scores, targets: _ranking(scores, targets, per_pair=False),
            "the pairs of a picture were added up. Their mean is asked for, so that pictures with many labels do not "
            "count more.",
        ),
        Slip(
            "the worst pair alone",
            lambda scores, targets: _ranking(scores, targets, worst=True),
            "only the worst pair of each picture counts here. All pairs do.",
        ),
    ),
    hints=(
        "For one picture: row[truth == 1][:, None] - row[truth == 0] holds the lead of every true label over every "
        "false one.",
        "A lead of 1 or more costs nothing: max(0, 1 - lead).",
        "Mean over the pairs of a picture (0 if it has none), then the mean over the pictures.",
    ),
    remark="Gong et al. (2013) train annotation with it. It asks for an order only: thresholds come afterwards.",
)

# --- q6: a small network to train -------------------------------------------------------------------------------------

SIDE, LABELS = 8, 5


def _pictures(rng: np.random.Generator, patterns: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    targets = (rng.random((count, LABELS)) < (0.5, 0.4, 0.3, 0.2, 0.15)).astype(float)
    strength = rng.uniform(0.5, 1.2, (count, LABELS))
    pictures = 0.5 + np.tensordot(targets * strength, patterns, 1) + rng.normal(0, 0.45, (count, SIDE, SIDE))
    return pictures.astype(np.float32), targets


def _training_cases(rng: np.random.Generator) -> list[list[Any]]:
    patterns = rng.choice((-0.5, 0.5), (LABELS, SIDE, SIDE))
    pictures, targets = _pictures(rng, patterns, 400)
    new, truth = _pictures(rng, patterns, 300)
    return [[pictures, targets, new, truth.ravel().astype(int)]]


def _annotate(
    pictures: np.ndarray, targets: np.ndarray, new: np.ndarray, steps: int = 300, rate: float = 0.5
) -> np.ndarray:
    x = pictures.reshape(len(pictures), -1).astype(float)
    middle, spread = x.mean(axis=0), x.std(axis=0)
    x, weights, bias = (x - middle) / spread, np.zeros((x.shape[1], targets.shape[1])), np.zeros(targets.shape[1])
    for _ in range(steps):
        slope = (1 / (1 + np.exp(-(x @ weights + bias))) - targets) / len(x)
        weights, bias = weights - rate * x.T @ slope, bias - rate * slope.sum(axis=0)
    return ((new.reshape(len(new), -1) - middle) / spread @ weights + bias > 0).astype(int)


def _best_class(pictures: np.ndarray, targets: np.ndarray, new: np.ndarray) -> np.ndarray:
    x, weights = pictures.reshape(len(pictures), -1) - 0.5, np.zeros((SIDE * SIDE, LABELS))
    for _ in range(100):
        scores = np.exp(x @ weights)
        shares = targets / np.maximum(1, targets.sum(axis=1, keepdims=True))
        weights -= 0.1 * x.T @ (scores / scores.sum(axis=1, keepdims=True) - shares) / len(x)
    return ((new.reshape(len(new), -1) - 0.5) @ weights).argmax(axis=1)


def _softmax_named(pictures: np.ndarray, targets: np.ndarray, new: np.ndarray) -> np.ndarray:
    return np.eye(LABELS, dtype=int)[_best_class(pictures, targets, new)]


Q6 = Function(
    name="annotate",
    cases=_training_cases,
    expected=_annotate,
    bar=0.93,
    seconds=10,
    slips=(
        Slip(
            "constant: names nothing",
            lambda pictures, targets, new: np.zeros((len(new), LABELS), dtype=int),
            "never names",
        ),
        Slip("count: the best label of each picture", _best_class, "one class for each picture"),
        Slip("below: softmax, one name a picture", _softmax_named, "one name for each picture"),
        Slip(
            "below: yes and no exchanged",
            lambda pictures, targets, new: 1 - _annotate(pictures, targets, new),
            "turned round",
        ),
        Slip(
            "below: descends uphill",
            lambda pictures, targets, new: _annotate(pictures, targets, new, steps=20, rate=-0.5),
            "the wrong sign",
        ),
        Slip("kind: a text", lambda pictures, targets, new: "cat", "no numbers"),
    ),
    hints=(
        "One dense layer on the flattened picture will do: 64 numbers in, 5 logits out, one sigmoid for each.",
        "The gradient is q1's: p - t. So weights -= rate * x.T @ (p - t) / len(x), some hundred times, from zeros.",
        "Bring each pixel to mean 0 and spread 1 first, with the *training* pictures' numbers. Yes where the logit "
        "is above 0.",
    ),
    remark="Every label of every new picture counts once. Naming nothing gets about 0.7.",
)

# --- q7: in words -----------------------------------------------------------------------------------------------------

Q7 = Words(
    rubric=(
        ("softmax shares out one probability, so two true labels have at most one half each", 1),
        ("its gradient pushes a true label down as soon as it holds more than its share; sigmoids do not", 1),
        (
            "accuracy rewards naming nothing for a rare label; a measure that does not (F1, average precision) is "
            "named",
            1,
        ),
    ),
    hints=(
        "What is the best answer that softmax can give to a picture with a cat and a car?",
        "A label is on 2 of 100 pictures. How accurate is a network that never names it?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6, "q7": Q7}
