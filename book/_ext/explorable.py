"""An interactive picture that needs no kernel, with a static one for where scripts don't run.

    ```{explorable} bias-correction
    :alt: The four ways to correct, as steps over time.

    The caption.
    ```

The module `book/_static/explorables/<name>.js` is loaded on the pages that use it; `explorable_pictures.py` draws the
static picture, which the module replaces. Refer to it as `explorable-bias-correction` with `{numref}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import explorable_pictures
from docutils import nodes
from docutils.parsers.rst import directives
from page_assets import use
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class Explorable(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        draw = explorable_pictures.PICTURES.get(name)
        if draw is None:
            known = ", ".join(explorable_pictures.PICTURES)
            raise self.error(f"there is no explorable {name!r}; there are {known}")
        if "alt" not in self.options or not self.content:
            raise self.error(f"the explorable {name!r} needs a caption and :alt:, what its first picture shows")
        self.env.note_dependency(explorable_pictures.__file__)
        use(self.env, f"explorables/{name}.js", "explorables/explorables.css")
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
    app.setup_extension("page_assets")
    app.add_directive("explorable", Explorable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
