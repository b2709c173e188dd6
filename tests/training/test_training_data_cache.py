"""Decoded data sets on the disk: mapped, shared, made anew when broken, keyed by content."""

import errno
import itertools
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from ablate.errors import DataMissingError
from ablate.recipe import Data, SyntheticData
from ablate.training.data import Dataset, LatelyLoaded, load_dataset
from ablate.training.data import listing as listing_module

Arrays = tuple[np.ndarray, ...]
MNIST = Data(name="mnist")
Usage = namedtuple("Usage", "total used free")


def assert_same(dataset: Dataset, images: Arrays) -> None:
    assert np.array_equal(dataset.train.images[:, 0].numpy(), images[0])
    assert np.array_equal(dataset.test.images[:, 0].numpy(), images[2])


def folders(root: Path) -> list[Path]:
    return sorted(path for path in (root / ".cache").iterdir() if path.is_dir())


def test_the_decoded_data_are_mapped_from_one_file_and_a_broken_cache_is_made_anew(
    tmp_path: Path, write_idx: Callable[..., None], images: Arrays
):
    write_idx(tmp_path / "mnist")
    load_dataset(MNIST, tmp_path)
    (folder,) = folders(tmp_path)
    cached = folder / "train_images.npy"

    content = np.load(cached)
    content[0] += 1
    np.save(cached, content)
    assert np.array_equal(load_dataset(MNIST, tmp_path).train.images.numpy(), content)  # the cache is what is read

    for broken in (b"", b"garbage", cached.read_bytes()[:-1000], pickle.dumps([1, 2])):
        cached.write_bytes(broken)
        assert_same(load_dataset(MNIST, tmp_path), images)
    cached.unlink()
    assert_same(load_dataset(MNIST, tmp_path), images)
    (folder / "cache.json").write_text(json.dumps({"key": "another", "classes": [], "parts": {}}))
    assert_same(load_dataset(MNIST, tmp_path), images)
    assert folders(tmp_path) == [folder]


def test_changed_files_are_decoded_again(tmp_path: Path, write_idx: Callable[..., None], images: Arrays):
    write_idx(tmp_path / "mnist")
    load_dataset(MNIST, tmp_path)
    images[0][:] = 255 - images[0]
    write_idx(tmp_path / "mnist")
    assert_same(load_dataset(MNIST, tmp_path), images)


def test_what_was_loaded_lately_is_looked_at_again_after_a_while(
    tmp_path: Path, write_idx: Callable[..., None], images: Arrays, monkeypatch: pytest.MonkeyPatch
):
    now = itertools.count(0.0, 0.1)
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    lately = LatelyLoaded()
    write_idx(tmp_path / "mnist")
    first = lately.load(MNIST, tmp_path)
    images[0][:] = 255 - images[0]
    write_idx(tmp_path / "mnist")
    assert lately.load(MNIST, tmp_path) is first
    now = itertools.count(1000.0, 0.1)
    changed = lately.load(MNIST, tmp_path)
    assert_same(changed, images)
    assert changed.digest != first.digest
    assert lately.load(Data(name="mnist", resize=7), tmp_path).image_size == (7, 7)
    assert lately.load(MNIST, tmp_path).image_size == (28, 28)


def test_a_root_that_cannot_be_written_to_still_serves(tmp_path: Path, write_idx: Callable[..., None], images: Arrays):
    write_idx(tmp_path / "mnist")
    (tmp_path / ".cache").write_text("a file where the cache should be")
    assert_same(load_dataset(MNIST, tmp_path), images)


def test_writing_into_the_images_reaches_neither_the_file_nor_others(
    tmp_path: Path, write_idx: Callable[..., None], images: Arrays
):
    write_idx(tmp_path / "mnist")
    load_dataset(MNIST, tmp_path)
    load_dataset(MNIST, tmp_path).train.images.zero_()
    assert_same(load_dataset(MNIST, tmp_path), images)


def test_the_digest_tells_content_and_scaling_apart_and_nothing_else(
    tmp_path: Path, write_idx: Callable[..., None], images: Arrays
):
    write_idx(tmp_path / "here" / "mnist")
    write_idx(tmp_path / "there" / "MNIST" / "raw")
    here = load_dataset(MNIST, tmp_path / "here").digest
    assert len(here) == 64
    assert load_dataset(MNIST, tmp_path / "there").digest == here
    assert load_dataset(Data(name="mnist", validation=0.3, batch_size=3), tmp_path / "here").digest == here
    scaled = load_dataset(Data(name="mnist", resize=14), tmp_path / "here")
    assert scaled.digest != here
    assert scaled.train.images.shape == (50, 1, 14, 14)
    assert len(folders(tmp_path / "here")) == 2
    images[1][0] = (images[1][0] + 1) % 10
    write_idx(tmp_path / "here" / "mnist")
    assert load_dataset(MNIST, tmp_path / "here").digest != here


def test_only_new_and_changed_files_are_hashed(
    tmp_path: Path, write_images: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    from ablate.recipe import FolderData

    files = {f"{name}/{number}.png": (6, 6) for name in ("cat", "dog") for number in range(3)}
    write_images(tmp_path / "pets", files)
    data = FolderData(name="image_folder", folder="pets")
    hashed: list[str] = []
    real = listing_module.file_hash
    monkeypatch.setattr(listing_module, "file_hash", lambda path: hashed.append(path.name) or real(path))
    load_dataset(data, tmp_path)
    assert sorted(hashed) == ["0.png", "0.png", "1.png", "1.png", "2.png", "2.png"]
    hashed.clear()
    load_dataset(data, tmp_path)
    assert hashed == []
    write_images(tmp_path / "pets", {"dog/3.png": (6, 6)})
    assert len(load_dataset(data, tmp_path).train.labels) == 7
    assert hashed == ["3.png"]


def test_a_broken_list_of_hashes_is_made_anew(tmp_path: Path, write_idx: Callable[..., None], images: Arrays):
    write_idx(tmp_path / "mnist")
    digest = load_dataset(MNIST, tmp_path).digest
    (remembered,) = (tmp_path / ".cache").glob("*.hashes")
    for text in ("", "no json", "[1]", '["a", "b", "c"]\n[]'):
        remembered.write_text(text)
        assert load_dataset(MNIST, tmp_path).digest == digest


def test_too_little_room_is_told_before_the_work_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10, 9, 1_000_000))
    big = SyntheticData(name="synthetic", images=100_000, test_images=10_000, size=64)
    with pytest.raises(DataMissingError) as caught:
        load_dataset(big, tmp_path)
    text = str(caught.value)
    assert "1.4 GB" in text
    assert "1.0 MB are free" in text
    assert str(tmp_path / ".cache") in text
    assert "--data-root" in text
    assert folders(tmp_path) == []


def test_a_disk_that_fills_up_meanwhile_ends_in_the_same_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_words: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DataMissingError, match=r"needs 115 kB in .*\.cache"):
        load_dataset(Data(name="digits"), tmp_path)
    assert folders(tmp_path) == []


MAKE_READY = """
import sys
from pathlib import Path
from ablate.recipe import FolderData
from ablate.training.data.prepare import prepare
from ablate.training.data.progress import Progress

told = Progress(tell=lambda task, done, total: print(task, flush=True))
prepared = prepare(FolderData(name="image_folder", folder="pets"), Path(sys.argv[1]), told)
print(len(prepared.arrays.parts["train"].labels))
"""


def test_of_two_processes_one_decodes_and_the_other_waits(tmp_path: Path, write_images: Callable[..., None]):
    write_images(tmp_path / "pets", {f"{name}/{number}.png": (6, 6) for name in ("cat", "dog") for number in range(3)})
    (tmp_path / ".cache").mkdir()
    lock = FileLock(tmp_path / ".cache" / "image_folder.lock")
    with ExitStack() as stack:
        lock.acquire()
        words = [sys.executable, "-c", MAKE_READY, str(tmp_path)]
        processes = [
            stack.enter_context(subprocess.Popen(words, stdout=subprocess.PIPE, text=True)) for _process in range(2)
        ]
        stack.callback(lock.release, force=True)  # before the processes are waited for, whatever happens
        waiting = "waiting for another process that decodes image_folder\n"
        for process in processes:  # both have found no cache and stand in line before one may begin
            assert waiting in iter(process.stdout.readline, "")
        lock.release()
        told = [process.communicate(timeout=100)[0].splitlines() for process in processes]
    assert [lines[-1] for lines in told] == ["6", "6"]
    assert sum("decoding pets, train" in lines for lines in told) == 1
    assert len(folders(tmp_path)) == 1


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path):
    left = tmp_path / ".cache" / ".digits-abc"
    left.mkdir(parents=True)
    (left / "train_images.npy").write_bytes(b"half")
    load_dataset(Data(name="digits"), tmp_path)
    assert not left.exists()


#: Opens a data set of 62 MB in a process that may take 20 MB more memory than it has.
SHORT_OF_MEMORY = """
import resource, sys
from pathlib import Path
from ablate.recipe import SyntheticData
from ablate.training.data.prepare import prepare
small, large = (SyntheticData(name="synthetic", images=images, test_images=10) for images in (10, 20_000))
prepare(small, Path(sys.argv[1]))
(held,) = (line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmData" in line)
resource.setrlimit(resource.RLIMIT_DATA, (1024 * int(held) + 20_000_000,) * 2)
images = prepare(large, Path(sys.argv[1])).arrays.parts["train"].images
print(sum(int(image.sum()) for image in images))
"""


def test_a_data_set_larger_than_the_memory_is_opened(tmp_path: Path):
    large = SyntheticData(name="synthetic", images=20_000, test_images=10)
    total = int(load_dataset(large, tmp_path).train.images.sum())
    done = subprocess.run(
        [sys.executable, "-c", SHORT_OF_MEMORY, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [str(total)], done.stderr[-2000:]
