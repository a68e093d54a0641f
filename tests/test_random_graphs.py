"""Random graphs of the engine's ops have the same values and gradients as in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg

SHAPES = [(), (3,), (2, 3), (2, 1), (1, 3), (4, 2, 3)]

# name → (in minigrad, in PyTorch); all are smooth and stay bounded when repeated
UNARY: dict[str, Any] = {
    "tanh": (lambda x: x.tanh(), lambda torch, x: x.tanh()),
    "sigmoid": (lambda x: x.sigmoid(), lambda torch, x: x.sigmoid()),
    "exp of tanh": (lambda x: x.tanh().exp(), lambda torch, x: x.tanh().exp()),
    "log": (lambda x: (x * x + 0.5).log(), lambda torch, x: (x * x + 0.5).log()),
    "sqrt": (lambda x: (x * x + 0.5).sqrt(), lambda torch, x: (x * x + 0.5).sqrt()),
    "square": (lambda x: x.tanh() ** 2, lambda torch, x: x.tanh() ** 2),
    "neg": (lambda x: -x, lambda torch, x: -x),
    "affine": (lambda x: 1.5 - x / 3, lambda torch, x: 1.5 - x / 3),
    "sum": (lambda x: x.sum(keepdims=True) / x.size, lambda torch, x: x.mean(tuple(range(x.ndim)), keepdim=True)),
    "mean of the last": (
        lambda x: x.mean(-1, keepdims=True) if x.ndim else x,
        lambda torch, x: x.mean(-1, keepdim=True) if x.ndim else x,
    ),
    "softmax": (lambda x: mg.softmax(x) if x.ndim else x, lambda torch, x: x.softmax(-1) if x.ndim else x),
    "reversed axes": (lambda x: x.T.T.reshape(-1).reshape(x.shape), lambda torch, x: x.reshape(-1).reshape(x.shape)),
    "first of the last": (lambda x: x[..., :1] if x.ndim else x, lambda torch, x: x[..., :1] if x.ndim else x),
    "gram": (
        lambda x: (x @ x.transpose(*range(x.ndim - 2), -1, -2) @ x).tanh() if x.ndim > 1 else x,
        lambda torch, x: (x @ x.transpose(-1, -2) @ x).tanh() if x.ndim > 1 else x,
    ),
}
BINARY: dict[str, Any] = {
    "add": (lambda x, y: x + y, lambda torch, x, y: x + y),
    "sub": (lambda x, y: x - y, lambda torch, x, y: x - y),
    "mul": (lambda x, y: x * y.tanh(), lambda torch, x, y: x * y.tanh()),
    "div": (lambda x, y: x / (y * y + 0.5), lambda torch, x, y: x / (y * y + 0.5)),
    "pow": (lambda x, y: x.sigmoid() ** y.tanh(), lambda torch, x, y: x.sigmoid() ** y.tanh()),
    "where": (lambda x, y: mg.where(x > y, x, y * 0.5), lambda torch, x, y: torch.where(x > y, x, y * 0.5)),
    "maximum": (mg.maximum, lambda torch, x, y: torch.maximum(x, y)),
}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[np.ndarray], list[tuple[str, int, int]], set[int]]:
    """Draw leaves, steps (op, indices of two earlier values as operands), and the leaves that require a gradient."""
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    leaves = [rng.normal(size=shape) for shape in shapes]
    steps = []
    for i in range(draw(st.integers(1, 12))):
        name = draw(st.sampled_from([*UNARY, *BINARY]))
        earlier = st.integers(0, len(leaves) + i - 1)
        steps.append((name, draw(earlier), draw(earlier)))
    required = draw(st.sets(st.integers(0, len(leaves) - 1), min_size=1))
    return leaves, steps, required


def run(values: list[Any], steps: list[tuple[str, int, int]], torch: Any = None) -> Any:
    """Compute a graph; return the sum of the means of all its values."""
    total = None
    for name, i, j in steps:
        ours, theirs = (UNARY if name in UNARY else BINARY)[name]
        operands = [values[i]] if name in UNARY else [values[i], values[j]]
        values.append(ours(*operands) if torch is None else theirs(torch, *operands))
        total = values[-1].mean() if total is None else total + values[-1].mean()
    return total


@settings(max_examples=600)
@given(graphs())
def test_random_graphs(graph: tuple[list[np.ndarray], list[tuple[str, int, int]], set[int]]) -> None:
    torch = pytest.importorskip("torch")
    arrays, steps, required = graph
    leaves = [mg.Tensor(array, requires_grad=i in required) for i, array in enumerate(arrays)]
    peers = [torch.tensor(array, requires_grad=i in required, dtype=torch.float64) for i, array in enumerate(arrays)]
    ours, theirs = run(list(leaves), steps), run(list(peers), steps, torch)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-10, abs=1e-10)
    assert ours.requires_grad == theirs.requires_grad
    if theirs.requires_grad:
        ours.backward()
        theirs.backward()
    for leaf, peer in zip(leaves, peers, strict=True):
        assert (leaf.grad is None) == (peer.grad is None)
        if peer.grad is not None:
            np.testing.assert_allclose(leaf.grad, peer.grad.numpy(), rtol=1e-9, atol=1e-10)
