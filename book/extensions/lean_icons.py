"""Send the icons that the site shows, not all two thousand: 20 KB gzipped instead of the theme's 540.

An icon is kept if a page or a script of the theme names it, as `fa-NAME`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SCRIPT = "_static/scripts/fontawesome.js"
USED_IN = ("**/*.html", "_static/scripts/*theme.js", "_static/*.js")
USE = re.compile(r"\bfa-([a-z0-9-]+)")
# name:[width,height,[aliases],"code point","path"],  where name may be quoted and path may be two paths
ICON = re.compile(r'(?:"([\w-]+)"|([\w$]+)):\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?')


def trim(script: str, used: set[str]) -> str:
    """`script` without the icons that are not in `used`, by their name or one of their aliases."""

    def keep(match: re.Match[str]) -> str:
        names = {match[1] or match[2], *re.findall(r'"([\w-]+)"', match[3])}
        return match[0] if names & used else ""

    return ICON.sub(keep, script)


def trim_site(app: Sphinx, exception: Exception | None) -> None:
    site = Path(app.outdir)
    script = site / SCRIPT
    if exception is not None or app.builder.format != "html" or not script.exists():
        return
    texts = (path.read_text(encoding="utf-8") for pattern in USED_IN for path in site.glob(pattern))
    used = {name for text in texts for name in USE.findall(text)}
    script.write_text(trim(script.read_text(encoding="utf-8"), used), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", trim_site)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
