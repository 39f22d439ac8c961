"""What a question of a self-check consists of, and how a value is read and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Question:
    """One question: what is right, and what the usual slips look like.

    expected: computes the right answer: number, sequence or array of numbers, or word. None where `judge` decides.
    judge: takes the value and returns None if it is right, else the sentence to print.
    slips: (function that computes the wrong answer, what to tell its author) for each usual slip.
    hint: what to tell somebody whose answer is none of these.
    tolerance: largest absolute difference from a right number.
    """

    hint: str
    expected: Callable[[], Any] | None = None
    judge: Callable[[Any], str | None] | None = None
    slips: tuple[tuple[Callable[[], Any], str], ...] = ()
    tolerance: float = 1e-6


def unanswered(value: Any) -> bool:
    """Whether the value is still the placeholder `...` or None, or a sequence that holds one of them."""
    if value is ... or value is None:
        return True
    return isinstance(value, list | tuple) and any(unanswered(part) for part in value)


def result_of(function: Any, *arguments: Any) -> tuple[Any, str | None]:
    """What a student's function returns, and None; or None, and the sentence that says why there is no result."""
    if not callable(function):
        return None, f"a function is asked for, this is a {type(function).__name__}."
    try:
        result = function(*arguments)
    except Exception as error:
        return None, f"it stops with {type(error).__name__}: {error}"
    return result, "not answered yet" if unanswered(result) else None


def numbers(value: Any) -> np.ndarray | str | None:
    """The value as an array of floats, or as a word; None if it is neither."""
    if isinstance(value, str):
        return value.strip().lower()
    try:
        return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def same(value: Any, wanted: Any, tolerance: float) -> bool:
    """Whether two results of `numbers` agree, in shape and to within `tolerance` in every number."""
    if isinstance(value, str) or isinstance(wanted, str):
        return isinstance(value, str) and isinstance(wanted, str) and value == wanted
    if value.size == wanted.size == 1:  # [4] is as good an answer as 4
        value, wanted = value.reshape(()), wanted.reshape(())
    return value.shape == wanted.shape and bool(np.all(np.abs(value - wanted) <= tolerance))
