"""Pose: heat maps and their inverse, the hourglass's shapes and counts, fields, matching, mirrors, people, PCK."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from course_utils import metrics, weights
from course_utils.datasets import people, toyland
from course_utils.layers import count_parameters
from course_utils.models import pose
from course_utils.models.yolo import Encoder

LIMBS = toyland.SKELETON


def joints(*rows: tuple[float, float, float]) -> torch.Tensor:
    """One picture with one person of these joints: (1, 1, K, 3)."""
    return torch.tensor(rows)[None, None]


def crowd(seed: int, count: int = 2, persons: int = 3, kinds: int = 14, size: float = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    places = torch.rand(count, persons, kinds, 2, generator=generator) * size
    return torch.cat([places, torch.randint(0, 3, (count, persons, kinds, 1), generator=generator)], dim=3)


# --- heat maps -----------------------------------------------------------------------------------------------------


def test_a_heat_map_by_hand():
    """A joint in the middle of cell (row 1, column 2), sigma 1: 1 there, e^-1/2 beside it, e^-1 across the corner."""
    maps = pose.heat_maps(joints((10, 6, 2), (10, 6, 0)), 16, stride=4)
    assert maps.shape == (1, 2, 4, 4)
    expected = [0.6065, 1.0, 0.6065]
    torch.testing.assert_close(maps[0, 0, 1, 1:], torch.tensor(expected), atol=1e-4, rtol=0)
    torch.testing.assert_close(maps[0, 0, 0, 1:], 0.6065 * torch.tensor(expected), atol=1e-4, rtol=0)
    assert (maps[0, 1] == 0).all(), "visibility 0: there is no such joint"


def test_a_heat_map_is_a_gaussian_as_scipy_has_it():
    maps = pose.heat_maps(joints((13.25, 22.125, 1)).double(), 40, stride=4, sigma=1.7)[0, 0].numpy()
    across, down = (norm(at / 4 - 0.5, 1.7).pdf(np.arange(10)) / norm(0, 1.7).pdf(0) for at in (13.25, 22.125))
    np.testing.assert_allclose(maps, np.outer(down, across), atol=1e-12)


def test_of_two_people_the_higher_bump_counts_and_outside_nobody_does():
    two = torch.tensor([[[10.0, 10, 2]], [[14.0, 10, 1]], [[-1.0, 10, 1]], [[10.0, 16, 1]]])[None]
    alone = pose.heat_maps(two.transpose(0, 1), 16, stride=2)
    maps = pose.heat_maps(two, 16, stride=2)
    assert torch.equal(maps[0], alone.amax(dim=0)) and maps.max() <= 1
    assert (alone[2:] == 0).all(), "left of the picture, and below it"


@settings(max_examples=80, deadline=None)
@given(
    x=st.floats(0, 63.99),
    y=st.floats(0, 63.99),
    sigma=st.sampled_from([0.7, 1.0, 1.5, 2.5]),
    stride=st.sampled_from([1, 2, 4, 8]),
)
def test_decode_is_the_inverse_of_heat_maps(x, y, sigma, stride):
    """Anywhere in the picture, at its very border too, to a hundredth of a cell."""
    found = pose.decode(pose.heat_maps(joints((x, y, 2)), 64, stride, sigma), stride)
    assert found.shape == (1, 1, 3)
    assert found[0, 0, :2].tolist() == pytest.approx([x, y], abs=0.01 * stride)
    assert 0.36 < found[0, 0, 2] <= 1


def test_the_vertex_by_hand():
    """Heights 0.4, 0.8, 0.6: (ln 0.6 - ln 0.4) / 2 / (2 ln 0.8 - ln 0.4 - ln 0.6) = 0.2067 cells right of the peak."""
    maps = torch.tensor([[0.1, 0.1, 0.1], [0.4, 0.8, 0.6], [0.1, 0.1, 0.1]])[None]
    place = pose.subpixel(maps, torch.tensor([1]), torch.tensor([1]))
    assert place[0].tolist() == pytest.approx([1.2067, 1.0], abs=1e-4)


def test_a_peak_stays_within_half_a_cell_whatever_is_around_it():
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(40, 5, 7, generator=generator)
    maps[:5] = 0.3  # level
    found = pose.decode(maps[None], stride=1)[0, :, :2] - 0.5
    at = maps.flatten(1).argmax(dim=1)
    away = (found - torch.stack([at % 7, at // 7], dim=1))[5:].abs()  # of a level map any cell is the highest
    assert (away <= 0.5 + 1e-6).all() and found.isfinite().all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: pose.heat_maps(k[0], 64), r"keypoints must have the shape \(N, P, K, 3\), got \(1, 14, 3\)"),
        (lambda k: pose.heat_maps(k, 62), "size must be a multiple of stride, 4, got 62"),
        (lambda k: pose.heat_maps(k, 8), "size must be an integer of at least 12, got 8"),
        (lambda k: pose.heat_maps(k, 64, 0), "stride must be an integer of at least 1, got 0"),
        (lambda k: pose.heat_maps(k, 64, sigma=0.1), "sigma must be at least 0.5 cells, got 0.1"),
        (lambda k: pose.subpixel(torch.zeros(1, 2, 5), None, None), r"sides of at least 3, got \(1, 2, 5\)"),
        (lambda k: pose.fields(k, 64, [(0, 14)]), "limbs must be pairs of different joints from 0 to 13"),
        (lambda k: pose.fields(k, 64, [(0, 1), (2, 1)]), r"limbs must form a tree, root first: joint 1 of \(2, 1\)"),
        (lambda k: pose.fields(k, 64, [(1, 2), (0, 1)]), r"limbs must form a tree, root first: joint 1 of \(0, 1\)"),
        (lambda k: pose.fields(k, 64, LIMBS, width=0), "width must be above 0 cells, got 0"),
        (lambda k: pose.flip_back(torch.zeros(1, 15, 4, 4), people.SWAP), r"outputs must have 14 \+ 2 \* 0 channels"),
        (lambda k: pose.limb_scores(torch.zeros(2, 4, 4), k[0, 0], k[0, 0], samples=1), "samples must be an integer"),
        (lambda k: pose.Residual(1), "channels must be an integer of at least 2, got 1"),
        (lambda k: pose.Hourglass(4, 0), "depth must be an integer of at least 1, got 0"),
        (lambda k: pose.StackedHourglass(3, 4, 0), "stacks must be an integer of at least 1, got 0"),
        (lambda k: pose.StackedHourglass(0, 4), "outputs must be an integer of at least 1, got 0"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call(crowd(0, 1, 1))


# --- the hourglass -------------------------------------------------------------------------------------------------


def test_an_hourglass_keeps_the_shape_and_has_the_blocks_that_one_counts():
    """Depth d: three blocks a level and one in the middle. A block of c channels: 13/4 c^2 and 4 c weights."""
    block = 2 * 8 * 4 + 9 * 4 * 4 + 2 * (8 + 4 + 4)
    assert count_parameters(pose.Residual(8)) == block
    for depth in (1, 2, 3):
        hourglass = pose.Hourglass(8, depth)
        assert count_parameters(hourglass) == (3 * depth + 1) * block
        assert hourglass(torch.randn(2, 8, 16, 24)).shape == (2, 8, 16, 24)


def test_without_the_skips_only_what_is_repeated_comes_through():
    """Blocks that add nothing: the sum over all sizes of the picture, pooled and enlarged again."""
    hourglass = pose.Hourglass(2, 2).eval()
    for module in hourglass.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.zeros_(module.weight)
    x = torch.rand(1, 2, 8, 8)
    low = [torch.nn.functional.max_pool2d(x, s).repeat_interleave(s, 2).repeat_interleave(s, 3) for s in (2, 4)]
    torch.testing.assert_close(hourglass(x), x + low[0] + low[1])


def test_each_stack_answers_and_sees_the_answer_before():
    torch.manual_seed(0)
    net = pose.StackedHourglass(5, 8, stacks=3, depth=1).eval()
    x = torch.randn(2, 8, 8, 8)
    with torch.no_grad():
        answers = net(x)
        net.answers[0].bias += 1
        changed = (net(x) - answers).abs().amax(dim=(0, 2, 3, 4))
    assert answers.shape == (2, 3, 5, 8, 8)
    assert changed[0] == pytest.approx(1, abs=1e-5) and (changed[1:] > 1e-6).all()


def test_the_stem_takes_the_encoders_weights():
    net = pose.PoseNet(14)
    encoder = weights.load(Encoder(), "toyland_encoder")
    net.stem.load_state_dict(encoder.early[:-1].state_dict(), strict=True)
    images = torch.rand(1, 3, 32, 32)
    assert net.eval()(images).shape == (1, 2, 14, 8, 8)
    stem = net.stem(images)
    assert torch.equal(torch.nn.functional.max_pool2d(stem, 2), encoder.eval().early(images))


# --- several people ------------------------------------------------------------------------------------------------


def test_a_field_by_hand():
    """From cell (row 2, column 1) to (2, 4): cells 1 to 4 of rows 1 to 3 point to the right, and no others."""
    field = pose.fields(joints((1.5, 2.5, 2), (4.5, 2.5, 2)), 7, [(0, 1)], stride=1)[0]
    expected = torch.zeros(2, 7, 7)
    expected[0, 1:4, 1:5] = 1
    assert torch.equal(field, expected)
    assert torch.equal(pose.fields(joints((4.5, 2.5, 2), (1.5, 2.5, 2)), 7, [(0, 1)], stride=1)[0], -expected)


def test_where_two_limbs_cross_the_mean_stands():
    a, b = joints((0.5, 3.5, 2), (6.5, 3.5, 2)), joints((3.5, 0.5, 2), (3.5, 6.5, 2))
    field = pose.fields(torch.cat([a, b], dim=1), 7, [(0, 1)], stride=1)[0]
    assert field[:, 3, 3].tolist() == [0.5, 0.5] and field[:, 3, 0].tolist() == [1, 0]
    assert field[:, 6, 3].tolist() == [0, 1] and field[:, 0, 0].tolist() == [0, 0]


def test_a_limb_with_an_end_outside_or_missing_has_no_field():
    for second in ((9.0, 2, 1), (4.0, 2, 0)):
        assert (pose.fields(joints((1, 2, 2), second), 7, [(0, 1)], stride=1) == 0).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_field_has_length_0_or_1_for_one_person_and_at_most_1_for_several(seed):
    keypoints = crowd(seed)
    length = pose.fields(keypoints, 64, LIMBS).unflatten(1, (13, 2)).norm(dim=2)
    assert (length <= 1 + 1e-5).all()
    alone = pose.fields(keypoints[:, :1], 64, LIMBS).unflatten(1, (13, 2)).norm(dim=2)
    assert ((alone < 1e-6) | ((alone - 1).abs() < 1e-5)).all()


def test_a_limb_scores_nearly_one_its_reverse_the_opposite_and_others_less():
    a, b = (10.0, 10.0), (40.0, 34.0)
    field = pose.fields(joints((*a, 2), (*b, 2)), 64, [(0, 1)])[0]
    ends = torch.tensor([b, a, (28.0, 32.5), (60.0, 60.0)])
    scores = pose.limb_scores(field, torch.tensor([a, b]), ends)
    assert scores.shape == (2, 4)
    assert 0.9 < scores[0, 0] <= 1 + 1e-6 and scores[1, 1] == pytest.approx(-scores[0, 0].item(), abs=1e-5)
    assert scores[0, 2] < 0.8 * scores[0, 0] and scores[0, 3] < 0.9 * scores[0, 0]
    assert pose.limb_scores(field, torch.zeros(0, 3), ends).shape == (0, 4)
    assert pose.limb_scores(field, ends, torch.zeros(0, 3)).shape == (4, 0)


def test_greedy_matching_by_hand():
    scores = torch.tensor([[0.9, 0.8, 0.1], [0.85, 0.3, 0.2]])
    assert pose.match_limbs(scores) == [(0, 0), (1, 1)], "0.9 first, though 0.8 + 0.85 would be more together"
    assert pose.match_limbs(scores, 0.5) == [(0, 0)] and pose.match_limbs(scores[:0]) == []
    assert scores[0, 0] == 0.9, "the scores handed in stay as they are"


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), a=st.integers(0, 5), b=st.integers(0, 5))
def test_matching_uses_every_joint_once_and_leaves_no_good_pair(seed, a, b):
    scores = torch.rand(a, b, generator=torch.Generator().manual_seed(seed))
    pairs = pose.match_limbs(scores)
    starts, ends = [i for i, _ in pairs], [j for _, j in pairs]
    assert len(set(starts)) == len(starts) and len(set(ends)) == len(ends)
    values = [float(scores[pair]) for pair in pairs]
    assert values == sorted(values, reverse=True) and all(value > 0.2 for value in values)
    free = [(i, j) for i in range(a) for j in range(b) if i not in starts and j not in ends]
    assert all(scores[pair] <= 0.2 for pair in free)


def test_peaks_of_a_map_by_hand():
    maps = torch.zeros(2, 8, 8)
    maps[0, 2, 3], maps[0, 2, 4], maps[0, 6, 1], maps[0, 0, 7] = 0.9, 0.5, 0.4, 0.2
    one, none = pose.find_peaks(maps, 0.3, stride=4)
    assert none.shape == (0, 3)
    assert one[:, 2].tolist() == pytest.approx([0.9, 0.4]) and one[1, :2].tolist() == [6, 26]
    assert 14 < one[0, 0] < 16 and one[0, 1] == 10, "between the two cells, nearer to the higher one"


def scene_people(seeds: range, count: tuple[int, int]) -> torch.Tensor:
    scenes = [toyland.scene(seed, 96, classes=["person"], objects=count, object_sizes=(40, 60)) for seed in seeds]
    rows = torch.zeros(len(scenes), count[1], 14, 3)
    for row, scene in zip(rows, scenes, strict=True):
        row[: len(scene.labels)] = torch.tensor(scene.keypoints)
    return rows


def test_true_maps_and_fields_give_the_people_back():
    """The whole way in the other direction, on people of Toyland: nearly every joint, with its owner."""
    keypoints = scene_people(range(12), (2, 3))
    outputs = torch.cat([pose.heat_maps(keypoints, 96), pose.fields(keypoints, 96, LIMBS)], dim=1)
    found = [pose.find_people(output, LIMBS) for output in outputs]
    score = metrics.pck_several(found, keypoints, people.torso_lengths(keypoints))
    assert score.mean > 0.9 and score.extra < 0.5


def test_two_people_apart_come_back_exactly():
    keypoints = crowd(3, 1, 1, size=30) + torch.tensor([5.0, 5, 0])
    both = torch.cat([keypoints, keypoints + torch.tensor([50.0, 10, 0])], dim=1)
    both[..., 2] = 2
    outputs = torch.cat([pose.heat_maps(both, 96, 1, 0.8), pose.fields(both, 96, LIMBS, 1)], dim=1)[0]
    found = pose.find_people(outputs, LIMBS, stride=1)
    assert found.shape == (2, 14, 3)
    found = found[found[:, 0, 0].argsort()]
    torch.testing.assert_close(found[..., :2], both[0, both[0, :, 0, 0].argsort(), :, :2], atol=0.02, rtol=0)


def test_no_people_and_small_pieces():
    assert pose.find_people(torch.zeros(14 + 26, 24, 24), LIMBS).shape == (0, 14, 3)
    keypoints = crowd(0, 1, 1)
    keypoints[..., 2] = torch.tensor([2.0, 2, 2] + [0.0] * 11)
    outputs = torch.cat([pose.heat_maps(keypoints, 64), pose.fields(keypoints, 64, LIMBS)], dim=1)[0]
    assert len(pose.find_people(outputs, LIMBS)) == 0 and len(pose.find_people(outputs, LIMBS, fewest=3)) == 1


# --- mirrors -------------------------------------------------------------------------------------------------------


def test_the_mirror_exchanges_left_and_right_and_twice_is_nothing():
    names = toyland.KEYPOINTS
    swapped = [names[k] for k in people.SWAP]
    assert swapped[:4] == ["head", "neck", "right_shoulder", "left_shoulder"]
    assert all(people.SWAP[people.SWAP[k]] == k for k in range(14))
    keypoints, images = crowd(1) * (crowd(1)[..., 2:] > 0), torch.rand(2, 3, 64, 64)
    turned = people.mirror(images, keypoints)
    again = people.mirror(*turned)
    assert torch.equal(again[0], images)
    torch.testing.assert_close(again[1], keypoints)
    one = torch.zeros(1, 1, 14, 3)
    one[0, 0, 6] = torch.tensor([50.0, 20, 2])  # a left wrist, right in the picture
    wanted = torch.zeros(1, 1, 14, 3)
    wanted[0, 0, 7] = torch.tensor([14.0, 20, 2])
    assert torch.equal(people.mirror(images, one)[1], wanted)


@pytest.mark.parametrize("seed", range(3))
def test_the_truth_of_the_mirrored_picture_turned_back_is_the_truth(seed):
    """x and 64 - x lie mirrored in the grid as well, so maps and fields must agree cell by cell."""
    keypoints = crowd(seed)
    keypoints[..., :2] = keypoints[..., :2].clamp(1, 63)
    _, turned = people.mirror(torch.zeros(2, 3, 64, 64), keypoints)
    truth, mirrored = (
        torch.cat([pose.heat_maps(k, 64), pose.fields(k, 64, LIMBS)], dim=1) for k in (keypoints, turned)
    )
    torch.testing.assert_close(pose.flip_back(mirrored, people.SWAP, LIMBS), truth, atol=1e-4, rtol=0)
    torch.testing.assert_close(pose.flip_back(mirrored[:, :14], people.SWAP), truth[:, :14], atol=1e-5, rtol=0)


# --- Toyland's people ----------------------------------------------------------------------------------------------


def test_people_of_toyland_are_those_of_its_scenes(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    images, keypoints = people.toyland_people(6, 64, seed=3, split="validation", people=(1, 2), sizes=(28, 40))
    scenes = toyland.scenes(
        6, 64, 3, split="validation", classes=["person"], objects=(1, 2), object_sizes=(28, 40), cache=False
    )
    assert images.shape == (6, 3, 64, 64) and keypoints.shape == (6, 2, 14, 3)
    for picture, rows, scene in zip(images, keypoints, scenes, strict=True):
        np.testing.assert_array_equal(picture, toyland.batch([scene])[0])
        np.testing.assert_array_equal(rows[: len(scene.labels)], scene.keypoints)
        assert (rows[len(scene.labels) :] == 0).all()


def test_torso_and_head_by_hand():
    person = torch.zeros(14, 3)
    person[0, :2], person[1, :2] = torch.tensor([10.0, 4]), torch.tensor([10.0, 9])  # head, neck
    person[2, :2], person[9, :2] = torch.tensor([16.0, 10]), torch.tensor([7.0, 22])  # left shoulder, right hip
    assert people.torso_lengths(person) == 15 and people.head_lengths(person) == 10


def test_two_people_walk_past_each_other():
    images, keypoints = people.walk(7, 96, seed=1)
    assert images.shape == (7, 3, 96, 96) and 0 <= images.min() and images.max() <= 1
    middle = keypoints[:, :, 1, 0]  # the necks
    assert (middle[:, 0].diff() > 0).all() and (middle[:, 1].diff() < 0).all()
    assert middle[0, 0] < middle[0, 1] and middle[-1, 0] > middle[-1, 1]
    assert set(keypoints[..., 2].unique().tolist()) <= {1, 2} and (keypoints[3, 0, :, 2] == 1).any()
    again = people.walk(7, 96, seed=1)
    assert torch.equal(again[0], images) and torch.equal(again[1], keypoints)
    with pytest.raises(ValueError, match="count must be an integer of at least 2, got 1"):
        people.walk(1)


# --- PCK -----------------------------------------------------------------------------------------------------------

TRUTH = np.array([[[10, 10, 2], [30, 10, 2], [30, 40, 1]], [[5, 5, 2], [0, 0, 0], [9, 9, 2]]], dtype=float)


def test_pck_by_hand():
    """Lengths 50 and 10, share 0.2: radius 10 and 2. Away by 10 (right), 11 (wrong); 2 (right), 3 (wrong)."""
    points = TRUTH[..., :2] + np.array([[[10, 0], [0, 11], [0, 0]], [[0, 2], [0, 0], [3, 0]]])
    score = metrics.pck(points, TRUTH, [50, 10])
    assert score.mean == 0.5
    np.testing.assert_array_equal(score.per_joint, [1, 0, 0])
    hidden = TRUTH.copy()
    hidden[:, 2, 2] = 1
    assert np.isnan(metrics.pck(points, hidden, [50, 10]).per_joint[2])
    assert metrics.pck(points, TRUTH, [50, 10], share=0.5).mean == 1


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([0.5, 3.0]))
def test_pck_does_not_change_with_the_scale_and_grows_with_the_share(seed, scale):
    truth = crowd(seed, 4, 1)[:, 0].numpy()
    truth[0, 0, 2] = 2
    points, lengths = truth[..., :2] + np.random.default_rng(seed).normal(0, 4, (4, 14, 2)), np.full(4, 20.0)
    scores = [metrics.pck(points, truth, lengths, share).mean for share in (0.05, 0.2, 1.0)]
    assert scores == sorted(scores)
    scaled = truth * [scale, scale, 1]
    assert metrics.pck(points * scale, scaled, lengths * scale).mean == scores[1]


def test_several_people_by_hand():
    """Two true people of three joints, all visible but one; found: B whole, A with one joint right, and a stranger."""
    truth = np.zeros((1, 3, 3, 3))
    truth[0, 0] = [[10, 10, 2], [10, 20, 2], [10, 30, 2]]
    truth[0, 1] = [[50, 10, 2], [50, 20, 2], [50, 30, 1]]
    lengths = np.array([[10.0, 10, 0]])
    b = [[51, 10, 0.9], [50, 21, 0.9], [50, 30, 0.9]]
    a = [[10, 10, 0.9], [10, 23, 0.9], [10, 30, 0.0]]  # the second 3 away, the third not found though its numbers fit
    stranger = [[80, 80, 0.9]] * 3
    score = metrics.pck_several([np.array([stranger, a, b])], truth, lengths)
    assert score == (pytest.approx(3 / 5), 1.0)
    assert metrics.pck_several([np.zeros((0, 3, 3))], truth, lengths) == (0.0, 0.0)


def test_one_found_person_cannot_serve_two_true_ones():
    truth = np.zeros((1, 2, 2, 3))
    truth[0, :, :, 2] = 2  # two people in one place
    found = np.full((1, 2, 3), [0, 0, 1.0])
    assert metrics.pck_several([found], truth, [[1.0, 1]]).mean == 0.5
    assert metrics.pck_several([np.repeat(found, 3, axis=0)], truth, [[1.0, 1]]) == (1.0, 1.0)


def test_one_person_a_picture_is_pck():
    truth = crowd(4, 6, 1)
    found = truth + 2 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    found[..., 2] = 1
    lengths = people.torso_lengths(truth)
    single = metrics.pck(found[:, 0], truth[:, 0], lengths[:, 0])
    assert metrics.pck_several(list(found), truth, lengths).mean == pytest.approx(single.mean)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.pck(TRUTH[0], TRUTH, [1, 1]), r"points must have the shape \(N, K, 2 or more\), got \(3, 3\)"),
        (lambda: metrics.pck(TRUTH, TRUTH[..., :2], [1, 1]), r"truth must have the shape \(N, K, 3 or more\)"),
        (lambda: metrics.pck(TRUTH[:, :2], TRUTH, [1, 1]), r"must fit truth, \(2, 3\), got \(2, 2\) and \(2,\)"),
        (lambda: metrics.pck(TRUTH, TRUTH, [1, 1], 0), "share must be above 0, got 0"),
        (lambda: metrics.pck(TRUTH, TRUTH, [1, 0]), "lengths must be above 0 for everyone with a visible joint"),
        (lambda: metrics.pck(TRUTH, 0 * TRUTH, [1, 1]), "truth must hold at least one joint of visibility 2"),
        (lambda: metrics.pck_several([], TRUTH[None], [[1, 1]]), r"people must be 1 and lengths \(1, 2\), got 0"),
        (lambda: metrics.pck_several([TRUTH[0]], TRUTH[None], [[1, 1]]), r"people must have the shape \(M, K, 3 or m"),
        (lambda: metrics.pck_several([TRUTH], 0 * TRUTH[None], [[1, 1]]), "truth must hold at least one joint"),
    ],
)
def test_pck_refuses_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- the explorer --------------------------------------------------------------------------------------------------


def test_limbs_by_hand():
    """Crossed forearms: the nearer wrist is the other person's, and the field knows it."""
    from course_utils import widgets

    svg = widgets.limbs_svg()
    assert "Pairs by the field: A–a, B–b, right; pairs by the distance: A–b, B–a, wrong." in svg
    assert svg.count('class="elbow"') == svg.count('class="wrist"') == 2 and svg.count('class="arrow"') > 20
    svg = widgets.limbs_svg(12, 4, 12, 11)
    assert "A to a: score 1.00, distance 9.0" in svg and "B to b: score 1.00, distance 9.0" in svg
    assert "Pairs by the field: A–a, B–b, right; pairs by the distance: A–a, B–b, right." in svg


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 0, 5, 0, 1), "x_a must be an integer from 5 to 15, got 4"),
        ((5, 16, 5, 0, 1), "y_a must be an integer from 0 to 15, got 16"),
        ((5, 0, 16, 0, 1), "x_b must be an integer from 5 to 15, got 16"),
        ((5, 0, 5, 0, 4), "width must be an integer from 1 to 3, got 4"),
    ],
)
def test_limbs_refuse_by_name(arguments, message):
    from course_utils import widgets

    with pytest.raises(ValueError, match=message):
        widgets.limbs_svg(*arguments)


def test_limbs_follow_their_sliders(monkeypatch):
    import IPython.display

    from course_utils import widgets

    explorer = widgets.explore_limbs()
    sliders, picture = explorer.children[0].children, explorer.children[1]
    assert "limbs-explorer" in explorer._dom_classes and [s.description for s in sliders] == [
        "x a", "y a", "x b", "y b", "width",
    ]  # fmt: skip
    for slider in sliders:
        before = picture.value
        slider.value = slider.max if slider.value != slider.max else slider.min
        assert picture.value != before
    assert picture.value == widgets.limbs_svg(*(slider.value for slider in sliders))
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    widgets.show_limbs(width=2)
    assert "half a forearm is 2 cells wide" in shown[0]["text/plain"] and "<img" in shown[0]["text/html"]


# --- skeletons drawn -----------------------------------------------------------------------------------------------


def test_skeletons_are_drawn_where_joints_are_and_leave_the_view_alone():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from course_utils import plots

    fig, ax = plt.subplots()
    plots.image(ax, np.zeros((3, 8, 8)))
    view = ax.get_xlim(), ax.get_ylim()
    person = [[1, 2, 1], [3, 4, 1], [20, 4, 1], [5, 5, 0]]
    plots.skeletons(ax, [person, person], [(0, 1), (1, 2), (2, 3)])
    lines = [line for line in ax.lines if len(line.get_xdata()) == 2]
    assert len(lines) == 2 * 2 * 2, "two people, two limbs whose ends are there, each with its seam"
    np.testing.assert_array_equal(lines[0].get_xydata(), [[0.5, 1.5], [2.5, 3.5]])
    assert (ax.get_xlim(), ax.get_ylim()) == view
    plots.skeletons(ax, torch.zeros(0, 4, 3), [(0, 1)])
    plt.close(fig)


def test_an_animation_shows_each_frame_once(monkeypatch):
    import base64
    import re
    from xml.etree import ElementTree

    import IPython.display

    from course_utils import plots

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    person = torch.tensor([[[1.0, 2, 1], [3, 4, 1], [3, 4, 0]]])
    alt = "Two grey frames, a line in the first."
    plots.animate_skeletons(torch.full((3, 3, 8, 8), 0.5), [person, [], person[:0]], [(0, 1), (1, 2)], alt, seconds=3)
    assert f'alt="{alt}"' in shown[0]["text/html"] and shown[0]["text/plain"] == f"[animation: {alt}]"
    code = re.search(r"data:image/svg\+xml;base64,([^\"]+)", shown[0]["text/html"]).group(1)
    root = ElementTree.fromstring(base64.b64decode(code))
    svg = "{http://www.w3.org/2000/svg}"
    groups, moves = root.findall(f"{svg}g"), list(root.iter(f"{svg}animate"))
    assert [group.get("visibility") for group in groups] == ["visible", "hidden", "hidden"]
    assert [move.get("values") for move in moves] == ["visible;hidden", "hidden;visible;hidden", "hidden;visible"]
    assert [move.get("keyTimes") for move in moves] == ["0;0.3333", "0;0.3333;0.6667", "0;0.6667"]
    assert [len(group.findall(f"{svg}path")) for group in groups] == [2, 0, 0], "a line and its seam"
    assert groups[0].find(f"{svg}path").get("d") == "M4.0 8.0L12.0 16.0"


@pytest.mark.parametrize(
    ("frames", "people_found", "alt", "seconds", "message"),
    [
        (np.zeros((1, 3, 4, 4)), [[]], "long enough to be a sentence", 3, "with at least two of them"),
        (np.zeros((2, 1, 4, 4)), [[], []], "long enough to be a sentence", 3, r"got \(2, 1, 4, 4\)"),
        (np.zeros((2, 3, 4, 4)), [[]], "long enough to be a sentence", 3, "people must be as many as frames, 2, got 1"),
        (np.zeros((2, 3, 4, 4)), [[], []], "short", 3, "alt must describe"),
        (np.zeros((2, 3, 4, 4)), [[], []], "long enough to be a sentence", 0, "seconds must be above 0, got 0"),
    ],
)
def test_an_animation_refuses_what_it_cannot_draw(frames, people_found, alt, seconds, message):
    from course_utils import plots

    with pytest.raises(ValueError, match=message):
        plots.animate_skeletons(frames, people_found, [(0, 1)], alt, seconds)


def test_limbs_of_toyland_form_a_tree_and_are_mirrored_onto_each_other():
    assert len(LIMBS) == 13 and len(set(itertools.chain(*LIMBS))) == 14
    assert {(people.SWAP[a], people.SWAP[b]) for a, b in LIMBS} == set(LIMBS)
