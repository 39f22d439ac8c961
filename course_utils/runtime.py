"""Where and how the course runs: tier, device, seeds, folders, and the report of a run beside the reference runs.

Every other module may import this one; it imports none of ours. torch is imported inside the functions that need it,
so that `import course_utils.runtime` costs nothing.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

TIERS = ("quick", "laptop", "gpu")
PROJECT_ROOT = Path(__file__).resolve().parents[1]
_STARTED = time.perf_counter()


# --- arguments -----------------------------------------------------------------------------------------------------


def check_int(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """Return `value` as an int, or raise a ValueError that names the argument, its value and what would be right.

    Args:
        name: the argument's name, as the caller wrote it.
        value: what the caller passed; bools and floats are refused, NumPy integers accepted.
        minimum: smallest value allowed.
        maximum: largest value allowed, None for no limit.
    """
    wanted = f"an integer of at least {minimum}" if maximum is None else f"an integer from {minimum} to {maximum}"
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
    number = int(value)
    if number < minimum or (maximum is not None and number > maximum):
        raise ValueError(f"{name} must be {wanted}, got {number}")
    return number


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> Any:
    """Return `value` if it is one of `choices`, else raise a ValueError that lists them."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


# --- tier, device, seeds -------------------------------------------------------------------------------------------


def tier() -> str:
    """The tier this run was asked for: 'quick' (default), 'laptop' or 'gpu', from the variable COURSE_TIER."""
    value = os.environ.get("COURSE_TIER", "quick").strip() or "quick"
    if value not in TIERS:
        raise ValueError(f"COURSE_TIER must be one of {', '.join(TIERS)}, got {value!r}")
    return value


def device() -> torch.device:
    """The device this tier trains on: the CPU, except at the gpu tier (CUDA, then Apple's MPS).

    The quick and the laptop tier stay on the CPU even where there is a GPU, so that their figures can be compared.
    """
    import torch

    if tier() != "gpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    raise RuntimeError(
        "COURSE_TIER is 'gpu', but PyTorch sees neither a CUDA GPU nor Apple's MPS on this machine. "
        "Set COURSE_TIER=laptop to train on the CPU, or install a CUDA build of torch and torchvision."
    )


def has_fast_bfloat16(device: torch.device | str) -> bool:
    """Whether bfloat16 is worth using: on a CUDA GPU that has it; on a CPU only where the processor computes with it.

    A processor without it falls back to code some thirty times slower than float32.
    """
    import torch

    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        found = torch.cpu.get_capabilities()
        return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    return False


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's generators (all devices) with one number."""
    import numpy as np
    import torch

    seed = check_int("seed", seed, 0, 2**32 - 1)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  libraries that we call still draw from the old global generator
    torch.manual_seed(seed)


# --- folders -------------------------------------------------------------------------------------------------------


def _folder(variable: str, default: Path) -> Path:
    value = os.environ.get(variable, "").strip()
    return Path(value).expanduser().resolve() if value else default


def data_dir() -> Path:
    """Where published data sets lie: COURSE_DATA, else data/downloads in the project. May not exist yet."""
    return _folder("COURSE_DATA", PROJECT_ROOT / "data" / "downloads")


def cache_dir() -> Path:
    """Where rendered data is kept between runs: COURSE_CACHE, else data/cache in the project. May not exist yet."""
    return _folder("COURSE_CACHE", PROJECT_ROOT / "data" / "cache")


def runs_dir() -> Path:
    """Where trainings keep their checkpoints: COURSE_RUNS, else data/runs in the project. May not exist yet."""
    return _folder("COURSE_RUNS", PROJECT_ROOT / "data" / "runs")


def reference_dir() -> Path:
    """Where the committed reference runs lie, one JSON file a notebook: data/reference in the project."""
    return PROJECT_ROOT / "data" / "reference"


# --- the machine ---------------------------------------------------------------------------------------------------


def processor_name() -> str:
    """The processor's marketing name, as far as the operating system tells it."""
    import platform

    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def write_whole(path: Path, text: str) -> None:
    """Write a text file, readable by its owner alone, so that it is there whole or as it was before.

    Raises:
        OSError: it cannot be written, on a full disk for instance; nothing is left beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode(errors="replace"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)


def usable_cores() -> int:
    """How many processor cores this process may use, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hardware() -> str:
    """One line about the machine: usable cores, processor, and the GPU where this tier uses one."""
    import torch

    cores = usable_cores()
    line = f"{cores} core{'s' if cores > 1 else ''}, {processor_name()}"
    if tier() == "gpu" and torch.cuda.is_available():
        line += f", {torch.cuda.get_device_name()}"
    return line


def versions() -> dict[str, str]:
    """Versions that a measured figure depends on."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for package in ("torch", "torchvision", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def peak_memory_mb(children: bool = False) -> int:
    """The most memory that this process has held so far, in MB (10^6 bytes).

    Args:
        children: instead, the most that any single process it has started and waited for has held (not on Windows).
    """
    if sys.platform == "win32":
        import psutil

        return round(psutil.Process().memory_info().peak_wset / 1e6)
    import resource

    peak = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6)


# --- settings and reports ------------------------------------------------------------------------------------------


def show_markdown(text: str) -> None:
    """Display a text as Markdown in a notebook."""
    from IPython.display import Markdown, display

    display(Markdown(text))


def settings(**by_tier: Mapping[str, Any]) -> dict[str, Any]:
    """Show the three tiers' settings side by side and return those of the tier in force.

    Other seeds come from the environment variable COURSE_SEEDS, as in `0,1,2`, where the settings have `seeds`.

    Args:
        by_tier: one mapping for each of `quick`, `laptop`, `gpu`; all three with the same keys.

    Returns:
        The mapping of `tier()`, as a dict.
    """
    if set(by_tier) != set(TIERS):
        raise ValueError(f"settings must be given for {', '.join(TIERS)}, got {', '.join(by_tier) or 'none'}")
    keys = list(by_tier["quick"])
    for name, values in by_tier.items():
        if set(values) != set(keys):
            odd = sorted(set(values) ^ set(keys))
            raise ValueError(f"settings of tier {name!r} and tier 'quick' must have the same keys, differ in {odd}")
    now = tier()
    heads = [f"**{name}** (this run)" if name == now else name for name in TIERS]
    rows = ["| setting | " + " | ".join(heads) + " |", "|---|" + "---|" * len(TIERS)]
    rows += [f"| {key} | " + " | ".join(str(by_tier[name][key]) for name in TIERS) + " |" for key in keys]
    chosen = dict(by_tier[now])
    text = os.environ.get("COURSE_SEEDS", "")
    if text and "seeds" in chosen:
        if not re.fullmatch(r"\d+(,\d+)*", text):
            raise ValueError(f"COURSE_SEEDS must be whole numbers with commas between, as in 0,1,2; got {text!r}")
        chosen["seeds"] = tuple(int(seed) for seed in text.split(","))
        rows += ["", f"Seeds of this run, from `COURSE_SEEDS`: {text}."]
    show_markdown("\n".join(rows))
    return chosen


def summarize(values: Sequence[float], unit: str) -> dict[str, Any]:
    """Mean and spread (sample standard deviation; None for a single value) of one figure over seeds."""
    import statistics

    if not values:
        raise ValueError("values must hold at least one number, got an empty sequence")
    spread = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "spread": spread, "unit": unit}


def format_figure(figure: Mapping[str, Any]) -> str:
    """A figure as text: mean, ± spread where there is one, unit ('fraction' is shown as a bare number)."""
    text = f"{figure['mean']:.4g}"
    if figure.get("spread") is not None:
        text += f" ± {figure['spread']:.2g}"
    unit = figure.get("unit", "")
    return text if unit in ("", "fraction") else f"{text} {unit}"


def reference_runs(notebook: str) -> list[dict[str, Any]]:
    """The committed reference runs of a notebook, oldest first; an empty list if nobody has run it yet.

    Args:
        notebook: its number, as in '07'.
    """
    path = reference_dir() / f"{notebook}.json"
    if not path.exists():
        return []
    try:
        runs = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON ({error}); restore it with: git checkout -- {path}") from error
    if not isinstance(runs, list):
        raise ValueError(f"{path} must hold a list of runs, got a {type(runs).__name__}")
    return runs


def latest_reference(notebook: str, tier_name: str) -> dict[str, Any] | None:
    """The latest committed run of a notebook at a tier, or None where nobody has run it.

    A run of some parts alone (the variable COURSE_PARTS, recorded as "parts") does not hide what earlier runs found of
    the others: their figures are added, back to the latest run of everything. All else is the latest run's.
    """
    check_choice("tier_name", tier_name, TIERS)
    latest, taken = None, set()
    for run in reversed(reference_runs(notebook)):
        if run["tier"] != tier_name or run.get("parts") in taken:
            continue
        taken.add(run.get("parts"))
        latest = {**latest, "figures": {**run["figures"], **latest["figures"]}} if latest else run
        if "parts" not in run:
            break
    return latest


def report(notebook: str, figures: Mapping[str, Mapping[str, Any]], *, data: str, seeds: Sequence[int]) -> None:
    """Show this run's figures next to the committed reference runs of all three tiers.

    Where the variable COURSE_RECORD names a file, the run is written there too (tools/reference.py appends it to the
    committed ones).

    Args:
        notebook: its number, as in '07'.
        figures: name to {"mean", "spread", "unit"}, as `summarize` makes them.
        data: the data in words, as in 'CIFAR-10'.
        seeds: the seeds behind the figures.
    """
    now = tier()
    latest = {name: latest_reference(notebook, name) for name in TIERS}
    names = list(figures)
    for run in latest.values():
        names += [name for name in (run or {"figures": {}})["figures"] if name not in names]
    rows = [f"| figure | this run ({now}) | " + " | ".join(f"reference, {t}" for t in TIERS) + " |"]
    rows.append("|---|---|" + "---|" * len(TIERS))
    for name in names:
        cells = [format_figure(figures[name]) if name in figures else ""]
        for run in latest.values():
            if run is None:
                cells.append("not measured yet")
            else:
                cells.append(format_figure(run["figures"][name]) if name in run["figures"] else "")
        rows.append(f"| `{name}` | " + " | ".join(cells) + " |")
    seconds = round(time.perf_counter() - _STARTED)
    rows.append(
        f"| seconds, whole notebook | {seconds} | "
        + " | ".join(str(run["seconds"]) if run else "not measured yet" for run in latest.values())
        + " |"
    )
    rows.append(
        f"| peak memory, MB | {peak_memory_mb()} | "
        + " | ".join(str(run["peak_memory_mb"]) if run else "not measured yet" for run in latest.values())
        + " |"
    )
    show_markdown("\n".join(rows))
    for run in latest.values():
        if run:
            show_markdown(f"Reference, {run['tier']}: {run['data']}; {run['hardware']}; {run['date']}.")
    record = os.environ.get("COURSE_RECORD", "").strip()
    if record:
        run = {
            "tier": now,
            "data": data,
            "figures": {name: dict(figure) for name, figure in figures.items()},
            "seconds": seconds,
            "peak_memory_mb": peak_memory_mb(),
            "seeds": list(seeds),
            "hardware": hardware(),
            "versions": versions(),
        }
        Path(record).write_text(json.dumps(run, indent=1), encoding="utf-8")
