"""The explorer's picture as a pure function, and its sliders over their whole range, without a browser."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET

import numpy as np
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


def _moves_the_picture(slider, picture):
    """Every value of the slider gives a well-formed picture of its own; the slider is put back."""
    seen, start = set(), slider.value
    for value in range(slider.min, slider.max + 1):
        slider.value = value
        ET.fromstring(picture.value)  # well formed
        seen.add(picture.value)
    assert len(seen) == slider.max - slider.min + 1, slider.description
    slider.value = start


def test_explorer_has_a_class_and_labels_in_words():
    explorer = widgets.explore_convolution()
    sliders, _ = _parts(explorer)
    assert "convolution-explorer" in explorer._dom_classes
    assert {"input size", "kernel size", "padding", "stride", "dilation", "window position"} <= set(sliders)


def test_every_slider_moves_the_picture_over_its_whole_range():
    explorer = widgets.explore_convolution()
    sliders, picture = _parts(explorer)
    for label in ("input size", "kernel size", "padding", "stride", "dilation"):
        _moves_the_picture(sliders[label], picture)


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


# --- softmax and cross-entropy -------------------------------------------------------------------------------------


def softmax_bars(svg: str, kind: str) -> list[float]:
    return [float(e.get("width")) for e in ET.fromstring(svg).iter(f"{SVG}rect") if e.get("class") == kind]


def test_softmax_by_hand():
    """Logits ln 6, ln 3, ln 1 share out as 6 : 3 : 1; the loss is -ln 0.6 = 0.511 nats, the gradient -0.4, 0.3, 0.1."""
    svg = widgets.softmax_svg(math.log(6), math.log(3), 0.0)
    assert softmax_bars(svg, "share") == pytest.approx([132, 66, 22], abs=0.01)
    assert softmax_bars(svg, "gradient") == pytest.approx([100, 75, 25], abs=0.01)
    assert "-ln 0.6 = 0.511 nats = 0.737 bits" in words(svg)
    assert all(number in words(svg) for number in ("-0.4000", "+0.3000", "+0.1000"))


@pytest.mark.parametrize("given", [(2, 1, 0, 1), (-6, 6, 6, 0.25), (3, -1, -1, 0.5), (0.5, -1, 3, 2.5), (0, 0, 0, 4)])
def test_softmax_picture_agrees_with_pytorch(given):
    import torch

    logits = torch.tensor([given[:3]], dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(logits / given[3], torch.tensor([0]))
    loss.backward()
    svg = widgets.softmax_svg(*given)
    shares = (logits / given[3]).softmax(dim=1)[0].tolist()
    assert softmax_bars(svg, "share") == pytest.approx([220 * share for share in shares], abs=0.01)
    assert f"= {loss.item():.3f} nats" in words(svg)
    assert all(f"{g:+.4f}" in words(svg) for g in logits.grad[0].tolist())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"apple": 6.5}, "apple must be a number from -6 to 6, got 6.5"),
        ({"carrot": "a"}, "carrot must be a number from -6 to 6, got 'a'"),
        ({"banana": float("nan")}, "banana must be a number from -6 to 6, got nan"),
        ({"temperature": 0}, "temperature must be a number from 0.25 to 4, got 0"),
        ({"temperature": 5}, "temperature must be a number from 0.25 to 4, got 5"),
    ],
)
def test_softmax_refuses_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.softmax_svg(**arguments)
    with pytest.raises(ValueError, match=message):
        widgets.explore_softmax(**arguments)


def test_softmax_follows_its_sliders_over_their_whole_range():
    explorer = widgets.explore_softmax(apple=1.0, temperature=2.0)
    sliders, picture = _parts(explorer)
    assert "softmax-explorer" in explorer._dom_classes and picture.value == widgets.softmax_svg(1.0, 1.0, 0.0, 2.0)
    labels = ("logit of apple", "logit of banana", "logit of carrot", "temperature")
    assert list(sliders) == list(labels)
    for label in labels:
        slider, start, seen = sliders[label], sliders[label].value, set()
        steps = round((slider.max - slider.min) / slider.step)
        for step in range(steps + 1):
            slider.value = slider.min + step * slider.step
            now = [sliders[name].value for name in labels]
            assert picture.value == widgets.softmax_svg(*now)
            ET.fromstring(picture.value)
            seen.add(picture.value)
        assert len(seen) == steps + 1, label
        slider.value = start
    assert "Logits 1, 1 and 0" in explorer._repr_mimebundle_()["text/html"]


def test_show_softmax_displays_picture_and_words(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    widgets.show_softmax(2.0, 1.0, 0.0, temperature=0.5)
    assert "at temperature 0.5" in shown[0]["text/html"] and shown[0]["text/plain"].startswith("[figure: Logits 2")


# --- transposed convolution ----------------------------------------------------------------------------------------


def test_transposed_picture_of_the_lecture():
    """2x2 input, 2x2 kernel: 3x3 output, a 9x4 matrix whose sixteen entries are four weights, four in each column."""
    svg = widgets.transposed_svg(2, 2, 1, 0, 0, cell=3)
    assert count(svg, "input") == 4 and count(svg, "weight") == 4 and count(svg, "stamp") == 4
    assert count(svg, "output") == 9 and count(svg, "cut") == 0
    assert count(svg, "entry") == 12 and count(svg, "stamped") == 4 and count(svg, "zero") == 20
    assert "Wᵀ: 9 × 4" in words(svg) and "36 entries, 16 of them not zero, made of 4 weights" in words(svg)
    assert "(2 − 1) · 1 + 2 − 2 · 0 + 0 = 3" in words(svg)
    assert "input row 2, column 2" in ET.fromstring(svg).get("aria-label")


def fills(svg: str, *kinds: str) -> list[str]:
    return [r.get("fill") for r in ET.fromstring(svg).iter(f"{SVG}rect") if r.get("class") in kinds]


@pytest.mark.parametrize("n, k, s, p, extra", [(3, 3, 2, 1, 1), (4, 4, 3, 2, 2), (2, 1, 3, 0, 0), (4, 3, 1, 2, 0)])
def test_transposed_picture_is_that_of_the_matrix(n, k, s, p, extra):
    """Entries drawn, shade by shade and row by row, are those of W transposed."""
    size = convolution.transposed_output_size(n, k, s, p, extra)
    index = np.arange(1, k * k + 1).reshape(k, k)
    matrix = convolution.convolution_matrix(index, size, stride=s, padding=p).T
    svg = widgets.transposed_svg(n, k, s, p, extra, cell=1)
    shades = dict(enumerate(fills(svg, "weight"), start=1))
    assert len(set(shades.values())) == k * k
    assert fills(svg, "entry", "stamped") == [shades[weight] for weight in matrix.flatten() if weight]
    assert count(svg, "stamped") == np.count_nonzero(matrix[:, 1])
    assert count(svg, "output") == size**2 and count(svg, "cut") == (size + 2 * p) ** 2 - size**2
    assert f"{matrix.size} entries, {np.count_nonzero(matrix)} of them not zero" in words(svg)
    overlaps = [int(number) for number in (matrix != 0).sum(axis=1)]
    low, high = min(overlaps), max(overlaps)
    assert f"meet on one pixel: {low if low == high else f'{low} to {high}'};" in words(svg)


def test_transposed_picture_says_which_sizes_share():
    assert "makes 4 out of 7 and 8;" in words(widgets.transposed_svg(4, 3, 2, 1))
    assert "makes 2 out of 3 alone" in words(widgets.transposed_svg(2, 2, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stride": 1, "output_padding": 1}, "output padding 1 must be smaller than stride 1"),
        ({"input_size": 1, "kernel_size": 2, "padding": 1}, "padding 1 cuts away all 2 pixels of a side"),
        ({"input_size": 1, "kernel_size": 1, "padding": 2}, "padding 2 cuts away all 1 pixels of a side"),
    ],
)
def test_transposed_layer_that_does_not_exist_gives_a_message(arguments, message):
    svg = widgets.transposed_svg(**arguments)
    assert "no layer" in words(svg) and message in words(svg) and count(svg, "entry") == 0
    names = {"input_size": 2, "kernel_size": 2} | arguments
    with pytest.raises(ValueError):
        convolution.transposed_output_size(**names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_size": 0}, "input_size must be .* got 0"),
        ({"kernel_size": 0}, "kernel_size must be .* got 0"),
        ({"stride": 0}, "stride must be .* got 0"),
        ({"padding": -1}, "padding must be .* got -1"),
        ({"output_padding": 0.5}, "output_padding must be .* got 0.5"),
        ({"cell": -1}, "cell must be .* got -1"),
    ],
)
def test_transposed_refuses_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.transposed_svg(**arguments)
    with pytest.raises(ValueError, match=message):
        widgets.explore_transposed(**arguments)


def test_transposed_explorer_refuses_what_its_sliders_do_not_reach():
    with pytest.raises(ValueError, match="input_size must be an integer from 1 to 4, got 5"):
        widgets.explore_transposed(input_size=5)
    with pytest.raises(ValueError, match="cell must be an integer from 0 to 3, got 4"):
        widgets.explore_transposed(input_size=2, cell=4)


TRANSPOSED_SLIDERS = ("input size", "kernel size", "stride", "padding", "output padding")


def test_transposed_sliders_move_the_picture_over_their_whole_range():
    explorer = widgets.explore_transposed(input_size=3, kernel_size=3, stride=2)
    sliders, picture = _parts(explorer)
    assert "transposed-explorer" in explorer._dom_classes and set(TRANSPOSED_SLIDERS) < set(sliders)
    for label in (*TRANSPOSED_SLIDERS, "input cell"):
        _moves_the_picture(sliders[label], picture)


def test_transposed_picture_is_always_that_of_the_sliders():
    explorer = widgets.explore_transposed()
    sliders, picture = _parts(explorer)
    ranges = [range(sliders[label].min, sliders[label].max + 1) for label in TRANSPOSED_SLIDERS]
    for values in itertools.product(*ranges):
        for label, value in zip(TRANSPOSED_SLIDERS, values, strict=True):
            sliders[label].value = value
        assert sliders["input cell"].max == values[0] ** 2 - 1
        sliders["input cell"].value = values[0] ** 2 - 1
        assert picture.value == widgets.transposed_svg(*values, cell=values[0] ** 2 - 1)


def test_transposed_explorer_offers_a_still_picture():
    page = widgets.explore_transposed(input_size=3)._repr_mimebundle_()["text/html"]
    assert page.startswith("<img") and "Transposed convolution of a 3 by 3 input" in page


def test_show_transposed_displays_picture_and_words(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    widgets.show_transposed(input_size=3, cell=8)
    assert shown[0]["text/html"].startswith("<img role=") and "3 by 3 input" in shown[0]["text/plain"]
    assert "row 3, column 3" in shown[0]["text/plain"]


def test_show_paths_displays_picture_and_words(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    widgets.show_paths(3, 0.1)
    assert "3 residual blocks" in shown[0]["text/html"] and shown[0]["text/plain"].startswith("[figure: Bars")
