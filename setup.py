"""The packages: `minigrad/`, and `book/` as `minigrad_book`, without the files that only the site needs."""

from setuptools import find_namespace_packages, setup

SITE_ONLY = ["book.extensions*", "book.static*", "*.results*"]

book = find_namespace_packages(include=["book", "book.*"], exclude=SITE_ONLY)
setup(
    package_dir={"minigrad": "minigrad", "minigrad_book": "book"},
    packages=find_namespace_packages(include=["minigrad", "minigrad.*"])
    + [name.replace("book", "minigrad_book", 1) for name in book],
)
