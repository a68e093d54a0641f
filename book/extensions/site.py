"""Scripts, styles, icons and MathJax of the site, long lines of code, and the check of pictures' alternative texts.

Nothing is loaded from other servers. A picture without alternative text gives a warning, so a build with -W fails.
"""

from __future__ import annotations

import re
from html import unescape
from importlib.resources import as_file, files
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util import logging

from minigrad_book.extensions.scripts import module_files, needed

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)

# --- scripts and style sheets, loaded only by the pages that use them


def use(env: BuildEnvironment, *files: str) -> None:
    """Make the current page load `files`, paths under `book/static/`."""
    used = env.metadata[env.docname].setdefault("assets", {})
    used.update(dict.fromkeys(files))


def add_assets(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    sources = module_files(Path(app.srcdir))
    assets = app.env.metadata.get(pagename, {}).get("assets", {})
    for file in dict.fromkeys(script for asset in assets for script in needed(asset, sources)):
        if file.endswith(".css"):
            app.add_css_file(file)
        else:
            app.add_js_file(file, defer="defer")


# --- pictures and tables for readers who can't see the page

PICTURE = re.compile(r"<(?:svg|img)\b[^>]*>", re.IGNORECASE)
ALT = re.compile(r"""\b(?:alt|aria-label|aria-labelledby)\s*=\s*(["'])\s*\S.*?\1""", re.DOTALL)
HIDDEN = re.compile(r"""aria-hidden\s*=\s*["']?true""")


def pictures_without_alt(html: str) -> list[str]:
    """Return the start tags of the `<svg>` and `<img>` elements in `html` that have no alternative text."""
    return [tag for tag in PICTURE.findall(html) if not ALT.search(tag) and not HIDDEN.search(tag)]


def check_pictures(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():
            logger.warning("picture without alt text: %s", image.get("uri"), location=image, type="site")
    for raw in doctree.findall(nodes.raw):
        for tag in pictures_without_alt(raw.astext()) if "html" in raw.get("format", "") else []:
            logger.warning("picture without alt text: %s", tag[:120], location=raw, type="site")


FORMULA = r'<span class="math notranslate nohighlight">[^<]*</span>'
GLUED = re.compile(rf"(?:[^\s<>]{{0,20}}{FORMULA})+[^\s<>]{{0,20}}")
LISTING = re.compile(r"(<pre>(?:<span></span>)?)(.*?)(</pre>)", re.DOTALL)
LONG = 70  # characters; shorter lines of code fit wherever a page shows code
SIGNATURE = re.compile(r'<dl>\s*((?:<dd><em class="sig-param">.*?</dd>\s*)+)</dl>')


def mend(html: str) -> str:
    """Correct the roles of elements for assistive software.

    Entries of the bibliography become list items, the empty corner of a table is no longer a heading, and the
    parameters of a signature over several lines are no longer the definitions of a list without terms. A formula stays
    on the line of its punctuation. A long line of code gets its indent, from which the next line goes on.
    """
    html = html.replace('role="doc-biblioentry"', 'role="listitem"')
    html = SIGNATURE.sub(lambda match: re.sub("<(/?)dd>", as_line, match[1]), html)
    html = re.sub(r'<th class="([^"]*)"><p></p></th>', r'<td class="\1"></td>', html)
    html = GLUED.sub(
        lambda match: match[0] if is_alone(match[0]) else f'<span class="no-break">{match[0]}</span>', html
    )
    return LISTING.sub(lambda match: match[1] + mark_long_lines(match[2]) + match[3], html)


def is_alone(formula: str) -> bool:
    return formula.startswith("<") and formula.endswith(">") and formula.count("<span") == 1


def mark_long_lines(code: str) -> str:
    """Highlighted code whose long lines are elements of their own, with their indent."""
    code = re.sub(r"\n((?:</span>)+)", r"\1\n", code)  # each line closes what it opens
    return "".join(long_line(line) if len(plain(line)) > LONG else line for line in code.splitlines(keepends=True))


def long_line(line: str) -> str:
    text = plain(line)
    return f'<span class="long-line" style="--indent: {len(text) - len(text.lstrip())}ch">{line}</span>'


def plain(html: str) -> str:
    return unescape(re.sub("<[^>]*>", "", html)).rstrip("\n")


def as_line(tag: re.Match[str]) -> str:
    return "</span>" if tag[1] else '<span class="sig-line">'


def mend_page(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    if "body" in context:
        context["body"] = mend(context["body"])


# --- only the icons that the site uses, as `fa-NAME`: 20 KB gzipped instead of the 540 KB of the theme's two thousand

ICONS = "_static/scripts/fontawesome.js"
ICONS_USED_IN = ("**/*.html", "_static/scripts/*theme.js", "_static/*.js")
ICON_USE = re.compile(r"\bfa-([a-z0-9-]+)")
# name:[width,height,[aliases],"code point","path"],  where name may be quoted and path may be two paths
ICON = re.compile(r'(?:"([\w-]+)"|([\w$]+)):\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?')


def trim(script: str, used: set[str]) -> str:
    """Return `script` without the icons whose name and aliases aren't in `used`."""

    def keep(match: re.Match[str]) -> str:
        names = {match[1] or match[2], *re.findall(r'"([\w-]+)"', match[3])}
        return match[0] if names & used else ""

    return ICON.sub(keep, script)


def trim_icons(app: Sphinx, exception: Exception | None) -> None:
    site = Path(app.outdir)
    script = site / ICONS
    if exception is not None or app.builder.format != "html" or not script.exists():
        return
    texts = (path.read_text(encoding="utf-8") for pattern in ICONS_USED_IN for path in site.glob(pattern))
    used = {name for text in texts for name in ICON_USE.findall(text)}
    script.write_text(trim(script.read_text(encoding="utf-8"), used), encoding="utf-8")


# --- MathJax from the package `sphinx-mathjax-offline`: one script, its fonts and its TeX extensions

MATHJAX = "tex-chtml.js"
MATHJAX_PARTS = (MATHJAX, "output/chtml/fonts/woff-v2", "input/tex/extensions")


def use_mathjax(app: Sphinx, config: Config) -> None:
    config.mathjax_path = f"mathjax/{MATHJAX}"


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    try:
        package = files("sphinx-mathjax-offline")
    except ModuleNotFoundError as error:
        raise ExtensionError('MathJax is missing: pip install "minigrad-book[book]"') from error
    with as_file(package / "static" / "mathjax") as source:
        for part in MATHJAX_PARTS:
            target = Path(app.outdir, "_static", "mathjax", part)
            if (source / part).is_dir():
                copytree(source / part, target, dirs_exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes((source / part).read_bytes())


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("minigrad_book.extensions.scripts")
    app.connect("config-inited", use_mathjax)
    app.connect("doctree-resolved", check_pictures)
    app.connect("html-page-context", add_assets)
    app.connect("html-page-context", mend_page)
    app.connect("build-finished", trim_icons)
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
