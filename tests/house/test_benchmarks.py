"""The benchmarks run and write what they promise; no time is asserted here."""

import math
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.hostile import CASES
from benchmarks.hostile_cases import BY_SIGNAL
from reservation_middleware.signals import SIGNALS
from reservation_middleware.syntax.media import TYPES

ROOT = Path(__file__).parents[2]
FIELDS = ["name", "ours", "peer", "peer_name", "ratio", "goal", "met", "runs"]
#: Those that need nothing but the package itself.
ALWAYS = {"site-decision", "site-decision-30-agents", "content", "robots-parse", "hostile"}


def test_every_signal_has_an_input_made_to_hurt() -> None:
    """Images and other files are looked into with the extra only."""
    with_extra = {"plus", "cawg"} if not TYPES else set()
    names = {signal.name for signal in SIGNALS} - with_extra
    assert set(BY_SIGNAL) - {"plus", "cawg"} <= names <= set(BY_SIGNAL)
    for cases in BY_SIGNAL.values():
        assert cases
        for name, build in cases.items():
            assert CASES[name] is build
            assert build(0.01).documents


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def well_formed(row: dict[str, object]) -> None:
    assert list(row) == FIELDS
    assert isinstance(row["name"], str)
    assert isinstance(row["peer_name"], str)
    assert row["peer_name"]
    for field in ("ours", "peer", "ratio"):
        value = row[field]
        assert isinstance(value, int | float)
        assert math.isfinite(value)
        assert value >= 0
    assert isinstance(row["runs"], int)
    assert row["runs"] >= 1
    goal, met = row["goal"], row["met"]
    if goal is None:
        assert met is None
    else:
        assert isinstance(goal, int | float)
        assert met is (row["ratio"] <= goal)  # type: ignore[operator]


@pytest.mark.slow
def test_a_quick_run_writes_well_formed_rows(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    done = run("--quick", "--rounds", "1", "--json", str(file))
    assert done.returncode == 0, done.stderr
    rows = msgspec.json.decode(file.read_bytes())
    for row in rows:
        well_formed(row)
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names))
    assert set(names) >= ALWAYS
    goals = {row["name"]: row["goal"] for row in rows}
    assert goals["site-decision"] == 1.0
    assert goals["site-decision-30-agents"] == 1.5
    assert goals["content"] == 0.35
    assert goals["robots-parse"] == 0.35


def test_by_name_only_what_was_asked_for_runs(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    done = run("robots-parse", "--quick", "--rounds", "1", "--json", str(file))
    assert done.returncode == 0, done.stderr
    rows = msgspec.json.decode(file.read_bytes())
    assert {row["name"].partition(":")[0] for row in rows} == {"robots-parse"}
    assert {row["runs"] for row in rows} == {1}


@pytest.mark.parametrize("name", ["nonsense", "robots-pars"])
def test_an_unknown_name_is_refused(name: str) -> None:
    done = run(name)
    assert done.returncode == 2
    assert name in done.stderr


def test_the_readme_names_every_benchmark() -> None:
    names = run("--list").stdout.split()
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert names
    assert [name for name in names if f"`{name}`" not in text] == []
