"""The site's scripts: written as modules, served as classic scripts, which also run on a page that is opened as a file.

A module keeps its own scope, as a function, and puts what it exports into one table, by its name; an import reads that
table. A page loads a module after those that it imports. Understood are `import { … } from "./name.js"` and `export` in
front of a `const`, a `function` or a `class`; other forms are an error.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.errors import ExtensionError

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

EXPLORABLES = "explorables"  # the folder of the site's static files that the chapters' modules go to
IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w.-]+\.js)";', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:const|(?:async )?function\*?|class) ([\w$]+))", re.MULTILINE)
OTHER = re.compile(r"^\s*(?:import|export)\b.*", re.MULTILINE)


def module_files(root: Path) -> dict[str, Path]:
    """Path under the site's static files → module of the book in `root`: the shared ones and the chapters'."""
    static = root / "book" / "static"
    shared = {path.relative_to(static).as_posix(): path for path in sorted(static.rglob("*.js"))}
    chapters = (path for path in sorted(root.glob("book/*/*.js")) if path.parent != static)
    return shared | {f"{EXPLORABLES}/{path.name}": path for path in chapters}


def needed(file: str, sources: dict[str, Path]) -> list[str]:
    """`file` and all that it imports, each after what it imports itself."""
    order: dict[str, None] = {}

    def visit(file: str) -> None:
        if file in sources and file not in order:
            for _, name in IMPORT.findall(sources[file].read_text(encoding="utf-8")):
                visit(file.rpartition("/")[0] + "/" + name if "/" in file else name)
        order.setdefault(file)

    visit(file)
    return list(order)


def classic(name: str, module: str) -> str:
    """The text of a classic script that does what the text `module`, the module called `name`, does."""

    def read(match: re.Match[str]) -> str:
        return f'const {{{match[1].replace(" as ", ": ")}}} = modules["{match[2]}"];'

    body = EXPORT.sub(r"\1", IMPORT.sub(read, module))
    if other := OTHER.search(body):
        raise ValueError(f"{name}: can't make a classic script of {other[0].strip()!r}")
    exported = ", ".join(name for _, name in EXPORT.findall(module))
    return (
        '(function () {\n"use strict";\nconst modules = (globalThis.minigradModules ??= {});\n'
        f'{body}\nmodules["{name}"] = {{ {exported} }};\n}})();\n'
    )


def write(app: Sphinx, config: Config) -> None:
    """Write the classic scripts where Sphinx takes static files from, after and so in place of the modules."""
    folder = Path(app.doctreedir) / "scripts"
    for file, source in module_files(Path(app.srcdir)).items():
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            text = classic(source.name, source.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ExtensionError(str(error)) from error
        target.write_text(text, encoding="utf-8")
    if folder.is_dir():
        config.html_static_path = [*config.html_static_path, str(folder)]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
