"""Exercises of the page "What frameworks do differently"."""

import numpy as np
from minigrad_book.tools.exercises.entry import Chapter

chapter = Chapter(__name__)


@chapter.exercise(
    "Keras's ε, in PyTorch's place",
    statement=r"""
    Write `like_keras(eps_hat, beta2, t)`: the $\varepsilon$ for which Algorithm 1 takes the same step $t$ as the form
    with $\hat\varepsilon$.
    """,
    hint=r"""
    Multiply numerator and denominator of $m/(\sqrt v + \hat\varepsilon)$ by the same number, so that $\sqrt{\hat v}$
    appears.
    """,
    cases=[(1e-7, 0.999, 1), (1e-7, 0.999, 100), (1e-3, 0.9, 4)],
    mistakes={
        "The root is missing: v is divided by 1 − β₂ᵗ, so √v is divided by its root.": {
            "np.sqrt(1 - beta2**t)": "(1 - beta2**t)"
        },
        "You computed ε̂ from ε: it is the other way round.": {"eps_hat / np.sqrt": "eps_hat * np.sqrt"},
        "At t = 1 nothing would be corrected: the first update has t = 1, not t = 0.": {"beta2**t": "beta2 ** (t + 1)"},
    },
    explanation=r"""
    At the first step it is 31.6 times $\hat\varepsilon$. It changes with $t$, so PyTorch can't take it as an argument.
    """,
)
def like_keras(eps_hat, beta2, t):
    """The ε of Algorithm 1."""
    return eps_hat / np.sqrt(1 - beta2**t)


@chapter.exercise(
    "Coasting on",
    statement=r"""
    SGD with momentum $\mu$ has run at the rate `before` for a long time, with gradients of 1. Now the rate is `after`.
    Write `coasting(mu, before, after, k)`: the length of the $k$-th step from then on ($k = 1, 2, \dots$) with Keras's
    momentum.
    """,
    hint=r"""
    Keras's velocity obeys $u_k = \mu u_{k-1} - \eta_k$. Where does it start, where does it end, and how does its
    distance from the end shrink?
    """,
    cases=[(0.9, 1.0, 0.1, 1), (0.9, 1.0, 0.1, 20), (0.5, 0.1, 0.1, 3), (0.99, 0.1, 0.0, 10)],
    mistakes={
        "That is PyTorch's velocity, which follows the new rate at once.": {"(before - after) * mu**k": "0"},
        "The first step with the new rate has already forgotten a part: the distance is multiplied by μ.": {
            "mu**k": "mu ** (k - 1)"
        },
        "The velocity forgets the difference of the rates, not the whole old rate.": {"(before - after)": "before"},
        "A velocity of gradients of 1 ends at 1/(1 − μ).": {" / (1 - mu)": ""},
    },
    explanation=r"""
    $\bigl(\eta_{\text{after}} + (\eta_{\text{before}} - \eta_{\text{after}})\,\mu^k\bigr)/(1-\mu)$. After a cut to a
    tenth the steps are within 10 % of their end when $9\mu^k < 0.1$: for $\mu = 0.9$ that takes 43 steps.
    """,
)
def coasting(mu, before, after, k):
    """The length of the k-th step after the change."""
    return (after + (before - after) * mu**k) / (1 - mu)


@chapter.exercise(
    "Patience, ported",
    statement=r"""
    A loss is flat from epoch 0 on. Write `first_reduction(patience, convention)`: the epoch after which the rate is
    reduced first, for `"keras"` and for `"torch"`.
    """,
    hint="Epoch 0 is the best so far in both. Count the bad epochs from 1. Must they reach patience, or exceed it?",
    cases=[(2, "keras"), (2, "torch"), (0, "keras"), (0, "torch"), (10, "keras")],
    mistakes={
        "PyTorch reduces when the bad epochs exceed patience, so one later.": {"patience + 1": "patience"},
        "Patience 0 acts as 1 in Keras: epoch 0 itself can't be bad.": {"max(patience, 1)": "patience"},
        "Epoch 0 is not a bad one: it sets the best value.": {"max(patience, 1)": "max(patience - 1, 0)"},
    },
    explanation=r"So `patience=5` in Keras is `patience=4` in PyTorch.",
)
def first_reduction(patience, convention):
    """The epoch after which the rate is reduced first."""
    return patience + 1 if convention == "torch" else max(patience, 1)


chapter.written(
    "Port a script (a small study)",
    statement=r"""
    A Keras script uses `SGD(0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)` and multiplies the rate by 0.1
    after epochs 20 and 40. Moved to PyTorch with the same numbers, milestones [20, 40], and `scheduler.step()`
    after every `optimizer.step()`, it stops improving almost at once. Which three things differ? Write both in
    `minigrad`, run them on the digits (45 updates an epoch at batch size 32), and find out which difference matters.
    """,
    hint="Look at weight decay, at the velocity at the two cuts, and at what the scheduler counts.",
    solution=r"""
    Weight decay is decoupled in Keras and enters the velocity in PyTorch; at each cut Keras's velocity coasts on; and
    PyTorch's milestones count calls of `scheduler.step()`. In `minigrad`:

    ```python
    cuts = mg.schedules.multi_step_decay(0.1, [20 * 45, 40 * 45])
    settings = dict(momentum=0.9, nesterov=True, weight_decay=1e-4)
    keras = mg.optim.SGD(model.parameters(), cuts, convention="keras", **settings)
    torch = mg.optim.SGD(model.parameters(), cuts, convention="torch", **settings)
    ```

    With milestones of 20 and 40 and a `scheduler.step()` after every *update*, the rate falls to a hundredth before the
    first epoch is over. That is what stops training. The other two change the accuracy little.
    """,
)
