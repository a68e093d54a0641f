"""Run the notebooks that the cache doesn't hold side by side, one per core, before the pages are read one by one.

What succeeds goes into the cache, where myst-nb finds it. What fails is left alone: myst-nb runs it again and says why.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from myst_nb.core.read import create_nb_reader
from sphinx.util import logging

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)


def run_ahead(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    config = env.mystnb_config  # type: ignore[attr-defined]  # set by myst-nb, as is myst_config
    if config.execution_mode != "cache":
        return
    cache = get_cache(config.execution_cache_path)
    waiting = [(path, notebook) for path, notebook in notebooks(env, docnames) if not cached(cache, notebook)]
    if len(waiting) < 2:
        return
    logger.info("running %d notebooks side by side", len(waiting))

    def run(job: tuple[Path, NotebookNode]) -> ExecutionResult:
        path, notebook = job
        return single_nb_execution(notebook, str(path.parent), config.execution_timeout, allow_errors=False)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for (path, notebook), result in zip(waiting, pool.map(run, waiting), strict=True):
            if result.err is None:
                bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": result.time})
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def notebooks(env: BuildEnvironment, docnames: list[str]) -> list[tuple[Path, NotebookNode]]:
    """The pages among `docnames` that are notebooks, read as myst-nb reads them."""
    found = []
    for path in (Path(env.doc2path(name)) for name in docnames):
        text = path.read_text(encoding="utf-8")
        reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text)  # type: ignore[attr-defined]
        if reader is not None:
            found.append((path, reader.read(text)))
    return found


def cached(cache: Any, notebook: NotebookNode) -> bool:
    try:
        return cache.match_cache_notebook(notebook) is not None
    except KeyError:
        return False


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-before-read-docs", run_ahead)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
