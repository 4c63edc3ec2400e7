"""A ledger as parquet tables, and as a summary of training content."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_replay import NOW, asked, page, told
from test_rollout import crawl

from reservation_middleware.cli.ledger_manage import protocols
from reservation_middleware.decide.profiles import profile
from reservation_middleware.ledger.read.columns import domain, host
from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.ledger.share.sorting import Sorter
from reservation_middleware.ledger.share.summary import domains_csv, markdown, summary
from reservation_middleware.ledger.write.ledger import Ledger, LineMode
from reservation_middleware.syntax.surt import surt_host_name

pq = pytest.importorskip("pyarrow.parquet", reason="the extra [export] is not installed")


def test_tables_are_sorted_by_host(tmp_path: Path) -> None:
    from reservation_middleware.ledger.share.export import COLUMNS, export

    crawl(tmp_path / "l", hosts=12)
    crawl(tmp_path / "l", hosts=2, lines=LineMode.BULK)
    with LedgerReader(tmp_path / "l") as reader:
        # So few rows in memory that runs go to disk.
        rows = export(reader, tmp_path / "out", run=3)
    assert rows == {"decisions": 27, "reasons": 18, "documents": 14, "epochs": 1}
    assert {one.name for one in (tmp_path / "out").iterdir()} == {f"{n}.parquet" for n in COLUMNS}
    for name, columns in COLUMNS.items():
        table = pq.read_table(tmp_path / "out" / f"{name}.parquet")
        assert table.column_names == list(columns)
        assert table.num_rows == rows[name]
        keys = table["surt_host_name"].to_pylist()
        assert keys == sorted(keys)
    table = pq.read_table(tmp_path / "out" / "decisions.parquet").to_pylist()
    first = table[0]
    assert first["surt_host_name"] == "example,host0"
    assert first["domain"] == "host0.example"
    assert first["time"] == NOW
    assert first["purposes"] == ["ai-train"]
    assert {one["ai_train_gen"] for one in table} == {"disallowed", "unknown", None}
    [epoch] = pq.read_table(tmp_path / "out" / "epochs.parquet").to_pylist()
    assert (epoch["decisions"], epoch["bytes"]) == (1, 3)
    documents = pq.read_table(tmp_path / "out" / "documents.parquet").to_pylist()
    assert all(one["warc_filename"].startswith("policy/") for one in documents)


def test_an_empty_ledger_gives_empty_tables(tmp_path: Path) -> None:
    from reservation_middleware.ledger.share.export import export

    Ledger.open(tmp_path / "l").close()
    with LedgerReader(tmp_path / "l") as reader:
        assert set(export(reader, tmp_path / "out").values()) == {0}
    assert pq.read_table(tmp_path / "out" / "decisions.parquet").num_rows == 0


def test_without_the_extra_the_error_names_it() -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "import reservation_middleware.ledger.share.summary, reservation_middleware.cli.ledger_manage\n"
        "try:\n    import reservation_middleware.ledger.share.export\n"
        "except ImportError as error:\n    assert 'reservation-middleware[export]' in str(error)\n"
        "else:\n    raise SystemExit('it was imported')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_summary(tmp_path: Path) -> None:
    policy = profile()
    with Ledger.open(tmp_path / "l", clock=lambda: NOW) as ledger:
        for number in range(25):
            url = f"http://www.host{number}.example/"
            check = asked(url, policy, [])
            check.feed(page(url, b"<p>"))
            told(ledger, check, policy=policy, octets=1000 + number)
        blocked = asked("http://stopped.example/", policy, [])
        told(ledger, blocked, policy=profile("strict"), blocked=True, octets=10**9)
    with LedgerReader(tmp_path / "l") as reader:
        found = summary(reader, protocols())
        small = summary(reader, protocols(), small=True)
    assert found["crawlers"] == {"ExampleBot": 26}
    assert found["pages"] == {"decided": 26, "fetched": 25, "stopped": 1}
    assert [one["domain"] for one in found["domains"]["listed"]] == [
        "host24.example",
        "host23.example",
        "host22.example",
    ]
    assert len(small["domains"]["listed"]) == 2
    assert found["bytes"] == sum(range(1000, 1025))
    assert found["content_types"] == {"text/html": found["bytes"]}
    assert found["period"] == {"from": "2026-11-22T05:30:00.000000Z"} | {
        "until": "2026-11-22T05:30:00.000000Z"
    }
    names = {one["name"]: one for one in found["protocols"]}
    assert names["tdmrep"]["text"] == "CG-FINAL-tdmrep-20240510"
    assert names["tdmrep"]["decides"]
    assert not names["pointers"]["decides"]
    text = markdown(found)
    assert "host24.example" in text
    # It states what was done; whether that is lawful is nobody's to say here.
    for word in ("legal", "lawful", "complian", "complies"):
        assert word not in text.lower()
        assert word not in json.dumps(found).lower()
    assert domains_csv(found).splitlines()[:2] == ["domain,bytes,pages", "host24.example,1024,1"]


def test_rows_in_order_however_many() -> None:
    with Sorter(2, run=7) as sorter:
        for number in range(100):
            sorter.add((f"{number * 37 % 10}", number * 61 % 100, None, ("x",)))
        found = list(sorter)
    assert [one[:2] for one in found] == sorted(one[:2] for one in found)
    assert len(found) == 100


@pytest.mark.parametrize(
    ("url", "name", "owner", "key"),
    [
        ("https://WWW.A.example:8443/x", "www.a.example", "a.example", "example,a"),
        ("http://127.0.0.1:80/", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("http://[2001:db8::1]:8080/", "2001:db8::1", "2001:db8::1", "2001:db8::1"),
        ("nonsense", "", "", ""),
    ],
)
def test_whose_a_page_is(url: str, name: str, owner: str, key: str) -> None:
    assert (host(url), domain(url), surt_host_name(host(url))) == (name, owner, key)
