"""Figures that say how well a network does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_utils.runtime import check_int

if TYPE_CHECKING:
    import torch


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
