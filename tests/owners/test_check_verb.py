"""What ``reservations check`` says of real sites on loopback: places, agents, forms, statuses."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from forked_cli import CommandLine, Done, command_line

from reservation_middleware import Agent, profile
from reservation_middleware.cli.check import CheckFormat
from reservation_middleware.model.agents import catalogue
from reservation_middleware.owners.inspect.budget import MAX_REQUESTS
from reservation_middleware.owners.inspect.forms import FORMS
from reservation_middleware.owners.inspect.forms.markdown import code
from reservation_middleware.owners.inspect.inspection import Inspection, State
from reservation_middleware.owners.inspect.look import Ownership, inspect
from reservation_middleware.owners.inspect.looker import OWN_TOKEN
from reservation_middleware.owners.inspect.matrix import FETCH, USES, MatrixRow, Value
from reservation_middleware.owners.inspect.samples import other_origins
from reservation_middleware.owners.inspect.summary import summarize
from reservation_middleware.report.formats import FORMS as ALL_FORMS
from reservation_middleware.report.formats import Detail, Form, Screen, render
from reservation_middleware.report.words import network_problem
from web import Answer, WebThread

HTML = (("content-type", "text/html"),)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
PAGE = b"""<!doctype html><title>Press</title><meta name="robots" content="noai">
<img src="/cat.jpg"><a href="/paper.pdf">paper</a>"""
ROBOTS = b"""User-agent: *
Content-Signal: search=yes, ai-train=no
Allow: /

User-agent: GPTBot
Allow: /

User-agent: CCBot
User-agent: ChatGPT-User
User-agent: Google-Extended
Disallow: /
User-agnet: ClaudeBot
License: /license.xml
"""
SITE = {
    "https://press.example/robots.txt": Answer(body=ROBOTS),
    "https://press.example/": Answer(headers=HTML, body=PAGE),
    "https://press.example/cat.jpg": Answer(headers=(("content-type", "image/jpeg"),), body=JPEG),
    "https://press.example/ai.txt": Answer(body=b"User-Agent: *\nDisallow: /\n"),
    "https://press.example/trust.txt": Answer(headers=HTML, body=b"<!doctype html><p>hello"),
    "https://press.example/.well-known/tdmrep.json": Answer(body=b"{oops"),
    "http://press.example/robots.txt": Answer(
        301, (("location", "https://press.example/robots.txt"),)
    ),
    "https://www.press.example/robots.txt": Answer(body=b"User-agent: *\nAllow: /\n"),
}


def plain(pages: dict[str, Answer]) -> dict[str, Answer]:
    """The same site over http, which needs no certificate."""
    return {
        url.replace("http://", "x://")
        .replace("https://", "http://")
        .replace("x://", "https://"): one
        for url, one in pages.items()
    }


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with command_line(tmp_path_factory.mktemp("cache")) as run:
        yield run


@pytest.fixture(scope="module")
def site() -> Iterator[WebThread]:
    with WebThread(plain(SITE)) as web:
        yield web


def look(web: WebThread, url: str = "http://press.example/", **options: object) -> Inspection:
    agent = Agent(str(options.pop("agent", "*")))
    policy = profile(str(options.pop("profile", "opt-out")))
    work = inspect(url, agent=agent, policy=policy, proxy=web.proxy_url, **options)  # type: ignore[arg-type]
    return asyncio.run(work)


def row_of(rows: tuple[MatrixRow, ...], token: str) -> dict[str, str]:
    [row] = [row for row in rows if token in row.tokens]
    return {name: answer.text for name, answer in row.answers.items()}


def pages(
    host: str, robots: bytes | Answer, page: bytes | Answer = b"<p>", **more: bytes
) -> dict[str, Answer]:
    def answer(given: bytes | Answer, *, html: bool = False) -> Answer:
        if isinstance(given, Answer):
            return given
        return Answer(headers=HTML if html else (), body=given)

    return {
        f"http://{host}/robots.txt": answer(robots),
        f"http://{host}/": answer(page, html=True),
        **{f"http://{host}/{name.replace('_', '.')}": answer(body) for name, body in more.items()},
    }


def test_the_verdict_comes_from_the_places_that_the_profile_asks(cli: CommandLine) -> None:
    only = pages("only.example", b"", ai_txt=b"User-Agent: *\nDisallow: /\n")
    with WebThread(only) as web:
        found = cli("check", "http://only.example/", "--proxy", web.proxy_url)
        strict = cli(
            "check", "http://only.example/", "--proxy", web.proxy_url, "--profile", "strict"
        )
    assert (found.status, strict.status) == (0, 1)
    printed = " ".join(found.out.split())
    assert (
        "ai.txt line 2 (Disallow: /) says no, but opt-out crawlers do not ask for ai.txt" in printed
    )
    assert "say it in robots.txt, too" in printed


def test_agents_and_uses(site: WebThread) -> None:
    rows = summarize(look(site)).rows
    assert row_of(rows, "*") == {
        "fetch": "yes",
        "train": "no",
        "answers": "not said",
        "index": "not said",
        "search": "yes",
        "mining": "not said",
    }
    # Named itself, so that nothing is inherited; the page's own words hold for everyone.
    assert row_of(rows, "GPTBot") == {
        "fetch": "yes",
        "train": "no",
        "answers": "not said",
        "index": "not said",
        "search": "not said",
        "mining": "not said",
    }
    assert row_of(rows, "ClaudeBot")["fetch"] == "yes*"
    assert row_of(rows, "ClaudeBot")["search"] == "yes*"
    assert row_of(rows, "CCBot") == {FETCH: "no", **dict.fromkeys(USES, "no (may not fetch)")}
    assert row_of(rows, "Google-Extended") == {
        "fetch": "n/a",
        "train": "no",
        "answers": "no",
        "index": "n/a",
        "search": "n/a",
        "mining": "n/a",
    }
    assert row_of(rows, "ChatGPT-User")["fetch"] == "not bound"
    tokens = [token for row in rows for token in row.tokens]
    assert len(tokens) == len(set(tokens)) > 130
    assert {"*", *tokens} <= {"*", *(agent.token for agent in catalogue().agents)}


def test_equal_rows_are_one_and_an_answer_may_be_partial() -> None:
    body = b'<meta name="tdm-reservation" content="0">'
    with WebThread(pages("one.example", Answer(404), body)) as web:
        rows = summarize(look(web, "http://one.example/")).rows
    assert [row.is_switch for row in rows].count(False) == 1
    usage = b"User-agent: *\nContent-Usage: train-ai=n\nAllow: /\n"
    with WebThread(pages("two.example", usage)) as web:
        rows = summarize(look(web, "http://two.example/")).rows
    assert row_of(rows, "*")["train"] == "partial"  # generative only


def test_the_line_behind_every_cell(site: WebThread) -> None:
    rows = summarize(look(site)).rows
    [row] = [row for row in rows if "CCBot" in row.tokens]
    assert {reason.line for reason in row.behind("fetch")} == {11}
    for row in rows:
        for column, answer in row.answers.items():
            is_answer = answer.value not in (Value.NOT_SAID, Value.NOT_APPLICABLE)
            assert bool(row.behind(column)) is is_answer, (row.tokens[0], column)


def test_the_places_and_what_became_of_them(site: WebThread) -> None:
    found = look(site)
    states = {place.name: (place.state, place.is_asked, place.speaks) for place in found.places}
    assert states == {
        "robots.txt": (State.PRESENT, True, True),
        "tdmrep.json": (State.PRESENT, True, False),
        "ai.txt": (State.PRESENT, False, True),
        ".well-known/ai.txt": (State.ABSENT, False, False),
        "ai.json": (State.ABSENT, False, False),
        "trust.txt": (State.NO_SUCH_FILE, False, False),
        ".well-known/trust.txt": (State.ABSENT, False, False),
        "page": (State.PRESENT, True, True),
    }


def test_other_addresses_and_samples_are_looked_at(site: WebThread) -> None:
    before = len(site.log)
    found = look(site)
    asked = site.log[before:]
    # Those that ended before they were sent, for want of trust in a certificate, count as well.
    assert len(asked) <= found.requests
    assert found.requests <= MAX_REQUESTS
    outcomes = {variant.origin: variant for variant in found.variants}
    assert set(outcomes) == {
        "http://www.press.example",
        "https://press.example",
        "https://www.press.example",
    }
    assert outcomes["http://www.press.example"].differs
    kinds = {sample.kind: sample for sample in found.samples}
    assert kinds["image"].decision is not None
    assert kinds["image"].outcome.startswith("present (HTTP 200")
    assert kinds["PDF"].outcome.startswith("absent")


def test_never_more_than_sixteen_requests() -> None:
    hops = {
        f"http://many.example{path}": Answer(302, (("location", f"{path}?{number}"),))
        for path in ("/robots.txt", "/ai.txt", "/trust.txt", "/.well-known/tdmrep.json")
        for number in [1]
    }
    hops |= {
        f"http://many.example{path}?{number}": Answer(302, (("location", f"{path}?{number + 1}"),))
        for path in ("/robots.txt", "/ai.txt", "/trust.txt", "/.well-known/tdmrep.json")
        for number in range(1, 9)
    }
    hops["http://many.example/"] = Answer(headers=HTML, body=PAGE)
    with WebThread(hops) as web:
        found = look(web, "http://many.example/")
        assert len(web.log) <= MAX_REQUESTS
    assert found.requests == MAX_REQUESTS
    assert {place.state for place in found.places} >= {State.NOT_TESTED}
    assert "16 requests" in summarize(found).read


def test_check_asks_as_itself_and_keeps_to_its_rules() -> None:
    closed = pages("own.example", f"User-agent: {OWN_TOKEN}\nDisallow: /\n".encode(), PAGE)
    with WebThread(closed) as web:
        found = look(web, "http://own.example/", agent="GPTBot")
        assert web.count("http://own.example/") == 0
        assert all(OWN_TOKEN in seen.headers["user-agent"] for seen in web.log)
        assert found.decision.action == "proceed"
        assert "the page itself was not looked at" in " ".join(summarize(found).verdict.because)
        owner = look(web, "http://own.example/", agent="GPTBot", ownership=Ownership.OWNER)
        assert web.count("http://own.example/") == 1
    assert (owner.decision.action, owner.decision.stage) == ("block", "content")


def test_where_an_agent_may_not_fetch_the_owner_sees_the_page_all_the_same() -> None:
    with WebThread(pages("gpt.example", b"User-agent: GPTBot\nDisallow: /\n", PAGE)) as web:
        found = look(web, "http://gpt.example/", agent="GPTBot")
    assert found.decision.crawl == "disallowed"
    assert any(place.name == "page" and place.speaks for place in found.places)
    assert "may NOT fetch" in summarize(found).verdict.headline


def test_asking_as_another_agent_shows_declared_beside_served(cli: CommandLine) -> None:
    with WebThread(pages("edge.example", b"User-agent: *\nAllow: /\n")) as web:
        arguments = ("check", "http://edge.example/", "--proxy", web.proxy_url, "--as", "GPTBot")
        refused = cli(*arguments)
        assert refused.status == 2
        assert "--i-own-this-site" in refused.err
        assert not web.log
        done = cli(*arguments, "--i-own-this-site")
        names = [seen.headers["user-agent"] for seen in web.log]
    assert sum(name.startswith("GPTBot ") for name in names) == 2
    printed = " ".join(done.out.split())
    assert "declared for GPTBot: may fetch; served to that name: robots.txt HTTP 200" in printed
    assert "The edge may verify addresses" in printed


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (Answer(403), 3, "NOT READ"),
        (Answer(503), 3, "NOT READ"),
        (Answer(fault="reset"), 3, "NOT REACHED"),
        (Answer(404), 0, "the page itself is absent (404)"),
    ],
)
def test_what_cannot_be_read(cli: CommandLine, answer: Answer, status: int, words: str) -> None:
    site = pages("closed.example", answer, answer)
    with WebThread(site) as web:
        done = cli("check", "http://closed.example/", "--proxy", web.proxy_url)
    assert done.status == status
    assert words in done.out
    if status == 3:
        assert "Nothing can be said about its reservations" in done.out
        assert "Error" not in done.out
        assert len(done.out.splitlines()) <= 3
    if words == "NOT READ" and answer.status == 403:
        assert OWN_TOKEN in done.out


def test_a_host_that_does_not_exist(cli: CommandLine) -> None:
    done = cli("check", "http://nohost.invalid/")
    assert done.status == 3
    assert done.out.startswith("NOT REACHED  http://nohost.invalid/  no such host (DNS).\n")
    assert cli("check", "mailto:us@press.example").status == 2


@pytest.mark.parametrize("agent", ["GTPBot", "gptbots", "ClaudBot", "CCBto"])
def test_a_misspelt_agent_is_bad_usage(cli: CommandLine, agent: str) -> None:
    done = cli("check", "http://a.example/", "--agent", agent)
    assert done.status == 2
    assert f"{agent} is no known agent; did you mean" in done.err


def test_own_crawlers_are_no_misspelling(cli: CommandLine, tmp_path: Path) -> None:
    with WebThread(pages("a.example", b"")) as web:
        for agent in ("ExampleBot", "gptbot", "MyOwnGPTBot"):
            assert (
                cli("check", "http://a.example/", "--agent", agent, "--proxy", web.proxy_url).status
                == 0
            )
        (tmp_path / "reservations.toml").write_text('agent = "GTPBot"\n')
        assert cli("check", "http://a.example/", "--proxy", web.proxy_url, cwd=tmp_path).status == 0


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_first_screen(cli: CommandLine, site: WebThread, columns: int) -> None:
    done = cli("check", "http://press.example/", "--proxy", site.proxy_url, COLUMNS=str(columns))
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= columns
    assert all(line == line.rstrip() for line in lines)
    if columns >= 80:
        assert len(lines) <= 24
    order = [
        "NOT use",
        "because of robots.txt line 2",
        "GPTBot",
        "TO MEND",
        "READ",
        "--format html",
    ]
    joined = " ".join(done.out.split())
    places = [joined.index(words) for words in order]
    assert places == sorted(places)


def test_text_in_a_pipe_is_neither_wrapped_nor_padded(cli: CommandLine, site: WebThread) -> None:
    for arguments in (
        ("check", "http://press.example/", "--all", "--proxy", site.proxy_url),
        ("agents",),
    ):
        lines = cli(*arguments).out.splitlines()
        assert all(line == line.rstrip() for line in lines)
        assert max(map(len, lines)) > 120 or arguments == ("agents",)


def test_quiet_all_and_several_urls(cli: CommandLine, site: WebThread) -> None:
    url, proxy = "http://press.example/", ("--proxy", site.proxy_url)
    quiet = cli("check", url, url, "-q", *proxy)
    assert len(quiet.out.splitlines()) == 2
    assert quiet.out.startswith(
        "BLOCK  http://press.example/  Crawlers may NOT use this page for AI"
    )
    whole = cli("check", url, "--all", *proxy).out
    for words in (
        "BEHIND THE ANSWERS",
        "PLACES",
        "BESIDE THE PAGE",
        "no such file behind a 200",
        "not asked by this profile",
        "https://www.rfc-editor.org/rfc/rfc9309#section-2.2",
        "robots-key-misspelt",
        "aimed at other AI agents, not counted",
        "holds until",
    ):
        assert words in whole
    assert "─────" in cli("check", url, url, *proxy).out
    assert cli("check", url, "-q", "--all", *proxy).status == 2


def test_each_thing_to_mend_once_with_file_and_line(site: WebThread) -> None:
    mend = summarize(look(site)).mend
    assert [(finding.ident, finding.place) for finding in mend] == [
        ("site-group-loses-signal", "robots.txt:5"),  # found between groups, by lint
        ("robots-key-misspelt", "robots.txt:12"),
        ("rsl-link-invalid", "robots.txt:13"),
        ("site-signal-in-last-group", "robots.txt:13"),
        ("tdmrep-file-not-json", "tdmrep.json"),
    ]
    assert len({(finding.ident, finding.place) for finding in mend}) == len(mend)


def test_disagreements_say_which_counts(cli: CommandLine) -> None:
    page = Answer(
        headers=(*HTML, ("content-signal", "ai-train=yes")), body=b"<meta name=robots content=noai>"
    )
    site = pages("both.example", b"User-agent: *\nContent-Signal: ai-train=yes\nAllow: /\n", page)
    with WebThread(site) as web:
        done = cli("check", "http://both.example/", "--all", "--proxy", web.proxy_url)
    assert done.status == 1
    assert "DISAGREEMENTS" in done.out
    assert "the no counts" in done.out


def test_json_keeps_its_fields_and_has_more(cli: CommandLine, site: WebThread) -> None:
    done = cli("check", "http://press.example/", "--proxy", site.proxy_url, "--format", "json")
    found = json.loads(done.out)
    assert {
        "url",
        "agent",
        "purposes",
        "profile",
        "stage",
        "action",
        "verdict",
        "crawl",
        "usage",
        "reasons",
        "offers",
        "identifiers",
        "notes",
        "consulted",
        "not_reached",
        "expires",
        "spec_version",
        "agents",
        "documents",
        "asked",
        "problem",
    } <= set(found)
    assert found["exit_status"] == done.status == 1
    assert found["consulted"] == ["robots.txt", "tdmrep.json", "headers", "content"]
    assert [one["carrier"] for one in found["elsewhere"]] == ["ai.txt"]
    assert found["agents"]["CCBot"]["crawl"] == "disallowed"


class Page(HTMLParser):
    """Tags, the words outside of them, and addresses that a browser would ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(text: str) -> Page:
    page = Page()
    page.feed(text)
    return page


def test_the_page_in_html(site: WebThread) -> None:
    text = FORMS[Form.HTML](summarize(look(site)), Screen(command="reservations check x"))
    page = page_of(text)
    assert page.tags.count("h1") == 1
    assert not {"script", "img", "link", "iframe", "form"} & set(page.tags)
    assert page.loads == []
    assert page.tags.count("caption") == page.tags.count("table") > 1
    order = [
        "May AI crawlers use press.example?",
        "may NOT use this page",
        "What to mend",
        "Who may do what",
        "What “not said” means",
        "Evidence",
    ]
    body = page.text[page.text.index("May AI crawlers use press.example?", 400) :]
    places = [body.index(words) for words in order]
    assert places == sorted(places)
    for words in ("✕ no", "✓ yes", "legal advice", "not bound"):
        assert words in page.text
    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\'' in text
    for anchor in re.findall(r'href="#([^"]+)"', text):
        assert f'id="{anchor}"' in text


HOSTILE = {
    "markup": b"User-agent: *\nContent-Signal: ai-train=no <script>alert(1)</script> [x](javascript:x) | `\nDisallow: /<b>\n",
    "controls": b"User-agent: *\nUser-agnet: \x1b[31mred\x07\x9b2J\xe2\x80\xaejoy\nContent-Signal: ai-train=no\n",
    "binary": bytes(range(256)) * 40,
    "utf-16": "User-agent: *\nDisallow: /\n".encode("utf-16"),
    "long name": b"User-agent: " + b"x" * 100_000 + b"\nDisallow: /\n",
    "managed": b"# BEGIN managed\n# " + b"BEGIN END " * 40_000 + b"\nUser-agent: *\nDisallow: /\n",
    "long line": b"User-agent: *\nContent-Signal: ai-train=no, " + b"x" * 100_000 + b"\n",
    "many lines": b"User-agnet: x\n" * 20_000,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_documents_in_every_form(body: bytes) -> None:
    page = Answer(
        headers=(
            *HTML,
            ("x-robots-tag", "noai, <i>" + "y" * 5000),
            ("tdm-policy", "javascript:alert(1)"),
        ),
        body=b"<meta name=robots content='noai \x1b[2J <b>'><title></title><img src='javascript:x'>"
        + body[:5000],
    )
    with WebThread(pages("bad.example", body, page, ai_txt=body)) as web:
        summary = summarize(look(web, "http://bad.example/"))
    for form, shown in FORMS.items():
        for screen in (Screen(80), Screen(None)):
            text = shown(summary, screen)
            if form is Form.JSON:
                json.loads(text)
                continue
            assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text), form
    text = FORMS[Form.HTML](summary, Screen())
    found = page_of(text)
    assert not {"script", "b", "i"} & (set(found.tags) - {"b"})
    assert "<script>alert" not in text
    assert not re.search(r'href="(?!#|https://)', text)
    markdown = FORMS[Form.MARKDOWN](summary, Screen())
    assert "<script>" not in re.sub(r"(`+) ?.*?\1", "", markdown)
    assert not re.search(r"(?<!\\)\]\(javascript", re.sub(r"(`+).*?\1", "", markdown))


def test_huge_headers_end_in_a_sentence(cli: CommandLine) -> None:
    with WebThread(pages("big.example", b"", Answer(fault="headers"))) as web:
        done = cli("check", "http://big.example/", "--proxy", web.proxy_url)
    assert done.status == 3
    assert done.err == ""


def test_code_spans_hold_any_text() -> None:
    for text in ("a", "`", "``x`", " ", "", "a\nb", "|"):
        span = code(text)
        fence = re.match("`+", span)
        assert fence
        inside = span[len(fence[0]) : -len(fence[0])]
        assert fence[0] not in re.findall("`+", inside)
        assert "\n" not in span


def test_forms_of_the_verb_are_those_that_are_registered(site: WebThread) -> None:
    assert {str(form) for form in CheckFormat} == {str(form) for form in ALL_FORMS["check"]}
    summary = summarize(look(site))
    assert render("check", Form.JSON, summary, Screen()).startswith('{"url":')


def test_other_origins() -> None:
    assert other_origins("https://a.example/x")[0] == "https://www.a.example"
    for url in (
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://localhost/",
        "https://a.example:8443/",
    ):
        assert other_origins(url) == ()


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            "ClientConnectorDNSError: Cannot connect to host a:443 ssl:default [Name or service not known]",
            "no such host (DNS)",
        ),
        ("TimeoutError", "no answer in time"),
        (
            "a fault of this machine: no DNS server answers",
            "a fault of this machine: no DNS server answers",
        ),
        ("HTTP 503", "HTTP 503"),
        ("ServerDisconnectedError: Server disconnected", "the connection is cut"),
    ],
)
def test_problems_are_told_without_names_of_libraries(problem: str, words: str) -> None:
    assert network_problem(problem) == words


def test_help_has_examples_and_no_python_types(cli: CommandLine) -> None:
    for verb in ("check", "report", "agents", "demo", "ledger verify"):
        text = cli(*verb.split(), "--help", COLUMNS="120").out
        assert not re.search(r"<(list|str|path|int)", text), verb
    text = cli("check", "--help", COLUMNS="120").out
    assert max(map(len, text.splitlines())) > 80
    for words in ("reservations check example.org", "licence-first", "ai-input", "--as"):
        assert words in text


def test_all_errors_look_alike(cli: CommandLine) -> None:
    for arguments in (
        ("check",),
        ("chek",),
        ("check", "x", "--profile", "stict"),
        ("report", "/none"),
        ("check", "x", "--nope"),
        ("check", "x", "--agent", "GTPBot"),
    ):
        done: Done = cli(*arguments)
        assert done.status == 2
        assert done.err.startswith("reservations: ")
        assert done.err.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals and signals")
def test_on_a_terminal_a_line_says_what_is_asked_and_ctrl_c_is_silent(tmp_path: Path) -> None:
    import pty

    with WebThread(pages("slow.example", Answer(fault="hang"))) as web:
        main, side = pty.openpty()
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "reservation_middleware",
                "check",
                "http://slow.example/",
                "--proxy",
                web.proxy_url,
            ],
            stdout=subprocess.PIPE,
            stderr=side,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
            start_new_session=True,
        )
        os.close(side)
        talk = b""
        while b"request 1" not in talk:
            talk += os.read(main, 1000)
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        with contextlib.suppress(OSError):  # the other end is gone
            while part := os.read(main, 1000):
                talk += part
        os.close(main)
    assert process.returncode == 130
    assert out == b""
    # The line is wiped out, and nothing stands in its place.
    assert talk.startswith(b"\r\x1b[Kasking slow.example")
    assert talk.endswith(b"\r\x1b[K")
    assert b"\n" not in talk


def test_nothing_is_told_where_no_terminal_is(cli: CommandLine, site: WebThread) -> None:
    assert cli("check", "http://press.example/", "--proxy", site.proxy_url).err == ""


MISSPELT = {
    "robots.txt": (b"Content-Singal: ai-train=no\n", b"<p>", "warning", "Content-Signal"),
    "user-agent": (b"User-agnet: GPTBot\n", b"<p>", "warning", "User-agent"),
    "meta": (b"", b'<meta name="robot" content="noai">', "warning", "robots"),
    "disallow": (b"User-agent: *\nDisalow: /x\n", b"<p>", "info", "Disallow"),
}


@pytest.mark.parametrize(("robots", "page", "level", "right"), MISSPELT.values(), ids=MISSPELT)
def test_a_misspelt_key_is_told_with_the_right_one(
    robots: bytes, page: bytes, level: str, right: str
) -> None:
    with WebThread(pages("typo.example", robots, page)) as web:
        found = summarize(look(web, "http://typo.example/")).findings
    hits = [
        finding
        for finding in found
        if right.lower() in f"{finding.summary} {finding.remedy}".lower()
    ]
    assert [str(finding.level) for finding in hits] == [level], found


def test_what_says_noai_is_not_told_to_say_it() -> None:
    page = Answer(headers=(*HTML, ("x-robots-tag", "noai, noimageai")), body=b"<p>")
    with WebThread(pages("tag.example", b"", page)) as web:
        assert summarize(look(web, "http://tag.example/")).mend == ()


def test_a_page_is_about_one_address(cli: CommandLine) -> None:
    assert cli("check", "a.example", "b.example", "--format", "html").status == 2


@pytest.mark.skipif(os.name != "posix", reason="a shell's protocol")
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("--profile li", {"licence-first"}),
        ("--agent GPTB", {"GPTBot"}),
        ("--purpose ai-t", {"ai-train", "ai-train-gen", "ai-train-nongen"}),
        ("--format m", {"markdown"}),
    ],
)
def test_a_shell_completes_words(typed: str, words: set[str]) -> None:
    line = f"reservations check {typed}"
    done = subprocess.run(
        [Path(sys.executable).with_name("reservations")],
        env={
            **os.environ,
            "_RESERVATIONS_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split()) - 1),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(done.stdout.split()) == words


def test_help_alone_is_the_whole_help(cli: CommandLine) -> None:
    done = cli()
    assert done.status == 2
    assert "reservations check example.org" in done.out


@pytest.mark.parametrize("form", [Form.HTML, Form.MARKDOWN, Form.TEXT])
def test_what_to_write_keeps_its_lines(site: WebThread, form: Form) -> None:
    shown = FORMS[form](summarize(look(site)), Screen(detail=Detail.ALL))
    assert re.search(r"User-agent: \*\W*\n\W*License: /license\.xml", shown)
