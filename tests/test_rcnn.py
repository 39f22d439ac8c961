"""From R-CNN to Mask R-CNN: by hand, held to torchvision and scikit-learn, and the cases where nothing is there."""

from __future__ import annotations

import math
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from sklearn.linear_model import Ridge
from test_twins import take_twin
from torchvision.models import detection as zoo

from course_utils.boxes import decode, iou
from course_utils.datasets.detection import toyland_scenes
from course_utils.layers import count_parameters
from course_utils.models import rcnn

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
SIZE = (96, 96)
NO_BOXES = torch.zeros(0, 4)
NOTHING = {"boxes": NO_BOXES, "labels": torch.zeros(0, dtype=torch.int64)}
LINE = torch.tensor([[5.0, 5, 5, 40]])  # a box without area


def random_boxes(count: int, seed: int = 0, least: float = 1.0, side: float = 96.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corners = (side - least) * torch.rand(count, 2, 2, generator=generator)
    return torch.cat([corners.amin(dim=1), corners.amax(dim=1) + least], dim=1)


# --- proposals by segmentation ----------------------------------------------------------------------------------------

SEGMENTS = np.array([[0, 0, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 1, 2, 2], [0, 0, 1, 2, 2]])
GRAY = np.array([[1, 9, 1, 1, 9], [1, 9, 1, 1, 9], [1, 9, 1, 9, 9], [1, 9, 1, 9, 9]]) / 10
COLORS = np.repeat(GRAY[:, :, None], 3, axis=2)


def test_likeness_by_hand():
    regions = rcnn.describe_regions(SEGMENTS, COLORS, bins=2)
    assert [region.size for region in regions] == [8, 8, 4]
    assert [region.box for region in regions] == [(0, 0, 2, 4), (2, 0, 5, 4), (3, 2, 5, 4)]
    for region, dark in zip(regions, (1 / 2, 3 / 4, 0), strict=True):
        np.testing.assert_allclose(region.histogram, [dark / 3, (1 - dark) / 3] * 3)
    assert rcnn.likeness(regions[0], regions[1], 20) == pytest.approx(0.75 + 0.20 + 0.80)
    assert rcnn.likeness(regions[2], regions[1], 20) == pytest.approx(0.25 + 0.40 + 1.00)


def test_grouping_by_hand_merges_the_most_alike_first():
    boxes = rcnn.group_regions(SEGMENTS, COLORS, bins=2)
    assert boxes.tolist() == [[0, 0, 2, 4], [2, 0, 5, 4], [3, 2, 5, 4], [0, 0, 5, 4], [0, 0, 5, 4]]
    colors = COLORS.copy()
    colors[SEGMENTS == 1] = 0.9  # now region 1 has the colour of region 2
    assert rcnn.group_regions(SEGMENTS, colors, bins=2).tolist()[3] == [2, 0, 5, 4]


def test_merging_keeps_sizes_and_histograms():
    a, b, _ = rcnn.describe_regions(SEGMENTS, COLORS)
    both = rcnn.merge(a, b)
    assert both.size == 16 and both.box == (0, 0, 5, 4) and both.histogram.sum() == pytest.approx(1)


@pytest.mark.parametrize("seed", range(3))
def test_n_regions_give_two_n_minus_one_boxes(seed):
    rng = np.random.default_rng(seed)
    segments = np.kron(np.arange(12).reshape(3, 4), np.ones((5, 6), dtype=int))
    boxes = rcnn.group_regions(segments, rng.random((15, 24, 3)))
    assert boxes.shape == (23, 4) and boxes[-1].tolist() == [0, 0, 24, 15]
    assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_one_region_is_one_box():
    assert rcnn.group_regions(np.zeros((3, 4), dtype=int), np.zeros((3, 4, 3))).tolist() == [[0, 0, 4, 3]]
    assert rcnn.selective_search(torch.full((3, 20, 30), 0.5)).tolist() == [[0, 0, 30, 20]]


def test_selective_search_catches_toylands_objects():
    images, truths = toyland_scenes(5, seed=3)
    few = {"scales": (30, 100), "spaces": ("hsv", "lab")}
    for image, truth in zip(images, truths, strict=True):
        boxes = rcnn.selective_search(image, **few)
        assert boxes.dtype == torch.float32 and len(boxes.unique(dim=0)) == len(boxes)
        assert boxes.min() >= 0 and boxes.max() <= 96 and (boxes[:, 2:] > boxes[:, :2]).all()
        assert torch.equal(boxes, rcnn.selective_search(image, **few))
        assert torch.equal(boxes[:40], rcnn.selective_search(image, 40, **few))
        assert iou(truth["boxes"], boxes).amax(dim=1).min() > 0.5
    with pytest.raises(ValueError, match="spaces must be one of 'hsv', 'lab', 'rgb', got 'cmyk'"):
        rcnn.selective_search(images[0], spaces=("cmyk",))


# --- one network ------------------------------------------------------------------------------------------------------


def test_shapes_and_counts():
    trunk = 9 * (3 * 24 + 24 * 48 + 48 * 96 + 2 * 96 * 96) + 2 * (24 + 48 + 3 * 96)
    head = 96 * 16 * 128 + 128 + 129 * 11 + 129 * 40
    for net in (rcnn.RCNN(), rcnn.FastRCNN()):
        assert count_parameters(net.trunk) == trunk and count_parameters(net.head) == head
    assert count_parameters(rcnn.FasterRCNN()) == trunk + head + 87_405
    logits, deltas = rcnn.RCNN().eval()(torch.rand(3, 3, 32, 32))
    assert logits.shape == (3, 11) and deltas.shape == (3, 10, 4)
    logits, deltas = rcnn.FastRCNN(num_classes=4).eval()(torch.rand(2, 3, 40, 64), [random_boxes(5), NO_BOXES])
    assert logits.shape == (5, 5) and deltas.shape == (5, 4, 4)
    assert rcnn.MaskHead()(torch.zeros(2, 96, 8, 8)).shape == (2, 10, 16, 16)


def test_rcnn_and_fast_share_their_parts():
    fast, slow = rcnn.FastRCNN(), rcnn.RCNN()
    fast.load_state_dict(slow.state_dict())
    missing = rcnn.FasterRCNN().load_state_dict(slow.state_dict(), strict=False)
    assert not missing.unexpected_keys and all(key.startswith("rpn.") for key in missing.missing_keys)


def test_roi_features_are_read_where_the_box_is():
    places = (4 * torch.arange(24.0) + 2).expand(1, 1, 24, 24)  # each cell holds the x of its middle, in pixels
    for shift in range(8):
        box = torch.tensor([[20.0 + shift, 20, 52 + shift, 52]])
        assert rcnn.roi_features(places, [box]).mean().item() == pytest.approx(36 + shift, abs=1e-4)
    assert rcnn.roi_features(places, [LINE]).isfinite().all()
    assert rcnn.roi_features(places, [NO_BOXES], 8).shape == (0, 1, 8, 8)


# --- R-CNN and Fast R-CNN ---------------------------------------------------------------------------------------------


def test_warp_is_cutting_and_resizing():
    image = torch.rand(3, 40, 60, generator=torch.Generator().manual_seed(0))
    crop = rcnn.warp(image, torch.tensor([[8.0, 4, 40, 36]]), context=0)
    assert torch.equal(crop[0], image[:, 4:36, 8:40])
    wide = rcnn.warp(image, torch.tensor([[16.0, 8, 32, 24]]), context=0.125)[0]  # 2 pixels more on each side
    part = image[None, :, 6:26, 14:34]
    torch.testing.assert_close(wide, F.interpolate(part, (32, 32), mode="bilinear", align_corners=False)[0])
    odd = torch.tensor([[5.0, 5, 5, 5], [-30, -30, -10, -10], [100, 100, 130, 130], [-9, 3, 99, 4]])
    assert rcnn.warp(image, odd).isfinite().all()
    torch.testing.assert_close(rcnn.warp(image, odd)[1], image[:, :1, :1].expand(3, 32, 32))  # the nearest pixel
    assert rcnn.warp(image, NO_BOXES).shape == (0, 3, 32, 32)


def test_regions_are_told_what_they_overlap():
    truth = {"boxes": torch.tensor([[0.0, 0, 20, 20], [50, 50, 90, 90]]), "labels": torch.tensor([3, 7])}
    proposals = torch.tensor([[0.0, 0, 20, 18], [52, 50, 90, 90], [0, 0, 20, 60], [30, 30, 40, 40]])
    regions, classes, goals = rcnn.sample_regions(torch.cat([proposals, LINE]), truth, 100, share=1.0)
    assert classes.tolist() == [4, 8, 4, 8, 0, 0]  # two proposals, the two true boxes, two of background
    assert torch.equal(regions, torch.cat([proposals[:2], truth["boxes"], proposals[2:]]))
    back = decode(goals / torch.tensor(rcnn.DELTA_SCALE), regions)
    torch.testing.assert_close(back[:4], truth["boxes"][[0, 1, 0, 1]])
    assert not goals[4:].any() and not goals[2:4].any()


def test_how_many_regions_are_drawn():
    truth = {"boxes": torch.tensor([[10.0, 10, 50, 50]]), "labels": torch.tensor([0])}
    near, far = truth["boxes"] + torch.rand(40, 1), truth["boxes"] + 60 * torch.ones(200, 1)
    torch.manual_seed(0)
    _, classes, _ = rcnn.sample_regions(torch.cat([near, far]), truth, 64)
    assert len(classes) == 64 and (classes > 0).sum() == 16
    _, classes, _ = rcnn.sample_regions(near[:0], truth, 64)
    assert classes.tolist() == [1]


def test_pictures_without_objects_and_without_proposals():
    _, classes, goals = rcnn.sample_regions(random_boxes(9), NOTHING)
    assert classes.tolist() == [0] * 9 and not goals.any()
    regions, classes, goals = rcnn.sample_regions(LINE, NOTHING)
    assert regions.shape == (0, 4) and classes.shape == (0,) and goals.shape == (0, 4)


def test_region_loss_by_hand():
    deltas = torch.zeros(2, 10, 4)
    deltas[0, 2] = torch.tensor([0.5, -3, 0, 0])
    deltas[0, 3] = 99.0  # another class's answer is told nothing
    deltas[1] = 99.0  # nor is the background's
    class_loss, box_loss = rcnn.region_loss(torch.zeros(2, 11), deltas, torch.tensor([3, 0]), torch.zeros(2, 4))
    assert class_loss.item() == pytest.approx(math.log(11))
    assert box_loss.item() == pytest.approx((0.125 + 2.5) / 2)


def test_loss_without_regions_is_0_and_has_a_gradient():
    logits, deltas = torch.zeros(0, 11, requires_grad=True), torch.zeros(0, 10, 4, requires_grad=True)
    total = sum(rcnn.region_loss(logits, deltas, torch.zeros(0, dtype=torch.int64), NO_BOXES))
    total.backward()
    assert total.item() == 0 and logits.grad is not None


def test_detections_equal_torchvisions_postprocessing():
    """The same regions and logits through torchvision's RoIHeads.postprocess_detections."""
    generator = torch.Generator().manual_seed(1)
    regions = random_boxes(200, least=4)
    logits = 3 * torch.randn(200, 6, generator=generator)
    deltas = torch.randn(200, 5, 4, generator=generator)
    ours = rcnn.detections(logits.softmax(dim=1)[:, 1:], deltas, regions, SIZE, 0.05, 0.5, 1000)
    heads = zoo.roi_heads.RoIHeads(None, None, None, 0.5, 0.5, 64, 0.25, None, 0.05, 0.5, 1000)
    all_deltas = torch.cat([torch.zeros(200, 1, 4), deltas], dim=1).flatten(1)
    boxes, scores, labels = heads.postprocess_detections(logits, all_deltas, [regions], [SIZE])
    torch.testing.assert_close(ours["scores"], scores[0])
    torch.testing.assert_close(ours["boxes"], boxes[0], rtol=1e-4, atol=1e-3)
    assert torch.equal(ours["labels"], labels[0] - 1)


def test_detections_lie_in_the_picture_and_have_an_area():
    said = rcnn.detections(torch.ones(2, 1), torch.zeros(2, 1, 4), torch.cat([LINE, LINE + 10]), SIZE)
    assert said["boxes"].shape == (0, 4)
    wild = torch.full((30, 1, 4), 500.0)
    said = rcnn.detections(torch.ones(30, 1), wild, random_boxes(30), SIZE)
    assert said["boxes"].isfinite().all() and (said["boxes"] >= 0).all() and (said["boxes"] <= 96).all()
    said = rcnn.detections(torch.zeros(0, 10), torch.zeros(0, 10, 4), NO_BOXES, SIZE)
    assert {key: tuple(value.shape) for key, value in said.items()} == {"boxes": (0, 4), "scores": (0,), "labels": (0,)}


def test_ridge_equals_scikit_learns():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 7, generator=generator, dtype=torch.float64)
    t = torch.randn(50, 4, generator=generator, dtype=torch.float64)
    for strength in (0.1, 10.0, 1000.0):
        weight, bias = rcnn.ridge(x, t, strength)
        theirs = Ridge(alpha=strength).fit(x.numpy(), t.numpy())
        np.testing.assert_allclose(weight, theirs.coef_, atol=1e-10)
        np.testing.assert_allclose(bias, theirs.intercept_, atol=1e-10)
    weight, bias = rcnn.ridge(x[:0], t[:0], 1.0)
    assert not weight.any() and weight.shape == (4, 7) and not bias.any()


def test_refinement_finds_a_linear_rule_for_each_class():
    generator = torch.Generator().manual_seed(0)
    head = rcnn.RegionHead(num_classes=2)
    hidden = torch.rand(600, 128, generator=generator)
    rules = torch.randn(2, 4, 128, generator=generator)
    classes = torch.arange(600) % 3
    goals = torch.stack([rules[max(k - 1, 0)] @ h for k, h in zip(classes.tolist(), hidden, strict=True)])
    rcnn.fit_refinement(head, hidden, classes, goals, strength=1e-6)
    answered = head.refine(hidden).unflatten(1, (-1, 4))
    for label in range(2):
        mine = classes == label + 1
        torch.testing.assert_close(answered[mine, label], goals[mine], rtol=1e-2, atol=1e-2)


# --- RoI pooling and RoIAlign, written out in the notebook ------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_notebooks_pooling_equals_torchvisions(seed):
    notebook = nbformat.read(NOTEBOOKS / "11_region_proposals.ipynb", as_version=4)
    pool, align = (take_twin(notebook, name, "course_utils.models.rcnn") for name in ("roi_pool", "roi_align"))
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(3, 7 + seed, 9, generator=generator)
    boxes = torch.cat(
        [random_boxes(12, seed, side=40), random_boxes(6, seed) - 20, LINE, torch.tensor([[0.0, 0, 36, 28]])]
    )
    for side in (1, 2, 3):
        theirs = torchvision.ops.roi_pool(maps[None], [boxes], side, 1 / 4)
        torch.testing.assert_close(pool(maps, boxes, side, 1 / 4), theirs)
        for samples in (1, 2):
            theirs = torchvision.ops.roi_align(maps[None], [boxes], side, 1 / 4, samples, aligned=True)
            torch.testing.assert_close(align(maps, boxes, side, 1 / 4, samples), theirs, rtol=1e-4, atol=1e-5)


# --- Faster R-CNN -----------------------------------------------------------------------------------------------------


def test_anchors_by_hand():
    assert torch.allclose(rcnn.anchor_boxes((1, 1), (24,), (4,)), torch.tensor([[-4.0, -22, 8, 26]]))
    anchors = rcnn.anchor_boxes((3, 5))
    assert anchors.shape == (3 * 5 * 9, 4)
    centers = (anchors[:, :2] + anchors[:, 2:]) / 2
    assert centers[::9].tolist() == [[4 * x + 2, 4 * y + 2] for y in range(3) for x in range(5)]
    sides = anchors[:, 2:] - anchors[:, :2]
    torch.testing.assert_close(sides.prod(dim=1)[:9], torch.tensor([144.0] * 3 + [576.0] * 3 + [2304.0] * 3))
    torch.testing.assert_close((sides[:, 1] / sides[:, 0])[:3], torch.tensor([0.5, 1, 2]))


@pytest.mark.parametrize("seed", range(5))
def test_assignment_equals_torchvisions_matcher(seed):
    anchors, boxes = rcnn.anchor_boxes((24, 24)), random_boxes(5, seed, least=6)
    told, index = rcnn.assign_anchors(anchors, boxes)
    matcher = zoo._utils.Matcher(0.7, 0.3, allow_low_quality_matches=True)
    theirs = matcher(iou(boxes, anchors))
    assert torch.equal(told == 1, theirs >= 0) and torch.equal(told == 0, theirs == -1)
    objects = told == 1
    overlap = iou(anchors[objects], boxes)
    own = overlap.gather(1, index[objects, None])[:, 0]
    assert (own > 0).all() and (own == overlap.amax(dim=1))[own >= 0.7].all()


def test_assignment_where_there_is_nothing_to_assign():
    anchors = rcnn.anchor_boxes((4, 4))
    for boxes in (NO_BOXES, LINE, torch.tensor([[500.0, 500, 520, 520]])):
        assert not rcnn.assign_anchors(anchors, boxes)[0].any()  # all of them nothing


def test_proposal_networks_answers_are_in_the_anchors_order():
    rpn = rcnn.RegionProposalNetwork(channels=2)
    with torch.no_grad():
        for layer in (rpn.objectness, rpn.deltas):
            layer.weight.zero_()
            layer.bias.copy_(torch.arange(len(layer.bias)))
        objectness, deltas = rpn(torch.rand(2, 2, 3, 4))
    assert torch.equal(objectness, torch.arange(9.0).repeat(2, 12))
    assert torch.equal(deltas, torch.arange(36.0).reshape(9, 4).repeat(12, 1).expand(2, -1, -1))
    with torch.no_grad():  # and place by place: a map with one lit place
        rpn.conv.weight.zero_()[:, :, 1, 1] = 1
        rpn.conv.bias.zero_()
        rpn.objectness.weight.fill_(1)
        rpn.objectness.bias.zero_()
        maps = torch.zeros(1, 2, 3, 4)
        maps[0, :, 1, 2] = 1
        lit = rpn(maps)[0][0].nonzero()[:, 0].tolist()
    assert lit == list(range(9 * (4 * 1 + 2), 9 * (4 * 1 + 2) + 9))


def test_rpn_loss_by_hand():
    one = torch.tensor([[0.0, 0, 30, 30]])
    losses = rcnn.rpn_loss(torch.zeros(1), torch.zeros(1, 4), one, one + torch.tensor([10.0, 0, 10, 0]))
    assert [x.item() for x in losses] == pytest.approx([math.log(2), 1 / 3 - 1 / 18])
    anchors = rcnn.anchor_boxes((24, 24))
    for boxes in (NO_BOXES, LINE):
        first, second = rcnn.rpn_loss(torch.zeros(5184), torch.ones(5184, 4), anchors, boxes)
        assert first.item() == pytest.approx(math.log(2)) and second.item() == 0


def test_proposals_by_hand():
    anchors = torch.tensor([[0.0, 0, 20, 20], [2, 0, 22, 20], [40, 40, 120, 60], [200, 200, 220, 220]])
    objectness, still = torch.tensor([2.0, 1, -1, 5]), torch.zeros(4, 4)
    assert rcnn.propose(objectness, still, anchors, SIZE).tolist() == [[0, 0, 20, 20], [40, 40, 96, 60]]
    assert len(rcnn.propose(objectness, still, anchors, SIZE, count=1)) == 1
    assert len(rcnn.propose(objectness, still, anchors, SIZE, count=0)) == 0
    assert rcnn.propose(objectness, still, anchors, SIZE, iou_threshold=0.9).shape == (3, 4)
    assert rcnn.propose(objectness, still, anchors, SIZE, before=2).tolist() == [[0, 0, 20, 20]]
    moved = rcnn.propose(objectness[:1], torch.tensor([[0.5, 0, 0, math.log(2)]]), anchors[:1], SIZE)
    torch.testing.assert_close(moved, torch.tensor([[10.0, 0, 30, 30]]))


@pytest.mark.parametrize("truth", [NOTHING, {"boxes": torch.tensor([[8.0, 8, 40, 40]]), "labels": torch.tensor([1])}])
def test_losses_are_finite_with_and_without_objects(truth):
    torch.manual_seed(0)
    images, nets = torch.rand(2, 3, 96, 96), (rcnn.RCNN(), rcnn.FastRCNN())
    for net, losses in zip(nets, (rcnn.rcnn_losses, rcnn.fast_losses), strict=True):
        parts = losses(net, images, [random_boxes(20), random_boxes(3)], [truth, NOTHING])
        assert all(part.isfinite() for part in parts.values())
    parts = rcnn.faster_losses(rcnn.FasterRCNN(), images, [truth, NOTHING])
    assert list(parts) == ["objectness", "anchor boxes", "class", "box"]
    assert all(part.isfinite() for part in parts.values())
    assert (parts["box"] > 0) == bool(len(truth["boxes"]))
    sum(parts.values()).backward()


# --- masks ------------------------------------------------------------------------------------------------------------


def test_masks_by_hand():
    masks = torch.tensor([[1, 1, 1, 0]] * 4, dtype=torch.bool)[None]
    whole = torch.tensor([[0.0, 0, 4, 4]])
    assert rcnn.mask_goals(masks, whole, side=2)[0].tolist() == [[1, 1], [1, 1]]  # half of the right cells: counted
    assert rcnn.mask_goals(masks, torch.tensor([[2.0, 0, 4, 4]]), side=2)[0].tolist() == [[1, 0], [1, 0]]
    small = torch.tensor([[[1.0, 0], [1, 0]]])
    pasted = rcnn.paste_masks(small, torch.tensor([[1.0, 1, 5, 3]]), (4, 6))[0].int()
    assert pasted.tolist() == [[0] * 6, [0, 1, 1, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0] * 6]


def test_a_mask_comes_back():
    y, x = torch.meshgrid(torch.arange(96) + 0.5, torch.arange(96) + 0.5, indexing="ij")
    disc = ((x - 50) ** 2 + (y - 40) ** 2 < 30**2)[None]
    for box in ([[20.0, 10, 80, 70]], [[18.3, 7.6, 84.1, 73.2]]):
        back = rcnn.paste_masks(rcnn.mask_goals(disc, torch.tensor(box)), torch.tensor(box), SIZE)
        assert ((back & disc).sum() / (back | disc).sum()).item() > 0.93


def test_pasting_is_near_torchvisions():
    boxes = random_boxes(6, least=20).round()
    smooth = F.interpolate(torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0)), 16, mode="bilinear")
    ours = rcnn.paste_masks(smooth[:, 0], boxes, SIZE)
    theirs = zoo.roi_heads.paste_masks_in_image(smooth, boxes, SIZE)[:, 0] > 0.5  # widens boxes and masks by a border
    assert (ours != theirs).float().mean() < 0.02


def test_pasting_nothing_and_without_area():
    assert rcnn.paste_masks(torch.zeros(0, 16, 16), NO_BOXES, (5, 7)).shape == (0, 5, 7)
    assert not rcnn.paste_masks(torch.ones(2, 16, 16), torch.cat([LINE, LINE + 0.5]), SIZE).any()
    assert rcnn.paste_masks(torch.ones(1, 2, 2), torch.tensor([[10.0, 10, 50, 50]]), SIZE).sum() == 1600  # to its edges
    outside = torch.tensor([[-20.0, -20, 10, 10]])
    assert rcnn.paste_masks(torch.ones(1, 16, 16), outside, SIZE).sum() == 100


# --- training ---------------------------------------------------------------------------------------------------------


def test_training_brings_the_losses_down_and_repeats_itself():
    images, truths = toyland_scenes(2, seed=3)
    results = []
    for _ in range(2):
        torch.manual_seed(0)
        net = rcnn.FasterRCNN(channels=16)
        history = rcnn.train(
            net, lambda chosen, net=net: rcnn.faster_losses(net, images[chosen], [truths[k] for k in chosen]), 2, 12, 2,
            progress=False,
        )  # fmt: skip
        results.append(history["class"])
    assert not net.training and len(results[0]) == 12 and results[0] == results[1]
    assert np.mean(results[0][-3:]) < 0.8 * results[0][0]


def test_training_stops_where_a_loss_is_not_finite():
    net = rcnn.RegionHead()
    with pytest.raises(FloatingPointError, match="the loss became nan at step 1: lower the learning rate"):
        rcnn.train(net, lambda _: {"bad": net.hidden.weight.sum() * float("nan")}, 4, 3, progress=False)
    with pytest.raises(ValueError, match="count must be an integer of at least 1, got 0"):
        rcnn.train(net, lambda _: {}, 0, 3)
