"""CONTRIBUTING.md leads to files that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "CONTRIBUTING.md"
NAMED = re.compile(
    r"`((?:reservation_middleware|tests|spec|benchmarks|examples|docs|\.ci)/[\w./-]*)`"
)


def test_every_path_exists() -> None:
    paths = set(NAMED.findall(PAGE.read_text("utf-8")))
    assert len(paths) > 20
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def sections() -> dict[str, str]:
    """The page without its commands, by heading."""
    text = re.sub(r"```.*?```", "", PAGE.read_text("utf-8"), flags=re.DOTALL)
    heads, bodies = (
        re.findall(r"^## (.+)$", text, re.MULTILINE),
        re.split(r"^## .+$", text, flags=re.MULTILINE),
    )
    return dict(zip(heads, bodies[1:], strict=True))


def sources(text: str) -> list[Path]:
    """The files that some text names, those beside them, and those in the folders that it names."""
    named = [ROOT / path for path in NAMED.findall(text)]
    named += [path.parent for path in named if path.suffix == ".py"]
    return [
        file
        for path in named
        for file in (path.rglob("*") if path.is_dir() else [path])
        if file.suffix in {".py", ".md", ".toml", ".json"}
    ]


#: Words of a site, programs, and what is beside the checkout: no file here has them.
OF_OTHERS = {"robots.txt", "NAME-1", "slow", "lint-imports", "shared/data"}


@pytest.mark.parametrize("heading", sections())
def test_names_without_a_folder_are_found_where_the_text_leads(heading: str) -> None:
    """``check.py`` in a row about decide/, ``VALUE`` in a journey that leads to its file."""
    lost = []
    text = sections()[heading]
    for part in re.split(r"\n(?=\||\d\. |\n)", text):
        # A row is about its own folder; a step may lean on what its journey named before.
        near = sources(part) if part.startswith("|") else sources(text)
        nearby = [path.relative_to(ROOT).as_posix() for path in near]
        for name in re.findall(r"`([\w./-]+)`", part):
            if NAMED.fullmatch(f"`{name}`") or name in OF_OTHERS or name.startswith("-"):
                continue
            if "/" in name or re.search(r"\.(?:py|md|toml|json)$", name):
                found = any(path.endswith(f"/{name}") for path in nearby) or (ROOT / name).exists()
            else:
                word = re.compile(rf"\b{re.escape(name.rpartition('.')[2])}\b")
                found = any(f"/{name}/" in path or f"/{name}.py" in path for path in nearby)
                if not part.startswith("|"):
                    found = found or any(word.search(path.read_text("utf-8")) for path in near)
            if not found:
                lost.append(f"{name!r} in {' '.join(part.split())[:60]!r}")
    assert lost == []


def test_a_signal_is_five_files() -> None:
    """The journey has as many steps, and each names a file that it adds or changes."""
    steps = re.findall(r"^\d\. (.*(?:\n   .*)*)", sections()["Add a signal"], re.MULTILINE)
    assert len(steps) == 5
    assert all(NAMED.search(step) or "spec/vectors/<name>.json" in step for step in steps)


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
