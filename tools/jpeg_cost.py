"""What does one JPEG compression of CIFAR-10 cost ResNet-20? Trains it on pictures as they are and compressed again.

    COURSE_TIER=laptop python tools/jpeg_cost.py --seeds 0 1

Where only a re-encoded copy of CIFAR-10 is at hand, the loss against the published pictures cannot be measured. But the
loss by *one more* compression can: quality 75 again, on a block grid shifted by 4 pixels, so that it does not find its
own blocks and leave them alone. Training and held-out pictures are compressed alike; both come from the training set.
The results are appended to data/reference/jpeg_cost.json.
"""

from __future__ import annotations

import argparse
import datetime
import io
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from PIL import Image
from reference import append
from torch import nn

from course_utils import runtime
from course_utils.datasets import real
from course_utils.layers import Normalize
from course_utils.models.resnet import ResNet
from course_utils.training import Batches, evaluate, fit, random_flip, random_window

HELD_OUT, WINDOW, WHOLE_EPOCHS, GRID_SHIFT = 4_000, 28, 2, 4


def compress(images: torch.Tensor, quality: int) -> torch.Tensor:
    """Every picture through JPEG, on a grid shifted by 4 pixels. uint8 (N, 3, H, W) in and out."""
    shifted = np.roll(images.numpy(), (-GRID_SHIFT, -GRID_SHIFT), axis=(2, 3)).transpose(0, 2, 3, 1)
    out = np.empty_like(shifted)
    for i, picture in enumerate(shifted):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
        out[i] = np.asarray(Image.open(buffer))
    return torch.from_numpy(np.roll(out.transpose(0, 3, 1, 2), (GRID_SHIFT, GRID_SHIFT), axis=(2, 3)).copy())


def psnr(first: torch.Tensor, second: torch.Tensor) -> float:
    """Median over pictures of the peak signal-to-noise ratio in dB; uint8 (N, 3, H, W) each."""
    error = (first.float() - second.float()).square().mean(dim=(1, 2, 3)).clamp(min=1e-6)
    return (10 * torch.log10(255**2 / error)).median().item()


def held_out_accuracy(images: torch.Tensor, labels: torch.Tensor, epochs: int, seed: int) -> float:
    """ResNet-20, trained on all but the last 4,000 pictures, judged on those after the last epoch."""
    torch.manual_seed(seed)
    sample = images[:2_000].float() / 255
    normalize = Normalize(sample.mean(dim=(0, 2, 3)).tolist(), sample.std(dim=(0, 2, 3)).tolist())
    net = nn.Sequential(normalize, ResNet(3)).to(runtime.device())
    batches = Batches(images[:-HELD_OUT], labels[:-HELD_OUT], 128, shuffle=True, device=runtime.device())
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.1, total_steps=epochs * len(batches), pct_start=0.15, cycle_momentum=False
    )
    whole_from = (epochs - WHOLE_EPOCHS) * len(batches)
    batches.augment = lambda batch: random_flip(
        batch if cycle.last_epoch >= whole_from else random_window(batch, WINDOW)
    )
    fit(net, batches, optimizer, epochs, scheduler=cycle, seed=seed, progress=sys.stderr.isatty())
    return evaluate(net, Batches(images[-HELD_OUT:], labels[-HELD_OUT:], 500))["accuracy"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--further", type=int, default=1, help="how many further compressions, at most")
    parser.add_argument("--quality", type=int, default=75)
    parser.add_argument("--data", help="what the data is, where the loader cannot know")
    given = parser.parse_args()
    data, started = real.cifar10("train"), time.perf_counter()
    images, figures = data.images, {}
    for times in range(given.further + 1):
        if times:
            images = compress(images, given.quality)
            distance = psnr(data.images, images)
            figures[f"psnr_after_{times}_further"] = {"mean": distance, "spread": None, "unit": "dB"}
        accuracies = [held_out_accuracy(images, data.labels, given.epochs, seed) for seed in given.seeds]
        figures[f"held_out_accuracy_after_{times}_further"] = runtime.summarize(accuracies, "fraction")
        print(times, figures, flush=True)
    record = {
        "tier": runtime.tier(),
        "data": given.data or data.name,
        "figures": figures,
        "seconds": round(time.perf_counter() - started),
        "peak_memory_mb": runtime.peak_memory_mb(),
        "seeds": given.seeds,
        "hardware": runtime.hardware(),
        "versions": runtime.versions(),
        "date": datetime.date.today().isoformat(),
        "command": f"python tools/jpeg_cost.py --epochs {given.epochs} --quality {given.quality}",
    }
    print("appended to", append("jpeg_cost", record))


if __name__ == "__main__":
    main()
