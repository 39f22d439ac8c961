"""Boxes: against torchvision, by hand, what must stay the same, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision.ops
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models.detection._utils import BoxCoder

from course_utils import boxes

HAND = torch.tensor([[0.0, 0, 4, 4], [2, 2, 6, 6], [4, 0, 8, 4], [10, 10, 12, 12]])  # paper squares of notebook 10
NOTHING = torch.zeros(0, 4)


def drawn(count: int, seed: int, low: float = -20, high: float = 120) -> torch.Tensor:
    """Random boxes with area, some of them partly outside a picture of 100 pixels, in float64."""
    generator = torch.Generator().manual_seed(seed)
    corners = low + (high - low) * torch.rand(count, 2, 2, generator=generator, dtype=torch.float64)
    return torch.cat([corners.amin(dim=1), corners.amax(dim=1) + 0.5], dim=1)


# --- conventions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given_as", [list, np.array, torch.tensor])
def test_boxes_may_come_as_list_array_or_tensor(given_as):
    rows = [[0, 0, 4, 4], [2, 2, 2, 2], [-3, 5, 200, 5]]
    assert boxes.check_boxes(given_as(rows)).tolist() == rows
    assert boxes.check_boxes(given_as(rows)).dtype == torch.float32


def test_no_boxes_are_boxes():
    for empty in ([], (), NOTHING, np.zeros((0, 4))):
        assert boxes.check_boxes(empty).shape == (0, 4)
    assert boxes.iou(NOTHING, HAND).shape == (0, 4) and boxes.iou(HAND, []).shape == (4, 0)
    assert boxes.area([]).shape == (0,) and boxes.clip([], (5, 5)).shape == (0, 4)
    assert boxes.nms([], torch.zeros(0), 0.5).shape == (0,) and boxes.nms([], [], 0.5).dtype == torch.int64
    assert boxes.encode([], []).shape == boxes.decode([], []).shape == boxes.convert([], "xywh", "xyxy").shape == (0, 4)


def test_a_tensor_is_passed_on_and_an_array_is_copied():
    assert boxes.check_boxes(HAND) is HAND
    array = np.zeros((1, 4), dtype=np.float32)
    array.flags.writeable = False
    boxes.check_boxes(array)[0, 2] = 7
    assert array[0, 2] == 0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[0, 0, 1, 1], [5, 0, 4, 1]], r"x2 >= x1 and y2 >= y1, got \[5.0, 0.0, 4.0, 1.0\] in row 1; exchange"),
        ([[0, 3, 1, 2]], r"y2 >= y1, got \[0.0, 3.0, 1.0, 2.0\] in row 0"),
        ([[0, 0, float("nan"), 1]], r"finite, got \[0.0, 0.0, nan, 1.0\] in row 0; find where"),
        ([[0, 0, 1, 1], [0, 0, 1, float("inf")]], r"finite, got \[0.0, 0.0, 1.0, inf\] in row 1"),
        ([0, 0, 1, 1], r"shape \(N, 4\), one row x1 y1 x2 y2 a box, got \(4,\); write a single box as"),
        (torch.zeros(0), r"got \(0,\)"),
        (torch.zeros(0, 5), r"got \(0, 5\)"),
        (torch.zeros(2, 3, 4), r"got \(2, 3, 4\)"),
    ],
)
def test_what_is_no_box_is_refused_by_name_row_and_value(value, message):
    with pytest.raises(ValueError, match=f"^mine must .*{message}"):
        boxes.check_boxes(value, "mine")
    for name, call in {
        "a": lambda: boxes.iou(value, HAND),
        "b": lambda: boxes.generalized_iou(HAND, value),
        "boxes": lambda: boxes.nms(value, torch.ones(2), 0.5),
        "anchors": lambda: boxes.decode(HAND, value),
    }.items():
        with pytest.raises(ValueError, match=f"^{name} must .*{message}"):
            call()


def test_one_box_in_four_conventions_by_hand():
    """A picture 100 high; a box 30 wide and 20 high whose upper left corner is 10 to the right and 60 down."""
    in_format = {
        "xyxy": [[10.0, 60, 40, 80]],
        "xywh": [[10.0, 60, 30, 20]],
        "cxcywh": [[25.0, 70, 30, 20]],
        "xywh_up": [[10.0, 20, 30, 20]],
    }
    assert set(in_format) == set(boxes.FORMATS)
    for source, value in in_format.items():
        for target, wanted in in_format.items():
            assert boxes.convert(value, source, target, height=100).tolist() == wanted, (source, target)


@pytest.mark.parametrize("fmt", ["xywh", "cxcywh"])
def test_convert_agrees_with_torchvision(fmt):
    some = drawn(50, 1)
    theirs = torchvision.ops.box_convert(some, "xyxy", fmt)
    torch.testing.assert_close(boxes.convert(some, "xyxy", fmt), theirs)
    torch.testing.assert_close(boxes.convert(theirs, fmt, "xyxy"), some)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(boxes.FORMATS), st.sampled_from(boxes.FORMATS), st.integers(0, 99))
def test_there_and_back_is_where_it_was(source, target, seed):
    some = boxes.convert(drawn(8, seed), "xyxy", source, height=100)
    back = boxes.convert(boxes.convert(some, source, target, height=100), target, source, height=100)
    torch.testing.assert_close(back, some)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0, 0, 1, 1]], "xyxy", "yxyx"), "target must be one of 'xyxy', .* got 'yxyx'"),
        (([[0, 0, 1, 1]], "up", "xyxy"), "source must be one of"),
        (([[0, 0, 1, 1]], "xyxy", "xywh_up"), "height must be the picture's height in pixels .* got None"),
        (([[0, 0, 1, 1]], "xywh_up", "xyxy", 0), "height must be .* got 0"),
        (([[5, 5, 3, -1]], "xywh", "xyxy"), r"width and height of at least 0, got \[5.0, 5.0, 3.0, -1.0\] in row 0"),
        (([[5, 5, 3, 9]], "xyxy", "xywh"), "x2 >= x1"),
    ],
)
def test_convert_refuses_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        boxes.convert(*arguments)


def test_clip_by_hand_and_against_torchvision():
    outside = [[-5, -5, 3, 3], [8, 4, 12, 9], [20, 1, 30, 2], [1, 2, 3, 4]]
    clipped = boxes.clip(outside, (6, 10))
    assert clipped.tolist() == [[0, 0, 3, 3], [8, 4, 10, 6], [10, 1, 10, 2], [1, 2, 3, 4]]
    assert boxes.area(clipped).tolist() == [9, 4, 0, 4]
    some = drawn(50, 2)
    assert torch.equal(boxes.clip(some, (80, 100)), torchvision.ops.clip_boxes_to_image(some, (80, 100)))
    with pytest.raises(ValueError, match=r"size\[1\] must be an integer of at least 1, got 0"):
        boxes.clip(some, (80, 0))


# --- overlap ----------------------------------------------------------------------------------------------------------


def test_overlap_on_paper():
    """Squares of 4x4: shifted by (2, 2) they share 4 of 28; side by side they touch and share nothing."""
    assert boxes.area(HAND).tolist() == [16, 16, 16, 4]
    wanted = torch.tensor([1, 4 / 28, 0, 0])
    torch.testing.assert_close(boxes.iou(HAND[:1], HAND)[0], wanted)
    wanted = torch.tensor([1, 4 / 28 - 8 / 36, 0, -(144 - 20) / 144])
    torch.testing.assert_close(boxes.generalized_iou(HAND[:1], HAND)[0], wanted)


def test_the_two_boxes_of_the_sorbonne_lecture():
    first, second = [[57, 133, 329, 265]], [[153, 95, 396, 218]]
    assert round(boxes.iou(first, second).item(), 4) == 0.2943


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 999))
def test_overlap_agrees_with_torchvision(n, m, seed):
    a, b = drawn(n, seed), drawn(m, seed + 1000)
    torch.testing.assert_close(boxes.area(a), torchvision.ops.box_area(a))
    torch.testing.assert_close(boxes.iou(a, b), torchvision.ops.box_iou(a, b))
    torch.testing.assert_close(boxes.generalized_iou(a, b), torchvision.ops.generalized_box_iou(a, b))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.floats(0.1, 9), st.floats(-50, 50))
def test_overlap_is_symmetric_and_sees_neither_scale_nor_place(seed, scale, shift):
    a, b = drawn(9, seed), drawn(7, seed + 1000)
    for overlap in (boxes.iou, boxes.generalized_iou):
        values = overlap(a, b)
        torch.testing.assert_close(overlap(b, a).T, values)
        torch.testing.assert_close(overlap(a * scale + shift, b * scale + shift), values)
        torch.testing.assert_close(overlap(a, a).diagonal(), torch.ones(9, dtype=torch.float64))
    assert (boxes.iou(a, b) >= 0).all() and (boxes.iou(a, b) <= 1).all()
    excess = boxes.generalized_iou(a, b) - boxes.iou(a, b)  # up to rounding, where one box encloses the other
    assert (boxes.generalized_iou(a, b) > -1).all() and (excess < 1e-12).all()


def test_boxes_without_area_give_numbers_and_finite_gradients():
    point, line, far = [3.0, 3, 3, 3], [3.0, 3, 3, 9], [5.0, 5, 5, 5]
    flat = torch.tensor([point, line, far])
    assert torchvision.ops.box_iou(flat, flat).isnan().any()  # what we keep out
    assert torch.equal(boxes.iou(flat, flat), torch.zeros(3, 3))
    assert torch.equal(boxes.iou(flat, HAND), torch.zeros(3, 4))
    assert boxes.generalized_iou(flat, flat).tolist() == [[0, 0, -1], [0, 0, -1], [-1, -1, 0]]
    for overlap in (boxes.iou, boxes.generalized_iou):
        moving = flat.clone().requires_grad_()
        overlap(moving, flat).sum().backward()
        assert moving.grad.isfinite().all()


def test_only_the_generalized_iou_pulls_boxes_that_do_not_touch():
    here = torch.tensor([[0.0, 0, 4, 4]], requires_grad=True)
    boxes.iou(here, HAND[3:]).sum().backward()
    assert torch.equal(here.grad, torch.zeros(1, 4))
    boxes.generalized_iou(here, HAND[3:]).sum().backward()
    assert (here.grad[0, 2:] > 0).all()  # right and lower edge towards the other box


# --- suppression ------------------------------------------------------------------------------------------------------


def by_loop(some: torch.Tensor, scores: torch.Tensor, threshold: float, labels: torch.Tensor) -> list[int]:
    """The definition, read aloud."""
    left = sorted(range(len(some)), key=lambda i: (-scores[i].item(), i))
    overlap, kept = boxes.iou(some, some), []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [i for i in left if labels[i] != labels[best] or overlap[best, i] <= threshold]
    return kept


def test_five_boxes_by_hand():
    some = [[0, 0, 10, 10], [1, 0, 11, 10], [2, 0, 12, 10], [20, 0, 30, 10], [0, 0, 10, 10]]
    scores = torch.tensor([0.6, 0.9, 0.8, 0.3, 0.7])  # IoU of neighbours 9/11, of next but one 8/12
    assert boxes.nms(some, scores, 0.5).tolist() == [1, 3]
    assert boxes.nms(some, scores, 0.82).tolist() == [1, 2, 4, 3]
    assert boxes.nms(some, scores, 0.5, torch.tensor([0, 0, 1, 0, 1])).tolist() == [1, 2, 3]
    assert boxes.nms(some, scores, 1.0).tolist() == [1, 2, 4, 0, 3]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 4), st.sampled_from([3, 1000]), st.sampled_from([0, 0.3, 0.7, 1]))
def test_nms_agrees_with_the_definition(count, num_labels, levels, threshold):
    """With three levels most scores are equal; some boxes are equal, touch, or have no area."""
    generator = torch.Generator().manual_seed(count)
    some = drawn(count, count).round()
    some[::5, 2] = some[::5, 0]
    some[-1] = some[0]
    scores = torch.randint(levels, (count,), generator=generator) / levels
    labels = torch.randint(num_labels, (count,), generator=generator)
    assert boxes.nms(some, scores, threshold, labels).tolist() == by_loop(some, scores, threshold, labels)


def test_nms_agrees_with_torchvision():
    for count in (10, 300):
        some, scores = drawn(count, count), torch.rand(count, generator=torch.Generator().manual_seed(count)).double()
        assert torch.equal(boxes.nms(some, scores, 0.4), torchvision.ops.nms(some, scores, 0.4))
        inside, labels = drawn(count, count, low=0), torch.arange(count) % 5
        wanted = torchvision.ops.batched_nms(inside, scores, labels, 0.4)
        assert torch.equal(boxes.nms(inside, scores, 0.4, labels), wanted)


def test_labels_do_not_meet_at_negative_coordinates():
    some = torch.tensor([[41.0, 41, 100, 100], [-60, -60, -1, -1]])
    scores, labels = torch.tensor([0.9, 0.8]), torch.tensor([0, 1])
    assert torchvision.ops.batched_nms(some, scores, labels, 0.5).tolist() == [0]  # what we keep out
    assert boxes.nms(some, scores, 0.5, labels).tolist() == [0, 1]


def test_equal_scores_go_by_index_also_for_many_boxes():
    some = torch.arange(5000.0)[:, None] * 2 + torch.tensor([0.0, 0, 1, 1])
    labels = torch.arange(5000) % 3
    assert torch.equal(boxes.nms(some, torch.ones(5000), 0.5, labels), torch.arange(5000))


@pytest.mark.parametrize(
    ("scores", "threshold", "labels", "message"),
    [
        (torch.tensor([1, 1, float("nan"), 1]), 0.5, None, "scores must be numbers, got nan in row 2"),
        (torch.ones(3), 0.5, None, r"scores must have the shape \(4,\), one a box, got \(3,\)"),
        (torch.ones(4), 0.5, torch.zeros(4, 1), r"labels must have the shape \(4,\)"),
        (torch.ones(4), 50, None, "iou_threshold must be from 0 to 1, got 50"),
        (torch.ones(4), float("nan"), None, "iou_threshold must be from 0 to 1, got nan"),
    ],
)
def test_nms_refuses_by_name(scores, threshold, labels, message):
    with pytest.raises(ValueError, match=message):
        boxes.nms(HAND, scores, threshold, labels)


# --- offsets ----------------------------------------------------------------------------------------------------------


def test_offsets_by_hand():
    """From an anchor 10x20 to a box 20x20 whose centre lies 5 to the right and 10 up."""
    anchor, box = [[0.0, 0, 10, 20]], [[0.0, -10, 20, 10]]
    wanted = torch.tensor([[0.5, -0.5, np.log(2), 0]], dtype=torch.float32)
    torch.testing.assert_close(boxes.encode(box, anchor), wanted)
    torch.testing.assert_close(boxes.decode(wanted, anchor), torch.tensor(box))
    assert torch.equal(boxes.decode(torch.zeros(4, 4), HAND), HAND)


def test_offsets_agree_with_torchvision():
    some, anchors = drawn(60, 3), drawn(60, 4)
    coder = BoxCoder((1.0, 1.0, 1.0, 1.0), bbox_xform_clip=1000)
    deltas = boxes.encode(some, anchors)
    torch.testing.assert_close(deltas, coder.encode_single(some, anchors))
    torch.testing.assert_close(boxes.decode(deltas, anchors), coder.decode_single(deltas, anchors))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999))
def test_decode_and_encode_are_inverses(seed):
    some, anchors = drawn(20, seed), drawn(20, seed + 1000)
    deltas = boxes.encode(some, anchors)
    torch.testing.assert_close(boxes.decode(deltas, anchors), some)
    torch.testing.assert_close(boxes.encode(boxes.decode(deltas, anchors), anchors), deltas)
    torch.testing.assert_close(boxes.encode(some * 3 - 7, anchors * 3 - 7), deltas)  # neither scale nor place


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: boxes.encode([[0, 0, 0, 5]], [[0, 0, 1, 1]]), r"boxes must have an area above 0, got \[0.0, .* row 0"),
        (lambda: boxes.encode([[0, 0, 1, 1]], [[2, 2, 5, 2]]), "anchors must have an area above 0"),
        (lambda: boxes.encode(HAND, HAND[:3]), "boxes and anchors must have one row each for the other, got 4 and 3"),
        (lambda: boxes.decode(HAND, HAND[:3]), "deltas and anchors must have one row each for the other, got 4 and 3"),
        (lambda: boxes.decode(HAND * float("nan"), HAND), "deltas must be finite, got .* in row 0"),
    ],
)
def test_offsets_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
