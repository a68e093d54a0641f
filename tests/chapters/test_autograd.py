"""The derivations of book/autograd/, tested with SymPy and the engine."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.gradcheck import _difference
from minigrad_book.autograd import numbers
from minigrad_book.autograd.exercises import best_width


def parameter(values):
    return mg.Tensor(np.asarray(values, dtype=np.float64), requires_grad=True)


@pytest.mark.equation("vjp")
def test_the_chain_rule_is_a_sum_over_outputs():
    x1, x2, u, w = sp.symbols("x1 x2 u w")
    y = [x1**2 * x2, x1 + sp.exp(x2)]
    loss = sp.Function("L")(u, w)
    composed = loss.subs({u: y[0], w: y[1]}, simultaneous=True).doit()
    for x in (x1, x2):
        outer = [loss.diff(v).subs({u: y[0], w: y[1]}, simultaneous=True) for v in (u, w)]
        by_sum = outer[0] * y[0].diff(x) + outer[1] * y[1].diff(x)
        assert sp.simplify(composed.diff(x).doit() - by_sum.doit()) == 0

    point, upstream = np.array([0.7, -0.4]), np.array([1.3, -2.1])
    jacobian = np.array(sp.Matrix(y).jacobian([x1, x2]).subs({x1: point[0], x2: point[1]}), dtype=float)
    x = parameter(point)
    mg.stack([x[0] * x[0] * x[1], x[0] + mg.exp(x[1])]).backward(upstream)
    np.testing.assert_allclose(x.grad, jacobian.T @ upstream, rtol=1e-14)


@pytest.mark.equation("mul-gradient")
@pytest.mark.equation("accumulate")
@pytest.mark.parametrize(("at_x", "at_y"), [(2.0, 3.0), (-1.5, 0.25), (0.0, 4.0)])
def test_the_gradients_of_the_example_with_reuse(at_x, at_y):
    sx, sy = sp.symbols("x y")
    loss = (sx * sy + sx) * (sx * sy)
    assert sp.expand(loss.diff(sx) - 2 * sx * sy * (sy + 1)) == 0
    assert sp.expand(loss.diff(sy) - sx**2 * (2 * sy + 1)) == 0

    x, y = parameter(at_x), parameter(at_y)
    a = x * y
    ((a + x) * a).backward()
    assert x.grad == pytest.approx(float(loss.diff(sx).subs({sx: at_x, sy: at_y})), rel=1e-15)
    assert y.grad == pytest.approx(float(loss.diff(sy).subs({sx: at_x, sy: at_y})), rel=1e-15)


@pytest.mark.equation("accumulate")
@given(
    st.lists(st.tuples(st.sampled_from(["+", "*"]), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=25),
    st.tuples(st.floats(-1.2, 1.2), st.floats(-1.2, 1.2)),
)
def test_backward_agrees_with_dual_numbers(operations, start):
    """Any sequence of sums and products, with any reuse, agrees with its forward differentiation."""
    leaves = [parameter(value) for value in start]
    tensors = list(leaves)
    duals = [(value, np.eye(2)[i]) for i, value in enumerate(start)]
    for sign, i, j in operations:
        (a, da), (b, db) = duals[i % len(duals)], duals[j % len(duals)]
        s, t = tensors[i % len(tensors)], tensors[j % len(tensors)]
        tensors.append(s + t if sign == "+" else s * t)
        duals.append((a + b, da + db) if sign == "+" else (a * b, a * db + b * da))
        if abs(duals[-1][0]) > 1e6:
            return
    tensors[-1].backward()
    found = [0.0 if leaf.grad is None else leaf.grad.item() for leaf in leaves]
    np.testing.assert_allclose(found, duals[-1][1], rtol=1e-9, atol=1e-9)


@pytest.mark.equation("accumulate")
def test_backward_visits_each_tensor_once():
    visits = 0

    def count(x):
        def backward(grad):
            nonlocal visits
            visits += 1
            return (grad,)

        return mg.tensor.record(x.data, (x,), backward)

    x = y = parameter(1.0)
    for _ in range(50):
        y = count(y + y)
    y.backward()
    assert (x.grad, visits) == (2**50, 50)


@pytest.mark.equation("unbroadcast")
def test_the_gradient_of_a_broadcast_row_is_a_sum():
    rows, columns = 4, 3
    x, b = sp.MatrixSymbol("x", rows, columns), sp.MatrixSymbol("b", 1, columns)
    upstream = np.random.default_rng(0).normal(size=(rows, columns))
    loss = sum(upstream[i, j] * (x[i, j] + b[0, j]) for i in range(rows) for j in range(columns))
    expected = [float(loss.diff(b[0, k])) for k in range(columns)]

    bias = parameter(np.zeros(columns))
    (mg.Tensor(np.zeros((rows, columns))) + bias).backward(upstream)
    np.testing.assert_allclose(bias.grad, expected, rtol=1e-14)
    np.testing.assert_allclose(bias.grad, upstream.sum(axis=0), rtol=1e-14)


@pytest.mark.equation("matmul-gradient")
@pytest.mark.equation("linear-gradient")
def test_the_gradients_of_a_matrix_product():
    n, k, m = 2, 3, 2
    X = sp.Matrix(n, k, sp.symbols(f"x:{n * k}"))
    W = sp.Matrix(k, m, sp.symbols(f"w:{k * m}"))
    G = sp.Matrix(n, m, sp.symbols(f"g:{n * m}"))
    loss = sum(G.multiply_elementwise(X * W))  # its gradient with respect to Y = X W is G
    grad_x = sp.Matrix(n, k, lambda p, q: loss.diff(X[p, q]))
    grad_w = sp.Matrix(k, m, lambda p, q: loss.diff(W[p, q]))
    assert grad_x - G * W.T == sp.zeros(n, k)
    assert (grad_w - X.T * G).expand() == sp.zeros(k, m)

    rng = np.random.default_rng(1)
    x, w, g = rng.normal(size=(n, k)), rng.normal(size=(k, m)), rng.normal(size=(n, m))
    tx, tw = parameter(x), parameter(w)
    (tx @ tw).backward(g)
    np.testing.assert_allclose(tx.grad, g @ w.T, rtol=1e-14)
    np.testing.assert_allclose(tw.grad, x.T @ g, rtol=1e-14)

    tx, tw, tb = parameter(x), parameter(w.T), parameter(np.zeros(m))
    mg.linear(tx, tw, tb).backward(g)
    np.testing.assert_allclose(tx.grad, g @ w.T, rtol=1e-14)
    np.testing.assert_allclose(tw.grad, g.T @ x, rtol=1e-14)
    np.testing.assert_allclose(tb.grad, g.sum(axis=0), rtol=1e-14)


@pytest.mark.equation("relu-gradient")
def test_the_gradient_of_relu_is_zero_at_zero():
    x = parameter([-2.0, 0.0, 3.0])
    mg.relu(x).backward([5.0, 5.0, 5.0])
    assert x.grad.tolist() == [0, 0, 5]
    with pytest.raises(mg.GradcheckError):
        mg.gradcheck(mg.relu, np.array([0.0]))
    assert mg.gradcheck(mg.relu, np.array([-1.0, 1.0]))


@pytest.mark.equation("softmax")
@pytest.mark.equation("cross-entropy")
def test_softmax_and_the_loss_are_their_definitions():
    z, labels = np.random.default_rng(0).normal(size=(5, 3)), np.array([2, 0, 1, 1, 0])
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mg.softmax(z).data, p, rtol=1e-14)
    np.testing.assert_allclose(np.exp(mg.log_softmax(z).data), p, rtol=1e-14)
    loss = np.mean([-z[i, c] + np.log(np.exp(z[i]).sum()) for i, c in enumerate(labels)])
    assert mg.cross_entropy(z, labels).item() == pytest.approx(loss, rel=1e-14)
    assert mg.cross_entropy(z, (labels + 1) % 3).item() != pytest.approx(loss, rel=1e-3)


@pytest.mark.equation("cross-entropy-gradient")
def test_the_gradient_of_cross_entropy():
    n, classes = 2, 3
    Z = sp.Matrix(n, classes, sp.symbols(f"z:{n * classes}", real=True))
    labels = [2, 0]
    totals = [sum(sp.exp(Z[i, k]) for k in range(classes)) for i in range(n)]
    loss = sum(-Z[i, labels[i]] + sp.log(totals[i]) for i in range(n)) / n
    for i in range(n):
        for k in range(classes):
            expected = (sp.exp(Z[i, k]) / totals[i] - int(k == labels[i])) / n
            assert sp.simplify(loss.diff(Z[i, k]) - expected) == 0

    z = np.random.default_rng(2).normal(size=(n, classes))
    by_sympy = np.array(Z.applyfunc(loss.diff).subs(dict(zip(Z, z.ravel(), strict=True))).evalf(), dtype=float)
    logits = parameter(z)
    mg.cross_entropy(logits, np.array(labels)).backward()
    np.testing.assert_allclose(logits.grad, by_sympy, rtol=1e-13)
    np.testing.assert_allclose(logits.grad.sum(axis=1), 0, atol=1e-16)


@pytest.mark.equation("central-difference")
def test_the_error_of_the_central_difference_is_a_third_derivative():
    x, eps = sp.symbols("x epsilon")
    f = sp.exp(x**2)
    quotient = (f.subs(x, 1 + eps) - f.subs(x, 1 - eps)) / (2 * eps)
    series = sp.series(quotient, eps, 0, 4).removeO()
    truth = f.diff(x).subs(x, 1) + eps**2 / 6 * f.diff(x, 3).subs(x, 1)
    assert sp.simplify(series - truth) == 0
    derivatives = [float(f.diff(x, n).subs(x, 1)) for n in (0, 1, 3)]
    assert derivatives == pytest.approx([numbers.VALUE, numbers.SLOPE, numbers.THIRD], rel=1e-15)

    cubic = parameter([2.0])  # f = x³: the next term, f⁽⁵⁾, is 0, so the formula is exact
    for width in (1.0, 0.25):
        found = _difference(lambda t: t**3, [cubic], cubic.data, (0,), width, np.ones(1))
        assert found == pytest.approx(3 * 2.0**2 + width**2 / 6 * 6, rel=1e-14)


def test_the_slope_in_the_figure_is_the_engines_derivative():
    x = parameter(1.0)
    numbers.f(x).backward()
    assert x.grad == pytest.approx(numbers.SLOPE, rel=1e-15)


def test_the_errors_of_differences_have_orders_one_and_two():
    """At these widths rounding is negligible, and only truncation counts: f″ = 6e, f‴ = 20e."""
    widths = np.array([1e-2, 1e-3])
    central = numbers.relative_errors(widths)
    np.testing.assert_allclose(central, widths**2 / 6 * numbers.THIRD / numbers.SLOPE, rtol=1e-3)
    np.testing.assert_allclose(central, numbers.estimated_errors(widths), rtol=1e-3)
    one_sided = numbers.relative_errors(widths, central=False)
    np.testing.assert_allclose(one_sided, widths / 2 * 6 * np.e / numbers.SLOPE, rtol=2e-2)


def test_the_step_of_gradcheck_is_too_small_for_float32():
    width = np.array([1e-6])
    assert numbers.relative_errors(width) < 1e-9
    assert numbers.relative_errors(width, np.float32) > 1e-3


def test_the_best_step_balances_truncation_and_rounding():
    eps, f, third, u = sp.symbols("epsilon f f3 u", positive=True)
    error = eps**2 / 6 * third + u * f / eps
    best = sp.root(3 * u * f / third, 3)
    assert sp.simplify(error.diff(eps).subs(eps, best)) == 0
    assert error.diff(eps, 2).is_positive
    assert sp.simplify(error.subs(eps, best) / u ** sp.Rational(2, 3)).free_symbols == {f, third}
    exact = best.subs({f: 2.7, third: 54.0, u: 2.0**-24})
    assert best_width(2.7, 54.0, 2.0**-24) == pytest.approx(float(exact), rel=1e-14)
    around = numbers.estimated_errors(numbers.BEST * np.array([0.9, 1.0, 1.1]))
    assert around.argmin() == 1


def test_gradcheck_catches_a_forgotten_square():
    def careless_tanh(x):
        out = np.tanh(x.data)
        return mg.tensor.record(out, (x,), lambda grad: (grad * (1 - out),))

    with pytest.raises(mg.GradcheckError, match=r"input 0, entry \(0,\): the recorded gradient is"):
        mg.gradcheck(careless_tanh, np.array([-1.0, 0.5, 2.0]))
