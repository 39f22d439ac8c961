"""Make reveal.js slides from the notebooks: python tools/slides.py [notebooks/02_*.ipynb ...]

The decks go to build/slides and open from there by a double click: everything they load lies in build/slides/assets, so
that a lecture hall needs no network. Two npm packages are enough for that. MathJax 3 is a single file, where version
2, which nbconvert's own page asks for, loads dozens; and a widget is shown by the still picture that its cell stores,
since sliders that move nothing would only puzzle an audience.
"""

from __future__ import annotations

import argparse
import base64
import copy
import json
import mimetypes
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "tools" / "slides_template"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
NPM_SECONDS = 300

# What a deck loads, out of what the packages hold: file or folder in node_modules, and its place among the assets.
ASSETS = {
    "reveal.js/dist/reset.css": "reveal.js/reset.css",
    "reveal.js/dist/reveal.css": "reveal.js/reveal.css",
    "reveal.js/dist/reveal.js": "reveal.js/reveal.js",
    "reveal.js/dist/theme/white.css": "reveal.js/theme/white.css",
    "reveal.js/dist/theme/fonts/source-sans-pro": "reveal.js/theme/fonts/source-sans-pro",
    "reveal.js/plugin/notes/notes.js": "reveal.js/plugin/notes/notes.js",
    "reveal.js/LICENSE": "reveal.js/LICENSE",
    "mathjax/es5/tex-svg-full.js": "mathjax/tex-svg-full.js",
    "mathjax/LICENSE": "mathjax/LICENSE",
}


class SlidesError(Exception):
    """Something a person can mend; the message says how."""


# --- packages ---------------------------------------------------------------------------------------------------------


def missing_packages(root: Path) -> list[str]:
    """The packages of package.json that are not in node_modules in the pinned version."""
    pinned = json.loads((root / "package.json").read_text(encoding="utf-8"))["dependencies"]
    missing = []
    for name, version in pinned.items():
        try:
            found = json.loads((root / "node_modules" / name / "package.json").read_text(encoding="utf-8"))["version"]
        except (OSError, ValueError, KeyError):
            found = None
        if found != version:
            missing.append(f"{name} {version}")
    return missing


def install_packages(root: Path) -> None:
    """Bring node_modules to what package-lock.json says, if it is not there yet.

    Raises:
        SlidesError: there is no npm, or it could not install.
    """
    missing = missing_packages(root)
    if not missing:
        return
    what = " and ".join(missing)
    npm = shutil.which("npm")
    if npm is None:
        raise SlidesError(
            f"The slides need {what}, which npm installs, and there is no npm on this machine. Install Node.js (it "
            "brings npm; on Debian and Ubuntu: apt install npm) and try again. The notebooks work without it."
        )
    print(f"installing {what}", flush=True)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--loglevel=error"]
    try:
        result = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=NPM_SECONDS)
        failed, said = result.returncode != 0, result.stderr.strip() or result.stdout.strip()
    except subprocess.TimeoutExpired:
        failed, said = True, f"nothing after {NPM_SECONDS} seconds"
    if failed or missing_packages(root):
        raise SlidesError(
            f"npm could not install {what}. This step needs a network, once; later runs need none. Check the "
            "connection and try again. npm said:\n" + "\n".join(said.splitlines()[:4])
        )


def copy_assets(root: Path, out: Path) -> None:
    """Put into out/assets what the decks load, and nothing else."""
    from pygments.formatters import HtmlFormatter

    shutil.rmtree(out / "assets", ignore_errors=True)
    for source, place in ASSETS.items():
        source_path, target = root / "node_modules" / source, out / "assets" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if source_path.is_dir():
            shutil.copytree(source_path, target)
        else:
            shutil.copyfile(source_path, target)
    colors = HtmlFormatter(style="xcode").get_style_defs(".highlight")
    styles = (TEMPLATE / "slides.css").read_text(encoding="utf-8")
    (out / "assets" / "slides.css").write_text(f"{colors}\n{styles}", encoding="utf-8")


# --- decks ------------------------------------------------------------------------------------------------------------


def embed_pictures(source: str, folder: Path) -> str:
    """Markdown with the pictures that lie in files written into it, since a deck does not lie beside its notebook.

    nbconvert's embed_images would do this too, but it closes every <details> before what it should fold away.
    """

    def embedded(match: re.Match[str]) -> str:
        path = folder / match[2]
        if not path.is_file():
            return match[0]
        kind = mimetypes.guess_type(path.name)[0] or "image/png"
        return f"![{match[1]}](data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')})"

    return re.sub(r"!\[([^\]]*)\]\(([^)\s:]+)\)", embedded, source)


def for_slides(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """A copy of a notebook as the slides show it.

    Cells of slide type 'skip' are left out. A widget's stored picture takes its place; a widget without one, such as a
    progress bar, goes.

    Args:
        notebook: as nbformat reads it.
        folder: where it lies; pictures in its prose are looked for there.
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    shown = [c for c in notebook.cells if c.metadata.get("slideshow", {}).get("slide_type") != "skip"]
    for cell in shown:
        if cell.cell_type == "code":
            outputs = []
            for output in cell.outputs:
                data = output.get("data", {})
                if data.pop(WIDGET_VIEW, None) is None or set(data) - {"text/plain"}:
                    outputs.append(output)
            cell.outputs = outputs
        if cell.cell_type == "markdown":
            cell.source = embed_pictures(cell.source, folder)
    notebook.cells = shown
    return notebook


def make_decks(notebooks: Sequence[Path], out: Path) -> list[Path]:
    """Write one deck for each notebook into a folder that holds the assets, and return the decks' paths."""
    from nbconvert.exporters import SlidesExporter
    from nbconvert.preprocessors import TagRemovePreprocessor

    exporter = SlidesExporter(
        template_name=TEMPLATE.name,
        extra_template_basedirs=[str(TEMPLATE.parent)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    hidden = TagRemovePreprocessor(remove_cell_tags={"remove-cell"}, remove_input_tags={"hide-input"}, enabled=True)
    exporter.register_preprocessor(hidden, enabled=True)
    names = [path.stem for path in notebooks]
    decks = []
    for path in notebooks:
        notebook = for_slides(nbformat.read(path, as_version=4), path.parent)
        if not notebook.cells:
            raise SlidesError(f"{path.name} has no cell to show: every cell has the slide type 'skip'")
        resources = {"metadata": {"name": path.stem, "path": str(path.parent)}}
        page, _ = exporter.from_notebook_node(notebook, resources)
        for name in names:  # a link to a notebook leads to its deck, where it has one
            page = re.sub(rf'href="(?:\./)?{re.escape(name)}\.ipynb', f'href="{name}.slides.html', page)
        decks.append(out / f"{path.stem}.slides.html")
        decks[-1].write_text(page, encoding="utf-8")
    return decks


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the decks; return the exit status."""
    parser = argparse.ArgumentParser(description="Make reveal.js slides from the notebooks.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of notebooks/ if none is named")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "slides", help="default: build/slides")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    notebooks = options.notebooks or sorted((ROOT / "notebooks").glob("[0-9][0-9]*_*.ipynb"))
    try:
        absent = [str(path) for path in notebooks if not path.is_file()]
        if absent or not notebooks:
            raise SlidesError(f"No such notebook: {', '.join(absent) or 'notebooks/ is empty'}")
        options.out.mkdir(parents=True, exist_ok=True)
        install_packages(ROOT)
        copy_assets(ROOT, options.out)
        for deck in make_decks(notebooks, options.out):
            print(deck)
    except SlidesError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{time.perf_counter() - start:.0f} s; open a deck in a browser, no network needed")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
