"""What all explorers share: the frame of a picture, sliders, and a still picture for pages without a kernel."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from course_utils.runtime import check_int

if TYPE_CHECKING:
    import ipywidgets

WIDTH, HEIGHT = 1000, 700
TOP, PANEL = 56, 480  # both grids of the first two explorers start at this height and fit into squares of this side
INPUT, PADDING, WINDOW, OUTPUT, LINE = "#CFE4F5", "#FFFFFF", "#F2B233", "#D5EDE4", "#404040"
ALARM, STAMP_FRAME = "#B34700", "#D55E00"
SLIDER = {"style": {"description_width": "130px"}, "layout": {"width": "420px"}}


def svg(words: str, parts: Sequence[str], height: int) -> str:
    """The parts as one picture that says what it shows; `url(#hatch)` is a fill that they may use."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{html.escape(words)}" style="width: 100%; max-width: {WIDTH}px; background: white" '
        'font-family="DejaVu Sans, Verdana, sans-serif">'
        '<defs><pattern id="hatch" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="9" height="9" fill="{PADDING}"/><line x1="0" y1="0" x2="0" y2="9" stroke="#8C8C8C" '
        'stroke-width="3"/></pattern></defs>' + "".join(parts) + "</svg>"
    )


def text(
    x: float, y: float, words: str, size: int = 21, anchor: str = "start", color: str = "#000000", weight: str = ""
) -> str:
    """Words as a `<text>` element; size in units of the picture, anchor start, middle or end."""
    bold = ' font-weight="bold"' if weight else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" fill="{color}"{bold}>'
        f"{html.escape(words, quote=False)}</text>"
    )


def cell(x: float, y: float, side: float, fill: str, kind: str, outline: float = 1.0) -> str:
    """One cell of a grid as a `<rect>` of class `kind`, in units of the picture."""
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="{fill}" '
        f'stroke="{LINE}" stroke-width="{outline:g}"/>'
    )


def check_picture(name: str, picture: Any) -> None:
    """Raise a ValueError that names the argument unless it is a color picture (3, H, W)."""
    if getattr(picture, "ndim", 0) != 3 or picture.shape[0] != 3 or not min(picture.shape):
        found = getattr(picture, "shape", None)
        words = type(picture).__name__ if found is None else str(tuple(found))
        raise ValueError(f"{name} must have the shape (3, H, W) with H and W of at least 1, got {words}")


def picture(pixels: Any, x: float, y: float, width: float, height: float, smooth: bool = False) -> str:
    """A picture (3, H, W) in 0..1 as an `<image>` element that carries its pixels, shown as squares or smooth."""
    import numpy as np
    from PIL import Image

    values = (np.asarray(pixels).clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, format="PNG")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<image href="data:image/png;base64,{data}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        f'style="image-rendering: {"auto" if smooth else "pixelated"}"/>'
    )


def still_picture(svg: str) -> str:
    """An SVG as an `<img>` element that carries its words as alternative text, for readers without a kernel."""
    start = svg.find('aria-label="')
    if not svg.startswith("<svg") or start < 0:
        raise ValueError(f"svg must be an <svg> element with an aria-label, got {svg[:40]!r}")
    start += len('aria-label="')
    words = svg[start : svg.index('"', start)]  # escaped already
    data = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    return (
        f'<img role="img" aria-label="{words}" alt="{words}" src="data:image/svg+xml;base64,{data}" '
        f'style="width: 100%; max-width: {WIDTH}px">'
    )


def show_still(svg: str) -> None:
    """Display a picture for readers with and without a kernel, with its words as alternative text."""
    from IPython.display import display

    words = html.unescape(svg.split('aria-label="', 1)[1].split('"', 1)[0])
    display({"text/html": still_picture(svg), "text/plain": f"[figure: {words}]"}, raw=True)


def explorer(dom_class: str, sliders: ipywidgets.Box, picture: ipywidgets.HTML) -> ipywidgets.VBox:
    """Sliders above their picture, in a box that also offers the picture as HTML: shown where no widget can be."""
    import ipywidgets

    class Explorer(ipywidgets.VBox):
        def _repr_mimebundle_(self, **kwargs: object) -> dict:
            bundle = super()._repr_mimebundle_(**kwargs) or {}
            return {**bundle, "text/html": still_picture(picture.value)}

    explorer = Explorer([sliders, picture])
    explorer.add_class(dom_class)
    return explorer


def follow(
    dom_class: str, controls: Sequence[ipywidgets.DOMWidget], start: str, draw: Callable[[], str]
) -> ipywidgets.VBox:
    """Controls above a picture, `start` at first, that `draw` makes anew whenever one of them changes."""
    import ipywidgets

    picture = ipywidgets.HTML(start, layout={"width": "100%", "max_width": f"{WIDTH}px"})

    def redraw(_change: object) -> None:
        picture.value = draw()

    for control in controls:
        control.observe(redraw, names="value")
    rows = ipywidgets.HBox(list(controls), layout={"flex_flow": "row wrap", "width": "100%"})
    return explorer(dom_class, rows, picture)


def float_sliders(rows: Iterable[tuple[str, float, tuple[float, float], float]]) -> list[ipywidgets.FloatSlider]:
    """One slider a row: its words, its value, its lowest and highest value, and its step."""
    import ipywidgets

    return [
        ipywidgets.FloatSlider(value=value, min=low, max=high, step=step, description=words, **SLIDER)
        for words, value, (low, high), step in rows
    ]


def sliders(limits: Mapping[str, tuple[int, int]], given: Mapping[str, int]) -> dict[str, ipywidgets.IntSlider]:
    """One slider a name, labelled in words; a ValueError names what lies outside its slider's range."""
    import ipywidgets

    sliders = {}
    for name, (low, high) in limits.items():
        check_int(name, given[name], low, high)
        sliders[name] = ipywidgets.IntSlider(
            value=given[name], min=low, max=high, description=name.replace("_", " "), **SLIDER
        )
    return sliders
