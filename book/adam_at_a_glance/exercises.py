"""Exercises of the chapter "Adam at a glance"."""

import math

import numpy as np

from minigrad_book.tools.exercises.entry import Chapter

chapter = Chapter(__name__)


@chapter.exercise(
    "A gradient of zero",
    statement=r"""
    $\eta = 0.1$, $\varepsilon = 0$, the other settings at their defaults; $\theta_0 = 0$, $g_1 = 3$ and then $g_2 =
    0$. What is $\theta_2$?
    """,
    hint=r"$m_2 = 0.9\cdot 0.3$ and $v_2 = 0.999\cdot 0.009$. Correct both by their factors for $t = 2$.",
    mistakes={
        "You stopped after the first step. Adam moves although the gradient is 0: m̂ still contains g₁.": {
            "-eta - eta * m_hat / math.sqrt(v_hat)": "-eta",
        },
        "You left out the correction of m.": {"0.27 / 0.19": "0.27"},
        "You divided by v̂. The update divides by its root.": {"math.sqrt(v_hat)": "v_hat"},
        "That is the second step alone; the first one, to θ₁ = −0.1, comes before it.": {"-eta - eta": "-eta"},
        "That would be a second step of full length. Now m̂ is a mean of 3 and 0.": {
            "-eta - eta * m_hat / math.sqrt(v_hat)": "-eta - eta",
        },
    },
    explanation=r"""
    $\hat m_2 = 0.27/0.19 = 1.421$, $\hat v_2 = 0.008991/0.001999 = 4.498$, so the second step is $0.1\cdot
    1.421/2.121 = 0.067$, and $\theta_2 = -0.167$.
    """,
)
def position():
    eta = 0.1
    m_hat, v_hat = 0.27 / 0.19, 0.008991 / 0.001999
    return -eta - eta * m_hat / math.sqrt(v_hat)


@chapter.exercise(
    "Adam from memory",
    statement=r"""
    Write `adam_step(theta, g, m, v, t)`, Adam's step number $t = 1, 2, \dots$ with all the defaults. Return the new
    `np.array([theta, m, v])`.
    """,
    hint="Five lines, one for each equation.",
    cases=[(0.0, 2.0, 0.0, 0.0, 1), (1.0, -0.5, 0.2, 0.01, 2), (0.3, 1e-8, 1e-9, 1e-19, 7), (5.0, 3.0, 1.0, 2.0, 900)],
    mistakes={
        "ε is inside the root. In Algorithm 1 it is added to the root.": {
            "(math.sqrt(v_hat) + 1e-8)": "math.sqrt(v_hat + 1e-8)",
        },
        "You added ε to the parameter. It is added to the root, in the denominator.": {
            "0.001 * m_hat / (math.sqrt(v_hat) + 1e-8)": "0.001 * m_hat / math.sqrt(v_hat) + 1e-8",
        },
        "The root is missing: v̂ is a mean of squares.": {"math.sqrt(v_hat)": "v_hat"},
        "Your correction is frozen at t = 1: use the powers βᵗ.": {
            "1 - 0.9**t": "1 - 0.9",
            "1 - 0.999**t": "1 - 0.999",
        },
        "Your t is one too large. The first step is t = 1.": {
            "1 - 0.9**t": "1 - 0.9 ** (t + 1)",
            "1 - 0.999**t": "1 - 0.999 ** (t + 1)",
        },
        "You returned the corrected averages. The recurrences use m and v.": {
            "theta, m, v])": "theta, m_hat, v_hat])",
        },
        "The weights are swapped: β multiplies the old average, 1 − β the new gradient.": {
            "0.9 * m + 0.1 * g": "0.1 * m + 0.9 * g",
        },
    },
    explanation="Three of these mistakes are in published tutorials: ε outside the fraction, no root, a frozen t.",
)
def adam_step(theta, g, m, v, t):
    """One step of Adam."""
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    m_hat = m / (1 - 0.9**t)
    v_hat = v / (1 - 0.999**t)
    theta = theta - 0.001 * m_hat / (math.sqrt(v_hat) + 1e-8)
    return np.array([theta, m, v])


@chapter.exercise(
    "How long is its memory?",
    statement=r"""
    Write `half_life(beta)`: after how many steps has the weight of a gradient in the moving average fallen to one
    half? (The answer need not be an integer.)
    """,
    hint=r"Solve $\beta^k = \tfrac12$ for $k$.",
    cases=[(0.9,), (0.999,), (0.5,)],
    mistakes={
        "That is the time constant 1/(1 − β), after which about 37 % is left, not one half.": {
            "math.log(2) / -math.log(beta)": "1 / (1 - beta)",
        },
        "That is half of the time constant. It falls by the same factor at each step, not by the same amount.": {
            "math.log(2) / -math.log(beta)": "0.5 / (1 - beta)",
        },
        "The sign is wrong: ln β is negative.": {"/ -math": "/ math"},
    },
    explanation=r"6.6 steps for $\beta = 0.9$, 693 for 0.999, 1 for 0.5.",
)
def half_life(beta):
    """Steps until the weight has halved."""
    return math.log(2) / -math.log(beta)


@chapter.exercise(
    "Another loss, the same training",
    statement=r"""
    You multiply the loss by $c > 0$, for example by taking the sum over a batch instead of the mean. Write
    `factors(c)`: by what must you multiply the rates of SGD and of Adam ($\varepsilon = 0$), so that the parameters
    follow the same path as before? Return `np.array([sgd, adam])`.
    """,
    hint=r"All gradients are multiplied by $c$. What does that do to $\eta\,g$, and what to $\hat m/\sqrt{\hat v}$?",
    cases=[(10.0,), (0.25,), (64.0,)],
    mistakes={
        "Adam's step doesn't change: m̂ and √v̂ are both multiplied by c.": {"1 / c, 1.0": "1 / c, 1 / c"},
        "It is the inverse: larger gradients need a smaller rate.": {"1 / c, 1.0": "c, 1.0"},
        "SGD's step is η·g: it does change.": {"1 / c, 1.0": "1.0, 1.0"},
        "v̂ is multiplied by c², but its root by c only.": {"1 / c, 1.0": "1 / c, c"},
    },
    explanation=r"With $\varepsilon > 0$ this holds for Adam as long as $\sqrt{\hat v}$ stays far above $\varepsilon$.",
)
def factors(c):
    """The factors for SGD's rate and for Adam's."""
    return np.array([1 / c, 1.0])


@chapter.exercise(
    "One spike",
    statement=r"""
    After very many gradients of 0, a single gradient $g \ne 0$ arrives. Write `spike(beta1, beta2)`: the length of
    Adam's next step, in units of $\eta$, with $\varepsilon = 0$. (After so many steps, both bias corrections are 1.)
    """,
    hint=r"$m = (1-\beta_1)\,g$ and $v = (1-\beta_2)\,g^2$.",
    cases=[(0.9, 0.999), (0.9, 0.99), (0.5, 0.9)],
    mistakes={
        "You divided by v. The step divides by its root.": {"math.sqrt(1 - beta2)": "(1 - beta2)"},
        "One gradient after many zeros isn't the first gradient: the averages also hold the zeros.": {
            "(1 - beta1) / math.sqrt(1 - beta2)": "1.0",
        },
        "It is the inverse: the step is m over the root of v.": {
            "(1 - beta1) / math.sqrt(1 - beta2)": "math.sqrt(1 - beta2) / (1 - beta1)",
        },
    },
    explanation=r"""
    It is 3.162 with the defaults: more than three times $\eta$, for a gradient of any size. That rare gradients get
    long steps is intended, but it can also do harm.
    """,
)
def spike(beta1, beta2):
    """The step after a single gradient, over η."""
    return (1 - beta1) / math.sqrt(1 - beta2)


chapter.written(
    "Is the default a good one? (a small study)",
    statement=r"""
    In the chapter's figure of validation losses against rates, Adam's default is far from the best rate. Does that
    depend on the number of epochs? Predict where the lowest loss will be for 2, for 10 and for 50 epochs. Then run
    `trained` with these numbers of epochs, three seeds and the rates of the figure, and plot the three curves in one
    figure.
    """,
    hint="`trained(mg.optim.Adam, lr, seed, epochs=50)` does one run. Write down your prediction first.",
    solution=r"""
    With more epochs, a small rate has enough time to reach a low loss, so the range of good rates extends to the left
    and includes the default. With fewer epochs, the range is narrower and further to the right. The best rate depends
    on the number of epochs. This is one reason why a comparison of two rates, or of a rate with and without decay, at
    one number of epochs need not hold at another.
    """,
)
