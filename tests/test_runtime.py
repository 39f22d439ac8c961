"""Tier, device, seeds, folders and the report of a run."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from course_utils import runtime


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(runtime, "show_markdown", texts.append)
    return texts


@pytest.fixture
def references(monkeypatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(runtime, "reference_dir", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("value", [2, np.int64(2)])
def test_check_int_accepts(value: object) -> None:
    assert runtime.check_int("stride", value, 1) == 2
    assert type(runtime.check_int("stride", value, 1)) is int


@pytest.mark.parametrize("value", [0, -1, 1.0, "1", None, True])
def test_check_int_refuses(value: object) -> None:
    with pytest.raises(ValueError, match=rf"stride must be an integer of at least 1, got {value!r}"):
        runtime.check_int("stride", value, 1)
    with pytest.raises(ValueError, match="seed must be an integer from 0 to 9, got 10"):
        runtime.check_int("seed", 10, 0, 9)


def test_check_choice() -> None:
    assert runtime.check_choice("mode", "zeros", ("zeros", "replicate")) == "zeros"
    with pytest.raises(ValueError, match="mode must be one of 'zeros', 'replicate', got 'mirror'"):
        runtime.check_choice("mode", "mirror", ("zeros", "replicate"))


def test_tier(monkeypatch) -> None:
    monkeypatch.delenv("COURSE_TIER", raising=False)
    assert runtime.tier() == "quick"
    for value in ("", "quick", " laptop ", "gpu"):
        monkeypatch.setenv("COURSE_TIER", value)
        assert runtime.tier() == (value.strip() or "quick")
    monkeypatch.setenv("COURSE_TIER", "fast")
    with pytest.raises(ValueError, match="COURSE_TIER must be one of quick, laptop, gpu, got 'fast'"):
        runtime.tier()


def test_device_by_tier(monkeypatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for tier, wanted in {"quick": "cpu", "laptop": "cpu", "gpu": "cuda"}.items():
        monkeypatch.setenv("COURSE_TIER", tier)
        assert runtime.device().type == wanted
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert runtime.device().type == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="COURSE_TIER=laptop"):
        runtime.device()


def test_fast_bfloat16_follows_the_processor(monkeypatch) -> None:
    import torch

    for found, wanted in [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx2": True}, False)]:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=found: found, raising=False)
        assert runtime.has_fast_bfloat16("cpu") is wanted
    assert runtime.has_fast_bfloat16("mps") is False


def test_seed_everything_seeds_all_three() -> None:
    import torch

    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002

    runtime.seed_everything(7)
    first = draw()
    assert draw() != first
    runtime.seed_everything(7)
    assert draw() == first
    with pytest.raises(ValueError, match="seed must be an integer from 0"):
        runtime.seed_everything(-1)


@pytest.mark.parametrize(
    ("function", "variable", "default"),
    [
        (runtime.data_dir, "COURSE_DATA", "data/downloads"),
        (runtime.cache_dir, "COURSE_CACHE", "data/cache"),
        (runtime.runs_dir, "COURSE_RUNS", "data/runs"),
    ],
)
def test_folders(monkeypatch, tmp_path: Path, function, variable: str, default: str) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "here"))
    assert function() == tmp_path / "here"
    assert not function().exists(), "asking for a folder makes none"
    monkeypatch.setenv(variable, "~/there")
    assert function() == Path.home() / "there"
    monkeypatch.setenv(variable, " ")
    assert function() == runtime.PROJECT_ROOT / default


def test_settings_show_all_tiers_and_return_one(monkeypatch, shown: list[str]) -> None:
    monkeypatch.setenv("COURSE_TIER", "laptop")
    tiers = {"quick": {"epochs": 1}, "laptop": {"epochs": 20}, "gpu": {"epochs": 40}}
    assert runtime.settings(**tiers) == {"epochs": 20}
    assert "| setting | quick | **laptop** (this run) | gpu |" in shown[0]
    assert "| epochs | 1 | 20 | 40 |" in shown[0]
    with pytest.raises(ValueError, match="must be given for quick, laptop, gpu, got quick"):
        runtime.settings(quick={})
    with pytest.raises(ValueError, match=r"same keys, differ in \['batch'\]"):
        runtime.settings(quick={}, laptop={"batch": 1}, gpu={})


def test_settings_take_other_seeds_from_the_environment(monkeypatch, shown: list[str]) -> None:
    monkeypatch.setenv("COURSE_TIER", "quick")
    monkeypatch.setenv("COURSE_SEEDS", "3,10")
    tiers = {name: {"seeds": (0,), "epochs": 1} for name in ("quick", "laptop", "gpu")}
    assert runtime.settings(**tiers) == {"seeds": (3, 10), "epochs": 1}
    assert "from `COURSE_SEEDS`: 3,10" in shown[0]
    assert runtime.settings(quick={}, laptop={}, gpu={}) == {}, "no seeds, nothing to replace"
    for wrong in ("0 1", "one", "-1", "0,", "0.5"):
        monkeypatch.setenv("COURSE_SEEDS", wrong)
        with pytest.raises(ValueError, match="COURSE_SEEDS must be whole numbers .* got '" + wrong):
            runtime.settings(**tiers)
    monkeypatch.setenv("COURSE_SEEDS", "")
    assert runtime.settings(**tiers)["seeds"] == (0,)


def test_summarize_and_format() -> None:
    assert runtime.summarize([0.5], "fraction") == {"mean": 0.5, "spread": None, "unit": "fraction"}
    figure = runtime.summarize([1.0, 2.0, 3.0], "s")  # sample standard deviation of 1, 2, 3: 1
    assert figure == {"mean": 2.0, "spread": 1.0, "unit": "s"}
    assert runtime.format_figure(figure) == "2 ± 1 s"
    assert runtime.format_figure({"mean": 0.91234, "spread": None, "unit": "fraction"}) == "0.9123"
    with pytest.raises(ValueError, match="values must hold at least one number"):
        runtime.summarize([], "s")


def record(tier: str, value: float, **more) -> dict:
    figures = {"accuracy": {"mean": value, "spread": None, "unit": "fraction"}}
    return {
        "tier": tier,
        "data": "D",
        "figures": figures,
        "seconds": 7,
        "peak_memory_mb": 9,
        "hardware": "H",
        "date": "T",
    } | more


def test_the_latest_reference_run_counts(references: Path) -> None:
    assert runtime.reference_runs("07") == [] and runtime.latest_reference("07", "gpu") is None
    (references / "07.json").write_text(json.dumps([record("laptop", 0.1), record("laptop", 0.2), record("gpu", 0.3)]))
    assert runtime.latest_reference("07", "laptop")["figures"]["accuracy"]["mean"] == 0.2
    assert runtime.latest_reference("07", "quick") is None
    with pytest.raises(ValueError, match="tier_name must be one of"):
        runtime.latest_reference("07", "fast")


def test_a_run_of_one_part_does_not_hide_the_others(references: Path) -> None:
    def part(name: str, **figures: float) -> dict:
        run = record("laptop", 0.1) | {"parts": name}
        return run | {"figures": {key: {"mean": value, "spread": None, "unit": ""} for key, value in figures.items()}}

    runs = [record("laptop", 0.9), part("a", a=1.0), part("b", b=2.0, shared=2.0), part("a", a=3.0), record("gpu", 0.3)]
    (references / "07.json").write_text(json.dumps(runs))
    found = runtime.latest_reference("07", "laptop")
    assert found["parts"] == "a"
    means = {name: figure["mean"] for name, figure in found["figures"].items()}
    assert means == {"a": 3.0, "b": 2.0, "shared": 2.0, "accuracy": 0.9}
    (references / "07.json").write_text(json.dumps([*runs, record("laptop", 0.8)]))
    assert list(runtime.latest_reference("07", "laptop")["figures"]) == ["accuracy"], "a whole run hides all before it"


@pytest.mark.parametrize(
    ("text", "words"), [("[{", "is not valid JSON"), ("{}", "must hold a list of runs, got a dict")]
)
def test_a_damaged_reference_file_is_named(references: Path, text: str, words: str) -> None:
    (references / "07.json").write_text(text)
    with pytest.raises(ValueError, match=rf"07\.json {words}"):
        runtime.reference_runs("07")


def test_report_puts_the_run_beside_the_references(
    monkeypatch, references: Path, shown: list[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("COURSE_TIER", "quick")
    monkeypatch.setenv("COURSE_RECORD", str(tmp_path / "record.json"))
    (references / "07.json").write_text(json.dumps([record("laptop", 0.875)]))
    runtime.report("07", {"loss": runtime.summarize([1.5, 2.5], "nats")}, data="Toyland", seeds=[0, 1])
    table = shown[0].splitlines()
    assert table[0].split(" | ")[1:] == [
        "this run (quick)",
        "reference, quick",
        "reference, laptop",
        "reference, gpu |",
    ]
    assert table[2] == "| `loss` | 2 ± 0.71 nats | not measured yet |  | not measured yet |"
    assert table[3] == "| `accuracy` |  | not measured yet | 0.875 | not measured yet |"
    written = json.loads((tmp_path / "record.json").read_text())
    assert written["tier"] == "quick" and written["seeds"] == [0, 1] and written["figures"]["loss"]["mean"] == 2.0
    assert {"hardware", "versions", "seconds", "peak_memory_mb", "data"} <= set(written)


def test_machine_facts() -> None:
    assert runtime.peak_memory_mb() > 10
    cores = runtime.usable_cores()
    assert runtime.hardware().startswith(f"{cores} core{'s' if cores > 1 else ''}, ")
    assert {"python", "torch", "torchvision", "numpy"} == set(runtime.versions())


def test_a_file_that_cannot_be_written_stays_as_it_was(monkeypatch, tmp_path: Path) -> None:
    runtime.write_whole(tmp_path / "new" / "file", "one")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runtime.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        runtime.write_whole(tmp_path / "new" / "file", "two")
    assert [path.read_text() for path in (tmp_path / "new").iterdir()] == ["one"]
