"""Toyland's drawings: the ten classes, as polygons in whole numbers. `toyland` is the module that notebooks use.

Everything here is integer arithmetic: random numbers come from the raw bits of PCG64, sines from a table of rounded
integers, so that a drawing is the same on every platform, processor and version of NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

import numpy as np

UNIT = 64  # fixed-point steps per design unit; things are drawn some 100 units high

Color = tuple[int, int, int]


# --- random numbers and integer geometry ---------------------------------------------------------------------------


class Dice:
    """Integers from one PCG64 stream, by shifts and products alone.

    NumPy keeps the raw bits of PCG64 fixed for ever, but not what `Generator` makes of them.
    """

    def __init__(self, *entropy: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(entropy))
        self._pool: list[int] = []

    def below(self, n: int) -> int:
        if not self._pool:
            self._pool = self._bits.random_raw(128).tolist()
        return (self._pool.pop() >> 32) * n >> 32

    def between(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        return self.below(100) < percent

    def pick(self, choices: Sequence):
        return choices[self.below(len(choices))]

    def jitter(self, color: Color, amount: int) -> Color:
        shift = self.between(-amount, amount)
        return tuple(min(255, max(0, c + shift + self.between(-amount // 2, amount // 2))) for c in color)

    def noise(self, height: int, width: int) -> np.ndarray:
        """Random bytes, uint8 (height, width)."""
        count = height * width
        raw = self._bits.random_raw((count + 7) // 8).astype("<u8")
        return raw.view(np.uint8)[:count].reshape(height, width)


TURN = 256  # angle steps in a full turn
SINES = [round(math.sin(2 * math.pi * k / TURN) * 16384) for k in range(TURN)]


def sine(angle: int) -> int:
    return SINES[angle % TURN]


def cosine(angle: int) -> int:
    return SINES[(angle + 64) % TURN]


@lru_cache(maxsize=4096)
def _smooth(points: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Round a closed polygon by cutting its corners twice (Chaikin), in fixed-point units."""
    ring = [(x * UNIT, y * UNIT) for x, y in points]
    for _ in range(2):
        following = ring[1:] + ring[:1]
        ring = [
            p
            for (x0, y0), (x1, y1) in zip(ring, following, strict=True)
            for p in (((3 * x0 + x1) // 4, (3 * y0 + y1) // 4), ((x0 + 3 * x1) // 4, (y0 + 3 * y1) // 4))
        ]
    return tuple(ring)


@cache
def _circle_points(corners: int) -> tuple[tuple[int, int], ...]:
    return tuple((cosine(k * TURN // corners), sine(k * TURN // corners)) for k in range(corners))


# --- the sketch: polygons in design units --------------------------------------------------------------------------


class Sketch:
    """A list of polygons, painted in order. Design units: x to the right, y down, the feet at y = 0.

    Polygons of one part share an outline; `part()` starts the next part.
    """

    __slots__ = ("colors", "grounds", "groups", "lengths", "part_count", "x", "y")

    def __init__(self) -> None:
        self.x: list[int] = []
        self.y: list[int] = []
        self.lengths: list[tuple[int, int]] = []  # corners, and which polygon they belong to
        self.colors: list[Color] = []
        self.groups: list[int] = []
        self.grounds: list[int] = []  # of 64: how much background shines through
        self.part_count = 1

    def part(self) -> None:
        self.part_count += 1

    def append(self, other: Sketch) -> None:
        """Paint another sketch, of the same scale, on top."""
        base = len(self.colors)
        self.x += other.x
        self.y += other.y
        self.lengths += [(corners, index + base) for corners, index in other.lengths]
        self.colors += other.colors
        self.groups += [group + self.part_count if group else 0 for group in other.groups]
        self.grounds += other.grounds
        self.part_count += other.part_count

    def _add(
        self, rings: Iterable[Sequence[tuple[int, int]]], color: Color, flat: bool = False, ground: int = 0
    ) -> None:
        index = len(self.colors)
        for ring in rings:
            xs, ys = zip(*ring, strict=True)
            self.x += xs
            self.y += ys
            self.lengths.append((len(xs), index))
        self.colors.append(color)
        self.groups.append(0 if flat else self.part_count)
        self.grounds.append(ground)

    def poly(self, points: Sequence[tuple[int, int]], color: Color) -> None:
        self._add(([(x * UNIT, y * UNIT) for x, y in points],), color)

    def blob(self, points: tuple[tuple[int, int], ...], color: Color, flat: bool = False) -> None:
        """A polygon with rounded corners; `points` is a tuple so that its rounding is done once."""
        self._add((_smooth(points),), color, flat)

    @staticmethod
    def _oval(cx: int, cy: int, rx: int, ry: int, angle: int = 0) -> list[tuple[int, int]]:
        ring = _circle_points(16 if rx + ry > 9 else 10)
        cx, cy, rx, ry = cx * UNIT, cy * UNIT, rx * UNIT, ry * UNIT
        if not angle:
            return [(cx + (rx * c >> 14), cy + (ry * s >> 14)) for c, s in ring]
        ca, sa = cosine(angle), sine(angle)
        return [(cx + (rx * c * ca - ry * s * sa >> 28), cy + (rx * c * sa + ry * s * ca >> 28)) for c, s in ring]

    def oval(self, cx: int, cy: int, rx: int, ry: int, color: Color, angle: int = 0, flat: bool = False) -> None:
        self._add((self._oval(cx, cy, rx, ry, angle),), color, flat)

    def shadow(self, cx: int, cy: int, rx: int, ry: int, darkness: int) -> None:
        """An oval through which the background shines, darker."""
        self._add((self._oval(cx, cy, rx, ry),), (0, 0, 0), True, 64 - darkness)

    def ring(self, cx: int, cy: int, outer: int, inner: int, color: Color) -> None:
        self._add((self._oval(cx, cy, outer, outer), self._oval(cx, cy, inner, inner)), color)

    def limb(self, x0: int, y0: int, r0: int, x1: int, y1: int, r1: int, color: Color) -> None:
        """A round-ended bar from (x0, y0) with radius r0 to (x1, y1) with radius r1."""
        dx, dy = x1 - x0, y1 - y0
        if not (dx or dy):
            dy = 1
        length = math.isqrt((dx * dx + dy * dy) * 65536)  # in 1/256 design units
        ux, uy = dx * 256 * 256 * UNIT // length, dy * 256 * 256 * UNIT // length  # the direction, 1 = 256 * UNIT
        points = []
        for cx, cy, r, angles in ((x0, y0, r0, (64, 96, 128, 160, 192)), (x1, y1, r1, (192, 224, 0, 32, 64))):
            for angle in angles:
                c, s = cosine(angle), sine(angle)
                points.append((cx * UNIT + (r * (ux * c - uy * s) >> 22), cy * UNIT + (r * (uy * c + ux * s) >> 22)))
        self._add((points,), color)

    def stroke(self, points: Sequence[tuple[int, int]], r0: int, r1: int, color: Color) -> None:
        """A line through `points` whose radius goes from r0 to r1."""
        n = len(points) - 1
        for i in range(n):
            (xa, ya), (xb, yb) = points[i], points[i + 1]
            self.limb(xa, ya, r0 + (r1 - r0) * i // n, xb, yb, r0 + (r1 - r0) * (i + 1) // n, color)


def mix(a: Color, b: Color, percent: int) -> Color:
    """Colour a with so many percent of b."""
    return tuple((p * (100 - percent) + q * percent) // 100 for p, q in zip(a, b, strict=True))


BLACK, WHITE, _DARK = (24, 22, 30), (250, 248, 242), (58, 50, 60)
_PINK = (238, 150, 152)


# --- the ten classes -----------------------------------------------------------------------------------------------
# Each function draws one object, facing right, and returns its attributes. Colour names are attributes too.

_FUR = {
    "orange": (232, 142, 52),
    "grey": (138, 140, 150),
    "black": (62, 58, 68),
    "cream": (240, 222, 188),
    "brown": (136, 92, 58),
}


def _draw_cat(s: Sketch, d: Dice) -> dict:
    name = d.pick(("orange", "grey", "black", "cream"))
    fur = d.jitter(_FUR[name], 8)
    dark, pale = mix(fur, BLACK, 32), mix(fur, WHITE, 62)
    eye = d.pick(((186, 214, 74), (246, 202, 68), (120, 190, 220)))
    striped = d.chance(60)
    sitting = d.chance(45)
    bend = d.between(-14, 14)
    if sitting:
        s.stroke(((-14, -8), (-38, -6), (-50 + bend // 2, -22), (-44 + bend, -40)), 7, 4, dark)
        s.part()
        s.blob(((-22, 0), (-30, -20), (-20, -56), (0, -70), (20, -56), (28, -20), (22, 0)), fur)
        s.oval(0, -34, 11, 20, pale)
        if striped:
            for y in (-18, -30, -42):
                s.poly(((-26, y), (-14, y - 2), (-26, y - 6)), dark)
                s.poly(((26, y), (14, y - 2), (26, y - 6)), dark)
        s.part()
        s.limb(-8, -30, 6, -9, -5, 6, fur)
        s.limb(8, -30, 6, 9, -5, 6, fur)
        hx, hy = bend // 4, -82
    else:
        s.stroke(((-34, -46), (-52, -56), (-58 + bend // 2, -76), (-50 + bend, -92)), 6, 4, fur)
        step = d.between(-7, 7)
        for x, shift in ((-24, step), (18, -step)):
            s.limb(x, -34, 8, x + shift, -4, 5, dark)
        s.part()
        s.blob(((-42, -34), (-40, -54), (-20, -60), (16, -60), (34, -48), (30, -30), (-10, -26)), fur)
        s.oval(0, -33, 20, 5, pale)
        if striped:
            for x in (-26, -12, 2):
                s.poly(((x - 3, -58), (x + 4, -58), (x + 2, -40)), dark)
        for x, shift in ((-32, -step), (24, step)):
            s.limb(x, -36, 9, x + shift, -5, 6, fur)
            s.oval(x + shift + 2, -4, 7, 4, pale)
        hx, hy = 34, -70 + bend // 3
    s.part()
    s.poly(((hx - 23, hy - 4), (hx - 20, hy - 33), (hx - 3, hy - 16)), fur)
    s.poly(((hx + 23, hy - 4), (hx + 20, hy - 33), (hx + 3, hy - 16)), fur)
    s.poly(((hx - 18, hy - 12), (hx - 17, hy - 25), (hx - 8, hy - 16)), _PINK)
    s.poly(((hx + 18, hy - 12), (hx + 17, hy - 25), (hx + 8, hy - 16)), _PINK)
    s.oval(hx, hy, 25, 20, fur)
    if striped:
        for x in (-7, 0, 7):
            s.poly(((hx + x - 2, hy - 19), (hx + x + 2, hy - 19), (hx + x, hy - 9)), dark)
    s.oval(hx, hy + 9, 11, 8, pale)
    for side in (-1, 1):
        s.oval(hx + side * 11, hy - 2, 6, 6, eye)
        s.oval(hx + side * 11, hy - 2, 2, 5, BLACK)
        for dy in (4, 10):
            s.stroke(((hx + side * 8, hy + 8), (hx + side * 33, hy + dy)), 1, 1, mix(pale, WHITE, 50))
    s.poly(((hx - 4, hy + 4), (hx + 4, hy + 4), (hx, hy + 9)), (222, 104, 116))
    return {"color": name, "pose": "sitting" if sitting else "walking"}


def _draw_dog(s: Sketch, d: Dice) -> dict:
    name = d.pick(("brown", "cream", "black", "orange"))
    fur = d.jitter(_FUR[name], 8)
    dark, pale = mix(fur, BLACK, 34), mix(fur, WHITE, 62)
    patched = d.chance(55)
    collar = d.pick(((208, 48, 52), (48, 92, 196), (60, 150, 82)))
    sitting = d.chance(35)
    wag = d.between(-10, 12)
    if sitting:
        s.stroke(((-24, -8), (-44, -14), (-54, -30 + wag)), 5, 3, fur)
        s.part()
        s.blob(((-34, 0), (-36, -24), (-14, -50), (6, -72), (22, -56), (20, -20), (14, 0)), fur)
        s.oval(-18, -14, 17, 14, dark if patched else fur)
        s.blob(((6, -60), (20, -58), (20, -28), (8, -26)), pale)
        s.part()
        s.limb(12, -40, 7, 16, -5, 6, fur)
        s.oval(20, -4, 8, 4, pale)
        s.oval(-10, -4, 10, 4, pale)
        hx, hy = 14, -84
    else:
        s.stroke(((-38, -58), (-50, -66), (-56 + wag // 2, -84)), 5, 3, fur)
        step = d.between(-8, 8)
        for x, shift in ((-26, step), (22, -step)):
            s.limb(x, -40, 8, x + shift, -4, 5, dark)
        s.part()
        s.blob(((-44, -44), (-42, -66), (-16, -66), (18, -70), (36, -60), (34, -36), (12, -34), (-14, -42)), fur)
        if patched:
            s.blob(((-34, -62), (-8, -66), (-6, -48), (-26, -44)), dark)
        for x, shift in ((-34, -step), (28, step)):
            s.limb(x, -46, 9, x + shift, -5, 6, fur)
            s.oval(x + shift + 3, -4, 8, 4, pale)
        hx, hy = 40, -82 + wag // 4
    s.part()
    s.limb(hx - 12, hy + 22, 10, hx - 5, hy + 8, 11, fur)
    s.limb(hx - 21, hy + 17, 3, hx + 5, hy + 21, 3, collar)
    s.oval(hx - 8, hy + 25, 3, 3, (240, 200, 70))
    s.part()
    s.oval(hx, hy, 20, 18, fur)
    s.limb(hx + 10, hy + 5, 11, hx + 30, hy + 7, 8, pale if patched else fur)
    s.oval(hx + 37, hy + 2, 5, 4, BLACK)
    s.stroke(((hx + 34, hy + 10), (hx + 20, hy + 12)), 1, 1, _DARK)
    if d.chance(50):
        s.oval(hx + 24, hy + 18, 4, 6, (228, 96, 110))
    if patched:
        s.oval(hx + 7, hy - 4, 9, 9, dark)
    s.oval(hx + 8, hy - 4, 5, 5, WHITE)
    s.oval(hx + 9, hy - 4, 3, 4, BLACK)
    s.part()
    ear = d.between(-5, 6)
    s.blob(
        ((hx - 12, hy - 17), (hx + 2, hy - 14), (hx - 2, hy + 10), (hx - 12 - ear, hy + 22), (hx - 24 - ear, hy + 10)),
        dark,
    )
    return {"color": name, "pose": "sitting" if sitting else "walking"}


def _draw_frog(s: Sketch, d: Dice) -> dict:
    skin = d.jitter((92, 176, 66), 12)
    dark, pale = mix(skin, (14, 60, 40), 42), mix(skin, (250, 246, 190), 66)
    leg = d.between(0, 8)
    for side in (-1, 1):
        s.oval(side * 40, -20, 17, 22 + leg // 2, dark, side * 12)
        for toe in (-9, 0, 9):
            s.limb(side * 44, -4, 4, side * (50 + leg) + toe, -2, 3, dark)
    s.part()
    s.blob(((-44, -10), (-48, -42), (-32, -66), (32, -66), (48, -42), (44, -10), (20, 0), (-20, 0)), skin)
    s.blob(((-28, -6), (-30, -30), (-14, -36), (14, -36), (30, -30), (28, -6), (0, 0)), pale)
    for x, y, r in ((-34, -32, 4), (36, -26, 4), (-8, -64, 4), (9, -60, 3), (30, -44, 3)):
        if d.chance(70):
            s.oval(x, y, r, r - 1, dark)
    s.part()
    for side in (-1, 1):
        s.limb(side * 20, -28, 7, side * 19, -5, 6, skin)
        for toe in (-8, 0, 8):
            s.limb(side * 19, -4, 3, side * 19 + toe, -1, 3, skin)
    s.part()
    smile = d.between(-46, -40)
    s.stroke(((-30, -50), (-14, smile), (14, smile), (30, -50)), 2, 2, (92, 44, 50))
    s.part()
    look = d.between(-4, 4)
    for side in (-1, 1):
        s.oval(side * 24, -70, 17, 17, skin)
        s.oval(side * 24, -71, 12, 12, WHITE)
        s.oval(side * 24 + look, -71, 7, 8, BLACK)
        s.oval(side * 24 + look - 2, -74, 2, 2, WHITE)
    return {"color": "green", "pose": "sitting"}


_PAINT = {
    "red": (212, 50, 46),
    "blue": (44, 98, 204),
    "yellow": (246, 196, 48),
    "green": (52, 148, 92),
    "white": (236, 234, 228),
    "purple": (138, 78, 168),
    "orange": (238, 128, 44),
    "brown": (150, 98, 60),
    "black": (54, 54, 62),
    "pink": (236, 140, 170),
    "teal": (40, 160, 160),
}


def _wheel(s: Sketch, x: int, r: int, hub: Color) -> None:
    s.oval(x, -r, r, r, (44, 42, 50))
    s.oval(x, -r, r * 11 // 20, r * 11 // 20, hub)
    s.oval(x, -r, r * 4 // 20, r * 4 // 20, _DARK)


def _draw_car(s: Sketch, d: Dice) -> dict:
    name = d.pick(("red", "blue", "red", "blue", "yellow", "white", "green"))
    paint = d.jitter(_PAINT[name], 8)
    dark, light = mix(paint, BLACK, 36), mix(paint, WHITE, 40)
    glass = d.jitter((176, 222, 238), 10)
    shape = d.below(3)
    if shape == 0:  # a saloon
        roof = ((-36, -32), (-24, -54), (-14, -58), (12, -58), (22, -52), (38, -32))
        panes = (((-28, -34), (-19, -51), (-3, -52), (-3, -34)), ((2, -34), (2, -52), (14, -52), (28, -34)))
        hull = ((-60, -12), (-60, -28), (-50, -36), (44, -36), (60, -28), (62, -12), (40, -8), (-40, -8))
    elif shape == 1:  # a round little car
        roof = ((-48, -30), (-42, -56), (-20, -68), (8, -68), (28, -56), (40, -30))
        panes = (((-38, -36), (-33, -54), (-19, -60), (-6, -60), (-6, -36)), ((0, -36), (0, -60), (10, -59), (29, -36)))
        hull = ((-54, -12), (-56, -32), (-44, -40), (40, -38), (56, -28), (56, -12), (40, -8), (-40, -8))
    else:  # an estate
        roof = ((-58, -32), (-54, -58), (-44, -60), (12, -60), (20, -56), (36, -32))
        panes = (((-51, -36), (-48, -54), (-26, -54), (-26, -36)), ((-20, -36), (-20, -54), (8, -54), (26, -36)))
        hull = ((-62, -12), (-62, -32), (-52, -38), (44, -36), (60, -28), (62, -12), (40, -8), (-40, -8))
    s.poly(roof, paint)
    for pane in panes:
        s.poly(pane, glass)
        (x0, y0), (x1, y1) = pane[0], pane[1]
        s.poly(((x0 + 5, y0), (x1 + 5, y1), (x1 + 9, y1), (x0 + 10, y0)), mix(glass, WHITE, 60))
    if d.chance(60):
        s.oval(8, -42, 5, 6, d.pick(((240, 200, 166), (150, 100, 70))))
    s.part()
    s.blob(hull, paint)
    s.poly(((-54, -27), (54, -27), (54, -24), (-54, -24)), light)
    s.poly(((-58, -15), (58, -15), (58, -10), (-58, -10)), dark)
    s.poly(((-1, -35), (1, -35), (1, -14), (-1, -14)), dark)
    s.poly(((-14, -32), (-6, -32), (-6, -29), (-14, -29)), dark)
    s.oval(55, -24, 5, 5, (255, 236, 150))
    s.poly(((-60, -30), (-55, -30), (-55, -22), (-60, -22)), (230, 70, 56))
    s.part()
    hub = d.jitter((206, 208, 214), 10)
    _wheel(s, -34, 14, hub)
    _wheel(s, 35, 14, hub)
    return {"color": name, "pose": ("saloon", "round", "estate")[shape]}


def _draw_bus(s: Sketch, d: Dice) -> dict:
    name = d.pick(("yellow", "red", "yellow", "red", "blue", "green", "white"))
    paint = d.jitter(_PAINT[name], 8)
    dark, light = mix(paint, BLACK, 36), mix(paint, WHITE, 55)
    glass = d.jitter((176, 222, 238), 10)
    double = d.chance(35)
    top = -92 if double else -66
    length = 52 if double else 66
    s.poly(
        ((-length, -8), (-length, top + 4), (-length + 4, top), (length - 10, top), (length, top + 13), (length, -8)),
        paint,
    )
    s.poly(((-length + 1, -30), (length - 1, -30), (length - 1, -25), (-length + 1, -25)), light)
    s.poly(((-length + 1, -14), (length - 1, -14), (length - 1, -9), (-length + 1, -9)), dark)
    windows = 5 if double else 6
    step = (2 * length - 12) // windows
    rows = ((top + 8, 18), (top + 36, 18)) if double else ((top + 8, 22),)
    for y, tall in rows:
        for i in range(windows):
            x = -length + 6 + i * step
            s.poly(((x, y), (x + step - 4, y), (x + step - 4, y + tall), (x, y + tall)), glass)
            s.poly(((x + 2, y + tall), (x + 7, y), (x + 10, y), (x + 5, y + tall)), mix(glass, WHITE, 60))
            if d.chance(28):
                s.oval(x + step // 2 - 2, y + tall - 5, 4, 5, d.pick(((240, 200, 166), (150, 100, 70), _DARK)))
    s.poly(((length - 22, -34), (length - 10, -34), (length - 10, -9), (length - 22, -9)), mix(glass, dark, 35))
    s.oval(length - 2, -19, 4, 4, (255, 236, 150))
    s.part()
    hub = d.jitter((206, 208, 214), 10)
    _wheel(s, -length + 26, 13, hub)
    _wheel(s, length - 34, 13, hub)
    return {"color": name, "pose": "double" if double else "single"}


def _draw_bicycle(s: Sketch, d: Dice) -> dict:
    name = d.pick(("red", "blue", "green", "black", "orange", "teal"))
    paint = d.jitter(_PAINT[name], 8)
    tyre, metal = (46, 44, 52), (176, 178, 186)
    r = d.between(26, 30)
    left, right = -37, 37
    turn = d.below(32)
    for cx in (left, right):
        for k in range(4):
            c, sn = cosine(turn + 32 * k), sine(turn + 32 * k)
            s.limb(cx - (r * c >> 14), -r - (r * sn >> 14), 1, cx + (r * c >> 14), -r + (r * sn >> 14), 1, metal)
        s.part()
        s.ring(cx, -r, r, r - 5, tyre)
        s.oval(cx, -r, 4, 4, metal)
        s.part()
    seat, bars, crank = (-18, -56), (24, -60), (-4, -r + 2)
    s.part()
    for a, b in (
        (seat, crank),
        (crank, (bars[0] + 2, bars[1] + 6)),
        (seat, bars),
        ((left, -r), crank),
        ((left, -r), seat),
    ):
        s.limb(*a, 3, *b, 3, paint)
    s.limb(right, -r, 3, bars[0], bars[1], 3, paint)
    s.part()
    s.limb(bars[0], bars[1], 3, bars[0] - 2, -74, 3, metal)
    if d.chance(50):
        s.stroke(((bars[0] - 2, -74), (bars[0] + 12, -75), (bars[0] + 15, -66)), 3, 3, tyre)
    else:
        s.stroke(((bars[0] + 4, -76), (bars[0] - 12, -72)), 3, 3, tyre)
    s.limb(seat[0], seat[1], 2, seat[0] - 2, -66, 2, metal)
    s.blob(
        ((seat[0] - 16, -70), (seat[0] + 10, -69), (seat[0] + 2, -63), (seat[0] - 14, -62)),
        mix(_DARK, (120, 70, 40), 50),
    )
    s.part()
    s.oval(*crank, 7, 7, metal)
    a = d.below(TURN)
    for side in (0, 128):
        px, py = crank[0] + (13 * cosine(a + side) >> 14), crank[1] + (13 * sine(a + side) >> 14)
        s.limb(*crank, 2, px, py, 2, tyre)
        s.limb(px - 4, py, 2, px + 4, py, 2, tyre)
    if d.chance(30):
        s.part()
        s.poly(((bars[0] + 2, -66), (bars[0] + 22, -66), (bars[0] + 19, -50), (bars[0] + 4, -50)), (190, 142, 84))
    return {"color": name, "pose": "standing"}


_SKIN = ((250, 214, 184), (232, 184, 144), (190, 134, 94), (138, 92, 62), (98, 66, 48))
_HAIR = ((54, 40, 34), (110, 70, 40), (226, 184, 96), (176, 84, 40), (160, 160, 164), (32, 30, 36))


def _draw_person(s: Sketch, d: Dice) -> dict:
    shirt_name = d.pick(tuple(_PAINT))
    shirt = d.jitter(_PAINT[shirt_name], 8)
    legs = d.jitter(d.pick(((52, 70, 120), (70, 66, 72), (128, 96, 66), (40, 110, 110), (150, 56, 62))), 8)
    skin = d.jitter(d.pick(_SKIN), 5)
    hair = d.jitter(d.pick(_HAIR), 6)
    shoes = d.pick(((70, 48, 40), (220, 60, 56), (240, 240, 236), (40, 40, 48)))
    pose = d.pick(("standing", "walking", "waving", "cheering", "jumping", "running"))
    skirt, long_hair = d.chance(30), d.chance(45)
    # Angles in 256 steps a turn, measured from straight down, positive towards the picture's right.
    spread = {"standing": 6, "walking": 20, "waving": 8, "cheering": 12, "jumping": 34, "running": 36}[pose]
    thigh = [-d.between(2, spread), d.between(2, spread)]
    shin = [thigh[0] + d.between(-6, 8), thigh[1] + d.between(-8, 6)]
    if pose in ("running", "jumping"):
        shin[d.below(2)] -= d.between(20, 44)
    upper = [-d.between(6, 44), d.between(6, 44)]
    lower = [upper[0] + d.between(-24, 44), upper[1] + d.between(-44, 24)]
    if pose == "waving":
        k = d.below(2)
        sign = 2 * k - 1
        upper[k] = sign * d.between(66, 100)
        lower[k] = sign * d.between(104, 140)
    if pose in ("cheering", "jumping"):
        upper = [-d.between(76, 112), d.between(76, 112)]
        lower = [-d.between(88, 140), d.between(88, 140)]
    lean = d.between(-5, 5)

    def reach(x: int, y: int, angle: int, length: int) -> tuple[int, int]:
        return x + (length * sine(angle) >> 14), y + (length * cosine(angle) >> 14)

    hip = [(-7, -47), (7, -47)]
    knee = [reach(*hip[i], thigh[i], 22) for i in (0, 1)]
    ankle = [reach(*knee[i], shin[i], 21) for i in (0, 1)]
    shoulder = [(-12 + lean, -82), (12 + lean, -82)]
    elbow = [reach(*shoulder[i], upper[i], 18) for i in (0, 1)]
    wrist = [reach(*elbow[i], lower[i], 17) for i in (0, 1)]
    neck, head = (lean, -88), (lean + lean // 2, -104)
    if long_hair:
        s.blob(
            ((head[0] - 15, -110), (head[0] + 15, -110), (head[0] + 19, -80), (head[0], -76), (head[0] - 19, -80)), hair
        )
        s.part()
    for i in (0, 1):
        s.limb(*hip[i], 8, *knee[i], 6, skin if skirt else legs)
        s.limb(*knee[i], 6, *ankle[i], 5, skin if skirt else legs)
        s.part()
        s.limb(ankle[i][0], ankle[i][1] + 3, 5, ankle[i][0] + (8 if i else -8), ankle[i][1] + 5, 4, shoes)
        s.part()
    if skirt:
        s.poly(((-9, -56), (9, -56), (20, -30), (-20, -30)), legs)
        s.part()
    s.blob(((-15, -46), (-13, -64), (-18 + lean, -88), (18 + lean, -88), (13, -64), (15, -46)), shirt)
    decoration = d.below(3)
    if decoration == 0:
        for y in (-78, -66, -54):
            s.poly(((-11, y), (11, y), (11, y + 5), (-11, y + 5)), mix(shirt, WHITE, 60))
    elif decoration == 1:
        s.oval(lean // 2, -68, 6, 6, mix(shirt, (255, 220, 90), 75))
    s.part()
    s.limb(*neck, 5, head[0], head[1] + 8, 5, skin)
    for i in (0, 1):
        s.part()
        s.limb(*elbow[i], 5, *wrist[i], 4, skin)
        s.oval(*wrist[i], 6, 6, skin)
        s.limb(*shoulder[i], 6, *elbow[i], 6, shirt)
    s.part()
    hx, hy = head
    s.oval(hx, hy, 15, 16, skin)
    if d.chance(25):
        hat = d.jitter(_PAINT[d.pick(("red", "blue", "yellow", "green"))], 8)
        s.oval(hx, hy - 9, 15, 10, hat)
        s.limb(hx - 13, hy - 7, 3, hx + 20, hy - 6, 2, mix(hat, BLACK, 20))
    else:
        s.blob(
            (
                (hx - 19, hy - 2),
                (hx - 16, hy - 20),
                (hx + 16, hy - 20),
                (hx + 19, hy - 2),
                (hx + 9, hy - 9),
                (hx - 9, hy - 8),
            ),
            hair,
        )
    for side in (-1, 1):
        s.oval(hx + side * 6, hy, 2, 3, BLACK)
        s.oval(hx + side * 9, hy + 6, 3, 2, mix(skin, (236, 96, 96), 40))
    s.stroke(((hx - 5, hy + 6), (hx - 2, hy + 9), (hx + 2, hy + 9), (hx + 5, hy + 6)), 1, 1, (150, 50, 56))
    # Facing the viewer, the person's left side is on the picture's right.
    joints = (head, neck, shoulder[1], shoulder[0], elbow[1], elbow[0], wrist[1], wrist[0])
    joints += (hip[1], hip[0], knee[1], knee[0], ankle[1], ankle[0])
    return {"color": shirt_name, "pose": pose, "joints": joints}


def _draw_tree(s: Sketch, d: Dice) -> dict:
    name = d.pick(("green", "green", "green", "orange", "red", "yellow"))
    bark = d.jitter((122, 84, 58), 12)
    if d.chance(40):
        name = "green"
        leaf = d.jitter((42, 112, 74), 14)
        s.poly(((-7, 0), (-5, -24), (5, -24), (7, 0)), bark)
        wide = d.between(32, 42)
        for i in range(3):
            s.part()
            y, w = -18 - 28 * i, wide - 8 * i
            s.poly(
                ((-w, y), (-w // 2, y - 22), (0, y - 46), (w // 2, y - 22), (w, y), (w // 2, y + 4), (-w // 2, y + 4)),
                leaf,
            )
            s.poly(((-w + 6, y), (-w // 4, y - 32), (-w // 3, y)), mix(leaf, WHITE, 14))
        if d.chance(35):
            for i in range(3):
                y, w = -18 - 28 * i, (wide - 8 * i) * 3 // 5
                s.poly(((-w // 2, y - 26), (0, y - 46), (w // 2, y - 26), (0, y - 32)), WHITE)
        return {"color": name, "pose": "fir"}
    leaf = d.jitter(
        {"green": (92, 164, 66), "orange": (234, 138, 50), "red": (206, 78, 52), "yellow": (242, 196, 70)}[name], 12
    )
    dark, light = mix(leaf, (20, 40, 50), 24), mix(leaf, (255, 250, 190), 26)
    if d.chance(25):
        bark = d.jitter((226, 222, 212), 6)
    s.poly(((-11, 0), (-6, -16), (-5, -56), (6, -56), (7, -16), (12, 0), (0, -3)), bark)
    s.limb(2, -36, 3, 18, -54, 2, bark)
    if bark[0] > 200:
        for y in (-12, -24, -34):
            s.poly(((-5, y), (2, y - 1), (-5, y - 3)), _DARK)
    pose = d.pick(("round", "round", "tall"))
    s.part()
    if pose == "tall":
        w = d.between(22, 30)
        s.blob(((-w, -46), (-w - 4, -74), (-12, -124), (0, -132), (12, -124), (w + 4, -74), (w, -46), (0, -34)), leaf)
        puffs = ((-8, -104, 9), (-12, -76, 12), (8, -62, 10))
    else:
        spread = d.between(24, 30)
        s.oval(-spread, -58, 24, 21, dark)
        s.oval(spread, -60, 24, 21, dark)
        s.oval(d.between(-8, 8), -72, 36, 32, leaf)
        s.oval(-spread // 2, -88, 24, 21, leaf)
        s.oval(spread // 2, -86, 22, 20, leaf)
        puffs = ((-spread // 2, -92, 13), (spread // 2 - 4, -90, 10), (-16, -66, 12), (12, -62, 9))
    for x, y, r in puffs:
        s.oval(x - 2, y - 2, r, r * 3 // 4, light)
    if d.chance(35):
        fruit = d.pick(((222, 52, 52), (250, 214, 90), (244, 240, 240)))
        for x, y in ((-22, -60), (6, -50), (20, -74), (-6, -80), (-18, -92)):
            s.oval(x, y, 5, 5, fruit)
    return {"color": name, "pose": pose}


def _draw_bird(s: Sketch, d: Dice) -> dict:
    name = d.pick(("blue", "red", "blue", "red", "yellow", "brown", "white"))
    coat = d.jitter(_PAINT[name], 10)
    dark, belly = mix(coat, BLACK, 34), mix(coat, (255, 244, 220), 68)
    beak = (244, 164, 44)
    flying = d.chance(35)
    if flying:
        lift = d.between(-6, 18)
        s.blob(((-6, -38), (4, -42), (2, -78 - lift), (-14, -92 - lift), (-22, -74 - lift)), dark)
        s.part()
        s.poly(((-24, -40), (-60, -52), (-62, -40), (-58, -30)), dark)
        s.part()
        s.blob(((-40, -40), (-14, -54), (22, -52), (38, -40), (22, -24), (-12, -24)), coat)
        s.blob(((-20, -30), (18, -34), (24, -26), (0, -22)), belly)
        hx, hy = 34, -50
    else:
        tilt = d.between(-6, 6)
        for x in (-4, 8):
            s.limb(x, -22, 2, x + 1, -2, 2, beak)
            s.limb(x - 4, -2, 2, x + 8, -1, 2, beak)
        s.part()
        s.poly(((-26, -44), (-64, -40 + tilt), (-66, -30 + tilt), (-26, -28)), dark)
        s.part()
        s.blob(((-40, -36), (-20, -60), (14, -64), (34, -52), (30, -26), (4, -14), (-20, -18)), coat)
        s.blob(((2, -46), (28, -48), (28, -28), (6, -18), (-8, -22)), belly)
        hx, hy = 26, -70
    s.part()
    s.poly(((hx + 10, hy - 6), (hx + 32, hy + 2), (hx + 11, hy + 8)), beak)
    s.part()
    if d.chance(35):
        for k in (-5, 0, 5):
            s.limb(hx - 2, hy - 14, 3, hx - 10 + k, hy - 27 + abs(k) // 2, 2, dark)
    s.oval(hx, hy, 19, 18, coat)
    s.oval(hx + 4, hy + 8, 11, 7, belly)
    s.oval(hx + 7, hy - 3, 5, 5, WHITE)
    s.oval(hx + 8, hy - 3, 3, 4, BLACK)
    s.part()
    if flying:
        drop = lift // 2
        s.blob(((-18, -44), (12, -46), (6, -80 - drop), (-16, -106 - drop), (-30, -96 - drop), (-34, -70)), coat)
        for k in (0, 1, 2):
            s.stroke(((-22 + 8 * k, -94 - drop + 12 * k), (-14 + 7 * k, -60)), 2, 1, dark)
    else:
        s.blob(((-42, -36), (-20, -56), (6, -54), (10, -36), (-8, -26)), dark)
        for k in (0, 1):
            s.stroke(((-36 + 6 * k, -36 + 6 * k), (-2, -40 + 6 * k)), 2, 1, coat)
    return {"color": name, "pose": "flying" if flying else "perched"}


def _draw_mushroom(s: Sketch, d: Dice) -> dict:
    name = d.pick(("red", "red", "brown", "brown", "orange", "purple"))
    cap = d.jitter(_PAINT[name], 10)
    light = mix(cap, WHITE, 35)
    stem = d.jitter((242, 230, 206), 8)
    bell = d.chance(40)
    family = d.chance(40)
    if family:
        s.blob(((26, 0), (28, -24), (42, -24), (46, 0)), stem)
        s.part()
        s.blob(((16, -20), (22, -42), (36, -50), (52, -42), (58, -20)), cap)
        s.oval(31, -34, 5, 4, WHITE if name != "brown" else light)
        s.oval(47, -30, 4, 4, WHITE if name != "brown" else light)
        s.part()
    wide = d.between(11, 15)
    s.blob(((-wide - 5, 0), (-wide, -20), (-wide + 3, -52), (wide - 3, -52), (wide, -20), (wide + 5, 0), (0, 4)), stem)
    s.poly(((-wide + 2, -8), (-wide + 6, -8), (-wide + 7, -40), (-wide + 4, -40)), mix(stem, WHITE, 60))
    s.blob(
        ((-wide - 3, -32), (wide + 3, -32), (wide + 7, -22), (0, -25), (-wide - 7, -22)), mix(stem, (190, 160, 120), 22)
    )
    s.part()
    w = d.between(38, 46)
    s.oval(0, -48, w - 5, 8, mix(stem, (150, 110, 84), 40))
    s.part()
    if bell:
        s.blob(
            ((-w + 4, -44), (-w + 6, -66), (-16, -100), (0, -106), (16, -100), (w - 6, -66), (w - 4, -44), (0, -54)),
            cap,
        )
        spots = ((-16, -66, 6), (4, -82, 6), (18, -62, 5), (-4, -58, 4), (-9, -92, 4))
    else:
        s.blob(((-w - 4, -44), (-w, -66), (-24, -84), (0, -88), (24, -84), (w, -66), (w + 4, -44), (0, -54)), cap)
        spots = ((-24, -64, 7), (0, -74, 8), (23, -66, 6), (-8, -57, 4), (12, -56, 4), (-33, -54, 4))
    s.oval(-w // 3, -74, 10, 4, light, -20)
    if d.chance(80 if name == "red" else 35):
        for x, y, r in spots:
            s.oval(x, y, r, r - 1, WHITE)
    if d.chance(30):
        s.part()
        s.oval(-wide - 4, -3, 9, 5, (96, 158, 74))
    return {"color": name, "pose": "bell" if bell else "dome"}


DRAW = {
    "cat": _draw_cat,
    "car": _draw_car,
    "frog": _draw_frog,
    "dog": _draw_dog,
    "bicycle": _draw_bicycle,
    "person": _draw_person,
    "tree": _draw_tree,
    "bus": _draw_bus,
    "bird": _draw_bird,
    "mushroom": _draw_mushroom,
}
