"""The site's modules parse, are small, and do the same as the classic scripts that the site serves."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sphinx")

from minigrad_book.extensions.scripts import classic, module_files, needed

SOURCES = module_files(Path(__file__).parents[2])
MODELS = [file for file in SOURCES if file.endswith(".model.js")]


@pytest.mark.parametrize("file", SOURCES)
def test_module_parses_and_stays_small(file: str, node: str) -> None:
    done = subprocess.run(
        [node, "--check", "--input-type=module"], input=SOURCES[file].read_bytes(), capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    size = sum(len(gzip.compress(SOURCES[name].read_bytes())) for name in needed(file, SOURCES))
    assert size <= 10_000, "more than 10 KB gzipped, with all it imports"


def test_no_two_modules_have_the_same_name() -> None:
    names = [path.name for path in SOURCES.values()]
    assert sorted(names) == sorted(set(names))


def run_classic(node: str, scripts: list[str], expression: str) -> Any:
    """The value of `expression` after the classic scripts, each run as a browser does."""
    program = (
        'const { runInThisContext } = require("node:vm");'
        'const [scripts, expression] = JSON.parse(require("node:fs").readFileSync(0, "utf8"));'
        "for (const script of scripts) runInThisContext(script);"
        "process.stdout.write(JSON.stringify(runInThisContext(expression)));"
    )
    done = subprocess.run(
        [node, "--eval", program], input=json.dumps([scripts, expression]), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("file", MODELS)
def test_classic_script_exports_what_the_module_does(file: str, node: str, modules: Path) -> None:
    path = modules / SOURCES[file].name
    shown = f"Object.fromEntries(Object.entries(minigradModules['{path.name}']).map(([k, f]) => [k, String(f)]))"
    scripts = [SOURCES[name] for name in needed(file, SOURCES)]
    exported = run_classic(node, [classic(one.name, one.read_text(encoding="utf-8")) for one in scripts], shown)
    program = (
        f"const all = await import({json.dumps(path.as_uri())});"
        "console.log(JSON.stringify(Object.fromEntries(Object.entries(all).map(([k, f]) => [k, String(f)]))))"
    )
    done = subprocess.run([node, "--input-type=module", "--eval", program], capture_output=True, text=True)
    assert exported == json.loads(done.stdout)
    assert exported


def test_modules_keep_their_scopes_and_share_what_they_export(node: str) -> None:
    one = (
        "const hidden = 1;\nexport const count = { value: hidden };\nexport function add() {\n  count.value += 1;\n}\n"
    )
    two = 'import { add, count as counted } from "./one.js";\nconst hidden = 2;\nadd();\ncounted.value += hidden;\n'
    three = 'import {\n  count,\n} from "./one.js";\nexport class Total {\n  static value = count.value;\n}\n'
    scripts = [classic(f"{name}.js", text) for name, text in (("one", one), ("two", two), ("three", three))]
    assert run_classic(node, scripts, "[minigradModules['three.js'].Total.value, typeof hidden]") == [4, "undefined"]


@pytest.mark.parametrize(
    "line",
    [
        'import base from "./base.js";',
        'import "./base.js";',
        'import { svg } from "elsewhere";',
        "export default 1;",
        "export { a };",
        "export let counter = 0;",
    ],
)
def test_other_forms_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match="can't make a classic script"):
        classic("name.js", f"const a = 1;\n{line}\n")


def test_a_page_loads_each_script_once_and_after_what_it_imports(build: Callable[..., Any], tmp_path: Path) -> None:
    files = {
        "index.md": "# Book\n\n```{self-check}\n:answer: 2\n\nHow much is $1 + 1$?\n\n- `3`: Less.\n\nIt is 2.\n```\n",
        "book/static/self-check.js": 'import { one } from "./one.js";\nimport { two } from "./two.js";\none(two);\n',
        "book/static/one.js": 'import { two } from "./two.js";\nexport const one = () => two;\n',
        "book/static/two.js": "export const two = 2;\n",
    }
    built = build(files, "practice")
    page = built.page("index")
    assert 'type="module"' not in page
    places = [page.index(f'<script defer="defer" src="_static/{name}.js?v=') for name in ("two", "one", "self-check")]
    assert places == sorted(places)
    assert page.count("two.js") == 1
    assert (built.site / "_static/two.js").read_text().startswith("(function () {")
