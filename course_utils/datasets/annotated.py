"""Pictures with several labels each, from the learner's own copy: a table image_name,tags and a folder of JPEG files.

That is the form of "Planet: Understanding the Amazon from Space", which the course may not ship. Whatever is wrong with
a copy ends in an error that names the file and what to do.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps

from course_utils import runtime

PLANET_LABELS = (
    *("clear", "partly_cloudy", "cloudy", "haze"),  # the weather: exactly one
    *("primary", "water", "agriculture", "road", "habitation", "cultivation", "bare_ground"),
    *("selective_logging", "artisinal_mine", "blooming", "slash_burn", "conventional_mine", "blow_down"),  # rare
)  # spelled as in the table
PLANET_PAGE = "https://www.kaggle.com/c/planet-understanding-the-amazon-from-space"
_PLANET_TABLES = ("train_v2.csv", "train_classes.csv")  # two releases, one content
_COLUMNS = ("image_name", "tags")


class AnnotatedSet(NamedTuple):
    """Pictures in memory with any number of labels each.

    Attributes:
        images: uint8 (N, 3, size, size), 0..255; `training.Batches` turns each batch into float32 in 0..1.
        targets: float32 (N, L) of 0 and 1: whether label l belongs to picture n.
        labels: the L names.
        name: the data set in words, as a report quotes it.
    """

    images: torch.Tensor
    targets: torch.Tensor
    labels: tuple[str, ...]
    name: str


def _rows(table: Path) -> list[tuple[int, str, str]]:
    """(line, image name, tags) of each row; errors name the table."""
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            found = reader.fieldnames or []
            missing = [column for column in _COLUMNS if column not in found]
            if missing:
                raise RuntimeError(
                    f"{table} has no column {missing[0]!r}; its first line holds: {', '.join(found) or 'nothing'}. "
                    "Its first line must be: image_name,tags. Copy the table anew, or mend its first line."
                )
            return [(reader.line_num, row["image_name"] or "", row["tags"] or "") for row in reader]
    except FileNotFoundError:
        raise RuntimeError(f"{table} is missing. Put the table of tags there, or name another one.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise RuntimeError(
            f"{table} cannot be read as a table ({error}). Unpack it, and copy it anew as a CSV file in UTF-8."
        ) from error


def _picture(path: Path, size: int) -> np.ndarray:
    """A JPEG file as uint8 (3, size, size); what does not belong to a square is cut away at both ends."""
    try:
        with Image.open(path) as file:
            file.draft("RGB", (size, size))  # a JPEG decoder can skip what a small picture does not need
            picture = ImageOps.fit(file.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
    except FileNotFoundError:
        raise RuntimeError(
            f"{path} is missing, but the table names it. Unpack all pictures into {path.parent}."
        ) from None
    except Exception as error:  # Pillow raises OSError, SyntaxError and others on damaged files
        raise RuntimeError(
            f"{path} ({path.stat().st_size:,} bytes) is damaged or cut short ({error}). Unpack or copy it anew."
        ) from error
    return np.asarray(picture).transpose(2, 0, 1)


def read(
    table: Path | str,
    folder: Path | str,
    labels: Sequence[str],
    size: int = 64,
    limit: int | None = None,
    name: str = "annotated pictures",
) -> AnnotatedSet:
    """Read a table image_name,tags (tags separated by blanks) and the pictures folder/image_name.jpg.

    Args:
        table: a CSV file.
        folder: where the pictures lie.
        labels: the names that may occur as tags, in the order of the targets' columns.
        size: height and width in pixels to which the pictures are scaled.
        limit: how many rows to read, from the top; all of them if None.
        name: the data set in words.

    Raises:
        ValueError: labels that repeat, or a size or limit that is not an integer of at least 1.
        RuntimeError: a missing table, column, tag or picture, an unknown tag, a picture named twice, a damaged file;
            the message names the file and the remedy.
    """
    table, folder, labels = Path(table), Path(folder), tuple(labels)
    runtime.check_int("size", size, 1)
    if limit is not None:
        runtime.check_int("limit", limit, 1)
    if len(set(labels)) != len(labels) or not labels:
        raise ValueError(f"labels must be different names, at least one, got {labels!r}")
    rows = _rows(table)[:limit]
    if not rows:
        raise RuntimeError(f"{table} has no row below its first line. Copy the table anew.")
    column = {label: number for number, label in enumerate(labels)}
    targets = torch.zeros(len(rows), len(labels))
    seen: dict[str, int] = {}
    for number, (line, image_name, tags) in enumerate(rows):
        where = f"{table}, line {line} ({image_name or 'no image_name'})"
        if not image_name or not tags.split():
            raise RuntimeError(f"{where}: a name and at least one tag are needed. Copy the table anew.")
        if image_name in seen:
            raise RuntimeError(f"{where}: this picture stands in line {seen[image_name]} already. Delete one of them.")
        seen[image_name] = line
        for tag in tags.split():
            if tag not in column:
                near = difflib.get_close_matches(tag, labels, 1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise RuntimeError(f"{where}: unknown tag {tag!r}; {hint}The known ones are: {', '.join(labels)}.")
            targets[number, column[tag]] = 1
    if not folder.is_dir():
        raise RuntimeError(f"{folder} is missing. Unpack the pictures there; {table} names {len(rows):,} of them.")
    images = np.empty((len(rows), 3, size, size), dtype=np.uint8)
    for number, image_name in enumerate(seen):
        images[number] = _picture(folder / f"{image_name}.jpg", size)
    return AnnotatedSet(torch.from_numpy(images), targets, labels, name)


def planet(root: Path | str | None = None, size: int = 64, limit: int | None = None) -> AnnotatedSet:
    """Planet's satellite pictures of the Amazon basin with 17 labels, from the learner's own copy.

    Never downloaded here: Kaggle asks for an account and for consent to its rules. Home:
    notebooks/09_multi_label_annotation.ipynb.

    Args:
        root: folder that holds `train_v2.csv` and the folder `train-jpg`; `planet` under `runtime.data_dir()` if None.
        size, limit: as for `read`.

    Raises:
        RuntimeError: as for `read`.
    """
    root = runtime.data_dir() / "planet" if root is None else Path(root)
    tables = [root / name for name in _PLANET_TABLES]
    table = next((path for path in tables if path.is_file()), None)
    if table is None:
        present = ", ".join(sorted(path.name for path in root.iterdir())) if root.is_dir() else "no such folder"
        raise RuntimeError(
            f"{tables[0]} is missing (found: {present or 'nothing'}). Get train_v2.csv and train-jpg from "
            f"{PLANET_PAGE} (account needed), unpack both into {root}, or set COURSE_DATA to the folder that holds "
            "`planet`; or stay at COURSE_TIER=quick, which needs no download."
        )
    name = "Planet, Amazon from space" + ("" if limit is None else f" (first {limit:,} rows)")
    return read(table, root / "train-jpg", PLANET_LABELS, size, limit, name)
