"""What tests/conftest.py makes of pytest's options, in one process and in several."""

import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT

FILE = """
import pytest

def test_quick():
    pass

@pytest.mark.slow
def test_slow():
    pass

def test_skipped():
    pytest.skip("as an example")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "test_example.py"
    path.write_text(FILE)
    return path


def run(*words: object) -> tuple[int, str]:
    """Exit status and what is told of pytest with this repository's configuration."""
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-c", ROOT / "pyproject.toml"]
    done = subprocess.run(
        [*map(str, command), "-p", "no:cacheprovider", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_folder_is_shared_by_two_processes_and_slow_tests_are_left_out(file: Path) -> None:
    status, told = run("-v", "--no-skips", file.parent)
    assert "2 workers" in told
    assert "1 passed, 1 skipped" in told
    assert "1 skipped, though --no-skips was given" in told
    assert status == pytest.ExitCode.TESTS_FAILED


def test_tests_that_are_named_run_in_this_process_slow_or_not(file: Path) -> None:
    status, told = run("-v", "--no-skips", f"{file}::test_slow", f"{file}::test_skipped")
    assert "workers" not in told
    assert "1 passed, 1 skipped" in told
    assert "1 skipped, though --no-skips was given" in told
    assert status == pytest.ExitCode.TESTS_FAILED
