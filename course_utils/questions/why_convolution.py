"""Questions on why one convolves at all (notebook 01)."""

from __future__ import annotations

from course_utils.questions.question import Question

QUESTIONS: dict[str, Question] = {}
