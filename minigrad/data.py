"""Data sets as plain arrays: the handwritten digits that scikit-learn brings, and CIFAR-10."""

from __future__ import annotations

import importlib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minigrad.arguments import integer

Pair = tuple[np.ndarray, np.ndarray]
"""``(inputs, labels)``, equally long along their first axis."""

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
CIFAR10_FOLDER = "cifar-10-batches-bin"
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_TRAIN_FILES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
CIFAR10_TEST_FILES = ("test_batch.bin",)
CIFAR10_IMAGES_PER_FILE = 10_000
CIFAR10_RECORD = 1 + 3 * 32 * 32  # one label byte, then the red, green and blue planes, row by row


def optional(module: str, extra: str) -> Any:
    """Import an optional dependency, or raise an ``ImportError`` that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f'{module} is not installed: pip install "minigrad-book[{extra}]"') from error


def digits() -> tuple[Pair, Pair]:
    """Return the 1,797 real handwritten digits bundled with scikit-learn: small enough to train on in seconds.

    Returns
    -------
    (images, labels), (test images, labels)
        As `cifar10` does: images float32 (N, 1, 8, 8) in [0, 1], ready for a convolution (`models.MLP`
        flattens them itself), labels int64 (N,) from 0 to 9; 1,433 to train on and 364 to test. The split is fixed and
        stratified: of each digit, every fifth image in the file's order is for testing, so that both parts hold
        every class and all writers.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
    """
    bunch = optional("sklearn.datasets", "data").load_digits()
    images = (bunch.images / 16).astype(np.float32)[:, None]
    labels = bunch.target.astype(np.int64)
    is_test = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        is_test[np.flatnonzero(labels == digit)[::5]] = True
    return (images[~is_test], labels[~is_test]), (images[is_test], labels[is_test])


def cifar10(root: str | os.PathLike[str] | None = None, download: bool = False) -> tuple[Pair, Pair]:
    """Return CIFAR-10: 60,000 colour photographs of 32×32 pixels in ten classes (`CIFAR10_CLASSES`).

    Parameters
    ----------
    root
        The folder that holds, or is to hold, ``cifar-10-batches-bin/``. ``None``: the environment variable
        ``MINIGRAD_DATA`` if set, else the user's cache directory.
    download
        Fetch the official archive (170 MB, its md5 checked) if one of its files is not in that folder.

    Returns
    -------
    (images, labels), (test images, labels)
        Images uint8 (50000, 3, 32, 32) and (10000, 3, 32, 32), channels red, green, blue; labels int64.

    Raises
    ------
    FileNotFoundError
        The data isn't there; the message says where it was looked for and how to get it.
    ValueError
        A file is truncated or is not CIFAR-10, or the archive holds an unsafe path.
    OSError
        The download failed.

    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
    """
    root = data_root(root)
    folder = root / CIFAR10_FOLDER
    if download and _missing(folder):
        _download_cifar10(root)
    if missing := _missing(folder):
        raise FileNotFoundError(
            f"CIFAR-10 is not in {folder} (no {', '.join(missing)}). Run `minigrad data cifar10 --download`, or call "
            f"cifar10(download=True), or unpack {CIFAR10_URL.rsplit('/', 1)[1]} into a folder and name that folder "
            "as root or in the environment variable MINIGRAD_DATA"
        )
    return _read_cifar10(folder, CIFAR10_TRAIN_FILES), _read_cifar10(folder, CIFAR10_TEST_FILES)


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """The folder data sets are kept in: ``root``, else ``$MINIGRAD_DATA``, else the user's cache directory."""
    chosen = root if root is not None else os.environ.get("MINIGRAD_DATA")
    return Path(chosen or optional("pooch", "data").os_cache("minigrad")).expanduser()


def batches(
    inputs: np.ndarray, labels: np.ndarray, batch_size: int, rng: np.random.Generator | int | None = None
) -> Iterator[Pair]:
    """Cut one epoch into batches of ``batch_size``; the last one holds what is left.

    Every example comes once, in an order drawn from ``rng`` (a generator or a seed), or as stored if it is ``None``.
    """
    count = check_pair("batches", inputs, labels)
    batch_size = integer("batch_size", batch_size, least=1)
    order = None if rng is None else np.random.default_rng(rng).permutation(count)
    return _slices(inputs, labels, batch_size, order)


def as_inputs(batch: np.ndarray, dtype: DTypeLike = np.float32) -> np.ndarray:
    """What a model is given, as ``dtype``: uint8 images scaled from 0…255 to [0, 1], floating inputs as they are."""
    if batch.dtype == np.uint8:
        return np.divide(batch, 255, dtype=dtype)
    if not np.issubdtype(batch.dtype, np.floating):
        raise TypeError(f"inputs must be uint8 images (scaled by 1/255) or floating point, got {batch.dtype}")
    return batch.astype(dtype, copy=False)


def check_pair(name: str, inputs: np.ndarray, labels: np.ndarray) -> int:
    """Check a pair ``(inputs, labels)`` and return its length."""
    if not (isinstance(inputs, np.ndarray) and isinstance(labels, np.ndarray)):
        raise TypeError(
            f"{name} needs two NumPy arrays (inputs, labels), got {type(inputs).__name__}, {type(labels).__name__}"
        )
    if inputs.ndim < 1 or labels.shape != inputs.shape[:1]:
        raise ValueError(f"{name} needs one label per input: inputs {inputs.shape}, labels {labels.shape}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"{name} needs integer labels, got {labels.dtype}")
    if len(labels) == 0:
        raise ValueError(f"{name} needs at least one example, got inputs {inputs.shape}")
    return len(labels)


def _slices(inputs: np.ndarray, labels: np.ndarray, batch_size: int, order: np.ndarray | None) -> Iterator[Pair]:
    for start in range(0, len(labels), batch_size):
        chosen = slice(start, start + batch_size) if order is None else order[start : start + batch_size]
        yield inputs[chosen], labels[chosen]


def _missing(folder: Path) -> list[str]:
    return [name for name in CIFAR10_TRAIN_FILES + CIFAR10_TEST_FILES if not (folder / name).is_file()]


def _read_cifar10(folder: Path, names: tuple[str, ...]) -> Pair:
    images = np.empty((len(names) * CIFAR10_IMAGES_PER_FILE, 3, 32, 32), dtype=np.uint8)
    labels = np.empty(len(images), dtype=np.int64)
    for i, name in enumerate(names):
        path, size = folder / name, CIFAR10_IMAGES_PER_FILE * CIFAR10_RECORD
        if path.stat().st_size != size:
            raise ValueError(
                f"{path} has {path.stat().st_size:,} bytes, a CIFAR-10 batch has {size:,}: "
                f"delete {folder} and get the data again"
            )
        records = np.fromfile(path, dtype=np.uint8).reshape(-1, CIFAR10_RECORD)
        if (label := records[:, 0].max()) > 9:
            raise ValueError(f"{path} is not a CIFAR-10 batch: it holds the label {label}, not only 0 to 9")
        part = slice(i * CIFAR10_IMAGES_PER_FILE, (i + 1) * CIFAR10_IMAGES_PER_FILE)
        labels[part] = records[:, 0]
        images[part] = records[:, 1:].reshape(-1, 3, 32, 32)
    return images, labels


def _download_cifar10(root: Path) -> None:
    pooch = optional("pooch", "data")
    try:
        archive = pooch.retrieve(
            CIFAR10_URL, known_hash=f"md5:{CIFAR10_MD5}", path=root, fname=CIFAR10_URL.rsplit("/", 1)[1]
        )
    except ValueError as error:
        raise ValueError(f"the archive from {CIFAR10_URL} is not the official one: {error}") from error
    except OSError as error:
        raise OSError(
            f"could not download {CIFAR10_URL} ({error}). Get it in another way and unpack it in {root}"
        ) from error
    extract(Path(archive), root, CIFAR10_FOLDER)


def extract(archive: Path, root: Path, folder: str) -> None:
    """Unpack ``folder/`` of a tar archive into ``root``; all of it or, after an error or a kill, nothing.

    If ``root`` has such a folder already, the files are put into it one by one, and those of other names are kept.
    Only plain files below ``folder`` are accepted. An absolute path, a ``..``, a link, a device or a file elsewhere
    raises a `ValueError` before anything is written.
    """
    with tarfile.open(archive) as tar, tempfile.TemporaryDirectory(dir=root, prefix=".unpacking-") as temporary:
        members = tar.getmembers()
        for member in members:
            path, windows = PurePosixPath(member.name), PureWindowsPath(member.name)
            if path.is_absolute() or windows.anchor or ".." in path.parts + windows.parts:
                raise ValueError(f"{archive} holds the unsafe path {member.name!r}: nothing was unpacked")
            if not (member.isfile() or member.isdir()):
                raise ValueError(f"{archive} holds {member.name!r}, a link or a device: nothing was unpacked")
            if path.parts[:1] != (folder,):
                raise ValueError(f"{archive} holds {member.name!r}, which is not in {folder}/: nothing was unpacked")
        for member in members:
            target = Path(temporary, member.name)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                source = tar.extractfile(member)
                assert source is not None  # only for links and devices, refused above
                with source, target.open("wb") as sink:
                    while block := source.read(1 << 20):
                        sink.write(block)
        _move(Path(temporary, folder), root / folder)


def _move(source: Path, target: Path) -> None:
    if source.is_dir() and target.is_dir():
        for path in source.iterdir():
            _move(path, target / path.name)
    else:
        os.replace(source, target)
