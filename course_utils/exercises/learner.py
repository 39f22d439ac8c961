"""What a learner calls in an exercise notebook. Nothing here raises an error, and nothing needs a network.

`begin` reads the assignment's sheets from the file that lies beside the notebook. They hold cases, right results and
the results of known slips as plain data, veiled so that nobody reads them by accident; they are not locked, as no
answer can be that is checked without a network. What an instructor's marks rest on is not among them.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from course_utils import runtime
from course_utils.exercises import judging
from course_utils.exercises.values import pack, unpack
from course_utils.questions.question import unanswered

_now: dict[str, Any] = {}  # the assignment begun: 'name', 'student', 'bundle', 'solutions', 'inside'


def veil(data: Any) -> str:
    """Plain data as a text that nobody reads by accident."""
    return base64.b85encode(zlib.compress(json.dumps(data, ensure_ascii=False).encode(), 9)).decode()


def unveil(text: str) -> Any:
    """The data that `veil` took."""
    return json.loads(zlib.decompress(base64.b85decode(text)))


def variant_number(assignment: str, question: str, student: str, count: int) -> int:
    """Which of `count` variants of a question is a student's own; capitals and outer spaces do not matter."""
    key = f"{assignment}/{question}/{student.strip().lower()}".encode()
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") % count


def _never_raises(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except KeyboardInterrupt:
            print("Stopped.")
        except BaseException as error:
            print(f"{function.__name__} did not work: {type(error).__name__}: {error}")
        return None

    return guarded


# --- progress ---------------------------------------------------------------------------------------------------------


def progress_file() -> Path:
    """Where progress in all assignments is kept, one small file."""
    return runtime.runs_dir() / "exercises.json"


def _read_progress() -> dict[str, Any]:
    try:
        kept = json.loads(progress_file().read_text(encoding="utf-8"))
        return kept if isinstance(kept, dict) else {}
    except (OSError, ValueError):
        return {}


def _kept() -> dict[str, Any]:
    """Progress in all assignments; while a source is run, what it did itself, and that is not written down."""
    return _now["kept"] if "kept" in _now else _read_progress()


def _note(question: str, **changes: Any) -> dict[str, Any]:
    """Change what is kept of a question, write it down and return it. If nothing can be written, memory has to do."""
    kept = _kept()
    mine = kept.setdefault(_now["name"], {}).setdefault(question, {})
    for name, change in changes.items():
        mine[name] = change(mine.get(name, 0)) if callable(change) else change
    if "kept" in _now:
        return mine
    try:
        runtime.write_whole(progress_file(), json.dumps(kept, ensure_ascii=False, indent=1))
    except OSError:
        _now["kept"] = kept
    return mine


# --- the assignment ---------------------------------------------------------------------------------------------------


def _bundle(name: str) -> dict[str, Any]:
    inside = os.environ.get("COURSE_EXERCISE", "").strip()
    if inside:
        return json.loads(Path(inside).read_text(encoding="utf-8"))
    for folder in (Path(), Path(name)):
        if (folder / f"{name}.json").exists():
            return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        if (folder / "questions.py").exists():  # the instructor's source
            from course_utils.grading import assignment

            found = assignment.load(folder)
            _now.update(solutions=found.solutions(), kept={})
            return found.bundle()
    raise FileNotFoundError(f"{name}.json is missing. It belongs into the notebook's folder, {Path().resolve()}")


@_never_raises
def begin(assignment: str, student: str = "") -> None:
    """Begin an assignment, as in begin("ex02_convolution_arithmetic", student="1234567").

    Args:
        assignment: its name, the notebook's without the ending.
        student: your number or login as your university knows it: your variants of the numbers hang on it.
    """
    _now.clear()
    _now.update(name=assignment, student=str(student), solutions={}, inside=bool(os.environ.get("COURSE_EXERCISE")))
    _now["bundle"] = bundle = _bundle(assignment)
    if _now["inside"]:
        return
    opened = Path(f"{assignment}.solutions.json")
    if opened.exists():
        _now["solutions"] = unveil(json.loads(opened.read_text(encoding="utf-8"))["solutions"])
    points = sum(question["points"] for question in bundle["questions"].values())
    print(f"{bundle['title']}: {len(bundle['questions'])} questions, {points:g} points.")
    print(
        f"The numbers are those of student {student!r}."
        if student
        else "Sample numbers: before you hand in, write your number into begin(...)."
    )


def _question(name: str) -> dict[str, Any]:
    if "bundle" not in _now:
        raise ValueError('no assignment is begun. Run the cell with begin("...") first')
    questions = _now["bundle"]["questions"]
    if name not in questions:
        raise ValueError(f"question must be one of {', '.join(questions)}, got {name!r}")
    return questions[name]


def _variant(name: str, parts: list[Any]) -> Any:
    return parts[variant_number(_now["name"], name, _now["student"], len(parts))]


@_never_raises
def ask(question: str) -> dict[str, Any]:
    """Show your own numbers of a question, and return them as a dictionary."""
    asked = _question(question)
    if _now["inside"]:
        return unpack(asked["given"])
    mine = _variant(question, unveil(asked["variants"]))
    runtime.show_markdown(mine["ask"])
    return unpack(mine["given"])


def _verdict(question: str, value: Any) -> judging.Verdict | None:
    asked = _question(question)
    if asked["kind"] == "words":
        text = "" if unanswered(value) else str(value).strip()
        return judging.Verdict(False, "a person reads and marks this answer" if text else judging.NOT_ANSWERED)
    if unanswered(value):
        return judging.Verdict(False, judging.NOT_ANSWERED)
    if asked["kind"] == "numbers":
        return judging.judge(_variant(question, unveil(asked["variants"]))["sheet"], [{"value": pack(value)}])
    if not callable(value):
        return judging.Verdict(False, f"not yet: a function is asked for, this is a {type(value).__name__}.")
    sheet = unveil(asked["sheet"])
    return judging.judge(sheet, judging.outcomes(value, sheet["cases"]))


@_never_raises
def answer(question: str, value: Any) -> str:
    """The verdict on one answer, as text: 'not answered yet', 'right', or 'not yet: ' and a reason."""
    if _now.get("inside"):  # a source's own assertions pass there; marks hang on nothing that is said here
        return "right"
    return _verdict(question, value).message


@_never_raises
def check(question: str, value: Any) -> None:
    """Print whether an answer is right; if not, the mistake that it shows, or the smallest case that is wrong."""
    if _now.get("inside"):  # answers are compared elsewhere
        return
    verdict = _verdict(question, value)
    print(verdict.message)
    if verdict.message != judging.NOT_ANSWERED:
        _note(question, attempts=lambda count: count + 1, right=verdict.right, last=verdict.message)


@_never_raises
def hint(question: str) -> None:
    """Print the next hint to a question; each call says a little more."""
    if _now.get("inside"):
        return
    hints = unveil(_question(question)["hints"])
    if not hints:
        print("There is no hint to this question.")
        return
    seen = _note(question, hints=lambda count: min(count + 1, len(hints)))["hints"]
    print(f"Hint {seen} of {len(hints)}: {hints[seen - 1]}")
    if seen == len(hints):
        print(f'That was the last one. After an attempt, or if you are stuck: solution("{question}", stuck=True)')


@_never_raises
def solution(question: str, stuck: bool = False) -> None:
    """Show the worked solution, with your own numbers: after an attempt, or with stuck=True."""
    if _now.get("inside"):
        return
    asked = _question(question)
    if not stuck and not _kept().get(_now["name"], {}).get(question, {}).get("attempts"):
        print(
            f'Try it first: check("{question}", your answer). Or say that you are stuck: '
            f'solution("{question}", stuck=True)'
        )
        return
    if question not in _now["solutions"]:
        print(
            "The solutions are not here yet. Your instructor hands them out after the deadline; on your own, "
            "`make practice` brings them along."
        )
        return
    _note(question, solution=True)
    found = _now["solutions"][question]
    runtime.show_markdown(_variant(question, found) if asked["kind"] == "numbers" else found)


@_never_raises
def progress() -> None:
    """Show what you have done so far, in every assignment that you began."""
    kept: Mapping[str, Any] = _kept()
    current = {name: {} for name in _now["bundle"]["questions"]} if "bundle" in _now else {}
    assignments = {**kept, **({_now["name"]: {**current, **kept.get(_now["name"], {})}} if current else {})}
    if not assignments:
        print("Nothing yet.")
    for name, questions in sorted(assignments.items()):
        done = sum(bool(question.get("right")) for question in questions.values())
        print(f"{name}: {done} of {len(questions)} right")
        for number, question in sorted(questions.items()):
            state = "right" if question.get("right") else "not yet" if question.get("attempts") else "not tried"
            more = [f"attempts {question['attempts']}"] if question.get("attempts") else []
            more += [f"hints {question['hints']}"] if question.get("hints") else []
            more += ["solution seen"] if question.get("solution") else []
            print(f"  {number:4} {state:9} {', '.join(more)}".rstrip())
