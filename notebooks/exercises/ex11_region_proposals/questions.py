"""Region proposals, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: what the windows cost ----------------------------------------------------------------------------------------


def _draw_windows(rng: np.random.Generator) -> dict[str, Any]:
    step = int(rng.choice((4, 5, 8)))  # fewer than 1,000 windows: one more or less is beyond the tolerance
    long, short = (int(n) for n in rng.choice((3, 4, 5), 2, replace=False))
    return {
        "width": step * int(rng.integers(18, 25)) + int(rng.integers(1, step)),
        "height": step * int(rng.integers(13, 18)) + int(rng.integers(1, step)),
        "shapes": [[step * long, step * short], [step * short, step * long]],
        "step": step,
        "side": int(rng.choice((24, 32))),
    }


def _windows(
    given: dict[str, Any],
    *,
    places: Callable[[int, int, int], float] = lambda size, window, step: (size - window) // step + 1,
    down: bool = True,
    first_only: bool = False,
    inside: Callable[[int, int, int], float] = lambda width, height, step: (width / step) * (height / step),
    pixels: Callable[[int, int, int], float] = lambda width, height, side: side**2,
) -> list[float]:
    """Windows in all, windows that hold a pixel far from the border, pixels in proportion to the picture's."""
    total, over, warped = 0.0, 0.0, 0.0
    for width, height in given["shapes"][: 1 if first_only else None]:
        step = given["step"]
        count = places(given["width"], width, step) * places(given["height"], height, step if down else 1)
        total, over = total + count, over + inside(width, height, step)
        warped += count * pixels(width, height, given["side"])
    return [total, over, warped / (given["width"] * given["height"])]


def _trace_windows(given: dict[str, Any]) -> str:
    lines, step = [], given["step"]
    for width, height in given["shapes"]:
        right, down = (given["width"] - width) // step + 1, (given["height"] - height) // step + 1
        lines.append(
            f"- {width} x {height}: ({given['width']} - {width}) / {step}, rounded down, + 1 = {right} places across, "
            f"{down} down: {right * down} windows. A pixel lies in {width // step} · {height // step} = "
            f"{width * height // step**2} of them"
        )
    total, over, times = _windows(given)
    side, whole = given["side"], given["width"] * given["height"]
    return (
        "\n".join(lines) + f"\n- Together **{total:.0f}** windows, and each pixel goes through **{over:.0f}** times\n"
        f"- {total:.0f} · {side}² = {total * side**2:.0f} pixels, against {given['width']} · {given['height']} = "
        f"{whole}: **{times:.4g}** times as many"
    )


Q1 = Numbers(
    draw=_draw_windows,
    ask=lambda given: (
        f"a picture {given['width']} pixels wide and {given['height']} high; windows "
        f"{' and '.join(f'{width} wide and {height} high' for width, height in given['shapes'])}; a step of "
        f"{given['step']} pixels, to the right and down; every window warped to {given['side']} x {given['side']}"
    ),
    expected=_windows,
    slips=(
        Slip(
            "moves counted, not places",
            lambda given: _windows(given, places=lambda size, window, step: (size - window) // step),
            "you counted the moves. A window has a place before its first move, across and down.",
        ),
        Slip(
            "windows beyond the border",
            lambda given: _windows(given, places=lambda size, window, step: -(-(size - window) // step) + 1),
            "rounded up: the last window of a row or a column reaches out of the picture.",
        ),
        Slip(
            "places without the window's size",
            lambda given: _windows(given, places=lambda size, window, step: size // step),
            "this puts a window on every step of the picture. Where it begins, its whole side must still fit.",
        ),
        Slip(
            "step only to the right",
            lambda given: _windows(given, down=False),
            "downwards the window moves by the step as well.",
        ),
        Slip(
            "one shape only",
            lambda given: _windows(given, first_only=True),
            "these are the windows of the first shape. There are two; their windows add up.",
        ),
        Slip(
            "every pixel of the window",
            lambda given: _windows(given, inside=lambda width, height, step: width * height),
            "the second number is not right: it would be so if the windows moved by one pixel.",
        ),
        Slip(
            "across and down added",
            lambda given: _windows(given, inside=lambda width, height, step: width / step + height / step),
            "the second number is not right: each place across goes with each place down. Multiply.",
        ),
        Slip(
            "windows of one row",
            lambda given: _windows(given, inside=lambda width, height, step: width / step),
            "the second number is not right: it counts the windows of one row. Those of other rows hold the pixel, "
            "too.",
        ),
        Slip(
            "windows not warped",
            lambda given: _windows(given, pixels=lambda width, height, side: width * height),
            "the third number takes the windows at their own size. The network sees them warped.",
        ),
        Slip(
            "side not squared",
            lambda given: _windows(given, pixels=lambda width, height, side: side),
            "the third number is not right: a square of this side has side times side pixels.",
        ),
        Slip(
            "proportion upside down",
            lambda given: [*_windows(given)[:2], 1 / _windows(given)[2]],
            "the third number is upside down: the pixels of all windows belong above the line.",
        ),
    ),
    hints=(
        "One shape, one row: where may the left edge be? 0, step, 2 · step, ... as long as the right edge fits.",
        "A pixel far from the border: the left edges of the windows that hold it lie in a stretch as long as the "
        "window is wide, and there is one every step.",
        "The third: windows · side² / (width · height of the picture).",
    ),
    trace=_trace_windows,
)

# --- q2: what an anchor is told ---------------------------------------------------------------------------------------


def _told(overlap: np.ndarray, high: float, low: float) -> list[int]:
    """Anchor by anchor; the notebook's solution goes by arrays."""
    table = [[float(value) for value in row] for row in overlap]
    tops = [max(column) for column in zip(*table, strict=True)]
    found = []
    for row in table:
        if any(value >= high or value == top > 0 for value, top in zip(row, tops, strict=True)):
            found.append(1)
        else:
            found.append(0 if all(value < low for value in row) else -1)
    return found


def _told_wrong(
    overlap: np.ndarray,
    high: float,
    low: float,
    *,
    enough: Callable[[Any, float], Any] = np.greater_equal,
    small: Callable[[Any, float], Any] = np.less,
    background: Callable[[np.ndarray], Any] = lambda overlap: overlap.max(axis=1),
    rescued: Callable[[np.ndarray], Any] = lambda overlap: (overlap == overlap.max(axis=0)) & (overlap > 0),
    between: int = -1,
    by_threshold: bool = True,
    nothing_last: bool = False,
) -> np.ndarray:
    """The same by arrays, with a mistake in one of its parts."""
    if overlap.shape[1] == 0:
        return np.zeros(len(overlap), dtype=int)
    told = np.full(len(overlap), between)
    nothing = small(background(overlap), low)
    told[nothing] = 0
    if by_threshold:
        told[enough(overlap.max(axis=1), high)] = 1
    told[rescued(overlap).any(axis=1)] = 1
    if nothing_last:
        told[nothing] = 0
    return told


def _first_best(overlap: np.ndarray) -> np.ndarray:
    chosen = np.zeros(overlap.shape, dtype=bool)
    chosen[overlap.argmax(axis=0), np.arange(overlap.shape[1])] = True
    return chosen & (overlap > 0)


def _told_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.array([[0.75, 0.0], [0.5, 0.0], [0.0, 0.25], [0.2, 0.05]]), 0.7, 0.3],
        [np.zeros((3, 0)), 0.7, 0.3],  # nothing is there
        [np.array([[0.7, 0.0], [0.9, 0.0], [0.3, 0.0], [0.25, 0.0]]), 0.7, 0.3],  # just enough; nobody touches box 1
        [np.array([[0.6, 0.1], [0.6, 0.1], [0.1, 0.4], [0.35, 0.4], [0.35, 0.3]]), 0.7, 0.3],  # equally good ones
    ]
    for anchors, boxes, high, low in ((7, 2, 0.7, 0.3), (9, 3, 0.5, 0.4), (12, 4, 0.6, 0.2)):
        table = rng.integers(0, 19, (anchors, boxes)) * (rng.random((anchors, boxes)) < 0.6)
        table[:, -1] = np.minimum(table[:, -1], rng.integers(2, 8))  # the last box is overlapped little
        cases.append([table / 20, high, low])
    return cases


Q2 = Function(
    name="told",
    cases=_told_cases,
    expected=_told,
    slips=(
        Slip(
            "best anchors forgotten",
            lambda overlap, high, low: _told_wrong(overlap, high, low, rescued=lambda o: np.zeros(o.shape, dtype=bool)),
            "a true box that no anchor overlaps by the high threshold has nobody who looks for it. Its best anchors "
            "are objects, too.",
        ),
        Slip(
            "only the first of equal anchors",
            lambda overlap, high, low: _told_wrong(overlap, high, low, rescued=_first_best),
            "where several anchors are equally good for a true box, only the first is told object. All of them are.",
        ),
        Slip(
            "only the best anchors",
            lambda overlap, high, low: _told_wrong(overlap, high, low, by_threshold=False),
            "only the best anchors of the true boxes are objects. Those from the high threshold on are, too.",
        ),
        Slip(
            "one best anchor for the picture",
            lambda overlap, high, low: _told_wrong(overlap, high, low, rescued=lambda o: (o == o.max()) & (o > 0)),
            "the best overlap of the whole table was taken. Each true box has a best overlap of its own: by columns.",
        ),
        Slip(
            "best box of every anchor",
            lambda overlap, high, low: _told_wrong(
                overlap, high, low, rescued=lambda o: (o == o.max(axis=1, keepdims=True)) & (o > 0)
            ),
            "every anchor that touches anything became an object: you looked for the best box of each anchor. The "
            "best anchors of each true box are meant.",
        ),
        Slip(
            "best anchors of a box nobody touches",
            lambda overlap, high, low: _told_wrong(overlap, high, low, rescued=lambda o: o == o.max(axis=0)),
            "a true box that no anchor overlaps has a best overlap of 0, and all anchors with 0 became objects. "
            "Nobody is its best anchor.",
        ),
        Slip(
            "nothing wins over best",
            lambda overlap, high, low: _told_wrong(overlap, high, low, nothing_last=True),
            "the best anchor of a true box is told nothing where its overlap is below the low threshold. The best "
            "anchors are objects, however little they overlap.",
        ),
        Slip(
            "in between told nothing",
            lambda overlap, high, low: _told_wrong(overlap, high, low, between=0),
            "what lies between the thresholds is told nothing. It is not asked: -1.",
        ),
        Slip(
            "in between told object",
            lambda overlap, high, low: _told_wrong(overlap, high, low, between=1),
            "what lies between the thresholds is told object. It is not asked: -1.",
        ),
        Slip(
            "more in place of at least",
            lambda overlap, high, low: _told_wrong(overlap, high, low, enough=np.greater),
            "exactly the high threshold is enough for an object.",
        ),
        Slip(
            "at most in place of below",
            lambda overlap, high, low: _told_wrong(overlap, high, low, small=np.less_equal),
            "exactly the low threshold is not below it: such an anchor is not asked.",
        ),
        Slip(
            "nothing by any box",
            lambda overlap, high, low: _told_wrong(overlap, high, low, background=lambda o: o.min(axis=1)),
            "an anchor is told nothing because it is far from one true box. It must be far from all.",
        ),
        Slip(
            "not asked without true boxes",
            lambda overlap, high, low: (
                _told_wrong(overlap, high, low) if overlap.shape[1] else np.full(len(overlap), -1)
            ),
            "in a picture without objects the anchors are not asked. All of them are nothing: that is known for sure.",
        ),
        Slip(
            "stops without true boxes",
            lambda overlap, high, low: (
                _told_wrong(overlap, high, low) if overlap.shape[1] else overlap.max(axis=1).astype(int)
            ),
            "it stops where there are no true boxes: a table without columns has no maximum. Answer that case first: "
            "all anchors are nothing.",
        ),
    ),
    hints=(
        "Begin with -1 everywhere; then what is nothing, then what is object. The later one wins.",
        "By the largest number of each row you know who is below low, and who reaches high.",
        "The best anchors: (overlap == overlap.max(axis=0)) & (overlap > 0), any() along each row. And a table "
        "without columns gets zeros first of all.",
    ),
    remark="The order matters: what is the best that a true box has stays an object, however little it overlaps.",
)

# --- q3: from the head's numbers to boxes -----------------------------------------------------------------------------

SCALE = (10.0, 10.0, 5.0, 5.0)


def _refined(
    regions: np.ndarray,
    deltas: np.ndarray,
    classes: np.ndarray,
    height: int,
    width: int,
    *,
    scale: Sequence[float] = SCALE,
    grow: Callable[[float, float], float] = lambda side, t: side * math.exp(t),
    sides: Callable[[float, float], tuple[float, float]] = lambda w, h: (w, h),
    anchor: float = 0.5,
    half: float = 0.5,
    chosen: Callable[[int], int | None] = lambda label: label - 1 if label else None,
    cut: Callable[[list[float], int, int], list[float]] = lambda box, height, width: [
        min(max(edge, 0.0), float(size)) for edge, size in zip(box, (width, height) * 2, strict=True)
    ],
) -> np.ndarray:
    found = np.zeros((len(regions), 4))
    for row, (region, answers, label) in enumerate(zip(regions, deltas, classes, strict=True)):
        box, place = [float(edge) for edge in region], chosen(int(label))
        if place is not None:
            tx, ty, tw, th = (float(t) / s for t, s in zip(answers[place], scale, strict=True))
            w, h = box[2] - box[0], box[3] - box[1]
            shift_w, shift_h = sides(w, h)
            x, y = box[0] + anchor * w + tx * shift_w, box[1] + anchor * h + ty * shift_h
            w, h = grow(w, tw), grow(h, th)
            if anchor:
                box = [x - half * w, y - half * h, x + half * w, y + half * h]
            else:
                box = [x, y, x + w, y + h]
        found[row] = cut(box, height, width)
    return found


def _refined_wrong(**change: Any) -> Callable[..., np.ndarray]:
    def answer(regions: Any, deltas: Any, classes: Any, height: int, width: int) -> np.ndarray:
        return _refined(regions, deltas, classes, height, width, **change)

    return answer


def _refine_cases(rng: np.random.Generator) -> list[list[Any]]:
    first = np.zeros((1, 2, 4))
    first[0, 1] = [2.0, -2.5, 0.0, 5 * math.log(0.5)]
    cases = [
        [np.array([[10.0, 20, 30, 60]]), first, np.array([2]), 100, 100],
        [np.zeros((0, 4)), np.zeros((0, 3, 4)), np.zeros(0, dtype=int), 50, 70],
        [np.array([[4.0, 4, 12, 10]]), np.full((1, 2, 4), 3.0), np.array([0]), 20, 30],  # background
        [np.array([[40.0, 2, 60, 12]]), np.array([[[10.0, -10, 4, 6]]]), np.array([1]), 30, 64],  # over two borders
    ]
    for count, kinds, last, height, width in ((4, 3, 3, 60, 90), (5, 4, 2, 90, 50)):
        corner = rng.integers(0, 25, (count, 2))
        regions = np.concatenate([corner, corner + rng.integers(6, 25, (count, 2))], axis=1).astype(float)
        classes = rng.permutation(np.concatenate([[0, last], rng.integers(1, last, count - 2)]))
        cases.append([regions, rng.integers(-12, 13, (count, kinds, 4)) / 4, classes, height, width])
    return cases


Q3 = Function(
    name="refine",
    cases=_refine_cases,
    expected=lambda regions, deltas, classes, height, width: _refined(regions, deltas, classes, height, width),
    slips=(
        Slip(
            "not scaled back",
            _refined_wrong(scale=(1.0,) * 4),
            "the head's numbers are 10, 10, 5 and 5 times too large. Divide before you move the box.",
        ),
        Slip(
            "multiplied by the scale",
            _refined_wrong(scale=[1 / s for s in SCALE]),
            "you multiplied by 10, 10, 5 and 5 once more. The head's numbers have been multiplied already: divide.",
        ),
        Slip(
            "one scale for all four",
            _refined_wrong(scale=(10.0,) * 4),
            "all four numbers were divided by 10. Width and height have a scale of 5.",
        ),
        Slip(
            "exponential forgotten",
            _refined_wrong(grow=lambda side, t: side * t),
            "the side was multiplied by t itself. t is the logarithm of a ratio: t = 0 keeps the side as it is.",
        ),
        Slip(
            "share in place of exponential",
            _refined_wrong(grow=lambda side, t: side * (1 + t)),
            "the side grew by a share, 1 + t. t is the logarithm of a ratio.",
        ),
        Slip(
            "shift in pixels",
            _refined_wrong(sides=lambda w, h: (1.0, 1.0)),
            "the shift was taken for pixels. It is told in widths and heights of the region.",
        ),
        Slip(
            "width and height exchanged in the shift",
            _refined_wrong(sides=lambda w, h: (h, w)),
            "the shift to the right is told in widths, the shift down in heights; they are exchanged.",
        ),
        Slip(
            "corner moved in place of centre",
            _refined_wrong(anchor=0.0),
            "the upper left corner was moved. The shift is that of the centre; the sides then grow around it.",
        ),
        Slip(
            "whole sides around the centre",
            _refined_wrong(half=1.0),
            "the boxes are twice too wide and too high: from the centre to an edge it is half a side.",
        ),
        Slip(
            "classes counted from 0",
            _refined_wrong(chosen=lambda label: label if label else None),
            "these are another class's numbers (or it stops with an IndexError): class 1 is the first that the head "
            "has numbers for.",
        ),
        Slip(
            "background moved",
            _refined_wrong(chosen=lambda label: label - 1),
            "regions of the background (class 0) were moved, by the numbers of the last class: 0 - 1 counts from "
            "behind.",
        ),
        Slip(
            "not cut at the border",
            _refined_wrong(cut=lambda box, height, width: box),
            "boxes reach out of the picture. Cut them at its border.",
        ),
        Slip(
            "picture's sides exchanged",
            _refined_wrong(
                cut=lambda box, height, width: [
                    min(max(edge, 0.0), float(size)) for edge, size in zip(box, (height, width) * 2, strict=True)
                ]
            ),
            "x was cut at the picture's height, y at its width.",
        ),
        Slip(
            "cut only at the upper left",
            _refined_wrong(cut=lambda box, height, width: [max(edge, 0.0) for edge in box]),
            "at the right and below, boxes still reach out of the picture.",
        ),
    ),
    hints=(
        "One region by hand: its centre, width and height; the four numbers of its class, divided by 10, 10, 5, 5.",
        "New centre: x + t_x · width. New width: width · exp(t_w). Then centre - half, centre + half.",
        "deltas[n, classes[n] - 1] are the numbers of region n. Where classes[n] is 0 the region stays; "
        "np.clip(x, 0, width) and np.clip(y, 0, height) cut.",
    ),
    remark="A detector that runs also limits t_w and t_h, so that a wild answer does not make a box beyond measure.",
)

# --- q4: rounded, and read where it is --------------------------------------------------------------------------------


def _draw_roi(rng: np.random.Generator) -> dict[str, Any]:
    stride = int(rng.choice((8, 16)))
    quarter = stride // 4
    while True:
        start, sides = rng.integers(2, 14, 2), rng.integers(7, 17, 2)  # quarters of a cell
        edges = np.concatenate([start, start + sides])
        if (edges % 4 != 2).all() and edges.max() <= 28 and sides[0] != sides[1]:
            break
    return {
        "stride": stride,
        "box": [int(quarter * edge) for edge in edges],
        "bin": str(rng.choice(("upper right", "lower left"))),
    }


def _roi(
    given: dict[str, Any],
    *,
    rounded: Callable[[float], int] = lambda v: math.floor(v + 0.5),
    last: int = 1,
    end: Callable[[float], int] = math.ceil,
    pool: Callable[[np.ndarray], float] = np.max,
    other: bool = False,
    half: float = 0.5,
    within: float = 0.5,
    of_rounded: bool = False,
    turned: bool = False,
    extra: Callable[[int, int, int, float], float] = lambda low, high, stride, width: (high - low) * stride - width,
) -> list[float]:
    """What RoI pooling and RoIAlign read in one of 2 x 2 bins, and how many pixels too wide the first one is."""
    stride, box = given["stride"], given["box"]
    lower = (given["bin"] == "lower left") != other
    x1, y1, x2, y2 = (rounded(edge / stride) for edge in box)
    (left, right), (top, bottom) = (
        (math.floor(low + k * n / 2), max(end(low + (k + 1) * n / 2), math.floor(low + k * n / 2) + 1))
        for low, n, k in ((x1, max(x2 - x1 + last, 1), not lower), (y1, max(y2 - y1 + last, 1), lower))
    )
    rows, columns = np.arange(top, bottom)[:, None], np.arange(left, right)
    pooled = pool(10 * columns + rows if turned else 10 * rows + columns)
    edges = [x1, y1, x2, y2] if of_rounded else [edge / stride for edge in box]
    x, y = (
        low - half + (k + within) * (high - low) / 2
        for low, high, k in ((edges[0], edges[2], not lower), (edges[1], edges[3], lower))
    )
    return [
        float(pooled),
        10 * x + y if turned else 10 * y + x,
        float(extra(x1, x2 + last, stride, box[2] - box[0])),
    ]


def _trace_roi(given: dict[str, Any]) -> str:
    stride, box = given["stride"], given["box"]
    exact = [edge / stride for edge in box]
    x1, y1, x2, y2 = (math.floor(edge + 0.5) for edge in exact)
    lower = given["bin"] == "lower left"
    n, m = x2 - x1 + 1, y2 - y1 + 1
    left, right = (x1, math.ceil(x1 + n / 2) - 1) if lower else (math.floor(x1 + n / 2), x2)
    top, bottom = (math.floor(y1 + m / 2), y2) if lower else (y1, math.ceil(y1 + m / 2) - 1)
    pooled, aligned, wide = _roi(given)
    w, h = (exact[2] - exact[0]) / 2, (exact[3] - exact[1]) / 2
    x, y = exact[0] + w * (0.5 if lower else 1.5), exact[1] + h * (1.5 if lower else 0.5)
    return (
        f"- In cells: ({', '.join(f'{edge:g}' for edge in exact)}), rounded ({x1}, {y1}, {x2}, {y2}): columns {x1} to "
        f"{x2} are {n} cells, rows {y1} to {y2} are {m}\n"
        f"- The {given['bin']} bin, rounded outwards: columns {left} to {right}, rows {top} to {bottom}. The largest "
        f"number stands in row {bottom}, column {right}: **{pooled:g}**\n"
        f"- RoIAlign: bins {w:g} wide and {h:g} high; the middle of this one at x = {x:g}, y = {y:g} in cells, so read "
        f"at row {y - 0.5:g}, column {x - 0.5:g}: 10 · {y - 0.5:g} + {x - 0.5:g} = **{aligned:g}**\n"
        f"- RoI pooling reads {n} cells of {stride} pixels, {n * stride}; the box is {box[2] - box[0]} wide: "
        f"**{wide:g}** more"
    )


Q4 = Numbers(
    draw=_draw_roi,
    ask=lambda given: (
        f"stride {given['stride']}; the box ({', '.join(map(str, given['box']))}) in pixels; its **{given['bin']}** bin"
    ),
    expected=_roi,
    slips=(
        Slip(
            "edges rounded down",
            lambda given: _roi(given, rounded=math.floor),
            "the box's edges were rounded down to cells. RoI pooling rounds them to the nearest.",
        ),
        Slip(
            "last cell left out",
            lambda given: _roi(given, last=0),
            "the cell at which the rounded box ends counts as inside in RoI pooling: from 2 to 6 are five cells.",
        ),
        Slip(
            "bins rounded inwards",
            lambda given: _roi(given, end=math.floor),
            "the first number is not right: where a bin ends within a cell, RoI pooling takes the whole cell. "
            "Neighbouring bins may share one.",
        ),
        Slip(
            "mean in place of maximum",
            lambda given: _roi(given, pool=np.mean),
            "the first number is the mean of the bin. RoI pooling takes its largest number.",
        ),
        Slip(
            "upper left cell of the bin",
            lambda given: _roi(given, pool=np.min),
            "the first number is the smallest one of the bin. RoI pooling takes the largest.",
        ),
        Slip(
            "the opposite bin",
            lambda given: _roi(given, other=True),
            "this is the opposite bin: upper right and lower left are exchanged.",
        ),
        Slip(
            "rows and columns exchanged",
            lambda given: _roi(given, turned=True),
            "the map was read with rows and columns exchanged: the tens are the row.",
        ),
        Slip(
            "half a cell not taken off",
            lambda given: _roi(given, half=0.0),
            "the second number is read half a cell too far right and down: the middle of cell k is at k + 0.5.",
        ),
        Slip(
            "rounded box aligned",
            lambda given: _roi(given, of_rounded=True),
            "the second number is that of the rounded box. RoIAlign rounds nothing.",
        ),
        Slip(
            "corner of the bin",
            lambda given: _roi(given, within=0.0),
            "the second number is read at the upper left corner of the bin. The point lies in its middle.",
        ),
        Slip(
            "too wide by so many cells",
            lambda given: _roi(given, extra=lambda low, high, stride, width: high - low - width / stride),
            "the first two are right. The third counts cells, and pixels of the picture are asked for.",
        ),
        Slip(
            "width without the last cell",
            lambda given: _roi(given, extra=lambda low, high, stride, width: (high - 1 - low) * stride - width),
            "the first two are right. In the third the last cell is missing: it is read as a whole.",
        ),
    ),
    hints=(
        "Both begin with the box in cells: pixels by the stride. Draw it on squared paper, with the two bins each way.",
        "RoI pooling: round the four edges; the last cell is inside; halve; what a bin touches belongs to it. "
        "RoIAlign: halve the box as it is, and go to the middle of the bin.",
        "At a point (x, y) in cells RoIAlign reads row y - 0.5, column x - 0.5. On this map that is 10 · row + column, "
        "between the cells as well.",
    ),
    trace=_trace_roi,
)

# --- q5: how many boxes are enough? -----------------------------------------------------------------------------------


def _needed(overlaps: Any, threshold: float, share: float) -> int:
    """By the first proposal that catches each true box; the notebook's solution tries one number after another."""
    firsts = []
    for table in overlaps:
        for row in np.asarray(table):
            hits = np.flatnonzero(row >= threshold)
            firsts.append(int(hits[0]) + 1 if len(hits) else None)
    caught = sorted(first for first in firsts if first is not None)
    return next((n for k, n in enumerate(caught, start=1) if k / len(firsts) >= share), -1)


def _needed_wrong(
    overlaps: Any,
    threshold: float,
    share: float,
    *,
    hit: Callable[[Any, float], Any] = np.greater_equal,
    enough: Callable[[float, float], bool] = lambda found, share: found >= share,
    recall: Callable[[list[Any]], float] = lambda caught: float(np.concatenate(caught).mean()),
    first: Callable[[int], int] = lambda n: 0,
    answer: Callable[[int, Any], int] = lambda n, overlaps: n,
    never: Callable[[int], int] = lambda most: -1,
    precision: bool = False,
) -> int:
    most = max(table.shape[1] for table in overlaps)
    for n in range(1, most + 1):
        parts = [hit(table[:, first(n) : n], threshold) for table in overlaps]
        if precision:
            found = sum(part.any(axis=0).sum() for part in parts) / max(1, sum(part.shape[1] for part in parts))
        else:
            found = recall([part.any(axis=1) for part in parts])
        if enough(found, share):
            return int(answer(n, overlaps))
    return never(most)


def _mean_of_pictures(caught: list[Any]) -> float:
    return float(np.mean([part.mean() for part in caught if len(part)]))


def _needed_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [[np.array([[0.1, 0.6, 0.8], [0.5, 0.0, 0.2]])], 0.5, 1.0],  # 0.5 is just enough
        [[np.array([[0.2, 0.3]])], 0.5, 0.5],  # never
        [[np.array([[0.0, 0.7, 0.1]]), np.zeros((0, 2)), np.zeros((1, 0))], 0.5, 0.75],  # nothing there; no proposals
        [[np.array([[0.9, 0.2, 0.1, 0.3]]), np.array([[0.1, 0.0, 0.6, 0.8], [0.0, 0.7, 0.0, 0.2]])], 0.6, 0.5],
    ]
    for sizes, threshold, share in (
        (((3, 8), (1, 6), (4, 7)), 0.5, 0.75),
        (((3, 9), (0, 5), (2, 9), (1, 0), (2, 4)), 0.7, 0.5),
        (((5, 8), (1, 10), (2, 7)), 0.6, 0.75),
    ):
        tables = [rng.integers(0, 12, size) for size in sizes]
        tables = [np.minimum(t + 9 * (rng.random(t.shape) < 0.22), 19) / 20 for t in tables]
        cases.append([tables, threshold, share])
    return cases


Q5 = Function(
    name="boxes_needed",
    cases=_needed_cases,
    expected=_needed,
    slips=(
        Slip(
            "mean over the pictures",
            lambda overlaps, threshold, share: _needed_wrong(overlaps, threshold, share, recall=_mean_of_pictures),
            "each picture's recall was computed, and their mean taken. Count the true boxes of all pictures together.",
        ),
        Slip(
            "pictures without proposals left out",
            lambda overlaps, threshold, share: _needed_wrong(
                [table for table in overlaps if table.shape[1]], threshold, share
            ),
            "the true boxes of a picture without proposals are left out. Nobody catches them: they count, as missed.",
        ),
        Slip(
            "overlap more in place of at least",
            lambda overlaps, threshold, share: _needed_wrong(overlaps, threshold, share, hit=np.greater),
            "a true box is caught by exactly the threshold, too.",
        ),
        Slip(
            "recall more in place of at least",
            lambda overlaps, threshold, share: _needed_wrong(
                overlaps, threshold, share, enough=lambda found, share: found > share
            ),
            "the recall is reached by exactly the share, too.",
        ),
        Slip(
            "counted from 0",
            lambda overlaps, threshold, share: _needed_wrong(
                overlaps, threshold, share, answer=lambda n, overlaps: n - 1
            ),
            "one too few: this is the place of the last proposal that is needed, counted from 0. How many are that?",
        ),
        Slip(
            "the n-th proposal alone",
            lambda overlaps, threshold, share: _needed_wrong(overlaps, threshold, share, first=lambda n: n - 1),
            "only the n-th proposals were asked. What an earlier one caught stays caught.",
        ),
        Slip(
            "boxes of all pictures",
            lambda overlaps, threshold, share: _needed_wrong(
                overlaps, threshold, share, answer=lambda n, overlaps: sum(min(n, table.shape[1]) for table in overlaps)
            ),
            "this is how many boxes are needed in all pictures together. The number for each picture is asked for.",
        ),
        Slip(
            "the most in place of -1",
            lambda overlaps, threshold, share: _needed_wrong(overlaps, threshold, share, never=lambda most: most),
            "where all proposals together do not reach the recall, the answer is -1.",
        ),
        Slip(
            "precision in place of recall",
            lambda overlaps, threshold, share: _needed_wrong(overlaps, threshold, share, precision=True),
            "this is the share of proposals that catch something. Recall is the share of true boxes that are caught.",
        ),
        Slip(
            "every true box of one picture",
            lambda overlaps, threshold, share: _needed_wrong(
                overlaps,
                threshold,
                share,
                recall=lambda caught: float(np.mean([part.all() for part in caught if len(part)])),
            ),
            "pictures were counted in which every true box is caught. Count true boxes.",
        ),
    ),
    hints=(
        "For one n: the first n columns of each table, table[:, :n]. Which rows have a number that is large enough?",
        "Collect the yes and no of all rows of all tables; their mean is the recall with n proposals a picture.",
        "Try n = 1, 2, ... up to the largest number of columns; return the first n whose recall is at least the share. "
        "A slice may be longer than the table, and any() of an empty row is False.",
    ),
    remark="Shorter still: the first proposal that catches each true box. Sorted, they are the recall curve itself.",
)

# --- q6: in words -----------------------------------------------------------------------------------------------------

Q6 = Words(
    rubric=(
        ("recall is a ceiling: what no proposal covers nobody names; 0.58 is close to 0.61, steps cannot help", 1),
        ("training joins the true boxes to the proposals, so its figures do not see the gap", 1),
        ("a remedy at the proposals (more of them, more scales or spaces, an RPN), seen first in their recall", 1),
    ),
    hints=(
        "Which of the five figures could be high although 39 of 100 objects have no box near them?",
        "Which regions does the head see in training, and which ones in a new picture?",
        "What would the last figure be if the head were the weak part?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6}
