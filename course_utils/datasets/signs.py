"""Traffic signs, rendered on the spot in Toyland's manner: sixteen signs in any weather, tilted, blurred, half hidden.

The drawings are the project's own, of shapes that many countries share. `pictures` gives small pictures of one sign
each, for classification; `street` gives a large picture with several signs and their boxes. The same arguments give the
same pixels on every platform: polygons, random numbers and sines come from Toyland's drawing layer, everything after
them is integer arithmetic as well. 5,000 pictures of 32x32 take some three seconds, so nothing is cached.

Needs NumPy and the standard library only. First used in notebooks/08_transfer_learning.ipynb.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from course_utils.datasets.toyland_drawings import TURN, UNIT, Color, Dice, Sketch, cosine, mix, sine
from course_utils.datasets.toyland_renderer import SAMPLES, STEP, clouds, fill, repeat_ranges
from course_utils.runtime import check_choice, check_int

SPLITS = ("train", "validation", "test")
WEATHERS = ("clear", "rain", "fog", "snow", "night")

_RED, _BLUE, _YELLOW = (202, 34, 44), (28, 88, 178), (248, 202, 56)
_WHITE, _INK, _STEEL = (246, 246, 242), (30, 28, 34), (128, 132, 138)


# --- the sixteen signs ---------------------------------------------------------------------------------------------
# Each function draws one board around (0, 0), some 100 design units wide, x to the right and y down.


@dataclass(frozen=True)
class _Paint:
    """The colours of one sign: a little faded, a little dirty, no two alike."""

    red: Color
    blue: Color
    yellow: Color
    face: Color
    ink: Color


def _ring(s: Sketch, corners: int, radius: int, color: Color, turn: int = 0) -> None:
    """A regular polygon; with 24 corners a disk."""
    points = [k * TURN // corners + turn for k in range(corners)]
    s.poly([(radius * cosine(a) + 8192 >> 14, radius * sine(a) + 8192 >> 14) for a in points], color)


def _triangle(s: Sketch, p: _Paint, rim: Color, face: Color, down: bool = False) -> None:
    for size, color in ((50, p.face), (46, rim), (29, face)):
        shift = (50 - size) // 4  # the centre of a triangle lies below the middle of its height
        corners = ((0, -size), (size, size * 3 // 4), (-size, size * 3 // 4))
        s.poly([(x, -y - shift if down else y + shift) for x, y in corners], color)


def _disk(s: Sketch, p: _Paint, rim: Color, face: Color, inner: int = 37) -> None:
    for radius, color in ((50, p.face), (48, rim), (inner, face)):
        _ring(s, 24, radius, color)


def _stop(s: Sketch, p: _Paint, d: Dice) -> None:
    _ring(s, 8, 50, p.face, 16)
    _ring(s, 8, 47, p.red, 16)
    letters = (
        ((-28, -10), (-35, -12), (-37, -6), (-29, 2), (-29, 9), (-37, 11)),
        ((-23, -12), (-11, -12), (-17, -12), (-17, 12)),
        ((6, -11), (-4, -11), (-4, 11), (6, 11), (6, -11)),
        ((15, 12), (15, -12), (24, -12), (25, -3), (15, 0)),
    )
    for letter in letters:
        s.stroke(letter, 3, 3, p.face)


def _no_entry(s: Sketch, p: _Paint, d: Dice) -> None:
    _disk(s, p, p.red, p.red)
    tall = d.between(9, 12)
    s.poly(((-35, -tall), (35, -tall), (35, tall), (-35, tall)), p.face)


def _give_way(s: Sketch, p: _Paint, d: Dice) -> None:
    _triangle(s, p, p.red, p.face, down=True)


def _priority(s: Sketch, p: _Paint, d: Dice) -> None:
    for size, color in ((50, p.ink), (48, p.face), (33, p.yellow)):
        s.poly(((0, -size), (size, 0), (0, size), (-size, 0)), color)


def _digit(s: Sketch, number: str, x: int, ink: Color, face: Color) -> None:
    if number == "0":
        s.oval(x, 0, 12, 20, ink)
        s.oval(x, 0, 5, 13, face)
    elif number == "8":
        for y, r in ((-9, 10), (9, 12)):
            s.oval(x, y, r, r, ink)
        for y, r in ((-9, 4), (9, 5)):
            s.oval(x, y, r, r, face)
    elif number == "3":
        s.stroke(((x - 9, -13), (x - 2, -17), (x + 7, -12), (x + 6, -4), (x - 1, -1)), 4, 4, ink)
        s.stroke(((x - 1, -1), (x + 8, 4), (x + 8, 12), (x, 17), (x - 10, 13)), 4, 4, ink)
    else:  # a five
        s.stroke(((x + 9, -17), (x - 7, -17), (x - 8, -3), (x + 2, -5)), 4, 4, ink)
        s.stroke(((x + 2, -5), (x + 9, 2), (x + 8, 12), (x, 17), (x - 9, 13)), 4, 4, ink)


def _limit(number: str) -> Callable[[Sketch, _Paint, Dice], None]:
    def draw(s: Sketch, p: _Paint, d: Dice) -> None:
        face = p.yellow if d.chance(20) else p.face  # some countries paint them on yellow
        _disk(s, p, p.red, face, d.between(36, 39))
        _digit(s, number, -14, p.ink, face)
        _digit(s, "0", 15, p.ink, face)

    return draw


def _arrow(points: Sequence[tuple[int, int]]) -> Callable[[Sketch, _Paint, Dice], None]:
    def draw(s: Sketch, p: _Paint, d: Dice) -> None:
        _disk(s, p, p.blue, p.blue)
        s.poly(points, p.face)

    return draw


_TURN_RIGHT = ((-22, 32), (-22, -18), (4, -18), (4, -34), (34, -9), (4, 16), (4, 0), (-6, 0), (-6, 32))
_AHEAD = ((-9, 36), (-9, -4), (-26, -4), (0, -38), (26, -4), (9, -4), (9, 36))


def _warning(symbol: Callable[[Sketch, Color, Dice], None]) -> Callable[[Sketch, _Paint, Dice], None]:
    def draw(s: Sketch, p: _Paint, d: Dice) -> None:
        _triangle(s, p, p.red, p.yellow if d.chance(25) else p.face)
        symbol(s, p.ink, d)

    return draw


def _exclamation(s: Sketch, ink: Color, d: Dice) -> None:
    s.poly(((-6, -18), (6, -18), (3, 11), (-3, 11)), ink)
    s.oval(0, 19, 5, 4, ink)


def _deer(s: Sketch, ink: Color, d: Dice) -> None:
    s.poly(((-15, 0), (-12, 9), (9, 9), (14, -5), (6, -4), (2, 0)), ink)
    s.stroke(((8, -2), (13, -9), (20, -8)), 3, 2, ink)
    for x, lean in ((-13, -4), (-9, 2), (5, -2), (8, 5)):
        s.limb(x, 6, 2, x + lean, 22, 2, ink)
    for tip in ((8, -21), (15, -22)):
        s.limb(13, -11, 2, *tip, 2, ink)


def _walker(s: Sketch, ink: Color, d: Dice) -> None:
    s.oval(1, -15, 5, 5, ink)
    s.limb(0, -8, 4, -1, 6, 4, ink)
    for points in (((-1, 6), (-8, 22)), ((0, 6), (6, 13), (9, 22)), ((-1, -6), (-11, 2)), ((1, -6), (10, 0))):
        s.stroke(points, 3, 2, ink)


def _bicycle(s: Sketch, ink: Color, d: Dice) -> None:
    for x in (-13, 13):
        s.ring(x, 14, 9, 6, ink)
    for a, b in (((-13, 14), (-4, 2)), ((-4, 2), (9, 0)), ((9, 0), (0, 13)), ((0, 13), (-4, 2)), ((9, -6), (13, 14))):
        s.limb(*a, 2, *b, 2, ink)
    s.limb(-9, -1, 2, -1, -1, 2, ink)


def _parking(s: Sketch, p: _Paint, d: Dice) -> None:
    for size, color in ((44, p.face), (41, p.blue)):
        s.poly(((-size, -size), (size, -size), (size, size), (-size, size)), color)
    s.poly(((-19, -29), (-9, -29), (-9, 30), (-19, 30)), p.face)
    s.oval(2, -13, 20, 16, p.face)
    s.oval(1, -13, 10, 7, p.blue)
    s.poly(((-19, -29), (-9, -29), (-9, 30), (-19, 30)), p.face)


def _end_of_limits(s: Sketch, p: _Paint, d: Dice) -> None:
    _disk(s, p, p.ink, p.face, 45)
    for shift in (-10, 0, 10):
        s.limb(-24 + shift, 24 + shift, 3, 24 + shift, -24 + shift, 3, p.ink)


_BOARDS: dict[str, Callable[[Sketch, _Paint, Dice], None]] = {
    "stop": _stop,
    "no_entry": _no_entry,
    "give_way": _give_way,
    "priority": _priority,
    "limit_30": _limit("3"),
    "limit_50": _limit("5"),
    "limit_80": _limit("8"),
    "end_of_limits": _end_of_limits,
    "turn_left": _arrow([(-x, y) for x, y in _TURN_RIGHT]),
    "turn_right": _arrow(_TURN_RIGHT),
    "ahead": _arrow(_AHEAD),
    "parking": _parking,
    "danger": _warning(_exclamation),
    "animals": _warning(_deer),
    "people": _warning(_walker),
    "bicycles": _warning(_bicycle),
}
CLASSES = tuple(_BOARDS)


# --- what stands around them ---------------------------------------------------------------------------------------

_GROUNDS = (  # upper and lower colour of what lies behind: sky over street, wall, forest, field, dusk, snow
    ((150, 190, 226), (140, 142, 146)),
    ((176, 164, 150), (150, 138, 126)),
    ((86, 116, 76), (58, 84, 54)),
    ((186, 208, 224), (164, 172, 104)),
    ((222, 176, 150), (104, 98, 112)),
    ((206, 212, 220), (226, 230, 236)),
    ((120, 160, 208), (96, 124, 88)),
    ((150, 90, 74), (118, 76, 66)),
)
_CLUTTER = (
    (196, 60, 50),
    (44, 92, 170),
    (232, 196, 70),
    (240, 238, 232),
    (60, 104, 58),
    (96, 140, 74),
    (120, 122, 128),
    (64, 62, 70),
    (150, 112, 84),
    (206, 150, 110),
)
_LIGHTS = ((256, 256, 256), (256, 256, 256), (280, 262, 226), (228, 246, 272), (200, 204, 222), (284, 280, 270))

_Layer = tuple[np.ndarray, np.ndarray, Sketch]  # corners in canvas fixed point, and the sketch that they belong to


@dataclass(frozen=True)
class _Board:
    """A sign on the canvas: its layer, its box and its centre in fixed point."""

    label: int
    layer: _Layer
    box: tuple[int, int, int, int]
    centre: tuple[int, int]


def _make_board(d: Dice, label: int, diameter: int, x: int, y: int) -> _Board:
    """A sign of so many pixels around (x, y) in fixed point: turned, seen from the side, leaning."""
    paint = _Paint(
        d.jitter(mix(_RED, _WHITE, d.pick((0, 0, 8, 26))), 12),
        d.jitter(mix(_BLUE, _WHITE, d.pick((0, 0, 8, 26))), 12),
        d.jitter(_YELLOW, 12),
        d.jitter(_WHITE, 10),
        d.jitter(_INK, 10),
    )
    sketch = Sketch()
    _BOARDS[CLASSES[label]](sketch, paint, d)
    angle, wide, lean = d.between(-12, 12), d.between(66, 100), d.between(-12, 12)  # 1/256 turns, percent, percent
    scale = (diameter * STEP << 24) // (100 * UNIT)
    c, s = cosine(angle), sine(angle)
    matrix = [entry * scale // (100 << 14) for entry in (c * wide - s * lean, -s * 100, s * wide + c * lean, c * 100)]
    corners = np.array(sketch.x, dtype=np.int64), np.array(sketch.y, dtype=np.int64)
    px = (corners[0] * matrix[0] + corners[1] * matrix[1] >> 24) + x
    py = (corners[0] * matrix[2] + corners[1] * matrix[3] >> 24) + y
    box = (int(px.min()), int(py.min()), int(px.max()), int(py.max()))
    return _Board(label, (px, py, sketch), box, (x, y))


def _upright(sketch: Sketch, scale: int) -> _Layer:
    x, y = np.array(sketch.x, dtype=np.int64), np.array(sketch.y, dtype=np.int64)
    return x * scale >> 24, y * scale >> 24, sketch


def _clutter(d: Dice, size: int, pieces: int) -> Sketch:
    """Houses, cars, trees and whatever else there is, out of focus: coloured patches, in hundredths of `size`."""
    sketch = Sketch()
    for _ in range(pieces):
        color = d.jitter(d.pick(_CLUTTER), 26)
        x, y, w, h = d.between(-5, size + 5), d.between(0, size + 5), d.between(4, 24), d.between(4, 24)
        kind = d.below(4)
        if kind == 0:
            sketch.oval(x, y, w, h, color)
        elif kind == 1:
            sketch.poly(((x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)), color)
        elif kind == 2:
            sketch.poly(((x - w, y + h), (x + d.between(-w, w), y - h), (x + w, y + h)), color)
        else:
            sketch.limb(x, y, 2, x + d.between(-40, 40), y - d.between(10, 60), d.between(1, 4), color)
    return sketch


def _pole(board: _Board, bottom: int) -> _Layer:
    """The post that a sign stands on, from its centre down to the picture's lower edge, in fixed point."""
    x0, _, x1, _ = board.box
    half = max(STEP // 2, (x1 - x0) // 26)
    x, y = board.centre
    sketch = Sketch()
    sketch.poly(((0, 0), (1, 0), (1, 1), (0, 1)), _STEEL)
    px = np.array([x - half, x + half, x + half, x - half], dtype=np.int64)
    return px, np.array([y, y, bottom, bottom], dtype=np.int64), sketch


def _leaves(d: Dice, board: _Board) -> _Layer:
    """A twig before the sign's edge, in fixed point; it never covers the middle."""
    x0, y0, x1, y1 = board.box
    reach = max(x1 - x0, y1 - y0) * 45 // 100
    angle = d.below(TURN)
    cx = (x0 + x1) // 2 + (reach * cosine(angle) >> 14)
    cy = (y0 + y1) // 2 + (reach * sine(angle) >> 14)
    sketch = Sketch()
    for _ in range(d.between(2, 5)):
        color = d.jitter(d.pick(((70, 116, 58), (104, 146, 70), (168, 120, 60))), 20)
        sketch.oval(d.between(-14, 14), d.between(-14, 14), d.between(4, 10), d.between(3, 8), color, d.below(TURN))
    x, y = np.array(sketch.x, dtype=np.int64), np.array(sketch.y, dtype=np.int64)
    scale = (2 * reach << 24) // (100 * UNIT)
    return (x * scale >> 24) + cx, (y * scale >> 24) + cy, sketch


# --- from polygons to pixels ---------------------------------------------------------------------------------------


def _background(d: Dice, size: int) -> np.ndarray:
    """Two soft colours, one above the other, with blotches: int64 (size, size, 3)."""
    above, below = d.pick(_GROUNDS)
    above, below = np.array(d.jitter(above, 20)), np.array(d.jitter(below, 20))
    edge, soft = d.between(0, size), d.between(1, max(2, size // 3))
    part = np.clip((np.arange(size) - edge) * 128 // soft + 128, 0, 256)[:, None]
    colors = (above * (256 - part) + below * part) >> 8
    texture = (clouds(d, size, 5) - 128) * d.between(8, 30) >> 7
    return colors[:, None, :] + texture[:, :, None]


def _paint(layers: Sequence[_Layer], background: np.ndarray) -> np.ndarray:
    """All polygons filled at once, nine samples a pixel, over the background: int64 (size, size, 3)."""
    size = len(background)
    side = size * SAMPLES
    lengths: list[int] = []
    index: list[int] = []
    colors: list[Color] = []
    for _, _, sketch in layers:
        for corners, polygon in sketch.lengths:
            lengths.append(corners)
            index.append(polygon + len(colors))
        colors += sketch.colors
    x, y = (np.concatenate([layer[axis] for layer in layers]) for axis in (0, 1))
    polygon, start, count = fill(x, y, np.array(lengths), np.array(index), side)
    samples = np.zeros(side * side, dtype=np.int64)
    samples[repeat_ranges(start, count)] = np.repeat(polygon + 1, count)  # of several, the last one stays
    table = np.array([(0, 0, 0), *colors], dtype=np.int64)
    packed = table[:, 0] + (table[:, 1] << 16) + (table[:, 2] << 32)
    packed[0] = 1 << 48  # counts the samples through which the background is seen
    seen = packed[samples].reshape(side, side)
    rows = seen[0::3] + seen[1::3] + seen[2::3]
    summed = rows[:, 0::3] + rows[:, 1::3] + rows[:, 2::3]
    through = summed >> 48
    channels = [((summed >> (16 * c)) & 0xFFFF) + through * background[:, :, c] for c in range(3)]
    return np.stack(channels, axis=-1) // (SAMPLES * SAMPLES)


def _smear(image: np.ndarray, axis: int) -> np.ndarray:
    """One pass of (1, 2, 1) / 4 along an axis, the edge repeated."""
    first, last = image.take([0], axis), image.take([-1], axis)
    wide = np.concatenate((first, image, last), axis=axis)
    n = image.shape[axis]
    before, after = wide.take(range(n), axis), wide.take(range(2, n + 2), axis)
    return (before + 2 * image + after + 2) >> 2


def _weather(d: Dice, image: np.ndarray, weather: str, blurred: int) -> np.ndarray:
    """Light and shade, fog, a shaken or unfocused lens, rain, snow and grain: uint8 (size, size, 3)."""
    size = len(image)
    rows, columns = np.arange(size)[:, None], np.arange(size)[None, :]
    if d.chance(30):  # the shadow of something that is not in the picture
        angle = d.below(TURN)
        dark = columns * cosine(angle) + rows * sine(angle) > (d.between(0, size) - size // 4) << 14
        image = image * np.where(dark, d.between(52, 84), 100)[:, :, None] // 100
    gains = np.array(d.pick(_LIGHTS))
    haze, veil, grainy = 0, (214, 218, 224), 5
    if weather == "clear":
        gains = gains * d.between(80, 116) // 100
    elif weather == "rain":
        haze, veil, grainy = d.between(12, 36), (150, 158, 170), 4
    elif weather == "fog":
        haze, grainy = d.between(36, 68), 5
    elif weather == "snow":
        haze, grainy = d.between(12, 34), 5
    else:
        gains, grainy = gains * np.array((84, 92, 116)) * d.between(30, 58) // 10_000, 4
    image = np.minimum(image * gains >> 8, 255)
    if haze:
        image = (image * (100 - haze) + np.array(veil) * haze) // 100
    kind = d.below(100)
    if kind < 45:
        for _ in range(d.between(1, 2) * blurred):
            image = _smear(_smear(image, 0), 1)
    elif kind < 70:
        for _ in range(d.between(2, 5) * blurred):
            image = _smear(image, 1)
    if weather == "rain":
        for _ in range(d.between(5, 11) * size // 32):
            x, y, long = d.below(size), d.below(size), d.between(3, 7)
            image[y : y + long, x] += d.between(16, 52)
    elif weather == "snow":
        flakes = d.noise(size, size) < d.between(6, 18)
        if d.chance(50):
            flakes[1:] |= flakes[:-1]
        image = np.where(flakes[:, :, None], (image + 3 * 244) >> 2, image)
    grain = d.noise(size, size).astype(np.int64) - 128
    return np.clip(image + (grain >> grainy)[:, :, None], 0, 255).astype(np.uint8)


def _compose(d: Dice, size: int, boards: Sequence[_Board], weather: str | None, units: int) -> np.ndarray:
    """A finished picture, uint8 (size, size, 3); `units` design units of clutter span its width."""
    drawn = WEATHERS[d.pick((0, 0, 0, 1, 2, 3, 4))]
    weather = drawn if weather is None else weather
    background = _background(d, size)
    pieces = d.between(3, 8) * units * units // 10_000
    layers = [_upright(_clutter(d, units, pieces), (size * STEP << 24) // (units * UNIT))]
    for board in boards:
        layers += [_pole(board, size * STEP), board.layer]
        if d.chance(25):
            layers.append(_leaves(d, board))
    return _weather(d, _paint(layers, background), weather, max(1, size * 100 // (units * 32)))


# --- what notebooks call -------------------------------------------------------------------------------------------

_PICTURES, _STREET = 11, 12  # streams of random numbers, apart from Toyland's


def _labels_of(classes: Sequence[str] | None) -> list[int]:
    names = CLASSES if classes is None else classes
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ValueError(f"classes must be a sequence of names from CLASSES, got {names!r}")
    labels = sorted({CLASSES.index(check_choice("classes", name, CLASSES)) for name in names})
    if not labels:
        raise ValueError("classes must name at least one class of CLASSES, got none")
    return labels


def pictures(
    count: int,
    size: int = 32,
    seed: int = 0,
    *,
    split: str = "train",
    classes: Sequence[str] | None = None,
    weather: str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Small pictures of one sign each, for classification; every class comes equally often.

    The sign takes 50 to 95 % of the picture's side, may reach a little out of it, and stands before anything. Picture i
    does not depend on `count`.

    Args:
        count: how many.
        size: height and width in pixels, 16 to 512.
        seed: the world; each split of it is a stream of its own.
        split: 'train', 'validation' or 'test'.
        classes: names from `CLASSES` that may occur; all of them if None.
        weather: one of `WEATHERS` for all pictures; if None each has its own: clear in three of seven.

    Returns:
        images, float32 (N, 3, H, W) in 0..1, and labels, int64 (N,), indices into `CLASSES`.

    Raises:
        ValueError: an argument out of its range.
    """
    count = check_int("count", count, 1)
    size = check_int("size", size, 16, 512)
    seed = check_int("seed", seed, 0)
    stream = SPLITS.index(check_choice("split", split, SPLITS))
    names = _labels_of(classes)
    if weather is not None:
        check_choice("weather", weather, WEATHERS)
    images = np.empty((count, size, size, 3), dtype=np.uint8)
    labels = np.empty(count, dtype=np.int64)
    order: list[int] = []
    for i in range(count):
        if i % len(names) == 0:  # every block of pictures holds each class once, in an order of its own
            d = Dice(_PICTURES, seed, stream, i // len(names), 0)
            order = list(names)
            for k in range(len(order) - 1, 0, -1):
                j = d.below(k + 1)
                order[k], order[j] = order[j], order[k]
        labels[i] = order[i % len(names)]
        d = Dice(_PICTURES, seed, stream, i, 1)
        diameter = d.between(size // 2, size * 95 // 100)
        room = size * STEP - diameter * STEP * 84 // 100  # a little of it may lie outside
        x, y = (diameter * STEP * 42 // 100 + d.below(room + 1) for _ in range(2))
        images[i] = _compose(d, size, [_make_board(d, int(labels[i]), diameter, x, y)], weather, 100)
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32) / np.float32(255), labels


@dataclass(frozen=True, eq=False)
class Street:
    """A large picture with N signs and its truth; arrays are read-only.

    Attributes:
        image: uint8 (H, W, 3).
        boxes: float32 (N, 4), xyxy in pixels, around the whole board.
        labels: int64 (N,), indices into `CLASSES`.
    """

    image: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray


def street(
    seed: int, size: int = 96, *, count: int = 3, sign_sizes: tuple[int, int] = (20, 28), weather: str | None = None
) -> Street:
    """A large picture with `count` signs that do not touch, at any place; with none, only what stands around signs.

    Args:
        seed: any integer from 0.
        size: height and width in pixels, 16 to 512.
        count: how many signs, 0 to 8.
        sign_sizes: least and greatest diameter in pixels, 8 to `size`.
        weather: one of `WEATHERS`; drawn if None.

    Raises:
        ValueError: an argument out of its range, or no room for so many signs.
    """
    seed = check_int("seed", seed, 0)
    size = check_int("size", size, 16, 512)
    count = check_int("count", count, 0, 8)
    if weather is not None:
        check_choice("weather", weather, WEATHERS)
    try:
        least, greatest = sign_sizes
    except (TypeError, ValueError):
        raise ValueError(f"sign_sizes must be a pair (least, greatest), got {sign_sizes!r}") from None
    least = check_int("sign_sizes[0]", least, 8, size)
    greatest = check_int("sign_sizes[1]", greatest, least, size)
    d = Dice(_STREET, seed)
    boards: list[_Board] = []
    for _ in range(200):
        if len(boards) == count:
            break
        diameter, label = d.between(least, greatest), d.below(len(CLASSES))
        half = diameter * STEP // 2
        x, y = (half + d.below(size * STEP - 2 * half + 1) for _ in range(2))
        board = _make_board(d, label, diameter, x, y)
        gap = 4 * STEP
        if all(
            board.box[0] > other.box[2] + gap
            or board.box[2] + gap < other.box[0]
            or board.box[1] > other.box[3] + gap
            or board.box[3] + gap < other.box[1]
            for other in boards
        ):
            boards.append(board)
    if len(boards) < count:
        raise ValueError(f"count {count} leaves no room for signs of {sign_sizes} pixels in a picture of {size}")
    boards.sort(key=lambda board: board.box[3])  # what stands nearer is painted later
    image = _compose(d, size, boards, weather, max(100, 100 * size // 32))
    boxes = np.array([board.box for board in boards], dtype=np.float32).reshape(-1, 4) / np.float32(STEP)
    labels = np.array([board.label for board in boards], dtype=np.int64)
    for array in (image, boxes, labels):
        array.flags.writeable = False
    return Street(image, boxes, labels)
