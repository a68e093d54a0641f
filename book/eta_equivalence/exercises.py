"""Exercises of the chapter "Decaying η is decaying the effective rate"."""

import math

import numpy as np

from minigrad_book.tools.exercises.entry import Chapter

chapter = Chapter(__name__)


@chapter.exercise(
    "One parameter's rate",
    statement=r"""
    A parameter has $\hat v = 4\cdot 10^{-4}$; $\varepsilon = 10^{-8}$ and $\eta = 0.001$. Now $\eta$ is decayed by
    the factor 0.1. What is the parameter's effective rate after that?
    """,
    hint="The root of 0.0004 is 0.02.",
    mistakes={
        "That is the rate before the decay.": {"0.1 * 0.001": "0.001"},
        "You divided by v̂. The effective rate divides by its root.": {"math.sqrt(4e-4)": "4e-4"},
        "That is η itself. The effective rate divides it by √v̂ + ε, and here that makes it 50 times larger.": {
            " / (math.sqrt(4e-4) + 1e-8)": "",
        },
    },
    explanation="It is 0.005, and it was 0.05 before: both are far above η, so η is no upper limit.",
)
def rate_after_decay():
    return 0.1 * 0.001 / (math.sqrt(4e-4) + 1e-8)


@chapter.exercise(
    "The effective rate from the state",
    statement=r"""
    Write `effective_rate(v, t, eta, beta2, eps)`: the effective rates at step `t`, from the array `v` of the
    *uncorrected* second moments.
    """,
    hint=r"First $\hat v$, then its root, then $\varepsilon$, then the quotient.",
    cases=[
        (np.array([1e-3, 4e-3]), 1, 1e-3, 0.999, 1e-8),
        (np.array([1e-3, 1e-16, 0.0]), 100, 1e-2, 0.999, 1e-3),
        (np.array([0.25]), 10, 0.1, 0.9, 0.5),
    ],
    mistakes={
        "You used v as it is. Divide it by 1 − β₂ᵗ first.": {"v / (1 - beta2**t)": "v"},
        "ε is added to the root, not inside it: √v̂ + ε. (Some versions of RMSprop do add it inside.)": {
            "np.sqrt(v_hat) + eps": "np.sqrt(v_hat + eps)",
        },
        "You divide by v̂; the effective rate divides by its root.": {"np.sqrt(v_hat)": "v_hat"},
        "Your correction doesn't depend on t.": {"beta2**t": "beta2"},
    },
    explanation="`optimizer.effective_lr()` returns these for the last step, one array for each parameter.",
)
def effective_rate(v, t, eta, beta2, eps):
    """η/(√v̂ + ε) for each entry of v."""
    v_hat = v / (1 - beta2**t)
    return eta / (np.sqrt(v_hat) + eps)


@chapter.exercise(
    "Is it covered?",
    statement=r"""
    TensorFlow's RMSprop with momentum keeps $b_t = \mu\, b_{t-1} + \eta_t\, g_t/\sqrt{v_t+\varepsilon}$ and updates
    $\theta_t = \theta_{t-1} - b_t$. Does the theorem cover it, so that decaying $\eta$ is the same as multiplying each
    *step* $b_t$ by the factor in the update of $\theta$? Answer "covered" or "not covered".
    """,
    hint="Is there a state that depends on η?",
    mistakes={
        "Look at bₜ: it contains terms that were multiplied by earlier rates.": {"not covered": "covered"},
    },
    explanation=r"""
    $b$ is part of the state and contains old rates, as in Keras's SGD. PyTorch's RMSprop keeps
    $b_t = \mu\, b_{t-1} + g_t/(\sqrt{v_t}+\varepsilon)$ and multiplies $b_t$ by $\eta_t$ in the update,
    so it is covered.
    """,
)
def tensorflow_rmsprop():
    return "not covered"


@chapter.exercise(
    "How long does the old rate matter?",
    statement=r"""
    SGD with momentum `mu` in Keras's convention has had a constant gradient for a long time. Then $\eta$ falls to
    $s\,\eta$. Write `steps_until(mu, s, tolerance)`: the smallest $k \ge 1$ for which the $k$-th step after the
    decay exceeds its new final length by at most `tolerance`, relative to this length.
    """,
    hint=r"By {eq}`keras-after-decay` the excess is $(1-s)\mu^k/s$ of the new length.",
    cases=[(0.9, 0.1, 0.01), (0.9, 0.5, 0.01), (0.99, 0.1, 0.05), (0.5, 0.1, 0.1), (0.9, 0.99, 0.5)],
    mistakes={
        "You measured the excess in units of the old step. Relative to the new step it is 1/s times as large.": {
            "(1 - s) * mu**k / s": "(1 - s) * mu**k",
        },
        "The excess starts from 1 − s, not from 1: the new length is s times the old one.": {
            "(1 - s) * mu**k": "mu**k",
        },
        "You count from 0. The first step after the decay is k = 1, with one factor μ.": {
            "return k": "return k - 1",
        },
    },
    explanation=r"""
    It is 65 steps for $\mu = 0.9$, $s = 0.1$ and 1 %. The smaller the new rate, the longer the old one matters.
    """,
)
def steps_until(mu, s, tolerance):
    """Steps until Keras's step has its new length."""
    k = 1
    while (1 - s) * mu**k / s > tolerance:
        k += 1
    return k


@chapter.exercise(
    "Repair it",
    statement=r"""
    You must use code with Keras's convention, but you want PyTorch's behaviour. Each time the rate changes from
    `old` to `new`, you may replace the velocity `u` before the next step. Write `repaired(u, old, new)`, which
    returns the new velocity.
    """,
    hint=r"While $\eta$ is constant, Keras's velocity is $-\eta$ times PyTorch's. What must it be for the new rate?",
    cases=[(np.array([1.0, -2.0]), 0.1, 0.01), (np.array([0.5]), 0.1, 0.3), (np.array([3.0]), 0.2, 0.2)],
    mistakes={
        "That is the inverse: a smaller rate needs a smaller velocity.": {"new / old": "old / new"},
        "You returned u unchanged, but it still contains the old rate.": {"u * new / old": "u * 1.0"},
        "Setting u to 0 discards the momentum. It takes about 1/(1 − μ) steps to build up again.": {
            "new / old": "0",
        },
    },
    explanation=r"""
    $u = -\eta_{old}\,u^{torch}$ becomes $-\eta_{new}\,u^{torch}$, and the next step is the same as PyTorch's: $\mu u -
    \eta_{new} g = -\eta_{new}(\mu u^{torch} + g)$. Goyal et al. call this momentum correction
    {cite:p}`goyal2017accurate`.
    """,
)
def repaired(u, old, new):
    """The velocity for the new rate."""
    return u * new / old


@chapter.exercise(
    "A larger ε instead of a decay",
    statement=r"""
    Write `eps_for(r, eps, s)`: the $\varepsilon'$ that multiplies the effective rate of a parameter with
    $\sqrt{\hat v} = r$ by $s$, with $\eta$ unchanged. Then compare the results for $r = 10^{-4}$ and for $r =
    10^{-1}$.
    """,
    hint=r"Solve $\eta/(r+\varepsilon') = s\,\eta/(r+\varepsilon)$ for $\varepsilon'$.",
    cases=[(1e-4, 1e-8, 0.1), (1e-1, 1e-8, 0.1), (0.02, 1e-3, 0.5), (1.0, 0.0, 0.25)],
    mistakes={
        "You scaled only ε. The whole denominator r + ε must grow by the factor 1/s, and r doesn't change.": {
            "(r + eps) / s - r": "eps / s",
        },
        "That is the new denominator. Subtract r to get ε'.": {" - r": ""},
        "You multiplied by s: a smaller rate needs a larger denominator.": {"/ s": "* s"},
    },
    explanation=r"""
    It is about $9r$ for $s = 0.1$: 0.0009 and 0.9. The $\varepsilon'$ that is right for the second parameter divides
    the rate of the first by nine thousand. No single $\varepsilon'$ is right for all parameters.
    """,
)
def eps_for(r, eps, s):
    """The ε that multiplies the rate by s where √v̂ = r."""
    return (r + eps) / s - r


@chapter.exercise(
    "Port a weight decay",
    statement=r"""
    The AdamW paper updates $\theta \leftarrow \theta - s_t\,(\alpha\,\hat m/(\sqrt{\hat v}+\varepsilon) +
    \lambda\theta)$ with a schedule factor $s_t$ and a constant rate $\alpha$. PyTorch, Keras and optax compute
    $\theta \leftarrow \theta - \eta_t\,(\hat m/(\sqrt{\hat v}+\varepsilon) + \lambda'\theta)$ with $\eta_t =
    s_t\,\alpha$. Write `framework_decay(lam, alpha)`: the $\lambda'$ for which both are the same.
    """,
    hint=r"Compare the factors of $\theta$ in both updates.",
    cases=[(1e-5, 1e-3), (0.5, 0.1), (0.01, 1.0)],
    mistakes={
        "That is the inverse direction. λ' is multiplied by a rate far below 1, so it must be larger than λ.": {
            "lam / alpha": "lam * alpha",
        },
        "With λ' = λ the decay would be weaker by the factor α.": {"lam / alpha": "lam"},
    },
    explanation=r"""
    From $\eta_t\lambda' = s_t\alpha\lambda' = s_t\lambda$ follows $\lambda' = \lambda/\alpha$. So in a framework a
    change of the rate also changes the decay. If you halve the rate, double $\lambda'$ to keep their product.
    """,
)
def framework_decay(lam, alpha):
    """The framework's weight decay, from the paper's."""
    return lam / alpha


@chapter.exercise(
    "Test a factor",
    statement=r"""
    Write `exact(s, eta, denominators)`: True if scaling first, $(s\eta)/D$, and scaling last, $s\,(\eta/D)$, give
    the same floating-point numbers for all entries $D$ of the array.
    """,
    hint="Compare with `==`: the question is about bits.",
    cases=[
        (0.5, 1e-3, np.linspace(0.001, 1, 999)),
        (0.1, 1e-3, np.linspace(0.001, 1, 999)),
        (0.25, 3e-4, np.linspace(0.003, 2, 777)),
        (0.75, 1e-3, np.linspace(0.001, 1, 999)),
        (0.1, 1e-3, np.array([0.7])),
    ],
    mistakes={
        "You compared with a tolerance. Then all factors pass; the question is about bits.": {
            "(s * eta) / denominators == s * (eta / denominators)": (
                "np.isclose((s * eta) / denominators, s * (eta / denominators))"
            ),
        },
        "You asked whether any entries agree; many do by chance. All of them must agree.": {"np.all": "np.any"},
    },
    explanation="It is True for the powers of two, False for 0.1 and for 0.75.",
)
def exact(s, eta, denominators):
    """Whether scaling first and last give the same bits."""
    return bool(np.all((s * eta) / denominators == s * (eta / denominators)))


@chapter.exercise(
    "How small must η be? (a small study)",
    statement=r"""
    Write `rate_for(spread)`: the constant $\eta$ with which Adam, on the noisy parabola of the chapter, stays at about
    this distance from the minimum. Then try it: call
    `minigrad_book.eta_equivalence.numbers.bowl` with your rate for a spread of 0.05. How many steps does it take to
    reach this spread?
    """,
    hint=r"The spread is about $\sqrt{\eta/2}$.",
    cases=[(0.05,), (0.1,), (0.3,)],
    mistakes={
        "The spread is proportional to the root of η, so η is proportional to its square.": {"spread**2": "spread"},
        "The 2 inside the root is missing.": {"2 * ": ""},
        "You solved for the spread. Solve for the rate.": {"2 * spread**2": "np.sqrt(spread / 2)"},
    },
    explanation=r"""
    It is 0.005 for a spread of 0.05. Half the spread needs a quarter of the rate, and so four times as many steps to
    reach it. With a schedule you don't need so many steps.
    """,
)
def rate_for(spread):
    """The constant rate that leads to this spread."""
    return 2 * spread**2


chapter.written(
    "A plateau with factor ½",
    statement=r"""
    Runs A and B of {prf:ref}`thm-eta-equivalence` each have a `ReduceLROnPlateau(factor=0.5)` of their own, which
    gets the validation loss of its own run. Prove that the two runs agree bit for bit. Where does the proof
    fail for the factor 0.1?
    """,
    hint="Induction over the epochs. What does the rule compare, and what does it decide?",
    solution=r"""
    Suppose the weights, the optimizer's state and the plateau rule's state (best loss, epochs waited) agree bit for
    bit at the end of an epoch. Then the validation losses are the same number, because the same operations compute
    them. Both rules compare this number with the same threshold, so they make the same decision, and $s_t$ is the same
    power of two in both runs throughout the next epoch. By {prf:ref}`thm-power-of-two`, both runs compute the same
    rates in this epoch, and therefore the same steps, weights and states. So they agree at its end.

    With 0.1 the rates differ by a few units of $2^{-53}$ after the first reduction, so the weights may differ in
    their last bits, and the losses too. They are no longer the same number, and the comparison with the threshold can
    have different results. Then one run reduces its rate and the other doesn't, and in the next epoch their rates
    differ by a factor of ten.
    """,
)
