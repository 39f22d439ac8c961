"""Weights and their cards: a round trip, and every kind of damage named."""

import pytest
import torch
from torch import nn

from course_utils import weights

CARD = {"what": "a layer", "data": "none", "made_by": "a test", "figures": {}, "date": "2026-01-01", "licence": "MIT"}


def net(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def test_round_trip(tmp_path):
    path = weights.save(net(0), "small", CARD, tmp_path)
    loaded = weights.load(net(1), "small", tmp_path)
    for key, value in net(0).state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)
    assert weights.read_card("small", tmp_path)["bytes"] == path.stat().st_size
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small.json", "small.safetensors"]


def test_missing_weights_name_the_file_and_what_there_is(tmp_path):
    weights.save(net(0), "small", CARD, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"large\.json is missing; weights there: small"):
        weights.load(net(0), "large", tmp_path)
    (tmp_path / "small.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"small\.safetensors is missing, though its card is there"):
        weights.load(net(0), "small", tmp_path)


def test_one_wrong_byte_is_found(tmp_path):
    path = weights.save(net(0), "small", CARD, tmp_path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RuntimeError, match=r"small\.safetensors is damaged"):
        weights.load(net(0), "small", tmp_path)


def test_weights_of_another_net_are_refused(tmp_path):
    weights.save(net(0), "small", CARD, tmp_path)
    with pytest.raises(RuntimeError, match=r"small\.safetensors holds a layer, which does not fit this Sequential"):
        weights.load(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), "small", tmp_path)


def test_bad_names_and_cards(tmp_path):
    with pytest.raises(ValueError, match=r"card must have the keys .* misses licence"):
        weights.save(net(0), "small", {k: v for k, v in CARD.items() if k != "licence"}, tmp_path)
    for name in ("", "a/b", "../small"):
        with pytest.raises(ValueError, match="name must be a plain file name"):
            weights.save(net(0), name, CARD, tmp_path)
    assert not list(tmp_path.iterdir())
