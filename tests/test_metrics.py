"""Precision, recall, F1 and average precision: by hand, against scikit-learn, and what they must keep."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import metrics

# Five pictures, labels cat, car, sun: worked by hand in notebooks/09_multi_label_annotation.ipynb.
TRUTH = np.array([[1, 1, 1], [1, 0, 0], [0, 1, 1], [1, 0, 0], [0, 1, 0]])
GIVEN = np.array([[1, 0, 0], [1, 0, 1], [0, 1, 1], [0, 0, 0], [1, 1, 0]])
AVERAGES = ("samples", "macro", "micro")


@pytest.mark.parametrize(
    ("average", "precision", "recall", "score"),
    [
        ("samples", (1 + 1 / 2 + 1 + 0 + 1 / 2) / 5, (1 / 3 + 1 + 1 + 0 + 1) / 5, (1 / 2 + 2 / 3 + 1 + 0 + 2 / 3) / 5),
        ("macro", (2 / 3 + 1 + 1 / 2) / 3, (2 / 3 + 2 / 3 + 1 / 2) / 3, (4 / 6 + 4 / 5 + 2 / 4) / 3),
        ("micro", 5 / 7, 5 / 8, 10 / 15),
    ],
)
def test_five_pictures_by_hand(average, precision, recall, score):
    assert metrics.precision_recall(GIVEN, TRUTH, average) == pytest.approx((precision, recall))
    assert metrics.f1(GIVEN, TRUTH, average) == pytest.approx(score)


def test_conventions_for_nothing_over_nothing_by_hand():
    """Picture 4 has no predicted label: its precision counts as 0, as 1, or not at all."""
    assert metrics.precision_recall(GIVEN, TRUTH, zero_division=0)[0] == pytest.approx(3 / 5)
    assert metrics.precision_recall(GIVEN, TRUTH, zero_division=1)[0] == pytest.approx(4 / 5)
    assert metrics.precision_recall(GIVEN, TRUTH, zero_division=np.nan)[0] == pytest.approx(3 / 4)
    nothing = np.zeros((2, 3))
    assert metrics.f1(nothing, nothing) == 0 and metrics.f1(nothing, nothing, zero_division=1) == 1
    assert np.isnan(metrics.f1(nothing, nothing, zero_division=np.nan))


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("zero_division", [0.0, 1.0, np.nan])
@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 12), labels=st.integers(2, 6), density=st.sampled_from([0, 0.1, 0.5, 1]), seed=st.integers(0, 9)
)
def test_agrees_with_scikit_learn(average, zero_division, rows, labels, density, seed):
    """Random sizes; at low density most pictures and some labels have no prediction, no truth, or neither."""
    from sklearn.metrics import precision_recall_fscore_support

    rng = np.random.default_rng(seed)
    predictions, targets = (rng.random((2, rows, labels)) < density).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        precision, recall, score, _ = precision_recall_fscore_support(
            targets, predictions, average=average, zero_division=zero_division
        )
    ours = (*metrics.precision_recall(predictions, targets, average, zero_division),)
    np.testing.assert_allclose(ours, (precision, recall), atol=1e-12)
    np.testing.assert_allclose(metrics.f1(predictions, targets, average, zero_division), score, atol=1e-12)


def test_a_perfect_prediction_scores_one_and_its_opposite_zero():
    for average in AVERAGES:
        assert metrics.precision_recall(TRUTH, TRUTH, average) == (1, 1) and metrics.f1(TRUTH, TRUTH, average) == 1
        assert metrics.precision_recall(1 - TRUTH, TRUTH, average) == (0, 0)


def test_exchanging_prediction_and_truth_exchanges_precision_and_recall():
    for average in AVERAGES:
        forth, back = (metrics.precision_recall(*pair, average) for pair in ((GIVEN, TRUTH), (TRUTH, GIVEN)))
        assert forth == back[::-1]


def test_order_of_pictures_and_labels_does_not_matter():
    rows, labels = [3, 1, 4, 0, 2], [2, 0, 1]
    for average in AVERAGES:
        mixed = metrics.precision_recall(GIVEN[rows][:, labels], TRUTH[rows][:, labels], average)
        assert mixed == pytest.approx(metrics.precision_recall(GIVEN, TRUTH, average))


def test_tensors_and_bools_are_welcome():
    import torch

    given, truth = torch.tensor(GIVEN, dtype=torch.bool), torch.tensor(TRUTH, dtype=torch.float32)
    assert metrics.precision_recall(given, truth) == metrics.precision_recall(GIVEN, TRUTH)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.f1([[0.3]], [[1]]), r"predictions must hold 0 and 1 only, found 0.3"),
        (lambda: metrics.f1([[1]], [[2]]), r"targets must hold 0 and 1 only, found 2"),
        (lambda: metrics.f1([1, 0], [1, 0]), r"predictions must have the shape \(N, L\) .* got \(2,\)"),
        (lambda: metrics.f1(np.zeros((0, 3)), np.zeros((0, 3))), "at least one entry"),
        (lambda: metrics.precision_recall([[1, 0]], [[1]]), r"the shape of predictions, \(1, 2\), got \(1, 1\)"),
        (lambda: metrics.precision_recall([[1]], [[1]], "weighted"), "average must be one of .* got 'weighted'"),
        (lambda: metrics.f1([[1]], [[1]], zero_division=0.5), "zero_division must be 0, 1 or nan, got 0.5"),
    ],
)
def test_bad_label_sets_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- curves --------------------------------------------------------------------------------------------------------


def test_six_pictures_by_hand():
    """True, false, true, true, false, false by falling score: precision 1/1, 2/3, 3/4 where a true one comes in."""
    scores, targets = [0.9, 0.8, 0.7, 0.6, 0.4, 0.2], [1, 0, 1, 1, 0, 0]
    precision, recall, threshold = metrics.precision_recall_curve(scores, targets)
    assert precision == pytest.approx([1, 1 / 2, 2 / 3, 3 / 4, 3 / 5, 3 / 6])
    assert recall == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1, 1, 1]) and threshold.tolist() == scores
    assert metrics.average_precision(scores, targets) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 40), levels=st.sampled_from([2, 5, 1000]), seed=st.integers(0, 99))
def test_curve_agrees_with_scikit_learn(count, levels, seed):
    """With few levels most scores are equal."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    rng = np.random.default_rng(seed)
    scores, targets = rng.integers(0, levels, count) / levels, rng.integers(0, 2, count)
    targets[rng.integers(count)] = 1
    ours = metrics.precision_recall_curve(scores, targets)
    theirs = precision_recall_curve(targets, scores)
    np.testing.assert_allclose(ours[2], theirs[2][::-1])
    np.testing.assert_allclose(ours[0], theirs[0][-2::-1])  # theirs ends on an added point at recall 0
    np.testing.assert_allclose(ours[1], theirs[1][-2::-1])
    assert metrics.average_precision(scores, targets) == pytest.approx(average_precision_score(targets, scores))


def test_average_precision_depends_on_the_order_alone():
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=50), rng.integers(0, 2, 50)
    assert metrics.average_precision(logits, targets) == metrics.average_precision(1 / (1 + np.exp(-logits)), targets)
    assert metrics.average_precision(targets, targets) == 1
    share = targets.mean()
    assert metrics.average_precision(np.zeros(50), targets) == pytest.approx(share)  # all equal: a guess


@pytest.mark.parametrize(
    ("scores", "targets", "message"),
    [
        ([0.1, 0.2], [0, 0], "1 at least once"),
        ([0.1, 0.2], [0, 2], "0 and 1 only"),
        ([[0.1]], [[1]], r"shape \(N,\), got \(1, 1\)"),
        ([0.1, 0.2], [1], r"shape \(N,\)"),
        ([0.1, np.nan], [1, 0], "got 1 times nan"),
        ([], [], "at least once"),
    ],
)
def test_bad_scores_are_refused_by_name(scores, targets, message):
    with pytest.raises(ValueError, match=message):
        metrics.average_precision(scores, targets)


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
