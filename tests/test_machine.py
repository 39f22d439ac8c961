"""The machine checks of notebook 00: green on a whole machine, and exact on broken ones."""

from __future__ import annotations

import importlib
import importlib.metadata as metadata
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_utils import machine, runtime


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COURSE_TIER", "quick")


def without(monkeypatch, *names: str, error: Exception | None = None) -> None:
    """Make importlib.import_module fail for these modules, as it would where they are missing or broken."""
    real = importlib.import_module

    def import_module(name: str, *rest):
        if name in names:
            raise error or ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", import_module)


def test_this_machine_is_ready() -> None:
    checks = machine.check_all()
    assert [check.what for check in checks if check.state == "red"] == []
    assert len(checks) == len(machine.CHECKS)
    assert machine.verdict(checks).startswith("Ready")


@pytest.mark.parametrize(
    ("version", "state"), [((3, 10, 4), "red"), ((3, 11, 0), "green"), ((3, 13, 1), "green"), ((3, 14, 0), "yellow")]
)
def test_python(version: tuple[int, ...], state: str) -> None:
    check = machine.check_python(version)
    assert check.state == state
    assert (".".join(map(str, version)) in check.found) and (state == "green" or "PYTHON=" in check.advice)


def test_versions_are_those_of_pyproject() -> None:
    wanted = metadata.metadata(machine.PROJECT)["Requires-Python"]
    oldest, newest = machine.OLDEST_PYTHON, machine.NEWEST_PYTHON
    assert set(wanted.split(",")) == {f">={oldest[0]}.{oldest[1]}", f"<{newest[0]}.{newest[1] + 1}"}


def test_missing_and_old_packages_are_named(monkeypatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "safetensors":
            raise metadata.PackageNotFoundError(name)
        return "1.26.4" if name == "numpy" else real(name)

    monkeypatch.setattr(metadata, "version", version)
    check = machine.check_packages()
    assert check.state == "red"
    assert check.found == "missing: safetensors; too old: numpy 1.26.4 (needs 2.0)"
    assert f"{sys.executable} -m pip install -c constraints.txt -e ." in check.advice


def test_project_not_installed(monkeypatch) -> None:
    def requires(name: str):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    check = machine.check_packages()
    assert (check.state, "-e ." in check.advice) == ("red", True)


def test_versions_compare_as_numbers() -> None:
    assert machine._numbers("2.10.0+cpu") == (2, 10, 0) > machine._numbers("2.9.1")


def test_torch_missing(monkeypatch) -> None:
    without(monkeypatch, "torch")
    check = machine.check_torch()
    assert check.state == "red"
    assert "torch cannot be imported (ModuleNotFoundError: No module named 'torch')" in check.found
    assert "pip install -c constraints.txt --force-reinstall torch torchvision" in check.advice
    assert machine.check_device().state == "red"
    assert "PyTorch" in machine.verdict(machine.check_all())


def test_torchvision_of_another_build_fails_at_import(monkeypatch) -> None:
    without(monkeypatch, "torchvision", error=RuntimeError("operator torchvision::nms does not exist\nmore"))
    check = machine.check_torch()
    assert check.state == "red"
    assert "operator torchvision::nms does not exist)" in check.found and "same build" in check.found


def test_torchvision_of_another_build_that_imports(monkeypatch) -> None:
    modules = {
        "torch": SimpleNamespace(__version__="2.15.0+cpu"),
        "torchvision": SimpleNamespace(__version__="0.29.2+cu132"),
    }
    monkeypatch.setattr(importlib, "import_module", modules.__getitem__)
    assert machine.check_torch().state == "red"
    modules["torchvision"].__version__ = "0.29.2+cpu"
    assert machine.check_torch().state == "green"


def test_gpu_tier_without_a_gpu(monkeypatch) -> None:
    import torch

    monkeypatch.setenv("COURSE_TIER", "gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    check = machine.check_device()
    assert check.state == "red" and "neither a CUDA GPU nor Apple's MPS" in check.found


def test_misspelt_tier(monkeypatch) -> None:
    monkeypatch.setenv("COURSE_TIER", "labtop")
    assert machine.check_tier().state == "red"
    assert "'labtop'" in machine.check_tier().found
    assert machine.verdict(machine.check_all()).startswith("Not ready yet. Mend first: tier")


@pytest.mark.parametrize(
    ("check", "value", "state"),
    [
        (machine.check_memory, 0.5, "red"),
        (machine.check_memory, 1.5, "yellow"),
        (machine.check_memory, 8.0, "green"),
        (machine.check_disk, 0.1, "red"),
        (machine.check_disk, 1.0, "yellow"),
        (machine.check_disk, 50.0, "green"),
        (machine.check_cores, 1, "yellow"),
        (machine.check_cores, 2, "green"),
    ],
)
def test_room(check, value: float, state: str) -> None:
    result = check(value)
    assert result.state == state
    assert bool(result.advice) == (state != "green")


def test_a_disk_nearly_full(monkeypatch) -> None:
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1e8))
    assert machine.check_disk().found == "0.1 GB free"


def test_memory_without_psutil(monkeypatch) -> None:
    without(monkeypatch, "psutil")
    assert machine.check_memory().state == "yellow"


def test_cache_folder_that_cannot_be_written(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path / "file" / "runs"))
    check = machine.check_caches()
    assert check.state == "red"
    assert "COURSE_RUNS" in check.advice and "cannot be written" in check.found


def test_data_folder(monkeypatch, tmp_path: Path) -> None:
    assert machine.check_data().state == "green", "the quick tier needs no data"
    monkeypatch.setenv("COURSE_TIER", "laptop")
    assert machine.check_data().state == "yellow"
    (tmp_path / "data" / "cifar-10-batches-py").mkdir(parents=True)
    check = machine.check_data()
    assert check.state == "green" and "cifar-10-batches-py" in check.found


def test_a_check_that_fails_itself_becomes_a_line(monkeypatch) -> None:
    def check_weather() -> machine.Check:
        raise ZeroDivisionError("no sun")

    monkeypatch.setattr(machine, "CHECKS", (check_weather, machine.check_python))
    first, second = machine.check_all()
    assert (first.what, first.state, second.what) == ("weather", "red", "Python")
    assert "ZeroDivisionError: no sun" in first.found


def test_every_state_has_words_and_a_table_keeps_its_columns(monkeypatch) -> None:
    shown = []
    monkeypatch.setattr(runtime, "show_markdown", shown.append)
    machine.show([machine.Check("a", "red", "x | y", "z"), machine.Check("b", "yellow", "y")])
    table = shown[0].split("\n\n")[0].splitlines()
    assert all(len(row.replace("\\|", "").split("|")) == 6 for row in table)
    assert "red: mend this first" in table[2] and "yellow: works, with a limit" in table[3]


def test_report_names_versions_and_no_home(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    report = machine.bug_report()
    assert f"python {runtime.versions()['python']}" in report and "PyTorch: green" in report
    assert str(tmp_path) not in report and str(runtime.PROJECT_ROOT) not in report


def test_runs_where_nothing_is_installed() -> None:
    """The module in a bare Python: no site-packages at all."""
    code = "from course_utils import machine; print(machine.verdict(machine.check_all())); print(machine.bug_report())"
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(runtime.PROJECT_ROOT)!r}); {code}"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("Not ready yet. Mend first: packages, PyTorch, device.")
