"""Questions on why one convolves at all (notebook 01)."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils import convolution
from course_utils.questions.question import Question, numbers, result_of


def _response(kernel: np.ndarray, row_step: int, column_step: int) -> float:
    """What a 3x3 kernel answers on a ramp that rises by these steps a row and a column."""
    rows, columns = np.mgrid[:3, :3]
    return float((kernel * (row_step * rows + column_step * columns)).sum())


def _judge_edge(kernel: Any) -> str | None:
    given = numbers(kernel)
    if given is None or isinstance(given, str) or given.shape != (3, 3):
        found = "a word" if isinstance(given, str) else getattr(given, "shape", type(kernel).__name__)
        return f"a 3x3 kernel is asked for, three rows of three numbers; this is {found}."
    if not np.isfinite(given).all():
        return "all nine numbers must be finite."
    if not given.any():
        return "a kernel of zeros answers 0 to the edge as well."
    if abs(given.sum()) > 1e-6:
        return f"on a flat area it answers {given.sum():g} times the grey value: the nine weights must add up to 0."
    across, along = _response(given, 1, -1), _response(given, 1, 1)
    if abs(across) > 1e-6:
        if abs(_response(given, 1, 0)) < 1e-6 or abs(_response(given, 0, 1)) < 1e-6:
            return "this is a kernel for upright or level edges: it answers to both diagonals alike."
        return f"on the other diagonal it answers {across:g}, and 0 is asked for. Mirror it: do the two halves cancel?"
    if along < 0:
        return "it answers below 0: it looks for an edge that gets darker on its way down to the right."
    if along < 1e-6:
        return "it answers 0 to the edge that it should find."
    return None


def _local(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(x, weights.shape[1])
    return (windows * weights).sum(axis=1)


def _judge_local(function: Any) -> str | None:
    import torch

    rng = np.random.default_rng(1)
    x, weights = rng.integers(-4, 5, 9).astype(float), rng.integers(-3, 4, (7, 3)).astype(float)
    wanted = _local(x, weights)
    given, trouble = result_of(function, torch.tensor(x), torch.tensor(weights))
    if trouble:
        return trouble
    if isinstance(given, list | tuple) and all(torch.is_tensor(number) for number in given):
        given = [number.tolist() for number in given]
    found = numbers(given)
    if found is None or isinstance(found, str) or found.shape != (7,):
        shape = getattr(found, "shape", type(given).__name__)
        return f"for 9 numbers and weights (7, 3) there are 7 answers in one row; this is {shape}."
    if np.allclose(found, wanted):
        return None
    if np.allclose(found, _local(x, np.repeat(weights[:1], 7, axis=0))):
        return "every place has been given the first kernel: that is a convolution. Here place i has row i."
    if np.allclose(found, _local(x, weights[:, ::-1])):
        return "the kernels have been turned round. Lay the first weight onto the first number of the window."
    if np.allclose(found, _local(x, weights[::-1])):
        return "the rows come in the wrong order: row 0 belongs to the first window."
    return "the shape is right, the numbers are not. Place i: the window x[i : i + k] times weights[i], added up."


QUESTIONS: dict[str, Question] = {
    "01.predict_weights": Question(
        expected=lambda: [convolution.parameter_count(64, 128, 3, bias=False), 3 * 32 * 32 * 1_000],
        hint="A kernel is as deep as its input and there is one for each output map; a dense unit reads every number.",
        slips=(
            (lambda: [128 * 9, 3 * 32 * 32 * 1_000], "each of the 128 kernels reads all 64 maps, not one."),
            (lambda: [64 * 128 * 9, 32 * 32 * 1_000], "a colour picture has three numbers a pixel."),
            (lambda: [64 * 128 * 9 + 128, 3 * 32 * 32 * 1_000 + 1_000], "that counts the biases too."),
            (lambda: [64 * 128 * 9 * 32 * 32, 3 * 32 * 32 * 1_000], "that counts multiplications: weights are shared."),
        ),
    ),
    "01.change_edge": Question(judge=_judge_edge, hint=""),
    "01.build_local": Question(judge=_judge_local, hint=""),
}
