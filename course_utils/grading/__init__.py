"""Graded exercises, the instructor's side: what is asked, the students' versions, marking in a sandbox, the mark sheet.

How an assignment is written stands in docs/exercises.md, how one is handed out and marked in docs/grading.md.
"""
