"""Localization, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import softmax

from course_utils.grading.assignment import Function, Numbers, Slip, Words

CLASSES = ("cat", "car", "frog")

# --- q1: a label by hand ----------------------------------------------------------------------------------------------


def _draw_label(rng: np.random.Generator) -> dict[str, Any]:
    width, height = (int(side) for side in rng.choice((100, 200, 400, 500), 2, replace=False))
    x1, x2 = (int(10 * x) for x in np.sort(rng.choice(np.arange(1, width // 10), 2, replace=False)))
    y1, y2 = (int(10 * y) for y in np.sort(rng.choice(np.arange(1, height // 10), 2, replace=False)))
    return {"width": width, "height": height, "box": [x1, y1, x2, y2], "class": str(rng.choice(CLASSES))}


def _label(given: dict[str, Any], box: Any = None, width: int | None = None, height: int | None = None) -> list[float]:
    x1, y1, x2, y2 = given["box"]
    width, height = width or given["width"], height or given["height"]
    box = (
        box(x1, y1, x2, y2, width, height)
        if box
        else (x1 / width, 1 - y2 / height, (y2 - y1) / height, (x2 - x1) / width)
    )
    return [*box, 1, *(int(name == given["class"]) for name in CLASSES)]


def _trace_label(given: dict[str, Any]) -> str:
    (x1, y1, x2, y2), width, height = given["box"], given["width"], given["height"]
    bx, by, bh, bw, *_ = _label(given)
    return (
        f"- left edge: {x1} / {width} = **{bx:.3f}**\n"
        f"- lower edge: {y2} from the top, so {height} - {y2} = {height - y2} from the bottom: {height - y2} / "
        f"{height} = "
        f"**{by:.3f}**\n"
        f"- height: ({y2} - {y1}) / {height} = **{bh:.3f}**, width: ({x2} - {x1}) / {width} = **{bw:.3f}**\n"
        f"- there is an object: **1**; it is a {given['class']}: **{', '.join(map(str, _label(given)[5:]))}**"
    )


Q1 = Numbers(
    draw=_draw_label,
    ask=lambda given: (
        f"a picture {given['width']} pixels wide and {given['height']} high; a {given['class']} with edges left "
        f"{given['box'][0]}, top {given['box'][1]}, right {given['box'][2]}, bottom {given['box'][3]} (rulers count "
        f"downwards)"
    ),
    expected=_label,
    slips=(
        Slip(
            "counted from the top",
            lambda given: _label(given, lambda x1, y1, x2, y2, w, h: (x1 / w, y1 / h, (y2 - y1) / h, (x2 - x1) / w)),
            "b_y is counted downwards to the upper edge. In this label y counts upwards, to the lower left corner.",
        ),
        Slip(
            "upper edge, counted upwards",
            lambda given: _label(
                given, lambda x1, y1, x2, y2, w, h: (x1 / w, 1 - y1 / h, (y2 - y1) / h, (x2 - x1) / w)
            ),
            "y counts upwards, that is right; but b_y belongs to the lower edge of the box, this is the upper one.",
        ),
        Slip(
            "height and width swapped",
            lambda given: _label(
                given, lambda x1, y1, x2, y2, w, h: (x1 / w, 1 - y2 / h, (x2 - x1) / w, (y2 - y1) / h)
            ),
            "height and width swapped: in this label the height comes first.",
        ),
        Slip(
            "one side for all shares",
            lambda given: _label(
                given,
                height=None,
                box=lambda x1, y1, x2, y2, w, h: (x1 / w, (h - y2) / w, (y2 - y1) / w, (x2 - x1) / w),
            ),
            "every number was divided by the picture's width. What is measured up and down is a share of its height.",
        ),
        Slip(
            "pixels in place of shares",
            lambda given: _label(given, lambda x1, y1, x2, y2, w, h: (x1, h - y2, y2 - y1, x2 - x1)),
            "these are pixels. The label holds shares of the picture, between 0 and 1.",
        ),
        Slip(
            "no sign of an object",
            lambda given: [*_label(given)[:4], 0, *_label(given)[5:]],
            "the fifth number says whether there is an object at all. There is one.",
        ),
    ),
    hints=(
        "Draw the box, and a y-axis that begins at the bottom of the picture.",
        "Which corner is the lower left one? Its distance from the left and from the bottom come first, then height "
        "and width.",
        "(left / W, (H - bottom) / H, (bottom - top) / H, (right - left) / W, 1, then one-hot over cat, car, frog).",
    ),
    trace=_trace_label,
)

# --- q2: two overlaps by hand -----------------------------------------------------------------------------------------


def _draw_pairs(rng: np.random.Generator) -> dict[str, Any]:
    x, y, width, height, more_x, more_y = (int(n) for n in rng.integers(4, 12, 6))
    right, down = (int(rng.integers(1, side)) for side in (width, height))
    first, second = [x, y, x + width, y + height], [x + right, y + down, x + right + more_x, y + down + more_y]
    gap_x, gap_y, side = (int(n) for n in rng.integers(1, 5, 3))
    left, top = x + width + gap_x, y + height + gap_y
    return {"pairs": [[first, second], [first, [left, top, left + 2 * side, top + side]]]}


def _area(box: Any, more: int = 0) -> int:
    return (box[2] - box[0] + more) * (box[3] - box[1] + more)


def _shared(a: Any, b: Any, more: int = 0) -> tuple[int, int]:
    """Sides of what two boxes share, below 0 where they do not meet."""
    return min(a[2], b[2]) - max(a[0], b[0]) + more, min(a[3], b[3]) - max(a[1], b[1]) + more


def _overlap(a: Any, b: Any, clamp: bool = True, more: int = 0, whole: Any = None) -> float:
    width, height = _shared(a, b, more)
    shared = max(0, width) * max(0, height) if clamp else width * height
    first, second = _area(a, more), _area(b, more)
    return shared / (whole(first, second, shared) if whole else first + second - shared)


def _pairs(**changes: Any) -> Any:
    return lambda given: [_overlap(a, b, **changes) for a, b in given["pairs"]]


def _trace_pairs(given: dict[str, Any]) -> str:
    (a, b), (_, far) = given["pairs"]
    width, height = _shared(a, b)
    gone = _shared(a, far)
    return (
        f"- First pair: they share {width} x {height} = {width * height}. The areas are {_area(a)} and {_area(b)}; "
        f"together "
        f"they cover {_area(a)} + {_area(b)} - {width * height} = {_area(a) + _area(b) - width * height}. "
        f"IoU **{_overlap(a, b):.3f}**.\n"
        f"- Second pair: the second box begins {-gone[0]} to the right of where the first ends, and {-gone[1]} below "
        f"it. They "
        f"share nothing: **0**. (The product of two negative sides would be {gone[0] * gone[1]}.)"
    )


Q2 = Numbers(
    draw=_draw_pairs,
    ask=lambda given: "\n".join(
        f"- {name} pair: ({', '.join(map(str, a))}) and ({', '.join(map(str, b))})"
        for name, (a, b) in zip(("first", "second"), given["pairs"], strict=True)
    ),
    expected=_pairs(),
    slips=(
        Slip(
            "without clamping at 0",
            _pairs(clamp=False),
            "IoU without clamping at 0: two negative sides give a positive product. Boxes that do not meet share "
            "nothing.",
        ),
        Slip(
            "shared part counted twice",
            _pairs(whole=lambda first, second, shared: first + second),
            "the union counts what both cover once. Take the shared part off the sum of the areas.",
        ),
        Slip(
            "divided by the smaller box",
            _pairs(whole=lambda first, second, shared: min(first, second)),
            "the shared part was divided by the smaller box. IoU divides by all that the two cover together.",
        ),
        Slip(
            "last pixel counted in",
            _pairs(more=1),
            "you added 1 to every side. That is for corners that name pixels; here they name edges.",
        ),
        Slip(
            "divided by the first box",
            _pairs(whole=lambda first, second, shared: first),
            "the shared part was divided by the first box alone.",
        ),
    ),
    hints=(
        "Draw both boxes on squared paper. What do they share, and what do they cover together?",
        "Shared width: the smaller of the right edges less the larger of the left edges. What if that is negative?",
        "IoU = shared / (area + area - shared), and 0 where they do not meet. Three digits are enough.",
    ),
    trace=_trace_pairs,
)

# --- q3: from labels to edges -----------------------------------------------------------------------------------------


def _edges(labels: np.ndarray, height: float, width: float) -> np.ndarray:
    x, y, h, w = np.moveaxis(np.asarray(labels, dtype=float)[:, :4], 1, 0) * np.array(
        [[width], [height], [height], [width]]
    )
    return np.stack([x, height - y - h, x + w, height - y], axis=1)


def _edges_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[np.array([[0.25, 0.5, 0.25, 0.5]]), 100, 200]]
    for count, height, width in ((3, 50, 80), (2, 64, 64), (0, 30, 40)):
        corner = rng.integers(0, 5, (count, 2)) / 10
        sides = rng.integers(1, 5, (count, 2)) / 10
        cases.append([np.concatenate([corner, sides], axis=1), height, width])
    return cases


Q3 = Function(
    name="edges_of",
    cases=_edges_cases,
    expected=_edges,
    slips=(
        Slip(
            "y not turned round",
            lambda labels, height, width: np.stack(
                [
                    labels[:, 0] * width,
                    labels[:, 1] * height,
                    (labels[:, 0] + labels[:, 3]) * width,
                    (labels[:, 1] + labels[:, 2]) * height,
                ],
                axis=1,
            ),
            "y still counts upwards. Pixels count downwards from the top: the picture's height comes in.",
        ),
        Slip(
            "lower corner taken for the upper",
            lambda labels, height, width: np.stack(
                [
                    labels[:, 0] * width,
                    (1 - labels[:, 1]) * height,
                    (labels[:, 0] + labels[:, 3]) * width,
                    (1 - labels[:, 1] + labels[:, 2]) * height,
                ],
                axis=1,
            ),
            "the corner was turned round and then taken for the upper one. Downwards, the box lies above it.",
        ),
        Slip(
            "height and width swapped",
            lambda labels, height, width: _edges(labels[:, [0, 1, 3, 2]], height, width),
            "height and width of the box are swapped: the third number is its height.",
        ),
        Slip(
            "picture's sides swapped",
            lambda labels, height, width: _edges(labels, width, height),
            "the picture's sides are swapped: x goes with the width, y with the height.",
        ),
        Slip(
            "corner and sides returned",
            lambda labels, height, width: (
                _edges(labels, height, width) * [1, 1, 0, 0]
                + np.stack([0 * labels[:, 0], 0 * labels[:, 0], labels[:, 3] * width, labels[:, 2] * height], axis=1)
            ),
            "this is corner, width and height. Four edges are asked for: the last two are right and bottom.",
        ),
        Slip(
            "top and bottom in the wrong order",
            lambda labels, height, width: _edges(labels, height, width)[:, [0, 3, 2, 1]],
            "top and bottom are exchanged. In pixels the top has the smaller number.",
        ),
    ),
    hints=(
        "Work the first case by hand: where, in pixels from the top, is the lower edge?",
        "bottom = height - by * height. And the top lies the box's height above it.",
        "Stack the columns: bx * W, (1 - by - bh) * H, (bx + bw) * W, (1 - by) * H.",
    ),
    remark="No boxes at all are a table of shape (0, 4), and that is what comes back: nothing special has to be done.",
)

# --- q4: which true box is it? ----------------------------------------------------------------------------------------


def _matrix(found: np.ndarray, true: np.ndarray, clamp: bool = True, more: int = 0, whole: Any = None) -> np.ndarray:
    table = [[_overlap(a, b, clamp, more, whole) for b in true.tolist()] for a in found.tolist()]
    return np.array(table, dtype=float).reshape(len(found), len(true))


def _best(
    found: np.ndarray, true: np.ndarray, threshold: float, table: Any = _matrix, enough: Any = None
) -> np.ndarray:
    table = table(found, true)
    if table.shape[1] == 0:
        return np.full(len(found), -1)
    enough = enough or (lambda value: value >= threshold)
    return np.where(enough(table.max(axis=1)), table.argmax(axis=1), -1)


def _first_enough(found: np.ndarray, true: np.ndarray, threshold: float) -> list[int]:
    return [next((j for j, value in enumerate(row) if value >= threshold), -1) for row in _matrix(found, true)]


def _columns(found: np.ndarray, true: np.ndarray, threshold: float) -> np.ndarray:
    return _best(true, found, threshold)


def _drawn_boxes(rng: np.random.Generator, count: int, reach: int = 20) -> np.ndarray:
    corner = rng.integers(0, reach, (count, 2))
    return np.concatenate([corner, corner + rng.integers(4, 16, (count, 2))], axis=1).astype(float)


def _best_cases(rng: np.random.Generator) -> list[list[Any]]:
    square = np.array([[0.0, 0, 10, 10]])
    cases = [
        [square, square, 0.5],
        [square, np.zeros((0, 4)), 0.5],
        [square, np.array([[0.0, 0, 10, 5], [2, 0, 10, 10]]), 0.5],  # the first is enough, the second is better
        [square, np.array([[0.0, 0, 10, 5]]), 0.5],  # exactly the threshold
        [square, np.array([[50.0, 60, 90, 90]]), 0.3],  # far away in both directions
        [square, np.array([[0.0, 0, 6, 10], [0, 0, 5, 10]]), 0.7],
        [square, np.array([[2.0, 2, 6, 6], [0, 0, 30, 11]]), 0.1],  # a small box inside, a large one around
    ]
    for _ in range(4):
        true = _drawn_boxes(rng, 5)
        cases.append(
            [np.concatenate([true[:3] + rng.integers(-3, 3, (3, 4)) * [1, 1, 0, 0], _drawn_boxes(rng, 3)]), true, 0.3]
        )
    return cases


Q4 = Function(
    name="best_match",
    cases=_best_cases,
    expected=_best,
    slips=(
        Slip(
            "without clamping at 0",
            lambda found, true, threshold: _best(found, true, threshold, lambda a, b: _matrix(a, b, clamp=False)),
            "IoU without clamping at 0: boxes that lie apart in both directions seem to overlap.",
        ),
        Slip(
            "shared part counted twice",
            lambda found, true, threshold: _best(
                found, true, threshold, lambda a, b: _matrix(a, b, whole=lambda first, second, shared: first + second)
            ),
            "the union counts the shared part twice, so overlaps come out too small.",
        ),
        Slip(
            "for the true boxes",
            _columns,
            "this asks each true box for its best answer. Asked is the other way: one number for each found box.",
        ),
        Slip(
            "no threshold",
            lambda found, true, threshold: _best(found, true, threshold, enough=lambda value: value > -1),
            "boxes that fit nothing get a match, too. Below the threshold the answer is -1.",
        ),
        Slip(
            "the threshold excluded",
            lambda found, true, threshold: _best(found, true, threshold, enough=lambda value: value > threshold),
            "an overlap of exactly the threshold is enough.",
        ),
        Slip(
            "the first that is enough",
            _first_enough,
            "this takes the first true box that overlaps enough. Asked is the one that overlaps most.",
        ),
        Slip(
            "overlaps in place of numbers",
            lambda found, true, threshold: _matrix(found, true).max(axis=1, initial=0),
            "these are the overlaps. Asked is which true box it is: its number, counted from 0.",
        ),
    ),
    hints=(
        "First a function for two boxes, from q2. Then a table: a row for each found box, a column for each true one.",
        "The best column of a row is argmax; whether it is good enough, the row's maximum says.",
        "np.where(table.max(axis=1) >= threshold, table.argmax(axis=1), -1); without true boxes all are -1.",
    ),
    remark="The same rule decides in 12b whether a detection counts.",
)

# --- q5: a loss with a silent part ------------------------------------------------------------------------------------


def _parts(
    outputs: np.ndarray,
    labels: np.ndarray,
    silent: tuple[bool, bool] = (True, True),
    over_all: bool = False,
    axis: int = 1,
    box: Any = None,
) -> list[float]:
    there = labels[:, 4] == 1
    box_rows, class_rows = (there if quiet else np.ones(len(there), dtype=bool) for quiet in silent)

    def mean(values: np.ndarray) -> float:
        return float(values.sum() / (len(labels) if over_all else max(1, len(values))))

    probability = 1 / (1 + np.exp(-outputs[:, 4]))
    whether = -(labels[:, 4] * np.log(probability) + (1 - labels[:, 4]) * np.log(1 - probability))
    squares = ((outputs[:, :4] - labels[:, :4]) ** 2).sum(axis=1) if box is None else box(outputs, labels)
    right = softmax(outputs[:, 5:], axis=axis)[np.arange(len(labels)), labels[:, 5:].argmax(axis=1)]
    return [mean(squares[box_rows]), float(whether.mean()), mean(-np.log(right[class_rows]))]


def _parts_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.array([[0.5, 0.5, 0.25, 0.25, 0, 0, 0, 0]]), np.array([[0.5, 0.25, 0.25, 0.5, 1, 1, 0, 0]])],
        [np.array([[0.5, 0.5, 0.25, 0.25, -1, 1, 0, 0]]), np.zeros((1, 8))],
    ]
    for count in (3, 4, 6):
        labels = np.zeros((count, 8))
        for row in labels[: count - 1]:
            row[:4], row[4], row[5 + int(rng.integers(3))] = rng.integers(0, 9, 4) / 8, 1, 1
        outputs = np.concatenate([rng.integers(0, 9, (count, 4)) / 8, rng.integers(-3, 4, (count, 4))], axis=1)
        cases.append([outputs, labels])
    return cases


Q5 = Function(
    name="loss_parts",
    cases=_parts_cases,
    expected=_parts,
    slips=(
        Slip(
            "box part not silent",
            lambda outputs, labels: _parts(outputs, labels, silent=(False, True)),
            "the box part speaks where there is no object. Zeros in such a label are no box.",
        ),
        Slip(
            "class part not silent",
            lambda outputs, labels: _parts(outputs, labels, silent=(True, False)),
            "the class part speaks where there is no object.",
        ),
        Slip(
            "divided by all pictures",
            lambda outputs, labels: _parts(outputs, labels, over_all=True),
            "the first and the last part were divided by the number of all pictures. Their mean is over pictures "
            "with an object.",
        ),
        Slip(
            "softmax over the batch axis",
            lambda outputs, labels: _parts(outputs, labels, axis=0),
            "softmax over the batch axis. The three classes of one picture share one probability.",
        ),
        Slip(
            "mean of the four squares",
            lambda outputs, labels: _parts(outputs, labels, box=lambda a, b: ((a[:, :4] - b[:, :4]) ** 2).mean(axis=1)),
            "the four squares of a box were averaged. Asked is their sum.",
        ),
        Slip(
            "distances in place of squares",
            lambda outputs, labels: _parts(outputs, labels, box=lambda a, b: np.abs(a[:, :4] - b[:, :4]).sum(axis=1)),
            "the box part adds absolute differences. Asked are squares.",
        ),
        Slip(
            "one sum of all parts",
            lambda outputs, labels: float(sum(_parts(outputs, labels))),
            "this is one number. Asked are the three parts, where, whether, what, each by itself.",
        ),
    ),
    hints=(
        "Three parts, and a mask: there = labels[:, 4] == 1. Which of the parts need it?",
        "Whether: -ln p where there is one, -ln(1 - p) where there is none, with p the sigmoid of the fifth number.",
        "What: -ln of the right class's share in softmax(outputs[there, 5:]), over axis 1. No object at all: 0.",
    ),
    remark="Where `there` is nowhere true, a mean would be 0 / 0. Divide by max(1, count): then it is 0.",
)

# --- q6: GIoU by hand -------------------------------------------------------------------------------------------------


def _draw_apart(rng: np.random.Generator) -> dict[str, Any]:
    w1, h1, w2, h2, gap = (int(n) for n in rng.integers(2, 8, 5))
    down = int(rng.integers(1, 5))
    return {"a": [0, 0, w1, h1], "b": [w1 + gap, down, w1 + gap + w2, down + h2]}


def _apart(given: dict[str, Any]) -> tuple[int, int]:
    """Areas of the union and of the enclosing box."""
    a, b = given["a"], given["b"]
    return _area(a) + _area(b), max(a[2], b[2]) * max(a[3], b[3])


def _trace_apart(given: dict[str, Any]) -> str:
    union, around = _apart(given)
    a, b = given["a"], given["b"]
    return (
        f"- They share nothing: IoU **0**. Moved a little, they still share nothing: slope **0**.\n"
        f"- Union {_area(a)} + {_area(b)} = {union}. The smallest box around both reaches from (0, 0) to "
        f"({max(a[2], b[2])}, {max(a[3], b[3])}): {around}. It holds {around - union} that belong to neither.\n"
        f"- GIoU = 0 - {around - union} / {around} = **{-(around - union) / around:.3f}**"
    )


Q6 = Numbers(
    draw=_draw_apart,
    ask=lambda given: f"boxes ({', '.join(map(str, given['a']))}) and ({', '.join(map(str, given['b']))})",
    expected=lambda given: [0, 0, -(_apart(given)[1] - _apart(given)[0]) / _apart(given)[1]],
    slips=(
        Slip(
            "the empty part added",
            lambda given: [0, 0, (_apart(given)[1] - _apart(given)[0]) / _apart(given)[1]],
            "the third number has the wrong sign: the empty part of the enclosing box is subtracted.",
        ),
        Slip(
            "divided by the union",
            lambda given: [0, 0, -(_apart(given)[1] - _apart(given)[0]) / _apart(given)[0]],
            "the empty part was divided by the union. Divide by the enclosing box.",
        ),
        Slip(
            "not divided",
            lambda given: [0, 0, -(_apart(given)[1] - _apart(given)[0])],
            "the empty part is a number of square pixels. GIoU takes its share of the enclosing box.",
        ),
        Slip(
            "the loss",
            lambda given: [0, 0, 1 + (_apart(given)[1] - _apart(given)[0]) / _apart(given)[1]],
            "the third number is the loss, 1 - GIoU.",
        ),
        Slip(
            "the union's share",
            lambda given: [0, 0, -_apart(given)[0] / _apart(given)[1]],
            "this takes the part of the enclosing box that is covered. Subtract the part that is empty.",
        ),
    ),
    hints=(
        "Draw both boxes and the smallest box around them. IoU first; then move one box by a hair: does IoU change?",
        "GIoU = IoU - (empty part of the enclosing box) / (enclosing box).",
        "Empty part: enclosing area less the two areas, as they share nothing here.",
    ),
    trace=_trace_apart,
)

# --- q7: a file that one can trust ------------------------------------------------------------------------------------


def _read(
    text: str, check: bool = True, skip: bool = False, whole: bool = True, blanks: bool = True
) -> list[tuple[Any, ...]]:
    found = []
    for line in text.split("\n"):
        line = line.split("#")[0].strip()
        if not line and blanks:
            continue
        try:
            name, *numbers = line.split()
            x1, y1, x2, y2 = (int(n) if whole else n for n in numbers)
            if check and not (x1 < x2 and y1 < y2):
                raise ValueError(line)
        except ValueError:
            if skip:
                continue
            raise
        found.append((name, x1, y1, x2, y2))
    return found


def _read_cases(rng: np.random.Generator) -> list[list[Any]]:
    names = ("cat", "car", "frog", "tree")
    drawn = []
    for _ in range(3):
        x, y, w, h = (int(n) for n in rng.integers(1, 60, 4))
        drawn.append(f"{rng.choice(names)} {x} {y} {x + w} {y + h}")
    return [
        ["cat 7 55 54 93"],
        [""],
        ["car 100 22 286 47\n# a note\n\nfrog 9 1 30 8  # small"],
        ["cat 54 55 7 93"],
        ["cat 7 93 54 55"],
        ["cat 7 55 54"],
        ["cat 7 55 54 93 1"],
        ["cat 7 55 54 x"],
        ["cat 7 55 7 93"],
        ["\n".join(drawn)],
        [f"{drawn[0]}\n{drawn[1]} 5\n{drawn[2]}"],
    ]


Q7 = Function(
    name="read_boxes",
    cases=_read_cases,
    expected=_read,
    slips=(
        Slip(
            "reversed boxes accepted",
            lambda text: _read(text, check=False),
            "a box whose right edge lies left of its left edge is accepted (or its bottom above its top). Refuse it.",
        ),
        Slip(
            "bad lines skipped",
            lambda text: _read(text, skip=True),
            "a broken line is passed over in silence. Nobody will know that a box is missing: raise a ValueError.",
        ),
        Slip(
            "numbers left as text",
            lambda text: [(name, *map(str, rest)) for name, *rest in _read(text)],
            "the coordinates are still texts; int() makes numbers of them.",
        ),
        Slip(
            "edges swapped in place of refused",
            lambda text: [
                (name, min(a, c), min(b, d), max(a, c), max(b, d)) for name, a, b, c, d in _read(text, check=False)
            ],
            "reversed edges are put in order. Perhaps it is a typing error in another number: refuse, do not guess.",
        ),
        Slip(
            "empty lines refused",
            lambda text: _read(text, blanks=False),
            "empty lines and notes are allowed, and give no box.",
        ),
    ),
    hints=(
        "Line by line: text.split('\\n'). Take the note off first: what stands before '#'.",
        "A line has exactly five words, a name and four numbers. int('x') raises a ValueError by itself.",
        "Unpacking `name, x1, y1, x2, y2 = line.split()` raises one, too. Then check x1 < x2 and y1 < y2.",
    ),
    remark="A message that names the line would be kinder still; the mark only asks that it is refused.",
)

# --- q8: in words -----------------------------------------------------------------------------------------------------

Q8 = Words(
    rubric=(
        ("with two right answers the squared error is smallest at their mean, here a box between the cats", 1),
        (
            "a longer label needs an order of the cats, and any rule makes similar pictures have very different labels",
            1,
        ),
        ("a way out: ask at many places (proposals, a grid), each with a label of its own", 1),
    ),
    hints=(
        "Which single number has the smallest mean squared error to 10 and 50? Now four numbers instead of one.",
        "If the label had room for two cats: which one comes first, and what happens when they pass each other?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6, "q7": Q7, "q8": Q8}
