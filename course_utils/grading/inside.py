"""What runs inside the sandbox: a student's cells, then the calls that a job asks for. No right answer is in here.

Three kinds of process. The first one (process 1 of the sandbox) runs no student's code: it starts the second, watches
the clock, kills what overstays, and starts again without the cell that stopped it. The second runs the cells. It forks
a third for each question, so that a function that loops or ends its process costs its own question only.

The job comes as JSON on the standard input, the report leaves as JSON on the standard output.
"""

from __future__ import annotations

import ast
import base64
import builtins
import ctypes
import json
import math
import os
import re
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.exercises import judging, values

MAX_LINE = 24_000_000  # bytes of one question's results
MAX_ATTEMPTS = 20
PATIENCE = 3  # a question's seconds are processor time; it may take so many times as long on a machine that is busy
_SAVED = [
    (vars(module), dict(vars(module)))
    for module in (builtins, os, json, math, base64, select, time, np, values, judging, signal)
]


def _restore(saved: Any = _SAVED, update: Any = dict.update) -> None:
    """Undo what student code has replaced in the modules that this one relies on."""
    for live, kept in saved:
        update(live, kept)


# --- cells ------------------------------------------------------------------------------------------------------------


def _parsed(source: str) -> list[ast.stmt]:
    """The statements of a cell; lines for IPython (% and !) are left out if it does not read otherwise."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        if source.lstrip().startswith("%%"):
            return []
        return ast.parse(re.sub(r"^([ \t]*)[%!?].*$", r"\1pass", source, flags=re.MULTILINE)).body


def _is_definition(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        try:
            ast.literal_eval(statement.value)
            return True
        except ValueError:
            return False
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    return isinstance(statement, kinds)


def _run(statements: list[ast.stmt], number: int, namespace: dict[str, Any]) -> None:
    module = ast.Module(body=statements, type_ignores=[])
    exec(compile(module, f"<cell {number}>", "exec"), namespace)


def _run_cell(number: int, source: str, namespace: dict[str, Any], definitions_only: bool) -> str | None:
    """Run one cell; returns the error that stopped it. What it defines further down is defined all the same."""
    try:
        statements = _parsed(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"[:300]
    if definitions_only:
        statements = [statement for statement in statements if _is_definition(statement)]
    stopped = None
    for statement in statements:
        if stopped and not _is_definition(statement):
            continue
        try:
            _run([statement], number, namespace)
        except BaseException as error:
            stopped = stopped or f"{type(error).__name__}: {error}"[:300]
        finally:
            _restore()
    return stopped


# --- second and third process -----------------------------------------------------------------------------------------


def _send(pipe: int, message: Any) -> None:
    data = json.dumps(message).encode() + b"\n"
    while data:
        data = data[os.write(pipe, data) :]


def _results(question: dict[str, Any], namespace: dict[str, Any]) -> dict[str, Any]:
    variable = question["variable"]
    if variable not in namespace:
        return {"missing": variable}
    value = namespace[variable]
    if question["cases"] is None:
        return {"results": [{"value": values.pack(value)}]}
    if value is None or value is ...:
        return {"results": [{"value": values.pack(value)} for _ in question["cases"]]}
    if not callable(value):
        return {"kind": type(value).__name__}
    found = []
    for case in question["cases"]:
        arguments = [values.unpack(part, tensors=True) for part in case]
        try:
            given = value(*arguments)
        except BaseException as error:
            _restore()
            found.append({"raises": type(error).__name__, "message": str(error)[:300]})
        else:
            _restore()
            found.append({"value": values.pack(given)})
    return {"results": found}


def _answer(question: dict[str, Any], namespace: dict[str, Any], pipe: int) -> None:
    """Third process: one question's results, as one line."""
    try:
        message = {"question": question["name"], **_results(question, namespace)}
    except BaseException as error:
        _restore()
        message = {"question": question["name"], "stopped": f"{type(error).__name__}: {error}"[:300]}
    _send(pipe, message)


def _ask(question: dict[str, Any], namespace: dict[str, Any], pipe: int) -> str | None:
    """Let a third process answer one question; returns why it had to be stopped."""
    try:
        child = os.fork()
    except OSError:
        return "too many processes"
    if child == 0:
        try:
            most = math.ceil(time.process_time() + question["seconds"])
            resource.setrlimit(resource.RLIMIT_CPU, (most, most))
            _answer(question, namespace, pipe)
        finally:
            os._exit(0)
    why = f"not done within {question['seconds']:g} s"
    end = time.monotonic() + PATIENCE * question["seconds"]
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return why if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGXCPU) else None
        time.sleep(0.002)
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return why


def _load_and_answer(job: dict[str, Any], stopped: dict[int, int], left: list[dict[str, Any]], pipe: int) -> None:
    """Second process: all cells, then each question in a process of its own."""
    namespace: dict[str, Any] = {"__name__": "__main__", "display": lambda *_, **__: None}
    for number, source in job["cells"]:
        if stopped.get(number, 0) > 1:  # not even its definitions run
            continue
        _send(pipe, {"cell": number})
        error = _run_cell(number, source, namespace, definitions_only=number in stopped)
        if error:
            _send(pipe, {"cell": number, "error": error})
    for question in left:
        _send(pipe, {"asking": question["name"]})
        why = _ask(question, namespace, pipe)
        if why:  # it may have left processes behind: start anew for the next
            _send(pipe, {"question": question["name"], "stopped": why})
            _send(pipe, {"again": True})
            return
    _send(pipe, {"done": True})


# --- first process ----------------------------------------------------------------------------------------------------


def _memory_of_all() -> int:
    """Bytes that the other processes of this sandbox hold by themselves; 0 where there is no sandbox."""
    total = 0
    for statm in Path("/proc").glob("[0-9]*/statm") if os.getpid() == 1 else ():
        try:
            _, resident, shared, *_ = statm.read_text().split()
        except (OSError, ValueError):  # it has ended meanwhile
            continue
        total += int(resident) - int(shared)
    return total * resource.getpagesize()


def _end_all(child: int) -> None:
    """Kill every other process of this sandbox; without one, the group of the child."""
    while True:
        try:
            os.kill(-1, signal.SIGKILL) if os.getpid() == 1 else os.killpg(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.005)
        except ChildProcessError:
            return


def _attempt(job: dict[str, Any], report: dict[str, Any], stopped: dict[int, int], deadline: float) -> bool:
    """One go at the cells and at the questions that are left. True when everything has been asked."""
    left = [question for question in job["questions"] if question["name"] not in report["questions"]]
    if not left:
        return True
    seconds = {question["name"]: question["seconds"] for question in left}
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            os.close(reading)
            os.close(job["channel"])
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # readable to itself again, see main
            _load_and_answer(job, stopped, left, writing)
        finally:
            os._exit(0)
    os.close(writing)
    at: tuple[str, Any] = ("cell", -1)
    patience = time.monotonic() + job["cell_seconds"] + 10  # imports
    buffer, finished, again, why = b"", False, False, "its process ended"
    look = 0.0  # when memory is looked at next
    while not finished and not again:
        if time.monotonic() > min(patience, deadline):
            why = "not done in time"
            break
        if time.monotonic() > look:
            look = time.monotonic() + 0.1
            if _memory_of_all() > job["total_memory"]:
                why = "too much memory"
                break
        if not select.select([reading], [], [], 0.1)[0]:
            continue
        data = os.read(reading, 1 << 20)
        buffer += data
        if not data or len(buffer) > MAX_LINE:
            why = "too much output" if data else why
            break
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
                if "error" in message:
                    report["cells"][int(message["cell"])] = str(message["error"])[:300]
                elif "cell" in message:
                    at = ("cell", int(message["cell"]))
                    patience = time.monotonic() + job["cell_seconds"]
                elif "asking" in message and message["asking"] in seconds:
                    at = ("question", message["asking"])
                    patience = time.monotonic() + PATIENCE * seconds[message["asking"]] + 5
                elif message.get("question") in seconds:
                    report["questions"].setdefault(message["question"], message)
                elif "done" in message:
                    finished = True
                elif "again" in message:
                    again = True
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # student code may write into the pipe; it only harms itself
    os.close(reading)
    _end_all(child)
    kind, which = at
    if again:
        pass
    elif finished:
        for name in seconds:  # a process that ended without a word
            report["questions"].setdefault(name, {"question": name, "stopped": "its process ended"})
    elif kind == "question":
        report["questions"].setdefault(which, {"question": which, "stopped": why})
    else:
        stopped[which] = stopped.get(which, 0) + 1
        report["cells"][which] = why
    return finished


def _limit(job: dict[str, Any]) -> None:
    """Give up every privilege, and set limits that cannot be raised again."""
    if job["uid"] is not None:
        os.setgroups([])
        os.setgid(job["uid"])
        os.setuid(job["uid"])
    limits = {
        resource.RLIMIT_AS: job["memory"] + 16 * 10**9,  # libraries are mapped, not used
        resource.RLIMIT_DATA: job["memory"],
        resource.RLIMIT_FSIZE: job["file_size"],
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 256,
    }
    if os.getpid() == 1:
        limits[resource.RLIMIT_NPROC] = job["processes"]
    for which, most in limits.items():
        resource.setrlimit(which, (most, most))
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: student processes cannot look into this one


def main() -> None:
    """Read the job, run it, write the report."""
    job = json.load(sys.stdin)
    job["channel"] = channel = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    _limit(job)
    Path(os.environ["COURSE_EXERCISE"]).write_text(json.dumps(job["exercise"]), encoding="utf-8")
    report: dict[str, Any] = {"cells": {}, "questions": {}}
    stopped: dict[int, int] = {}  # how often each cell ended or outlasted its process
    deadline = time.monotonic() + job["seconds"]
    for _ in range(MAX_ATTEMPTS):
        if _attempt(job, report, stopped, deadline) or time.monotonic() >= deadline:
            break
    for question in job["questions"]:
        late = {"question": question["name"], "stopped": "the notebook as a whole took too long"}
        report["questions"].setdefault(question["name"], late)
    with os.fdopen(channel, "w") as out:
        json.dump(report, out)


if __name__ == "__main__":
    main()
