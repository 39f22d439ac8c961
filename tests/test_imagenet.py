"""ImageNet's features: real weights name what is in a photograph, damaged files are refused by name.

VGG-19's weights are not at hand where this is tested: its layers are compared with torchvision's under random ones.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import SqueezeNet1_0_Weights, VGG19_Weights, squeezenet1_0
from torchvision.models.vgg import cfgs, make_layers

from course_utils import runtime
from course_utils.datasets import photos
from course_utils.models import imagenet

STORED = runtime.PROJECT_ROOT.parent / "shared" / "data" / "weights" / "squeezenet1_0-deepcompression.pth"
real_weights = pytest.mark.skipif(not STORED.is_file(), reason="no SqueezeNet weights at shared/data/weights")


@pytest.fixture
def random_weights(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "squeezenet1_0-random.pth"
    torch.save(squeezenet1_0().state_dict(), path)
    return path


def test_mean_and_spread_are_those_of_torchvision_s_own_transform():
    transform = SqueezeNet1_0_Weights.IMAGENET1K_V1.transforms()
    assert list(imagenet.IMAGENET_MEAN) == transform.mean and list(imagenet.IMAGENET_STD) == transform.std


def test_a_file_in_the_data_folder_is_found(random_weights, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(random_weights.parent))
    ours, wanted = imagenet.squeezenet(), torch.load(random_weights, weights_only=True)
    assert all(torch.equal(value, wanted[name]) for name, value in ours.state_dict().items())
    assert not ours.training
    (random_weights.parent / "weights").mkdir()
    random_weights.rename(random_weights.parent / "weights" / random_weights.name)
    assert torch.equal(imagenet.squeezenet().features[0].weight, wanted["features.0.weight"])


def test_features_are_the_network_s_own(random_weights):
    net = imagenet.ImageNetFeatures(64, random_weights)
    images = torch.rand(2, 3, 64, 64)
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (imagenet.IMAGENET_MEAN, imagenet.IMAGENET_STD))
    with torch.no_grad():
        wanted = imagenet.squeezenet(random_weights).features((images - mean) / std)
        torch.testing.assert_close(net(images), wanted)
        small = net(F.interpolate(images, (32, 32)))
    assert small.shape == wanted.shape == (2, 512, 3, 3) and not net.training


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"\(0 bytes\) does not hold"),
        (b"<html>not found</html>", "does not hold the weights"),
        (None, "is missing"),
    ],
)
def test_damaged_weights_are_refused_by_name(tmp_path, content, words):
    path = tmp_path / "squeezenet1_0-x.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RuntimeError, match=rf"squeezenet1_0-x\.pth .*{words}|squeezenet1_0-x\.pth {words}"):
        imagenet.squeezenet(path)


def test_truncated_weights_and_those_of_another_network_are_refused(random_weights):
    whole = random_weights.read_bytes()
    random_weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RuntimeError, match="does not hold the weights of SqueezeNet"):
        imagenet.squeezenet(random_weights)
    torch.save({"weight": torch.zeros(3)}, random_weights)
    with pytest.raises(RuntimeError, match="does not hold the weights of SqueezeNet"):
        imagenet.squeezenet(random_weights)


def test_the_quick_tier_never_downloads_and_offline_it_says_so(tmp_path, monkeypatch):
    def refuse(**arguments):
        assert arguments == {"weights": SqueezeNet1_0_Weights.IMAGENET1K_V1}
        raise OSError("no network")

    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr(imagenet, "squeezenet1_0", refuse)
    monkeypatch.setenv("COURSE_TIER", "quick")
    with pytest.raises(RuntimeError, match="quick tier downloads nothing"):
        imagenet.squeezenet()
    monkeypatch.setenv("COURSE_TIER", "laptop")
    with pytest.raises(RuntimeError, match=r"could not be downloaded from https.*no network.*Check the network"):
        imagenet.squeezenet()


def test_bad_size(random_weights):
    with pytest.raises(ValueError, match="size must be an integer of at least 32, got 16"):
        imagenet.ImageNetFeatures(16, random_weights)


@real_weights
@pytest.mark.parametrize(("photo", "words"), [("chelsea", ("cat", "tabby")), ("coffee", ("espresso", "cup"))])
def test_real_weights_name_what_is_in_the_photograph(photo, words):
    """Among the first five of 1,000 classes, and only if the normalisation is the right one."""
    image = photos.load(photo, 224)[None]
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (imagenet.IMAGENET_MEAN, imagenet.IMAGENET_STD))
    names = SqueezeNet1_0_Weights.IMAGENET1K_V1.meta["categories"]
    with torch.no_grad():
        best = imagenet.squeezenet(STORED)((image - mean) / std)[0].topk(5).indices.tolist()
    assert any(word in names[i].lower() for i in best for word in words), [names[i] for i in best]


def test_squeezenet_s_layers_by_name(random_weights):
    net, images = imagenet.squeezenet_layers(random_weights), torch.rand(1, 3, 64, 80)
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (imagenet.IMAGENET_MEAN, imagenet.IMAGENET_STD))
    with torch.no_grad():
        torch.testing.assert_close(net(images), imagenet.squeezenet(random_weights).features((images - mean) / std))
    names = [name for name, _ in net.named_children()]
    assert names[:5] == ["normalize", "conv1", "relu1", "pool1", "fire2"] and names[-2:] == ["pool8", "fire9"]
    assert all(isinstance(net.get_submodule(name), nn.MaxPool2d) for name in ("pool1", "pool4", "pool8"))
    assert net.fire5.squeeze.in_channels == 256 and not net.training


@pytest.fixture(scope="module")
def random_vgg(tmp_path_factory):
    """VGG-19's convolutions under random weights as torchvision builds them, and a file as it stores them."""
    torch.manual_seed(0)
    layers = make_layers(cfgs["E"])
    path = tmp_path_factory.mktemp("vgg") / "vgg19-random.pth"
    state = {f"features.{name}": value for name, value in layers.state_dict().items()}
    torch.save(state | {"classifier.6.bias": torch.zeros(1000)}, path)
    return layers, path


def test_vgg19_is_torchvision_s_layer_by_layer(random_vgg, monkeypatch):
    layers, path = random_vgg
    monkeypatch.setenv("COURSE_DATA", str(path.parent))
    net, images = imagenet.vgg19_layers(), torch.rand(1, 3, 32, 48)
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (imagenet.IMAGENET_MEAN, imagenet.IMAGENET_STD))
    with torch.no_grad():
        torch.testing.assert_close(net(images), layers((images - mean) / std))
    names = [name for name, _ in net.named_children()]
    assert len(names) == 1 + len(layers) and sum(name.startswith("conv") for name in names) == 16
    assert names[1:6] == ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1"] and names[-1] == "pool5"
    assert sum(p.numel() for p in net.parameters()) == 20_024_384
    assert torch.equal(net.conv4_2.weight, layers[21].weight)  # the layer of Gatys's content


def test_vgg19_refuses_other_weights_and_names_the_download(random_weights, tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match=r"squeezenet1_0-random\.pth .* does not hold the weights of VGG-19"):
        imagenet.vgg19_layers(random_weights)
    with pytest.raises(RuntimeError, match=r"nothing\.pth is missing"):
        imagenet.vgg19_layers(tmp_path / "nothing.pth")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "empty"))
    monkeypatch.setenv("COURSE_TIER", "quick")
    with pytest.raises(RuntimeError, match=r"no file vgg19-\*\.pth in .*COURSE_TIER=laptop to download it \(548 MB\)"):
        imagenet.vgg19_layers()

    def refuse(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setenv("COURSE_TIER", "laptop")
    monkeypatch.setattr(type(VGG19_Weights.IMAGENET1K_V1), "get_state_dict", refuse)
    with pytest.raises(RuntimeError, match=r"VGG-19's weights could not be downloaded from https.*no network"):
        imagenet.vgg19_layers()
