"""Licences held: the file, its errors with their lines, matching, tokens and where they never go.

What licences make of a decision is told by the vectors (decision-licence-…); here is what no
vector can say.
"""

import asyncio
import json
import logging
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_spec import errors

from reservation_middleware import (
    Agent,
    Check,
    ConfigurationError,
    Decision,
    Document,
    Outcome,
    Policy,
    profile,
)
from reservation_middleware.aiohttp import ReservationClient, ReservedError
from reservation_middleware.decide.batch import decide_lines
from reservation_middleware.decide.licences import apply, authorization, licences_of
from reservation_middleware.decide.record import record
from reservation_middleware.model import Licence, Offer, Secret
from reservation_middleware.owners.inspect.look import inspect
from reservation_middleware.runtime.config import configuration
from reservation_middleware.runtime.fetcher import Ask, Fetcher
from reservation_middleware.runtime.licence_file import load
from support import ROOT, Json
from web import Answer, Web, WebThread

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BOT = Agent("ExampleBot")
A = "https://a.example/"
TOKEN = "s3cret-t0ken"
GOOD: Json = {"id": "a", "licensor": "A", "hosts": ["a.example"], "purposes": ["ai-train"]}
HEAD = '[[licence]]\nid = "a"\nlicensor = "A"\n'
RESERVED = Document(
    url=A + ".well-known/tdmrep.json",
    resource="tdmrep.json",
    outcome=Outcome.FETCHED,
    status=200,
    body=b'[{"location": "/", "tdm-reservation": 1}]',
)
NO_ROBOTS = Document(
    url=A + "robots.txt", resource="robots.txt", outcome=Outcome.UNAVAILABLE, status=404
)


def policy(*given: Json, **changes: Any) -> Policy:
    return profile().changed({"licences": [{**GOOD, **one} for one in given], **changes})


def decided(held: Policy, url: str = A + "x", now: datetime | None = NOW) -> Decision:
    check = Check(url, agent=BOT, policy=held, now=now)
    check.feed(NO_ROBOTS)
    check.feed(RESERVED)
    return check.decide()


def write(folder: Path, text: str) -> Path:
    file = folder / "licences.toml"
    file.write_text(text, "utf-8")
    return file


# ---- the file


def test_the_example_is_read() -> None:
    found = load(ROOT / "examples" / "licences.toml", now=NOW)
    assert [one.id for one in found] == ["b-press-2026", "c-archive"]
    first, second = found
    assert first.domains == ("b.example",)
    assert first.leaves == {"ai-train-gen", "ai-train-nongen"}
    assert first.until == datetime(2100, 1, 1, tzinfo=UTC)  # the last day is in it
    assert (second.crawl, second.geo, first.crawl) == (True, ("FI", "SE"), False)


def test_the_example_and_the_lines_keep_the_schema() -> None:
    import tomllib

    data = tomllib.loads((ROOT / "examples" / "licences.toml").read_text("utf-8"))
    plain = msgspec.json.decode(msgspec.json.encode(data))
    assert errors("licences", plain) == []
    assert errors("licences", {"licence": [GOOD]}) == []
    server = {"url": "https://b.example/olp", "token_env": "X"}
    assert errors("licences", {"licence": [{**GOOD, "servers": [server]}]}) == []
    for wrong in (
        {key: value for key, value in GOOD.items() if key != "hosts"},
        {**GOOD, "purpose": ["ai-train"]},
        {**GOOD, "until": "soon"},
        {**GOOD, "servers": [{**server, "token": "x"}]},
    ):
        assert errors("licences", {"licence": [wrong]})
        with pytest.raises(ConfigurationError):
            licences_of([wrong])


def test_an_empty_file_holds_none(tmp_path: Path) -> None:
    assert load(write(tmp_path, "# none yet\n")) == ()


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[[licence]\n", 1, "Expected"),
        ('title = "x"\n', 1, "unknown key 'title'"),
        ('\n[[license]]\nid = "a"\n', 2, "did you mean 'licence'?"),
        ('[licence]\nid = "a"\n', 1, "two brackets"),
        (HEAD + 'hosts = ["a.example"]\n', 1, "purposes is missing"),
        (HEAD + 'purposes = ["tdm"]\n', 1, "hosts or domains"),
        (HEAD + 'purposes = ["tdm"]\n\nhost = ["a.example"]\n', 6, "did you mean 'hosts'?"),
        (HEAD + 'hosts = ["a.example"]\npurposes = [\n  "tdm",\n  "ai-trian",\n]\n', 7, "'ai-train'"),
        (HEAD + 'hosts = "a.example"\npurposes = ["tdm"]\n', 4, "array"),
        (HEAD + 'hosts = ["https://a.example/"]\npurposes = ["tdm"]\n', 4, "no host name"),
        (HEAD + 'hosts = ["a.example:8080"]\npurposes = ["tdm"]\n', 4, "no host name"),
        (HEAD + 'hosts = ["*"]\npurposes = ["tdm"]\n', 4, "needs a server"),
        (HEAD + 'domains = ["www.bbc.co.uk"]\npurposes = ["tdm"]\n', 4, "write 'bbc.co.uk'"),
        (HEAD + 'hosts = ["*.com"]\npurposes = ["tdm"]\n', 4, "below a public suffix"),
        (HEAD + 'hosts = ["*.github.io"]\npurposes = ["tdm"]\n', 4, "below a public suffix"),
        (HEAD + 'domains = ["co.uk"]\npurposes = ["tdm"]\n', 4, "public suffix"),
        (HEAD + 'domains = ["github.io"]\npurposes = ["tdm"]\n', 4, "public suffix"),
        (HEAD + 'domains = ["192.0.2.1"]\npurposes = ["tdm"]\n', 4, "public suffix or an address"),
        (HEAD + 'domains = ["*.a.example"]\npurposes = ["tdm"]\n', 4, "no domain"),
        (HEAD + 'hosts = ["a.example"]\npaths = ["news/"]\npurposes = ["tdm"]\n', 5, "'news/'"),
        (HEAD + 'hosts = ["a.example"]\ngeo = ["fi"]\npurposes = ["tdm"]\n', 5, "'fi'"),
        (HEAD + 'hosts = ["a.example"]\npurposes = ["tdm"]\nuntil = "soon"\n', 6, "no date"),
        (HEAD + 'hosts = ["a.example"]\npurposes = ["tdm"]\nuntil = 2099-01-01T00:00:00\n', 6, "zone"),
        (HEAD + 'hosts = ["a.example"]\npurposes = ["tdm"]\nuntil = 2026-11-20\n', 6, "has ended"),
        (HEAD + 'hosts = ["a.example"]\npurposes = ["tdm"]\nfrom = 12:00:00\n', 6, "a date or a time"),
        (
            HEAD + 'hosts = ["a.example"]\npurposes = ["tdm"]\nfrom = 2099-02-01\nuntil = 2099-01-01\n',
            7,
            "before from",
        ),
        (HEAD + 'hosts = ["a.example"]\npurposes = ["tdm"]\ncrawl = "yes"\n', 6, "crawl"),
        ((HEAD + 'hosts = ["a.example"]\npurposes = ["tdm"]\n') * 2, 7, "there twice"),
        (
            HEAD + 'hosts = ["a.example"]\npurposes = ["tdm"]\n[[licence.servers]]\nurl = "http://b.example/"\n',
            7,
            "https URL",
        ),
        (
            HEAD
            + 'hosts = ["a.example"]\npurposes = ["tdm"]\n[[licence.servers]]\nurl = "https://b.example/"\ntoken_env = "NOT_SET"\n',
            8,
            "NOT_SET is not set",
        ),
        (HEAD + 'hosts = ["a.example"]\npurposes = ["tdm"]\nservers = ["x"]\n', 1, "table"),
    ],
)  # fmt: skip
def test_errors_name_file_and_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load(file, now=NOW, environment={})
    said = str(caught.value)
    assert says in said
    # What tomllib says has its own words for the line.
    assert f"{file}:{line}: " in said or (f"{file}: " in said and f"line {line}" in said)


def test_the_second_of_two_is_found(tmp_path: Path) -> None:
    good = HEAD + 'hosts = ["a.example"]\npurposes = ["tdm"]\n'
    bad = good.replace('"a"', '"b"').replace("tdm", "tmd")
    with pytest.raises(ConfigurationError, match=r":10: unknown purpose 'tmd'"):
        load(write(tmp_path, good + bad), now=NOW)


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        load(tmp_path / "licences.toml")
    with pytest.raises(ConfigurationError):
        load(tmp_path)
    (tmp_path / "x.toml").write_bytes(b"# one\n# two \xff\xfe")
    with pytest.raises(ConfigurationError, match=r"x\.toml:2: not UTF-8"):
        load(tmp_path / "x.toml")
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbf# as some editors write it\n")
    assert load(tmp_path / "x.toml") == ()


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [*GOOD, "domains", "paths", "geo", "from", "until", "crawl", "paper", "servers"]
        ),
        _VALUES,
        max_size=4,
    )
)
def test_any_values_are_a_licence_or_an_error_of_ours(values: Json) -> None:
    try:
        [one] = licences_of([{**GOOD, **values}])
    except ConfigurationError:
        return
    assert isinstance(one, Licence)
    hash(one)


# ---- what holds the licences


def test_a_policy_keeps_its_licences_when_it_is_changed() -> None:
    held = policy({"servers": [{"url": "https://b.example/", "token": TOKEN}]})
    again = held.changed({"mode": "observe"})
    assert again.licences == held.licences != ()
    assert hash(again.licences) == hash(held.licences)
    assert again.changed({"licences": ()}).licences == ()
    assert profile().changed({"licences": held.licences}) == held
    for wrong in ("licences.toml", 3, [3], [{"id": "a"}]):
        with pytest.raises(ConfigurationError):
            profile().changed({"licences": wrong})


def test_dates_need_the_time() -> None:
    held = policy({"until": "2027-01-01"})
    with pytest.raises(ConfigurationError, match="now"):
        Check(A, agent=BOT, policy=held)
    Check(A, agent=BOT, policy=policy({}))


@pytest.mark.parametrize(
    ("dates", "now", "holds"),
    [
        ({"until": "2026-11-21"}, "2026-11-21T23:59:59Z", True),
        ({"until": "2026-11-21"}, "2026-11-22T00:00:00Z", False),
        ({"until": "2026-11-21T12:00:00+02:00"}, "2026-11-21T10:00:00Z", False),
        ({"until": "2026-11-21T12:00:00+02:00"}, "2026-11-21T09:59:59Z", True),
        ({"from": "2026-11-21"}, "2026-11-20T23:59:59Z", False),
        ({"from": "2026-11-21"}, "2026-11-21T00:00:00Z", True),
        ({"until": "9999-12-31"}, "2026-11-21T00:00:00Z", True),
    ],
)
def test_dates(dates: Json, now: str, holds: bool) -> None:
    decision = decided(policy(dates), now=datetime.fromisoformat(now))
    assert decision.blocked is not holds
    noted = [note.kind.ident for note in decision.notes]
    assert noted == (["licence-expired"] if not holds and "until" in dates else [])


@pytest.mark.parametrize(
    ("names", "url", "holds"),
    [
        ({}, "https://A.Example:8443/x", True),
        ({}, "https://a.example./x", True),
        ({"hosts": ["A.EXAMPLE."]}, A, True),
        ({"hosts": ["*.b.example"]}, "https://x.y.b.example/", True),
        ({"hosts": ["*.b.example"]}, "https://b.example/", False),
        ({"hosts": ["*.b.example"]}, "https://xb.example/", False),
        ({"hosts": ["bücher.example"]}, "https://xn--bcher-kva.example/", True),
        ({"hosts": ["xn--bcher-kva.example"]}, "https://bücher.example/", True),
        ({"hosts": [], "domains": ["bbc.co.uk"]}, "https://www.news.bbc.co.uk/", True),
        ({"hosts": [], "domains": ["bbc.co.uk"]}, "https://notbbc.co.uk/", False),
        ({"hosts": [], "domains": ["a.github.io"]}, "https://x.a.github.io/", True),
        # A private suffix below a registrable domain: other people's sites.
        ({"hosts": [], "domains": ["amazonaws.com"]}, "https://b.s3.amazonaws.com/", False),
        ({"hosts": ["[::1]"]}, "http://[::1]:8080/", True),
        ({"paths": ["/a%2Fb"]}, "https://a.example/a%2fb", True),
        ({"paths": ["/ä"]}, "https://a.example/%C3%A4", True),
        ({"paths": ["/x$"]}, "https://a.example/x?q", False),
        # Where dots lead is the server's business.
        ({"paths": ["/open/"]}, "https://a.example/open/../x", False),
        ({"paths": ["/open/"]}, "https://a.example/open/%2e%2E/x", False),
        ({"paths": ["/open/"]}, "https://a.example/open/x?/../", True),
        ({"paths": ["/open/"]}, "https://a.example//open/x", False),
        ({"paths": ["/open/"]}, "https://a.example/OPEN/x", False),
        ({}, "https://a.example/open/../x", True),
        # No host's name, whatever it ends in.
        ({"hosts": [], "domains": ["a.example"]}, "https://b.example%2f.a.example/", False),
        ({"hosts": ["*.a.example"]}, "https://b.example .a.example/", False),
        ({}, "https://a.example@b.example/", False),
        ({}, "https://b.example:x@a.example:443/", True),
        ({}, "https://a.example:x/", False),
        # IDNA 2003 makes ss of it, IDNA 2008 does not.
        ({"hosts": ["fass.example"]}, "https://faß.example/", False),
    ],
)
def test_hosts_and_paths(names: Json, url: str, holds: bool) -> None:
    held = policy(names)
    blocked = msgspec.structs.replace(decided(profile()), url=url)
    assert blocked.blocked
    assert apply(blocked, held, NOW).blocked is not holds


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"hosts": ["faß.example"]}, "hosts"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"until": "9999-12-31T23:59:59-14:00"}, "until"),
    ],
)
def test_what_could_be_two_things_or_none(changes: Json, key: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{key}: "):
        policy(changes)


def test_the_sentence_names_the_licence() -> None:
    assert decided(policy({"id": "b-press-2026"})).sentence() == (
        "may use for ai-train "
        """('{"location": "/", "tdm-reservation": 1}' in tdmrep.json), under licence:b-press-2026"""
    )
    assert "under" not in decided(profile()).sentence()
    assert record(decided(policy({})))["reasons"][1]["signal"] == "licence"


def test_decide_lines_say_what_is_wrong() -> None:
    line: Json = {"url": A, "licences": [{**GOOD, "hosts": ["a b"]}]}
    [(out, good)] = decide_lines([msgspec.json.encode(line)], NOW)
    assert not good
    assert "'a b' is no host name" in msgspec.json.decode(out)["error"]


# ---- where they are configured


def test_the_configuration_names_the_file(tmp_path: Path) -> None:
    write(tmp_path, HEAD + 'hosts = ["a.example"]\npurposes = ["tdm"]\n')
    assert configuration(folder=tmp_path, environment={}).policy.licences == ()
    variables = {"RESERVATION_LICENCES": "licences.toml"}
    [one] = configuration(folder=tmp_path, environment=variables).policy.licences
    assert one.id == "a"
    flags = {"licences": "licences.toml"}
    assert configuration(flags, folder=tmp_path, environment={}).policy.licences == (one,)
    (tmp_path / "reservations.toml").write_text('licences = "licences.toml"\n')
    assert configuration(folder=tmp_path, environment={}).policy.licences == (one,)
    (tmp_path / "reservations.toml").write_text('licences = "other.toml"\n')
    with pytest.raises(ConfigurationError, match=r"other\.toml: there is no such file"):
        configuration(folder=tmp_path, environment={})
    (tmp_path / "reservations.toml").write_text("licences = 3\n")
    with pytest.raises(ConfigurationError, match="must be a string"):
        configuration(folder=tmp_path, environment={})


def test_scrapy_settings_name_the_file(tmp_path: Path) -> None:
    settings = pytest.importorskip("scrapy.settings")
    from reservation_middleware.scrapy._settings import policy_from

    file = write(tmp_path, HEAD + 'hosts = ["a.example"]\npurposes = ["tdm"]\n')
    for value in (str(file), file):
        found = policy_from(settings.Settings({"RESERVATION_LICENCES": value}))
        assert [one.id for one in found.licences] == ["a"]
    with pytest.raises(ConfigurationError, match="no such file"):
        policy_from(settings.Settings({"RESERVATION_LICENCES": "nowhere.toml"}))


# ---- tokens


def offering(url: str = A + "x", *servers: str, held: Policy) -> Decision:
    decision = decided(profile(), A + "x")
    offers = tuple(
        Offer(kind="token-server", signal="rsl", url=server, document=A) for server in servers
    )
    return apply(msgspec.structs.replace(decision, url=url, offers=offers), held, NOW)


def server(url: str = "https://b.example/olp") -> Json:
    return {"servers": [{"url": url, "token": TOKEN}]}


@pytest.mark.parametrize(
    ("url", "offered", "sent"),
    [
        (A + "x", "https://b.example/olp", True),
        (A + "x", "https://B.example:443/olp/", True),
        (A + "x", "https://b.example/olp/token?x=1", True),
        (A + "x", "https://b.example/olpx", False),
        (A + "x", "https://b.example/", False),
        (A + "x", "https://b.example/olp/../evil", False),
        (A + "x", "https://b.example/olp/%2e%2E/evil", False),
        (A + "x", "http://b.example/olp", False),
        (A + "x", "https://b.example:8443/olp", False),
        (A + "x", "https://b.example.c.example/olp", False),
        (A + "x", "https://b.example@c.example/olp", False),
        ("http://a.example/x", "https://b.example/olp", False),
        ("https://c.example/x", "https://b.example/olp", False),
    ],
)
def test_when_a_token_is_sent(url: str, offered: str, sent: bool) -> None:
    held = policy(server())
    found = authorization(offering(url, offered, held=held), held, NOW)
    assert found == (f"License {TOKEN}" if sent else None)


def test_a_token_for_this_machine_may_go_without_tls() -> None:
    held = policy({**server("http://127.0.0.1:9/olp"), "hosts": ["localhost", "127.0.0.1"]})
    for host in ("localhost:8080", "127.0.0.1"):
        decision = offering(f"http://{host}/x", "http://127.0.0.1:9/olp", held=held)
        assert authorization(decision, held, NOW) == f"License {TOKEN}"


def test_no_token_where_the_licence_does_not_hold() -> None:
    for change in (
        {"purposes": ["search"]},
        {"until": "2026-11-20"},
        {"paths": ["/y"]},
        {"geo": ["FI"]},
    ):
        held = policy({**server(), **change})
        assert (
            authorization(offering(A + "x", "https://b.example/olp", held=held), held, NOW) is None
        )


def test_any_host_is_where_the_server_is_offered() -> None:
    held = policy({**server(), "hosts": ["*"]})
    decision = offering(A + "x", "https://b.example/olp", held=held)
    assert not decision.blocked
    assert authorization(decision, held, NOW) == f"License {TOKEN}"
    assert offering(A + "x", "https://c.example/olp", held=held).blocked
    assert offering(A + "x", held=held).blocked


def test_a_token_is_nowhere_to_be_seen(tmp_path: Path) -> None:
    held = policy(server())
    assert TOKEN not in repr(held) + str(held) + f"{held.licences[0].servers}"
    with pytest.raises(TypeError):
        msgspec.json.encode(held)
    decision = offering(A + "x", "https://b.example/olp", held=held)
    assert TOKEN not in json.dumps(record(decision)) + repr(decision) + decision.sentence()
    assert pickle.loads(pickle.dumps(held)) == held
    assert Secret("x") == Secret("x") != Secret("y")
    secret = f"no good {TOKEN}"
    text = (
        HEAD
        + 'hosts = ["a.example"]\npurposes = ["tdm"]\n[[licence.servers]]\nurl = "https://b.example/"\n'
    )
    for how, environment in (
        (f'token = "{secret}"\n', {}),
        ('token_env = "X"\n', {"X": secret}),
        (f'token = "{TOKEN}"\ntoken_env = "X"\n', {"X": TOKEN}),
    ):
        with pytest.raises(ConfigurationError) as caught:
            load(write(tmp_path, text + how), environment=environment, now=NOW)
        assert TOKEN not in str(caught.value)
    [one] = load(
        write(tmp_path, text + 'token_env = "X"\n'), environment={"X": f"{TOKEN}\n"}, now=NOW
    )
    assert one.servers[0].token == Secret(TOKEN)


# ---- tokens in real crawls

RSL = (
    '<rsl xmlns="https://rslstandard.org/rsl"><content url="/" server="https://b.example/olp">'
    '<license><prohibits type="usage">ai-train</prohibits></license></content></rsl>'
)
S, C = "https://a.example/", "https://c.example/"
XML = (("content-type", "application/rsl+xml"),)


def offering_site(host: str) -> dict[str, Answer]:
    return {
        f"{host}robots.txt": Answer(body=f"License: {host}license.xml\n".encode()),
        f"{host}license.xml": Answer(200, XML, body=RSL.encode()),
        f"{host}x": Answer(body=b"x"),
    }


def pages() -> dict[str, Answer]:
    return {
        **offering_site(S),
        **offering_site(C),
        **offering_site(A.replace("https", "http")),
        f"{S}same": Answer(302, (("location", "/x"),)),
        f"{S}other": Answer(302, (("location", f"{C}free"),)),
        f"{S}robots.txt": Answer(body=b"License: https://a.example/license.xml\n"),
        "https://d.example/robots.txt": Answer(404),
        "https://d.example/x": Answer(body=b"x"),
        f"{S}d": Answer(302, (("location", "https://d.example/x"),)),
        f"{S}cut": Answer(200, body=b"x", fault="reset"),
    }


def sent(log: list[Any]) -> dict[str, set[str | None]]:
    """What Authorization each URL was asked with."""
    found: dict[str, set[str | None]] = {}
    for seen in log:
        headers = {name.lower(): value for name, value in seen.headers.items()}
        found.setdefault(seen.url, set()).add(headers.get("authorization"))
    return found


HELD = {**server(), "hosts": ["a.example"]}
SENT = f"License {TOKEN}"


@pytest.mark.asyncio
async def test_aiohttp_sends_the_token_with_the_page_only() -> None:
    async with (
        Web(pages()) as web,
        ReservationClient(policy=policy(HELD), agent=BOT, proxy=web.proxy_url) as client,
    ):
        for url in (f"{S}x", f"{S}same", f"{S}d"):
            async with client.get(url, ssl=False) as response:
                decision = client.decision(response)
                assert TOKEN not in repr(response.request_info) + repr(response)
                for hop in response.history:
                    assert TOKEN not in repr(hop.request_info)
            assert decision is not None
            if url == f"{S}x":
                assert decision.sentence().endswith("under licence:a")
        with pytest.raises(ReservedError):
            await client.get(f"{C}x", ssl=False)
        async with client.get("http://a.example/x"):
            pass  # licensed, but anyone could listen
        with pytest.raises(aiohttp.ClientError) as caught:
            await client.get(f"{S}cut", ssl=False)
        assert TOKEN not in repr(caught.value)
        found = sent(web.log)
    assert {url for url, values in found.items() if SENT in values} == {
        *(f"{S}x", f"{S}same", f"{S}d", f"{S}cut")
    }
    assert found[f"{S}license.xml"] == found[f"{S}robots.txt"] == {None}
    assert found["http://a.example/x"] == found["https://d.example/x"] == {None}


@pytest.mark.asyncio
async def test_aiohttp_leaves_the_users_authorization(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    own = (
        aiohttp.encode_basic_auth("me", "mine")
        if hasattr(aiohttp, "encode_basic_auth")
        else "Basic x"
    )
    async with (
        Web(pages()) as web,
        ReservationClient(policy=policy(HELD), agent=BOT, proxy=web.proxy_url) as client,
    ):
        async with client.get(f"{S}x", ssl=False, headers={"Authorization": own}):
            pass
        async with client.get(f"{S}x", ssl=False):
            pass
        assert sent(web.log)[f"{S}x"] == {own, SENT}
    assert TOKEN not in caplog.text


@pytest.mark.asyncio
async def test_inspect_names_the_licence() -> None:
    async with Web(pages()) as web:
        held = policy({**HELD, "servers": []})
        found = await inspect("http://a.example/x", agent=BOT, policy=held, proxy=web.proxy_url)
    assert found.decision.sentence().endswith("under licence:a")


def test_the_fetcher_has_the_time_for_licences() -> None:
    fetcher = Fetcher(clock=lambda: NOW)
    assert fetcher.now(profile()) is None
    assert fetcher.now(policy({"until": "2027-01-01"})) == NOW

    async def work() -> bool:
        async def transport(ask: Ask) -> Any:
            raise OSError

        held = policy({"until": "2027-01-01"})
        check = await fetcher.check(A, transport, agent=BOT, policy=held)
        return check.decide().blocked

    assert asyncio.run(work())


def test_scrapy_sends_the_token_and_keeps_it_nowhere(tmp_path: Path) -> None:
    pytest.importorskip("scrapy")
    from scrapy_runner import Worker

    file = write(
        tmp_path,
        HEAD + 'hosts = ["a.example"]\npurposes = ["ai-train"]\n[[licence.servers]]\n'
        f'url = "https://b.example/olp"\ntoken = "{TOKEN}"\n',
    )
    own = "Basic bWU6bWluZQ=="
    with WebThread(pages()) as web, Worker() as worker:
        done = worker.crawl(
            web.proxy_url,
            requests=[
                f"{S}x",
                f"{S}same",
                f"{S}d",
                f"{C}x",
                "http://a.example/x",
                {"url": f"{S}x?own", "headers": {"Authorization": own}},
                f"{S}missing",
            ],
            settings={
                "RESERVATION_AGENT": "ExampleBot",
                "RESERVATION_LICENCES": str(file),
                "DOWNLOAD_DELAY": 0,
                "HTTPCACHE_ENABLED": True,
                "HTTPCACHE_DIR": str(tmp_path / "cache"),
                "JOBDIR": str(tmp_path / "job"),
                "RETRY_HTTP_CODES": [404],
                "RETRY_TIMES": 1,
                "HTTPERROR_ALLOW_ALL": True,
                "LOG_LEVEL": "DEBUG",
            },
        )
        found = sent(web.log)
    assert done.blocked == [f"{C}x"]
    assert {url for url, values in found.items() if SENT in values} == {
        *(f"{S}x", f"{S}same", f"{S}d", f"{S}missing")
    }
    assert found[f"{S}x?own"] == {own}
    assert found[f"{S}license.xml"] == found["https://d.example/x"] == {None}
    assert TOKEN not in json.dumps([done.log, done.got, done.failed, done.stats])
    kept = [one for one in tmp_path.rglob("*") if one.is_file() and one != file]
    assert len(kept) > 5
    assert [one for one in kept if TOKEN.encode() in one.read_bytes()] == []
