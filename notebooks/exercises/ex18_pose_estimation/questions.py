"""Pose estimation, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: a joint on its map -------------------------------------------------------------------------------------------


def _draw_joint(rng: np.random.Generator) -> dict[str, Any]:
    stride = int(rng.choice((4, 8)))
    cells = rng.choice(np.arange(1, 64 // stride - 1), 2, replace=False)  # row and column differ
    away = rng.choice((-1, 1), 2) * rng.integers(stride, 4 * stride, 2) / 10  # pixels from the cell's middle
    x, y = stride * (cells + 0.5) + away
    return {
        "x": round(float(x), 1),
        "y": round(float(y), 1),
        "stride": stride,
        "sigma": float(rng.choice((0.8, 1.5, 2.0))),
    }


def _joint(
    given: dict[str, Any],
    *,
    middle: float = 0.5,
    exponent: Callable[[float, float], float] = lambda d, sigma: d**2 / (2 * sigma**2),
    pixels: bool = False,
    change: Callable[[list[float], dict[str, Any]], list[float]] = lambda found, given: found,
) -> list[float]:
    """Row, column, height there, and how far from the joint the middle of that cell is."""
    stride = given["stride"]
    u, v = given["x"] / stride - middle, given["y"] / stride - middle
    column, row = round(u), round(v)
    cells = math.hypot(u - column, v - row)
    height = math.exp(-exponent(cells * stride if pixels else cells, given["sigma"]))
    return change([row, column, height, cells * stride], given)


def _trace_joint(given: dict[str, Any]) -> str:
    stride, sigma = given["stride"], given["sigma"]
    u, v = given["x"] / stride - 0.5, given["y"] / stride - 0.5
    row, column, height, away = _joint(given)
    return (
        f"- In cells: across {given['x']} / {stride} - 0.5 = {u:.4g}, down {given['y']} / {stride} - 0.5 = {v:.4g}\n"
        f"- The nearest whole numbers: row **{row}**, column **{column}**\n"
        f"- Left over: {u - column:.4g} across, {v - row:.4g} down; d² = {(u - column) ** 2 + (v - row) ** 2:.4g}; "
        f"exp(-d² / (2 · {sigma:g}²)) = **{height:.3f}**\n"
        f"- The middle of the cell: x = {stride} · ({column} + 0.5) = {stride * (column + 0.5):g}, "
        f"y = {stride} · ({row} + 0.5) = {stride * (row + 0.5):g}; from there to the joint **{away:.3f}** pixels"
    )


Q1 = Numbers(
    draw=_draw_joint,
    ask=lambda given: f"joint at x = {given['x']}, y = {given['y']}; stride {given['stride']}, σ = {given['sigma']:g}",
    expected=_joint,
    slips=(
        Slip(
            "middles of the cells forgotten",
            lambda given: _joint(given, middle=0),
            "cell j was taken to lie at stride · j, which is its edge. Its middle is half a cell further.",
        ),
        Slip(
            "row and column exchanged",
            lambda given: _joint(given, change=lambda found, _: [found[1], found[0], *found[2:]]),
            "row and column are exchanged: the row comes first, and it comes from y.",
        ),
        Slip(
            "the 2 in the exponent missing",
            lambda given: _joint(given, exponent=lambda d, sigma: d**2 / sigma**2),
            "the height is not right: below the line of the exponent stands twice the square of sigma.",
        ),
        Slip(
            "sigma not squared",
            lambda given: _joint(given, exponent=lambda d, sigma: d**2 / (2 * sigma)),
            "the height is not right: sigma has not been squared.",
        ),
        Slip(
            "distance not squared",
            lambda given: _joint(given, exponent=lambda d, sigma: d / (2 * sigma**2)),
            "the height is not right: the distance has not been squared.",
        ),
        Slip(
            "height by distance in pixels",
            lambda given: _joint(given, pixels=True),
            "the height is not right: sigma is in cells, so the distance must be, too.",
        ),
        Slip(
            "error in cells",
            lambda given: _joint(given, change=lambda found, given: [*found[:3], found[3] / given["stride"]]),
            "the first three are right. The last one is in cells, and pixels are asked for.",
        ),
        Slip(
            "error to the cell's edge",
            lambda given: [
                *_joint(given)[:3],
                math.hypot(*(given[a] - given["stride"] * c for a, c in zip("yx", _joint(given)[:2], strict=True))),
            ],
            "the first three are right. The last one leads to the cell's upper left corner; its middle is asked for.",
        ),
        Slip(
            "ways across and down added",
            lambda given: [
                *_joint(given)[:3],
                sum(
                    abs(given[axis] - given["stride"] * (cell + 0.5))
                    for axis, cell in zip("yx", _joint(given)[:2], strict=True)
                ),
            ],
            "the first three are right. The last one adds the ways across and down; the straight way is asked for.",
        ),
    ),
    hints=(
        "First the joint's place in cells: divide by the stride, and remember where the middle of cell 0 is.",
        "The highest cell is the nearest one. How far is it, in cells, across and down?",
        "Height: exp(-(across² + down²) / (2 σ²)). The error is the same distance, times the stride.",
    ),
    trace=_trace_joint,
)

# --- q2: and back, between the cells ----------------------------------------------------------------------------------


def _bump(size: tuple[int, int], top: tuple[float, float], sigma: tuple[float, float], height: float) -> np.ndarray:
    """A map (H, W) with one exact bump; top and sigma are (across, down), in cells."""
    across, down = (
        np.exp(-((np.arange(cells) - u) ** 2) / (2 * s**2)) for cells, u, s in zip(size[::-1], top, sigma, strict=True)
    )
    return height * down[:, None] * across


def _vertex(before: float, at: float, after: float) -> float:
    return (after - before) / (2 * (2 * at - before - after))


def _read(
    heights: np.ndarray,
    box: Any,
    *,
    values: Callable[[Any], Any] = np.log,
    step: Callable[[float, float, float], float] = _vertex,
    border: str = "three",
    middle: float = 0.5,
    pixels: bool = False,
    corner: bool = True,
    square: bool = False,
) -> list[float]:
    """x and y in pixels, each axis for itself; border: what is done where one neighbour is missing."""
    row, column = divmod(int(np.argmax(heights)), heights.shape[1])
    found = []
    for axis, (line, peak) in enumerate(((values(heights[row]), column), (values(heights[:, column]), row))):
        low, high = (float(box[k + (0 if square else axis)]) for k in (0, 2))
        size = (high - low) / (heights.shape[1] if square else len(line))  # pixels a cell
        centre = min(max(peak, 1), len(line) - 2) if border == "three" else peak
        if border == "stay" and not 0 < peak < len(line) - 1:
            shift = 0.0
        else:
            shift = step(*(float(line[centre + k]) for k in (-1, 0, 1)))
        start = float(box[axis]) if corner else 0.0
        found.append(start + (centre + middle) * size + (shift if pixels else shift * size))
    return found


def _balance(heights: np.ndarray, box: Any) -> list[float]:
    """The mean of all places, weighted by the heights."""
    mean = [float((heights * (at + 0.5)).sum() / heights.sum()) for at in np.indices(heights.shape)[::-1]]
    sizes = (box[2:] - box[:2]) / np.array(heights.shape[::-1])
    return [float(start + at * size) for start, at, size in zip(box[:2], mean, sizes, strict=True)]


def _box(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A box whose cells are not square."""
    across, down = rng.choice((2, 3, 4, 5), 2, replace=False)
    x, y = rng.choice(np.arange(5, 30), 2, replace=False)
    return np.array([x, y, x + across * width, y + down * height], dtype=float)


def _read_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[_bump((3, 3), (1.25, 0.875), (1, 1), 1.0), np.array([10.0, 20, 22, 32])]]
    for peak in ("low, high", "high, low", "inside"):  # the highest cell: column, row
        height, width = (int(n) for n in rng.permutation(np.arange(4, 8))[:2])
        if peak == "inside":
            cells = np.array([rng.integers(1, width - 1), rng.integers(1, height - 1)])
        else:
            cells = np.array([0, height - 1] if peak == "low, high" else [width - 1, 0])
        u, v = cells + rng.uniform(0.05, 0.35, 2) * rng.choice((-1, 1), 2)
        wide, tall = rng.uniform(0.7, 1.5, 2)
        heights = _bump((height, width), (u, v), (wide, tall), float(rng.uniform(0.3, 0.9)))
        cases.append([heights, _box(rng, height, width)])
    return cases


Q2 = Function(
    name="read_joint",
    cases=_read_cases,
    expected=lambda heights, box: _read(heights, box),
    slips=(
        Slip(
            "the highest cell only",
            lambda heights, box: _read(heights, box, step=lambda *_: 0.0, border="stay"),
            "this is the middle of the highest cell. The joint lies between the cells; the neighbours say where.",
        ),
        Slip(
            "a quarter step",
            lambda heights, box: _read(heights, box, step=lambda a, b, c: 0.25 * float(np.sign(c - a)), border="stay"),
            "a quarter step goes in the right direction, always equally far. The vertex of the parabola is asked for.",
        ),
        Slip(
            "parabola through the heights",
            lambda heights, box: _read(heights, box, values=lambda line: line),
            "this is the vertex for the heights themselves. A bump is no parabola; its logarithm is one.",
        ),
        Slip(
            "middles of the cells forgotten",
            lambda heights, box: _read(heights, box, middle=0),
            "all is half a cell too small: the middle of cell 0 is not at the edge of the box.",
        ),
        Slip(
            "step to the wrong side",
            lambda heights, box: _read(heights, box, step=lambda a, b, c: -_vertex(a, b, c)),
            "the step goes to the wrong side: it leads towards the higher neighbour.",
        ),
        Slip(
            "step twice as long",
            lambda heights, box: _read(heights, box, step=lambda a, b, c: 2 * _vertex(a, b, c)),
            "the step is twice too long: a 2 is missing below the line of the vertex.",
        ),
        Slip(
            "step of cells added to pixels",
            lambda heights, box: _read(heights, box, pixels=True),
            "the step is in cells and was added to pixels. Multiply it by the cell's side as well.",
        ),
        Slip(
            "corner of the box forgotten",
            lambda heights, box: _read(heights, box, corner=False),
            "right within the box. In the picture the box begins at its upper left corner: add it.",
        ),
        Slip(
            "cells taken for square",
            lambda heights, box: _read(heights, box, square=True),
            "x is right. A cell's height is not its width: it is the box's height by the number of rows.",
        ),
        Slip(
            "x and y exchanged",
            lambda heights, box: _read(heights, box)[::-1],
            "x and y are exchanged: x comes first, and it counts the columns.",
        ),
        Slip(
            "no step at the border",
            lambda heights, box: _read(heights, box, border="stay"),
            "right inside. At the border you stay in the middle of the cell: take the three nearest cells there.",
        ),
        Slip(
            "neighbours beyond the border",
            lambda heights, box: _read(heights, box, border="beyond"),
            "right inside. Beyond the border there is no neighbour: an index of -1 counts from behind, and one too "
            "large stops with an error. Take the three nearest cells there.",
        ),
        Slip(
            "mean weighted by height",
            _balance,
            "this is the mean of all places, weighted by their heights. It is off wherever the map cuts off a bump.",
        ),
    ),
    hints=(
        "np.argmax counts all cells row by row; divmod(..., width) makes a row and a column of it.",
        "One function for three logarithms a, b, c: (c - a) / (2 (2b - a - c)), in cells from the middle one. At the "
        "border move the middle one inwards, np.clip(cell, 1, cells - 2), and count from there.",
        "A cell's sides: the box's width by the columns, its height by the rows. Then corner + (cell + step + 0.5) · "
        "side, for x and for y.",
    ),
    remark="The bump's height and its two widths were never needed: a parabola's vertex does not hang on them.",
)

# --- q3: how right are these poses? -----------------------------------------------------------------------------------


def _distance(a: Any, b: Any) -> float:
    return math.hypot(float(a[0]) - float(b[0]), float(a[1]) - float(b[1]))


def _pck(
    found: np.ndarray,
    truth: np.ndarray,
    torso: Sequence[int],
    share: float,
    *,
    counts: Callable[[float], bool] = lambda visibility: visibility == 2,
    missing: str = "wrong",
    distance: Callable[[Any, Any], float] = _distance,
    length: Callable[[int, list[float]], float] = lambda n, lengths: lengths[n],
    strict: bool = False,
    torso_of: str = "truth",
    by_person: bool = False,
    all_below: bool = False,
) -> float:
    ends = truth if torso_of == "truth" else found
    lengths = [_distance(person[torso[0]], person[torso[1]]) for person in ends]
    right, counted = [], []
    for n, (mine, true) in enumerate(zip(found, truth, strict=True)):
        right.append(0)
        counted.append(len(true) if all_below else 0)
        for joint, place in zip(mine, true, strict=True):
            if not counts(place[2]) or (missing == "left out" and joint[2] == 0):
                continue
            counted[n] += not all_below
            away, radius = distance(joint, place), share * length(n, lengths)
            near = away < radius if strict else away <= radius
            right[n] += near and (missing == "by its place" or joint[2] > 0)
    if by_person:
        shares = [r / c for r, c in zip(right, counted, strict=True) if c]
        return sum(shares) / len(shares)
    return float(sum(right) / max(1, sum(counted)))


def _people(rng: np.random.Generator, people: int, joints: int, torso: Sequence[int], share: float) -> Any:
    """People of different sizes, joints about as wrong as the radius; no distance lies on the radius."""
    while True:
        truth = np.zeros((people, joints, 3))
        truth[:, :, :2] = rng.integers(1, 50, (people, joints, 2))
        truth[:, :, 2] = rng.choice((0, 1, 2, 2, 2), (people, joints))
        truth[0, :, 2] = 2  # a person with more joints in sight than the others
        truth[-1, 3:, 2] = rng.integers(0, 2, joints - 3)
        truth[1:, list(torso), 2] = rng.integers(1, 3, (people - 1, 2))  # the ends of the torso are known
        for n in range(people):  # lengths from 10 to 45 pixels
            step = rng.integers(6, 32, 2)
            truth[n, torso[1], :2] = truth[n, torso[0], :2] + step
        lengths = np.linalg.norm(truth[:, torso[0], :2] - truth[:, torso[1], :2], axis=1)
        found = truth.copy()
        found[:, :, :2] += np.round(rng.normal(0, 0.8 * share * lengths[:, None, None], (people, joints, 2)), 1)
        found[:, :, 2] = rng.integers(3, 10, (people, joints)) / 10
        truth[truth[:, :, 2] == 0] = 0  # no such joint: nothing is known
        lost = rng.random((people, joints)) < 0.15
        lost[0, -1], truth[0, -1, :2] = True, rng.integers(1, 3, 2)  # not found, and in the picture's corner
        found[lost] = 0
        away = np.linalg.norm(found[:, :, :2] - truth[:, :, :2], axis=2)
        if np.abs(away - share * lengths[:, None]).min() > 1e-3:
            return [found, truth, list(torso), share]


def _pck_cases(rng: np.random.Generator) -> list[list[Any]]:
    truth = np.array([[[10.0, 10, 2], [10, 30, 2], [30, 10, 1], [2, 1, 2]]])
    found = np.array([[[13.0, 14, 0.9], [10, 36, 0.8], [30, 10, 0.7], [0, 0, 0]]])
    return [
        [found, truth, [0, 1], 0.25],  # 5 pixels wrong is just right; 6; hidden; not found
        _people(rng, 2, 5, (0, 2), 0.2),
        _people(rng, 3, 6, (2, 1), 0.5),
        _people(rng, 4, 6, (1, 3), 0.3),
    ]


Q3 = Function(
    name="pck",
    cases=_pck_cases,
    expected=lambda found, truth, torso, share: _pck(found, truth, torso, share),
    slips=(
        Slip(
            "hidden joints counted",
            lambda found, truth, torso, share: _pck(found, truth, torso, share, counts=lambda seen: seen > 0),
            "hidden joints (visibility 1) count as well. Only those of visibility 2 are asked for.",
        ),
        Slip(
            "every joint counted",
            lambda found, truth, torso, share: _pck(found, truth, torso, share, counts=lambda seen: True),
            "all joints count, even those that nobody knows. Only those of visibility 2 are asked for.",
        ),
        Slip(
            "divided by all joints",
            lambda found, truth, torso, share: _pck(found, truth, torso, share, all_below=True),
            "the right joints are divided by all joints. Only those that can be seen belong below the line, too.",
        ),
        Slip(
            "one length for all",
            lambda found, truth, torso, share: _pck(
                found, truth, torso, share, length=lambda n, lengths: sum(lengths) / len(lengths)
            ),
            "everybody has the same radius, from the mean torso. Each person is measured by a torso of its own.",
        ),
        Slip(
            "no length at all",
            lambda found, truth, torso, share: _pck(found, truth, torso, share, length=lambda n, lengths: 1.0),
            "the share was taken for a number of pixels. The radius is the share times the person's torso.",
        ),
        Slip(
            "torso of the found pose",
            lambda found, truth, torso, share: _pck(found, truth, torso, share, torso_of="found"),
            "the torso was measured on the pose that was found: whoever answers too large would be judged mildly.",
        ),
        Slip(
            "mean over the people",
            lambda found, truth, torso, share: _pck(found, truth, torso, share, by_person=True),
            "each person's share was computed, and their mean taken. Joints of all people are counted together.",
        ),
        Slip(
            "missing joints judged by place",
            lambda found, truth, torso, share: _pck(found, truth, torso, share, missing="by its place"),
            "a joint of height 0 was not found: its (0, 0) is no answer, even if the true joint is near the corner.",
        ),
        Slip(
            "missing joints left out",
            lambda found, truth, torso, share: _pck(found, truth, torso, share, missing="left out"),
            "joints that were not found are left out. They can be seen, so they count, as wrong ones.",
        ),
        Slip(
            "less in place of at most",
            lambda found, truth, torso, share: _pck(found, truth, torso, share, strict=True),
            "a joint that lies exactly on the radius is right, too.",
        ),
        Slip(
            "percent",
            lambda found, truth, torso, share: 100 * _pck(found, truth, torso, share),
            "right, but in percent. The share is asked for, 0 to 1.",
        ),
        Slip(
            "a square in place of a circle",
            lambda found, truth, torso, share: _pck(
                found, truth, torso, share, distance=lambda a, b: max(abs(a[0] - b[0]), abs(a[1] - b[1]))
            ),
            "x and y were compared each for itself. That is a square; the distance is asked for.",
        ),
    ),
    hints=(
        "By hand, in the first case: the torso is 20 pixels, the radius 5. How wrong is each of the four joints?",
        "Two arrays of booleans, (N, K): which joints count, and which are near enough. Lengths have the shape (N,): "
        "write lengths[:, None] to compare them with distances (N, K).",
        "A third one: which joints were found at all, found[..., 2] > 0. Then (all three).sum() / (those that count).",
    ),
    remark="With the head in place of the torso, and a half as share, the same function gives PCKh.",
)

# --- q4: does this forearm belong together? ---------------------------------------------------------------------------


def _score(
    field: np.ndarray,
    start: Any,
    end: Any,
    stride: int,
    samples: int,
    *,
    unit: bool = True,
    turn: int = 1,
    cell: Callable[[float, int], int] = lambda place, cells: int(place),
    swapped: bool = False,
    product: Callable[[float, float, float, float], float] = lambda a, b, x, y: a * x + b * y,
    last: bool = True,
    mean: bool = True,
    nowhere: float = 0.0,
) -> float:
    across, down = (turn * (float(b) - float(a)) for a, b in zip(start, end, strict=True))
    length = math.hypot(across, down)
    if length == 0:
        return nowhere
    x, y = (across / length, down / length) if unit else (across, down)
    total = 0.0
    for k in range(samples):
        share = k / (samples - 1 if last else samples)
        column = cell((start[0] + share * (end[0] - start[0])) / stride, field.shape[2])
        row = cell((start[1] + share * (end[1] - start[1])) / stride, field.shape[1])
        a, b = field[:, column, row] if swapped else field[:, row, column]
        total += product(float(a), float(b), x, y)
    return total / samples if mean else total


def _nearest_edge(place: float, cells: int) -> int:
    return min(cells - 1, math.floor(place + 0.5))


def _off_the_edges(start: Any, end: Any, stride: int, samples: int) -> bool:
    """Whether no sample lies where rounding decides which cell it is in."""
    share = np.linspace(0, 1, samples)[:, None]
    places = (np.asarray(start) + share * (np.asarray(end) - np.asarray(start))) / stride
    return bool(np.abs(places - np.round(places)).min() > 1e-3)


def _score_cases(rng: np.random.Generator) -> list[list[Any]]:
    level = np.array([[[1.0, 1, 0], [0, 0, 0]], [[0, 0, 1], [0, 0, 0]]])  # to the right, right, then down
    cases: list[list[Any]] = [
        [level, np.array([1.0, 1.0]), np.array([5.0, 1.0]), 2, 3],
        [level, np.array([3.0, 1.0]), np.array([3.0, 1.0]), 2, 3],
    ]
    for stride, samples in ((4, 10), (4, 5), (8, 7)):
        height, width = (int(n) for n in rng.permutation(np.arange(4, 8))[:2])
        field = rng.integers(-4, 5, (2, height, width)) / 4
        while True:
            start, end = (np.round(rng.random(2) * (width * stride, height * stride), 1) for _ in range(2))
            inside = max(start[0], end[0]) < width * stride and max(start[1], end[1]) < height * stride
            if inside and np.abs(end - start).min() > 2 * stride and _off_the_edges(start, end, stride, samples):
                break
        cases.append([field, start, end, stride, samples])
    return cases


Q4 = Function(
    name="limb_score",
    cases=_score_cases,
    expected=lambda field, start, end, stride, samples: _score(field, start, end, stride, samples),
    slips=(
        Slip(
            "direction not of length 1",
            lambda field, start, end, stride, samples: _score(field, start, end, stride, samples, unit=False),
            "the way from start to end has been taken as it is, so long limbs score more. Divide it by its length.",
        ),
        Slip(
            "from the end to the start",
            lambda field, start, end, stride, samples: _score(field, start, end, stride, samples, turn=-1),
            "the sign is wrong: the direction is that from the start to the end.",
        ),
        Slip(
            "sum in place of the mean",
            lambda field, start, end, stride, samples: _score(field, start, end, stride, samples, mean=False),
            "the samples were added up. Their mean is asked for: then 1 means all along the way.",
        ),
        Slip(
            "x for the row",
            lambda field, start, end, stride, samples: _score(field, start, end, stride, samples, swapped=True),
            "the field was read at [x, y]. Rows come first, and a row is y.",
        ),
        Slip(
            "the nearest edge's cell",
            lambda field, start, end, stride, samples: _score(field, start, end, stride, samples, cell=_nearest_edge),
            "place / stride was rounded. A place lies in the cell where it has passed the left edge but not the "
            "right one: with stride 4, pixels 4 to 8 are cell 1.",
        ),
        Slip(
            "the end left out",
            lambda field, start, end, stride, samples: _score(field, start, end, stride, samples, last=False),
            "the last sample does not reach the end: with m places there are m - 1 steps.",
        ),
        Slip(
            "arrows without heads",
            lambda field, start, end, stride, samples: _score(
                field, start, end, stride, samples, product=lambda a, b, x, y: abs(a * x + b * y)
            ),
            "the sign was thrown away. A limb that runs the other way counts against the pair.",
        ),
        Slip(
            "length of the field only",
            lambda field, start, end, stride, samples: _score(
                field, start, end, stride, samples, product=lambda a, b, x, y: math.hypot(a, b)
            ),
            "this only asks whether there is a limb. The field must also point along the way: take the dot product.",
        ),
        Slip(
            "0 / 0 for two equal places",
            lambda field, start, end, stride, samples: _score(field, start, end, stride, samples, nowhere=float("nan")),
            "right, but for two ends at the same place. They have no direction, and the score is to be 0.",
        ),
    ),
    hints=(
        "The first case by hand: three places, in three cells of the upper row. Which of the arrows point right?",
        "np.linspace(0, 1, samples) gives shares of the way; start + share · (end - start) the places.",
        "rows, columns = (y // stride).astype(int), (x // stride).astype(int); field[:, rows, columns] is (2, "
        "samples). Multiply by the unit vector, add x and y, take the mean.",
    ),
    remark="The notebook reads between the cells (bilinear). With a cell as wide as a limb the difference is small.",
)

# --- q5: whose wrist is it? -------------------------------------------------------------------------------------------

THRESHOLD = 0.2


def _greedy(scores: np.ndarray, threshold: float = THRESHOLD) -> list[int]:
    """The wrist of each elbow, from 1; 0 for none. The best pair of all first."""
    left, wrists = scores.copy(), [0] * len(scores)
    while left.max() > threshold:
        i, j = divmod(int(left.argmax()), left.shape[1])
        wrists[i] = j + 1
        left[i], left[:, j] = -np.inf, -np.inf
    return wrists


def _in_turn(scores: np.ndarray) -> list[int]:
    """A chooses first, then B, then C."""
    left, wrists = scores.copy(), []
    for i in range(len(left)):
        j = int(left[i].argmax())
        wrists.append(j + 1 if left[i, j] > THRESHOLD else 0)
        if wrists[-1]:
            left[:, j] = -np.inf
    return wrists


def _each_its_best(scores: np.ndarray) -> list[int]:
    return [int(row.argmax()) + 1 if row.max() > THRESHOLD else 0 for row in scores]


def _best(scores: np.ndarray) -> list[int]:
    """The pairs with the largest sum, found by trying all; pairs at the threshold or below do not count."""

    def pairs(order: Sequence[int]) -> list[int]:
        return [j + 1 if scores[i, j] > THRESHOLD else 0 for i, j in enumerate(order)]

    return max((pairs(order) for order in itertools.permutations(range(len(scores)))), key=lambda w: _sum(scores, w))


def _sum(scores: np.ndarray, wrists: Sequence[int]) -> float:
    return float(sum(scores[i, j - 1] for i, j in enumerate(wrists) if j))


def _draw_scores(rng: np.random.Generator) -> dict[str, Any]:
    """Scores where greed leaves somebody without a wrist, and something better is possible."""
    while True:
        scores = rng.permutation(np.arange(-15, 98))[:9].reshape(3, 3) / 100
        greedy = _greedy(scores)
        if np.abs(scores - THRESHOLD).min() < 0.02 or greedy.count(0) != 1:
            continue
        if _sum(scores, _best(scores)) > _sum(scores, greedy) + 0.05:
            return {"scores": scores.tolist()}


def _matching(
    given: dict[str, Any],
    pairs: Callable[[np.ndarray], list[int]] = _greedy,
    best: Callable[[np.ndarray], list[int]] = _best,
) -> list[float]:
    scores = np.array(given["scores"])
    return [*pairs(scores), _sum(scores, pairs(scores)), _sum(scores, best(scores))]


def _by_wrist(given: dict[str, Any]) -> list[float]:
    found = _matching(given)
    wrists = found[:3]
    return [*(wrists.index(j) + 1 if j in wrists else 0 for j in (1, 2, 3)), *found[3:]]


def _trace_matching(given: dict[str, Any]) -> str:
    scores, lines = np.array(given["scores"]), []
    greedy, best = _greedy(scores), _best(scores)
    taken = sorted((i for i in range(3) if greedy[i]), key=lambda i: -scores[i, greedy[i] - 1])
    for i in taken:
        lines.append(f"- highest of what is left: {scores[i, greedy[i] - 1]:.2f}, {'ABC'[i]} gets {greedy[i]}")
    alone = greedy.index(0)
    wrist = next(j for j in (1, 2, 3) if j not in greedy)
    lines.append(
        f"- left are {'ABC'[alone]} and wrist {wrist}, with {scores[alone, wrist - 1]:.2f}: not above the threshold, "
        f"so {'ABC'[alone]} gets none"
    )

    def sums(wrists: list[int]) -> str:
        return " + ".join(f"{scores[i, j - 1]:.2f}" for i, j in enumerate(wrists) if j)

    return (
        "\n".join(lines)
        + f"\n- by greed: A **{greedy[0]}**, B **{greedy[1]}**, C **{greedy[2]}**; {sums(greedy)} = "
        + f"**{_sum(scores, greedy):.2f}**\n- at best: "
        + ", ".join(f"{name} {wrist or 'none'}" for name, wrist in zip("ABC", best, strict=True))
        + f"; {sums(best)} = **{_sum(scores, best):.2f}**"
    )


Q5 = Numbers(
    draw=_draw_scores,
    ask=lambda given: (
        "| elbow \\ wrist | 1 | 2 | 3 |\n|---|---|---|---|\n"
        + "\n".join(
            f"| {name} | {' | '.join(f'{score:.2f}' for score in row)} |"
            for name, row in zip("ABC", given["scores"], strict=True)
        )
        + f"\n\nthreshold {THRESHOLD}"
    ),
    expected=_matching,
    slips=(
        Slip(
            "threshold forgotten",
            lambda given: _matching(given, lambda scores: _greedy(scores, -np.inf)),
            "the last pair is not above the threshold. It is left over only because nothing else is, and not joined.",
        ),
        Slip(
            "each elbow takes its best",
            lambda given: _matching(given, _each_its_best),
            "a wrist was given out twice. Once a pair is made, its elbow and its wrist are taken.",
        ),
        Slip(
            "row by row",
            lambda given: _matching(given, _in_turn),
            "A chose first, then B, then C. Greedy means: the best pair of the *whole* table first.",
        ),
        Slip(
            "the best sum's pairs",
            lambda given: _matching(given, _best),
            "these are the pairs with the largest sum. Greedy matching does not look ahead.",
        ),
        Slip(
            "greed taken for the best",
            lambda given: _matching(given, best=_greedy),
            "the first four are right. Try the other ways to give the wrists out: one has a larger sum.",
        ),
        Slip(
            "elbows of the wrists",
            _by_wrist,
            "the sums are right. The first three are the elbows of wrists 1, 2, 3; asked are the wrists of A, B, C.",
        ),
    ),
    hints=(
        "Find the highest number of the table. Cross out its row and its column. Again.",
        "Stop when what is left is not above the threshold.",
        "For the last number: six ways to give three wrists to three elbows. Scores not above the threshold count as "
        "no pair, 0.",
    ),
    trace=_trace_matching,
)

# --- q6: in words -----------------------------------------------------------------------------------------------------

Q6 = Words(
    rubric=(
        ("the mirrored pictures kept their names: left and right must change places; head and neck have no partner", 1),
        (
            "two answers to pictures that look alike: squared error asks for the mean of two maps, half a bump at each",
            1,
        ),
        ("a test that fails for this mistake, as a side that is checked; mirroring twice would not fail", 1),
    ),
    hints=(
        "What do the joints that are still found have in common? What is different about them in the mirror?",
        "The same person, seen once as it is and once in the mirror: what do the two labels say of the hand on the "
        "right of the picture?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6}
