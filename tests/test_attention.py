"""Attention: by hand and by PyTorch's cells, what padding and order must not change, shapes, and the explorer."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils import widgets
from course_utils.datasets.phrases import END, PAD
from course_utils.layers import count_parameters
from course_utils.models import attention
from course_utils.models.yolo import Encoder
from course_utils.widgets.attention import attend_by_hand

STATES = torch.tensor([[[0.0997, 0.0997, 0.7616], [0.7817, 0.9016, 0.0498], [0.5722, 0.4815, 0.8834]]])
U_A, W_A = torch.eye(3)[[0, 2, 1]], torch.eye(3)[[2, 0, 1]]


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def lecture_attention() -> attention.AdditiveAttention:
    module = attention.AdditiveAttention(3, 3, 3)
    with torch.no_grad():
        module.W.weight.copy_(W_A)
        module.U.weight.copy_(U_A)
        module.v.weight.copy_(torch.tensor([[2.0, -1, 1]]))
    return module


# --- additive attention -----------------------------------------------------------------------------------------------


def test_weights_worked_by_hand():
    """At s_0 = 0 the score of h_1 is 2 tanh 0.0997 - tanh 0.7616 + tanh 0.0997."""
    module = lecture_attention()
    context, weights = module(torch.zeros(1, 3), STATES, module.U(STATES), torch.ones(1, 3, dtype=torch.bool))
    scores = [2 * math.tanh(a) - math.tanh(c) + math.tanh(b) for a, b, c in STATES[0].tolist()]
    assert scores == pytest.approx([-0.344, 1.9747, 0.7733], abs=2e-4)
    powers = [math.exp(score) for score in scores]
    assert weights[0].tolist() == pytest.approx([power / sum(powers) for power in powers], abs=1e-6)
    assert context[0].tolist() == pytest.approx([0.6887, 0.7549, 0.2790], abs=2e-4)


def test_what_is_masked_counts_nothing_and_order_does_not_matter():
    module = attention.AdditiveAttention(4, 6, 5).double()
    state, memory = drawn(2, 4), drawn(2, 7, 6)
    mask = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    context, weights = module(state, memory, module.U(memory), mask)
    assert torch.allclose(weights.sum(dim=1), torch.ones(2).double()) and not weights[1, 4:].any()
    short = module(state[1:], memory[1:, :4], module.U(memory[1:, :4]), mask[1:, :4])
    torch.testing.assert_close(short[0], context[1:])
    turned = module(state, memory.flip(1), module.U(memory.flip(1)), mask.flip(1))
    torch.testing.assert_close(turned[0], context)
    torch.testing.assert_close(turned[1].flip(1), weights)


# --- the gated step ---------------------------------------------------------------------------------------------------


def cell_of(W_r: torch.Tensor, W_z: torch.Tensor, W: torch.Tensor, size: int) -> nn.GRUCell:
    """PyTorch's cell with the same weights; its three parts come in the order r, z, n."""
    cell = nn.GRUCell(W.shape[1] - size, size, bias=False).double()
    with torch.no_grad():
        cell.weight_hh.copy_(torch.cat([part[:, :size] for part in (W_r, W_z, W)]))
        cell.weight_ih.copy_(torch.cat([part[:, size:] for part in (W_r, W_z, W)]))
    return cell


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_step_is_pytorchs_after_two_changes_and_not_before(start):
    state, inputs = start * drawn(6, 4, seed=1), drawn(6, 5, seed=2)
    weights = [drawn(4, 9, seed=seed) for seed in (3, 4, 5)]
    theirs = cell_of(*weights, size=4)(inputs, state)

    def apart(**options: bool) -> float:
        return (attention.gru_step(state, inputs, *weights, **options) - theirs).abs().max().item()

    assert apart(reset_inside=False, z_is_new=False) < 1e-12
    assert apart() > 0.1 and apart(reset_inside=False) > 0.1
    assert (apart(z_is_new=False) < 1e-12) == (start == 0)  # from nothing, the reset gate has nothing to reset


def test_gates_at_their_ends():
    state, inputs = torch.tensor([[0.3, -0.6]]), torch.tensor([[1.0]])
    never, always = (torch.tensor([[0, 0, sign * 1e3]] * 2) for sign in (-1.0, 1.0))
    W = torch.tensor([[2.0, 0, 1], [0, 1, -1]])
    torch.testing.assert_close(attention.gru_step(state, inputs, never, never, W), state)
    forgetful = attention.gru_step(state, inputs, never, always, W)
    torch.testing.assert_close(forgetful, torch.tanh(torch.tensor([[1.0, -1]])))
    mindful = attention.gru_step(state, inputs, always, always, W)
    torch.testing.assert_close(mindful, torch.tanh(torch.tensor([[1.6, -1.6]])))


# --- networks ---------------------------------------------------------------------------------------------------------

SOURCES = torch.tensor([[4, 7, 5, 9, END], [6, 8, END, PAD, PAD], [5, 5, 5, END, PAD]])
TARGETS = torch.tensor([[5, 3, END, PAD], [4, END, PAD, PAD], [3, 4, 5, END]])


def translator(attends: bool) -> attention.Translator:
    torch.manual_seed(0)
    return attention.Translator(10, 8, width=6, attention=attends).eval()


@pytest.mark.parametrize("attends", [True, False])
def test_padding_changes_nothing(attends):
    net = translator(attends)
    logits, weights = net(SOURCES, TARGETS)
    assert logits.shape == (3, 4, 8)
    for n, (length, words) in enumerate([(5, 3), (3, 2), (4, 4)]):
        alone, gaze = net(SOURCES[n : n + 1, :length], TARGETS[n : n + 1, :words])
        torch.testing.assert_close(alone[0], logits[n, :words], atol=1e-6, rtol=1e-5)
        if attends:
            torch.testing.assert_close(gaze[0], weights[n, :words, :length], atol=1e-6, rtol=1e-5)
            assert not weights[n, :, length:].any()
    assert attends or weights is None


@pytest.mark.parametrize("attends", [True, False])
def test_a_word_depends_on_earlier_words_only(attends):
    net = translator(attends)
    changed = TARGETS.clone()
    changed[:, 2] = 7
    before, after = net(SOURCES, TARGETS)[0], net(SOURCES, changed)[0]
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3], after[:, 3])


@pytest.mark.parametrize("attends", [True, False])
def test_what_it_says_is_what_it_finds_likeliest(attends):
    """Given its own words, the trained-as network finds each of them likeliest: `say` and `forward` are one."""
    net = translator(attends)
    said, gaze = net.say(SOURCES, most=7)
    logits, weights = net(SOURCES, said)
    assert torch.equal(logits.argmax(dim=2), said) and said.shape[1] <= 7
    if attends:
        torch.testing.assert_close(gaze, weights)


def test_it_stops_when_every_sentence_has_ended():
    net = translator(True)
    with torch.no_grad():
        net.decoder.answer.weight.zero_()
        net.decoder.answer.bias.copy_(F.one_hot(torch.tensor(END), 8).float())
    assert net.say(SOURCES)[0].tolist() == [[END]] * 3


def test_without_attention_the_middle_words_states_are_never_looked_at():
    """The summary is both directions' last states: equal summaries, equal answers, whatever the memory holds."""
    decoder = translator(False).decoder
    memory, mask, summary = torch.randn(3, 5, 12), torch.ones(3, 5, dtype=torch.bool), torch.randn(3, 12)
    assert torch.equal(decoder(memory, mask, summary, TARGETS)[0], decoder(0 * memory, mask, summary, TARGETS)[0])


def test_parameters():
    w, both = 6, 12
    shared = 10 * w + 2 * 3 * (w * w + w * w + 2 * w)  # words of the source, two GRUs with two biases each
    shared += 8 * w + (both * w + w) + 3 * w * (w + both + w + 2) + (w + both + 1) * 8
    assert count_parameters(translator(False)) == shared
    assert count_parameters(translator(True)) == shared + w * w + both * w + w  # W, U and v


def test_padding_beyond_the_longest_sentence_changes_nothing():
    torch.manual_seed(0)
    net = attention.Translator(10, 8, width=6, attention=True).eval()
    sources = torch.tensor([[3, 4, 5, 2], [6, 2, attention.PAD, attention.PAD]])
    padded = torch.cat([sources, torch.full((2, 3), attention.PAD)], dim=1)
    targets = torch.tensor([[1, 3, 4], [1, 5, 6]])
    logits, weights = net(sources, targets)
    again, wider = net(padded, targets)
    torch.testing.assert_close(again, logits)
    torch.testing.assert_close(wider[..., :4], weights)
    assert (wider[..., 4:] == 0).all()
    assert torch.equal(net.say(padded)[0], net.say(sources)[0])


def test_a_translator_learns_one_batch_by_heart():
    net = translator(True).train()
    optimizer = torch.optim.Adam(net.parameters(), 0.03)
    for _ in range(60):
        logits, _ = net(SOURCES, TARGETS)
        loss = F.cross_entropy(logits.flatten(0, 1), TARGETS.flatten(), ignore_index=PAD)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    said, _ = net.eval().say(SOURCES)
    for row, true in zip(said.tolist(), TARGETS.tolist(), strict=True):
        end = true.index(END) + 1
        assert row[:end] == true[:end]


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_places_of_a_picture():
    torch.manual_seed(0)
    encoder, images = Encoder(4).eval(), torch.rand(2, 3, 32, 48)
    places = attention.picture_memory(encoder, images)
    assert places.shape == (2, 4 * 6, 14 * 4 + 17) and not places.requires_grad
    fine, coarse = encoder(images)
    torch.testing.assert_close(places[..., 8:24], fine.flatten(2).transpose(1, 2))
    torch.testing.assert_close(places[:, 6 * 3 + 5, 24:56], coarse[:, :, 1, 2])  # row 3, column 5: its coarse cell
    quarter = images[:, :, 28:32, 40:44].mean(dim=(2, 3))  # lower left
    torch.testing.assert_close(places[:, 6 * 3 + 5, 58:68:4], 4 * quarter - 2)
    torch.testing.assert_close(places[:, 6 * 3 + 5, 68:71], 4 * images.mean(dim=(2, 3)) - 2)
    corners = places[0][[0, 5, 18, 23], -2:]  # upper left, upper right, lower left, lower right
    assert corners.tolist() == [[-1, -1], [1, -1], [-1, 1], [1, 1]]


@pytest.mark.parametrize("attends", [True, False])
def test_captioner_shapes(attends):
    torch.manual_seed(0)
    net = attention.Captioner(9, 10, width=6, attention=attends)
    logits, weights = net(torch.randn(3, 12, 10), TARGETS)
    words, gaze = net.say(torch.randn(3, 12, 10), most=5)
    assert logits.shape == (3, 4, 9) and words.shape[0] == 3 and words.shape[1] <= 5
    if attends:
        torch.testing.assert_close(weights.sum(dim=2), torch.ones(3, 4))
        assert gaze.shape == (*words.shape, 12)
    else:
        assert weights is None and gaze is None


# --- the explorer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("sharpness", [0.0, 1.0, 8.0])
def test_explorer_computes_what_the_module_computes(share, sharpness):
    states, scores, weights, context = attend_by_hand(share, sharpness)
    torch.testing.assert_close(torch.tensor([states]), STATES, atol=1e-4, rtol=0)
    module, memory = lecture_attention(), torch.tensor([states])
    with torch.no_grad():
        module.v.weight.mul_(sharpness)
    theirs = module(share * memory[:, 2], memory, module.U(memory), torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(torch.tensor([context]), theirs[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(torch.tensor([weights]), theirs[1], atol=1e-5, rtol=1e-4)
    assert len(scores) == 3


def test_explorer_says_and_draws_its_numbers():
    svg = widgets.attention_svg(0.0, 1.0)
    root = ET.fromstring(svg)
    assert "weights 0.0703, 0.7147, 0.2150" in root.get("aria-label")
    bars = [element for element in root.iter() if element.get("class") == "weight"]
    assert len(bars) == 3
    assert sum(float(bar.get("width")) for bar in bars) == pytest.approx(280, abs=0.05)
    flat = ET.fromstring(widgets.attention_svg(1.0, 0.0)).get("aria-label")
    assert re.search(r"weights 0.3333, 0.3333, 0.3333", flat)


def test_explorer_follows_its_sliders():
    box = widgets.explore_attention(share=0.5, sharpness=2.0)
    controls, picture = box.children
    share, sharpness = controls.children
    assert picture.value == widgets.attention_svg(0.5, 2.0)
    share.value, sharpness.value = 1.0, 4.0
    assert picture.value == widgets.attention_svg(1.0, 4.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.5, 1.0), "share must be a number from 0 to 1, got 1.5"),
        ((0.5, -1), "sharpness must be a number from 0 to 8, got -1"),
        ((True, 1.0), "share must be a number from 0 to 1, got True"),
    ],
)
def test_explorer_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.attention_svg(*arguments)
