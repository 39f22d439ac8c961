"""Submissions that mean harm, or are broken: each is contained, earns nothing undeserved, and loses nothing else.

One batch marks them all, honest ones among them, as `make grade` does. Where there is no bubblewrap the tests are
skipped; with COURSE_NEEDS_SANDBOX set (.ci/run sets it) they fail instead.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from course_utils import runtime
from course_utils.grading import batch, sandbox
from course_utils.grading.assignment import Function, load
from course_utils.grading.book import Book, Policy

FOLDER = runtime.PROJECT_ROOT / "notebooks" / "exercises" / "ex02_convolution_arithmetic"
UIDS = range(61_600, 61_664)  # other tests grade at the same time, with other user ids
LIMITS = sandbox.Limits(seconds=40, cell_seconds=2, total_memory=2_000_000_000)
SECONDS_IN_ALL = 60  # for one submission, however it behaves
AUTOMATIC = {"q1", "q2", "q3", "q4", "q5", "q6"}

WRONG_Q1 = "q1 = [1, 2, 3, 4]"
WRONG_Q3 = "def output_shape(height, width, kernel, stride, padding):\n    return (1, 1)"
WRONG_Q4 = "def dilated(image, kernel, dilation):\n    return np.zeros((2, 2))"


def q4(*lines: str) -> str:
    return "\n    ".join(["def dilated(image, kernel, dilation):", *lines])


# name of the student: (what the notebook changes, the questions that it must lose)
# keys: a question's name replaces its cell; 'first' and 'last' are cells in front of all others and behind them.
HOSTILE: dict[str, tuple[dict[str, str], set[str]]] = {
    "endless loop in a cell": ({"last": "while True:\n    pass"}, set()),
    "endless loop beside the answer": ({"q5+": "while True:\n    pass"}, set()),
    "endless loop in a function": ({"q4": q4("while True: pass")}, {"q4"}),
    "sleeps": ({"first": "import time\ntime.sleep(10_000)"}, set()),
    "fork bomb": (
        {"first": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"},
        set(),
    ),
    "fork bomb in a function": (
        {"q4": q4("import os", "while True:", "    try: os.fork()", "    except OSError: pass")},
        {"q4"},
    ),
    "children that stay": (
        {"first": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(10_000)\n    os._exit(0)"},
        set(),
    ),
    "10 GB": ({"first": "import numpy as np\nhoard = np.ones(10 * 2**30, dtype=np.uint8)"}, set()),
    "10 GB in many processes": (
        {
            "q4": q4(
                "import os, time",
                "for _ in range(10):",
                "    if os.fork() == 0:",
                "        hoard = np.ones(2**30, dtype=np.uint8)",
                "        time.sleep(10_000)",
                "time.sleep(10_000)",
            )
        },
        {"q4"},
    ),
    "10 GB returned": ({"q4": q4("return np.broadcast_to(np.ones(1), (40_000, 40_000))")}, {"q4"}),
    "1 GB of output": ({"first": "for _ in range(1024):\n    print('x' * 2**20)"}, set()),
    "1 GB of files": (
        {"first": "for n in range(1024):\n    open(f'/tmp/{n % 512}', 'wb').write(b'x' * 2**21)"},
        set(),
    ),
    "ends its process": ({"first": "import os\nos._exit(0)"}, set()),
    "ends its process in a function": ({"q3": WRONG_Q3.replace("return (1, 1)", "import os; os._exit(0)")}, {"q3"}),
    "sys.exit": ({"first": "import sys\nsys.exit(0)", "last": "raise KeyboardInterrupt"}, set()),
    "crashes Python": ({"first": "import ctypes\nctypes.string_at(0)"}, set()),
    "ignores signals": (
        {
            "first": "import signal\nfor s in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGHUP):\n"
            "    signal.signal(s, signal.SIG_IGN)",
            "q4": q4("while True: pass"),
        },
        {"q4"},
    ),
    "kills everybody": ({"first": "import os\nos.kill(-1, 9)"}, set()),
    "closes every file": ({"first": "import os\nos.closerange(3, 1000)"}, set()),
    "writes into every file": (
        {
            "first": "import json, os\nfor fd in range(3, 60):\n    for q in ('q1', 'q2', 'q3', 'q4', 'q5', 'q6'):\n"
            "        try:\n            os.write(fd, json.dumps({'question': q, 'right': True, 'points': "
            "99}).encode() + b'\\n')\n"
            "        except OSError:\n            pass",
            "q4": WRONG_Q4,
        },
        AUTOMATIC,
    ),
    "looks into process 1": (
        {"first": "import os\nfor name in ('mem', 'environ', 'fd', 'maps'):\n    print(os.listdir('/proc/1/fd'))"},
        set(),
    ),
    "test cells deleted": ({"no checks": ""}, set()),
    "test cells deleted, one wrong": ({"no checks": "", "q1": WRONG_Q1}, {"q1"}),
    "test cells edited": ({"q1": WRONG_Q1, "q1-check": "assert True"}, {"q1"}),
    "cell ids changed": ({"no ids": ""}, set()),
    "asserts removed": (
        {
            "first": "import ast\nclass Drop(ast.NodeTransformer):\n    def visit_Assert(self, node):\n"
            "        return ast.Pass()\nget_ipython().ast_transformers.append(Drop())",
            "q3": WRONG_Q3,
        },
        {"q3"},
    ),
    "builtins patched": (
        {
            "last": "import builtins\nbuiltins.all = builtins.any = lambda x: True\nbuiltins.len = lambda x: 0\n"
            "builtins.abs = lambda x: 0\nbuiltins.isinstance = lambda a, b: True",
            "q3": WRONG_Q3,
        },
        {"q3"},
    ),
    "numpy patched": (
        {
            "last": "import numpy.testing\nnumpy.testing.assert_allclose = np.testing.assert_equal = lambda *a, "
            "**k: None\n"
            "np.allclose = np.array_equal = np.all = lambda *a, **k: True",
            "q4": WRONG_Q4,
        },
        {"q4"},
    ),
    "torch.allclose patched": (
        {"last": "import torch\ntorch.allclose = torch.equal = lambda *a, **k: True", "q4": WRONG_Q4},
        {"q4"},
    ),
    "the judge patched": (
        {
            "last": "from course_utils.exercises import judging, learner\njudging.alike = lambda *a: True\n"
            "judging.judge = lambda *a: judging.Verdict(True, 'right')",
            "q1": WRONG_Q1,
        },
        {"q1"},
    ),
    "equals everything": (
        {
            "q1": "class Yes:\n    __eq__ = __le__ = __ge__ = lambda self, other: True\n    __array__ = lambda "
            "self, *a, **k: self\n"
            "    __hash__ = None\nq1 = Yes()",
            "q3": "def output_shape(height, width, kernel, stride, padding):\n    return Yes()",
        },
        {"q1", "q3"},
    ),
    "a list that equals everything": (
        {"q1": "class Yes(list):\n    __eq__ = lambda self, other: True\nq1 = Yes([1, 2, 3, 4])"},
        {"q1"},
    ),
    "pickle": (
        {
            "q4": "class Bomb:\n    def __reduce__(self):\n        return (exec, ('raise SystemExit',))\n"
            + q4("return Bomb()")
        },
        {"q4"},
    ),
    "nested without end": ({"q1": "q1 = []\nfor _ in range(5000):\n    q1 = [q1]"}, {"q1"}),
    "a list of itself": ({"q1": "q1 = []\nq1.append(q1)"}, {"q1"}),
    "reads solution and grade book": (
        {
            "q3": "import glob\ndef output_shape(height, width, kernel, stride, padding):\n"
            "    for folder in (SECRETS, SOURCE, '/course/notebooks', '/root', '/home', '/work'):\n"
            "        for path in glob.glob(folder + '/**', recursive=True):\n"
            "            if path.endswith(('secret', 'questions.py', 'ex02_convolution_arithmetic.ipynb')):\n"
            "                return 'found ' + path\n"
            "    return 'found nothing'"
        },
        {"q3"},
    ),
    "writes elsewhere": (
        {
            "first": "for place in (OTHERS, SECRETS, SOURCE, '/course/course_utils', '/usr', '/', '/dev', '/etc'):\n"
            "    try:\n        open(place + '/hostile', 'w').write('here')\n    except OSError:\n        pass"
        },
        set(),
    ),
    "calls the network": (
        {
            "first": "import socket\nfor host in ('127.0.0.1', '1.1.1.1'):\n    try:\n"
            "        socket.create_connection((host, PORT), timeout=1).send(b'hello')\n    except OSError:\n    "
            "    pass"
        },
        set(),
    ),
    "becomes root": (
        {
            "first": "import os\nfor change in (os.setuid, os.setgid, os.seteuid):\n    try:\n        change(0)\n"
            "    except OSError:\n        pass\nos.system('mount -t tmpfs none /usr; unshare -r true')"
        },
        set(),
    ),
    "a function of another's numbers": (
        {"q1": "begin('ex02_convolution_arithmetic', student='somebody else')\nq1 = [10, 11, 12, 13]"},
        {"q1"},
    ),
    "Đặng Ünï 😀": ({"first": "名 = 'student'"}, set()),
    "=cmd('calc')": ({}, set()),
    "50 MB of outputs": ({"outputs": "50_000_000"}, set()),
    "a magic in each cell": ({"first": "%matplotlib inline\n!rm -rf /tmp/*", "last": "%%bash\nrm -rf /"}, set()),
    "half a character": ({"q7": "An answer with \ud800 half a character and a \x00."}, set()),
}
UNREADABLE = {
    "not JSON": (b"{'cells': []", "not JSON"),
    "JSON of something else": (b'["cells"]', "not a notebook"),
    "cells of nonsense": (b'{"cells": [{"cell_type": "code", "source": 7}, 3]}', "not a notebook"),
    "deep JSON": (b"[" * 200_000, "not JSON"),
    "empty": (b"", "empty"),
    "binary": (bytes(range(256)) * 100, "not JSON"),
}
HONEST = [f"honest {n}" for n in range(4)]


def notebook(changes: dict[str, str], names: dict[str, Any]) -> dict[str, Any]:
    """The source's notebook, answers and all, with changes."""
    told = "\n".join(f"{name} = {value!r}" for name, value in names.items())
    content = json.loads((FOLDER / f"{FOLDER.name}.ipynb").read_text(encoding="utf-8"))
    cells = []
    for cell in content["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id", cell["id"])
        if "no checks" in changes and grade_id.endswith("-check"):
            continue
        source = changes.get(grade_id, "".join(cell["source"]))
        if f"{grade_id}+" in changes:
            source += "\n" + changes[f"{grade_id}+"]
        cell["source"] = source
        if "outputs" in changes and cell["cell_type"] == "code" and not cells[-1].get("outputs"):
            text = "x" * (int(changes["outputs"]) // 8)
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]
        if "no ids" in changes:
            cell["metadata"], cell["id"] = {}, f"other-{len(cells)}"
        cells.append(cell)

    def code(source: str) -> dict[str, Any]:
        return {
            "cell_type": "code",
            "id": "x",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }

    first, last = ([code(changes[place])] if place in changes else [] for place in ("first", "last"))
    content["cells"] = [code(told), *first, *cells, *last]
    return content


@pytest.fixture(scope="module")
def batch_of_all(tmp_path_factory: pytest.TempPathFactory):
    trouble = sandbox.trouble()
    if trouble and os.environ.get("COURSE_NEEDS_SANDBOX"):
        pytest.fail(trouble)
    if trouble:
        pytest.skip(trouble)
    place = tmp_path_factory.mktemp("hostile")
    submissions, grades = place / "submissions", place / "grades"
    submissions.mkdir()
    assignment = load(FOLDER)
    assignment.questions = {
        name: dataclasses.replace(question, seconds=1) if isinstance(question, Function) else question
        for name, question in assignment.questions.items()
    }
    reached: list[Any] = []
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: reached.append(server.accept()), daemon=True).start()
    names = {
        "SECRETS": str(grades),
        "SOURCE": str(FOLDER),
        "OTHERS": str(submissions),
        "PORT": server.getsockname()[1],
    }
    for student in HONEST:
        (submissions / f"{student}.ipynb").write_text(json.dumps(notebook({}, names)), encoding="utf-8")
    for student, (changes, _) in HOSTILE.items():
        (submissions / student).mkdir()
        path = submissions / student / f"{FOLDER.name}.ipynb"
        path.write_text(json.dumps(notebook(changes, names)), encoding="utf-8")
    for student, (data, _) in UNREADABLE.items():
        (submissions / f"{student}.ipynb").write_bytes(data)
    (submissions / "a link.ipynb").symlink_to(submissions / f"{HONEST[0]}.ipynb")
    (submissions / "no notebook").mkdir()
    before = {path: path.read_bytes() for path in submissions.rglob("*.ipynb") if not path.is_symlink()}
    book = Book(grades, assignment)
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "_UIDS", UIDS)
        batch.grade(assignment, submissions, book, workers=2, limits=LIMITS, say=lines.append)
    book.write_written()
    book.export(Policy())
    return {"book": book, "submissions": submissions, "before": before, "reached": reached, "lines": lines}


def questions_of(batch_of_all: dict[str, Any], student: str) -> dict[str, Any]:
    record = batch_of_all["book"].current(student)
    assert record["status"] == "graded", record["why"]
    return record["questions"]


@pytest.mark.parametrize("student", HONEST)
def test_honest_submissions_beside_them_keep_every_point(batch_of_all, student: str) -> None:
    marks = questions_of(batch_of_all, student)
    assert {name for name in AUTOMATIC if marks[name]["points"] == marks[name]["of"]} == AUTOMATIC


@pytest.mark.parametrize("student", HOSTILE)
def test_hostile_submission_loses_what_is_wrong_in_it_and_nothing_else(batch_of_all, student: str) -> None:
    marks = questions_of(batch_of_all, student)
    lost = {name for name in AUTOMATIC if marks[name]["points"] == 0}
    assert lost == HOSTILE[student][1], {name: marks[name]["message"] for name in lost | HOSTILE[student][1]}
    assert all(marks[name]["points"] in (0, marks[name]["of"]) for name in AUTOMATIC)
    assert marks["q7"]["text"], "the answer in words is lost"


@pytest.mark.parametrize("student", [*UNREADABLE, "a link", "no notebook"])
def test_what_cannot_be_read_is_not_graded_and_says_why(batch_of_all, student: str) -> None:
    record = batch_of_all["book"].current(student)
    reasons = {name: why for name, (_, why) in UNREADABLE.items()} | {"a link": "link", "no notebook": "0 notebooks"}
    assert record["status"] == "not graded"
    assert reasons[student] in record["why"]


def test_every_submission_ends_within_its_time(batch_of_all) -> None:
    seconds = {
        student: batch_of_all["book"].current(student).get("seconds", 0) for student in batch_of_all["book"].students()
    }
    assert max(seconds.values()) < SECONDS_IN_ALL, seconds


def test_the_machine_and_the_other_submissions_are_unharmed(batch_of_all) -> None:
    for path, data in batch_of_all["before"].items():
        assert path.read_bytes() == data, path
    assert [path.name for path in batch_of_all["submissions"].rglob("hostile*")] == []
    for folder in (batch_of_all["book"].folder, FOLDER, runtime.PROJECT_ROOT / "course_utils", Path("/usr"), Path("/")):
        assert not (folder / "hostile").exists(), folder
    assert batch_of_all["reached"] == [], "somebody reached the network"
    assert [p for p in psutil.process_iter(["uids"]) if p.info["uids"] and p.info["uids"].real in UIDS] == []


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap and these names are for Linux only")
def test_sandboxes_of_different_programs_have_different_user_ids() -> None:
    code = "from course_utils.grading import sandbox\nwith sandbox._own_uid() as uid: print(uid)"

    def of_another_program() -> int:
        return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    with sandbox._own_uid() as first, sandbox._own_uid() as second:
        assert len({first, second, of_another_program()}) == 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "_UIDS", range(UIDS.stop, UIDS.stop + 1))
        with sandbox._own_uid(), pytest.raises(RuntimeError, match="1 sandboxes run"), sandbox._own_uid():
            pass
        with sandbox._own_uid() as again:
            assert again == UIDS.stop


def test_memory_of_many_processes_is_added_up(batch_of_all) -> None:
    said = questions_of(batch_of_all, "10 GB in many processes")["q4"]["message"]
    assert "too much memory" in said or "not done within" in said  # whichever comes first on this machine


def test_feedback_stays_small(batch_of_all) -> None:
    folder = batch_of_all["book"].folder
    assert max(path.stat().st_size for path in (folder / "feedback").iterdir()) < 100_000
    assert (folder / "grades.csv").stat().st_size < 500_000


def test_nothing_was_found_that_should_not_be_seen(batch_of_all) -> None:
    marks = questions_of(batch_of_all, "reads solution and grade book")
    assert "found nothing" in marks["q3"]["message"]


def test_the_mark_sheet_lists_everybody_with_a_mark_or_a_reason(batch_of_all) -> None:
    with open(batch_of_all["book"].folder / "grades.csv", encoding="utf-8", newline="") as file:
        rows = {row["Identifier"]: row for row in csv.DictReader(file)}
    everybody = {*HONEST, *HOSTILE, *UNREADABLE, "a link", "no notebook"}
    assert {name.removeprefix("'") for name in rows} == everybody
    for name, row in rows.items():
        assert row["Grade"] or row["Status"].startswith("not graded: "), name
        assert not name.startswith("="), "a spreadsheet would take this name for a formula"


def test_a_second_run_marks_only_what_could_not_be_read(batch_of_all) -> None:
    book = batch_of_all["book"]
    count = {student: len(book.records(student)) for student in book.students()}
    lines: list[str] = []
    batch.grade(book.assignment, batch_of_all["submissions"], book, workers=2, limits=LIMITS, say=lines.append)
    assert sum(line.endswith("marked before") for line in lines) == len(HONEST) + len(HOSTILE)
    assert {student: len(book.records(student)) for student in book.students()} == count
