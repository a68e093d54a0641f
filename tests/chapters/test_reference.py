"""The glossary is in order, and every page that an entry links to mentions its term."""

import re
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"
ENTRIES = re.findall(
    r"(?m)^(\S.*)\n((?:  .+\n)+)", (BOOK / "reference" / "glossary.md").read_text("utf-8").split("```{glossary}")[1]
)


def test_entries_are_in_order_and_unique() -> None:
    terms = [term.casefold() for term, _ in ENTRIES]
    assert len(terms) > 40
    assert terms == sorted(set(terms))


@pytest.mark.parametrize(("term", "definition"), ENTRIES, ids=[term for term, _ in ENTRIES])
def test_each_linked_page_mentions_the_term(term: str, definition: str) -> None:
    for page in re.findall(r"\]\((\S+\.md)\)", definition):
        assert term.casefold() in (BOOK / "reference" / page).read_text("utf-8").casefold(), page
