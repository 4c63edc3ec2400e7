"""The command line as it is typed: output, exit statuses, configuration."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reservation_middleware.agents import catalogue
from reservation_middleware.config import configuration
from reservation_middleware.model import ConfigurationError, Mode, ProxyAgents
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
    assert [document["resource"] for document in first["documents"]] == [
        *("robots.txt", "tdmrep.json", "page"),
    ]
    assert second["verdict"] == "disallowed"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "ftp://a.example/"), "not an http or https URL"),
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
        ('unknown = "maybe"', {}, "Invalid enum value 'maybe'"),
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
