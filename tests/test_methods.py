"""The README's table of what the lectures name: every link leads to a section that exists."""

from __future__ import annotations

import re
from functools import cache

import nbformat
import pytest

from course_utils.runtime import PROJECT_ROOT

TEXT = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8").partition("| method in the lectures |")[2]
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| method in the")]
LINK = re.compile(r"\[(\d\d[a-z]?)(?:, ([^\]]+))?\]\((notebooks/[^)]+)\)")


@cache
def headings(path: str) -> set[str]:
    """Of a notebook, without the number in front: `7 · Two cats again` is `Two cats again`."""
    cells = nbformat.read(PROJECT_ROOT / path, as_version=4).cells
    lines = [line for cell in cells if cell.cell_type == "markdown" for line in cell.source.splitlines()]
    return {re.sub(r"^#+ (\d+ · )?|\$", "", line).strip() for line in lines if line.startswith("#")}


def test_there_is_a_row_for_every_method():
    assert len(ROWS) > 130
    assert len({row.split("|")[1] for row in ROWS}) == len(ROWS), "a method has two rows"


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip()[:60] for row in ROWS])
def test_its_links_lead_to_sections(row: str):
    links = LINK.findall(row)
    assert links and row.count("](") == len(links), row
    for number, heading, path in links:
        assert (PROJECT_ROOT / path).is_file(), path
        assert path.startswith(f"notebooks/{number}_"), row
        assert not heading or heading in headings(path), f"{path} has no section {heading!r}"
