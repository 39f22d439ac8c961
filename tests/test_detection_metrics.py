"""Average precision of detections: by hand, against pycocotools, and at the edges."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import metrics


def entry(boxes, labels, scores=None, **flags):
    found = {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(labels, dtype=torch.int64),
    }
    if scores is not None:
        found["scores"] = torch.tensor(scores, dtype=torch.float32)
    return found | {key: torch.tensor(value, dtype=torch.bool) for key, value in flags.items()}


NOTHING, NO_TRUTH = entry([], [], []), entry([], [])

# Seven detections of four true objects, right ones at ranks 1, 3, 6: by hand in notebooks/12b_ssd_and_after.ipynb.
PRECISION = np.array([1, 1 / 2, 2 / 3, 2 / 4, 2 / 5, 3 / 6, 3 / 7])
RECALL = np.array([1, 1, 2, 2, 2, 3, 3]) / 4


@pytest.mark.parametrize(
    ("interpolation", "value"),
    [
        ("all_points", (1 + 2 / 3 + 1 / 2) / 4),
        ("11_points", (3 * 1 + 3 * 2 / 3 + 2 * 1 / 2) / 11),  # levels 0 to 0.2, 0.3 to 0.5, 0.6 and 0.7, then 0
        ("101_points", (26 * 1 + 25 * 2 / 3 + 25 * 1 / 2) / 101),
    ],
)
def test_seven_detections_by_hand(interpolation, value):
    assert metrics.interpolated_average_precision(PRECISION, RECALL, interpolation) == pytest.approx(value)


def test_recall_that_meets_a_level_exactly_counts_there():
    """Three of ten found: 0.3 is reached, though 3 * 0.1 in floating point lies above it."""
    assert metrics.interpolated_average_precision([1, 1, 1], [0.1, 0.2, 0.3], "11_points") == pytest.approx(4 / 11)


def test_the_best_free_box_is_taken_and_only_once():
    ious = [[0.9, 0.6], [0.8, 0.7], [0.95, 0.1], [0.4, 0.4]]
    assert metrics.match_detections(ious).tolist() == [0, 1, -1, -1]
    assert metrics.match_detections(ious, 0.75).tolist() == [0, -1, -1, -1]
    assert metrics.match_detections(ious, ignore=[True, False]).tolist() == [1, 0, 0, -1]
    assert metrics.match_detections(np.zeros((3, 0))).tolist() == [-1, -1, -1]
    assert metrics.match_detections(np.zeros((0, 2))).tolist() == []
    assert metrics.match_detections([[0.5]], 0.5).tolist() == [0]  # reaching the threshold is enough
    assert metrics.match_detections([[1.0]], 1.0).tolist() == [0]


def test_one_picture_by_hand():
    """A hit, a second detection of the same object, a box beside it; of another class nothing is found."""
    truth = [entry([[0, 0, 10, 10], [20, 20, 30, 30]], [0, 1])]
    boxes = [[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]]
    score = metrics.detection_average_precision([entry(boxes, [0, 0, 0], [0.9, 0.8, 0.7])], truth)
    assert score.per_class.tolist() == [1, 0] and score.mean == 0.5
    score = metrics.detection_average_precision([entry(boxes, [0, 0, 0], [0.7, 0.8, 0.9])], truth)
    assert score.per_class.tolist() == [0.5, 0]  # the background box came first, and the poorer box took the object


def test_equal_boxes_of_another_class_do_not_count():
    truth = [entry([[0, 0, 10, 10]], [0])]
    assert metrics.detection_average_precision([entry([[0, 0, 10, 10]], [1], [0.9])], truth).mean == 0


# --- the oracle ----------------------------------------------------------------------------------------------------


def pycoco(predictions, targets, iou_threshold):
    """AP of each class that occurs, by pycocotools: one threshold, all areas, as many detections as there are."""
    coco = pytest.importorskip("pycocotools.coco")
    from pycocotools.cocoeval import COCOeval

    count, num_classes = len(targets), 3
    truth = coco.COCO()
    truth.dataset = {
        "images": [{"id": n} for n in range(count)],
        "categories": [{"id": c} for c in range(num_classes)],
        "annotations": [],
    }
    for n, target in enumerate(targets):
        crowds = target.get("iscrowd", torch.zeros(len(target["boxes"])))
        for box, label, crowd in zip(target["boxes"].double(), target["labels"], crowds, strict=True):
            x, y, w, h = (*box[:2].tolist(), *(box[2:] - box[:2]).tolist())
            row = {"id": len(truth.dataset["annotations"]) + 1, "image_id": n, "category_id": int(label)}
            truth.dataset["annotations"].append(row | {"bbox": [x, y, w, h], "area": w * h, "iscrowd": int(crowd)})
    found = [
        {
            "image_id": n,
            "category_id": int(label),
            "bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()],
            "score": float(score),
        }
        for n, guess in enumerate(predictions)
        for box, label, score in zip(guess["boxes"].double(), guess["labels"], guess["scores"].double(), strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.params.iouThrs = np.array([iou_threshold])
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [10_000]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, :, 0, 0]  # (101, classes), -1 without truth
    return [float("nan") if (p < 0).all() else float(p.mean()) for p in precision.T]


def random_case(seed, pictures, whole_numbers, crowds):
    """True boxes; detections near them, doubled, displaced, of wrong class, of no area, outside, with equal scores."""
    rng = np.random.default_rng(seed)
    predictions, targets = [], []
    for _ in range(pictures):
        truths, extra = rng.integers(0, 7), rng.integers(0, 7)
        corner, side = rng.uniform(-20, 80, (truths, 2)), rng.uniform(0, 40, (truths, 2)) * rng.choice([0, 1, 1, 1])
        boxes = np.concatenate([corner, corner + side], axis=1)
        labels = rng.integers(0, rng.integers(1, 4), truths)
        copies = rng.integers(0, 3, truths)
        guessed = np.repeat(boxes, copies, axis=0)
        guessed = guessed + rng.normal(0, 3, guessed.shape)
        corner = rng.uniform(-20, 80, (extra, 2))
        guessed = np.concatenate([guessed, np.concatenate([corner, corner + rng.uniform(0, 40, (extra, 2))], axis=1)])
        guessed[:, 2:] = np.maximum(guessed[:, :2], guessed[:, 2:])
        guessed_labels = np.concatenate([np.repeat(labels, copies), rng.integers(0, 3, extra)])
        wrong = rng.random(len(guessed_labels)) < 0.15
        guessed_labels[wrong] = rng.integers(0, 3, wrong.sum())
        if whole_numbers:
            boxes, guessed = boxes.round(), guessed.round()
        flags = {"iscrowd": rng.random(truths) < 0.2} if crowds else {}
        targets.append(entry(boxes.tolist(), labels.tolist(), **{k: v.tolist() for k, v in flags.items()}))
        scores = rng.integers(0, 5, len(guessed)) / 4 if seed % 2 else rng.random(len(guessed))
        predictions.append(entry(guessed.tolist(), guessed_labels.tolist(), scores.tolist()))
    return predictions, targets


@pytest.mark.parametrize("crowds", [False, True])
@pytest.mark.parametrize("whole_numbers", [False, True])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), pictures=st.integers(1, 25), iou_threshold=st.sampled_from([0.3, 0.5, 0.75, 0.95]))
def test_equal_to_pycocotools(crowds, whole_numbers, seed, pictures, iou_threshold):
    predictions, targets = random_case(seed, pictures, whole_numbers, crowds)
    if not any(len(guess["boxes"]) for guess in predictions):
        return  # pycocotools cannot load an empty list
    ours = metrics.detection_average_precision(predictions, targets, iou_threshold, "101_points", num_classes=3)
    np.testing.assert_allclose(ours.per_class, pycoco(predictions, targets, iou_threshold), atol=1e-6)


def test_mean_over_ten_thresholds_equals_faster_coco_eval():
    detection = pytest.importorskip("torchmetrics.detection")
    pytest.importorskip("faster_coco_eval")
    predictions, targets = random_case(4, 60, False, False)
    theirs = detection.MeanAveragePrecision(backend="faster_coco_eval")
    theirs.update(predictions, targets)
    thresholds = np.linspace(0.5, 0.95, 10)
    ours = [metrics.detection_average_precision(predictions, targets, t, "101_points").mean for t in thresholds]
    assert np.mean(ours) == pytest.approx(theirs.compute()["map"].item(), abs=1e-6)


# --- what it must keep ---------------------------------------------------------------------------------------------


def test_truth_scores_one_and_order_of_pictures_does_not_matter():
    predictions, targets = random_case(6, 20, False, False)
    solid = [t for t in targets if (t["boxes"][:, 2:] > t["boxes"][:, :2]).all()]
    perfect = [t | {"scores": torch.ones(len(t["boxes"]))} for t in solid]
    for interpolation in metrics.INTERPOLATIONS:
        assert metrics.detection_average_precision(perfect, solid, 0.9, interpolation).mean == pytest.approx(1)
        forth = metrics.detection_average_precision(predictions, targets, 0.5, interpolation).mean
        back = metrics.detection_average_precision(predictions[::-1], targets[::-1], 0.5, interpolation).mean
        assert forth == pytest.approx(back) and 0 < forth < 1


def test_a_box_displaced_and_scaled_with_its_truth_counts_the_same():
    predictions, targets = random_case(8, 20, False, False)
    moved = [[e | {"boxes": 3 * e["boxes"].double() - 100} for e in part] for part in (predictions, targets)]
    plain = metrics.detection_average_precision(predictions, targets)
    np.testing.assert_allclose(metrics.detection_average_precision(*moved).per_class, plain.per_class, atol=1e-6)


def test_a_worse_box_never_counts_more():
    predictions, targets = random_case(2, 30, False, False)
    values = [metrics.detection_average_precision(predictions, targets, t).mean for t in (0.1, 0.3, 0.5, 0.7, 0.9)]
    assert values == sorted(values, reverse=True)


def test_defined_at_the_edges():
    thing = entry([[0, 0, 10, 10]], [0])
    hit = entry([[0, 0, 10, 10]], [0], [0.5])
    ap = metrics.detection_average_precision
    assert np.isnan(ap([NOTHING], [NO_TRUTH]).mean) and np.isnan(ap([], []).mean)
    assert np.isnan(ap([hit], [NO_TRUTH]).mean)  # a class without truth has no recall
    assert ap([NOTHING], [thing]).mean == 0  # never predicted
    assert ap([hit, NOTHING], [thing, NO_TRUTH]).mean == 1
    assert ap([hit, hit | {"scores": torch.tensor([0.9])}], [thing, NO_TRUTH]).mean == 0.5  # found where nothing is
    score = ap([hit], [thing], num_classes=3)
    assert score.mean == 1 and np.isnan(score.per_class[1:]).all()
    flat = entry([[5, 5, 5, 9]], [0])
    assert ap([flat | {"scores": torch.tensor([0.5])}], [flat]).mean == 0  # no area overlaps nothing, not even itself
    outside = entry([[-50, -50, -40, -40]], [0])
    assert ap([outside | {"scores": torch.tensor([0.5])}], [outside]).mean == 1
    touching = entry([[10, 0, 20, 10]], [0], [0.5])
    assert ap([touching], [thing], 1e-9).mean == 0


def test_ignored_boxes_are_neither_found_nor_missed():
    """An object, and a difficult one that is detected twice: those two detections vanish."""
    boxes = [[0, 0, 10, 10], [40, 40, 50, 50]]
    truth = entry(boxes, [0, 0], ignore=[False, True])
    guess = entry([boxes[1], boxes[1], boxes[0]], [0, 0, 0], [0.9, 0.8, 0.7])
    assert metrics.detection_average_precision([guess], [truth]).mean == 1
    assert metrics.detection_average_precision([NOTHING], [truth]).mean == 0
    everything = entry(boxes, [0, 0], ignore=[True, True])
    assert np.isnan(metrics.detection_average_precision([guess], [everything]).mean)


def test_curve_of_one_class():
    truth = [entry([[0, 0, 10, 10], [20, 20, 30, 30]], [1, 1])]
    guess = [entry([[20, 20, 30, 30], [60, 60, 70, 70], [0, 0, 10, 10]], [1, 1, 1], [0.2, 0.5, 0.9])]
    none, curve = metrics.detection_curves(guess, truth)
    assert none is None
    assert curve.scores == pytest.approx([0.9, 0.5, 0.2])
    assert curve.recall.tolist() == [0.5, 0.5, 1] and curve.precision == pytest.approx([1, 1 / 2, 2 / 3])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda ap, p, t: ap([p], []), r"predictions must be as many as targets \(0\), one a picture, got 1"),
        (lambda ap, p, t: ap([t], [t]), r"predictions\[0\] must have the keys .*; scores is missing"),
        (lambda ap, p, t: ap([p | {"boxes": torch.zeros(1, 3)}], [t]), r"\['boxes'\] must have the shape \(K, 4\)"),
        (lambda ap, p, t: ap([p], [t | {"labels": torch.zeros(2)}]), r"targets\[0\]\['labels'\] must have the shape"),
        (lambda ap, p, t: ap([p | {"scores": torch.tensor([torch.nan])}], [t]), "must be numbers, got nan"),
        (lambda ap, p, t: ap([entry([[5, 0, 1, 9]], [0], [1.0])], [t]), r"x1 <= x2 and y1 <= y2, got \[5"),
        (lambda ap, p, t: ap([p], [entry([[0, 0, np.nan, 1]], [0])]), r"targets\[0\]\['boxes'\] must be finite"),
        (lambda ap, p, t: ap([p], [t], num_classes=0), "num_classes must be an integer of at least 1"),
        (lambda ap, p, t: ap([entry([[0, 0, 1, 1]], [3], [1.0])], [t], num_classes=3), "from 0 to num_classes - 1 = 2"),
        (lambda ap, p, t: ap([entry([[0, 0, 1, 1]], [-1], [1.0])], [t]), "labels must be from 0"),
        (lambda ap, p, t: ap([p], [t], 0), "iou_threshold must be above 0 and at most 1, got 0"),
        (lambda ap, p, t: ap([p], [t], 0.5, "12_points"), "interpolation must be one of"),
        (lambda ap, p, t: metrics.match_detections([0.5]), r"ious must have the shape \(D, T\)"),
        (
            lambda ap, p, t: metrics.match_detections([[0.5]], ignore=[True, False]),
            r"ignore must have the shape \(1,\)",
        ),
        (lambda ap, p, t: metrics.interpolated_average_precision([1, 1], [1, 0.5]), "recall must never fall"),
        (lambda ap, p, t: metrics.interpolated_average_precision([1], [1, 1]), r"both have the shape \(D,\)"),
    ],
)
def test_bad_detections_are_refused_by_name(call, message):
    prediction, target = entry([[0, 0, 10, 10]], [0], [0.5]), entry([[0, 0, 10, 10]], [0])
    with pytest.raises(ValueError, match=message):
        call(metrics.detection_average_precision, prediction, target)
