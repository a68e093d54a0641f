"""Each page with cells as a notebook that reads like the page and runs anywhere.

Its text is made from the finished page: numbers, references and citations are text, theorems and exercises are boxes,
links lead to the published site. Its outputs are the ones of the page. Its first cell installs what is missing.
An exercise ends in a cell with the code to start from; solutions and the answers of self-checks stay in the book.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from docutils import nodes
from jupyter_cache import get_cache

from minigrad_book.extensions.execution import KEY
from minigrad_book.extensions.markdown import SVG, PageTranslator, markdown, standalone
from minigrad_book.tools.exercises.catalogue import exercises

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from sphinx.application import Sphinx
    from sphinx.builders.html import StandaloneHTMLBuilder

    from minigrad_book.tools.exercises.entry import Exercise

FOLDER = "notebooks"  # of the site
NEEDED = ("minigrad_book", "matplotlib", "scipy", "sklearn", "statsmodels", "tabulate")
INSTALL = """\
# Installs what this notebook needs, if anything of it is missing.
from importlib.util import find_spec

if not all(map(find_spec, {needed})):
    %pip install --quiet "{requirement}"
"""
FOLDED = ("remove-input", "remove-cell", "hide-input", "hide-cell")


class Notebook:
    """The cells of a page's notebook, in the page's order."""

    def __init__(self, page: PageTranslator, executed: NotebookNode) -> None:
        self.page, self.executed = page, executed
        self.cells: list[NotebookNode] = []
        self.text: list[str] = []
        self.taken = 0  # cells of the executed notebook that are in `cells`, or were text

    def add(self, node: nodes.Element, level: int) -> None:
        """Everything below a section: headings, text, cells of code, exercises."""
        for child in node.children:
            if isinstance(child, nodes.section):
                self.add(child, level + 1)
            elif isinstance(child, nodes.title):
                self.text.append(f"{'#' * level} {markdown_inline(child, self.page)}")
            elif child.get("nb_element") == "cell_code":
                self.add_code(child)
            elif exercise := exercise_of(child):
                self.add_exercise(child, exercise)
            elif "mg-check" in child.get("classes", ()):
                question = markdown(child.children[1], self.page)
                self.text.append(f"> **Check yourself.** {question}".replace("\n", "\n> "))
            else:
                self.text.append(markdown(child, self.page))

    def add_code(self, node: nodes.Element) -> None:
        """A cell of the page, and before it those that the page doesn't show."""
        self.take(node["cell_index"] + 1)
        for figure in node.findall(nodes.figure):
            number = self.page.number("figure", figure["ids"])
            caption = next(figure.findall(nodes.caption), None)
            if caption is not None:
                self.text.append(f"*Figure {number}.* {markdown_inline(caption, self.page)}")

    def take(self, end: int) -> None:
        for cell in self.executed.cells[self.taken : end]:
            if cell.cell_type == "code":
                self.end_text()
                self.cells.append(shown(cell))
        self.taken = max(self.taken, end)

    def add_exercise(self, node: nodes.Element, exercise: Exercise) -> None:
        number = self.page.number("exercise", node["ids"])
        parts = [f"**Exercise {number} ({exercise.title})**"]
        for child in node.children[-1].children:
            if isinstance(child, nodes.literal_block) and child.astext().strip() == (exercise.stub or "").strip():
                continue
            if "mg-solution" not in child.get("classes", ()):
                parts.append(markdown(child, self.page))
        self.text.append("> " + "\n\n".join(part for part in parts if part).replace("\n", "\n> "))
        if exercise.solution is not None:
            self.end_text()
            self.cells.append(nbformat.v4.new_code_cell(exercise.stub))

    def end_text(self) -> None:
        """One Markdown cell for the text since the last cell, with the pictures that it shows."""
        text = "\n\n".join(part for part in self.text if part)
        self.text = []
        if text:
            cell = nbformat.v4.new_markdown_cell(text)
            used = {name: svg for name, svg in self.page.pictures.items() if f"(attachment:{name})" in text}
            if used:
                cell.attachments = {name: {"image/svg+xml": svg} for name, svg in used.items()}
            self.cells.append(cell)

    def finished(self, title: str, requirement: str) -> NotebookNode:
        """The notebook; each cell's id is its place, so that the same page gives the same file."""
        self.take(len(self.executed.cells))
        self.end_text()
        install = nbformat.v4.new_code_cell(INSTALL.format(needed=NEEDED, requirement=requirement).strip())
        self.cells.insert(0, install)
        for i, cell in enumerate(self.cells):
            cell.id = f"cell-{i}"
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        return nbformat.v4.new_notebook(
            cells=self.cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}, "title": title}
        )


def markdown_inline(node: nodes.Element, page: PageTranslator) -> str:
    """The Markdown of what a title or a caption holds."""
    paragraph = nodes.paragraph("", "", *(child.deepcopy() for child in node.children))
    return " ".join(markdown(paragraph, page).split())


def exercise_of(node: nodes.Node) -> Exercise | None:
    label = node.get("label", "") if isinstance(node, nodes.Element) else ""
    return next((one for one in exercises() if label == f"exercise-{one.name.replace('/', '-')}"), None)


def shown(cell: NotebookNode) -> NotebookNode:
    """A cell of the executed notebook as the download has it: folded if the page hides it, pictures as pictures."""
    outputs = [as_picture(output) for output in cell.outputs if not is_glued(output)]
    new = nbformat.v4.new_code_cell(cell.source, outputs=outputs, execution_count=cell.execution_count)
    if set(cell.metadata.get("tags", ())) & set(FOLDED):
        new.metadata = {"jupyter": {"source_hidden": True}, "cellView": "form"}  # of JupyterLab and of Colab
    return new


def is_glued(output: NotebookNode) -> bool:
    return any(kind.startswith("application/papermill.record") for kind in output.get("data", {}))


def as_picture(output: NotebookNode) -> NotebookNode:
    """An SVG in HTML, which is shown in trusted notebooks only, becomes an image."""
    svg = SVG.search(output.get("data", {}).get("text/html", ""))
    if svg is None:
        return output
    data = {"image/svg+xml": standalone(svg[0]), "text/plain": output["data"].get("text/plain", "")}
    return nbformat.from_dict({**output, "data": data})


def name_of(pagename: str) -> str:
    """The name of a page's notebook: the chapter's, not `index`."""
    return re.sub(r"/index$", "", pagename).rpartition("/")[2]


def offer(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Write the page's notebook, and let the theme's download button lead to it."""
    source = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if doctree is None or app.builder.format != "html" or not source.exists():
        return
    executed = with_outputs(app, nbformat.read(source, as_version=4))
    builder: StandaloneHTMLBuilder = app.builder  # type: ignore[assignment]  # the format says so
    notebook = Notebook(PageTranslator(doctree, builder, pagename), executed)
    notebook.add(doctree, 0)
    target = Path(app.outdir, FOLDER, f"{name_of(pagename)}.ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook.finished(context["title"], app.config.notebook_requirement), target)
    context["ipynb_source"] = f"../{FOLDER}/{target.name}"  # the theme looks in `_sources/`


def with_outputs(app: Sphinx, notebook: NotebookNode) -> NotebookNode:
    """The notebook with the outputs that the cache holds for it; without them where the cells weren't run."""
    config = app.env.mystnb_config  # type: ignore[attr-defined]  # set by myst-nb
    with suppress(KeyError):
        notebook = get_cache(config.execution_cache_path).merge_match_into_notebook(notebook)[1]
    notebook.metadata.get("kernelspec", {}).pop(KEY, None)
    return notebook


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("sphinx_markdown_builder")
    app.add_config_value("notebook_requirement", "minigrad-book[notebooks]", "html")
    app.connect("html-page-context", offer, priority=400)  # the theme adds its buttons at 501
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
