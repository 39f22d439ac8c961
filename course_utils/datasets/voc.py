"""Pascal's annotation files: the text of version 1.00 (2005 and 2006) and the XML of later years.

Both count pixels from 1 and name the first and the last pixel of an object. `Annotation.boxes` gives the course's boxes
instead: edges, counted from 0. A file that is not as it should be ends in an error that names file, line and remedy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn
from xml.etree import ElementTree
from xml.parsers import expat

import torch

_HEADER = "# PASCAL Annotation Version 1.00"
_FORMS = {  # how a line begins, what it must look like, and the same in words
    "Image filename": (r'Image filename : "(.+)"', 'Image filename : "NAME"'),
    "Image size": (r"Image size \(X x Y x C\) : (\d+) x (\d+) x (\d+)", "Image size (X x Y x C) : 400 x 275 x 3"),
    "Objects with": (
        r'Objects with ground truth : (\d+) \{((?: "[^"]+")*) \}',
        'Objects with ground truth : 1 { "A" }',
    ),
    "# Top left": (r"# Top left pixel co-ordinates : \((\d+), (\d+)\)", "# Top left pixel co-ordinates : (1, 1)"),
    "Bounding box": (
        r'Bounding box for object (\d+) "([^"]+)" \(Xmin, Ymin\) - \(Xmax, Ymax\) : '
        r"\((-?\d+), (-?\d+)\) - \((-?\d+), (-?\d+)\)",
        'Bounding box for object 1 "A" (Xmin, Ymin) - (Xmax, Ymax) : (57, 133) - (329, 265)',
    ),
}


class Annotation(NamedTuple):
    """What a file says about one picture with N objects.

    Attributes:
        filename: the picture's.
        size: height, width and channels.
        labels: the N names of classes, as written.
        corners: float32 (N, 4), first and last column and row of each object, as written: both belong to it.
        first_pixel: x and y of the upper left pixel, as the file counts.
        difficult: bool (N,), objects that the challenge does not ask for; all False in version 1.00.
    """

    filename: str
    size: tuple[int, int, int]
    labels: tuple[str, ...]
    corners: torch.Tensor
    first_pixel: tuple[int, int]
    difficult: torch.Tensor

    @property
    def boxes(self) -> torch.Tensor:
        """float32 (N, 4), xyxy in pixels: edges, counted from 0. Not cut at the picture's border (`boxes.clip`)."""
        x, y = self.first_pixel
        return self.corners - torch.tensor([x, y, x - 1, y - 1], dtype=torch.float32)

    def target(self, classes: Sequence[str]) -> dict[str, torch.Tensor]:
        """What torchvision's detectors are trained with: boxes (N, 4) and labels int64 (N,), 1 for the first class.

        Args:
            classes: the names in order; 0 is left to the background.

        Raises:
            ValueError: a label that is not among the classes.
        """
        for label in self.labels:
            if label not in classes:
                raise ValueError(f"classes must hold every label of {self.filename}, got none called {label!r}")
        labels = torch.tensor([list(classes).index(label) + 1 for label in self.labels], dtype=torch.int64)
        return {"boxes": self.boxes, "labels": labels}


def _refuse(name: str, line: int, what: str) -> NoReturn:
    raise RuntimeError(f"{name}, line {line}: {what}. Mend that line, or copy the file anew.")


def _four_corners(corners: Sequence[float], name: str, line: int) -> list[float]:
    xmin, ymin, xmax, ymax = corners
    if not (abs(xmin) + abs(ymin) + abs(xmax) + abs(ymax) < float("inf")):
        _refuse(name, line, f"a box must have four finite numbers, got {list(corners)}")
    if xmax < xmin or ymax < ymin:
        _refuse(name, line, f"xmax and ymax must not be below xmin and ymin, got {list(corners)}")
    return list(corners)


def _annotation(filename, size, labels, corners, first_pixel, difficult) -> Annotation:
    corners = torch.tensor(corners, dtype=torch.float32).reshape(-1, 4)
    return Annotation(filename, size, tuple(labels), corners, first_pixel, torch.tensor(difficult, dtype=torch.bool))


# --- the text of version 1.00 ----------------------------------------------------------------------------------------


def parse_text(text: str, name: str = "the annotation") -> Annotation:
    """Read an annotation of version 1.00, as in the Sorbonne lecture.

    Comments and lines about anything but picture, size, objects, first pixel and boxes are skipped.
    Used in notebooks/10_localization.ipynb.

    Args:
        text: the file's whole content.
        name: the file's, for errors.

    Raises:
        RuntimeError: a line that is missing or does not look as it should, a box that is reversed, out of order or of
            another class than announced; the message names file and line.
    """
    lines = text.splitlines()
    found: dict[str, list[tuple[int, tuple[str, ...]]]] = {start: [] for start in _FORMS}
    if not lines or not lines[0].startswith(_HEADER):
        _refuse(name, 1, f"{_HEADER!r} is expected, got {(lines or [''])[0]!r}")
    for number, line in enumerate(lines, start=1):
        for start, (pattern, words) in _FORMS.items():
            if line.startswith(start):
                match = re.fullmatch(pattern, line.rstrip())
                if match is None:
                    _refuse(name, number, f"this must look like {words!r}, got {line!r}")
                found[start].append((number, match.groups()))
    for start, (_, words) in _FORMS.items():
        if start != "Bounding box" and len(found[start]) != 1:
            number = found[start][1][0] if found[start] else len(lines)
            _refuse(name, number, f"one line {words!r} is expected in the file, got {len(found[start])}")

    (_, (filename,)), (_, (width, height, channels)) = found["Image filename"][0], found["Image size"][0]
    (line, (count, names)), (_, (x, y)) = found["Objects with"][0], found["# Top left"][0]
    labels = re.findall(r'"([^"]+)"', names)
    boxes = found["Bounding box"]
    if not int(count) == len(labels) == len(boxes):
        _refuse(name, line, f"{count} objects are announced, {len(labels)} named, and {len(boxes)} boxes follow")
    corners = []
    for place, (line, (number, label, *numbers)) in enumerate(boxes, start=1):
        if (int(number), label) != (place, labels[place - 1]):
            _refuse(name, line, f"the box of object {place} {labels[place - 1]!r} is expected, got {number} {label!r}")
        corners.append(_four_corners([float(n) for n in numbers], name, line))
    size = (int(height), int(width), int(channels))
    return _annotation(filename, size, labels, corners, (int(x), int(y)), [False] * len(labels))


# --- the XML of later years ------------------------------------------------------------------------------------------


def _tree(text: str | bytes, name: str) -> tuple[ElementTree.Element, dict[ElementTree.Element, int]]:
    """The XML's root, and the line in which each element begins (which ElementTree's own parser does not keep)."""
    parser, builder, lines = expat.ParserCreate(), ElementTree.TreeBuilder(), {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        lines[builder.start(tag, attributes)] = parser.CurrentLineNumber

    parser.StartElementHandler, parser.EndElementHandler = start, builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        _refuse(name, error.lineno, f"this is no XML ({expat.errors.messages[error.code]})")
    return builder.close(), lines


def parse_xml(text: str | bytes, name: str = "the annotation", first_pixel: tuple[int, int] = (1, 1)) -> Annotation:
    """Read an annotation in VOC's XML.

    An object's parts (head, hands and feet) and whatever else it says are skipped; an empty `difficult` counts as 0.
    Used in notebooks/10_localization.ipynb.

    Args:
        text: the file's whole content.
        name: the file's, for errors.
        first_pixel: x and y of the upper left pixel; VOC counts from 1, some tools from 0, and the file does not say.

    Raises:
        RuntimeError: text that is no XML, an element that is missing, comes twice or holds something else than it
            should, a reversed box; the message names file and line.
    """
    root, lines = _tree(text, name)

    def child(parent: ElementTree.Element, tag: str) -> ElementTree.Element:
        children = parent.findall(tag)
        if len(children) != 1:
            line = lines[children[1]] if children else lines[parent]
            _refuse(name, line, f"one <{tag}> is expected in <{parent.tag}>, got {len(children)}")
        return children[0]

    def words(parent: ElementTree.Element, tag: str) -> str:
        found = (child(parent, tag).text or "").strip()
        return found or _refuse(name, lines[child(parent, tag)], f"<{tag}> is empty")

    def number(parent: ElementTree.Element, tag: str, kind: type) -> float:
        try:
            return kind(words(parent, tag))
        except ValueError:
            _refuse(name, lines[child(parent, tag)], f"<{tag}> must hold a number, got {words(parent, tag)!r}")

    if root.tag != "annotation":
        _refuse(name, lines[root], f"<annotation> is expected, got <{root.tag}>")
    size = tuple(number(child(root, "size"), tag, int) for tag in ("height", "width", "depth"))
    labels, corners, difficult = [], [], []
    for thing in root.findall("object"):
        box = child(thing, "bndbox")
        labels.append(words(thing, "name"))
        four = [number(box, tag, float) for tag in ("xmin", "ymin", "xmax", "ymax")]
        corners.append(_four_corners(four, name, lines[box]))
        mark = (thing.findtext("difficult") or "").strip()
        if mark not in ("", "0", "1"):
            _refuse(name, lines[child(thing, "difficult")], f"<difficult> must be 0 or 1, got {mark!r}")
        difficult.append(mark == "1")
    return _annotation(words(root, "filename"), size, labels, corners, first_pixel, difficult)


# --- files -----------------------------------------------------------------------------------------------------------


def read(path: Path | str, first_pixel: tuple[int, int] = (1, 1)) -> Annotation:
    """Read an annotation file of either kind; its first line says which.

    Args:
        path: the file.
        first_pixel: as in `parse_xml`; a file of version 1.00 says it itself.

    Raises:
        RuntimeError: a file that is missing or malformed; the message names file, line and remedy.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RuntimeError(f"{path} cannot be read ({error.strerror}). Put the annotation there.") from error
    if content.startswith(b"# PASCAL"):
        return parse_text(content.decode("utf-8", errors="replace"), str(path))
    return parse_xml(content, str(path), first_pixel)
