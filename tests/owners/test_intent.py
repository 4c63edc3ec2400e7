"""The intent file: the contract's example, what is meant where, and what is an error."""

import json
from pathlib import Path

import msgspec
import pytest

from reservation_middleware.model import ConfigurationError
from reservation_middleware.owners.intent import Crawl, SiteIntent, Use, read_intent
from support import SPEC

EXAMPLE = """
site = "https://example.org"
contact = "mailto:rights@example.org"
express_reservation = true
[use]
search = "yes"
ai-input = "no"
ai-train = "no"
tdm = "licence"
[[path]]
match = "/press/"
use = { ai-train = "yes" }
[[path]]
match = "/press/archive/"
use = { ai-train-gen = "no" }
[[agent]]
token = "GPTBot"
crawl = "no"
[media]
files = ["img/**/*.jpg"]
[licence]
policy = "https://example.org/tdm-policy.json"
price = { amount = "100", currency = "EUR", per = "year" }
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "intent.toml"
    file.write_text(text)
    return file


def test_the_contracts_example(tmp_path: Path) -> None:
    intent = read_intent(written(tmp_path, EXAMPLE))
    assert list(intent.usage().values()) == ["yes", "unsaid", "no", "no", "no", "licence"]
    press = intent.usage("/press/2026?page=2")
    assert press["ai-train-gen"] is press["ai-train-nongen"] is Use.YES
    # The longest match counts for what it speaks of.
    archive = intent.usage("/press/archive/1")
    assert (archive["ai-train-gen"], archive["ai-train-nongen"]) == (Use.NO, Use.YES)
    assert archive["tdm"].is_reserved
    assert intent.crawl("gptbot") is Crawl.NO
    assert intent.crawl("CCBot") is None
    assert intent.origin == "https://example.org"
    assert intent.media.files == ("img/**/*.jpg",)
    assert intent.licence
    assert intent.licence.price
    assert intent.licence.price.per == "year"


SITE = 'site = "https://a.example"\n'
BAD = {
    "": "Object missing required field `site`",
    "site = 3": "site: Expected `str`, got `int`",
    'site = "a.example"': "site: 'a.example' is no http or https URL",
    SITE + "[use]\nserch = 'no'": "use: unknown use 'serch'; did you mean 'search'?",
    SITE + "[use]\nsearch = 'not'": "use.search: unknown value 'not'; did you mean 'no'?",
    SITE + "contcat = 'x'": "unknown key 'contcat'; did you mean 'contact'?",
    SITE + "[[agent]]\ntokn = 'x'\ncrawl = 'no'": (
        "agent[1]: unknown key 'tokn'; did you mean 'token'?"
    ),
    SITE + "[[agent]]\ntoken = 'x y'\ncrawl = 'no'": "agent[1].token: 'x y' is no product token",
    SITE + "[[path]]\nmatch = '/'\nuse = {tdm = 'x'}": (
        "path[1].use.tdm: unknown value 'x'; known: licence, no, unsaid, yes"
    ),
    SITE + "[[path]]\nmatch = 'x'\nuse = {}": "path[1].match: 'x' begins with no slash",
    SITE + "[use]\ntdm = 'licence'": (
        "use.tdm: a licence is on offer, and there is no table [licence]"
    ),
    SITE + "[[agent]]\ntoken = 'A'\ncrawl = 'no'\n[[agent]]\ntoken = 'a'\ncrawl = 'yes'": (
        "agent[2].token: 'a' stands there twice and contradicts itself"
    ),
    SITE
    + "[[path]]\nmatch = '/a'\nuse = {ai = 'no'}\n[[path]]\nmatch = '/a'\nuse = {ai = 'yes'}": (
        "path[2].match: '/a' stands there twice and contradicts itself"
    ),
    SITE + "[use]\nsearch = 'yes'\n[[agent]]\ntoken = '*'\ncrawl = 'no'": (
        'use.search: is "yes", and the agent "*" may not fetch anything'
    ),
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_wrong_is_one_line_with_file_and_key(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        read_intent(file)
    assert str(caught.value) == f"{file}: {BAD[text]}"


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file"):
        read_intent(tmp_path / "none.toml")


def test_the_schema_is_current() -> None:
    # It is SCHEMA with msgspec.json.schema(SiteIntent).
    published = json.loads((SPEC / "schemas" / "intent.schema.json").read_text())
    assert published == {**SCHEMA, **json.loads(json.dumps(msgspec.json.schema(SiteIntent)))}


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://reservation-middleware.example/schemas/intent.schema.json",
    "title": "An intent file",
    "description": "What a site's owner means; TOML.",
}
