"""The reference of the public API, made from the docstrings.

    ```{api} optim
    ```

shows every public name that is defined in `minigrad/optim/`, each with links to its source and to the equations that
its code computes. A public name that has no docstring or isn't shown exactly once gives a warning.

A docstring is plain text with names in `backticks`, sections in NumPy's style, and formulas or code in indented blocks.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

import minigrad as mg
from minigrad_book.extensions.dependencies import depend, engine
from minigrad_book.extensions.equations import formula, link_to, show_equations, state
from minigrad_book.extensions.source import line_uri

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)

ROOT = Path(mg.__file__).resolve().parents[1]

# --- the public names and where they are defined


@cache
def public() -> dict[str, Any]:
    """Return a dict from public name ("Tensor", "optim.Adam", …) to function or class."""
    found: dict[str, Any] = {}
    for name in mg.__all__:
        value = getattr(mg, name)
        if inspect.ismodule(value):
            found |= {f"{name}.{inner}": getattr(value, inner) for inner in names_of(value)}
        elif callable(value):
            found[name] = value
    return found


def names_of(module: Any) -> Iterable[str]:
    """Return the names in `__all__` or, without it, those of the module's functions and classes without underscore."""

    def own(value: Any) -> bool:
        return (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__.startswith(module.__name__)

    chosen = (name for name, value in vars(module).items() if own(value) and not name.startswith("_"))
    return getattr(module, "__all__", None) or list(chosen)


def members(cls: type) -> dict[str, Any]:
    """Return the public methods and properties that a class defines, except those that are also public functions."""
    functions = {id(value) for value in public().values()}
    return {
        name: value
        for name, value in vars(cls).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, property | classmethod))
        and id(value) not in functions
    }


def undocumented(objects: Mapping[str, Any]) -> list[str]:
    """Return the names of the objects and methods that have no docstring; a method may inherit one."""
    missing = []
    for name, value in objects.items():
        missing += [name] if not (value.__doc__ or "").strip() else []
        parts = members(value) if inspect.isclass(value) else {}
        missing += [f"{name}.{part}" for part in parts if not inspect.getdoc(getattr(value, part))]
    return missing


@cache
def definition(value: Any) -> tuple[str, int]:
    """Return (path in the repository, line) of the definition of a function, class, method or property."""
    value = value.fget if isinstance(value, property) else inspect.unwrap(getattr(value, "__func__", value))
    path = Path(inspect.getsourcefile(value) or "").resolve().relative_to(ROOT)
    return path.as_posix(), inspect.getsourcelines(value)[1]


def defined_in(modules: Iterable[str]) -> list[str]:
    """Return the public names that are defined in the engine's `modules`, in source order."""
    places = {name: definition(value) for name, value in public().items()}
    folders = tuple(f"minigrad/{module.replace('.', '/')}{end}" for module in modules for end in (".py", "/"))
    return sorted((name for name in places if places[name][0].startswith(folders)), key=places.__getitem__)


# --- the equations that a function or class computes


class Code:
    """The top-level functions and classes of the engine, and the names that each file imports."""

    def __init__(self, root: Path) -> None:
        self.definitions: dict[tuple[str, str], ast.AST] = {}
        self.imports: dict[tuple[str, str], tuple[str, str]] = {}
        for path in sorted((root / "minigrad").rglob("*.py")):
            file = path.relative_to(root).as_posix()
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    self.definitions[file, node.name] = node
                elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minigrad"):
                    module = (node.module or "").replace(".", "/")
                    target = f"{module}.py" if (root / f"{module}.py").exists() else f"{module}/__init__.py"
                    for alias in node.names:
                        self.imports[file, alias.asname or alias.name] = (target, alias.name)

    def find(self, file: str, name: str) -> tuple[str, str] | None:
        """Return where the name that `file` uses is defined, if it is one of the engine's functions or classes."""
        key = file, name
        while key in self.imports and self.imports[key] != key:  # a package can import its own module
            key = self.imports[key]
        return key if key in self.definitions else None

    def lines(self, file: str, name: str, stop: set[tuple[str, str]]) -> Iterator[tuple[str, int, int]]:
        """Yield (file, first line, last line) of a definition and of those that it uses, except those in `stop`."""
        seen, todo = set(stop), [(file, name)]
        while todo:
            file, name = todo.pop()
            node: Any = self.definitions[file, name]
            yield file, node.lineno, node.end_lineno
            for used in {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}:
                target = self.find(file, used)
                if target and target not in seen:
                    seen.add(target)
                    todo.append(target)


@cache
def code_of(root: Path) -> Code:
    return Code(root)


def computed_by(app: Sphinx, value: Any) -> list[str]:
    """Return the names of the equations that a public function or class computes, in source order.

    This includes the kernels and private functions that it uses, but not the public ones.
    """
    code = code_of(Path(app.srcdir))
    stop = {(definition(other)[0], inspect.unwrap(other).__name__) for other in public().values()}
    ranges = list(code.lines(definition(value)[0], inspect.unwrap(value).__name__, stop))
    found = [
        (ranges.index(span), place.line, name)
        for name, places in app.equation_sources.items()  # type: ignore[attr-defined]
        for place in places
        for span in ranges
        if span[0] == place.path and span[1] <= place.line <= span[2]
    ]
    return list(dict.fromkeys(name for _, _, name in sorted(found)))


# --- the page


class EquationsNode(nodes.General, nodes.Element):
    """A placeholder for the equations of a function or class, replaced when all pages have been read."""


class Api(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True
    has_content = False

    def run(self) -> list[nodes.Node]:
        names = defined_in(self.arguments[0].split())
        if not names:
            raise self.error(f"no public name is defined in {self.arguments[0]}")
        shown(self.env).setdefault(self.env.docname, []).extend(names)
        show_equations(self.env)
        depend(self.env, engine(Path(self.env.srcdir)))
        return [node for name in names for node in self.entry(name, public()[name])]

    def entry(self, name: str, value: Any) -> list[nodes.Node]:
        what, options = "autofunction", ""
        if inspect.isclass(value):
            what, options = "autoclass", "\n   :members:\n   :member-order: bysource"
            options += "\n   :show-inheritance:" if value.__bases__ != (object,) else ""
        text = f"```{{eval-rst}}\n.. {what}:: minigrad.{name}{options}\n```"
        container = nodes.container()
        self.state.nested_parse(StringList(text.splitlines(), source=self.get_source_info()[0]), 0, container)
        for signature in container.findall(addnodes.desc_signature):
            self.link_source(signature)
        content = next(container.findall(addnodes.desc_content))
        methods = (i for i, part in enumerate(content.children) if isinstance(part, addnodes.index | addnodes.desc))
        content.insert(next(methods, len(content.children)), EquationsNode(name=name))
        return container.children

    def link_source(self, signature: addnodes.desc_signature) -> None:
        value: Any = import_module(signature["module"])
        for part in signature["fullname"].split("."):
            value = inspect.getattr_static(value, part)
        path, line = definition(value)
        uri = line_uri(self.env.app, self.env.docname, path, line)
        label = nodes.inline("", "source", classes=["viewcode-link"])
        signature += nodes.reference("", "", label, refuri=uri, internal=True, reftitle=f"{path}, line {line}")


def fill_equations(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(EquationsNode)):
        names = [n for n in computed_by(app, public()[node["name"]]) if n in state(app.env)["equations"]]
        entries = [part for name in names for part in equation(app, docname, name)]
        node.replace_self([nodes.container("", *entries, classes=["api-equations"])] if entries else [])


def equation(app: Sphinx, docname: str, name: str) -> Iterator[nodes.Node]:
    yield nodes.paragraph("", "Computes ", link_to(app, docname, name))
    yield formula(state(app.env)["equations"][name])


# --- docstrings to reStructuredText

SECTION = re.compile(r"-{3,}\s*")
NAME = re.compile(r"(``.+?``|`[^`]+`)")
MARKUP = re.compile(r"[\\*|]|_(?=\W|$)")


def prepare(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Escape characters that aren't markup, link names and make indented blocks literal, before napoleon runs."""
    lines[:] = as_rst(lines, link)


def as_rst(lines: list[str], link: Any) -> list[str]:
    done: list[str] = []
    text_indent, in_section, literal = 0, False, False
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            done.append("")
            continue
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if SECTION.fullmatch(following) or SECTION.fullmatch(line):
            in_section, literal = True, False
            done.append(line)
            continue
        after_blank = not done or not done[-1]
        if literal and indent <= text_indent:
            literal = False
        limit = 4 if in_section else 0
        if not literal and after_blank and indent > limit and not line.lstrip().startswith(("- ", ">>>")) and done:
            literal, text_indent = True, limit
            done += [" " * limit + "::", ""]
        done.append(line if literal or line.lstrip().startswith((">>>", "...")) else inline(line, link))
    return done


def inline(line: str, link: Any) -> str:
    parts = NAME.split(line)
    for i, part in enumerate(parts):
        if part.startswith("`"):
            parts[i] = link(part.strip("`"))
        else:
            parts[i] = MARKUP.sub(lambda match: "\\" + match[0], part)
    return "".join(parts)


def link(name: str) -> str:
    """Return the name as a link if it is public, else as code."""
    return f":py:obj:`~minigrad.{name}`" if (name := full(name)) in public() else f"``{name}``"


def full(name: str) -> str:
    """Return "optim.Adam" for `Adam` and `mg.optim.Adam` if only one public name ends that way; else `name` itself."""
    plain = name.removeprefix("mg.").removeprefix("minigrad.")
    matches = [known for known in public() if known == plain or known.endswith(f".{plain}")]
    return plain if plain in matches else matches[0] if len(matches) == 1 else name


def skip(app: Sphinx, what: str, name: str, value: Any, skipped: bool, options: Any) -> bool | None:
    """Skip a class's attributes and kernels, and the methods that are also public functions."""
    if what != "class" or skipped:
        return None
    method = inspect.isfunction(value) or inspect.ismethod(value) or isinstance(value, property)
    return None if method and all(value is not other for other in public().values()) else True


def resolve(app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.Node) -> nodes.Node | None:
    """Resolve a class in a type hint, which has the name of its module, to its public name on the page."""
    by_module = {f"{value.__module__}.{value.__name__}": name for name, value in public().items()}
    name = by_module.get(node.get("reftarget", ""))
    if node.get("refdomain") != "py" or name is None:
        return None
    node = node.copy()
    target = f"minigrad.{name}"
    return env.get_domain("py").resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, content)


def shorten(app: Sphinx, config: Config) -> None:
    """Show a type that has a name in the engine, such as `LearningRate`, by that name."""
    for module in walk_packages(mg.__path__, "minigrad."):
        if not module.name.endswith("__main__"):
            config.autodoc_type_aliases |= {name: name for name in aliases(import_module(module.name))}


def aliases(module: Any) -> Iterator[str]:
    for name, value in vars(module).items():
        kind = type(value).__module__.partition(".")[0]
        if kind in {"typing", "types", "collections"} and not inspect.ismodule(value) and not inspect.isroutine(value):
            yield name


# --- the check that nothing is missing


def shown(env: BuildEnvironment) -> dict[str, list[str]]:
    """Return a dict from page to the public names that it shows."""
    if not hasattr(env, "shown_names"):
        env.shown_names = {}  # type: ignore[attr-defined]
    return env.shown_names  # type: ignore[attr-defined, no-any-return]


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    shown(env).pop(docname, None)


def check(app: Sphinx, env: BuildEnvironment) -> None:
    count = Counter(name for names in shown(env).values() for name in names)
    for name in public() if count else ():
        if count[name] != 1:
            logger.warning("minigrad.%s is shown %d times, not once", name, count[name], type="reference")
    for name in undocumented(public()) if count else ():
        logger.warning("minigrad.%s has no docstring", name, type="reference")


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.setup_extension("minigrad_book.extensions.equations")
    app.add_node(EquationsNode)
    app.add_directive("api", Api)
    app.connect("config-inited", shorten)
    app.connect("autodoc-process-docstring", prepare, priority=400)  # napoleon reads the sections at 500
    app.connect("autodoc-skip-member", skip)
    app.connect("missing-reference", resolve)
    app.connect("env-purge-doc", forget)
    app.connect("env-check-consistency", check)
    app.connect("doctree-resolved", fill_equations)
    return {"version": "1", "env_version": 1, "parallel_read_safe": False, "parallel_write_safe": True}
