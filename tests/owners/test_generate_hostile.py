"""Hostile intents: values that would break out of a file are refused or written as what they are."""

import ast
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from web_servers import generated, program

from reservation_middleware.model import ConfigurationError
from reservation_middleware.owners.generate import generate
from reservation_middleware.owners.generate.languages import FILTERS
from reservation_middleware.owners.generate.writable import MAX_WORD, check_writable
from reservation_middleware.owners.intent import (
    AgentIntent,
    Crawl,
    LicenceIntent,
    LicencePrice,
    MediaIntent,
    PathIntent,
    SiteIntent,
    Use,
    read_intent,
)

ORIGIN = "https://press.example"
#: Written in any key, none of these may end what it stands in.
BREAKING = (
    "\n", "\r\nUser-agent: *", "\0", "\x85", "\u2028", '"', "'", "\\", "`", "$(touch x)", "${PATH}", "$uri", "%{ENV}",
    "{{ 7*7 }}", "{% raw %}", "<?php", "?>", "</script>", "-->", "*/", "#", ";", "}", "]]>", "&x;", "é", "日",
)  # fmt: skip


def refused(intent: SiteIntent) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check_writable(intent, "intent.toml")
    message = str(caught.value)
    assert message.startswith("intent.toml: ")
    assert message.isprintable()
    assert len(message) < 250
    return message.removeprefix("intent.toml: ")


@pytest.mark.parametrize("text", BREAKING)
def test_addresses_that_break_out_are_refused(text: str) -> None:
    address = f"{ORIGIN}/{text}/terms"
    if text == "#":
        return  # a fragment
    policy = LicenceIntent(policy=address.replace(ORIGIN, "https://elsewhere.example"))
    assert refused(SiteIntent(site=ORIGIN, licence=policy)).startswith("licence.policy: ")
    assert refused(SiteIntent(site=ORIGIN, contact=address)).startswith("contact: ")
    assert refused(SiteIntent(site=address)).startswith("site: ")


@pytest.mark.parametrize("text", ["\n", "\0", " ", "#", "\u2028", "\x7f", "$x"])
def test_patterns_that_no_file_can_hold_are_refused(text: str) -> None:
    path = PathIntent(match=f"/a{text}b", use={"search": Use.YES})
    assert refused(SiteIntent(site=ORIGIN, path=(path,))).startswith("path[1].match: ")


def test_what_else_is_refused() -> None:
    many = (AgentIntent(token="a", crawl=Crawl.NO),) * 501
    for key, intent in {
        "agent": SiteIntent(site=ORIGIN, agent=many),
        "agent[1].token": SiteIntent(
            site=ORIGIN, agent=(AgentIntent(token="a" * 101, crawl=Crawl.NO),)
        ),
        "path[1].match": SiteIntent(
            site=ORIGIN, path=(PathIntent(match="/" + "a" * MAX_WORD, use={}),)
        ),
        "site": SiteIntent(site="https://press.example/sub/"),
        "media.files[1]": SiteIntent(site=ORIGIN, media=MediaIntent(files=("../secret",))),
        "licence.policy": SiteIntent(
            site=ORIGIN, licence=LicenceIntent(policy=f"{ORIGIN}/robots.txt")
        ),
        "licence.price.amount": SiteIntent(
            site=ORIGIN, licence=LicenceIntent(price=LicencePrice(amount="1e9", currency="EUR"))
        ),
        "licence.price.currency": SiteIntent(
            site=ORIGIN, licence=LicenceIntent(price=LicencePrice(amount="1", currency="<b>"))
        ),
        "licence.price.per": SiteIntent(
            site=ORIGIN,
            licence=LicenceIntent(price=LicencePrice(amount="1", currency="EUR", per='"><x')),
        ),
    }.items():
        assert refused(intent).startswith(f"{key}: ")
    for place in ("../../etc/passwd", "a/../b", "a//b", "a?b", "dir/"):
        licence = LicenceIntent(policy=f"{ORIGIN}/{place}")
        assert refused(SiteIntent(site=ORIGIN, licence=licence)).startswith("licence.policy: ")


# --- what is let through ---------------------------------------------------------------------

#: Paths with every character that a pattern may hold, and that some language minds.
HOSTILE = (
    "/a'b/", '/a"b/', "/a\\b/", "/a`b/", "/a;b/", "/a{b}/", "/a(b|c)/", "/a&b</", "/a%{x}b/", "/a!b/", "/a[b]/",
    "/a^b/", "/a+b/", "/a,b/", "/ü/", "/日本/", "/a?b=c&d", "/{{7*7}}/", "/{%raw%}/", "/<?php/", "/?>/", "/-->/", "/*/", "/%22/", "/~x/", "/a'*'b$",
    "/%24(x)/",
)  # fmt: skip


def hostile_intent(folder: Path) -> tuple[SiteIntent, Path]:
    tables = [
        f'site = "{ORIGIN}"\ncontact = "mailto:o\'neil+x%y@press.example"\nexpress_reservation = true\n',
        '[use]\nsearch = "yes"\nai = "no"\ntdm = "licence"\n[licence]\npolicy = "https://elsewhere.example/a?b=c&d=%27%22+e,f"\n',
        *(
            f'[[path]]\nmatch = {json.dumps(path, ensure_ascii=False)}\nuse = {{ ai-train = "yes" }}\n'
            for path in HOSTILE
        ),
    ]
    intent, _ = generated(folder / "out", "".join(tables))
    return intent, folder / "out"


def run(*words: str | Path) -> None:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_snippet_stays_what_it_is(tmp_path: Path) -> None:
    _, out = hostile_intent(tmp_path)
    files = {
        path.relative_to(out).as_posix(): path.read_text("utf-8")
        for path in out.rglob("*")
        if path.is_file()
    }
    for name, text in files.items():
        if name.endswith(".json"):
            json.loads(text)
        elif name.endswith(".toml"):
            tomllib.loads(text)
        elif name.endswith(".xml"):
            etree.fromstring(text.encode())
        elif name.endswith(".py"):
            ast.parse(text)
        elif name.endswith(".html") and name.startswith("html/"):
            tree = etree.HTML(text)
            elements = [node.tag for node in tree.iter() if isinstance(node.tag, str)]
            assert set(elements) <= {"html", "head", "body", "meta", "link"}, name
            assert "on" not in {key[:2] for node in tree.iter(etree.Element) for key in node.attrib}
        assert "49" not in re.findall(r"\b49\b", text), name
    # A rule stands at each path, and at nothing else.
    robots = files["site/robots.txt"].splitlines()
    keys = {line.partition(":")[0] for line in robots if line and not line.startswith("#")}
    assert keys == {"User-agent", "Disallow", "Allow", "Content-Signal", "Content-Usage", "License"}
    for script in out.glob("servers/*/verify.sh"):
        run("sh", "-n", script)


def test_every_snippet_passes_the_check_of_its_language(tmp_path: Path) -> None:
    _, out = hostile_intent(tmp_path)
    servers = out / "servers"
    node = program("node")
    for script in ("cloudflare-worker/worker.js", "nextjs/reservations.mjs"):
        module = tmp_path / "module.mjs"
        shutil.copy(servers / script, module)
        run(node, "--check", module)
    run(node, "--check", servers / "cloudfront/function.js")


@pytest.mark.slow
@pytest.mark.sites
@pytest.mark.parametrize("is_empty", [False, True], ids=["hostile", "empty"])
def test_every_configuration_passes_the_check_of_its_server(tmp_path: Path, is_empty: bool) -> None:
    if is_empty:
        generated(tmp_path / "out", f'site = "{ORIGIN}"\n')
        out = tmp_path / "out"
    else:
        _, out = hostile_intent(tmp_path)
    servers = out / "servers"
    snippets = tmp_path / "reservations"
    shutil.copytree(servers / "nginx", snippets)
    for file in snippets.glob("*.conf"):
        file.write_text(file.read_text().replace("/etc/nginx/reservations", str(snippets)))
    conf = tmp_path / "nginx.conf"
    conf.write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/log; events {{ }}\nhttp {{ access_log off;"
        f"include {snippets}/http.conf;\nserver {{ listen 127.0.0.1:1; include {snippets}/headers.conf; include {snippets}/files.conf; }} }}\n"
    )
    run(program("nginx"), "-t", "-e", tmp_path / "e", "-p", tmp_path, "-c", conf)
    run(program("php"), "-l", servers / "wordpress/reservations.php")
    caddyfile = tmp_path / "Caddyfile"
    caddyfile.write_text(
        f"import {servers}/caddy/reservations.caddy\nhttp://127.0.0.1:1 {{\nimport reservations\n}}\n"
    )
    run(program("caddy"), "validate", "--config", caddyfile, "--adapter", "caddyfile")
    apache = tmp_path / "apache.conf"
    modules = "".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
        for name in ("mpm_event", "authz_core", "mime", "headers")
    )
    apache.write_text(
        f"ServerRoot {tmp_path}\nServerName x\nPidFile {tmp_path}/p\nListen 127.0.0.1:1\nErrorLog {tmp_path}/l\n{modules}Include {servers}/apache/reservations.conf\n"
    )
    run(program("apache2"), "-t", "-f", apache)


# --- literals --------------------------------------------------------------------------------

ANY = st.text(max_size=30)


@given(ANY)
def test_literals_of_python_and_json(text: str) -> None:
    assert ast.literal_eval(FILTERS["python"](text)) == text
    assert json.loads(FILTERS["javascript"](text)) == text
    assert "<" not in FILTERS["javascript"](text)


@given(ANY)
def test_literals_of_php_end_where_they_should(text: str) -> None:
    literal = FILTERS["php"](text)
    assert re.fullmatch(r"'(?:[^'\\]|\\.)*'", literal, re.DOTALL)
    assert re.sub(r"\\(['\\])", r"\1", literal[1:-1]) == text


@given(ANY, st.sampled_from(("nginx", "nginx_regex", "apache", "apache_plain")))
def test_literals_of_configurations_end_where_they_should(text: str, language: str) -> None:
    try:
        literal = FILTERS[language](text)
    except ValueError:
        assert not text.isprintable() or "$" in text
        return
    assert re.fullmatch(r'"(?:[^"\\]|\\.|\\(?!"$))*"', literal)
    assert "\n" not in literal


@given(ANY)
def test_literals_of_caddy_end_where_they_should(text: str) -> None:
    try:
        literal = FILTERS["caddy"](text)
    except ValueError:
        assert not text.isprintable() or set(text) & set("`{}")
        return
    assert literal[1:-1] == text


@given(st.lists(ANY.filter(lambda text: "\0" not in text), max_size=3))
def test_literals_of_the_shell(words: list[str]) -> None:
    import shlex

    assert shlex.split(" ".join(map(FILTERS["sh"], words))) == words


def test_a_generated_intent_needs_no_more_than_bounded_space() -> None:
    paths = tuple(
        PathIntent(match=f"/{number}/" + "a" * 100, use={"search": Use.YES}) for number in range(60)
    )
    found = generate(SiteIntent(site=ORIGIN, use={"search": Use.NO}, path=paths), {})
    assert found.survived
    assert sum(map(len, found.files.values())) < 6_000_000


def test_an_intent_of_a_hostile_kind_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "intent.toml"
    file.write_text('site = "https://press.example"\nuse = "x\\nUser-agent: *"\n')
    with pytest.raises(ConfigurationError) as caught:
        read_intent(file)
    assert "\n" not in str(caught.value)
