"""One label and its threshold (notebook 09)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from course_utils import metrics
from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

_SHOWS, _LACKS = "#0072B2", "#E69F00"  # pictures that show the label, pictures that do not


_BINS = 20


def _annotation_arguments(
    scores: object, targets: object, names: Sequence[str], label: int, threshold: int
) -> tuple[np.ndarray, np.ndarray]:
    scores, targets = np.asarray(scores, dtype=np.float64), np.asarray(targets)
    if scores.ndim != 2 or scores.shape != targets.shape:
        raise ValueError(f"scores and targets must both have the shape (N, L), got {scores.shape}, {targets.shape}")
    if len(names) != scores.shape[1]:
        raise ValueError(f"names must be as many as there are labels, {scores.shape[1]}, got {len(names)}")
    if not (0 <= scores.min() and scores.max() <= 1):
        raise ValueError(f"scores must lie in 0..1, got {scores.min():g} to {scores.max():g}: apply the sigmoid first")
    check_int("label", label, 0, scores.shape[1] - 1)
    check_int("threshold", threshold, 0, 100)
    return scores, targets.astype(bool)


def _share_in_words(name: str, part: int, whole: int) -> str:
    return f"{name} = {part} / {whole} = {part / whole:.3f}" if whole else f"{name} = 0 / 0: not defined"


def annotation_svg(scores: object, targets: object, names: Sequence[str], label: int = 0, threshold: int = 50) -> str:
    """Picture of one label at one threshold: its scores, the four counts, precision and recall, and their curve.

    Args:
        scores: (N, L), probabilities in 0..1.
        targets: (N, L) of 0 and 1; every label at least once 1.
        names: the L labels.
        label: which one is shown.
        threshold: in percent, 0 to 100; a picture gets the label if its score reaches it.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: shapes that differ, scores outside 0..1, a label without a picture, a number out of its range.
    """
    scores, targets = _annotation_arguments(scores, targets, names, label, threshold)
    score, true, name = scores[:, label], targets[:, label], names[label]
    given = score >= threshold / 100
    hits, false, missed = int((given & true).sum()), int((given & ~true).sum()), int((~given & true).sum())
    rest = len(score) - hits - false - missed
    precision, recall, _ = metrics.precision_recall_curve(score, true)

    parts = [
        canvas.text(
            20, 36, f"label \u201c{name}\u201d, given from a score of {threshold / 100:.2f} on", 24, weight="bold"
        )
    ]
    left, middle, width, height = 40, 215, 420, 120
    for kind, pictures, fill, sign in (("shows", true, _SHOWS, -1), ("lacks", ~true, _LACKS, 1)):
        bars = np.histogram(score[pictures], bins=_BINS, range=(0, 1))[0]
        tallest = max(int(bars.max()), 1)
        for k, count in enumerate(bars.tolist()):
            bar = height * count / tallest
            x, y = left + k * width / _BINS + 1, middle - bar if sign < 0 else middle
            parts.append(
                f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width / _BINS - 2:.1f}" height="{bar:.1f}" '
                f'fill="{fill}"/>'
            )
        words = f"{int(pictures.sum())} pictures {'show it' if kind == 'shows' else 'do not'} (tallest bar: {tallest})"
        parts.append(canvas.text(left, middle - height - 12 if sign < 0 else middle + height + 46, words, 18))
    x = left + width * threshold / 100
    parts += [
        f'<line x1="{left}" y1="{middle}" x2="{left + width}" y2="{middle}" stroke="{canvas.LINE}" stroke-width="2"/>',
        f'<line class="threshold" x1="{x:.1f}" y1="{middle - height}" x2="{x:.1f}" y2="{middle + height}" '
        'stroke="#000000" stroke-width="4" stroke-dasharray="9 5"/>',
        *(canvas.text(left + width * at, middle + height + 22, f"{at:g}", 16, "middle") for at in (0, 0.5, 1)),
        canvas.text(left + width * 0.75, middle + height + 22, "score", 16, "middle"),
    ]

    side, base, start = 330, 400, 610  # the curve
    parts.append(
        f'<rect x="{start}" y="{base - side}" width="{side}" height="{side}" fill="none" stroke="{canvas.LINE}" '
        'stroke-width="2"/>'
    )
    points = " ".join(
        f"{start + side * r:.1f},{base - side * p:.1f}"
        for p, r in zip(precision.tolist(), recall.tolist(), strict=True)
    )
    parts.append(f'<polyline points="{points}" fill="none" stroke="{_SHOWS}" stroke-width="3"/>')
    for at in (0, 0.5, 1):
        parts.append(canvas.text(start + side * at, base + 24, f"{at:g}", 16, "middle"))
        parts.append(canvas.text(start - 10, base - side * at + 6, f"{at:g}", 16, "end"))
    parts.append(canvas.text(start + side / 2, base + 50, "recall", 19, "middle"))
    parts.append(
        f'<text x="{start - 48}" y="{base - side / 2:g}" font-size="19" text-anchor="middle" '
        f'transform="rotate(-90 {start - 48} {base - side / 2:g})">precision</text>'
    )
    if hits + false:
        x, y = start + side * hits / (hits + missed), base - side * hits / (hits + false)
        parts.append(
            f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="11" fill="{canvas.WINDOW}" stroke="#000" '
            'stroke-width="3"/>'
        )
    parts.append(
        canvas.text(start + side, 50, f"average precision {metrics.average_precision(score, true):.3f}", 19, "end")
    )

    columns, table = (180, 330), 440
    parts += [
        canvas.text(columns[0], table, "shows it", 18, "middle"),
        canvas.text(columns[1], table, "does not", 18, "middle"),
    ]
    for row, (title, counts) in enumerate((("given", (hits, false)), ("not given", (missed, rest)))):
        y = table + 12 + 46 * row
        parts.append(canvas.text(100, y + 31, title, 18, "end"))
        for center, count, right in zip(columns, counts, (row == 0, row == 1), strict=True):
            fill = canvas.OUTPUT if right else "url(#hatch)"
            parts.append(
                f'<rect class="count" x="{center - 70}" y="{y}" width="140" height="42" fill="{fill}" '
                f'stroke="{canvas.LINE}"/>'
            )
            parts.append(f'<rect x="{center - 34}" y="{y + 6}" width="68" height="30" fill="#FFFFFF"/>')
            parts.append(canvas.text(center, y + 30, str(count), 23, "middle", weight="bold"))
    lines = [
        _share_in_words("precision", hits, hits + false),
        _share_in_words("recall", hits, hits + missed),
        _share_in_words("F1", 2 * hits, 2 * hits + false + missed),
    ]
    parts += [canvas.text(500, 482 + 30 * number, line, 21) for number, line in enumerate(lines)]
    words = (
        f"Label {name}, given from a score of {threshold / 100:.2f} on. {hits} pictures that show it get it, {missed} "
        f"do not; {false} pictures without it get it, {rest} do not. {'; '.join(lines)}. The point on the "
        "precision-recall curve is marked."
    )
    return canvas.svg(words, parts, 570)


def show_annotation(scores: object, targets: object, names: Sequence[str], label: int = 0, threshold: int = 50) -> None:
    """Display the picture of `annotation_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(annotation_svg(scores, targets, names, label, threshold))


def explore_annotation(
    scores: object, targets: object, names: Sequence[str], label: int = 0, threshold: int = 50
) -> ipywidgets.VBox:
    """A menu for the label and a slider for the threshold, and the picture of `annotation_svg` that follows them.

    Used in notebooks/09_multi_label_annotation.ipynb. Arguments and errors as in `annotation_svg`.

    Returns:
        The explorer: a box of DOM class `annotation-explorer`, to be left as the last value of a cell.
    """
    import ipywidgets

    start = annotation_svg(scores, targets, names, label, threshold)
    options = [(name, number) for number, name in enumerate(names)]
    chosen = ipywidgets.Dropdown(options=options, value=label, description="label", **canvas.SLIDER)
    height = ipywidgets.IntSlider(value=threshold, min=0, max=100, description="threshold in %", **canvas.SLIDER)

    def draw() -> str:
        return annotation_svg(scores, targets, names, chosen.value, height.value)

    return canvas.follow("annotation-explorer", [chosen, height], start, draw)
