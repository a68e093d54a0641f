"""Exercises of the chapter "Schedules and plateaus"."""

import math

from minigrad_book.tools.exercises.entry import Chapter

chapter = Chapter(__name__)


@chapter.exercise(
    "A tenth of the rate",
    statement=r"""
    `exponential_decay` has decay steps $s = 100$ and rate $r = 0.5$. After how many steps is the rate a tenth of the
    initial rate? (The answer need not be an integer.)
    """,
    hint=r"Solve $r^{t/s} = \tfrac1{10}$ for $t$.",
    mistakes={
        "That would be right if each step subtracted a fixed amount. Each step multiplies by a fixed factor.": {
            "100 * math.log(0.1) / math.log(0.5)": "180.0",
        },
        "You left out the decay steps: one factor r takes 100 steps.": {"100 * math.log(0.1)": "math.log(0.1)"},
        "You took k = 0.5. That is natural exponential decay, with r = e⁻ᵏ.": {"math.log(0.5)": "-0.5"},
    },
    explanation=r"It is 332, a little more than three halvings, since $2^{-3} = 0.125$.",
)
def steps():
    return 100 * math.log(0.1) / math.log(0.5)


@chapter.exercise(
    "Warm-up, then cosine decay",
    statement=r"""
    Write `rate(t, top, warm, total)`: a cosine decay from `top` to 0 over `total` steps, with a linear warm-up over
    the first `warm` of them, as `mg.schedules.warmup` does it.
    """,
    hint=r"The cosine runs from $t = 0$; the warm-up multiplies it by $\min(1, (t+1)/W)$.",
    cases=[
        (0, 0.1, 10, 100),
        (4, 0.1, 10, 100),
        (9, 0.1, 10, 100),
        (10, 1.0, 10, 100),
        (50, 0.1, 10, 100),
        (120, 0.1, 10, 100),
    ],
    mistakes={
        "Your first rate is 0, so the first update changes nothing: count t + 1.": {"(t + 1) / warm": "t / warm"},
        "You shifted the cosine to the end of the warm-up. Here it runs from t = 0 and is only scaled.": {
            "min(t, total) / total": "max(0, min(t, total) - warm) / (total - warm)",
        },
        "After the last step your cosine rises again: limit t to total.": {"min(t, total)": "t"},
        "Your factor grows beyond 1: take the smaller of 1 and (t + 1)/W.": {
            "min(1.0, (t + 1) / warm)": "(t + 1) / warm",
        },
    },
    explanation="`mg.schedules.warmup(mg.schedules.cosine_decay(top, total), warm)` is the same function.",
)
def rate(t, top, warm, total):
    """The rate of update t = 0, 1, …"""
    cosine = 0.5 * (1 + math.cos(math.pi * min(t, total) / total))
    return min(1.0, (t + 1) / warm) * top * cosine


@chapter.exercise(
    "Boundaries and milestones",
    statement=r"""
    Port a list of PyTorch milestones. Write `boundaries(milestones)`: the boundaries for
    `mg.schedules.piecewise_constant` that give the same rate at every step.
    """,
    hint="At a milestone the rate already has the new value, at a boundary it still has the old one.",
    cases=[([100],), ([30, 60, 80],), ([1, 2],)],
    mistakes={
        "With the same numbers every drop comes one step too late.": {"step - 1": "step"},
        "With these numbers every drop comes two steps too late.": {"step - 1": "step + 1"},
    },
    explanation="One step hardly matters for training. But in a comparison of two frameworks it can cost you hours.",
)
def boundaries(milestones):
    """The boundaries, one for each milestone."""
    return [step - 1 for step in milestones]


@chapter.exercise(
    "Keras's rule",
    statement=r"""
    Write `reductions(losses, patience)`: the epochs, counted from 0, after which Keras's `ReduceLROnPlateau`
    reduces the rate, with `min_delta` = 1e-4 and without a cooldown.
    """,
    hint="Two numbers are enough: the best loss, and the epochs since it was reached.",
    cases=[
        ([1.0] * 8, 2),
        ([1.0, 0.9, 0.95, 0.92, 0.91, 0.8, 0.85], 2),
        ([3.0, 2.0, 1.5, 1.6, 1.55, 1.52, 1.51], 3),
        ([1.0, 0.99995, 0.9999, 0.99985, 0.9], 2),
    ],
    mistakes={
        "You wait one epoch longer, as PyTorch does. Keras reduces the rate when `wait` reaches the patience.": {
            "wait >= patience": "wait > patience",
        },
        "After a reduction `wait` starts again at 0.": {
            "epochs.append(epoch)\n                wait = 0": "epochs.append(epoch)",
        },
        "You compare with the previous epoch. Compare with the best loss so far.": {
            "else:\n            wait += 1": "else:\n            best = loss\n            wait += 1",
        },
        "You count every improvement. It must be larger than 1e-4.": {"loss + 1e-4 < best": "loss < best"},
    },
    explanation="The first loss is better than infinity, so a constant loss and patience 2 give 2, 4, 6.",
)
def reductions(losses, patience):
    """The epochs after which the rate is reduced."""
    best, wait, epochs = math.inf, 0, []
    for epoch, loss in enumerate(losses):
        if loss + 1e-4 < best:
            best, wait = loss, 0
        else:
            wait += 1
            if wait >= patience:
                epochs.append(epoch)
                wait = 0
    return epochs


chapter.written(
    "The same mean rate (a small study)",
    statement=r"""
    The mean rate of a schedule limits how far the parameters can move in a run. Compute the mean over 1,000 steps of
    exponential decay to a hundredth, of cosine decay to 0 and of a straight line to 0, all from the rate 1. Then
    train the MLP on the digits with each, once with the same initial rate and once with the same mean rate, with
    three seeds. How large are the differences in each case?
    """,
    hint="You can find the mean of the cosine and of the line without a computer.",
    solution=r"""
    The cosine and the line both have the mean ½, and the exponential decay has $(1 - 0.01)/\ln 100 \approx 0.215$. With
    the same initial rate you compare shapes *and* sizes; with the same mean rate you compare only the shapes. Report
    the differences seed by seed, with an interval. With three seeds the interval is wide, and "no difference can be
    shown" is a result too.
    """,
)
