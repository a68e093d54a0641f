"""Never show an output of an older program: outputs are kept per digest of all that a notebook's cells can use.

Jupyter's cache looks at a page's own cells only. Here its folder is named after the digest of the program and the
stored results, and a page is read again when the digest has changed.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

USED = (
    "minigrad/**/*.py",
    "minigrad/**/*.json",
    "book/*.py",
    "book/results/**/*.json",
    "tests/traces/*.json",
    "tests/traces/*.py",
    "constraints.txt",
)


def digest(root: Path) -> str:
    """Hex digest of the names and bytes of every file under `root` that a cell can use."""
    sha = sha256()
    for path in sorted({path for pattern in USED for path in root.glob(pattern)}):
        sha.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()[:16]


def choose_cache(app: Sphinx, config: Config) -> None:
    cache = Path(app.outdir).parent / ".jupyter_cache" / digest(Path(app.srcdir))
    config.nb_execution_cache_path = str(cache.resolve())


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    current = digest(Path(app.srcdir))
    if getattr(env, "outputs_digest", current) != current:
        stale = [name for name in env.found_docs if name in env.all_docs]
    else:
        stale = []
    env.outputs_digest = current  # type: ignore[attr-defined]
    return stale


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", choose_cache)
    app.connect("env-get-outdated", outdated)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
