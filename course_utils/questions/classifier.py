"""Questions on training a classifier (notebook 05)."""

from __future__ import annotations

from course_utils.questions.question import Question

QUESTIONS: dict[str, Question] = {}
