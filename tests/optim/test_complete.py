"""Every rule is complete. The report on an incomplete rule lists what is missing and where to add it."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
import re
import runpy
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numba import prange

from minigrad import optim
from minigrad.jit import kernel
from minigrad.optim import Optimizer
from minigrad.optim.adagrad import AdagradCoefficients
from minigrad.optim.base import unpack
from minigrad_book.frameworks.traces.porting import RUNS
from minigrad_book.frameworks.traces.problems import Parameter

ROOT = Path(__file__).parents[2]
PAGE = "book/reference/rules.md"


def table(file: str, *names: str) -> list[dict]:
    """Return tables of another test file."""
    values = runpy.run_path(str(Path(__file__).with_name(file)))
    return [values[name] for name in names]


(RULES,) = table("test_rules.py", "RULES")
(LIVE,) = table("test_conformance.py", "LIVE")
(BAD,) = table("test_optimizer.py", "BAD")
COVERED, NOT_COVERED = table("test_properties.py", "COVERED", "NOT_COVERED")
PAGES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "book").rglob("*.md"))
MARKED = {  # the equations that tests check
    tag
    for path in (ROOT / "tests").rglob("*.py")
    for tag in re.findall(r'^ *@pytest\.mark\.equation\("(.+)"\)$', path.read_text(encoding="utf-8"), re.M)
}


def parameters() -> list[Parameter]:
    return [Parameter(np.ones(3))]


COMPARED = {type(make(parameters())) for _, make in RULES.values()}
SCALED = {type(make(parameters(), 1e-3)) for make in (COVERED | NOT_COVERED).values()}
CONFORMING = {rule for rule, _ in LIVE.values()} | {run.ours.split("(")[0] for run in RUNS if run.ours}
TESTED_WITH_BAD_ARGUMENTS = {name for call, *_ in BAD.values() for name in call.__code__.co_names}


def rules(base: type[Optimizer] = Optimizer) -> Iterator[type[Optimizer]]:
    """Yield every optimizer defined in minigrad.optim, exported or not."""
    for module in pkgutil.iter_modules(optim.__path__, "minigrad.optim."):
        importlib.import_module(module.name)
    for rule in base.__subclasses__():
        if rule.__module__.startswith("minigrad.optim."):
            yield rule
        yield from rules(rule)


def missing(rule: type[Optimizer]) -> list[str]:
    """Return what the rule lacks to be complete."""
    name = rule.__name__
    wanted = {
        "its name in __all__, minigrad/optim/__init__.py": name in optim.__all__,
        "a row for it in RULES, tests/optim/test_rules.py": rule in COMPARED,
        "a row in LIVE, tests/optim/test_conformance.py, or in RUNS, book/frameworks/traces/porting.py": name
        in CONFORMING,
        "a row for it in COVERED or NOT_COVERED, tests/optim/test_properties.py": rule in SCALED,
        "a row with a bad argument in BAD, tests/optim/test_optimizer.py": name in TESTED_WITH_BAD_ARGUMENTS,
        f"`mg.optim.{name}` on {PAGE}": f"`mg.optim.{name}`" in PAGES,
    }
    return [what for what, done in wanted.items() if not done] + [
        *missing_checks(rule),
        *missing_documentation(rule),
        *missing_equations(rule),
        *missing_names(rule),
    ]


def missing_checks(rule: type[Optimizer]) -> Iterator[str]:
    for argument in inspect.signature(rule).parameters.values():
        if isinstance(argument.default, float):
            try:
                rule(parameters(), **{argument.name: math.nan})
            except ValueError:
                continue
            yield f"a check of the argument {argument.name}: NaN is accepted"


def missing_documentation(rule: type[Optimizer]) -> Iterator[str]:
    text = vars(rule)["__doc__"] or ""
    for part, why in (("←", "formula, with ←"), ("Source:", "source"), ("Raises\n", "section Raises")):
        if part not in text:
            yield f"its docstring's {why}"
    described = text.partition("Parameters\n")[2]
    for argument in inspect.signature(rule).parameters:
        if not re.search(rf"^ +(\w+, )*{argument}\b[\w, ]*( :|$)", described, re.M):
            yield f"its docstring's entry for the argument {argument}"


def missing_equations(rule: type[Optimizer]) -> Iterator[str]:
    """A kernel that the rule defines needs a tag, and each tag needs an equation and a test."""
    tags = re.findall(r"# eq:([\w-]+)", inspect.getsource(rule))
    if not tags and any(attribute.startswith("update") for attribute in vars(rule)):
        yield "a comment `# eq:NAME` in its kernel, at each line that computes an equation of the book"
    for tag in tags:
        if f"(eq:{tag})" not in PAGES:
            yield f"the equation with the label (eq:{tag}) on {PAGE}"
        if tag not in MARKED:
            yield f'a test with the mark @pytest.mark.equation("{tag}"), tests/optim/test_rules.py'


def missing_names(rule: type[Optimizer]) -> Iterator[str]:
    """The kernel must read its numbers by the names in the namedtuple that `coefficients` returns."""
    optimizer = rule(parameters())
    try:
        given = type(optimizer.coefficients(0.1, 1))
    except NotImplementedError:
        yield "coefficients(rate, t), which returns the kernel's numbers as a namedtuple"
        return
    function = getattr(optimizer.update, "__wrapped__", optimizer.update)
    if not hasattr(given, "_fields") or given.__module__ != function.__module__:
        yield f"a namedtuple, in its kernel's file, as the result of coefficients(rate, t), which is a {given.__name__}"
    elif given.__name__ not in function.__code__.co_names:
        yield f"the line `c = {given.__name__}(*unpack(coefficients, {len(given._fields)}))` in its kernel"
    elif len(given._fields) not in function.__code__.co_consts:
        yield f"the number {len(given._fields)} of {given.__name__}'s fields in its kernel's call of `unpack`"
    elif unknown := set(given._fields) - set(function.__code__.co_names):
        yield f"its kernel's use of {', '.join(sorted(unknown))}, which coefficients(rate, t) computes"


def report(rule: type[Optimizer]) -> str:
    return "\n  - ".join([f"{rule.__name__} is half-finished; it lacks", *missing(rule)])


@pytest.mark.parametrize("rule", sorted(set(rules()), key=lambda rule: rule.__name__), ids=lambda rule: rule.__name__)
def test_a_rule_is_complete(rule):
    assert not missing(rule), report(rule)


def test_all_exported_rules_are_found():
    assert {rule.__name__ for rule in rules()} == set(optim.__all__) - {"Optimizer"}


@kernel(parallel=True)
def half(theta, grad, coefficients):
    for i in prange(theta.size):
        theta[i] -= coefficients[0] * grad[i]  # not tagged


class Half(Optimizer):
    """A step along the gradient."""

    update = staticmethod(half)

    def __init__(self, params, lr=1e-3, gamma=0.5):
        self.gamma = gamma
        super().__init__(params, lr)

    def coefficients(self, rate, t):
        return rate, self.gamma


def test_the_report_on_a_half_finished_rule_lists_everything_it_lacks():
    assert report(Half).splitlines() == [
        "Half is half-finished; it lacks",
        "  - its name in __all__, minigrad/optim/__init__.py",
        "  - a row for it in RULES, tests/optim/test_rules.py",
        "  - a row in LIVE, tests/optim/test_conformance.py, or in RUNS, book/frameworks/traces/porting.py",
        "  - a row for it in COVERED or NOT_COVERED, tests/optim/test_properties.py",
        "  - a row with a bad argument in BAD, tests/optim/test_optimizer.py",
        "  - `mg.optim.Half` on book/reference/rules.md",
        "  - a check of the argument gamma: NaN is accepted",
        "  - its docstring's formula, with ←",
        "  - its docstring's source",
        "  - its docstring's section Raises",
        "  - its docstring's entry for the argument params",
        "  - its docstring's entry for the argument lr",
        "  - its docstring's entry for the argument gamma",
        "  - a comment `# eq:NAME` in its kernel, at each line that computes an equation of the book",
        "  - a namedtuple, in its kernel's file, as the result of coefficients(rate, t), which is a tuple",
    ]


HalfCoefficients = namedtuple("HalfCoefficients", "eta gamma")


def by_position(theta, grad, coefficients):
    theta -= coefficients[0] * grad


def miscounted(theta, grad, coefficients):
    c = HalfCoefficients(*unpack(coefficients, 3))
    theta -= c.eta * c.gamma * grad


def unused(theta, grad, coefficients):
    c = HalfCoefficients(*unpack(coefficients, 2))
    theta -= c.eta * grad


@pytest.mark.parametrize(
    ("kernel", "coefficients", "message"),
    [
        (by_position, AdagradCoefficients(eta=0.1, eps=0.5), "a namedtuple, in its kernel's file"),
        (by_position, HalfCoefficients(eta=0.1, gamma=0.5), r"the line `c = HalfCoefficients\(\*unpack\("),
        (miscounted, HalfCoefficients(eta=0.1, gamma=0.5), "the number 2 of HalfCoefficients's fields"),
        (unused, HalfCoefficients(eta=0.1, gamma=0.5), "its kernel's use of gamma"),
    ],
)
def test_a_kernel_must_read_its_numbers_by_name(kernel, coefficients, message):
    class Faulty(Half):
        update = staticmethod(kernel)

        def coefficients(self, rate, t):
            return coefficients

    (found,) = missing_names(Faulty)
    assert re.match(message, found)
