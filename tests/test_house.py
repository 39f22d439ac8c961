"""The house: dependencies in one place, imports that point one way, a README that says what is there."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PACKAGE = ROOT / "course_utils"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def load_tool(name: str):
    spec = importlib.util.spec_from_file_location(f"tool_{name}", ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def dependencies() -> list[Requirement]:
    project = PYPROJECT["project"]
    extras = chain.from_iterable(project["optional-dependencies"].values())
    return [Requirement(line) for line in [*project["dependencies"], *extras]]


def pins() -> dict[str, str]:
    lines = [line for line in read("constraints.txt").splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines}


# --- dependencies ---------------------------------------------------------------------------------------------------


def test_constraints_hold_names_and_versions_only() -> None:
    for line in read("constraints.txt").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.]+", line), line


def test_constraints_pin_every_dependency_within_its_range() -> None:
    pinned = pins()
    for requirement in dependencies():
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} is not pinned"
        assert requirement.specifier.contains(pinned[name]), f"{requirement} does not allow {pinned[name]}"
    assert {"torch", "torchvision"} <= set(pinned)


def test_constraints_leave_the_build_of_torch_open() -> None:
    assert not [name for name in pins() if name.startswith(("nvidia", "cuda", "triton"))]


def test_environment_yml_follows_pyproject() -> None:
    environment = yaml.safe_load(read("environment.yml"))
    assert environment["name"] == PYPROJECT["project"]["name"]
    *conda, pip = environment["dependencies"]
    python, *others = conda
    assert SpecifierSet(python.removeprefix("python")) == SpecifierSet(PYPROJECT["project"]["requires-python"])
    assert others == ["pip"], "packages belong into pyproject.toml"
    assert pip == {"pip": ["--constraint constraints.txt", "--editable .[test]"]}


def test_binder_installs_the_project_and_names_no_version() -> None:
    lines = [line for line in read(".binder/requirements.txt").splitlines() if not line.startswith("#")]
    assert [line for line in lines if not line.startswith("--extra-index-url")] == [
        "--constraint ../constraints.txt",
        "--editable .",
    ]


def test_workflow_runs_every_supported_python() -> None:
    workflow = yaml.safe_load(read(".github/workflows/test.yml"))
    allowed = SpecifierSet(PYPROJECT["project"]["requires-python"])
    versions = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert versions == [f"3.{minor}" for minor in range(30) if allowed.contains(f"3.{minor}.0")]
    for name in ("test.yml", "newest.yml"):
        assert "make test" in read(f".github/workflows/{name}")
    assert "make test" in read(".ci/run")


def test_jupyterlab_asks_for_nothing() -> None:
    server = json.loads(read("tools/jupyter/jupyter_server_config.json"))
    assert server["LabApp"]["extension_manager"] == "readonly"
    assert server["LabApp"]["news_url"] is None
    settings = json.loads(read("tools/jupyter/labconfig/default_setting_overrides.json"))
    assert settings["@jupyterlab/apputils-extension:notification"] == {"checkForUpdates": False, "fetchNews": "false"}
    assert "tools/jupyter" in read("Makefile")


# --- imports --------------------------------------------------------------------------------------------------------

LEVELS = (
    {"runtime"},
    {"convolution", "boxes", "color", "metrics", "machine"},
    {"layers"},
    {"models", "datasets", "features", "weights"},
    {"widgets", "training", "checks", "questions", "exercises", "grading"},
)
ONLY_RUNTIME = {"machine"}


def level(room: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if room in rooms)


def our_imports(source: str) -> set[str]:
    """The rooms of course_utils that a source imports, at the top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("course_utils.")}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where an arrow points"
            assert all(alias.name != "*" for alias in node.names), "no star imports"
            if node.module == "course_utils":
                found |= {alias.name for alias in node.names}
            elif node.module and node.module.startswith("course_utils."):
                found.add(node.module.split(".")[1])
    return found


def broken_arrows(room: str, source: str) -> list[str]:
    """The imports of a room that point the wrong way. On one level all are allowed."""
    problems = []
    for other in sorted(our_imports(source) - {room}):
        if room == "plots":
            problems.append(f"plots imports {other}")
        elif other == "plots":
            continue
        elif level(other) > level(room) or (room in ONLY_RUNTIME and other != "runtime"):
            problems.append(f"{room} imports {other}")
    return problems


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_one_way(path: Path) -> None:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    assert "utils" not in parts[-1], "name a module after what it does"
    assert not re.search(r"\d\d", parts[-1]), "no chapter numbers in module names"
    if parts == ("__init__",):
        assert our_imports(path.read_text(encoding="utf-8")) == set()
    else:
        assert broken_arrows(parts[0], path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("runtime", "from course_utils import layers"),
        ("plots", "import course_utils.runtime"),
        ("layers", "def f():\n    from course_utils.models.resnet import Block"),
        ("machine", "from course_utils.convolution import output_size"),
        ("datasets", "from course_utils.training import fit"),
    ],
)
def test_a_wrong_arrow_is_found(room: str, source: str) -> None:
    assert broken_arrows(room, source)


def test_imports_cost_nothing_beyond_what_is_asked_for() -> None:
    code = """
import sys
def heavy(): return sorted({"torch", "torchvision", "matplotlib", "ipywidgets", "skimage", "numpy"} & set(sys.modules))
import course_utils, course_utils.runtime, course_utils.machine, course_utils.datasets, course_utils.models
assert heavy() == [], heavy()
import course_utils.convolution, course_utils.plots, course_utils.checks
assert heavy() == ["numpy"], heavy()
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# --- README, links, words -------------------------------------------------------------------------------------------


def first_cell(path: Path) -> str:
    cell = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
    return "".join(cell["source"])


def test_readme_lists_the_notebooks_as_they_introduce_themselves() -> None:
    rows = re.findall(
        r"^\| \[(.+?)\]\(notebooks/(.+?)\) \| (.+?) \| (\d+) \| (.+?) \|$", read("README.md"), re.MULTILINE
    )
    assert [name for _, name, *_ in rows] == [path.name for path in NOTEBOOKS]
    for title, name, question, minutes, lecture in rows:
        words = " ".join(first_cell(ROOT / "notebooks" / name).split())
        assert words.startswith(f"# {title} **{question}**"), name
        assert re.search(rf"\*\*(?:Minutes|Time):\*\* (?:about )?{minutes}\b", words), name
        for part in re.findall(r"^(\w+)|; (\w+)", lecture):
            assert "".join(part) in words, (name, part)


def test_links_are_built_from_the_one_address() -> None:
    links = load_tool("links")
    address = links.repository()
    built = links.links(address)
    readme, start = read("README.md"), read(links.START)
    assert built["colab"] in readme and built["binder"] in readme
    assert f'REPOSITORY = \\"{address}\\"' in start
    for name in links.LINKED:
        assert links.rewrite(read(name), address) == read(name)


def test_a_new_address_reaches_every_link() -> None:
    links = load_tool("links")
    new = "https://github.com/somebody/other-name"
    text = links.rewrite(read("README.md"), new)
    assert "OWNER" not in text
    assert all(link in text for link in links.links(new).values())
    assert links.rewrite(text, links.repository()) == read("README.md"), "a second change must work as well"
    start = links.rewrite(read(links.START), new)
    assert f'REPOSITORY = \\"{new}\\"' in start
    with pytest.raises(ValueError, match=r"address must look like .*, got 'gitlab"):
        links.links("gitlab.com/a/b")


def prose_files() -> list[Path]:
    pages = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "data" / "README.md"]
    return [*pages, *NOTEBOOKS, *sorted((ROOT / "notebooks" / "exercises").glob("*/*.ipynb"))]


def prose(path: Path) -> str:
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


@pytest.mark.parametrize("path", prose_files(), ids=lambda path: path.name)
def test_words_that_the_course_does_not_use(path: Path) -> None:
    found = re.findall(
        r"\b(?:simply|obviously|trivially|of course|clearly|deconvolution\w*)\b", prose(path), re.IGNORECASE
    )
    assert found == []


def test_public_names_avoid_what_the_house_does_not_say() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        names += [a.arg for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) for a in n.args.args]
        assert [name for name in names if re.search(r"deconv|colour", name, re.IGNORECASE)] == [], path.name


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_files_and_make_targets_that_are_named_exist(name: str) -> None:
    text = read(name)
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / target).exists(), target
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`|[A-Z_]+=\w+ )make ([a-z-]+)", text, re.MULTILINE))
    assert "test" in named and named <= targets
    for path in re.findall(r"`((?:tests|tools|course_utils)/[\w./]+\.py)`", text):
        assert (ROOT / path).exists(), path
