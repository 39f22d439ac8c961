"""Attention, graded: how the answers are judged, and the mistakes that are known."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from scipy.special import softmax

from course_utils.grading.assignment import Function, Numbers, Slip, Words


def _listed(numbers: Any, digits: str = "g") -> str:
    return "(" + ", ".join(f"{number + 0.0:{digits}}" for number in np.asarray(numbers, dtype=float)) + ")"


# --- q1: one look by hand ---------------------------------------------------------------------------------------------


def _draw_look(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "state": rng.choice((-1.0, -0.5, 0.5, 1.0), 2, replace=False).tolist(),
        "memory": (rng.integers(-2, 5, (3, 2)) / 2).tolist(),
        "v": rng.choice((-2.0, -1.0, 1.0, 2.0), 2).tolist(),
    }


def _compared(given: dict[str, Any], exchange: bool = True, heard: bool = True, flat: bool = True) -> np.ndarray:
    """What v is multiplied with, a row for each word."""
    state = np.array(given["state"][::-1] if exchange else given["state"])
    inside = heard * state + np.array(given["memory"])
    return np.tanh(inside) if flat else inside


def _mixed(given: dict[str, Any], weights: np.ndarray, memory: Any = None) -> list[float]:
    return [*weights.tolist(), *(weights @ np.array(given["memory"] if memory is None else memory)).tolist()]


def _look_by_hand(given: dict[str, Any], **changes: bool) -> list[float]:
    return _mixed(given, softmax(_compared(given, **changes) @ np.array(given["v"])))


def _by_the_sum(given: dict[str, Any]) -> list[float]:
    scores = _compared(given) @ np.array(given["v"])
    return _mixed(given, scores / (scores.sum() or 1))


def _weights_of(given: dict[str, Any]) -> np.ndarray:
    return softmax(_compared(given) @ np.array(given["v"]))


def _trace_look(given: dict[str, Any]) -> str:
    moved, flat, v = np.array(given["state"][::-1]), _compared(given), np.array(given["v"])
    lines, scores = [], flat @ v
    for j, (memory, numbers) in enumerate(zip(given["memory"], flat, strict=True)):
        lines.append(
            f"- word {j + 1}: tanh {_listed(moved + memory)} = {_listed(numbers, '.4f')}, score "
            f"{v[0]:g} · {numbers[0]:.4f} + {v[1]:g} · {numbers[1]:.4f} = {scores[j]:.4f}"
        )
    powers = np.exp(scores)
    weights = powers / powers.sum()
    return (
        f"$W_a s$ = {_listed(moved)} stands inside every tanh:\n\n" + "\n".join(lines) + "\n\n"
        f"Powers of e: {_listed(powers, '.4f')}, together {powers.sum():.4f}; weights "
        f"**{_listed(weights, '.4f')}**. Context: "
        + " + ".join(f"{w:.4f} · {_listed(h)}" for w, h in zip(weights, given["memory"], strict=True))
        + f" = **{_listed(weights @ np.array(given['memory']), '.4f')}**."
    )


Q1 = Numbers(
    draw=_draw_look,
    ask=lambda given: (
        f"state $s$ = {_listed(given['state'])}; memories "
        + ", ".join(f"$h_{j}$ = {_listed(h)}" for j, h in enumerate(given["memory"], start=1))
        + f"; $v$ = {_listed(given['v'])}"
    ),
    expected=_look_by_hand,
    slips=(
        Slip(
            "scores divided by their sum",
            _by_the_sum,
            "the scores were divided by their sum. A score may be below 0; powers of e make weights of them first.",
        ),
        Slip(
            "powers not divided",
            lambda given: _mixed(given, np.exp(_compared(given) @ np.array(given["v"]))),
            "these are powers of e. Weights add up to 1: divide by the sum of the powers.",
        ),
        Slip(
            "state outside the tanh",
            lambda given: _look_by_hand(given, heard=False),
            "the state makes no difference in this look. Left out, or added outside the tanh, it comes to the same: "
            "what is added to every score, a softmax ignores.",
        ),
        Slip(
            "tanh left out",
            lambda given: _look_by_hand(given, flat=False),
            "the tanh is missing between the sum and v.",
        ),
        Slip(
            "state not multiplied",
            lambda given: _look_by_hand(given, exchange=False),
            "the state went in as it is. Its matrix exchanges its two numbers.",
        ),
        Slip(
            "mixture of what was compared",
            lambda given: _mixed(given, _weights_of(given), _compared(given)),
            "the weights are right. The context mixes the memories themselves, not what the tanh made of them.",
        ),
        Slip(
            "plain mean as context",
            lambda given: [*_weights_of(given).tolist(), *np.mean(given["memory"], axis=0).tolist()],
            "the weights are right, but the context is the plain mean of the memories.",
        ),
    ),
    hints=(
        "Three scores first, one a word; then a softmax over the words; then one mixture.",
        "The score of word j: add the exchanged state to its memory, take tanh of both numbers, multiply with v, add.",
        "Weight: e to the score, divided by the sum of the three. Context: weight times memory, added up, twice.",
    ),
    trace=_trace_look,
    tolerance=2e-3,
)

# --- q2: a look for a whole batch -------------------------------------------------------------------------------------


def _look(
    state: np.ndarray, memory: np.ndarray, mask: np.ndarray, W: np.ndarray, U: np.ndarray, v: np.ndarray
) -> np.ndarray:
    """One sentence after the other, without its padding."""
    contexts = []
    for s, words, real in zip(state, memory, mask, strict=True):
        words = [word for word, there in zip(words, real, strict=True) if there]
        scores = [float(np.sum(v * np.tanh(W.dot(s) + U.dot(word)))) for word in words]
        powers = [math.exp(score - max(scores)) for score in scores]
        contexts.append(sum(power * word for power, word in zip(powers, words, strict=True)) / sum(powers))
    return np.array(contexts)


def _batch(
    state: np.ndarray,
    memory: np.ndarray,
    mask: np.ndarray,
    W: np.ndarray,
    U: np.ndarray,
    v: np.ndarray,
    *,
    padding: float = -np.inf,
    late: bool = False,
    axis: int = 1,
    inside: Any = np.tanh,
) -> np.ndarray:
    scores = inside((state @ W.T)[:, None] + memory @ U.T) @ v
    if not late:
        scores = np.where(mask, scores, scores if np.isnan(padding) else padding)
    with np.errstate(invalid="ignore"):  # a slip may leave nothing to choose from
        weights = softmax(scores, axis=axis)
    if late:
        weights = weights * mask
    return (weights[:, None] @ memory)[:, 0]


def _without_state(state: np.ndarray, memory: np.ndarray, mask: np.ndarray, *matrices: np.ndarray) -> np.ndarray:
    return _batch(0 * state, memory, mask, *matrices)


def _look_cases(rng: np.random.Generator) -> list[list[Any]]:
    one, two = np.ones((1, 1)), np.array([[[1.0], [3.0]]])
    both, first = np.array([[True, True]]), np.array([[True, False]])
    cases = [
        [one, two, both, one, one, np.ones(1)],
        [one, two, first, one, one, np.ones(1)],
    ]
    for sentences, words, sizes in ((2, 3, (2, 3, 2)), (3, 4, (3, 2, 4))):
        of_state, of_memory, width = sizes
        lengths = rng.permutation([words, *rng.integers(1, words, sentences - 1)])
        cases.append(
            [
                rng.integers(-2, 3, (sentences, of_state)) / 2,
                rng.integers(-3, 4, (sentences, words, of_memory)) / 2,
                np.arange(words) < lengths[:, None],
                rng.integers(-2, 3, (width, of_state)) / 2,
                rng.integers(-2, 3, (width, of_memory)) / 2,
                rng.choice((-2.0, -1.0, 1.0, 2.0), width),
            ]
        )
    return cases


Q2 = Function(
    name="look",
    cases=_look_cases,
    expected=_look,
    slips=(
        Slip(
            "padding looked at",
            lambda *arguments: _batch(*arguments, padding=np.nan),
            "padding takes part in the look. Where the mask is False the weight must be 0.",
        ),
        Slip(
            "weights set to 0 afterwards",
            lambda *arguments: _batch(*arguments, late=True),
            "padding has the weight 0, but what is left no longer adds up to 1. Mask the scores, before the softmax.",
        ),
        Slip(
            "padding with the score 0",
            lambda *arguments: _batch(*arguments, padding=0.0),
            "padding got the score 0, and exp(0) = 1. Which score has the power 0?",
        ),
        Slip(
            "mask turned over",
            lambda state, memory, mask, *matrices: _batch(state, memory, ~mask, *matrices),
            "the mask is turned over: True means that a word is there.",
        ),
        Slip(
            "softmax over the batch",
            lambda *arguments: _batch(*arguments, axis=0),
            "the softmax goes over the sentences of the batch. It goes over the words, for each sentence by itself.",
        ),
        Slip(
            "state outside the tanh",
            _without_state,
            "the state changes nothing: it was left out, or added outside the tanh, where a softmax ignores it.",
        ),
        Slip(
            "tanh left out",
            lambda *arguments: _batch(*arguments, inside=lambda sums: sums),
            "the tanh is missing between the sum and v.",
        ),
    ),
    hints=(
        "Shapes first: state @ W.T is (N, A), memory @ U.T is (N, T, A). Where must an axis be put in?",
        "np.tanh((state @ W.T)[:, None] + memory @ U.T) @ v are the scores, (N, T). Now the mask, then a softmax "
        "over the words.",
        "np.where(mask, scores, -np.inf), np.exp, divide by the sum of each row; then "
        "(weights[:, :, None] * memory).sum(axis=1).",
    ),
    remark="A loop over the sentences that cuts the padding off is right as well, and slower.",
)

# --- q3: one step of two gated units ----------------------------------------------------------------------------------


def _draw_step(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "state": rng.choice((-1.0, -0.5, 0.5, 1.0), 2, replace=False).tolist(),
        "A": rng.integers(-2, 3, (2, 2)).tolist(),
        "input": (rng.integers(-2, 3, 2) / 2).tolist(),
        "r": rng.choice((0.0, 0.2, 0.5, 0.8, 1.0), 2, replace=False).tolist(),
        "z": rng.choice((0.1, 0.2, 0.3, 0.7, 0.8, 0.9), 2, replace=False).tolist(),
    }


def _step(
    given: dict[str, Any],
    inside: bool,
    new: bool,
    *,
    flat: bool = True,
    reset: bool = True,
    kept: bool = False,
    over: bool = False,
) -> list[float]:
    """inside: A (r s), else r (A s); new: z is the share of what is new; kept: the reset state is what stays; over:
    r (A s + b)."""
    state, matrix, added, r, z = (np.array(given[name], dtype=float) for name in ("state", "A", "input", "r", "z"))
    r = r if reset else np.ones(2)
    proposal = (matrix @ (r * state) if inside else r * (matrix @ state)) + added
    proposal = r * (matrix @ state + added) if over else proposal
    proposal = np.tanh(proposal) if flat else proposal
    share = z if new else 1 - z
    return ((1 - share) * (r * state if kept else state) + share * proposal).tolist()


def _both(given: dict[str, Any], **changes: bool) -> list[list[float]]:
    """The step of the paper, then PyTorch's."""
    return [_step(given, True, True, **changes), _step(given, False, False, **changes)]


def _trace_step(given: dict[str, Any]) -> str:
    state, matrix, added, r, z = (np.array(given[name], dtype=float) for name in ("state", "A", "input", "r", "z"))
    paper, theirs = matrix @ (r * state), r * (matrix @ state)
    found = _both(given)
    return (
        f"- Paper: $r \\circ s$ = {_listed(r * state)}, then $A$ makes {_listed(paper)}; with the input "
        f"{_listed(paper + added)}, tanh {_listed(np.tanh(paper + added), '.4f')}. Of this $z$ = {_listed(z)} enters: "
        f"**{_listed(found[0], '.4f')}**.\n"
        f"- PyTorch: $A s$ = {_listed(matrix @ state)}, then $r$ makes {_listed(theirs)}; with the input "
        f"{_listed(theirs + added)}, tanh {_listed(np.tanh(theirs + added), '.4f')}. Of this $1 - z$ = "
        f"{_listed(1 - z)} enters: **{_listed(found[1], '.4f')}**."
    )


Q3 = Numbers(
    draw=_draw_step,
    ask=lambda given: (
        f"state $s$ = {_listed(given['state'])}, "
        "$A = \\begin{pmatrix}"
        + r" \\ ".join(" & ".join(map(str, row)) for row in given["A"])
        + f"\\end{{pmatrix}}$, the input adds $b$ = {_listed(given['input'])}; gates $r$ = {_listed(given['r'])}, "
        f"$z$ = {_listed(given['z'])}"
    ),
    expected=_both,
    slips=(
        Slip(
            "paper and PyTorch exchanged",
            lambda given: _both(given)[::-1],
            "both steps are right, and exchanged: the paper's comes first.",
        ),
        Slip(
            "the paper's step twice",
            lambda given: [_step(given, True, True)] * 2,
            "both rows are the paper's step. PyTorch's differs in what z says, and in the reset gate's place.",
        ),
        Slip(
            "z means the same in both",
            lambda given: [_step(given, True, True), _step(given, False, True)],
            "the first step is right. In the second, z says how much of the old state stays.",
        ),
        Slip(
            "z exchanged in both",
            lambda given: [_step(given, True, False), _step(given, False, True)],
            "the proposals are right; in both steps z and 1 - z stand at the other's place.",
        ),
        Slip(
            "reset gate at one place",
            lambda given: [_step(given, True, True), _step(given, True, False)],
            "the first step is right. In the second, the matrix comes first, and the gate multiplies what it gives.",
        ),
        Slip(
            "reset gate places exchanged",
            lambda given: [_step(given, False, True), _step(given, True, False)],
            "z is used rightly in both; the reset gate stands in each step where it stands in the other.",
        ),
        Slip(
            "reset gate over the input as well",
            lambda given: [_step(given, True, True), _step(given, False, False, over=True)],
            "the first step is right. In the second the gate multiplies what the matrix makes of the state; what the "
            "input adds is not reset.",
        ),
        Slip(
            "reset gate left out",
            lambda given: _both(given, reset=False),
            "the reset gate does nothing here. It says what of the old state the proposal may use.",
        ),
        Slip(
            "reset state kept",
            lambda given: _both(given, kept=True),
            "the reset gate belongs to the proposal. What stays of the old state is not reset.",
        ),
        Slip(
            "tanh left out",
            lambda given: _both(given, flat=False),
            "the tanh of the proposal is missing.",
        ),
    ),
    hints=(
        "In each step first the proposal, then the mixture of old state and proposal.",
        "Paper: multiply r and s number by number, then the matrix. PyTorch: the matrix first, then r.",
        "Then add b and take tanh. Paper: (1 - z) old + z new. PyTorch: z old + (1 - z) new.",
    ),
    trace=_trace_step,
)

# --- q4: several heads ------------------------------------------------------------------------------------------------


def _cross_attention(query: np.ndarray, key: np.ndarray, value: np.ndarray, heads: int) -> np.ndarray:
    """One head and one query after the other."""
    d = query.shape[1] // heads
    mixed = np.zeros((len(query), value.shape[1]))
    for start in range(0, heads * d, d):
        mine = slice(start, start + d)
        for t, asked in enumerate(query[:, mine]):
            powers = [math.exp(float(np.dot(asked, other)) / math.sqrt(d)) for other in key[:, mine]]
            for power, part in zip(powers, value[:, mine], strict=True):
                mixed[t, mine] += power / sum(powers) * part
    return mixed


def _parts(x: np.ndarray, heads: int) -> np.ndarray:
    return x.reshape(len(x), heads, -1).swapaxes(0, 1)


def _side_by_side(mixed: np.ndarray) -> np.ndarray:
    return mixed.swapaxes(0, 1).reshape(mixed.shape[1], -1)


def _attend(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    heads: int,
    *,
    scale: Any = lambda d, heads: math.sqrt(d),
    cut: Any = _parts,
    join: Any = _side_by_side,
    axis: int = 2,
) -> np.ndarray:
    q, k, v = (cut(x, heads) for x in (query, key, value))
    scores = q @ k.swapaxes(1, 2) / scale(q.shape[2], heads)
    return np.asarray(join(softmax(scores, axis=axis) @ v))


def _every(x: np.ndarray, heads: int) -> np.ndarray:
    return np.stack([x[:, start::heads] for start in range(heads)])


def _heads_cases(rng: np.random.Generator) -> list[list[Any]]:
    cases = [
        [np.array([[1.0]]), np.array([[0.0], [1.0]]), np.array([[2.0], [4.0]]), 1],
        [np.array([[2.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[1.0, 2.0], [3.0, 6.0]]), 2],
    ]
    for queries, words, d, heads in ((2, 3, 2, 2), (4, 2, 3, 3), (3, 4, 4, 1)):
        shapes = ((queries, d * heads), (words, d * heads), (words, d * heads))
        cases.append([*(rng.integers(-4, 5, shape) / 2 for shape in shapes), heads])
    return cases


Q4 = Function(
    name="cross_attention",
    cases=_heads_cases,
    expected=_cross_attention,
    slips=(
        Slip(
            "not scaled",
            lambda query, key, value, heads: _attend(query, key, value, heads, scale=lambda d, heads: 1),
            "the dot products are not scaled. Their spread grows with the root of the numbers that are multiplied.",
        ),
        Slip(
            "scaled for the whole vector",
            lambda query, key, value, heads: _attend(
                query, key, value, heads, scale=lambda d, heads: math.sqrt(d * heads)
            ),
            "the scale is that of the whole vector. A head multiplies its own part only, with fewer numbers.",
        ),
        Slip(
            "root forgotten",
            lambda query, key, value, heads: _attend(query, key, value, heads, scale=lambda d, heads: d),
            "the dot products are divided by d. Their spread grows like the root of d.",
        ),
        Slip(
            "one head for all",
            lambda query, key, value, heads: _attend(query, key, value, 1),
            "this is attention with a single head. Each part needs a softmax of its own.",
        ),
        Slip(
            "numbers that lie apart",
            lambda query, key, value, heads: _attend(
                query,
                key,
                value,
                heads,
                cut=_every,
                join=lambda mixed: mixed.transpose(1, 2, 0).reshape(len(query), -1),
            ),
            "the heads take numbers that lie apart. A head's part are D / heads neighbouring numbers.",
        ),
        Slip(
            "cut without looking at the places",
            lambda query, key, value, heads: _attend(
                query,
                key,
                value,
                heads,
                cut=lambda x, heads: x.reshape(heads, len(x), -1),
                join=lambda mixed: mixed.reshape(len(query), -1),
            ),
            "reshape reads row by row: reshape(heads, T, d) gives a head some words whole, not a part of every word. "
            "Cut the last axis, then turn the axes.",
        ),
        Slip(
            "joined without turning back",
            lambda query, key, value, heads: _attend(
                query, key, value, heads, join=lambda mixed: mixed.reshape(len(query), -1)
            ),
            "each head is right, but they were joined in the order (heads, T, d). Turn the axes back to (T, heads, d) "
            "before the reshape.",
        ),
        Slip(
            "softmax over the queries",
            lambda query, key, value, heads: _attend(query, key, value, heads, axis=1),
            "the softmax goes over the queries. Each query shares out its weight among the keys.",
        ),
    ),
    hints=(
        "With heads = 1 it is attention as in the notebook. For more: the same, for each part of the columns.",
        "Head k has the columns k * d up to (k + 1) * d, with d = D // heads, of query, key and value alike.",
        "A loop is enough: for each head scores = q @ k.T / np.sqrt(d), softmax along axis 1, weights @ v; then "
        "np.concatenate(parts, axis=1).",
    ),
    remark="`nn.MultiheadAttention` puts a matrix before each of the three and one behind, and cuts in the same way.",
)

# --- q5: BLEU by hand -------------------------------------------------------------------------------------------------


UNITS = "ein zwei drei vier fünf sechs sieben acht neun".split()
TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split()


def _draw_translation(rng: np.random.Generator) -> dict[str, Any]:
    """Three numbers in German, and a translation with words exchanged, one overwritten, and the end missing."""
    true: list[str] = []
    for unit, ten in zip(rng.integers(9, size=3), rng.choice(8, 3, replace=False), strict=True):
        true += [",", UNITS[unit], "und", TENS[ten]]
    true = true[1:]
    said = true[: -int(rng.integers(1, 4))]
    at = int(rng.integers(len(said) - 1))
    said[at], said[at + 1] = said[at + 1], said[at]
    said[int(rng.integers(len(said)))] = said[int(rng.integers(len(said)))]
    return {"true": true, "said": said}


def _runs(words: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _clipped(mine: Counter[Any], theirs: Counter[Any]) -> float:
    return sum(min(count, theirs[run]) for run, count in mine.items()) / mine.total()


def _not_clipped(mine: Counter[Any], theirs: Counter[Any]) -> float:
    return sum(count for run, count in mine.items() if run in theirs) / mine.total()


def _of_the_true(mine: Counter[Any], theirs: Counter[Any]) -> float:
    return _clipped(mine, theirs) * mine.total() / theirs.total()


def _each_once(mine: Counter[Any], theirs: Counter[Any]) -> float:
    return len(mine.keys() & theirs.keys()) / len(mine)


def _short(c: int, r: int) -> float:
    return math.exp(1 - r / c) if c < r else 1.0


def _mean(one: float, two: float) -> float:
    return math.sqrt(one * two)


def _bleu(given: dict[str, Any], share: Any = _clipped, factor: Any = _short, mean: Any = _mean) -> list[float]:
    """Two precisions, the factor, and BLEU with runs of one and of two words."""
    one, two = (share(_runs(given["said"], n), _runs(given["true"], n)) for n in (1, 2))
    price = factor(len(given["said"]), len(given["true"]))
    return [one, two, price, price * mean(one, two)]


def _trace_bleu(given: dict[str, Any]) -> str:
    (one, two, price, bleu), c, r = _bleu(given), len(given["said"]), len(given["true"])
    lines = []
    for n, name in ((1, "words"), (2, "pairs")):
        mine, theirs = _runs(given["said"], n), _runs(given["true"], n)
        right = [" ".join(run) + (f" ({k} times)" if k > 1 else "") for run, k in (mine & theirs).items()]
        lines.append(
            f"- {mine.total()} {name}; right are *{'*, *'.join(right)}*: {(mine & theirs).total()}/{mine.total()} = "
            f"**{(one, two)[n - 1]:.4f}**"
        )
    return "\n".join(lines) + (
        f"\n- {c} words for {r} true ones: exp(1 - {r}/{c}) = **{price:.4f}**"
        f"\n- {price:.4f} · ({one:.4f} · {two:.4f})^(1/2) = **{bleu:.4f}**"
    )


Q5 = Numbers(
    draw=_draw_translation,
    ask=lambda given: f"truth: *{' '.join(given['true'])}*\n\nsaid: *{' '.join(given['said'])}*",
    expected=_bleu,
    slips=(
        Slip(
            "counts not clipped",
            lambda given: _bleu(given, _not_clipped),
            "a run that is said more often than in the truth counts too often. It counts at most as often as there.",
        ),
        Slip(
            "divided by the truth's runs",
            lambda given: _bleu(given, _of_the_true),
            "the right runs are divided by those of the truth. A precision is a share of the runs that are *said*.",
        ),
        Slip(
            "each run counted once",
            lambda given: _bleu(given, _each_once),
            "every different run was counted once. A run that is said twice, and twice in the truth, counts twice.",
        ),
        Slip(
            "no price for short answers",
            lambda given: _bleu(given, factor=lambda c, r: 1.0),
            "both precisions are right. Whoever says too little pays: the factor is below 1 here.",
        ),
        Slip(
            "factor the share of lengths",
            lambda given: _bleu(given, factor=lambda c, r: c / r),
            "both precisions are right. The factor is not c / r; it falls off with an exponential.",
        ),
        Slip(
            "lengths exchanged in the factor",
            lambda given: _bleu(given, factor=lambda c, r: math.exp(1 - c / r)),
            "both precisions are right. In the factor the two lengths are exchanged: it must come out below 1.",
        ),
        Slip(
            "arithmetic mean",
            lambda given: _bleu(given, mean=lambda one, two: (one + two) / 2),
            "three are right. BLEU takes the geometric mean of the precisions.",
        ),
        Slip(
            "root forgotten",
            lambda given: _bleu(given, mean=lambda one, two: one * two),
            "three are right. The geometric mean of two numbers is the root of their product.",
        ),
    ),
    hints=(
        "Write the pairs of neighbouring words of both sentences below each other, and cross out what they share.",
        "A run counts as often as it is said, but at most as often as the truth has it; below the line stands how many "
        "runs are said. Commas are words.",
        "The factor is exp(1 - r/c) with c words said for r true ones. BLEU: the factor times the root of both "
        "precisions' product.",
    ),
    trace=_trace_bleu,
)

# --- q6: in words -----------------------------------------------------------------------------------------------------

Q6 = Words(
    rubric=(
        ("shuffled patches give the same answers shuffled, and the same mean: both scenes look alike to it", 1),
        ("a vector for the position is added to each patch; a convolution's weights know where a neighbour lies", 1),
        ("a weight shows which state was mixed in at this step, not what the state holds or why the word was said", 1),
    ),
    hints=(
        "Shuffle the 64 patches. Which number of the network changes, up to the mean?",
        "What does a convolution know of a neighbour before it has read it?",
        "Where did the notebook's captioner look when it said *cat*, and where had it looked before?",
    ),
)

QUESTIONS = {"q1": Q1, "q2": Q2, "q3": Q3, "q4": Q4, "q5": Q5, "q6": Q6}
