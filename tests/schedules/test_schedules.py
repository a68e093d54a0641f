"""Schedules against their formulas written a second way, Keras's recorded values, live PyTorch, and their promises."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad import schedules as s
from minigrad_book.frameworks.traces import problems
from minigrad_book.frameworks.traces.problems import SCHEDULE_STEPS

KERAS = json.loads((Path(problems.__file__).parent / "keras.json").read_text())["schedules"]
PI = math.pi


def piecewise(t):
    return 0.1 if t <= 10 else 0.05 if t <= 30 else 0.01


def polynomial_cycle(t):
    s_ = 20.0
    while s_ < t:
        s_ += 20.0
    return (0.1 - 0.01) * (1 - t / s_) ** 0.5 + 0.01


def restarts(t):
    amplitude, length = 1.0, 10
    while t >= length:
        amplitude, t, length = amplitude * 0.5, t - length, 2 * length
    return 0.1 * (0.9 * amplitude * (1 + math.cos(PI * t / length)) / 2 + 0.1)


def linear_cosine(t):
    p = min(t / 40, 1.0)
    return 0.1 * ((0.02 + 1 - p) * (1 + math.cos(2 * PI * 2.5 * p)) / 2 + 0.001)


def warmup_stable_decay(t):
    if t < 5:
        return 0.1 * (t + 1) / 5
    return 0.1 if t < 15 else 0.1 - 0.08 * (t - 15) / 20 if t < 35 else 0.02


# name as recorded of Keras, or any other → (the schedule, its formula written out for the numbers at hand)
FORMULAS = {
    "constant": (s.constant(0.1), lambda t: 0.1),
    "exponential_decay": (s.exponential_decay(0.1, 20, 0.5), lambda t: 0.1 * 2 ** (-t / 20)),
    "exponential_decay staircase": (
        s.exponential_decay(0.1, 20, 0.5, staircase=True),
        lambda t: 0.1 / 2 ** math.floor(t / 20),
    ),
    "natural_exp_decay": (s.natural_exp_decay(0.1, 20, 0.5), lambda t: 0.1 / math.exp(0.025 * t)),
    "natural_exp_decay staircase": (
        s.natural_exp_decay(0.1, 20, 0.5, staircase=True),
        lambda t: 0.1 / math.exp(0.5 * math.floor(t / 20)),
    ),
    "inverse_time_decay": (s.inverse_time_decay(0.1, 20, 0.5), lambda t: 2 / (20 + t / 2)),
    "inverse_time_decay staircase": (
        s.inverse_time_decay(0.1, 20, 0.5, staircase=True),
        lambda t: 0.2 / (2 + math.floor(t / 20)),
    ),
    "polynomial_decay": (
        s.polynomial_decay(0.1, 40, 0.01, power=2.0),
        lambda t: 0.09 * (1 - t / 40) ** 2 + 0.01 if t < 40 else 0.01,
    ),
    "polynomial_decay cycle": (s.polynomial_decay(0.1, 20, 0.01, power=0.5, cycle=True), polynomial_cycle),
    "piecewise_constant": (s.piecewise_constant([10, 30], [0.1, 0.05, 0.01]), piecewise),
    "cosine_decay": (
        s.cosine_decay(0.1, 40, alpha=0.1),
        lambda t: 0.01 + 0.09 * math.cos(PI * min(t, 40) / 80) ** 2,
    ),
    "cosine_decay_restarts": (s.cosine_decay_restarts(0.1, 10, t_mul=2.0, m_mul=0.5, alpha=0.1), restarts),
    "cosine_decay_restarts equal": (
        s.cosine_decay_restarts(0.1, 10, t_mul=1.0, m_mul=0.9),
        lambda t: 0.1 * 0.9 ** (t // 10) * math.cos(PI * (t % 10) / 20) ** 2,
    ),
    "linear_cosine_decay": (s.linear_cosine_decay(0.1, 40, num_periods=2.5, alpha=0.02), linear_cosine),
    "noisy_linear_cosine_decay without noise": (
        s.noisy_linear_cosine_decay(0.1, 40, 0.0, num_periods=2.5, alpha=0.02),
        linear_cosine,
    ),
    "step_decay": (s.step_decay(0.1, 15, 0.5), lambda t: 0.1 * 0.5 ** math.floor(t / 15)),
    "multi_step_decay": (
        s.multi_step_decay(0.1, [10, 30], 0.5),
        lambda t: 0.1 if t < 10 else 0.05 if t < 30 else 0.025,
    ),
    "linear_decay": (s.linear_decay(0.1, 40, 0.02), lambda t: max(0.02, 0.1 - 0.002 * t)),
    "inverse_sqrt": (
        s.inverse_sqrt(0.1, 20),
        lambda t: 0.1 * math.sqrt(20) * min((t + 1) ** -0.5, (t + 1) * 20**-1.5),  # as in the paper
    ),
    "warmup_stable_decay": (s.warmup_stable_decay(0.1, 5, 10, 20, 0.02), warmup_stable_decay),
    "warmup": (s.warmup(0.1, 20), lambda t: 0.1 * min(t + 1, 20) / 20),
    "warmup of a schedule": (
        s.warmup(s.exponential_decay(0.1, 20, 0.5), 20),
        lambda t: 0.1 * 2 ** (-t / 20) * min(t + 1, 20) / 20,
    ),
}


@pytest.mark.equation("constant-schedule")
@pytest.mark.equation("exponential-decay")
@pytest.mark.equation("natural-exp-decay")
@pytest.mark.equation("inverse-time-decay")
@pytest.mark.equation("polynomial-decay")
@pytest.mark.equation("piecewise-constant")
@pytest.mark.equation("cosine-decay")
@pytest.mark.equation("cosine-decay-restarts")
@pytest.mark.equation("linear-cosine-decay")
@pytest.mark.equation("step-decay")
@pytest.mark.equation("multi-step-decay")
@pytest.mark.equation("linear-decay")
@pytest.mark.equation("inverse-sqrt")
@pytest.mark.equation("warmup-stable-decay")
@pytest.mark.equation("warmup")
@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name):
    schedule, formula = FORMULAS[name]
    for t in SCHEDULE_STEPS:
        assert schedule(t) == pytest.approx(formula(t), rel=1e-13, abs=1e-18), t


@pytest.mark.parametrize("name", sorted(KERAS.keys() - {"cosine_decay with warm-up"}))  # no such rule here
def test_agrees_with_keras(name):
    schedule, _ = FORMULAS[name]
    np.testing.assert_allclose([schedule(t) for t in SCHEDULE_STEPS], KERAS[name], rtol=1e-6)  # float32 in Keras


PEERS = {
    "ExponentialLR": (s.exponential_decay(0.1, 1, 0.9), {"gamma": 0.9}),
    "StepLR": (s.step_decay(0.1, 7, 0.5), {"step_size": 7, "gamma": 0.5}),
    "MultiStepLR": (s.multi_step_decay(0.1, [3, 10, 11], 0.5), {"milestones": [3, 10, 11], "gamma": 0.5}),
    "CosineAnnealingLR": (s.cosine_decay(0.1, 49, alpha=0.2), {"T_max": 49, "eta_min": 0.02}),
    "CosineAnnealingWarmRestarts": (s.cosine_decay_restarts(0.1, 7, t_mul=2), {"T_0": 7, "T_mult": 2}),
    "LinearLR to 0": (s.linear_decay(0.1, 20), {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 20}),
    "LinearLR": (s.polynomial_decay(0.1, 20, 0.01), {"start_factor": 1.0, "end_factor": 0.1, "total_iters": 20}),
    "PolynomialLR": (s.polynomial_decay(0.1, 20, 0.0, power=2), {"total_iters": 20, "power": 2.0}),
    "OneCycleLR": (s.one_cycle(0.1, 50), {"max_lr": 0.1, "total_steps": 50}),
    "OneCycleLR linear": (
        s.one_cycle(0.1, 50, 0.2, "linear", 10, 100),
        {
            "max_lr": 0.1,
            "total_steps": 50,
            "pct_start": 0.2,
            "anneal_strategy": "linear",
            "div_factor": 10,
            "final_div_factor": 100,
        },
    ),
    "OneCycleLR that only rises": (
        s.one_cycle(0.1, 50, 1.0),
        {"max_lr": 0.1, "total_steps": 50, "pct_start": 1.0},
    ),
    "OneCycleLR three phases": (
        s.one_cycle(0.1, 50, three_phase=True),
        {"max_lr": 0.1, "total_steps": 50, "three_phase": True},
    ),
    "warm-up": (s.warmup(0.1, 10), {"start_factor": 0.1, "total_iters": 9}),
}


@pytest.mark.equation("one-cycle-linear")
@pytest.mark.equation("one-cycle-cosine")
@pytest.mark.parametrize("name", PEERS)
def test_agrees_with_live_pytorch(name):
    torch = pytest.importorskip("torch")
    schedule, arguments = PEERS[name]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    peer = getattr(torch.optim.lr_scheduler, "LinearLR" if name == "warm-up" else name.split()[0])
    scheduler = peer(optimizer, **arguments)
    for t in range(50):
        assert schedule(t) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-10, abs=1e-16), t
        optimizer.step()
        if t < 49:
            scheduler.step()


def test_one_cycle_stays_at_its_end():
    schedule = s.one_cycle(0.1, 50)
    assert schedule(1000) == schedule(49) == pytest.approx(0.1 / 25 / 1e4)
    assert schedule(14) == 0.1


@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize("total", [1, 2, 3, 4, 10])
def test_one_cycle_with_few_steps_stays_in_its_range(total, three_phase):
    schedule = s.one_cycle(0.1, total, three_phase=three_phase)
    assert all(0.1 / 25 / 1e4 * (1 - 1e-12) <= schedule(t) <= 0.1 for t in range(2 * total))


def test_noise_has_the_documented_mean_and_variance():
    steps, rate = range(1000), 1000
    clean = s.linear_cosine_decay(1.0, rate, num_periods=0, alpha=50, beta=0)
    noise = np.array(
        [
            [s.noisy_linear_cosine_decay(1.0, rate, 2.0, 0.5, 0, 50, 0, seed=k)(t) - clean(t) for t in steps]
            for k in (1, 2)
        ]
    )
    scaled = noise / np.sqrt(2.0 / (1 + np.array(steps)) ** 0.5)  # num_periods = 0: the cosine factor is 1
    assert abs(scaled.mean()) < 4 / math.sqrt(scaled.size)
    assert abs(scaled.var() - 1) < 4 * math.sqrt(2 / scaled.size)


def test_noise_is_a_function_of_seed_and_step():
    def make(seed=None):
        return s.noisy_linear_cosine_decay(0.1, 100, seed=seed)

    steps = np.random.default_rng(0).permutation(100)
    assert {t: make(3)(int(t)) for t in steps} == {t: make(3)(t) for t in range(100)}
    assert [make(3)(t) for t in range(100)] != [make(4)(t) for t in range(100)]
    drawn = make()
    assert [drawn(t) for t in range(100)] == [eval(repr(drawn), vars(s))(t) for t in range(100)]
    assert [make(3)(t) for t in (100, 101, 500)] == [make(3)(100)] * 3


rates = st.floats(1e-6, 10)
counts = st.integers(1, 1000)
fractions = st.floats(0, 1)
steps = st.integers(0, 5000)
STRATEGIES = {  # the name of each schedule → random ones
    "constant": st.builds(s.constant, rates),
    "piecewise_constant": st.builds(s.piecewise_constant, st.just([10, 300]), st.lists(rates, min_size=3, max_size=3)),
    "multi_step_decay": st.builds(s.multi_step_decay, rates, st.just([10, 300]), fractions),
    "exponential_decay": st.builds(s.exponential_decay, rates, counts, fractions, st.booleans()),
    "natural_exp_decay": st.builds(s.natural_exp_decay, rates, counts, st.floats(0, 10), st.booleans()),
    "inverse_time_decay": st.builds(s.inverse_time_decay, rates, counts, st.floats(0, 10), st.booleans()),
    "polynomial_decay": st.builds(s.polynomial_decay, rates, counts, rates, st.floats(0.1, 4), st.booleans()),
    "cosine_decay": st.builds(s.cosine_decay, rates, counts, fractions),
    "cosine_decay_restarts": st.builds(s.cosine_decay_restarts, rates, counts, st.floats(1, 3), fractions, fractions),
    "linear_cosine_decay": st.builds(s.linear_cosine_decay, rates, counts, st.floats(0, 5), fractions, fractions),
    "noisy_linear_cosine_decay": st.builds(
        s.noisy_linear_cosine_decay, rates, counts, st.floats(0, 4), fractions, seed=st.integers(0, 99)
    ),
    "step_decay": st.builds(s.step_decay, rates, counts, fractions),
    "one_cycle": st.builds(s.one_cycle, rates, counts, st.floats(0, 0.49), three_phase=st.booleans()),
    "linear_decay": st.builds(s.linear_decay, rates, counts, rates),
    "inverse_sqrt": st.builds(s.inverse_sqrt, rates, counts),
    "warmup_stable_decay": st.builds(s.warmup_stable_decay, rates, st.integers(0, 50), counts, counts, rates),
    "warmup": st.builds(s.warmup, rates, counts),
}
SCHEDULES = st.one_of(*STRATEGIES.values())


@given(SCHEDULES, steps, counts)
def test_never_negative_and_a_pure_function(schedule, t, warm):
    rate = schedule(t)
    assert isinstance(rate, float)
    assert math.isfinite(rate)
    assert rate >= 0
    schedule(t + 1), schedule(0)
    assert schedule(t) == rate
    assert 0 <= s.warmup(schedule, warm)(t) <= rate


@given(SCHEDULES, st.lists(steps, max_size=6))
def test_an_array_of_steps_gives_the_array_of_their_rates(schedule, ts):
    each = [schedule(t) for t in ts]
    for given_as in (ts, tuple(ts), np.array(ts, np.int64), np.array(ts, np.float32), np.array(ts, np.uint16)):
        rates_of = schedule(given_as)
        assert rates_of.dtype == np.float64
        assert rates_of.tolist() == each
    assert schedule(range(3)).tolist() == [schedule(t) for t in range(3)]
    assert schedule(np.arange(6).reshape(2, 3)).tolist() == [schedule(range(3)).tolist(), schedule([3, 4, 5]).tolist()]
    assert schedule(np.array(7)) == schedule(np.float16(7)) == schedule(7)


@given(SCHEDULES, st.sampled_from([np.int8, np.uint8, np.int16, np.uint64, np.int64]))
def test_a_narrow_integer_counts_as_the_step_it_is(schedule, dtype):
    last = min(np.iinfo(dtype).max, 5000)
    assert schedule(dtype(last)) == schedule(last)


def test_every_step_takes_bounded_time():
    """Each of these took minutes with a loop over the periods, or with an integer of a billion digits."""
    assert 0 < s.cosine_decay_restarts(0.1, 1, t_mul=1 + 1e-9)(10**9) <= 0.1
    assert s.cosine_decay_restarts(0.1, 1, t_mul=1.5)(10**300) >= 0
    assert s.noisy_linear_cosine_decay(0.1, 100, variance_decay=2**31, seed=0)(50) > 0
    assert s.step_decay(1.0, 1, 0)(10**9) == 0
    with pytest.raises(ValueError, match="has no finite rate at step 1000000000"):
        s.step_decay(1.0, 1, 2)(10**9)


@given(SCHEDULES, steps, counts)
def test_repr_and_pickle_make_it_again(schedule, t, warm):
    composed = s.warmup(schedule, warm)
    for again in (eval(repr(composed), vars(s)), pickle.loads(pickle.dumps(composed))):
        assert again == composed
        assert hash(again) == hash(composed)
        assert again(t) == composed(t)


def test_schedules_made_differently_differ():
    assert s.cosine_decay(0.1, 10) != s.cosine_decay(0.1, 11)
    assert s.cosine_decay(0.1, 10) == s.cosine_decay(0.1, 10, alpha=0.0)
    assert s.cosine_decay(0.1, 10) != "cosine_decay(lr=0.1, decay_steps=10, alpha=0.0)"


def test_numpy_numbers_count_as_python_ones():
    assert s.cosine_decay(np.float64(0.1), np.int64(10)) == s.cosine_decay(0.1, 10)


@given(rates, counts, st.floats(0, 10), steps, st.booleans())
def test_natural_exponential_is_exponential(lr, decay_steps, k, t, staircase):
    natural = s.natural_exp_decay(lr, decay_steps, k, staircase)(t)
    assert natural == pytest.approx(
        s.exponential_decay(lr, decay_steps, math.exp(-k), staircase)(t), rel=1e-10, abs=1e-300
    )


@given(rates, counts, fractions)
def test_ends(lr, n, alpha):
    assert s.cosine_decay(lr, n, alpha)(0) == pytest.approx(lr)
    assert (
        s.cosine_decay(lr, n, alpha)(n) == s.cosine_decay(lr, n, alpha)(2 * n) == pytest.approx(alpha * lr, abs=1e-15)
    )
    assert s.linear_decay(lr, n, alpha)(0) == lr
    assert s.linear_decay(lr, n)(n) == s.linear_decay(lr, n)(n + 1) == 0
    assert s.inverse_sqrt(lr, n)(n - 1) == lr
    assert s.inverse_sqrt(lr, n)(4 * n - 1) == pytest.approx(lr / 2)
    assert s.warmup_stable_decay(lr, n, n, n)(n - 1) == s.warmup_stable_decay(lr, n, n, n)(2 * n) == lr
    assert s.warmup_stable_decay(lr, 0, 0, n)(n // 2) == s.linear_decay(lr, n)(n // 2)
    assert s.polynomial_decay(lr, n, alpha)(0) == pytest.approx(lr)
    assert s.polynomial_decay(lr, n, alpha)(n + 1) == pytest.approx(alpha)
    assert s.exponential_decay(lr, n, 0.5)(n) == pytest.approx(lr / 2)
    assert s.inverse_time_decay(lr, n, 1.0)(n) == pytest.approx(lr / 2)
    assert s.cosine_decay_restarts(lr, n)(n) == pytest.approx(lr)
    assert s.linear_cosine_decay(lr, n, beta=alpha)(n) == pytest.approx(alpha * lr, abs=1e-15)
    assert s.warmup(lr, n)(n - 1) == pytest.approx(lr)
    assert s.warmup(lr, n)(0) == pytest.approx(lr / n)


@pytest.mark.parametrize("first", [1, 3, 10])
def test_no_restart_is_late(first):
    """With a logarithm instead, ⌊log(1 + t/s)/log 3⌋ at t/s = 242, for example, rounds down to the period before."""
    schedule = s.cosine_decay_restarts(1.0, first, t_mul=3.0)
    starts = [first * (3**i - 1) // 2 for i in range(12)]
    assert [schedule(t) for t in starts] == [1.0] * 12


def test_boundaries_belong_to_the_value_before_and_milestones_to_the_one_after():
    assert s.piecewise_constant([10], [1.0, 0.1])(10) == 1.0
    assert s.multi_step_decay(1.0, [10], 0.1)(10) == 0.1


BAD = {
    "negative rate": (lambda: s.constant(-0.1), ValueError, "lr must be finite and ≥ 0, got -0.1"),
    "infinite rate": (lambda: s.cosine_decay(math.inf, 10), ValueError, "lr must be finite"),
    "NaN rate": (lambda: s.step_decay(math.nan, 10), ValueError, "lr must be finite"),
    "rate of text": (lambda: s.exponential_decay("0.1", 10, 0.5), TypeError, "lr must be a number, got '0.1'"),
    "no decay steps": (
        lambda: s.exponential_decay(0.1, 0, 0.5),
        ValueError,
        "decay_steps must be finite and > 0, got 0",
    ),
    "negative steps": (lambda: s.inverse_time_decay(0.1, -5, 0.5), ValueError, "decay_steps"),
    "natural": (lambda: s.natural_exp_decay(0.1, 10, -1), ValueError, "decay_rate"),
    "power": (lambda: s.polynomial_decay(0.1, 10, power=0), ValueError, "power"),
    "end": (lambda: s.polynomial_decay(0.1, 10, end_lr=-1), ValueError, "end_lr"),
    "too few values": (
        lambda: s.piecewise_constant([1, 2], [0.1, 0.2]),
        ValueError,
        "2 boundaries need 3 values, got 2",
    ),
    "boundaries not ascending": (lambda: s.piecewise_constant([2, 1], [1, 2, 3]), ValueError, "strictly ascending"),
    "a negative value": (lambda: s.piecewise_constant([1], [0.1, -0.1]), ValueError, "each value"),
    "alpha": (lambda: s.cosine_decay(0.1, 10, alpha=-0.1), ValueError, "alpha"),
    "shrinking periods": (
        lambda: s.cosine_decay_restarts(0.1, 10, t_mul=0.5),
        ValueError,
        "t_mul must be finite and ≥ 1",
    ),
    "m_mul": (lambda: s.cosine_decay_restarts(0.1, 10, m_mul=-1), ValueError, "m_mul"),
    "periods": (lambda: s.linear_cosine_decay(0.1, 10, num_periods=-1), ValueError, "num_periods"),
    "variance": (lambda: s.noisy_linear_cosine_decay(0.1, 10, initial_variance=-1), ValueError, "initial_variance"),
    "seed": (lambda: s.noisy_linear_cosine_decay(0.1, 10, seed=1.5), TypeError, "seed must be an integer, got 1.5"),
    "step size": (lambda: s.step_decay(0.1, 0), ValueError, "step_size must be ≥ 1, got 0"),
    "step size of half": (lambda: s.step_decay(0.1, 0.5), TypeError, "step_size must be an integer"),
    "milestones": (lambda: s.multi_step_decay(0.1, [5, 5]), ValueError, "milestones"),
    "total steps": (lambda: s.one_cycle(0.1, 0), ValueError, "total_steps"),
    "pct_start": (lambda: s.one_cycle(0.1, 10, pct_start=1.01), ValueError, "pct_start"),
    "three phases": (lambda: s.one_cycle(0.1, 10, pct_start=0.5, three_phase=True), ValueError, "pct_start"),
    "strategy": (lambda: s.one_cycle(0.1, 10, anneal_strategy="sin"), ValueError, "one of 'cos', 'linear', got 'sin'"),
    "div_factor": (lambda: s.one_cycle(0.1, 10, div_factor=0), ValueError, "div_factor"),
    "negative warm-up": (lambda: s.warmup(0.1, -1), ValueError, "warmup_steps must be ≥ 0, got -1"),
    "no warm-up": (lambda: s.inverse_sqrt(0.1, 0), ValueError, "warmup_steps must be ≥ 1, got 0"),
    "no linear decay": (lambda: s.linear_decay(0.1, 0), ValueError, "decay_steps"),
    "no decay phase": (lambda: s.warmup_stable_decay(0.1, 5, 5, 0), ValueError, "decay_steps"),
    "negative phase": (lambda: s.warmup_stable_decay(0.1, 5, -5, 5), ValueError, "stable_steps must be ≥ 0, got -5"),
    "warm-up of a negative rate": (lambda: s.warmup(-0.1, 10), ValueError, "lr"),
    "a step before the first": (lambda: s.constant(0.1)(-1), ValueError, "step must be finite and ≥ 0, got -1"),
    "a step of an array before the first": (lambda: s.constant(0.1)(np.array([1, -1])), ValueError, "step must be"),
    "a step that is no number": (lambda: s.constant(0.1)(None), TypeError, "step must be a number, got None"),
    "NaN as a step": (lambda: s.constant(0.1)(np.array([0, math.nan])), ValueError, "step must be finite"),
    "a boundary of NaN": (
        lambda: s.piecewise_constant([1, math.nan], [1, 2, 3]),
        ValueError,
        "each of the boundaries must be finite and ≥ 0, got nan",
    ),
    "a milestone of NaN": (lambda: s.multi_step_decay(0.1, [math.nan]), ValueError, "each of the milestones"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_refused(name):
    call, error, message = BAD[name]
    with pytest.raises(error, match=message.replace("(", r"\(")):
        call()


def test_lists_are_copied():
    boundaries, values = [10, 20], np.array([1.0, 0.5, 0.1])
    schedule = s.piecewise_constant(boundaries, values)
    boundaries[0], values[0] = 0, 7.0
    assert schedule(5) == 1.0
    assert repr(schedule) == "piecewise_constant(boundaries=(10, 20), values=(1.0, 0.5, 0.1))"
