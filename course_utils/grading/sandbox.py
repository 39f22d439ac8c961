"""The sandbox: one bubblewrap process a submission, without network, with its own processes and files, and with limits.

What is visible inside: the system's and Python's libraries and `course_utils`, read-only, and two small folders in
memory that may be written to. Not visible: assignments' sources, the grade book, other submissions, the user's files.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from course_utils import runtime

MAX_REPORT = 64_000_000  # bytes
_UIDS = range(61_000, 61_512)  # nobody's
_ROOT = "/course"  # where the course lies inside
_SCRATCH = "/tmp"  # the sandbox's own, empty and in memory: nothing of the machine's is seen there


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    seconds: for everything; cell_seconds: for one cell.
    memory: bytes of one process; total_memory: of all processes of the submission.
    processes: how many at once. file_size: bytes of a file, and of the folders in memory.
    """

    seconds: float = 90
    cell_seconds: float = 20
    memory: int = 3_000_000_000
    total_memory: int = 4_000_000_000
    processes: int = 40
    file_size: int = 64_000_000


class Result(NamedTuple):
    """What came out: a report, or None and the reason. `overstepped` tells that the submission's own doing ended it."""

    report: dict[str, Any] | None
    why: str = ""
    overstepped: bool = False


def _python() -> tuple[str, list[str]]:
    """The interpreter's path inside, and the folders it needs."""
    prefix, base = Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()
    folders = [str(folder) for folder in dict.fromkeys((base, prefix)) if not folder.is_relative_to("/usr")]
    return str(prefix / "bin" / "python"), folders


def _environment() -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": _SCRATCH,
        "USER": "student",
        "LANG": "C.UTF-8",
        "PYTHONPATH": _ROOT,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": _SCRATCH,
        "COURSE_CACHE": f"{_SCRATCH}/cache",
        "COURSE_RUNS": f"{_SCRATCH}/runs",
        "COURSE_EXERCISE": f"{_SCRATCH}/exercise.json",
    }


def _as_root() -> bool:
    return os.geteuid() == 0


def command(file_size: int = Limits.file_size) -> list[str]:
    """The command line of the sandbox, up to the program that runs in it."""
    line = ["bwrap", "--die-with-parent", "--new-session", "--as-pid-1", "--hostname", "exercise"]
    line += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if _as_root():  # limits on processes do not bind root, so inside.py becomes nobody and needs the right to
        line += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        line += ["--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534"]
    line += ["--proc", "/proc", "--dev", "/dev"]
    for folder in (_SCRATCH, "/dev/shm"):
        line += ["--perms", "1777", "--size", str(file_size), "--tmpfs", folder]
    inside = [*_python()[1], f"{_ROOT}/data"]
    for folder in dict.fromkeys(str(parent) for path in inside for parent in [*Path(path).parents][-2::-1]):
        if folder != _SCRATCH:
            line += ["--perms", "0755", "--dir", folder]  # what bubblewrap makes by itself only root may enter
    line += ["--perms", "0755", "--dir", f"{_ROOT}/data"]
    for folder in ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"):
        line += ["--ro-bind-try", folder, folder]
    for folder in _python()[1]:
        line += ["--ro-bind", folder, folder]
    for part in ("course_utils", "data/weights", "data/reference"):
        line += ["--ro-bind-try", str(runtime.PROJECT_ROOT / part), f"{_ROOT}/{part}"]
    line += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", _SCRATCH, "--clearenv"]
    for name, value in _environment().items():
        line += ["--setenv", name, value]
    return [*line, "--"]


@contextlib.contextmanager
def _own_uid() -> Iterator[int]:
    """A user id that no other sandbox on this machine has, so that limits on a user's processes are its own.

    A socket's name marks it as taken: Linux gives the name back by itself when the process that holds it ends.
    """
    with socket.socket(socket.AF_UNIX) as mark:
        for uid in _UIDS:
            try:
                mark.bind(f"\0course_utils.grading.{uid}")
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                yield uid
                return
    raise RuntimeError(f"{len(_UIDS)} sandboxes run on this machine already; try again when some have ended")


@functools.cache
def trouble() -> str | None:
    """Why there is no sandbox on this machine, or None if there is one."""
    if shutil.which("bwrap") is None:
        return (
            "bubblewrap is not installed (Debian, Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap)"
        )
    code = "import os"
    if _as_root():
        code += f"; os.setgid({_UIDS[0]}); os.setuid({_UIDS[0]})"
    code += "; import numpy.random, course_utils.grading.inside; print(os.getpid())"
    found = subprocess.run([*command(), _python()[0], "-c", code], capture_output=True, text=True, timeout=60)
    if found.returncode == 0 and found.stdout == "1\n":
        return None
    return f"bubblewrap does not work here: {found.stderr.strip()[-500:] or f'it ended with {found.returncode}'}"


def _watch(process: subprocess.Popen, limits: Limits) -> Result:
    """Read the report; ends the sandbox in any case. inside.py watches time and memory itself."""
    deadline = time.monotonic() + limits.seconds + 30
    chunks, size, why = [], 0, ""
    try:
        while not why:
            if select.select([process.stdout], [], [], 1)[0]:
                data = os.read(process.stdout.fileno(), 1 << 20)
                if not data:
                    break
                chunks.append(data)
                size += len(data)
            if size > MAX_REPORT:
                why = "it gave back more than could be read"
            elif time.monotonic() > deadline:
                why = "it took too long"
    finally:
        process.kill()  # the sandbox dies with it
        process.wait()
        process.stdout.close()
    if why:
        return Result(None, why, True)
    try:
        return Result(json.loads(b"".join(chunks)))
    except ValueError:
        return Result(None, "the sandbox ended without a report")


def run(job: dict[str, Any], limits: Limits, sandboxed: bool = True) -> Result:
    """Run one job of `inside.py` and return its report.

    Args:
        job: 'cells', 'questions' and 'exercise', as `marking.job` makes it.
        limits: what it may use.
        sandboxed: False runs it as a plain process: for one's own code only.
    """
    with _own_uid() if sandboxed and _as_root() else contextlib.nullcontext() as uid:
        return _run(job, limits, sandboxed, uid)


def _run(job: dict[str, Any], limits: Limits, sandboxed: bool, uid: int | None) -> Result:
    settings = {
        "uid": uid,
        "seconds": limits.seconds,
        "cell_seconds": limits.cell_seconds,
        "memory": limits.memory,
        "total_memory": limits.total_memory,
        "file_size": limits.file_size,
        "processes": limits.processes,
    }
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as errors:
        given.write(json.dumps({**job, **settings}).encode())
        given.seek(0)
        environment = None
        line = [*command(limits.file_size), _python()[0], "-m", "course_utils.grading.inside"]
        if not sandboxed:
            line = [sys.executable, "-m", "course_utils.grading.inside"]
            own = {"COURSE_EXERCISE": f"{folder}/exercise.json", "PYTHONPATH": str(runtime.PROJECT_ROOT)}
            environment = {**_environment(), "COURSE_CACHE": f"{folder}/cache", "COURSE_RUNS": folder, **own}
        process = subprocess.Popen(
            line, stdin=given, stdout=subprocess.PIPE, stderr=errors, env=environment, start_new_session=True
        )
        result = _watch(process, limits)
        if result.report is None and not result.overstepped:
            errors.seek(0)
            said = errors.read(2000).decode(errors="replace").strip().splitlines()
            return Result(None, result.why + (f" ({said[-1]})" if said else ""))
        return result
