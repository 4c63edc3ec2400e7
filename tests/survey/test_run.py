"""A survey from its inputs to its tables: choice of captures, frame, resume after kill -9."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]
import pytest
from survey_support import record, write_lines

from reservation_middleware.survey import batches, metrics
from reservation_middleware.survey.read import InputError
from reservation_middleware.survey.run import BrokenInvariantError, Options, survey
from reservation_middleware.survey.schema import TABLES

BLOCK, OPEN = b"User-agent: GPTBot\nDisallow: /\n", b"User-agent: *\nDisallow:\n"
OF_PANEL = ("sites", "agents", "statements", "pages")


def table(folder: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / name).to_pylist()
    return found


def run(folder: Path, *inputs: Path, **options: Any) -> dict[str, Any]:
    return survey(list(map(str, inputs)), folder, Options(**options))


def test_of_several_captures_one_makes_the_row(tmp_path: Path) -> None:
    path = tmp_path / "robotstxt.warc.gz"
    path.write_bytes(
        record("http://a.example/robots.txt", b"", status="301 Moved")
        + record("https://a.example/robots.txt", BLOCK)
        + record("http://a.example/robots.txt", OPEN)
        + record("https://b.example/robots.txt", OPEN, date="2026-10-06T00:00:00Z")
        + record("https://b.example/robots.txt", BLOCK, date="2026-10-07T00:00:00Z")
        + record("https://c.example/robots.txt", b"", status="503 No")
        + record("https://c.example/robots.txt", b"<html>")
        + record("https://d.example/robots.txt", OPEN, date="2026-11-07T00:00:00Z")
        + record("https://d.example/robots.txt", BLOCK, date="2026-10-07T00:00:00Z")
    )
    summary = run(tmp_path / "out", path)
    chosen = {(row["host"], row["wave"]): row for row in table(tmp_path / "out", "sites")}
    assert chosen["a.example", "2026-10"]["origin"] == "https://a.example"
    assert chosen["a.example", "2026-10"]["agents_named"] == 1
    assert chosen["b.example", "2026-10"]["agents_named"] == 1
    assert chosen["c.example", "2026-10"]["capture"] == "defer"
    assert {wave for host, wave in chosen if host == "d.example"} == {"2026-10", "2026-11"}
    assert summary["counts"]["captures of robots.txt"] == 9
    agents = {(row["host"], row["wave"], row["agent"]) for row in table(tmp_path / "out", "agents")}
    assert ("a.example", "2026-10", "GPTBot") in agents
    assert len([key for key in agents if key[0] == "a.example"]) == 2
    assert summary["broken_invariants"] == {}


def test_a_list_is_the_frame_and_what_is_missing_of_it_is_unknown(tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("1,a.example\n2,b.example\n3,c.example\n")
    path = write_lines(
        tmp_path / "x.jsonl",
        [{"host": "www.a.example", "status": 200, "body": "User-agent: *\nDisallow: /\n"}],
    )
    run(tmp_path / "out", listed, path)
    rows = {row["host"]: row["capture"] for row in table(tmp_path / "out", "sites")}
    # www and apex are one site.
    assert rows == {
        "www.a.example": "with-rules",
        "b.example": "no-capture",
        "c.example": "no-capture",
    }
    assert {row["access"] for row in table(tmp_path / "out", "agents")} == {"full", "unknown"}


def test_tables_are_sorted_and_carry_the_contract(tmp_path: Path) -> None:
    values = [
        {"host": host, "wave": wave, "status": 200, "body": BLOCK.decode()}
        for host in ("b.example", "www.a.example", "a.example", "x.b.example", "b.test")
        for wave in ("2", "1")
    ]
    run(tmp_path / "out", write_lines(tmp_path / "x.jsonl", values))
    rows = table(tmp_path / "out", "sites")
    keys = [(row["surt_host_name"], row["host"], row["wave"]) for row in rows]
    assert keys == sorted(keys)
    assert keys[0] == ("example,a", "a.example", "1")
    for name, schema in TABLES.items():
        (file,) = (tmp_path / "out" / name).iterdir()
        assert pq.read_schema(file).equals(schema, check_metadata=True), name


def test_other_documents_and_pages_count_for_their_host(tmp_path: Path) -> None:
    html = [("Content-Type", "text/html"), ("TDM-Reservation", "1")]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(
        record("https://a.example/robots.txt", OPEN)
        + record(
            "https://a.example/.well-known/tdmrep.json",
            b'[{"location": "/", "tdm-reservation": 1}]',
        )
        + record("https://a.example/x", b"<p>", fields=html)
        + record("https://a.example/x", b"<p>", fields=html)
    )
    run(tmp_path / "out", path)
    (site,) = table(tmp_path / "out", "sites")
    assert site["signals"] == ["tdmrep"]
    (page,) = table(tmp_path / "out", "pages")
    assert (page["action"], page["url_surtkey"]) == ("block", "example,a)/x")
    carriers = [row["carrier"] for row in table(tmp_path / "out", "statements")]
    assert set(carriers) == {"header", "tdmrep.json"}


def test_another_survey_is_not_mixed_in(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [{"host": "a.example", "body": "x"}])
    run(tmp_path / "out", path)
    run(tmp_path / "out", path)
    write_lines(path, [{"host": "a.example", "body": "x"}, {"host": "b.example", "body": "x"}])
    with pytest.raises(InputError, match="holds a survey of other inputs"):
        run(tmp_path / "out", path)


def test_a_broken_invariant_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = metrics.queries

    def queries(folder: str = "metrics") -> Any:
        found = dict(known(folder))
        if folder == "invariants":
            found["never_holds"] = "select * from sites"
        return found

    monkeypatch.setattr(metrics, "queries", queries)
    path = write_lines(tmp_path / "x.jsonl", [{"host": "a.example", "body": "x"}])
    with pytest.raises(BrokenInvariantError, match=re.escape("never_holds (1 rows)")):
        run(tmp_path / "out", path)
    assert json.loads((tmp_path / "out/survey.json").read_bytes())["broken_invariants"] == {
        "never_holds": 1
    }


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("keys_are_unique", "insert into sites_copy select * from sites_copy"),
        ("denominators_add_up", "update agents_copy set agent = 'x' where agent = '*'"),
        (
            "unknown_is_never_allowed",
            "update agents_copy set access = 'none' where access = 'unknown'",
        ),
        ("words_are_known", "update agents_copy set access = 'some'"),
        ("bodies_and_captures_agree", "update sites_copy set digest = null"),
    ],
)
def test_each_invariant_notices(tmp_path: Path, name: str, change: str) -> None:
    values = [
        {"host": "a.example", "status": 200, "body": BLOCK.decode()},
        {"host": "b.example", "wave": "all", "status": 500, "body": None},
    ]
    run(tmp_path / "out", write_lines(tmp_path / "x.jsonl", values), wave="all")
    connection = metrics.opened(tmp_path / "out")
    assert metrics.broken_invariants(connection) == {}
    for table_name in ("sites", "agents"):
        connection.execute(f"create table {table_name}_copy as from {table_name}")
    connection.execute(change)
    for table_name in ("sites", "agents"):
        connection.execute(f"create or replace view {table_name} as from {table_name}_copy")
    assert name in metrics.broken_invariants(connection)


def test_small_and_large_batches_and_a_pool_give_equal_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_lines(
        tmp_path / "x.jsonl",
        [
            {
                "host": f"h{number % 40}.example",
                "wave": str(number % 3),
                "status": 200,
                "body": f"User-agent: b{number % 7}\nDisallow: /{number % 5}\n",
            }
            for number in range(300)
        ],
    )
    run(tmp_path / "one", path)
    monkeypatch.setattr(batches, "CAPTURES_EACH", 17)
    run(tmp_path / "two", path)
    run(tmp_path / "three", path, processes=2)
    for name in OF_PANEL:
        assert table(tmp_path / "one", name) == table(tmp_path / "two", name), name
        assert table(tmp_path / "one", name) == table(tmp_path / "three", name), name


RUN = """
import sys
from pathlib import Path
from reservation_middleware.survey import batches
from reservation_middleware.survey.run import Options, survey
if __name__ == "__main__":
    batches.CAPTURES_EACH = 50
    survey([sys.argv[1]], Path(sys.argv[2]), Options(processes=int(sys.argv[3])))
"""


def kill_when(arguments: list[str], is_there: Callable[[], bool]) -> bool:
    """Start a survey and kill it, with all its processes' parent, when it has come so far."""
    process = subprocess.Popen([sys.executable, "-c", RUN, *arguments])
    while process.poll() is None:
        if is_there():
            os.kill(process.pid, signal.SIGKILL) if sys.platform != "win32" else process.kill()
            process.wait()
            return True
        time.sleep(0.002)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_kill_9_at_three_places_loses_and_doubles_nothing(tmp_path: Path, processes: int) -> None:
    values = [
        {
            "host": f"h{number}.example",
            "wave": str(number % 2),
            "status": 200,
            "body": f"User-agent: GPTBot\nUser-agent: b{number}\nDisallow: /{number % 5}\n",
        }
        for number in range(4000)
    ]
    path, whole, out = (
        write_lines(tmp_path / "x.jsonl", values),
        tmp_path / "whole",
        tmp_path / "out",
    )
    run(whole, path)
    arguments = [str(path), str(out), str(processes)]
    journal = out / "journal"

    def markers() -> int:
        return len(list(journal.glob("*-*.json"))) if journal.exists() else 0

    assert kill_when(arguments, lambda: markers() >= 1)
    first = markers()
    assert 1 <= first < 80
    assert kill_when(arguments, lambda: markers() >= first + 20)
    assert markers() < 80
    assert kill_when(arguments, (journal / "new").exists)
    assert not (out / "survey.json").exists()
    (journal / ".00000-0000001.sites.parquet.1").write_bytes(b"half")  # as a kill leaves it
    subprocess.run([sys.executable, "-c", RUN, *arguments], check=True)
    for name in OF_PANEL:
        assert table(out, name) == table(whole, name), name
    assert json.loads((out / "survey.json").read_bytes())["captures"] == 4000


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    from filelock import FileLock

    path = write_lines(tmp_path / "x.jsonl", [{"host": "a.example", "body": "x"}])
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out/.lock"), pytest.raises(InputError, match="another run"):
        run(tmp_path / "out", path)
