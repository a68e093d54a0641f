"""Layers, their parameters and the two networks."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


def test_lenet5_has_62_006_parameters() -> None:
    model = mg.models.LeNet5(rng=0)
    assert sum(parameter.size for parameter in model.parameters()) == 62_006
    assert model(np.zeros((2, 3, 32, 32), np.float32)).shape == (2, 10)
    small = mg.models.LeNet5(num_classes=7, in_channels=1, activation="tanh", pool="avg", rng=0)
    assert small(np.zeros((2, 1, 32, 32), np.float32)).shape == (2, 7)


def test_glorot_uniform_has_the_right_limits_and_variance() -> None:
    weight = nn.Conv2d(20, 30, (3, 5), rng=0).weight.data
    limit = np.sqrt(6 / ((20 + 30) * 15))
    assert weight.dtype == np.float32
    assert np.abs(weight).max() <= limit
    assert np.abs(weight).max() > 0.99 * limit
    assert weight.var() == pytest.approx(limit**2 / 3, rel=0.05)
    assert not nn.Linear(3, 2, rng=0).bias.data.any()
    assert nn.Linear(3, 2, bias=False, rng=0).bias is None


def test_the_same_seed_gives_the_same_model() -> None:
    def first(rng: nn.Rng) -> np.ndarray:
        return mg.models.MLP([4, 4, 4], rng=rng)[1].weight.data

    np.testing.assert_array_equal(first(3), first(3))
    np.testing.assert_array_equal(first(3), first(np.random.default_rng(3)))
    assert (first(None) != first(None)).any()
    model = mg.models.MLP([4, 4, 4], rng=0)
    assert (model[1].weight.data != model[3].weight.data).any()


def test_names_are_dotted_and_a_shared_parameter_is_listed_once() -> None:
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Sequential(nn.Tanh(), nn.Linear(2, 2, rng=1)))
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.1.weight", "1.1.bias"]
    model[1][1].weight = model[0].weight
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.1.bias"]
    assert "1.1.weight" in model.state_dict()


def test_a_module_finds_submodules_in_lists() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            self.scale = mg.Tensor(np.ones(3), requires_grad=True)
            self.branches = [nn.Linear(3, 3, rng=0), nn.Dropout(0.5, rng=0)]

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return self.branches[1](self.branches[0](x) * self.scale)

    model = Two()
    assert [name for name, _ in model.named_parameters()] == ["scale", "branches.0.weight", "branches.0.bias"]
    model.eval()
    assert not model.branches[1].training
    assert model.train().branches[1].training


def test_state_dict_round_trip() -> None:
    model, other = mg.models.LeNet5(rng=0), mg.models.LeNet5(rng=1)
    x = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32)
    state = model.state_dict()
    other.load_state_dict(state)
    np.testing.assert_array_equal(model(x).data, other(x).data)
    state["0.weight"][:] = 0
    np.testing.assert_array_equal(model(x).data, other(x).data)


def test_an_invalid_state_dict_raises_an_error_and_changes_nothing() -> None:
    model = mg.models.MLP([3, 2], rng=0)
    before = model.state_dict()
    good = {name: np.zeros_like(value) for name, value in before.items()}
    for state, message in [
        (good | {"9.weight": np.zeros(1)}, r"unknown names \['9.weight'\]"),
        ({"1.bias": np.zeros(2)}, r"missing \['1.weight'\]"),
        (good | {"1.bias": np.zeros(3)}, r"1.bias has shape \(2,\).* \(3,\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.load_state_dict(state)
        np.testing.assert_array_equal(model.state_dict()["1.weight"], before["1.weight"])


def test_backward_and_zero_grad_of_a_whole_network() -> None:
    model = mg.models.MLP([3, 4, 2], activation="sigmoid", rng=0)
    mg.cross_entropy(model(np.ones((5, 3), np.float32)), np.array([0, 1, 0, 1, 1])).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    model.zero_grad()
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("activation", "pool"), [("relu", "max"), ("tanh", "avg"), ("sigmoid", "max")])
def test_lenet5_agrees_with_pytorch(dtype: type, activation: str, pool: str) -> None:
    torch = pytest.importorskip("torch")
    layers = torch.nn
    act = {"relu": layers.ReLU, "tanh": layers.Tanh, "sigmoid": layers.Sigmoid}[activation]
    down = {"max": layers.MaxPool2d, "avg": layers.AvgPool2d}[pool]
    peer = layers.Sequential(
        layers.Conv2d(3, 6, 5), act(), down(2), layers.Conv2d(6, 16, 5), act(), down(2), layers.Flatten(),
        layers.Linear(400, 120), act(), layers.Linear(120, 84), act(), layers.Linear(84, 10),
    ).to(torch.float64 if dtype == np.float64 else torch.float32)  # fmt: skip
    model = mg.models.LeNet5(activation=activation, pool=pool, rng=0)
    for parameter in model.parameters():
        parameter.data = parameter.data.astype(dtype)
    with torch.no_grad():
        for ours, theirs in zip(model.parameters(), peer.parameters(), strict=True):
            theirs.copy_(torch.tensor(ours.data))
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(7, 3, 32, 32)).astype(dtype), rng.integers(0, 10, 7)
    loss = mg.cross_entropy(model(x), labels)
    loss.backward()
    their_loss = layers.functional.cross_entropy(peer(torch.tensor(x)), torch.tensor(labels))
    their_loss.backward()
    tolerance = 1e-11 if dtype == np.float64 else 1e-4
    assert loss.item() == pytest.approx(their_loss.item(), rel=tolerance)
    for ours, theirs in zip(model.parameters(), peer.parameters(), strict=True):
        np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=tolerance, atol=tolerance / 10)
