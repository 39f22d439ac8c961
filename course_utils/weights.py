"""Weights on disk: safetensors, each with a card (JSON of the same name) that says what it is and how it was made."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from course_utils import runtime

CARD_KEYS = ("what", "data", "made_by", "figures", "date", "licence")


def weights_dir() -> Path:
    """Where the committed weights lie: data/weights in the project."""
    return runtime.PROJECT_ROOT / "data" / "weights"


def _paths(name: str, folder: Path | None) -> tuple[Path, Path]:
    if not name or Path(name).name != name:
        raise ValueError(f"name must be a plain file name without folder or ending, got {name!r}")
    folder = weights_dir() if folder is None else Path(folder)
    return folder / f"{name}.safetensors", folder / f"{name}.json"


def save(model: nn.Module, name: str, card: Mapping[str, Any], folder: Path | None = None) -> Path:
    """Store a model's state with its card; both files are written whole or not at all.

    Args:
        model: the network.
        name: file name without its ending.
        card: JSON values; needs the keys what, data, made_by, figures, date, licence.
        folder: data/weights if None.

    Returns:
        The path of the weights.
    """
    from safetensors.torch import save as to_bytes

    missing = [key for key in CARD_KEYS if key not in card]
    if missing:
        raise ValueError(f"card must have the keys {', '.join(CARD_KEYS)}, misses {', '.join(missing)}")
    path, card_path = _paths(name, folder)
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    content = to_bytes(state)
    full_card = {**card, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, data in ((path, content), (card_path, (json.dumps(full_card, indent=1) + "\n").encode())):
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            part.write_bytes(data)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    return path


def read_card(name: str, folder: Path | None = None) -> dict[str, Any]:
    """The card of stored weights. Raises FileNotFoundError that names the card and lists what there is."""
    _, card_path = _paths(name, folder)
    if not card_path.is_file():
        there = ", ".join(sorted(p.stem for p in card_path.parent.glob("*.json"))) or "none"
        raise FileNotFoundError(
            f"{card_path} is missing; weights there: {there}. Restore it with: git checkout data/weights"
        )
    return json.loads(card_path.read_text(encoding="utf-8"))


def load(model: nn.Module, name: str, folder: Path | None = None) -> nn.Module:
    """Load stored weights into a model of the same shape, strictly, after their checksum was compared with the card's.

    Args:
        model: the network that the card describes; changed in place and returned.
        name: file name without its ending.
        folder: data/weights if None.

    Raises:
        FileNotFoundError: no such file or card.
        RuntimeError: the file is damaged, or does not fit the model; it names the file and the remedy.
    """
    from safetensors.torch import load as from_bytes

    path, _ = _paths(name, folder)
    card = read_card(name, folder)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing, though its card is there. Restore it with: git checkout data/weights"
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != card["sha256"]:
        raise RuntimeError(
            f"{path} is damaged: {len(content):,} bytes with another checksum than its card says "
            f"({card['bytes']:,} bytes). Restore it with: git checkout data/weights"
        )
    try:
        model.load_state_dict(from_bytes(content), strict=True)
    except RuntimeError as error:
        raise RuntimeError(
            f"{path} holds {card['what']}, which does not fit this {type(model).__name__}: {error}"
        ) from error
    return model
