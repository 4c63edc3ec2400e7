"""What the documents promise of tests is true: each that SECURITY.md names is there.

What the specification's pages say is tests/spec/test_spec.py's business, commands of the README are
tests/cli/test_examples.py's.
"""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from support import ROOT

TESTS = ROOT / "tests"
#: A test as it is named there: with its file, by its name alone, or by how it ends where it
#: begins like the one before it.
NAMED = re.compile(r"`(?:(?P<file>test_\w+\.py)(?:::)?)?(?P<name>…?\w+)?(?:\[[^`]*\])?`")

#: Faults that have a row each, by words of it.
FAULTS = (
    *("byte by byte", "cut off", "gzip, deflate, brotli", "a head without end"),
    *("redirects in a circle", "a private address", "a name that is not known", "TLS fails"),
    *("connection reset", "5xx, then recovery", "5xx after a good copy", "the clock goes back"),
    *("the first of several waiters is cancelled", "500 first requests", "Redis is killed"),
    *("the disk is full: cache", "the disk is full: ledger", "kill -9 while the ledger"),
    *("two writers on one ledger", "a flipped byte anywhere", "a cache file of a newer version"),
)


@cache
def names() -> dict[str, set[str]]:
    """The tests of each file."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[file.name].add(node.name)
    return found


def rows(document: Path) -> list[tuple[str, str, str]]:
    """The rows of the table of faults: fault, what happens, tests."""
    table = document.read_text("utf-8").partition("| fault | what happens | test |")[2]
    found = []
    for line in table.splitlines()[2:]:
        if not line.startswith("|"):
            break
        fault, happens, tests = line.strip("| ").split(" | ")
        found.append((fault, happens, tests))
    return found


FOUND = rows(ROOT / "SECURITY.md")


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_a_row(fault: str) -> None:
    assert [row for row in FOUND if fault in row[0]]


@pytest.mark.parametrize("row", FOUND, ids=[row[0] for row in FOUND])
def test_every_test_that_is_named_exists(row: tuple[str, str, str]) -> None:
    _, happens, cell = row
    assert happens
    before = ""
    named = [found for found in NAMED.finditer(cell) if found["file"] or found["name"]]
    assert len(named) == cell.count("`") / 2 > 0
    for found in named:
        file, name = found["file"], found["name"]
        if file:
            assert file in names(), file
        if name and name.startswith("…"):
            name = before + name[1:]
        if name:
            assert name.startswith("test_")
            places = [names()[file]] if file else names().values()
            assert any(name in place for place in places), (file, name)
            before = name
