"""Every kind of finding is documented: its page is there and current, its ident well formed."""

import importlib.util
import re
from collections.abc import Mapping
from typing import Any

from reservation_middleware.owners.lint.finding import FindingKind
from reservation_middleware.owners.lint.notes import note_kinds
from reservation_middleware.owners.lint.registry import kinds
from support import ROOT


def script() -> Any:
    spec = importlib.util.spec_from_file_location("pages", ROOT / ".ci" / "write_finding_pages.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_are_current() -> None:
    # `python .ci/write_finding_pages.py` writes them.
    assert script().stale() == []


def test_a_page_has_what_it_should() -> None:
    pages: Mapping[str, str] = script().pages()
    own = kinds().keys() - note_kinds().keys()
    for ident in own:
        for title in ("## What", "## Why", "## What to do", "## Reference"):
            assert title in pages[f"{ident}.md"], ident


def test_idents_levels_and_links() -> None:
    for ident, kind in kinds().items():
        assert kind.ident == ident
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", ident)
        assert kind.reference.startswith("https://")
        assert kind.summary.count("{}") <= 1
        assert isinstance(kind, FindingKind)
