"""Interactive figures that need no kernel, with a static picture where scripts don't run.

    ```{explorable} bias-correction
    :alt: The four ways to correct, as steps over time.

    The caption.
    ```

On a page of the chapter `book/bias_correction/`, the directive loads the modules `bias-correction.js` and
`bias-correction.model.js` from that folder, as classic scripts (see `scripts.py`). The function `bias_correction(alt)`
in the folder's `picture.py` draws the static picture, which the script replaces. Refer to it as
`explorable-bias-correction` with `{numref}`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from minigrad_book.extensions.dependencies import PACKAGE, depend, engine, modules
from minigrad_book.extensions.scripts import EXPLORABLES
from minigrad_book.extensions.site import use

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class Explorable(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        chapter = Path(self.env.doc2path(self.env.docname)).parent
        missing = [file for file in (f"{name}.js", f"{name}.model.js", "picture.py") if not (chapter / file).is_file()]
        if missing:
            raise self.error(f"the explorable {name!r} needs {', '.join(missing)} in {chapter.name}/")
        if "alt" not in self.options or not self.content:
            raise self.error(f"the explorable {name!r} needs a caption, and an :alt: that describes its static picture")
        module = f"{PACKAGE}.{chapter.name}.picture"
        draw = getattr(import_module(module), name.replace("-", "_"))
        root = Path(self.env.srcdir)
        depend(self.env, modules(root / "book", f"import {module}") | engine(root))
        self.env.note_dependency(str(chapter / f"{name}.js"))  # the page loads what it imports
        use(self.env, f"{EXPLORABLES}/{name}.js", f"{EXPLORABLES}/explorables.css")
        picture = f'<div data-explorable="{name}">{draw(self.options["alt"])}</div>'
        figure = nodes.figure("", nodes.raw("", picture, format="html"), classes=["mg-explorable"])
        self.set_source_info(figure)
        caption = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, caption)
        figure += nodes.caption(caption.rawsource, "", *caption[0].children)
        figure["names"].append(f"explorable-{name}")
        self.state.document.note_explicit_target(figure, figure)
        return [figure]


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("minigrad_book.extensions.site")
    app.add_directive("explorable", Explorable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
