"""The learner's side of the exercises: verdicts, hints, solutions, progress; without errors, without a network."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import numpy as np
import pytest

from course_utils.exercises import answer, ask, begin, check, hint, learner, progress, solution
from course_utils.exercises.judging import judge, outcomes, show
from course_utils.exercises.values import Other, pack, unpack
from course_utils.grading import release
from course_utils.grading.assignment import folders, load

EX02 = next(folder for folder in folders() if folder.name.startswith("ex02"))
STUDENT = "1234567"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    release.write(load(EX02), folder)
    return folder


@pytest.fixture
def begun(released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(released / EX02.name)
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path))
    monkeypatch.setattr(socket, "socket", None)  # no network
    begin(EX02.name, student=STUDENT)
    assert capsys.readouterr().out.splitlines() == [
        "Exercise 02 · Convolution arithmetic: 7 questions, 16 points.",
        f"The numbers are those of student {STUDENT!r}.",
    ]
    return released


def given(question: str) -> dict:
    """What `ask` returns, without what it shows."""
    asked = learner._question(question)
    return unpack(learner._variant(question, learner.unveil(asked["variants"]))["given"])


def right_sizes() -> list[int]:
    return [(n + 2 * p - f) // s + 1 for n, f, s, p in given("q1")["layers"]]


def test_ask_returns_the_numbers_it_shows(begun: Path) -> None:
    assert ask("q1") == given("q1")
    assert set(ask("q6")) == {"in_channels", "out_channels", "kernel_size", "side"}


def test_right_and_known_mistakes(begun: Path) -> None:
    assert answer("q1", right_sizes()) == "right"
    assert answer("q1", tuple(map(float, right_sizes()))) == "right"
    assert answer("q1", np.array(right_sizes())) == "right"
    assert "you took the ceiling" in answer("q1", [-((f - n - 2 * p) // s) + 1 for n, f, s, p in given("q1")["layers"]])
    image, kernel = (np.array(given("q2")[name]) for name in ("image", "kernel"))
    flipped = [[(image[i : i + 3, j : j + 3] * kernel[::-1, ::-1]).sum() for j in range(2)] for i in range(2)]
    assert "kernel flipped" in answer("q2", flipped)


def test_everything_else_gets_a_reason_and_not_the_answer(begun: Path) -> None:
    assert answer("q1", [1, 2]) == "not yet: the shape must be (4,), this is (2,)."
    assert answer("q1", [1, 2, 3, 4]).startswith("not yet: this is not the number.")
    assert answer("q1", object()) == "not yet: this is neither numbers nor a word, but a object."
    assert answer("q1", "many").startswith("not yet")
    assert answer("q4", 7) == "not yet: a function is asked for, this is a int."


@pytest.mark.parametrize("value", [..., None, [..., 1, 2, 3], lambda *a: ..., lambda *a: None])
def test_placeholders_are_not_answered_yet(begun: Path, value: object) -> None:
    assert answer("q4" if callable(value) else "q1", value) == "not answered yet"


def test_the_smallest_failing_case_is_shown(begun: Path) -> None:
    def shape(height, width, kernel, stride, padding):
        return height - kernel[0] + 1, width - kernel[1] + 1

    said = answer("q3", shape)
    assert said == (
        "not yet: For height=6, width=9, kernel=(3, 3), stride=2, padding=1: expected (3, 5), received (4, 7)."
    )
    assert "height and width swapped" in answer("q3", lambda h, w, k, s, p: _shape(h, w, k, s, p)[::-1])
    assert answer("q3", _shape) == "right"


def _shape(height, width, kernel, stride, padding):
    return tuple((n + 2 * padding - k) // stride + 1 for n, k in zip((height, width), kernel, strict=True))


def _raise(error: BaseException):
    raise error


class Hostile:
    def __eq__(self, other):
        return True

    __hash__ = None

    def __repr__(self):
        raise RuntimeError

    def __array__(self, *args, **kwargs):
        raise ValueError


ODD = [float("nan"), [[1], 2], {1: 2}, "word", b"bytes", Hostile(), np.array(["a"]), 10**400, [[[[[[[[[[1]]]]]]]]]]]
ODD_FUNCTIONS = [
    lambda: 1,
    lambda *a: 1 / 0,
    lambda *a: _raise(SystemExit()),
    lambda *a: _raise(RuntimeError("\ud800")),
    lambda *a: Hostile(),
    lambda image, *a: image.fill(9),
    print,
    int,
]


@pytest.mark.parametrize("question", ["q1", "q4", "q7", "q99", None, 3])
def test_nothing_raises(begun: Path, question: object) -> None:
    for value in [*ODD, *ODD_FUNCTIONS]:
        check(question, value)
    for call in (ask, hint, solution):
        call(question)
    progress()


def test_nothing_raises_before_begin_or_without_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path / "runs"))
    learner._now.clear()
    check("q1", 3)
    begin("ex99_nothing")
    assert "no assignment is begun" in capsys.readouterr().out
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "exercises.json").write_text("[broken")
    progress()
    assert capsys.readouterr().out == "Nothing yet.\n"


def test_hints_come_in_layers(begun: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(4):
        hint("q1")
    said = capsys.readouterr().out
    assert [said.count(f"Hint {n} of 3") for n in (1, 2, 3)] == [1, 1, 2]
    assert 'solution("q1", stuck=True)' in said


def test_solution_waits_for_an_attempt_and_for_the_instructor(begun: Path, capsys: pytest.CaptureFixture[str]) -> None:
    solution("q1")
    assert "Try it first" in capsys.readouterr().out
    check("q1", [1, 2, 3, 4])
    solution("q1")
    assert "The solutions are not here yet" in capsys.readouterr().out


def test_solution_shows_the_way_with_the_student_s_own_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release.write(load(EX02), tmp_path, with_solutions=True)
    monkeypatch.chdir(tmp_path / EX02.name)
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path / "runs"))
    shown: list[str] = []
    monkeypatch.setattr(learner.runtime, "show_markdown", shown.append)
    begin(EX02.name, student=STUDENT)
    solution("q1", stuck=True)
    solution("q4", stuck=True)
    assert all(f"**{size}**" in shown[0] for size in right_sizes())
    assert "def dilated" in shown[1] and "SOLUTION" not in shown[1]


def test_progress_is_one_small_file_that_a_later_session_reads(
    begun: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check("q1", [1, 2, 3, 4])
    check("q1", right_sizes())
    check("q3", ...)
    hint("q3")
    assert [path.name for path in tmp_path.iterdir()] == ["exercises.json"]
    assert (tmp_path / "exercises.json").stat().st_size < 2_000
    kept = json.loads((tmp_path / "exercises.json").read_text())[EX02.name]
    assert kept["q1"]["attempts"] == 2 and kept["q1"]["right"] and kept["q3"] == {"hints": 1}
    begin(EX02.name, student=STUDENT)
    capsys.readouterr()
    progress()
    assert capsys.readouterr().out.splitlines()[:4] == [
        f"{EX02.name}: 1 of 7 right",
        "  q1   right     attempts 2",
        "  q2   not tried",
        "  q3   not tried hints 1",
    ]


def test_progress_that_cannot_be_written_is_kept_in_memory(
    begun: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COURSE_RUNS", "/proc/nowhere")
    check("q1", right_sizes())
    progress()
    assert capsys.readouterr().out.startswith(f"right\n{EX02.name}: 1 of 7 right")


def test_running_a_source_leaves_the_learner_s_progress_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EX02)
    monkeypatch.setenv("COURSE_RUNS", str(tmp_path))
    begin(EX02.name)
    check("q1", [1, 2, 3, 4])
    assert list(tmp_path.iterdir()) == []


def test_variants_hang_on_the_student_and_spread() -> None:
    numbers = [learner.variant_number("ex02", "q1", str(student), 24) for student in range(500)]
    assert set(numbers) == set(range(24))
    assert learner.variant_number("ex02", "q1", " Ada ", 24) == learner.variant_number("ex02", "q1", "ada", 24)
    assert numbers != [learner.variant_number("ex02", "q2", str(student), 24) for student in range(500)]


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [None, True, 3, -2.5, float("inf"), "text", ..., [1, (2, [3.0])], {"a": (1,), 2: [None]}, np.float32(2)]
)
def test_values_come_back_as_they_were(value: object) -> None:
    found = unpack(json.loads(json.dumps(pack(value))))
    assert found == value
    assert isinstance(value, np.generic) or type(found) is type(value)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float32, np.float64])
def test_arrays_and_tensors_come_back_as_they_were(dtype: type) -> None:
    import torch

    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    found = unpack(json.loads(json.dumps(pack(array))))
    assert found.dtype == array.dtype and np.array_equal(found, array)
    found[0] = 1  # may be written to
    tensor = unpack(pack(torch.from_numpy(array).requires_grad_(array.dtype.kind == "f")), tensors=True)
    assert isinstance(tensor, torch.Tensor) and np.array_equal(tensor.numpy(), array)
    assert unpack(pack(np.zeros((0, 3)))).shape == (0, 3)


def test_what_is_no_value_becomes_its_name() -> None:
    for value, name in ((object(), "object"), (len, "builtin_function"), (np.array(["a"]), "<U1"), ({1}, "set")):
        found = unpack(pack(value))
        assert isinstance(found, Other) and name in found.name
    big = np.broadcast_to(np.ones(1), (50_000, 50_000))
    assert "too large" in unpack(pack(big)).name


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"pickle": "x"},
        {"array": "AAAA", "dtype": "O", "shape": [1]},
        {"array": "AAAA", "dtype": "f8", "shape": [9]},
        {"array": "AAAA", "dtype": "f8", "shape": "x"},
        {"list": 3},
        [1],
    ],
)
def test_forged_values_are_refused(data: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        unpack(data)


# --- judging ----------------------------------------------------------------------------------------------------------


def test_accuracy_is_judged_by_a_bar_and_its_mistakes_are_named() -> None:
    truth = np.arange(40) % 4
    sheet = {"cases": [[]], "expected": [{"value": pack(truth)}], "slips": [], "tolerance": 0, "bar": 0.8}

    def verdict(labels: object):
        return judge(sheet, [{"value": pack(labels)}])

    wrong = truth.copy()
    wrong[:8] = (wrong[:8] + 2) % 4
    assert verdict(truth).right and verdict(list(map(int, truth))).right and verdict(wrong).right
    wrong[8] = (wrong[8] + 2) % 4
    assert verdict(wrong) == (False, "not yet: 0.78 of the labels are right, 0.80 is asked for.", "below", 0)
    assert verdict(np.eye(4)[truth]).slip == "scores"
    assert verdict(truth + 1).slip == "shifted"
    assert verdict(np.zeros(40)).slip == "constant"
    assert verdict(truth[:5]).slip == "count"
    assert verdict("word").slip == "kind"


def test_errors_count_as_results() -> None:
    def right(n):
        if n < 0:
            raise ValueError("n must be at least 0")
        return n

    cases = [[1], [-1]]
    sheet = {"cases": cases, "expected": outcomes(right, cases), "slips": [], "tolerance": 0, "arguments": ["n"]}
    assert judge(sheet, outcomes(right, cases)).right
    assert judge(sheet, outcomes(abs, cases)).message == "not yet: For n=-1: a ValueError is asked for, it gave 1."
    assert "it stops with ZeroDivisionError" in judge(sheet, outcomes(lambda n: n / 0, cases)).message


def test_values_are_shown_short() -> None:
    assert show(np.zeros((2, 2))) == "[[0., 0.], [0., 0.]]"
    assert show(np.arange(100)).startswith("shape (100,), first numbers [0, 1, 2, 3, 4, 5]")
    assert len(show("x" * 10_000)) < 300 and len(show(list(range(1000)))) < 300
