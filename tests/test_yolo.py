"""YOLO: the grid and its inverse, the loss by hand and by its gradients, the networks' shapes and counts."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import weights
from course_utils.layers import count_parameters
from course_utils.models import yolo

HAND = [{"boxes": torch.tensor([[29.0, 4, 65, 68]]), "labels": torch.tensor([2])}]  # in a picture of 100 pixels


def scenes(seed: int, count: int, most: int, size: float, num_classes: int) -> list[dict]:
    generator = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(count):
        k = int(torch.randint(0, most + 1, (), generator=generator))
        corners = torch.rand(k, 2, 2, generator=generator).sort(dim=1).values * size
        labels = torch.randint(num_classes, (k,), generator=generator)
        made.append({"boxes": corners.reshape(k, 4), "labels": labels})
    return made


# --- the grid ------------------------------------------------------------------------------------------------------


def test_one_object_by_hand():
    truth = yolo.encode(HAND, size=100, grid=5, num_classes=3)
    assert truth.shape == (1, 5, 5, 8) and truth[..., 4].nonzero().tolist() == [[0, 1, 2]]
    torch.testing.assert_close(truth[0, 1, 2], torch.tensor([0.35, 0.8, 0.6, 0.8, 1, 0, 0, 1]))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    grid=st.sampled_from([1, 3, 7, 12]),
    size=st.sampled_from([1.0, 96.0, 448.0]),
    num_classes=st.integers(1, 20),
)
def test_decode_is_the_inverse_of_encode(seed, grid, size, num_classes):
    """Every cell that answers gives back one of its objects, the smallest, exactly; every other cell says nothing."""
    targets = scenes(seed, 3, 6, size, num_classes)
    truth = yolo.encode(targets, size, grid, num_classes)
    found, confidences, classes = yolo.decode(truth, size, num_boxes=1)
    for n, target in enumerate(targets):
        wanted = {}
        center = (target["boxes"][:, :2] + target["boxes"][:, 2:]) / 2
        for k, (x, y) in enumerate((center / size * grid).long().clamp(max=grid - 1).tolist()):
            sides = target["boxes"][k, 2:] - target["boxes"][k, :2]
            wanted.setdefault((y, x), []).append((float(sides.prod()), k))
        answering = {tuple(cell) for cell in confidences[n, ..., 0].nonzero().tolist()}
        assert answering == set(wanted)
        for (row, column), members in wanted.items():
            k = min(members)[1]
            torch.testing.assert_close(found[n, row, column, 0], target["boxes"][k], atol=1e-4 * size, rtol=1e-4)
            assert classes[n, row, column].tolist() == [float(c == target["labels"][k]) for c in range(num_classes)]


def test_a_picture_without_objects_and_a_centre_on_the_far_border():
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    border = {"boxes": torch.tensor([[8.0, 8, 12, 12]]), "labels": torch.tensor([0])}
    truth = yolo.encode([nothing, border], size=10, grid=2, num_classes=1)
    assert not truth[0].any() and truth[1, 1, 1, :2].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("box", "label", "message"),
    [
        ([95.0, 0, 115, 10], 0, r"targets\[0\]\['boxes'\] must have x1 <= x2 and centres in a picture of 100 pixels"),
        ([20.0, 0, 10, 10], 0, "must have x1 <= x2"),
        ([torch.nan, 0, 10, 10], 0, "must have x1 <= x2"),
        ([0.0, 0, 10, 10], 3, r"targets\[0\]\['labels'\] must be from 0 to 2, got \[3\]"),
    ],
)
def test_bad_targets_are_refused_by_name(box, label, message):
    with pytest.raises(ValueError, match=message):
        yolo.encode([{"boxes": torch.tensor([box]), "labels": torch.tensor([label])}], 100, 5, 3)


# --- the loss ------------------------------------------------------------------------------------------------------


def cell_by_hand() -> tuple[torch.Tensor, torch.Tensor]:
    """The cell of notebook 12: boxes (29, 4)-(65, 36) and (29, 4)-(53, 68), confidences 0.4 and 0.3."""
    outputs = torch.zeros(1, 5, 5, 13)
    outputs[0, 1, 2] = torch.tensor([0.35, 0, 0.6, 0.32**0.5, 0.4, 0.05, 0.8, 0.24**0.5, 0.8, 0.3, 0.2, 0.1, 0.7])
    return outputs, yolo.encode(HAND, 100, 5, 3)


def test_the_terms_by_hand():
    outputs, truth = cell_by_hand()
    terms = {name: term.item() for name, term in yolo.loss_terms(outputs, truth).items()}
    side = (0.24**0.5 - 0.6) ** 2
    by_hand = {"center": 0.09, "side": side, "object": (0.3 - 2 / 3) ** 2, "empty": 0.16, "class": 0.14}
    assert terms == pytest.approx(by_hand, rel=1e-4)
    wanted = 5 * 0.09 + 5 * side + (0.3 - 2 / 3) ** 2 + 0.08 + 0.14
    assert yolo.yolo_loss(outputs, truth).item() == pytest.approx(wanted, rel=1e-4)


def test_the_loss_as_loops_over_cells_and_boxes():
    """Equation 3 of the paper, written with loops, on random tensors in float64."""
    generator = torch.Generator().manual_seed(1)
    truth = yolo.encode(scenes(3, 2, 5, 1.0, 4), 1.0, 3, 4).double()
    outputs = torch.rand(2, 3, 3, 14, generator=generator, dtype=torch.float64)
    terms = dict.fromkeys(yolo.WEIGHTS, 0.0)
    for n in range(2):
        for i in range(3):
            for j in range(3):
                out, true = outputs[n, i, j], truth[n, i, j]

                def corners(v, i=i, j=j):
                    x, y, w, h = (v[0] + j) / 3, (v[1] + i) / 3, v[2] ** 2, v[3] ** 2
                    return torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2])

                ious = [yolo.paired_iou(corners(out[5 * b : 5 * b + 5]), corners(true)).item() for b in (0, 1)]
                best = max((0, 1), key=lambda b: ious[b]) if true[4] else None
                for b in (0, 1):
                    mine = out[5 * b : 5 * b + 5]
                    if b == best:
                        terms["center"] += ((mine[:2] - true[:2]) ** 2).sum().item()
                        terms["side"] += ((mine[2:4] - true[2:4]) ** 2).sum().item()
                        terms["object"] += (mine[4].item() - ious[b]) ** 2
                    else:
                        terms["empty"] += mine[4].item() ** 2
                if true[4]:
                    terms["class"] += ((out[10:] - true[5:]) ** 2).sum().item()
    found = {name: term.item() for name, term in yolo.loss_terms(outputs, truth).items()}
    assert found == pytest.approx({name: value / 2 for name, value in terms.items()})


def test_each_term_moves_its_own_numbers_only():
    wanted = {"center": [5, 6], "side": [7, 8], "object": [9], "empty": [4], "class": [10, 11, 12]}
    for name, places in wanted.items():
        outputs, truth = cell_by_hand()
        outputs += 0.01  # away from the exact values, where the gradient is 0
        outputs.requires_grad_()
        yolo.loss_terms(outputs, truth)[name].backward()
        assert outputs.grad[0, 1, 2].nonzero()[:, 0].tolist() == places
        outputs.grad[0, 1, 2] = 0
        others = outputs.grad.nonzero()[:, 3].unique().tolist()
        assert others == ([4, 9] if name == "empty" else [])


def test_the_truth_costs_nothing():
    truth = yolo.encode(scenes(0, 4, 5, 1.0, 3), 1.0, 4, 3)
    outputs = torch.cat([truth[..., :5], 0 * truth[..., :5], truth[..., 5:]], dim=-1)
    assert yolo.yolo_loss(outputs, truth).item() == pytest.approx(0, abs=1e-6)


# --- networks ------------------------------------------------------------------------------------------------------


def test_the_network_of_the_paper():
    """1,470 outputs (Sorbonne, YOLO); weights counted layer by layer from the paper's figure 3."""
    with torch.device("meta"):
        model = yolo.YoloV1()
        assert model(torch.empty(2, 3, 448, 448)).shape == (2, 7, 7, 30)
    assert 7 * 7 * 30 == 1470
    plan = [(3, 64, 7), (64, 192, 3), (192, 128, 1), (128, 256, 3), (256, 256, 1), (256, 512, 3)]
    plan += [(512, 256, 1), (256, 512, 3)] * 4 + [(512, 512, 1), (512, 1024, 3)]
    plan += [(1024, 512, 1), (512, 1024, 3)] * 2 + [(1024, 1024, 3)] * 4
    assert len(plan) == 24 == sum(isinstance(m, torch.nn.Conv2d) for m in model.modules())
    wanted = sum(a * b * k * k + b for a, b, k in plan) + 7 * 7 * 1024 * 4096 + 4096 + 4096 * 1470 + 1470
    assert count_parameters(model) == wanted == 271_703_550


@pytest.mark.parametrize(("stride", "num_boxes", "num_classes"), [(8, 2, 10), (16, 3, 4), (8, 1, 1)])
def test_the_small_network(stride, num_boxes, num_classes):
    model = yolo.SmallYolo(num_classes, num_boxes, width=4, stride=stride).eval()
    out = model(torch.rand(2, 3, 96, 64))
    assert out.shape == (2, 96 // stride, 64 // stride, num_boxes * 5 + num_classes)
    with pytest.raises(ValueError, match="stride must be one of 8, 16"):
        yolo.SmallYolo(stride=4)


def test_the_stored_encoder_fits():
    encoder = weights.load(yolo.Encoder(), "toyland_encoder")
    assert count_parameters(encoder) == 824_528
    assert weights.read_card("toyland_encoder")["figures"]["held_out_accuracy"] > 0.9


# --- detections ----------------------------------------------------------------------------------------------------


def test_detections_of_the_truth_are_the_truth():
    targets = [{"boxes": torch.tensor([[2.0, 2, 30, 20], [50, 50, 90, 96]]), "labels": torch.tensor([1, 0])}]
    truth = yolo.encode(targets, 96, 12, 3)
    (found,) = yolo.detections(truth, 96, num_boxes=1)
    order = found["labels"].argsort(descending=True)
    torch.testing.assert_close(found["boxes"][order], targets[0]["boxes"])
    assert found["scores"].tolist() == [1, 1]


def test_detections_are_cut_sorted_suppressed_and_limited():
    outputs = torch.zeros(1, 2, 2, 13)
    outputs[0, 0, 0] = torch.tensor([0.5, 0.5, 1.2, 1.2, 0.9, 0.5, 0.5, 1.2, 1.2, 0.8, 1, 0, -0.5])
    outputs[0, 1, 1] = torch.tensor([0.5, 0.5, 0.3, 0.3, -0.9, 0.5, 0.5, 0.3, 0.3, 0.4, -1, 0.6, 0.5])
    (found,) = yolo.detections(outputs, 10)
    assert found["labels"].tolist() == [0, 1, 2]  # the doubled box is gone; negative scores count as 0
    assert found["scores"].tolist() == pytest.approx([0.9, 0.24, 0.2])
    assert found["boxes"].min() >= 0 and found["boxes"].max() <= 10
    assert len(yolo.detections(outputs, 10, most=1)[0]["scores"]) == 1
    assert yolo.detections(outputs, 10, score_threshold=0.95)[0]["boxes"].shape == (0, 4)
