"""Is this machine ready for the course? Checks in plain words, each with what to do where something is missing.

Everything here must run where something is broken: only the standard library is imported with the module, torch and
psutil inside the checks that ask for them, and a check that fails becomes a line of the table instead of a traceback.
Home notebook: notebooks/00_start_here.ipynb.
"""

from __future__ import annotations

import importlib
import importlib.metadata as metadata
import platform
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from course_utils import runtime

PROJECT = "convnet-course"
OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
STATES = {
    "green": "green: ready",
    "yellow": "yellow: works, with a limit",
    "red": "red: mend this first",
}


class Check(NamedTuple):
    """One line of the table: what was looked at, its state ('green', 'yellow' or 'red'), what was found, what to do."""

    what: str
    state: str
    found: str
    advice: str = ""


def _install_command(*packages: str) -> str:
    """The command that mends packages in the environment of this kernel, to be run in the project's folder."""
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    return f"{python} -m pip install -c constraints.txt {' '.join(packages) or '-e .'}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])


def _reason(error: BaseException) -> str:
    """The first line of an error, short enough for a table."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:120] if lines else ''}".rstrip(": ")


# --- the checks ----------------------------------------------------------------------------------------------------


def check_python(version: tuple[int, ...] | None = None) -> Check:
    """Whether Python is one that the course was tested with.

    Args:
        version: major, minor and further numbers; default is the running Python's.
    """
    version = tuple(version or sys.version_info[:3])
    found = ".".join(map(str, version))
    wanted = f"{'.'.join(map(str, OLDEST_PYTHON))} to {'.'.join(map(str, NEWEST_PYTHON))}"
    if version[:2] < OLDEST_PYTHON:
        return Check("Python", "red", f"{found}, too old", f"Install Python {wanted}, then: make lab PYTHON=python3.12")
    if version[:2] > NEWEST_PYTHON:
        advice = f"Tested with {wanted}. If an install fails: make lab PYTHON=python3.12"
        return Check("Python", "yellow", f"{found}, newer than what was tested", advice)
    return Check("Python", "green", found)


def check_packages() -> Check:
    """Whether every package that the course depends on is installed in a version that is new enough."""
    try:
        requirements = metadata.requires(PROJECT) or []
    except metadata.PackageNotFoundError:
        found = f"{PROJECT} itself is not installed in this environment"
        return Check("packages", "red", found, f"In the project's folder: {_install_command()}")
    missing, old = [], []
    requirements = [line for line in requirements if ";" not in line]  # those with a marker belong to extras
    for line in requirements:
        name, oldest = re.match(r"([\w.-]+)(?:>=([\d.]+))?", line).groups()
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if oldest and _numbers(version) < _numbers(oldest):
            old.append(f"{name} {version} (needs {oldest})")
    if missing or old:
        found = "; ".join(
            [f"missing: {', '.join(missing)}"] * bool(missing) + [f"too old: {', '.join(old)}"] * bool(old)
        )
        return Check(
            "packages", "red", found, f"In the project's folder: {_install_command()}, then restart the kernel"
        )
    return Check("packages", "green", f"all {len(requirements)} found")


def check_torch() -> Check:
    """Whether torch and torchvision can be imported and come from the same build."""
    what = "PyTorch"
    advice = (
        f"Install the pair anew, in the project's folder: {_install_command('--force-reinstall torch torchvision')}"
    )
    advice += " (CPU-only: see README), then restart the kernel"
    try:
        torch = importlib.import_module("torch")
    except Exception as error:
        return Check(what, "red", f"torch cannot be imported ({_reason(error)})", advice)
    try:
        torchvision = importlib.import_module("torchvision")
    except Exception as error:
        found = f"torch {torch.__version__} is here, torchvision cannot be imported ({_reason(error)})"
        return Check(what, "red", found + ": the two must come from the same build", advice)
    found = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    builds = {module.__version__.partition("+")[2] for module in (torch, torchvision)}
    if len(builds) > 1:
        return Check(what, "red", found + ": not the same build", advice)
    return Check(what, "green", found + ": a pair")


def check_device() -> Check:
    """Which device the tier in force trains on, and whether it is there."""
    what = "device"
    try:
        torch = importlib.import_module("torch")
        device = runtime.device()
        fast = runtime.has_fast_bfloat16(device)
    except (RuntimeError, ValueError) as error:
        return Check(what, "red", str(error).split(". ")[0], "Set COURSE_TIER=quick or laptop, and restart the kernel")
    except Exception as error:
        return Check(what, "red", f"not known: torch cannot be imported ({_reason(error)})", "Mend PyTorch first")
    name = torch.cuda.get_device_name() if device.type == "cuda" else runtime.processor_name()
    found = f"{device.type} ({name}); bfloat16 {'in hardware' if fast else 'not in hardware'}"
    if device.type == "cpu" and torch.cuda.is_available():
        found += "; a CUDA GPU is here as well, for COURSE_TIER=gpu"
    if not fast:
        return Check(what, "green", found, "Nothing to do: training uses float32, which is slower than bfloat16")
    return Check(what, "green", found)


def check_cores(cores: int | None = None) -> Check:
    """How many processor cores this process may use.

    Args:
        cores: their number; default is what the operating system tells.
    """
    cores = runtime.usable_cores() if cores is None else cores
    if cores < 2:
        return Check("cores", "yellow", "1", "Minutes in this course are measured on 2 cores: expect twice as long")
    return Check("cores", "green", str(cores))


def check_memory(available_gb: float | None = None) -> Check:
    """Whether the free memory holds a notebook at the quick tier (2 GB).

    Args:
        available_gb: free memory in GB (10^9 bytes); default is what psutil tells.
    """
    if available_gb is None:
        try:
            available_gb = importlib.import_module("psutil").virtual_memory().available / 1e9
        except Exception as error:
            return Check("memory", "yellow", f"not known ({_reason(error)})", f"{_install_command('psutil')}")
    found = f"{available_gb:.1f} GB free"
    if available_gb < 1:
        return Check("memory", "red", found, "A notebook needs up to 2 GB: shut down other kernels and programs")
    if available_gb < 2:
        return Check("memory", "yellow", found, "A notebook may need 2 GB: keep one notebook open at a time")
    return Check("memory", "green", found)


def check_disk(free_gb: float | None = None) -> Check:
    """Whether the disk has room for rendered data and checkpoints.

    Args:
        free_gb: free space in GB (10^9 bytes); default is that of the disk with the cache folder.
    """
    if free_gb is None:
        free_gb = shutil.disk_usage(_existing(runtime.cache_dir())).free / 1e9
    found = f"{free_gb:.1f} GB free"
    if free_gb < 0.5:
        return Check("disk", "red", found, "At least 0.5 GB is needed: make clean-caches, or see 'Disk' in the README")
    if free_gb < 2:
        return Check("disk", "yellow", found, "Enough for the quick tier; data sets of the other tiers need 2 GB")
    return Check("disk", "green", found)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def check_caches() -> Check:
    """Whether the folders for rendered data and for trainings can be written."""
    variables = {"COURSE_CACHE": runtime.cache_dir(), "COURSE_RUNS": runtime.runs_dir()}
    for variable, folder in variables.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder):
                pass
        except OSError as error:
            advice = f"Set the variable {variable} to a folder that you may write, and restart the kernel"
            return Check("caches", "red", f"{short_path(folder)} cannot be written ({_reason(error)})", advice)
    return Check("caches", "green", f"{', '.join(short_path(folder) for folder in variables.values())} can be written")


def short_path(folder: Path) -> str:
    """A folder as seen from the project's folder, or from the home folder: no user's name goes into a report."""
    for root, sign in ((runtime.PROJECT_ROOT, ""), (Path.home(), "~/")):
        if folder.is_relative_to(root):
            return sign + folder.relative_to(root).as_posix()
    return folder.as_posix()


def check_data() -> Check:
    """Which published data sets lie in the data folder. The quick tier needs none of them."""
    folder = runtime.data_dir()
    found = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if found:
        return Check("data", "green", f"{', '.join(found[:12])} in {short_path(folder)}")
    advice = (
        "Nothing to do: the quick tier renders its own. Other tiers download on first use; COURSE_DATA names a folder"
    )
    return Check(
        "data", "green" if runtime.tier() == "quick" else "yellow", f"nothing yet in {short_path(folder)}", advice
    )


def check_tier() -> Check:
    """Which tier is in force."""
    try:
        return Check("tier", "green", runtime.tier())
    except ValueError as error:
        return Check("tier", "red", str(error), "Correct or remove the variable COURSE_TIER, and restart the kernel")


CHECKS = (
    check_python,
    check_packages,
    check_torch,
    check_tier,
    check_device,
    check_cores,
    check_memory,
    check_disk,
    check_caches,
    check_data,
)


def check_all() -> list[Check]:
    """Every check, in order. None of them raises: one that fails is itself a red line."""
    results = []
    for check in CHECKS:
        try:
            results.append(check())
        except Exception as error:  # a broken machine breaks checks in ways nobody foresaw
            name = check.__name__.removeprefix("check_")
            results.append(Check(name, "red", f"the check itself failed ({_reason(error)})", "Send the report below"))
    return results


# --- showing them --------------------------------------------------------------------------------------------------


def verdict(checks: list[Check]) -> str:
    """The checks in one sentence."""
    red = [check.what for check in checks if check.state == "red"]
    yellow = [check.what for check in checks if check.state == "yellow"]
    if red:
        return f"Not ready yet. Mend first: {', '.join(red)}."
    if yellow:
        return f"Ready, with a limit: {', '.join(yellow)}."
    return "Ready: nothing is missing."


def show(checks: list[Check]) -> None:
    """Display the checks as one table, and the verdict in a sentence below it."""

    def cell(words: str) -> str:
        return words.replace("|", "\\|")

    rows = ["| what | state | found | what to do |", "|---|---|---|---|"]
    rows += [f"| {c.what} | {STATES[c.state]} | {cell(c.found)} | {cell(c.advice)} |" for c in checks]
    runtime.show_markdown("\n".join(rows) + f"\n\n**{verdict(checks)}**")


def bug_report(checks: list[Check] | None = None) -> str:
    """What a bug report should hold about this machine, as text: versions, hardware, and every check."""
    checks = check_all() if checks is None else checks
    release = ".".join(map(str, _numbers(platform.release())))  # without what a builder wrote behind the numbers
    lines = [f"system: {platform.system()} {release} {platform.machine()}"]
    lines.append("versions: " + ", ".join(f"{name} {number}" for name, number in runtime.versions().items()))
    lines.append(f"processor: {runtime.processor_name()}")
    lines += [f"{check.what}: {check.state}, {check.found}" for check in checks]
    return "\n".join(lines)
