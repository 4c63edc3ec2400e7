"""The demo: run as a user runs it, then its own checks held against doctored results.

One run of the whole demo serves most tests. Its web has every expectation beside its pages;
here it is tested that a broken one is noticed.
"""

import asyncio
import io
import json
import random
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

pytest.importorskip("scrapy")
pytest.importorskip("aiohttp")

import aiohttp

from reservation_middleware.cli.demo import judge, run, tables
from reservation_middleware.cli.demo.crawl import RUNS, Crawls, Run
from reservation_middleware.cli.demo.sites import HOSTS, written
from reservation_middleware.cli.demo.task import PROBES, Visit
from reservation_middleware.cli.demo.web import Seen, Web
from reservation_middleware.decide.reading import probed
from reservation_middleware.ledger.format.lines import DecisionLine
from reservation_middleware.ledger.read.reader import LedgerReader
from reservation_middleware.ledger.verify.ledger import verify
from reservation_middleware.model import Action
from reservation_middleware.signals import SIGNALS

Json = dict[str, Any]
Done = tuple[Path, subprocess.CompletedProcess[str]]

_RUN = """
import sys
from pathlib import Path
from rich.console import Console
from reservation_middleware.cli.demo import run
sys.exit(0 if run(Path(sys.argv[1]), Console()) else 1)
"""
SECONDS = 120  # the demo takes a few; a machine that is busy with other tests takes longer
PAGES = sum(len(host.pages) for host in HOSTS)
VOID = {"meta", "link", "br", "hr", "img", "input"}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("demo") / "new" / "folder"
    # An empty folder to run in, and one that would be imported if the crawl were careless.
    here = tmp_path_factory.mktemp("here")
    (here / "twisted.py").write_text("raise SystemExit('imported from the current folder')")
    finished = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", _RUN, str(folder)],
        cwd=here,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return folder, finished


@pytest.fixture(scope="module")
def lines(done: Done) -> list[Json]:
    return [json.loads(line) for line in (done[0] / "decisions.jsonl").read_text().splitlines()]


def doctored(lines: list[Json], logs: dict[Run, list[Seen]] | None = None) -> Crawls:
    """The crawls that a decisions.jsonl tells of, with made-up logs that bear it out."""
    visits: dict[Run, dict[str, Visit]] = {run: {} for run in RUNS}
    for line in lines:
        given = {key: line[key] for key in ("adapter", "mode", "asked", "blocked")}
        record = {key: value for key, value in line.items() if key not in given}
        visits[line["adapter"], line["mode"]][line["asked"]] = Visit(**given, record=record)
    return Crawls(visits, logs or {run: [] for run in RUNS}, [])


def test_it_succeeds_and_says_nothing_else(done: Done) -> None:
    _, finished = done
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stderr == ""
    assert f"agree on all {PAGES} URLs" in " ".join(finished.stdout.split())
    assert "\x1b" not in finished.stdout
    assert max(map(len, finished.stdout.splitlines())) <= 120
    assert "report.html" in finished.stdout


def test_the_web_is_large_enough_and_names_are_unique() -> None:
    assert len(HOSTS) >= 12
    assert 60 <= PAGES <= 90
    assert len({host.name for host in HOSTS}) == len(HOSTS)
    urls = [url for url, _ in judge.pages(HOSTS)]
    assert len(set(urls)) == len(urls)
    assert all(host.name.endswith(".example") for host in HOSTS)


#: Carriers that point to a document; the reasons stand in that.
POINTING = {("rsl", "robots.txt"), ("rsl", "header"), ("rsl", "link")}
PROBED = [place.path for place in probed(PROBES) if place.path]


def test_every_signal_shows_itself(lines: list[Json]) -> None:
    shown = {
        one["signal"]
        for line in lines
        for kind in ("reasons", "offers", "identifiers")
        for one in line[kind]
    }
    missing = {signal.name for signal in SIGNALS} - shown
    assert not missing, f"give these a page in demo/sites: {sorted(missing)}"


def test_every_carrier_shows_itself(lines: list[Json]) -> None:
    shown = {(reason["signal"], reason["carrier"]) for line in lines for reason in line["reasons"]}
    # What points to a licence, and a policy, gives no reasons; they show themselves otherwise.
    shown |= {("tdmrep", place) for line in lines for place in line["consulted"]}
    wanted = {
        (signal.name, carrier.name)
        for signal in SIGNALS
        if signal.terms or signal.governs_crawl
        for carrier in signal.carriers
    } - POINTING
    assert wanted <= shown, f"give these a page in demo/sites: {sorted(wanted - shown)}"


def test_every_kind_of_outcome_shows_itself(lines: list[Json]) -> None:
    enforced = [line for line in lines if line["mode"] == "enforce"]
    assert {line["stage"] for line in enforced if line["blocked"]} == {
        "site",
        "headers",
        "content",
    }
    assert any(reason["inferred"] for line in enforced for reason in line["reasons"])
    assert any(line["offers"] for line in enforced)
    notes = {note["ident"] for line in lines for note in line["notes"]}
    assert {"conflict", "robots-unreachable"} <= notes


def test_each_run_has_each_page(lines: list[Json]) -> None:
    asked = {url for url, _ in judge.pages(HOSTS)}
    for adapter, mode in RUNS:
        own = [line for line in lines if (line["adapter"], line["mode"]) == (adapter, mode)]
        assert len(own) == PAGES
        assert {line["asked"] for line in own} == asked
        if mode == "observe":
            assert not any(line["blocked"] for line in own)


def test_policy_documents_are_kept_as_fetched(done: Done) -> None:
    folder = done[0] / "documents"
    for host in HOSTS:
        if not host.pages:
            continue
        for path, answer in host.files.items():
            name = path.rpartition("/")[2]
            if name not in ("robots.txt", "tdmrep.json"):
                continue
            about = json.loads((folder / host.name / f"{name}.fetch.json").read_text())
            if answer.reset:
                assert (about["outcome"], about["status"]) == ("unreachable", None)
            if answer.status == 200 and not answer.reset:
                assert (folder / host.name / name).read_bytes() == answer.body
    assert (folder / "branch.example" / "robots.txt").read_bytes() == (
        next(host for host in HOSTS if host.name == "mainoffice.example").files["/robots.txt"].body
    )
    assert not (folder / "barn.example" / "robots.txt").exists()


# The ledger


@pytest.mark.parametrize("verb", ["verify", "replay", "stats"])
def test_the_ledger_verifies_and_replays(done: Done, verb: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "reservation_middleware", "ledger", verb, str(done[0] / "ledger")],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    said = " ".join(done[1].stdout.split())
    assert "ok The ledger verifies" in said
    assert f"ok All {4 * PAGES} decisions come out the same" in said


def test_the_ledger_has_each_page_of_each_run_once(done: Done, lines: list[Json]) -> None:
    with LedgerReader(done[0] / "ledger") as reader:
        assert len(reader.segments) == len(RUNS)
        kept = [
            (entry.adapter, entry.mode.value, entry.url, entry.blocked, entry.verdict.value)
            for segment in reader.segments
            for _, entry in segment.lines()
            if isinstance(entry, DecisionLine)
        ]
    assert sorted(kept) == sorted(
        (one["adapter"], one["mode"], one["url"], one["blocked"], one["verdict"]) for one in lines
    )


def test_the_key_is_beside_the_ledger_and_only_its_owners(done: Done) -> None:
    key = done[0] / "ledger.key"
    assert key.read_text().startswith("PRIVATE+KEY+")
    if sys.platform != "win32":
        assert key.stat().st_mode & 0o777 == 0o600
    files = [path for path in (done[0] / "ledger").rglob("*") if path.is_file()]
    assert not any(b"PRIVATE+KEY" in path.read_bytes() for path in files)


@pytest.mark.slow
def test_any_flipped_byte_of_the_ledger_is_found(
    done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in each segment at a time: segments are checked apart, and every one must be named."""
    monkeypatch.setattr("reservation_middleware.ledger.verify.ledger.MOST_PROBLEMS", sys.maxsize)
    folder = done[0] / "ledger"
    sound = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    kinds = ("log/{}.jsonl", "policy/{}.warc.gz", "log/{}.checkpoint")
    names = sorted({path.name.partition(".")[0] for path in sound})
    assert set(sound) == {folder / kind.format(name) for kind in kinds for name in names}
    chance = random.Random(2026)
    tried, unseen = 0, []
    for number in range(51):
        flipped = {}
        for name in names:
            path = folder / kinds[number % len(kinds)].format(name)
            last = len(sound[path]) - 1
            place = {0: 0, 1: last}.get(number // len(kinds), chance.randrange(last))
            broken = bytearray(sound[path])
            broken[place] ^= 1 << chance.randrange(8)
            path.write_bytes(broken)
            flipped[path] = name, place
        files = {problem.file for problem in verify(folder, strict=True).problems}
        for path, (name, place) in flipped.items():
            path.write_bytes(sound[path])
            tried += 1
            if not any(name in file for file in files):
                unseen.append((path.name, place))
    assert (tried, unseen) == (51 * len(RUNS), [])
    assert verify(folder, strict=True).ok


class Balanced(HTMLParser):
    """Complains about elements that are not closed, or closed twice."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                self.targets.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()


def test_the_report_is_one_sound_file(done: Done) -> None:
    text = (done[0] / "report.html").read_text("utf-8")
    page = Balanced()
    page.feed(text)
    page.close()
    assert page.open == []
    assert not {"script", "link", "img", "iframe"} & set(page.names)
    assert len(set(page.ids)) == len(page.ids)
    assert {target.removeprefix("#") for target in page.targets} <= set(page.ids)
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    for host in HOSTS:
        assert (host.name in page.ids) is bool(host.pages)
    assert "http://publisher.example/terms/tdm.json" in text


def test_the_report_shows_prices_identifiers_and_linked_documents(done: Done) -> None:
    text = (done[0] / "report.html").read_text("utf-8")
    assert "price 100.00 USD per training, licensing@archive.example" in text
    assert "price 0.01 USD per fetch, pay-per-crawl" in text
    assert '<span class="badge yes">identifier</span> licence' in text
    # What a reason quotes can be looked up beside it.
    assert "<summary><code>http://archive.example/license.xml</code>" in text
    assert (done[0] / "documents/archive.example/license.xml").read_text().startswith("<rsl ")
    assert (done[0] / "documents/publisher.example/terms-tdm.json").is_file()


def test_what_a_site_says_cannot_break_the_report(lines: list[Json]) -> None:
    from reservation_middleware.cli.demo import report

    evil = json.loads(json.dumps(lines))
    for line in evil:
        for reason in line["reasons"]:
            reason["text"] = "</span><script>alert(1)</script>"
    text = report.html(HOSTS, doctored(evil), ())
    assert "<script" not in text


def test_doctored_results_start_sound(lines: list[Json]) -> None:
    crawls = doctored(lines)
    assert judge.differences(HOSTS, crawls) == []
    assert judge.surprises(HOSTS, crawls) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("blocked", True),
        ("action", "block"),
        ("verdict", "disallowed"),
        ("stage", "site"),
        ("usage", {}),
        ("notes", [{"ident": "conflict", "summary": "x"}]),
        ("not_reached", ["headers"]),
    ],
)
def test_a_disagreement_is_noticed(lines: list[Json], key: str, value: object) -> None:
    changed = [
        {**line, key: value}
        if (line["adapter"], line["mode"], line["asked"])
        == ("scrapy", "enforce", "http://garden.example/roses")
        else line
        for line in lines
    ]
    assert judge.differences(HOSTS, doctored(changed))


def test_a_page_that_one_adapter_lost_is_noticed(lines: list[Json]) -> None:
    rest = [line for line in lines if (line["adapter"], line["mode"]) != ("scrapy", "observe")]
    assert len(judge.differences(HOSTS, doctored(rest))) == PAGES


def test_time_and_a_librarys_words_are_no_disagreement(lines: list[Json]) -> None:
    changed = [{**line, "expires": "2000-01-01T00:00:00Z"} for line in lines]
    for line in changed:
        if line["adapter"] == "scrapy":
            line["reasons"] = [
                {**reason, "text": "unreachable: otherwise"}
                if reason["text"].startswith("unreachable: ") and "HTTP" not in reason["text"]
                else reason
                for reason in line["reasons"]
            ]
    assert judge.differences(HOSTS, doctored(changed)) == []


def test_the_webs_log_is_the_witness(lines: list[Json]) -> None:
    blocked = next(line["url"] for line in lines if line["blocked"] and line["stage"] == "site")
    logs = {
        run: [Seen(host.url(path), "x") for host in HOSTS if host.pages for path in PROBED]
        for run in RUNS
    }
    assert judge.contradictions(HOSTS, doctored(lines, logs)) == []
    logs["scrapy", "enforce"].append(Seen(blocked, "x"))
    (one,) = judge.contradictions(HOSTS, doctored(lines, logs))
    assert one.startswith(f"{blocked} (scrapy, enforce)")
    logs["aiohttp", "observe"].append(Seen("http://garden.example/robots.txt", "x"))
    assert len(judge.contradictions(HOSTS, doctored(lines, logs))) == 2


@pytest.mark.slow
def test_a_false_expectation_makes_it_fail(tmp_path: Path) -> None:
    garden, library = HOSTS[:2]
    page = garden.pages[0]
    wrong = page._replace(expect=page.expect._replace(action=Action.BLOCK))
    hosts = (garden._replace(pages=(wrong, garden.pages[1])), library)
    out = io.StringIO()
    console = Console(file=out, width=60, force_terminal=True, no_color=True)
    assert run(tmp_path, console, hosts=hosts) is False
    assert "Pages that did not go as expected (6)" in out.getvalue()
    assert "http://garden.example/ (scrapy, enforce): expected block" in " ".join(
        out.getvalue().split()
    )
    assert 'class="badge no"' in (tmp_path / "report.html").read_text("utf-8")
    assert console.width == 60


@pytest.mark.parametrize("width", [40, 80, 200])
def test_tables_fit(lines: list[Json], width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    crawls = doctored(lines)
    console.print(tables.every_page(HOSTS, crawls, width=width))
    console.print(tables.counts(crawls, width=width))
    assert max(map(len, out.getvalue().splitlines())) <= width
    for host in HOSTS:
        assert not host.pages or host.name in out.getvalue()
    assert "aiohttp" in out.getvalue()


def test_nothing_leaves_the_machine() -> None:
    async def ask() -> tuple[int, int, int]:
        async with Web(HOSTS) as web, aiohttp.ClientSession() as session:
            async with session.get("http://elsewhere.example/", proxy=web.proxy) as response:
                status = response.status
            with pytest.raises(aiohttp.ClientError):
                await session.get("https://garden.example/", proxy=web.proxy)
            async with session.get("http://garden.example/nothing", proxy=web.proxy) as response:
                missing = response.status
            assert web.proxy.startswith("http://127.0.0.1:")
            return status, missing, web.count("http://garden.example/nothing")

    assert asyncio.run(ask()) == (502, 404, 1)


def test_visits_survive_the_way_between_processes() -> None:
    visit = Visit(adapter="scrapy", mode="enforce", asked="http://a.example/", record={"a": [1]})
    assert msgspec.json.decode(msgspec.json.encode(visit), type=Visit) == visit


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['scrapy'] = None\n"
        "from pathlib import Path; from rich.console import Console\n"
        "from reservation_middleware.cli.demo import run\n"
        f"run(Path({str(tmp_path)!r}), Console())"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert "ImportError" in finished.stderr
    assert "pip install 'reservation-middleware[scrapy]'" in finished.stderr


def test_files_have_the_length_of_a_file() -> None:
    folder = Path(judge.__file__).parent
    for path in folder.rglob("*.py"):
        assert len(path.read_text("utf-8").splitlines()) <= 260, path


def test_what_is_written_into_images_has_no_page() -> None:
    # Without the extra [media], as the README's first command runs it, no host shows such a signal.
    assert not any(host.name.startswith("plus-") for host in written.hosts(set()))
