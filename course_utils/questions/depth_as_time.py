"""Questions on depth as time (notebook 07b)."""

from __future__ import annotations

from course_utils.questions.question import Question

QUESTIONS: dict[str, Question] = {}
