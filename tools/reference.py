"""Run one notebook at one tier, from nothing, and append its figures to data/reference/NN.json.

    python tools/reference.py 07 laptop --data "CIFAR-10"

From nothing: rendered data and checkpoints go to a fresh folder that is deleted afterwards. The notebook itself is not
changed. Where there is no Jupyter (a rented GPU machine, say), `--script` runs its code cells in plain Python.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from course_utils import runtime

RUN_CELLS = """
import json, os, sys, types
try:
    import IPython.display
except ImportError:  # enough of it for plots, tables and widgets to fall silent
    class Anything:
        def __init__(self, *a, **k): pass
        def __getattr__(self, name): return lambda *a, **k: Anything()
        def __call__(self, *a, **k): return Anything()
    shown = types.ModuleType("IPython.display")
    shown.display, shown.Markdown, shown.HTML, shown.Image = (lambda *a, **k: None), str, str, str
    package = types.ModuleType("IPython")
    package.display = shown
    package.get_ipython, package.version_info = (lambda: None), (9, 0)  # matplotlib asks
    sys.modules.update({"IPython": package, "IPython.display": shown})
    from course_utils import widgets
    for name in [n for n in dir(widgets) if n.startswith(("explore_", "show_"))]:
        setattr(widgets, name, lambda *a, **k: None)
import matplotlib
matplotlib.use("Agg")
notebook = json.load(open(sys.argv[1], encoding="utf-8"))
space = {"__name__": "__main__"}
for number, cell in enumerate(notebook["cells"]):
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), space)
"""


def find_notebook(number: str) -> Path:
    """The notebook of that number. Raises SystemExit that lists what there is."""
    folder = runtime.PROJECT_ROOT / "notebooks"
    found = sorted(folder.glob(f"{number}_*.ipynb"))
    if len(found) != 1:
        raise SystemExit(
            f"no single notebook {number!r}; there are: {', '.join(p.stem for p in sorted(folder.glob('*.ipynb')))}"
        )
    return found[0]


def run(number: str, tier: str, data: str | None, as_script: bool) -> dict:
    """Run the notebook in a process of its own and return its record, with the date and the command."""
    path = find_notebook(number)
    with tempfile.TemporaryDirectory(prefix="course-reference-") as scratch:
        record = Path(scratch) / "record.json"
        environment = {
            **os.environ,
            "COURSE_TIER": tier,
            "COURSE_RECORD": str(record),
            "COURSE_CACHE": str(Path(scratch) / "cache"),
            "COURSE_RUNS": str(Path(scratch) / "runs"),
            "PYTHONPATH": os.pathsep.join([str(runtime.PROJECT_ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        if as_script:
            command = [sys.executable, "-c", RUN_CELLS, str(path)]
        else:
            copy = Path(scratch) / path.name
            copy.write_bytes(path.read_bytes())
            command = [sys.executable, str(runtime.PROJECT_ROOT / "tools" / "execute.py"), str(copy)]
        started = time.perf_counter()
        subprocess.run(command, env=environment, cwd=path.parent, check=True)
        if record.exists():
            found = json.loads(record.read_text(encoding="utf-8"))
        else:  # a notebook without runtime.report(...): what can be measured from outside, its kernel's start included
            found = {
                "tier": tier,
                "data": "pictures that come with the course",
                "figures": {},
                "seconds": round(time.perf_counter() - started),
                "peak_memory_mb": runtime.peak_memory_mb(children=True),
                "seeds": [],
                "hardware": runtime.hardware(),
                "versions": runtime.versions(),
            }
    found["data"] = data or found["data"]
    found["date"] = datetime.date.today().isoformat()
    chosen = {name: os.environ[name] for name in ("COURSE_PARTS", "COURSE_SEEDS") if os.environ.get(name)}
    found["command"] = " ".join([f"{k}={v}" for k, v in chosen.items()] + [f"make reference NB={number} TIER={tier}"])
    if "COURSE_PARTS" in chosen:
        found["parts"] = chosen["COURSE_PARTS"]
    return found


def append(number: str, record: dict) -> Path:
    """Append a run to the notebook's reference file, whole or not at all."""
    path = runtime.reference_dir() / f"{number}.json"
    runs = [*runtime.reference_runs(number), record]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    part.replace(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", help="its number, as in 07")
    parser.add_argument("tier", choices=runtime.TIERS)
    parser.add_argument("--data", help="what the data is, where the notebook cannot know (a re-encoded copy, say)")
    parser.add_argument("--script", action="store_true", help="run the code cells without Jupyter")
    given = parser.parse_args()
    record = run(given.notebook, given.tier, given.data, given.script)
    print(f"appended to {append(given.notebook, record)}:")
    print(json.dumps(record["figures"], indent=1))


if __name__ == "__main__":
    main()
