"""What stands round the benchmarks: what fails a build, the tables, material, intervals."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import msgspec
import pytest

from benchmarks import __main__ as command
from benchmarks import corpus, judge, made_up, peers, report
from benchmarks.timing import Options, Row, interval, row
from reservation_middleware.syntax.robots import RobotsFile

ROOT = Path(__file__).parents[2]


def answer(name: str, ratio: float, goal: float | None = 1.0) -> Row:
    return row(name, ratio, 1.0, "a peer | another", ratio=ratio, goal=goal)


@pytest.mark.parametrize(
    ("ratio", "goal", "fails"),
    [(2.0, 1.0, False), (2.1, 1.0, True), (0.0, 0.0, False), (1.0, 0.0, True), (99.0, None, False)],
)
def test_twice_the_goal_is_the_limit(ratio: float, goal: float | None, fails: bool) -> None:
    assert bool(judge.beyond([answer("x", ratio, goal)], 2, {})) is fails


def test_a_ceiling_lets_one_row_through_up_to_its_own_ratio() -> None:
    rows = [answer("x", 5.0), answer("y", 5.0)]
    assert judge.beyond(rows, 2, {"x": 5.0}) == [rows[1]]
    assert judge.beyond(rows, 2, {"x": 4.9, "y": 5.0}) == [rows[0]]
    # It never takes away what the multiple of the goal allows.
    assert judge.beyond([answer("x", 1.9)], 2, {"x": 0.1}) == []


def test_rows_taken_anew_stand_at_their_old_place() -> None:
    rows = [answer("a", 1), answer("b", 9), answer("b:more", 1), answer("c", 1)]
    again = [answer("b", 2), answer("b:other", 3)]
    assert judge.replaced(rows, "b", again) == [rows[0], *again, rows[3]]


class Scripted:
    """A benchmark that gives the next of its ratios each time it runs."""

    def __init__(self, *ratios: float) -> None:
        self.ratios = list(ratios)
        self.rounds: list[int] = []

    def __call__(self, options: Options) -> Iterator[Row]:
        self.rounds.append(options.runs(9))
        yield answer("scripted", self.ratios.pop(0))


def run(scripted: Scripted, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setitem(command.ALL, "scripted", scripted)
    return command.main(["scripted", *words])


def test_without_the_option_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = Scripted(50.0)
    assert run(scripted, monkeypatch) == 0
    assert scripted.rounds == [9]


def test_a_bad_minute_does_not_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scripted = Scripted(50.0, 1.5)
    assert run(scripted, monkeypatch, "--quick", "--fail-beyond", "2") == 0
    assert scripted.rounds == [7, 21]
    assert "once more, 3 times the rounds" in capsys.readouterr().err


def test_what_is_slow_twice_fails_and_says_what(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "rows.json"
    words = ("--fail-beyond", "2", "--json", str(file))
    assert run(Scripted(50.0, 40.0), monkeypatch, *words) == 1
    assert "FAILED scripted: 40 × a peer | another, goal 1" in capsys.readouterr().err
    # What was measured is written all the same: the second answer.
    assert [row["ratio"] for row in msgspec.json.decode(file.read_bytes())] == [40.0]


def test_a_ceiling_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("--fail-beyond", "2", "--ceiling", "scripted=60")
    assert run(Scripted(50.0), monkeypatch, *words) == 0


@pytest.mark.parametrize(
    "words",
    [("--fail-beyond", "0"), ("--fail-beyond", "x"), ("--ceiling", "x"), ("--ceiling", "x=-1")],
)
def test_words_that_make_no_sense_are_refused(words: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as refused:
        command.main([*words, "robots-parse"])
    assert refused.value.code == 2


def test_the_markdown_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "table.md"
    assert run(Scripted(0.5), monkeypatch, "--quick", "--markdown", str(file)) == 0
    head, empty, titles, rule, *lines = file.read_text("utf-8").splitlines()
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}." in head
    assert "CPUs" in head
    assert "--quick" in head
    assert not empty
    assert titles == "| goal | ours | peer | ratio | met | rounds |"
    assert set(rule) == set("|-")
    assert lines == ["| `scripted` ≤ 1 | 500 ms | 1 s, a peer \\| another | 0.5 | yes | 1 |"]


def test_every_row_is_shown_with_its_unit() -> None:
    assert report.shown(3, "content:missed") == "3"
    assert report.shown(2048, "growth:memory-per-host") == "2,048 B"
    assert report.shown(0.0000021, "x") == "2.1 µs"


def test_an_interval_is_about_its_median_and_the_same_for_the_same_seed() -> None:
    rng = random.Random(3)
    ratios = [rng.gauss(1.2, 0.05) for _ in range(20)]
    low, high = interval(ratios, seed=1)
    assert low <= median(ratios) <= high
    assert 0 < high - low < 0.1
    assert interval(ratios, seed=1) == (low, high)
    assert interval([1.5], seed=1) == (1.5, 1.5)


def test_a_peer_that_is_missing_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(peers, "import_module", missing)
    said: list[str] = []
    options = Options(say=said.append)
    assert list(peers.optional(options)) == ["urllib.robotparser"]
    peers.optional(options)
    assert [line.partition(" ")[0] for line in said] == [
        "robotspy",
        "fast-robotstxt",
        "jwm.robotstxt",
    ]


def test_no_optional_package_is_needed(tmp_path: Path) -> None:
    """Every benchmark of a usual run without peers and frameworks: rows left out, no crash."""
    absent = ("scrapy", "datadiligence", "robots", "robotstxt", "jwm", "fastwarc", "aiohttp")
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({absent!r}))\n"
        "from benchmarks.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    file = tmp_path / "rows.json"
    names = ("headers", "survey", "scrapy-calls", "scrapy-crawl", "aiohttp-crawl", "robots-parse")
    done = subprocess.run(
        [sys.executable, "-c", code, *names, "--quick", "--rounds", "1", "--json", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = msgspec.json.decode(file.read_bytes())
    assert {row["name"].partition(":")[0] for row in rows} == {"robots-parse"}
    for name in ("datadiligence", "fastwarc", "scrapy", "aiohttp", "robotspy"):
        assert done.stderr.count(f"{name} is not installed") == 1


def test_generated_files_have_the_shape_of_real_ones() -> None:
    """Medians and means of the 2,111 real files of 2019, within some."""
    rng = random.Random(2026)
    bodies = [made_up.robots(rng) for _ in range(1500)]
    files = [RobotsFile(body) for body in bodies]
    rules = [sum(len(group.rules) for group in file.groups) for file in files]
    assert 10 <= median(rules) <= 25
    assert 35 <= sum(rules) / len(rules) <= 65
    assert 500 <= median([len(body) for body in bodies]) <= 1000
    assert 20 <= median([file.line_count for file in files]) <= 50
    assert 0.25 <= sum(b"\r\n" in body for body in bodies) / len(bodies) <= 0.4


def test_a_sample_of_pages_is_spread_over_all_sizes() -> None:
    every, some = corpus.pages(), corpus.pages(12)
    assert len(some) == 12
    assert set(some) <= set(every)
    share = [sum(len(page.body) for page in pages) / len(pages) for pages in (some, every)]
    assert share[0] == pytest.approx(share[1], rel=0.5)
