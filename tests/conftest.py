"""What holds for every test: nothing of it goes to the user's own folders, or to another test."""

import os
import signal
import sys
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Processes that tests start import helpers and test files too, as pytest's own ``pythonpath`` lets
# this one: a spider's settings may name a class of a test file.
_TESTS = Path(__file__).parent
os.environ["PYTHONPATH"] = os.pathsep.join(
    map(str, (_TESTS, *sorted({path.parent for path in _TESTS.glob("*/test_*.py")})))
)

# Where Python is told to write no bytecode (images of containers often do), each of the hundreds of
# processes that tests start would compile all it imports.
if sys.dont_write_bytecode:
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(_TESTS.parent / ".pytest_cache" / "bytecode")
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# The same examples everywhere, and no clock: random search is ``fuzz.py``'s business, and
# machines have slow minutes. .ci/run asks for four times as many: ``--hypothesis-profile ci``.
for _profile, _examples in (("short", 25), ("ci", 100)):
    settings.register_profile(
        _profile,
        max_examples=_examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile("short")


_numbers = count()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the command line keeps policies by default: a folder that is made when it is used."""
    folder = tmp_path_factory.getbasetemp() / "user-caches" / str(next(_numbers))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process asks for again it asks for at once."""
    monkeypatch.setattr("reservation_middleware.runtime.retries.FIRST_PAUSE", 0.01)


def pytest_configure(config: pytest.Config) -> None:
    """Let a test that is asked for by its name run, slow or not; no terminal where none is."""
    # Shells have background jobs ignore Ctrl-C, and what tests start would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.option.markexpr == "not slow" and all("::" in one for one in config.args):
        config.option.markexpr = ""
    if hasattr(config, "workerinput"):  # pytest-xdist tells its processes the terminal's size
        os.environ.pop("COLUMNS", None)
        os.environ.pop("LINES", None)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two processes for folders; none for single files, which one process has at once."""
    return 0 if all(".py" in one for one in config.args) else 2


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
