"""Scripts (as modules) and style sheets that only the pages which use them load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


def use(env: BuildEnvironment, *files: str) -> None:
    """Let the page that is being read load `files`, paths under `book/static/`."""
    used = env.metadata[env.docname].setdefault("assets", {})
    used.update(dict.fromkeys(files))


def add(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    for file in app.env.metadata.get(pagename, {}).get("assets", {}):
        if file.endswith(".css"):
            app.add_css_file(file)
        else:
            app.add_js_file(file, type="module")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
