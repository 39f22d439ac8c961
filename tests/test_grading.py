"""The grade book and the batch: marks that are never lost, lateness, regrading, names hidden, restart after a kill."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course_utils import runtime
from course_utils.grading import __main__ as commands
from course_utils.grading import batch, sandbox
from course_utils.grading.assignment import Assignment, folders, load
from course_utils.grading.book import Book, Policy, sheet_text
from course_utils.grading.marking import Marker, Submission, find_submissions, read_notebook

EX02 = next(folder for folder in folders() if folder.name.startswith("ex02"))
SOURCE = EX02 / f"{EX02.name}.ipynb"
DAY = 86_400


@pytest.fixture(scope="module")
def assignment():
    return load(EX02)


def record(student: str, submitted: float = 0.0, right: tuple[str, ...] = ("q1",), **more) -> dict:
    questions = {
        name: {
            "kind": "code",
            "points": 2 if name in right else 0,
            "of": 2,
            "message": "right" if name in right else "no",
        }
        for name in ("q1", "q2", "q3", "q4", "q5", "q6")
    }
    questions["q7"] = {"kind": "words", "points": None, "of": 3, "text": "an answer"}
    whole = {
        "student": student,
        "submitted": submitted,
        "status": "graded",
        "why": "",
        "digest": "d",
        "questions": questions,
    }
    return whole | more


# --- the book ---------------------------------------------------------------------------------------------------------


def test_an_older_submission_does_not_replace_a_newer_one(tmp_path: Path, assignment) -> None:
    book = Book(tmp_path, assignment)
    book.add(record("a", submitted=2, right=("q1", "q2")))
    book.add(record("a", submitted=1, right=()))
    assert book.current("a")["submitted"] == 2
    book.add(record("a", submitted=3, status="not graded", why="empty", questions={}))
    assert book.result("a", Policy())["total"] == 4, "a submission that cannot be graded leaves the mark as it was"
    assert "a later submission was not graded: empty" in book.result("a", Policy())["status"]
    assert len(book.records("a")) == 3


def test_not_graded_is_no_zero(tmp_path: Path, assignment) -> None:
    book = Book(tmp_path, assignment)
    book.add(record("a", status="not graded", why="the file is empty", questions={}))
    with open(book.export(Policy(), [{"student": "b", "name": "Bo"}]), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["Identifier"], row["Grade"], row["Status"]) for row in rows] == [
        ("a", "", "not graded: the file is empty"),
        ("b", "", "not graded: nothing was handed in"),
    ]


def _add_many(folder: str, student: str) -> None:
    book = Book(Path(folder), Assignment(EX02, {}))
    for n in range(20):
        book.add(record(student, submitted=n))


def test_two_processes_at_once_lose_no_mark(tmp_path: Path, assignment) -> None:
    Book(tmp_path, assignment)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_many, args=(str(tmp_path), "a")) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert [entry["number"] for entry in Book(tmp_path, assignment).records("a")] == list(range(1, 41))


def test_half_written_files_are_not_read(tmp_path: Path, assignment) -> None:
    book = Book(tmp_path, assignment)
    book.add(record("a"))
    (tmp_path / "marks" / "a" / ".half").write_text('{"student": ')
    assert len(book.records("a")) == 1
    runtime.write_whole(tmp_path / "file", "one")
    runtime.write_whole(tmp_path / "file", "two \ud800")
    assert (tmp_path / "file").read_text() == "two ?"


def test_lateness(tmp_path: Path, assignment) -> None:
    policy = Policy(due=1000.0, percent=10, days=3)
    assert [policy.share(1000 + hours * 3600) for hours in (-1, 0, 1, 25, 72, 73)] == [1, 1, 0.9, 0.8, 0.7, 0]
    book = Book(tmp_path, assignment)
    book.add(record("a", submitted=1000 + DAY * 1.5, right=("q1", "q2", "q3", "q4", "q5")))
    found = book.result("a", policy)
    assert (found["total"], found["days_late"]) == (8, 2)
    assert "Handed in late: 2 day(s) begun" in book.feedback(found)


def test_answers_in_words_are_marked_without_names(tmp_path: Path, assignment) -> None:
    book = Book(tmp_path, assignment)
    for student in ("Ada Lovelace", "Emmy Noether"):
        book.add(record(student))
    assert book.result("Ada Lovelace", Policy())["waiting"] == ["q7"]
    book.write_written()
    text = (tmp_path / "written.csv").read_text(encoding="utf-8")
    assert "Ada" not in text and "Emmy" not in text
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["code"] for row in rows] == sorted(book.code(student) for student in ("Ada Lovelace", "Emmy Noether"))
    for row in rows:
        if row["code"] == book.code("Ada Lovelace"):
            row["points"], row["comment"] = "2,5", "work not explained"
    (tmp_path / "written.csv").write_text(
        sheet_text([rows[0].keys(), *(row.values() for row in rows)]), encoding="utf-8"
    )
    assert (book.read_written(), book.read_written()) == (1, 0)
    found = book.result("Ada Lovelace", Policy())
    assert (found["total"], found["status"]) == (4.5, "graded")
    assert book.result("Emmy Noether", Policy())["waiting"] == ["q7"]
    book.write_written()
    assert "work not explained" in (tmp_path / "written.csv").read_text(encoding="utf-8")
    newer = record("Ada Lovelace", submitted=1)
    newer["questions"]["q7"]["text"] = "another answer"
    book.add(newer)
    assert book.result("Ada Lovelace", Policy())["waiting"] == ["q7"], "a mark belongs to the text that was read"


def test_points_beyond_the_question_are_refused(tmp_path: Path, assignment) -> None:
    book = Book(tmp_path, assignment)
    book.add(record("a"))
    book.write_written()
    path = tmp_path / "written.csv"
    rows = list(csv.DictReader(path.read_text().splitlines()))
    rows[0]["points"] = "4"
    path.write_text(sheet_text([rows[0].keys(), rows[0].values()]))
    with pytest.raises(ValueError, match=r"points in .* must be from 0 to 3 for q7, got 4"):
        book.read_written()


def test_columns_of_canvas_and_moodle(tmp_path: Path, assignment) -> None:
    book = Book(tmp_path, assignment)
    book.add(record("s1"))
    roster = [{"student": "s1", "name": "Ada Lovelace", "email": "ada@x.org", "canvas_id": "77", "login": "ada"}]
    book.export(Policy(), roster)
    moodle, *_ = (tmp_path / "grades.csv").read_text().splitlines()
    assert moodle.startswith("Identifier,Full name,Email address,Status,Grade,Maximum Grade,")
    canvas = (tmp_path / "canvas.csv").read_text().splitlines()
    assert canvas == [
        "Student,ID,SIS User ID,SIS Login ID,Section,Exercise 02 · Convolution arithmetic",
        "    Points Possible,,,,,16",
        "Ada Lovelace,77,s1,ada,,2",
    ]


def test_feedback_is_escaped_and_shows_no_hidden_case(tmp_path: Path, assignment) -> None:
    book = Book(tmp_path, assignment)
    whole = record("<script>")
    whole["questions"]["q2"]["message"] = "not yet: <b>"
    whole["cells"] = {"3": "<img>"}
    book.add(whole)
    page = book.feedback(book.result("<script>", Policy()))
    assert "<script>" not in page and "<img>" not in page and "&lt;b&gt;" in page


# --- what is handed in ------------------------------------------------------------------------------------------------


def test_submissions_are_found_as_platforms_name_them(tmp_path: Path) -> None:
    for name in (
        "s1/ex02_convolution_arithmetic.ipynb",
        "s2/anything.ipynb",
        "s3.ipynb",
        "lovelaceada_77_901_ex02_convolution_arithmetic-1.ipynb",
        "noetheremmy_LATE_78_902_ex02_convolution_arithmetic.ipynb",
        "Ada Lovelace_4711_assignsubmission_file_/ex02_convolution_arithmetic.ipynb",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "times.csv").write_text("student,submitted\ns1,2026-12-01T12:00\n")
    found = {entry.student: entry for entry in find_submissions(tmp_path, EX02.name)}
    assert set(found) == {"s1", "s2", "s3", "77", "78", "4711"}
    assert time.localtime(found["s1"].submitted)[:4] == (2026, 12, 1, 12)
    assert batch.which(tmp_path, [EX02.name, "ex03_other"]) == EX02.name
    with pytest.raises(ValueError, match="must hold notebooks of one assignment, got none"):
        batch.which(tmp_path, ["ex03_other"])
    with pytest.raises(ValueError, match="SUBMISSIONS must be a folder"):
        find_submissions(tmp_path / "nowhere", EX02.name)


# --- batches ----------------------------------------------------------------------------------------------------------


def hand_in(folder: Path, students: list[str], **cells: str) -> None:
    content = json.loads(SOURCE.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        cell["source"] = cells.get(cell["id"], cell["source"])
    folder.mkdir(exist_ok=True)
    for student in students:
        (folder / f"{student}.ipynb").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def sandboxed() -> bool:
    if sandbox.trouble() and os.environ.get("COURSE_NEEDS_SANDBOX"):
        pytest.fail(sandbox.trouble())
    if sandbox.trouble():
        pytest.skip(sandbox.trouble())
    return True


def test_without_a_sandbox_the_batch_refuses(tmp_path: Path, assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "trouble", lambda: "bubblewrap is not installed")
    hand_in(tmp_path / "in", ["a"])
    book = Book(tmp_path / "grades", assignment)
    with pytest.raises(RuntimeError, match=r"there is none: bubblewrap is not installed.*SANDBOX=no"):
        batch.grade(assignment, tmp_path / "in", book)
    assert book.students() == []


def test_a_sandbox_that_does_not_start_is_no_zero(tmp_path: Path, assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "command", lambda *a: ["false"])
    monkeypatch.setattr(sandbox, "trouble", lambda: None)
    hand_in(tmp_path / "in", ["a"])
    book = Book(tmp_path / "grades", assignment)
    book.add(record("a", submitted=0, digest="older"))
    batch.grade(assignment, tmp_path / "in", book, say=lambda line: None)
    assert book.records("a")[-1]["why"] == "the sandbox ended without a report"
    assert book.result("a", Policy())["total"] == 2


def test_regrading_one_question_leaves_the_others(tmp_path: Path, assignment, sandboxed: bool) -> None:
    hand_in(tmp_path / "in", ["a"], q5="def layers_needed(kernel_size, target):\n    return 1")
    book = Book(tmp_path / "grades", assignment)
    lines: list[str] = []
    batch.grade(assignment, tmp_path / "in", book, say=lines.append)
    first = book.current("a")
    assert first["questions"]["q5"]["points"] == 0 and first["questions"]["q4"]["points"] == 3
    wrong = {
        **first,
        "questions": {
            **first["questions"],
            "q4": {**first["questions"]["q4"], "points": 0},
            "q3": {**first["questions"]["q3"], "points": 1},
        },
    }
    book.add(wrong)
    batch.grade(assignment, tmp_path / "in", book, only="q4", say=lines.append)
    now = book.current("a")["questions"]
    assert (now["q4"]["points"], now["q3"]["points"], now["q5"]["points"]) == (3, 1, 0)
    with pytest.raises(ValueError, match="only must be one of 'q1'"):
        batch.grade(assignment, tmp_path / "in", book, only="q9")


def test_a_killed_batch_goes_on_where_it_stopped(tmp_path: Path, assignment, sandboxed: bool) -> None:
    students = [f"s{n}" for n in range(5)]
    hand_in(tmp_path / EX02.name, students)
    line = [
        sys.executable,
        "-m",
        "course_utils.grading",
        "grade",
        str(tmp_path / EX02.name),
        "--grades",
        str(tmp_path / "g"),
        "--jobs",
        "1",
    ]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, start_new_session=True)
    book = Book(tmp_path / "g" / EX02.name, assignment)
    end = time.monotonic() + 120
    while len(book.students()) < 2 and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = book.students()
    assert 2 <= len(done) < 5
    kept = {student: book.records(student) for student in done}
    lines: list[str] = []
    batch.grade(assignment, tmp_path / EX02.name, book, say=lines.append)
    assert sum("marked before" in said for said in lines) == len(done)
    assert {student: book.records(student) for student in done} == kept
    assert {student: book.result(student, Policy())["total"] for student in students} == dict.fromkeys(students, 13)


def test_the_command_writes_the_sheets(tmp_path: Path, sandboxed: bool, capsys: pytest.CaptureFixture[str]) -> None:
    hand_in(tmp_path / EX02.name, ["a"], q1="q1 = [..., ..., ..., ...]")
    (tmp_path / "roster.csv").write_text("student,name\na,Ada\nb,Bo\n")
    commands.main(
        [
            "grade",
            str(tmp_path / EX02.name),
            "--grades",
            str(tmp_path / "g"),
            "--roster",
            str(tmp_path / "roster.csv"),
            "--due",
            "2020-01-01",
        ]
    )
    place = tmp_path / "g" / EX02.name
    with open(place / "grades.csv", encoding="utf-8", newline="") as file:
        ada, bo = csv.DictReader(file)
    assert (ada["Grade"], ada["q1"], ada["q4"], ada["q7"]) == ("0", "0", "3", "")
    assert "q1: not answered yet" in ada["Feedback comments"] and bo["Status"] == "not graded: nothing was handed in"
    assert {path.name for path in (place / "feedback").iterdir()} == {"a.html", "b.html"}
    assert (place / "secret").stat().st_mode & 0o077 == 0
    with pytest.raises(SystemExit, match="SUBMISSIONS must be a folder"):
        commands.main(["grade", str(tmp_path / "nowhere")])


STUDENTS_CODE = {  # typed as students type, not taken from the slips
    "q1 = [-(-(n + 2 * p - k) // s) + 1 for n, k, s, p in given_q1['layers']]": ("q1", "rounded up"),
    "q2 = [[sum(given_q2['image'][i + a][j + b] * given_q2['kernel'][2 - a][2 - b] for a in range(3) for b in range(3))"
    " for j in range(2)] for i in range(2)]": ("q2", "kernel flipped"),
    "def output_shape(h, w, kernel, stride, padding):\n    rows = (h + 2 * padding - kernel[0]) // stride + 1\n"
    "    columns = (w + 2 * padding - kernel[1]) // stride + 1\n    return columns, rows": (
        "q3",
        "height and width swapped",
    ),
    "def dilated(image, kernel, dilation):\n    kh, kw = kernel.shape\n"
    "    out = np.zeros((image.shape[0] - kh + 1, image.shape[1] - kw + 1))\n    for i in range(out.shape[0]):\n"
    "        for j in range(out.shape[1]):\n            out[i, j] = (image[i:i + kh, j:j + kw] * kernel).sum()\n"
    "    return out": ("q4", "dilation ignored"),
    "def layers_needed(kernel_size, target):\n    import math\n    return math.ceil(target / kernel_size)": (
        "q5",
        "kernel_size gained a layer",
    ),
    "c, k = given_q6['in_channels'], given_q6['kernel_size']\nw = c * k * k * given_q6['out_channels']\n"
    "q6 = w, w * (given_q6['side'] - k + 1) ** 2": ("q6", "biases forgotten"),
}


def test_mistakes_as_students_type_them_are_recognised(tmp_path: Path, assignment, sandboxed: bool) -> None:
    marker = Marker(assignment, "a secret of its own")
    wrong = {question: code for code, (question, _) in STUDENTS_CODE.items()}
    hand_in(tmp_path, ["a"], **wrong)
    found = marker.mark(Submission("a", tmp_path / "a.ipynb", 0.0))["questions"]
    assert {name: found[name]["slip"] for name in wrong} == dict(STUDENTS_CODE.values())
    assert all(found[name]["points"] == 0 for name in wrong)


def test_visible_results_learned_by_heart_earn_nothing_and_feedback_shows_no_hidden_case(assignment) -> None:
    marker = Marker(assignment, "a secret of its own")
    visible, hidden = marker.visible["q5"], marker.hidden["q5"]
    by_heart = [*visible["expected"], *({"value": 0} for _ in hidden["cases"])]
    verdict = marker.verdicts("a", {"questions": {"q5": {"results": by_heart}}})["q5"]
    assert verdict.message == "not yet: right for the cases that check() tries, wrong for others of the same kind."
    assert not verdict.right
    wrong = [{"value": 0}] * len(by_heart)
    shown = marker.verdicts("a", {"questions": {"q5": {"results": wrong}}})["q5"].message
    assert shown == "not yet: For kernel_size=3, target=3: expected 1, received 0.", (
        "the first visible case, no hidden one"
    )


def test_without_a_sandbox_one_s_own_notebook_is_marked_all_the_same(tmp_path: Path, assignment) -> None:
    marker = Marker(assignment, "a secret of its own", sandboxed=False)
    hand_in(tmp_path, ["a"], q4="import os\n\n\ndef dilated(image, kernel, dilation):\n    os._exit(0)")
    marks = marker.mark(Submission("a", tmp_path / "a.ipynb", 0.0))["questions"]
    assert [name for name, mark in marks.items() if mark["points"] == 0] == ["q4"]


def test_the_sandbox_is_given_no_right_answer(assignment) -> None:
    marker = Marker(assignment, "a secret of its own")
    job = json.dumps(marker.job("a", read_notebook(SOURCE)._replace(cells=[])))
    for name in marker.hidden:
        assert all(json.dumps(wanted) not in job for wanted in marker.hidden[name]["expected"] if len(str(wanted)) > 40)
    assert "expected" not in job and "slips" not in job
