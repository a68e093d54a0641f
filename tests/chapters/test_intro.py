"""The derivation on the landing page, by SymPy."""

import sympy as sp


def test_the_floor_of_the_introduction():
    """s = (1−a)² s + a² σ² has the solution a σ²/(2 − a); for a = η/σ half of it is ησ/4 to first order in η."""
    a, s, eta, sigma = sp.symbols("a s eta sigma", positive=True)
    (solution,) = sp.solve(sp.Eq(s, (1 - a) ** 2 * s + a**2 * sigma**2), s)
    assert sp.simplify(solution - a * sigma**2 / (2 - a)) == 0
    floor = sp.series((solution / 2).subs(a, eta / sigma), eta, 0, 2).removeO()
    assert sp.simplify(floor - eta * sigma / 4) == 0
