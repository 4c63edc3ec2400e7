"""What is found in a robots.txt beside its rules: faults of names, unknown keys, strays, in bounds.

What the notes are called, and that they are made, the vectors of `robots` and of the families say.
"""

import pytest

from reservation_middleware.syntax.robots import RobotsFile, product_tokens
from reservation_middleware.syntax.robots_names import agent_fault
from reservation_middleware.syntax.robots_unread import more_problems, strays, unread_records


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("GPTBot/1.1", None),
        ("Offline Explorer", None),
        ("Sogou web spider", None),
        ("Zeus 32297 Webster Pro V2.9 Win32", None),
        ("GPTBot*", None),
        ("Mozilla/4", None),
        ("MSIE 6.0", None),
        ("*bot", "agent-unreadable"),
        ("", "agent-unreadable"),
        ("GPTBot, CCBot", "agent-list"),
        ("GPTBot/1.1, CCBot*, *", "agent-list"),
        # A comma that is part of something else makes no list.
        ("HTTrack [NC,OR]", "agent-string"),
        ("WebReaper vWebReaper v7.3 - www,otway.com/webreaper", "agent-string"),
        ("GPTBot CCBot", "agent-names"),
        ("GPTBot; ChatGPT-User", "agent-names"),
        ("Baiduspider | Yandexbot/2.0", "agent-names"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", "agent-string"),
        ("Mozilla Browser", "agent-string"),
        ("Perplexity\u2011User", "agent-character"),
        ("GPT\u00adBot", "agent-character"),
        ("* Disallow: /", "lines-joined"),
        ("GPTBot\\nDisallow: /", "lines-joined"),
        ("GPTBot<br>Disallow: /", "lines-joined"),
        ("User-agent: GPTBot", "lines-joined"),
    ],
)
def test_faults_of_names(value: str, fault: str | None) -> None:
    assert agent_fault(value, product_tokens(value)) == fault


HEAD = "User-agent: *\nAllow: /\n\nUser-agent: GPTBot\nDisallow: /\n"


@pytest.mark.parametrize(
    ("tail", "lines"),
    [
        ("License: x\n", []),
        ("\nLicense: x\n", [7]),
        ("Sitemap: s\nLicense: x\n", [7]),
        ("\n\nLicense: x\nLicense: y\n", [8, 9]),
        ("License: x\n\nLicense: y\n", [8]),
        ("\nLicense: x\nAllow: /y\n", []),
        ("\nUser-agent: CCBot\n\nLicense: x\n", []),
        ("\nUser-agent: *\nAllow: /\n\nLicense: x\n", []),
        ("# ours\nLicense: x\n", []),
    ],
)
def test_strays(tail: str, lines: list[int]) -> None:
    robots = RobotsFile((HEAD + tail).encode())
    assert [record.line for record in strays(robots, "license")] == lines


def test_no_file_has_strays_without_groups() -> None:
    assert strays(RobotsFile(b"License: x\n"), "license") == []
    assert strays(RobotsFile(b""), "license") == []


FLOODS = {
    "keys": b"".join(b"User-agnet%d: x\n" % number for number in range(30_000)),
    "key": b"User-agnet: x\n" * 35_000,
    "names": b"User-agent: GPTBot CCBot\n" * 20_000,
    "different names": b"".join(b"User-agent: a%d b%dbot\n" % (n, n) for n in range(20_000)),
    "browsers": b"User-agent: Mozilla\n" * 25_000,
    "strings": b"User-agent: Mozilla/5.0 (x)\n" * 18_000,
    "strays": HEAD.encode() + b"\n" + b"License: x\n" * 40_000,
    "one line": b"User-agent: x " + b"Disallow: / " * 40_000,
    "blanks": b"User-agent: x" + b" " * 500_000 + b"\n",
    "comments": b"# data mining 2019/790\n" * 22_000,
    "comment": b"# " + b"data mining " * 40_000,
    "hashes": b"User-agent: x\n" + b"#" * 500_000 + b"ining",
    "hyphens": b"User-agent: " + "a\u2011".encode() * 100_000 + b"\n",
}


@pytest.mark.parametrize("flood", FLOODS)
def test_floods_stay_in_bounds(flood: str) -> None:
    robots = RobotsFile(FLOODS[flood])
    strays(robots, "license")
    list(more_problems(robots))
    unread = unread_records(robots)
    found = [record for records in unread.misspelt.values() for record in records]
    assert len(found) <= 8 * 100
    assert len(unread.others) <= 100
    assert len(robots.problems) <= 1000
    assert len(robots.mining) <= 10


@pytest.mark.parametrize("key", ["content-usage", "content-signal", "license"])
def test_a_group_without_a_name_has_no_strays(key: str) -> None:
    body = f"User-agent\nDisallow: /\n\n{key}: train-ai=n".encode()
    assert strays(RobotsFile(body), key) == []
