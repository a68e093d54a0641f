"""The images of a run: which ones, where they come from, and how they are varied."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np

from minigrad import data
from minigrad_book.tools.experiments.config import Config

CLASSES = 10
MARGIN = 4  # pixels

# What a data set with these bytes is, by the digest that `describe_data` makes.
JPEG_COPY = "a JPEG (quality 75) copy of CIFAR-10"
KNOWN = {"38f858c0f8dfecbc5fc11933f86a644aaa90b6610181fafb30ff4b48a9d59918": JPEG_COPY}


def load_data(config: Config) -> tuple[data.Pair, data.Pair, data.Pair]:
    """The images to train on, to choose by and to report on.

    Of each class, these are the first and the last training images and the first test images. ValueError if there are
    too few.
    """
    train, test = _load(config.data)
    for name, wanted, there in (
        ("train_size + validation_size", config.train_size + config.validation_size, train),
        ("test_size", config.test_size, test),
    ):
        if wanted > CLASSES * np.bincount(there[1]).min():
            raise ValueError(f"{config.data} has fewer images than {name} = {wanted:,}")
    shown = _magnified if config.data == "digits" and config.model == "lenet5" else _as_they_are
    return (
        shown(*_first_of_each_class(*train, config.train_size)),
        shown(*_first_of_each_class(train[0][::-1], train[1][::-1], config.validation_size)),
        shown(*_first_of_each_class(*test, config.test_size)),
    )


@cache
def _load(name: str) -> tuple[data.Pair, data.Pair]:
    return data.cifar10() if name == "cifar10" else data.digits()


def _as_they_are(images: np.ndarray, labels: np.ndarray) -> data.Pair:
    return images, labels


def _magnified(images: np.ndarray, labels: np.ndarray) -> data.Pair:
    """8×8 to 32×32 pixels, each repeated 4×4 times."""
    return images.repeat(4, axis=2).repeat(4, axis=3), labels


def _first_of_each_class(images: np.ndarray, labels: np.ndarray, count: int) -> data.Pair:
    if count % CLASSES:
        raise ValueError(f"sizes must be multiples of {CLASSES}, to have as many images of each class; got {count}")
    chosen = [np.flatnonzero(labels == label)[: count // CLASSES] for label in range(CLASSES)]
    order = np.sort(np.concatenate(chosen))
    return images[order], labels[order]


@cache
def describe_data(name: str) -> dict[str, str]:
    """The data set's name, the SHA-256 of its bytes, and what those bytes are.

    Digested are images, then labels as bytes; training, then test.
    """
    digest = hashlib.sha256()
    for images, labels in _load(name):
        digest.update(np.ascontiguousarray(images).data)
        digest.update(labels.astype(np.uint8).data)
    sha256 = digest.hexdigest()
    other = "scikit-learn's digits" if name == "digits" else "unknown data in CIFAR-10's binary format"
    return {"name": name, "sha256": sha256, "what": KNOWN.get(sha256, other)}


def flip_and_crop(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image shifted by up to four pixels in each direction, with zeros moving in, and half of them mirrored."""
    n, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
    rows, columns = rng.integers(0, 2 * MARGIN + 1, (2, n))
    mirrored = rng.random(n) < 0.5
    shifted = windows[np.arange(n), :, rows, columns]
    shifted[mirrored] = shifted[mirrored][..., ::-1]
    return shifted
