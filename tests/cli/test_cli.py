"""The command line as it is typed: output, exit statuses, configuration."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from forked_cli import CommandLine, command_line, started

import reservation_middleware
from reservation_middleware import Agent, Check, Document, Outcome
from reservation_middleware.cli.options import page_url
from reservation_middleware.decide.batch import decide_lines
from reservation_middleware.model import PAGE, ConfigurationError, Mode, ProxyAgents
from reservation_middleware.model.agents import catalogue
from reservation_middleware.runtime.config import configuration
from web import Answer, WebThread

HTML = (("content-type", "text/html"),)
PAGES = {
    "http://a.example/robots.txt": Answer(
        body=b"User-agent: *\nDisallow: /private/\n\nUser-agent: GPTBot\nDisallow: /\n"
    ),
    "http://a.example/": Answer(headers=HTML, body=b"<p>open</p>"),
    "http://a.example/noai": Answer(
        headers=HTML, body=b"<meta name=robots content='noai, \x1b[31m'>"
    ),
    "http://a.example/private/": Answer(headers=HTML, body=b"<p>private</p>"),
    "http://dead.example/robots.txt": Answer(503),
    "http://a.example/moved": Answer(302, (("location", "http://b.example/private/x"),)),
    "http://a.example/away": Answer(302, (("location", "http://b.example/y"),)),
    "http://b.example/robots.txt": Answer(body=b"User-agent: *\nDisallow: /private/\n"),
    "http://b.example/.well-known/tdmrep.json": Answer(
        body=b'[{"location": "/", "tdm-reservation": 1}]'
    ),
    "http://b.example/y": Answer(headers=HTML, body=b"<p>elsewhere</p>"),
    "http://b.example/policy": Answer(
        headers=(*HTML, ("tdm-reservation", "1"), ("tdm-policy", "http://p.example/terms.json")),
        body=b"<p>",
    ),
    "http://p.example/terms.json": Answer(
        body=b'{"@type": "Offer", "assigner": {"vcard:hasURL": "http://p.example/us"}}'
    ),
    "http://c.example/ai.txt": Answer(body=b"User-Agent: *\nDisallow: /\n"),
    "http://c.example/": Answer(headers=HTML, body=b"<p>"),
    "http://d.example/robots.txt": Answer(body=b"License: http://d.example/rsl.xml\n"),
    "http://d.example/rsl.xml": Answer(
        headers=(("content-type", "application/rsl+xml"),),
        body=b'<rsl xmlns="https://rslstandard.org/rsl"><content url="/" '
        b'server="https://olp.example/api"><license><permits type="usage">ai-train</permits>'
        b'<payment type="free"/></license></content></rsl>',
    ),
    "http://d.example/": Answer(headers=HTML, body=b"<p>"),
    "http://a.example/offers": Answer(
        402,
        (
            *HTML,
            ("crawler-price", "USD 0.01"),
            ("content-usage", "train-ai=n;exceptions=cc-cr"),
        ),
        body=b"<p>",
    ),
    f"http://a.example/{'long/' * 30}": Answer(
        headers=(*HTML, ("tdm-reservation", "1"), ("tdm-policy", f"/terms/{'x' * 90}")),
    ),
}


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with command_line(tmp_path_factory.mktemp("cache")) as run:
        yield run


@pytest.mark.parametrize(
    ("url", "agent", "status", "words"),
    [
        ("http://a.example/", "ExampleBot", 0, "ExampleBot may use this page for AI training"),
        ("http://a.example/", "GPTBot", 1, "GPTBot may NOT fetch this page"),
        ("http://a.example/noai", "ExampleBot", 1, "robots meta: noai"),
        ("http://a.example/private/", "ExampleBot", 1, "Disallow: /private/"),
        ("http://dead.example/", "ExampleBot", 3, "HTTP 503"),
        ("http://nowhere.example/", "ExampleBot", 3, "NOT READ  http://nowhere.example/"),
        ("HTTP://a.example/", "ExampleBot", 0, "PROCEED (exit status 0)"),
        ("http://a.example/robots.txt", "ExampleBot", 0, "PROCEED (exit status 0)"),
        ("http://a.example/moved", "ExampleBot", 1, "http://a.example/moved leads to this page"),
        ("http://a.example/away", "ExampleBot", 1, "tdm-reservation"),
    ],
)
def test_check(cli: CommandLine, url: str, agent: str, status: int, words: str) -> None:
    with WebThread(PAGES) as web:
        code, printed, _ = cli("check", url, "--agent", agent, "--proxy", web.proxy_url)
        assert (code, web.count("http://a.example/private/")) == (status, 0)
    assert words in printed
    assert "\x1b" not in printed


def test_check_lists_what_the_page_points_to_before_the_page(cli: CommandLine) -> None:
    with WebThread(PAGES) as web:
        _, printed, _ = cli(
            "check", "http://b.example/policy", "--format", "json", "--proxy", web.proxy_url
        )
        assert web.count("http://p.example/terms.json") == 1
    found = [one["url"] for one in json.loads(printed)["documents"]]
    assert found[-2:] == ["http://p.example/terms.json", "http://b.example/policy"]


def test_check_says_where_a_crawl_would_not_have_looked(cli: CommandLine) -> None:
    with WebThread(PAGES) as web:
        found = {
            profile: cli(
                "check", "http://c.example/", "--profile", profile, "--proxy", web.proxy_url
            )
            for profile in ("opt-out", "strict")
        }
    words = "opt-out crawlers do not ask for ai.txt; record-only and strict crawlers do"
    printed = {name: " ".join(done.out.split()) for name, done in found.items()}
    assert [printed[name].count(words) for name in ("opt-out", "strict")] == [1, 0]
    # What the profile does not ask decides nothing.
    assert [found[name].status for name in ("opt-out", "strict")] == [0, 1]


def test_check_shows_an_address_and_a_condition_once(cli: CommandLine) -> None:
    with WebThread(PAGES) as web:
        _, contact, _ = cli("check", "http://b.example/policy", "--proxy", web.proxy_url)
        _, free, _ = cli("check", "http://d.example/", "--proxy", web.proxy_url)
    assert max(line.count("http://p.example/us") for line in contact.splitlines()) == 1
    assert "ON OFFER token-server, free, https://olp.example/api" in free
    assert "(conditions:" not in free  # the reason's own words name them


def test_check_json_judges_the_same_documents_for_many_agents(cli: CommandLine) -> None:
    with WebThread(PAGES) as web:
        code, printed, _ = cli(
            *("check", "http://a.example/", "http://a.example/noai", "--format", "json"),
            *("--purpose", "search", "--purpose", "ai-train", "--proxy", web.proxy_url),
        )
    assert code == 1
    first, second = map(json.loads, printed.splitlines())
    assert first["purposes"] == ["search", "ai-train"]
    assert first["agents"]["GPTBot"]["crawl"] == "disallowed"
    assert first["agents"]["*"]["crawl"] == "allowed"
    places = [document["resource"] for document in first["documents"]]
    assert (places[0], places[-1]) == ("robots.txt", "page")
    assert "tdmrep.json" in places
    assert second["verdict"] == "disallowed"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "ftp://a.example/"), "not an http or https URL"),
        (("check", "https://exa mple/"), "has no host that could be asked"),
        (("check", "a.example", "--proxy", "foo"), "'foo' is not an http or https URL"),
        (("check", "a.example", "--proxy", "socks5://a.example"), "not an http or https URL"),
        (("check", "a.example", "--purpose", "tdm,serch"), "did you mean 'search'?"),
        (("demo", "-o", ""), "the name of a folder is empty"),
        (("ledger", "offers", "no-such-file"), "cannot read no-such-file: No such file"),
        (("ledger", "offers", "."), "cannot read .: Is a directory"),
        (("ledger", "offrs"), "No such command"),
        (("check", "a.example", "--purpose", "ai-trian"), "did you mean 'ai-train'?"),
        (("check", "a.example", "--profile", "stict"), "did you mean 'strict'?"),
        (("check", "a.example", "--agent", "Two Words"), "not a product token"),
        (("check",), "Missing argument"),
        (("agents", "NoSuchBot"), "no agent 'NoSuchBot'"),
        (("chek",), "No such command"),
    ],
)
def test_bad_usage_is_one_clear_message_and_status_2(
    cli: CommandLine, arguments: tuple[str, ...], words: str
) -> None:
    code, _, said = cli(*arguments)
    assert code == 2
    assert words in said


def test_nothing_is_fetched_where_any_url_is_bad(cli: CommandLine) -> None:
    with WebThread(PAGES) as web:
        code, _, _ = cli("check", "http://a.example/", "http://a b/", "--proxy", web.proxy_url)
        assert (code, web.count("http://a.example/robots.txt")) == (2, 0)


def test_a_url_in_a_query_is_no_scheme() -> None:
    assert page_url("a.example/?of=http://b.example/") == "https://a.example/?of=http://b.example/"
    assert page_url(" a.example:8080/x ") == "https://a.example:8080/x"
    assert page_url("http://bücher.example/") == "http://bücher.example/"
    assert page_url("HTTP://user:word@[::1]:8080") == "HTTP://user:word@[::1]:8080"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("https:///x", "has no host that could be asked"),
        ("https://a..example/", "has no host that could be asked"),
        (f"https://{'a' * 64}.example/", "has no host that could be asked"),
        ("https://[1.2.3.4]/", "1.2.3.4"),
        ("https://[::1/", "is no URL"),
        ("https://a:99999/", "is no URL: Port out of range"),
        ("https://a:0/", "there is no port 0"),
        ("a.example/\x01", "it has control characters"),
    ],
)
def test_impossible_urls(given: str, words: str) -> None:
    with pytest.raises(typer.BadParameter, match=re.escape(words)):
        page_url(given)


def test_purposes_may_be_separated_by_commas(cli: CommandLine) -> None:
    with WebThread(PAGES) as web:
        _, printed, _ = cli(
            *("check", "http://a.example/", "--proxy", web.proxy_url, "--format", "json"),
            *("--purpose", "search, tdm", "--purpose", "ai-input"),
        )
    assert json.loads(printed)["purposes"] == ["search", "tdm", "ai-input"]


def test_offers_and_conditions_are_shown_in_full(cli: CommandLine) -> None:
    with WebThread(PAGES) as web:
        code, printed, _ = cli("check", "http://a.example/offers", "--proxy", web.proxy_url)
        _, plain, _ = cli(
            *("check", "http://a.example/offers", "--proxy", web.proxy_url, "--format", "json"),
        )
    assert code == 1
    assert "ON OFFER price 0.01 USD per fetch" in printed
    assert printed.count("train-ai=n;exceptions=cc-cr") == 1
    [offer] = json.loads(plain)["offers"]
    assert (offer["price"], offer["currency"], offer["per"]) == ("0.01", "USD", "fetch")


@pytest.mark.parametrize("columns", [60, 200])
def test_check_breaks_no_word_but_addresses(cli: CommandLine, columns: int) -> None:
    paths = ("noai", "offers", "long/" * 30)
    with WebThread(PAGES) as web:
        urls = [f"http://a.example/{path}" for path in paths]
        arguments = ("check", *urls, "--proxy", web.proxy_url)
        _, wide, _ = cli(*arguments, COLUMNS="4000")
        _, printed, _ = cli(*arguments, COLUMNS=str(columns))
    assert max(map(len, printed.splitlines())) <= columns
    # Where there is no space for a table, its heads stand elsewhere.
    heads = {"agent", "more", ""}
    # How many agents have names in a row depends on the width.
    words = {
        word.strip("─")
        for word in wide.split()
        if "/" not in word and "¹" not in word and not word[0].isdigit()
    } - heads
    assert len(words) > 50
    assert words - set(printed.split()) == set()


def test_a_terminal_that_is_not_utf_8_gets_other_characters(cli: CommandLine) -> None:
    with WebThread(PAGES) as web:
        arguments = ("check", "http://a.example/…", "--proxy", web.proxy_url)
        code, printed, said = started(*arguments, PYTHONIOENCODING="ascii")
    assert (code, said) == (0, "")
    assert "http://a.example/" in printed
    for usage in (("--help",), ("check", "--help"), ("check",), ("check", "ftp://…")):
        assert cli(*usage, PYTHONIOENCODING="ascii").status in {0, 2}


def test_a_ledger_of_offers(cli: CommandLine, tmp_path: Path) -> None:
    lines = [
        json.dumps(
            {
                "url": f"https://{host}.example/{number}",
                "documents": [
                    {"url": f"https://{host}.example/robots.txt", "status": 404},
                    {
                        "url": f"https://{host}.example/{number}",
                        "status": 402,
                        "headers": [["crawler-price", "USD 0.01"]],
                    },
                ],
            }
        )
        for host in ("b", "www.a", "a")
        for number in range(2)
    ]
    decided = cli("decide", text="\n".join((*lines, "nonsense")))
    records = tmp_path / "records.jsonl"
    records.write_text(decided.out + "garbage\n")
    code, printed, said = cli("ledger", "offers", str(records), "--format", "json")
    assert code == 0
    assert [(one["domain"], one["pages"]) for one in map(json.loads, printed.splitlines())] == [
        ("a.example", 4),
        ("b.example", 2),
    ]
    assert "1 error records passed over" in said
    assert "1 lines passed over" in said
    code, printed, said = cli("ledger", "offers", str(records), str(records))
    assert code == 0
    assert "0.01 USD" in printed
    assert "offers: 2, records: 6" in said
    assert cli("ledger", "offers", "-", text=records.read_text()).out == printed


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("seconds", [1.5, 2.5, 3.5])
def test_stopping_the_demo_leaves_no_trace(tmp_path: Path, seconds: float) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "reservation_middleware", "demo", "-o", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        said = process.stderr.read()
    # 0: it was faster. -2: Python ends so, too, where it was stopped in some import.
    assert process.returncode in {130, 0, -signal.SIGINT}
    assert "Traceback" not in said


def test_agents_lists_the_catalogue(cli: CommandLine) -> None:
    code, printed, _ = cli("agents", "--format", "json")
    assert code == 0
    assert len(printed.splitlines()) == len(catalogue().agents) >= 80
    code, printed, _ = cli("agents", "gptbot")
    assert code == 0
    assert "OpenAI" in printed
    assert "https://" in printed


def test_version() -> None:
    code, printed, _ = started("--version")
    assert code == 0
    assert printed.startswith("reservations 0.")


def test_decide_stops_quietly_when_the_reader_goes_away() -> None:
    line = '{"url": "https://a.example/"}\n'
    with subprocess.Popen(
        [sys.executable, "-m", "reservation_middleware", "decide"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        try:
            process.stdin.write(line * 5000)
            process.stdin.close()
        except BrokenPipeError:
            pass
        assert process.stderr.read() == ""


def test_configuration_file_then_environment_then_flags(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.reservations]\nagent = "FileBot"\nprofile = "strict"\npurposes = ["search"]\n'
        'policy_tokens = { "train-policy" = ["ai-train"] }\nmode = "observe"\n'
    )
    environment = {"RESERVATION_AGENT": "EnvironmentBot", "RESERVATION_PURPOSES": "tdm, search"}
    found = configuration({"agent": "FlagBot"}, folder=tmp_path, environment=environment)
    assert found.agent.token == "FlagBot"
    assert found.agent.purposes == ("tdm", "search")
    assert found.policy.profile == "strict"
    assert found.policy.mode is Mode.OBSERVE
    assert found.policy.proxy_agents is ProxyAgents.COUNT
    assert found.policy.policy_tokens == (("train-policy", ("ai-train",)),)
    found = configuration({"agent": None}, folder=tmp_path, environment=environment)
    assert found.agent.token == "EnvironmentBot"


def test_own_file_wins_over_pyproject(tmp_path: Path) -> None:
    (tmp_path / "reservations.toml").write_text('agent = "OwnBot"\n')
    (tmp_path / "pyproject.toml").write_text('[tool.reservations]\nagent = "ProjectBot"\n')
    assert configuration({}, folder=tmp_path, environment={}).agent.token == "OwnBot"


def test_the_public_helper_reads_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reservations.toml").write_text('agent = "FileBot"\nprofile = "strict"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESERVATION_PURPOSES", "search")
    agent, policy, _ = reservation_middleware.configuration()
    assert (agent.token, agent.purposes, policy.profile) == ("FileBot", ("search",), "strict")
    assert reservation_middleware.configuration({"agent": "OwnBot"}).agent.token == "OwnBot"


def test_policy_tokens_of_ones_own_take_the_place_of_the_default(tmp_path: Path) -> None:
    file = tmp_path / "reservations.toml"
    default = (("__usage_ai-training", ("ai-train",)),)
    for text, tokens in (
        ("", default),
        ("policy_tokens = {}\n", ()),
        ('policy_tokens = { "no-ai" = ["ai"] }\n', (("no-ai", ("ai",)),)),
    ):
        file.write_text(text)
        assert configuration({}, folder=tmp_path, environment={}).policy.policy_tokens == tokens


def test_policy_tokens_of_ones_own_in_scrapy() -> None:
    settings = pytest.importorskip("scrapy.settings")
    own = pytest.importorskip("reservation_middleware.scrapy._settings")
    name, default = "RESERVATION_POLICY_TOKENS", (("__usage_ai-training", ("ai-train",)),)
    assert own.policy_from(settings.Settings()).policy_tokens == default
    assert own.policy_from(settings.Settings({name: {}})).policy_tokens == ()
    given = settings.Settings({name: {"no-ai": ["ai"]}})
    assert own.policy_from(given).policy_tokens == (("no-ai", ("ai",)),)


def test_scrapy_settings_win_over_environment_over_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = pytest.importorskip("scrapy.settings")
    own = pytest.importorskip("reservation_middleware.scrapy._settings")
    (tmp_path / "reservations.toml").write_text(
        'agent = "FileBot"\nprofile = "strict"\npurposes = ["search"]\nmode = "observe"\n'
        'unknown = "proceed"\nproxy_tokens = ["GPTBot"]\n'
    )
    monkeypatch.chdir(tmp_path)
    plain = settings.Settings()
    assert own.configured_agent(plain) == (Agent("FileBot", ["search"]), True)
    policy = own.policy_from(plain)
    assert (policy.profile, policy.mode, policy.unknown) == ("strict", "observe", "proceed")
    monkeypatch.setenv("RESERVATION_AGENT", "EnvironmentBot")
    monkeypatch.setenv("RESERVATION_PURPOSES", "tdm")
    monkeypatch.setenv("RESERVATION_PROXY_TOKENS", "CCBot,GPTBot")
    assert own.configured_agent(plain) == (Agent("EnvironmentBot", ["tdm"]), True)
    assert own.policy_from(plain).proxy_tokens == ("CCBot", "GPTBot")
    given = settings.Settings(
        {
            "RESERVATION_AGENT": "SettingsBot",
            "RESERVATION_PURPOSES": ["ai-input"],
            "RESERVATION_PROFILE": "opt-out",
            "RESERVATION_MODE": "enforce",
            "RESERVATION_PROXY_TOKENS": ["ClaudeBot"],
        }
    )
    assert own.configured_agent(given) == (Agent("SettingsBot", ["ai-input"]), True)
    policy = own.policy_from(given)
    assert (policy.profile, policy.mode, policy.proxy_tokens) == (
        *("opt-out", "enforce"),
        ("ClaudeBot",),
    )
    (tmp_path / "reservations.toml").write_text('purposes = ["serch"]\n')
    with pytest.raises(ConfigurationError, match=r"reservations\.toml: unknown purpose"):
        own.policy_from(given)


def test_scrapy_takes_the_agent_from_its_own_settings_where_nobody_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = pytest.importorskip("scrapy.settings")
    own = pytest.importorskip("reservation_middleware.scrapy._settings")
    (tmp_path / "reservations.toml").write_text('purposes = ["search"]\n')
    monkeypatch.chdir(tmp_path)
    found = own.configured_agent(settings.Settings({"ROBOTSTXT_USER_AGENT": "ExampleBot/1.0"}))
    assert found == (Agent("ExampleBot", ["search"]), False)
    # Else each request's own User-Agent names it.
    found = own.configured_agent(settings.Settings({"USER_AGENT": "ExampleBot/1.0"}))
    assert found == (Agent("*", ["search"]), False)


def test_scrapys_own_settings_may_stand_in_the_environment_too() -> None:
    assert configuration(environment={"RESERVATION_MEDIA": "0", "RESERVATION_CONTENT": "0"})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("RESERVATION_MODE", "obsrve", "mode cannot be 'obsrve'; known: enforce, observe"),
        ("RESERVATION_PURPOSES", ["train"], "did you mean 'ai-train'?"),
        ("RESERVATION_GEO", ["de"], "'de' is no ISO 3166-1 alpha-2 code"),
        ("RESERVATION_CONTENT", "maybe", "boolean"),
        ("RESERVATION_MEDIA", "maybe", "boolean"),
        ("RESERVATION_TIMEOUT", "soon", "'soon'"),
    ],
)
def test_a_wrong_scrapy_setting_is_named(name: str, value: object, words: str) -> None:
    settings = pytest.importorskip("scrapy.settings")
    own = pytest.importorskip("reservation_middleware.scrapy._settings")
    with pytest.raises(ConfigurationError, match=rf"^{name}: .*{re.escape(words)}"):
        own.policy_from(settings.Settings({name: value}))


def test_decide_refuses_what_no_fetch_can_be_about() -> None:
    lines = [
        b'\xef\xbb\xbf{"url": "https://a.example/"}',
        b'{"url": "https:///x"}',
        b'{"url": "https://:80/x"}',
        *(
            b'{"url": "https://a.example/", "documents": [{"url": "https://a.example/", '
            b'"status": %d}]}' % status
            for status in (99, 100, 599, 600, -1)
        ),
        b'\xef\xbb\xbf{"url": "https://a.example/"}',
    ]
    good = [good for _, good in decide_lines(lines)]
    assert good == [True, False, False, False, True, True, True, False, False]


def test_a_sentence_says_when_a_reservation_is_recorded_only() -> None:
    policy = reservation_middleware.profile("record-only")
    check = Check("https://a.example/", agent=Agent("ExampleBot"), policy=policy)
    check.feed(
        Document(
            url="https://a.example/robots.txt",
            resource="robots.txt",
            outcome=Outcome.UNAVAILABLE,
        )
    )
    check.feed(
        Document(
            url="https://a.example/",
            resource=PAGE,
            outcome=Outcome.FETCHED,
            status=200,
            headers=(("tdm-reservation", "1"),),
        )
    )
    assert check.decide().sentence() == (
        "may use for ai-train (recorded only: no) ('tdm-reservation: 1' in header)"
    )


@pytest.mark.parametrize(
    ("text", "environment", "words"),
    [
        (
            'profle = "strict"',
            {},
            "reservations.toml: unknown key 'profle'; did you mean 'profile'?",
        ),
        ("agent = ", {}, "reservations.toml: "),
        ("agent = 3", {}, "reservations.toml: agent must be a string, not 3"),
        ("purposes = 3", {}, "purposes must be a list of strings, not 3"),
        ('signals = "tdmrp"', {}, "did you mean 'tdmrep'?"),
        (
            'unknown = "maybe"',
            {},
            "reservations.toml: unknown cannot be 'maybe'; known: proceed, block",
        ),
        ('purposes = ["serch"]', {}, "reservations.toml: unknown purpose 'serch'"),
        ('agent = "Two Words"', {}, "reservations.toml: 'Two Words' is not a product token"),
        (
            'geo = ["Germany"]',
            {},
            "reservations.toml: geo: 'Germany' is no ISO 3166-1 alpha-2 code",
        ),
        ("", {"RESERVATION_USER": "me"}, "RESERVATION_USER: unknown kind of user 'me'"),
        ("", {"RESERVATION_UNKNOWN": "x"}, "RESERVATION_UNKNOWN: unknown cannot be 'x'"),
        ('signals = ["tdmrp"]', {}, "did you mean 'tdmrep'?"),
        ("", {"RESERVATION_PROFLE": "x"}, "did you mean 'RESERVATION_PROFILE'?"),
    ],
)
def test_configuration_errors_name_the_nearest(
    tmp_path: Path, text: str, environment: dict[str, str], words: str
) -> None:
    (tmp_path / "reservations.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        configuration({}, folder=tmp_path, environment=environment)
    assert words in str(caught.value)


def test_check_asks_anew_whatever_is_kept(cli: CommandLine, tmp_path: Path) -> None:
    robots, page = "http://a.example/robots.txt", "http://a.example/"
    kept = ("--cache", f"sqlite:///{tmp_path}/kept.db")
    closed = Answer(headers=(("etag", '"1"'),), body=b"User-agent: *\nDisallow: /\n")
    with WebThread({robots: closed, page: Answer()}) as web:
        options = (*kept, "--proxy", web.proxy_url)
        assert cli("check", page, *options)[0] == 1
        assert cli("check", page, *options)[0] == 1
        asked = [seen.headers.get("if-none-match") for seen in web.log if seen.url == robots]
        assert asked == [None, '"1"']
        web.add(robots, Answer(404))
        assert cli("check", page, *options)[0] == 0
        assert web.count(robots) == 3
        web.add(robots, closed)
        assert cli("check", page, *options)[0] == 1
    with WebThread({robots: Answer(503)}) as web:
        status, printed, _ = cli("check", page, *kept, "--proxy", web.proxy_url)
        assert (status, "an old copy is relied on" in printed) == (1, True)


def test_check_with_a_cache_that_cannot_be(cli: CommandLine, tmp_path: Path) -> None:
    for url, words in (
        ("sqlite:///", "no file"),
        ("ftp://x", "no cache"),
        ("redis://:pw@x:y/", ""),
    ):
        status, _, said = cli("check", "http://127.0.0.1:9/", "--cache", url)
        assert status == 2
        assert words in said
        assert "pw" not in said
    # Where the user's own folder cannot be written to, nothing is kept.
    (tmp_path / "file").touch()
    blocked = str(tmp_path / "file" / "x")
    with WebThread(PAGES) as web:
        asked = ("check", "http://a.example/", "--proxy", web.proxy_url)
        assert cli(*asked, XDG_CACHE_HOME=blocked).status == 0


def test_every_verb_is_told_in_one_whole_line(cli: CommandLine) -> None:
    told = cli("--help", COLUMNS="80").out.partition("Commands:\n")[2].partition("\n\n")[0]
    assert len(told.splitlines()) == 11
    assert "…" not in told
    assert "..." not in told
