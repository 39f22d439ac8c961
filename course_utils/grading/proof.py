"""Whether an assignment is right: its form, its source, its bare release, and every known mistake in it.

`make exercise` prints what is found; the tests hold it for every assignment.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema

from course_utils import runtime
from course_utils.exercises import judging
from course_utils.exercises.learner import unveil
from course_utils.grading import release, sandbox
from course_utils.grading.assignment import Assignment, Function, Numbers, Words, folders
from course_utils.grading.marking import Marker, Submission

SECRET = "the secret of the tests"
STUDENT = "proof"
MISTAKES = runtime.PROJECT_ROOT / "docs" / "mistakes.md"
_FLAG = {"type": "boolean"}
METADATA = {  # nbgrader's cell metadata, schema 3, as its v3.json has it
    "type": "object",
    "properties": {
        "schema_version": {"enum": [3]},
        "grade": _FLAG,
        "locked": _FLAG,
        "solution": _FLAG,
        "task": _FLAG,
        "grade_id": {"type": "string", "pattern": r"^[a-zA-Z0-9_\-]+$"},
        "points": {"type": "number", "minimum": 0},
    },
    "required": ["schema_version", "grade", "locked", "solution", "grade_id"],
    "additionalProperties": False,
}


class Mistake(NamedTuple):
    """One known wrong answer, and what marking made of it."""

    question: str
    name: str
    message: str
    lost: float
    diagnosis: str


# --- form -------------------------------------------------------------------------------------------------------------


def _cells(assignment: Assignment) -> dict[str, tuple[dict[str, Any], str]]:
    found = {}
    for cell in assignment.notebook["cells"]:
        meta = cell["metadata"].get("nbgrader")
        if meta:
            found[meta["grade_id"]] = (meta, "".join(cell["source"]))
    return found


def form(assignment: Assignment) -> Iterator[str]:
    """What is wrong with an assignment's form, one sentence each."""
    listed = [cell for cell in assignment.notebook["cells"] if cell["metadata"].get("nbgrader")]
    for cell in listed:
        for error in jsonschema.Draft7Validator(METADATA).iter_errors(cell["metadata"]["nbgrader"]):
            yield f"cell {cell.get('id')}: {error.message}"
    for cell in assignment.notebook["cells"]:
        if cell.get("outputs"):
            yield f"cell {cell.get('id')} has outputs; a source is kept without"
    cells = _cells(assignment)
    if len(cells) != len(listed):
        yield "a grade_id occurs twice"
    code = ["".join(cell["source"]) for cell in assignment.notebook["cells"] if cell["cell_type"] == "code"]
    if not any(f'begin("{assignment.name}"' in source for source in code):
        yield f'no cell calls begin("{assignment.name}", ...)'
    if not 4 <= len(assignment.questions) <= 8:
        yield f"4 to 8 questions are wanted, these are {len(assignment.questions)}"
    for name, question in assignment.questions.items():
        words = isinstance(question, Words)
        needed = {
            f"{name}-text": (False, False),
            name: (words, True),
            **({} if words else {f"{name}-check": (True, False)}),
            **({f"{name}-ask": (False, False)} if isinstance(question, Numbers) else {}),
        }
        for grade_id, flags in needed.items():
            if grade_id not in cells:
                yield f"there is no cell {grade_id}"
            elif (cells[grade_id][0]["grade"], cells[grade_id][0]["solution"]) != flags:
                yield f"cell {grade_id}: grade and solution must be {flags}"
        if words:
            if sum(points for _, points in question.rubric) != assignment.cells[name].points:
                yield f"the rubric's points of {name} do not add up to {assignment.cells[name].points:g}"
            continue
        if "### BEGIN SOLUTION" not in cells.get(name, ({}, ""))[1]:
            yield f"cell {name} has no ### BEGIN SOLUTION"
        variable = question.name if isinstance(question, Function) else name
        if f'assert answer("{name}", {variable}) == "right"' not in cells.get(f"{name}-check", ({}, ""))[1]:
            yield f'cell {name}-check has no hidden assert answer("{name}", {variable}) == "right"'
        for kind, texts in (
            ("name", [s.name for s in question.slips]),
            ("message", [s.message for s in question.slips]),
        ):
            if len(set(texts)) != len(texts) and not (kind == "message" and getattr(question, "bar", None)):
                yield f"two slips of {name} have the same {kind}"
        if len(question.slips) < 3:
            yield f"at least 3 slips are wanted for {name}, these are {len(question.slips)}"
        if len(question.hints) < 2:
            yield f"at least 2 hints are wanted for {name}, these are {len(question.hints)}"


def leaks(assignment: Assignment) -> Iterator[str]:
    """What a student's version gives away: lines of a solution, marks of nbgrader, the cases of the marks."""
    with tempfile.TemporaryDirectory() as folder:
        written = release.write(assignment, Path(folder))
        student = [path for path in written if path.parent.name == assignment.name]
        if len(student) != 2:
            yield f"a release is a notebook and its sheets, these are {len(student)} files"
        notebook, sheets = (path.read_text(encoding="utf-8") for path in student)
    told = json.loads(sheets)
    for entry in told["questions"].values():
        for part in ("variants", "sheet"):  # a last hint may well hold a line of the solution
            if part in entry:
                sheets += json.dumps(unveil(entry[part]), ensure_ascii=False)
    sources = "\n".join("".join(cell["source"]) for cell in json.loads(notebook)["cells"])
    for mark in ("SOLUTION", "HIDDEN", "assert answer"):
        if mark in sources:
            yield f"the release says {mark!r}"
    kept = {line.strip() for line in sources.splitlines()}
    for name, question in assignment.questions.items():
        solution = assignment.cells[name].solution
        inside = (
            solution
            if isinstance(question, Words)
            else "\n".join(re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", solution, re.DOTALL))
        )
        for line in inside.splitlines():
            if len(line.strip()) > 12 and (line.strip() in kept or line.strip() in sheets):
                yield f"the release holds a line of {name}'s solution: {line.strip()}"
        if isinstance(question, Function):
            shown = [json.dumps(case) for case in assignment.sheet(name)["cases"]]
            asked = [json.dumps(case) for case in assignment.sheet(name, f"secret {SECRET}")["cases"]]
            if set(asked) <= set(shown):
                yield f"every case that {name} is marked by is in the release: cases(rng) draws none"


# --- source, bare release, mistakes -----------------------------------------------------------------------------------


def marked(assignment: Assignment, marker: Marker, notebook: dict[str, Any]) -> dict[str, Any]:
    """The record of a notebook that is handed in by nobody in particular."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{assignment.name}.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        return marker.mark(Submission(STUDENT, path, 0.0))


def ends(assignment: Assignment, marker: Marker) -> Iterator[str]:
    """What is wrong if the source does not earn everything, or the bare release earns something."""
    source = marked(assignment, marker, assignment.notebook)
    if source["status"] != "graded":
        yield f"the source is not graded: {source['why']}"
        return
    for number, error in source["cells"].items():
        yield f"the source's cell {number} stops with {error}"
    for name, mark in source["questions"].items():
        if mark["kind"] == "code" and mark["points"] != mark["of"]:
            yield f"the source earns {mark['points']:g} of {mark['of']:g} for {name}: {mark['message']}"
    bare = marked(assignment, marker, release.student_notebook(assignment.notebook))
    for name, mark in bare["questions"].items():
        if mark["points"] != 0 or mark.get("message", judging.NOT_ANSWERED) != judging.NOT_ANSWERED:
            yield f"the bare release earns {mark['points']} for {name}: {mark.get('message')}"


def mistakes(assignment: Assignment, marker: Marker) -> list[Mistake]:
    """Every known wrong answer, marked among right answers to all other questions.

    All run in this one process; what they return is packed, unpacked and judged as a submission's is.
    """
    right = {}
    for name, question in assignment.questions.items():
        if isinstance(question, Numbers):
            right[name] = marker.variant(name, assignment.variant_of(name, STUDENT))[1]["expected"]
        elif isinstance(question, Function):
            right[name] = marker.visible[name]["expected"] + marker.hidden[name]["expected"]
    points = {name: assignment.cells[name].points for name in right}
    found = []
    for name, question in assignment.questions.items():
        for slip in getattr(question, "slips", ()):
            if isinstance(question, Numbers):
                given = marker.variant(name, assignment.variant_of(name, STUDENT))[0]
                results = [judging.outcome(slip.wrong, [given])]
            else:
                results = judging.outcomes(slip.wrong, marker.visible[name]["cases"] + marker.hidden[name]["cases"])
            answers = {other: {"results": right[other]} for other in right} | {name: {"results": results}}
            report = json.loads(json.dumps({"questions": answers}))
            verdicts = marker.verdicts(STUDENT, report)
            lost = sum(points[other] for other in right if not verdicts[other].right)
            found.append(Mistake(name, slip.name, slip.message, lost, verdicts[name].slip or verdicts[name].message))
    return found


def undiagnosed(assignment: Assignment, found: Sequence[Mistake]) -> Iterator[str]:
    """The known wrong answers that lose too much or too little, or are taken for something else."""
    for mistake in found:
        of = assignment.cells[mistake.question].points
        if mistake.lost != of:
            yield f"{mistake.question}, {mistake.name}: loses {mistake.lost:g} points and not {of:g}"
        bar = getattr(assignment.questions[mistake.question], "bar", None)
        wanted = mistake.name.split(":")[0] if bar is not None else mistake.name
        if mistake.diagnosis != wanted:
            yield f"{mistake.question}, {mistake.name}: is taken for {mistake.diagnosis!r}"


def table(assignment: Assignment) -> str:
    """Question by mistake, as Markdown."""
    lines = [
        f"## {assignment.title}",
        "",
        "| question | points | mistake | what its author is told |",
        "|---|---|---|---|",
    ]
    for name, question in assignment.questions.items():
        cell = assignment.cells[name]
        for slip in getattr(question, "slips", ()):
            by_bar = getattr(question, "bar", None) is not None
            said = judging.BY_ACCURACY[slip.name.split(":")[0]] if by_bar else slip.message
            said = re.sub(r"\{.*?\}", "...", said).replace("|", "\\|")
            lines.append(f"| {name} {cell.title} | {cell.points:g} | {slip.name} | {said} |")
        if isinstance(question, Words):
            said = "; ".join(f"{text} ({worth:g})" for text, worth in question.rubric)
            lines.append(f"| {name} {cell.title} | {cell.points:g} | marked by a person | {said} |")
    return "\n".join(lines) + "\n"


def mistakes_page(assignments: Sequence[Assignment]) -> str:
    """docs/mistakes.md: the tables of all assignments, with how many there are."""
    rows = [
        (one.title, len(one.questions), sum(len(getattr(q, "slips", ())) for q in one.questions.values()))
        for one in assignments
    ]
    lines = [
        "# Mistakes that the exercises know",
        "",
        "Each of these wrong answers is marked in every run of the tests: it loses the points of its question, "
        "no more and no",
        "less, and its author is told what stands here. Written by `make exercise`.",
        "",
        "| assignment | questions | known mistakes |",
        "|---|---|---|",
        *(f"| {title} | {questions} | {count} |" for title, questions, count in rows),
        f"| all | {sum(row[1] for row in rows)} | {sum(row[2] for row in rows)} |",
        "",
    ]
    return "\n".join([*lines, *(table(one) for one in assignments)])


def prove(assignments: Sequence[Assignment]) -> None:
    """Check assignments and print what is found; renews docs/mistakes.md when these are all there are.

    Exits with 1 if anything is wrong.
    """
    trouble = sandbox.trouble()
    if trouble:
        print(f"No sandbox ({trouble}): sources run as plain processes.")
    problems = 0
    for assignment in assignments:
        wrong = list(form(assignment))
        if not wrong:
            marker = Marker(assignment, SECRET, sandboxed=trouble is None)
            found = mistakes(assignment, marker)
            wrong = [*leaks(assignment), *ends(assignment, marker), *undiagnosed(assignment, found)]
            print(table(assignment))
            print(f"{assignment.name}: {len(found)} mistakes, {'all diagnosed' if not wrong else 'see below'}")
        for problem in wrong:
            print(f"  {assignment.name}: {problem}")
        problems += len(wrong)
    if problems:
        sys.exit(1)
    if len(assignments) == len(folders()):
        MISTAKES.write_text(mistakes_page(assignments), encoding="utf-8")
        print(f"{MISTAKES.relative_to(runtime.PROJECT_ROOT)} is renewed.")
