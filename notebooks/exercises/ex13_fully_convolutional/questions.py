"""Fully convolutional networks, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from course_utils.grading.assignment import Function, Numbers, Slip, Words

VOID = 255

# --- q1: many windows, or one pass ------------------------------------------------------------------------------------


def _draw_network(rng: np.random.Generator) -> dict[str, Any]:
    kernel, pool, side = int(rng.choice((3, 5, 7))), int(rng.choice((2, 3))), int(rng.integers(3, 7))
    rows, columns = (int(n) for n in rng.choice(np.arange(2, 13), 2, replace=False))
    height, width = (kernel - 1 + pool * (side + n - 1) for n in (rows, columns))
    return {"kernel": kernel, "pool": pool, "side": side, "height": height, "width": width}


def _places(given: dict[str, Any]) -> tuple[int, int]:
    """Rows and columns of places of the first layer's kernel on the whole picture."""
    return given["height"] - given["kernel"] + 1, given["width"] - given["kernel"] + 1


def _windows(given: dict[str, Any]) -> tuple[int, int, int]:
    """The side of a window in pixels, rows and columns of windows."""
    rows, columns = (places // given["pool"] - given["side"] + 1 for places in _places(given))
    return given["kernel"] - 1 + given["pool"] * given["side"], rows, columns


def _saving(
    given: dict[str, Any], *, step: int | None = None, moves: int = 1, pixels: bool = False, places: int | None = None
) -> list[float]:
    side, _, _ = _windows(given)
    step = given["pool"] if step is None else step
    rows, columns = ((given[name] - side) // step + moves for name in ("height", "width"))
    apart, (high, wide) = (side - given["kernel"] + 1) ** 2, _places(given)
    if pixels:
        apart, high, wide = side**2, given["height"], given["width"]
    return [side, rows * columns, rows * columns * (apart if places is None else places) / (high * wide)]


def _padded(given: dict[str, Any]) -> list[float]:
    side = given["pool"] * given["side"]
    rows, columns = (given[name] // given["pool"] - given["side"] + 1 for name in ("height", "width"))
    return [side, rows * columns, rows * columns * side**2 / (given["height"] * given["width"])]


def _trace_saving(given: dict[str, Any]) -> str:
    side, rows, columns = _windows(given)
    k, p, n, (high, wide) = given["kernel"], given["pool"], given["side"], _places(given)
    apart, count = side - k + 1, rows * columns
    return (
        f"- Backwards from one answer: {n} x {n} cells in front of the dense layer, {p}·{n} = {apart} in front of the "
        f"pooling, and {apart} + {k} - 1 = **{side}** pixels.\n"
        f"- Forwards over the picture: {high} x {wide} places of the first kernel, pooled {high // p} x {wide // p}; "
        f"{n} x {n} fits in {high // p} - {n} + 1 = {rows} rows and {wide // p} - {n} + 1 = {columns} columns: "
        f"**{count}** answers.\n"
        f"- First layer, window by window: {count}·{apart}² = {count * apart**2} places; in one pass {high}·{wide} = "
        f"{high * wide}: **{count * apart**2 / (high * wide):.3f}** times as many."
    )


Q1 = Numbers(
    draw=_draw_network,
    ask=lambda given: (
        f"a {given['kernel']} x {given['kernel']} convolution, a {given['pool']} x {given['pool']} pooling, a dense "
        f"layer that reads {given['side']} x {given['side']}; a picture {given['height']} pixels high and "
        f"{given['width']} wide"
    ),
    expected=_saving,
    slips=(
        Slip(
            "windows one pixel apart",
            lambda given: _saving(given, step=1),
            "the windows were moved pixel by pixel. One step of the dense layer on its map is as many pixels as the "
            "pooling is wide.",
        ),
        Slip(
            "one window too few",
            lambda given: _saving(given, moves=0),
            "the moves were counted. The window also has a place before its first move, along both sides.",
        ),
        Slip(
            "padding assumed",
            _padded,
            "these are the numbers with padding. Here the convolution loses kernel - 1 pixels along each side.",
        ),
        Slip(
            "pixels in place of places",
            lambda given: _saving(given, pixels=True),
            "the first two are right. The third compares pixels; asked is at how many places the first kernel is laid.",
        ),
        Slip(
            "a window for the price of a picture",
            lambda given: [*_saving(given)[:2], _saving(given)[1]],
            "the first two are right. The third would hold if a small window cost as much as the whole picture.",
        ),
        Slip(
            "ratio turned over",
            lambda given: [*_saving(given)[:2], 1 / _saving(given)[2]],
            "the first two are right; the third is turned over: window by window is the larger amount.",
        ),
        Slip(
            "the dense layer's places",
            lambda given: _saving(given, places=given["side"] ** 2),
            "the first two are right. The third counts what the dense layer reads of a window; asked is the first "
            "layer, in front of the pooling.",
        ),
    ),
    hints=(
        "First one window, backwards: what the dense layer reads, then before the pooling, before the convolution.",
        "Then the whole picture, forwards: places of the first kernel, pooled, and how often the dense layer fits in.",
        "Third: answers · (window - kernel + 1)² over (height - kernel + 1) · (width - kernel + 1).",
    ),
    trace=_trace_saving,
)

# --- q2: a dense layer over a larger map ------------------------------------------------------------------------------


def _over_map(
    weight: np.ndarray,
    bias: np.ndarray,
    maps: np.ndarray,
    *,
    order: str = "channels, rows, columns",
    flip: bool = False,
    step: int = 1,
    last: bool = True,
) -> np.ndarray:
    channels = len(maps)
    n = isqrt(weight.shape[1] // channels)
    pieces = np.lib.stride_tricks.sliding_window_view(maps, (n, n), axis=(1, 2))  # (C, rows, columns, n, n)
    if flip:
        pieces = pieces[..., ::-1, ::-1]
    axes = {"channels, rows, columns": (1, 2, 0, 3, 4), "channels last": (1, 2, 3, 4, 0), "columns": (1, 2, 0, 4, 3)}
    pieces = pieces.transpose(axes[order]).reshape(*pieces.shape[1:3], -1)
    answers = (pieces @ weight.T + bias).transpose(2, 0, 1)[:, ::step, ::step]
    return answers if last else answers[:, :-1, :-1]


def _map_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = []
    for units, channels, n, height, width in (
        (1, 1, 2, 2, 3),
        (1, 2, 1, 1, 2),
        (2, 2, 2, 2, 2),
        (2, 2, 2, 3, 4),
        (3, 3, 3, 5, 4),
        (2, 4, 3, 3, 6),
    ):
        weight = rng.integers(-3, 4, (units, channels * n * n)).astype(float)
        cases.append(
            [weight, rng.integers(1, 5, units).astype(float), rng.integers(-4, 5, (channels, height, width)) / 1]
        )
    return cases


Q2 = Function(
    name="dense_over_map",
    cases=_map_cases,
    expected=lambda weight, bias, maps: _over_map(weight, bias, maps),
    slips=(
        Slip(
            "channels last",
            lambda weight, bias, maps: _over_map(weight, bias, maps, order="channels last"),
            "right for one channel only. The dense layer read all of the first channel, then all of the second: "
            "the channels come before rows and columns.",
        ),
        Slip(
            "column by column",
            lambda weight, bias, maps: _over_map(weight, bias, maps, order="columns"),
            "rows and columns of the kernels are swapped: within a channel the weights run row by row.",
        ),
        Slip(
            "kernel flipped",
            lambda weight, bias, maps: _over_map(weight, bias, maps, flip=True),
            "kernel flipped. Each weight meets the number that it met in the dense layer.",
        ),
        Slip(
            "bias forgotten",
            lambda weight, bias, maps: _over_map(weight, 0 * bias, maps),
            "the bias of each unit is missing, at every place.",
        ),
        Slip(
            "windows side by side",
            lambda weight, bias, maps: _over_map(weight, bias, maps, step=isqrt(weight.shape[1] // len(maps))),
            "the windows lie side by side. A convolution moves them one cell at a time.",
        ),
        Slip(
            "last window missing",
            lambda weight, bias, maps: _over_map(weight, bias, maps, last=False),
            "a row and a column of answers are missing: n fits into H at H - n + 1 places.",
        ),
    ),
    hints=(
        "How large is n? A unit has C · n · n weights, and the map tells C.",
        "weight.reshape(units, C, n, n) gives the kernels: the order in which the dense layer read the map.",
        "For each place: multiply the kernels with maps[:, row : row + n, column : column + n], add up over "
        "the last three axes, add the bias.",
    ),
    remark="`F.conv2d(maps[None], weight.reshape(units, C, n, n), bias)[0]` says the same, on tensors.",
)

# --- q3: eight numbers from two ---------------------------------------------------------------------------------------

TENT = np.array([1, 3, 5, 7, 7, 5, 3, 1]) / 8


def _draw_row(rng: np.random.Generator) -> dict[str, Any]:
    return {"row": [8 * int(n) for n in rng.choice(np.arange(1, 13), 2, replace=False)]}


def _enlarged(
    given: dict[str, Any], tent: np.ndarray = TENT, *, cut: bool = True, overwrite: bool = False
) -> list[float]:
    canvas = np.zeros(12)
    for start, value in zip((0, 4), given["row"], strict=True):
        under = canvas[start : start + len(tent)]
        under[:] = value * tent + (0 if overwrite else under)
    return (canvas[2:-2] if cut else canvas).tolist()


def _trace_row(given: dict[str, Any]) -> str:
    a, b = given["row"]
    stamps = [[round(value * weight) for weight in TENT] for value in (a, b)]
    return (
        f"- first stamp, {a}·(1, 3, 5, 7, 7, 5, 3, 1)/8, from pixel 0 on: {stamps[0]}\n"
        f"- second stamp, {b}·(1, 3, 5, 7, 7, 5, 3, 1)/8, from pixel 4 on: {stamps[1]}\n"
        f"- added where they overlap, 12 pixels: {[round(n) for n in _enlarged(given, cut=False)]}\n"
        f"- two cut off at each end: **{[round(n) for n in _enlarged(given)]}**\n\n"
        f"Between {a} and {b} it goes in equal steps. At both ends zeros lie beyond the border, and the values sink."
    )


Q3 = Numbers(
    draw=_draw_row,
    ask=lambda given: f"the row $({given['row'][0]}, {given['row'][1]})$",
    expected=lambda given: [round(n) for n in _enlarged(given)],
    slips=(
        Slip(
            "border repeated",
            lambda given: F.interpolate(
                torch.tensor([[given["row"]]], dtype=torch.float64), scale_factor=4.0, mode="linear"
            )[0, 0].tolist(),
            "the middle is right. At the ends the border was repeated, as `interpolate` does. A transposed convolution "
            "has nothing beyond the border: zeros.",
        ),
        Slip(
            "from end to end",
            lambda given: np.linspace(*given["row"], 8).tolist(),
            "this goes in equal steps from the first pixel to the last. The tent puts each value at the middle of its "
            "four pixels.",
        ),
        Slip(
            "each value four times",
            lambda given: np.repeat(given["row"], 4).tolist(),
            "each value was repeated. A tent leans over into the neighbour's pixels.",
        ),
        Slip(
            "padding not cut off",
            lambda given: _enlarged(given, cut=False),
            "this is the whole canvas. The padding cuts two pixels off at each end.",
        ),
        Slip(
            "tent with one peak",
            lambda given: _enlarged(given, np.array([1, 2, 3, 4, 3, 2, 1]) / 4),
            "the tent has a single peak. An even factor has no pixel in the middle: two sevens stand there.",
        ),
        Slip(
            "tent that adds up to 1",
            lambda given: _enlarged(given, TENT / 4),
            "all values are a quarter of what they should be: the tent was divided until it adds up to 1. It adds up "
            "to the factor, for each pixel is reached by a fourth of its weights only.",
        ),
        Slip(
            "second stamp over the first",
            lambda given: _enlarged(given, overwrite=True),
            "where the stamps overlap, the second has replaced the first. They add.",
        ),
    ),
    hints=(
        "The first value puts its stamp, value times tent, on pixels 0 to 7 of a canvas, the second on pixels 4 to 11.",
        "Twelve pixels; on four of them both stamps lie, and add. Then cut two off at each end.",
        "A check: in the middle the values go from one to the other in equal steps of a quarter of the difference.",
    ),
    trace=_trace_row,
)

# --- q4: coarse and fine scores ---------------------------------------------------------------------------------------


def _doubled(coarse: np.ndarray, *, mixed: bool = False, scale: float = 1) -> np.ndarray:
    tent = scale * torch.tensor([1, 3, 3, 1], dtype=torch.float64) / 4
    kernel = torch.outer(tent, tent).expand(len(coarse), len(coarse) if mixed else 1, 4, 4)
    groups = 1 if mixed else len(coarse)
    scores = torch.from_numpy(np.asarray(coarse, dtype=float))[None]
    return F.conv_transpose2d(scores, kernel, stride=2, padding=1, groups=groups)[0].numpy()


def _resized(coarse: np.ndarray, height: int, width: int) -> np.ndarray:
    scores = torch.from_numpy(np.asarray(coarse, dtype=float))[None]
    return F.interpolate(scores, size=(height, width), mode="bilinear")[0].numpy()


def _from_fine(fine: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return np.einsum("kc,chw->khw", weight, fine) + np.asarray(bias)[:, None, None]


def _fuse(
    coarse: np.ndarray, fine: np.ndarray, weight: np.ndarray, bias: np.ndarray, large: np.ndarray | None = None
) -> np.ndarray:
    large = _doubled(coarse) if large is None else large
    return large[:, : fine.shape[1], : fine.shape[2]] + _from_fine(fine, weight, bias)


def _cut_before(coarse: np.ndarray, fine: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return _fuse(coarse, fine, weight, bias, _doubled(coarse)[:, -fine.shape[1] :, -fine.shape[2] :])


def _laid_beside(coarse: np.ndarray, fine: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return np.concatenate([_fuse(coarse, fine, 0 * weight, 0 * bias), _from_fine(fine, weight, bias)])


def _fuse_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[np.array([[[16.0]]]), np.array([[[0.0, 1], [2, 3]]]), np.array([[1.0]]), np.array([1.0])]]
    for classes, channels, h, w, height, width in ((1, 2, 1, 2, 1, 4), (2, 3, 2, 2, 4, 3), (3, 2, 3, 2, 5, 4)):
        coarse = 16.0 * rng.integers(-3, 4, (classes, h, w))
        fine = rng.integers(0, 4, (channels, height, width)).astype(float)
        cases.append(
            [coarse, fine, rng.integers(-3, 4, (classes, channels)) / 1, rng.integers(1, 4, classes).astype(float)]
        )
    return cases


Q4 = Function(
    name="fuse",
    cases=_fuse_cases,
    expected=lambda coarse, fine, weight, bias: _fuse(coarse, fine, weight, bias),
    slips=(
        Slip(
            "each score four times",
            lambda coarse, fine, weight, bias: _fuse(coarse, fine, weight, bias, coarse.repeat(2, 1).repeat(2, 2)),
            "each coarse score became a block of 2 x 2. Double with the tent, down the columns and along the rows.",
        ),
        Slip(
            "border repeated",
            lambda coarse, fine, weight, bias: _fuse(
                coarse, fine, weight, bias, _resized(coarse, 2 * coarse.shape[1], 2 * coarse.shape[2])
            ),
            "right inside, too large at the border: there it was repeated, as `interpolate` does. Beyond it lie zeros.",
        ),
        Slip(
            "classes mixed",
            lambda coarse, fine, weight, bias: _fuse(coarse, fine, weight, bias, _doubled(coarse, mixed=True)),
            "every class got the enlarged scores of all classes together. Each class is enlarged by itself (groups).",
        ),
        Slip(
            "cut off at the top and left",
            _cut_before,
            "the row or column too many was cut off at the wrong end: it lies at the bottom or at the right.",
        ),
        Slip(
            "resized in place of cut",
            lambda coarse, fine, weight, bias: _fuse(coarse, fine, weight, bias, _resized(coarse, *fine.shape[1:])),
            "the coarse scores were stretched to fit the fine map. Double first, then cut: so every cell stays where "
            "it was.",
        ),
        Slip(
            "laid beside in place of added",
            _laid_beside,
            "the two sets of scores lie beside each other: that is what U-Net does with its maps. Here scores are "
            "added, class by class.",
        ),
        Slip(
            "tent that adds up to 1",
            lambda coarse, fine, weight, bias: _fuse(coarse, fine, weight, bias, _doubled(coarse, scale=0.5)),
            "the enlarged scores are a quarter of what they should be: the tent (1, 3, 3, 1) is divided by 4, not 8.",
        ),
        Slip(
            "bias forgotten",
            lambda coarse, fine, weight, bias: _fuse(coarse, fine, weight, 0 * bias),
            "the bias of the fine scores is missing.",
        ),
    ),
    hints=(
        "The fine scores first: at every place weight @ (the C numbers there) + bias. np.einsum or a loop does it.",
        "Doubling: a canvas of zeros, 2h + 2 by 2w + 2. Each score adds 4 x 4 numbers, itself times the tent twice, "
        "from row 2i and column 2j on. Then cut one off all around.",
        "tent = np.outer((1, 3, 3, 1), (1, 3, 3, 1)) / 16; then canvas[1 : 1 + H, 1 : 1 + W] for each class, "
        "and add the fine scores.",
    ),
    remark="FCN-8s does this twice, 1/32 to 1/16 and 1/16 to 1/8. In the network the doubling may learn.",
)

# --- q5: two measures, with pixels that nobody labelled ---------------------------------------------------------------

NAMES = ("ground", "cat", "tree", "bus")


def _draw_grids(rng: np.random.Generator) -> dict[str, Any]:
    truth = np.zeros((4, 6), dtype=int)
    cat, tree = rng.integers(0, 5, 2)
    truth[:2, cat : cat + 2], truth[1:, tree] = 1, 2
    found = np.where(rng.random(truth.shape) < 0.75, truth, rng.integers(0, 3, truth.shape))
    void = rng.choice(truth.size, 4, replace=False)
    truth.flat[void] = VOID
    found.flat[void[:2]] = (1, 2)
    if not {1, 2} <= set(truth.flat):  # all of a class void
        return _draw_grids(rng)
    return {"truth": truth.tolist(), "found": found.tolist()}


def _counts(given: dict[str, Any], void: str = "out") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Right, true and found pixels of each of the four classes."""
    truth, found = np.array(given["truth"]), np.array(given["found"])
    classes = np.arange(len(NAMES))[:, None, None]
    right, true, named = found == truth, truth == classes, found == classes
    if void == "out":
        named = named & (truth != VOID)
    return (right & true).sum(axis=(1, 2)), true.sum(axis=(1, 2)), named.sum(axis=(1, 2))


def _measures(
    given: dict[str, Any],
    *,
    below: Any = lambda right, true, found: true + found - right,
    absent: float | None = None,
    accuracy_over_all: bool = False,
    void: str = "out",
    first: int = 0,
) -> list[float]:
    right, true, _ = _counts(given)
    accuracy = right.sum() / (np.size(given["truth"]) if accuracy_over_all else true.sum())
    right, true, found = _counts(given, void)
    shares = [r / w if w else absent for r, w in zip(right, below(right, true, found), strict=True)][first:]
    return [float(accuracy), float(np.mean([share for share in shares if share is not None]))]


def _grid(rows: list[list[int]]) -> str:
    signs = [["v" if cell == VOID else str(cell) for cell in row] for row in rows]
    return "$\\begin{pmatrix}" + r" \\ ".join(" & ".join(row) for row in signs) + "\\end{pmatrix}$"


def _trace_measures(given: dict[str, Any]) -> str:
    right, true, found = _counts(given)
    truth, answer = np.array(given["truth"]), np.array(given["found"])
    wrong = [
        f"row {row + 1}, column {column + 1} ({answer[row, column]} for {truth[row, column]})"
        for row, column in np.argwhere((truth != VOID) & (answer != truth))
    ]
    lines = [
        f"- wrong: {'; '.join(wrong)}",
        f"- right: {right.sum()} of the {true.sum()} labelled pixels: **{_measures(given)[0]:.3f}**",
    ]
    for name, r, t, f in zip(NAMES, right, true, found, strict=True):
        if t + f:
            lines.append(f"- {name}: {r} right, {t} true, {f} found; {r} / ({t} + {f} - {r}) = {r / (t + f - r):.3f}")
        else:
            lines.append(f"- {name}: neither true nor found, left out")
    return "\n".join(lines) + f"\n- mean of three: **{_measures(given)[1]:.3f}**"


Q5 = Numbers(
    draw=_draw_grids,
    ask=lambda given: f"truth {_grid(given['truth'])}, answer {_grid(given['found'])}",
    expected=_measures,
    slips=(
        Slip(
            "void counted as wrong",
            lambda given: _measures(given, accuracy_over_all=True, void="alarm"),
            "void pixels count as wrong here. Nobody knows what is there: strike them out of both grids first.",
        ),
        Slip(
            "answers on void are false alarms",
            lambda given: _measures(given, void="alarm"),
            "the first number is right. In the second, what was answered on void pixels still counts as found.",
        ),
        Slip(
            "all pixels below the line",
            lambda given: _measures(given, accuracy_over_all=True),
            "the second number is right. In the first the void pixels still stand below the line.",
        ),
        Slip(
            "absent class counted as 0",
            lambda given: _measures(given, absent=0.0),
            "the first number is right. The bus is neither true nor found: it has no IoU, and the mean is over three.",
        ),
        Slip(
            "absent class counted as 1",
            lambda given: _measures(given, absent=1.0),
            "the first number is right. The bus got an IoU of 1. It is neither true nor found: leave it out.",
        ),
        Slip(
            "share of the true pixels",
            lambda given: _measures(given, below=lambda right, true, found: true),
            "the first number is right. The second divides by the true pixels alone; false alarms belong below the "
            "line, too.",
        ),
        Slip(
            "both added in full",
            lambda given: _measures(given, below=lambda right, true, found: true + found),
            "the first number is right. Below the line the pixels that are true *and* found were counted twice.",
        ),
        Slip(
            "ground left out",
            lambda given: _measures(given, first=1),
            "the first number is right. The ground is a class like the others: it belongs into the mean.",
        ),
    ),
    hints=(
        "Strike the void pixels out of both grids. What is left is counted, nothing else.",
        "For each class three counts: right, true, found. IoU = right / (true + found - right).",
        "The mean is over the classes that are true or found somewhere.",
    ),
    trace=_trace_measures,
)

# --- q6: a loss for every labelled pixel ------------------------------------------------------------------------------


def _loss(
    logits: np.ndarray,
    targets: np.ndarray,
    *,
    axis: int = 1,
    void: str = "out",
    mean: str = "pixels",
    base: float = np.e,
    sign: int = -1,
    shift: bool = True,
) -> float:
    with np.errstate(all="ignore"):
        if shift:
            z = logits - logits.max(axis=axis, keepdims=True)
            logs = z - np.log(np.exp(z).sum(axis=axis, keepdims=True))
        else:
            logs = np.log(np.exp(logits) / np.exp(logits).sum(axis=axis, keepdims=True))
        known = targets != VOID
        right = np.where(known, targets, 0)
        losses = sign * np.take_along_axis(logs, right[:, None], axis=1)[:, 0] / np.log(base)  # (N, H, W)
        losses = losses if void == "class 0" else np.where(known, losses, 0)
        if mean == "sum":
            return float(losses.sum())
        if mean == "pictures":
            each = [loss.sum() / there.sum() for loss, there in zip(losses, known, strict=True) if there.any()]
            return float(np.mean(each))
        return float(losses.sum() / (known.sum() if void == "out" else known.size))


def _loss_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.array([[[[0.0, 2.0, 1.0]], [[0.0, 0.0, 3.0]]]]), np.array([[[0, 1, VOID]]])],
        [np.array([[[[900.0]], [[0.0]]]]), np.array([[[1]]])],
        [rng.integers(-2, 3, (2, 3, 1, 2)).astype(float), np.array([[[VOID, VOID]], [[2, 0]]])],
    ]
    for count, classes, height, width in ((2, 3, 2, 3), (3, 4, 3, 2)):
        targets = rng.integers(0, classes, (count, height, width))
        targets[rng.random(targets.shape) < 0.3] = VOID
        targets[0, 0, 0], targets[1, 0] = 1, VOID
        targets[1, 1, 0] = 0
        cases.append([rng.integers(-3, 4, (count, classes, height, width)).astype(float), targets])
    return cases


Q6 = Function(
    name="pixel_loss",
    cases=_loss_cases,
    expected=lambda logits, targets: _loss(logits, targets),
    slips=(
        Slip(
            "divided by all pixels",
            lambda logits, targets: _loss(logits, targets, void="all below"),
            "the void pixels still stand below the line. Divide by the number of labelled pixels.",
        ),
        Slip(
            "void taken for class 0",
            lambda logits, targets: _loss(logits, targets, void="class 0"),
            "void pixels are trained as class 0. They must count neither above nor below the line.",
        ),
        Slip(
            "mean of the pictures' means",
            lambda logits, targets: _loss(logits, targets, mean="pictures"),
            "each picture was averaged by itself first. The mean is over all labelled pixels of the batch.",
        ),
        Slip(
            "softmax along the rows",
            lambda logits, targets: _loss(logits, targets, axis=3),
            "the softmax runs over the pixels of a row. The classes of one pixel share one probability: axis 1.",
        ),
        Slip(
            "overflow",
            lambda logits, targets: _loss(logits, targets, shift=False),
            "a large logit makes exp overflow: nan or inf. Subtract each pixel's largest logit first; the softmax "
            "stays the same.",
        ),
        Slip(
            "sum over the pixels",
            lambda logits, targets: _loss(logits, targets, mean="sum"),
            "the labelled pixels were added up; their mean is asked for.",
        ),
        Slip(
            "in bits",
            lambda logits, targets: _loss(logits, targets, base=2),
            "this is in bits: the logarithm is to base 2. Nats are asked for.",
        ),
        Slip(
            "minus forgotten",
            lambda logits, targets: _loss(logits, targets, sign=1),
            "the minus is missing: a logarithm of a probability is negative, a loss is not.",
        ),
    ),
    hints=(
        "Make the batch a long list of pixels: logits.transpose(0, 2, 3, 1).reshape(-1, C), targets.ravel(). Throw "
        "the void ones away.",
        "For each pixel: log of the sum of exp(logits), less the true class's logit. Then the mean.",
        "That no exp overflows: subtract each pixel's largest logit before anything else.",
    ),
    remark="`F.cross_entropy(logits, targets, ignore_index=255)` is this, on tensors.",
)

# --- q7: in words -----------------------------------------------------------------------------------------------------

Q7 = Words(
    rubric=(
        ("0.85 beats 'ground everywhere' by one point: pixel accuracy counts the ground; mean IoU, or IoU by class", 1),
        ("the scores at 1/32 do not hold where within its 32 pixels a thing ends; no enlargement brings that back", 1),
        ("what helps: adding scores from finer maps (1/16, 1/8), which know where; the coarse ones say what", 1),
    ),
    hints=(
        "What pixel accuracy does somebody reach who answers 'ground' everywhere? And what mean IoU?",
        "Everything that the last layer knows of a square of 32 x 32 pixels is one score for each class.",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6, "q7": Q7}
