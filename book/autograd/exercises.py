"""Exercises of the chapter "Autograd from scratch"."""

import numpy as np

from minigrad_book.tools.exercises.entry import Chapter

chapter = Chapter(__name__)


@chapter.exercise(
    "Used twice",
    statement=r"""
    $L = (x\,y + y)\,x$ at $x = 2$, $y = 3$. What is $\partial L/\partial x$? Draw the graph, and add the
    contributions of all arrows that leave $x$.
    """,
    hint=r"With $a = xy + y$: $L = a\,x$, and $x$ is used there and inside $a$.",
    mistakes={
        "That is the contribution of L = a·x alone. x is also used inside a.": {"a + x * y": "a"},
        "That is the contribution through a alone. x is also the second factor of L.": {"a + x * y": "x * y"},
        "The path through a has two derivatives: ∂L/∂a = x, and then ∂a/∂x = y. Multiply them.": {"a + x * y": "a + y"},
    },
    explanation=r"""
    $a = 9$. The direct contribution from $L = a\,x$ is 9. The contribution through $a$ is $\bar a = x = 2$ times
    $\partial a/\partial x = y = 3$, so 6. The sum is 15. Check: $L = x^2 y + xy$ has the derivative $2xy + y = 15$.
    """,
)
def slope():
    x, y = 2.0, 3.0
    a = x * y + y
    return a + x * y


@chapter.exercise(
    "A rule for the square root",
    statement=r"""
    Write `sqrt_rule(grad, out)`: the backward rule of $y = \sqrt x$, computed from the gradient of the output,
    $\bar y$, and the output itself.
    """,
    hint=r"$\frac{d}{dx}\sqrt x = \frac{1}{2\sqrt x}$, and $\sqrt x$ is the output.",
    cases=[(1.0, 2.0), (np.array([1.0, -3.0]), np.array([0.5, 4.0]))],
    mistakes={
        "You return only the derivative. A backward rule multiplies it by the gradient of the output.": {
            "grad / (2 * out)": "1 / (2 * out)",
        },
        "The derivative of √x is 1/(2√x): the root is in the denominator.": {"grad / (2 * out)": "grad * (2 * out)"},
        "The derivative of √x is 1/(2√x): the 2 is missing.": {"(2 * out)": "out"},
    },
    explanation=r"""
    The output is stored anyway, so the root need not be computed again. Many rules are shorter in terms of the
    output, as for $\exp$, $\tanh$ and the sigmoid.
    """,
)
def sqrt_rule(grad, out):
    """The gradient of the input."""
    return grad / (2 * out)


@chapter.exercise(
    "The gradient of a bias",
    statement=r"""
    A bias of shape (k,) was added to each of n rows. Write `bias_gradient(grad)`, which computes the gradient of the
    bias from the gradient of the sum, an array of shape (n, k).
    """,
    hint="Every row uses the same bias, so the gradients are added.",
    cases=[(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]),), (np.array([[1.0], [2.0], [4.0]]),)],
    mistakes={
        "You took the mean. The contributions of all uses are added; the 1/n, if any, is already in the gradient.": {
            "grad.sum": "grad.mean",
        },
        "You summed over the features. The bias has one entry for each feature; it was repeated over the rows.": {
            "axis=0": "axis=1",
        },
        "You summed all entries. The bias has k entries, and each has its own column.": {"axis=0": ""},
    },
    explanation=r"It is {eq}`eq:unbroadcast`: $\bar b_k = \sum_i \bar y_{ik}$.",
)
def bias_gradient(grad):
    """The gradient of the bias, of shape (k,)."""
    return grad.sum(axis=0)


@chapter.exercise(
    "The gradient of the logits",
    statement=r"""
    Write `logits_gradient(p, labels)`: the gradient of the mean cross-entropy with respect to the logits, computed from
    the probabilities (n, classes) and the labels (n,).
    """,
    hint="Copy `p`, subtract 1 at the right places, and remember that the loss is a mean.",
    cases=[
        (np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]), np.array([1, 2])),
        (np.array([[0.6, 0.4], [0.3, 0.7], [0.5, 0.5]]), np.array([0, 0, 1])),
    ],
    mistakes={
        "The loss is a mean over the batch: divide by the number of examples.": {"result / len(rows)": "result"},
        "You divided by the number of classes. The mean is over the examples.": {"len(rows)": "p.shape[1]"},
        "The sign is wrong: with this gradient, descent would lower the probability of the correct class.": {
            "result / len(rows)": "-result / len(rows)",
        },
        "Subtract 1 only at the label of each row, one entry per row: index rows and labels together.": {
            "[rows, labels]": "[:, labels]",
        },
    },
    explanation="Each row adds up to zero: a step that raises one logit lowers the others.",
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
        "That is the inverse: a function with a larger third derivative needs a smaller width.": {
            "3 * u * f / third": "3 * u * third / f",
        },
    },
    explanation=r"""
    It is about $7\cdot 10^{-6}$ and $6\cdot 10^{-3}$ for $|f| = |f'''| = 1$. The error there is
    $\tfrac32\,u|f|/\varepsilon^{*}$, of the order of $u^{2/3}$: ten correct digits in float64, but fewer than five in
    float32.
    """,
)
def best_width(f, third, u):
    """The ε with the smallest error."""
    return (3 * u * f / third) ** (1 / 3)


chapter.written(
    "The second gradient of the matrix product",
    statement=r"""
    The chapter derives $\bar X = \bar Y W^{\mathsf T}$ entry by entry and only states $\bar W = X^{\mathsf T}\bar
    Y$. Derive it. Then check it with `mg.gradcheck(lambda x, w: x @ w, [x, w])` for two small random arrays.
    """,
    hint=r"Differentiate $y_{ij} = \sum_k x_{ik} w_{kj}$ with respect to $w_{pq}$: for which $k$ and $j$ is it not 0?",
    solution=r"""
    $\partial y_{ij}/\partial w_{pq} = \sum_k x_{ik}\,\delta_{kp}\,\delta_{jq} = x_{ip}\,\delta_{jq}$: only column
    $q$ of $Y$ depends on column $q$ of $W$. So $\bar w_{pq} = \sum_{i,j} \bar y_{ij}\,x_{ip}\,\delta_{jq} = \sum_i
    x_{ip}\,\bar y_{iq} = (X^{\mathsf T}\bar Y)_{pq}$.
    """,
)

chapter.written(
    "An operation of your own (a small study)",
    statement=r"""
    Write softplus, $\ln(1 + e^x)$, as one operation with `minigrad.tensor.record`, so that it never overflows and
    `mg.gradcheck` accepts it. Then build it from `mg.exp` and `mg.log`, and find out where the two differ
    in value, in gradient and in time.
    """,
    hint=r"$\ln(1 + e^x) = \max(x, 0) + \ln(1 + e^{-|x|})$, and the derivative is the sigmoid.",
    solution=r"""
    ```python
    from minigrad.tensor import record

    def softplus(x):
        out = np.maximum(x.data, 0) + np.log1p(np.exp(-np.abs(x.data)))
        return record(out, (x,), lambda grad: (grad * np.exp(x.data - out),))
    ```

    The gradient is $e^{x - \text{out}} = e^x/(1+e^x)$, which can't overflow. With separate operations, $e^{1000}$ is
    infinite, so the value is infinite too, and the gradient is $\infty\cdot 0$, not a number. For $x = -40$ the sum
    $1 + e^x$ rounds to 1 in float64, and the value is 0. One operation records one tensor, the separate operations
    record three (exp, add, log). Time both, forward and backward, with `timeit`.
    """,
)
