"""The set-up behind `make`: which Python, how much room, what is run, and how its failures are told."""

from __future__ import annotations

import glob
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import namedtuple
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "tools" / "bootstrap.py"
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def bootstrap():
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def old_pythons() -> list[str]:
    """Pythons on this machine that the course does not support."""
    found = glob.glob(
        os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions/*/bin/python")
    )
    found += [path for name in ("python2", "python2.7", "python3.8", "python3.10") if (path := shutil.which(name))]
    command = "import sys; sys.exit(sys.version_info[:2] >= (3, 11))"
    return sorted(p for p in found if subprocess.run([p, "-c", command], capture_output=True).returncode == 0)


# --- which Python ---------------------------------------------------------------------------------------------------


def test_supported_versions_are_those_of_pyproject(bootstrap) -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    (major, oldest), (_, newest) = bootstrap.OLDEST, bootstrap.NEWEST
    assert wanted == f">={major}.{oldest},<{major}.{newest + 1}"
    assert [bootstrap.supported((3, minor)) for minor in (10, 11, 13, 14)] == [False, True, True, False]
    assert not bootstrap.supported(None)


def test_looks_for_another_python(bootstrap) -> None:
    assert (
        bootstrap.find_python(lambda command: {"python3.12": (3, 12), "python3.11": (3, 11)}.get(command))
        == "python3.12"
    )
    assert bootstrap.find_python(lambda command: None) is None
    # a shim that answers with another version than its name says
    assert bootstrap.find_python(lambda command: (3, 9)) is None


def test_wrong_python_in_plain_words(bootstrap) -> None:
    message = bootstrap.wrong_python((3, 9), "/usr/bin/python3", None)
    assert "needs Python 3.11 to 3.13; /usr/bin/python3 is Python 3.9" in message
    assert "make lab PYTHON=" in message
    assert "make lab PYTHON=python3.13" in bootstrap.wrong_python((3, 9), "python3", "python3.13")


def test_an_old_python_reads_the_file_and_says_so(tmp_path: Path) -> None:
    pythons = old_pythons()
    if not pythons:
        pytest.skip("no Python older than 3.11 on this machine")
    for python in pythons:
        empty = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
        run = subprocess.run([python, str(SCRIPT)], env=empty, capture_output=True, text=True)
        assert run.returncode == 1
        assert "This course needs Python 3.11 to 3.13" in run.stderr, run.stderr
        assert "Traceback" not in run.stderr


def test_an_old_python_hands_over_to_a_supported_one(tmp_path: Path) -> None:
    pythons = old_pythons()
    if not pythons:
        pytest.skip("no Python older than 3.11 on this machine")
    name = f"python3.{sys.version_info[1]}"
    (tmp_path / name).symlink_to(sys.executable)
    tools = tmp_path / "project" / "tools"
    tools.mkdir(parents=True)
    # a stand-in for the set-up itself: only who runs it is of interest here
    source = SCRIPT.read_text(encoding="utf-8").replace(
        "    state = read_state()", "    print(sys.version_info[:2]); return"
    )
    (tools / "bootstrap.py").write_text(source, encoding="utf-8")
    run = subprocess.run(
        [pythons[-1], str(tools / "bootstrap.py")], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert f"using {name} instead" in run.stdout
    assert str(sys.version_info[:2]) in run.stdout


def test_make_says_when_there_is_no_python() -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    run = subprocess.run(["make", "lab", "PYTHON=no-such-python"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode != 0
    assert "There is no 'no-such-python' on this machine. Install Python 3.11, 3.12 or 3.13" in run.stdout + run.stderr


# --- room on the disk -----------------------------------------------------------------------------------------------


def usage(free_gb: float):
    return lambda folder: Usage(0, 0, free_gb * 1e9)


def test_a_full_disk_stops_before_anything_is_written(bootstrap) -> None:
    with pytest.raises(
        bootstrap.Stop, match=r"(?s)disk is too full: about 9.5 GB are needed .* 5.0 GB are free.*CPU=1"
    ):
        bootstrap.check_disk("cuda", usage=usage(5))
    with pytest.raises(bootstrap.Stop, match=r"about 2.5 GB are needed") as stop:
        bootstrap.check_disk("cpu", usage=usage(1))
    assert "CPU=1" not in str(stop.value), "who is CPU-only already needs other advice"
    assert bootstrap.check_disk("cuda", usage=usage(10)) is False, "enough to install, not to keep the downloads"
    assert bootstrap.check_disk("cuda", usage=usage(13)) is True


def test_what_is_installed_already_needs_no_room(bootstrap) -> None:
    bootstrap.check_disk("cuda", usage=usage(1), already=6.6)
    with pytest.raises(bootstrap.Stop):
        bootstrap.check_disk("cuda", usage=usage(0.1), already=6.6)


# --- what is run ----------------------------------------------------------------------------------------------------


def test_cpu_only_takes_the_pair_from_one_index(bootstrap) -> None:
    pair, rest = bootstrap.pip_commands("py", ["test"], cpu=True, newest=False)
    assert pair[:4] == ["py", "-m", "pip", "install"]
    assert pair[pair.index("--index-url") + 1] == "https://download.pytorch.org/whl/cpu"
    assert pair[-3:] == ["--no-deps", "torch", "torchvision"]
    assert "--index-url" not in rest
    assert rest[-2:] == ["--editable", f"{bootstrap.ROOT}[test]"]
    for command in (pair, rest):
        assert command[command.index("--constraint") + 1].endswith("constraints.txt")


def test_other_ways_to_install(bootstrap) -> None:
    (usual,) = bootstrap.pip_commands("py", [], cpu=False, newest=False)
    assert usual[-2:] == ["--editable", bootstrap.ROOT]
    assert "--no-cache-dir" not in usual
    (newest,) = bootstrap.pip_commands("py", [], cpu=False, newest=True, keep_downloads=False)
    assert "--upgrade" in newest and "--no-cache-dir" in newest and "--constraint" not in newest


@pytest.fixture
def sandbox(bootstrap, tmp_path: Path, monkeypatch):
    """A set-up in an empty folder, in which venvs are pretended and pip's calls are recorded in `calls`."""
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    bootstrap.calls = []
    bootstrap.fail = False
    bootstrap.version = tuple(sys.version_info[:2])
    for name, path in {"ROOT": "", "VENV": ".venv", "STATE": ".venv/s.json", "LOG": ".venv/log"}.items():
        monkeypatch.setattr(bootstrap, name, str(tmp_path / path))

    def create_venv(python: str) -> None:
        bootstrap.calls.append("venv")
        folder = tmp_path / ".venv" / "bin"
        folder.mkdir(parents=True)
        (folder / "python").symlink_to(sys.executable)

    def install(commands: list[list[str]]) -> None:
        bootstrap.calls.append([command[-1].removeprefix(str(tmp_path)) for command in commands])
        if bootstrap.fail:
            raise bootstrap.Stop("pip failed")

    monkeypatch.setattr(bootstrap, "create_venv", create_venv)
    monkeypatch.setattr(bootstrap, "install", install)
    monkeypatch.setattr(bootstrap, "venv_python", lambda: str(tmp_path / ".venv" / "bin" / "python"))
    monkeypatch.setattr(bootstrap, "probe", lambda command: bootstrap.version)
    monkeypatch.setattr(bootstrap, "check_disk", lambda *a, **k: True)
    monkeypatch.setattr(sys, "platform", "linux")
    return bootstrap


def test_second_call_does_nothing(sandbox) -> None:
    sandbox.set_up(["test"])
    assert sandbox.calls == ["venv", ["[test]"]]
    sandbox.set_up(["test"])
    sandbox.set_up([])  # less than what is there
    assert len(sandbox.calls) == 2
    sandbox.set_up(["ui"])  # more: what was there stays
    assert sandbox.calls[2:] == [["[test,ui]"]]


def test_an_interrupted_install_is_taken_up_again(sandbox) -> None:
    sandbox.fail = True
    with pytest.raises(sandbox.Stop):
        sandbox.set_up([])
    sandbox.fail = False
    sandbox.set_up([])
    assert sandbox.calls == ["venv", [""], [""]], "the environment is kept, pip is called again"
    sandbox.set_up([])
    assert len(sandbox.calls) == 3


def test_new_pins_are_installed_and_tool_settings_are_not_a_reason(sandbox) -> None:
    sandbox.set_up([])
    pyproject = Path(sandbox.ROOT) / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("line-length = 120", "line-length = 110"))
    sandbox.set_up([])
    assert len(sandbox.calls) == 2
    with (Path(sandbox.ROOT) / "constraints.txt").open("a") as file:
        file.write("another==1.0\n")
    sandbox.set_up([])
    assert len(sandbox.calls) == 3


def test_another_build_or_python_starts_anew(sandbox) -> None:
    sandbox.set_up([])
    sandbox.set_up([], cpu=True)
    assert sandbox.calls[2:] == ["venv", ["torchvision", ""]]
    sandbox.set_up([])  # unasked, the kind stays
    assert len(sandbox.calls) == 4
    sandbox.version = (3, 9)
    sandbox.set_up([])
    assert sandbox.calls[4] == "venv", "a .venv whose Python is not supported is replaced"


def test_a_cpu_install_that_failed_does_not_stick(sandbox) -> None:
    sandbox.fail = True
    with pytest.raises(sandbox.Stop):
        sandbox.set_up([], cpu=True)
    sandbox.fail = False
    sandbox.set_up([])
    assert sandbox.calls == ["venv", ["torchvision", ""], "venv", [""]]


def test_another_supported_python_is_kept_unless_asked_for(sandbox) -> None:
    sandbox.set_up([])
    sandbox.version = (3, 12) if sys.version_info[:2] != (3, 12) else (3, 13)
    sandbox.set_up([])
    assert sandbox.calls.count("venv") == 1
    sandbox.set_up([], this_python=True)
    assert sandbox.calls.count("venv") == 2


def test_half_installed_packages_are_forgotten(bootstrap, tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    for name, record in {"whole-1": "x", "cut-1": None, "empty-1": ""}.items():
        (site / f"{name}.dist-info").mkdir(parents=True)
        if record is not None:
            (site / f"{name}.dist-info" / "RECORD").write_text(record)
    bootstrap.remove_half_installed(str(tmp_path))
    assert [path.name for path in site.iterdir()] == ["whole-1.dist-info"]


def test_state_is_whole_or_absent(bootstrap, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(bootstrap, "STATE", str(tmp_path / "state.json"))
    assert bootstrap.read_state() == {}
    (tmp_path / "state.json").write_text('{"finished": tr')
    assert bootstrap.read_state() == {}
    bootstrap.write_state({"finished": True})
    assert json.loads((tmp_path / "state.json").read_text()) == {"finished": True}


# --- how failures are told ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            "NewConnectionError('...: Failed to establish a new connection')\nERROR: No matching distribution found",
            "network",
        ),
        ("Temporary failure in name resolution", "network"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "certificate"),
        ("The virtual environment was not created because ensurepip is not available.", "python3-venv"),
        ("ERROR: No matching distribution found for torch==2.15.0", "does not exist in a version for this computer"),
        ("ERROR: something new", "The installation failed"),
    ],
)
def test_failures_in_plain_words(bootstrap, log: str, words: str) -> None:
    message = bootstrap.explain_failure("2026-11-21T10:00:00,000 " + log)
    assert words in message.split("The last lines were:")[0]
    assert log.splitlines()[-1][:60] in message, "pip's own words come with it"


def test_pip_without_a_network(bootstrap, tmp_path: Path, monkeypatch) -> None:
    """A real pip, sent to a port where nobody listens."""
    monkeypatch.setattr(bootstrap, "LOG", str(tmp_path / "log"))
    monkeypatch.setattr(bootstrap, "DOWNLOADS", str(tmp_path / "downloads"))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    nobody = ["--index-url", "http://127.0.0.1:9/simple", "--retries", "0", "no-such-package-of-ours"]
    command = [sys.executable, "-m", "pip", "install", "--log", str(tmp_path / "log"), *nobody]
    with pytest.raises(bootstrap.Stop, match="no connection to the package index"):
        bootstrap.install([command])
    assert not (tmp_path / "downloads").exists(), "nothing may be left that makes the next run fail"


def test_errors_of_the_disk_end_in_words(bootstrap, monkeypatch, capsys) -> None:
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bootstrap, "set_up", full)
    assert bootstrap.main([]) == 1
    assert "The disk is full" in capsys.readouterr().err


def test_control_c_says_how_to_go_on(bootstrap, monkeypatch, capsys) -> None:
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "set_up", interrupted)
    assert bootstrap.main([]) == 130
    assert "Run the same command again" in capsys.readouterr().err
