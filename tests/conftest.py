"""What holds for every test: nothing of it goes to the user's own folders, or to another test."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
