"""SegNet and U-Net, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: sizes without padding ----------------------------------------------------------------------------------------


def _draw_sizes(rng: np.random.Generator) -> dict[str, Any]:
    depth = int(rng.integers(2, 4))
    side = int(rng.integers(12, 22))  # at the bottom, before its convolutions
    for _ in range(depth):
        side = 2 * side + 4
    return {"depth": depth, "side": side}


def _walk(given: dict[str, Any], loss: int = 4, up: int = 4) -> tuple[list[int], int, int]:
    """Sides of the maps that are passed across, of the map that meets the top one, and of the output."""
    side, across = given["side"], []
    for _ in range(given["depth"]):
        across.append(side - loss)
        side = (side - loss) // 2
    side -= loss
    meets = side
    for _ in range(given["depth"]):
        meets = 2 * side
        side = meets - up
    return across, meets, side


def _sizes(change: Any, **loss: int) -> Any:
    def answer(given: dict[str, Any]) -> list[float]:
        across, meets, out = _walk(given, **loss)
        return list(change(across, meets, out, given))

    return answer


def _trace_sizes(given: dict[str, Any]) -> str:
    lines, side = [], given["side"]
    for level in range(given["depth"]):
        lines.append(f"- level {level}: {side}, two convolutions {side - 4}, pooled {(side - 4) // 2}")
        side = (side - 4) // 2
    lines.append(f"- bottom: {side}, two convolutions {side - 4}")
    side -= 4
    across, meets, out = _walk(given)
    for level in reversed(range(given["depth"])):
        cut = (across[level] - 2 * side) // 2
        lines.append(
            f"- up to level {level}: doubled {2 * side}; the map from the left has {across[level]}, so {cut} are cut "
            f"off "
            f"at each edge; two convolutions {2 * side - 4}"
        )
        side = 2 * side - 4
    return "\n".join(lines) + f"\n\nOutput **{out}**, cut at the top level **{(across[0] - meets) // 2}** at each edge."


Q1 = Numbers(
    draw=_draw_sizes,
    ask=lambda given: f"input {given['side']} x {given['side']}, {given['depth']} poolings",
    expected=_sizes(lambda across, meets, out, given: (out, (across[0] - meets) / 2)),
    slips=(
        Slip(
            "padding assumed",
            _sizes(lambda across, meets, out, given: (given["side"], 0)),
            "with padding nothing shrinks. Here every 3 x 3 convolution takes a pixel off each edge.",
        ),
        Slip(
            "cut at both edges together",
            _sizes(lambda across, meets, out, given: (out, across[0] - meets)),
            "the first number is right. The second is what is cut at both edges together: half of it at each.",
        ),
        Slip(
            "one convolution a level",
            _sizes(lambda across, meets, out, given: (out, (across[0] - meets) / 2), loss=2, up=2),
            "two pixels were taken off at each level. There are two convolutions: four pixels.",
        ),
        Slip(
            "no convolutions on the way up",
            _sizes(lambda across, meets, out, given: (out, (across[0] - meets) / 2), up=0),
            "on the way up each level has two convolutions as well.",
        ),
        Slip(
            "cut down to the output",
            _sizes(lambda across, meets, out, given: (out, (across[0] - out) / 2)),
            "the first number is right. The map from the left meets the doubled one, before the last two convolutions.",
        ),
    ),
    hints=(
        "Walk down with a pencil: minus 4, halve, minus 4, halve. The paper's own: 572, 568, 284, 280, ...",
        "At the bottom two more convolutions; then on each level: double, lay beside, minus 4.",
        "The cut at the top: (side of the map from the left - side of the doubled map) / 2.",
    ),
    trace=_trace_sizes,
)

# --- q2: two metrics by hand ------------------------------------------------------------------------------------------


def _draw_table(rng: np.random.Generator) -> dict[str, Any]:
    table = rng.integers(0, 6, (3, 3))
    table[0, 0] = int(rng.integers(60, 90))  # mostly sky
    table[1, 1], table[2, 2] = int(rng.integers(4, 12)), int(rng.integers(1, 6))
    table[1, 0] = int(rng.integers(3, 9))
    return {"table": table.tolist()}


def _metrics(given: dict[str, Any], share: Any = None, weights: bool = False) -> list[float]:
    table = np.array(given["table"], dtype=float)
    hits, true, found = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    shares = hits / (true + found - hits) if share is None else share(hits, true, found)
    mean = float((shares * true).sum() / true.sum()) if weights else float(shares.mean())
    return [float(hits.sum() / table.sum()), mean]


def _trace_table(given: dict[str, Any]) -> str:
    table, lines = np.array(given["table"]), []
    for k, name in enumerate(("sky", "road", "pole")):
        hits, true, found = table[k, k], table[k].sum(), table[:, k].sum()
        lines.append(
            f"- {name}: {hits} right, {true} true, {found} found; together {true} + {found} - {hits} = "
            f"{true + found - hits}; IoU {hits / (true + found - hits):.3f}"
        )
    accuracy, mean = _metrics(given)
    return (
        f"- right on the diagonal: {np.trace(table)} of {table.sum()}: **{accuracy:.3f}**\n"
        + "\n".join(lines)
        + f"\n- mean of the three: **{mean:.3f}**"
    )


Q2 = Numbers(
    draw=_draw_table,
    ask=lambda given: (
        "| true \\ found | sky | road | pole |\n|---|---|---|---|\n"
        + "\n".join(
            f"| {name} | {' | '.join(map(str, row))} |"
            for name, row in zip(("sky", "road", "pole"), given["table"], strict=True)
        )
    ),
    expected=_metrics,
    slips=(
        Slip(
            "mean recall",
            lambda given: _metrics(given, lambda hits, true, found: hits / true),
            "the second number is the mean share of each class's true pixels that was found. False alarms do not "
            "count in it.",
        ),
        Slip(
            "mean precision",
            lambda given: _metrics(given, lambda hits, true, found: hits / found),
            "you divided by the columns alone: what was found. The pixels that were missed belong below the line, too.",
        ),
        Slip(
            "hits counted twice",
            lambda given: _metrics(given, lambda hits, true, found: hits / (true + found)),
            "below the line the hits are counted twice: row + column - hits.",
        ),
        Slip(
            "Dice in place of IoU",
            lambda given: _metrics(given, lambda hits, true, found: 2 * hits / (true + found)),
            "this is the Dice coefficient, 2 · hits / (row + column).",
        ),
        Slip(
            "weighted by frequency",
            lambda given: _metrics(given, weights=True),
            "the classes were weighted by their pixels, so the sky decides again. In the mean each class counts the "
            "same.",
        ),
        Slip(
            "the two swapped",
            lambda given: _metrics(given)[::-1],
            "right numbers, wrong order: pixel accuracy first.",
        ),
    ),
    hints=(
        "Pixel accuracy: how many pixels are on the diagonal, of all?",
        "IoU of a class: its number on the diagonal / (its row + its column - that number).",
        "Then the plain mean over the three classes.",
    ),
    trace=_trace_table,
)

# --- q3: back to where it stood ---------------------------------------------------------------------------------------


def _unpool(values: np.ndarray, positions: np.ndarray, height: int, width: int) -> np.ndarray:
    found = np.zeros((len(values), height, width))
    for c, i, j in np.ndindex(values.shape):
        found[c].flat[positions[c, i, j]] = values[c, i, j]
    return found


def _spread(
    values: np.ndarray, positions: np.ndarray, height: int, width: int, only_corner: bool = False
) -> np.ndarray:
    found = np.zeros((len(values), height, width))
    wide = values.repeat(2, axis=1).repeat(2, axis=2)
    found[:, : wide.shape[1], : wide.shape[2]] = wide
    if only_corner:
        found[:, 1::2], found[:, :, 1::2] = 0, 0
    return found


def _unpool_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[np.array([[[7.0]]]), np.array([[[3]]]), 2, 2]]
    for channels, height, width in ((1, 2, 4), (2, 4, 6), (3, 6, 4), (2, 5, 4)):
        picture = rng.permutation(np.arange(1, channels * height * width + 1)).reshape(channels, height, width)
        values = np.zeros((channels, height // 2, width // 2))
        positions = np.zeros(values.shape, dtype=int)
        for c, i, j in np.ndindex(values.shape):
            window = picture[c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            down, right = np.unravel_index(window.argmax(), (2, 2))
            values[c, i, j], positions[c, i, j] = window.max(), (2 * i + down) * width + 2 * j + right
        cases.append([values, positions, height, width])
    return cases


Q3 = Function(
    name="unpool",
    cases=_unpool_cases,
    expected=_unpool,
    slips=(
        Slip(
            "every pixel of the window",
            _spread,
            "the value is written into all four pixels of its window. It belongs where it stood; the others are 0.",
        ),
        Slip(
            "always the upper left pixel",
            lambda values, positions, height, width: _spread(values, positions, height, width, only_corner=True),
            "the value stands in the upper left pixel of its window. The positions say where it was.",
        ),
        Slip(
            "columns first",
            lambda values, positions, height, width: np.stack(
                [m.reshape(width, height).T for m in _unpool(values, positions, height, width)]
            ),
            "positions count along the rows: position // width is the row, the rest the column.",
        ),
        Slip(
            "all channels in one map",
            lambda values, positions, height, width: np.repeat(
                _unpool(values, positions, height, width).sum(axis=0, keepdims=True), len(values), axis=0
            ),
            "the channels are mixed. Each has positions of its own.",
        ),
        Slip(
            "the positions returned",
            lambda values, positions, height, width: _unpool(positions, positions, height, width),
            "the positions themselves were written, not the values.",
        ),
    ),
    hints=(
        "Begin with zeros of the full size. A position counts the pixels of one map, row by row.",
        "row, column = position // width, position % width; or use maps that are flattened.",
        "One loop over the channels: flat = out[c].reshape(-1); flat[positions[c].ravel()] = values[c].ravel().",
    ),
    remark="SegNet passes these positions across and nothing else: a number of two bits for each value.",
)

# --- q4: Dice ---------------------------------------------------------------------------------------------------------


def _dice(
    chances: np.ndarray,
    truth: np.ndarray,
    *,
    axes: Any = (1, 2),
    smooth: float = 1,
    jaccard: bool = False,
    twice: float = 2,
    hard: bool = False,
) -> float:
    chances = (chances >= 0.5).astype(float) if hard else chances
    shared, both = (chances * truth).sum(axis=axes), (chances + truth).sum(axis=axes)
    if jaccard:
        return float(np.mean(1 - (shared + smooth) / (both - shared + smooth)))
    with np.errstate(invalid="ignore"):
        return float(np.mean(1 - (twice * shared + smooth) / (both + smooth)))


def _dice_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[np.array([[[1.0, 0.0]]]), np.array([[[1.0, 0.0]]])], [np.zeros((1, 2, 2)), np.zeros((1, 2, 2))]]
    for count, side in ((2, 3), (3, 4)):
        truth = rng.integers(0, 2, (count, side, side)).astype(float)
        truth[0] = 0
        truth[0, 0, 0] = 1  # a small thing
        cases.append([rng.integers(0, 9, (count, side, side)) / 8, truth])
    return cases


Q4 = Function(
    name="dice_loss",
    cases=_dice_cases,
    expected=lambda chances, truth: _dice(chances, truth),
    slips=(
        Slip(
            "over the whole batch at once",
            lambda chances, truth: _dice(chances, truth, axes=None),
            "all pictures were added up before dividing. Each picture has its own coefficient; then the mean.",
        ),
        Slip(
            "without the 1",
            lambda chances, truth: _dice(chances, truth, smooth=0),
            "a picture where nothing is true and nothing is found gives 0 / 0. The 1 above and below the line is "
            "missing.",
        ),
        Slip(
            "IoU in place of Dice",
            lambda chances, truth: _dice(chances, truth, jaccard=True),
            "below the line the shared part was taken off: that is IoU. Dice adds both in full and doubles the "
            "shared part.",
        ),
        Slip(
            "shared part not doubled",
            lambda chances, truth: _dice(chances, truth, twice=1),
            "a perfect answer does not give 0: the shared part counts twice above the line.",
        ),
        Slip(
            "coefficient in place of loss",
            lambda chances, truth: 1 - _dice(chances, truth),
            "this is the coefficient, which is best at 1. The loss is one less it.",
        ),
        Slip(
            "rounded to yes or no",
            lambda chances, truth: _dice(chances, truth, hard=True),
            "the probabilities were rounded. Then nothing has a slope, and nothing is learned.",
        ),
    ),
    hints=(
        "For one picture: shared = sum of p · t, both = sum of p + sum of t.",
        "1 - (2 · shared + 1) / (both + 1), for each picture by itself.",
        "Sums over axes (1, 2) leave one number a picture. Then the mean.",
    ),
    remark="A small thing counts as much as a large one: each picture's coefficient is a share.",
)

# --- q5: focal loss ---------------------------------------------------------------------------------------------------


def _focal(
    logits: np.ndarray,
    truth: np.ndarray,
    gamma: float,
    *,
    axis: int = 1,
    easy: bool = False,
    mean: bool = True,
    weigh: bool = True,
    sign: int = 1,
    outside: bool = True,
) -> float:
    shares = np.exp(logits - logits.max(axis=axis, keepdims=True))
    shares = shares / shares.sum(axis=axis, keepdims=True)
    right = shares[np.arange(len(truth)), truth]
    loss = -sign * np.log(right)
    if weigh:
        base = right if easy else 1 - right
        loss = base**gamma * loss if outside else loss * gamma * base
    return float(loss.mean() if mean else loss.sum())


def _focal_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.array([[0.0, 0.0]]), np.array([0]), 2.0],
        [np.array([[2.0, 0.0]]), np.array([0]), 3.0],
        [np.array([[1.0, 0.0, -1.0]]), np.array([2]), 0.0],
    ]
    for count, classes, gamma in ((4, 3, 2.0), (5, 4, 3.0)):
        cases.append([rng.integers(-3, 4, (count, classes)).astype(float), rng.integers(0, classes, count), gamma])
    return cases


Q5 = Function(
    name="focal_loss",
    cases=_focal_cases,
    expected=lambda logits, truth, gamma: _focal(logits, truth, gamma),
    slips=(
        Slip(
            "plain cross-entropy",
            lambda logits, truth, gamma: _focal(logits, truth, gamma, weigh=False),
            "this is cross-entropy: gamma does nothing.",
        ),
        Slip(
            "weighted with p",
            lambda logits, truth, gamma: _focal(logits, truth, gamma, easy=True),
            "the weight is p to the gamma, which favours what is known already. It is 1 - p to the gamma.",
        ),
        Slip(
            "softmax over the batch axis",
            lambda logits, truth, gamma: _focal(logits, truth, gamma, axis=0),
            "softmax over the batch axis. The classes of one pixel share one probability.",
        ),
        Slip(
            "sum over the pixels",
            lambda logits, truth, gamma: _focal(logits, truth, gamma, mean=False),
            "the pixels were added up; their mean is asked for.",
        ),
        Slip(
            "minus forgotten",
            lambda logits, truth, gamma: _focal(logits, truth, gamma, sign=-1),
            "the minus is missing: a logarithm of a probability is negative, a loss is not.",
        ),
        Slip(
            "gamma as a factor",
            lambda logits, truth, gamma: _focal(logits, truth, gamma, outside=False),
            "gamma is multiplied with 1 - p. It is the exponent.",
        ),
    ),
    hints=(
        "First plain cross-entropy: softmax over the classes, the true class's p, -ln p.",
        "Each pixel is weighted with (1 - p) ** gamma. With gamma 0 nothing changes.",
        "p = softmax(logits)[np.arange(len(truth)), truth]; ((1 - p) ** gamma * -np.log(p)).mean().",
    ),
    remark="A pixel with p = 0.9 weighs 0.01 at gamma 2: a hundred easy pixels count as much as one open one.",
)

# --- q6: IoU over pictures, with pixels that nobody labelled ----------------------------------------------------------

VOID = 255


def _iou(
    found: Any,
    truth: Any,
    classes: int,
    *,
    void: str = "out",
    absent: float = float("nan"),
    below: str = "both",
    one_by_one: bool = False,
) -> np.ndarray:
    if one_by_one:
        with np.errstate(invalid="ignore"):
            parts = [_iou([f], [t], classes) for f, t in zip(found, truth, strict=True)]
            return np.array([np.nanmean(c) if not np.isnan(c).all() else np.nan for c in np.array(parts).T])
    hits, true, named = np.zeros(classes), np.zeros(classes), np.zeros(classes)
    for f, t in zip(found, truth, strict=True):
        known = t != VOID
        for k in range(classes):
            hits[k] += ((f == k) & (t == k)).sum()
            true[k] += (t == k).sum()
            named[k] += ((f == k) & (known | (void == "alarm"))).sum()
    whole = {"both": true + named - hits, "true": true, "dice": (true + named) / 2}[below]
    return np.where(whole > 0, hits / np.maximum(whole, 0.5), absent)


def _iou_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[[np.array([[0, 1]])], [np.array([[0, 1]])], 2], [[np.array([[0, 1, 1]])], [np.array([[0, 0, 255]])], 3]]
    for classes, sides in ((3, ((3, 3), (2, 4))), (4, ((4, 5), (3, 3), (2, 6)))):
        truth = [rng.integers(0, classes - 1, side) for side in sides]
        found = [np.where(rng.random(t.shape) < 0.7, t, rng.integers(0, classes - 1, t.shape)) for t in truth]
        for t in truth:
            t[rng.random(t.shape) < 0.25] = VOID
        cases.append([found, truth, classes])
    return cases


Q6 = Function(
    name="class_ious",
    cases=_iou_cases,
    expected=lambda found, truth, classes: _iou(found, truth, classes),
    slips=(
        Slip(
            "answers on void pixels counted",
            lambda found, truth, classes: _iou(found, truth, classes, void="alarm"),
            "what the network says on void pixels counts as a false alarm. Nobody knows what is there: leave them out.",
        ),
        Slip(
            "absent classes counted as 0",
            lambda found, truth, classes: _iou(found, truth, classes, absent=0.0),
            "a class that is neither true nor found got 0. It has no IoU: nan.",
        ),
        Slip(
            "absent classes counted as 1",
            lambda found, truth, classes: _iou(found, truth, classes, absent=1.0),
            "a class that is neither true nor found got 1. It has no IoU: nan.",
        ),
        Slip(
            "mean over the pictures",
            lambda found, truth, classes: _iou(found, truth, classes, one_by_one=True),
            "IoU was computed in each picture and averaged. Add up pixels over all pictures, and divide once.",
        ),
        Slip(
            "recall",
            lambda found, truth, classes: _iou(found, truth, classes, below="true"),
            "divided by the true pixels alone. False alarms belong below the line.",
        ),
        Slip(
            "Dice",
            lambda found, truth, classes: _iou(found, truth, classes, below="dice"),
            "this is the Dice coefficient.",
        ),
    ),
    hints=(
        "Three counts for each class, over all pictures: right, true, found.",
        "First throw the void pixels away, in both: known = truth != 255; found[known], truth[known].",
        "right / (true + found - right), and nan where nothing is below the line.",
    ),
    remark="The pictures may have different sizes, so they come as lists.",
)

# --- q7: a network to train -------------------------------------------------------------------------------------------

SIDE = 16


def _scenes(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise (0), with a patch of horizontal (1) and one of vertical stripes (2); a pixel alone tells nothing."""
    pictures = rng.choice((0.2, 0.8), (count, SIDE, SIDE))
    labels = np.zeros((count, SIDE, SIDE), dtype=np.int64)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for n in range(count):
        for label in rng.permutation((1, 2)):
            top, left = rng.integers(0, SIDE - 7, 2)
            height, width = rng.integers(6, 9, 2)
            phase = int(rng.integers(2))
            stripes = 0.2 + 0.6 * (((rows if label == 1 else columns) + phase) % 2)
            window = np.s_[n, top : top + height, left : left + width]
            pictures[window], labels[window] = stripes[window[1:]], label
    return (pictures + rng.normal(0, 0.1, pictures.shape)).astype(np.float32), labels


def _scene_cases(rng: np.random.Generator) -> list[list[Any]]:
    (pictures, labels), (new, truth) = _scenes(rng, 120), _scenes(rng, 60)
    return [[pictures, labels, new, truth.ravel()]]


def _patches(pictures: np.ndarray, radius: int = 2) -> np.ndarray:
    """Products of neighbours, averaged over a window: a filter bank in place of a trained one."""
    x = pictures - 0.5
    maps = [x]
    for down, right in ((0, 1), (1, 0), (0, 2), (2, 0), (1, 1)):
        maps.append(x * np.roll(x, (-down, -right), axis=(1, 2)))
        maps.append(x * np.roll(x, (down, right), axis=(1, 2)))
    wide = []
    for values in maps[1:]:
        for reach in (1, radius):
            total = sum(
                np.roll(values, (i, j), axis=(1, 2)) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)
            )
            wide.append(total / (2 * reach + 1) ** 2)
    return 4 * np.stack([*maps, *wide], axis=-1)


def _segment(pictures: np.ndarray, labels: np.ndarray, new: np.ndarray, steps: int = 150) -> np.ndarray:
    x, targets = _patches(pictures).reshape(-1, 31), np.eye(3)[labels.ravel()]
    keep = slice(None, None, 5)
    x, targets = x[keep], targets[keep]
    weights, bias = np.zeros((31, 3)), np.zeros(3)
    for _ in range(steps):
        scores = np.exp(x @ weights + bias)
        slope = scores / scores.sum(axis=1, keepdims=True) - targets
        weights, bias = weights - x.T @ slope / len(x), bias - slope.mean(axis=0)
    return (_patches(new) @ weights + bias).argmax(axis=-1)


Q7 = Function(
    name="segment",
    cases=_scene_cases,
    expected=_segment,
    bar=0.88,
    seconds=40,
    slips=(
        Slip("constant: all ground", lambda pictures, labels, new: np.zeros(new.shape, dtype=int), "ground alone"),
        Slip(
            "count: one label a picture",
            lambda pictures, labels, new: _segment(pictures, labels, new)[:, 8, 8],
            "a classifier",
        ),
        Slip(
            "count: scores of every class",
            lambda pictures, labels, new: np.eye(3)[_segment(pictures, labels, new)].transpose(0, 3, 1, 2),
            "maps of scores",
        ),
        Slip(
            "shifted: classes counted from 1",
            lambda pictures, labels, new: _segment(pictures, labels, new) + 1,
            "from 1",
        ),
        Slip(
            "below: rows and columns exchanged",
            lambda pictures, labels, new: _segment(pictures, labels, new.transpose(0, 2, 1)).transpose(0, 2, 1),
            "turned over",
        ),
        Slip("below: by brightness", lambda pictures, labels, new: (new > 0.5) + (new > 0.8), "pixel by pixel"),
    ),
    hints=(
        "A pixel alone tells nothing: bright and dark come in all three. Which 3 x 3 kernels tell stripes from noise?",
        "Three layers of 3 x 3 with padding, 12 maps each, ReLU between; the last gives 3 maps. Cross-entropy over "
        "pixels.",
        "Adam at 0.015, some 50 steps with all 120 pictures at once; then logits.argmax(dim=1).",
    ),
    remark="No pooling: the pictures are small, and every answer stays at its pixel. Two seconds on one core.",
)

# --- q8: in words -----------------------------------------------------------------------------------------------------

Q8 = Words(
    rubric=(
        ("pooling keeps what is there and loses where exactly; the map that comes up from the bottom is coarse", 1),
        ("the skip carries fine maps across, from before the pooling, so edges can be drawn at their place", 1),
        ("SegNet passes positions of maxima only, U-Net passes whole maps: what that costs or gains", 1),
    ),
    hints=(
        "What does a number at the bottom know about which of its 16 x 16 pixels is edge?",
        "Compare what is passed across in SegNet and in U-Net: how many numbers, and what is in them?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6, "q7": Q7, "q8": Q8}
