"""Experiments are found in the chapters' folders."""

import pytest

import minigrad_book
from minigrad_book.tools.experiments import catalogue, chapters, named, store

CHAPTER = """
from minigrad_book.tools.experiments.config import Config, Experiment
from minigrad_book.tools.experiments.reports.paired import Paired

EXPERIMENTS = (Experiment({name!r}, "Does it work?", {{"only": Config(epochs=1)}}, Paired()),)
"""


@pytest.fixture
def write_chapter(tmp_path, monkeypatch):
    """A book of its own in a temporary folder, to which a function adds chapters."""
    (tmp_path / "intro.md").touch()
    monkeypatch.setattr(minigrad_book, "__path__", [*minigrad_book.__path__, str(tmp_path)])
    for module in (chapters, store):
        monkeypatch.setattr(module, "BOOK", tmp_path)

    def write(folder, name):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "experiments.py").write_text(CHAPTER.format(name=name))
        catalogue.cache_clear()

    yield write
    catalogue.cache_clear()


def test_a_new_experiment_needs_its_chapters_folder_only(write_chapter, tmp_path):
    write_chapter("a_made_up_chapter", "made-up")
    assert list(catalogue()) == ["made-up"]
    assert named("made-up").chapter == "a_made_up_chapter"
    assert store.default_out(named("made-up")) == tmp_path / "a_made_up_chapter" / "results"
    assert store.default_out(named("made-up", quick=True)).parts == ("results",)


def test_two_experiments_of_one_name_are_refused(write_chapter):
    write_chapter("first_made_up_chapter", "same")
    write_chapter("second_made_up_chapter", "same")
    with pytest.raises(ValueError, match="both have an experiment called 'same'"):
        catalogue()
