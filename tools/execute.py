"""Run notebooks from top to bottom and store their outputs in place: python tools/execute.py notebooks/02_*.ipynb"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def cell_limit() -> int | None:
    """Seconds for one cell: an hour at the quick tier, where something is wrong by then; None, no limit, elsewhere."""
    return 3600 if os.environ.get("COURSE_TIER", "quick") == "quick" else None


def execute(path: Path) -> None:
    """Execute one notebook with its folder as working directory; the file is replaced only if every cell ran."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=cell_limit(),
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,
    ).execute()
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "widgets": notebook.metadata.get("widgets", {}),
        }
    )
    if not notebook.metadata["widgets"]:
        del notebook.metadata["widgets"]
    part = path.with_suffix(".part")
    nbformat.write(notebook, part)
    part.replace(path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"running {name}", flush=True)
        execute(Path(name))
