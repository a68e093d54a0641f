"""Every equation is linked with a line of code and a test; the build warns if one is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("sphinx")

from minigrad_book.extensions.tags import Place, source_tags
from minigrad_book.extensions.tags import test_tags as marked_tests  # a name that pytest doesn't collect

PAGE = """# Adam

$$
m = 1
$$ (eq:first)

A step of the derivation:

$$
m = 1 + 0
$$ (step)

```{literalinclude} minigrad/adam.py
:language: python
```
"""
SOURCE = """def update(m):
    # the mean
    m[0] = 1  # eq:first
    return "eq:not-a-comment"
"""
TEST = """import pytest

class TestAdam:
    @pytest.mark.equation("first")
    def test_first(self):
        pass
"""
INDEX = """# Book

```{toctree}
adam
```

```{equation-index}
```
"""
FILES = {"index.md": INDEX, "adam.md": PAGE, "minigrad/adam.py": SOURCE, "tests/test_adam.py": TEST}


def test_a_complete_book_has_no_warning(build):
    assert build(FILES, "equations").warnings == []


@pytest.mark.parametrize(
    ("name", "text", "warning"),
    [
        ("minigrad/adam.py", "m = 1\n", "adam.md:3: WARNING: equation eq:first has no line of code"),
        ("tests/test_adam.py", "", "adam.md:3: WARNING: equation eq:first has no test"),
        ("minigrad/more.py", "m = 1\nv = 2  # eq:gone\n", "minigrad/more.py:2: WARNING: tag for eq:gone"),
        ("tests/test_more.py", TEST.replace("first", "gone"), "tests/test_more.py:5: WARNING: test for eq:gone"),
    ],
)
def test_a_missing_tag_test_or_equation_is_a_warning(build, name, text, warning):
    warnings = build({**FILES, name: text}, "equations").warnings
    assert len(warnings) == 1
    assert warning in warnings[0]


def test_the_warning_is_repeated_when_no_page_has_changed(build):
    files = {**FILES, "tests/test_adam.py": ""}
    assert build(files, "equations").warnings == build({}, "equations").warnings != []


def test_a_removed_equation_is_forgotten(build):
    build(FILES, "equations")
    warnings = build({"adam.md": PAGE.replace("(eq:first)", "")}, "equations").warnings
    assert len(warnings) == 2
    assert all("no equation of the book has that label" in warning for warning in warnings)


def test_the_index_links_to_the_equation_the_line_and_the_test(build):
    index = build(FILES, "equations").page("index")
    assert 'href="adam.html#equation-eq-first"' in index
    assert 'href="source/minigrad/adam.html#L-3"' in index
    assert 'href="source/tests/test_adam.html#L-5"' in index
    assert "m = 1" in index
    assert "1 equations, 1 lines of code, 1 tests" in index
    assert "step" not in index


def test_the_index_shows_that_a_test_is_missing(build):
    index = build({**FILES, "tests/test_adam.py": ""}, "equations").page("index")
    assert "no test" in index
    assert "incomplete" in index


def test_a_tag_in_code_links_to_its_equation(build):
    built = build(FILES, "equations")
    assert '<a class="eq-tag" href="adam.html#equation-eq-first">eq:first</a>' in built.page("adam")
    source = built.page("source/minigrad/adam")
    assert '<a class="eq-tag" href="../../adam.html#equation-eq-first">eq:first</a>' in source
    assert '<span id="L-3">' in source


def test_tags_are_found_only_in_comments(tmp_path: Path):
    (tmp_path / "minigrad").mkdir()
    (tmp_path / "minigrad" / "adam.py").write_text(SOURCE + '\n"""# eq:doc"""\nx = 1  # eq:a, eq:b.\n')
    assert source_tags(tmp_path, "minigrad") == {
        "first": [Place("minigrad/adam.py", 3, "update")],
        "a": [Place("minigrad/adam.py", 7, "")],
        "b": [Place("minigrad/adam.py", 7, "")],
    }


def test_marks_are_found_on_tests_and_their_classes(tmp_path: Path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_adam.py").write_text(
        '@pytest.mark.equation("b")\nclass TestA:\n    @pytest.mark.equation("c")\n    def test_c(self): ...\n'
        '@pytest.mark.equation("d")\ndef helper(): ...\n'
    )
    place = Place("tests/test_adam.py", 4, "test_c")
    assert marked_tests(tmp_path, "tests") == {"b": [place], "c": [place]}
