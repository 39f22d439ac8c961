"""What every notebook must keep: the rules that nbval does not see, each proven on a notebook that breaks it.

nbval compares the outputs of checked cells, but it passes silently on a misspelt tag, on a notebook without outputs,
and on a `raises-exception` cell that raises nothing. The rules here close those gaps and hold the course's form.
"""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"

CHECKED = "nbval-check-output"
ALLOWED_TAGS = {CHECKED, "nbval-skip", "raises-exception", "hide-input", "remove-cell"}
SLIDE_TYPES = {"slide", "subslide", "fragment", "skip", "notes", "-"}
MIN_CHECKED = {  # cells whose output nbval compares
    **{"00": 3, "01": 12, "02": 20, "03": 12, "04": 12, "05": 12, "06": 15, "07": 4, "07b": 12, "08": 12, "09": 12},
    **{"10": 12, "11": 12, "11b": 12},
    **{"12": 13, "12b": 12},
    **{"13": 12},
    **{"14": 16},
    **{"15": 12},
    **{"16": 12},
    **{"17": 12},
    **{"18": 14},
    **{"19": 12},
}
MIN_CHECKED_ELSEWHERE = 3
MIN_NUMBERS = {"02": 25, "03": 25, "04": 25}  # different numbers that the compared cells show
MIN_NUMBERS_ELSEWHERE = 3
MAX_CELL_LINES = 40
MIN_WORDS_PER_CODE_LINE = 5
MIN_ALT_CHARACTERS = 20
MAX_BYTES = 3_000_000
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
COMPARED_TYPES = {
    "text/plain",
    "text/markdown",
    "text/latex",
    "text/html",
}  # what nbval can compare and a reader can read
PICTURE_TYPES = {"image/png", "image/jpeg", "image/gif", "image/svg+xml", "application/pdf"}
ABSOLUTE_PATH = re.compile(
    r"(?<![\w.:/~-])/(?:home|root|Users|work|workspace|tmp|var|usr|opt|mnt|srv|private|content|builds|data)/\w"
    r"|\b[A-Za-z]:\\+(?:Users|Windows|Temp|Program)"
)


# --- reading a notebook -----------------------------------------------------------------------------------------------


def text_of(value: object) -> str:
    """A notebook's text field, which may be a string, a list of lines, or (for JSON types) an object."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "".join(value)
    return json.dumps(value)


def code_cells(notebook: nbformat.NotebookNode) -> list[tuple[int, nbformat.NotebookNode]]:
    return [(n, cell) for n, cell in enumerate(notebook.cells, start=1) if cell.cell_type == "code"]


def markdown_cells(notebook: nbformat.NotebookNode) -> list[tuple[int, nbformat.NotebookNode]]:
    return [(n, cell) for n, cell in enumerate(notebook.cells, start=1) if cell.cell_type == "markdown"]


def tags_of(cell: nbformat.NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def output_texts(output: nbformat.NotebookNode) -> dict[str, str]:
    """Everything one output says, as text, by MIME type ('stream' and 'error' for those)."""
    if output.output_type == "stream":
        return {"stream": text_of(output.text)}
    if output.output_type == "error":
        return {"error": "\n".join([output.ename, output.evalue, *output.traceback])}
    return {kind: text_of(value) for kind, value in output.data.items()}


def widget_values(notebook: nbformat.NotebookNode) -> list[str]:
    """The `value` texts of the stored widgets; an explorer's picture is one of them."""
    models = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    values = [model.get("state", {}).get("value") for model in models.values()]
    return [value for value in values if isinstance(value, str)]


class _Figures(HTMLParser):
    """The alternative texts of every <img> and outer <svg> in a piece of HTML, None where one is missing."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.alternatives: list[str | None] = []
        self._svg_depth = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "img":
            self.alternatives.append(attributes.get("alt"))
        if tag == "svg":
            if self._svg_depth == 0:
                named = attributes.get("role") == "img"
                self.alternatives.append(attributes.get("aria-label") if named else None)
            self._svg_depth += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "svg":
            self._svg_depth -= 1


def prose_words(source: str) -> int:
    """Words that a reader reads: no code blocks, no formulas, no HTML tags, no addresses."""
    source = re.sub(r"```.*?(```|\Z)", " ", source, flags=re.DOTALL)
    source = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]*`", " ", source, flags=re.DOTALL)
    source = re.sub(r"<[^>]+>|\]\([^)]*\)|https?://\S+", " ", source)
    return len(re.findall(r"[A-Za-z][\w'’-]*", source))


def code_lines(source: str) -> int:
    """Lines of code: neither blank nor a comment."""
    return sum(1 for line in source.splitlines() if line.strip() and not line.strip().startswith("#"))


# --- the rules: each yields the problems it finds ---------------------------------------------------------------------

Rule = Callable[[str, nbformat.NotebookNode], Iterator[str]]


def valid_format(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        yield f"is not a valid notebook: {error.message}"


def known_kernel(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    name = notebook.metadata.get("kernelspec", {}).get("name")
    if name != "python3":
        yield f"names the kernel {name!r}; it must be 'python3', or it opens with a question on other machines"


def small_enough(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    size = len(nbformat.writes(notebook).encode())
    if size > MAX_BYTES:
        yield f"takes {size / 1e6:.1f} MB; the limit is {MAX_BYTES / 1e6:.0f} MB: fewer or smaller figures"


def opening_cell(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown":
        yield "cell 1 must be a markdown cell with title, question and minutes"
        return
    if not re.match(r"# \S", first.source):
        yield "cell 1 must start with a title ('# ...')"
    if "?" not in first.source:
        yield "cell 1 must ask the notebook's question ('?')"
    if not re.search(r"\d+\s+minutes?\b|\bminutes?\W+\d+", first.source, re.IGNORECASE):
        yield "cell 1 must say how many minutes the notebook takes ('60 minutes')"


def allowed_tags(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    for n, cell in enumerate(notebook.cells, start=1):
        for tag in tags_of(cell):
            if tag not in ALLOWED_TAGS:
                yield f"cell {n} has the tag {tag!r}, which nothing reads; allowed: {', '.join(sorted(ALLOWED_TAGS))}"
        if cell.cell_type == "code" and re.search(r"#\s*(NBVAL_|PYTEST_VALIDATE_)", cell.source):
            yield f"cell {n} steers nbval by a comment; use a tag, which this test can see"


def slide_metadata(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    for n, cell in enumerate(notebook.cells, start=1):
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        if kind not in SLIDE_TYPES:
            yield f"cell {n} has the slide_type {kind!r}; it must be one of {', '.join(sorted(SLIDE_TYPES))}"


def executed_in_order(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    for expected, (n, cell) in enumerate(code_cells(notebook), start=1):
        if cell.execution_count != expected:
            yield (
                f"cell {n} has the execution count {cell.execution_count}, expected {expected}: "
                "run the whole notebook from top to bottom (tools/execute.py)"
            )
            return
        for output in cell.outputs:
            if output.output_type == "execute_result" and output.execution_count != expected:
                yield f"cell {n} has an output of execution {output.execution_count}, expected {expected}"


def checked_outputs(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    for n, cell in code_cells(notebook):
        if CHECKED not in tags_of(cell):
            continue
        said = "".join(text for output in cell.outputs for text in output_texts(output).values())
        if not said.strip():
            yield f"cell {n} is tagged {CHECKED} but has no output to compare"
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                yield f"cell {n} is tagged {CHECKED} and writes to stderr"
            if output.output_type not in ("display_data", "execute_result"):
                continue
            for kind, text in output_texts(output).items():
                if kind not in COMPARED_TYPES or (kind == "text/html" and _Figures(text).alternatives):
                    yield f"cell {n} is tagged {CHECKED} and shows a picture or a widget ({kind}), never compared"
    for n, cell in markdown_cells(notebook):
        if CHECKED in tags_of(cell):
            yield f"cell {n} is prose and tagged {CHECKED}; only code has outputs"


def enough_checked(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    wanted = MIN_CHECKED.get(number, MIN_CHECKED_ELSEWHERE)
    found = sum(CHECKED in tags_of(cell) and "nbval-skip" not in tags_of(cell) for _, cell in code_cells(notebook))
    if found < wanted:
        yield f"has {found} cells tagged {CHECKED}; it must have at least {wanted}"


def enough_numbers(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    wanted = MIN_NUMBERS.get(number, MIN_NUMBERS_ELSEWHERE)
    compared = [
        cell for _, cell in code_cells(notebook) if CHECKED in tags_of(cell) and "nbval-skip" not in tags_of(cell)
    ]
    shown = " ".join(text for cell in compared for output in cell.outputs for text in output_texts(output).values())
    found = len(set(re.findall(r"\d+(?:\.\d+)?", shown)))
    if found < wanted:
        yield f"compares {found} different numbers; it must compare at least {wanted}"


def errors_on_purpose(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    for n, cell in code_cells(notebook):
        raised = any(output.output_type == "error" for output in cell.outputs)
        wanted = "raises-exception" in tags_of(cell)
        if raised and not wanted:
            yield f"cell {n} has a stored error"
        if wanted and not raised:
            yield f"cell {n} is tagged raises-exception but raised nothing"


def short_cells(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    for n, cell in enumerate(notebook.cells, start=1):
        lines = len(cell.source.splitlines())
        if lines > MAX_CELL_LINES:
            yield f"cell {n} has {lines} lines; the limit is {MAX_CELL_LINES}"
        if cell.cell_type == "code" and code_lines(cell.source) == 0:
            yield f"cell {n} is a code cell without code"


def enough_prose(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    words = sum(prose_words(cell.source) for _, cell in markdown_cells(notebook))
    lines = sum(code_lines(cell.source) for _, cell in code_cells(notebook))
    if words < MIN_WORDS_PER_CODE_LINE * lines:
        yield f"has {words} words of prose to {lines} lines of code; wanted: {MIN_WORDS_PER_CODE_LINE} a line or more"


def alternative_text(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    def short(text: str | None) -> bool:
        return text is None or len(" ".join(text.split())) < MIN_ALT_CHARACTERS

    wanted = f"alternative text of at least {MIN_ALT_CHARACTERS} characters"
    for n, cell in code_cells(notebook):
        for output in cell.outputs:
            for kind, text in output_texts(output).items():
                if kind in PICTURE_TYPES:
                    yield f"cell {n} shows a bare {kind}, which has no alternative text: use plots.show"
                if kind in ("text/html", "text/markdown"):
                    texts = [*_Figures(text).alternatives, *re.findall(r"!\[([^\]]*)\]\(", text)]
                    yield from (f"cell {n} has a figure without {wanted}: {alt!r}" for alt in texts if short(alt))
    for n, cell in markdown_cells(notebook):
        prose = re.sub(r"```.*?(```|\Z)|`[^`\n]*`", " ", cell.source, flags=re.DOTALL)
        texts = [*_Figures(prose).alternatives, *re.findall(r"!\[([^\]]*)\]\(", prose)]
        yield from (f"cell {n} has a picture without {wanted}: {alt!r}" for alt in texts if short(alt))
    for value in widget_values(notebook):
        texts = _Figures(value).alternatives
        yield from (f"a stored widget shows a picture without {wanted}: {alt!r}" for alt in texts if short(alt))


def no_absolute_paths(number: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    said = [
        (f"cell {n}", text)
        for n, cell in code_cells(notebook)
        for output in cell.outputs
        for text in output_texts(output).values()
    ]
    said += [("a stored widget", value) for value in widget_values(notebook)]
    for where, text in said:
        found = ABSOLUTE_PATH.search(re.sub(r"base64,[A-Za-z0-9+/=\s]+", "", text))
        if found:
            around = text[max(0, text.find(found.group()) - 10) :][:60]
            yield f"{where} prints a path of the machine it ran on: {around!r}"


RULES: tuple[Rule, ...] = (
    valid_format,
    known_kernel,
    small_enough,
    opening_cell,
    allowed_tags,
    slide_metadata,
    executed_in_order,
    checked_outputs,
    enough_checked,
    enough_numbers,
    errors_on_purpose,
    short_cells,
    enough_prose,
    alternative_text,
    no_absolute_paths,
)


def problems(number: str, notebook: nbformat.NotebookNode) -> dict[str, list[str]]:
    """What each rule finds in a notebook; rules that find nothing are left out."""
    found = {rule.__name__: list(rule(number, notebook)) for rule in RULES}
    return {name: messages for name, messages in found.items() if messages}


# --- the course's notebooks -------------------------------------------------------------------------------------------


def test_notebooks_are_there_and_well_named() -> None:
    names = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
    assert names, "no notebook in notebooks/"
    odd = [name for name in names if not re.fullmatch(r"\d\d[a-z]?_[a-z0-9_]+\.ipynb", name)]
    assert not odd, f"notebooks are called NN_topic.ipynb, not {odd}"
    numbers = [name.split("_")[0] for name in names]
    assert len(set(numbers)) == len(numbers), f"two notebooks share a number: {names}"


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebook_keeps_the_rules(path: Path) -> None:
    found = problems(path.stem.split("_")[0], nbformat.read(path, as_version=nbformat.NO_CONVERT))
    lines = [f"  {name}: {message}" for name, messages in found.items() for message in messages]
    assert not found, f"{path.name}\n" + "\n".join(lines)


# --- every rule can fail ----------------------------------------------------------------------------------------------

ALT = "A curve that falls from two to one over ten steps"


def _prose(source: str, slide: str = "slide") -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source, metadata={"slideshow": {"slide_type": slide}})


def _code(source: str, *outputs: nbformat.NotebookNode, tags: tuple[str, ...] = ()) -> nbformat.NotebookNode:
    metadata = {"slideshow": {"slide_type": "-"}, "tags": list(tags)}
    return nbformat.v4.new_code_cell(source, metadata=metadata, outputs=list(outputs))


def _printed(text: str, name: str = "stdout") -> nbformat.NotebookNode:
    return nbformat.v4.new_output("stream", name=name, text=text)


def _shown(**by_type: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_output("display_data", data={key.replace("__", "/"): text for key, text in by_type.items()})


def good_notebook() -> nbformat.NotebookNode:
    """A small notebook that keeps every rule: cells 2 to 4 are checked, cell 5 shows a figure, cell 6 raises."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    notebook.cells = [
        _prose(
            "# Sums\n\nHow much is one and one? You need 10 minutes. " + "Count each step aloud before you run it. " * 5
        ),
        _code("print(1 + 1, 20, 30)", _printed("2 20 30\n"), tags=(CHECKED,)),
        _code("print(1 + 2, 40, 50)", _printed("3 40 50\n"), tags=(CHECKED,)),
        _code("print(1 + 3)", _printed("4\n"), tags=(CHECKED,)),
        _code("show(fig)", _shown(text__html=f'<img src="data:image/png;base64,AA/home/x==" alt="{ALT}">')),
        _code(
            "1 / 0",
            nbformat.v4.new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=["..."]),
            tags=("raises-exception",),
        ),
    ]
    for count, (_, cell) in enumerate(code_cells(notebook), start=1):
        cell.execution_count = count
    return notebook


def test_a_good_notebook_has_no_problems() -> None:
    assert problems("99", good_notebook()) == {}


def _widget(value: str) -> dict:
    return {WIDGET_STATE: {"state": {"m1": {"model_name": "HTMLModel", "state": {"value": value}}}}}


Break = Callable[[nbformat.NotebookNode], object]


def _reworded(old: str, new: str) -> Break:
    return lambda nb: nb.cells[0].update(source=nb.cells[0].source.replace(old, new))


def _longer_prose(more: str) -> Break:
    return lambda nb: nb.cells[0].update(source=nb.cells[0].source + more)


def _source(cell: int, source: str) -> Break:
    return lambda nb: nb.cells[cell - 1].update(source=source)


def _tags(cell: int, *tags: str) -> Break:
    return lambda nb: nb.cells[cell - 1].metadata.update(tags=list(tags))


def _adds(cell: int, output: nbformat.NotebookNode) -> Break:
    return lambda nb: nb.cells[cell - 1].outputs.append(output)


def _only(cell: int, *outputs: nbformat.NotebookNode) -> Break:
    return lambda nb: nb.cells[cell - 1].update(outputs=list(outputs))


def _count(cell: int, count: int | None) -> Break:
    return lambda nb: nb.cells[cell - 1].update(execution_count=count)


def _page(page: str) -> nbformat.NotebookNode:
    return _shown(text__html=page)


MUTE = "# Sums\n\nOne? 10 minutes.\n```\n" + "word " * 50 + "\n```"
OLD_RESULT = nbformat.v4.new_output("execute_result", {"text/plain": "1"}, execution_count=1)
BROKEN: list[tuple[Rule, str, Break]] = [
    (valid_format, "a cell with a stray field", lambda nb: nb.cells[1].update(colour="red")),
    (known_kernel, "another kernel", lambda nb: nb.metadata.kernelspec.update(name="my-venv")),
    (known_kernel, "no kernel", lambda nb: nb.metadata.pop("kernelspec")),
    (small_enough, "3 MB of text", _adds(5, _printed("x" * MAX_BYTES))),
    (opening_cell, "no title", _reworded("# Sums", "Sums")),
    (opening_cell, "no question", _reworded("?", ".")),
    (opening_cell, "no minutes", _reworded("minutes", "steps")),
    (opening_cell, "a minimum for minutes", _reworded("minutes", "minima")),
    (opening_cell, "code first", lambda nb: nb.cells.append(nb.cells.pop(0))),
    (allowed_tags, "a misspelt tag", _tags(5, "nbval-check-outputs")),
    (allowed_tags, "a tag on prose", _tags(1, "intro")),
    (allowed_tags, "a marker comment", _source(5, "show(fig)  # NBVAL_IGNORE_OUTPUT")),
    (slide_metadata, "no slideshow metadata", lambda nb: nb.cells[1].metadata.pop("slideshow")),
    (slide_metadata, "an unknown slide type", lambda nb: nb.cells[1].metadata.slideshow.update(slide_type="Slide")),
    (executed_in_order, "a cell never run", _count(3, None)),
    (executed_in_order, "cells run out of order", _count(3, 7)),
    (executed_in_order, "an output of an older run", _adds(5, OLD_RESULT)),
    (checked_outputs, "a stripped output", _only(2)),
    (checked_outputs, "an empty output", _only(2, _printed(" \n"))),
    (checked_outputs, "a warning beside the output", _adds(2, _printed("careful\n", "stderr"))),
    (checked_outputs, "a figure in a checked cell", _tags(5, CHECKED)),
    (checked_outputs, "a widget in a checked cell", _adds(2, _shown(**{WIDGET_VIEW: {"model_id": "m1"}}))),
    (checked_outputs, "a check on prose", _tags(1, CHECKED)),
    (enough_numbers, "one number in three cells", lambda nb: [_only(n, _printed("2\n"))(nb) for n in (2, 3, 4)]),
    (enough_checked, "too few checks", _tags(2)),
    (enough_checked, "a check that is skipped", _tags(2, CHECKED, "nbval-skip")),
    (errors_on_purpose, "a stored error", _tags(6)),
    (errors_on_purpose, "an error that did not come", _only(6)),
    (short_cells, "41 lines of code", _source(6, "# a line of thought\n" * 40 + "1 / 0")),
    (short_cells, "41 lines of prose", _longer_prose("\n\n- a" * 20)),
    (short_cells, "an empty code cell", _source(6, "# later")),
    (enough_prose, "mute code", _source(6, "1 / 0\n" * 12)),
    (enough_prose, "words in a code block only", _source(1, MUTE)),
    (alternative_text, "a figure without text", _only(5, _page('<img src="x.png">'))),
    (alternative_text, "a figure with a word", _only(5, _page('<img src="x.png" alt="A plot">'))),
    (alternative_text, "spaces for text", _only(5, _page(f'<img alt="{" " * 30}">'))),
    (alternative_text, "a bare PNG", _adds(5, _shown(image__png="AAAA"))),
    (alternative_text, "an SVG without a label", _adds(5, _page("<svg role='img'><g></g></svg>"))),
    (alternative_text, "an SVG without a role", _adds(5, _page(f"<svg aria-label='{ALT}'></svg>"))),
    (alternative_text, "a second SVG without a label", _adds(5, _page(f"<svg role='img' aria-label='{ALT}'/><svg/>"))),
    (alternative_text, "a picture in the prose", _longer_prose(" ![](cat.png)")),
    (alternative_text, "an HTML picture in the prose", _longer_prose(" <img src='cat.png'/>")),
    (alternative_text, "an explorer without a label", lambda nb: nb.metadata.update(widgets=_widget("<svg></svg>"))),
    (no_absolute_paths, "a home folder", _adds(5, _printed("saved to /home/ada/x.pt\n"))),
    (no_absolute_paths, "a temporary folder", _adds(5, _printed("'/var/folders/run1'"))),
    (no_absolute_paths, "a Windows folder", _adds(5, _printed(r"C:\Users\ada\x.pt"))),
    (no_absolute_paths, "a path in a traceback", lambda nb: nb.cells[5].outputs[0].update(traceback=["at /usr/lib/x"])),
    (no_absolute_paths, "a path in a widget", lambda nb: nb.metadata.update(widgets=_widget("read /home/ada/x.png"))),
]


@pytest.mark.parametrize(
    ("rule", "what", "break_it"), BROKEN, ids=[f"{rule.__name__}: {what}" for rule, what, _ in BROKEN]
)
def test_each_rule_finds_what_it_is_for(rule: Rule, what: str, break_it: Break) -> None:
    notebook = copy.deepcopy(good_notebook())
    break_it(notebook)
    found = problems("99", notebook)
    assert set(found) == {rule.__name__}, f"{what} is for {rule.__name__} alone to find"


def test_every_rule_is_proven() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(RULES)


@pytest.mark.parametrize(("number", "wanted"), [("00", 3), ("02", 20), ("04", 12), ("07b", 12), ("42", 3)])
def test_minimum_of_checked_cells_by_notebook(number: str, wanted: int) -> None:
    notebook = good_notebook()
    template = notebook.cells[1]
    notebook.cells = [notebook.cells[0], *(copy.deepcopy(template) for _ in range(wanted))]
    assert list(enough_checked(number, notebook)) == []
    notebook.cells.pop()
    assert len(list(enough_checked(number, notebook))) == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("Two words", 2),
        ("a $x_1 + y$ b", 2),
        ("`code` and **more**", 2),
        ("<b>bold</b>", 1),
        ("[a link](http://x.y/z)", 2),
        ("3 x 3", 1),
    ],
)
def test_prose_words(source: str, words: int) -> None:
    assert prose_words(source) == words


@pytest.mark.parametrize(
    "text", ["1/2/data/x", "see https://example.org/home/x", "data/runs/x.pt", "and/or", "../home/x"]
)
def test_relative_paths_and_addresses_are_no_absolute_paths(text: str) -> None:
    assert not ABSOLUTE_PATH.search(text)


# --- nbval itself -----------------------------------------------------------------------------------------------------


def _nbval(folder: Path, notebook: nbformat.NotebookNode) -> subprocess.CompletedProcess[str]:
    nbformat.write(notebook, folder / "sums.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["COLUMNS"] = "200"
    command += ["-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(folder), "sums.ipynb"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(("stored", "passes"), [("2\n", True), ("3\n", False)])
def test_nbval_compares_what_the_tag_asks_for(tmp_path: Path, stored: str, passes: bool) -> None:
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    notebook.cells = [_code("print(1 + 1)", _printed(stored), tags=(CHECKED,))]
    notebook.cells[0].execution_count = 1
    result = _nbval(tmp_path, notebook)
    assert (result.returncode == 0) == passes, result.stdout + result.stderr
    assert ("1 passed" if passes else "1 failed") in result.stdout
