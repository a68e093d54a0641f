"""Data sets: their content, and the errors when they are missing, damaged or malicious."""

import functools
import hashlib
import http.server
import io
import tarfile
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad import data


def test_digits_are_1797_images_split_by_class():
    pytest.importorskip("sklearn")
    (images, labels), (test_images, test_labels) = data.digits()
    assert images.shape == (1433, 1, 8, 8)
    assert test_images.shape == (364, 1, 8, 8)
    assert images.dtype == np.float32
    assert labels.dtype == np.int64
    assert images.min() == 0
    assert images.max() == 1
    share = np.bincount(test_labels) / (np.bincount(labels) + np.bincount(test_labels))
    np.testing.assert_allclose(share, 0.2, atol=0.005)
    rows = {row.tobytes() for row in images} & {row.tobytes() for row in test_images}
    assert not rows, "no image is in both parts"


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 2**32))
def test_batches_have_every_example_once(count, batch_size, seed):
    inputs, labels = np.arange(count)[:, None] * 1.0, np.arange(count)
    parts = list(data.batches(inputs, labels, batch_size, seed))
    assert [len(part) for _, part in parts[:-1]] == [batch_size] * (len(parts) - 1)
    assert sorted(np.concatenate([part for _, part in parts])) == list(range(count))
    assert all((x[:, 0] == y).all() for x, y in parts)
    again = list(data.batches(inputs, labels, batch_size, np.random.default_rng(seed)))
    assert all((x == y).all() for (_, x), (_, y) in zip(parts, again, strict=True))


def test_batches_without_a_seed_keep_the_order_and_other_seeds_differ():
    inputs, labels = np.zeros((100, 1)), np.arange(100)

    def order(rng):
        return np.concatenate([y for _, y in data.batches(inputs, labels, 7, rng)]).tolist()

    assert order(None) == list(range(100))
    assert order(1) != order(2)


@pytest.mark.parametrize(
    ("inputs", "labels", "batch_size", "error", "message"),
    [
        (np.zeros((3, 2)), np.zeros(4, int), 2, ValueError, r"\(3, 2\), labels \(4,\)"),
        (np.zeros((3, 2)), np.zeros(3), 2, TypeError, "integer labels, got float64"),
        (np.zeros((0, 2)), np.zeros(0, int), 2, ValueError, "at least one example"),
        ([[1.0]], [0], 2, TypeError, "two NumPy arrays .* list, list"),
        (np.zeros((3, 2)), np.zeros(3, int), 0, ValueError, "batch_size must be ≥ 1, got 0"),
        (np.zeros((3, 2)), np.zeros(3, int), 1.5, TypeError, "batch_size must be an integer, got 1.5"),
    ],
)
def test_bad_arguments_of_batches_raise_at_the_call(inputs, labels, batch_size, error, message):
    with pytest.raises(error, match=message):
        data.batches(inputs, labels, batch_size)


def test_only_uint8_inputs_are_scaled():
    assert data.as_inputs(np.array([0, 51, 255], np.uint8)).tolist() == [0, np.float32(0.2), 1]
    assert data.as_inputs(np.array([3.0])).dtype == np.float32
    with pytest.raises(TypeError, match="int64"):
        data.as_inputs(np.array([3]))


# CIFAR-10: a small copy of the official layout, with 20 images per file


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(data, "CIFAR10_IMAGES_PER_FILE", 20)


def records(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 256, (20, data.CIFAR10_RECORD), dtype=np.uint8)
    rows[:, 0] %= 10
    return rows


def write_cifar10(root):
    folder = root / data.CIFAR10_FOLDER
    folder.mkdir(parents=True)
    for i, name in enumerate(data.CIFAR10_TRAIN_FILES + data.CIFAR10_TEST_FILES):
        records(i).tofile(folder / name)
    return folder


def test_cifar10_reads_the_official_layout(small, tmp_path):
    write_cifar10(tmp_path)
    (images, labels), (test_images, test_labels) = data.cifar10(tmp_path)
    assert images.shape == (100, 3, 32, 32)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    assert test_images.shape == (20, 3, 32, 32)
    row = records(2)[7]
    assert labels[47] == row[0]
    assert images[47, 0, 0, 1] == row[2], "columns run fastest"
    assert images[47, 1, 2, 3] == row[1 + 1024 + 2 * 32 + 3], "then rows, then colours"
    assert test_labels.tolist() == records(5)[:, 0].tolist()


def test_the_root_is_the_argument_then_the_environment_then_the_cache(small, tmp_path, monkeypatch):
    write_cifar10(tmp_path / "environment")
    monkeypatch.setenv("MINIGRAD_DATA", str(tmp_path / "environment"))
    data.cifar10()
    with pytest.raises(FileNotFoundError, match="argument"):
        data.cifar10(tmp_path / "argument")
    monkeypatch.delenv("MINIGRAD_DATA")
    monkeypatch.setattr(data.platformdirs, "user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    assert data.data_root() == tmp_path / "cache" / "minigrad"


def test_the_error_for_missing_data_explains_how_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"minigrad data cifar10 --download.*MINIGRAD_DATA"):
        data.cifar10(tmp_path)


def test_a_truncated_file_raises_an_error(small, tmp_path):
    path = write_cifar10(tmp_path) / "data_batch_3.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"data_batch_3.bin has 61,459 bytes, a CIFAR-10 batch has 61,460"):
        data.cifar10(tmp_path)


def test_a_file_with_invalid_labels_raises_an_error(small, tmp_path):
    path = write_cifar10(tmp_path) / "test_batch.bin"
    path.write_bytes(b"\xff" * path.stat().st_size)
    with pytest.raises(ValueError, match="label 255"):
        data.cifar10(tmp_path)


unpacks = pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="unpacking needs Python 3.11.4 or newer")


def make_archive(path, entries):
    """Write a gzipped tar file of entries, each (name, bytes) or a ready-made member."""
    with tarfile.open(path, "w:gz") as tar:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
            else:
                name, content = entry
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@unpacks
@pytest.mark.parametrize(
    "hostile",
    [
        ("/escaped", b"x"),
        ("../escaped", b"x"),
        ("folder/../../escaped", b"x"),
        ("folder\\..\\..\\escaped", b"x"),
        ("C:\\escaped", b"x"),
        ("elsewhere/file", b"x"),
        ("folder/../elsewhere", b"x"),
        link("folder/link", "/etc/passwd"),
        link("folder/link", "data", tarfile.LNKTYPE),
        link("folder/pipe", "", tarfile.FIFOTYPE),
    ],
    ids=lambda entry: entry.name + " link" if isinstance(entry, tarfile.TarInfo) else entry[0],
)
def test_an_unsafe_archive_raises_an_error_and_nothing_is_written(tmp_path, hostile):
    root = tmp_path / "root"
    root.mkdir()
    archive = make_archive(tmp_path / "a.tar.gz", [("folder/data", b"fine"), hostile])
    with pytest.raises(ValueError, match="nothing was unpacked") as error:
        data.extract(archive, root, "folder")
    assert repr(hostile.name if isinstance(hostile, tarfile.TarInfo) else hostile[0]) in str(error.value)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.tar.gz", "root"]


@unpacks
@pytest.mark.parametrize("damage", [lambda content: content[:-20], lambda content: b"no archive"])
def test_a_damaged_archive_raises_an_error_and_nothing_is_written(tmp_path, damage):
    archive = make_archive(tmp_path / "a.tar.gz", [("folder/data", bytes(range(256)) * 100)])
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(ValueError, match="nothing was unpacked"):
        data.extract(archive, tmp_path, "folder")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.tar.gz"]


@unpacks
def test_a_safe_archive_is_unpacked(tmp_path):
    archive = make_archive(tmp_path / "a.tar.gz", [("folder/data", b"fine"), ("folder/more/data", b"too")])
    data.extract(archive, tmp_path, "folder")
    assert (tmp_path / "folder/data").read_bytes() == b"fine"
    assert (tmp_path / "folder/more/data").read_bytes() == b"too"


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Serve the small data set as an archive on a local web server, which replaces the official one."""
    pytest.importorskip("pooch")
    folder = write_cifar10(tmp_path / "made")
    archive = make_archive(
        tmp_path / "cifar-10-binary.tar.gz", [(f"{folder.name}/{p.name}", p.read_bytes()) for p in folder.iterdir()]
    )
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(data, "CIFAR10_URL", f"http://127.0.0.1:{server.server_port}/{archive.name}")
    monkeypatch.setattr(data, "CIFAR10_MD5", hashlib.md5(archive.read_bytes()).hexdigest())
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield archive
    server.shutdown()
    server.server_close()


@unpacks
def test_download_fetches_checks_and_unpacks(small, served, tmp_path):
    (images, _), _ = data.cifar10(tmp_path / "new", download=True)
    assert len(images) == 100
    served.unlink()
    data.cifar10(tmp_path / "new", download=True)  # nothing left to fetch


@unpacks
def test_missing_files_of_a_folder_are_added(small, served, tmp_path):
    for name, existing in (("empty", []), ("partial", ["test_batch.bin", "notes.txt"])):
        folder = tmp_path / name / data.CIFAR10_FOLDER
        folder.mkdir(parents=True)
        for file in existing:
            (folder / file).write_text("old")
        (images, _), _ = data.cifar10(tmp_path / name, download=True)
        assert len(images) == 100
    assert (folder / "notes.txt").read_text() == "old"


@unpacks
def test_a_download_with_a_wrong_checksum_raises_an_error(small, served, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "CIFAR10_MD5", "0" * 32)
    with pytest.raises(ValueError, match="not the official one"):
        data.cifar10(tmp_path / "new", download=True)
    assert not (tmp_path / "new" / data.CIFAR10_FOLDER).exists()


@unpacks
def test_the_error_for_a_failed_download_explains_how_to_unpack_by_hand(small, served, tmp_path):
    served.unlink()
    with pytest.raises(OSError, match=r"could not download .* unpack it in"):
        data.cifar10(tmp_path / "new", download=True)


def test_the_error_for_a_missing_package_names_the_extra():
    with pytest.raises(ImportError, match=r'pip install "minigrad-book\[data\]"'):
        data.optional("no_such_module", "data")


def test_the_real_cifar10_if_it_is_installed():
    try:
        (images, labels), (test_images, test_labels) = data.cifar10()
    except (FileNotFoundError, ImportError) as error:
        pytest.skip(str(error))
    assert images.shape == (50_000, 3, 32, 32)
    assert test_images.shape == (10_000, 3, 32, 32)
    assert np.bincount(labels).tolist() == [5000] * 10
    assert np.bincount(test_labels).tolist() == [1000] * 10


def test_the_error_on_an_old_python_explains_how_to_unpack_by_hand(tmp_path, monkeypatch):
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    archive = make_archive(tmp_path / "a.tar.gz", [("folder/data", b"fine")])
    with pytest.raises(RuntimeError, match=r"needs Python 3\.11\.4 or newer: unpack .*a\.tar\.gz by hand"):
        data.extract(archive, tmp_path, "folder")
