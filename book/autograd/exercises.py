"""Exercises of the chapter "Autograd from scratch"."""

import numpy as np
from minigrad_book.tools.exercises.entry import Chapter

chapter = Chapter(__name__)


@chapter.exercise(
    "Used twice",
    statement=r"""
    $L = (x\,y + y)\,x$ at $x = 2$, $y = 3$. What is $\partial L/\partial x$? Draw the graph, and add what comes
    back along each arrow that leaves $x$.
    """,
    hint=r"With $a = xy + y$: $L = a\,x$, and $x$ is used there and inside $a$.",
    mistakes={
        "That is what comes back from L = a·x alone. x is also used inside a.": {"a + x * y": "a"},
        "That is what comes back through a alone. x is also the second factor of L.": {"a + x * y": "x * y"},
        "The path through a passes two rules: ∂L/∂a = x, and then ∂a/∂x = y. Multiply them.": {"a + x * y": "a + y"},
    },
    explanation=r"""
    $a = 9$. From $L = a\,x$ directly: 9. Through $a$: $\bar a = x = 2$, times $\partial a/\partial x = y = 3$: 6.
    Together 15, as $L = x^2 y + xy$ confirms: $2xy + y = 15$.
    """,
)
def slope():
    x, y = 2.0, 3.0
    a = x * y + y
    return a + x * y


@chapter.exercise(
    "A rule for the square root",
    statement=r"""
    Write `sqrt_rule(grad, out)`: the backward rule of $y = \sqrt x$, from the gradient of the output, $\bar y$, and
    the output itself.
    """,
    hint=r"$\frac{d}{dx}\sqrt x = \frac{1}{2\sqrt x}$, and $\sqrt x$ is at hand.",
    cases=[(1.0, 2.0), (np.array([1.0, -3.0]), np.array([0.5, 4.0]))],
    mistakes={
        "You return the derivative alone. A backward rule multiplies it by the gradient that arrives.": {
            "grad / (2 * out)": "1 / (2 * out)",
        },
        "The derivative of √x is 1/(2√x): the root is in the denominator.": {"grad / (2 * out)": "grad * (2 * out)"},
        "The derivative of √x is 1/(2√x): the 2 is missing.": {"(2 * out)": "out"},
    },
    explanation=r"""
    The output is kept anyway and saves a second root: rules are often shorter in terms of the result, as for
    $\exp$, $\tanh$ and the sigmoid.
    """,
)
def sqrt_rule(grad, out):
    """The gradient of the input."""
    return grad / (2 * out)


@chapter.exercise(
    "Back from a bias",
    statement=r"""
    A bias of shape (k,) was added to each of n rows. Write `bias_gradient(grad)`: its gradient, from the gradient
    of the sum, an array of shape (n, k).
    """,
    hint="Every row used the same bias. Reuse means addition.",
    cases=[(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]),), (np.array([[1.0], [2.0], [4.0]]),)],
    mistakes={
        "You took the mean. What comes back along each use is added; the 1/n, if any, is in the gradient already.": {
            "grad.sum": "grad.mean",
        },
        "You summed over the features. The bias has one entry for each of them; it was repeated over the rows.": {
            "axis=0": "axis=1",
        },
        "You added up everything. The bias has k entries, and each has its own column.": {"axis=0": ""},
    },
    explanation=r"It is {eq}`eq:unbroadcast`: $\bar b_k = \sum_i \bar y_{ik}$.",
)
def bias_gradient(grad):
    """The gradient of the bias, of shape (k,)."""
    return grad.sum(axis=0)


@chapter.exercise(
    "Belief minus truth",
    statement=r"""
    Write `logits_gradient(p, labels)`: the gradient of the mean cross-entropy with respect to the logits, from the
    probabilities (n, classes) and the labels (n,).
    """,
    hint="Copy `p`, subtract 1 at the right places, and don't forget what a mean divides by.",
    cases=[
        (np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]), np.array([1, 2])),
        (np.array([[0.6, 0.4], [0.3, 0.7], [0.5, 0.5]]), np.array([0, 0, 1])),
    ],
    mistakes={
        "The loss is a mean over the batch: divide by the number of examples.": {"result / len(rows)": "result"},
        "You divided by the number of classes. The mean is over the examples.": {"len(rows)": "p.shape[1]"},
        "The sign is wrong: with this gradient, descent would lower the right class's probability.": {
            "result / len(rows)": "-result / len(rows)",
        },
        "Subtract 1 only at the label of each row, one entry per row: index rows and labels together.": {
            "[rows, labels]": "[:, labels]",
        },
    },
    explanation="Each row adds up to zero: the other logits lose what one gains.",
)
def logits_gradient(p, labels):
    """(p − onehot(labels)) / n."""
    result = p.copy()
    rows = np.arange(len(labels))
    result[rows, labels] -= 1
    return result / len(rows)


@chapter.exercise(
    "The best width",
    statement=r"""
    Write `best_width(f, third, u)`: the width $\varepsilon$ of a central difference that balances truncation and
    rounding, for $|f|$, $|f'''|$ and the rounding unit $u$. Then compare float64, $u = 2^{-53}$, with float32, $u =
    2^{-24}$.
    """,
    hint=r"Set the derivative of $\tfrac{\varepsilon^2}{6}|f'''| + u|f|/\varepsilon$ to zero.",
    cases=[(1.0, 1.0, 2.0**-53), (2.7, 54.0, 2.0**-24), (10.0, 0.1, 1e-10)],
    mistakes={
        "That is the exponent for one-sided differences, whose truncation error is proportional to ε, not ε².": {
            "(1 / 3)": "(1 / 2)",
        },
        "The derivative of ε²/6 is ε/3: the 3 is missing.": {"3 * u": "u"},
        "It is the inverse: a function with a larger third derivative needs a smaller width.": {
            "3 * u * f / third": "3 * u * third / f",
        },
    },
    explanation=r"""
    About $7\cdot 10^{-6}$ and $6\cdot 10^{-3}$ for $|f| = |f'''| = 1$. The error there is
    $\tfrac32\,u|f|/\varepsilon^{*}$, of the order of $u^{2/3}$: ten digits of float64, but not five of float32.
    """,
)
def best_width(f, third, u):
    """The ε with the least error."""
    return (3 * u * f / third) ** (1 / 3)


chapter.written(
    "The other half of the matrix product",
    statement=r"""
    The chapter derives $\bar X = \bar Y W^{\mathsf T}$ entry by entry and only states $\bar W = X^{\mathsf T}\bar
    Y$. Derive it. Then check it with `mg.gradcheck(lambda x, w: x @ w, [x, w])` for two small random arrays.
    """,
    hint=r"Differentiate $y_{ij} = \sum_k x_{ik} w_{kj}$ with respect to $w_{pq}$: which $k$ and which $j$ survive?",
    solution=r"""
    $\partial y_{ij}/\partial w_{pq} = \sum_k x_{ik}\,\delta_{kp}\,\delta_{jq} = x_{ip}\,\delta_{jq}$: only column
    $q$ of $Y$ sees column $q$ of $W$. So $\bar w_{pq} = \sum_{i,j} \bar y_{ij}\,x_{ip}\,\delta_{jq} = \sum_i
    x_{ip}\,\bar y_{iq} = (X^{\mathsf T}\bar Y)_{pq}$.
    """,
)

chapter.written(
    "An op of your own (a small study)",
    statement=r"""
    Write softplus, $\ln(1 + e^x)$, as one op with `minigrad.tensor.record`, so that it overflows nowhere and
    `mg.gradcheck` accepts it. Then build it from `mg.exp` and `mg.log` instead, and find out where the two differ:
    in value, in gradient, in time.
    """,
    hint=r"$\ln(1 + e^x) = \max(x, 0) + \ln(1 + e^{-|x|})$, and the derivative is the sigmoid.",
    solution=r"""
    ```python
    from minigrad.tensor import record

    def softplus(x):
        out = np.maximum(x.data, 0) + np.log1p(np.exp(-np.abs(x.data)))
        return record(out, (x,), lambda grad: (grad * np.exp(x.data - out),))
    ```

    The gradient is $e^{x - \text{out}} = e^x/(1+e^x)$, which can't overflow. In pieces, $e^{1000}$ is infinite, the
    value too, and the gradient is $\infty\cdot 0$, not a number; for $x = -40$ the sum $1 + e^x$ rounds to 1 in
    float64, and the value to 0. One op records one tensor, the pieces record three (exp, add, log): time both, forward
    and backward, with `timeit`.
    """,
)
