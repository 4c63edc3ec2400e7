"""CONTRIBUTING.md leads to files that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "CONTRIBUTING.md"
NAMED = re.compile(
    r"`((?:reservation_middleware|tests|spec|benchmarks|examples|docs|\.ci)/[\w./-]*)`"
)


def test_every_path_exists() -> None:
    paths = set(NAMED.findall(PAGE.read_text("utf-8")))
    assert len(paths) > 20
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_what_the_journeys_name_is_there() -> None:
    """The names that a reader is told to look for."""
    for file, name in (
        ("reservation_middleware/signals/__init__.py", "SIGNALS: tuple"),
        ("reservation_middleware/signals/_template.py", "VALUE = NoteKind("),
        ("reservation_middleware/model/note.py", "class NoteKind("),
        ("reservation_middleware/cli/report.py", "class ReportFormat("),
        ("reservation_middleware/report/rollout.py", "class Rollout"),
        ("reservation_middleware/report/rollout_page.py", "def html("),
        ("reservation_middleware/report/rollout_page.py", "def plain("),
    ):
        assert name in (ROOT / file).read_text("utf-8"), (file, name)
