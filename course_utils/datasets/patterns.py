"""Patterns that are drawn here, to lend their style to photographs: waves, stained glass, brush strokes, hatching.

Deterministic by seed; nothing is downloaded. First used in notebooks/16_style_transfer.ipynb.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from course_utils.runtime import check_choice, check_int

if TYPE_CHECKING:
    import torch

_FINER = 3  # patterns are drawn so many times as large and averaged down, so that edges are smooth
_SMALLEST = 16  # pixels


def _color(hexadecimal: str) -> list[float]:
    return [int(hexadecimal[i : i + 2], 16) / 255 for i in (0, 2, 4)]


def _palette(*colors: str) -> np.ndarray:
    return np.array([_color(color) for color in colors])


_SEA = _palette("12285A", "1F4E8C", "2F7FA8", "7DB8C4", "F2E6C8", "E0A95B")
_GLASS = _palette("A3162B", "D9482B", "EDA024", "2E8B57", "14708F", "26378F", "6B3A8C", "F0D9A0")
_FIELD = _palette("15305F", "2B62A6", "3F9AA3", "9FC27A", "F3D55B", "E58E26", "B9441F")
_PAPER, _INK, _CHALK = np.array(_color("F4ECD8")), np.array(_color("1B2440")), np.array(_color("9C3B22"))


def _smooth(rng: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """(side, side) of values in 0..1 that change slowly: a lattice of random numbers, interpolated."""
    lattice = rng.random((cells + 1, cells + 1))
    at = (np.arange(side) + 0.5) / side * cells
    low = at.astype(int)
    part = at - low
    part = part**2 * (3 - 2 * part)
    rows = lattice[low] * (1 - part[:, None]) + lattice[low + 1] * part[:, None]
    return rows[:, low] * (1 - part) + rows[:, low + 1] * part


def _between(palette: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Colors (..., 3) at places 0..1 along a palette, mixed from the two that lie nearest."""
    at = np.clip(values, 0, 1) * (len(palette) - 1)
    low = np.minimum(at.astype(int), len(palette) - 2)
    part = (at - low)[..., None]
    return palette[low] * (1 - part) + palette[low + 1] * part


def _waves(rng: np.random.Generator, side: int) -> np.ndarray:
    """Bands of water under light crests, drawn round by a few whirls, as on a woodblock print."""
    y, x = np.mgrid[:side, :side] / side
    for _ in range(5):
        down, right, turn = *rng.random(2), rng.choice([-1, 1]) * rng.uniform(2.5, 4.5)
        dy, dx = y - down, x - right
        angle = turn * np.exp(-(dy**2 + dx**2) / 0.025)
        y, x = down + np.cos(angle) * dy + np.sin(angle) * dx, right + np.cos(angle) * dx - np.sin(angle) * dy
    height = 13 * y + 1.3 * np.sin(2 * np.pi * (1.5 * x + 0.4 * y)) + 2 * _smooth(rng, side, 4)
    band = np.floor(height).astype(int)
    part = height - band
    order = rng.integers(0, 4, band.max() - band.min() + 1)
    order[1::2] = (order[::2][: len(order[1::2])] + rng.integers(1, 4, len(order[1::2]))) % 4  # neighbors differ
    colors = _SEA[order[band - band.min()]]
    colors = colors * (1.12 - 0.35 * part[..., None])  # darker towards the next crest
    crest = np.where(rng.random(len(order)) < 0.25, 5, 4)[band - band.min()]
    return np.where((part < 0.2)[..., None], _SEA[crest], colors)


def _tiles(rng: np.random.Generator, side: int) -> np.ndarray:
    """Stained glass: every pixel belongs to the nearest of jittered points; lead lies where two are equally near."""
    count = 11
    points = np.mgrid[:count, :count] + rng.uniform(0.08, 0.92, (2, count, count))  # in cells
    shade = _smooth(rng, count, 3) + rng.normal(0, 0.16, (count, count))
    colors = _GLASS[(np.clip(shade, 0, 0.999) * len(_GLASS)).astype(int)] * rng.uniform(0.85, 1.12, (count, count, 1))
    y, x = (np.mgrid[:side, :side] + 0.5) / side * count
    nearest, second = np.full((side, side), np.inf), np.full((side, side), np.inf)
    glass, light = np.zeros((side, side, 3)), np.zeros((side, side))
    for down in range(-2, 3):
        for right in range(-2, 3):
            row, column = y.astype(int) + down, x.astype(int) + right
            inside = (row >= 0) & (row < count) & (column >= 0) & (column < count)
            row, column = row.clip(0, count - 1), column.clip(0, count - 1)
            dy, dx = y - points[0, row, column], x - points[1, row, column]
            distance = np.where(inside, np.hypot(dy, dx), np.inf)
            closer = distance < nearest
            second = np.where(closer, nearest, np.minimum(second, distance))
            nearest = np.where(closer, distance, nearest)
            glass[closer], light[closer] = colors[row, column][closer], -(dy + dx)[closer]
    glass = glass * (1 + 0.22 * light.clip(-1, 1) + 0.12 * (_smooth(rng, side, 40) - 0.5))[..., None]
    lead = (second - nearest < 0.13)[..., None]
    return np.where(lead, np.array([0.07, 0.07, 0.09]), glass)


def _strokes(rng: np.random.Generator, side: int) -> np.ndarray:
    """Thick brush strokes along a flow, their colors by region, each with bristles and a lit edge."""
    hue, flow = _smooth(rng, side, 3), 2.2 * np.pi * _smooth(rng, side, 3)
    picture = _between(_FIELD, hue)
    for down, right, size, shift in zip(*rng.random((3, 1700)), rng.normal(0, 0.13, 1700), strict=True):
        cy, cx = int(down * side), int(right * side)
        half, width = (0.035 + 0.03 * size) * side, (0.008 + 0.006 * size) * side
        reach = int(half) + 1
        top, left = max(cy - reach, 0), max(cx - reach, 0)
        dy, dx = np.mgrid[top : min(cy + reach + 1, side), left : min(cx + reach + 1, side)]
        dy, dx, angle = dy - cy, dx - cx, flow[cy, cx]
        along, across = np.cos(angle) * dx + np.sin(angle) * dy, np.cos(angle) * dy - np.sin(angle) * dx
        across = across + 0.25 * along**2 / half  # a stroke is bent a little
        inside = (np.abs(across) < width) & (np.abs(along) < half * (1 - 0.3 * (across / width) ** 2))
        bristles = rng.uniform(0.82, 1.12, 7)[((across / width + 1) * 3.49).clip(0, 6).astype(int)]
        lit = bristles + 0.16 * (across < -0.6 * width) - 0.2 * (across > 0.65 * width)
        part = picture[top : top + len(dy), left : left + dy.shape[1]]
        part[inside] = (_between(_FIELD, np.array(hue[cy, cx] + shift)) * lit[..., None])[inside]
    return picture


def _hatching(rng: np.random.Generator, side: int) -> np.ndarray:
    """Ink and red chalk on paper: one set of lines wherever it is not light, a second and a third where it is dark."""
    y, x = np.mgrid[:side, :side] / side
    tone = 0.75 * _smooth(rng, side, 3) + 0.25 * _smooth(rng, side, 8)
    picture = _PAPER * (0.96 + 0.06 * _smooth(rng, side, 60))[..., None]
    for degrees, light, lines, ink in ((35, 0.12, 26, _CHALK), (-40, 0.38, 30, _INK), (80, 0.56, 34, _INK)):
        angle = np.deg2rad(degrees) + 0.35 * (_smooth(rng, side, 2) - 0.5)
        place = lines * (np.sin(angle) * x + np.cos(angle) * y) + 0.5 * _smooth(rng, side, 12)
        pressure = np.clip((tone - light) / (0.75 - light), 0, 1) * (0.75 + 0.5 * _smooth(rng, side, 25))
        drawn = np.abs(place - np.round(place)) < 0.36 * pressure
        picture = np.where(drawn[..., None], 0.9 * ink + 0.1 * picture, picture)
    return picture


_DRAW: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "hatching": _hatching,
    "strokes": _strokes,
    "tiles": _tiles,
    "waves": _waves,
}
NAMES = tuple(_DRAW)


def render(name: str, size: int, seed: int = 0) -> torch.Tensor:
    """Draw a pattern, square.

    Args:
        name: one of `NAMES`: hatching, strokes, tiles or waves.
        size: side in pixels, at least 16. What is drawn grows with it: 11 pieces of glass across at any size.
        seed: another seed draws another picture in the same manner.

    Returns:
        (3, size, size) float32 in 0..1.

    Raises:
        ValueError: an unknown name, a size or a seed out of range.
    """
    import torch

    check_choice("name", name, NAMES)
    check_int("size", size, _SMALLEST)
    check_int("seed", seed, 0)
    rng = np.random.default_rng([seed, NAMES.index(name)])
    fine = _DRAW[name](rng, size * _FINER).clip(0, 1)
    picture = fine.reshape(size, _FINER, size, _FINER, 3).mean(axis=(1, 3))
    return torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1).contiguous()
