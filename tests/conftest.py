"""What holds for every test: nothing of it goes to the user's own folders, or to another test."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the command line keeps policies by default."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
