"""How good predictions are: labels, boxes with scores, a class for every pixel, pictures, joints, translations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

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


# --- joints ----------------------------------------------------------------------------------------------------------

VISIBLE = 2  # third number of a true joint that counts; as in COCO and in Toyland


class KeypointScore(NamedTuple):
    """Share of the visible joints that are right: of all of them, and of each kind, (K,), nan where none is visible."""

    mean: float
    per_joint: np.ndarray


class PeopleScore(NamedTuple):
    """Share of the visible joints that are right, and how many people a picture were predicted that nobody is."""

    mean: float
    extra: float


def _joints(name: str, value: Any, shape: str, least: int) -> np.ndarray:
    array = _array(value, np.float64)
    if array.ndim != shape.count(",") + 2 or array.shape[-1] < least:
        raise ValueError(f"{name} must have the shape ({shape}, {least} or more), got {array.shape}")
    return array


def _check_share(share: float) -> None:
    if not share > 0:
        raise ValueError(f"share must be above 0, got {share!r}")


def _visible(truth: np.ndarray) -> np.ndarray:
    seen = truth[..., 2] == VISIBLE
    if not seen.any():
        raise ValueError("truth must hold at least one joint of visibility 2, got none")
    return seen


def pck(points: Any, truth: Any, lengths: Any, share: float = 0.2) -> KeypointScore:
    """Percentage of correct keypoints, as a fraction: a joint is right if it is at most share * length away.

    With the torso's length and share 0.2 it is PCK@0.2 (after Yang and Ramanan 2013, who measured by the person's box),
    with the head's and 0.5 PCKh@0.5 (Andriluka et al. 2014). Derived in notebooks/18_pose_estimation.ipynb.

    Args:
        points: (N, K, 2 or more), predicted x and y first.
        truth: (N, K, 3): x, y and visibility; joints of visibility 2 count.
        lengths: (N,), in the same units, above 0 where a joint counts.
        share: above 0.

    Raises:
        ValueError: shapes or a share that do not fit, a length of 0, or no visible joint.
    """
    points, truth = _joints("points", points, "N, K", 2), _joints("truth", truth, "N, K", 3)
    lengths = _array(lengths, np.float64)
    _check_share(share)
    if points.shape[:2] != truth.shape[:2] or lengths.shape != truth.shape[:1]:
        raise ValueError(
            f"points and lengths must fit truth, {truth.shape[:2]}, got {points.shape[:2]} and {lengths.shape}"
        )
    seen = _visible(truth)
    if not (lengths[seen.any(axis=1)] > 0).all():
        raise ValueError("lengths must be above 0 for everyone with a visible joint")
    right = seen & (np.linalg.norm(points[..., :2] - truth[..., :2], axis=-1) <= share * lengths[:, None])
    counts = seen.sum(axis=0)
    per_joint = np.where(counts > 0, right.sum(axis=0) / np.maximum(counts, 1), np.nan)
    return KeypointScore(float(right.sum() / seen.sum()), per_joint)


def pck_several(people: Sequence[Any], truth: Any, lengths: Any, share: float = 0.2) -> PeopleScore:
    """PCK where several people are in a picture: a joint counts for the one predicted person its owner was given.

    The pair of a predicted and a true person with the most right joints comes first, then the best pair of the others,
    and so on; a true person that nobody is given has no right joint. Derived in notebooks/18_pose_estimation.ipynb.

    Args:
        people: N arrays (M, K, 3), M from 0 up: x, y, and a number above 0 where the joint was found.
        truth: (N, P, K, 3): x, y and visibility; joints of visibility 2 count.
        lengths: (N, P), in the same units.
        share: above 0.

    Raises:
        ValueError: shapes or a share that do not fit, or no visible joint.
    """
    truth, lengths = _joints("truth", truth, "N, P, K", 3), _array(lengths, np.float64)
    _check_share(share)
    if len(people) != len(truth) or lengths.shape != truth.shape[:2]:
        wanted = f"people must be {len(truth)} and lengths {truth.shape[:2]}"
        raise ValueError(f"{wanted}, got {len(people)} and {lengths.shape}")
    seen = _visible(truth)
    right = extra = 0
    for found, true, counted, length in zip(people, truth, seen, lengths, strict=True):
        found = _joints("people", found, "M, K", 3)
        away = np.linalg.norm(found[:, None, :, :2] - true[..., :2], axis=-1)  # (M, P, K)
        hits = (counted & (found[:, None, :, 2] > 0) & (away <= share * length[:, None])).sum(axis=2)
        extra += len(found)
        while hits.size and hits.max() > 0:
            m, p = np.unravel_index(hits.argmax(), hits.shape)
            right, extra = right + hits[m, p], extra - 1
            hits[m], hits[:, p] = 0, 0
    return PeopleScore(float(right / seen.sum()), extra / len(truth))


# --- boxes with scores ---------------------------------------------------------------------------------------------

INTERPOLATIONS = ("all_points", "11_points", "101_points")


class DetectionCurve(NamedTuple):
    """One class's precision and recall after each of its detections, surest first; float64, each (D,)."""

    precision: np.ndarray
    recall: np.ndarray
    scores: np.ndarray


class DetectionScore(NamedTuple):
    """Average precision of each class, (num_classes,), nan for a class without truth, and the mean of the others."""

    mean: float
    per_class: np.ndarray


def match_detections(ious: Any, iou_threshold: float = 0.5, ignore: Any = None) -> np.ndarray:
    """Give every detection of one picture a true box of its own, the surest detection first.

    A detection takes the free true box that it overlaps most, if the overlap reaches the threshold; a true box is taken
    once. So a second detection of one object goes unmatched. The rule is COCO's (Lin et al. 2014); Pascal VOC's differs
    in one case: there a detection whose best box is taken already never gets its second best. Of equal overlaps the
    last true box counts, as in pycocotools. Derived in notebooks/12b_ssd_and_after.ipynb.

    Args:
        ious: (D, T), detections in the order of falling scores, true boxes; 0 where the two may not match.
        iou_threshold: above 0, at most 1.
        ignore: bool (T,), true boxes that count neither as found nor as missed; any number of detections may match one,
            and only where no other box is left to match. None of them if None.

    Returns:
        int64 (D,): the true box's number, or -1.
    """
    ious = np.asarray(ious, dtype=np.float64)
    if ious.ndim != 2:
        raise ValueError(f"ious must have the shape (D, T), detections by true boxes, got {ious.shape}")
    if not 0 < iou_threshold <= 1:
        raise ValueError(f"iou_threshold must be above 0 and at most 1, got {iou_threshold!r}")
    detections, truths = ious.shape
    ignore = np.zeros(truths, dtype=bool) if ignore is None else np.asarray(ignore, dtype=bool)
    if ignore.shape != (truths,):
        raise ValueError(f"ignore must have the shape ({truths},), one entry a true box, got {ignore.shape}")
    matched = np.full(detections, -1, dtype=np.int64)
    open_to = np.where(ious >= min(iou_threshold, 1 - 1e-10), ious, 0)  # pycocotools' guard against rounding at 1
    for group in (~ignore, ignore):  # ignored boxes only take what is left
        overlaps = np.where(group, open_to, 0)
        for d in np.flatnonzero((matched < 0) & overlaps.any(axis=1)):
            best = truths - 1 - int(overlaps[d, ::-1].argmax())
            if overlaps[d, best] > 0:
                matched[d] = best
                if not ignore[best]:
                    overlaps[:, best] = 0
    return matched


def interpolated_average_precision(precision: Any, recall: Any, interpolation: str = "all_points") -> float:
    """The area under a precision-recall curve after its dips are filled: p(r) is the best precision at recall >= r.

    Derived in notebooks/12b_ssd_and_after.ipynb.

    Args:
        precision, recall: (D,), after each detection, surest first; recall never falls. Empty if there is none.
        interpolation: 'all_points' takes the whole area (Pascal VOC since 2010), '11_points' the mean of p at recall 0,
            0.1, ... 1 (Pascal VOC 2007; Everingham et al. 2010), '101_points' that at 0, 0.01, ... 1 (COCO).

    Returns:
        0 to 1; 0 without a detection.
    """
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    precision, recall = np.asarray(precision, dtype=np.float64), np.asarray(recall, dtype=np.float64)
    if precision.ndim != 1 or precision.shape != recall.shape:
        raise ValueError(
            f"precision and recall must both have the shape (D,), got {precision.shape} and {recall.shape}"
        )
    if (np.diff(recall) < 0).any():
        raise ValueError("recall must never fall: give both after each detection, surest first")
    if not len(precision):
        return 0.0
    filled = np.maximum.accumulate(precision[::-1])[::-1]  # the best precision at this recall or a higher one
    if interpolation == "all_points":
        return float((filled * np.diff(recall, prepend=0.0)).sum())
    levels = np.arange(11) / 10 if interpolation == "11_points" else np.linspace(0, 1, 101)  # to the bit as in COCO
    at = np.searchsorted(recall, levels, side="left")  # first detection that reaches the level
    return float(np.append(filled, 0.0)[at].mean())


def _array(value: Any, dtype: type) -> np.ndarray:
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, dtype=dtype)


def _entries(name: str, entries: Any, keys: tuple[str, ...], optional: tuple[str, ...] = ()) -> list[dict]:
    """Each picture's arrays, checked: boxes float64 (K, 4), all else (K,)."""
    checked = []
    for n, entry in enumerate(entries):
        where = f"{name}[{n}]"
        missing = [key for key in keys if key not in entry]
        if missing:
            raise ValueError(f"{where} must have the keys {', '.join(keys)}; {missing[0]} is missing")
        boxes = _array(entry["boxes"], np.float64)
        boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ValueError(f"{where}['boxes'] must have the shape (K, 4), got {boxes.shape}")
        if not np.isfinite(boxes).all():
            raise ValueError(f"{where}['boxes'] must be finite, got nan or infinity")
        if (boxes[:, 2:] < boxes[:, :2]).any():
            odd = boxes[(boxes[:, 2:] < boxes[:, :2]).any(axis=1)][0].tolist()
            raise ValueError(f"{where}['boxes'] must have x1 <= x2 and y1 <= y2, got {odd}")
        found = {"boxes": boxes}
        for key in [*keys, *(key for key in optional if key in entry)]:
            if key == "boxes":
                continue
            dtype = {"labels": np.int64, "scores": np.float64}.get(key, bool)
            found[key] = _array(entry[key], dtype)
            if found[key].shape != (len(boxes),):
                raise ValueError(
                    f"{where}[{key!r}] must have the shape ({len(boxes)},), one a box, got {found[key].shape}"
                )
        if np.isnan(found.get("scores", 0)).any():
            raise ValueError(f"{where}['scores'] must be numbers, got nan")
        checked.append(found)
    return checked


def _overlaps(boxes: np.ndarray, truth: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """IoU of all pairs, (D, T); for a crowd the share of the detection that lies in it, as COCO has it."""
    low = np.maximum(boxes[:, None, :2], truth[:, :2])
    high = np.minimum(boxes[:, None, 2:], truth[:, 2:])
    inner = (high - low).clip(0).prod(axis=2)
    areas, true_areas = ((b[:, 2:] - b[:, :2]).prod(axis=1) for b in (boxes, truth))
    whole = np.where(crowd, areas[:, None], areas[:, None] + true_areas - inner)
    return np.divide(inner, whole, out=np.zeros_like(inner), where=inner > 0)


def detection_curves(
    predictions: Sequence[Mapping[str, Any]],
    targets: Sequence[Mapping[str, Any]],
    iou_threshold: float = 0.5,
    num_classes: int | None = None,
) -> list[DetectionCurve | None]:
    """Each class's precision and recall, detection by detection over all pictures, surest first.

    Equal scores keep the order of the pictures and, within one, of the predictions. Arguments and errors as for
    `detection_average_precision`. A class without truth has no recall: its entry is None.
    """
    given = _entries("predictions", predictions, ("boxes", "scores", "labels"))
    truth = _entries("targets", targets, ("boxes", "labels"), ("ignore", "iscrowd"))
    if len(given) != len(truth):
        raise ValueError(f"predictions must be as many as targets ({len(truth)}), one a picture, got {len(given)}")
    labels = [entry["labels"] for entry in (*given, *truth)]
    largest = max((int(part.max()) for part in labels if part.size), default=-1)
    num_classes = max(1, largest + 1) if num_classes is None else check_int("num_classes", num_classes, 1)
    if largest >= num_classes or min((int(part.min()) for part in labels if part.size), default=0) < 0:
        raise ValueError(f"labels must be from 0 to num_classes - 1 = {num_classes - 1}, got others")

    counts = np.zeros(num_classes, dtype=np.int64)  # true boxes that count
    parts = []  # (labels, scores, true or not) of the detections that count
    for guess, true in zip(given, truth, strict=True):
        crowd = true.get("iscrowd", np.zeros(len(true["boxes"]), dtype=bool))
        ignore = crowd | true.get("ignore", False)
        counts += np.bincount(true["labels"][~ignore], minlength=num_classes)
        order = np.argsort(-guess["scores"], kind="stable")
        boxes, scores, classes = guess["boxes"][order], guess["scores"][order], guess["labels"][order]
        ious = np.where(classes[:, None] == true["labels"], _overlaps(boxes, true["boxes"], crowd), 0)
        matched = match_detections(ious, iou_threshold, ignore)
        kept = (matched < 0) | ~np.append(ignore, False)[matched]
        parts.append((classes[kept], scores[kept], matched[kept] >= 0))
    classes, scores, hits = (np.concatenate(column) for column in zip(*parts, strict=True)) if parts else ([], [], [])
    curves: list[DetectionCurve | None] = []
    for label in range(num_classes):
        if not counts[label]:
            curves.append(None)
            continue
        mine = np.flatnonzero(classes == label)
        mine = mine[np.argsort(-scores[mine], kind="stable")]
        true_so_far = np.cumsum(hits[mine])
        precision = true_so_far / np.arange(1, len(mine) + 1)
        curves.append(DetectionCurve(precision, true_so_far / counts[label], scores[mine]))
    return curves


def detection_average_precision(
    predictions: Sequence[Mapping[str, Any]],
    targets: Sequence[Mapping[str, Any]],
    iou_threshold: float = 0.5,
    interpolation: str = "all_points",
    num_classes: int | None = None,
) -> DetectionScore:
    """Average precision of a detector for each class, and its mean over the classes that occur: mAP.

    Derived in notebooks/12b_ssd_and_after.ipynb. With '101_points' it equals pycocotools (one threshold, all areas, no
    limit on the detections a picture); COCO's AP is the mean over the thresholds 0.5, 0.55, ... 0.95.

    Args:
        predictions: one mapping a picture: 'boxes' (D, 4) xyxy, 'scores' (D,), 'labels' (D,). D may be 0.
        targets: one mapping a picture: 'boxes' (T, 4), 'labels' (T,); optional bool (T,): 'ignore' (Pascal's difficult
            objects) and 'iscrowd' (COCO's groups, where overlap is the share of the detection in the group): such boxes
            need not be found, and detections that match one count neither as right nor as wrong. T may be 0.
        iou_threshold: overlap from which a detection counts as right, above 0, at most 1.
        interpolation: as in `interpolated_average_precision`.
        num_classes: labels go from 0 to num_classes - 1; one more than the largest label if None.

    Returns:
        mean and per_class. A class without truth (or with ignored truth only) is nan and left out of the mean, even if
        it was predicted; a class that is never predicted scores 0. Without any truth the mean is nan.

    Raises:
        ValueError: missing keys, shapes, lengths or labels that do not fit, boxes that are reversed or not finite,
            scores that are nan. Boxes of no area and boxes outside the picture are allowed; the former overlap nothing.
    """
    curves = detection_curves(predictions, targets, iou_threshold, num_classes)
    per_class = np.array(
        [np.nan if c is None else interpolated_average_precision(c.precision, c.recall, interpolation) for c in curves]
    )
    known = per_class[~np.isnan(per_class)]
    return DetectionScore(float(known.mean()) if len(known) else float("nan"), per_class)


# --- a class for every pixel -----------------------------------------------------------------------------------------


def segmentation_confusion(predictions: Any, targets: Any, num_classes: int, ignore: int | None = 255) -> np.ndarray:
    """Count pixels by their true class (rows) and their predicted class (columns); void pixels are not counted.

    The matrices of several batches may be added: every figure below is computed from the sum, over all pixels of all
    pictures, as Long, Shelhamer and Darrell 2015 do (section 5). Derived in notebooks/13_fully_convolutional.ipynb.

    Args:
        predictions: (N, H, W) or any other shape, classes 0 to num_classes - 1.
        targets: of the same shape; `ignore` marks pixels whose class is left open.
        num_classes: the ground counts as one.
        ignore: label of void pixels, at least num_classes; None if there are none.

    Returns:
        int64 (num_classes, num_classes); its sum is the number of pixels counted.

    Raises:
        ValueError: shapes that differ, classes out of range, numbers that are not whole.
    """
    check_int("num_classes", num_classes, 1)
    if ignore is not None:
        check_int("ignore", ignore, num_classes)
    given, true = (
        np.asarray(value.detach().cpu() if hasattr(value, "detach") else value) for value in (predictions, targets)
    )
    if given.shape != true.shape:
        raise ValueError(f"predictions must have the shape of targets, {true.shape}, got {given.shape}")
    for name, array in (("predictions", given), ("targets", true)):
        if array.dtype.kind not in "iub":
            raise ValueError(f"{name} must hold whole numbers, one class a pixel, got {array.dtype}: take the argmax")
    counted = np.ones(true.shape, dtype=bool) if ignore is None else true != ignore
    given, true = given[counted].astype(np.int64), true[counted].astype(np.int64)
    for name, array in (("predictions", given), ("targets", true)):
        odd = array[(array < 0) | (array >= num_classes)]
        if odd.size:
            void = "" if ignore is None else f" (or {ignore} for void, in targets)"
            raise ValueError(f"{name} must be from 0 to {num_classes - 1}{void}, got {odd[0]}")
    return np.bincount(num_classes * true + given, minlength=num_classes**2).reshape(num_classes, num_classes)


def _confusion(confusion: Any) -> np.ndarray:
    counts = np.asarray(confusion, dtype=np.int64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0 or (counts < 0).any():
        raise ValueError(f"confusion must be counts of the shape (C, C), none below 0, got the shape {counts.shape}")
    return counts


def pixel_accuracy(confusion: Any) -> float:
    """The share of the pixels whose class is right; nan if no pixel was counted.

    Derived in notebooks/13_fully_convolutional.ipynb.

    Args:
        confusion: (C, C), from `segmentation_confusion`.
    """
    counts = _confusion(confusion)
    return float(np.trace(counts) / counts.sum()) if counts.any() else float("nan")


def class_iou(confusion: Any) -> np.ndarray:
    """Intersection over union of each class: pixels that are it and were called it, over pixels that are either.

    Long, Shelhamer and Darrell 2015, section 5. Derived in notebooks/13_fully_convolutional.ipynb.

    Args:
        confusion: (C, C), from `segmentation_confusion`.

    Returns:
        float64 (C,), 0..1; nan for a class that is neither in the truth nor in the predictions.
    """
    counts = _confusion(confusion)
    right = np.diag(counts)
    either = counts.sum(axis=0) + counts.sum(axis=1) - right
    return np.divide(right, either, out=np.full(len(counts), np.nan), where=either > 0)


def mean_iou(confusion: Any) -> float:
    """The mean of `class_iou` over the classes that occur: one that is neither true nor predicted is left out.

    A class that occurs in the truth and is never predicted counts as 0, and so does one that is predicted and never
    true. Without any pixel the mean is nan. Derived in notebooks/13_fully_convolutional.ipynb.

    Args:
        confusion: (C, C), from `segmentation_confusion`.
    """
    found = class_iou(confusion)
    found = found[~np.isnan(found)]
    return float(found.mean()) if len(found) else float("nan")


def boundary_iou(
    predictions: Any, targets: Any, num_classes: int, distance: int | None = None, ignore: int = 255
) -> np.ndarray:
    """IoU of each class's edges: of the pixels of the class that lie within `distance` of where it ends.

    A pixel lies there if the square of 2 distance + 1 pixels around it holds another class or reaches out of the
    picture. Pixels are counted over all pictures. Cheng et al. 2021, with their border of the picture as an edge and
    their default for `distance`. Derived in notebooks/14_segnet_and_unet.ipynb.

    Args:
        predictions, targets: (N, H, W), classes from 0 to num_classes - 1; NumPy or PyTorch, on the CPU.
        num_classes: how many classes there are.
        distance: in pixels; 2 % of the picture's diagonal, rounded, at least 1, if None.
        ignore: where the target is this, a pixel counts for nothing, whatever is predicted; a class ends there.

    Returns:
        float64 (num_classes,), 0..1; nan for a class without edges in both.

    Raises:
        ValueError: shapes that differ, or a class out of range.
    """
    import torch
    import torch.nn.functional as F

    check_int("num_classes", num_classes, 1)
    predictions, targets = (torch.as_tensor(maps).long() for maps in (predictions, targets))
    if predictions.ndim != 3 or predictions.shape != targets.shape or 0 in targets.shape:
        raise ValueError(
            f"predictions and targets must both have the shape (N, H, W), got {tuple(predictions.shape)} and "
            f"{tuple(targets.shape)}"
        )
    if distance is None:
        distance = max(1, round(0.02 * float(np.hypot(*targets.shape[1:]))))
    check_int("distance", distance, 1)
    known = targets != ignore
    predictions = predictions.where(known, ignore)
    for name, maps in (("predictions", predictions), ("targets", targets)):
        odd = maps[known & ((maps < 0) | (maps >= num_classes))]
        if len(odd):
            raise ValueError(f"{name} must hold classes from 0 to {num_classes - 1}, got {odd[0].item()}")

    def edges(maps: torch.Tensor) -> torch.Tensor:
        padded = F.pad(maps[:, None].float(), (distance,) * 4, value=-1.0)
        low, high = (sign * F.max_pool2d(sign * padded, 2 * distance + 1, stride=1) for sign in (-1, 1))
        return (low != high)[:, 0] & known

    edge, true_edge = edges(predictions), edges(targets)
    both = edge & true_edge & (predictions == targets)
    common, given, true = (
        torch.bincount(classes, minlength=num_classes)
        for classes in (targets[both], predictions[edge], targets[true_edge])
    )
    return (common.double() / (given + true - common)).numpy()


# --- pictures ------------------------------------------------------------------------------------------------------


def psnr(images: torch.Tensor, targets: torch.Tensor, data_range: float = 1.0) -> torch.Tensor:
    """Peak signal-to-noise ratio of each picture: 10 log10(data_range^2 / mean squared error), in dB.

    Equal to `skimage.metrics.peak_signal_noise_ratio`, picture by picture. Derived in
    notebooks/15_colorization.ipynb.

    Args:
        images, targets: (N, ...) of one shape, floats.
        data_range: the largest value minus the smallest one that a pixel can have.

    Returns:
        (N,); inf where a picture equals its target.

    Raises:
        ValueError: two shapes, no pixel, or a data_range that is not above 0.
    """
    _check_pair("images", images, targets)
    if not data_range > 0:
        raise ValueError(f"data_range must be above 0, got {data_range!r}")
    error = ((images - targets) ** 2).flatten(1).mean(dim=1)
    return 10 * (data_range**2 / error).log10()


def ssim(images: torch.Tensor, targets: torch.Tensor, data_range: float = 1.0) -> torch.Tensor:
    """Structural similarity of each picture (Wang et al. 2004): means, spreads and correlation in windows of 11 pixels.

    `skimage.metrics.structural_similarity` with the paper's Gaussian window (sigma 1.5) and plain covariances, the mean
    over all windows that lie within the picture and over the channels. Derived in notebooks/17_super_resolution.ipynb.

    Args:
        images, targets: (N, C, H, W) of one shape, floats on the CPU, H and W of at least 11.
        data_range: the largest value minus the smallest one that a pixel can have.

    Returns:
        float64 (N,), 1 where a picture equals its target.

    Raises:
        ValueError: two shapes, pictures smaller than the window, or a data_range that is not above 0.
    """
    import torch
    from skimage.metrics import structural_similarity

    _check_pair("images", images, targets)
    if images.ndim != 4 or min(images.shape[2:]) < 11:
        raise ValueError(f"images must have the shape (N, C, H, W), sides of 11 or more, got {tuple(images.shape)}")
    if not data_range > 0:
        raise ValueError(f"data_range must be above 0, got {data_range!r}")
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": data_range}
    pairs = zip(images.double().numpy(), targets.double().numpy(), strict=True)
    found = [structural_similarity(image, target, channel_axis=0, **options) for image, target in pairs]
    return torch.tensor(found, dtype=torch.float64)


def luminance_quality(images: torch.Tensor, targets: torch.Tensor, border: int) -> tuple[torch.Tensor, torch.Tensor]:
    """PSNR and SSIM as the papers on super-resolution take them: of the luminance, without the picture's border.

    Derived in notebooks/17_super_resolution.ipynb.

    Args:
        images, targets: (N, 3, H, W) in 0..1, of which Y is taken, or (N, 1, H, W), which are taken as they are.
        border: pixels left out on each side, in the papers as many as the scale.

    Returns:
        PSNR in dB and SSIM, each (N,).

    Raises:
        ValueError: two shapes, another number of channels, or a border that leaves fewer than 11 pixels.
    """
    from course_utils.color import rgb_to_ycbcr

    _check_pair("images", images, targets)
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"images must have the shape (N, 3, H, W) or (N, 1, H, W), got {tuple(images.shape)}")
    height, width = images.shape[2:]
    check_int("border", border, 0, (min(height, width) - 11) // 2)
    pair = (rgb_to_ycbcr(x)[:, :1] if x.shape[1] == 3 else x for x in (images, targets))
    inside = [x[..., border : height - border, border : width - border] for x in pair]
    return psnr(*inside), ssim(*inside)


def color_auc(
    ab: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None, limit: float = 150.0
) -> float:
    """Area under the curve of pixels whose colour is right to within t, for t from 0 to `limit`, as a share.

    Zhang et al. 2016, section 3.1. A pixel at distance d counts for all t from d up, so the area is the mean of
    1 - d / limit, cut off at 0. Derived in notebooks/15_colorization.ipynb.

    Args:
        ab, targets: (N, 2, H, W), in units of Lab.
        weights: (N, H, W), what each pixel counts; None for all the same. The paper's balanced AuC gives a pixel the
            inverse share of its true colour's bin.
        limit: the largest threshold, above 0.

    Returns:
        0 to 1.

    Raises:
        ValueError: shapes that do not fit, no pixel, or a limit that is not above 0.
    """
    _check_pair("ab", ab, targets)
    if not limit > 0:
        raise ValueError(f"limit must be above 0, got {limit!r}")
    right = (1 - (ab - targets).norm(dim=1) / limit).clamp(min=0)  # (N, H, W)
    if weights is None:
        return right.mean().item()
    if weights.shape != right.shape:
        raise ValueError(f"weights must have the shape {tuple(right.shape)}, got {tuple(weights.shape)}")
    return ((weights * right).sum() / weights.sum()).item()


def _check_pair(name: str, value: torch.Tensor, targets: torch.Tensor) -> None:
    if value.shape != targets.shape or value.ndim < 2 or 0 in value.shape:
        raise ValueError(
            f"{name} and targets must have one shape (N, ...) with at least one pixel, got {tuple(value.shape)} and "
            f"{tuple(targets.shape)}"
        )


# --- sentences --------------------------------------------------------------------------------------------------------


def ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    """How often each run of n words occurs in a sentence. Derived in notebooks/19_attention.ipynb."""
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def bleu(given: Sequence[Sequence[str]], true: Sequence[Sequence[str]], longest: int = 4) -> float:
    """BLEU of a set of translations (Papineni et al. 2002), with one true translation each and no smoothing.

    The geometric mean of the precisions of runs of 1 to 4 words, each counted at most as often as the true translation
    has it, times exp(1 - r / c) where the c words given are fewer than the r true ones. Derived in
    notebooks/19_attention.ipynb; equal to sacrebleu (no tokenizer, no smoothing), which multiplies by 100.

    Args:
        given, true: sentences as lists of words, as many of the one as of the other.
        longest: words in the longest runs.

    Returns:
        0 to 1; 0 where not a single run of some length is right.

    Raises:
        ValueError: no sentences, different numbers of them, or a sentence that is a string and not a list of words.
    """
    check_int("longest", longest, 1)
    if not len(given) or len(given) != len(true):
        raise ValueError(f"given and true must be as many sentences, at least one, got {len(given)} and {len(true)}")
    if any(isinstance(sentence, str) for sentence in (*given, *true)):
        raise ValueError("given and true must hold lists of words, got a string; split it at its spaces")
    precisions = []
    for n in range(1, longest + 1):
        counts = [(ngrams(mine, n), ngrams(theirs, n)) for mine, theirs in zip(given, true, strict=True)]
        right = sum((mine & theirs).total() for mine, theirs in counts)
        precisions.append(right / max(1, sum(mine.total() for mine, _ in counts)))
    if min(precisions) == 0:
        return 0.0
    c, r = sum(map(len, given)), sum(map(len, true))
    return min(1.0, math.exp(1 - r / c)) * math.exp(sum(map(math.log, precisions)) / longest)
