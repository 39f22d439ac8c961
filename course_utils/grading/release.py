"""What students get: the notebook without solutions and hidden tests, the sheets beside it, the solutions apart."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

from course_utils.exercises.learner import veil
from course_utils.grading.assignment import Assignment

STUB = "...  # your code"
ROOM = "# room for your working"  # in place of a solution that stands outside a function
TEXT_STUB = "*Your answer here.*"
_SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION", re.MULTILINE | re.DOTALL)
_HIDDEN = re.compile(r"\n?^[ \t]*### BEGIN HIDDEN TESTS\n.*?^[ \t]*### END HIDDEN TESTS", re.MULTILINE | re.DOTALL)


def student_notebook(notebook: dict[str, Any]) -> dict[str, Any]:
    """A copy of a source notebook for students: stubs in place of solutions, no hidden tests, no outputs.

    Raises:
        ValueError: a mark of a solution or a hidden test has no counterpart.
    """
    released = copy.deepcopy(notebook)
    for cell in released["cells"]:
        meta, source = cell["metadata"].get("nbgrader", {}), "".join(cell["source"])
        if cell["cell_type"] == "code":
            source = _HIDDEN.sub("", _SOLUTION.sub(lambda found: found[1] + STUB if found[1] else ROOM, source))
            cell["outputs"], cell["execution_count"] = [], None
        elif meta.get("solution"):
            source = TEXT_STUB
        if re.search(r"(BEGIN|END) (SOLUTION|HIDDEN)", source):
            raise ValueError(f"every BEGIN must have its END, got a mark left over in cell {cell.get('id')!r}")
        cell["source"] = source.splitlines(keepends=True)
    return released


def write(assignment: Assignment, folder: Path, with_solutions: bool = False) -> list[Path]:
    """Write the student's version of an assignment into `folder`/name.

    The notebook, its sheets (name.json) and, with `with_solutions`, the worked solutions (name.solutions.json). Without
    it these go into `folder`/solutions, to be handed out after the deadline.

    Returns:
        The files that were written.
    """
    place = folder / assignment.name
    solutions = (place if with_solutions else folder / "solutions") / f"{assignment.name}.solutions.json"
    written = {
        place / f"{assignment.name}.ipynb": student_notebook(assignment.notebook),
        place / f"{assignment.name}.json": assignment.bundle(),
        solutions: {"assignment": assignment.name, "solutions": veil(assignment.solutions())},
    }
    for path, data in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return list(written)
