"""Exercises of the chapter "Bias correction"."""

import math

import numpy as np

from minigrad_book.tools.exercises.entry import Chapter

chapter = Chapter(__name__)


@chapter.exercise(
    "Two steps by hand",
    statement=r"""
    Adam gets the gradients $g_1 = 2$ and $g_2 = 4$, with $\beta_1 = 0.9$. What is $\hat m_2$?
    """,
    hint=r"First $m_1$, then $m_2$, and only then the division by $1-\beta_1^2$.",
    mistakes={
        "That is m₂, before the correction.": {" / (1 - beta1**2)": ""},
        "You divided by 1 − β₁. At the second step the divisor is 1 − β₁².": {"beta1**2": "beta1"},
        "You continued from m̂₁. The recurrence uses m₁; the corrected value is used for the step but not stored.": {
            "m1 = (1 - beta1) * g1": "m1 = g1",
        },
        "That is the plain mean. The second gradient is the newer one and has a slightly larger weight.": {
            "m2 / (1 - beta1**2)": "(g1 + g2) / 2",
        },
        "You gave the new gradients the weight β₁. Their weight is 1 − β₁, and the old average has the weight β₁.": {
            "m1 = (1 - beta1) * g1": "m1 = beta1 * g1",
            "beta1 * m1 + (1 - beta1) * g2": "(1 - beta1) * m1 + beta1 * g2",
        },
    },
    explanation=r"""
    $m_1 = 0.2$, $m_2 = 0.9\cdot 0.2 + 0.1\cdot 4 = 0.58$ and $\hat m_2 = 0.58/0.19 = 3.05$: a weighted mean of 2
    and 4 with the weights $0.09/0.19$ and $0.1/0.19$.
    """,
)
def second_average():
    beta1, g1, g2 = 0.9, 2.0, 4.0
    m1 = (1 - beta1) * g1
    m2 = beta1 * m1 + (1 - beta1) * g2
    return m2 / (1 - beta1**2)


@chapter.exercise(
    "Correct an average",
    statement=r"""
    Write `corrected(values, beta)`, which returns the bias-corrected moving average $\hat m_t = m_t / (1 -
    \beta^t)$ after each of the `values`, as a list.
    """,
    hint="`enumerate(values, start=1)` counts t as the formula does.",
    cases=[([3.0], 0.9), ([1.0, 2.0, 4.0], 0.5), ([1.0, -1.0, 1.0, 1.0], 0.999)],
    mistakes={
        "You count t from 0. The first value has t = 1; for t = 0 the divisor 1 − β⁰ would be 0.": {
            "start=1": "start=0",
        },
        "You divide by 1 − β at every step. The divisor is 1 − βᵗ, which depends on t and tends to 1.": {
            "beta**t": "beta",
        },
        "You feed the corrected average back into the next step. Keep m as it is, and correct only what you return.": {
            "result.append(m / (1 - beta**t))": "m = m / (1 - beta**t)\n        result.append(m)",
        },
        "This is the plain average m. Divide by 1 − βᵗ.": {
            "m / (1 - beta**t)": "m",
        },
    },
    explanation=r"""
    The recurrence uses the uncorrected average, `m`; only the returned values are corrected. `mg.ema(values,
    beta, bias_correction=True)` does the same.
    """,
)
def corrected(values, beta):
    """The corrected average after each of `values`."""
    m, result = 0.0, []
    for t, value in enumerate(values, start=1):
        m = beta * m + (1 - beta) * value
        result.append(m / (1 - beta**t))
    return result


@chapter.exercise(
    "Where the uncorrected step is largest",
    statement=r"""
    At which step $t$ is the ratio of Adam's uncorrected step to the corrected one ($\varepsilon = 0$) the largest for
    $\beta_1 = 0.95$ and $\beta_2 = 0.999$?
    """,
    hint=r"Compute $\rho_t$ for $t = 1, 2, \dots$ and look for the largest.",
    mistakes={
        "Arrays count from 0, steps from 1: your index is one less than the step.": {
            "return int(t[": "return int(-1 + t[",
        },
        "The root is missing: the step divides by √v, not by v.": {"np.sqrt(1 - beta2**t)": "(1 - beta2**t)"},
        "That is the step for β₁ = 0.9. With a larger β₁, m needs more steps to approach its mean.": {"0.95": "0.9"},
    },
    explanation="At step 25: m averages over twice as many steps, and the peak comes about twice as late.",
    rtol=1e-9,
)
def peak():
    beta1, beta2 = 0.95, 0.999
    t = np.arange(1, 1000)
    ratio = (1 - beta1**t) / np.sqrt(1 - beta2**t)
    return int(t[ratio.argmax()])


@chapter.exercise(
    "Is the first step too large?",
    statement=r"""
    Write `first_step_too_large(beta1, beta2)`: True if Adam's first step without any correction is longer than with
    both ($\varepsilon = 0$), False otherwise.
    """,
    hint=r"$\rho_1 = (1-\beta_1)/\sqrt{1-\beta_2}$: when is it above 1?",
    cases=[(0.9, 0.999), (0.9, 0.95), (0.9, 0.9), (0.5, 0.8), (0.5, 0.7), (0.0, 0.99), (0.95, 0.9)],
    mistakes={
        "You compare 1 − β₁ with 1 − β₂. The step divides by the root of v, so compare with √(1 − β₂).": {
            "math.sqrt(1 - beta2)": "(1 - beta2)",
        },
        "The opposite is true: v is in the denominator, so its error makes the step longer.": {">": "<"},
        "This isn't true for all betas: with (0.9, 0.95), common for language models, the first step is too small.": {
            "(1 - beta1) > math.sqrt(1 - beta2)": "True",
        },
    },
    explanation=r"""
    It is True exactly if $(1-\beta_1)^2 > 1-\beta_2$: for the defaults, but not for (0.9, 0.95) or for equal betas.
    """,
)
def first_step_too_large(beta1, beta2):
    """Whether the first uncorrected step is too long."""
    return (1 - beta1) > math.sqrt(1 - beta2)


@chapter.exercise(
    "A counter that never advances",
    statement=r"""
    In some published code the step counter stays at $t = 1$: every step divides $m_t$ by $1-\beta_1$ and $v_t$ by
    $1-\beta_2$. Long after the start, when the correct divisors are practically 1, how long are its steps, as a
    multiple of the correct steps ($\varepsilon = 0$)? Write `frozen(beta1, beta2)`.
    """,
    hint=r"""
    Put $\hat m = m/(1-\beta_1)$ and $\hat v = v/(1-\beta_2)$ into $\hat m/\sqrt{\hat v}$ and compare with $m/\sqrt
    v$.
    """,
    cases=[(0.9, 0.999), (0.9, 0.95), (0.8, 0.9), (0.0, 0.99)],
    mistakes={
        "That is the inverse. The frozen divisor of v makes v̂ far too large, and v̂ is in the denominator.": {
            "math.sqrt(1 - beta2) / (1 - beta1)": "(1 - beta1) / math.sqrt(1 - beta2)",
        },
        "You left out the root: the step divides by √v̂.": {"math.sqrt(1 - beta2)": "(1 - beta2)"},
        "That is v's part alone. The frozen divisor of m makes m̂ larger by the factor 1/(1 − β₁).": {
            " / (1 - beta1)": ""
        },
        "That is m's part alone. The frozen divisor of v makes √v̂ larger by the factor 1/√(1 − β₂).": {
            "math.sqrt(1 - beta2)": "1",
        },
    },
    explanation=r"""
    With the defaults it is 0.316 long after the start. At step $t$ the ratio is $0.316\,\rho_t$: the first step is
    correct, the twelfth is twice as long as it should be, and only from step 106 on are the steps too short, at the
    end by a factor of about 3. Nothing crashes and the loss still falls, so nobody notices the bug. Another bug is to
    load $m$ and $v$ from a checkpoint but not $t$. It makes the steps too short by the factor $1/\rho_t$: 0.316 at
    first, 0.15 at the twelfth step, and again 1 after some thousands of steps.
    """,
)
def frozen(beta1, beta2):
    """The late step with frozen divisors over the correct step."""
    return math.sqrt(1 - beta2) / (1 - beta1)


@chapter.exercise(
    "From one ε to the other",
    statement=r"""
    Write `eps_hat(eps, beta2, t)`: the $\hat\varepsilon$ with which step $t$ of the hat form is the same as that of
    Algorithm 1 with $\varepsilon$.
    """,
    hint=r"Multiply numerator and denominator of $\hat m_t/(\sqrt{\hat v_t}+\varepsilon)$ by $\sqrt{1-\beta_2^t}$.",
    cases=[(1e-8, 0.999, 1), (1e-8, 0.999, 100), (1e-7, 0.99, 5), (1e-3, 0.9, 50)],
    mistakes={
        "The root is missing: the denominator contains √v̂, so it is multiplied by √(1 − β₂ᵗ).": {
            "math.sqrt(1 - beta2**t)": "(1 - beta2**t)",
        },
        "That is the other direction: the ε of Algorithm 1 that acts like a given ε̂.": {"eps * math": "eps / math"},
        "You left out t: the factor tends to 1 as t grows.": {"beta2**t": "beta2"},
        "TensorFlow and Keras use a constant ε̂, but that isn't the same: the factor is √(1 − β₂ᵗ).": {
            " * math.sqrt(1 - beta2**t)": "",
        },
    },
    explanation="With the defaults, ε̂ starts at 0.0316 ε and tends to ε.",
)
def eps_hat(eps, beta2, t):
    """The ε̂ that acts like ε of Algorithm 1 at step t."""
    return eps * math.sqrt(1 - beta2**t)


@chapter.exercise(
    "Start somewhere else",
    statement=r"""
    A moving average starts at a known $a_0$ that isn't 0, for example at a value from an earlier run. Write
    `corrected_from(a, a0, beta, t)`, which computes from $a_t$ an unbiased estimate of the mean of $x$, if this mean
    is constant.
    """,
    hint=r"""
    In {eq}`ema-unrolled` $a_0$ has the weight $\beta^t$. Subtract its part, then make the other weights add up to 1.
    """,
    cases=[(2.0, 1.0, 0.9, 1), (0.3, -1.0, 0.999, 20), (5.0, 0.0, 0.9, 3)],
    mistakes={
        "You divide, but a₀ is still included: first subtract its part, βᵗ·a₀.": {"(a - beta**t * a0)": "a"},
        "You subtract all of a₀. After t steps only the share βᵗ of it is left.": {"beta**t * a0": "a0"},
        "You subtracted the part of a₀, but the other weights add up to only 1 − βᵗ: divide by that.": {
            " / (1 - beta**t)": ""
        },
    },
    explanation=r"Adam's correction is the case $a_0 = 0$. In expectation, $a_t - \beta^t a_0 = (1-\beta^t)\mu$.",
)
def corrected_from(a, a0, beta, t):
    """The unbiased estimate if the average started at a0."""
    return (a - beta**t * a0) / (1 - beta**t)


chapter.written(
    "Why not start with the first gradient?",
    statement=r"""
    With $m_0 = g_1$ and $v_0 = g_1^2$ instead of 0, the weights add up to 1 from the start. Show that then $\mathbb
    E[m_t] = \mathbb E[g]$ without any correction, if $\mathbb E[g]$ is constant. Which weight does $g_1^2$ have in
    $v_{100}$, and which in the corrected $\hat v_{100}$ ($\beta_2 = 0.999$)? What is the disadvantage?
    """,
    hint=r"The weight of $g_1$ is its weight in the sum of {eq}`ema-unrolled` plus the weight $\beta^t$ of the start.",
    solution=r"""
    {eq}`ema-unrolled` with $a_0 = x_1$ has the weights $(1-\beta)\beta^{t-i}$ and, on $x_1$ in addition, $\beta^t$.
    Their sum is $1-\beta^t+\beta^t = 1$, so $\mathbb E[a_t] = \mu$ as in {prf:ref}`thm-ema-mean`.

    The weight of $x_1$ is $(1-\beta)\beta^{t-1} + \beta^t = \beta^{t-1}$. For $\beta_2$ and $t = 100$ this is
    $0.999^{99} = 0.906$. In the corrected average it is $(1-\beta)\beta^{t-1}/(1-\beta^t) = 0.0095$, about one
    hundredth, like all other weights. So both are unbiased, but at step 100 nine tenths of the weight in $v_{100}$
    are still on a *single* squared gradient: one batch determines the rate of each parameter for hundreds of steps.
    An estimate should also have a small variance, and that of the corrected average is far smaller.
    """,
)


@chapter.exercise(
    "A warm-up instead (a small study)",
    statement=r"""
    Leave out the bias correction and warm up instead: multiply $\eta$ by $\min(t/W, 1)$. What is the smallest
    integer $W$ for which no step, $t = 1, 2, \dots, 10000$, is more than 5 % too long ($\rho_t \min(t/W, 1) \le 1.05$,
    default betas)?
    """,
    hint=r"""
    Compute the largest value of the product for a given W with NumPy, and try W = 1, 2, 3, … or use bisection.
    """,
    mistakes={
        "You looked only at t = 12. With such a short warm-up, later steps are still too long.": {
            "np.max(rho * np.minimum(t / w, 1))": "(rho * np.minimum(t / w, 1))[11]",
        },
        "The root is missing: the step divides by √v.": {"np.sqrt(1 - 0.999**t)": "(1 - 0.999**t)"},
        "You asked for 1 %. The question allows 5 %.": {"1.05": "1.01"},
    },
    explanation=r"""
    It is 2,375, a little more than the $2/(1-\beta_2) = 2000$ steps of the untuned warm-up that Ma and Yarats
    recommend for Adam *with* the correction {cite:p}`ma2021adequacy`. The critical step is the end of the warm-up,
    where $\rho_W \le 1.05$ must hold: a warm-up can replace the correction, but it must last about as long.
    """,
    rtol=1e-9,
)
def warm_up():
    t = np.arange(1, 10_001)
    rho = (1 - 0.9**t) / np.sqrt(1 - 0.999**t)
    return next(w for w in range(1, 10_000) if np.max(rho * np.minimum(t / w, 1)) <= 1.05)
