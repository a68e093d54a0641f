"""A table of all ops, tested for gradients, dtypes, broadcasting and agreement with PyTorch."""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import minigrad as mg


@dataclass(frozen=True)
class Op:
    """An op, the same op in PyTorch (a function of torch and tensors), and the inputs' shapes and distribution."""

    name: str
    fn: Callable[..., mg.Tensor]
    torch_fn: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    domain: str = "normal"

    def inputs(self, dtype: type = np.float64) -> list[np.ndarray]:
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        return [DOMAINS[self.domain](rng, shape).astype(dtype) for shape in self.shapes]


def distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return entries at least 0.1 apart and 0.05 away from 0, so that none is at a kink and no two are equal."""
    return (rng.permutation(int(np.prod(shape))) - np.prod(shape) // 2 + 0.5).reshape(shape) * 0.1


DOMAINS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "positive": lambda rng, shape: rng.uniform(0.5, 2, shape),
    "nonzero": lambda rng, shape: rng.uniform(0.5, 2, shape) * rng.choice([-1, 1], shape),
    "distinct": distinct,
}


def reduction(name: str, axis: Any, keepdims: bool = False) -> Op:
    torch_name = {"max": "amax", "min": "amin"}.get(name, name)
    dims = tuple(range(3)) if axis is None else axis
    return Op(
        f"{name} axis={axis} keepdims={keepdims}",
        lambda x: getattr(x, name)(axis=axis, keepdims=keepdims),
        lambda torch, x: getattr(torch, torch_name)(x, dim=dims, keepdim=keepdims),
        ((3, 4, 2),),
        "distinct",
    )


def conv(name: str, x: tuple[int, ...], weight: tuple[int, ...], bias: bool = True, **how: Any) -> Op:
    return Op(
        f"conv2d {name}",
        lambda *args: mg.conv2d(*args, **how),
        lambda torch, *args: torch.nn.functional.conv2d(*args, **how),
        (x, weight, weight[:1]) if bias else (x, weight),
    )


def pool(kind: str, name: str, x: tuple[int, ...], *args: Any) -> Op:
    fn = {"max": lambda x: mg.max_pool2d(x, *args), "avg": lambda x: mg.avg_pool2d(x, *args)}[kind]
    return Op(
        f"{kind}_pool2d {name}",
        fn,
        lambda torch, x: getattr(torch.nn.functional, f"{kind}_pool2d")(x, *args),
        (x,),
        "distinct",
    )


LABELS = np.array([2, 0, 3, 3, 1])
MASK = np.array([[True, False, True, False], [False, False, True, True], [True, True, False, False]])

OPS = [
    Op("add", lambda x, y: x + y, lambda torch, x, y: x + y, ((3, 4), (3, 4))),
    Op("add broadcast", lambda x, y: x + y, lambda torch, x, y: x + y, ((3, 1, 4), (2, 1))),
    Op("sub broadcast", lambda x, y: x - y, lambda torch, x, y: x - y, ((4,), (3, 4))),
    Op("mul", lambda x, y: x * y, lambda torch, x, y: x * y, ((3, 4), (3, 4))),
    Op("mul scalar tensor", lambda x, y: x * y, lambda torch, x, y: x * y, ((), (3, 4))),
    Op("mul both scalar", lambda x, y: x * y, lambda torch, x, y: x * y, ((), ())),
    Op("mul empty", lambda x, y: x * y, lambda torch, x, y: x * y, ((0, 4), (1, 4))),
    Op("div broadcast", lambda x, y: x / y, lambda torch, x, y: x / y, ((3, 4), (1, 4)), "nonzero"),
    Op("pow broadcast", lambda x, y: x**y, lambda torch, x, y: x**y, ((3, 1), (4,)), "positive"),
    Op("square", lambda x: x**2, lambda torch, x: x**2, ((3, 4),)),
    Op("cube of a negative", lambda x: x**3.0, lambda torch, x: x**3.0, ((3, 4),), "nonzero"),
    Op("power 0", lambda x: x**0, lambda torch, x: x**0, ((3,),)),
    Op(
        "scalars on both sides",
        lambda x: 2 - (3 / x + 1) * 0.5,
        lambda torch, x: 2 - (3 / x + 1) * 0.5,
        ((3, 4),),
        "nonzero",
    ),
    Op("2 ** x", lambda x: 2**x, lambda torch, x: 2**x, ((3, 4),)),
    Op("neg", lambda x: -x, lambda torch, x: -x, ((3, 4),)),
    Op("abs", mg.abs, lambda torch, x: x.abs(), ((3, 4),), "nonzero"),
    Op("exp", mg.exp, lambda torch, x: x.exp(), ((3, 4),)),
    Op("log", mg.log, lambda torch, x: x.log(), ((3, 4),), "positive"),
    Op("sqrt", mg.sqrt, lambda torch, x: x.sqrt(), ((3, 4),), "positive"),
    Op("tanh", mg.tanh, lambda torch, x: x.tanh(), ((3, 4),)),
    Op("sigmoid", mg.sigmoid, lambda torch, x: x.sigmoid(), ((3, 4),)),
    Op("relu", mg.relu, lambda torch, x: x.relu(), ((3, 4),), "nonzero"),
    Op("clip", lambda x: x.clip(-0.3, 0.3), lambda torch, x: x.clip(-0.3, 0.3), ((3, 4),), "distinct"),
    Op("clip above", lambda x: x.clip(high=0.2), lambda torch, x: x.clip(max=0.2), ((3, 4),), "distinct"),
    Op("maximum broadcast", mg.maximum, lambda torch, x, y: x.maximum(y), ((3, 4), (4,))),
    Op(
        "where",
        lambda x, y: mg.where(MASK, x, y),
        lambda torch, x, y: torch.where(torch.tensor(MASK), x, y),
        ((3, 4), (4,)),
    ),
    *[reduction(name, axis) for name in ("sum", "mean", "max", "min") for axis in (None, 0, -1, (0, 2))],
    *[reduction(name, (1, -1), keepdims=True) for name in ("sum", "mean", "max", "min")],
    Op("reshape", lambda x: x.reshape(2, -1), lambda torch, x: x.reshape(2, -1), ((3, 4),)),
    Op("reshape tuple", lambda x: x.reshape((4, 3)), lambda torch, x: x.reshape((4, 3)), ((3, 4),)),
    Op("transpose", lambda x: x.transpose(2, 0, -2), lambda torch, x: x.permute(2, 0, 1), ((3, 4, 2),)),
    Op("transpose tuple", lambda x: x.transpose((1, 0, 2)), lambda torch, x: x.permute(1, 0, 2), ((3, 4, 2),)),
    Op("T", lambda x: x.T, lambda torch, x: x.T, ((3, 4),)),
    Op("index", lambda x: x[1, 2], lambda torch, x: x[1, 2], ((3, 4),)),
    Op("slices", lambda x: x[None, 1:, ..., ::2], lambda torch, x: x[None, 1:, ..., ::2], ((3, 4, 5),)),
    Op("repeated index", lambda x: x[[0, 2, 0]], lambda torch, x: x[[0, 2, 0]], ((3, 4),)),
    Op("pairs of indices", lambda x: x[np.arange(3), [3, 0, 0]], lambda torch, x: x[[0, 1, 2], [3, 0, 0]], ((3, 4),)),
    Op("mask", lambda x: x[MASK], lambda torch, x: x[torch.tensor(MASK)], ((3, 4),)),
    Op(
        "concatenate",
        lambda x, y: mg.concatenate([x, y], 1),
        lambda torch, x, y: torch.cat([x, y], 1),
        ((3, 4), (3, 2)),
    ),
    Op("stack", lambda x, y: mg.stack([x, y], -1), lambda torch, x, y: torch.stack([x, y], -1), ((3, 4), (3, 4))),
    *[
        Op(f"matmul {a} {b}", lambda x, y: x @ y, lambda torch, x, y: x @ y, (a, b))
        for a, b in [
            ((3, 4), (4, 2)),
            ((4,), (4,)),
            ((4,), (4, 2)),
            ((3, 4), (4,)),
            ((4,), (5, 4, 2)),
            ((5, 3, 4), (4,)),
            ((5, 1, 3, 4), (2, 4, 2)),
        ]
    ],
    Op("linear", mg.linear, lambda torch, *args: torch.nn.functional.linear(*args), ((5, 3), (2, 3), (2,))),
    Op("linear no bias, 3-D", mg.linear, lambda torch, *args: torch.nn.functional.linear(*args), ((2, 5, 3), (4, 3))),
    conv("5×5", (2, 3, 8, 9), (4, 3, 5, 5)),
    conv("3×3 padded", (2, 3, 5, 4), (4, 3, 3, 3), padding=1),
    conv("stride 2, no bias", (2, 3, 7, 6), (4, 3, 3, 3), bias=False, stride=2),
    conv("5×5 stride 2 padded 2", (2, 2, 7, 8), (3, 2, 5, 5), stride=2, padding=2),
    conv("non-square", (2, 2, 6, 7), (3, 2, 2, 4), stride=(3, 1), padding=(0, 2)),
    conv("1×1", (2, 3, 4, 4), (2, 3, 1, 1)),
    conv("1×1 stride 3", (2, 3, 7, 8), (2, 3, 1, 1), stride=3),
    conv("kernel as large as the input", (2, 2, 3, 4), (2, 2, 3, 4)),
    pool("max", "2", (2, 3, 6, 4), 2),
    pool("max", "odd input", (2, 3, 7, 5), 2),
    pool("max", "overlapping", (2, 2, 7, 6), 3, 2),
    pool("max", "non-square", (2, 2, 7, 6), (2, 3), (1, 2)),
    pool("avg", "2", (2, 3, 6, 4), 2),
    pool("avg", "odd input", (2, 3, 7, 5), 2),
    pool("avg", "overlapping", (2, 2, 7, 6), 3, 2),
    pool("avg", "non-square", (2, 2, 7, 6), (2, 3), (1, 2)),
    Op("softmax", mg.softmax, lambda torch, x: x.softmax(-1), ((5, 4),)),
    Op("softmax axis 0", lambda x: mg.softmax(x, axis=0), lambda torch, x: x.softmax(0), ((5, 4, 2),)),
    Op("log_softmax", mg.log_softmax, lambda torch, x: x.log_softmax(-1), ((5, 4),)),
    Op("log_softmax axis 1", lambda x: mg.log_softmax(x, axis=1), lambda torch, x: x.log_softmax(1), ((5, 4, 2),)),
    Op(
        "cross_entropy",
        lambda x: mg.cross_entropy(x, LABELS),
        lambda torch, x: torch.nn.functional.cross_entropy(x, torch.tensor(LABELS)),
        ((5, 4),),
    ),
    Op("mse_loss", mg.mse_loss, lambda torch, x, y: torch.nn.functional.mse_loss(x, y), ((5, 4), (5, 4))),
]

every_op = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def run(op: Op, arrays: list[np.ndarray], weights: np.ndarray | None = None) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the op's value and the gradients of Σ weights·value."""
    leaves = [mg.Tensor(array, requires_grad=True) for array in arrays]
    out = op.fn(*leaves)
    out.backward(np.ones(out.shape) if weights is None else weights)
    return out.data, [leaf.grad for leaf in leaves]


@every_op
def test_gradcheck(op: Op) -> None:
    assert mg.gradcheck(op.fn, op.inputs())


@every_op
@both_dtypes
def test_value_and_gradients_keep_the_dtype(op: Op, dtype: type) -> None:
    arrays = op.inputs(dtype)
    value, gradients = run(op, arrays)
    assert isinstance(value, np.ndarray)
    assert value.dtype == dtype
    for array, gradient in zip(arrays, gradients, strict=True):
        assert isinstance(gradient, np.ndarray)
        assert gradient.dtype == dtype
        assert gradient.shape == array.shape


@every_op
def test_each_gradient_is_the_same_when_only_one_input_requires_it(op: Op) -> None:
    arrays = op.inputs()
    _, together = run(op, arrays)
    for i in range(len(arrays)):
        tensors = [mg.Tensor(array, requires_grad=j == i) for j, array in enumerate(arrays)]
        out = op.fn(*tensors)
        out.backward(np.ones(out.shape))
        np.testing.assert_allclose(tensors[i].grad, together[i], rtol=1e-13, atol=1e-13)
        assert all(tensor.grad is None for j, tensor in enumerate(tensors) if j != i)


@every_op
def test_inputs_are_not_changed_and_gradients_share_no_memory(op: Op) -> None:
    arrays = op.inputs()
    before = [array.copy() for array in arrays]
    value, gradients = run(op, arrays)
    copies = [gradient.copy() for gradient in gradients]
    for i, gradient in enumerate(gradients):
        gradient[...] = 17.0
        for j, other in enumerate(gradients):
            if j > i:
                np.testing.assert_array_equal(other, copies[j])
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    np.testing.assert_array_equal(run(op, arrays)[0], value)


@every_op
@both_dtypes
def test_an_op_agrees_with_pytorch(op: Op, dtype: type) -> None:
    torch = pytest.importorskip("torch")
    arrays = op.inputs(dtype)
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    out = op.torch_fn(torch, *tensors)
    weights = np.random.default_rng(1).normal(size=tuple(out.shape)).astype(dtype)
    out.backward(torch.tensor(weights))
    value, gradients = run(op, arrays, weights)
    tolerance = 1e-12 if dtype == np.float64 else 2e-5
    np.testing.assert_allclose(value, out.detach().numpy(), rtol=tolerance, atol=tolerance)
    for gradient, tensor in zip(gradients, tensors, strict=True):
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=tolerance, atol=tolerance)


def test_gradients_at_kinks_and_ties() -> None:
    def gradient(fn: Callable[[mg.Tensor], mg.Tensor], *values: float) -> list[float]:
        x = mg.Tensor(values, requires_grad=True)
        fn(x).sum().backward()
        return x.grad.tolist()

    assert gradient(mg.relu, 0.0, -0.0) == [0, 0]
    assert gradient(mg.abs, 0.0) == [0]
    assert gradient(mg.Tensor.max, 1.0, 3.0, 3.0) == [0, 1, 0]
    assert gradient(mg.Tensor.min, 1.0, 1.0, 3.0) == [1, 0, 0]
    assert gradient(lambda x: x.maximum(2.0), 1.0, 2.0, 3.0) == [0, 0.5, 1]
    assert gradient(lambda x: x.clip(0, 1), 0.0, 1.0, 2.0) == [1, 1, 0]
    assert gradient(lambda x: x**2, 0.0) == [0]
    assert gradient(lambda x: x**0, 0.0) == [0]
    assert gradient(lambda x: mg.Tensor([0.0, 2.0]) ** x, 2.0, 1.0) == [0, pytest.approx(2 * np.log(2))]
    pooled = mg.Tensor(np.full((1, 1, 2, 2), 5.0), requires_grad=True)
    mg.max_pool2d(pooled, 2).sum().backward()
    assert pooled.grad.tolist() == [[[[1, 0], [0, 0]]]]


@both_dtypes
def test_nothing_overflows_if_the_result_is_finite(dtype: type) -> None:
    x = np.array([[-1e4, 0, 1e4], [500, -500, 0]], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert mg.sigmoid(x).data[0].tolist() == [0, 0.5, 1]
        assert mg.softmax(x).data[0].tolist() == [0, 0, 1]
        assert mg.log_softmax(x).data[0].tolist() == [-2e4, -1e4, 0]
        logits = mg.Tensor(x, requires_grad=True)
        loss = mg.cross_entropy(logits, np.array([2, 1]))
        loss.backward()
    assert loss.item() == 500
    np.testing.assert_allclose(logits.grad, [[0, 0, 0], [0.5, -0.5, 0]], atol=1e-200)


def test_dropout() -> None:
    x = mg.Tensor(np.ones((100, 100)), requires_grad=True)
    layer = mg.nn.Dropout(0.25, rng=0)
    out = layer(x)
    out.sum().backward()
    assert set(np.unique(out.data)) == {0.0, 1 / 0.75}
    assert 0.72 < (out.data > 0).mean() < 0.78
    np.testing.assert_array_equal(x.grad, out.data)
    assert layer.eval()(x) is x


def test_every_op_is_tested() -> None:
    """Each exported op has a row in the table. Dropout is random and has its own test."""
    tested = {op.name.split()[0] for op in OPS} | {"dropout"}
    exported = {name for name, value in vars(mg.ops).items() if inspect.isfunction(value)} - {"as_tensor"}
    missing = exported - tested
    assert not missing, f"add a row to OPS, in tests/ops/test_ops.py, for {', '.join(sorted(missing))}"
