"""The explorer's picture as a pure function, and its sliders over their whole range, without a browser."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET

import pytest

from course_utils import convolution, widgets

SVG = "{http://www.w3.org/2000/svg}"


def count(svg: str, kind: str) -> int:
    return sum(element.get("class") == kind for element in ET.fromstring(svg).iter(f"{SVG}rect"))


def words(svg: str) -> str:
    return " ".join("".join(element.itertext()) for element in ET.fromstring(svg).iter(f"{SVG}text"))


@pytest.mark.parametrize("n, k, p, s, d", [(7, 3, 1, 2, 1), (4, 3, 0, 1, 1), (12, 3, 4, 3, 2), (1, 1, 0, 1, 1)])
def test_picture_has_the_cells_that_the_arithmetic_says(n, k, p, s, d):
    svg = widgets.convolution_svg(n, k, p, s, d)
    size = convolution.output_size(n, k, s, p, d)
    assert count(svg, "input") == n**2
    assert count(svg, "padding") == (n + 2 * p) ** 2 - n**2
    assert count(svg, "window") == k**2
    assert count(svg, "output") == size**2 and count(svg, "current") == 1
    assert f"output {size} × {size}" in words(svg)
    assert f"⌊({n} + 2 · {p} − {d * (k - 1) + 1}) / {s}⌋ + 1 = {size}" in words(svg)


def cells(svg: str, kind: str) -> list[tuple[float, float]]:
    return [
        (float(r.get("x")), float(r.get("y"))) for r in ET.fromstring(svg).iter(f"{SVG}rect") if r.get("class") == kind
    ]


def test_window_lies_where_stride_and_dilation_put_it():
    svg = widgets.convolution_svg(input_size=6, kernel_size=2, padding=0, stride=2, dilation=2, position=3)
    inputs = cells(svg, "input")  # row by row
    chosen = {inputs.index(cell) for cell in cells(svg, "window")}
    assert chosen == {6 * row + column for row in (2, 4) for column in (2, 4)}  # output row 1, column 1


def test_crosses_mark_exactly_what_no_window_reads():
    svg = widgets.convolution_svg(input_size=8, kernel_size=3, padding=0, stride=2)
    crosses = [e for e in ET.fromstring(svg).iter(f"{SVG}text") if "".join(e.itertext()) == "×"]
    assert len(crosses) == 8 + 8 - 1 + 1  # last row and last column, and the one in the legend
    assert "never read" in words(svg)
    assert "never read" not in words(widgets.convolution_svg(input_size=7, kernel_size=3, padding=0, stride=2))


def test_kernel_that_does_not_fit_gives_a_message():
    svg = widgets.convolution_svg(input_size=4, kernel_size=7, padding=1, stride=1, dilation=2)
    assert "no output" in words(svg) and "it spans 13, the padded input 6" in words(svg)
    assert "Padding 5 would be enough" in words(svg)
    assert convolution.output_size(4, 7, padding=5, dilation=2) >= 1
    with pytest.raises(ValueError):
        convolution.output_size(4, 7, padding=4, dilation=2)
    assert count(svg, "output") == 0


def test_picture_says_in_words_what_it_shows():
    root = ET.fromstring(widgets.convolution_svg(8, 3, 0, 2, 1, position=4))
    assert root.get("role") == "img"
    assert "8 by 8 input" in root.get("aria-label") and "row 2, column 2" in root.get("aria-label")


def test_still_picture_carries_the_words():
    page = widgets.still_picture(widgets.convolution_svg())
    image = ET.fromstring(page.replace('">', '"/>'))
    assert image.get("alt") == image.get("aria-label") and "7 by 7 input" in image.get("alt")
    with pytest.raises(ValueError, match="svg must be an <svg> element"):
        widgets.still_picture("<p>")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_size": 0}, "input_size must be .* got 0"),
        ({"kernel_size": 0}, "kernel_size must be .* got 0"),
        ({"padding": -1}, "padding must be .* got -1"),
        ({"stride": 0}, "stride must be .* got 0"),
        ({"dilation": 1.5}, "dilation must be .* got 1.5"),
        ({"position": -1}, "position must be .* got -1"),
    ],
)
def test_bad_input_is_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.convolution_svg(**arguments)
    with pytest.raises(ValueError, match=message):
        widgets.explore_convolution(**arguments)


def test_explorer_refuses_what_its_sliders_do_not_reach():
    with pytest.raises(ValueError, match="stride must be an integer from 1 to 5, got 9"):
        widgets.explore_convolution(stride=9)


def _parts(explorer):
    """Sliders by their label, and the picture."""
    row, picture = explorer.children
    return {child.description: child for child in row.children}, picture


def test_explorer_has_a_class_and_labels_in_words():
    explorer = widgets.explore_convolution()
    sliders, _ = _parts(explorer)
    assert "convolution-explorer" in explorer._dom_classes
    assert {"input size", "kernel size", "padding", "stride", "dilation", "window position"} <= set(sliders)


def test_every_slider_moves_the_picture_over_its_whole_range():
    explorer = widgets.explore_convolution()
    sliders, picture = _parts(explorer)
    for label in ("input size", "kernel size", "padding", "stride", "dilation"):
        seen, start = set(), sliders[label].value
        for value in range(sliders[label].min, sliders[label].max + 1):
            sliders[label].value = value
            ET.fromstring(picture.value)  # well formed
            seen.add(picture.value)
        assert len(seen) == sliders[label].max - sliders[label].min + 1, label
        sliders[label].value = start


def test_picture_is_always_that_of_the_sliders():
    explorer = widgets.explore_convolution()
    sliders, picture = _parts(explorer)
    for n, k, p, s, d in itertools.product((1, 5, 14), (1, 7), (0, 4), (1, 5), (1, 4)):
        for label, value in zip(
            ("input size", "kernel size", "padding", "stride", "dilation"), (n, k, p, s, d), strict=True
        ):
            sliders[label].value = value
        last = convolution.output_size(n, k, s, p, d) ** 2 - 1 if d * (k - 1) + 1 <= n + 2 * p else 0
        assert sliders["window position"].max == last
        sliders["window position"].value = last
        assert picture.value == widgets.convolution_svg(n, k, p, s, d, position=last)


def test_explorer_offers_a_still_picture_where_there_is_no_kernel():
    bundle = widgets.explore_convolution(input_size=5)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "5 by 5 input" in bundle["text/html"] and bundle["text/html"].startswith("<img")


def test_show_convolution_displays_picture_and_words(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    widgets.show_convolution(input_size=5)
    assert shown[0]["text/html"].startswith("<img role=") and "5 by 5 input" in shown[0]["text/plain"]


# --- routes through residual blocks --------------------------------------------------------------------------------


def bars(svg: str) -> list[float]:
    return [float(e.get("height")) for e in ET.fromstring(svg).iter(f"{SVG}rect") if e.get("class") == "share"]


def test_three_blocks_by_hand():
    """(1 + 0.5)^3 = 1 + 1.5 + 0.75 + 0.125 = 3.375: routes of 0, 1, 2 and 3 branches."""
    svg = widgets.paths_svg(3, 0.5)
    heights = bars(svg)
    assert [h / heights[1] for h in heights] == pytest.approx([1 / 1.5, 1, 0.75 / 1.5, 0.125 / 1.5], abs=1e-3)
    assert "3.375" in words(svg) and "0.12" in words(svg) and "most: routes of 1" in words(svg)


@pytest.mark.parametrize(("blocks", "slope"), [(1, 1.0), (30, 0.2), (60, 0.05), (60, 1.0)])
def test_routes_of_all_lengths_add_up_to_the_chain(blocks, slope):
    """The bars, taken by their share of the tallest, add up to (1 + slope)^blocks over the largest term."""
    heights = bars(widgets.paths_svg(blocks, slope))
    largest = max(math.comb(blocks, k) * slope**k for k in range(blocks + 1))
    assert len(heights) == blocks + 1
    assert sum(heights) / max(heights) == pytest.approx((1 + slope) ** blocks / largest, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": 0}, "blocks must be an integer from 1 to 60, got 0"),
        ({"blocks": 61}, "blocks must be an integer from 1 to 60, got 61"),
        ({"slope": 0}, "slope must be from 0.05 to 1, got 0"),
        ({"slope": 1.5}, "slope must be from 0.05 to 1, got 1.5"),
    ],
)
def test_routes_refuse_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.paths_svg(**arguments)
    with pytest.raises(ValueError, match=message):
        widgets.explore_paths(**arguments)


def test_routes_follow_their_sliders():
    explorer = widgets.explore_paths(blocks=10, slope=0.3)
    sliders, picture = _parts(explorer)
    assert "paths-explorer" in explorer._dom_classes and picture.value == widgets.paths_svg(10, 0.3)
    sliders["blocks"].value = 25
    sliders["slope of a branch"].value = 0.5
    assert picture.value == widgets.paths_svg(25, 0.5)
    assert "25 residual blocks" in explorer._repr_mimebundle_()["text/html"]
