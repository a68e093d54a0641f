"""Exercises of the chapter "How fast is it?"."""

from minigrad_book.tools.exercises.entry import Chapter

chapter = Chapter(__name__)


@chapter.exercise(
    "Count the operations",
    statement=r"""
    Write `forward_flop(outs, channels, kernel, size)`: the number of floating-point operations in the forward pass of
    a convolution for one square image of `size` × `size` pixels, with a square kernel, stride 1 and no padding. A
    multiply-add counts as two operations. The bias is left out.
    """,
    hint=r"In how many positions does the kernel fit, and how many products are summed in each of them?",
    cases=[(6, 3, 5, 32), (16, 6, 5, 14), (1, 1, 1, 8)],
    mistakes={
        "A multiply-add is two operations.": {"2 * outs": "outs"},
        "Without padding the kernel fits in size − kernel + 1 positions per axis, not at every pixel.": {
            "(size - kernel + 1)": "size"
        },
        "There is one position more than size − kernel.": {"(size - kernel + 1)": "(size - kernel)"},
        "Each output channel sums over all input channels.": {" * channels": ""},
    },
    explanation=r"""
    Each of the $(s-k+1)^2$ entries of each output channel is a sum of $C k^2$ products.
    """,
)
def forward_flop(outs, channels, kernel, size):
    """Operations of the forward pass for one image."""
    return 2 * outs * channels * kernel**2 * (size - kernel + 1) ** 2


@chapter.exercise(
    "Adam on another machine",
    statement=r"""
    A laptop's memory transfers `bandwidth` bytes per second. Write `adam_seconds(parameters, bandwidth)`: the shortest
    possible time of a step of Adam for this number of float32 parameters, if none of them is in a cache.
    """,
    hint=r"Which arrays does the kernel read, which does it write, and how many bytes has one number?",
    cases=[(20_000_000, 50e9), (1_000_000, 10e9)],
    mistakes={
        "Adam also writes θ, m and v.": {"7": "4"},
        "The gradient is read as well.": {"7": "6"},
        "A float32 has 4 bytes.": {"4 *": "8 *"},
    },
    explanation=r"Adam reads $\theta, g, m, v$ and writes $\theta, m, v$: seven numbers, 28 bytes for each parameter.",
)
def adam_seconds(parameters, bandwidth):
    """Seconds of one step."""
    return 7 * 4 * parameters / bandwidth


@chapter.exercise(
    "When does a second thread help?",
    statement=r"""
    Waking the other threads takes `launch` seconds. After that, `threads` threads share work that takes one thread
    `work` seconds. Write `speedup(work, launch, threads)`.
    """,
    hint=r"Divide the time that one thread needs by the time that all threads need together.",
    cases=[(10e-6, 10e-6, 2), (1e-3, 10e-6, 2), (1e-3, 10e-6, 8)],
    mistakes={
        "The threads share the work, but not the launch.": {"(launch + work / threads)": "((launch + work) / threads)"},
        "That is the inverse: the new time over the old one.": {
            "work / (launch + work / threads)": "(launch + work / threads) / work"
        },
        "Only the parallel run needs the launch.": {"return work": "return (work + launch)"},
    },
    explanation=r"""
    With two threads the parallel run is faster if `work > 2 * launch`. This is why a parallel kernel uses one thread
    below a certain size.
    """,
)
def speedup(work, launch, threads):
    """The time on one thread over the time on all threads."""
    return work / (launch + work / threads)


chapter.written(
    "Measure it on your machine",
    statement=r"""
    Run `minigrad bench` on your machine (`pip install "minigrad-book[bench]"` for the comparison). Which ratio differs
    most from the one on this page, and which limit explains the difference?
    """,
    hint=r"First compare the two rates at the bottom of the output: copying and multiply-adds.",
    solution=r"""
    The ratios for small work depend on Python and on the clock of the processor. The ratios for Adam with millions of
    parameters are close to 1, because the same memory limits both libraries. The ratio for LeNet-5 depends on the width
    of the processor's vectors and on how well PyTorch's library uses them: with 512 bits, hand-written kernels gain
    more than compiled loops.
    """,
)
