"""Exercises of the chapter "Adam's relatives"."""

import math

import numpy as np

from minigrad_book.tools.exercises.entry import Chapter

chapter = Chapter(__name__)


@chapter.exercise(
    "The best rate for two curvatures",
    statement=r"""
    Write `best_rate(steep, flat)` for gradient descent on a quadratic with these two curvatures: the rate for which
    the slower of the two directions is as fast as possible, and the factor by which the error then shrinks in a step,
    as `np.array([rate, factor])`.
    """,
    hint="Both directions are equally slow at the best rate.",
    cases=[(100.0, 1.0), (3.0, 2.0), (5.0, 5.0)],
    mistakes={
        "With that rate the steep direction converges in one step, but the flat one is slower than necessary.": {
            "2 / (steep + flat)": "1 / steep",
        },
        "At that rate the steep direction oscillates forever: it is the limit of stability.": {
            "2 / (steep + flat)": "2 / steep",
        },
        "The factor is the part of the error that remains, not the part that is removed.": {
            "1 - rate * flat": "rate * flat"
        },
    },
    explanation=r"For equal curvatures the factor is 0: one step is enough. The larger their ratio, the slower it is.",
)
def best_rate(steep, flat):
    """The rate and the factor."""
    rate = 2 / (steep + flat)
    return np.array([rate, 1 - rate * flat])


@chapter.exercise(
    "The velocity after t steps",
    statement=r"""
    All gradients are 1. Write `velocity(mu, t)`: the velocity $u_t = \mu u_{t-1} + g_t$ after $t$ steps, from $u_0
    = 0$, without a loop.
    """,
    hint=r"It is the geometric sum $1 + \mu + \dots + \mu^{t-1}$.",
    cases=[(0.9, 1), (0.9, 10), (0.5, 3), (0.99, 200)],
    mistakes={
        "That is the limit after many steps. At first the sum has few terms.": {"(1 - mu**t)": "1"},
        "That is the average of the gradients. Momentum doesn't divide by the sum of the weights.": {" / (1 - mu)": ""},
        "The sum has t terms; its last exponent is t − 1.": {"mu**t": "mu ** (t + 1)"},
    },
    explanation=r"""
    It tends to 10 for $\mu = 0.9$: if the gradients keep their sign, the steps become ten times as long with the same
    rate. If they alternate in sign, they don't: on a parabola of curvature $\lambda$ the limit of stability even
    rises, from $2/\lambda$ to $2(1+\mu)/\lambda$.
    """,
)
def velocity(mu, t):
    """The velocity after t gradients of 1."""
    return (1 - mu**t) / (1 - mu)


@chapter.exercise(
    "RMSprop's first step",
    statement=r"""
    Keras's RMSprop has $\rho = 0.9$ (our $\alpha$). How long is its first step, in units of $\eta$, if the gradient
    is large compared with $\varepsilon$?
    """,
    hint=r"$v_1 = (1-\alpha)\,g_1^2$, and nothing is corrected.",
    mistakes={
        "That would be right with bias correction, but RMSprop has none.": {"1 / math.sqrt(1 - alpha)": "1.0"},
        "Either you took PyTorch's α, 0.99, or you divided by v instead of its root.": {
            "alpha = 0.9": "alpha = 0.99",
        },
        "That is the inverse: a small v makes the step longer.": {"1 / math.sqrt(1 - alpha)": "math.sqrt(1 - alpha)"},
    },
    explanation="It is 3.16, and 10 in PyTorch: same name, same rate, but the first steps differ by a factor of three.",
)
def first_step():
    alpha = 0.9
    return 1 / math.sqrt(1 - alpha)


@chapter.exercise(
    "AdamW, one step",
    statement=r"""
    Write `adamw(theta, m_hat, root, rate, decay)`: the new $\theta$, computed from $\hat m$, the whole denominator
    `root` = $\sqrt{\hat v} + \varepsilon$, the rate $\eta$ and the weight decay $\lambda$.
    """,
    hint=r"Decoupled means that the weight decay isn't divided by the root.",
    cases=[(2.0, 0.5, 0.1, 0.01, 0.1), (np.array([1.0, -3.0]), np.array([0.2, 0.4]), 2.0, 0.1, 0.01)],
    mistakes={
        "The decay is divided by the root, as if λθ had been added to the gradient: that is L2, not AdamW.": {
            "(1 - rate * decay) * theta - rate * m_hat / root": "theta - rate * (m_hat + decay * theta) / root",
        },
        "The decay isn't multiplied by the rate. In PyTorch, Keras and optax it is.": {"rate * decay": "decay"},
        "The decay has the wrong sign: the weights would grow.": {"1 - rate": "1 + rate"},
        "The step is divided by the root, not multiplied.": {"m_hat / root": "m_hat * root"},
    },
    explanation=r"As in the engine's code, $\theta$ shrinks first, then Adam's step is subtracted.",
)
def adamw(theta, m_hat, root, rate, decay):
    """One step of AdamW."""
    return (1 - rate * decay) * theta - rate * m_hat / root


chapter.written(
    "Where AMSGrad differs from Adam (a small study)",
    statement=r"""
    In the chapter's figure Adam and AMSGrad look the same. Find a sequence of gradients for which AMSGrad's steps
    become ten times shorter than Adam's. First predict what it must look like. Then compute the steps of both
    with `minigrad_book.tools.paths.steps` and plot them.
    """,
    hint=r"Adam's $v$ has to fall, and this takes some thousands of steps.",
    solution=r"""
    Use some large gradients, followed by many small ones that aren't 0. With 100 gradients of 100 and then
    6,000 of 1, the part of the large gradients in Adam's $v$ falls by the factor $0.999^{6000} \approx 0.0025$, but
    AMSGrad's maximum stays:

    ```python
    large_then_small = np.repeat([100.0, 1.0], [100, 6000])
    adam = steps(mg.optim.Adam, large_then_small, lr=1.0)
    amsgrad = steps(mg.optim.Adam, large_then_small, lr=1.0, amsgrad=True)
    print(adam[-1] / amsgrad[-1])
    ```

    This prints about 17. Whether the maximum helps depends on the large gradients: they may be rare but important, or
    an accident at the start.
    """,
)
