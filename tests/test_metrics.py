"""Figures that say how well a network does: by hand, and beside scikit-learn's."""

from __future__ import annotations

import pytest
import torch

from course_utils import metrics

# --- top-k accuracy ---------------------------------------------------------------------------------------------------


def test_top_k_by_hand():
    """Three pictures, four classes: the right class comes first, second and last."""
    logits = torch.tensor([[9.0, 1, 2, 3], [4, 3, 2, 1], [1, 2, 3, 4]])
    labels = torch.tensor([0, 1, 0])
    hits = [metrics.top_k_accuracy(logits, labels, k) for k in (1, 2, 3, 4)]
    assert hits == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1])


@pytest.mark.parametrize(("count", "num_classes", "k"), [(5, 3, 1), (57, 10, 1), (200, 10, 5), (64, 7, 3), (30, 4, 4)])
@pytest.mark.filterwarnings("ignore::UserWarning")  # scikit-learn warns where k is the number of classes
def test_top_k_agrees_with_scikit_learn(count, num_classes, k):
    from sklearn.metrics import top_k_accuracy_score

    generator = torch.Generator().manual_seed(count)
    logits = torch.randn(count, num_classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(num_classes, (count,), generator=generator)
    wanted = top_k_accuracy_score(labels.numpy(), logits.numpy(), k=k, labels=range(num_classes))
    assert metrics.top_k_accuracy(logits, labels, k) == pytest.approx(wanted, abs=1e-6)


def test_top_k_grows_with_k_and_does_not_see_a_monotonic_change():
    generator = torch.Generator().manual_seed(1)
    logits, labels = torch.randn(100, 10, generator=generator), torch.randint(10, (100,), generator=generator)
    hits = [metrics.top_k_accuracy(logits, labels, k) for k in range(1, 11)]
    assert hits == sorted(hits) and hits[-1] == 1 and hits[0] == metrics.top_k_accuracy(logits, labels)
    for changed in (logits.softmax(dim=1), 3 * logits - 7):
        assert [metrics.top_k_accuracy(changed, labels, k) for k in range(1, 11)] == hits


def test_top_k_of_a_network_that_knows_nothing():
    """Chance is k / num_classes."""
    generator = torch.Generator().manual_seed(2)
    logits, labels = torch.randn(20_000, 20, generator=generator), torch.randint(20, (20_000,), generator=generator)
    for k in (1, 5, 10):
        assert metrics.top_k_accuracy(logits, labels, k) == pytest.approx(k / 20, abs=0.02)


@pytest.mark.parametrize(
    ("logits", "labels", "k", "message"),
    [
        (torch.zeros(3), torch.zeros(3, dtype=torch.int64), 1, r"logits must have the shape .* got \(3,\)"),
        (torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 1, r"logits must have the shape .* got \(0, 4\)"),
        (torch.zeros(3, 4), torch.zeros(2, dtype=torch.int64), 1, r"labels must have the shape \(3,\).* got \(2,\)"),
        (torch.zeros(3, 4), torch.zeros(3, dtype=torch.int64), 0, "k must be an integer from 1 to 4, got 0"),
        (torch.zeros(3, 4), torch.zeros(3, dtype=torch.int64), 5, "k must be an integer from 1 to 4, got 5"),
        (torch.zeros(3, 4), torch.tensor([0, 4, 1]), 1, "labels must be from 0 to 3, got 0 to 4"),
        (torch.zeros(3, 4), torch.tensor([0, -1, 1]), 1, "labels must be from 0 to 3, got -1 to 1"),
    ],
)
def test_top_k_refuses_by_name(logits, labels, k, message):
    with pytest.raises(ValueError, match=message):
        metrics.top_k_accuracy(logits, labels, k)
