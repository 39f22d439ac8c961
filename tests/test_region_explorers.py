"""The explorers of 11 and 11b: a box on a feature map, and the anchors of a place."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
import torch
import torchvision

from course_utils import widgets
from course_utils.boxes import iou
from course_utils.models import rcnn

SVG = "{http://www.w3.org/2000/svg}"
NUMBERED = torch.arange(64.0).reshape(1, 1, 8, 8)


def words(svg: str) -> str:
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    return root.get("aria-label")


def count(svg: str, kind: str) -> int:
    return sum(element.get("class") == kind for element in ET.fromstring(svg).iter())


@pytest.mark.parametrize("seed", range(4))
def test_roi_numbers_are_torchvisions(seed):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(25):
        x, y = torch.randint(0, 29, (2,), generator=generator).tolist()
        width, height = torch.randint(4, 33, (2,), generator=generator).tolist()
        box = torch.tensor([[x, y, min(x + width, 32), min(y + height, 32)]], dtype=torch.float32)
        said = words(widgets.roi_svg(x, y, width, height))
        pooled, aligned = re.search(r"and gives ([\d., ]+)\. RoIAlign .* gives ([\d., ]+)\.$", said).groups()
        theirs = torchvision.ops.roi_pool(NUMBERED, [box], 2, 1 / 4).flatten().tolist()
        assert [float(n) for n in pooled.split(", ")] == theirs
        theirs = torchvision.ops.roi_align(NUMBERED, [box], 2, 1 / 4, 1, aligned=True).flatten().tolist()
        assert [float(n) for n in aligned.split(", ")] == pytest.approx(theirs, abs=2e-3)


def test_roi_by_hand():
    svg = widgets.roi_svg(9, 3, 16, 16)
    assert "takes columns 2 to 6 and rows 1 to 5, and gives 28, 30, 44, 46" in words(svg)
    assert "gives 12.75, 14.75, 28.75, 30.75" in words(svg)
    assert count(svg, "taken") == 25 and count(svg, "bin") == 4 and count(svg, "point") == 4 and count(svg, "box") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((29, 0, 8, 8), "x must be an integer from 0 to 28, got 29"),
        ((0, -1, 8, 8), "y must be an integer from 0 to 28, got -1"),
        ((0, 0, 3, 8), "width must be an integer from 4 to 32, got 3"),
        ((0, 0, 8, 8.5), "height must be an integer from 4 to 32, got 8.5"),
    ],
)
def test_roi_refuses_by_name(arguments, message):
    for function in (widgets.roi_svg, widgets.explore_roi):
        with pytest.raises(ValueError, match=message):
            function(*arguments)


BOXES = [[14, 30, 62, 78], [70, 8, 82, 20], [20, 82, 80, 95]]


def test_anchors_are_drawn_as_they_are_told():
    svg = widgets.anchors_svg(BOXES, 13, 9)
    assert count(svg, "anchor") == 9 and count(svg, "truth") == 3
    assert "scale 48, ratio 1: 1.00, object" in words(svg) and "scale 12, ratio 0.5: 0.06, nothing" in words(svg)
    anchors = rcnn.anchor_boxes((24, 24))[9 * (24 * 5 + 20) :][:9]
    best = iou(anchors, torch.tensor(BOXES, dtype=torch.float32)).amax(dim=1)
    shown = [float(x) for x in re.findall(r": (\d\.\d\d), ", words(widgets.anchors_svg(BOXES, 5, 20)))]
    assert shown == pytest.approx(best.tolist(), abs=0.0051)


def test_anchors_without_objects_are_all_nothing():
    assert words(widgets.anchors_svg([], 0, 0)).count("0.00, nothing") == 9


def test_anchors_refuse_by_name():
    with pytest.raises(ValueError, match="row must be an integer from 0 to 23, got 24"):
        widgets.anchors_svg(BOXES, 24, 0)
    with pytest.raises(ValueError, match="x2 >= x1"):
        widgets.explore_anchors([[9, 9, 3, 12]])


@pytest.mark.parametrize(
    ("make", "draw", "name"),
    [
        (widgets.explore_roi, widgets.roi_svg, "roi-explorer"),
        (
            lambda: widgets.explore_anchors(BOXES),
            lambda **place: widgets.anchors_svg(BOXES, **place),
            "anchors-explorer",
        ),
    ],
)
def test_explorers_over_their_whole_range(make, draw, name):
    explorer = make()
    rows, picture = explorer.children
    assert name in explorer._dom_classes
    for slider in rows.children:
        seen, start = set(), slider.value
        for value in range(slider.min, slider.max + 1):
            slider.value = value
            assert picture.value == draw(**{s.description: s.value for s in rows.children})
            seen.add(picture.value)
        assert len(seen) > 1
        slider.value = start
    assert explorer._repr_mimebundle_()["text/html"].startswith("<img")


@pytest.mark.parametrize("show", [widgets.show_roi, lambda: widgets.show_anchors(BOXES)])
def test_still_pictures_have_words(monkeypatch, show):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    show()
    assert shown[0]["text/html"].startswith("<img role=") and len(shown[0]["text/plain"]) > 60
