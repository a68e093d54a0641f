"""The moving average of weights: what it is, what it leaves alone, and how to go on with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import models, optim
from minigrad.tensor import Tensor


def parameter(values, dtype=np.float64):
    return Tensor(np.asarray(values, dtype), requires_grad=True)


def follow(path, **options):
    """The average after each point of a path that one parameter takes."""
    theta = parameter(path[0])
    average, values = mg.WeightAverage([theta], **options), []
    for point in path[1:]:
        theta.data[...] = point
        average.update()
        values.append(average.values()[0])
    return np.array(values)


paths = st.integers(2, 30).flatmap(
    lambda n: st.lists(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3), min_size=n, max_size=n)
)
betas = st.floats(0, 0.9999)


@pytest.mark.equation("weight-average")
@pytest.mark.equation("weight-average-corrected")
@given(paths, betas)
def test_the_average_is_the_corrected_moving_average_of_the_path(path, beta):
    expected = mg.ema(np.array(path[1:]), beta, bias_correction=True)
    np.testing.assert_allclose(follow(path, beta=beta), expected, rtol=1e-9, atol=1e-9)


@given(paths, betas)
def test_without_the_correction_it_starts_at_the_first_weights(path, beta):
    expected = np.array(path[0])
    for point, got in zip(path[1:], follow(path, beta=beta, bias_correction=False), strict=True):
        expected = beta * expected + (1 - beta) * np.array(point)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_average_has_its_parameters_shape_and_dtype(dtype):
    thetas = [parameter(np.ones(shape), dtype) for shape in ((), (3,), (2, 3, 4))]
    average = mg.WeightAverage(thetas, 0.9)
    average.update()
    assert [(value.shape, value.dtype) for value in average.values()] == [(t.shape, t.dtype) for t in thetas]


def test_applied_lends_the_average_and_gives_the_weights_back_even_after_an_error():
    theta = parameter([1.0, 2.0])
    average, data = mg.WeightAverage([theta, theta], 0.5), theta.data
    average.update()
    theta.data[...] = [3.0, 6.0]
    average.update()
    inside = []

    def fail():
        with average.applied():
            inside.extend(theta.data.tolist())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    np.testing.assert_allclose(inside, [(0.25 + 1.5) / 0.75, (0.5 + 3) / 0.75])
    assert theta.data is data
    assert theta.data.tolist() == [3.0, 6.0]


def fit_digits(average, epochs=2, model=None, rng=0):
    train, test = mg.data.digits()
    model = model or models.MLP([64, 16, 10], rng=0)
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    average = mg.WeightAverage(model.parameters(), 0.95) if average else None
    history = mg.fit(model, optimizer, train, test, epochs, rng=rng, progress=False, average=average)
    return model, average, history


def test_fit_validates_with_the_average_and_trains_as_without():
    model, average, history = fit_digits(average=True)
    plain_model, _, plain = fit_digits(average=False)
    assert average.updates == 90
    assert history.step_loss == plain.step_loss
    assert all((a.data == b.data).all() for a, b in zip(model.parameters(), plain_model.parameters(), strict=True))
    with average.applied():
        assert mg.train.evaluate(model, mg.data.digits()[1]) == (history.val_loss[-1], history.val_accuracy[-1])
    assert history.val_loss != plain.val_loss


def test_a_saved_average_goes_on_to_the_last_bit():
    theta = parameter(np.arange(6.0).reshape(2, 3), np.float32)
    whole, first = mg.WeightAverage([theta], 0.9), mg.WeightAverage([theta], 0.9)
    rng = np.random.default_rng(0)
    for _ in range(3):
        theta.data[...] = rng.standard_normal((2, 3))
        whole.update(), first.update()
    second = mg.WeightAverage([theta], 0.9)
    second.load_state_dict(first.state_dict())
    theta.data[...] = rng.standard_normal((2, 3))
    whole.update(), second.update()
    assert second.updates == 4
    assert (second.values()[0] == whole.values()[0]).all()
    assert first.updates == 3


def test_bad_states_are_refused_and_change_nothing():
    average = mg.WeightAverage([parameter([1.0, 2.0])])
    average.update()
    before = average.values()[0]
    for state in ({"updates": 1}, {"updates": 1, "0": np.zeros(3)}, {"updates": -1, "0": np.zeros(2)}):
        with pytest.raises(ValueError, match=r"state dict|updates"):
            average.load_state_dict(state)
    assert (average.values()[0] == before).all()


BAD = {
    "no parameters": (lambda: mg.WeightAverage([]), ValueError, "at least one parameter, got none"),
    "arrays": (lambda: mg.WeightAverage([np.ones(2)]), TypeError, "float32 or float64 tensor, got array"),
    "integers": (lambda: mg.WeightAverage([Tensor(np.ones(2, int))]), TypeError, "float32 or float64 tensor"),
    "beta of 1": (lambda: mg.WeightAverage([parameter([1.0])], 1.0), ValueError, "beta must be finite and ≥ 0 and < 1"),
    "a word": (lambda: mg.WeightAverage([parameter([1.0])], 0.9, "no"), TypeError, "True or False, got 'no'"),
    "too early": (lambda: mg.WeightAverage([parameter([1.0])]).values(), ValueError, "before its first update"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_refused(name):
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()


def test_agrees_with_pytorch():
    torch = pytest.importorskip("torch")
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    rng = np.random.default_rng(1)
    module = torch.nn.Linear(4, 3, dtype=torch.float64)
    thetas = [parameter(p.detach().numpy().copy()) for p in module.parameters()]
    corrected = AveragedModel(module, avg_fn=lambda a, p, n: a + (p - a) * (1 - 0.9) / (1 - 0.9 ** (int(n) + 1)))
    plain = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    mine, mine_plain = mg.WeightAverage(thetas, 0.9), None
    for _ in range(50):
        for theta, p in zip(thetas, module.parameters(), strict=True):
            theta.data[...] = rng.standard_normal(theta.shape)
            p.data[...] = torch.from_numpy(theta.data)
        mine.update()
        if mine_plain is None:  # PyTorch's average starts as a copy of the weights after the first update
            mine_plain = mg.WeightAverage(thetas, 0.9, bias_correction=False)
        else:
            mine_plain.update()
        for torchs, own in ((corrected, mine), (plain, mine_plain)):
            torchs.update_parameters(module)
            if own.updates:
                for value, p in zip(own.values(), torchs.parameters(), strict=True):
                    np.testing.assert_allclose(value, p.detach().numpy(), rtol=1e-12, atol=1e-14)
