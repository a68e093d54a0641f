"""Execute only the notebooks whose cells or dependencies have changed, several at the same time.

The notebook cache compares the cells and the kernel. So the digest of what the cells depend on (see `dependencies`) is
written into the kernel's entry in the page's front matter while the page is read. The cache then has an output for each
state, and a page is read again when its digest has changed.

A notebook that succeeds goes into the cache, where myst-nb finds it. One that fails does not, so myst-nb executes it
again and reports the error.
"""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from myst_nb.core.read import create_nb_reader
from sphinx.util import logging

from minigrad_book.extensions.dependencies import digest

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)

KERNEL = re.compile(r"^kernelspec: \{", re.MULTILINE)
KEY = "inputs"  # in the kernel's entry


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Return the pages whose digest has changed since they were read."""
    current = {name: digest_of(env, name) for name in env.found_docs}
    app.notebook_digests = current  # type: ignore[attr-defined]
    before = digests_read(env)
    return [name for name in before if name in current and before[name] != current[name]]


def digests_read(env: BuildEnvironment) -> dict[str, str | None]:
    """Return a dict from page to the digest with which it was read; None for a page without cells."""
    if not hasattr(env, "notebook_digests"):
        env.notebook_digests = {}  # type: ignore[attr-defined]
    return env.notebook_digests  # type: ignore[attr-defined, no-any-return]


def digest_of(env: BuildEnvironment, name: str) -> str | None:
    path = Path(env.doc2path(name))
    notebook = read(env, path, path.read_text(encoding="utf-8"))
    if notebook is None:
        return None
    return digest(Path(env.srcdir), path, (cell.source for cell in notebook.cells if cell.cell_type == "code"))


def read(env: BuildEnvironment, path: Path, text: str) -> NotebookNode | None:
    """Return the page as myst-nb reads it; None if it isn't a notebook."""
    reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text)  # type: ignore[attr-defined]
    return None if reader is None else reader.read(text)


def with_digest(text: str, digest: str) -> str:
    return KERNEL.sub(f'kernelspec: {{{KEY}: "{digest}", ', text, count=1)


def add_digest(app: Sphinx, name: str, source: list[str]) -> None:
    current = app.notebook_digests[name]  # type: ignore[attr-defined]
    digests_read(app.env)[name] = current
    if current is not None:
        if not KERNEL.search(source[0]):
            logger.warning("a page with cells needs the line `kernelspec: {…}`", location=name, type="execution")
        source[0] = with_digest(source[0], current)


def forget(app: Sphinx, env: BuildEnvironment, name: str) -> None:
    digests_read(env).pop(name, None)


def execute(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Execute the pages that aren't in the cache, one per core at a time."""
    config = env.mystnb_config  # type: ignore[attr-defined]  # set by myst-nb, as is myst_config
    if config.execution_mode != "cache":
        return
    cache = get_cache(config.execution_cache_path)
    waiting = {}
    for name in names:
        path, current = Path(env.doc2path(name)), app.notebook_digests[name]  # type: ignore[attr-defined]
        if current is None:
            continue
        notebook = read(env, path, with_digest(path.read_text(encoding="utf-8"), current))
        if notebook is not None and not cached(cache, notebook):
            waiting[name] = path, notebook
    if not waiting:
        return
    logger.info("executing %d notebooks: %s", len(waiting), ", ".join(waiting))

    def run(job: tuple[Path, NotebookNode]) -> ExecutionResult:
        path, notebook = job
        return single_nb_execution(notebook, str(path.parent), config.execution_timeout, allow_errors=False)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for (path, notebook), result in zip(waiting.values(), pool.map(run, waiting.values()), strict=True):
            if result.err is None:
                bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": result.time})
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def cached(cache: Any, notebook: NotebookNode) -> bool:
    try:
        return cache.match_cache_notebook(notebook) is not None
    except KeyError:
        return False


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-get-outdated", outdated)
    app.connect("env-before-read-docs", execute)
    app.connect("env-purge-doc", forget)
    app.connect("source-read", add_digest)
    return {"version": "1", "env_version": 1, "parallel_read_safe": False, "parallel_write_safe": True}
