"""Residual networks: the paper's counts, shapes, and what a shortcut does."""

import pytest
import torch
from torch import nn

from course_utils.layers import Normalize, count_parameters
from course_utils.models.resnet import Block, ResNet


@pytest.mark.parametrize(("blocks", "layers", "millions"), [(3, 20, 0.27), (5, 32, 0.46), (7, 44, 0.66), (9, 56, 0.85)])
def test_depth_and_size_are_the_papers(blocks, layers, millions):
    """He et al. 2016, table 6: layers and millions of parameters on CIFAR-10."""
    net = ResNet(blocks)
    weighted = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weighted) == layers == 6 * blocks + 2
    assert round(count_parameters(net) / 1e6, 2) == millions


def test_parameters_of_resnet20_by_formula():
    stem = 3 * 16 * 9 + 2 * 16
    stages = 0
    for width, first_in in ((16, 16), (32, 16), (64, 32)):
        stages += first_in * width * 9 + 5 * width * width * 9 + 6 * 2 * width
    assert count_parameters(ResNet(3)) == stem + stages + 64 * 10 + 10 == 269_722


def test_plain_and_residual_have_the_same_weights():
    plain, residual = ResNet(2, residual=False), ResNet(2)
    shapes = [{key: value.shape for key, value in net.state_dict().items()} for net in (plain, residual)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("size", [8, 13, 32])
def test_shapes(size):
    block = Block(4, 6, stride=2)
    assert block(torch.zeros(2, 4, size, size)).shape == (2, 6, -(-size // 2), -(-size // 2))
    assert ResNet(1, channels=(4, 8), num_classes=7)(torch.zeros(2, 3, size, size)).shape == (2, 7)


def test_a_residual_block_whose_branch_is_zero_passes_its_input_on():
    block = Block(3, 3).eval()
    nn.init.zeros_(block.bn2.weight)
    x = torch.rand(2, 3, 6, 6)
    assert torch.equal(block(x), x)
    plain = Block(3, 3, residual=False).eval()
    nn.init.zeros_(plain.bn2.weight)
    assert not plain(x).any()


def test_the_shortcut_subsamples_and_pads_with_zeros():
    x = torch.arange(32.0).reshape(1, 2, 4, 4)
    y = Block(2, 5, stride=2).shortcut(x)
    assert torch.equal(y[0, 0], torch.tensor([[0.0, 2.0], [8.0, 10.0]])) and y.shape == (1, 5, 2, 2)
    assert torch.equal(y[0, 1], torch.tensor([[16.0, 18.0], [24.0, 26.0]])) and not y[0, 2:].any()


def test_block_equals_torchvisions_basic_block():
    from torchvision.models.resnet import BasicBlock

    torch.manual_seed(0)
    ours, theirs = Block(4, 4), BasicBlock(4, 4)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 4, 9, 9)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Block(4, 4, stride=0), "stride must be an integer of at least 1, got 0"),
        (lambda: Block(4, 2), "out_channels must be an integer of at least 4, got 2"),
        (lambda: ResNet(0), "blocks_per_stage must be an integer of at least 1, got 0"),
        (lambda: ResNet(1, channels=()), "channels must name at least one stage"),
        (lambda: ResNet(1, num_classes=2.5), "num_classes must be .* got 2.5"),
        (lambda: Normalize([0.5], [0.0]), r"std must be above 0 .* got \[0.0\]"),
        (lambda: Normalize([0.5], [0.1, 0.1]), "one value a channel each, got 1 and 2"),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_normalize_by_hand():
    layer = Normalize([0.5, 0.2], [0.5, 0.1])
    pixels = torch.tensor([1.0, 0.4]).reshape(1, 2, 1, 1)
    assert layer(pixels).flatten().tolist() == pytest.approx([1.0, 2.0])
