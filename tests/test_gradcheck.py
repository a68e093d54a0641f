"""gradcheck fails for every kind of wrong gradient, and its message names the entry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import minigrad as mg
from minigrad.tensor import record


def wrong_square(factor: Callable[[np.ndarray], np.ndarray | None]) -> Callable[..., mg.Tensor]:
    """Return the op x², with `factor(x)` instead of 2x in its gradient."""

    def square(x: mg.Tensor) -> mg.Tensor:
        derivative = factor(x.data)
        return record(x.data**2, (x,), lambda grad: (None if derivative is None else grad * derivative,))

    return square


X = np.array([[0.5, 1.0], [1.5, -2.0]])


def test_the_right_square_passes() -> None:
    assert mg.gradcheck(wrong_square(lambda x: 2 * x), X)


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (
            lambda x: x,
            r"input 0, entry \(0, 0\): the recorded gradient is 0\.568\d+, the numerical one 1\.13",
        ),
        (lambda x: 2 * x + 0.01, r"entry \(0, 0\)"),
        (lambda x: 2 * x * (x > 0), r"input 0, entry \(1, 1\): the recorded gradient is -?0"),
        (lambda x: 2 * x.T, r"entry \(0, 1\)"),
        (lambda x: None, r"no gradient was recorded"),
        (lambda x: x * np.nan, r"recorded gradient is nan"),
    ],
)
def test_a_wrong_gradient_raises_an_error_with_its_entry(
    factor: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    with pytest.raises(mg.GradcheckError, match=message):
        mg.gradcheck(wrong_square(factor), X)


def test_the_error_names_the_input() -> None:
    def product(x: mg.Tensor, y: mg.Tensor) -> mg.Tensor:
        return record(x.data * y.data, (x, y), lambda grad: (grad * y.data, grad * (x.data + np.array([0, 0, 1]))))

    with pytest.raises(mg.GradcheckError, match=r"input 1, entry \(2,\)"):
        mg.gradcheck(product, [np.ones(3), np.full(3, 2.0)])


def test_a_function_with_changing_results_raises_an_error() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(mg.GradcheckError, match="different result"):
        mg.gradcheck(lambda x: x * rng.normal(), X)


def test_float32_inputs_are_checked_in_float64_and_not_changed() -> None:
    x = mg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    assert mg.gradcheck(mg.exp, x)
    assert x.grad is None
    assert x.dtype == np.float32
    assert mg.gradcheck(lambda x: x.sum(), [1.0, 2.0])


def test_only_inputs_that_require_a_gradient_are_checked() -> None:
    x, constant = mg.Tensor(X, requires_grad=True), mg.Tensor(X)
    assert mg.gradcheck(lambda x, y: x * y.detach(), [x, constant])
    with pytest.raises(mg.GradcheckError, match="input 1"):
        mg.gradcheck(lambda x, y: x * y.detach(), [X, X])


def test_integer_inputs_are_passed_on() -> None:
    labels = np.array([1, 0])
    assert mg.gradcheck(mg.cross_entropy, [X, labels])
    with pytest.raises(TypeError, match="at least one floating input"):
        mg.gradcheck(lambda x: x, [labels])
    with pytest.raises(TypeError, match="returns a tensor"):
        mg.gradcheck(lambda x: x.data, X)  # type: ignore[arg-type,return-value]
