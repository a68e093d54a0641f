"""Convolution and pooling equal their plain loops for all shapes, strides, paddings and numbers of threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.ops import conv

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}


def plain(x, weight, bias, grad, stride, padding):
    """Return the value and the gradients of the plain loops, in float64."""
    x, weight, bias, grad = (array.astype(np.float64) for array in (x, weight, bias, grad))
    gradients = conv.conv2d_plain_gradients(grad, x, weight, stride, padding)
    return [conv.conv2d_plain(x, weight, bias, stride, padding), *gradients]


@st.composite
def convolutions(draw: st.DrawFn) -> tuple:
    number = st.integers
    window = draw(number(1, 4)), draw(number(1, 4))
    padding = draw(number(0, 2)), draw(number(0, 2))
    size = [draw(number(max(1, w - 2 * p), w + 5)) for w, p in zip(window, padding, strict=True)]
    stride = draw(number(1, 3)), draw(number(1, 3))
    batch, channels, outs = draw(number(0, 9)), draw(number(1, 3)), draw(number(1, 5))
    return (batch, channels, *size), (outs, channels, *window), stride, padding


def run(x, weight, bias, stride, padding, grad=None):
    """Return conv2d's value and its three gradients, and `grad` (by default normal random numbers)."""
    tensors = [mg.Tensor(array, requires_grad=True) for array in (x, weight, bias)]
    out = mg.conv2d(*tensors, stride=stride, padding=padding)
    if grad is None:
        grad = np.random.default_rng(1).normal(size=out.shape).astype(out.dtype)
    out.backward(grad)
    return [out.data, *(t.grad for t in tensors)], grad


def draw_arrays(x_shape, weight_shape, dtype):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(dtype) for shape in (x_shape, weight_shape, weight_shape[:1])]


def assert_close(got, wanted, dtype):
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == b.shape
        assert a.dtype == dtype
        scale = np.abs(b).max(initial=1)
        np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=60)
@given(convolutions())
def test_conv2d_equals_its_plain_loop(dtype, case):
    x_shape, weight_shape, stride, padding = case
    arrays = draw_arrays(x_shape, weight_shape, dtype)
    got, grad = run(*arrays, stride, padding)
    assert_close(got, plain(*arrays, grad, stride, padding), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "layer", [((3, 3, 32, 32), (6, 3, 5, 5)), ((3, 6, 14, 14), (16, 6, 5, 5))], ids=["conv1", "conv2"]
)
def test_lenet5s_convolutions_equal_their_plain_loops(dtype, layer):
    arrays = draw_arrays(*layer, dtype)
    got, grad = run(*arrays, (1, 1), (0, 0))
    assert_close(got, plain(*arrays, grad, (1, 1), (0, 0)), dtype)


def test_the_comparison_fails_for_a_wrong_kernel():
    """The comparison fails for a flipped kernel and for a shifted tap, in the value and in the gradients."""
    x, weight, bias = draw_arrays((2, 2, 6, 6), (3, 2, 3, 3), np.float64)
    for wrong in (weight[:, :, ::-1, ::-1], np.roll(weight, 1, axis=3)):
        got, grad = run(x, wrong, bias, (1, 1), (0, 0))
        wanted = plain(x, weight, bias, grad, (1, 1), (0, 0))
        for i in (0, 1):  # the weight's own gradient doesn't depend on the weight
            with pytest.raises(AssertionError):
                assert_close(got[i : i + 1], wanted[i : i + 1], np.float64)
    got, grad = run(np.roll(x, 1, axis=3), weight, bias, (1, 1), (0, 0))
    with pytest.raises(AssertionError):
        assert_close(got[2:3], plain(x, weight, bias, grad, (1, 1), (0, 0))[2:3], np.float64)


def test_a_row_longer_than_a_piece():
    x, weight, bias = draw_arrays((70, 1, 3, 20), (2, 1, 2, 3), np.float64)
    assert conv.PIECE < 70 * 18
    got, grad = run(x, weight, bias, (1, 1), (0, 0))
    assert_close(got, plain(x, weight, bias, grad, (1, 1), (0, 0)), np.float64)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 3, 0), (3, 2, 1, 0), (0, 2, 3, 1)])
def test_the_order_of_the_axes_in_memory_does_not_matter(order):
    x, weight, bias = draw_arrays((5, 2, 7, 6), (3, 2, 3, 2), np.float64)
    stored = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
    for a, b in zip(run(x, weight, bias, (1, 1), (0, 0))[0], run(stored, weight, bias, (1, 1), (0, 0))[0], strict=True):
        np.testing.assert_array_equal(a, b)
    for fn in (mg.max_pool2d, mg.avg_pool2d, mg.relu):
        args = () if fn is mg.relu else (2,)
        one, other = mg.Tensor(x, requires_grad=True), mg.Tensor(stored, requires_grad=True)
        for tensor in (one, other):
            (fn(tensor, *args) ** 2).sum().backward()
        np.testing.assert_array_equal(one.grad, other.grad)


def test_only_required_gradients_are_computed(monkeypatch):
    called = []
    monkeypatch.setattr(conv, "conv_backward_input", lambda *args: called.append("input"))
    x, weight, bias = draw_arrays((2, 1, 4, 4), (1, 1, 2, 2), np.float32)
    kernel = mg.Tensor(weight, requires_grad=True)
    mg.conv2d(x, kernel, bias).sum().backward()
    assert called == []
    assert kernel.grad.shape == weight.shape


def lenet5_gradients(batch: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(batch, 3, 32, 32)).astype(np.float32), rng.integers(0, 10, batch)
    model = mg.models.LeNet5(rng=0)
    loss = mg.cross_entropy(model(mg.Tensor(images)), labels)
    loss.backward()
    return [loss.data, *(parameter.grad for parameter in model.parameters())]


def test_the_number_of_threads_changes_only_the_rounding(threads):
    results = {}
    for n in threads:
        mg.set_num_threads(n)
        results[n] = lenet5_gradients(64)
        for again, first in zip(lenet5_gradients(64), results[n], strict=True):  # bit for bit from run to run
            np.testing.assert_array_equal(again, first)
    for n in threads[1:]:
        for a, b in zip(results[n], results[1], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6 * np.abs(b).max())


def test_convolutions_do_not_depend_on_the_number_of_threads(threads):
    arrays = draw_arrays((40, 3, 16, 16), (6, 3, 5, 5), np.float32)
    assert arrays[0].size >= conv.MIN_PARALLEL
    results = []
    for n in threads:
        mg.set_num_threads(n)
        results.append(run(*arrays, (1, 1), (0, 0))[0])
    for result in results[1:]:
        for a, b in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(a, b)


def plain_pool(x, window, stride, reduce):
    height, width = ((x.shape[2 + k] - window[k]) // stride[k] + 1 for k in (0, 1))
    out = np.empty((*x.shape[:2], height, width), x.dtype)
    for b, c, i, j in np.ndindex(*out.shape):
        top, left = i * stride[0], j * stride[1]
        out[b, c, i, j] = reduce(x[b, c, top : top + window[0], left : left + window[1]])
    return out


@settings(max_examples=40)
@given(st.data())
def test_pools_equal_their_plain_loops(data):
    number = st.integers
    window, stride = [(data.draw(number(1, 3)), data.draw(number(1, 3))) for _ in range(2)]
    shape = (data.draw(number(0, 9)), data.draw(number(1, 3)), *(w + data.draw(number(0, 5)) for w in window))
    x = np.random.default_rng(0).integers(0, 4, shape).astype(np.float64)  # with ties
    np.testing.assert_array_equal(mg.max_pool2d(x, window, stride).data, plain_pool(x, window, stride, np.max))
    np.testing.assert_allclose(
        mg.avg_pool2d(x, window, stride).data, plain_pool(x, window, stride, np.mean), rtol=1e-14
    )


def test_the_first_of_equal_pixels_gets_the_gradient():
    x = mg.Tensor(np.ones((1, 1, 2, 2), np.float32), requires_grad=True)
    mg.max_pool2d(x, 2).backward([[[[3]]]])
    assert x.grad.tolist() == [[[[3, 0], [0, 0]]]]


@pytest.mark.parametrize("place", range(4))
def test_nan_is_the_largest_pixel(place):
    x = np.arange(4.0)
    x[place] = np.nan
    image = mg.Tensor(x.reshape(1, 1, 2, 2), requires_grad=True)
    out = mg.max_pool2d(image, 2)
    assert np.isnan(out.item())
    out.sum().backward()
    assert image.grad.ravel().tolist() == [float(i == place) for i in range(4)]


def test_windows_may_have_more_than_256_pixels():
    x = np.zeros((1, 1, 20, 20))
    x[0, 0, 19, 19] = 1
    image = mg.Tensor(x, requires_grad=True)
    mg.max_pool2d(image, 20).sum().backward()
    np.testing.assert_array_equal(image.grad, x)


def test_pools_keep_the_dtype():
    for fn in (mg.max_pool2d, mg.avg_pool2d):
        assert fn(np.ones((1, 1, 2, 2), np.float32), 2).dtype == np.float32
