"""Tensors, the graph that they record, and the backward pass."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest

import minigrad as mg


def test_dtypes_of_new_tensors() -> None:
    assert mg.Tensor(1).dtype == mg.Tensor([1, 2]).dtype == mg.Tensor([[True], [0.5]]).dtype == np.float32
    assert mg.Tensor(np.arange(3)).dtype == np.int64
    assert mg.Tensor(np.float64(1)).dtype == mg.Tensor(np.zeros(2)).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "other", [2, 0.1, np.float64(0.1), np.float32(0.1), [0.1, 3], np.arange(2), np.array([True, False]), True]
)
def test_scalars_lists_and_integers_take_the_tensors_dtype(dtype: type, other: object) -> None:
    x = mg.Tensor(np.array([1.5, 2.5], dtype), requires_grad=True)
    exact = np.asarray(other).astype(dtype)
    for result, expected in [
        (x + other, x.data + exact),
        (other + x, exact + x.data),
        (x - other, x.data - exact),
        (other - x, exact - x.data),
        (x * other, x.data * exact),
        (other * x, exact * x.data),
        (other / x, exact / x.data),
        (x**other, x.data**exact),
        (mg.where([True, False], x, other), np.where([True, False], x.data, exact)),
        (mg.maximum(other, x), np.maximum(x.data, exact)),
    ]:
        assert result.dtype == dtype
        np.testing.assert_array_equal(result.data, expected)
        result.sum().backward()
        assert x.grad.dtype == dtype


def test_floating_dtypes_are_promoted_and_gradients_have_the_parents_dtype() -> None:
    x = mg.Tensor([1.0, 2.0], requires_grad=True)
    y = np.array([0.1, 0.2]) * x
    assert y.dtype == np.float64
    y.sum().backward()
    assert x.grad.dtype == np.float32


def test_integer_tensors_compute_without_gradients() -> None:
    labels = mg.Tensor(np.array([3, 1, 2]))
    assert (labels + 1).dtype == np.int64
    assert (labels * 0.5).dtype == np.float32
    assert mg.Tensor([10.0, 20.0, 30.0, 40.0])[labels].data.tolist() == [40, 20, 30]


def test_a_parameter_is_a_copy_and_a_constant_is_not() -> None:
    array = np.ones(3)
    assert mg.Tensor(array).data is array
    parameter = mg.Tensor(array, requires_grad=True)
    parameter.data[0] = 5
    assert array[0] == 1


def test_data_and_grad_may_be_assigned() -> None:
    x = mg.Tensor([1.0, 2.0], requires_grad=True)
    x.data = np.array([3.0, 4.0], np.float32)
    x.grad = np.array([10.0, 10.0], np.float32)
    (x * x).sum().backward()
    assert x.grad.tolist() == [16, 18]


def test_assigning_data_after_an_op_does_not_change_its_gradient() -> None:
    x = mg.Tensor([3.0], requires_grad=True)
    y = x * x
    x.data = np.array([100.0], np.float32)
    y.backward()
    assert x.grad.tolist() == [6]


def test_gradients_accumulate_in_new_arrays() -> None:
    x = mg.Tensor(2.0, requires_grad=True)
    (x * 3).backward()
    first = x.grad
    (x * 4).backward()
    assert (first, x.grad) == (3, 7)
    x.zero_grad()
    assert x.grad is None


def test_the_gradient_passed_to_backward_is_not_shared() -> None:
    x = mg.Tensor([1.0, 2.0], requires_grad=True)
    given = np.array([1.0, 1.0], np.float32)
    (x + 0).backward(given)
    given[:] = 9
    assert x.grad.tolist() == [1, 1]
    y = mg.Tensor([1.0, 2.0], requires_grad=True)
    y.backward(given)
    given[:] = 0
    assert y.grad.tolist() == [9, 9]


def test_a_chain_of_100_000_ops() -> None:
    x = mg.Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(50_000):
        y = y * 1.0 + 1.0
    y.backward()
    assert (y.item(), x.grad) == (50_001, 1)


def test_a_long_chain_can_be_deleted_without_backward() -> None:
    y = mg.Tensor(1.0, requires_grad=True)
    for _ in range(100_000):
        y = y + 1.0
    y = mg.Tensor(0.0)
    gc.collect()


def test_a_reused_tensor_is_visited_once() -> None:
    x = mg.Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(100):
        y = y + y
    y.backward()
    assert x.grad == np.float32(2.0**100)


def test_a_tensor_used_at_different_depths() -> None:
    x = mg.Tensor(np.float64(3), requires_grad=True)
    a = x * x
    b = a * x
    (a * b + b + x).backward()  # x⁵ + x³ + x
    assert x.grad == 5 * 3**4 + 3 * 3**2 + 1


def test_only_leaves_get_a_gradient() -> None:
    x = mg.Tensor([1.0], requires_grad=True)
    y = x * 2
    z = y * 3
    z.backward()
    assert y.grad is None
    assert z.grad is None


def test_the_graph_is_freed() -> None:
    x = mg.Tensor(np.ones(3), requires_grad=True)
    y = x * 2
    z = (y * y).sum()
    inner = weakref.ref(y)
    del y
    assert inner() is not None
    z.backward()
    assert inner() is None


def test_no_grad_nests_decorates_and_ends_with_an_error() -> None:
    x = mg.Tensor(1.0, requires_grad=True)
    with mg.no_grad():
        with mg.no_grad():
            pass
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad
    with pytest.raises(KeyError), mg.no_grad():
        raise KeyError
    assert (x * 2).requires_grad

    @mg.no_grad()
    def double(x: mg.Tensor) -> mg.Tensor:
        return x * 2

    assert not double(x).requires_grad
    assert not double(x).requires_grad


def test_no_grad_affects_only_its_thread() -> None:
    x = mg.Tensor(1.0, requires_grad=True)
    recorded = []
    with mg.no_grad():
        thread = threading.Thread(target=lambda: recorded.append((x * 2).requires_grad))
        thread.start()
        thread.join()
    assert recorded == [True]


def test_detach_shares_the_data_without_history() -> None:
    x = mg.Tensor([1.0], requires_grad=True)
    y = (x * 2).detach()
    assert not y.requires_grad
    (x * y).backward()
    assert x.grad.tolist() == [2]


def test_copies_and_pickles_of_leaves() -> None:
    x = mg.Tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert other.requires_grad
        assert other.grad.tolist() == [2, 4]
        other.data[0] = 7
        assert x.data[0] == 1
        (other.sum() + x.sum()).backward()
    assert x.grad.tolist() == [4, 6]
    with pytest.raises(TypeError, match="only leaves"):
        copy.deepcopy(x * 2)


def test_comparisons_are_boolean_tensors() -> None:
    x = mg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    for result, expected in [
        (x < 2, [1, 0, 0]),
        (x <= 2, [1, 1, 0]),
        (x > 2, [0, 0, 1]),
        (x >= 2, [0, 1, 1]),
        (x == 2, [0, 1, 0]),
        (x != 2, [1, 0, 1]),
        (np.array([2.0, 2.0, 2.0]) >= x, [1, 1, 0]),
    ]:
        assert result.dtype == bool
        assert not result.requires_grad
        assert result.data.tolist() == [bool(e) for e in expected]
    assert x[0] < x[1]
    assert len({x, x, mg.Tensor([1.0])}) == 2


def test_an_operator_with_an_array_on_the_left_gives_a_tensor() -> None:
    x = mg.Tensor(np.ones((2, 2)), requires_grad=True)
    for result in (np.ones(2) + x, np.ones(2) * x, np.ones((2, 2)) @ x, np.float64(2) * x, np.float64(2) - x):
        assert isinstance(result, mg.Tensor)
        assert result.requires_grad
    with pytest.raises(TypeError, match="ufunc"):
        np.exp(x)
    np.testing.assert_array_equal(np.asarray(x), x.data)


def test_iteration_len_float_and_repr() -> None:
    x = mg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert [row.sum().item() for row in x] == [3, 7]
    assert len(x) == 2
    assert float(x[1, 1]) == 4.0
    assert repr(mg.Tensor(np.array([1.0]), requires_grad=True)) == "Tensor([1.], dtype=float64, requires_grad=True)"
    assert repr(mg.Tensor(2.5)) == "Tensor(2.5)"
    assert (x.ndim, x.size, x.shape, x.numpy() is x.data) == (2, 4, (2, 2), True)


def test_the_gradient_of_a_broadcast_operand_is_summed() -> None:
    x = mg.Tensor(np.arange(3.0)[:, None], requires_grad=True)
    bias = mg.Tensor(np.float64(1), requires_grad=True)
    ((x + bias) * np.arange(8.0).reshape(2, 1, 4)).sum().backward()
    assert x.grad.tolist() == [[28.0]] * 3
    assert bias.grad == 84
