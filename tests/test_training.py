"""The loop: resumes bit for bit after a kill, never leaves half a checkpoint, says what to change when it fails."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils import training
from course_utils.models.resnet import ResNet
from course_utils.training import (
    Batches,
    best_path,
    evaluate,
    fit,
    load_checkpoint,
    random_crop,
    random_flip,
    random_hole,
    random_window,
)


def colour_data(count=96, seed=0):
    """Pictures whose label is their brightest channel: learnable in a few steps."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (count,), generator=generator)
    images = torch.randint(0, 120, (count, 3, 8, 8), generator=generator, dtype=torch.uint8)
    images[torch.arange(count), labels] += 100
    return images, labels


def small_net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(ResNet(1, channels=(4, 8), num_classes=3), nn.Dropout(0.1))


def make_run(seed=0, lr=0.05, epochs=4):
    net = small_net()
    images, labels = colour_data()
    batches = Batches(images, labels, 16, shuffle=True, augment=lambda x: random_flip(random_crop(x, 1)))
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=epochs * len(batches))
    return net, batches, optimizer, {"epochs": epochs, "scheduler": scheduler, "seed": seed, "progress": False}


def same(a, b):
    return all(torch.equal(a[key], b[key]) for key in a) and a.keys() == b.keys()


# --- batches -------------------------------------------------------------------------------------------------------


def test_batches_cover_every_picture_once_and_scale_bytes():
    images, labels = colour_data(50)
    seen = list(Batches(images, labels, 16))
    assert [len(y) for _, y in seen] == [16, 16, 16, 2]
    assert torch.equal(torch.cat([x for x, _ in seen]), images.float() / 255)
    torch.manual_seed(3)
    shuffled = list(Batches(images, labels, 16, shuffle=True))
    assert [len(y) for _, y in shuffled] == [16, 16, 16]
    rows = torch.cat([x for x, _ in shuffled]).flatten(1)
    assert len(rows.unique(dim=0)) == 48


def test_random_window_cuts_every_place_and_nothing_else():
    torch.manual_seed(0)
    image = torch.arange(2 * 4 * 5).reshape(1, 2, 4, 5)
    windows = random_window(image.repeat(300, 1, 1, 1), 3)
    assert windows.shape == (300, 2, 3, 3) and windows.dtype == image.dtype
    possible = {tuple(image[0, :, y : y + 3, x : x + 3].flatten().tolist()) for y in range(2) for x in range(3)}
    assert {tuple(window.flatten().tolist()) for window in windows} == possible
    assert torch.equal(random_window(image[..., :4], 4), image[..., :4])
    with pytest.raises(ValueError, match=r"size .* 5"):
        random_window(image, 5)


def test_random_hole_covers_one_square_with_the_mean_colour_anywhere():
    torch.manual_seed(0)
    images = torch.rand(500, 3, 6, 5)
    holed = random_hole(images, 3)
    changed = (holed != images).any(dim=1)  # (N, H, W)
    color = images.mean(dim=(0, 2, 3))
    torch.testing.assert_close(holed.permute(0, 2, 3, 1)[changed], color.expand(int(changed.sum()), 3))
    rows, columns = changed.any(dim=2).sum(dim=1), changed.any(dim=1).sum(dim=1)
    assert torch.equal(changed.sum(dim=(1, 2)), rows * columns)  # one rectangle, without gaps
    assert set(rows.tolist()) == {2, 3} and set(columns.tolist()) == {2, 3}  # a border cuts one row or column off
    assert changed.any(dim=0).all()  # every pixel is covered in some picture
    with pytest.raises(ValueError, match="size must be an integer from 1 to 10, got 0"):
        random_hole(images, 0)
    assert random_hole((255 * images).to(torch.uint8), 2).dtype == torch.uint8


def test_random_window_mirrors_beyond_the_border():
    torch.manual_seed(0)
    image = torch.arange(2 * 4 * 5, dtype=torch.float32).reshape(1, 2, 4, 5)
    padded = F.pad(image, (2, 2, 2, 2), mode="reflect")[0]
    possible = {tuple(padded[:, y : y + 3, x : x + 3].flatten().tolist()) for y in range(6) for x in range(7)}
    windows = random_window(image.repeat(900, 1, 1, 1), 3, padding=2)
    assert {tuple(window.flatten().tolist()) for window in windows} == possible
    with pytest.raises(ValueError, match=r"padding .* 4"):
        random_window(image, 3, padding=4)


def test_crop_shifts_whole_pictures_by_at_most_the_padding():
    image = torch.arange(1.0, 26.0).reshape(1, 1, 5, 5)
    torch.manual_seed(0)
    crops = random_crop(image.repeat(200, 1, 1, 1), padding=2)
    padded = torch.nn.functional.pad(image[0, 0], (2, 2, 2, 2))
    possible = {tuple(padded[y : y + 5, x : x + 5].flatten().tolist()) for y in range(5) for x in range(5)}
    found = {tuple(crop.flatten().tolist()) for crop in crops}
    assert found <= possible and len(found) > 20


def test_flip_mirrors_about_half_and_nothing_else():
    image = torch.arange(12.0).reshape(1, 1, 3, 4)
    torch.manual_seed(0)
    flipped = random_flip(image.repeat(400, 1, 1, 1))
    mirrored = (flipped == image.flip(3)).flatten(1).all(1)
    kept = (flipped == image).flatten(1).all(1)
    assert (mirrored ^ kept).all() and 150 < mirrored.sum() < 250


@pytest.mark.parametrize(
    ("images", "labels", "batch_size", "words"),
    [
        (torch.zeros(4, 8, 8), torch.zeros(4), 2, r"images must have the shape .* got \(4, 8, 8\)"),
        (torch.zeros(4, 3, 8, 8, dtype=torch.float64), torch.zeros(4), 2, "uint8 .* or float32"),
        (torch.zeros(4, 3, 8, 8), torch.zeros(3), 2, r"labels must be as many as images \(4\), got 3"),
        (torch.zeros(4, 3, 8, 8), torch.zeros(4), 0, "batch_size must be an integer from 1 to 4, got 0"),
        (torch.zeros(4, 3, 8, 8), torch.zeros(4), 5, "batch_size must be an integer from 1 to 4, got 5"),
    ],
)
def test_batches_refuse(images, labels, batch_size, words):
    with pytest.raises(ValueError, match=words):
        Batches(images, labels, batch_size)


# --- the loop ------------------------------------------------------------------------------------------------------


def test_fit_learns_and_evaluate_agrees_with_a_count_by_hand():
    net, batches, optimizer, options = make_run(epochs=6)
    images, labels = colour_data(64, seed=1)
    held_out = Batches(images, labels, 20)
    before = evaluate(net, held_out)
    history = fit(net, batches, optimizer, evaluate=lambda m: evaluate(m, held_out), precision="float32", **options)
    after = evaluate(net, held_out, precision="float32")
    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5, 6]
    assert after["accuracy"] == history[-1]["accuracy"] > max(0.8, before["accuracy"])
    net.eval()
    with torch.no_grad():
        logits = net(images.float() / 255)
    assert after["accuracy"] == pytest.approx((logits.argmax(1) == labels).float().mean().item())
    assert after["loss"] == pytest.approx(nn.functional.cross_entropy(logits, labels).item(), rel=1e-4)


def test_one_step_of_fit_is_the_textbook_step():
    images, labels = colour_data(16)
    net, twin = small_net(), small_net()
    fit(net, Batches(images, labels, 16), torch.optim.SGD(net.parameters(), lr=0.1), 1, precision="float32",
        progress=False, seed=5)  # fmt: skip
    torch.manual_seed(5 * 100_003 + 1)
    twin.train()
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    loss = nn.functional.cross_entropy(twin(images.float() / 255), labels)
    loss.backward()
    optimizer.step()
    for a, b in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    states = []
    for seed in (0, 0, 1):
        net, batches, optimizer, options = make_run(seed=seed, epochs=2)
        fit(net, batches, optimizer, **options)
        states.append(net.state_dict())
    assert same(states[0], states[1]) and not same(states[0], states[2])


def test_every_epoch_has_an_order_of_its_own():
    net, batches, optimizer, options = make_run(epochs=3)
    orders = []

    def loss_function(logits, targets):
        orders.append(targets.tolist())
        return nn.functional.cross_entropy(logits, targets)

    fit(net, batches, optimizer, loss_function=loss_function, **options)
    epochs = [orders[i * len(batches) : (i + 1) * len(batches)] for i in range(3)]
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


def test_best_checkpoint_is_the_best_epoch_not_the_last(tmp_path):
    net, batches, optimizer, options = make_run(epochs=4)
    scores = iter([0.3, 0.9, 0.9, 0.5])
    states = []

    def fake(model):
        states.append({key: value.clone() for key, value in model.state_dict().items()})
        return {"accuracy": next(scores)}

    path = tmp_path / "run.pt"
    fit(net, batches, optimizer, evaluate=fake, checkpoint=path, **options)
    best = load_checkpoint(best_path(path))
    assert best["row"]["epoch"] == 3 and same(best["model"], states[2])  # of two equal ones the later
    assert load_checkpoint(path)["history"][1]["accuracy"] == 0.9


# --- kill and resume -----------------------------------------------------------------------------------------------

KILLED_RUN = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    import torch
    torch.set_num_threads(1)
    import test_training as T
    from course_utils import training

    folder = Path(sys.argv[2])

    def train(path, resume):
        net, batches, optimizer, options = T.make_run()
        images, labels = T.colour_data(32, seed=1)
        held_out = training.Batches(images, labels, 16)
        training.fit(net, batches, optimizer, evaluate=lambda m: training.evaluate(m, held_out), checkpoint=path,
                     resume=resume, **options)
        return net.state_dict()

    def child(action):
        pid = os.fork()
        if pid == 0:
            try:
                action()
            finally:
                os._exit(0)
        return pid

    def wait(pid):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def die_at(kind, count):
        # the child kills itself at the count-th call: of a file operation, or of the network (six training batches and
        # two evaluation batches an epoch)
        where, name = (torch.nn.Dropout, "forward") if kind == "forward" else (os, kind)
        real, left = getattr(where, name), [count]
        def fatal(*arguments):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments)
        setattr(where, name, fatal)

    train(folder / "warm.pt", False)  # lazy imports happen here, once, and not in every child
    pid = child(lambda: torch.save(train(folder / "whole.pt", False), folder / "whole-weights.pt"))
    assert wait(pid) == 0
    whole = torch.load(folder / "whole-weights.pt")

    cases = [("fsync", n) for n in (1, 2, 4)] + [("replace", n) for n in (1, 2, 5)]
    cases += [("forward", n) for n in (1, 7, 8, 13, 20, 32)]
    for kind, number in cases:
        path = folder / f"{kind}-{number}.pt"
        pid = child(lambda: (die_at(kind, number), train(path, False)))
        assert wait(pid) == -signal.SIGKILL, (kind, number)
        epochs = len(training.load_checkpoint(path)["history"]) if path.exists() else 0  # never half-written
        pid = child(lambda: torch.save(train(path, True), folder / "weights.pt"))
        assert wait(pid) == 0
        assert T.same(torch.load(folder / "weights.pt"), whole), (kind, number)
        (folder / "weights.pt").unlink()
        assert T.same(training.load_checkpoint(training.best_path(path))["model"],
                      training.load_checkpoint(training.best_path(folder / "whole.pt"))["model"]), (kind, number)
        print(kind, number, "killed after epoch", epochs)
    """
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL (POSIX)")
def test_a_killed_run_resumes_to_the_same_bits(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED_RUN, str(Path(__file__).parent), str(tmp_path)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("killed after epoch") == 12, done.stdout
    assert all(f"killed after epoch {n}" in done.stdout for n in (0, 1, 2, 3)), done.stdout


def test_training_anew_is_the_default_and_says_so(tmp_path, capsys):
    path = tmp_path / "run.pt"
    for _ in range(2):
        net, batches, optimizer, options = make_run(epochs=1)
        history = fit(net, batches, optimizer, checkpoint=path, **options)
        assert len(history) == 1
    assert "resume=True would continue it" in capsys.readouterr().out


def test_resume_refuses_another_run_and_a_damaged_file(tmp_path):
    path = tmp_path / "run.pt"
    net, batches, optimizer, options = make_run(epochs=1)
    fit(net, batches, optimizer, checkpoint=path, **options)
    net, batches, optimizer, options = make_run(epochs=1, seed=7)
    with pytest.raises(ValueError, match="its seed is 0, this run's 7"):
        fit(net, batches, optimizer, checkpoint=path, resume=True, **options)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(RuntimeError, match=r"run\.pt is damaged .* Delete it"):
        fit(net, batches, optimizer, checkpoint=path, resume=True, **options)
    with pytest.raises(FileNotFoundError, match=r"nothing\.pt is missing"):
        load_checkpoint(tmp_path / "nothing.pt")


def test_a_full_disk_keeps_the_last_checkpoint_and_the_training(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    net, batches, optimizer, options = make_run(epochs=3)
    real, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(training.os, "fsync", full)
    with pytest.warns(UserWarning, match=r"run\.pt could not be written .*No space left"):
        history = fit(net, batches, optimizer, checkpoint=path, **options)
    assert len(history) == 3 and len(load_checkpoint(path)["history"]) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]


# --- failures in plain words ---------------------------------------------------------------------------------------


def test_a_loss_that_is_not_finite_stops_with_advice():
    net, batches, optimizer, options = make_run(lr=1e12)
    with pytest.raises(FloatingPointError, match=r"epoch \d, step \d+ \(learning rate .*lower the learning rate"):
        fit(net, batches, optimizer, precision="float32", **{**options, "scheduler": None, "epochs": 5})


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_out_of_memory_says_what_to_change(error):
    class Greedy(nn.Linear):
        def forward(self, x):
            raise error

    net = Greedy(3, 3)
    with pytest.raises(RuntimeError, match="out of memory while training: halve batch_size"):
        fit(
            net, [(torch.zeros(2, 3), torch.zeros(2).long())], torch.optim.SGD(net.parameters(), 0.1), 1, progress=False
        )


def test_other_runtime_errors_pass_unchanged():
    net = nn.Linear(3, 3)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        fit(
            net, [(torch.zeros(2, 4), torch.zeros(2).long())], torch.optim.SGD(net.parameters(), 0.1), 1, progress=False
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epochs": -1}, "epochs must be an integer of at least 0, got -1"),
        ({"seed": 1.5}, "seed must be .* got 1.5"),
        ({"precision": "float8"}, "precision must be one of 'auto', 'bfloat16', 'float32', got 'float8'"),
    ],
)
def test_fit_refuses(change, words):
    net, batches, optimizer, options = make_run()
    with pytest.raises(ValueError, match=words):
        fit(net, batches, optimizer, **{**options, **change})


def test_empty_batches_are_refused():
    net, _, optimizer, options = make_run()
    with pytest.raises(ValueError, match="at least one batch"):
        fit(net, [], optimizer, **{**options, "scheduler": None})
    with pytest.raises(ValueError, match="at least one picture"):
        evaluate(net, [])


# --- several processes ---------------------------------------------------------------------------------------------


def _train_in_processes(folder: str) -> None:
    from accelerate import Accelerator
    from torch.utils.data import DataLoader, TensorDataset

    torch.set_num_threads(1)
    accelerator = Accelerator(cpu=True)
    net, loader, optimizer = _even_run(32 // accelerator.num_processes)
    fit(net, loader, optimizer, 2, accelerator=accelerator, progress=False, checkpoint=Path(folder) / "shared.pt")
    torch.save(
        {"processes": accelerator.num_processes, "state": net.state_dict()},
        Path(folder) / f"rank{accelerator.process_index}.pt",
    )
    assert isinstance(loader, DataLoader) and isinstance(loader.dataset, TensorDataset)


def _even_run(batch_size):
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    images, labels = colour_data(64)
    loader = DataLoader(TensorDataset(images.float() / 255, labels), batch_size=batch_size)
    return net, loader, torch.optim.SGD(net.parameters(), lr=0.1)


def test_two_processes_train_like_one_with_the_whole_batch(tmp_path):
    from accelerate import debug_launcher

    debug_launcher(_train_in_processes, args=(str(tmp_path),), num_processes=2)
    ranks = [torch.load(tmp_path / f"rank{i}.pt") for i in range(2)]
    assert [r["processes"] for r in ranks] == [2, 2] and same(ranks[0]["state"], ranks[1]["state"])
    net, loader, optimizer = _even_run(32)
    fit(net, loader, optimizer, 2, precision="float32", progress=False)
    for key, value in net.state_dict().items():
        torch.testing.assert_close(ranks[0]["state"][key], value, rtol=1e-4, atol=1e-6)
    assert len(load_checkpoint(tmp_path / "shared.pt")["history"]) == 2
