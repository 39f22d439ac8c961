"""Train the detectors' encoder on small Toyland crops and store it, with its card, in data/weights.

    python tools/train_encoder.py

Classification at half resolution, as Redmon et al. 2016 pretrained at 224 pixels and detected at 448: crops of 48
pixels, scenes of 96. Two classifiers teach both maps, a dense layer on the mean of the coarse map and one on the
largest values of the fine map. Nothing is downloaded. The weights are stored in half precision.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
from torch import nn

from course_utils import runtime, weights
from course_utils.datasets import toyland
from course_utils.layers import count_parameters
from course_utils.models.yolo import Encoder
from course_utils.training import Batches, fit, random_flip

RECIPE = {
    "optimizer": "AdamW, weight decay 0.01",
    "schedule": "one cycle, peak after 20 % of the steps",
    "batch_size": 64,
    "learning_rate": 3e-3,
    "label_smoothing": 0.05,
    "crop": 48,
    "object_sizes": (8, 48),
    "seed_of_the_crops": 50,
}


class Classifier(nn.Module):
    """The encoder with two classifiers. Shapes: (N, 3, H, W) to logits (2, N, num_classes), the coarse map's first."""

    def __init__(self, num_classes: int):
        super().__init__()
        self.encoder = Encoder()
        self.coarse, self.fine = nn.Linear(256, num_classes), nn.Linear(128, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        fine, coarse = self.encoder(images)
        return torch.stack([self.coarse(coarse.mean(dim=(2, 3))), self.fine(fine.amax(dim=(2, 3)))])


def loss_function(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return sum(F.cross_entropy(part, labels, label_smoothing=RECIPE["label_smoothing"]) for part in logits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crops", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default="toyland_encoder", help="file name of the weights, without ending")
    given = parser.parse_args()
    how = {"seed": RECIPE["seed_of_the_crops"], "object_sizes": RECIPE["object_sizes"]}
    images, labels = map(torch.from_numpy, toyland.crops(given.crops, RECIPE["crop"], **how))
    held = [torch.from_numpy(a) for a in toyland.crops(1_000, RECIPE["crop"], split="validation", **how)]
    batches = Batches(images, labels, RECIPE["batch_size"], shuffle=True, augment=random_flip)
    watched = Batches(*held, 250)
    torch.manual_seed(given.seed)
    model = Classifier(len(toyland.CLASSES))
    optimizer = torch.optim.AdamW(model.parameters(), RECIPE["learning_rate"], weight_decay=0.01)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RECIPE["learning_rate"], total_steps=given.epochs * len(batches), pct_start=0.2
    )

    @torch.no_grad()
    def watch(model: nn.Module) -> dict[str, float]:
        model.eval()
        right = sum((model(x)[0].argmax(dim=1) == y).sum().item() for x, y in watched)
        row = {"accuracy": right / len(held[0])}
        print(datetime.datetime.now().strftime("%H:%M:%S"), row, flush=True)
        return row

    history = fit(
        model,
        batches,
        optimizer,
        given.epochs,
        scheduler=cycle,
        loss_function=loss_function,
        evaluate=watch,
        seed=given.seed,
        progress=sys.stderr.isatty(),
    )
    model = model.half().float()  # what half precision leaves of each weight
    card = {
        "what": f"encoder of SmallYolo, {count_parameters(model.encoder):,} weights, half precision",
        "data": f"Toyland: {given.crops:,} crops of {RECIPE['crop']} pixels, one object of 8 to 48 pixels each",
        "made_by": "python tools/train_encoder.py",
        "recipe": {**RECIPE, "epochs": given.epochs},
        "seeds": [given.seed],
        "figures": {
            "held_out_accuracy": watch(model)["accuracy"],
            "train_seconds": round(sum(row["seconds"] for row in history)),
        },
        "classes": list(toyland.CLASSES),
        "hardware": runtime.hardware(),
        "versions": runtime.versions(),
        "date": datetime.date.today().isoformat(),
        "licence": "CC BY 4.0",
    }
    print(f"stored {weights.save(model.encoder.half(), given.name, card)}")


if __name__ == "__main__":
    main()
