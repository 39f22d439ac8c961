"""Graded exercises, the learner's side: `begin` an assignment, then `ask`, `check`, `hint`, `solution`, `progress`."""

from course_utils.exercises.learner import answer, ask, begin, check, hint, progress, solution

__all__ = ["answer", "ask", "begin", "check", "hint", "progress", "solution"]
