"""Style transfer, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.grading.assignment import Function, Numbers, Slip, Words

# --- q1: a Gram matrix by hand ----------------------------------------------------------------------------------------


def _draw_maps(rng: np.random.Generator) -> dict[str, Any]:
    return {"maps": rng.integers(0, 5, (2, 2, 3)).tolist()}


def _gram_of(given: dict[str, Any], change: Any = lambda rows: rows @ rows.T / rows.shape[1]) -> list[list[float]]:
    return np.asarray(change(np.array(given["maps"], dtype=float).reshape(2, 6))).tolist()


def _matrix(rows: Any) -> str:
    return "$\\begin{pmatrix}" + r" \\ ".join(" & ".join(map(str, row)) for row in rows) + "\\end{pmatrix}$"


def _trace_gram(given: dict[str, Any]) -> str:
    rows = np.array(given["maps"]).reshape(2, 6)
    lines = []
    for i, j in ((0, 0), (0, 1), (1, 1)):
        products = " + ".join(f"{a}·{b}" for a, b in zip(rows[i], rows[j], strict=True))
        total = int(rows[i] @ rows[j])
        lines.append(f"- maps {i} and {j}: {products} = {total}; / 6 = **{total / 6:.3f}**")
    return "Each map as a row of six numbers:\n\n" + "\n".join(lines) + "\n\nMaps 1 and 0 give the same as 0 and 1."


Q1 = Numbers(
    draw=_draw_maps,
    ask=lambda given: f"map 0 {_matrix(given['maps'][0])}, map 1 {_matrix(given['maps'][1])}",
    expected=_gram_of,
    slips=(
        Slip(
            "not divided by the places",
            lambda given: _gram_of(given, lambda rows: rows @ rows.T),
            "the sums are right. Divide by the number of places, so that pictures of different sizes can be compared.",
        ),
        Slip(
            "divided by all numbers",
            lambda given: _gram_of(given, lambda rows: rows @ rows.T / rows.size),
            "divided by all twelve numbers. Each map has six places.",
        ),
        Slip(
            "means taken off first",
            lambda given: _gram_of(given, lambda rows: np.cov(rows, bias=True)),
            "this is the covariance. The Gram matrix multiplies the maps as they are, means included.",
        ),
        Slip(
            "product of the means",
            lambda given: _gram_of(given, lambda rows: np.outer(rows.mean(axis=1), rows.mean(axis=1))),
            "the maps were averaged before they were multiplied. Multiply place by place, then average.",
        ),
        Slip(
            "only the diagonal",
            lambda given: _gram_of(given, lambda rows: np.diag((rows**2).mean(axis=1))),
            "the diagonal is right. Off it stands how the two maps go together, and that is what style lives on.",
        ),
        Slip(
            "maps multiplied as matrices",
            lambda given: _gram_of(given, lambda rows: rows[0].reshape(2, 3) @ rows[1].reshape(2, 3).T / 6),
            "map 0 was multiplied with map 1 as a matrix. Write each map as one row first; rows are then multiplied.",
        ),
    ),
    hints=(
        "Write each map as one row of six numbers. Where they lay no longer matters.",
        "Entry (i, j): multiply rows i and j place by place, add up, divide by 6.",
        "Three different numbers: 0 with 0, 0 with 1, 1 with 1.",
    ),
    trace=_trace_gram,
)

# --- q2: how far apart two styles are ---------------------------------------------------------------------------------


def _gram(maps: np.ndarray, whole: Any = None) -> np.ndarray:
    rows = maps.reshape(len(maps), -1).astype(float)
    return rows @ rows.T / (rows.shape[1] if whole is None else whole(rows))


def _style(
    mine: list[np.ndarray],
    wanted: list[np.ndarray],
    weights: list[float],
    *,
    whole: Any = None,
    power: float = 2,
    weigh: bool = True,
    mean: bool = True,
) -> float:
    total = 0.0
    for a, b, weight in zip(mine, wanted, weights, strict=True):
        difference = np.abs(_gram(a, whole) - _gram(b, whole)) ** power
        total += (weight if weigh else 1) * float(difference.mean() if mean else difference.sum())
    return total


def _by_place(mine: list[np.ndarray], wanted: list[np.ndarray], weights: list[float]) -> float:
    return sum(w * float(((a - b) ** 2).mean()) for a, b, w in zip(mine, wanted, weights, strict=True))


def _style_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[[np.array([[[1.0, 2]], [[0, 1]]])], [np.array([[[2.0, 1, 1]], [[1, 0, 2]]])], [1.0]]]
    for layers in (2, 3):
        mine, wanted = [], []
        for _ in range(layers):
            channels = int(rng.integers(2, 5))
            for maps in (mine, wanted):
                height, width = rng.integers(2, 5, 2)
                maps.append(rng.integers(-3, 5, (channels, height, width)).astype(float))
        cases.append([mine, wanted, [float(w) for w in rng.permutation([0.25, 0.5, 2.0])[:layers]]])
    return cases


Q2 = Function(
    name="style_loss",
    cases=_style_cases,
    expected=lambda mine, wanted, weights: _style(mine, wanted, weights),
    slips=(
        Slip(
            "Gram matrices not divided",
            lambda mine, wanted, weights: _style(mine, wanted, weights, whole=lambda rows: 1),
            "the Gram matrices are sums. Divide each by its number of places: the two pictures differ in size.",
        ),
        Slip(
            "weights of the layers left out",
            lambda mine, wanted, weights: _style(mine, wanted, weights, weigh=False),
            "the weights of the layers do nothing.",
        ),
        Slip(
            "sum over the entries",
            lambda mine, wanted, weights: _style(mine, wanted, weights, mean=False),
            "the squared differences were added up. Their mean is asked for, so that layers with many maps do not "
            "decide alone.",
        ),
        Slip(
            "differences not squared",
            lambda mine, wanted, weights: _style(mine, wanted, weights, power=1),
            "the differences have not been squared.",
        ),
        Slip(
            "maps compared place by place",
            _by_place,
            "the maps were compared place by place. That is the content loss, and it cannot be taken for two sizes.",
        ),
        Slip(
            "divided by all numbers",
            lambda mine, wanted, weights: _style(mine, wanted, weights, whole=lambda rows: rows.size),
            "the Gram matrices were divided by channels times places. Places alone are asked for.",
        ),
    ),
    hints=(
        "A function gram(maps) first, for one layer: rows = maps.reshape(channels, -1).",
        "Both pictures give a (C, C) matrix, whatever their sizes. Subtract, square, mean.",
        "Multiply each layer's mean with its weight, and add.",
    ),
    remark="That the sizes may differ shows that a Gram matrix has forgotten where things were.",
)

# --- q3: total variation ----------------------------------------------------------------------------------------------


def _variation(
    image: np.ndarray,
    *,
    power: float = 1,
    across: bool = True,
    down: bool = True,
    around: bool = False,
    mean: bool = False,
    step: int = 1,
) -> float:
    total = []
    for axis, wanted in ((1, down), (2, across)):
        if wanted:
            other = np.roll(image, -step, axis=axis)
            change = np.abs(other - image) ** power
            keep = [slice(None)] * 3
            keep[axis] = slice(None) if around else slice(0, max(0, image.shape[axis] - step))
            total.append(change[tuple(keep)])
    return float(sum(part.mean() if mean and part.size else part.sum() for part in total))


def _variation_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[np.array([[[0.0, 1, 3], [0, 0, 0]]])], [np.full((1, 1, 1), 2.0)], [np.array([[[1.0, 4.0]]])]]
    for shape in ((1, 4, 3), (3, 4, 5)):
        cases.append([rng.integers(0, 9, shape).astype(float)])
    return cases


Q3 = Function(
    name="total_variation",
    cases=_variation_cases,
    expected=lambda image: _variation(image),
    slips=(
        Slip(
            "squared differences",
            lambda image: _variation(image, power=2),
            "the differences are squared. Here their absolute values are added: an edge costs what it is high, no "
            "more.",
        ),
        Slip(
            "across only",
            lambda image: _variation(image, down=False),
            "only neighbours in a row are compared. Those above each other count, too.",
        ),
        Slip(
            "down only",
            lambda image: _variation(image, across=False),
            "only neighbours above each other are compared. Those in a row count, too.",
        ),
        Slip(
            "round the edge",
            lambda image: _variation(image, around=True),
            "the last column is compared with the first (np.roll does that). The picture ends at its edges.",
        ),
        Slip(
            "means in place of sums",
            lambda image: _variation(image, mean=True),
            "means were taken. Asked is the sum of all differences.",
        ),
        Slip(
            "signs kept",
            lambda image: float((image[:, 1:] - image[:, :-1]).sum() + (image[:, :, 1:] - image[:, :, :-1]).sum()),
            "without absolute values ups and downs cancel, and only the edges of the picture are left.",
        ),
    ),
    hints=(
        "By hand, in the first case: which neighbours are there, and how much do they differ?",
        "image[:, :, 1:] - image[:, :, :-1] holds the differences across.",
        "np.abs(...).sum(), once across and once down.",
    ),
    remark="`np.diff(image, axis=2)` gives the same differences.",
)

# --- q4: balance ------------------------------------------------------------------------------------------------------


def _draw_balance(rng: np.random.Generator) -> dict[str, Any]:
    content = [int(n) for n in rng.integers(1, 9, 2)]
    style = [[int(n) / 10 for n in rng.integers(1, 9, 2)] for _ in range(2)]
    return {
        "content": content,
        "style": style,
        "layers": [0.5, float(rng.choice((0.25, 1.0, 1.5)))],
        "weight": int(rng.choice((5, 10, 20))),
    }


def _totals(given: dict[str, Any], layers: bool = True, weight: float | None = None, turn: bool = False) -> list[float]:
    weight = given["weight"] if weight is None else weight
    found = []
    for content, style in zip(given["content"], given["style"], strict=True):
        part = sum(s * (w if layers else 1) for s, w in zip(style, given["layers"], strict=True))
        found.append(weight * content + part if turn else content + weight * part)
    return found


def _better(given: dict[str, Any]) -> float:
    """The weight of style at which both pictures are equally good."""
    (c0, c1), parts = (
        given["content"],
        [sum(s * w for s, w in zip(style, given["layers"], strict=True)) for style in given["style"]],
    )
    return (c1 - c0) / (parts[0] - parts[1]) if parts[0] != parts[1] else 0.0


def _draw_fair(rng: np.random.Generator) -> dict[str, Any]:
    while True:
        given = _draw_balance(rng)
        if 0.2 < _better(given) < 50:
            return given


def _trace_balance(given: dict[str, Any]) -> str:
    lines = []
    for name, content, style, total in zip("AB", given["content"], given["style"], _totals(given), strict=True):
        part = sum(s * w for s, w in zip(style, given["layers"], strict=True))
        sums = " + ".join(f"{w:g}·{s:g}" for s, w in zip(style, given["layers"], strict=True))
        lines.append(f"- {name}: style {sums} = {part:.4g}; {content} + {given['weight']}·{part:.4g} = **{total:.4g}**")
    (c0, c1) = given["content"]
    return "\n".join(lines) + (
        f"\n- Equal where {c0} + β·s(A) = {c1} + β·s(B): β = ({c1} - {c0}) / (s(A) - s(B)) = **{_better(given):.4g}**"
    )


Q4 = Numbers(
    draw=_draw_fair,
    ask=lambda given: (
        "| picture | content loss | style, layer 1 | style, layer 2 |\n|---|---|---|---|\n"
        + "\n".join(
            f"| {name} | {content} | {style[0]} | {style[1]} |"
            for name, content, style in zip("AB", given["content"], given["style"], strict=True)
        )
        + f"\n\nWeights of the layers: {given['layers'][0]:g} and {given['layers'][1]:g}; weight of style β = "
        f"{given['weight']}."
    ),
    expected=lambda given: [*_totals(given), _better(given)],
    slips=(
        Slip(
            "layers weighted the same",
            lambda given: [*_totals(given, layers=False), _better({**given, "layers": [1, 1]})],
            "the layers' own weights are missing.",
        ),
        Slip(
            "weight of style left out",
            lambda given: [*_totals(given, weight=1), _better(given)],
            "the third number is right. In the first two the style counts with its weight β.",
        ),
        Slip(
            "weight put on the content",
            lambda given: [*_totals(given, turn=True), _better(given)],
            "the third number is right. In the first two β multiplies the style, not the content.",
        ),
        Slip(
            "balance turned over",
            lambda given: [*_totals(given), 1 / _better(given)],
            "the first two are right; the third is turned over: solve content + β · style equal on both sides for β.",
        ),
        Slip(
            "balance with the wrong sign",
            lambda given: [*_totals(given), -_better(given)],
            "the first two are right; the third has the wrong sign: a weight is above 0.",
        ),
    ),
    hints=(
        "Style loss of a picture: the sum over layers of weight times loss. Then content + β · style.",
        "For the third number put β as unknown: content(A) + β · style(A) = content(B) + β · style(B).",
        "β = (content(B) - content(A)) / (style(A) - style(B)).",
    ),
    trace=_trace_balance,
    tolerance=2e-3,
)

# --- q5: the slope of the style loss ----------------------------------------------------------------------------------


def _slope(
    rows: np.ndarray, wanted: np.ndarray, *, factor: float = 4, turn: int = 1, through: bool = True
) -> np.ndarray:
    channels, places = rows.shape
    difference = turn * (rows @ rows.T / places - wanted)
    return factor * (difference @ rows if through else difference @ np.ones_like(rows)) / (places * channels**2)


def _slope_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [[np.array([[1.0, 2.0]]), np.array([[2.0]])], [np.array([[1.0, 0.0], [2.0, 1.0]]), np.eye(2)]]
    for channels, places in ((2, 3), (3, 4)):
        other = rng.integers(-3, 4, (channels, places)).astype(float)
        cases.append([rng.integers(-3, 4, (channels, places)).astype(float), other @ other.T / places])
    return cases


Q5 = Function(
    name="style_slope",
    cases=_slope_cases,
    expected=lambda rows, wanted: _slope(rows, wanted),
    slips=(
        Slip(
            "uphill and downhill exchanged",
            lambda rows, wanted: _slope(rows, wanted, turn=-1),
            "the sign is wrong: this points downhill. Asked is the slope; the step goes against it.",
        ),
        Slip(
            "a factor of 2 is missing",
            lambda rows, wanted: _slope(rows, wanted, factor=2),
            "half of it: each number of a row stands twice in the Gram matrix, in its row and in its column.",
        ),
        Slip(
            "not divided by the places",
            lambda rows, wanted: _slope(rows, wanted) * rows.shape[1],
            "the places are missing below the line: the Gram matrix has been divided by them, so its slope is, too.",
        ),
        Slip(
            "sum in place of the mean",
            lambda rows, wanted: _slope(rows, wanted) * len(rows) ** 2,
            "the loss is a mean over the C · C entries. Divide by their number.",
        ),
        Slip(
            "slope by the Gram matrix only",
            lambda rows, wanted: 2 * (rows @ rows.T / rows.shape[1] - wanted) / len(rows) ** 2,
            "this is the slope by the Gram matrix. Go on through rows @ rows.T to the maps: the shape must be theirs.",
        ),
        Slip(
            "maps left out of the chain",
            lambda rows, wanted: _slope(rows, wanted, through=False),
            "the last link is missing: the derivative of a product of two rows is the other row.",
        ),
    ),
    hints=(
        "Chain rule, two links: loss by Gram matrix, Gram matrix by maps. The first: 2 · (G - A) / C².",
        "G_ij = sum F_ik F_jk / M. By F_ik it gives F_jk / M, and F_ik stands in row i *and* in column i.",
        "4 / (C² · M) · (G - A) @ rows. Test it: change one number by 0.001 and see what the loss does.",
    ),
    remark="Gatys et al. 2016, equation 6, with the mean in place of their factor, and without their clamp for ReLU.",
)

# --- q6: a picture is what learns -------------------------------------------------------------------------------------


def _invert(
    weights: np.ndarray,
    target: np.ndarray,
    start: np.ndarray,
    rate: float,
    steps: int,
    *,
    mask: bool = True,
    turn: int = 1,
    clamp: bool = True,
    scale: float = 1,
) -> np.ndarray:
    image = np.array(start, dtype=float)
    for _ in range(steps):
        z = weights @ image
        error = np.maximum(0, z) - target
        if mask:
            error = error * (z > 0)
        image = image - turn * scale * rate * weights.T @ error
        if clamp:
            image = np.clip(image, 0, 1)
    return image


def _at_the_end(weights: np.ndarray, target: np.ndarray, start: np.ndarray, rate: float, steps: int) -> np.ndarray:
    return np.clip(_invert(weights, target, start, rate, steps, clamp=False), 0, 1)


def _invert_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.array([[1.0, 2.0]]), np.array([1.0]), np.array([0.25, 0.25]), 0.1, 1],
        [np.array([[1.0, -2.0]]), np.array([1.0]), np.array([0.25, 0.75]), 0.1, 3],
        [np.array([[2.0, -1.0]]), np.array([3.0]), np.array([0.75, 0.5]), 0.5, 2],
    ]
    for units, pixels in ((3, 4), (4, 3)):
        weights = rng.integers(-4, 5, (units, pixels)) / 2
        target = np.maximum(0, weights @ rng.random(pixels)).round(2)
        cases.append([weights, target, rng.integers(1, 8, pixels) / 8, 0.2, 5])
    return cases


Q6 = Function(
    name="invert",
    cases=_invert_cases,
    expected=_invert,
    slips=(
        Slip(
            "ReLU forgotten on the way back",
            lambda weights, target, start, rate, steps: _invert(weights, target, start, rate, steps, mask=False),
            "the slope goes through units that are off. Where weights @ image is not above 0, ReLU lets nothing back.",
        ),
        Slip(
            "uphill",
            lambda weights, target, start, rate, steps: _invert(weights, target, start, rate, steps, turn=-1),
            "the picture moves uphill: subtract the slope.",
        ),
        Slip(
            "a single step",
            lambda weights, target, start, rate, steps: _invert(weights, target, start, rate, 1),
            "only one step was taken.",
        ),
        Slip(
            "not clamped",
            lambda weights, target, start, rate, steps: _invert(weights, target, start, rate, steps, clamp=False),
            "pixels leave 0..1. Clamp them after every step.",
        ),
        Slip(
            "clamped once at the end",
            _at_the_end,
            "the pixels were clamped at the end only. A step that starts outside 0..1 is another step: clamp after "
            "each.",
        ),
        Slip(
            "slope twice as steep",
            lambda weights, target, start, rate, steps: _invert(weights, target, start, rate, steps, scale=2),
            "the slopes are twice too large: the loss has a factor one half.",
        ),
    ),
    hints=(
        "What is held fixed, and what moves? The weights stay; the picture takes the steps.",
        "z = weights @ image, error = relu(z) - target, only where z > 0; slope = weights.T @ error.",
        "image = np.clip(image - rate * slope, 0, 1), `steps` times. Begin with a copy of the start.",
    ),
    remark="Style transfer is this loop with a deeper network and a loss that has a style in it.",
)

# --- q7: in words -----------------------------------------------------------------------------------------------------

Q7 = Words(
    rubric=(
        ("Gram matrix: sums over places, so shuffling the places of all maps together leaves it as it is", 1),
        ("what it keeps is which features occur together, texture and colour, and that is what one calls style", 1),
        ("content is compared place by place, in a deep layer, which keeps what is where and forgets exact pixels", 1),
    ),
    hints=(
        "Cut a picture's maps into columns, one a place, and shuffle them. What changes in q1's matrix?",
        "Why is content not compared in the first layer, or in pixels?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6, "q7": Q7}
