"""Convolution of images.

`conv2d_plain` and `conv2d_plain_gradients` are the definition, one output at a time: read them first. The kernels below
compute the same much faster, with the batch last in memory, as sums of shifted rows.

A *tap* is one weight of a kernel: row i, column j, input channel c. One row of the output is the sum, over all taps, of
weight × the input row under the tap. All these rows are contiguous; they differ only in where they start. Both
gradients are sums over the same rows.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from minigrad.jit import kernel
from minigrad.ops.images import Size2d, batch_first, batch_last, output_size, size2d
from minigrad.ops.memory import empty
from minigrad.tensor import Array, Operand, Tensor, as_tensor, record

PIECE = 1024  # numbers of a row handled at once, so that six pieces fit into the first-level cache
MIN_PARALLEL = 2**14  # entries of the first array; with fewer, waking a second thread costs more than it saves
PARTS = 16  # the weights' gradient is summed in this many parts, so it doesn't depend on the number of threads


def conv2d_plain(images: Array, weight: Array, bias: Array, stride: tuple[int, int], padding: tuple[int, int]) -> Array:
    """Compute `conv2d` of arrays by its definition: each output is a window of the images times a kernel, summed."""
    (down, across), (top, left) = stride, padding
    padded = np.pad(images, ((0, 0), (0, 0), (top, top), (left, left)))
    outs, _, kh, kw = weight.shape
    out = np.empty((len(images), outs, *output_size(images, (kh, kw), stride, padding)), images.dtype)
    for b, o, y, x in np.ndindex(out.shape):
        window = padded[b, :, y * down : y * down + kh, x * across : x * across + kw]
        out[b, o, y, x] = bias[o] + (weight[o] * window).sum()
    return out


def conv2d_plain_gradients(
    grad: Array, images: Array, weight: Array, stride: tuple[int, int], padding: tuple[int, int]
) -> tuple[Array, Array, Array]:
    """Compute the gradients for the images, the weight and the bias from `grad`, the gradient for the output.

    An output is a sum of products pixel · weight. So each pixel gets the output's gradient times the weight, and each
    weight gets the output's gradient times the pixel. These products are summed.
    """
    (down, across), (top, left) = stride, padding
    padded = np.pad(images, ((0, 0), (0, 0), (top, top), (left, left)))
    grad_padded, grad_weight = np.zeros_like(padded), np.zeros_like(weight)
    for b, o, y, x in np.ndindex(grad.shape):
        window = np.s_[b, :, y * down : y * down + weight.shape[2], x * across : x * across + weight.shape[3]]
        grad_padded[window] += grad[b, o, y, x] * weight[o]
        grad_weight[o] += grad[b, o, y, x] * padded[window]
    height, width = images.shape[2:]
    return grad_padded[:, :, top : top + height, left : left + width], grad_weight, grad.sum((0, 2, 3))


@kernel
def add_products(out, rows, source, taps, weight, n):
    """``out[rows[r] + p] += sum(weight[r, t] * source[taps[t] + p] for t)`` for each r, and each p < n.

    Two rows and four taps at a time: 8 multiply-adds for 8 memory operations instead of 24. Numba doesn't check an
    unsigned index for being negative, so the loop over p compiles to vector instructions.
    """
    fours = len(taps) - len(taps) % 4
    for r in range(0, len(rows), 2):
        r0, r1 = rows[r], rows[r + 1]
        for t in range(0, fours, 4):
            t0, t1, t2, t3 = taps[t], taps[t + 1], taps[t + 2], taps[t + 3]
            a0, a1, a2, a3 = weight[r, t], weight[r, t + 1], weight[r, t + 2], weight[r, t + 3]
            b0, b1, b2, b3 = weight[r + 1, t], weight[r + 1, t + 1], weight[r + 1, t + 2], weight[r + 1, t + 3]
            for p in range(np.uintp(n)):
                s0, s1, s2, s3 = source[t0 + p], source[t1 + p], source[t2 + p], source[t3 + p]
                out[r0 + p] += a0 * s0 + a1 * s1 + a2 * s2 + a3 * s3
                out[r1 + p] += b0 * s0 + b1 * s1 + b2 * s2 + b3 * s3
        for t in range(fours, len(taps)):
            t0, a0, b0 = taps[t], weight[r, t], weight[r + 1, t]
            for p in range(np.uintp(n)):
                out[r0 + p] += a0 * source[t0 + p]
                out[r1 + p] += b0 * source[t0 + p]


@kernel
def add_dots(weight, out, rows, source, taps, n):
    """``weight[r, t] += sum(out[rows[r] + p] * source[taps[t] + p] for p < n)`` for each r and t: 8 sums at a time."""
    fours = len(taps) - len(taps) % 4
    for r in range(0, len(rows), 2):
        r0, r1 = rows[r], rows[r + 1]
        for t in range(0, fours, 4):
            t0, t1, t2, t3 = taps[t], taps[t + 1], taps[t + 2], taps[t + 3]
            a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = weight.dtype.type(0)
            for p in range(np.uintp(n)):
                s0, s1, s2, s3 = source[t0 + p], source[t1 + p], source[t2 + p], source[t3 + p]
                o0, o1 = out[r0 + p], out[r1 + p]
                a0 += o0 * s0
                a1 += o0 * s1
                a2 += o0 * s2
                a3 += o0 * s3
                b0 += o1 * s0
                b1 += o1 * s1
                b2 += o1 * s2
                b3 += o1 * s3
            weight[r, t] += a0
            weight[r, t + 1] += a1
            weight[r, t + 2] += a2
            weight[r, t + 3] += a3
            weight[r + 1, t] += b0
            weight[r + 1, t + 1] += b1
            weight[r + 1, t + 2] += b2
            weight[r + 1, t + 3] += b3
        for t in range(fours, len(taps)):
            t0 = taps[t]
            a0 = b0 = weight.dtype.type(0)
            for p in range(np.uintp(n)):
                a0 += out[r0 + p] * source[t0 + p]
                b0 += out[r1 + p] * source[t0 + p]
            weight[r, t] += a0
            weight[r + 1, t] += b0


@kernel
def add_sums(weight, out, rows, column, n):
    """``weight[r, column] += sum(out[rows[r] + p] for p < n)``: what `add_dots` adds for a source of ones."""
    for r in range(len(rows)):
        total, start = weight.dtype.type(0), rows[r]
        for p in range(np.uintp(n)):
            total += out[start + p]
        weight[r, column] += total


@kernel
def tap_offsets(kernel_size, shape):
    """Return the offset of each tap (i, channel, j) in flattened images of this shape."""
    channels, height, width, batch = shape
    kh, kw = kernel_size
    offsets = np.empty(kh * channels * kw, np.uintp)
    for i in range(kh):
        for c in range(channels):
            for j in range(kw):
                offsets[(i * channels + c) * kw + j] = ((c * height + i) * width + j) * batch
    return offsets


@kernel
def channel_offsets(count, shape, last):
    """Return the offset of each channel in flattened images of this shape; channels after `last` get that of `last`."""
    offsets = np.empty(count, np.uintp)
    for c in range(count):
        offsets[c] = min(c, last) * shape[1] * shape[2] * shape[3]
    return offsets


@kernel
def tap_matrix(weight):
    """Return the weights, a row per output channel and a column per tap; a zero row makes the number of rows even."""
    outs, channels, kh, kw = weight.shape
    matrix = np.zeros((outs + outs % 2, kh * channels * kw), weight.dtype)
    for o in range(outs):
        for i in range(kh):
            for c in range(channels):
                for j in range(kw):
                    matrix[o, (i * channels + c) * kw + j] = weight[o, c, i, j]
    return matrix


@kernel
def piece_length(across, batch):
    """Return how many neighbouring numbers of an output row come from neighbouring numbers of the input rows."""
    return PIECE if across == 1 else max(batch, 1)


@kernel
def from_row(images, y):
    """Return the images, flattened, starting at row y of the first channel."""
    return images.reshape(-1)[y * images.shape[2] * images.shape[3] :]


@kernel
def forward_row(x, weight, out, y, taps, rows, stride):
    source, target = from_row(x, y * stride[0]), from_row(out, y)
    width, piece = out.shape[2] * out.shape[3], piece_length(stride[1], out.shape[3])
    for p in range(0, width, piece):
        add_products(target[p:], rows, source[p * stride[1] :], taps, weight, min(piece, width - p))


@kernel(parallel=True, min_size=MIN_PARALLEL)
def conv_forward(x, weight, bias, out, stride):
    """Fill out from x, both (channels, height, width, batch): x is padded, out has an even number of channels."""
    matrix = tap_matrix(weight)
    taps = tap_offsets(weight.shape[2:], x.shape)
    rows = channel_offsets(len(out), out.shape, len(out))
    for y in prange(out.shape[1]):
        for o in range(len(out)):
            out[o, y] = bias[min(o, len(bias) - 1)]
        forward_row(x, matrix, out, y, taps, rows, stride)


@kernel
def weight_row(grad, x, weight, y, taps, rows, stride):
    source, target = from_row(x, y * stride[0]), from_row(grad, y)
    width, piece = grad.shape[2] * grad.shape[3], piece_length(stride[1], grad.shape[3])
    for p in range(0, width, piece):
        n = min(piece, width - p)
        add_dots(weight, target[p:], rows, source[p * stride[1] :], taps, n)
        add_sums(weight, target[p:], rows, len(taps), n)


@kernel(parallel=True, min_size=MIN_PARALLEL)
def conv_backward_weight(grad, x, parts, kernel_size, stride):
    """Fill parts[k] with the gradient of `tap_matrix` from the k-th part of the rows; its last column is the bias's."""
    taps = tap_offsets(kernel_size, x.shape)
    rows = channel_offsets(parts.shape[1], grad.shape, len(grad) - 1)
    for part in prange(len(parts)):
        parts[part] = 0
        for y in range(part * grad.shape[1] // len(parts), (part + 1) * grad.shape[1] // len(parts)):
            weight_row(grad, x, parts[part], y, taps, rows, stride)


@kernel
def input_row(grad, weight, grad_x, y, taps, rows, stride):
    kh, kw = weight.shape[:2]
    batch = grad.shape[3]
    target = from_row(grad_x, y)
    width, piece = grad.shape[2] * batch, piece_length(stride[1], batch)
    for i in range(kh):
        out_y, rest = divmod(y - i, stride[0])
        if rest == 0 and 0 <= out_y < grad.shape[1]:
            source = from_row(grad, out_y)
            for p in range(0, width, piece):
                for j in range(kw):
                    shifted = target[p * stride[1] + j * batch :]
                    add_products(shifted, rows, source[p:], taps, weight[i, j], min(piece, width - p))


@kernel(parallel=True, min_size=MIN_PARALLEL)
def conv_backward_input(grad, weight, grad_x, stride):
    """Fill grad_x, with an even number of channels; weight is (kernel rows, kernel columns, channels, out_channels)."""
    rows = channel_offsets(len(grad_x), grad_x.shape, len(grad_x))
    taps = channel_offsets(len(grad), grad.shape, len(grad))
    for y in prange(grad_x.shape[1]):
        for c in range(len(grad_x)):
            grad_x[c, y] = 0
        input_row(grad, weight, grad_x, y, taps, rows, stride)


def conv2d(x: Operand, weight: Tensor, bias: Tensor | None = None, stride: Size2d = 1, padding: Size2d = 0) -> Tensor:
    """Slide a kernel over images, as a convolutional layer does.

    The sum runs over the input channels c and the kernel's rows i and columns j:

        out[b, o, y, x] = bias[o] + Σ weight[o, c, i, j] · padded[b, c, y·stride + i, x·stride + j]

    As in PyTorch this is a cross-correlation: the kernel isn't flipped.

    Parameters
    ----------
    x
        Images, (batch, channels, height, width).
    weight
        (out_channels, channels, kernel height, kernel width).
    bias
        (out_channels,), or None.
    stride, padding
        The step between windows in pixels, ≥ 1, and the rows and columns of zeros around the images, ≥ 0. Each is an
        integer or (down, across).

    Returns
    -------
    Tensor
        (batch, out_channels, (height + 2·padding − kernel height) // stride + 1, the same across).

    Raises
    ------
    ValueError
        If the shapes don't match, the kernel is larger than the padded images, or a stride or padding is too small.
    """
    weight = as_tensor(weight, x if isinstance(x, Tensor) else None)
    x = as_tensor(x, weight)
    bias = as_tensor(np.zeros(len(weight.data), weight.dtype) if bias is None else bias, weight)
    steps, pads = size2d(stride, "stride", 1), size2d(padding, "padding", 0)
    _check_shapes(x, weight, bias)
    outs, _, kh, kw = weight.shape
    size = output_size(x, (kh, kw), steps, pads)
    dtype = np.result_type(x.data, weight.data, bias.data)
    images = batch_last(x.data, dtype, pads)
    kernels = np.ascontiguousarray(weight.data, dtype)
    out = empty((outs + outs % 2, *size, len(x)), dtype)
    conv_forward(images, kernels, np.ascontiguousarray(bias.data, dtype), out, steps)

    def backward(grad: Array) -> tuple[Array | None, ...]:
        grads = batch_last(grad, dtype)
        grad_x = _input_gradient(grads, kernels, images, steps, pads) if x.requires_grad else None
        if not (weight.requires_grad or bias.requires_grad):
            return grad_x, None, None
        return grad_x, *_weight_gradient(grads, kernels, images, steps)

    return record(batch_first(out[:outs]), (x, weight, bias), backward)


def _weight_gradient(grads: Array, kernels: Array, images: Array, stride: tuple[int, int]) -> tuple[Array, Array]:
    outs, channels, kh, kw = kernels.shape
    taps = channels * kh * kw
    parts = np.empty((min(PARTS, grads.shape[1]), outs + outs % 2, taps + 1), grads.dtype)
    conv_backward_weight(grads, images, parts, (kh, kw), stride)
    total = parts.sum(axis=0)[:outs]
    return total[:, :taps].reshape(outs, kh, channels, kw).transpose(0, 2, 1, 3), total[:, taps]


def _input_gradient(
    grads: Array, kernels: Array, images: Array, stride: tuple[int, int], padding: tuple[int, int]
) -> Array:
    outs, channels, kh, kw = kernels.shape
    _, height, width, batch = images.shape
    even = channels + channels % 2
    by_tap = np.zeros((kh, kw, even, outs), grads.dtype)
    by_tap[:, :, :channels] = kernels.transpose(2, 3, 1, 0)
    grad = empty((even, height, width, batch), grads.dtype)
    conv_backward_input(grads, by_tap, grad, stride)
    down, across = padding
    return batch_first(grad[:channels, down : height - down, across : width - across])


def _check_shapes(x: Tensor, weight: Tensor, bias: Tensor) -> None:
    if weight.ndim != 4 or x.ndim != 4 or x.shape[1] != weight.shape[1]:
        raise ValueError(
            f"conv2d needs weight of shape (out_channels, channels, kernel height, kernel width) and images of shape "
            f"(batch, channels, height, width); got {weight.shape} and {x.shape}"
        )
    if bias.shape != (len(weight),):
        raise ValueError(f"conv2d needs bias of shape ({len(weight)},), one for each output channel; got {bias.shape}")
