"""Make or mend the environment .venv: python tools/bootstrap.py [--extras test,ui] [--cpu 1] [--newest]

`make` calls this before everything else. It needs nothing but Python itself, and it is written so that Python 2.7 can
read it: only then can a Python that is too old say so in plain words. An install that was interrupted goes on at the
next call; one that is complete costs a fraction of a second.
"""

from __future__ import print_function

import argparse
import glob
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 13)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STATE = os.path.join(VENV, "course-install.json")
LOG = os.path.join(VENV, "pip.log")
DOWNLOADS = os.path.join(VENV, "downloads")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# GB of the finished environment, and of the packages that pip downloads for it and keeps until it is done. Measured for
# CUDA; without it, what remains when CUDA's and Triton's files are left out.
INSTALLED_GB = {"cuda": 6.7, "cpu": 1.9}
DOWNLOADED_GB = {"cuda": 2.8, "cpu": 0.6}


class Stop(Exception):
    """Ends the set-up with a text for the reader instead of a traceback."""


# --- which Python ----------------------------------------------------------------------------------------------------


def text(version):
    return ".".join(str(number) for number in version)


def supported(version):
    return version is not None and OLDEST <= tuple(version[:2]) <= NEWEST


def probe(command):
    """The (major, minor) of a Python command, or None where it does not exist or does not run."""
    try:
        with open(os.devnull, "w") as nowhere:
            out = subprocess.check_output(
                [command, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], stderr=nowhere
            )
        return tuple(int(number) for number in out.decode().strip().split("."))
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def find_python(probe=probe):
    """A supported Python on the PATH, as the command that starts it, or None."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        command = "python3.{}".format(minor)
        if supported(probe(command)):
            return command
    return None


def wrong_python(version, executable, other):
    message = "This course needs Python {} to {}; {} is Python {}.".format(
        text(OLDEST), text(NEWEST), executable, text(version)
    )
    if other:
        return "{}\n{} is on this machine. Choose it with: make lab PYTHON={}".format(message, other, other)
    return (
        "{}\nNo supported Python was found on the PATH. Install one (python.org, your system's package manager, "
        "conda or uv),\nthen choose it with: make lab PYTHON=python3.12".format(message)
    )


# --- room on the disk ------------------------------------------------------------------------------------------------


def folder_gb(path):
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                pass
    return total / 1e9


def check_disk(kind, folder=ROOT, usage=None, already=0.0):
    """Raise Stop where the disk has no room for the rest of an install; True where pip may also keep its downloads."""
    free = (usage or shutil.disk_usage)(folder).free / 1e9
    part = max(1 - already / INSTALLED_GB[kind], 0.05)
    needed = part * (INSTALLED_GB[kind] + DOWNLOADED_GB[kind])
    if free < needed:
        advice = "Free some space (README, 'Disk', says what may be deleted) and run the same command again."
        without_cuda = INSTALLED_GB["cpu"] + DOWNLOADED_GB["cpu"]
        if kind == "cuda" and free > without_cuda:
            advice += "\nWithout CUDA it takes about {:.1f} GB: make lab CPU=1".format(without_cuda)
        raise Stop(
            "The disk is too full: about {:.1f} GB are needed in {}, {:.1f} GB are free.\n{}".format(
                needed, folder, free, advice
            )
        )
    return free > needed + part * DOWNLOADED_GB[kind]


# --- the environment -------------------------------------------------------------------------------------------------


def venv_python(venv=None):
    return os.path.join(venv or VENV, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))


def read_state():
    try:
        with io.open(STATE, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def write_state(state):
    part = STATE + ".part"
    with io.open(part, "w", encoding="utf-8") as file:
        file.write(json.dumps(state, indent=1) + "\n")
    os.replace(part, STATE)


def wanted_key(version):
    """A fingerprint of everything an install depends on; tool settings in pyproject.toml do not count."""
    import tomllib

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        pyproject = tomllib.load(file)
    with open(os.path.join(ROOT, "constraints.txt"), "rb") as file:
        pins = file.read().decode("utf-8")
    parts = [pyproject["build-system"], pyproject["project"], pins, ROOT, list(version)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest()


def remove_half_installed(venv):
    """Forget packages whose installation was cut short (pip writes RECORD last), so that pip installs them again."""
    for info in glob.glob(os.path.join(venv, "lib", "python*", "site-packages", "*.dist-info")):
        record = os.path.join(info, "RECORD")
        if not os.path.exists(record) or os.path.getsize(record) == 0:
            shutil.rmtree(info)


def create_venv(python):
    print("Making the environment .venv with {} ...".format(python), flush=True)
    result = subprocess.run(
        [python, "-m", "venv", "--clear", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if result.returncode:
        raise Stop(explain_failure(result.stdout))


def pip_commands(python, extras, cpu, newest, keep_downloads=True):
    """The pip calls of an install, in order.

    CPU-only: torch and torchvision come from PyTorch's own index, both from the same build, and everything else,
    their dependencies included, from the usual one.
    """
    base = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--log", LOG]
    base += [] if keep_downloads else ["--no-cache-dir"]
    base += ["--upgrade"] if newest else ["--constraint", os.path.join(ROOT, "constraints.txt")]
    commands = []
    if cpu:
        commands.append(base + ["--index-url", CPU_INDEX, "--no-deps", "torch", "torchvision"])
    project = ROOT + ("[{}]".format(",".join(extras)) if extras else "")
    commands.append(base + ["--editable", project])
    return commands


def explain_failure(log):
    """pip's failure in plain words, with its last lines."""
    lines = [line.split(" ", 1)[-1] if line[:2] == "20" else line for line in log.splitlines()]  # without the time
    lines = [line.strip()[:200] for line in lines if line.strip() and "[present-rich]" not in line]
    last = []
    for line in [line for line in lines if line.lower().startswith(("error", "warning: retrying"))] or lines:
        if line not in last:
            last.append(line)
    log = log.lower()

    def seen(*signs):
        return any(sign in log for sign in signs)

    if seen("no space left on device", "errno 28", "disk quota exceeded"):
        reason = (
            "The disk is full. Free some space (README, 'Disk') and run the same command again: it goes on from here."
        )
    elif seen("certificate_verify_failed", "sslerror"):
        reason = (
            "The package index was reached, but its certificate was not accepted. Behind a company's or a university's "
            "proxy,\ntell pip its certificate: export PIP_CERT=/path/to/certificate.pem"
        )
    elif seen(
        "failed to establish a new connection",
        "newconnectionerror",
        "name or service not known",
        "temporary failure in name resolution",
        "getaddrinfo failed",
        "nodename nor servname",
        "network is unreachable",
        "connection refused",
        "connecttimeout",
        "readtimeout",
        "proxyerror",
        "connection broken",
        "remote end closed connection",
    ):
        reason = (
            "There is no connection to the package index: no network, or it broke off.\nThe installation needs a "
            "network, the installed course does not. Connect and run the same command again: it goes on from here."
        )
    elif seen("ensurepip is not available", "no module named venv", "no module named ensurepip"):
        reason = (
            "This Python cannot make environments: its 'venv' part is missing. On Debian and Ubuntu: "
            "sudo apt install python3-venv"
        )
    elif seen("no matching distribution found", "resolutionimpossible"):
        reason = (
            "A package does not exist in a version for this computer and this Python (see below). "
            "Another Python may help: make lab PYTHON=python3.12"
        )
    else:
        reason = "The installation failed. Run the same command again; if it fails again, report the lines below."
    return "{}\n\nThe last lines were:\n  {}".format(reason, "\n  ".join(last[-5:]))


def install(commands):
    """Run pip; its temporary files go beside the environment, for /tmp is small on some machines."""
    if os.path.exists(LOG):
        os.remove(LOG)
    os.mkdir(DOWNLOADS)
    try:
        for command in commands:
            if subprocess.call(command, env=dict(os.environ, TMPDIR=DOWNLOADS)):
                with open(LOG, "rb") as file:
                    file.seek(max(os.path.getsize(LOG) - 200000, 0))  # the whole log has some 40 MB
                    raise Stop(explain_failure(file.read().decode("utf-8", "replace")))
    finally:
        shutil.rmtree(DOWNLOADS, ignore_errors=True)
    os.remove(LOG)


def set_up(extras=(), cpu=None, newest=False, this_python=False):
    """Bring .venv to what is asked for; returns at once where it is there already.

    extras: names from pyproject.toml's optional dependencies. cpu: True or False, None keeps what is there.
    newest: the newest versions instead of the tested ones. this_python: rebuild where .venv has another Python.
    """
    state = read_state()
    python = venv_python()
    version = probe(python) if os.path.exists(python) else None
    kind_known = state.get("cpu", False)
    cpu = sys.platform.startswith("linux") and ((kind_known and state.get("finished", False)) if cpu is None else cpu)
    keep = supported(version) and cpu == kind_known and not (this_python and version != tuple(sys.version_info[:2]))
    if keep:
        done = state.get("finished") and state.get("key") == wanted_key(version) and set(extras) <= set(state["extras"])
        if done and not newest:
            return
        with open(os.devnull, "w") as nowhere:
            keep = subprocess.call([python, "-m", "pip", "--version"], stdout=nowhere, stderr=nowhere) == 0
    kind = "cuda" if sys.platform.startswith("linux") and not cpu else "cpu"
    if keep:
        shutil.rmtree(DOWNLOADS, ignore_errors=True)
        room = check_disk(kind, already=folder_gb(VENV))
        extras = sorted(set(extras) | set(state.get("extras", ())))
        if not state.get("finished"):
            remove_half_installed(VENV)
    else:
        shutil.rmtree(VENV, ignore_errors=True)  # first, so that its room counts as free
        room = check_disk(kind)
        create_venv(sys.executable)
        version = tuple(sys.version_info[:2])
    write_state({"finished": False, "cpu": cpu, "extras": sorted(extras)})
    print("Installing into .venv (a complete one takes {} GB) ...".format(INSTALLED_GB[kind]), flush=True)
    install(pip_commands(python, sorted(extras), cpu, newest, room))
    key = None if newest else wanted_key(version)
    write_state({"finished": True, "cpu": cpu, "extras": sorted(extras), "key": key})


def parse(arguments):
    parser = argparse.ArgumentParser(description="Make or mend the environment .venv.")
    parser.add_argument("--extras", default="", help="optional dependencies, as in test,ui")
    parser.add_argument("--cpu", choices=("0", "1"), help="1: PyTorch without CUDA, 0: with; default: as it is")
    parser.add_argument("--newest", action="store_true", help="newest versions instead of constraints.txt's")
    parser.add_argument("--this-python", action="store_true", help="use the Python that runs this, or stop")
    return parser.parse_args(arguments)


def main(arguments):
    version = tuple(sys.version_info[:2])
    options = parse(arguments)
    try:
        if not supported(version):
            other = find_python()
            if other is None or options.this_python:
                raise Stop(wrong_python(version, sys.executable, other))
            print("{} is Python {}; using {} instead.".format(sys.executable, text(version), other))
            sys.stdout.flush()
            os.execvp(other, [other, os.path.abspath(__file__)] + arguments)
        extras = [name for name in options.extras.split(",") if name]
        set_up(extras, None if options.cpu is None else options.cpu == "1", options.newest, options.this_python)
    except Stop as stop:
        print("\n{}".format(stop), file=sys.stderr)
        return 1
    except (IOError, OSError) as error:
        # A read-only folder, or a disk that filled up under us.
        print("\n{}".format(explain_failure("error: {}".format(error))), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again: it goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
