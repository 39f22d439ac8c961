"""Training: batches from memory, one loop, whole-epoch checkpoints that a killed run resumes from.

`fit` is meant to be read. Randomness is drawn from torch's global generator, which `fit` seeds anew at every epoch from
(seed, epoch): so an epoch's order, crops and dropout depend on nothing that came before it, and a resumed run needs to
restore weights and optimizer only. More than one GPU goes through Hugging Face Accelerate (argument `accelerator`).
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from tqdm.auto import tqdm

from course_utils import runtime
from course_utils.runtime import check_int, has_fast_bfloat16

Augmentation = Callable[[torch.Tensor], torch.Tensor]


# --- batches -------------------------------------------------------------------------------------------------------


def random_crop(images: torch.Tensor, padding: int = 4) -> torch.Tensor:
    """Pad with zeros and cut every picture out again at a place of its own.

    Args:
        images: (N, C, H, W).
        padding: pixels on each side; shifts go from -padding to padding.

    Returns:
        (N, C, H, W), same type.
    """
    check_int("padding", padding, 0)
    count, _, height, width = images.shape
    padded = F.pad(images, (padding,) * 4)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (N, C, 2p + 1, 2p + 1, H, W), a view
    dy, dx = torch.randint(2 * padding + 1, (2, count), device=images.device)
    return windows[torch.arange(count, device=images.device), :, dy, dx]


def random_window(images: torch.Tensor, size: int, padding: int = 0) -> torch.Tensor:
    """Cut a square window out of every picture, each at a place of its own.

    Args:
        images: (N, C, H, W).
        size: side of the window in pixels.
        padding: how far a window may reach beyond a picture's border, in pixels; there it sees the picture mirrored.

    Returns:
        (N, C, size, size), same type.
    """
    count, _, height, width = images.shape
    check_int("padding", padding, 0, min(height, width) - 1)
    check_int("size", size, 1, min(height, width) + 2 * padding)

    def places(side: int) -> torch.Tensor:
        start = torch.randint(-padding, side - size + padding + 1, (count, 1), device=images.device)
        at = (start + torch.arange(size, device=images.device)).abs()  # (N, size); mirrored at 0, below at the end
        return torch.minimum(at, 2 * (side - 1) - at)

    rows, columns = places(height), places(width)
    which = torch.arange(count, device=images.device)
    cut = images[which[:, None, None], :, rows[:, :, None], columns[:, None, :]]  # (N, size, size, C)
    return cut.permute(0, 3, 1, 2)


def random_flip(images: torch.Tensor) -> torch.Tensor:
    """Mirror every picture left to right with probability one half. (N, C, H, W) in and out."""
    mirror = torch.rand(len(images), device=images.device) < 0.5
    return torch.where(mirror[:, None, None, None], images.flip(3), images)


def random_hole(images: torch.Tensor, size: int) -> torch.Tensor:
    """Cover a square of every picture, each at a place of its own, with the batch's mean colour.

    The square's middle lies anywhere in the picture, so at a border it covers less ("cutout", DeVries and Taylor 2017).

    Args:
        images: (N, C, H, W).
        size: side of the square in pixels.

    Returns:
        (N, C, H, W), same type.
    """
    check_int("size", size, 1, 2 * min(images.shape[2:]))
    count, _, height, width = images.shape

    def covered(side: int) -> torch.Tensor:
        first = torch.randint(side, (count, 1), device=images.device) - size // 2
        at = torch.arange(side, device=images.device)
        return (first <= at) & (at < first + size)  # (N, side)

    hole = covered(height)[:, None, :, None] & covered(width)[:, None, None, :]
    color = images.float().mean(dim=(0, 2, 3), keepdim=True).to(images.dtype)  # (1, C, 1, 1)
    return torch.where(hole, color, images)


class Batches:
    """Pictures in memory, shuffled, cut into batches, augmented a whole batch at a time, as float32 in 0..1.

    Args:
        images: (N, C, H, W), uint8 in 0..255 or float32 in 0..1.
        labels: int64 (N,).
        batch_size: pictures a batch; when shuffling, a last batch that is not full is left out.
        shuffle: a new order at every pass, drawn from the device's global generator.
        augment: function from (N, C, H, W) to (N, C, H, W), applied to each batch.
        device: where the batches are made; the data is moved there once.

    Iterating yields (images float32 (B, C, H, W), labels int64 (B,)).
    """

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        batch_size: int,
        shuffle: bool = False,
        augment: Augmentation | None = None,
        device: torch.device | str = "cpu",
    ):
        images, labels = torch.as_tensor(images), torch.as_tensor(labels)
        if images.ndim != 4:
            raise ValueError(f"images must have the shape (N, C, H, W), got {tuple(images.shape)}")
        if images.dtype not in (torch.uint8, torch.float32):
            raise ValueError(f"images must be uint8 in 0..255 or float32 in 0..1, got {images.dtype}")
        if len(labels) != len(images):
            raise ValueError(f"labels must be as many as images ({len(images)}), got {len(labels)}")
        check_int("batch_size", batch_size, 1, max(1, len(images)))
        self.images, self.labels = images.to(device), labels.to(device)
        self.batch_size, self.shuffle, self.augment = batch_size, shuffle, augment

    def __len__(self) -> int:
        whole, rest = divmod(len(self.images), self.batch_size)
        return whole if self.shuffle else whole + (rest > 0)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        count = len(self.images)
        order = (torch.randperm if self.shuffle else torch.arange)(count, device=self.images.device)
        for i in range(len(self)):
            chosen = order[i * self.batch_size : (i + 1) * self.batch_size]
            images = self.images[chosen]
            if self.augment is not None:
                images = self.augment(images)
            if images.dtype == torch.uint8:
                images = images.float() / 255
            yield images, self.labels[chosen]


# --- precision -----------------------------------------------------------------------------------------------------


def _autocast(device: torch.device, precision: str) -> torch.autocast:
    runtime.check_choice("precision", precision, ("auto", "bfloat16", "float32"))
    enabled = precision == "bfloat16" or (precision == "auto" and has_fast_bfloat16(device))
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


# --- checkpoints ---------------------------------------------------------------------------------------------------


def _write(state: Any, path: Path) -> None:
    """Write beside the target, flush, then rename: a reader sees the old file or the new one, never a part."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except (OSError, RuntimeError) as error:  # a full disk reaches torch.save as a RuntimeError
        part.unlink(missing_ok=True)
        warnings.warn(
            f"the checkpoint {path} could not be written ({error}); training goes on, the last whole checkpoint stays. "
            "Free some disk, or set COURSE_RUNS to a folder with room.",
            stacklevel=3,
        )


def load_checkpoint(path: Path | str) -> dict[str, Any]:
    """A checkpoint that `fit` wrote, on the CPU. Missing or damaged, it raises an error that names file and remedy."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: no epoch was finished there. Train without resume=True first.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged zip can raise nearly anything
        raise RuntimeError(f"{path} is damaged ({error}). Delete it and train without resume=True.") from error


def best_path(checkpoint: Path | str) -> Path:
    """Where `fit` keeps the best epoch's weights: beside the checkpoint, with `-best` before the ending."""
    checkpoint = Path(checkpoint)
    return checkpoint.with_name(f"{checkpoint.stem}-best{checkpoint.suffix}")


# --- errors --------------------------------------------------------------------------------------------------------


@contextmanager
def _plain_memory_errors() -> Iterator[None]:
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        text = str(error)
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "allocate memory" not in text:
            raise
        raise RuntimeError(
            f"out of memory while training: halve batch_size, or use smaller pictures or a narrower net ({text})"
        ) from error


def _refuse_not_finite(loss: float, epoch: int, step: int, optimizer: torch.optim.Optimizer) -> None:
    if loss == loss and abs(loss) != float("inf"):
        return
    rates = ", ".join(f"{group['lr']:.3g}" for group in optimizer.param_groups)
    raise FloatingPointError(
        f"the loss became {loss} in epoch {epoch}, step {step} (learning rate {rates}): lower the learning rate, warm "
        "it up, or look for bad values in the batch; precision='float32' rules out rounding."
    )


# --- the loop ------------------------------------------------------------------------------------------------------


@torch.no_grad()
def evaluate(model: nn.Module, batches: Iterable, precision: str = "auto") -> dict[str, float]:
    """Mean cross-entropy and top-1 accuracy of a classifier in evaluation mode.

    Args:
        model: images (N, C, H, W) to logits (N, num_classes); its mode is restored afterwards.
        batches: yields (images, labels).
        precision: as in `fit`.

    Returns:
        {"loss": nats, "accuracy": fraction}.
    """
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    loss, right, count = 0.0, 0, 0
    for images, labels in batches:
        images, labels = images.to(device), labels.to(device)
        with _autocast(device, precision):
            logits = model(images)
        loss += F.cross_entropy(logits.float(), labels, reduction="sum").item()
        right += (logits.argmax(dim=1) == labels).sum().item()
        count += len(labels)
    model.train(was_training)
    if count == 0:
        raise ValueError("batches must yield at least one picture, got none")
    return {"loss": loss / count, "accuracy": right / count}


def fit(
    model: nn.Module,
    batches: Iterable,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    *,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    loss_function: Callable[..., torch.Tensor] = F.cross_entropy,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    score: str = "accuracy",
    seed: int = 0,
    precision: str = "auto",
    checkpoint: Path | str | None = None,
    resume: bool = False,
    accelerator: Any = None,
    progress: bool = True,
) -> list[dict[str, float]]:
    """Train a network and return its history, one row an epoch.

    Args:
        model: on its device already; changed in place.
        batches: an iterable of (inputs, targets) with a length, iterated anew every epoch.
        optimizer: over the model's parameters.
        epochs: passes over `batches`, counted from the start, also for a resumed run.
        scheduler: stepped after every batch.
        loss_function: from (outputs, targets) to a scalar.
        evaluate: from the model to named figures, called after each epoch; they join its row.
        score: which of these figures chooses the best epoch (the larger the better).
        seed: of the order of the data, the augmentation and dropout.
        precision: 'auto' (bfloat16 where the device computes with it), 'bfloat16' or 'float32'.
        checkpoint: file for the last whole epoch; the best epoch's goes to `best_path(checkpoint)`.
        resume: go on from `checkpoint` if it exists. On a CPU the final weights then equal an uninterrupted run's, bit
            for bit.
        accelerator: an `accelerate.Accelerator`, for several processes; model, optimizer, batches (a DataLoader) and
            scheduler are prepared here. Its own precision setting then counts.
        progress: show a bar.

    Returns:
        Rows {"epoch", "train_loss", "seconds", ...figures}; "seconds" is the training pass alone.

    Raises:
        ValueError: bad arguments, or a checkpoint of another run.
        FloatingPointError: the loss is not finite any more.
        RuntimeError: out of memory, or a damaged checkpoint.
    """
    check_int("epochs", epochs, 0)
    check_int("seed", seed, 0)
    device = next(model.parameters()).device if accelerator is None else accelerator.device
    if device.type != "mps":  # before `prepare`: wrapped for several processes, a changed layout spoils the gradients
        model.to(memory_format=torch.channels_last)
    if accelerator is not None:
        model, optimizer, batches, scheduler = accelerator.prepare(model, optimizer, batches, scheduler)
    steps = len(batches)
    if epochs and not steps:
        raise ValueError("batches must hold at least one batch, got none: is batch_size larger than the data?")
    run = {"seed": seed, "epochs": epochs, "steps": steps, "weights": sum(p.numel() for p in model.parameters())}
    history: list[dict[str, float]] = []
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        if resume:
            history = _restore(path, run, model, optimizer, scheduler)
        else:
            print(f"starting anew; {os.path.relpath(path)} will be replaced (resume=True would continue it)")

    with tqdm(total=epochs * steps, initial=len(history) * steps, disable=not progress, unit="batch") as bar:
        for epoch in range(len(history) + 1, epochs + 1):
            torch.manual_seed(seed * 100_003 + epoch)  # an epoch's randomness depends on (seed, epoch) alone
            model.train()
            started, total = time.perf_counter(), 0.0
            for step, (inputs, targets) in enumerate(batches, start=1):
                inputs, targets = inputs.to(device, non_blocking=True), targets.to(device, non_blocking=True)
                if inputs.ndim == 4:
                    inputs = inputs.contiguous(memory_format=torch.channels_last)
                with _plain_memory_errors():
                    with accelerator.autocast() if accelerator else _autocast(device, precision):
                        loss = loss_function(model(inputs), targets)
                    optimizer.zero_grad(set_to_none=True)
                    accelerator.backward(loss) if accelerator else loss.backward()
                    optimizer.step()
                if scheduler is not None:
                    scheduler.step()
                total += loss.detach().float()
                if step % 20 == 0 or step == steps:  # reading the loss makes a GPU wait, so not at every step
                    _refuse_not_finite(float(total), epoch, step, optimizer)
                    bar.set_postfix(epoch=epoch, loss=f"{float(total) / step:.3f}", refresh=False)
                bar.update()
            row = {"epoch": epoch, "train_loss": float(total) / steps, "seconds": time.perf_counter() - started}
            if evaluate is not None:
                row.update(evaluate(model))
            history.append(row)
            if path is not None and (accelerator is None or accelerator.is_main_process):
                _save(path, run, model, optimizer, scheduler, history, score)
    return history


def _plain_state(model: nn.Module) -> dict[str, torch.Tensor]:
    inner = model.module if hasattr(model, "module") else model  # several processes wrap the model
    return inner.state_dict()


def _save(path, run, model, optimizer, scheduler, history, score) -> None:
    weights = _plain_state(model)
    if score in history[-1] and history[-1][score] >= max(row[score] for row in history):
        # Before the checkpoint: if the run is killed between the two, the resumed epoch writes the same file again.
        _write({"model": weights, "row": history[-1]}, best_path(path))
    state = {"run": run, "model": weights, "optimizer": optimizer.state_dict(), "history": history}
    if scheduler is not None:
        state["scheduler"] = scheduler.state_dict()
    _write(state, path)


def _restore(path, run, model, optimizer, scheduler) -> list[dict[str, float]]:
    state = load_checkpoint(path)
    for key, value in run.items():
        if state["run"][key] != value:
            raise ValueError(
                f"{path} belongs to another run: its {key} is {state['run'][key]}, this run's {value}. "
                "Use the same settings, or train without resume=True."
            )
    inner = model.module if hasattr(model, "module") else model
    inner.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    if scheduler is not None:
        scheduler.load_state_dict(state["scheduler"])
    return state["history"]
