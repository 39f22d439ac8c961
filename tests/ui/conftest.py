"""A JupyterLab server and a Chromium for each browser test, with nothing of the user's in either."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import nbformat
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 180  # limits are generous: a loaded machine is slow, and only a broken one never gets there
HERE = {"127.0.0.1", "localhost", "::1"}


def wait_until(met: Callable[[], Any], what: str, seconds: float) -> Any:
    """Ask until the answer is true and return it; TimeoutError that says what was waited for."""
    end = time.monotonic() + seconds
    while not (answer := met()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.1)
    return answer


# --- the browser ------------------------------------------------------------------------------------------------------


@pytest.fixture
def browser() -> Iterator[Browser]:
    """The machine's own Chromium, headless; the test is skipped where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install -e '.[ui]'")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(BROWSERS)} is installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@dataclass
class Traffic:
    """Everything a page asked for: HTTP requests, WebSockets, files."""

    urls: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self.urls.append(request.url))
        page.on("websocket", lambda socket: self.urls.append(socket.url))

    def outside(self) -> list[str]:
        """What went to another machine."""
        remote = [url for url in self.urls if urlsplit(url).scheme in ("http", "https", "ws", "wss")]
        return [url for url in remote if urlsplit(url).hostname not in HERE]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page the size of a lecture hall's screen."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    page = context.new_page()
    yield page
    context.close()


@pytest.fixture
def traffic(page: Page) -> Traffic:
    traffic = Traffic()
    traffic.watch(page)
    return traffic


# --- the server -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab."""

    url: str
    token: str
    folder: Path
    log: Path

    def address(self, notebook: str) -> str:
        return f"{self.url}lab/tree/{notebook}?token={self.token}"


def _private_environment(home: Path) -> dict[str, str]:
    """This process's environment, with nothing in it that leads Jupyter or IPython into the user's folders."""
    dropped = ("JUPYTER", "IPYTHON", "XDG_", "MPL", "COURSE_", "PYTEST_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    environment |= {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_CONFIG_PATH": str(ROOT / "tools" / "jupyter"),  # what `make lab` uses
        "IPYTHONDIR": str(home / "ipython"),
        "COURSE_CACHE": str(home / "cache"),
        "COURSE_TIER": "quick",
        "OMP_NUM_THREADS": "1",
    }
    return environment


def _copy_without_outputs(source: Path, folder: Path) -> None:
    """Copy the notebooks and clear their outputs, so that whatever a test sees was made in front of its eyes."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for path in folder.rglob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.pop("widgets", None)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, path)


def _server_info(runtime: Path, process: subprocess.Popen[bytes], log: Path) -> dict[str, Any] | None:
    """What the server wrote about itself once it listens, None before."""
    if process.poll() is not None:
        raise RuntimeError(f"JupyterLab ended with status {process.returncode}:\n{log.read_text()[-3000:]}")
    try:
        info = json.loads(next(runtime.glob("jpserver-*.json")).read_text())
        with urllib.request.urlopen(f"{info['url']}api/status?token={info['token']}", timeout=10):
            return info
    except (StopIteration, json.JSONDecodeError, OSError):  # no file yet, half a file, nobody listens yet
        return None


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """JupyterLab on a free port, with the project's settings, over a copy of the notebooks; stopped after the test."""
    home, folder, log = tmp_path / "home", tmp_path / "notebooks", tmp_path / "lab.log"
    home.mkdir()
    _copy_without_outputs(ROOT / "notebooks", folder)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_private_environment(home),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            info = wait_until(
                lambda: _server_info(home / "runtime", process, log), "JupyterLab to listen", START_SECONDS
            )
            yield Lab(info["url"], info["token"], folder, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # the group that start_new_session gave it: server and kernels
                process.wait()
