"""Exercises of the chapter "Adam's relatives"."""

import math

import numpy as np
from minigrad_book.tools.exercises.entry import Chapter

chapter = Chapter(__name__)


@chapter.exercise(
    "The best compromise",
    statement=r"""
    Write `best_rate(steep, flat)` for gradient descent on a quadratic with these two curvatures: the rate for which
    the slower of the two directions is as fast as possible, and the factor by which the error then shrinks in a step,
    as `np.array([rate, factor])`.
    """,
    hint="Both directions are equally slow at the best rate.",
    cases=[(100.0, 1.0), (3.0, 2.0), (5.0, 5.0)],
    mistakes={
        "With that rate the steep direction is solved in one step, but the flat one is slower than it need be.": {
            "2 / (steep + flat)": "1 / steep",
        },
        "At that rate the steep direction jumps back and forth forever: it is the limit of stability.": {
            "2 / (steep + flat)": "2 / steep",
        },
        "The factor is what is left of the error, not what is taken away.": {"1 - rate * flat": "rate * flat"},
    },
    explanation=r"For equal curvatures the factor is 0: one step suffices. The price is paid for their ratio.",
)
def best_rate(steep, flat):
    """The rate and the factor."""
    rate = 2 / (steep + flat)
    return np.array([rate, 1 - rate * flat])


@chapter.exercise(
    "How far momentum has come",
    statement=r"""
    All gradients are 1. Write `velocity(mu, t)`: the velocity $u_t = \mu u_{t-1} + g_t$ after $t$ steps, from $u_0
    = 0$, without a loop.
    """,
    hint=r"It is the geometric sum $1 + \mu + \dots + \mu^{t-1}$.",
    cases=[(0.9, 1), (0.9, 10), (0.5, 3), (0.99, 200)],
    mistakes={
        "That is where it ends after very many steps. At first the sum has few terms.": {"(1 - mu**t)": "1"},
        "That is the average of the gradients. Momentum doesn't divide by its weights.": {" / (1 - mu)": ""},
        "The sum has t terms; its last exponent is t − 1.": {"mu**t": "mu ** (t + 1)"},
    },
    explanation=r"""
    10 for $\mu = 0.9$ in the end: where gradients keep their sign, the same rate goes ten times as far. Where they
    alternate it doesn't: across a parabola of curvature $\lambda$ the limit of stability even rises, from $2/\lambda$
    to $2(1+\mu)/\lambda$.
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
        "That would be so with bias correction, which RMSprop doesn't have.": {"1 / math.sqrt(1 - alpha)": "1.0"},
        "Either you took PyTorch's α, 0.99, or you divided by v instead of its root.": {
            "alpha = 0.9": "alpha = 0.99",
        },
        "Upside down: a small v makes a long step.": {"1 / math.sqrt(1 - alpha)": "math.sqrt(1 - alpha)"},
    },
    explanation="3.16, against 10 in PyTorch: one name, one rate, and first steps that differ by a factor of three.",
)
def first_step():
    alpha = 0.9
    return 1 / math.sqrt(1 - alpha)


@chapter.exercise(
    "AdamW, one step",
    statement=r"""
    Write `adamw(theta, m_hat, root, rate, decay)`: the new $\theta$, from $\hat m$, from the whole denominator
    `root` = $\sqrt{\hat v} + \varepsilon$, the rate $\eta$ and the weight decay $\lambda$.
    """,
    hint=r"Decoupled: the decay is not divided by anything.",
    cases=[(2.0, 0.5, 0.1, 0.01, 0.1), (np.array([1.0, -3.0]), np.array([0.2, 0.4]), 2.0, 0.1, 0.01)],
    mistakes={
        "The decay is divided by the root, as if λθ had been added to the gradient: that is L2, not AdamW.": {
            "(1 - rate * decay) * theta - rate * m_hat / root": "theta - rate * (m_hat + decay * theta) / root",
        },
        "The decay isn't multiplied by the rate. In PyTorch, Keras and optax it is.": {"rate * decay": "decay"},
        "The decay has the wrong sign: the weights would grow.": {"1 - rate": "1 + rate"},
        "The step is divided by the root, not multiplied.": {"m_hat / root": "m_hat * root"},
    },
    explanation=r"As in the code: first $\theta$ shrinks, then comes Adam's step.",
)
def adamw(theta, m_hat, root, rate, decay):
    """One step of AdamW."""
    return (1 - rate * decay) * theta - rate * m_hat / root


chapter.written(
    "Where AMSGrad parts from Adam (a small study)",
    statement=r"""
    In the chapter's picture Adam and AMSGrad look the same. Find a sequence of gradients for which AMSGrad's steps
    become ten times shorter than Adam's. First predict what it must look like. Then make it, and draw the steps of both
    with `minigrad_book.tools.paths.steps`.
    """,
    hint=r"$v$ has to fall, and Adam's $v$ needs some thousand steps for that.",
    solution=r"""
    A loud time followed by a long quiet one, in which the gradient doesn't vanish. With 100 gradients of 100 and then
    6,000 of 1, Adam's $v$ falls by the factor $0.999^{6000} \approx 0.0025$, AMSGrad's maximum stays:

    ```python
    loud_then_quiet = np.repeat([100.0, 1.0], [100, 6000])
    adam = steps(mg.optim.Adam, loud_then_quiet, lr=1.0)
    amsgrad = steps(mg.optim.Adam, loud_then_quiet, lr=1.0, amsgrad=True)
    print(adam[-1] / amsgrad[-1])
    ```

    prints about 17. Whether the long memory helps depends on what the loud time was: rare but important
    gradients, or an accident at the start.
    """,
)
