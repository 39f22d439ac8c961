"""tools/reference.py: a run is recorded from nothing, with and without Jupyter, and appended whole or not at all."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_utils import runtime

spec = importlib.util.spec_from_file_location("reference", runtime.PROJECT_ROOT / "tools" / "reference.py")
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)

REPORTING = """
import os
import subprocess
import sys
from pathlib import Path
from course_utils import runtime
assert not list(Path(os.environ["COURSE_CACHE"]).glob("*")), "the cache must be empty"
runtime.report("98", {"figure": runtime.summarize([1.0, 3.0], "nats")}, data="made up", seeds=[0, 1])
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with two notebooks: 98 reports a figure, 99 reports nothing."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "tools").mkdir()
    (tmp_path / "course_utils").symlink_to(runtime.PROJECT_ROOT / "course_utils")
    (tmp_path / "tools" / "execute.py").symlink_to(runtime.PROJECT_ROOT / "tools" / "execute.py")
    for number, source in (("98", REPORTING), ("99", "total = 1 + 1")):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        nbformat.write(notebook, tmp_path / "notebooks" / f"{number}_made_up.ipynb")
    monkeypatch.setattr(runtime, "PROJECT_ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("as_script", [True, False], ids=["script", "Jupyter"])
def test_a_run_is_recorded_with_its_tier_date_and_command(project, monkeypatch, as_script):
    for name in ("COURSE_PARTS", "COURSE_SEEDS"):
        monkeypatch.delenv(name, raising=False)
    before = (project / "notebooks" / "98_made_up.ipynb").read_bytes()
    record = reference.run("98", "laptop", None, as_script)
    assert record["tier"] == "laptop" and record["data"] == "made up" and record["seeds"] == [0, 1]
    assert record["figures"]["figure"]["mean"] == 2.0
    assert record["command"] == "make reference NB=98 TIER=laptop" and len(record["date"]) == 10
    assert "parts" not in record
    assert (project / "notebooks" / "98_made_up.ipynb").read_bytes() == before


def test_a_long_training_is_not_cut_off(monkeypatch):
    spec = importlib.util.spec_from_file_location("execute", runtime.PROJECT_ROOT / "tools" / "execute.py")
    execute = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(execute)
    limits = {}
    for tier in runtime.TIERS:
        monkeypatch.setenv("COURSE_TIER", tier)
        limits[tier] = execute.cell_limit()
    assert limits == {"quick": 3600, "laptop": None, "gpu": None}


def test_chosen_parts_and_seeds_are_recorded(project, monkeypatch):
    monkeypatch.setenv("COURSE_PARTS", "one,two")
    monkeypatch.setenv("COURSE_SEEDS", "0,1")
    record = reference.run("98", "quick", None, True)
    assert record["parts"] == "one,two"
    assert record["command"] == "COURSE_PARTS=one,two COURSE_SEEDS=0,1 make reference NB=98 TIER=quick"


NO_JUPYTER = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("IPython", "ipywidgets"):
            raise ImportError(name)
sys.meta_path.insert(0, Hidden())
"""

SHOWING = """
import matplotlib.pyplot as plt
from course_utils import plots, runtime, widgets
fig, ax = plt.subplots()
plots.show(fig, alt="An empty figure, for a test of a machine without Jupyter.")
widgets.show_convolution()
widgets.explore_paths(blocks=3)
runtime.settings(quick={"n": 1}, laptop={"n": 2}, gpu={"n": 3})
print("reached the end")
"""


def test_the_cells_run_where_there_is_no_jupyter(tmp_path):
    path = tmp_path / "97_made_up.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SHOWING)]), path)
    done = subprocess.run(
        [sys.executable, "-c", NO_JUPYTER + reference.RUN_CELLS, str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0 and "reached the end" in done.stdout, done.stderr


def test_a_notebook_without_a_report_is_measured_from_outside(project):
    record = reference.run("99", "quick", "nothing", True)
    assert record["figures"] == {} and record["data"] == "nothing" and record["peak_memory_mb"] > 5


def test_runs_are_appended_and_a_failed_one_leaves_the_file_alone(project):
    first = reference.append("98", {"tier": "quick", "n": 1})
    assert first == project / "data" / "reference" / "98.json"
    reference.append("98", {"tier": "quick", "n": 2})
    assert [run["n"] for run in json.loads(first.read_text())] == [1, 2]
    with pytest.raises(TypeError):
        reference.append("98", {"n": object()})
    assert [run["n"] for run in json.loads(first.read_text())] == [1, 2]
    assert sorted(os.listdir(first.parent)) == ["98.json"]


def test_an_unknown_notebook_is_named_with_those_there_are(project):
    with pytest.raises(SystemExit, match=r"no single notebook '42'; there are: 98_made_up, 99_made_up"):
        reference.find_notebook("42")


def test_committed_reference_runs_are_complete():
    """Every committed run says what was measured, where, on what, and when."""
    wanted = {
        "tier",
        "data",
        "figures",
        "seconds",
        "peak_memory_mb",
        "seeds",
        "hardware",
        "versions",
        "date",
        "command",
    }
    for path in sorted((Path(__file__).parents[1] / "data" / "reference").glob("*.json")):
        for run in json.loads(path.read_text(encoding="utf-8")):
            assert set(run) - {"parts"} == wanted, path
            assert ("parts" in run) == ("COURSE_PARTS=" in run["command"]), path
            assert run["tier"] in runtime.TIERS and run["seconds"] > 0 and run["versions"]["torch"]
            for name, figure in run["figures"].items():
                assert set(figure) == {"mean", "spread", "unit"}, (path, name)
                assert figure["spread"] is None or figure["spread"] >= 0
