"""Toyland's renderer: composes a picture, fills all its polygons at once and shades them. Notebooks use `toyland`.

Polygons are filled scan line by scan line, in integer arithmetic, at three samples per pixel and axis; what lies in
front is painted last. Each sample remembers its polygon, and with it the object: the masks come from the same samples
as the colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from course_utils.datasets.toyland_drawings import (
    BLACK,
    DRAW,
    SINES,
    TURN,
    UNIT,
    WHITE,
    Color,
    Dice,
    Sketch,
    cosine,
    mix,
    sine,
)

CLASSES = tuple(DRAW)
MIN_OBJECT_SIZE = 8  # pixels, longer side: below it nobody can tell a cat from a dog
SAMPLES = 3  # per pixel and axis: odd, so that the middle sample is the pixel's centre
SUBSTEPS = 16  # fixed-point steps per sample
STEP = SAMPLES * SUBSTEPS  # fixed-point steps per pixel

_MIN_VISIBLE_PIXELS = 14
_MIN_VISIBLE_PERCENT = 35


# --- filling polygons ----------------------------------------------------------------------------------------------


def repeat_ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """starts[0], starts[0] + 1, ... (counts[0] of them), starts[1], ..."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - ends + counts, counts) + np.arange(total)


def fill(
    x: np.ndarray, y: np.ndarray, lengths: np.ndarray, polygon: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fill polygons by the even-odd rule and return their runs of samples, in the polygons' order.

    Every edge is cut by the middle line of every row that it crosses; sorted cuts, taken in pairs, are the runs.

    Args:
        x, y: corners in fixed point, int64 (P,).
        lengths: corners of each closed ring, int64 (R,).
        polygon: which polygon each ring belongs to, int64 (R,).
        side: samples per row and column of the square canvas.

    Returns:
        polygon, flat start and count of each run, int64.
    """
    ends = np.cumsum(lengths)
    following = np.arange(1, len(x) + 1)
    following[ends - 1] = ends - lengths
    x1, y1 = x[following], y[following]
    half = SUBSTEPS // 2
    top = np.clip((y + half - 1) >> 4, 0, side)
    bottom = np.clip((y1 + half - 1) >> 4, 0, side)
    kept = np.flatnonzero(top != bottom)
    x, y, x1, y1, top, bottom = x[kept], y[kept], x1[kept], y1[kept], top[kept], bottom[kept]
    slope = ((x1 - x) << 16) // (y1 - y)
    base = (x << 16) + slope * (half - y)
    first, counts = np.minimum(top, bottom), np.abs(bottom - top)
    row = repeat_ranges(first, counts)
    cut = (np.repeat(base, counts) + np.repeat(slope << 4, counts) * row) >> 16
    column = np.clip((cut + half - 1) >> 4, 0, side)
    owner = np.repeat(np.repeat(polygon, lengths)[kept], counts)
    key = np.sort(((owner * side + row) << 12) + column)
    left, right = key[0::2], key[1::2]
    start = left & 4095
    count = (right & 4095) - start
    kept = np.flatnonzero(count)
    line = left[kept] >> 12
    owner = line // side
    return owner, (line - owner * side) * side + start[kept], count[kept]


# --- the ground and what lies about on it --------------------------------------------------------------------------


def _tuft(s: Sketch, d: Dice, x: int, y: int, theme: _Theme) -> None:
    color = d.jitter(theme.accents[0], 14)
    for lean in (-2, 0, 2):
        tip = (x + lean * 2 + d.between(-1, 1), y - d.between(4, 7))
        s.poly(((x + lean - 1, y), tip, (x + lean + 1, y)), color)


def _flower(s: Sketch, d: Dice, x: int, y: int, theme: _Theme) -> None:
    petal = d.jitter(d.pick(((250, 248, 242), (246, 206, 70), (230, 92, 120), (150, 110, 210), (236, 88, 64))), 8)
    s.limb(x, y, 1, x, y - 4, 1, (70, 130, 60))
    for dx, dy in ((-2, 0), (2, 0), (0, -2), (0, 2)):
        s.oval(x + dx, y - 6 + dy, 2, 2, petal)
    s.oval(x, y - 6, 1, 1, (244, 176, 50))


def _stone(s: Sketch, d: Dice, x: int, y: int, theme: _Theme) -> None:
    w = d.between(2, 5)
    color = d.jitter(theme.accents[1], 14)
    s.oval(x, y - w // 2, w, w * 2 // 3, color)
    s.oval(x - w // 3, y - w // 2 - 1, max(1, w // 2), 1, mix(color, WHITE, 35))


def _leaf(s: Sketch, d: Dice, x: int, y: int, theme: _Theme) -> None:
    color = d.jitter(d.pick(((226, 120, 44), (204, 68, 48), (240, 190, 66), (150, 98, 52), (120, 160, 70))), 10)
    s.oval(x, y, 3, 2, color, d.below(TURN))


def _star(s: Sketch, d: Dice, x: int, y: int, theme: _Theme) -> None:
    turn, color = d.below(52), d.jitter((236, 118, 84), 14)
    s.poly(
        [
            (
                x + ((4 - 2 * (k % 2)) * cosine(turn + 26 * k - k * 4 // 10) >> 14),
                y - 2 + ((4 - 2 * (k % 2)) * sine(turn + 26 * k - k * 4 // 10) >> 14),
            )
            for k in range(10)
        ],
        color,
    )


def _puddle(s: Sketch, d: Dice, x: int, y: int, theme: _Theme) -> None:
    s.oval(x, y, d.between(4, 10), d.between(1, 3), d.jitter(theme.accents[2], 8), flat=True)


def _lily(s: Sketch, d: Dice, x: int, y: int, theme: _Theme) -> None:
    s.oval(x, y, 6, 3, d.jitter((74, 150, 92), 12))
    if d.chance(50):
        s.oval(x + 1, y - 2, 3, 2, d.jitter((240, 170, 196), 10))
        s.oval(x + 1, y - 3, 1, 1, (250, 232, 140))


def _reed(s: Sketch, d: Dice, x: int, y: int, theme: _Theme) -> None:
    for k in (-3, 0, 3):
        tall = d.between(10, 20)
        s.limb(x + k, y, 1, x + k * 2, y - tall, 1, d.jitter((92, 136, 66), 12))
        if k >= 0:
            s.limb(x + k * 2, y - tall, 1, x + k * 2, y - tall - 4, 1, (120, 76, 46))


def _bush(s: Sketch, d: Dice, x: int, y: int, theme: _Theme) -> None:
    color = d.jitter(theme.accents[0], 16)
    for dx, dy, r in ((-6, -4, 5), (6, -4, 5), (0, -7, 7)):
        s.oval(x + dx, y + dy, r, r - 1, color)
    s.oval(x - 2, y - 9, 3, 2, mix(color, WHITE, 22))
    if d.chance(50):
        berry = d.pick(((220, 54, 60), (250, 240, 240), (110, 84, 190)))
        for dx, dy in ((-5, -5), (1, -8), (5, -4), (-1, -3)):
            s.oval(x + dx, y + dy, 1, 1, berry)


def _rock(s: Sketch, d: Dice, x: int, y: int, theme: _Theme) -> None:
    w = d.between(6, 10)
    color = d.jitter(theme.accents[1], 16)
    s.blob(
        ((x - w, y), (x - w + 1, y - w // 2), (x - 2, y - w), (x + w // 2, y - w + 1), (x + w, y - 2), (x + w, y)),
        color,
    )
    s.poly(((x - w // 2, y - w // 2), (x - 2, y - w + 2), (x + 1, y - w + 3)), mix(color, WHITE, 40))


def _mound(s: Sketch, d: Dice, x: int, y: int, theme: _Theme) -> None:
    w = d.between(5, 11)
    s.oval(x, y, w, d.between(2, 4), d.jitter(theme.accents[2], 8))


def _cone(s: Sketch, d: Dice, x: int, y: int, theme: _Theme) -> None:
    s.poly(((x - 5, y), (x + 5, y), (x + 5, y - 2), (x - 5, y - 2)), (80, 74, 80))
    s.poly(((x - 4, y - 2), (x + 4, y - 2), (x + 1, y - 12), (x - 1, y - 12)), (240, 116, 44))
    s.poly(((x - 3, y - 5), (x + 3, y - 5), (x + 2, y - 8), (x - 2, y - 8)), WHITE)


def _crate(s: Sketch, d: Dice, x: int, y: int, theme: _Theme) -> None:
    w = d.between(4, 7)
    wood = d.jitter((186, 138, 84), 14)
    s.poly(((x - w, y), (x + w, y), (x + w, y - 2 * w), (x - w, y - 2 * w)), wood)
    for k in (1, 2):
        s.poly(
            ((x - w, y - k * w + 1), (x + w, y - k * w + 1), (x + w, y - k * w), (x - w, y - k * w)),
            mix(wood, BLACK, 45),
        )


@dataclass(frozen=True)
class _Theme:
    sky: tuple[Color, Color]  # at the top, at the horizon
    ground: tuple[Color, Color]  # at the horizon, at the bottom
    accents: tuple[Color, Color, Color]  # grass, stone, puddle
    pattern: str
    skyline: str
    small: tuple
    large: tuple


_SKY = ((112, 178, 232), (206, 230, 240))
_THEMES = {
    "meadow": _Theme(
        _SKY,
        ((158, 196, 104), (116, 172, 78)),
        ((78, 140, 58), (160, 158, 152), (136, 188, 214)),
        "grass",
        "hills",
        (_tuft, _tuft, _flower, _flower, _stone),
        (_bush, _rock),
    ),
    "autumn": _Theme(
        ((238, 190, 142), (250, 226, 184)),
        ((204, 158, 96), (172, 124, 72)),
        ((150, 116, 54), (146, 134, 126), (120, 96, 70)),
        "grass",
        "hills",
        (_leaf, _leaf, _leaf, _tuft, _stone),
        (_bush, _rock),
    ),
    "beach": _Theme(
        _SKY,
        ((240, 222, 172), (228, 202, 144)),
        ((172, 176, 92), (176, 160, 148), (120, 186, 204)),
        "ripples",
        "sea",
        (_star, _stone, _stone, _tuft),
        (_rock, _mound),
    ),
    "snow": _Theme(
        ((158, 190, 222), (226, 234, 242)),
        ((226, 234, 244), (208, 220, 238)),
        ((92, 130, 110), (136, 142, 156), (200, 214, 234)),
        "plain",
        "hills",
        (_mound, _stone, _tuft, _mound),
        (_bush, _rock, _mound),
    ),
    "street": _Theme(
        ((164, 196, 220), (226, 226, 222)),
        ((150, 150, 156), (122, 122, 130)),
        ((104, 128, 84), (176, 172, 166), (100, 116, 138)),
        "plain",
        "houses",
        (_leaf, _puddle, _stone),
        (_cone, _crate, _cone),
    ),
    "square": _Theme(
        ((178, 206, 226), (236, 232, 220)),
        ((208, 176, 150), (186, 146, 120)),
        ((110, 146, 90), (168, 162, 158), (150, 132, 128)),
        "bricks",
        "houses",
        (_leaf, _leaf, _puddle),
        (_crate, _cone, _bush),
    ),
    "lake": _Theme(
        ((140, 190, 226), (236, 220, 206)),
        ((124, 186, 204), (64, 132, 172)),
        ((84, 146, 92), (130, 142, 148), (150, 206, 220)),
        "ripples",
        "hills",
        (_lily, _lily, _puddle),
        (_reed, _reed, _rock),
    ),
    "heath": _Theme(
        ((190, 160, 206), (250, 206, 180)),
        ((168, 136, 160), (122, 102, 128)),
        ((126, 108, 84), (154, 146, 160), (190, 150, 190)),
        "grass",
        "hills",
        (_flower, _tuft, _stone, _flower),
        (_rock, _bush),
    ),
}
GROUNDS = tuple(_THEMES)
_THEME_NAMES = (
    *("meadow",) * 3,
    *("autumn",),
    *("beach",) * 2,
    *("snow",) * 2,
    *("street",) * 2,
    "square",
    "lake",
    "heath",
)
_LIGHTS = (  # of 256, by channel; the plain one comes twice as often
    ("plain", (256, 256, 256)),
    ("plain", (256, 256, 256)),
    ("warm", (274, 256, 224)),
    ("cool", (234, 248, 270)),
    ("dim", (202, 204, 226)),
    ("bright", (278, 274, 262)),
)


@lru_cache(maxsize=16)
def _spread(size: int, cells: int) -> np.ndarray:
    """Weights, out of 64, that stretch `cells` + 1 values over `size` pixels: float64 (size, cells + 1)."""
    weights = np.zeros((size, cells + 1))
    for i in range(size):
        at = i * cells * 64 // size
        weights[i, at >> 6] = 64 - (at & 63)
        weights[i, (at >> 6) + 1] = at & 63
    return weights


def clouds(d: Dice, size: int, cells: int) -> np.ndarray:
    """Soft noise in 0..255, int64 (size, size)."""
    weights = _spread(size, cells)
    # Whole numbers far under 2**53 stay exact in float64, in whatever order a processor adds them up.
    return (weights @ d.noise(cells + 1, cells + 1).astype(np.float64) @ weights.T).astype(np.int64) >> 12


_SINE = np.array(SINES, dtype=np.int64)


def _background(d: Dice, theme: _Theme, size: int, horizon: int, units: int) -> np.ndarray:
    """The picture without its things: int64 (size, size, 3); `horizon` is the first row of ground, 0 for no sky."""
    rows = np.arange(size)[:, None]
    sky = [np.array(d.jitter(c, 12)) for c in theme.sky]
    ground = [np.array(d.jitter(c, 16)) for c in theme.ground]
    blotches = clouds(d, size, 4) - 128
    grain = d.noise(size, size).astype(np.int64) - 128
    texture = (blotches * d.between(16, 34) + (clouds(d, size, 13) - 128) * d.between(10, 30) + grain * 10) >> 7
    columns = np.arange(size)[None, :]
    scaled = units * 8 // size  # pattern units per pixel, in eighths
    if theme.pattern == "ripples":
        phase = (rows * d.between(22, 34) * scaled >> 3) + (columns * d.between(-6, 6) * scaled >> 3) + blotches
        texture += _SINE[phase & 255] * d.between(5, 12) >> 14
    elif theme.pattern == "bricks":
        tall = d.between(5, 8)
        y, x = rows * scaled >> 3, columns * scaled >> 3
        course = y // tall
        joint = (y % tall == 0) | ((x + (course & 1) * tall) % (2 * tall) == 0)
        texture -= joint * d.between(14, 28)
    elif theme.pattern == "grass":
        texture += (np.roll(grain, 1, axis=0) + np.roll(grain, 2, axis=0) + grain) * d.between(4, 9) >> 7
    below = max(1, size - horizon)
    part = np.clip((rows - horizon) * 256 // below, 0, 255)
    picture = ((ground[0] * (256 - part) + ground[1] * part) >> 8)[:, None, :] + texture[:, :, None]
    if horizon:
        part = np.arange(horizon)[:, None] * 256 // horizon
        picture[:horizon] = ((sky[0] * (256 - part) + sky[1] * part) >> 8)[:, None, :] + (
            blotches[:horizon, :, None] >> 4
        )
    return picture


def _draw_sky(s: Sketch, d: Dice, theme: _Theme, width: int, horizon: int) -> tuple[int, int]:
    """Sun, clouds and what stands on the horizon, in canvas units; returns the polygons of the first two."""
    if d.chance(35):
        s.oval(d.between(5, width - 5), d.between(2, max(3, horizon // 2)), 5, 5, (255, 238, 170), flat=True)
    sun = len(s.colors)
    for _ in range(d.below(4)):
        x, y = d.between(0, width), d.between(1, max(2, horizon - 6))
        color = mix(theme.sky[1], WHITE, d.between(45, 90))
        for dx, dy, r in ((-6, 1, 4), (0, 0, 5), (6, 1, 4)):
            s.oval(x + dx, y + dy, r, max(2, r // 2), color, flat=True)
    clouds = len(s.colors) - sun
    if theme.skyline == "hills":
        for k in (0, 1):
            color = mix(mix(theme.ground[0], (90, 130, 120), 40 - 20 * k), theme.sky[1], 50 - 30 * k)
            x = -d.between(0, 20)
            while x < width:
                w = d.between(16, 40)
                s.oval(x + w // 2, horizon + 2, w, d.between(4, 12) - 3 * k, color, flat=True)
                x += w
    elif theme.skyline == "sea":
        sea = d.jitter((74, 156, 192), 12)
        s.poly(((0, horizon - 7), (width, horizon - 7), (width, horizon + 2), (0, horizon + 2)), sea)
        s.groups[-1] = 0
        for _ in range(5):
            x, y = d.between(0, width), horizon - d.between(1, 5)
            s.oval(x, y, d.between(3, 7), 1, mix(sea, WHITE, 50), flat=True)
    else:
        x = -d.between(0, 6)
        while x < width:
            w, h = d.between(7, 14), d.between(6, 18)
            color = mix(
                d.jitter(d.pick(((196, 120, 96), (214, 186, 146), (150, 160, 176), (176, 150, 170))), 12),
                theme.sky[1],
                40,
            )
            s.poly(
                (
                    (x, horizon + 1),
                    (x, horizon - h),
                    (x + w // 2, horizon - h - 4),
                    (x + w, horizon - h),
                    (x + w, horizon + 1),
                ),
                color,
            )
            s.groups[-1] = 0
            for wy in range(horizon - h + 2, horizon - 2, 4):
                for wx in range(x + 2, x + w - 1, 3):
                    s.poly(
                        ((wx, wy), (wx + 1, wy), (wx + 1, wy + 2), (wx, wy + 2)),
                        mix(color, (255, 240, 180) if d.chance(40) else BLACK, 45),
                    )
                    s.groups[-1] = 0
            x += w + d.below(3)
    return sun, clouds


# --- one picture ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """What a picture may hold; `toyland` checks it."""

    size: int
    classes: tuple[int, ...]
    objects: tuple[int, int]
    object_sizes: tuple[int, int]
    occlusion: bool
    clutter: bool
    close: bool  # a crop: what lies about is drawn larger

    @property
    def canvas_units(self) -> int:
        """How many units, in which clutter is drawn, the picture is wide."""
        return 60 if self.close else 100


@dataclass
class Thing:
    """An object of one of the ten classes: its drawing, and its corners and place on the canvas in fixed point."""

    label: int
    sketch: Sketch
    attributes: dict
    matrix: tuple[int, int, int, int]
    x: np.ndarray
    y: np.ndarray
    offset: tuple[int, int] = (0, 0)
    box: tuple[int, int, int, int] = (0, 0, 0, 0)


def _make_thing(d: Dice, label: int, size: int) -> Thing:
    sketch = Sketch()
    attributes = DRAW[CLASSES[label]](sketch, d)
    flipped, angle = d.chance(50), d.between(-5, 5)
    x = np.array(sketch.x, dtype=np.int64)
    y = np.array(sketch.y, dtype=np.int64)
    extent = max(int(x.max() - x.min()), int(y.max() - y.min()))
    scale = (size * STEP << 24) // extent
    c, s = scale * cosine(angle) >> 14, scale * sine(angle) >> 14
    matrix = (-c, -s, -s, c) if flipped else (c, -s, s, c)
    thing = Thing(
        label, sketch, attributes, matrix, x * matrix[0] + y * matrix[1] >> 24, x * matrix[2] + y * matrix[3] >> 24
    )
    attributes.update(size=size, flipped=flipped, rotation=round(angle * 360 / TURN, 1))
    return thing


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> int:
    """Percent of the smaller box that the other one covers."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0
    return 100 * w * h // max(1, min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])))


def _place(d: Dice, thing: Thing, others: list[Thing], side: int, horizon: int, occlusion: bool) -> bool:
    """Find a place for a thing; all in fixed-point canvas coordinates of 0..side."""
    left, right = int(thing.x.min()), int(thing.x.max())
    top, bottom = int(thing.y.min()), int(thing.y.max())
    w, h = right - left, bottom - top
    out = 22 if occlusion else 0  # percent of the box that may lie outside
    for _ in range(14):
        x = d.between(-w * out // 100, max(-w * out // 100, side - w + w * out // 100))
        lowest = side - h + h * out // 100 // 2
        highest = -h * out // 100 // 2
        if horizon and thing.attributes["pose"] != "flying":
            highest = max(highest, horizon + STEP + h // 6 - h)  # large things stand nearer
        y = d.between(min(highest, lowest), max(highest, lowest))
        if others and occlusion and d.chance(50):  # close to an earlier one, so that one of the two hides a part
            near = d.pick(others).box
            x = min(max(near[0] - w * 3 // 4 + d.below(near[2] - near[0] + w // 2), -w * out // 100), side - w // 2)
            y = min(max(near[3] - h + d.between(-h // 4, h // 4), highest), max(highest, lowest))
        box = (x, y, x + w, y + h)
        if all(_overlap(box, other.box) <= (60 if occlusion else 0) for other in others):
            thing.box, thing.offset = box, (x - left, y - top)
            return True
    return False


@dataclass(frozen=True)
class Picture:
    """A rendered picture and what is known about it; `hidden` is the percent of each object that something covers."""

    image: np.ndarray  # uint8 (H, W, 3)
    instance_map: np.ndarray  # uint8 (H, W): 0, or 1 + index into things
    things: list[Thing]
    hidden: list[int]
    surroundings: dict  # ground, light, horizon, and the shares of the picture where sun and clouds are seen


def render(entropy: tuple[int, ...], layout: Layout, label: int | None = None) -> Picture:
    """Compose and paint one picture; compositions that hide an object almost whole are thrown again.

    Args:
        entropy: whole numbers that seed the picture.
        layout: what it may hold.
        label: the class of all its objects; drawn from the layout's classes if None.
    """
    for attempt in range(100):
        d = Dice(*entropy, attempt)
        ground = d.pick(_THEME_NAMES)
        theme = _THEMES[ground]
        horizon = d.between(layout.size * 12 // 100, layout.size * 46 // 100) if d.chance(62) else 0
        things = _choose_things(d, layout, horizon, label)
        if len(things) < layout.objects[0]:
            continue
        layers, sun, clouds = _layers(d, layout, theme, horizon, things)
        polygons = _gather(layers, things)
        samples, full = _paint(polygons, things, layout.size * SAMPLES)
        owners = np.concatenate(([0], polygons.owner + 1)).astype(np.uint8)[samples]
        instance_map = owners[SAMPLES // 2 :: SAMPLES, SAMPLES // 2 :: SAMPLES]
        pixels = np.bincount(instance_map.ravel(), minlength=len(things) + 1)[1:].tolist()
        seen = np.bincount(owners.ravel(), minlength=len(things) + 1)[1:].tolist()
        hidden = [100 - 100 * s // max(1, f) for s, f in zip(seen, full, strict=True)]
        if min(pixels) >= _MIN_VISIBLE_PIXELS and max(hidden) <= 100 - _MIN_VISIBLE_PERCENT:
            image, light = _color(d, layout, theme, horizon, polygons, samples)
            first = np.bincount(np.minimum(samples, sun + clouds + 1).ravel(), minlength=sun + clouds + 2)
            surroundings = {
                "ground": ground,
                "light": light,
                "horizon": horizon,
                "sun": int(first[1 : sun + 1].sum()) / samples.size,
                "clouds": int(first[sun + 1 : sun + clouds + 1].sum()) / samples.size,
            }
            return Picture(image, np.ascontiguousarray(instance_map), things, hidden, surroundings)
    raise ValueError(
        f"object_sizes {layout.object_sizes} leave no room for {layout.objects[0]} visible objects in a picture of "
        f"{layout.size} pixels; ask for fewer, smaller or larger objects"
    )


def _choose_things(d: Dice, layout: Layout, horizon: int, label: int | None) -> list[Thing]:
    """Objects with their places, from far to near."""
    wanted = d.between(*layout.objects)
    low, high = layout.object_sizes
    high = max(low, high * (100, 94, 86, 78, 70, 64)[min(wanted, 6) - 1] // 100)
    things: list[Thing] = []
    kind = label
    for k in range(wanted):
        if label is None and (k == 0 or not d.chance(35)):  # often a second one of the same class
            kind = d.pick(layout.classes)
        r = d.below(1025)
        thing = _make_thing(d, kind, low + (high - low) * (r * (r + 1536)) // (1024 * 2560))
        if _place(d, thing, things, layout.size * STEP, horizon * STEP, layout.occlusion):
            things.append(thing)
    return sorted(things, key=lambda thing: (thing.box[3], thing.box[0]))


_Layer = tuple[np.ndarray, np.ndarray, Sketch, list[int]]  # corners in canvas fixed point, the sketch, polygons' owners


def _layers(d: Dice, layout: Layout, theme: _Theme, horizon: int, things: list[Thing]) -> tuple[list[_Layer], int, int]:
    """What is painted, in this order: the sky, all shadows, then things and clutter by the row of their feet.

    The first polygons of all are the sun's, then the clouds'; how many of each are returned as well.
    """
    size = layout.size
    width = layout.canvas_units
    canvas = (size * STEP << 24) // (width * UNIT)

    def upright(sketch: Sketch, scale: int) -> _Layer:
        x, y = np.array(sketch.x, dtype=np.int64), np.array(sketch.y, dtype=np.int64)
        return x * scale >> 24, y * scale >> 24, sketch, [-1] * len(sketch.colors)

    layers = []
    sun = clouds = 0
    if horizon:
        sky = Sketch()
        sun, clouds = _draw_sky(sky, d, theme, width, horizon * width // size)
        layers.append(upright(sky, canvas))
    shadows = Sketch()  # in eighths of a pixel
    tilt, darkness = d.between(-2, 2), d.between(12, 26)
    for thing in things:
        if thing.attributes["pose"] != "flying":
            x0, _, x1, y1 = (v * 8 // STEP for v in thing.box)
            w = x1 - x0
            shadows.shadow((x0 + x1) // 2 + tilt * w // 16, y1 - w // 24, w * 9 // 20, max(4, w // 10), darkness)
    layers.append(upright(shadows, (STEP << 24) // (8 * UNIT)))
    queue: list[tuple[int, int, Sketch]] = [(thing.box[3], k, thing.sketch) for k, thing in enumerate(things)]
    if layout.clutter:
        few = d.pick((0, 0, 1, 1, 2)) if layout.close else d.below(4)
        many = d.between(2, 9) if layout.close else d.between(8, 30)
        for k in range(few + many):
            x, y = d.between(0, width), d.between(horizon * width // size + 1, width + 2)
            sketch = Sketch()
            d.pick(theme.large if k < few else theme.small)(sketch, d, x, y, theme)
            queue.append((y * size * STEP // width, -1, sketch))
    heap = Sketch()
    for _, k, sketch in sorted(queue, key=lambda item: item[:2]):
        if k < 0:
            heap.append(sketch)
            continue
        layers += [upright(heap, canvas)]
        heap = Sketch()
        thing = things[k]
        owners = [k if group else -1 for group in sketch.groups]
        layers.append((thing.x + thing.offset[0], thing.y + thing.offset[1], sketch, owners))
    layers.append(upright(heap, canvas))
    return [layer for layer in layers if layer[2].colors], sun, clouds


@dataclass(frozen=True)
class _Polygons:
    """All polygons of a picture, in the order of painting: corners and rings, and what each polygon is."""

    x: np.ndarray  # int64 (corners,)
    y: np.ndarray
    lengths: np.ndarray  # int64 (rings,): corners of each ring
    index: np.ndarray  # int64 (rings,): the polygon it belongs to
    color: list[Color]
    ground: list[int]  # of 64: how much background shines through
    group: np.ndarray  # uint16: the part it belongs to; 0 for what has no outline
    owner: np.ndarray  # int64: the object it belongs to, or -1


def _gather(layers: list[_Layer], things: list[Thing]) -> _Polygons:
    rings, index, colors, grounds, groups, owners = [], [], [], [], [], []
    parts = 0
    for _, _, sketch, owner in layers:
        ring = np.array(sketch.lengths, dtype=np.int64)
        rings.append(ring[:, 0])
        index.append(ring[:, 1] + len(colors))
        colors += sketch.colors
        grounds += sketch.grounds
        groups += [group + parts if group else 0 for group in sketch.groups]
        owners += owner
        parts += sketch.part_count
    return _Polygons(
        np.concatenate([layer[0] for layer in layers]),
        np.concatenate([layer[1] for layer in layers]),
        np.concatenate(rings),
        np.concatenate(index),
        colors,
        grounds,
        np.array(groups, dtype=np.uint16),
        np.array(owners, dtype=np.int64),
    )


def _paint(polygons: _Polygons, things: list[Thing], side: int) -> tuple[np.ndarray, list[int]]:
    """1 + the polygon seen at each sample, int64 (side, side), and the samples of each thing before others hid it."""
    polygon, start, count = fill(polygons.x, polygons.y, polygons.lengths, polygons.index, side)
    samples = np.zeros(side * side, dtype=np.int64)
    where = repeat_ranges(start, count)
    what = np.repeat(polygon + 1, count)
    ends = np.concatenate(([0], np.cumsum(count)))
    full, done = [], 0
    for k in range(len(things)):
        mine = np.flatnonzero(polygons.owner == k)
        stop = int(ends[np.searchsorted(polygon, mine[-1], side="right")])
        samples[where[done:stop]] = what[done:stop]  # of several values for one sample, the last stays
        full.append(int(np.count_nonzero(samples > mine[0])))
        done = stop
    samples[where[done:]] = what[done:]
    return samples.reshape(side, side), full


def _color(
    d: Dice, layout: Layout, theme: _Theme, horizon: int, polygons: _Polygons, samples: np.ndarray
) -> tuple[np.ndarray, str]:
    """The picture, uint8 (size, size, 3): tones of each part, background, light and grain; and the light's name."""
    size, side = layout.size, len(samples)
    part = np.concatenate((np.zeros(1, dtype=np.uint16), polygons.group))[samples]
    tone = _tones(part, max(1, side // 200), max(2, side // 96))
    packed = _tone_table(polygons.color, polygons.ground)[(samples << 2) + tone]
    rows = packed[0::3] + packed[1::3] + packed[2::3]
    summed = rows[:, 0::3] + rows[:, 1::3] + rows[:, 2::3]
    background = _background(d, theme, size, horizon, layout.canvas_units)
    shine = summed >> 48
    image = np.empty((size, size, 3), dtype=np.uint8)
    light, gains = d.pick(_LIGHTS)
    grain = (d.noise(size, size) >> 5).astype(np.int64) - 4
    full = SAMPLES * SAMPLES * 64 * 256
    for c in range(3):
        channel = ((summed >> (16 * c)) & 0xFFFF) * 64 + shine * background[:, :, c]
        image[:, :, c] = np.clip(channel * gains[c] // full + grain, 0, 255)
    return image, light


def _tone_table(colors: list[Color], grounds: list[int]) -> np.ndarray:
    """Four tones of each colour (plain, lit, shaded, ink), 16 bits a channel, the background's share in the top 16."""
    base = np.array([(0, 0, 0), *colors], dtype=np.int64)
    ground = np.array([64, *grounds], dtype=np.int64)
    tones = np.stack((base, base + (255 - base) * 22 // 100, base * 80 // 100, base * 38 // 100), axis=1)
    packed = tones[:, :, 0] + (tones[:, :, 1] << 16) + (tones[:, :, 2] << 32) + (ground << 48)[:, None]
    return packed.ravel()


def _tones(part: np.ndarray, ink: int, rim: int) -> np.ndarray:
    """0 plain, 1 lit, 2 shaded, 3 ink for each sample: a part is lit where it ends up left and shaded down right."""
    tone = np.zeros(part.shape, dtype=np.uint8)
    here, there = part[rim:, rim:], part[:-rim, :-rim]
    tone[rim:, rim:] = here > there
    shaded = (there > here).view(np.uint8)
    np.maximum(tone[:-rim, :-rim], shaded << 1, out=tone[:-rim, :-rim])
    edge = np.zeros(part.shape, dtype=bool)
    edge[:, ink:] |= part[:, ink:] > part[:, :-ink]
    edge[:, :-ink] |= part[:, :-ink] > part[:, ink:]
    edge[ink:] |= part[ink:] > part[:-ink]
    edge[:-ink] |= part[:-ink] > part[ink:]
    tone[edge] = 3
    return tone
