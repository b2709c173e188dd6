"""`verify` notices what is damaged, mends what can be mended, and tells the rest."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torchvision

from ablate.recipe import Data, FolderData
from ablate.training.data import load_dataset
from ablate.training.data.standing import caches, standings
from ablate.training.data.verify import Finding, verify

MNIST = Data(name="mnist")


def findings(data: Data, root: Path) -> list[Finding]:
    return list(verify(data, root))


@pytest.fixture
def mnist(tmp_path: Path, write_idx: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with MNIST decoded, whose checksums torchvision knows."""
    write_idx(tmp_path / "mnist")
    sums = [(path.name, hashlib.md5(path.read_bytes()).hexdigest()) for path in sorted((tmp_path / "mnist").iterdir())]
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", sums)
    load_dataset(MNIST, tmp_path)
    return tmp_path


def test_a_whole_data_set_is_told_to_be_so(mnist: Path):
    found = findings(MNIST, mnist)
    assert [finding.bad for finding in found] == [False] * 5
    assert [finding.text for finding in found[:4]] == [
        f"{path} has the right checksum" for path in sorted((mnist / "mnist").glob("*.gz"))[2:]
    ] + [f"{path} has the right checksum" for path in sorted((mnist / "mnist").glob("*.gz"))[:2]]
    assert "is what the files decode to" in found[4].text


def test_a_flipped_byte_in_the_cache_is_noticed_and_mended(mnist: Path):
    (path,) = (mnist / ".cache").glob("*/test_images.npy")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    (bad,) = (finding for finding in findings(MNIST, mnist) if finding.bad)
    assert "was damaged and is made anew" in bad.text
    assert path.read_bytes() == whole
    assert not any(finding.bad for finding in findings(MNIST, mnist))


def test_an_archive_with_a_wrong_checksum_is_named(mnist: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", [("t10k-images-idx3-ubyte.gz", "0" * 32)])
    (bad,) = (finding for finding in findings(MNIST, mnist) if finding.bad)
    assert str(mnist / "mnist" / "t10k-images-idx3-ubyte.gz") in bad.text
    assert "ablate data fetch mnist" in bad.text


def test_an_image_that_rotted_where_it_lies_is_noticed(tmp_path: Path, write_images: Callable[..., None]):
    import os

    write_images(tmp_path / "pets", {"cat/1.bmp": (6, 6), "dog/1.bmp": (6, 6)})
    data = FolderData(name="image_folder", folder="pets")
    load_dataset(data, tmp_path)
    assert [finding.bad for finding in findings(data, tmp_path)] == [False]
    path = tmp_path / "pets" / "cat" / "1.bmp"
    before, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (bad,) = findings(data, tmp_path)
    assert bad.bad
    assert "have another content than when they were first read" in bad.text


def test_a_missing_data_set_is_told_with_the_command_that_fetches_it(tmp_path: Path):
    assert findings(MNIST, tmp_path) == [Finding("mnist", "not on this machine: type `ablate data fetch mnist`", True)]


def test_a_cache_says_itself_what_was_asked_for(tmp_path: Path, write_images: Callable[..., None]):
    write_images(tmp_path / "pets", {"cat/1.png": (6, 6), "dog/1.png": (6, 6)})
    data = FolderData(name="image_folder", folder="pets", resize=(4, 5), channels=1, validation=0)
    load_dataset(data, tmp_path)
    (kept,) = caches(tmp_path)
    assert kept.data == FolderData(name="image_folder", folder="pets", resize=(4, 5), channels=1)
    assert kept.bytes == sum(path.stat().st_size for path in Path(kept.folder).iterdir())
    images = np.load(Path(kept.folder) / "train_images.npy")
    assert images.shape == (2, 1, 4, 5)
    assert [len(one.caches) for one in standings(tmp_path) if one.name == "image_folder"] == [1]
