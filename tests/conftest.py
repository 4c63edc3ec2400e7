"""What holds for every test: nothing of it goes to the user's own folders, or to another test."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Processes that tests start import helpers and test files too, as pytest's own ``pythonpath`` lets
# this one: a spider's settings may name a class of a test file.
_TESTS = Path(__file__).parent
os.environ["PYTHONPATH"] = os.pathsep.join(
    map(str, (_TESTS, *sorted({path.parent for path in _TESTS.glob("*/test_*.py")})))
)

# The same examples everywhere, and no clock: random search is ``fuzz.py``'s business, and
# machines have slow minutes.
settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the command line keeps policies by default."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """For runs in which everything must be there, such as .ci/run's of the plug-ins."""
    parser.addoption("--no-skips", action="store_true", help="a skipped test is a failure")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that was to skip nothing, and did."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not session.config.getoption("--no-skips"):
        return
    if skipped := len(reporter.stats.get("skipped", ())):
        reporter.write_line(f"{skipped} skipped, though --no-skips was given", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
