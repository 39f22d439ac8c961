"""Figures: arrays and an Axes in, the Axes out. `show` puts a finished figure into the notebook with alternative text.

Imports none of ours. Colours come from the Okabe-Ito palette, which colour-blind readers can tell apart; series differ
in marker or line style as well, so that a figure also reads in grey.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINE_STYLES = ("-", "--", "-.", ":")
# One a class of a segmentation, the first for the ground; Paul Tol's muted scheme. Ten tints are too many to be told
# apart by colour alone: `class_map` writes the names and draws outlines and hatches as well.
CLASS_COLORS = (
    *("#FFFFFF", "#CC6677", "#332288", "#DDCC77", "#117733", "#88CCEE"),
    *("#882255", "#44AA99", "#999933", "#AA4499", "#661100"),
)
HATCHES = ("", "//", "\\\\", "||", "--", "xx", "..", "++", "oo", "\\\\..", "//..")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def _sentence(alt: str) -> str:
    if not isinstance(alt, str) or len(alt.strip()) < 20:
        raise ValueError(f"alt must describe the figure in a sentence of at least 20 characters, got {alt!r}")
    return " ".join(alt.split())


def show(fig: Figure, alt: str, dpi: int = 110) -> None:
    """Display a figure as a PNG that carries alternative text, and close it.

    The picture goes out as HTML: a plain `image/png` output loses its alternative text in JupyterLab and in exports.

    Args:
        fig: a matplotlib figure.
        alt: what the figure shows, for a reader who cannot see it: a sentence of at least 20 characters.
        dpi: dots per inch of the picture.
    """
    import matplotlib.pyplot as plt
    from IPython.display import display

    alt = _sentence(alt)
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight", facecolor="white")
    plt.close(fig)
    picture = base64.b64encode(buffer.getvalue()).decode("ascii")
    page = f'<img src="data:image/png;base64,{picture}" alt="{html.escape(alt)}" style="max-width: 100%">'
    display({"text/html": page, "text/plain": f"[figure: {alt}]"}, raw=True)


def image(ax: Axes, picture: Any, title: str = "") -> Axes:
    """Draw a picture without axes: (3, H, W) or (1, H, W) in 0..1; or (H, W), scaled to its own range of values.

    Args:
        ax: where to draw.
        picture: NumPy or PyTorch (on the CPU). Values outside 0..1 are cut off where there is a channel dimension.
        title: a few words above it.
    """
    pixels = np.asarray(picture)
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and len(pixels) in (1, 3))):
        raise ValueError(f"picture must have shape (3, H, W), (1, H, W) or (H, W), got {pixels.shape}")
    if pixels.ndim == 2:
        ax.imshow(pixels, cmap="gray", interpolation="nearest")
    else:
        shown = pixels.clip(0, 1).transpose(1, 2, 0)
        ax.imshow(
            shown.squeeze(-1) if len(pixels) == 1 else shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest"
        )
    ax.set_title(title)
    ax.set_axis_off()
    return ax


def grid(ax: Axes, values: Any, title: str = "", highlighted: Any = None, fontsize: float = 14) -> Axes:
    """Draw a matrix as a grid of cells with its numbers, as one would write it on squared paper.

    Args:
        ax: where to draw.
        values: (H, W), NumPy or PyTorch; whole numbers are written without a point, NaN as an empty cell.
        title: a few words above it.
        highlighted: (H, W) of bools, cells with a thick frame and an orange ground; None for none.
        fontsize: of the numbers, in points.
    """
    from matplotlib.patches import Rectangle

    numbers = np.asarray(values, dtype=float)
    if numbers.ndim != 2 or numbers.size == 0:
        raise ValueError(f"values must have shape (H, W) with at least one cell, got {numbers.shape}")
    marked = np.zeros(numbers.shape, dtype=bool) if highlighted is None else np.asarray(highlighted, dtype=bool)
    if marked.shape != numbers.shape:
        raise ValueError(f"highlighted must have the shape of values, {numbers.shape}, got {marked.shape}")
    for (row, column), number in np.ndenumerate(numbers):
        style = {"facecolor": "white", "edgecolor": "#606060", "linewidth": 1}
        if marked[row, column]:
            style = {"facecolor": "#F7D795", "edgecolor": "black", "linewidth": 2.5, "zorder": 2}
        ax.add_patch(Rectangle((column, row), 1, 1, **style))
        if not np.isnan(number):
            text = f"{number:g}" if number == round(number, 6) else f"{number:.2f}"
            ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=fontsize, zorder=3)
    ax.set(xlim=(-0.05, numbers.shape[1] + 0.05), ylim=(numbers.shape[0] + 0.05, -0.05), aspect="equal")
    ax.set_title(title)
    ax.set_axis_off()
    return ax


def lines(ax: Axes, x: Sequence[float], series: Mapping[str, Sequence[float]], xlabel: str, ylabel: str) -> Axes:
    """Draw series over a common x, each with its own color, marker and line style, and a legend.

    Args:
        ax: where to draw.
        x: the common positions.
        series: name to values, as many as x has; at most seven series.
        xlabel, ylabel: what the axes show, with units.
    """
    if not series or len(series) > len(PALETTE):
        raise ValueError(f"series must hold 1 to {len(PALETTE)} series, got {len(series)}")
    for number, (name, values) in enumerate(series.items()):
        if len(values) != len(x):
            raise ValueError(f"series must have as many values as x, {len(x)}, got {len(values)} in {name!r}")
        style = LINE_STYLES[number % len(LINE_STYLES)]
        ax.plot(x, values, color=PALETTE[number], marker=MARKERS[number], linestyle=style, label=name)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.grid(alpha=0.3)
    ax.legend()
    return ax


def boxes(ax: Axes, rows: Any, names: Sequence[str] = (), color: str = PALETTE[1], linestyle: str = "-") -> Axes:
    """Draw boxes over a picture, each with its name above it, on a white ground.

    Args:
        ax: where the picture is drawn already; its limits stay as they are.
        rows: (N, 4), xyxy in pixels, edges counted from 0 (a pixel's centre lies at a half).
        names: one a box, or none at all.
        color, linestyle: of all of them.
    """
    from matplotlib.patches import Rectangle

    corners = np.asarray(rows, dtype=float).reshape(-1, 4)
    if names and len(names) != len(corners):
        raise ValueError(f"names must be as many as rows, {len(corners)}, or none, got {len(names)}")
    limits = ax.get_xlim(), ax.get_ylim()
    for x1, y1, x2, y2 in corners - 0.5:  # imshow has a pixel's centre at a whole number
        for width, ink in ((4, "white"), (2, color)):  # a light seam, so that the line shows on any ground
            style = {"linewidth": width, "edgecolor": ink, "linestyle": linestyle if ink == color else "-"}
            ax.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, **style))
    for (x1, y1, _, _), name in zip(corners - 0.5, names, strict=False):
        ground = {"facecolor": "white", "edgecolor": color, "pad": 1, "linewidth": 0.8}
        ax.text(x1, y1, name, fontsize=8, va="bottom", bbox=ground)
    ax.set(xlim=limits[0], ylim=limits[1])
    return ax


def class_map(ax: Axes, classes: Any, names: Sequence[str], image: Any = None, smallest: int = 20) -> Axes:
    """Draw the class of every pixel, readable without colours: outlines along the pixels' edges, and names inside.

    Over a picture the classes are tinted and the ground (class 0) is left clear; without one they are filled and
    hatched, each class in its own way.

    Args:
        ax: where to draw.
        classes: (H, W) of whole numbers, indices into names; 255 is void, drawn grey and crossed.
        names: of the classes, the ground's first, at most eleven.
        image: (3, H, W) in 0..1 to draw over, or None.
        smallest: regions of fewer pixels get no name.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgb
    from scipy.ndimage import distance_transform_edt, label

    numbers = np.asarray(classes)
    if numbers.ndim != 2 or numbers.size == 0 or numbers.dtype.kind not in "iu":
        raise ValueError(f"classes must be whole numbers of the shape (H, W), got {numbers.shape} of {numbers.dtype}")
    if not 1 <= len(names) <= len(CLASS_COLORS):
        raise ValueError(f"names must be 1 to {len(CLASS_COLORS)}, the ground's first, got {len(names)}")
    void = numbers == 255
    if ((numbers < 0) | (numbers >= len(names)))[~void].any():
        raise ValueError(f"classes must be from 0 to {len(names) - 1}, or 255 for void, got others")
    colors = np.array([to_rgb(color) for color in CLASS_COLORS])
    shown = np.where(void[..., None], 0.6, colors[np.where(void, 0, numbers)])  # (H, W, 3)
    if image is not None:
        pixels = np.asarray(image).clip(0, 1)
        if pixels.shape != (3, *numbers.shape):
            raise ValueError(
                f"image must have the shape (3, {numbers.shape[0]}, {numbers.shape[1]}), got {pixels.shape}"
            )
        weight = np.where(numbers == 0, 0.0, 0.45)[..., None]
        shown = weight * shown + (1 - weight) * pixels.transpose(1, 2, 0)
    ax.imshow(shown, interpolation="nearest")

    for number in np.unique(numbers) if image is None else [255]:
        hatch = "xxxx" if number == 255 else HATCHES[number]
        if hatch and (numbers == number).any():
            mask = np.kron(numbers == number, np.ones((4, 4)))  # finer than the pixels, so that hatches reach the edges
            y, x = ((np.arange(side) + 0.5) / 4 - 0.5 for side in mask.shape)
            drawn = ax.contourf(x, y, mask, levels=[0.5, 1.5], colors="none", hatches=[hatch])
            drawn.set(edgecolor="#FFFFFF" if number and colors[number % len(colors)].mean() < 0.5 else "#606060")
    rows, columns = np.nonzero(numbers[:, 1:] != numbers[:, :-1])
    edges = [[(x + 0.5, y - 0.5), (x + 0.5, y + 0.5)] for y, x in zip(rows, columns, strict=True)]
    rows, columns = np.nonzero(numbers[1:] != numbers[:-1])
    edges += [[(x - 0.5, y + 0.5), (x + 0.5, y + 0.5)] for y, x in zip(rows, columns, strict=True)]
    for width, ink in ((3, "white"), (1.4, "black")):  # a light seam, so that the line shows on any ground
        ax.add_collection(LineCollection(edges, colors=ink, linewidths=width, capstyle="round"))
    for number in np.unique(numbers[~void & (numbers > 0)]):
        regions, count = label(numbers == number)
        for region in range(1, count + 1):
            mask = regions == region
            if mask.sum() >= smallest:
                inside = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]  # from the region's own edges
                y, x = np.unravel_index(inside.argmax(), inside.shape)
                ground = {"facecolor": "white", "alpha": 0.85, "pad": 1, "linewidth": 0}
                ax.text(x, y, names[number], fontsize=8, ha="center", va="center", bbox=ground)
    ax.set_axis_off()
    return ax


def stack(ax: Axes, maps: int, left: float, side: int, window: int = 0, label: str = "") -> Axes:
    """Draw a stack of square maps, one behind the other, as papers draw the layers of a network.

    Args:
        ax: where to draw; several stacks may share it.
        maps: number of maps, at least 1.
        left: where the stack begins, in cells.
        side: cells along one side of a map; drawn on the front map where there is a window.
        window: side of a window marked on the front map, 0 for none.
        label: a few words under it.
    """
    from matplotlib.patches import Rectangle

    if maps < 1 or side < 1 or not 0 <= window <= side:
        raise ValueError(f"stack needs maps >= 1, side >= 1 and window from 0 to side, got {maps}, {side}, {window}")
    for depth in reversed(range(maps)):
        corner = (left + 0.9 * depth, 0.9 * depth)
        ax.add_patch(Rectangle(corner, side, side, facecolor="#DCEBF7", edgecolor="#404040", linewidth=1.2))
    if window:
        for line in range(1, side):
            ax.plot([left + line] * 2, [0, side], color="#9AA7B2", linewidth=0.6)
            ax.plot([left, left + side], [line] * 2, color="#9AA7B2", linewidth=0.6)
        low = (side - window) // 2
        ax.add_patch(
            Rectangle(
                (left + low, low), window, window, facecolor="#F2B233", edgecolor="black", linewidth=2.5, zorder=3
            )
        )
    ax.text(left + (side + 0.9 * (maps - 1)) / 2, -1.6, label, ha="center", va="center", fontsize=13)
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.autoscale_view()
    return ax


PANEL_WIDTH, PANEL_HEIGHT = 240, 190  # of an animation, in pixels, title and margins included
PANELS_IN_A_ROW = 4


def animate_paths(paths: Mapping[str, Any], contours: Sequence[Any], alt: str, seconds: float = 12) -> None:
    """Display points that move along their paths, one panel a path, as an SVG that animates itself, in a fold.

    It needs neither a network nor a script, and takes some 20 kB. Draw a still picture of the same paths beside it.

    Args:
        paths: name to (T, 2), the positions x, y step by step; the same number of steps in all of them. Each axis is
            stretched to fill its panel, with one scale for all panels.
        contours: lines (n, 2) that are drawn behind each path, in the same coordinates.
        alt: what it shows, for a reader who cannot see it: a sentence of at least 20 characters.
        seconds: how long one round takes; it repeats.
    """
    alt = _sentence(alt)
    points = {name: np.asarray(path, dtype=float) for name, path in paths.items()}
    lines = [np.asarray(line, dtype=float) for line in contours]
    shapes = {path.shape for path in points.values()}
    if len(shapes) != 1 or any(len(shape) != 2 or shape[0] < 2 or shape[1] != 2 for shape in shapes):
        raise ValueError(f"paths must all have one shape (T, 2) with at least two steps, got {sorted(shapes)}")
    if any(line.ndim != 2 or line.shape[1] != 2 for line in lines):
        raise ValueError(f"contours must be lines of shape (n, 2), got {[line.shape for line in lines]}")
    if not seconds > 0:
        raise ValueError(f"seconds must be above 0, got {seconds!r}")

    everything = np.concatenate([*points.values(), *lines])
    low, high = everything.min(axis=0), everything.max(axis=0)
    scale = np.array([PANEL_WIDTH - 30, PANEL_HEIGHT - 45]) / np.maximum(high - low, 1e-9)

    def place(line: np.ndarray, separator: str = " ") -> str:
        x, y = (line[:, 0] - low[0]) * scale[0] + 15, (high[1] - line[:, 1]) * scale[1] + 32
        return separator.join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))

    rows = -(-len(points) // PANELS_IN_A_ROW)
    width, height = PANEL_WIDTH * min(len(points), PANELS_IN_A_ROW), rows * PANEL_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="15" fill="none">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        '<defs><g id="contours" stroke="#b0b0b0">',
        *(f'<polyline points="{place(line)}"/>' for line in lines),
        "</g></defs>",
    ]
    for number, (name, path) in enumerate(points.items()):
        row, column = divmod(number, PANELS_IN_A_ROW)
        parts += [
            f'<g transform="translate({column * PANEL_WIDTH},{row * PANEL_HEIGHT})">',
            f'<text x="15" y="20" fill="black">{html.escape(name)}</text><use href="#contours"/>',
            f'<polyline points="{place(path)}" stroke="{PALETTE[0]}" stroke-opacity="0.5"/>',
            f'<circle r="6" fill="{PALETTE[1]}" stroke="black"><animateTransform attributeName="transform" '
            f'type="translate" dur="{seconds:g}s" repeatCount="indefinite" values="{place(path, ";")}"/></circle></g>',
        ]
    _show_animation("".join([*parts, "</svg>"]), alt)


def _show_animation(svg: str, alt: str) -> None:
    from IPython.display import display

    code = base64.b64encode(svg.encode()).decode("ascii")
    picture = f'<img src="data:image/svg+xml;base64,{code}" alt="{html.escape(alt)}" style="max-width: 100%">'
    page = f"<details open><summary>Animation: click here to fold it away or to show it</summary>{picture}</details>"
    display({"text/html": page, "text/plain": f"[animation: {alt}]"}, raw=True)


def skeletons(
    ax: Axes, people: Any, limbs: Sequence[tuple[int, int]], color: str | None = None, linestyle: str = "-"
) -> Axes:
    """Draw people over a picture, each limb as a line with a light seam and each joint as a dot.

    Args:
        ax: where the picture is drawn already; its limits stay as they are.
        people: (M, K, 3): x and y in pixels, edges counted from 0, and a number above 0 where there is such a joint.
        limbs: pairs of joints.
        color: of all of them; one of the palette a person if None, with a marker of its own.
        linestyle: of all of them.
    """
    limits = ax.get_xlim(), ax.get_ylim()
    for number, person in enumerate(np.asarray(people, dtype=float)):
        ink, marker = color or PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
        there = person[:, 2] > 0
        for a, b in limbs:
            if there[a] and there[b]:
                x, y = person[[a, b], :2].T - 0.5  # imshow has a pixel's centre at a whole number
                ax.plot(x, y, color="white", linewidth=3.5, solid_capstyle="round")
                ax.plot(x, y, color=ink, linewidth=1.8, linestyle=linestyle, solid_capstyle="round")
        style = {"markersize": 4, "markeredgecolor": "white", "markeredgewidth": 0.6}
        ax.plot(*(person[there, :2].T - 0.5), linestyle="", marker=marker, color=ink, **style)
    ax.set(xlim=limits[0], ylim=limits[1])
    return ax


FRAME_SCALE = 4  # of an animation of pictures: units of the SVG for one pixel


def animate_skeletons(
    frames: Any, people: Sequence[Any], limbs: Sequence[tuple[int, int]], alt: str, seconds: float = 6
) -> None:
    """Display pictures one after the other with the people found in each, as an SVG that animates itself, in a fold.

    It needs neither a network nor a script; a frame of 96 by 96 pixels takes some 8 kB. Draw still pictures of some
    frames beside it.

    Args:
        frames: (T, 3, H, W) in 0..1, at least two.
        people: T arrays (M, K, 3): x and y in pixels, and a number above 0 where there is such a joint. The m-th person
            of each frame has the m-th color of the palette.
        limbs: pairs of joints.
        alt: what it shows, for a reader who cannot see it: a sentence of at least 20 characters.
        seconds: how long one round takes; it repeats.
    """
    from PIL import Image

    alt = _sentence(alt)
    pixels = np.asarray(frames)
    if pixels.ndim != 4 or pixels.shape[1] != 3 or len(pixels) < 2:
        raise ValueError(f"frames must have the shape (T, 3, H, W) with at least two of them, got {pixels.shape}")
    if len(people) != len(pixels):
        raise ValueError(f"people must be as many as frames, {len(pixels)}, got {len(people)}")
    if not seconds > 0:
        raise ValueError(f"seconds must be above 0, got {seconds!r}")
    height, width = (FRAME_SCALE * side for side in pixels.shape[2:])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'fill="none" stroke-linecap="round">'
    ]
    for t, (frame, found) in enumerate(zip(pixels, people, strict=True)):
        buffer = io.BytesIO()
        Image.fromarray((frame.clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)).save(
            buffer, "JPEG", quality=85
        )
        code = base64.b64encode(buffer.getvalue()).decode("ascii")
        steps = [(0, "hidden")] * (t > 0) + [(t / len(pixels), "visible")]
        steps += [((t + 1) / len(pixels), "hidden")] * (t + 1 < len(pixels))
        times, values = (";".join(f"{part[k]:.4g}" if k == 0 else part[k] for part in steps) for k in (0, 1))
        parts.append(
            f'<g visibility="{"hidden" if t else "visible"}"><animate attributeName="visibility" calcMode="discrete" '
            f'dur="{seconds:g}s" repeatCount="indefinite" values="{values}" keyTimes="{times}"/>'
            f'<image width="{width}" height="{height}" href="data:image/jpeg;base64,{code}"/>'
        )
        for number, person in enumerate(np.asarray(found, dtype=float)):
            lines = " ".join(
                "M{:.1f} {:.1f}L{:.1f} {:.1f}".format(*(FRAME_SCALE * person[[a, b], :2]).ravel())
                for a, b in limbs
                if person[a, 2] > 0 and person[b, 2] > 0
            )
            for ink, line_width in (("white", 9), (PALETTE[number % len(PALETTE)], 5)):
                parts.append(f'<path d="{lines}" stroke="{ink}" stroke-width="{line_width}"/>')
        parts.append("</g>")
    _show_animation("".join([*parts, "</svg>"]), alt)
