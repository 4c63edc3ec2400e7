"""docs/works-with.md: what it says works has tests, a version and lines that can be copied."""

import ast
import re
import tomllib
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement

from support import ROOT

PAGE = (ROOT / "docs/works-with.md").read_text("utf-8")
GROUP = {
    Requirement(line).name: Requirement(line)
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"][
        "plugins"
    ]
}
#: What comes with Scrapy, and is tested in one file.
OWN = "Scrapy's extensions"


class Row(NamedTuple):
    """A library in the table."""

    name: str
    anchor: str
    version: str
    tested: str
    to_know: str


ROWS = [
    Row(found[1], found[2], found[3].rstrip(","), found[4], found[5])
    for found in re.finditer(
        r"^\| \[(.+?)\]\(#(.+?)\) \| (\S+).*? \| (.+) \| (.+) \|$", PAGE, re.MULTILINE
    )
]
SECTIONS = dict(re.findall(r"^## (.+)\n\n```python\n([^`]+)```$", PAGE, re.MULTILINE))
each = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


def test_the_table_has_each_library_of_the_group() -> None:
    assert {row.name for row in ROWS} == {*GROUP, OWN}
    assert [row.name for row in ROWS] == [*sorted(GROUP), OWN]


@each
def test_a_library_has_a_test_file(row: Row) -> None:
    name = "scrapy_extensions" if row.name == OWN else row.name.replace("-", "_")
    tests = ROOT / "tests/plugins" / f"test_{name}.py"
    tree = ast.parse(tests.read_text("utf-8"))
    assert [node for node in tree.body if getattr(node, "name", "").startswith("test_")]


@each
def test_the_version_that_was_tested_is_one_that_we_ask_for(row: Row) -> None:
    assert re.fullmatch(r"\d+(\.\d+)+", row.version)
    assert row.name == OWN or row.version in GROUP[row.name].specifier


@each
def test_its_lines_can_be_copied(row: Row) -> None:
    """They are Python, they are few, and the way there from the table exists."""
    lines = SECTIONS[row.name]
    ast.parse(lines)
    assert len([line for line in lines.splitlines() if line]) <= 12
    assert "reservation_middleware" in lines
    assert row.anchor == row.name.lower().replace("'", "").replace(" ", "-")


def test_every_section_is_in_the_table() -> None:
    assert list(SECTIONS) == [row.name for row in ROWS]
    assert PAGE.count("\n## ") == len(ROWS)
