"""Experiments as data."""

import dataclasses
import json

import numpy as np
import pytest

from minigrad import models
from minigrad_book.tools.experiments import Config, catalogue, named
from minigrad_book.tools.experiments.single import build_optimizer

ALL = [(e.name, arm, c) for e in catalogue().values() for arm, c in e.arms.items()]


@pytest.mark.parametrize(("name", "arm", "config"), ALL, ids=[f"{name}/{arm}" for name, arm, _ in ALL])
def test_a_configuration_survives_json_and_can_be_built(name, arm, config):
    for one in (config, config.quick()):
        assert Config.from_dict(json.loads(json.dumps(one.to_dict()))) == one
        optimizer, plateau = build_optimizer(one, models.MLP([2, 2], rng=0).parameters())
        assert (plateau is not None) == (one.schedule == "plateau")
        assert type(optimizer).__name__.lower() == one.optimizer


def test_configurations_are_frozen_and_distinct():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().lr = 1.0
    for experiment in catalogue().values():
        assert len(set(experiment.arms.values())) == len(experiment.arms)


def test_the_articles_experiments_are_as_described():
    one, two = named("article-1"), named("article-2")
    for experiment, lr, epochs in ((one, 1e-3, 60), (two, 1e-4, 120)):
        assert len(experiment.seeds) >= 5
        constant, plateau = experiment.arms["constant"], experiment.arms["plateau"]
        assert (constant.lr, constant.epochs, constant.batch_size) == (lr, epochs, 32)
        assert (constant.train_size, constant.validation_size, constant.test_size) == (45_000, 5_000, 10_000)
        assert (constant.betas, constant.eps, constant.optimizer) == ((0.9, 0.999), 1e-8, "adam")
        assert plateau == dataclasses.replace(constant, schedule="plateau", patience=5)
    assert len(named("grid").arms) == 30
    assert len(named("grid").seeds) >= 3
    assert named("first-steps").arms["corrected"].steps == 200


@pytest.mark.parametrize(
    ("schedule", "first", "half", "last"),
    [
        ("constant", 1, 1, 1),
        ("exponential", 1, 0.1, 0.01),
        ("cosine", 1, 0.5, 0),
        ("step", 1, 0.1, 0.01),
        ("warmup-cosine", 1 / 47, 0.5, 0),
        ("linear", 1, 0.5, 0),
        ("warmup-linear", 1 / 46, 0.5, 0),
        ("warmup-stable-decay", 1 / 46, 1, 0),
    ],
)
def test_schedules_begin_and_end_where_they_say(schedule, first, half, last):
    config = Config(train_size=10_000, epochs=3, schedule=schedule, lr=1e-2)
    assert config.steps == 3 * 313
    optimizer, _ = build_optimizer(config, models.MLP([2, 2], rng=0).parameters())
    rates = []
    for step in (0, config.steps // 2, config.steps - 1):
        optimizer.steps = step
        rates.append(optimizer.lr / config.lr)
    np.testing.assert_allclose(rates, [first, half, last], rtol=0.02, atol=6e-3 if "stable" in schedule else 1.1e-3)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match=r"unknown experiment 'gird'; there are .*grid"):
        named("gird")
    with pytest.raises(ValueError, match="schedule must be one of"):
        Config(schedule="lineal")
    with pytest.raises(ValueError, match="epochs must be ≥ 1, got 0"):
        Config(epochs=0)
    with pytest.raises(ValueError, match=r"unknown \['lt'\], missing \['lr'\]"):
        Config.from_dict({("lt" if k == "lr" else k): v for k, v in Config().to_dict().items()})


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"lr": -1}, ValueError, "lr must be finite and > 0, got -1"),
        ({"lr": "fast"}, TypeError, "lr must be a number, got 'fast'"),
        ({"betas": (0.9, 1.0)}, ValueError, r"betas\[1\] must be .* < 1, got 1.0"),
        ({"betas": (0.9,)}, ValueError, r"a tuple of two numbers, got \(0.9,\)"),
        ({"betas": [0.9, 0.999]}, ValueError, "a tuple of two numbers"),
        ({"eps": -1e-8}, ValueError, "eps must be .* ≥ 0"),
        ({"weight_decay": float("nan")}, ValueError, "weight_decay must be finite"),
        ({"eps_form": "zzz"}, ValueError, "eps_form must be one of 'algorithm1', 'hat', got 'zzz'"),
        ({"patience": -3}, ValueError, "patience must be ≥ 0, got -3"),
        ({"factor": 1.0}, ValueError, "factor must be .* < 1, got 1.0"),
        ({"average": 1}, ValueError, "average must be .* < 1, got 1"),
        ({"augment": "yes"}, TypeError, "augment must be True or False, got 'yes'"),
        ({"model": "resnet"}, ValueError, "model must be one of 'lenet5', 'mlp', got 'resnet'"),
        ({"record_steps": 1}, TypeError, "record_steps must be True or False, got 1"),
        ({"optimizer": "adamw", "bias_correction": False}, ValueError, "bias_correction=False needs optimizer='adam'"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(options, error, says):
    with pytest.raises(error, match=says):
        Config(**options)


def test_both_optimizers_get_the_form_of_epsilon():
    for name in ("adam", "adamw"):
        optimizer, _ = build_optimizer(Config(optimizer=name, eps_form="hat"), models.MLP([2, 2], rng=0).parameters())
        assert optimizer.eps_form == "hat"


def test_quick_is_small_and_kept_apart():
    for experiment in catalogue().values():
        quick = named(experiment.name, quick=True)
        assert quick.name == f"{experiment.name}-quick"
        assert quick.arms.keys() == experiment.arms.keys()
        assert all(config.data == "digits" and config.epochs <= 3 for config in quick.arms.values())
        for arm, config in quick.arms.items():
            of_arm = (
                "schedule",
                "model",
                "augment",
                "average",
                "factor",
                "optimizer",
                "lr",
                "eps",
                "eps_form",
                "bias_correction",
                "weight_decay",
                "record_steps",
            )
            assert [getattr(config, name) for name in of_arm] == [
                getattr(experiment.arms[arm], name) for name in of_arm
            ]
