"""YOLO, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: one object in the grid ---------------------------------------------------------------------------------------


def _draw_object(rng: np.random.Generator) -> dict[str, Any]:
    grid = int(rng.choice((4, 5, 10)))
    width, height = (int(side) for side in rng.choice((4, 9, 16, 25, 36, 49), 2, replace=False))
    x1, y1 = int(rng.integers(1, 99 - width)), int(rng.integers(1, 99 - height))
    return {"grid": grid, "box": [x1, y1, x1 + width, y1 + height]}


def _object(given: dict[str, Any], start: bool = False) -> tuple[int, int, float, float, float, float]:
    """Row, column, place in the cell, shares of the picture; `start`: of the upper left corner."""
    x1, y1, x2, y2 = given["box"]
    x, y = (x1, y1) if start else ((x1 + x2) / 2, (y1 + y2) / 2)
    x, y = x * given["grid"] / 100, y * given["grid"] / 100
    return int(y), int(x), x % 1, y % 1, (x2 - x1) / 100, (y2 - y1) / 100


def _cell(change: Any, start: bool = False) -> Any:
    return lambda given: list(change(*_object(given, start), given["grid"]))


def _trace_object(given: dict[str, Any]) -> str:
    (x1, y1, x2, y2), side = given["box"], 100 // given["grid"]
    row, column, x, y, w, h = _object(given)
    return (
        f"- Centre ({(x1 + x2) / 2:g}, {(y1 + y2) / 2:g}); cells of {side} pixels: ({(x1 + x2) / 2:g} / {side}, "
        f"{(y1 + y2) / 2:g} / {side}) = ({column + x:g}, {row + y:g}). So row **{row}**, column **{column}**, and "
        f"within that "
        f"cell x = **{x:.3f}**, y = **{y:.3f}**.\n"
        f"- Sides {x2 - x1} and {y2 - y1} pixels, {w:g} and {h:g} of the picture; roots **{w**0.5:g}** and "
        f"**{h**0.5:g}**."
    )


Q1 = Numbers(
    draw=_draw_object,
    ask=lambda given: (
        f"a picture of 100 x 100 pixels, a grid of {given['grid']} x {given['grid']} cells, an object with the box "
        f"({', '.join(map(str, given['box']))})"
    ),
    expected=_cell(lambda row, column, x, y, w, h, grid: (row, column, x, y, w**0.5, h**0.5)),
    slips=(
        Slip(
            "row and column swapped",
            _cell(lambda row, column, x, y, w, h, grid: (column, row, x, y, w**0.5, h**0.5)),
            "row and column swapped: the row comes from y, the column from x.",
        ),
        Slip(
            "place in the whole picture",
            _cell(
                lambda row, column, x, y, w, h, grid: (
                    row,
                    column,
                    (column + x) / grid,
                    (row + y) / grid,
                    w**0.5,
                    h**0.5,
                )
            ),
            "x and y are shares of the picture. They tell the place within the cell, as shares of the cell.",
        ),
        Slip(
            "roots left out",
            _cell(lambda row, column, x, y, w, h, grid: (row, column, x, y, w, h)),
            "width and height are right as shares; the network is asked for their square roots.",
        ),
        Slip(
            "sides counted in cells",
            _cell(lambda row, column, x, y, w, h, grid: (row, column, x, y, (w * grid) ** 0.5, (h * grid) ** 0.5)),
            "the sides are counted in cells. An object may be larger than its cell: its sides are shares of the "
            "picture.",
        ),
        Slip(
            "corner in place of the centre",
            _cell(lambda row, column, x, y, w, h, grid: (row, column, x, y, w**0.5, h**0.5), start=True),
            "this is the cell of the upper left corner. The cell that holds the centre answers.",
        ),
        Slip(
            "counted from 1",
            _cell(lambda row, column, x, y, w, h, grid: (row + 1, column + 1, x, y, w**0.5, h**0.5)),
            "rows and columns are counted from 0.",
        ),
    ),
    hints=(
        "Where is the centre of the box, in pixels? And how many pixels has a cell?",
        "Centre divided by the cell's side: the whole part is the cell's number, the rest is the place in it.",
        "Then the two sides as shares of 100 pixels, and their roots.",
    ),
    trace=_trace_object,
)

# --- q2: who is responsible -------------------------------------------------------------------------------------------


def _draw_pair(rng: np.random.Generator) -> dict[str, Any]:
    width, height = (10 * int(n) for n in rng.integers(3, 7, 2))
    x, y = (int(n) for n in rng.integers(1, 30, 2))
    lower, wide = (
        int(n) for n in rng.choice((3, 4, 6, 7, 8, 9), 2, replace=False)
    )  # tenths of the height, of the width
    first, second = [x, y, x + width, y + height * lower // 10], [x, y, x + width * wide // 10, y + height]
    less, more = sorted(int(n) for n in rng.choice(np.arange(2, 10), 2, replace=False))
    confidence = [less / 10, more / 10] if lower > wide else [more / 10, less / 10]  # the better box is less sure
    scores = [int(n) / 10 for n in rng.choice(np.arange(1, 9), 3, replace=False)]
    return {
        "true": [x, y, x + width, y + height],
        "boxes": [first, second],
        "overlaps": [lower / 10, wide / 10],
        "confidence": confidence,
        "scores": scores,
        "class": int(rng.integers(3)),
    }


def _answer(given: dict[str, Any], best: int | None = None) -> tuple[int, float, float, float]:
    """Number of the responsible box, its overlap, its confidence, the score of the true class."""
    best = int(np.argmax(given["overlaps"])) if best is None else best
    return best, given["overlaps"][best], given["confidence"][best], given["scores"][given["class"]]


def _ask_pair(given: dict[str, Any]) -> str:
    boxes = "\n".join(
        f"- box {k}: ({', '.join(map(str, box))}), confidence {sure}"
        for k, (box, sure) in enumerate(zip(given["boxes"], given["confidence"], strict=True))
    )
    return (
        f"The object: ({', '.join(map(str, given['true']))}), of class {given['class']}. Its cell answers "
        f"with\n\n{boxes}\n"
        f"- class scores, from class 0 on: {', '.join(map(str, given['scores']))}"
    )


def _trace_pair(given: dict[str, Any]) -> str:
    best, overlap, sure, score = _answer(given)
    return (
        f"- Both boxes lie within the object's. Box 0 has its width and {given['overlaps'][0]:g} of its height, box 1 "
        f"{given['overlaps'][1]:g} of its width and its height: these are their IoU. Box **{best}** overlaps more, "
        f"whatever "
        f"the confidences say.\n"
        f"- Its confidence is to become P(object) times IoU = 1 · {overlap:g} = **{overlap:g}**.\n"
        f"- Now it scores {score:g} · {sure:g} = **{score * sure:.3f}** for class {given['class']}."
    )


def _pair(change: Any, other: bool = False) -> Any:
    return lambda given: list(change(*_answer(given, int(np.argmax(given["confidence"])) if other else None)))


Q2 = Numbers(
    draw=_draw_pair,
    ask=_ask_pair,
    expected=_pair(lambda best, overlap, sure, score: (best, overlap, score * sure)),
    slips=(
        Slip(
            "the surest box responsible",
            _pair(lambda best, overlap, sure, score: (best, overlap, score * sure), other=True),
            "you took the box with the higher confidence. Responsible is the one that overlaps the object most.",
        ),
        Slip(
            "confidence shall become 1",
            _pair(lambda best, overlap, sure, score: (best, 1, score * sure)),
            "the confidence is not drawn to 1: it shall say P(object) times the IoU that the box reaches.",
        ),
        Slip(
            "class score alone",
            _pair(lambda best, overlap, sure, score: (best, overlap, score)),
            "the third number is the class score alone. A box's score has its confidence in it.",
        ),
        Slip(
            "score with the true overlap",
            _pair(lambda best, overlap, sure, score: (best, overlap, score * overlap)),
            "the score was made with the true IoU. When the network is used nobody knows that: its own confidence "
            "stands there.",
        ),
        Slip(
            "confidence alone",
            _pair(lambda best, overlap, sure, score: (best, overlap, sure)),
            "the third number is the confidence. How sure the class is has been left out.",
        ),
    ),
    hints=(
        "Draw the three boxes. How much of the object does each answer cover, and does it cover anything else?",
        "Inside the object, IoU is area over area. The larger one is responsible.",
        "Target: that IoU. Score: class score of the object's class times the box's present confidence.",
    ),
    trace=_trace_pair,
)

# --- q3: reading the grid ---------------------------------------------------------------------------------------------


def _boxes_of(
    outputs: np.ndarray,
    height: float,
    width: float,
    *,
    swap: bool = False,
    square: bool = True,
    add: bool = True,
    corner: bool = False,
    per_cell: bool = False,
) -> np.ndarray:
    rows, columns = outputs.shape[:2]
    found = np.zeros((rows, columns, 4))
    for i in range(rows):
        for j in range(columns):
            x, y, w, h = outputs[i, j, :4]
            w, h = (w * w, h * h) if square else (w, h)
            w, h = (w * width / columns, h * height / rows) if per_cell else (w * width, h * height)
            down, right = ((j, i) if swap else (i, j)) if add else (0, 0)
            x, y = (right + x) * width / columns, (down + y) * height / rows
            found[i, j] = (x, y, x + w, y + h) if corner else (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    return found


def _boxes_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[np.array([[[0.5, 0.5, 0.5, 0.5, 1]]]), 16, 32]]
    for rows, columns, height, width in ((2, 3, 64, 96), (3, 2, 96, 32), (2, 2, 40, 40)):
        cases.append([rng.integers(0, 9, (rows, columns, 5)) / 8, height, width])
    return cases


Q3 = Function(
    name="boxes_of",
    cases=_boxes_cases,
    expected=lambda outputs, height, width: _boxes_of(outputs, height, width),
    slips=(
        Slip(
            "row added to x",
            lambda outputs, height, width: _boxes_of(outputs, height, width, swap=True),
            "rows and columns are swapped: the column's number goes to x, the row's to y.",
        ),
        Slip(
            "roots not squared",
            lambda outputs, height, width: _boxes_of(outputs, height, width, square=False),
            "the network gives the roots of the sides: square them.",
        ),
        Slip(
            "cell's number not added",
            lambda outputs, height, width: _boxes_of(outputs, height, width, add=False),
            "all boxes lie in the first cell: add the cell's number to its x and y before you scale.",
        ),
        Slip(
            "centre taken for a corner",
            lambda outputs, height, width: _boxes_of(outputs, height, width, corner=True),
            "x and y are the centre. Half of the sides lies on each side of it.",
        ),
        Slip(
            "sides scaled by the cell",
            lambda outputs, height, width: _boxes_of(outputs, height, width, per_cell=True),
            "the sides were taken as shares of a cell. They are shares of the whole picture.",
        ),
        Slip(
            "picture's sides swapped",
            lambda outputs, height, width: _boxes_of(outputs, width, height),
            "height and width of the picture are swapped.",
        ),
    ),
    hints=(
        "Begin with two loops over rows and columns, and do one cell by hand.",
        "Centre in pixels: (column + x) / columns * width, and the same for y with rows and height.",
        "w = outputs[..., 2] ** 2 * width; the edges are centre minus and plus half a side.",
    ),
    remark="`np.arange(columns)` as a row and `np.arange(rows)[:, None]` as a column do without loops.",
)

# --- q4: suppression by hand ------------------------------------------------------------------------------------------


def _draw_heap(rng: np.random.Generator) -> dict[str, Any]:
    row, other = (int(n) for n in rng.integers(0, 40, 2))
    apart = int(rng.integers(60, 80))
    boxes = [  # A hides B, B would hide C; D and E are one heap of two classes, F is hidden by D or hides it
        [row, 10, row + 20, 20, 0],
        [row + 5, 10, row + 25, 20, 0],
        [row + 10, 10, row + 30, 20, 0],
        [other, apart, other + 20, apart + 10, 0],
        [other + 2, apart, other + 22, apart + 10, 1],
        [other + 4, apart, other + 24, apart + 10, 0],
    ]
    scores = [int(n) / 100 for n in rng.choice(np.arange(20, 99), 6, replace=False)]
    scores[:3] = sorted(scores[:3], reverse=True)
    order = rng.permutation(6)
    return {
        "boxes": [boxes[k][:4] for k in order],
        "classes": [boxes[k][4] for k in order],
        "scores": [scores[k] for k in order],
        "threshold": 0.5,
    }


def _row_iou(a: Any, b: Any) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return shared / (sum(areas) - shared)


def _kept(given: dict[str, Any], by_class: bool = True, order: Any = None, dead_hide: bool = False) -> list[int]:
    order = sorted(range(6), key=lambda k: -given["scores"][k]) if order is None else order
    kept: list[int] = []
    for n, k in enumerate(order):
        rivals = order[:n] if dead_hide else kept
        hidden = any(
            _row_iou(given["boxes"][k], given["boxes"][r]) > given["threshold"]
            and (not by_class or given["classes"][k] == given["classes"][r])
            for r in rivals
        )
        if not hidden:
            kept.append(k)
    return kept


def _one_a_class(given: dict[str, Any]) -> list[int]:
    kept: dict[int, int] = {}
    for k in sorted(range(6), key=lambda k: -given["scores"][k]):
        kept.setdefault(given["classes"][k], k)
    return list(kept.values())


def _trace_heap(given: dict[str, Any]) -> str:
    lines, kept = [], []
    for k in sorted(range(6), key=lambda k: -given["scores"][k]):
        over = [
            r
            for r in kept
            if given["classes"][r] == given["classes"][k]
            and _row_iou(given["boxes"][k], given["boxes"][r]) > given["threshold"]
        ]
        if over:
            lines.append(
                f"- {k} ({given['scores'][k]}): overlaps {over[0]} by "
                f"{_row_iou(given['boxes'][k], given['boxes'][over[0]]):.2f}, same class: gone"
            )
        else:
            kept.append(k)
            lines.append(
                f"- {k} ({given['scores'][k]}): no box of its class that stays overlaps it by more than a half: stays"
            )
    return "Surest first:\n\n" + "\n".join(lines) + f"\n\nSo **{kept}**."


def _ask_heap(given: dict[str, Any]) -> str:
    rows = "\n".join(
        f"| {k} | {tuple(box)} | {label} | {score} |"
        for k, (box, label, score) in enumerate(zip(given["boxes"], given["classes"], given["scores"], strict=True))
    )
    return f"| number | box | class | score |\n|---|---|---|---|\n{rows}"


Q4 = Numbers(
    draw=_draw_heap,
    ask=_ask_heap,
    expected=_kept,
    slips=(
        Slip(
            "the dead still suppress",
            lambda given: _kept(given, dead_hide=True),
            "a box that is gone suppresses nobody. Compare only with boxes that stay.",
        ),
        Slip(
            "classes ignored",
            lambda given: _kept(given, by_class=False),
            "boxes of different classes do not suppress each other: a rider sits on a horse.",
        ),
        Slip(
            "in the order of the table",
            lambda given: _kept(given, order=list(range(6))),
            "you went through the table from top to bottom. The surest box comes first.",
        ),
        Slip(
            "right boxes, wrong order",
            lambda given: sorted(_kept(given)),
            "these are the right boxes. List them by falling score.",
        ),
        Slip(
            "one box a class",
            _one_a_class,
            "only the surest box of each class is left. Boxes that hardly overlap are other objects.",
        ),
        Slip(
            "the unsure kept",
            lambda given: _kept(given, order=sorted(range(6), key=lambda k: given["scores"][k])),
            "you began with the least sure box.",
        ),
    ),
    hints=(
        "Draw the boxes: they lie in two heaps. Then sort the numbers by falling score.",
        "All boxes are 20 wide and 10 high. Shifted by d they share 20 - d and cover 20 + d: IoU = (20 - d) / (20 + "
        "d).",
        "Down the sorted list: a box stays unless one that stays, of its own class, overlaps it by more than 0.5.",
    ),
    trace=_trace_heap,
)

# --- q5: a softer suppression -----------------------------------------------------------------------------------------


def _soft(
    boxes: np.ndarray,
    scores: np.ndarray,
    change: Any = lambda overlap: 1 - overlap,
    again: bool = True,
    everybody: bool = False,
) -> np.ndarray:
    scores, waiting = np.array(scores, dtype=float), list(range(len(scores)))
    if not again:
        waiting.sort(key=lambda k: -scores[k])
    while waiting:
        best = max(waiting, key=lambda k: scores[k]) if again else waiting[0]
        waiting.remove(best)
        for k in range(len(scores)) if everybody else waiting:
            if k != best:
                scores[k] *= change(_row_iou(boxes[best], boxes[k]))
    return scores


def _soft_cases(rng: np.random.Generator) -> list[list[Any]]:
    square = np.array([[0.0, 0, 10, 10]])
    cases = [
        [square, np.array([0.5])],
        [np.zeros((0, 4)), np.zeros(0)],
        [np.array([[0.0, 0, 10, 10], [0, 0, 10, 5]]), np.array([0.5, 0.75])],
        [np.array([[0.0, 0, 10, 10], [0, 0, 10, 9], [0, 4, 10, 14]]), np.array([1.0, 0.9, 0.8])],
    ]  # overtaken
    for count in (4, 6, 8):
        corner = rng.integers(0, 12, (count, 2)).astype(float)
        boxes = np.concatenate([corner, corner + rng.integers(8, 16, (count, 2))], axis=1)
        cases.append([boxes, rng.choice(np.arange(20, 99), count, replace=False) / 100])
    return cases


Q5 = Function(
    name="soft_scores",
    cases=_soft_cases,
    expected=lambda boxes, scores: _soft(boxes, scores),
    slips=(
        Slip(
            "overlapping boxes dropped",
            lambda boxes, scores: _soft(boxes, scores, lambda overlap: 0 if overlap > 0.5 else 1),
            "this is the hard suppression: beyond a half the score falls to 0. Here it falls little by little.",
        ),
        Slip(
            "multiplied by the overlap",
            lambda boxes, scores: _soft(boxes, scores, lambda overlap: overlap),
            "the scores were multiplied by the IoU. Boxes that overlap little should lose little: 1 - IoU.",
        ),
        Slip(
            "order never renewed",
            lambda boxes, scores: _soft(boxes, scores, again=False),
            "the order was fixed at the start. A box that has lost may fall behind others: look for the surest each "
            "time.",
        ),
        Slip(
            "every pair both ways",
            lambda boxes, scores: _soft(boxes, scores, everybody=True),
            "boxes that have been taken go on losing. Only those that still wait lose.",
        ),
        Slip(
            "only beyond a half",
            lambda boxes, scores: _soft(boxes, scores, lambda overlap: 1 - overlap if overlap > 0.5 else 1),
            "small overlaps cost nothing here. In this version there is no threshold.",
        ),
        Slip(
            "sorted on return",
            lambda boxes, scores: -np.sort(-_soft(boxes, scores)),
            "the scores come back sorted. They belong in the order in which the boxes came.",
        ),
    ),
    hints=(
        "A list of those that wait, and a loop: take the surest, then lower the others.",
        "best = max(waiting, key=lambda k: scores[k]). Its score is final. For all others that wait: times 1 - IoU.",
        "Work on a copy of the scores, indexed by the boxes' own numbers; then the order of the return is right by "
        "itself.",
    ),
    remark="Bodla et al. (2017) call it soft-NMS. Two cats side by side both survive, the second with a lower score.",
)

# --- q6: the loss of one cell -----------------------------------------------------------------------------------------


def _loss(
    answers: np.ndarray,
    overlaps: np.ndarray,
    true: np.ndarray,
    scores: np.ndarray,
    label: int,
    *,
    coordinates: float = 5,
    empty: float = 0.5,
    best: int | None = None,
    target: float | None = None,
    class_times: int = 1,
) -> float:
    best = int(np.argmax(overlaps)) if best is None else best
    one_hot = np.arange(len(scores)) == label
    place = ((answers[best, :4] - true) ** 2).sum()
    sure = (answers[best, 4] - (overlaps[best] if target is None else target)) ** 2
    others = (np.delete(answers[:, 4], best) ** 2).sum()
    return float(coordinates * place + sure + empty * others + class_times * ((scores - one_hot) ** 2).sum())


def _all_responsible(
    answers: np.ndarray, overlaps: np.ndarray, true: np.ndarray, scores: np.ndarray, label: int
) -> float:
    place = 5 * ((answers[:, :4] - true) ** 2).sum() + ((answers[:, 4] - overlaps) ** 2).sum()
    return float(place + ((scores - (np.arange(len(scores)) == label)) ** 2).sum())


def _loss_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [
            np.array([[0.5, 0.5, 0.5, 0.5, 0.5], [0.25, 0.5, 0.5, 0.75, 0.75]]),
            np.array([0.5, 0.25]),
            np.array([0.5, 0.25, 0.5, 0.5]),
            np.array([0.5, 0.25, 0.25]),
            0,
        ]
    ]
    for count, classes in ((2, 3), (2, 5), (3, 2)):
        for _ in range(2):
            cases.append(
                [
                    rng.integers(1, 9, (count, 5)) / 8,
                    rng.choice(np.arange(1, 9), count, replace=False) / 10,
                    rng.integers(1, 9, 4) / 8,
                    rng.integers(0, 9, classes) / 8,
                    int(rng.integers(classes)),
                ]
            )
    return cases


Q6 = Function(
    name="cell_loss",
    cases=_loss_cases,
    expected=lambda answers, overlaps, true, scores, label: _loss(answers, overlaps, true, scores, label),
    slips=(
        Slip(
            "weights left out",
            lambda answers, overlaps, true, scores, label: _loss(
                answers, overlaps, true, scores, label, coordinates=1, empty=1
            ),
            "the weights are missing: 5 for the coordinates, one half for boxes that are not responsible.",
        ),
        Slip(
            "the surest box responsible",
            lambda answers, overlaps, true, scores, label: _loss(
                answers, overlaps, true, scores, label, best=int(answers[:, 4].argmax())
            ),
            "the box with the highest confidence was made responsible. It is the one that overlaps most.",
        ),
        Slip(
            "confidence drawn to 1",
            lambda answers, overlaps, true, scores, label: _loss(answers, overlaps, true, scores, label, target=1),
            "the responsible box's confidence is compared with 1. It shall become the overlap that it reaches.",
        ),
        Slip(
            "other boxes forgotten",
            lambda answers, overlaps, true, scores, label: _loss(answers, overlaps, true, scores, label, empty=0),
            "the other boxes' confidences have no term. They should say 0, at half weight.",
        ),
        Slip(
            "every box responsible",
            _all_responsible,
            "every box is drawn to the object. Only one box of a cell is responsible, and the others learn to say 0.",
        ),
        Slip(
            "classes once a box",
            lambda answers, overlaps, true, scores, label: _loss(
                answers, overlaps, true, scores, label, class_times=len(answers)
            ),
            "the class term is counted for every box. In this version a cell has one set of class scores.",
        ),
    ),
    hints=(
        "Five terms. Which of them speak of the responsible box, which of the others, which of the cell?",
        "best = overlaps.argmax(). Its four numbers against `true`, times 5; its confidence against overlaps[best].",
        "The others: half the square of their confidences. Classes: squares against one-hot, once.",
    ),
    remark="`overlaps` comes as an argument: in the loss it is a fact, through which no gradient flows.",
)

# --- q7: average precision --------------------------------------------------------------------------------------------


def _average(
    scores: np.ndarray,
    hits: np.ndarray,
    count: int,
    *,
    order: bool = True,
    envelope: bool = True,
    whole: int | None = None,
    way: str = "area",
) -> float:
    hits = np.asarray(hits, dtype=float)
    if order:
        hits = hits[np.argsort(-np.asarray(scores), kind="stable")]
    if not len(hits):
        return 0.0
    found = np.cumsum(hits)
    precision, recall = found / np.arange(1, len(hits) + 1), found / (whole or count)
    if envelope:
        precision = np.array([precision[k:].max() for k in range(len(precision))])
    if way == "eleven":
        return float(np.mean([max(precision[recall >= t / 10 - 1e-9], default=0.0) for t in range(11)]))
    if way == "mean":
        return float(precision.mean())
    return float((precision * np.diff(recall, prepend=0.0)).sum())


def _average_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.array([0.9]), np.array([True]), 1],
        [np.array([0.9]), np.array([True]), 2],
        [np.zeros(0), np.zeros(0, dtype=bool), 3],
        [np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, True]), 4],
    ]
    for count in (5, 7, 9):
        hits = rng.permutation(np.arange(count) < count - 2)
        cases.append([rng.permutation(np.arange(1, count + 1)) / 10, hits, int(hits.sum()) + int(rng.integers(1, 3))])
    return cases


Q7 = Function(
    name="average_precision",
    cases=_average_cases,
    expected=lambda scores, hits, count: _average(scores, hits, count),
    slips=(
        Slip(
            "not sorted by score",
            lambda scores, hits, count: _average(scores, hits, count, order=False),
            "the detections were taken as they came. The surest comes first.",
        ),
        Slip(
            "no envelope",
            lambda scores, hits, count: _average(scores, hits, count, envelope=False),
            "the precision goes up and down. At each recall the best precision at that recall or beyond it counts.",
        ),
        Slip(
            "recall of what was found",
            lambda scores, hits, count: _average(scores, hits, count, whole=int(np.sum(hits)) or 1),
            "recall was divided by the objects that were found. Those that nobody found count, too.",
        ),
        Slip(
            "eleven points",
            lambda scores, hits, count: _average(scores, hits, count, way="eleven"),
            "this is the mean over eleven recalls, Pascal's old way. Asked is the whole area.",
        ),
        Slip(
            "mean of the precisions",
            lambda scores, hits, count: _average(scores, hits, count, way="mean"),
            "the precisions were averaged over the detections. Each is weighted with the recall gained there.",
        ),
    ),
    hints=(
        "Sort by falling score, then np.cumsum(hits): how many objects have been found after each detection?",
        "precision = found / (1, 2, 3, ...), recall = found / count. Then make the precision fall, from the right.",
        "np.maximum.accumulate(precision[::-1])[::-1], times the recall gained, np.diff(recall, prepend=0), summed.",
    ),
    remark="Without detections nothing was found: the area is 0.",
)

# --- q8: in words -----------------------------------------------------------------------------------------------------

Q8 = Words(
    rubric=(
        (
            "without weights the many boxes that are not responsible pull all confidences to 0 and drown the few "
            "objects",
            1,
        ),
        ("the same error in pixels hurts a small box more than a large one, in IoU", 1),
        ("roots make the same pixels cost more at small sides (slope of the root, or two worked numbers)", 1),
    ),
    hints=(
        "Count for a grid of 7 x 7 with 2 boxes and 3 objects: how many boxes are responsible, how many are not?",
        "Compare 10 against 15 pixels with 80 against 85, first without roots, then with them.",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6, "q7": Q7, "q8": Q8}
