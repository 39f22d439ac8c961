"""CIFAR-10 and GTSRB from disk: whole files load, damaged ones are refused, the quick tier downloads nothing."""

import functools
import hashlib
import http.server
import pickle
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10

from course_utils import runtime, weights
from course_utils.datasets import real
from course_utils.models.vgg import backbone

SHARED = runtime.PROJECT_ROOT.parent / "shared" / "data"
NAMES = [name for name, _ in CIFAR10.train_list + CIFAR10.test_list]


def write_batch(path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch = {
        "batch_label": path.name,
        "labels": (np.arange(10_000) % 10).tolist(),
        "data": rng.integers(0, 256, (10_000, 3072), dtype=np.uint8),
        "filenames": [],
    }
    path.write_bytes(pickle.dumps(batch, protocol=2))


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A folder in CIFAR-10's layout, filled with noise."""
    root = tmp_path_factory.mktemp("cifar")
    folder = root / CIFAR10.base_folder
    folder.mkdir()
    for seed, name in enumerate(NAMES):
        write_batch(folder / name, seed)
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [f"class {i}" for i in range(10)]}, protocol=2))
    return root


@pytest.fixture
def copy(made_up, tmp_path):
    """The made-up folder again, by links, so that a test may replace single files."""
    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()
    for path in (made_up / CIFAR10.base_folder).iterdir():
        (folder / path.name).hardlink_to(path)
    return tmp_path


def replace(path: Path, content: bytes) -> None:
    path.unlink()  # the link, not the file that other tests read
    path.write_bytes(content)


def test_a_whole_copy_loads_with_shapes_labels_and_its_own_name(made_up):
    data = real.cifar10("test", made_up, verify=False)
    assert data.images.shape == (10_000, 3, 32, 32) and data.images.dtype == torch.uint8
    assert data.labels.dtype == torch.int64 and data.labels.tolist() == [i % 10 for i in range(10_000)]
    raw = pickle.loads((made_up / CIFAR10.base_folder / "test_batch").read_bytes())["data"]
    assert np.array_equal(data.images[7].numpy().ravel(), raw[7])
    assert data.classes[3] == "class 3" and data.name.startswith("CIFAR-10 (a copy")
    assert len(real.cifar10("train", made_up, verify=False).images) == 50_000


def test_published_checksums_are_asked_for_by_default(made_up, monkeypatch):
    with pytest.raises(RuntimeError, match=r"data_batch_1 .* is not the published file.*COURSE_VERIFY=no"):
        real.cifar10("train", made_up)
    monkeypatch.setenv("COURSE_VERIFY", "no")
    assert len(real.cifar10("test", made_up).images) == 10_000
    monkeypatch.setenv("COURSE_VERIFY", "maybe")
    with pytest.raises(ValueError, match="COURSE_VERIFY must be one of 'yes', 'no', got 'maybe'"):
        real.cifar10("test", made_up)


def published(monkeypatch, root: Path) -> None:
    """From here on, the files under root count as the published ones."""
    folder = root / CIFAR10.base_folder
    sums = [[name, hashlib.md5((folder / name).read_bytes()).hexdigest()] for name in NAMES]
    monkeypatch.setattr(CIFAR10, "train_list", sums[:5])
    monkeypatch.setattr(CIFAR10, "test_list", sums[5:])
    meta = hashlib.md5((folder / "batches.meta").read_bytes()).hexdigest()
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": meta})


def test_a_file_with_the_published_checksum_is_accepted(made_up, monkeypatch):
    published(monkeypatch, made_up)
    assert real.cifar10("test", made_up).name == "CIFAR-10"


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: replace(p, p.read_bytes()[:1_000_000]), r"data_batch_3 \(1,000,000 bytes\)"),
        (lambda p: replace(p, b""), r"data_batch_3 is empty \(0 bytes\)"),
        (lambda p: p.rename(p.with_name("data_batch_3.part")), r"data_batch_3 is missing; .*data_batch_3\.part"),
        (
            lambda p: replace(p, pickle.dumps({"data": np.zeros((9, 3072), np.uint8), "labels": [0] * 9})),
            "data_batch_3",
        ),
        (lambda p: replace(p, b"<html>404 not found</html>"), "data_batch_3"),
    ],
    ids=["truncated", "empty", "renamed", "too few", "a web page"],
)
def test_damaged_files_are_refused_by_name_with_a_remedy(copy, damage, words, verify, monkeypatch):
    if verify:  # the other batches count as published, so that the damaged one is reached
        published(monkeypatch, copy)
    damage(copy / CIFAR10.base_folder / "data_batch_3")
    with pytest.raises(RuntimeError, match=words) as caught:
        real.cifar10("train", copy, verify=verify)
    assert "Delete" in str(caught.value)


def test_a_label_out_of_range_is_refused(copy):
    path = copy / CIFAR10.base_folder / "data_batch_2"
    batch = pickle.loads(path.read_bytes())
    batch["labels"][5] = 12
    replace(path, pickle.dumps(batch, protocol=2))
    with pytest.raises(RuntimeError, match="data_batch_2 must hold labels 0 to 9, found 0 to 12"):
        real.cifar10("train", copy, verify=False)


def test_a_file_that_would_run_code_is_refused(copy):
    class Evil:
        def __reduce__(self):
            return (print, ("this ran",))

    replace(copy / CIFAR10.base_folder / "data_batch_1", pickle.dumps(Evil()))
    with pytest.raises(RuntimeError, match=r"data_batch_1 .* cannot be read: it asks for builtins\.print"):
        real.cifar10("train", copy, verify=False)


def test_missing_meta_is_named(copy):
    (copy / CIFAR10.base_folder / "batches.meta").unlink()
    with pytest.raises(RuntimeError, match=r"batches\.meta is missing or empty"):
        real.cifar10("test", copy, verify=False)


def test_the_quick_tier_never_downloads(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_TIER", "quick")
    monkeypatch.setattr(real.CIFAR10, "download", lambda self: pytest.fail("the quick tier asked for a download"))
    with pytest.raises(RuntimeError, match=r"the quick tier downloads nothing.*COURSE_TIER=laptop"):
        real.cifar10("train", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def server(made_up, tmp_path_factory):
    """The made-up data set as an archive behind an address on this machine; yields (address, md5 of the archive)."""
    folder = tmp_path_factory.mktemp("served")
    archive = folder / CIFAR10.filename
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(made_up / CIFAR10.base_folder, CIFAR10.base_folder)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{running.server_address[1]}/{CIFAR10.filename}"
        yield address, hashlib.md5(archive.read_bytes()).hexdigest()
        running.shutdown()


def test_it_is_downloaded_once(server, made_up, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_TIER", "laptop")
    monkeypatch.setattr(CIFAR10, "url", server[0])
    monkeypatch.setattr(CIFAR10, "tgz_md5", server[1])
    published(monkeypatch, made_up)
    root = tmp_path / "new" / "folder"
    assert len(real.cifar10("test", root).images) == 10_000
    monkeypatch.setattr(CIFAR10, "url", "http://127.0.0.1:9/nothing")
    assert real.cifar10("test", root).name == "CIFAR-10"


def test_a_download_without_a_network_says_so_and_leaves_a_state_that_the_next_run_survives(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_TIER", "laptop")
    monkeypatch.setattr(CIFAR10, "url", "http://127.0.0.1:9/cifar.tar.gz")
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"could not be downloaded .* Check the network"):
            real.cifar10("train", tmp_path)


def test_a_half_finished_archive_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_TIER", "laptop")
    (tmp_path / CIFAR10.filename).write_bytes(b"half")
    with pytest.raises(
        RuntimeError, match=r"cifar-10-python\.tar\.gz \(4 bytes\) is an unfinished or damaged download"
    ):
        real.cifar10("train", tmp_path)


def test_unknown_split():
    with pytest.raises(ValueError, match="split must be one of 'train', 'test', got 'val'"):
        real.cifar10("val")


@pytest.mark.skipif(not (SHARED / "cifar10").is_dir(), reason=f"no real CIFAR-10 at {SHARED.parent.name}/data/cifar10")
def test_real_cifar10(tmp_path):
    """All 60,000 real pictures: counts, and the order of the original labels."""
    subprocess.run([sys.executable, str(SHARED / "rebuild_cifar10.py"), str(tmp_path)], check=True, capture_output=True)
    train, test = (real.cifar10(split, tmp_path, verify=False) for split in ("train", "test"))
    assert train.images.shape == (50_000, 3, 32, 32) and test.images.shape == (10_000, 3, 32, 32)
    assert train.labels.bincount().tolist() == [5_000] * 10 and test.labels.bincount().tolist() == [1_000] * 10
    assert train.classes[:4] == ("airplane", "automobile", "bird", "cat")
    assert train.labels[:5].tolist() == [6, 9, 9, 4, 1]  # frog, truck, truck, deer, automobile

    with torch.no_grad():  # the shipped backbone; 0.03 is three standard deviations of the accuracy on 1,000 pictures
        found = torch.cat([backbone()(part.float() / 255).argmax(dim=1) for part in test.images[:1_000].split(250)])
    accuracy = (found == test.labels[:1_000]).float().mean().item()
    assert accuracy > weights.read_card("backbone")["figures"]["backbone_test_accuracy"] - 0.03

    path = tmp_path / CIFAR10.base_folder / "data_batch_4"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(RuntimeError, match=r"data_batch_4 .* cannot be read"):
        real.cifar10("train", tmp_path, verify=False)


# --- GTSRB ---------------------------------------------------------------------------------------------------------


def write_ppm(path: Path, pixels: np.ndarray) -> None:
    height, width, _ = pixels.shape
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"P6\n{width} {height}\n255\n".encode() + pixels.tobytes())


@pytest.fixture
def signs(tmp_path):
    """A folder in GTSRB's layout: two training pictures a class in its own shade, three test pictures."""
    folder = tmp_path / "gtsrb"
    for label in range(43):
        for frame, (height, width) in enumerate(((15, 20), (40, 32))):
            pixels = np.full((height, width, 3), (5 * label, 100, 200), dtype=np.uint8)
            write_ppm(folder / "GTSRB" / "Training" / f"{label:05d}" / f"00000_{frame:05d}.ppm", pixels)
    rows = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
    for number, label in enumerate((42, 0, 14)):
        write_ppm(
            folder / "GTSRB/Final_Test/Images" / f"{number:05d}.ppm", np.full((32, 32, 3), number, dtype=np.uint8)
        )
        rows.append(f"{number:05d}.ppm;32;32;1;1;30;30;{label}")
    (folder / "GT-final_test.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_gtsrb_loads_with_shapes_labels_and_its_own_name(signs):
    train, test = real.gtsrb("train", signs), real.gtsrb("test", signs)
    assert train.images.shape == (86, 3, 32, 32) and train.images.dtype == torch.uint8
    assert (
        train.labels.tolist() == [label for label in range(43) for _ in range(2)] and train.labels.dtype == torch.int64
    )
    assert train.images[:, :, 7, 9].tolist() == [[5 * label, 100, 200] for label in train.labels.tolist()]
    assert test.labels.tolist() == [42, 0, 14] and test.images[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert len(train.classes) == len(set(train.classes)) == 43 and train.classes[14] == "stop"
    assert train.name == "GTSRB (86 of 26,640 train pictures)" and test.name == "GTSRB (3 of 12,630 test pictures)"


def test_gtsrb_of_full_size_is_called_by_its_plain_name(signs, monkeypatch):
    monkeypatch.setattr(real, "GTSRB_COUNTS", {"train": 86, "test": 3})
    assert real.gtsrb("train", signs).name == real.gtsrb("test", signs).name == "GTSRB"


@pytest.mark.parametrize(
    ("split", "damage", "words"),
    [
        ("train", lambda f: shutil.rmtree(f / "GTSRB/Training/00007"), "must hold the 43 folders .* misses 00007"),
        ("train", lambda f: (f / "GTSRB/Training/00043").mkdir(), "must hold the 43 folders .* holds 44"),
        (
            "train",
            lambda f: cut_short(f / "GTSRB/Training/00003/00000_00001.ppm"),
            r"00000_00001\.ppm .*cannot be read",
        ),
        (
            "train",
            lambda f: (f / "GTSRB/Training/00003/00000_00001.ppm").write_bytes(b""),
            r"\(0 bytes\) cannot be read",
        ),
        (
            "train",
            lambda f: (f / "GTSRB/Training/00003/00000_00000.ppm").write_text("<html>"),
            r"\.ppm .*cannot be read",
        ),
        ("test", lambda f: (f / "GT-final_test.csv").unlink(), r"GT-final_test\.csv, .* is missing or empty"),
        ("test", lambda f: (f / "GT-final_test.csv").write_text(""), "is missing or empty"),
        ("test", lambda f: (f / "GT-final_test.csv").write_text("Filename;ClassId\n"), "names no picture"),
        ("test", lambda f: (f / "GT-final_test.csv").write_text("a,b\n1,2\n"), "line 2, must give a Filename"),
        (
            "test",
            lambda f: (f / "GT-final_test.csv").write_text("Filename;ClassId\n00000.ppm;43\n"),
            "ClassId of 0 to 42",
        ),
        ("test", lambda f: (f / "GTSRB/Final_Test/Images/00001.ppm").unlink(), "line 3, names 00001.ppm, which is not"),
        (
            "test",
            lambda f: cut_short(f / "GTSRB/Final_Test/Images/00002.ppm"),
            r"00002\.ppm .*cannot be read: .*truncated",
        ),
    ],
)
def test_damaged_gtsrb_is_refused_by_name_with_a_remedy(signs, split, damage, words):
    damage(signs / "gtsrb")
    with pytest.raises(RuntimeError, match=words) as caught:
        real.gtsrb(split, signs)
    assert "Delete" in str(caught.value)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize("split", ["train", "test"])
def test_gtsrb_is_not_downloaded_at_the_quick_tier_and_says_so_offline(split, tmp_path, monkeypatch):
    def refuse(self):
        raise OSError("no network")

    monkeypatch.setattr(real.GTSRB, "download", refuse)
    monkeypatch.setenv("COURSE_TIER", "quick")
    with pytest.raises(RuntimeError, match=f"{split} pictures are not in .* quick tier downloads nothing"):
        real.gtsrb(split, tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("COURSE_TIER", "laptop")
    with pytest.raises(RuntimeError, match=r"could not be downloaded .*no network.* Check the network"):
        real.gtsrb(split, tmp_path)


def test_gtsrb_unknown_split():
    with pytest.raises(ValueError, match="split must be one of 'train', 'test', got 'val'"):
        real.gtsrb("val")


@pytest.mark.skipif(not (SHARED / "gtsrb").is_dir(), reason=f"no real GTSRB at {SHARED.parent.name}/data/gtsrb")
def test_real_gtsrb():
    """43 classes, at least 60 training pictures each; frames of one board stand together."""
    train, test = real.gtsrb("train", SHARED), real.gtsrb("test", SHARED)
    assert train.images.shape[1:] == test.images.shape[1:] == (3, 32, 32)
    assert len(train.labels.bincount()) == 43 and train.labels.bincount().min() >= 60 and len(test.images) >= 1_000
    assert train.labels.tolist() == sorted(train.labels.tolist())
    stop = train.images[train.labels == train.classes.index("stop")].float().mean(dim=(0, 2, 3))
    assert stop[0] > stop[1] and stop[0] > stop[2], "stop signs are red"
    frames = train.images[train.labels == 0].float()
    steps = (frames[1:] - frames[:-1]).abs().mean(dim=(1, 2, 3))
    assert steps.median() < 0.7 * (frames[20:] - frames[:-20]).abs().mean()
