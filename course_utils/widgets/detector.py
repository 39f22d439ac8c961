"""A detector's boxes at two thresholds, and its precision-recall curve (notebook 12b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils import metrics
from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

_RIGHT, _WRONG = "#0072B2", "#D55E00"
_SIDE, _TOP = 460, 70  # of the picture and of the curve


def _matched(guess: Mapping[str, Any], true: Mapping[str, Any], overlap: float) -> tuple[np.ndarray, np.ndarray]:
    """Order of one picture's detections by score, and the true box of each in that order, -1 where it has none."""
    from course_utils import boxes

    order = np.argsort(-np.asarray(guess["scores"]), kind="stable")
    same = np.asarray(guess["labels"])[order, None] == np.asarray(true["labels"])
    ious = boxes.iou(guess["boxes"], true["boxes"]).double().numpy()[order] * same
    return order, metrics.match_detections(ious, overlap)


def _pooled(predictions: Sequence, targets: Sequence, overlap: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Scores of all detections, falling, whether each is right, and the number of true boxes; all classes together."""
    scores, right = [], []
    for guess, true in zip(predictions, targets, strict=True):
        order, matched = _matched(guess, true, overlap)
        scores.append(np.asarray(guess["scores"], dtype=np.float64)[order])
        right.append(matched >= 0)
    scores, right = np.concatenate(scores), np.concatenate(right)
    order = np.argsort(-scores, kind="stable")
    return scores[order], right[order], sum(len(true["labels"]) for true in targets)


def _check(images: Any, predictions: Sequence, targets: Sequence, names: Sequence[str], **given: int) -> None:
    if images.ndim != 4 or images.shape[1] != 3 or not len(images):
        raise ValueError(f"images must have the shape (N, 3, H, W) with N of at least 1, got {tuple(images.shape)}")
    if len(predictions) != len(targets) or len(targets) < len(images):
        raise ValueError(
            f"predictions and targets must be as many, and at least as many as images ({len(images)}), got "
            f"{len(predictions)} and {len(targets)}"
        )
    if not sum(len(true["labels"]) for true in targets):
        raise ValueError("targets must hold at least one box: without it there is no recall")
    largest = max(int(max(entry["labels"], default=-1)) for entry in (*predictions, *targets))
    if largest >= len(names):
        raise ValueError(f"names must be as many as there are labels, at least {largest + 1}, got {len(names)}")
    check_int("picture", given["picture"], 0, len(images) - 1)
    check_int("score", given["score"], 0, 100)
    check_int("overlap", given["overlap"], 1, 100)


def detector_svg(
    images: Any,
    predictions: Sequence[Mapping[str, Any]],
    targets: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    picture: int = 0,
    score: int = 30,
    overlap: int = 50,
) -> str:
    """One picture with the boxes above a score, and the precision-recall curve of all pictures with that score's point.

    Args:
        images: (N, 3, H, W) in 0..1, on the CPU: the pictures that may be shown.
        predictions, targets: at least N mappings each, as in `metrics.detection_average_precision`; the curve takes all
            of them, all classes in one list.
        names: the class names.
        picture: which one is shown.
        score: in percent, 0 to 100; a box is shown from this score on.
        overlap: in percent, 1 to 100; a box is right if it overlaps a free true box of its class at least so much.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: shapes and lengths that do not fit, no true box at all, a number out of its range.
    """
    _check(images, predictions, targets, names, picture=picture, score=score, overlap=overlap)
    guess, true, least = predictions[picture], targets[picture], score / 100
    left, scale = 20, _SIDE / max(images.shape[2:])
    height, width = (side * scale for side in images.shape[2:])
    parts = [
        canvas.text(left, 40, f"boxes from a score of {least:.2f} on", 22, weight="bold"),
        canvas.picture(images[picture], left, _TOP, width, height),
    ]

    def frame(box: Any, kind: str, color: str, dashes: str) -> str:
        x1, y1, x2, y2 = (float(v) * scale for v in box)
        place = f'x="{left + x1:.1f}" y="{_TOP + y1:.1f}" width="{x2 - x1:.1f}" height="{y2 - y1:.1f}" fill="none"'
        return (
            f'<rect {place} stroke="#FFFFFF" stroke-width="7"/>'
            f'<rect class="{kind}" {place} stroke="{color}" stroke-width="4" stroke-dasharray="{dashes}"/>'
        )

    order, matched = _matched(guess, true, overlap / 100)
    shown = [(int(k), int(t)) for k, t in zip(order, matched, strict=True) if float(guess["scores"][int(k)]) >= least]
    found = {t for _, t in shown}
    missed = [k for k in range(len(true["labels"])) if k not in found]
    parts += [frame(true["boxes"][k], "missed", "#000000", "2 7") for k in missed]
    for k, t in shown:
        box, color = guess["boxes"][k], _RIGHT if t >= 0 else _WRONG
        parts.append(frame(box, "right" if t >= 0 else "wrong", color, "none" if t >= 0 else "12 7"))
    for k, _ in shown:
        x, y = left + float(guess["boxes"][k][0]) * scale, _TOP + max(18.0, float(guess["boxes"][k][1]) * scale)
        words = f"{names[int(guess['labels'][k])]} {float(guess['scores'][k]):.2f}"
        parts.append(f'<rect x="{x:.1f}" y="{y - 17:.1f}" width="{10 * len(words)}" height="19" fill="#FFFFFF"/>')
        parts.append(canvas.text(x + 3, y - 2, words, 15))
    right_here = sum(t >= 0 for _, t in shown)
    line = f"{right_here} right (solid), {len(shown) - right_here} wrong (dashed), {len(missed)} missed (dotted)"
    parts.append(canvas.text(left, _TOP + _SIDE + 34, line, 18))

    scores, right, truths = _pooled(predictions, targets, overlap / 100)
    hits = right.cumsum()
    start, base, side = 570, _TOP + _SIDE - 40, 400
    parts.append(canvas.text(start, 40, f"right from an overlap of {overlap / 100:.2f} on", 22, weight="bold"))
    parts.append(
        f'<rect x="{start}" y="{base - side}" width="{side}" height="{side}" fill="none" stroke="{canvas.LINE}" '
        'stroke-width="2"/>'
    )
    for at in (0, 0.5, 1):
        parts.append(canvas.text(start + side * at, base + 22, f"{at:g}", 16, "middle"))
        parts.append(canvas.text(start - 10, base - side * at + 6, f"{at:g}", 16, "end"))
    parts.append(canvas.text(start + side / 2, base + 44, "recall, all pictures and classes", 18, "middle"))
    parts.append(
        f'<text x="{start - 42}" y="{base - side / 2:g}" font-size="18" text-anchor="middle" '
        f'transform="rotate(-90 {start - 42} {base - side / 2:g})">precision</text>'
    )
    if len(scores):
        kept = np.unique(np.linspace(0, len(scores) - 1, 250).round().astype(int))
        points = " ".join(
            f"{start + side * hits[k] / truths:.1f},{base - side * hits[k] / (k + 1):.1f}" for k in kept.tolist()
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{_RIGHT}" stroke-width="3"/>')
    count = int((scores >= least).sum())
    if count:
        precision, recall = hits[count - 1] / count, hits[count - 1] / truths
        parts.append(
            f'<circle class="point" cx="{start + side * recall:.1f}" cy="{base - side * precision:.1f}" r="11" '
            f'fill="{canvas.WINDOW}" stroke="#000" stroke-width="3"/>'
        )
        line = f"{count} boxes: precision {precision:.3f}, recall {recall:.3f}"
    else:
        line = "no box: precision 0 / 0, recall 0"
    parts.append(canvas.text(start, _TOP + _SIDE + 34, line, 18))
    words = (
        f"A picture with {len(true['labels'])} true boxes; from a score of {least:.2f} on {len(shown)} boxes are "
        f"shown, {right_here} of them right at an overlap of {overlap / 100:.2f}, and {len(missed)} objects missed. "
        f"Beside it the precision-recall curve of all pictures; at this score {line}."
    )
    return canvas.svg(words, parts, _TOP + _SIDE + 60)


def show_detector(images: Any, predictions: Sequence, targets: Sequence, names: Sequence[str], **given: int) -> None:
    """Display the picture of `detector_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(detector_svg(images, predictions, targets, names, **given))


def explore_detector(
    images: Any,
    predictions: Sequence[Mapping[str, Any]],
    targets: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    picture: int = 0,
    score: int = 30,
    overlap: int = 50,
) -> ipywidgets.VBox:
    """Sliders for the picture and the two thresholds, and the picture of `detector_svg` that follows them.

    Used in notebooks/12b_ssd_and_after.ipynb. Arguments and errors as in `detector_svg`.

    Returns:
        The explorer: a box of DOM class `detector-explorer`, to be left as the last value of a cell.
    """
    given = {"picture": picture, "score": score, "overlap": overlap}
    start = detector_svg(images, predictions, targets, names, **given)
    limits = {"picture": (0, len(images) - 1), "score": (0, 100), "overlap": (1, 100)}
    controls = canvas.sliders(limits, given)
    controls["score"].description, controls["overlap"].description = "score in %", "overlap in %"

    def draw() -> str:
        now = {name: control.value for name, control in controls.items()}
        return detector_svg(images, predictions, targets, names, **now)

    return canvas.follow("detector-explorer", list(controls.values()), start, draw)
