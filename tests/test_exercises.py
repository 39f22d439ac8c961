"""The assignments: sources earn everything, bare releases nothing, and every known mistake loses exactly its points.

What each assignment must keep stands in `course_utils.grading.proof`; here it is held for all of them, and the proof
itself is held to find what it should on assignments that are broken on purpose.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import re

import numpy as np
import pytest

from course_utils.exercises import judging
from course_utils.grading import proof, release, sandbox
from course_utils.grading.assignment import VARIANTS, Assignment, Function, Numbers, Slip, Words, folders, load
from course_utils.grading.marking import Marker

FOLDERS = folders()
NAMES = [folder.name for folder in FOLDERS]
EX02 = next(folder for folder in FOLDERS if folder.name.startswith("ex02"))


@pytest.fixture(scope="module")
def markers() -> dict[str, Marker]:
    trouble = sandbox.trouble()
    if trouble and os.environ.get("COURSE_NEEDS_SANDBOX"):
        pytest.fail(trouble)
    return {folder.name: Marker(load(folder), proof.SECRET, sandboxed=trouble is None) for folder in FOLDERS}


@pytest.mark.parametrize("name", NAMES)
def test_form(markers: dict[str, Marker], name: str) -> None:
    assignment = markers[name].assignment
    assert list(proof.form(assignment)) == []
    assert re.fullmatch(r"ex\d\d_\w+", name)
    assert list(assignment.folder.parent.parent.glob(f"{name[2:4]}_*.ipynb")), "it belongs to a notebook"
    assert any(isinstance(question, Words) for question in assignment.questions.values())


@pytest.mark.parametrize("name", NAMES)
def test_release_is_free_of_solutions_and_hidden_tests(markers: dict[str, Marker], name: str) -> None:
    assert list(proof.leaks(markers[name].assignment)) == []


@pytest.mark.parametrize("name", NAMES)
def test_source_earns_everything_and_bare_release_nothing(markers: dict[str, Marker], name: str) -> None:
    assert list(proof.ends(markers[name].assignment, markers[name])) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_known_mistake_loses_its_points_and_is_diagnosed(markers: dict[str, Marker], name: str) -> None:
    assignment = markers[name].assignment
    found = proof.mistakes(assignment, markers[name])
    print(proof.table(assignment))
    assert list(proof.undiagnosed(assignment, found)) == []
    automatic = [question for question in assignment.questions.values() if not isinstance(question, Words)]
    assert len(found) >= 3 * len(automatic)


@pytest.mark.parametrize("name", NAMES)
def test_each_variant_has_a_worked_solution_with_its_numbers(markers: dict[str, Marker], name: str) -> None:
    assignment = markers[name].assignment
    for number_of, question in assignment.questions.items():
        if not isinstance(question, Numbers):
            continue
        given = [markers[name].variant(number_of, number)[0] for number in range(VARIANTS)]
        traces = {question.trace(one) for one in given}
        assert len(traces) == len({repr(one) for one in given}), "two variants share a worked solution"
        assert len(traces) > VARIANTS // 2, "draw() gives too few different variants"
        for one in given:
            right = np.atleast_1d(np.asarray(question.expected(one)))
            if right.dtype.kind in "iu":  # decimals may be written with fewer digits
                shown = re.sub(r"(?<=\d)[,  ](?=\d{3})", "", question.trace(one))
                missing = [value for value in right.ravel() if str(value).lstrip("-") not in shown]
                assert missing == [], "the worked solution does not reach the answer"


def test_the_page_of_mistakes_is_up_to_date(markers: dict[str, Marker]) -> None:
    page = proof.mistakes_page([marker.assignment for marker in markers.values()])
    assert proof.MISTAKES.read_text(encoding="utf-8") == page, "renew it with: make exercise"


# --- the proof proves -------------------------------------------------------------------------------------------------


def changed(**questions: object) -> Assignment:
    """ex02 with other questions in place of its own."""
    assignment = load(EX02)
    for name, changes in questions.items():
        assignment.questions[name] = dataclasses.replace(assignment.questions[name], **changes)
    return assignment


def test_a_slip_that_reads_as_right_is_found() -> None:
    right = load(EX02).questions["q5"].expected
    slips = (Slip("no mistake at all", right, "message"),)
    with pytest.raises(ValueError, match=r"q5 .* must tell its slips apart: 'no mistake at all' reads as right"):
        Marker(changed(q5={"slips": slips}), proof.SECRET)


def test_two_slips_that_look_alike_are_found() -> None:
    wrong = load(EX02).questions["q1"].slips[0]
    with pytest.raises(ValueError, match=r"q1 .* tell its slips apart.*'again' reads as 'rounded up'"):
        changed(q1={"slips": (wrong, wrong._replace(name="again"))}).variant("q1", 0)


def test_too_few_slips_and_hints_are_found() -> None:
    problems = list(proof.form(changed(q3={"slips": (), "hints": ()})))
    assert [problem.split(" are wanted")[0] for problem in problems] == ["at least 3 slips", "at least 2 hints"]


def test_cases_that_draw_nothing_are_found() -> None:
    assignment = changed(q5={"cases": lambda rng: [[3, 1], [3, 7], [3, 8], [5, 11]]})
    assert any("every case that q5 is marked by is in the release" in problem for problem in proof.leaks(assignment))


def test_a_solution_that_stays_in_the_release_is_found() -> None:
    assignment = load(EX02)
    for cell in assignment.notebook["cells"]:
        cell["source"] = [line for line in cell["source"] if "### " not in line or "HIDDEN" in line]
    problems = list(proof.form(assignment))
    assert "cell q4 has no ### BEGIN SOLUTION" in problems


def test_marks_without_counterpart_are_refused() -> None:
    notebook = copy.deepcopy(load(EX02).notebook)
    cell = next(cell for cell in notebook["cells"] if cell["id"] == "q4")
    cell["source"] = [line for line in cell["source"] if "END SOLUTION" not in line]
    with pytest.raises(ValueError, match="every BEGIN must have its END, got a mark left over in cell 'q4'"):
        release.student_notebook(notebook)


def test_points_must_agree_in_heading_and_cell() -> None:
    assignment = load(EX02)
    text = json.dumps(assignment.notebook, ensure_ascii=False).replace(
        "**3 points · 20 minutes", "**2 points · 20 minutes"
    )
    assignment.notebook = json.loads(text)
    with pytest.raises(ValueError, match="points of q4 must be the same"):
        _ = assignment.cells


def test_another_solution_than_the_source_s_is_right_as_well() -> None:
    """The reference is not compared with the source's text: any function that gives the same numbers is right."""
    assignment = load(EX02)
    sheet = assignment.sheet("q5", "another seed")
    assert isinstance(assignment.questions["q5"], Function)
    results = judging.outcomes(lambda kernel_size, target: -(-(target - 1) // (kernel_size - 1)), sheet["cases"])
    assert judging.judge(sheet, results) == judging.Verdict(True, "right")


@pytest.mark.parametrize(
    "given, wanted, right",
    [(3_249, 3_250, False), (15_999_999, 16_000_000, False), (3_250.0, 3_250, True),
     ([3_250, 0.6649], [3_250, 0.665], True),
     (float(np.float32(714_188_483)), 714_188_483, True), (714_188_600, 714_188_483, False),
     (3_250.5, 3_250.6, True), (2.0008, 2, True), (0.667, 0.665, False)],
)  # fmt: skip
def test_of_whole_numbers_the_next_one_is_wrong(given: object, wanted: object, right: bool) -> None:
    assert judging.alike(given, wanted, 1e-3) is right
