"""A disk that is full at any byte: what a verb leaves verifies, or `recover` mends it.

The limit of a file's size (RLIMIT_FSIZE) fails real writes, each at another byte. A small file
system that really is full needs the right to mount one.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from evidence import closed, log_page, only, small
from forked_cli import Cases, cases

from reservation_middleware.ledger.verify.ledger import verify
from reservation_middleware.ledger.write.recover import recover

pytestmark = pytest.mark.skipif(os.name != "posix", reason="fork and RLIMIT_FSIZE")


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cases]:
    with cases(tmp_path_factory.mktemp("cache")) as found:
        yield found


def _killed(folder: Path) -> Path:
    """A ledger whose writer was killed, with lines that were not signed and a torn one."""
    ledger = small(folder)
    ledger.checkpoint()
    log_page(ledger, "https://d.example/")
    assert ledger._known
    ledger._known.writer.leave()
    assert ledger._known.writer._lock
    ledger._known.writer._lock.release()
    place, name = only(folder)
    place.lock(name).touch()
    with place.log(name).open("ab") as file:
        file.write(b'{"torn')
    return folder


def _limits(folder: Path) -> list[int]:
    """Sizes at which some file of the ledger, or its draft, is cut."""
    sizes = {file.stat().st_size for file in folder.rglob("*") if file.is_file()}
    found = {0, 1, 100}
    for size in sizes:
        found |= {size // 3, size // 2, size - 1, size, size + 1, size + 60, size + 200}
    return sorted(one for one in found if one >= 0)


def _is_whole(folder: Path, *, mended: bool) -> None:
    """The ledger verifies, or `recover` mends it; after that strictly."""
    report = verify(folder)
    assert report.ok or mended, report.problems
    assert not [one for one in recover(folder) if one.problem]
    report = verify(folder, strict=True)
    assert report.ok, report.problems


ERASE = ("erase", "--host", "a.example", "--yes")


@pytest.mark.slow
def test_an_erasure_that_the_disk_does_not_take_leaves_all_as_it_was(
    cli: Cases, tmp_path: Path
) -> None:
    original = closed(tmp_path / "original")
    statuses = set()
    for number, limit in enumerate(_limits(original)):
        folder = tmp_path / f"{number}" / "ledger"
        shutil.copytree(original, folder)
        shutil.copy(f"{original}.key", f"{folder}.key")
        verb, *rest = ERASE
        done = cli.run("ledger", verb, folder, *rest, limit=limit)
        statuses.add(done.status)
        assert (done.status, done.err.count("\n")) in {(0, 0), (2, 1)}, done
        left = {path.name for path in (folder / "log").iterdir()}
        assert not [name for name in left if name.endswith((".new", ".lock"))]
        assert verify(folder, strict=True).ok
        # And then there is room.
        done = cli.run("ledger", verb, folder, *rest)
        assert done.status == 0
        _is_whole(folder, mended=False)
        place, name = only(folder)
        assert b"a.example" not in place.log(name).read_bytes()
        shutil.rmtree(folder)
    assert statuses == {0, 2}


@pytest.mark.slow
def test_a_recovery_that_the_disk_does_not_take_can_be_had_again(
    cli: Cases, tmp_path: Path
) -> None:
    original = _killed(tmp_path / "original")
    statuses = set()
    for number, limit in enumerate(_limits(original)):
        folder = tmp_path / f"{number}" / "ledger"
        shutil.copytree(original, folder)
        shutil.copy(f"{original}.key", f"{folder}.key")
        done = cli.run("ledger", "recover", folder, limit=limit)
        statuses.add(done.status)
        assert done.status in {0, 2}, done
        assert verify(folder).ok
        done = cli.run("ledger", "recover", folder)
        assert done.status == 0
        _is_whole(folder, mended=False)
        shutil.rmtree(folder)
    assert statuses == {0, 2}


@pytest.mark.parametrize(
    "verb",
    [
        ("prove", "LEDGER", "--host", "a.example", "-o", "OUT/bundle.json"),
        ("export", "LEDGER", "-o", "OUT", "--summary"),
        ("export", "LEDGER", "-o", "OUT"),
    ],
    ids=" ".join,
)
def test_what_is_written_elsewhere_is_whole_or_as_it_was(
    verb: tuple[str, ...], cli: Cases, tmp_path: Path
) -> None:
    if "export" in verb and "--summary" not in verb:
        pytest.importorskip("pyarrow", reason="the extra [export] is not installed")
    ledger, out = closed(tmp_path / "ledger"), tmp_path / "out"
    out.mkdir()
    words = {"LEDGER": str(ledger), "OUT": str(out), "OUT/bundle.json": str(out / "bundle.json")}
    asked = [words.get(one, one) for one in verb]
    assert cli.run("ledger", *asked).status == 0
    names = {file.name for file in out.iterdir()}
    for file in out.iterdir():
        file.write_bytes(b"before")
    for limit in (0, 1, 500):
        done = cli.run("ledger", *asked, limit=limit)
        assert (done.status, done.err.count("\n")) == (2, 1), done
        assert {file.name for file in out.iterdir()} == names
        for file in out.iterdir():
            found = file.read_bytes()
            assert found == b"before" or len(found) <= limit
    assert verify(ledger, strict=True).ok


_WRITE = """
import resource, signal, sys
sys.dont_write_bytecode = True  # half a file of it would be read by others
from pathlib import Path
from evidence import small
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        small(Path(sys.argv[1]) / f"{limit}").close()
    except Exception as error:
        assert "LedgerError" in str(type(error).__mro__), error
"""


def test_a_writer_whose_disk_is_full_at_any_byte(tmp_path: Path) -> None:
    """The key, the beginning, a line, a record, the last line, the last checkpoint."""
    sizes = _limits(closed(tmp_path / "ledger"))
    command = [sys.executable, "-c", _WRITE, str(tmp_path), *map(str, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    signed = 0
    for limit in sizes:
        folder = tmp_path / f"{limit}"
        if not list(folder.glob("log/*.jsonl")):
            continue
        signed += 1
        assert verify(folder).ok
        _is_whole(folder, mended=False)
    assert signed > 5


_KILL = """
import os, signal, sys
from pathlib import Path
calls, replace = int(sys.argv[3]), Path.replace
def killed(self, target):
    global calls
    calls -= 1
    if calls < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)
Path.replace = killed
from reservation_middleware.ledger.share.erase import erase
erase(sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize("step", [0, 1])
def test_an_erasure_that_is_killed_is_finished_by_recover(step: int, tmp_path: Path) -> None:
    """Before its lines take their place, and between them and the archive."""
    folder = closed(tmp_path / "ledger")
    command = [sys.executable, "-c", _KILL, str(folder), "a.example", str(step)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert verify(folder).ok is not bool(step)
    _is_whole(folder, mended=True)
    place, name = only(folder)
    assert (b"a.example" in place.log(name).read_bytes()) is not bool(step)


def _mounted(place: Path, octets: int) -> Callable[[], object]:
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={octets}", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        pytest.skip("nothing can be mounted")
    if done.returncode:
        pytest.skip("nothing can be mounted")
    return lambda: subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_really_is_full(cli: Cases, tmp_path: Path) -> None:
    original = closed(tmp_path / "original")
    place = tmp_path / "disk"
    unmount = _mounted(place, 1 << 20)
    try:
        folder = place / "ledger"
        shutil.copytree(original, folder)
        shutil.copy(f"{original}.key", f"{folder}.key")
        with (place / "ballast").open("wb", buffering=0) as ballast:
            while ballast.write(bytes(1 << 20)) == 1 << 20:
                pass  # the last write is taken in part
        for verb in (("erase", folder, "--host", "a.example", "--yes"), ("recover", folder)):
            done = cli.run("ledger", *verb)
            assert (done.status, done.out) in {(2, ""), (0, "")}, done
            assert verify(folder, strict=True).ok
        done = cli.run("ledger", "prove", folder, "--host", "a.example", "-o", place / "bundle")
        assert done.status == 2
        assert not (place / "bundle").exists()
        (place / "ballast").unlink()
        assert cli.run("ledger", *ERASE[:1], folder, *ERASE[1:]).status == 0
        _is_whole(folder, mended=False)
    finally:
        unmount()
