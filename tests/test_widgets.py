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


# --- steps through time --------------------------------------------------------------------------------------------


def curve_values(svg: str, kind: str) -> list[float]:
    """The values along a curve of the steps' picture: 2 at the upper edge, 70, and -2 at the lower one, 450."""
    (line,) = [e for e in ET.fromstring(svg).iter(f"{SVG}polyline") if e.get("class") == kind]
    return [2 - (float(point.split(",")[1]) - 70) / 380 * 4 for point in line.get("points").split()]


def test_two_steps_by_hand():
    """x' = -x, h = 1/2: Euler 1, 1/2, 1/4; backward Euler 1, 1/1.5, 1/2.25; Runge-Kutta 1, 0.6068, 0.3682."""
    svg = widgets.steps_svg(decay=1, turning=0, step_size=0.5, steps=2)
    assert curve_values(svg, "euler") == pytest.approx([1, 0.5, 0.25], abs=2e-3)
    assert curve_values(svg, "backward-euler") == pytest.approx([1, 1 / 1.5, 1 / 2.25], abs=2e-3)
    assert curve_values(svg, "runge-kutta") == pytest.approx([1, 0.60677, 0.36817], abs=2e-3)
    assert curve_values(svg, "exact")[-1] == pytest.approx(math.exp(-1), abs=2e-3)
    assert "Euler 0.5, fades; backward Euler 0.667, fades; Runge-Kutta 0.607, fades; exact 0.607" in words(svg)


def test_a_rotation_tells_the_steppers_apart():
    svg = widgets.steps_svg(decay=0, turning=3, step_size=0.25, steps=12)
    assert "Euler 1.25, grows; backward Euler 0.8, fades; Runge-Kutta 0.999, fades; exact 1" in words(svg)
    assert "rate = 0 + 3i, h = 0.25, so h · rate = 0 + 0.75i" in words(svg) and "-0" not in words(svg)


@pytest.mark.parametrize(
    ("decay", "step_size", "euler", "backward"),
    [
        (10, 0.2, "Euler 1, stays", "0.333"),
        (8, 0.25, "Euler 1, stays", "0.333"),
        (10, 0.25, "Euler 1.5, grows", "0.286"),
    ],
)
def test_the_bound_of_euler(decay, step_size, euler, backward):
    """|1 - h * decay| is 1 at h * decay = 2; backward Euler divides by 1 + h * decay."""
    told = words(widgets.steps_svg(decay, 0, step_size, 10))
    assert euler in told and f"backward Euler {backward}, fades" in told


def test_the_border_of_runge_kutta_is_where_it_neither_grows_nor_fades():
    border = widgets.steps._runge_kutta_border()
    for z in border:
        assert abs(1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24) == pytest.approx(1, abs=1e-6)
    assert min(z.real for z in border) == pytest.approx(-2.785, abs=0.01)
    assert max(z.imag for z in border) > math.sqrt(8)


def test_a_place_beyond_the_plane_is_said_to_be_there():
    assert "beyond the edge" in words(widgets.steps_svg(10, 0, 1.0, 40))
    assert "you are here" in words(widgets.steps_svg(1, 1, 1.0, 40))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decay": -1}, "decay must be from 0 to 10, got -1"),
        ({"turning": 7}, "turning must be from 0 to 6, got 7"),
        ({"step_size": 0}, "step_size must be from 0.05 to 1.0, got 0"),
        ({"steps": 0}, "steps must be an integer from 1 to 40, got 0"),
        ({"steps": 2.5}, "steps must be an integer from 1 to 40, got 2.5"),
    ],
)
def test_steps_refuse_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.steps_svg(**arguments)
    with pytest.raises(ValueError, match=message):
        widgets.explore_steps(**arguments)


def test_steps_follow_their_sliders_over_the_whole_range():
    explorer = widgets.explore_steps(decay=1, turning=2, step_size=0.2, steps=7)
    sliders, picture = _parts(explorer)
    assert "steps-explorer" in explorer._dom_classes and picture.value == widgets.steps_svg(1, 2, 0.2, 7)
    _moves_the_picture(sliders["steps"], picture)
    for label in ("decay", "turning", "step size"):
        slider, seen = sliders[label], set()
        count = round((slider.max - slider.min) / slider.step)
        for k in range(count + 1):
            slider.value = slider.min + k * slider.step
            ET.fromstring(picture.value)
            seen.add(picture.value)
        assert len(seen) == count + 1, label
    for decay, turning, step_size, steps in itertools.product((0, 10), (0, 6), (0.05, 1.0), (1, 40)):
        given = (("decay", decay), ("turning", turning), ("step size", step_size), ("steps", steps))
        for label, value in given:
            sliders[label].value = value
        assert picture.value == widgets.steps_svg(decay, turning, step_size, steps)


def test_steps_show_a_still_picture_with_words(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    widgets.show_steps(0, 3, 0.25, 12)
    assert "12 steps of 0.25 seconds" in shown[0]["text/html"] and shown[0]["text/plain"].startswith(
        "[figure: Three ways"
    )
    assert "12 steps of 0.25 seconds" in widgets.explore_steps(0, 3, 0.25, 12)._repr_mimebundle_()["text/html"]


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


# --- a signal that moves -------------------------------------------------------------------------------------------


def heights(svg: str, kind: str) -> list[float]:
    return [float(r.get("height")) for r in ET.fromstring(svg).iter(f"{SVG}rect") if r.get("class") == kind]


def test_moved_template_by_hand():
    """(1, 3, 2) against itself: 2, 9, 14, 9, 2 where the two overlap by 1, 2, 3, 2, 1 places."""
    svg = widgets.moved_svg(shift=3, stride=1)
    for kind in ("answer", "answer-before"):
        tall = heights(svg, kind)
        assert [h / max(tall) for h in tall] == pytest.approx([2 / 14, 9 / 14, 1, 9 / 14, 2 / 14], abs=1e-2)
    assert count(svg, "signal") == count(svg, "signal-before") == 3
    assert "moved by 3. Equivariant." in words(svg)
    assert "largest 14 before, 14 after; sum 36 before, 36 after (both kept: invariant)" in words(svg)


def test_stride_breaks_what_is_no_multiple_of_it():
    svg = widgets.moved_svg(shift=3, stride=2)  # places 0, 2, 4 ... read 9 and 9 before, 2, 14 and 2 after
    assert "3 / 2 is no whole number: no move of the old answer gives the new one" in words(svg)
    assert "largest 9 before, 14 after; sum 18 before, 18 after (not both kept)" in words(svg)
    assert "4 / 2 = 2: the new answer is the old one, moved by 2" in words(widgets.moved_svg(shift=4, stride=2))


def test_difference_goes_below_zero():
    svg = widgets.moved_svg(20, 1, "difference (-1, 1)")
    assert "−1" in words(svg) and "sum 0 before, 0 after" in words(svg)
    assert len(heights(svg, "answer")) == 4  # 1, 2, -1, -2


def test_moved_answers_are_those_of_numpy():
    """Whole numbers drawn as bars, in units of the tallest: a circular correlation, every stride-th place."""
    for kernel, weights in widgets.moved._KERNELS.items():
        for shift, stride in ((0, 1), (7, 1), (7, 2), (10, 3), (23, 4)):
            signal = np.zeros(24, dtype=int)
            signal[[5, 6, 7]] = 1, 3, 2
            moved = np.roll(signal, shift)
            answer = sum(weight * np.roll(moved, -k) for k, weight in enumerate(weights))[::stride]
            shown = heights(widgets.moved_svg(shift, stride, kernel), "answer")
            wanted = np.abs(answer[answer != 0])
            assert [h / max(shown) for h in shown] == pytest.approx(wanted / wanted.max(), abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shift": 24}, "shift must be an integer from 0 to 23, got 24"),
        ({"shift": -1}, "shift must be an integer from 0 to 23, got -1"),
        ({"stride": 0}, "stride must be an integer from 1 to 4, got 0"),
        ({"stride": 5}, "stride must be an integer from 1 to 4, got 5"),
        ({"kernel": "blur"}, "kernel must be one of 'template .1, 3, 2.', .* got 'blur'"),
    ],
)
def test_moved_refuses_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.moved_svg(**arguments)
    with pytest.raises(ValueError, match=message):
        widgets.explore_moved(**arguments)


def test_moved_explorer_over_its_whole_range():
    explorer = widgets.explore_moved(shift=3, stride=2)
    controls, picture = _parts(explorer)
    assert "moved-explorer" in explorer._dom_classes and set(controls) == {"shift", "stride", "kernel"}
    for label in ("shift", "stride"):
        _moves_the_picture(controls[label], picture)
    for kernel, stride, shift in itertools.product(controls["kernel"].options, range(1, 5), range(24)):
        controls["kernel"].value, controls["stride"].value, controls["shift"].value = kernel, stride, shift
        assert picture.value == widgets.moved_svg(shift, stride, kernel)
        assert ("Equivariant" in picture.value) == (shift % stride == 0)


def test_moved_explorer_offers_a_still_picture(monkeypatch):
    import IPython.display

    page = widgets.explore_moved(shift=5)._repr_mimebundle_()["text/html"]
    assert page.startswith("<img") and "moved by 5" in page
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    widgets.show_moved(shift=6, stride=3)
    assert shown[0]["text/html"].startswith("<img role=") and "moved by 6" in shown[0]["text/plain"]


# --- bottlenecks and groups ----------------------------------------------------------------------------------------


def widths(svg: str, kind: str) -> list[float]:
    return [float(r.get("width")) for r in ET.fromstring(svg).iter(f"{SVG}rect") if r.get("class") == kind]


def test_bottleneck_picture_of_the_paper():
    """256 to 64 to 256: 16,384 + 36,864 + 16,384 = 69,632 weights beside 9 * 256 * 256 = 589,824 (He et al. 2016)."""
    svg = widgets.bottleneck_svg(256, 64, 1, 3, 56)
    assert "16,384 + 36,864 + 16,384 = 69,632, 8.47 times fewer than the plain 589,824" in words(svg)
    assert "56 · 56 = 3,136 times: 218,365,952 multiply-adds" in words(svg)
    assert "1 group" in words(svg) and "1 groups" not in words(svg)
    plain, parts = widths(svg, "plain"), widths(svg, "part")
    assert len(plain) == 2 and len(parts) == 6
    assert [p / plain[0] for p in parts[:3]] == pytest.approx(
        [16384 / 589824, 36864 / 589824, 16384 / 589824], abs=1e-3
    )


@pytest.mark.parametrize(
    ("c", "w", "g", "k", "n"), [(256, 128, 32, 3, 56), (64, 1024, 1, 7, 7), (2048, 32, 32, 1, 14), (64, 32, 2, 5, 28)]
)
def test_bottleneck_bars_are_what_pytorch_counts(c, w, g, k, n):
    """Weights of three nn.Conv2d; the longer row is 620 long, for the multiply-adds on a map of 56 x 56."""
    from torch import nn

    layers = [nn.Conv2d(c, w, 1), nn.Conv2d(w, w, k, groups=g), nn.Conv2d(w, c, 1)]
    wanted, plain = [layer.weight.numel() for layer in layers], nn.Conv2d(c, c, 3).weight.numel()
    svg = widgets.bottleneck_svg(c, w, g, k, n)
    assert f"= {sum(wanted):,}" in words(svg) and f"{sum(wanted) * n * n:,} multiply-adds" in words(svg)
    for row, share in enumerate((1, n**2 / 56**2)):
        scale = 620 * share / max(sum(wanted), plain)
        assert widths(svg, "plain")[row] == pytest.approx(plain * scale, abs=0.01)
        assert widths(svg, "part")[3 * row : 3 * row + 3] == pytest.approx([v * scale for v in wanted], abs=0.01)


def test_bottleneck_work_shrinks_with_the_map_and_weights_do_not():
    large, small = widgets.bottleneck_svg(side=56), widgets.bottleneck_svg(side=28)
    assert widths(small, "plain")[0] == widths(large, "plain")[0]
    assert widths(small, "plain")[1] == pytest.approx(widths(large, "plain")[1] / 4, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": 100}, "channels must be one of 64, .* got 100"),
        ({"width": 2048}, "width must be one of 32, .* got 2048"),
        ({"groups": 3}, "groups must be one of 1, .* got 3"),
        ({"kernel_size": 2}, "kernel_size must be one of 1, .* got 2"),
        ({"side": 57}, "side must be one of 7, .* got 57"),
    ],
)
def test_bottleneck_refuses_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.bottleneck_svg(**arguments)
    with pytest.raises(ValueError, match=message):
        widgets.explore_bottleneck(**arguments)


def test_bottleneck_picture_is_always_that_of_the_sliders():
    explorer = widgets.explore_bottleneck()
    sliders, picture = _parts(explorer)
    assert "bottleneck-explorer" in explorer._dom_classes
    labels = ("channels", "width", "groups", "kernel size", "side")
    assert set(labels) == set(sliders)
    for label in labels:
        seen, start = set(), sliders[label].value
        for value in sliders[label].options:
            sliders[label].value = value
            ET.fromstring(picture.value)  # well formed
            seen.add(picture.value)
        assert len(seen) == len(sliders[label].options), label
        sliders[label].value = start
    for values in itertools.product((64, 2048), (32, 1024), (1, 32), (1, 7), (7, 56)):
        for label, value in zip(labels, values, strict=True):
            sliders[label].value = value
        assert picture.value == widgets.bottleneck_svg(*values)
        right = max(float(r.get("x")) + float(r.get("width")) for r in ET.fromstring(picture.value).iter(f"{SVG}rect")
                    if r.get("class"))  # fmt: skip
        assert right < 900  # room for the number behind the longest bar


def test_show_bottleneck_displays_picture_and_words(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    widgets.show_bottleneck(width=128, groups=32)
    assert shown[0]["text/html"].startswith("<img role=") and "32 groups" in shown[0]["text/plain"]


# --- one label and its threshold -----------------------------------------------------------------------------------

SCORES = np.array([[0.9, 0.2], [0.6, 0.7], [0.55, 0.1], [0.3, 0.9], [0.1, 0.5]])
TRUE = np.array([[1, 0], [0, 1], [1, 0], [1, 1], [0, 0]])
NAMES = ("cat", "sun")


def test_annotation_counts_by_hand():
    """At 0.5 the first label is given to pictures 1, 2 and 3; it belongs to 1, 3 and 4."""
    svg = widgets.annotation_svg(SCORES, TRUE, NAMES, 0, 50)
    assert "precision = 2 / 3 = 0.667" in words(svg) and "recall = 2 / 3 = 0.667" in words(svg)
    assert (
        "F1 = 4 / 6 = 0.667" in words(svg) and "3 pictures show it" in words(svg) and "2 pictures do not" in words(svg)
    )
    assert count(svg, "count") == 4
    (point,) = [e for e in ET.fromstring(svg).iter(f"{SVG}circle")]
    assert float(point.get("cx")) == pytest.approx(610 + 330 * 2 / 3, abs=0.1)
    assert float(point.get("cy")) == pytest.approx(400 - 330 * 2 / 3, abs=0.1)


def test_annotation_bars_count_every_picture_once():
    rng = np.random.default_rng(0)
    scores, true = rng.random((80, 1)), rng.integers(0, 2, (80, 1))
    svg = widgets.annotation_svg(scores, true, ("cat",))
    for kind, pictures in (("shows", true[:, 0] == 1), ("lacks", true[:, 0] == 0)):
        heights = [float(e.get("height")) for e in ET.fromstring(svg).iter(f"{SVG}rect") if e.get("class") == kind]
        assert len(heights) == 20
        tallest = np.histogram(scores[pictures, 0], 20, (0, 1))[0].max()
        assert sum(heights) / max(heights) * tallest == pytest.approx(pictures.sum(), abs=0.2)


def test_annotation_where_no_picture_gets_the_label():
    svg = widgets.annotation_svg(SCORES, TRUE, NAMES, 0, 100)
    assert "precision = 0 / 0: not defined" in words(svg) and "recall = 0 / 3" in words(svg)
    assert not list(ET.fromstring(svg).iter(f"{SVG}circle"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((SCORES, TRUE, NAMES, 2), "label must be an integer from 0 to 1, got 2"),
        ((SCORES, TRUE, NAMES, 0, 101), "threshold must be an integer from 0 to 100, got 101"),
        ((SCORES * 2, TRUE, NAMES), "scores must lie in 0..1"),
        ((SCORES, TRUE[:2], NAMES), "must both have the shape"),
        ((SCORES, TRUE, ("cat",)), "names must be as many as there are labels, 2, got 1"),
        ((SCORES, 0 * TRUE, NAMES), "1 at least once"),
    ],
)
def test_annotation_refuses_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.annotation_svg(*arguments)
    with pytest.raises(ValueError, match=message):
        widgets.explore_annotation(*arguments)


def test_annotation_explorer_over_its_whole_range():
    explorer = widgets.explore_annotation(SCORES, TRUE, NAMES)
    controls, picture = _parts(explorer)
    assert "annotation-explorer" in explorer._dom_classes
    for label in range(2):
        controls["label"].value = label
        assert picture.value == widgets.annotation_svg(SCORES, TRUE, NAMES, label, 50)
        _moves_the_picture(controls["threshold in %"], picture)
    page = explorer._repr_mimebundle_()["text/html"]
    assert page.startswith("<img") and "Label sun, given from a score of 0.50" in page


def test_show_annotation_displays_picture_and_words(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    widgets.show_annotation(SCORES, TRUE, NAMES, 1, 20)
    assert "Label sun" in shown[0]["text/plain"] and shown[0]["text/html"].startswith("<img role=")


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


# --- fine-tuning: two weights in a row -----------------------------------------------------------------------------


def curve(svg: str, kind: str) -> list[float]:
    """The heights of a curve's points, in units of the picture."""
    (line,) = (e for e in ET.fromstring(svg).iter(f"{SVG}polyline") if e.get("class") == kind)
    return [float(point.split(",")[1]) for point in line.get("points").split()]


def test_finetuning_with_a_frozen_feature_by_hand():
    """With w = 1 the new answer misses 3 by 2 at first, and every step at rate 0.05 leaves 1 - 0.05 * 2 * 2 of that."""
    svg = widgets.finetune_svg(0.5, 0)
    low, unit = 260, 200 / 9  # the picture's lower edge stands for -4
    wanted = [low - (3 - 2 * 0.8**n + 4) * unit for n in range(41)]
    assert curve(svg, "new") == pytest.approx(wanted, abs=0.06)
    assert len(set(curve(svg, "old"))) == 1 and "3 w x = 6.00" in words(svg)


@pytest.mark.parametrize(("head", "share", "alone"), [(0.5, 100, 0), (-2, 35, 4), (1.75, 5, 20), (0, 100, 1)])
def test_finetuning_agrees_with_pytorch(head, share, alone):
    import torch

    v, w = (torch.tensor(float(value), dtype=torch.float64, requires_grad=True) for value in (head, 1))
    optimizer = torch.optim.SGD([{"params": [v]}, {"params": [w], "lr": 0.05 * share / 100}], lr=0.05)
    for step in range(40):
        optimizer.zero_grad()
        (0.5 * (v * w * 2 - 3) ** 2).backward()
        if step < alone:
            w.grad = None
        optimizer.step()
    svg = widgets.finetune_svg(head, share, alone)
    new, old = (v * w * 2).item(), (3 * w * 2).item()
    assert f"v w x = {new:.2f}" in words(svg) and f"3 w x = {old:.2f}" in words(svg)
    assert f"{abs(3 - new):.2f}" in words(svg) and f"{abs(6 - old):.2f}" in words(svg)
    assert curve(svg, "old")[alone] == curve(svg, "old")[0]


def test_a_bad_head_turns_the_feature_round_and_a_head_that_learned_alone_does_not():
    """A head of -2 pulls the feature below 0, and the old answer with it; after five steps alone it does not."""
    wrecked, spared = widgets.finetune_svg(-2.0, 100), widgets.finetune_svg(-2.0, 100, 5)
    assert "3 w x = -5.83" in words(wrecked) and "3 w x = 8.37" in words(spared)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"head": 2.5}, "head must be a number from -2 to 2, got 2.5"),
        ({"head": "a"}, "head must be a number from -2 to 2, got 'a'"),
        ({"head": float("nan")}, "head must be a number from -2 to 2, got nan"),
        ({"share": 101}, "share must be an integer from 0 to 100, got 101"),
        ({"alone": 21}, "alone must be an integer from 0 to 20, got 21"),
        ({"alone": 1.5}, "alone must be an integer from 0 to 20, got 1.5"),
    ],
)
def test_finetuning_refuses_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.finetune_svg(**arguments)
    with pytest.raises(ValueError, match=message):
        widgets.explore_finetune(**arguments)


def test_finetuning_follows_its_sliders_over_their_whole_range():
    explorer = widgets.explore_finetune(head=-1.0, share=50, alone=3)
    sliders, picture = _parts(explorer)
    assert "finetune-explorer" in explorer._dom_classes and picture.value == widgets.finetune_svg(-1.0, 50, 3)
    labels = ("head starts at", "rate of w in %", "steps of v alone")
    assert list(sliders) == list(labels)
    for label in labels:
        slider, start, seen = sliders[label], sliders[label].value, set()
        steps = round((slider.max - slider.min) / slider.step)
        for step in range(steps + 1):
            slider.value = slider.min + step * slider.step
            assert picture.value == widgets.finetune_svg(*(sliders[name].value for name in labels))
            ET.fromstring(picture.value)
            seen.add(picture.value)
        assert len(seen) == steps + 1, label
        slider.value = start
    assert "A head that starts at -1" in explorer._repr_mimebundle_()["text/html"]


def test_show_finetuning_displays_picture_and_words(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    widgets.show_finetune(0.5, 10)
    assert "10 % of its learning rate" in shown[0]["text/html"]
    assert shown[0]["text/plain"].startswith("[figure: A head that starts at 0.5")


# --- a detector at two thresholds ----------------------------------------------------------------------------------


def detected():
    """Two pictures: a hit and a wrong box, of one true box; a box that is too loose at 0.5, and its true box."""
    import torch

    images = torch.rand(2, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    truth = [
        {"boxes": torch.tensor([[0.0, 0, 10, 10]]), "labels": torch.tensor([1])},
        {"boxes": torch.tensor([[0.0, 0, 10, 10]]), "labels": torch.tensor([0])},
    ]
    told = [
        {
            "boxes": torch.tensor([[12.0, 12, 18, 18], [0, 0, 10, 9]]),
            "scores": torch.tensor([0.4, 0.9]),
            "labels": torch.tensor([1, 1]),
        },
        {"boxes": torch.tensor([[0.0, 0, 10, 4]]), "scores": torch.tensor([0.6]), "labels": torch.tensor([0])},
    ]
    return images, told, truth, ("cat", "car")


def test_detector_counts_by_hand():
    svg = widgets.detector_svg(*detected(), picture=0, score=30, overlap=50)
    assert [count(svg, kind) for kind in ("right", "wrong", "missed")] == [1, 1, 0]
    assert "1 right (solid), 1 wrong (dashed), 0 missed" in words(svg)
    assert "3 boxes: precision 0.333, recall 0.500" in words(svg) and "car 0.90" in words(svg)
    svg = widgets.detector_svg(*detected(), picture=1, score=50, overlap=40)
    assert [count(svg, kind) for kind in ("right", "wrong", "missed")] == [1, 0, 0]
    assert "2 boxes: precision 1.000, recall 1.000" in words(svg)
    svg = widgets.detector_svg(*detected(), picture=1, score=100)
    assert count(svg, "missed") == 1 and "no box: precision 0 / 0" in words(svg)
    assert not list(ET.fromstring(svg).iter(f"{SVG}circle"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: {"picture": 2}, "picture must be an integer from 0 to 1, got 2"),
        (lambda a: {"score": 101}, "score must be an integer from 0 to 100"),
        (lambda a: {"overlap": 0}, "overlap must be an integer from 1 to 100"),
        (lambda a: a.update(images=a["images"][0]) or {}, r"images must have the shape \(N, 3, H, W\)"),
        (lambda a: a.update(predictions=a["predictions"][:1]) or {}, "must be as many"),
        (lambda a: a.update(names=("cat",)) or {}, "at least 2, got 1"),
    ],
)
def test_detector_refuses_by_name(change, message):
    arguments = dict(zip(("images", "predictions", "targets", "names"), detected(), strict=True))
    given = change(arguments)
    with pytest.raises(ValueError, match=message):
        widgets.detector_svg(**arguments, **given)
    with pytest.raises(ValueError, match=message):
        widgets.explore_detector(**arguments, **given)


def test_detector_explorer_over_its_whole_range():
    explorer = widgets.explore_detector(*detected())
    controls, picture = _parts(explorer)
    assert "detector-explorer" in explorer._dom_classes
    controls["picture"].value = 1
    assert picture.value == widgets.detector_svg(*detected(), picture=1)
    for name in ("score in %", "overlap in %"):
        _moves_the_picture(controls[name], picture)
    page = explorer._repr_mimebundle_()["text/html"]
    assert page.startswith("<img") and "A picture with 1 true boxes" in page


def test_show_detector_displays_picture_and_words(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    widgets.show_detector(*detected(), score=20)
    assert "precision-recall curve" in shown[0]["text/plain"] and shown[0]["text/html"].startswith("<img role=")


# --- the weight of style, and a picture that grows --------------------------------------------------------------------


def styled(count=3):
    """Gray pictures, content losses of 1, 10 and 100, style losses of 100, 10 and 1: a line on both logarithms."""
    import torch

    return [
        {"weight": 10.0**n, "picture": torch.full((3, 6, 12), n / 4), "content": 10.0**n, "style": 10.0 ** (2 - n)}
        for n in range(count)
    ]


def _circles(svg, kind):
    return [e for e in ET.fromstring(svg).iter(f"{SVG}circle") if e.get("class") == kind]


def test_style_s_points_by_hand():
    svg = widgets.style_svg(styled(), chosen=1)
    (point,), others = _circles(svg, "point"), _circles(svg, "other")
    assert (float(point.get("cx")), float(point.get("cy"))) == (570 + 200, 70 + 460 - 40 - 200)  # the middle
    assert [(float(e.get("cx")), float(e.get("cy"))) for e in others] == [(600, 120), (940, 460)]
    assert "weight of style 10" in words(svg) and "content loss 10, style loss 10" in words(svg)
    (image,) = ET.fromstring(svg).iter(f"{SVG}image")
    assert (image.get("width"), image.get("height")) == ("460", "230")
    assert "number 2 of 3" in ET.fromstring(svg).get("aria-label")


def _placed_words(svg):
    return {(e.text, float(e.get("x")), float(e.get("y"))) for e in ET.fromstring(svg).iter(f"{SVG}text") if e.get("x")}


def test_style_names_its_points_and_axes():
    found = _placed_words(widgets.style_svg(styled()))
    assert {("1", 618, 116), ("10", 752, 308), ("100", 922, 478)} <= found  # the weights, beside the three points
    assert {("1", 600, 514), ("100", 940, 514)} <= found  # content, below the axis
    assert {("1", 564, 466), ("100", 564, 126)} <= found  # style, left of the axis
    close = [*styled(2), styled()[1] | {"weight": 50.0}]  # the last two at one place
    assert ("50", 940, 440) in _placed_words(widgets.style_svg(close))


def test_style_explorer_over_its_whole_range(monkeypatch):
    import IPython.display

    explorer = widgets.explore_style(styled(), chosen=2)
    controls, picture = _parts(explorer)
    assert "style-explorer" in explorer._dom_classes and picture.value == widgets.style_svg(styled(), 2)
    _moves_the_picture(controls["weight of style"], picture)
    assert "number 3 of 3" in explorer._repr_mimebundle_()["text/html"]
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    widgets.show_style(styled())
    assert "number 1 of 3" in shown[0]["text/plain"]


@pytest.mark.parametrize(
    ("results", "chosen", "message"),
    [
        (styled(1), 0, "results must be two mappings or more with the keys weight, picture, content, style, got 1"),
        ([{"weight": 1}] * 2, 0, "results must be two mappings or more with the keys"),
        (styled(), 3, "chosen must be an integer from 0 to 2, got 3"),
        ([*styled(), styled()[0] | {"style": 0.0}], 0, "style must be a finite number above 0 in .* got 0.0"),
        ([*styled(), styled()[0] | {"content": float("nan")}], 0, "content must be a finite number above 0"),
        ([*styled(), styled()[0] | {"picture": np.zeros((6, 12))}], 0, r"picture must have the shape \(3, H, W\) .*12"),
        ([*styled(), styled()[0] | {"picture": "a"}], 0, "picture must have the shape .* got str"),
    ],
)
def test_style_refuses_by_name(results, chosen, message):
    with pytest.raises(ValueError, match=message):
        widgets.style_svg(results, chosen)
    with pytest.raises(ValueError, match=message):
        widgets.explore_style(results, chosen)


def test_a_picture_grows_under_its_bar(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    before, after = np.zeros((3, 8, 4)), np.ones((3, 8, 4))
    update = widgets.show_growing(before, steps=50)
    row, picture = shown[0].children
    (bar,) = row.children
    assert (bar.value, bar.max) == (0, 50) and picture.value == widgets.growing_svg(before, 0, 50)
    update(20, after, "content 0.5\nstyle 0.1")
    assert bar.value == 20 and picture.value == widgets.growing_svg(after, 20, 50, "content 0.5\nstyle 0.1")
    assert "step 20 of 50 content 0.5 style 0.1" in words(picture.value)
    label = ET.fromstring(picture.value).get("aria-label")
    assert label == "A picture in the making at step 20 of 50. content 0.5 style 0.1"
    (image,) = ET.fromstring(picture.value).iter(f"{SVG}image")
    assert (image.get("width"), image.get("height")) == ("210", "420")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((3, 4, 4)), 6, 5), "step must be an integer from 0 to 5, got 6"),
        ((np.zeros((3, 4, 4)), 0, 0), "steps must be an integer of at least 1, got 0"),
        ((np.zeros((1, 4, 4)), 0, 5), r"picture must have the shape \(3, H, W\) .* got \(1, 4, 4\)"),
        ((np.zeros((3, 0, 4)), 0, 5), r"picture must have the shape .* got \(3, 0, 4\)"),
    ],
)
def test_growing_refuses_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.growing_svg(*arguments)


# --- two boxes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        ((7, 5, 6, 5), ("shared (hatched): 9", "30 + 30 − 9 = 51", "IoU = 9 / 51 = 0.176", "9 × 7 = 63")),
        ((4, 3, 6, 5), ("IoU = 30 / 30 = 1.000", "GIoU = 1.000 − 0 / 30 = 1.000")),
        ((10, 3, 2, 5), ("IoU = 0 / 40 = 0.000", "GIoU = 0.000 − 0 / 40 = 0.000")),  # they touch
        ((14, 8, 4, 4), ("IoU = 0 / 46 = 0.000", "14 × 9 = 126", "GIoU = 0.000 − 80 / 126 = −0.635")),
        ((5, 4, 0, 3), ("B: 0 × 3 = 0 squares", "IoU = 0 / 30 = 0.000", "GIoU = 0.000 − 0 / 30 = 0.000")),
    ],
)
def test_overlap_by_hand(moved, said):
    svg = widgets.overlap_svg(*moved)
    for line in said:
        assert line in words(svg)
        assert line in ET.fromstring(svg).get("aria-label")
    assert count(svg, "shared") == (said[0].startswith("shared") or "30 / 30" in said[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"left": 15}, "left must be an integer from 0 to 14, got 15"), ({"height": -1}, "height must be .* got -1")],
)
def test_overlap_refuses_by_name(arguments, message):
    for function in (widgets.overlap_svg, widgets.explore_overlap):
        with pytest.raises(ValueError, match=message):
            function(**arguments)


def test_overlap_explorer_over_its_whole_range():
    explorer = widgets.explore_overlap(left=12)
    sliders, picture = _parts(explorer)
    assert "overlap-explorer" in explorer._dom_classes and picture.value == widgets.overlap_svg(left=12)
    for label in ("left", "top", "width", "height"):
        _moves_the_picture(sliders[label], picture)
    assert "B at column 12 and row 5" in explorer._repr_mimebundle_()["text/html"]


def test_show_overlap_displays_picture_and_words(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    widgets.show_overlap(top=0)
    assert "row 0" in shown[0]["text/plain"] and shown[0]["text/html"].startswith("<img role=")
