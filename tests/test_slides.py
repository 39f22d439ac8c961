"""Slides: what a deck shows, that it names nothing outside its folder, and what is said when npm cannot help.

tests/ui/test_deck.py opens a deck in a browser.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("slides", ROOT / "tools" / "slides.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


slides = _load()
needs_npm = pytest.mark.skipif(
    shutil.which("npm") is None and bool(slides.missing_packages(ROOT)),
    reason="npm is not installed, and node_modules does not hold the slides' packages",
)


def _prose(source: str, kind: str = "slide") -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}})


def _code(source: str, *bundles: dict, tags: tuple[str, ...] = (), kind: str = "-") -> nbformat.NotebookNode:
    outputs = [nbformat.v4.new_output("display_data", data=bundle) for bundle in bundles]
    metadata = {"slideshow": {"slide_type": kind}, "tags": list(tags)}
    return nbformat.v4.new_code_cell(source, metadata=metadata, outputs=outputs, execution_count=1)


def small_notebook() -> nbformat.NotebookNode:
    view = {slides.WIDGET_VIEW: {"model_id": "m1", "version_major": 2, "version_minor": 0}}
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    )
    notebook.cells = [
        _prose("# Sums\n\nSee [the next one](03_next.ipynb) and [another](09_other.ipynb)."),
        _prose("SKIPPED-PROSE", "skip"),
        _code("'SKIPPED-CODE'", kind="skip"),
        _code("explorer()", {**view, "text/html": "<b>STILL-PICTURE</b>", "text/plain": "VBox()"}),
        _code("progress()", {**view, "text/plain": "PROGRESS-BAR"}),
        _code("table()", {"text/markdown": "[again](./03_next.ipynb#sums)"}),
        _code("'HIDDEN-INPUT'", {"text/plain": "shown"}, tags=("hide-input",)),
        _code("'REMOVED'", {"text/plain": "REMOVED"}, tags=("remove-cell",)),
        _prose("A formula, $a_1 < b$, at last.", "fragment"),
        _prose("<details><summary>Solution</summary>\n\nFOLDED `x`\n\n</details>", "fragment"),
        _prose("SPEAKER-NOTE", "notes"),
    ]
    return notebook


class _Addresses(HTMLParser):
    """Every address that a page loads by itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}
        self.found += [value for name, value in attrs if name == names.get(tag) and value]


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slides")
    for name in ("02_sums", "03_next"):
        nbformat.write(small_notebook(), folder / f"{name}.ipynb")
    out = folder / "out"
    status = slides.main([str(folder / "02_sums.ipynb"), str(folder / "03_next.ipynb"), "--out", str(out)])
    assert status == 0
    return out / "02_sums.slides.html"


# --- what a deck holds ------------------------------------------------------------------------------------------------


@needs_npm
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SKIPPED-PROSE", False),
        ("SKIPPED-CODE", False),
        ("STILL-PICTURE", True),
        ("PROGRESS-BAR", False),
        ("HIDDEN-INPUT", False),
        ("REMOVED", False),
        ("SPEAKER-NOTE", True),
        ("$a_1 &lt; b$", True),
        ('href="03_next.slides.html"', True),
        ('href="03_next.slides.html#sums"', True),
        ('href="09_other.ipynb"', True),
        ("mermaid", False),
        ("require.js", False),
    ],
)
def test_deck_shows_what_it_should(deck: Path, text: str, shown: bool) -> None:
    assert (text in deck.read_text(encoding="utf-8")) == shown


@needs_npm
def test_notes_are_for_the_speaker(deck: Path) -> None:
    notes = re.findall(r'<aside class="notes">(.*?)</aside>', deck.read_text(encoding="utf-8"), re.DOTALL)
    assert len(notes) == 1 and "SPEAKER-NOTE" in notes[0]


@needs_npm
def test_solutions_stay_folded_away(deck: Path) -> None:
    folded = re.search(r"<details>(.*?)</details>", deck.read_text(encoding="utf-8"), re.DOTALL)
    assert "FOLDED" in folded[1]


def test_pictures_in_the_prose_are_written_into_the_deck(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"PNG")
    embed = slides.embed_pictures
    assert embed("a ![A cat](cat.png) b", tmp_path) == "a ![A cat](data:image/png;base64,UE5H) b"
    for kept in ("![A dog](dog.png)", "![A cat](https://example.org/cat.png)", "[cat](cat.png)"):
        assert embed(kept, tmp_path) == kept


@needs_npm
def test_deck_loads_only_files_that_lie_beside_it(deck: Path) -> None:
    loaded = _Addresses(deck.read_text(encoding="utf-8")).found
    assert len(loaded) >= 7
    missing = [address for address in loaded if not (deck.parent / address).is_file()]
    assert missing == []
    styles = list((deck.parent / "assets").rglob("*.css"))
    assert styles
    for style in styles:
        for address in re.findall(r"url\(['\"]?([^'\")]+)", style.read_text(encoding="utf-8")):
            if not address.startswith("data:"):
                assert (style.parent / address.split("?")[0].split("#")[0]).is_file(), f"{style.name}: {address}"


@needs_npm
def test_assets_are_few(deck: Path) -> None:
    size = sum(path.stat().st_size for path in (deck.parent / "assets").rglob("*") if path.is_file())
    assert size < 10e6


def test_cells_and_outputs_that_slides_leave_out() -> None:
    cells = slides.for_slides(small_notebook(), ROOT).cells
    assert [cell.source for cell in cells if "SKIPPED" in cell.source] == []
    outputs = {cell.source: cell.outputs for cell in cells if cell.cell_type == "code"}
    assert outputs["progress()"] == []
    assert set(outputs["explorer()"][0].data) == {"text/html", "text/plain"}


def test_the_notebook_itself_is_left_as_it_was() -> None:
    notebook = small_notebook()
    before = nbformat.writes(notebook)
    slides.for_slides(notebook, ROOT)
    assert nbformat.writes(notebook) == before


# --- packages ---------------------------------------------------------------------------------------------------------


def test_packages_are_pinned_and_locked_without_addresses() -> None:
    pinned = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    locked = json.loads(text)["packages"]
    assert pinned and all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in pinned.values())
    assert {name: locked[f"node_modules/{name}"]["version"] for name in pinned} == pinned
    assert all("integrity" in entry for place, entry in locked.items() if place)
    assert "resolved" not in text and "http" not in text


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder that pins one package and has none."""
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"reveal.js": "5.2.1"}}))
    return tmp_path


def _put(project: Path, text: str) -> None:
    folder = project / "node_modules" / "reveal.js"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(text)


@pytest.mark.parametrize(
    ("text", "missing"),
    [('{"version": "5.2.1"}', []), ('{"version": "5.0.0"}', ["reveal.js 5.2.1"]), ('{"vers', ["reveal.js 5.2.1"])],
    ids=["there", "stale", "half written"],
)
def test_missing_packages(project: Path, text: str, missing: list[str]) -> None:
    assert slides.missing_packages(project) == ["reveal.js 5.2.1"]
    _put(project, text)
    assert slides.missing_packages(project) == missing


def test_nothing_is_installed_twice(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _put(project, '{"version": "5.2.1"}')
    monkeypatch.setenv("PATH", "")
    slides.install_packages(project)


def test_without_npm_the_error_says_what_to_install(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(slides.SlidesError, match=r"reveal\.js 5\.2\.1.*no npm on this machine.*Install Node\.js"):
        slides.install_packages(project)


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell to stand in for npm")
@pytest.mark.parametrize("status", [1, 0], ids=["npm fails", "npm installs nothing"])
def test_without_network_the_error_says_so(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    npm = project / "npm"
    npm.write_text(f"#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit {status}\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(slides.SlidesError, match=r"(?s)needs a network, once.*ENOTFOUND"):
        slides.install_packages(project)


def test_unknown_notebook_ends_with_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert slides.main([str(tmp_path / "99_absent.ipynb"), "--out", str(tmp_path)]) == 1
    assert "No such notebook" in capsys.readouterr().err


@needs_npm
def test_a_notebook_of_skipped_cells_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "02_empty.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[_prose("x", "skip")]), path)
    assert slides.main([str(path), "--out", str(tmp_path / "out")]) == 1
    assert "02_empty.ipynb has no cell to show" in capsys.readouterr().err
