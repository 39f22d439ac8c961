"""Colab and Binder links from the one address in pyproject.toml: python tools/links.py writes them into their files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START = "notebooks/00_start_here.ipynb"
LINKED = ("README.md", START)


def repository() -> str:
    """The address in pyproject.toml, as https://github.com/OWNER/NAME."""
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    return urls["Repository"].removesuffix(".git").rstrip("/")


def links(address: str, notebook: str = START, branch: str = "main") -> dict[str, str]:
    """Where a notebook opens without an installation, on Colab and on Binder.

    Args:
        address: the repository, as https://github.com/OWNER/NAME.
        notebook: its path inside the repository.
        branch: the branch that is opened.
    """
    match = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+)", address)
    if match is None:
        raise ValueError(f"address must look like https://github.com/OWNER/NAME, got {address!r}")
    name = match[1]
    return {
        "colab": f"https://colab.research.google.com/github/{name}/blob/{branch}/{notebook}",
        "binder": f"https://mybinder.org/v2/gh/{name}/{branch}?urlpath=lab/tree/{notebook}",
    }


def rewrite(text: str, address: str) -> str:
    """A file's text with its Colab and Binder links, and notebook 00's REPOSITORY, built from `address`."""
    name = address.removeprefix("https://github.com/")
    text = re.sub(r"(colab\.research\.google\.com/github/)[\w.-]+/[\w.-]+(?=/blob/)", rf"\g<1>{name}", text)
    text = re.sub(r"(mybinder\.org/v2/gh/)[\w.-]+/[\w.-]+(?=/)", rf"\g<1>{name}", text)
    return re.sub(r'(REPOSITORY = \\?")https://github\.com/[\w.-]+/[\w.-]+', rf"\g<1>{address}", text)


def main() -> None:
    """Rewrite the files that carry links."""
    address = repository()
    links(address)
    for name in LINKED:
        path = ROOT / name
        old = path.read_text(encoding="utf-8")
        new = rewrite(old, address)
        if new != old:
            path.write_text(new, encoding="utf-8")
            print(f"rewritten: {name}")


if __name__ == "__main__":
    main()
