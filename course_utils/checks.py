"""Self-checks for the notebooks' questions: `check("02.name", value)` prints "right", a hint, or what slip it was.

The questions stand in `course_utils.questions`, one module a topic.
"""

from __future__ import annotations

from typing import Any

from course_utils.questions import QUESTIONS
from course_utils.questions.question import numbers, same, unanswered


def answer(name: str, value: Any) -> str:
    """The verdict on one answer, as text: 'not answered yet', 'right', or 'not yet: ' and a reason.

    Args:
        name: the question, as in '02.quiz_1'.
        value: the answer; `...` or None, or a sequence that holds one of them, counts as not answered.

    Raises:
        ValueError: there is no question of that name.
    """
    if name not in QUESTIONS:
        chapter = str(name).split(".")[0]
        known = [key for key in QUESTIONS if key.startswith(f"{chapter}.")] or list(QUESTIONS)
        raise ValueError(f"name must be one of {', '.join(known)}, got {name!r}")
    question = QUESTIONS[name]
    if unanswered(value):
        return "not answered yet"
    if question.judge is not None:
        complaint = question.judge(value)
        return (
            "right" if complaint is None else complaint if complaint == "not answered yet" else f"not yet: {complaint}"
        )
    given, wanted = numbers(value), numbers(question.expected())
    if given is None:
        return f"not yet: this is neither numbers nor a word, but a {type(value).__name__}. {question.hint}"
    if same(given, wanted, question.tolerance):
        return "right"
    for wrong, message in question.slips:
        if same(given, numbers(wrong()), question.tolerance):
            return f"not yet: {message}"
    if not isinstance(wanted, str) and not isinstance(given, str) and given.shape != wanted.shape:
        return f"not yet: {wanted.size} numbers are asked for, these are {given.size}. {question.hint}"
    return f"not yet: {question.hint}"


def check(name: str, value: Any) -> None:
    """Print the verdict on one answer; see `answer` for arguments and errors."""
    print(answer(name, value))
