"""The backbone's network: counts by formula, names of layers, what it refuses."""

import pytest
import torch
from torch import nn

from course_utils import weights
from course_utils.layers import count_parameters
from course_utils.models.vgg import SmallVGG, backbone


def test_parameters_by_formula():
    pairs = [(3, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 256)]
    assert count_parameters(SmallVGG()) == sum(9 * a * b + 2 * b for a, b in pairs) + 256 * 10 + 10


def test_layers_in_order_by_name():
    names = [name for name, _ in SmallVGG(channels=(4, 5, 6)).features.named_children()]
    assert (
        names
        == (
            "normalize conv0 bn0 relu0 conv1_1 pool1 bn1_1 relu1_1 conv1_2 bn1_2 relu1_2 "
            "conv2_1 pool2 bn2_1 relu2_1 conv2_2 bn2_2 relu2_2"
        ).split()
    )


@pytest.mark.parametrize("size", [8, 13, 32, 96])
def test_shapes(size):
    net = SmallVGG(7, (4, 5, 6, 8)).eval()
    images = torch.rand(2, 3, size, size)
    assert net(images).shape == (2, 7)
    assert net.features(images).shape == (2, 8, size // 8, size // 8)


def test_pooling_before_batch_norm_and_relu_keeps_the_usual_order_s_result():
    """With positive scales, max pooling may change places with batch norm and ReLU: they only ever rise."""
    torch.manual_seed(0)
    net = SmallVGG(channels=(4, 6)).eval()
    layers = dict(net.features.named_children())
    layers["bn1_1"].weight.data.uniform_(0.5, 2)
    layers["bn1_1"].bias.data.uniform_(-1, 1)
    x = torch.randn(2, 4, 8, 8)
    ours = layers["relu1_1"](layers["bn1_1"](layers["pool1"](layers["conv1_1"](x))))
    usual = layers["pool1"](layers["relu1_1"](layers["bn1_1"](layers["conv1_1"](x))))
    torch.testing.assert_close(ours, usual)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"num_classes": 0}, "num_classes"),
        ({"channels": (8,)}, r"channels .* \(8,\)"),
        ({"channels": (8, 0)}, "channels"),
    ],
)
def test_bad_input(arguments, says):
    with pytest.raises(ValueError, match=says):
        SmallVGG(**arguments)


def test_convolutions_start_at_he_s_spread():
    torch.manual_seed(0)
    for layer in SmallVGG().modules():
        if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 10_000:
            wanted = (2 / (9 * layer.out_channels)) ** 0.5
            assert abs(layer.weight.std().item() / wanted - 1) < 0.05


# --- the pretrained backbone ---------------------------------------------------------------------------------------


def test_shipped_backbone_is_what_its_card_says():
    card = weights.read_card("backbone")
    net = backbone()
    assert not net.training
    assert f"{count_parameters(net):,} weights" in card["what"]
    assert card["figures"]["backbone_test_accuracy"] >= 0.91
    assert card["bytes"] == (weights.weights_dir() / "backbone.safetensors").stat().st_size <= 5_000_000
    assert tuple(card["recipe"]["channels"]) == (64, 128, 256, 256)
    assert "half precision" in card["what"] and "JPEG" in card["data"], "a re-encoded copy must be called one"


def test_the_backbone_is_stored_in_half_precision_and_comes_back_in_single():
    net = backbone()
    assert not net.training and all(p.dtype == torch.float32 for p in net.parameters())
    assert all(torch.equal(p, p.half().float()) for p in net.parameters())
    untrained = backbone(pretrained=False)
    assert not untrained.training and not torch.equal(net.head.weight, untrained.head.weight)


def test_the_backbone_s_layers_can_be_cut_anywhere():
    """What lies below and what lies above a cut, one after the other, are the whole."""
    net, images = backbone(), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        whole = net.features(images)
        for cut in range(len(net.features) + 1):
            torch.testing.assert_close(net.features[cut:](net.features[:cut](images)), whole)


def test_a_missing_backbone_names_the_file_and_both_remedies(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "weights_dir", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"backbone\.json is missing.*git checkout.*make backbone"):
        backbone()
