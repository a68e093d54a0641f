"""Data sets as plain arrays: the handwritten digits that come with scikit-learn, and CIFAR-10."""

from __future__ import annotations

import importlib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import DTypeLike

from minigrad.arguments import integer

__all__ = ["as_inputs", "batches", "cifar10", "data_root", "digits"]

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
    """Import an optional dependency, or raise an `ImportError` with the command that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f'{module} is not installed: pip install "minigrad-book[{extra}]"') from error


def digits() -> tuple[Pair, Pair]:
    """Return the 1,797 real handwritten digits that come with scikit-learn: small enough to train on in seconds.

    Returns
    -------
    (images, labels), (test images, labels)
        Images float32 (N, 1, 8, 8), from 0 (white) to 1 (black); labels int64 (N,), from 0 to 9. N is 1,433 to train on
        and 364 to test. The split is fixed and stratified: of each digit, every fifth image in the file's order is for
        testing, so both parts have every class and all writers.

    Raises
    ------
    ImportError
        If scikit-learn isn't installed.

    References
    ----------
    Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
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
        The folder of ``cifar-10-batches-bin/``. None: the environment variable ``MINIGRAD_DATA`` if it is set,
        otherwise the user's cache folder.
    download
        Whether to fetch the official archive (170 MB; its MD5 is checked) if one of its files is missing.

    Returns
    -------
    (images, labels), (test images, labels)
        Images uint8 (50000, 3, 32, 32) and (10000, 3, 32, 32), from 0 to 255, channels red, green, blue; labels int64,
        from 0 to 9.

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message has the folder and the ways to get the data.
    ValueError
        If a file is truncated or isn't CIFAR-10, or the archive isn't the official one or has an unsafe path.
    OSError
        If the download fails.
    ImportError
        If a download needs pooch and it isn't installed.

    References
    ----------
    Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
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
    """Return the folder of the data sets: `root`, or ``$MINIGRAD_DATA``, or the user's cache folder."""
    chosen = root if root is not None else os.environ.get("MINIGRAD_DATA")
    return Path(chosen or platformdirs.user_cache_dir("minigrad")).expanduser()


def batches(
    inputs: np.ndarray, labels: np.ndarray, batch_size: int, rng: np.random.Generator | int | None = None
) -> Iterator[Pair]:
    """Cut one epoch into batches; every example comes once.

    Parameters
    ----------
    inputs, labels
        (N, …), of any dtype, and (N,), integers.
    batch_size
        Examples in a batch, ≥ 1; the last batch may have fewer.
    rng
        A Generator or a seed for the order. None: the order of the arrays; the batches are then views of them.

    Returns
    -------
    iterator
        Of pairs (inputs, labels).

    Raises
    ------
    ValueError
        If the lengths differ, N is 0, or `batch_size` < 1. Raised at the call, not in the loop.
    TypeError
        If the inputs and labels aren't NumPy arrays, or the labels or `batch_size` aren't integers.
    """
    count = check_pair("batches", inputs, labels)
    starts = range(0, count, integer("batch_size", batch_size, least=1))
    order = None if rng is None else np.random.default_rng(rng).permutation(count)
    spans = (slice(start, start + batch_size) for start in starts)
    return ((inputs[part], labels[part]) for part in (spans if order is None else map(order.__getitem__, spans)))


def as_inputs(batch: np.ndarray, dtype: DTypeLike = np.float32) -> np.ndarray:
    """Return what a model is given, as `dtype`: uint8 images are scaled from 0…255 to [0, 1], floating inputs are not.

    Raises
    ------
    TypeError
        If the inputs are neither uint8 nor floating.
    """
    if batch.dtype == np.uint8:
        return np.divide(batch, 255, dtype=dtype)
    if not np.issubdtype(batch.dtype, np.floating):
        raise TypeError(f"inputs must be uint8 images (scaled by 1/255) or floating point, got {batch.dtype}")
    return batch.astype(dtype, copy=False)


def check_pair(name: str, inputs: np.ndarray, labels: np.ndarray) -> int:
    """Check that a pair is data, inputs (N, …) and labels (N,), and return N.

    Raises
    ------
    ValueError
        If the lengths differ, or N is 0. The message starts with `name`.
    TypeError
        If they aren't NumPy arrays, or the labels aren't integers.
    """
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


def _missing(folder: Path) -> list[str]:
    return [name for name in CIFAR10_TRAIN_FILES + CIFAR10_TEST_FILES if not (folder / name).is_file()]


def _read_cifar10(folder: Path, names: tuple[str, ...]) -> Pair:
    count = CIFAR10_IMAGES_PER_FILE
    images = np.empty((len(names), count, 3, 32, 32), np.uint8)
    labels = np.empty((len(names), count), np.int64)
    for i, name in enumerate(names):
        records = np.fromfile(folder / name, np.uint8)
        if records.size != count * CIFAR10_RECORD:
            raise ValueError(
                f"{folder / name} has {records.size:,} bytes, a CIFAR-10 batch has {count * CIFAR10_RECORD:,}: "
                f"delete {folder} and get the data again"
            )
        records = records.reshape(count, CIFAR10_RECORD)
        if (label := records[:, 0].max()) > 9:
            raise ValueError(f"{folder / name} is not a CIFAR-10 batch: it has the label {label}, not only 0 to 9")
        labels[i], images[i] = records[:, 0], records[:, 1:].reshape(images[i].shape)
    return images.reshape(-1, 3, 32, 32), labels.reshape(-1)


def _download_cifar10(root: Path) -> None:
    name = CIFAR10_URL.rsplit("/", 1)[1]
    try:
        archive = optional("pooch", "data").retrieve(CIFAR10_URL, f"md5:{CIFAR10_MD5}", fname=name, path=root)
    except ValueError as error:
        raise ValueError(f"the archive from {CIFAR10_URL} is not the official one: {error}") from error
    except OSError as error:
        raise OSError(
            f"could not download {CIFAR10_URL} ({error}). Get it another way and unpack it in {root}"
        ) from error
    extract(Path(archive), root, CIFAR10_FOLDER)


def extract(archive: Path, root: Path, folder: str) -> None:
    """Unpack ``folder/`` of a tar archive into `root`: all of it or, after an error or a kill, nothing.

    If `root` already has such a folder, the files are put into it one by one, and those of other names are kept.

    Raises
    ------
    ValueError
        If the archive is damaged, or has anything but plain files and folders in ``folder/``: a path that leads
        elsewhere, a link, a device. The message names it.
    RuntimeError
        Python is older than 3.11.4, whose tarfile doesn't have the data filter.
    """
    if not hasattr(tarfile, "data_filter"):
        raise RuntimeError(f"unpacking needs Python 3.11.4 or newer: unpack {archive} by hand in {root}")

    def plain(member: tarfile.TarInfo, destination: str) -> tarfile.TarInfo:
        safe = tarfile.data_filter(member, destination)
        path = PurePosixPath(safe.name).parts
        if path[:1] != (folder,) or ".." in path or not (safe.isfile() or safe.isdir()):
            raise tarfile.TarError(f"{member.name!r} is no plain file in {folder}/")
        return safe

    with tempfile.TemporaryDirectory(dir=root, prefix=".unpacking-") as temporary:
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(temporary, filter=plain)
        except (tarfile.TarError, EOFError) as error:
            raise ValueError(f"{archive}: {error}; nothing was unpacked") from error
        _move(Path(temporary, folder), root / folder)


def _move(source: Path, target: Path) -> None:
    if source.is_dir() and target.is_dir():
        for path in source.iterdir():
            _move(path, target / path.name)
    else:
        os.replace(source, target)
