"""The grade book: one folder an assignment, one file a mark, and what is made of them: mark sheet and feedback.

A mark is written once and never changed: each new one is a new file with the next number, which appears whole or not at
all. What counts for a student is the latest submission that was graded, and of its marks the latest.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import html
import io
import json
import math
import os
import secrets
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from course_utils import runtime
from course_utils.grading.assignment import Assignment, Words


class Policy(NamedTuple):
    """What lateness costs: `percent` of the points a started day after `due` (a time in seconds), for `days` at most.

    After that many days a submission earns nothing. No `due`: nothing is late.
    """

    due: float | None = None
    percent: float = 10
    days: int = 5

    def days_late(self, submitted: float) -> int:
        """Started days after the deadline."""
        return 0 if self.due is None else max(0, math.ceil((submitted - self.due) / 86_400))

    def share(self, submitted: float) -> float:
        """The share of the points that is left."""
        late = self.days_late(submitted)
        return 0.0 if late > self.days else max(0.0, 1 - late * self.percent / 100)


def _file_name(student: str) -> str:
    name = quote(student, safe=" @+,=()")
    return name if len(name) < 120 and name.strip(". ") else hashlib.sha256(student.encode()).hexdigest()


class Book:
    """The marks of one assignment.

    Args:
        folder: where they lie; made if need be.
        assignment: what was asked.
    """

    def __init__(self, folder: Path, assignment: Assignment) -> None:
        self.folder, self.assignment = folder, assignment
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        secret = folder / "secret"
        if not secret.exists():
            try:
                with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(secrets.token_hex(16))
            except FileExistsError:
                pass
        self.secret = secret.read_text().strip()
        if len(self.secret) < 16:
            raise ValueError(
                f"{secret} must hold the secret of these marks, got {len(self.secret)} characters; "
                "restore it from a copy, or delete it if nothing has been graded yet"
            )

    # --- marks ---

    def records(self, student: str) -> list[dict[str, Any]]:
        """All marks that were ever written for a student, oldest first."""
        files = sorted((self.folder / "marks" / _file_name(student)).glob("[0-9]*.json"))
        return [json.loads(path.read_text(encoding="utf-8")) for path in files]

    def students(self) -> list[str]:
        """Everybody who has a record."""
        first = sorted((self.folder / "marks").glob("*/000001.json"))
        return [json.loads(path.read_text(encoding="utf-8"))["student"] for path in first]

    def add(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Write one record as the student's next; returns it with its number."""
        folder = self.folder / "marks" / _file_name(record["student"])
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.glob("[0-9]*.json"))) + 1
        while True:
            whole = {**record, "number": number, "written": time.time()}
            with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".", delete=False, encoding="ascii") as file:
                json.dump(whole, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(file.name, folder / f"{number:06}.json")  # fails where another process was quicker
                return whole
            except FileExistsError:
                number += 1
            finally:
                os.unlink(file.name)

    def current(self, student: str) -> dict[str, Any] | None:
        """The record that counts: of the latest graded submission, the latest; if none is graded, the latest of all."""
        records = [record for record in self.records(student) if record["status"] != "written"]
        graded = [record for record in records if record["status"] == "graded"]
        if graded:
            return max(graded, key=lambda record: (record["submitted"], record["number"]))
        return records[-1] if records else None

    def needs(self, student: str, digest: str, submitted: float) -> bool:
        """Whether a submission still has to be marked: it is not what counts now, and was not marked at that time."""
        current = self.current(student)
        return not any(
            record["status"] == "graded"
            and record["digest"] == digest
            and (record["number"] == current["number"] or record["submitted"] == submitted)
            for record in self.records(student)
        )

    def add_if_new(self, record: Mapping[str, Any]) -> None:
        """Write a record, unless it says again what the student's last one says (not graded, same reason)."""
        last = self.records(record["student"])[-1:]
        same = ("status", "why", "digest", "submitted")
        if record["status"] == "graded" or not last or any(last[0].get(key) != record[key] for key in same):
            self.add(record)

    # --- answers in words ---

    def code(self, student: str) -> str:
        """What stands for a student's name in written.csv."""
        return hmac.new(self.secret.encode(), student.encode(), "sha256").hexdigest()[:10]

    def _written(self, student: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Marks by hand, by question and digest of the answer."""
        return {
            (record["question"], record["answer"]): record
            for record in self.records(student)
            if record["status"] == "written"
        }

    def read_written(self) -> int:
        """Take over what a marker has filled into written.csv; returns how many marks are new."""
        path = self.folder / "written.csv"
        if not path.exists():
            return 0
        by_code = {self.code(student): student for student in self.students()}
        new = 0
        with open(path, encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                student, question = by_code.get(row["code"]), row["question"]
                if student is None or not row["points"].strip():
                    continue
                of = self.assignment.cells[question].points
                points = float(row["points"].replace(",", "."))
                if not 0 <= points <= of:
                    raise ValueError(
                        f"points in {path} must be from 0 to {of:g} for {question}, got {points:g} at "
                        f"code {row['code']}"
                    )
                known = self._written(student).get((question, row["answer_id"]))
                if known is None or (known["points"], known["comment"]) != (points, row["comment"]):
                    self.add(
                        {
                            "student": student,
                            "status": "written",
                            "question": question,
                            "points": points,
                            "answer": row["answer_id"],
                            "comment": row["comment"],
                        }
                    )
                    new += 1
        return new

    def write_written(self) -> None:
        """Write written.csv: every answer in words under a code in place of a name, with the marks it has so far."""
        rows = []
        for student in self.students():
            record, marks = self.current(student), self._written(student)
            for name, question in self.assignment.questions.items():
                mark = ((record or {}).get("questions") or {}).get(name)
                if not isinstance(question, Words) or not mark or not mark["text"]:
                    continue
                answer = text_id(mark["text"])
                known = marks.get((name, answer), {"points": "", "comment": ""})
                rubric = "; ".join(f"{said} ({worth:g})" for said, worth in question.rubric)
                rows.append(
                    [
                        self.code(student),
                        name,
                        answer,
                        mark["text"],
                        rubric,
                        f"{mark['of']:g}",
                        f"{known['points']:g}" if known["points"] != "" else "",
                        known["comment"],
                    ]
                )
        rows.sort()
        head = ["code", "question", "answer_id", "answer", "rubric", "of", "points", "comment"]
        runtime.write_whole(self.folder / "written.csv", sheet_text([head, *rows]))

    # --- what is handed out ---

    def result(self, student: str, policy: Policy) -> dict[str, Any]:
        """Where a student stands: points by question, total after lateness, what still waits for a person."""
        record = self.current(student)
        if record is None or record["status"] != "graded":
            why = record["why"] if record else "nothing was handed in"
            return {
                "student": student,
                "status": f"not graded: {why}",
                "total": None,
                "questions": {},
                "waiting": [],
                "days_late": 0,
            }
        written = self._written(student)
        questions, waiting = {}, []
        for name in self.assignment.questions:
            mark = dict(record["questions"][name])
            if mark["kind"] == "words" and mark["text"]:
                by_hand = written.get((name, text_id(mark["text"])))
                mark["points"] = by_hand["points"] if by_hand else None
                mark["message"] = by_hand["comment"] if by_hand else "waits for a person to read it"
                waiting += [] if by_hand else [name]
            elif mark["kind"] == "words":
                mark["message"] = "not answered yet"
            questions[name] = mark
        earned = sum(mark["points"] or 0 for mark in questions.values())
        later = [entry for entry in self.records(student)[record["number"] :] if entry["status"] == "not graded"]
        status = "graded" if not waiting else f"waiting for {', '.join(waiting)}"
        if later:
            status += f"; a later submission was not graded: {later[-1]['why']}"
        return {
            "student": student,
            "status": status,
            "total": round(earned * policy.share(record["submitted"]), 2),
            "questions": questions,
            "waiting": waiting,
            "days_late": policy.days_late(record["submitted"]),
            "cells": record.get("cells", {}),
        }

    def export(self, policy: Policy, roster: Iterable[Mapping[str, str]] = ()) -> Path:
        """Write grades.csv (Moodle's columns first), canvas.csv and the feedback pages; returns grades.csv's path.

        Args:
            policy: what lateness costs.
            roster: rows with 'student', and where known 'name', 'email', 'section', 'canvas_id', 'login'. Students on
                it who handed in nothing are listed, too.
        """
        people = {row["student"].strip(): row for row in roster}
        names = list(self.assignment.questions)
        most = sum(self.assignment.cells[name].points for name in names)
        head = [
            "Identifier",
            "Full name",
            "Email address",
            "Status",
            "Grade",
            "Maximum Grade",
            "Days late",
            *names,
            "Feedback comments",
        ]
        moodle, canvas = [head], [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", self.assignment.title]]
        canvas.append(["    Points Possible", "", "", "", "", f"{most:g}"])
        for student in sorted({*people, *self.students()}):
            person = people.get(student, {})
            found = self.result(student, policy)
            points = {name: found["questions"].get(name, {}).get("points") for name in names}
            wrong = [
                f"{name}: {mark.get('message', '')}"
                for name, mark in found["questions"].items()
                if mark["points"] != mark["of"]
            ]
            total = "" if found["total"] is None else f"{found['total']:g}"
            moodle.append(
                [
                    student,
                    person.get("name", ""),
                    person.get("email", ""),
                    found["status"],
                    total,
                    f"{most:g}",
                    found["days_late"],
                    *("" if points[name] is None else f"{points[name]:g}" for name in names),
                    " | ".join(wrong),
                ]
            )
            canvas.append(
                [
                    person.get("name", "") or student,
                    person.get("canvas_id", student),
                    student,
                    person.get("login", ""),
                    person.get("section", ""),
                    total,
                ]
            )
            runtime.write_whole(self.folder / "feedback" / f"{_file_name(student)}.html", self.feedback(found))
        runtime.write_whole(self.folder / "canvas.csv", sheet_text(canvas))
        runtime.write_whole(self.folder / "grades.csv", sheet_text(moodle))
        return self.folder / "grades.csv"

    def feedback(self, found: Mapping[str, Any]) -> str:
        """One student's feedback as an HTML page. It shows no hidden case and no right result of one."""
        rows = []
        for name, mark in found["questions"].items():
            points = "waiting" if mark["points"] is None else f"{mark['points']:g}"
            said = html.escape(mark.get("message") or "").replace("\n", "<br>")
            title = html.escape(self.assignment.cells[name].title)
            rows.append(f"<tr><td>{name}</td><td>{title}</td><td>{points} of {mark['of']:g}</td><td>{said}</td></tr>")
        late = f"<p>Handed in late: {found['days_late']} day(s) begun.</p>" if found["days_late"] else ""
        cells = "".join(
            f"<li>cell {html.escape(str(number))}: {html.escape(error)}</li>"
            for number, error in found.get("cells", {}).items()
        )
        stopped = (
            f"<p>Cells that stopped with an error when your notebook was run:</p><ul>{cells}</ul>" if cells else ""
        )
        total = "not graded" if found["total"] is None else f"{found['total']:g} points"
        title = html.escape(self.assignment.title)
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
            "<style>body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
            "table{border-collapse:collapse}td,th{border:1px solid #999;padding:.3em .6em;text-align:left}</style>"
            f"<h1>{title}</h1><p>{html.escape(found['student'])}: <strong>{total}</strong> "
            f"({html.escape(found['status'])})</p>{late}"
            "<table><tr><th>question</th><th>title</th><th>points</th><th>what was found</th></tr>"
            f"{''.join(rows)}</table>{stopped}</html>\n"
        )


def text_id(text: str) -> str:
    """A short name for an answer in words: a mark belongs to the text that was read."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def sheet_text(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as CSV; texts that a spreadsheet would take for a formula get an apostrophe in front."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        texts = ["" if cell is None else str(cell) for cell in row]
        writer.writerow(["'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text for text in texts])
    return out.getvalue()


def read_roster(path: Path | None) -> list[dict[str, str]]:
    """The rows of a roster (CSV with the column 'student'), or none."""
    if path is None or not path.exists():
        return []
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if rows and "student" not in rows[0]:
        raise ValueError(f"{path} must have a column 'student', got {', '.join(rows[0])}")
    return rows
