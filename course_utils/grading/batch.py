"""A whole batch: several submissions at once, each mark written when it is known, so that a killed batch goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from course_utils import runtime
from course_utils.grading import sandbox
from course_utils.grading.assignment import Assignment
from course_utils.grading.book import Book
from course_utils.grading.marking import Marker, Submission, find_submissions, read_notebook


def _one(marker: Marker, book: Book, submission: Submission, only: str | None) -> str:
    """Mark one submission, if it needs it, and write the mark down; returns what to say about it."""
    current = book.current(submission.student)
    graded = current is not None and current["status"] == "graded"
    try:
        digest = None if submission.why else read_notebook(submission.path).digest
    except ValueError:
        digest = None  # mark() finds out why again and records it
    if only is None and digest and not book.needs(submission.student, digest, submission.submitted):
        return "marked before"
    if only and not (graded and current["digest"] == digest):
        only = None  # there is nothing yet in which one question could be replaced
    try:
        record = marker.mark(submission, only)
    except Exception as error:  # an error of ours must not end the batch, and is no student's fault
        record = {
            "assignment": marker.assignment.name,
            "student": submission.student,
            "submitted": submission.submitted,
            "status": "not graded",
            "why": f"marking stopped with {type(error).__name__}: {error}",
            "digest": digest,
            "questions": {},
        }
    if only and record["status"] == "graded":
        record["questions"] = {**current["questions"], **record["questions"]}
        record["submitted"] = current["submitted"]
    book.add_if_new(record)
    if record["status"] != "graded":
        return f"not graded: {record['why']}"
    return f"{sum(mark['points'] or 0 for mark in record['questions'].values()):g} points"


def grade(
    assignment: Assignment,
    submissions: Path,
    book: Book,
    *,
    only: str | None = None,
    workers: int | None = None,
    sandboxed: bool = True,
    limits: sandbox.Limits | None = None,
    say: Callable[[str], Any] = print,
) -> None:
    """Mark everything in a folder that is not marked yet.

    Args:
        assignment: what was asked.
        submissions: the folder; see `marking.find_submissions`.
        book: where the marks go.
        only: mark this question anew in every submission, and leave the others as they are.
        workers: how many at once; None for one a core.
        sandboxed: False runs submissions as plain processes: for one's own code only.
        limits: what a submission may use, see `marking.Marker`.
        say: called with one line a submission.

    Raises:
        RuntimeError: there is no sandbox on this machine, and `sandboxed` is not False.
        ValueError: no such question or folder.
    """
    if only is not None:
        runtime.check_choice("only", only, list(assignment.questions))
    if sandboxed and (trouble := sandbox.trouble()):
        raise RuntimeError(
            f"Student code runs in a sandbox only, and there is none: {trouble}. To run it without, with your "
            f"rights on "
            "this machine and no protection at all: make grade ... SANDBOX=no"
        )
    found = find_submissions(submissions, assignment.name)
    marker = Marker(assignment, book.secret, sandboxed, limits)
    started = time.monotonic()
    with ThreadPoolExecutor(workers or runtime.usable_cores()) as pool:
        waiting = [(entry, pool.submit(_one, marker, book, entry, only)) for entry in found]
        for number, (entry, future) in enumerate(waiting, start=1):
            say(f"[{number}/{len(found)}] {entry.student}: {future.result()}")
    if found:
        seconds = time.monotonic() - started
        say(f"{len(found)} submissions in {seconds:.0f} s, {seconds / len(found):.1f} s each.")


def which(submissions: Path, names: list[str]) -> str:
    """The assignment that a folder of submissions belongs to, from its own name or its notebooks' names.

    Raises:
        ValueError: none, or more than one.
    """
    if not submissions.is_dir():
        raise ValueError(f"SUBMISSIONS must be a folder, got {submissions}")
    by_name = [name for name in names if submissions.resolve().name.startswith(name)]
    if len(by_name) == 1:
        return by_name[0]
    inside = {entry for _, _, files in os.walk(submissions) for entry in files if entry.endswith(".ipynb")}
    found = [name for name in names if any(name in entry for entry in inside)]
    if len(found) != 1:
        raise ValueError(
            f"SUBMISSIONS must hold notebooks of one assignment, got {', '.join(found) or 'none'} in "
            f"{submissions}; say which: make grade EX=02 SUBMISSIONS=..."
        )
    return found[0]
