"""Exercises of the chapter "Bias correction"."""

import numpy as np

from minigrad.exercises.entry import Chapter

chapter = Chapter(__name__)


@chapter.exercise(
    "The first average",
    statement=r"Adam sees its first gradient, $g_1 = 3$, with $\beta_1 = 0.9$. What is $m_1$, before any correction?",
    hint=r"$m_0 = 0$, so only the new gradient contributes to $m_1$.",
    mistakes={
        r"That is g₁ itself, which the correction will restore. m₁ holds only the share 1 − β₁ of it.": {
            "(1 - beta1) * g": "g",
        },
        "You gave the new gradient the weight β₁; it gets 1 − β₁, and the (zero) past gets β₁.": {
            "(1 - beta1) * g": "beta1 * g",
        },
    },
    explanation=r"$m_1 = \beta_1 \cdot 0 + (1-\beta_1) g_1$: a tenth of the gradient.",
)
def first_average():
    beta1, g = 0.9, 3.0
    return (1 - beta1) * g


@chapter.exercise(
    "Correct an average",
    statement=r"""
    Write `corrected(values, beta)`, which returns the bias-corrected moving average
    $\hat m_t = m_t / (1 - \beta^t)$ after each of the `values`, as a list.
    """,
    hint="`enumerate(values, start=1)` counts t the way the formula does.",
    cases=[([3.0], 0.9), ([1.0, 2.0, 4.0], 0.5), ([1.0, -1.0, 1.0, 1.0], 0.999)],
    mistakes={
        "You count t from 0. The first value is t = 1: for t = 0 the divisor 1 − β⁰ would be 0.": {
            "start=1": "start=0",
        },
        "You divide by 1 − β at every step. The divisor is 1 − βᵗ: it depends on t, and tends to 1.": {
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
    The average itself, `m`, goes on uncorrected; the correction is applied to what is returned.
    `mg.ema(values, beta, bias_correction=True)` does the same.
    """,
)
def corrected(values, beta):
    """The bias-corrected moving average after each of `values`."""
    m, result = 0.0, []
    for t, value in enumerate(values, start=1):
        m = beta * m + (1 - beta) * value
        result.append(m / (1 - beta**t))
    return result


@chapter.exercise(
    "Where the uncorrected step is largest",
    statement=r"""
    The gradient is constant and ε is 0. At which step t is Adam's uncorrected step, measured in corrected steps,
    the largest for $\beta_1 = 0.9$ and $\beta_2 = 0.999$?
    """,
    hint=r"Compute $(1-\beta_1^t)/\sqrt{1-\beta_2^t}$ for $t = 1, 2, \dots$ and look for the largest.",
    mistakes={
        "Arrays count from 0, steps from 1: your index is one less than the step.": {
            "return int(t[": "return int(-1 + t["
        },
        "The root is missing: the step divides by √v, not by v.": {"np.sqrt(1 - 0.999**t)": "(1 - 0.999**t)"},
    },
    rtol=1e-9,
)
def peak():
    t = np.arange(1, 1000)
    ratio = (1 - 0.9**t) / np.sqrt(1 - 0.999**t)
    return int(t[ratio.argmax()])
