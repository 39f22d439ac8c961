"""Render the three sheets of data/README.md, data/toyland_classes.png, data/toyland_scenes.png and data/signs.png:
python tools/contact_sheets.py"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from course_utils.datasets import signs, toyland
from course_utils.runtime import PROJECT_ROOT

GAP, PAPER, INK = 6, (250, 248, 242), (58, 50, 60)


def sheet(pictures: list[np.ndarray], columns: int, labels: list[str] | None = None) -> Image.Image:
    """Lay uint8 pictures of one size out in rows, each row with its label on the left."""
    side = pictures[0].shape[0]
    rows = -(-len(pictures) // columns)
    margin = max(96, 9 * max(map(len, labels))) if labels else 0
    page = Image.new("RGB", (margin + columns * (side + GAP) + GAP, rows * (side + GAP) + GAP), PAPER)
    pen = ImageDraw.Draw(page)
    for i, picture in enumerate(pictures):
        row, column = divmod(i, columns)
        page.paste(Image.fromarray(picture), (margin + GAP + column * (side + GAP), GAP + row * (side + GAP)))
    for row, label in enumerate(labels or []):
        middle = GAP + row * (side + GAP) + side // 2
        pen.text((margin - 6, middle), label, fill=INK, font=ImageFont.load_default(16), anchor="rm")
    return page


def classes_sheet() -> Image.Image:
    """Eight variants of each class, large."""
    pictures = [
        toyland.scene(8 * label + k, 112, classes=[name], objects=(1, 1), object_sizes=(84, 94), occlusion=False).image
        for label, name in enumerate(toyland.CLASSES)
        for k in range(8)
    ]
    return sheet(pictures, 8, list(toyland.CLASSES))


def scenes_sheet() -> Image.Image:
    """24 scenes of 96x96, each pixel doubled, so that one sees what a network sees."""
    return sheet([s.image.repeat(2, axis=0).repeat(2, axis=1) for s in toyland.scenes(24, cache=False)], 6)


def signs_sheet() -> Image.Image:
    """Ten pictures of each traffic sign: two in each weather, large."""
    rows = {name: [] for name in signs.CLASSES}
    for weather in signs.WEATHERS:
        images, labels = signs.pictures(2 * len(rows), 64, seed=1, weather=weather)
        for image, label in zip(images, labels, strict=True):
            rows[signs.CLASSES[label]].append(np.rint(255 * image).astype(np.uint8).transpose(1, 2, 0))
    names = [name.replace("_", " ") for name in rows]
    return sheet([picture for row in rows.values() for picture in row], 10, names)


def save(page: Image.Image, path: Path) -> None:
    """Write a PNG, in 256 colours where it would otherwise be larger than a megabyte."""
    page.save(path, optimize=True)
    if path.stat().st_size > 1_000_000:
        page.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(PROJECT_ROOT)}: {page.width} x {page.height}, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    save(classes_sheet(), PROJECT_ROOT / "data" / "toyland_classes.png")
    save(scenes_sheet(), PROJECT_ROOT / "data" / "toyland_scenes.png")
    save(signs_sheet(), PROJECT_ROOT / "data" / "signs.png")
