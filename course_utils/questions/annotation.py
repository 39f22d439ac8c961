"""Questions on multi-label annotation (notebook 09)."""

from __future__ import annotations

from course_utils.questions.question import Question

QUESTIONS: dict[str, Question] = {}
