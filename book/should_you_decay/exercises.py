"""Exercises of the chapter "Should you decay?"."""

import math

import numpy as np

from minigrad_book.tools.exercises.entry import Chapter

chapter = Chapter(__name__)


@chapter.exercise(
    "What three runs can show",
    statement=r"""
    You have three pairs of runs. The differences within the pairs have a standard deviation of 0.5 percentage points.
    How far does the 95 % interval reach to each side of their mean? Student's critical value for two degrees of freedom
    is $t_{0.975} = 4.303$.
    """,
    hint=r"The half-width of {eq}`t-interval` is $t\, s/\sqrt n$.",
    mistakes={
        "You left out the root of n: the mean of three differences varies less than one difference.": {
            "/ math.sqrt(3)": "",
        },
        "You divided by n; a mean's standard error falls with the root of n.": {"math.sqrt(3)": "3"},
        "1.96 is for many runs. With three, the standard deviation itself is a guess, and t is 4.303.": {
            "4.303": "1.96",
        },
        "That is the whole width; half of it lies on each side.": {"return 4.303": "return 2 * 4.303"},
    },
    explanation="1.24 points: if the mean of the three is one point, the interval contains zero, real gain or not.",
)
def half_width():
    return 4.303 * 0.5 / math.sqrt(3)


@chapter.exercise(
    "Compare pairs",
    statement=r"""
    `without` and `decayed` map seeds to test accuracies; some seeds are finished in one arm only. Write
    `gain(without, decayed)`: the mean of `decayed` − `without` over the seeds that both have.
    """,
    hint="The keys of two dictionaries can be intersected: `a.keys() & b.keys()`.",
    cases=[
        ({0: 0.5, 1: 0.6}, {0: 0.53, 1: 0.61}),
        ({0: 0.5, 1: 0.6, 2: 0.9}, {0: 0.53, 1: 0.61}),
        ({0: 0.5, 1: 0.6}, {1: 0.61, 4: 0.2}),
    ],
    mistakes={
        "You took the difference the wrong way round: a gain is positive where decay is better.": {
            "decayed[seed] - without[seed]": "without[seed] - decayed[seed]",
        },
        "You compare the means of all runs. A seed that only one arm has, a hard one say, then looks like an effect.": {
            "return float(np.mean([decayed[seed] - without[seed] for seed in seeds]))": (
                "return float(np.mean(list(decayed.values())) - np.mean(list(without.values())))"
            ),
        },
        "You added the differences up; a mean divides by their number.": {"np.mean": "np.sum"},
    },
    explanation="Both runs of a pair begin with the same weights and see the same batches: that chance drops out.",
)
def gain(without, decayed):
    """The mean gain in accuracy over the seeds that both arms have."""
    seeds = without.keys() & decayed.keys()
    return float(np.mean([decayed[seed] - without[seed] for seed in seeds]))


@chapter.exercise(
    "Choose first, then report",
    statement=r"""
    Several settings were tried. `validation` and `test` hold their accuracies, in the same order. Write
    `reported(validation, test)`: the accuracy that you may report for the best setting.
    """,
    hint="Which of the two lists may you look at to choose?",
    cases=[([0.5, 0.6, 0.55], [0.61, 0.58, 0.57]), ([0.7, 0.6], [0.5, 0.9]), ([0.4], [0.3])],
    mistakes={
        "That is the best test accuracy: you chose by the test set, and what you report is too good to be true.": {
            "return test[int(np.argmax(validation))]": "return max(test)",
        },
        "You report the validation accuracy. As the largest of several it is too optimistic: report the test's.": {
            "return test[int(np.argmax(validation))]": "return max(validation)",
        },
    },
    explanation="Validation chooses; the test set is looked at once, for the setting that was chosen.",
)
def reported(validation, test):
    """The test accuracy of the setting that validation chooses."""
    return test[int(np.argmax(validation))]


@chapter.exercise(
    "How many pairs?",
    statement=r"""
    The differences within pairs have the standard deviation `sd`. Write `pairs_needed(sd, effect)`: the smallest number
    $n$ of pairs for which $1.96\, s/\sqrt n \le$ `effect`. (For so large an $n$ the normal value 1.96 will do.)
    """,
    hint=r"Solve for $n$, then round up.",
    cases=[(0.5, 0.1), (1.0, 0.2), (0.4, 0.05)],
    mistakes={
        "You rounded down: with that many pairs the interval is still a little too wide.": {"math.ceil": "math.floor"},
        "The square is missing: for half the width you need four times the runs.": {"** 2)": ")"},
        "You left out 1.96: the interval is about two standard errors wide on each side, not one.": {"1.96 * ": ""},
    },
    explanation=r"""
    To be known to within a fifth of the standard deviation, a mean takes 97 pairs; and an effect of just that size is
    then shown only every other time. Small gains are expensive to prove.
    """,
)
def pairs_needed(sd, effect):
    """The number of pairs whose interval reaches at most `effect` to each side."""
    return math.ceil((1.96 * sd / effect) ** 2)


@chapter.exercise(
    "When does the plateau rule act?",
    statement=r"""
    Validation losses, epoch by epoch from 0: 1.50, 1.30, 1.20, 1.25, 1.21, 1.19995, 1.30, 1.22, 1.24, 1.25, 1.26. After
    which epoch does `ReduceLROnPlateau(patience=5)` first reduce the rate, in Keras's convention (min_delta 1e-4)?
    """,
    hint="The best loss is that of epoch 2. Is epoch 5 better by more than 0.0001?",
    mistakes={
        "Epoch 5 is below the best, but by 0.00005 only: that doesn't count as better, and the wait goes on.": {
            "value < best - 1e-4": "value < best",
        },
        "That is PyTorch's convention, which reduces when the wait exceeds the patience; Keras's when it reaches it.": {
            "wait < 5": "wait <= 5",
        },
    },
    rtol=1e-9,
)
def first_reduction():
    losses = [1.50, 1.30, 1.20, 1.25, 1.21, 1.19995, 1.30, 1.22, 1.24, 1.25, 1.26]
    best, wait, epoch = math.inf, 0, -1
    while wait < 5 and epoch < len(losses) - 1:
        epoch += 1
        value = losses[epoch]
        best, wait = (value, 0) if value < best - 1e-4 else (best, wait + 1)
    return epoch


chapter.written(
    "A small study of your own",
    statement=r"""
    Does the plateau rule help the MLP on the digits? Write down your guess first. Then plan the study before you run
    it: which arms, which seeds, what is paired, what validation is for, and which outcome would make you say "nothing
    is shown". Run it with `mg.fit(..., plateau=...)` and report the interval.
    """,
    hint="""
    `minigrad_book.tools.experiments.stats.estimate` computes the interval; `mg.data.digits()` is fast enough for
    twenty pairs.
    """,
    solution=r"""
    One sound plan: ten seeds; for each, the same initial weights (`rng=seed`) and the same batch order in both arms; a
    fifth of the training digits held out for the plateau rule; test accuracy after the last epoch as the only number
    compared; "nothing is shown" if the 95 % interval of the paired differences contains 0. With `MLP([64, 32, 10])`,
    Adam at 1e-3, 60 epochs and patience 5 that is what comes out: the validation loss falls almost to the end, so the
    rule acts in one run of the ten at most, and the two runs of a pair end equal. A rule that doesn't act can't help.
    """,
)
