"""Two forearms in a part affinity field: which wrist belongs to which elbow (notebook 18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

CELLS = 16  # a field of 16 by 16 cells, one pixel each
ELBOWS = ((3, 4), (3, 11))  # column and row of A and B
_LIMITS = {name: (5 if name[0] == "x" else 0, CELLS - 1) for name in ("x_a", "y_a", "x_b", "y_b")}
_LIMITS["width"] = (1, 3)
_SIDE, _LEFT, _TOP = 29, 20, 60


def limbs_svg(x_a: int = 12, y_a: int = 11, x_b: int = 12, y_b: int = 4, width: int = 1) -> str:
    """Picture of the field of two forearms, the scores of all four pairs, and what two rules make of them.

    The elbows A and B stay; the true wrist of A is a, that of B is b. One rule takes the pairs greedily by the field's
    score, the other one by distance. Derivation: notebooks/18_pose_estimation.ipynb.

    Args:
        x_a, y_a: column (5 to 15) and row (0 to 15) of the wrist a.
        x_b, y_b: the same of the wrist b.
        width: of half a forearm in the field, in cells, 1 to 3.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: a number out of its range.
    """
    import torch  # imported where somebody looks

    from course_utils.models import pose

    wrists = ((x_a, y_a), (x_b, y_b))
    for name, value in zip(_LIMITS, (x_a, y_a, x_b, y_b, width), strict=True):
        check_int(name, value, *_LIMITS[name])
    middles = torch.tensor([ELBOWS, wrists]).float() + 0.5  # (joint, person, 2)
    keypoints = torch.cat([middles.transpose(0, 1), torch.full((2, 2, 1), 2.0)], dim=2)[None]
    field = pose.fields(keypoints, CELLS, [(0, 1)], stride=1, width=width)[0]
    scores = pose.limb_scores(field, *middles, stride=1, samples=20)
    distances = torch.cdist(*middles)
    chosen = {"field": pose.match_limbs(scores, threshold=0.2), "distance": pose.match_limbs(-distances, -100)}

    def middle(place: tuple[int, int]) -> tuple[float, float]:
        return _LEFT + _SIDE * (place[0] + 0.5), _TOP + _SIDE * (place[1] + 0.5)

    end = _SIDE * CELLS
    lines = [f"M{_LEFT + _SIDE * n} {_TOP}v{end}M{_LEFT} {_TOP + _SIDE * n}h{end}" for n in range(CELLS + 1)]
    parts = [
        canvas.text(_LEFT, 38, "the field: an arrow in each cell of a forearm", 22, weight="bold"),
        f'<path d="{"".join(lines)}" stroke="#D8D8D8" fill="none"/>',
    ]
    for row in range(CELLS):
        for column in range(CELLS):
            dx, dy = (0.42 * _SIDE * float(part[row, column]) for part in field)
            if dx or dy:
                x, y = middle((column, row))
                parts.append(
                    f'<path class="arrow" d="M{x - dx:.1f} {y - dy:.1f}L{x + dx:.1f} {y + dy:.1f}" '
                    f'stroke="#606060" stroke-width="2"/><circle cx="{x + dx:.1f}" cy="{y + dy:.1f}" r="3.5" '
                    'fill="#606060"/>'
                )
    styles = {"field": ("#0072B2", "", 6), "distance": (canvas.ALARM, "4 9", 4)}
    for rule, pairs in chosen.items():
        color, dashes, thickness = styles[rule]
        for i, j in pairs:
            (x1, y1), (x2, y2) = middle(ELBOWS[i]), middle(wrists[j])
            parts.append(
                f'<path class="{rule}" d="M{x1} {y1}L{x2} {y2}" stroke="{color}" stroke-width="{thickness}" '
                f'stroke-dasharray="{dashes}" stroke-opacity="0.8"/>'
            )
    for places, names, shape in ((ELBOWS, "AB", "elbow"), (wrists, "ab", "wrist")):
        for place, name in zip(places, names, strict=True):
            x, y = middle(place)
            rounded = 3 if shape == "elbow" else 14
            parts.append(
                f'<rect class="{shape}" x="{x - 14:g}" y="{y - 14:g}" width="28" height="28" rx="{rounded}" '
                'fill="#FFFFFF" stroke="#000000" stroke-width="2.5"/>'
            )
            parts.append(canvas.text(x, y + 7, name, 21, "middle", weight="bold"))

    parts.append(canvas.text(520, 96, "pair", 20, weight="bold"))
    parts.append(canvas.text(760, 96, "field's score", 20, "end", weight="bold"))
    parts.append(canvas.text(960, 96, "distance, cells", 20, "end", weight="bold"))
    said = []
    for n, (i, j) in enumerate((i, j) for i in (0, 1) for j in (0, 1)):
        score, distance = f"{scores[i, j]:.2f}".replace("-", "−"), f"{distances[i, j]:.1f}"
        parts.append(canvas.text(520, 136 + 38 * n, f"{'AB'[i]}–{'ab'[j]}", 20))
        parts.append(canvas.text(760, 136 + 38 * n, score, 20, "end"))
        parts.append(canvas.text(960, 136 + 38 * n, distance, 20, "end"))
        said.append(f"{'AB'[i]} to {'ab'[j]}: score {score}, distance {distance}")
    verdicts = []
    for n, (rule, pairs) in enumerate(chosen.items()):
        color, dashes, thickness = styles[rule]
        words = ", ".join(f"{'AB'[i]}–{'ab'[j]}" for i, j in sorted(pairs)) or "no pair"
        right = sorted(pairs) == [(0, 0), (1, 1)]
        verdicts.append(f"by the {rule}: {words}, {'right' if right else 'wrong'}")
        y = 350 + 48 * n
        parts.append(
            f'<line x1="520" y1="{y - 6}" x2="580" y2="{y - 6}" stroke="{color}" stroke-width="{thickness}" '
            f'stroke-dasharray="{dashes}"/>'
        )
        parts.append(canvas.text(595, y, verdicts[-1], 20, weight="bold"))
    words = (
        f"Two elbows and two wrists: a, the wrist of A, at column {x_a}, row {y_a}; b, that of B, at column {x_b}, "
        f"row {y_b}; half a forearm is {width} cells wide. {'; '.join(said)}. Pairs {'; pairs '.join(verdicts)}."
    )
    return canvas.svg(words, parts, 550)


def show_limbs(x_a: int = 12, y_a: int = 11, x_b: int = 12, y_b: int = 4, width: int = 1) -> None:
    """Display the picture of `limbs_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(limbs_svg(x_a, y_a, x_b, y_b, width))


def explore_limbs(x_a: int = 12, y_a: int = 11, x_b: int = 12, y_b: int = 4, width: int = 1) -> ipywidgets.VBox:
    """Five sliders for the two wrists and the forearms' width, and the picture of `limbs_svg` that follows them.

    Used in notebooks/18_pose_estimation.ipynb. Arguments and errors as in `limbs_svg`.

    Returns:
        The explorer: a box of DOM class `limbs-explorer`, to be left as the last value of a cell.
    """
    given = {"x_a": x_a, "y_a": y_a, "x_b": x_b, "y_b": y_b, "width": width}
    sliders = canvas.sliders(_LIMITS, given)

    def draw() -> str:
        return limbs_svg(**{name: slider.value for name, slider in sliders.items()})

    return canvas.follow("limbs-explorer", list(sliders.values()), draw(), draw)
