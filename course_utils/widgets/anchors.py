"""The nine anchors at one place of a map, and what each is told (notebook 11b)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_utils.runtime import check_int
from course_utils.widgets import canvas

if TYPE_CHECKING:
    import ipywidgets

PIXELS, STRIDE, CELLS = 96, 4, 24  # a picture of 96 by 96 pixels and its map
_STYLES = {  # told: color, dashes, words
    1: ("#D55E00", "", "object"),
    0: ("#606060", "2 6", "nothing"),
    -1: ("#0072B2", "12 6", "not asked"),
}


def anchors_svg(boxes: Any, row: int = 11, column: int = 11) -> str:
    """Picture of true boxes and of the nine anchors around one place, each drawn as what it is told.

    Args:
        boxes: (n, 4), true boxes, xyxy in pixels of a picture of 96 by 96; n = 0 is fine.
        row, column: the place on the map of 24 by 24, 0 to 23.

    Returns:
        An `<svg>` element as text, with role="img" and an aria-label that says the same in words.

    Raises:
        ValueError: boxes that are none, or a place outside the map.
    """
    from course_utils.boxes import check_boxes, iou
    from course_utils.models import rcnn

    boxes = check_boxes(boxes)
    check_int("row", row, 0, CELLS - 1)
    check_int("column", column, 0, CELLS - 1)
    anchors = rcnn.anchor_boxes((CELLS, CELLS))
    told, _ = rcnn.assign_anchors(anchors, boxes)
    nine = slice(9 * (CELLS * row + column), 9 * (CELLS * row + column + 1))
    anchors, told = anchors[nine], told[nine].tolist()
    overlaps = iou(anchors, boxes).amax(dim=1).tolist() if len(boxes) else [0.0] * 9
    scale, left, top = 5, 60, 60
    parts = [
        canvas.text(left, 38, f"place: row {row}, column {column}", 24, weight="bold"),
        f'<rect x="{left}" y="{top}" width="{scale * PIXELS}" height="{scale * PIXELS}" fill="{canvas.PADDING}" '
        f'stroke="{canvas.LINE}" stroke-width="2"/>',
    ]

    def frame(box: list[float], kind: str, style: str) -> str:
        x1, y1, x2, y2 = (scale * edge for edge in box)
        return (
            f'<rect class="{kind}" x="{left + x1:.1f}" y="{top + y1:.1f}" width="{x2 - x1:.1f}" '
            f'height="{y2 - y1:.1f}" {style}/>'
        )

    parts += [frame(b, "truth", f'fill="{canvas.OUTPUT}" stroke="#000000" stroke-width="3"') for b in boxes.tolist()]
    for box, answer in zip(anchors.tolist(), told, strict=True):
        color, dashes, _ = _STYLES[answer]
        parts.append(frame(box, "anchor", f'fill="none" stroke="{color}" stroke-width="3" stroke-dasharray="{dashes}"'))
    x, y = (left + scale * STRIDE * (column + 0.5), top + scale * STRIDE * (row + 0.5))
    parts.append(f'<circle class="place" cx="{x:g}" cy="{y:g}" r="7" fill="#000000"/>')

    parts.append(canvas.text(600, 90, "scale, ratio", 20, weight="bold"))
    parts.append(canvas.text(985, 90, "best IoU, told", 20, "end", weight="bold"))
    kinds = [(s, r) for s in rcnn.SCALES for r in rcnn.RATIOS]
    lines = []
    for k, ((size, ratio), overlap, answer) in enumerate(zip(kinds, overlaps, told, strict=True)):
        color, dashes, words = _STYLES[answer]
        height = 130 + 42 * k
        parts.append(canvas.text(600, height, f"{size:g} px, {ratio:g}", 20))
        parts.append(
            f'<line x1="725" y1="{height - 6}" x2="785" y2="{height - 6}" stroke="{color}" stroke-width="4" '
            f'stroke-dasharray="{dashes}"/>'
        )
        parts.append(canvas.text(985, height, f"{overlap:.2f}  {words}", 20, "end"))
        lines.append(f"scale {size:g}, ratio {ratio:g}: {overlap:.2f}, {words}")
    said = (
        f"Nine anchors around row {row}, column {column} of the map, with {len(boxes)} true boxes. Best IoU with a "
        f"true box, and what the anchor is told: {'; '.join(lines)}."
    )
    return canvas.svg(said, parts, 580)


def show_anchors(boxes: Any, row: int = 11, column: int = 11) -> None:
    """Display the picture of `anchors_svg`, still, with alternative text. Arguments and errors as there."""
    canvas.show_still(anchors_svg(boxes, row, column))


def explore_anchors(boxes: Any, row: int = 11, column: int = 11) -> ipywidgets.VBox:
    """Two sliders for the place, and the picture of `anchors_svg` that follows them.

    Used in notebooks/11b_faster_and_mask_rcnn.ipynb. Arguments and errors as in `anchors_svg`.

    Returns:
        The explorer: a box of DOM class `anchors-explorer`, to be left as the last value of a cell.
    """
    limits = {"row": (0, CELLS - 1), "column": (0, CELLS - 1)}
    sliders = canvas.sliders(limits, {"row": row, "column": column})

    def draw() -> str:
        return anchors_svg(boxes, **{name: slider.value for name, slider in sliders.items()})

    return canvas.follow("anchors-explorer", list(sliders.values()), draw(), draw)
