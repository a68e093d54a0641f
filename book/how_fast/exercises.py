"""Exercises of the chapter "How fast is it?"."""

from minigrad_book.tools.exercises.entry import Chapter

chapter = Chapter(__name__)


@chapter.exercise(
    "Count the work",
    statement=r"""
    Write `forward_flop(outs, channels, kernel, size)`: how many floating-point operations the forward pass of a
    convolution takes for one square image of `size` × `size` pixels, with a square kernel, stride 1 and no padding. A
    multiply-add counts as two. The bias is left out.
    """,
    hint=r"At how many places does the kernel fit, and how many products are summed at each of them?",
    cases=[(6, 3, 5, 32), (16, 6, 5, 14), (1, 1, 1, 8)],
    mistakes={
        "A multiply-add is two operations.": {"2 * outs": "outs"},
        "Without padding the kernel fits at size − kernel + 1 places, not at every pixel.": {
            "(size - kernel + 1)": "size"
        },
        "There is room for one place more than size − kernel.": {"(size - kernel + 1)": "(size - kernel)"},
        "Each output channel sums over all input channels.": {" * channels": ""},
    },
    explanation=r"""
    Each of $(s-k+1)^2$ places of each output channel is a sum of $C k^2$ products.
    """,
)
def forward_flop(outs, channels, kernel, size):
    """Operations of one image's forward pass."""
    return 2 * outs * channels * kernel**2 * (size - kernel + 1) ** 2


@chapter.exercise(
    "Adam on another machine",
    statement=r"""
    A laptop's memory delivers `bandwidth` bytes a second. Write `adam_seconds(parameters, bandwidth)`: how long a step
    of Adam takes at least for so many float32 parameters, if none of them is in a cache.
    """,
    hint=r"Which arrays does the kernel read, which does it write, and how many bytes does one number take?",
    cases=[(20_000_000, 50e9), (1_000_000, 10e9)],
    mistakes={
        "It also writes: θ, m and v come back changed.": {"7": "4"},
        "The gradient is read as well.": {"7": "6"},
        "A float32 has 4 bytes.": {"4 *": "8 *"},
    },
    explanation=r"Seven streams: read $\theta, g, m, v$, write $\theta, m, v$; 28 bytes for each parameter.",
)
def adam_seconds(parameters, bandwidth):
    """Seconds of one step."""
    return 7 * 4 * parameters / bandwidth


@chapter.exercise(
    "When does a second thread pay?",
    statement=r"""
    Waking the other threads costs `launch` seconds. After that, `threads` of them share work that takes one thread
    `work` seconds. Write `speedup(work, launch, threads)`.
    """,
    hint=r"Divide the time that one thread needs by the time that all of them need together.",
    cases=[(10e-6, 10e-6, 2), (1e-3, 10e-6, 2), (1e-3, 10e-6, 8)],
    mistakes={
        "The launch is paid once; it isn't shared.": {"(launch + work / threads)": "((launch + work) / threads)"},
        "You computed the inverse: the part of the time that is left.": {
            "work / (launch + work / threads)": "(launch + work / threads) / work"
        },
        "Only the parallel run pays the launch.": {"return work": "return (work + launch)"},
    },
    explanation=r"""
    With two threads it pays from `work = 2 * launch` on. That is why a parallel kernel stays on one
    thread below a smallest size.
    """,
)
def speedup(work, launch, threads):
    """How many times as fast."""
    return work / (launch + work / threads)


chapter.written(
    "Measure it where you are",
    statement=r"""
    Run `minigrad bench` on your machine (`pip install "minigrad-book[bench]"` for the comparison). Which ratio differs
    most from this page's, and which limit explains it?
    """,
    hint=r"Compare the two rates at the bottom first: copying, and multiply-adds.",
    solution=r"""
    Ratios of small work depend on Python and the processor's clock. Ratios of Adam on millions of parameters tend to 1,
    because both libraries wait for the same memory. LeNet-5's depends on how wide the processor's vectors are and on
    what PyTorch's library makes of them: with 512 bits, hand-written kernels gain more than compiled loops do.
    """,
)
