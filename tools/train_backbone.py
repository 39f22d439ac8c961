"""Train the course's backbone on CIFAR-10 and store it, with its card, in data/weights.

    COURSE_TIER=gpu python tools/train_backbone.py
    COURSE_TIER=gpu python tools/train_backbone.py --resume        # after an interruption

Minutes on a GPU, hours on two processor cores (COURSE_TIER=laptop).

The weights are stored in half precision; the accuracy on the card is that of the stored weights. The test pictures are
used once, at the end.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F

from course_utils import runtime, weights
from course_utils.datasets import real
from course_utils.layers import count_parameters
from course_utils.models.vgg import SmallVGG
from course_utils.training import (
    Batches,
    best_path,
    evaluate,
    fit,
    load_checkpoint,
    random_flip,
    random_hole,
    random_window,
)

RECIPE = {
    "optimizer": "SGD, Nesterov momentum 0.9, weight decay 5e-4",
    "schedule": "one cycle, peak after 15 % of the steps",
    "batch_size": 256,
    "learning_rate": 0.2,
    "label_smoothing": 0.1,
    "window": 28,
    "padding": 4,
    "hole": 10,
    "whole_epochs": 5,
    "held_out": 2_000,
}


def train(
    data: real.ImageSet, epochs: int, seed: int, resume: bool, channels: tuple[int, ...], checkpoint: Path
) -> tuple[SmallVGG, list[dict[str, float]]]:
    """Train on all pictures but the held-out ones; the best epoch by held-out accuracy, and the history."""
    torch.manual_seed(seed)
    device = runtime.device()
    model = SmallVGG(channels=channels).to(device)
    order = torch.randperm(len(data.images), generator=torch.Generator().manual_seed(0))
    chosen, aside = order[RECIPE["held_out"] :], order[: RECIPE["held_out"]]
    batches = Batches(data.images[chosen], data.labels[chosen], RECIPE["batch_size"], shuffle=True, device=device)
    watched = Batches(data.images[aside], data.labels[aside], 500, device=device)
    optimizer = torch.optim.SGD(
        model.parameters(), RECIPE["learning_rate"], momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RECIPE["learning_rate"], total_steps=epochs * len(batches), pct_start=0.15, cycle_momentum=False
    )
    whole_from = (epochs - RECIPE["whole_epochs"]) * len(batches)

    def augment(batch: torch.Tensor) -> torch.Tensor:
        whole = cycle.last_epoch >= whole_from  # last_epoch counts steps
        batch = batch if whole else random_window(batch, RECIPE["window"], RECIPE["padding"])
        return random_hole(random_flip(batch), RECIPE["hole"])

    def watch(model: torch.nn.Module) -> dict[str, float]:
        row = evaluate(model, watched)
        print(datetime.datetime.now().strftime("%H:%M:%S"), row, flush=True)
        return row

    batches.augment = augment
    history = fit(
        model,
        batches,
        optimizer,
        epochs,
        scheduler=cycle,
        loss_function=lambda logits, labels: F.cross_entropy(logits, labels, label_smoothing=RECIPE["label_smoothing"]),
        evaluate=watch,
        seed=seed,
        checkpoint=checkpoint,
        resume=resume,
        progress=sys.stderr.isatty(),
    )
    model.load_state_dict(load_checkpoint(best_path(checkpoint))["model"])
    return model, history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument(
        "--channels", type=int, nargs="+", default=[64, 128, 256, 256], help="of the stem and each stage"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from the last whole epoch")
    parser.add_argument("--data", help="what the data is, where the loader cannot know (a re-encoded copy, say)")
    parser.add_argument("--name", default="backbone", help="file name of the weights, without ending")
    given = parser.parse_args()
    data, test = real.cifar10("train"), real.cifar10("test")
    checkpoint = runtime.runs_dir() / f"{given.name}-{given.seed}.pt"
    model, history = train(data, given.epochs, given.seed, given.resume, tuple(given.channels), checkpoint)
    stored = model.half().float()  # what half precision leaves of each weight
    accuracy = evaluate(stored, Batches(test.images, test.labels, 500))["accuracy"]
    card = {
        "what": f"SmallVGG, {count_parameters(model):,} weights, 10 classes, half precision",
        "data": f"{given.data or data.name}: {len(data.images) - RECIPE['held_out']:,} training pictures",
        "made_by": f"COURSE_TIER={runtime.tier()} python tools/train_backbone.py",
        "recipe": {**RECIPE, "epochs": given.epochs, "channels": given.channels},
        "seeds": [given.seed],
        "figures": {
            "backbone_test_accuracy": accuracy,
            "backbone_held_out_accuracy": max(row["accuracy"] for row in history),
            "train_seconds": round(sum(row["seconds"] for row in history)),
        },
        "classes": list(data.classes),
        "hardware": runtime.hardware(),
        "versions": runtime.versions(),
        "date": datetime.date.today().isoformat(),
        "licence": "weights: CC BY 4.0; CIFAR-10 (Krizhevsky 2009): none stated, research use with citation",
    }
    print(f"test accuracy {accuracy:.4f}; stored {weights.save(stored.half(), given.name, card)}")


if __name__ == "__main__":
    main()
