"""Runs Scrapy's tests against ours: `python -m tests.scrapy_own SOURCE_DISTRIBUTION`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

TESTS = Path(__file__).parent.parent
sys.path.insert(0, str(TESTS))

from scrapy_own.differences import DIFFERENCES  # noqa: E402 - tests are no package

MODULE = "tests/test_downloadermiddleware_robotstxt.py"


def outcomes(archive: Path) -> tuple[dict[str, str], str]:
    """What came of each test, and what pytest printed."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as packed:
            tests = [one for one in packed.getmembers() if one.name.split("/")[1:2] == ["tests"]]
            packed.extractall(folder, tests, filter="data")
        told = Path(folder, "outcomes.json")
        # Neither Scrapy's configuration of pytest nor ours.
        options = ["--noconftest", "-c", os.devnull, "--rootdir", ".", "-p", "no:cacheprovider"]
        options += ["-o", "asyncio_default_fixture_loop_scope=function"]
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *options, "-p", "scrapy_own.shim", MODULE],
            cwd=Path(folder, archive.name.removesuffix(".tar.gz")),
            env={**os.environ, "PYTHONPATH": str(TESTS), "SCRAPY_OWN_OUTCOMES": str(told)},
            capture_output=True,
            text=True,
            check=False,
        )
        found = json.loads(told.read_text("utf-8")) if told.exists() else {}
        return found, run.stdout + run.stderr


def main(arguments: list[str]) -> None:
    """Run them, print what came of them, and fail where it is not what is written down."""
    release = version("scrapy")
    archive = Path(arguments[0] if arguments else f"scrapy-{release}.tar.gz")
    if not archive.is_file():
        print(
            f"Skipped: {archive.name} is not there; "
            f"pip download --no-deps --no-binary scrapy scrapy=={release} fetches it"
        )
        return
    found, printed = outcomes(archive)
    counts = {word: list(found.values()).count(word) for word in sorted(set(found.values()))}
    print(f"{archive.name}: {counts}")
    failed = {test for test, outcome in found.items() if outcome == "failed"}
    for test in sorted(failed & DIFFERENCES.keys()):
        print(f"otherwise: {test}: {DIFFERENCES[test]}")
    unexpected = [f"fails: {test}" for test in sorted(failed - DIFFERENCES.keys())]
    unexpected += [f"does not fail: {test}" for test in sorted(DIFFERENCES.keys() - failed)]
    if unexpected or not found:
        sys.exit("\n".join([printed, *unexpected]))


main(sys.argv[1:])
