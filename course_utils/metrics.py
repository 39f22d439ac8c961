"""How good predictions are: top-k accuracy; precision, recall and F1 of label sets, precision-recall curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.runtime import check_choice, check_int

if TYPE_CHECKING:
    import torch

# --- one label a picture ---------------------------------------------------------------------------------------------


def top_k_accuracy(logits: torch.Tensor, labels: torch.Tensor, k: int = 1) -> float:
    """Fraction of the pictures whose right class is among the k largest logits.

    Derived in notebooks/05_training_a_classifier.ipynb. With k = 1 and k = 5 these are ImageNet's top-1 and top-5
    accuracy (Russakovsky et al. 2015). Among equal logits it is left open which come first, as in `torch.topk`.

    Args:
        logits: (N, num_classes), or anything that grows with them, as probabilities do.
        labels: int64 (N,), the right classes, 0 to num_classes - 1.
        k: 1 to num_classes.

    Returns:
        0 to 1.

    Raises:
        ValueError: a shape, a label or k that does not fit.
    """
    if logits.ndim != 2 or 0 in logits.shape:
        raise ValueError(f"logits must have the shape (N, num_classes), none of them 0, got {tuple(logits.shape)}")
    if tuple(labels.shape) != (len(logits),):
        raise ValueError(f"labels must have the shape ({len(logits)},), one a row of logits, got {tuple(labels.shape)}")
    num_classes = logits.shape[1]
    check_int("k", k, 1, num_classes)
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"labels must be from 0 to {num_classes - 1}, got {labels.min().item()} to {labels.max().item()}"
        )
    best = logits.topk(k, dim=1).indices  # (N, k)
    return (best == labels[:, None]).any(dim=1).float().mean().item()


# --- sets of labels ------------------------------------------------------------------------------------------------

_AXIS = {"samples": 1, "macro": 0, "micro": None}  # what is counted together: a picture, a label, everything


def _label_sets(predictions: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    arrays = []
    for name, value in (("predictions", predictions), ("targets", targets)):
        array = np.asarray(value)
        if array.ndim != 2 or array.size == 0:
            raise ValueError(f"{name} must have the shape (N, L) with at least one entry, got {array.shape}")
        if not np.isin(array, (0, 1)).all():
            odd = array[~np.isin(array, (0, 1))].ravel()[0]
            raise ValueError(f"{name} must hold 0 and 1 only, found {odd}: compare scores with a threshold first")
        arrays.append(array.astype(bool))
    if arrays[0].shape != arrays[1].shape:
        raise ValueError(f"targets must have the shape of predictions, {arrays[0].shape}, got {arrays[1].shape}")
    return arrays[0], arrays[1]


def _mean_share(part: Any, whole: Any, zero_division: float) -> float:
    """The mean of part / whole, with `zero_division` for every 0 / 0; with nan those are left out."""
    if zero_division not in (0, 1) and not np.isnan(zero_division):
        raise ValueError(f"zero_division must be 0, 1 or nan, got {zero_division!r}")
    part, whole = np.atleast_1d(part), np.atleast_1d(whole)
    shares = np.divide(part, whole, out=np.full(whole.shape, float(zero_division)), where=whole > 0)
    kept = shares[~np.isnan(shares)]
    return float(kept.mean()) if len(kept) else float("nan")


def precision_recall(
    predictions: Any, targets: Any, average: str = "samples", zero_division: float = 0.0
) -> tuple[float, float]:
    """Precision and recall of sets of labels, averaged in one of three ways.

    Precision is the share of the predicted labels that are true, recall the share of the true labels that were
    predicted. Derived in notebooks/09_multi_label_annotation.ipynb.

    Args:
        predictions: (N, L) of 0 and 1, or bools: whether label l was given to picture n.
        targets: (N, L), whether it belongs there.
        average: 'samples' takes the shares of each picture and then their mean (NUS CS5242, image annotation); 'macro'
            those of each label and then their mean; 'micro' counts all pictures and labels together.
        zero_division: what 0 / 0 counts as, for a picture (or label) without a prediction or without a truth: 0, 1, or
            nan to leave it out of the mean.

    Returns:
        precision and recall, 0..1 (nan if nothing is left).

    Raises:
        ValueError: shapes that differ, entries other than 0 and 1, or an unknown average or convention.
    """
    axis = _AXIS[check_choice("average", average, tuple(_AXIS))]
    predicted, true = _label_sets(predictions, targets)
    hits = (predicted & true).sum(axis=axis)
    return (
        _mean_share(hits, predicted.sum(axis=axis), zero_division),
        _mean_share(hits, true.sum(axis=axis), zero_division),
    )


def f1(predictions: Any, targets: Any, average: str = "samples", zero_division: float = 0.0) -> float:
    """The harmonic mean of precision and recall of each picture (or label), then its mean: 2 hits / (predicted + true).

    That is not the harmonic mean of the two mean values. Derived in notebooks/09_multi_label_annotation.ipynb.
    Arguments and errors as in `precision_recall`; here 0 / 0 means neither a prediction nor a truth.
    """
    axis = _AXIS[check_choice("average", average, tuple(_AXIS))]
    predicted, true = _label_sets(predictions, targets)
    hits = (predicted & true).sum(axis=axis)
    return _mean_share(2 * hits, predicted.sum(axis=axis) + true.sum(axis=axis), zero_division)


# --- one label over all thresholds ---------------------------------------------------------------------------------


def precision_recall_curve(scores: Any, targets: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision and recall of one label at every threshold that changes something, highest threshold first.

    At a threshold all scores of at least its height count as predicted; equal scores enter together. Derived in
    notebooks/09_multi_label_annotation.ipynb.

    Args:
        scores: (N,), the larger the surer; logits or probabilities.
        targets: (N,) of 0 and 1, at least one of them 1.

    Returns:
        precision, recall and threshold, float64, each (T,), one entry for each different score.

    Raises:
        ValueError: shapes that differ, targets other than 0 and 1 or without a 1, scores that are not numbers.
    """
    scores, targets = np.asarray(scores, dtype=np.float64), np.asarray(targets)
    if scores.ndim != 1 or scores.shape != targets.shape:
        raise ValueError(f"scores and targets must both have the shape (N,), got {scores.shape} and {targets.shape}")
    if not np.isin(targets, (0, 1)).all() or not targets.any():
        raise ValueError("targets must hold 0 and 1 only, and 1 at least once: without it there is no recall")
    if np.isnan(scores).any():
        raise ValueError(f"scores must be numbers, got {int(np.isnan(scores).sum())} times nan")
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], np.cumsum(targets[order].astype(np.float64))
    last = np.append(scores[1:] != scores[:-1], True)  # of equal scores, the last one speaks for all
    return (hits / np.arange(1, len(hits) + 1))[last], (hits / hits[-1])[last], scores[last]


def average_precision(scores: Any, targets: Any) -> float:
    """The area under one label's precision-recall curve as steps: the sum of precision times the recall gained.

    Without equal scores it is the mean, over the true pictures, of the precision down to their rank. Derived in
    notebooks/09_multi_label_annotation.ipynb. Arguments and errors as in `precision_recall_curve`.
    """
    precision, recall, _ = precision_recall_curve(scores, targets)
    return float((precision * np.diff(recall, prepend=0.0)).sum())
