"""Whether answers are right, and if not, which mistake they show: the same judgement for learner and instructor.

A question is judged by its sheet, a dictionary of plain data: cases (arguments), what is expected for each, and what
each known slip gives for each. A sheet holds no code, so the answer to "which mistake is this?" needs none either.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from course_utils.exercises.values import Other, pack, unpack
from course_utils.questions.question import numbers, unanswered

NOT_ANSWERED = "not answered yet"


class Verdict(NamedTuple):
    """What became of one answer.

    right: whether it earns the points.
    message: 'right', 'not answered yet', or 'not yet: ' and a reason.
    slip: the name of the mistake that was recognised, else None.
    case: the number of the first case that is wrong, else None.
    """

    right: bool
    message: str
    slip: str | None = None
    case: int | None = None


# --- running a function -----------------------------------------------------------------------------------------------


def outcome(function: Callable[..., Any], arguments: Sequence[Any]) -> dict[str, Any]:
    """What a function does with arguments: {"value": packed} or {"raises": error's name, "message": its text}."""
    try:
        return {"value": pack(function(*arguments))}
    except RecursionError:
        return {"raises": "RecursionError", "message": "it calls itself for ever"}
    except (Exception, SystemExit) as error:
        return {"raises": type(error).__name__, "message": str(error)[:300]}


def outcomes(function: Callable[..., Any], cases: Sequence[Any]) -> list[dict[str, Any]]:
    """The outcome of each packed case, every argument unpacked anew, so that no call sees another's changes."""
    return [outcome(function, [unpack(part, tensors=True) for part in case]) for case in cases]


# --- comparing --------------------------------------------------------------------------------------------------------


def alike(value: Any, wanted: Any, tolerance: float) -> bool:
    """Whether two unpacked values are the same answer: kind of container aside, numbers within `tolerance`.

    The tolerance is absolute for numbers up to 1 and relative above. Where a whole number is wanted, the next one is
    wrong, up to 16 million; beyond, what rounding to a float32 can do is forgiven. A lone number in a list counts as
    the number.
    """
    if isinstance(wanted, str) or isinstance(value, str):
        return isinstance(value, str) and isinstance(wanted, str) and value.strip().lower() == wanted.strip().lower()
    if isinstance(wanted, dict) or isinstance(value, dict):
        if not (isinstance(value, dict) and isinstance(wanted, dict)) or set(value) != set(wanted):
            return False
        return all(alike(value[key], wanted[key], tolerance) for key in wanted)
    if value is None or wanted is None or isinstance(value, Other) or isinstance(wanted, Other):
        return value is None and wanted is None
    given, right = numbers(value), numbers(wanted)
    if given is not None and right is not None:
        if given.size == right.size == 1:
            given, right = given.reshape(()), right.reshape(())
        if given.shape != right.shape:
            return False
        with np.errstate(invalid="ignore"):
            room = tolerance * np.maximum(1, np.abs(right))
            whole = np.minimum(room, np.maximum(0.49, 2.0**-24 * np.abs(right)))  # a float32 has 24 binary digits
            near = np.abs(given - right) <= np.where(right == np.rint(right), whole, room)
        return bool(np.all(near | (given == right) | (np.isnan(given) & np.isnan(right))))
    if isinstance(value, list | tuple) and isinstance(wanted, list | tuple) and len(value) == len(wanted):
        return all(alike(a, b, tolerance) for a, b in zip(value, wanted, strict=True))
    return False


def _same(given: Mapping[str, Any], wanted: Mapping[str, Any], tolerance: float) -> bool:
    if "raises" in given or "raises" in wanted:
        return given.get("raises") == wanted.get("raises")
    return alike(unpack(given["value"]), unpack(wanted["value"]), tolerance)


def show(value: Any) -> str:
    """A value in one short line: small ones in full, arrays of more than 24 numbers by shape and first numbers."""
    if isinstance(value, np.ndarray):
        flat = value.ravel()
        listed = np.array2string(
            value if value.size <= 24 else flat[:6], separator=", ", precision=4, max_line_width=10_000
        )
        text = " ".join(listed.split())
        return text if value.size <= 24 else f"shape {value.shape}, first numbers {text}"
    if isinstance(value, list | tuple):
        inside = ", ".join(show(part) for part in value[:12]) + (", ..." if len(value) > 12 else "")
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = "..." if value is ... else repr(value)
    return text if len(text) <= 200 else text[:200] + "..."


def _told(result: Mapping[str, Any]) -> str:
    if "raises" in result:
        return f"{result['raises']}: {result.get('message', '')}".rstrip(": ")
    return show(unpack(result["value"]))


def _call(sheet: Mapping[str, Any], case: int) -> str:
    arguments = [show(unpack(part)) for part in sheet["cases"][case]]
    names = sheet.get("arguments") or [""] * len(arguments)
    return ", ".join(f"{name}={text}" if name else text for name, text in zip(names, arguments, strict=False))


# --- judging ----------------------------------------------------------------------------------------------------------


BY_ACCURACY = {  # what is recognised from labels alone
    "kind": "labels are asked for, one whole number a picture.",
    "scores": "these are scores for every class; the best class is asked for.",
    "count": "one label a picture is asked for, {wanted} in all; these are {found}.",
    "constant": "every picture gets the same label.",
    "shifted": "the labels are shifted by one; classes are counted from 0.",
    "below": "{right:.2f} of the labels are right, {bar:.2f} is asked for.",
}


def _by_accuracy(sheet: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> Verdict:
    """The verdict where a share of right labels is asked for; the mistakes are recognised from the labels alone."""

    def wrong(slip: str, **figures: Any) -> Verdict:
        return Verdict(False, f"not yet: {BY_ACCURACY[slip].format(**figures)}", slip, case)

    bar = sheet["bar"]
    for case, (given, wanted) in enumerate(zip(results, sheet["expected"], strict=True)):
        if "raises" in given:
            return Verdict(False, f"not yet: it stops with {_told(given)}", None, case)
        found, true = numbers(unpack(given["value"])), numbers(unpack(wanted["value"]))
        if not isinstance(found, np.ndarray):
            return wrong("kind")
        if found.ndim == 2 and len(found) == len(true) and found.shape[1] > 1:
            return wrong("scores")
        if found.size != true.size:
            return wrong("count", wanted=true.size, found=found.size)
        found = found.ravel()
        right = float(np.mean(found == true))
        if right >= bar:
            continue
        if np.all(found == found[0]):
            return wrong("constant")
        if max(np.mean(found + 1 == true), np.mean(found - 1 == true)) >= bar:
            return wrong("shifted")
        return wrong("below", right=right, bar=bar)
    return Verdict(True, "right")


def _described(sheet: Mapping[str, Any], given: Mapping[str, Any], case: int) -> str:
    """What is wrong with one outcome that shows no known slip."""
    wanted = sheet["expected"][case]
    call = _call(sheet, case)
    where = f" For {call}" if call else ""
    if "raises" in given and "raises" not in wanted:
        return f"it stops with {_told(given)}." + (f"{where} it should give {_told(wanted)}." if call else "")
    if "raises" in wanted:
        return f"{where.strip() or 'Here'}: a {wanted['raises']} is asked for, it gave {_told(given)}."
    value, right = unpack(given["value"]), unpack(wanted["value"])
    if isinstance(value, Other):
        return f"this is neither numbers nor a word, but a {value.name}."
    if value is None:
        return f"{where.strip() or 'Here'}: it returns nothing. Is the `return` missing?"
    found, true = numbers(value), numbers(right)
    reason = ""
    if isinstance(found, np.ndarray) and isinstance(true, np.ndarray) and found.shape != true.shape:
        reason = f"the shape must be {true.shape}, this is {found.shape}."
        if found.ndim > 1 and found.shape == true.shape[::-1] and alike(found.T, true, sheet["tolerance"]):
            reason = f"height and width are swapped: the shape must be {true.shape}, this is {found.shape}."
        if not call:
            return reason
    if not call:
        return sheet.get("otherwise") or "this is not the number. Do one step at a time; hint() helps."
    return f"{reason}{where}: expected {_told(wanted)}, received {_told(given)}.".strip()


def judge(sheet: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> Verdict:
    """The verdict on an answer.

    Args:
        sheet: 'cases', 'expected' and 'slips' ({'name', 'message', 'outcomes'} each), 'tolerance', and where a share of
            right labels is asked for, 'bar'.
        results: one outcome a case, as `outcome` makes them.
    """
    if len(results) != len(sheet["expected"]):
        return Verdict(
            False, f"not yet: {len(sheet['expected'])} results were asked for, {len(results)} came.", None, 0
        )
    if all("value" in given and unanswered(unpack(given["value"])) for given in results):
        return Verdict(False, NOT_ANSWERED)
    if sheet.get("bar") is not None:
        return _by_accuracy(sheet, results)
    tolerance = sheet["tolerance"]
    wrong = [n for n, given in enumerate(results) if not _same(given, sheet["expected"][n], tolerance)]
    if not wrong:
        return Verdict(True, "right")
    for slip in sheet["slips"]:
        if all(_same(a, b, tolerance) for a, b in zip(results, slip["outcomes"], strict=True)):
            return Verdict(False, f"not yet: {slip['message']}", slip["name"], wrong[0])
    return Verdict(False, f"not yet: {_described(sheet, results[wrong[0]], wrong[0])}", None, wrong[0])


def argument_names(function: Callable[..., Any]) -> list[str]:
    """The names of a function's arguments, in order."""
    return list(inspect.signature(function).parameters)
