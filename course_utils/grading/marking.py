"""From a submitted notebook to marks: read it as data, run its cells in the sandbox, compare what comes out."""

from __future__ import annotations

import csv
import datetime
import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from course_utils.exercises import judging
from course_utils.exercises.judging import NOT_ANSWERED, Verdict
from course_utils.exercises.values import pack
from course_utils.grading import sandbox
from course_utils.grading.assignment import VARIANTS, Assignment, Function, Numbers, Words
from course_utils.grading.release import TEXT_STUB

_HEADING = re.compile(r"## (q\d+) · ")
MAX_FILE = 100_000_000  # bytes; a notebook with many figures has ten
MAX_SOURCE = 3_000_000  # characters of all cells
_MOODLE = re.compile(r"^.*_(\d+)_assignsubmission_\w+$")
_CANVAS = re.compile(r"^[^_]+(?:_LATE)?_(\d+)_\d+_.+$")


# --- what was handed in -----------------------------------------------------------------------------------------------


class Submission(NamedTuple):
    """One student's file. `why` is empty, or says why it cannot be read."""

    student: str
    path: Path
    submitted: float
    why: str = ""


def _when(folder: Path) -> dict[str, float]:
    """Times of submission from times.csv (student, submitted as 2026-12-01T23:59), where there is one."""
    if not (folder / "times.csv").exists():
        return {}
    with open(folder / "times.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["student"].strip(): datetime.datetime.fromisoformat(row["submitted"]).timestamp() for row in rows}


def find_submissions(folder: Path, assignment: str) -> list[Submission]:
    """Everything that was handed in: folder/STUDENT/notebook, folder/STUDENT.ipynb, or as Canvas and Moodle name files.

    Two files of one student: the later one counts. Links are not followed.
    """
    if not folder.is_dir():
        raise ValueError(f"SUBMISSIONS must be a folder, got {folder}")
    times = _when(folder)
    found: dict[str, Submission] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "__")) or entry.suffix == ".csv":
            continue
        path, why = entry, ""
        if entry.is_dir() and not entry.is_symlink():
            moodle = _MOODLE.match(entry.name.rstrip("_"))
            student = moodle[1] if moodle else entry.name
            notebooks = sorted(p for p in entry.iterdir() if p.suffix == ".ipynb" and not p.name.startswith("."))
            named = [p for p in notebooks if p.name == f"{assignment}.ipynb"]
            if named or len(notebooks) == 1:
                path = (named or notebooks)[0]
            else:
                why = f"{len(notebooks)} notebooks in the folder, none of them {assignment}.ipynb"
        else:
            canvas = _CANVAS.match(entry.stem)
            student = canvas[1] if canvas else entry.stem
            why = "" if entry.suffix == ".ipynb" else "this is not a notebook (.ipynb)"
        if path.is_symlink():
            why = "this is a link, not a file"
        submitted = times.get(student, path.lstat().st_mtime)
        student = student.encode(errors="backslashreplace").decode()
        if student not in found or found[student].submitted <= submitted:
            found[student] = Submission(student, path, submitted, why)
    return list(found.values())


def _clean(text: str) -> str:
    """The text without halves of characters, which no file takes."""
    return text.encode(errors="replace").decode()


class Notebook(NamedTuple):
    """A submitted notebook as data."""

    cells: list[tuple[int, str]]  # number and source of each code cell
    words: dict[str, str]  # text of each Markdown cell that has a grade_id
    digest: str


def read_notebook(path: Path) -> Notebook:
    """Read a submitted notebook; nothing in it is run.

    Raises:
        ValueError: it is not a notebook, with the reason in words for the mark sheet.
    """
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ValueError(f"the file cannot be read ({error.strerror})") from error
    if not data.strip():
        raise ValueError("the file is empty")
    if len(data) > MAX_FILE:
        raise ValueError(f"the file is larger than {MAX_FILE // 10**6} MB")
    try:
        content = json.loads(data.decode("utf-8-sig"))
        listed = content["cells"]
        sources = [
            (cell["cell_type"], _clean("".join(cell["source"])), cell.get("metadata", {}).get("nbgrader", {}))
            for cell in listed
        ]
    except (ValueError, RecursionError) as error:
        raise ValueError("the file is not JSON, so not a notebook") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("the file is JSON, but not a notebook of format 4") from error
    if sum(len(source) for _, source, _ in sources) > MAX_SOURCE:
        raise ValueError(f"its cells hold more than {MAX_SOURCE:,} characters")
    cells = [(number, source) for number, (kind, source, _) in enumerate(sources) if kind == "code"]
    return Notebook(cells, _words(sources), hashlib.sha256(data).hexdigest())


def _words(sources: list[tuple[str, str, Any]]) -> dict[str, str]:
    """The answers in words: Markdown cells by grade_id; where that is lost, what follows a question's heading."""
    by_id, by_place, under = {}, {}, None
    for kind, source, meta in sources:
        if kind == "code":
            continue
        if isinstance(meta, dict) and "grade_id" in meta:
            by_id[str(meta["grade_id"])] = source
        heading = _HEADING.match(source.lstrip())
        if heading:
            under = heading[1]
        elif under:
            by_place[under] = f"{by_place[under]}\n\n{source}" if under in by_place else source
    return {**by_place, **by_id}


# --- marking ----------------------------------------------------------------------------------------------------------


class Marker:
    """Marks submissions of one assignment with cases drawn from a secret.

    Args:
        assignment: what was asked.
        secret: a text that students do not know; the cases of functions hang on it.
        sandboxed: False runs submissions as plain processes: for one's own code only.
        limits: what a submission may use; None gives its functions four times what they declare.
    """

    def __init__(
        self,
        assignment: Assignment,
        secret: str,
        sandboxed: bool = True,
        limits: sandbox.Limits | None = None,
    ) -> None:
        self.assignment, self.sandboxed = assignment, sandboxed
        functions = [question for question in assignment.questions.values() if isinstance(question, Function)]
        self.limits = limits or sandbox.Limits(seconds=60 + 4 * sum(question.seconds for question in functions))
        self.visible = {}
        self.hidden = {}
        for name, question in assignment.questions.items():
            if isinstance(question, Function):
                self.visible[name] = assignment.sheet(name)
                self.hidden[name] = assignment.sheet(name, f"secret {secret}")
        self.variant = lru_cache(maxsize=None)(assignment.variant)

    def job(self, student: str, notebook: Notebook, only: str | None = None) -> dict[str, Any]:
        """What the sandbox is given: cells, arguments, the student's own numbers. No right answers."""
        asked, told = [], {}
        for name, question in self.assignment.questions.items():
            told[name] = {"kind": "words", "points": 0}
            if isinstance(question, Numbers):
                given = self.variant(name, self.assignment.variant_of(name, student))[0]
                told[name] = {"kind": "numbers", "points": 0, "given": pack(given)}
                asked.append({"name": name, "variable": name, "cases": None, "seconds": 5})
            elif isinstance(question, Function):
                told[name] = {"kind": "function", "points": 0}
                cases = self.visible[name]["cases"] + self.hidden[name]["cases"]
                asked.append({"name": name, "variable": question.name, "cases": cases, "seconds": 2 * question.seconds})
        return {
            "cells": notebook.cells,
            "questions": [question for question in asked if only in (None, question["name"])],
            "exercise": {"assignment": self.assignment.name, "title": "", "questions": told},
        }

    def _verdict(self, name: str, student: str, answered: Mapping[str, Any]) -> Verdict:
        question = self.assignment.questions[name]
        if "missing" in answered:
            variable = question.name if isinstance(question, Function) else name
            return Verdict(False, f"not yet: the notebook defines no {variable}.")
        if "kind" in answered:
            return Verdict(False, f"not yet: a function is asked for, this is a {str(answered['kind'])[:60]}.")
        if "stopped" in answered:
            return Verdict(False, f"not yet: it was stopped: {str(answered['stopped'])[:200]}.")
        results = answered.get("results")
        if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
            return Verdict(False, "not yet: what came back cannot be read.")
        if isinstance(question, Numbers):
            return self._numbers_verdict(name, student, results)
        sheet, hidden = self.visible[name], self.hidden[name]
        count = len(sheet["cases"])
        verdict = judging.judge(sheet, results[:count])
        if not verdict.right:
            return verdict
        verdict = judging.judge(hidden, results[count:])
        if verdict.right or verdict.slip is not None:
            return verdict
        return Verdict(False, "not yet: right for the cases that check() tries, wrong for others of the same kind.")

    def _numbers_verdict(self, name: str, student: str, results: list[Any]) -> Verdict:
        own = self.assignment.variant_of(name, student)
        verdict = judging.judge(self.variant(name, own)[1], results)
        if verdict.right or verdict.message == NOT_ANSWERED or verdict.slip is not None:
            return verdict
        for number in range(VARIANTS):
            if number != own and judging.judge(self.variant(name, number)[1], results).right:
                told = "not yet: right, but for other numbers than yours. Was another student's number in begin(...)?"
                return Verdict(False, told, "another student's numbers")
        return verdict

    def verdicts(self, student: str, report: Mapping[str, Any]) -> dict[str, Verdict]:
        """The verdict on each question that a sandbox's report answers."""
        found = {}
        for name, answered in report["questions"].items():
            try:
                found[name] = self._verdict(name, student, answered)
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError, MemoryError, RecursionError):
                found[name] = Verdict(False, "not yet: what came back cannot be read.")
        return found

    def mark(self, submission: Submission, only: str | None = None) -> dict[str, Any]:
        """Mark one submission, or one question of it. Returns a record for the grade book; see `book`."""
        record: dict[str, Any] = {
            "assignment": self.assignment.name,
            "student": submission.student,
            "submitted": submission.submitted,
            "status": "not graded",
            "why": submission.why,
            "digest": None,
            "questions": {},
        }
        if submission.why:
            return record
        try:
            notebook = read_notebook(submission.path)
        except ValueError as error:
            return record | {"why": str(error)}
        record["digest"] = notebook.digest
        started = time.monotonic()
        result = sandbox.run(self.job(submission.student, notebook, only), self.limits, self.sandboxed)
        record["seconds"] = round(time.monotonic() - started, 2)
        if result.report is None and not result.overstepped:
            return record | {"why": result.why}
        if result.report is None:  # its own doing: nothing that came back counts
            names = [name for name in [*self.assignment.questions] if only in (None, name)]
            result = result._replace(
                report={"questions": {name: {"stopped": result.why} for name in names}, "cells": {}}
            )
        verdicts = self.verdicts(submission.student, result.report)
        for name, question in self.assignment.questions.items():
            of = self.assignment.cells[name].points
            if only not in (None, name):
                continue
            if isinstance(question, Words):
                text = notebook.words.get(name, "").strip()
                text = "" if text == TEXT_STUB else text
                record["questions"][name] = {"kind": "words", "points": None if text else 0, "of": of, "text": text}
                continue
            verdict = verdicts[name]
            record["questions"][name] = {
                "kind": "code",
                "points": of if verdict.right else 0,
                "of": of,
                "message": _clean(verdict.message[:1000]),
                "slip": verdict.slip,
            }
        record["cells"] = {str(number): str(error)[:300] for number, error in list(result.report["cells"].items())[:50]}
        return record | {"status": "graded", "why": ""}
