"""A class for every pixel: metrics against torchmetrics and scikit-learn, Toyland's class maps, FCN, drawings."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import confusion_matrix, jaccard_score

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from course_utils import metrics, plots, weights, widgets
from course_utils.datasets import segmentation, toyland
from course_utils.layers import count_parameters
from course_utils.models import fcn
from course_utils.widgets import coarse

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torchmetrics.functional.classification import multiclass_accuracy, multiclass_jaccard_index


def maps(seed: int, num_classes: int = 5, void: float = 0.1, shape=(3, 9, 7)) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions and targets; the last class occurs in neither, the one before it is only predicted."""
    generator = torch.Generator().manual_seed(seed)
    predictions = torch.randint(num_classes - 1, shape, generator=generator)
    targets = torch.where(torch.rand(shape, generator=generator) < 0.5, predictions.clamp(max=num_classes - 3), 0)
    return predictions, targets.masked_fill(torch.rand(shape, generator=generator) < void, 255)


# --- metrics ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_confusion_and_iou_are_scikit_learns_and_torchmetrics(seed):
    predictions, targets = maps(seed)
    counts = metrics.segmentation_confusion(predictions, targets, 5)
    counted = targets != 255
    true, given = targets[counted].numpy(), predictions[counted].numpy()
    np.testing.assert_array_equal(counts, confusion_matrix(true, given, labels=range(5)))
    assert metrics.pixel_accuracy(counts) == pytest.approx((true == given).mean())
    theirs = multiclass_accuracy(predictions, targets, 5, average="micro", ignore_index=255)
    assert metrics.pixel_accuracy(counts) == pytest.approx(theirs.item(), abs=1e-6)
    each = metrics.class_iou(counts)
    assert np.isnan(each[4]) and each[3] == 0, "in neither of the two: left out; only predicted: 0"
    np.testing.assert_allclose(each[:4], jaccard_score(true, given, labels=range(4), average=None, zero_division=0))
    theirs = multiclass_jaccard_index(predictions, targets, 5, average="macro", ignore_index=255)
    assert metrics.mean_iou(counts) == pytest.approx(theirs.item(), abs=1e-6)
    assert metrics.mean_iou(counts) == pytest.approx(each[:4].mean())


def test_mostly_sky_by_hand():
    truth = np.zeros((5, 8), dtype=int)
    truth[1, 2:4], truth[3:, 6:] = 1, 2  # two pixels of bird, four of tree
    all_sky = metrics.segmentation_confusion(np.zeros_like(truth), truth, 3)
    assert metrics.pixel_accuracy(all_sky) == pytest.approx(0.85)
    assert metrics.class_iou(all_sky).tolist() == pytest.approx([0.85, 0, 0])
    assert metrics.mean_iou(all_sky) == pytest.approx(0.85 / 3)
    generous = truth.copy()
    generous[1, 1], generous[1, 4], generous[0, 2:4], generous[2, 5:], generous[4, 5] = 1, 1, 1, 2, 2
    counts = metrics.segmentation_confusion(generous, truth, 3)
    np.testing.assert_array_equal(counts, [[26, 4, 4], [0, 2, 0], [0, 0, 4]])
    assert metrics.pixel_accuracy(counts) == pytest.approx(0.80)
    assert metrics.mean_iou(counts) == pytest.approx((26 / 34 + 2 / 6 + 4 / 8) / 3)


def test_confusions_of_parts_add_up_and_renaming_classes_changes_nothing():
    predictions, targets = maps(7)
    counts = metrics.segmentation_confusion(predictions, targets, 5)
    parts = [metrics.segmentation_confusion(p, t, 5) for p, t in zip(predictions, targets, strict=True)]
    np.testing.assert_array_equal(sum(parts), counts)
    assert counts.sum() == (targets != 255).sum()
    order = np.array([2, 0, 4, 1, 3])
    renamed = np.where(targets == 255, 255, order[targets.clamp(max=4)])
    again = metrics.segmentation_confusion(order[predictions], renamed, 5)
    assert metrics.mean_iou(again) == pytest.approx(metrics.mean_iou(counts))


def test_nothing_counted_is_nan_and_perfect_is_one():
    void = torch.full((1, 2, 2), 255)
    counts = metrics.segmentation_confusion(torch.zeros_like(void), void, 2)
    assert np.isnan(metrics.pixel_accuracy(counts)) and np.isnan(metrics.mean_iou(counts))
    _, targets = maps(3, void=0)
    perfect = metrics.segmentation_confusion(targets, targets, 9, ignore=None)
    assert metrics.pixel_accuracy(perfect) == metrics.mean_iou(perfect) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predictions": torch.zeros(2, 3, dtype=int)}, r"shape of targets, \(2, 2\), got \(2, 3\)"),
        ({"predictions": torch.zeros(2, 2)}, "predictions must hold whole numbers.*take the argmax"),
        ({"predictions": torch.full((2, 2), 3)}, "predictions must be from 0 to 2.*got 3"),
        ({"targets": torch.tensor([[0, 1], [254, 255]])}, r"targets must be from 0 to 2 \(or 255 .*got 254"),
        ({"targets": torch.tensor([[0, 1], [-1, 0]]), "ignore": None}, "targets must be from 0 to 2, got -1"),
        ({"num_classes": 0}, "num_classes must be an integer of at least 1"),
        ({"ignore": 2}, "ignore must be an integer of at least 3, got 2"),
    ],
)
def test_confusion_refuses(change, message):
    given = {"predictions": torch.zeros(2, 2, dtype=int), "targets": torch.zeros(2, 2, dtype=int), "num_classes": 3}
    with pytest.raises(ValueError, match=message):
        metrics.segmentation_confusion(**given | change)


@pytest.mark.parametrize("bad", [np.zeros((2, 3)), np.zeros(4), np.array([[1, -1], [0, 0]]), np.zeros((0, 0))])
def test_figures_refuse_what_is_no_confusion(bad):
    with pytest.raises(ValueError, match="confusion must be counts"):
        metrics.mean_iou(bad)


# --- pictures --------------------------------------------------------------------------------------------------------


def test_class_maps_are_toylands():
    images, classes = segmentation.toyland_segmentation(4, size=64, seed=3, split="validation")
    scenes = toyland.scenes(4, 64, 3, split="validation", objects=(1, 4))
    assert images.shape == (4, 3, 64, 64) and images.dtype == torch.float32 and 0 <= images.min() < images.max() <= 1
    assert classes.shape == (4, 64, 64) and classes.dtype == torch.int64
    for one, scene in zip(classes, scenes, strict=True):
        assert set(one.unique().tolist()) - {0} == {label + 1 for label in scene.labels.tolist()}
        for label, mask in zip(scene.labels, scene.masks, strict=True):
            assert (one[torch.from_numpy(mask.copy())] == label + 1).all()
    assert segmentation.CLASS_NAMES[0] == "ground" and segmentation.CLASS_NAMES[1:] == toyland.CLASSES
    with pytest.raises(ValueError, match="split must be one of"):
        segmentation.toyland_segmentation(1, split="val")


def test_void_borders_by_hand_and_mirrored():
    classes = torch.zeros(1, 5, 6, dtype=torch.int64)
    classes[0, 2:, 3:] = 4
    void = segmentation.void_borders(classes)
    wanted = torch.tensor(
        [[0] * 6, [0, 0] + [255] * 4, [0, 0] + [255] * 4, [0, 0, 255, 255, 4, 4], [0, 0, 255, 255, 4, 4]]
    )
    assert torch.equal(void[0], wanted)
    assert torch.equal(segmentation.void_borders(classes.flip(2)), void.flip(2))
    assert torch.equal(segmentation.void_borders(torch.full((2, 3, 3), 7)), torch.full((2, 3, 3), 7))
    assert (segmentation.void_borders(classes, width=2) == 255).sum() > (void == 255).sum()
    with pytest.raises(ValueError, match="width must be an integer of at least 1"):
        segmentation.void_borders(classes, 0)
    with pytest.raises(ValueError, match="classes must have the shape"):
        segmentation.void_borders(classes[0])


# --- networks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [2, 8])
def test_upsampling_starts_bilinear(factor):
    maps = torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(factor))
    ours = fcn.bilinear_upsampling(3, factor)(maps)
    theirs = F.interpolate(maps, scale_factor=float(factor), mode="bilinear", align_corners=False)
    assert ours.shape == theirs.shape
    inside = slice(factor // 2, -(factor // 2))
    torch.testing.assert_close(ours[:, :, inside, inside], theirs[:, :, inside, inside])
    assert not any(p.requires_grad for p in fcn.bilinear_upsampling(3, factor, learned=False).parameters())


@pytest.mark.parametrize("stride", fcn.STRIDES)
def test_fcn_shapes_counts_and_gradients(stride):
    net = fcn.FCN(stride)
    encoder, deep, score = 824_528, 9 * 256 * 256 + 2 * 256, 256 * 11 + 11
    skips = {32: 0, 16: 256 * 11 + 11, 8: (256 + 128) * 11 + 2 * 11}[stride]
    doublings = {32: 0, 16: 1, 8: 2}[stride] * 11 * 16
    assert count_parameters(net) == encoder + deep + score + skips + doublings
    logits = net(torch.rand(2, 3, 64, 96))
    assert logits.shape == (2, 11, 64, 96)
    F.cross_entropy(logits, torch.randint(11, (2, 64, 96)), ignore_index=255).backward()
    silent = [name for name, p in net.named_parameters() if p.requires_grad and p.grad is None]
    assert silent == []


@pytest.mark.parametrize("size", [(1, 1), (33, 70), (64, 31)])
def test_odd_sizes_are_filled_up_and_cut_back(size):
    assert fcn.FCN(8, num_classes=3, width=2).eval()(torch.rand(1, 3, *size)).shape == (1, 3, *size)


def test_skips_start_silent_and_early_plus_late_is_the_whole():
    torch.manual_seed(0)
    net = fcn.FCN(8, num_classes=3, width=4).eval()
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(net.late(net.encoder.early(images)), net(images))
        _, coarse = net.encoder(images)
        scores = net.score(net.deep(coarse))
        enlarged = net.enlarge(net.doublings[1](net.doublings[0](scores)))
        torch.testing.assert_close(net(images), enlarged)


def test_scores_are_enlarged_in_full_precision_under_autocast():
    torch.manual_seed(0)
    net, images = fcn.FCN(16, num_classes=3, width=4).eval(), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        with torch.autocast("cpu", torch.bfloat16):
            lower = net(images)
        assert lower.dtype == torch.float32
        torch.testing.assert_close(lower, net(images), rtol=0.1, atol=0.05)


@pytest.mark.parametrize("shape", [(1, 1, 64, 64), (1, 4, 64, 64), (3, 64, 64), (1, 3, 0, 64), (0, 3, 64, 64)])
def test_fcn_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"images must have the shape \(N, 3, H, W\)"):
        fcn.FCN(32, width=2)(torch.zeros(shape))


def test_fcn_refuses_bad_arguments():
    with pytest.raises(ValueError, match="stride must be one of 32, 16, 8, got 4"):
        fcn.FCN(4)
    with pytest.raises(ValueError, match="factor must be an even number, got 3"):
        fcn.bilinear_upsampling(2, 3)


def test_the_stored_encoder_fits():
    weights.load(fcn.FCN(8).encoder, "toyland_encoder")


# --- drawing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def ax():
    fig, axes = plt.subplots()
    yield axes
    plt.close(fig)


def squares() -> np.ndarray:
    classes = np.zeros((20, 24), dtype=np.int64)
    classes[2:8, 2:8], classes[10:18, 12:22], classes[10:18, 20:22], classes[0, 23] = 1, 2, 255, 1
    return classes


@pytest.mark.parametrize("over", [True, False])
def test_class_map_names_each_region_once_and_outlines_every_edge(ax, over):
    image = torch.rand(3, 20, 24) if over else None
    plots.class_map(ax, squares(), ("ground", "cat", "car"), image)
    assert sorted(text.get_text() for text in ax.texts) == ["car", "cat"], "a lone pixel gets no name"
    for text in ax.texts:
        x, y = text.get_position()
        assert squares()[int(y), int(x)] == {"cat": 1, "car": 2}[text.get_text()]
    numbers = squares()
    edges = (numbers[:, 1:] != numbers[:, :-1]).sum() + (numbers[1:] != numbers[:-1]).sum()
    seam, line = ax.collections[-2:]
    assert len(line.get_segments()) == len(seam.get_segments()) == edges
    ax.figure.canvas.draw()  # hatches are made only now


def test_class_map_leaves_the_ground_of_a_picture_as_it_is(ax):
    image = np.random.default_rng(0).random((3, 20, 24))
    plots.class_map(ax, squares(), ("ground", "cat", "car"), image)
    shown = ax.images[0].get_array()
    np.testing.assert_allclose(shown[squares() == 0], image.transpose(1, 2, 0)[squares() == 0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": squares()[0]}, "classes must be whole numbers of the shape"),
        ({"classes": squares() / 2}, "classes must be whole numbers of the shape"),
        ({"classes": squares() + 1}, "classes must be from 0 to 2, or 255 for void"),
        ({"names": ()}, "names must be 1 to 11"),
        ({"image": torch.rand(3, 20, 20)}, r"image must have the shape \(3, 20, 24\)"),
    ],
)
def test_class_map_refuses(ax, change, message):
    with pytest.raises(ValueError, match=message):
        plots.class_map(ax, **{"classes": squares(), "names": ("ground", "cat", "car")} | change)


# --- the explorer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("halvings", range(6))
def test_coarse_masks_are_pools_and_interpolations(halvings):
    mask = coarse.tree(44, 30, 33)
    shares = F.avg_pool2d(torch.tensor(mask)[None, None].double(), 2**halvings)
    enlarged = F.interpolate(shares, size=(64, 64), mode="bilinear", align_corners=False)[0, 0].numpy()
    ours = coarse.averaged(mask, 2**halvings)
    sure = np.abs(enlarged - 0.5) > 1e-9
    np.testing.assert_array_equal(ours[sure], (enlarged > 0.5)[sure])
    iou = (ours & mask).sum() / (ours | mask).sum()
    assert f"IoU with the truth: {iou:.2f}." in ET.fromstring(widgets.coarse_svg(halvings)).get("aria-label")


def test_iou_falls_with_every_halving_and_its_picture_counts_its_cells():
    found = []
    for halvings in range(6):
        root = ET.fromstring(widgets.coarse_svg(halvings))
        assert root.get("role") == "img" and f"{64 // 2**halvings} × {64 // 2**halvings} cells" in root.get(
            "aria-label"
        )
        found.append(float(root.get("aria-label").rsplit(" ", 1)[1].rstrip(".")))
        grid = [e for e in root.iter() if e.get("stroke-width") == "1" and e.tag.endswith("line")]
        assert len(grid) == (2 * (64 // 2**halvings - 1) if halvings else 0)
    assert found[0] == 1 and found == sorted(found, reverse=True) and found[-1] < 0.5


def test_the_answers_area_is_what_the_rectangles_cover():
    root = ET.fromstring(widgets.coarse_svg(3, 20, 20, 40))
    for kind, mask in (("truth", coarse.tree(20, 20, 40)), ("answer", coarse.averaged(coarse.tree(20, 20, 40), 8))):
        widths = [float(e.get("width")) for e in root.iter() if e.get("class") == kind]
        assert sum(widths) == 7 * mask.sum()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((6, 20, 32, 32), "halvings must be an integer from 0 to 5, got 6"),
        ((3, 61, 32, 32), "size must be an integer from 8 to 60, got 61"),
        ((3, 20, 32, 2.5), "row must be an integer from 16 to 48, got 2.5"),
    ],
)
def test_coarse_explorer_refuses(given, message):
    with pytest.raises(ValueError, match=message):
        widgets.coarse_svg(*given)


def test_coarse_explorer_follows_its_sliders():
    explorer = widgets.explore_coarse(halvings=3)
    sliders, picture = explorer.children
    before = picture.value
    sliders.children[0].value = 5
    assert picture.value != before and picture.value == widgets.coarse_svg(5)
