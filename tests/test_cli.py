"""The command line as it is typed: output, exit statuses, configuration."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reservation_middleware.agents import catalogue
from reservation_middleware.config import configuration
from reservation_middleware.model import ConfigurationError, Mode, ProxyAgents
from reservation_middleware.options import page_url
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


def cli(*arguments: str, cwd: Path | None = None, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "reservation_middleware", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("url", "agent", "status", "words"),
    [
        ("http://a.example/", "ExampleBot", 0, "may proceed: ai-train is unknown"),
        ("http://a.example/", "GPTBot", 1, "crawling is disallowed"),
        ("http://a.example/noai", "ExampleBot", 1, "robots meta: noai"),
        ("http://a.example/private/", "ExampleBot", 1, "Disallow: /private/"),
        ("http://dead.example/", "ExampleBot", 3, "HTTP 503"),
        ("http://nowhere.example/", "ExampleBot", 3, "unreachable"),
        ("HTTP://a.example/", "ExampleBot", 0, "may proceed"),
        ("http://a.example/robots.txt", "ExampleBot", 0, "may proceed"),
        ("http://a.example/moved", "ExampleBot", 1, "redirected from http://a.example/moved"),
        ("http://a.example/away", "ExampleBot", 1, "tdm-reservation"),
    ],
)
def test_check(url: str, agent: str, status: int, words: str) -> None:
    with WebThread(PAGES) as web:
        code, printed, _ = cli("check", url, "--agent", agent, "--proxy", web.proxy_url)
        assert (code, web.count("http://a.example/private/")) == (status, 0)
    assert words in printed
    assert "\x1b" not in printed


def test_check_json_judges_the_same_documents_for_many_agents() -> None:
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
        (("check", "https:///x"), "has no host that could be asked"),
        (("check", "https://a..example/"), "has no host that could be asked"),
        (("check", f"https://{'a' * 64}.example/"), "has no host that could be asked"),
        (("check", "https://[1.2.3.4]/"), "1.2.3.4"),
        (("check", "https://[::1/"), "is no URL"),
        (("check", "https://a:99999/"), "is no URL: Port out of range"),
        (("check", "https://a:0/"), "there is no port 0"),
        (("check", "a.example/\x01"), "it has control characters"),
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
    arguments: tuple[str, ...], words: str
) -> None:
    code, _, said = cli(*arguments)
    assert code == 2
    assert words in said


def test_nothing_is_fetched_where_any_url_is_bad() -> None:
    with WebThread(PAGES) as web:
        code, _, _ = cli("check", "http://a.example/", "http://a b/", "--proxy", web.proxy_url)
        assert (code, web.count("http://a.example/robots.txt")) == (2, 0)


def test_a_url_in_a_query_is_no_scheme() -> None:
    assert page_url("a.example/?of=http://b.example/") == "https://a.example/?of=http://b.example/"
    assert page_url(" a.example:8080/x ") == "https://a.example:8080/x"
    assert page_url("http://bücher.example/") == "http://bücher.example/"
    assert page_url("HTTP://user:word@[::1]:8080") == "HTTP://user:word@[::1]:8080"


def test_purposes_may_be_separated_by_commas() -> None:
    with WebThread(PAGES) as web:
        _, printed, _ = cli(
            *("check", "http://a.example/", "--proxy", web.proxy_url, "--format", "json"),
            *("--purpose", "search, tdm", "--purpose", "ai-input"),
        )
    assert json.loads(printed)["purposes"] == ["search", "tdm", "ai-input"]


def test_offers_and_conditions_are_shown_in_full() -> None:
    with WebThread(PAGES) as web:
        code, printed, _ = cli("check", "http://a.example/offers", "--proxy", web.proxy_url)
        _, plain, _ = cli(
            *("check", "http://a.example/offers", "--proxy", web.proxy_url, "--format", "json"),
        )
    assert code == 1
    assert "offer  price 0.01 USD per fetch (payment)" in printed
    assert "protocols: pay-per-crawl" in printed
    assert "at: http://a.example/offers" in printed
    assert "(conditions: exceptions=cc-cr)" in printed
    [offer] = json.loads(plain)["offers"]
    assert (offer["price"], offer["currency"], offer["per"]) == ("0.01", "USD", "fetch")


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("path", ["noai", "offers", "long/" * 30])
def test_check_breaks_no_word_but_addresses(columns: int, path: str) -> None:
    with WebThread(PAGES) as web:
        arguments = ("check", f"http://a.example/{path}", "--proxy", web.proxy_url)
        _, wide, _ = cli(*arguments, COLUMNS="4000")
        _, printed, _ = cli(*arguments, COLUMNS=str(columns))
    assert max(map(len, printed.splitlines())) <= columns
    # Where there is no space for a table, its heads stand elsewhere.
    heads = {"reason", "says", "about", "where", "words", "place", "found"}
    words = {word for word in wide.split() if "/" not in word} - heads
    assert len(words) > 50
    assert words - set(printed.split()) == set()


def test_a_terminal_that_is_not_utf_8_gets_other_characters() -> None:
    with WebThread(PAGES) as web:
        arguments = ("check", "http://a.example/…", "--proxy", web.proxy_url)
        code, printed, said = cli(*arguments, PYTHONIOENCODING="ascii")
    assert (code, said) == (0, "")
    assert "http://a.example/" in printed
    for usage in (("--help",), ("check", "--help"), ("check",), ("check", "ftp://…")):
        assert cli(*usage, PYTHONIOENCODING="ascii")[0] in {0, 2}


def test_a_ledger_of_offers(tmp_path: Path) -> None:
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
    decided = subprocess.run(
        [sys.executable, "-m", "reservation_middleware", "decide"],
        input="\n".join((*lines, "nonsense")),
        capture_output=True,
        text=True,
        check=False,
    )
    records = tmp_path / "records.jsonl"
    records.write_text(decided.stdout + "garbage\n")
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
    assert "2 offers in 6 records" in said
    piped = subprocess.run(
        [sys.executable, "-m", "reservation_middleware", "ledger", "offers", "-"],
        input=records.read_bytes(),
        capture_output=True,
        check=False,
    )
    assert piped.stdout.decode() == printed


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


def test_agents_lists_the_catalogue() -> None:
    code, printed, _ = cli("agents", "--format", "json")
    assert code == 0
    assert len(printed.splitlines()) == len(catalogue().agents) >= 80
    code, printed, _ = cli("agents", "gptbot")
    assert code == 0
    assert "OpenAI" in printed
    assert "https://" in printed


def test_version() -> None:
    code, printed, _ = cli("--version")
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
        ('unknown = "maybe"', {}, "reservations.toml: Invalid enum value 'maybe'"),
        ('purposes = ["serch"]', {}, "reservations.toml: unknown purpose 'serch'"),
        ('agent = "Two Words"', {}, "reservations.toml: 'Two Words' is not a product token"),
        ("", {"RESERVATION_UNKNOWN": "x"}, "RESERVATION_UNKNOWN: Invalid enum value 'x'"),
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
