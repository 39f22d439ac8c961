"""An assignment: its source notebook and the `questions.py` beside it, which says how each answer is judged.

The notebook holds what students read, the points and the solutions, in nbgrader's cell format. `questions.py` holds a
dictionary QUESTIONS from names as in "q1" to `Numbers`, `Function` or `Words`: right answers, slips, hints.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from course_utils import runtime
from course_utils.exercises import judging
from course_utils.exercises.learner import variant_number, veil
from course_utils.exercises.values import pack

VARIANTS = 24
_DRAWS = 500
_HEADING = re.compile(
    r"^## (q\d+) · (.+)\n+\*\*([\d.]+) points? · (\d+) minutes? · (easy|medium|hard)\*\*", re.MULTILINE
)


class Slip(NamedTuple):
    """A typical mistake.

    name: two to six words for the coverage table.
    wrong: what somebody who makes it answers: takes what `expected` takes.
    message: what to tell its author. It names the mistake, not the answer.
    """

    name: str
    wrong: Callable[..., Any]
    message: str


@dataclass(frozen=True)
class Numbers:
    """Numbers (or a word) worked out by hand; each student has a variant.

    draw: takes a NumPy generator and returns one variant, a dictionary of plain values.
    ask: the variant's numbers as Markdown.
    expected: the right answer to a variant.
    slips: at least three. In every variant they differ from the right answer and from one another; draws in which they
        do not are thrown away.
    hints: from a nudge to nearly the way.
    trace: the worked solution of a variant as Markdown, with all its numbers.
    tolerance: largest difference from a right number, relative above 1.
    """

    draw: Callable[[np.random.Generator], dict[str, Any]]
    ask: Callable[[dict[str, Any]], str]
    expected: Callable[[dict[str, Any]], Any]
    slips: tuple[Slip, ...]
    hints: tuple[str, ...]
    trace: Callable[[dict[str, Any]], str]
    tolerance: float = 1e-3


@dataclass(frozen=True)
class Function:
    """A function to write. It is called with arguments, and what it returns is compared.

    name: what the function is called in the notebook.
    cases: takes a NumPy generator and returns lists of arguments, the smallest first, edge cases always among them.
        Called with one seed for the learner's checks, with a secret one for the marks.
    expected: the same function written otherwise, or a library's.
    slips: at least three functions with a typical mistake each.
    hints: from a nudge to nearly the way.
    remark: what to say beside the solution's code, Markdown.
    tolerance: largest difference from a right number, relative above 1.
    bar: for functions that label pictures, the share of right labels that is asked for. The last value of each case is
        then the truth: it is kept back, and `expected` is a way that reaches the bar.
    seconds: processor time that all cases together may take.
    """

    name: str
    cases: Callable[[np.random.Generator], Sequence[Sequence[Any]]]
    expected: Callable[..., Any]
    slips: tuple[Slip, ...]
    hints: tuple[str, ...]
    remark: str = ""
    tolerance: float = 1e-4
    bar: float | None = None
    seconds: float = 10


@dataclass(frozen=True)
class Words:
    """An explanation in words, marked by a person.

    rubric: (what must be said, its points).
    hints: from a nudge to nearly the way.
    """

    rubric: tuple[tuple[str, float], ...]
    hints: tuple[str, ...] = ()


Question = Numbers | Function | Words


class Cell(NamedTuple):
    """What the notebook says of one question."""

    title: str
    points: float
    minutes: int
    difficulty: str
    solution: str


def _rng(*key: Any) -> np.random.Generator:
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _told_apart(sheet: Mapping[str, Any]) -> bool:
    """Whether each slip is taken for itself: neither for right nor for another."""
    if sheet.get("bar") is not None:
        return True
    return all(judging.judge(sheet, slip["outcomes"]).slip == slip["name"] for slip in sheet["slips"])


class Assignment:
    """One assignment, read from its folder."""

    def __init__(self, folder: Path, questions: dict[str, Question]) -> None:
        self.folder, self.questions = folder, questions
        self.name = folder.resolve().name
        self.path = folder / f"{self.name}.ipynb"

    @cached_property
    def notebook(self) -> dict[str, Any]:
        """The source notebook, as nbformat's JSON."""
        return json.loads(self.path.read_text(encoding="utf-8"))

    @cached_property
    def title(self) -> str:
        """The first heading of the notebook."""
        return re.search(r"^# (.+)$", "".join(self.notebook["cells"][0]["source"]), re.MULTILINE)[1].strip()

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """Title, points, minutes, difficulty and solution of each question, as the notebook's cells give them."""
        found: dict[str, Cell] = {}
        marks, solutions = {}, {}
        for cell in self.notebook["cells"]:
            meta, source = cell["metadata"].get("nbgrader", {}), "".join(cell["source"])
            if meta.get("grade"):
                marks[meta["grade_id"].removesuffix("-check")] = meta["points"]
            if meta.get("solution"):
                solutions[meta["grade_id"]] = source
        for cell in self.notebook["cells"]:
            for name, title, points, minutes, difficulty in _HEADING.findall("".join(cell["source"])):
                if marks.get(name) != float(points):
                    raise ValueError(
                        f"points of {name} must be the same in its heading and its graded cell, got "
                        f"{points} and {marks.get(name)} in {self.path}"
                    )
                found[name] = Cell(title, float(points), int(minutes), difficulty, solutions[name])
        if list(found) != list(self.questions):
            raise ValueError(
                f"questions of {self.path} and questions.py must be the same in the same order, got "
                f"{', '.join(found)} and {', '.join(self.questions)}"
            )
        return found

    # --- sheets ---

    def _numbers_sheet(self, question: Numbers, given: dict[str, Any]) -> dict[str, Any]:
        return {
            "cases": [[]],
            "expected": [judging.outcome(question.expected, [given])],
            "slips": [
                {"name": slip.name, "message": slip.message, "outcomes": [judging.outcome(slip.wrong, [given])]}
                for slip in question.slips
            ],
            "tolerance": question.tolerance,
        }

    def variant(self, name: str, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is given in one of the VARIANTS of a question of numbers, and the sheet it is judged by."""
        question = self.questions[name]
        rng = _rng(self.name, name, number)
        for _ in range(_DRAWS):
            given = question.draw(rng)
            sheet = self._numbers_sheet(question, given)
            if _told_apart(sheet):
                return given, sheet
        raise ValueError(
            f"draw of {name} in {self.name} must give variants that tell its slips apart, got none in "
            f"{_DRAWS} draws: {self.confused(sheet)}"
        )

    def variant_of(self, name: str, student: str) -> int:
        """The number of a student's variant."""
        return variant_number(self.name, name, student, VARIANTS)

    def sheet(self, name: str, seed: str = "visible") -> dict[str, Any]:
        """The sheet of a function's cases: seed 'visible' for the learner's checks, a secret one for the marks."""
        question = self.questions[name]
        rng = _rng(self.name, name, seed)
        for _ in range(20):
            cases = [[pack(part) for part in case] for case in question.cases(rng)]
            truths = [{"value": case.pop()} for case in cases] if question.bar is not None else []
            slips = [
                {"name": slip.name, "message": slip.message, "outcomes": judging.outcomes(slip.wrong, cases)}
                for slip in question.slips
                if question.bar is None  # what a training gives is not the same twice
            ]
            sheet = {
                "cases": cases,
                "expected": truths or judging.outcomes(question.expected, cases),
                "slips": slips,
                "tolerance": question.tolerance,
                "arguments": judging.argument_names(question.expected),
                "bar": question.bar,
            }
            if _told_apart(sheet):
                return sheet
        raise ValueError(f"cases of {name} in {self.name} must tell its slips apart: {self.confused(sheet)}")

    @staticmethod
    def confused(sheet: Mapping[str, Any]) -> str:
        """Which slips a sheet takes for something else, in words."""
        verdicts = {slip["name"]: judging.judge(sheet, slip["outcomes"]) for slip in sheet["slips"]}
        return "; ".join(
            f"{name!r} reads as {'right' if verdict.right else repr(verdict.slip)}"
            for name, verdict in verdicts.items()
            if verdict.slip != name
        )

    # --- what goes to students ---

    def bundle(self) -> dict[str, Any]:
        """What lies beside a student's notebook: numbers of all variants, visible cases, hints; no solutions."""
        questions = {}
        for name, question in self.questions.items():
            entry: dict[str, Any] = {"points": self.cells[name].points, "hints": veil(question.hints)}
            if isinstance(question, Numbers):
                variants = []
                for number in range(VARIANTS):
                    given, sheet = self.variant(name, number)
                    variants.append({"given": pack(given), "ask": question.ask(given), "sheet": sheet})
                entry |= {"kind": "numbers", "variants": veil(variants)}
            elif isinstance(question, Function):
                entry |= {"kind": "function", "sheet": veil(self.sheet(name))}
            else:
                entry |= {"kind": "words"}
            questions[name] = entry
        return {"assignment": self.name, "title": self.title, "questions": questions}

    def solutions(self) -> dict[str, Any]:
        """The worked solutions as Markdown: one for each variant of a question of numbers."""
        found: dict[str, Any] = {}
        for name, question in self.questions.items():
            cell = self.cells[name].solution
            if isinstance(question, Numbers):
                found[name] = [question.trace(self.variant(name, number)[0]) for number in range(VARIANTS)]
            elif isinstance(question, Function):
                code = "\n".join(line for line in cell.splitlines() if "### " not in line)
                found[name] = f"```python\n{code}\n```\n\n{question.remark}".rstrip()
            else:
                points = "\n".join(f"- {text} ({worth:g})" for text, worth in question.rubric)
                found[name] = f"{cell}\n\nWhat counts:\n\n{points}"
        return found


def load(folder: Path | str) -> Assignment:
    """Read an assignment from the folder of its source.

    Raises:
        ValueError: there is no `questions.py`, or it has no QUESTIONS.
    """
    folder = Path(folder)
    file = folder / "questions.py"
    if not file.exists():
        raise ValueError(f"folder must hold an assignment with its questions.py, got {folder}")
    spec = importlib.util.spec_from_file_location(f"questions_of_{folder.resolve().name}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Assignment(folder, module.QUESTIONS)


def folders() -> list[Path]:
    """The folders of all assignments, in order."""
    return sorted(path.parent for path in (runtime.PROJECT_ROOT / "notebooks" / "exercises").glob("ex*/questions.py"))
