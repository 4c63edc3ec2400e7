"""The grammars that share the name ai.txt: which one a body is written in, and what is their own.

The Spawning dialect is a robots.txt (``syntax/robots.py``) whose patterns name file extensions:
``ExtensionRules``. The dialect of draft-car-ai-txt-wellknown-00 is ``Field: value`` with indented
agent blocks, or the same in JSON: ``Declaration``. What the words mean is not known here.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from . import octets
from .robots import product_tokens

#: Bytes of a text that are read.
LIMIT = 512 * 1024
#: Lines without meaning that are kept, so that people can be told.
_MOST = 10

_SPACE = b" \t\r\n\f\v"
_MARKUP = (b"<!doctype", b"<html", b"<head", b"<body", b"<!--", b"<title", b"<script", b"<meta")
_HTML = ("text/html", "application/xhtml+xml")


class Shape(StrEnum):
    """What a body looks like before anything of it is read."""

    NOTHING = "nothing"  # empty, or the page that a server shows for everything
    JSON = "json"
    TEXT = "text"
    OTHER = "other"


def shape(body: bytes, media_type: str) -> Shape:
    """What a body looks like; its words count, the media type only where they are markup."""
    head = body[:2048].removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE)
    if not head:
        return Shape.NOTHING
    if head.startswith(b"<"):
        html = media_type in _HTML or head[:16].lower().startswith(_MARKUP)
        return Shape.NOTHING if html else Shape.OTHER
    if head.startswith((b"{", b"[")):
        return Shape.JSON
    utf_16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return Shape.OTHER if b"\0" in head and not utf_16 else Shape.TEXT


# ---- Spawning: robots.txt over file extensions

_AGENT_LINE = r"(?im)^[ \t]*user-?agent[ \t]*:"
_RULE_LINE = r"(?im)^[ \t]*(?:dis)?allow[ \t]*:[ \t]*\S"


class RobotsDialect(StrEnum):
    """How much a text has of a robots.txt."""

    NO = "no"
    RULES = "rules without an agent"
    YES = "yes"


def robots_like(text: str) -> RobotsDialect:
    """Whether a text is a robots.txt by its colons; prose about user agents is none."""
    if not re.search(_RULE_LINE, text):
        return RobotsDialect.NO
    return RobotsDialect.YES if re.search(_AGENT_LINE, text) else RobotsDialect.RULES


# ---- draft-car-ai-txt-wellknown-00


class Field(msgspec.Struct, frozen=True):
    """One field: its key in lower case as the text has it, its value, where and how it stands."""

    key: str
    value: str
    line: int | None
    text: str


Fields = dict[str, list[Field]]

#: Those that take one of three words, from restrictive to permissive.
POLICIES = ("training", "scraping", "indexing", "caching")
WORDS = DENY, CONDITIONAL, ALLOW = "deny", "conditional", "allow"
REQUIREMENTS = ("attribution", "ai-disclosure", "audit")
#: The fields that are kept; all others are metadata.
KEYS = frozenset(
    (
        *("site-name", "site-url", "contact", "policy-url"),
        *POLICIES,
        *("training-allow", "training-deny", "training-license", "training-fee"),
        *REQUIREMENTS,
    )
)
_READ = KEYS | {"agent"}
#: Under which the lines and members of a block are kept that are none of those.
OTHERS = "(others)"
_MOST_OTHERS = 1_000
#: Where they stand in JSON: object, member, key of the text.
_MEMBERS = (
    *(("site", "name", "site-name"), ("site", "url", "site-url"), ("site", "contact", "contact")),
    ("site", "policyUrl", "policy-url"),
    *(("policies", key, key) for key in POLICIES),
    *(("trainingPaths", key, f"training-{key}") for key in ("allow", "deny")),
    ("licensing", "license", "training-license"),
    ("licensing", "feeUrl", "training-fee"),
    ("content", "attribution", "attribution"),
    ("content", "aiDisclosure", "ai-disclosure"),
    ("compliance", "audit", "audit"),
)
# Members that the whole has.
_KNOWN = frozenset(
    (
        *("specVersion", "version", "generatedAt", "$schema", "site", "policies", "agents"),
        *("trainingPaths", "licensing", "content", "compliance"),
    )
)
_CAPITAL = re.compile(r"(?<=[a-z])([A-Z])")
_LONGEST_OTHER = 400
_SPEAKING = ("training", "indexing", "training-allow", "training-deny")
# What people write behind a word.
_REMARK = re.compile(r"\s+#.*")
_CONTACT = r"[^\s@<>:/]+@[^\s@<>:/]+|tel:[0-9+*#().;=,-]+|https://[^\s<>]+"
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


class Declaration:
    """The fields of a site and of its agent blocks.

    Attributes:
        site: fields outside every block.
        blocks: each with the product tokens, in lower case, that it belongs to.
        others: how many lines or members are kept that are none of the dialect's fields.
        cut: whether there are more of them.
        strays: the first lines that are no field, or indented where there is no block.
    """

    __slots__ = ("blocks", "cut", "others", "site", "strays")

    def __init__(self) -> None:
        self.site: Fields = {}
        self.others = 0
        self.cut = False
        self.blocks: list[tuple[tuple[str, ...], Fields]] = []
        self.strays: list[tuple[int, str]] = []

    def parts(self) -> Iterable[Fields]:
        """The site's fields, then those of every block."""
        yield self.site
        for _, fields in self.blocks:
            yield fields

    def about(self, token: str) -> list[Fields]:
        """The blocks that belong to a product token (lower case)."""
        return [fields for tokens, fields in self.blocks if token in tokens]

    def missing(self) -> list[str]:
        """The required fields (§2.3) that are not there."""
        return [
            name
            for name in ("Site-Name", "Site-URL")
            if not any(field.value for field in self.site.get(name.lower(), ()))
        ]

    def required(self) -> list[str]:
        """What is asked of those who use the content (§2.8, §2.9)."""
        return [
            key
            for key in REQUIREMENTS
            if any(field.value.lower() == "required" for field in self.site.get(key, ()))
        ]

    @property
    def says(self) -> bool:
        """Whether it says anything about usage in so many words."""
        return any(key in part for part in self.parts() for key in _SPEAKING)

    @property
    def declares(self) -> bool:
        """Whether it is of this dialect at all."""
        return self.says or not self.missing()

    def keep_other(self, fields: Fields, field: Field) -> None:
        """Keep a line or a member that is none of the dialect's."""
        if self.others >= _MOST_OTHERS:
            self.cut = True
            return
        self.others += 1
        fields.setdefault(OTHERS, []).append(field)

    def block(self, name: str) -> Fields:
        """A new block for the product tokens that an agent's name holds."""
        fields: Fields = {}
        tokens = tuple(dict.fromkeys(product_tokens(name)))
        if tokens:
            self.blocks.append((tokens, fields))
        return fields


def text_of(body: bytes) -> str:
    """A body as text with LF at line ends; as much of it as is read."""
    body = body[:LIMIT]
    is_utf_16 = body.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = body.decode("utf-16", "replace") if is_utf_16 else octets.text_of(body)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_text(text: str) -> Declaration:
    """Read the text form (§2.2): ``#`` starts a comment line only, since values are URLs, too."""
    found = Declaration()
    block: Fields | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        name, colon, value = raw.partition(":")
        key = name.strip().lower()
        named = bool(colon) and key in _READ
        if not named:
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            named = bool(colon) and _KEY.fullmatch(name.strip()) is not None
        if raw[0] not in " \t":
            block = None
        elif block is None:
            named = False
        fields = found.site if block is None else block
        if not named:
            if len(found.strays) < _MOST:
                found.strays.append((number, raw.strip()))
            is_field = bool(colon) and raw[0] not in " \t"
            key, words = (key, value.strip()) if is_field else ("", raw.strip())
            found.keep_other(fields, Field(key, words, number, raw.strip()))
        elif key == "agent":
            block = found.block(value.strip())
        elif key in KEYS:
            _keep(fields, Field(key, value.strip(), number, raw.strip()))
        else:
            found.keep_other(fields, Field(key, value.strip(), number, raw.strip()))
    return found


def may_say(text: str) -> bool:
    """Whether a text may say anything about usage in the words of this dialect."""
    lower = text.lower()
    return any(key in lower for key in _SPEAKING)


def read_json(body: bytes) -> Declaration | None:
    """Read the JSON form (§3.2); None for what is no JSON object."""
    if len(body) > LIMIT:
        return None
    text = octets.text_of(body)
    try:
        # From str, since some decoders take bytes that are no UTF-8.
        given: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(given, dict):
        return None
    found = Declaration()
    policies = given.get("policies")
    for part, known in ((given, _KNOWN), (policies, POLICIES)):
        for name, value in part.items() if isinstance(part, dict) else ():
            if name not in known:
                _take_other(found, found.site, name, value)
    if not (isinstance(given.get("site"), dict) or isinstance(policies, dict)):
        return found  # of another kind, but for what it may refuse all the same
    for group, member, key in _MEMBERS:
        part = given.get(group)
        if isinstance(part, dict):
            _take(found.site, part, member, key)
    agents = given.get("agents")
    if isinstance(agents, dict):
        for name, part in agents.items():
            if isinstance(part, dict):
                block = found.block(name)
                for key in POLICIES:
                    _take(block, part, key, key)
                for key, value in part.items():
                    if key not in POLICIES:
                        _take_other(found, block, key, value)
    return found


def _take_other(found: Declaration, fields: Fields, name: str, value: Any) -> None:
    """Keep a member that the form does not have there."""
    if isinstance(value, dict | list):
        value = "…"
    word = (value if isinstance(value, str) else str(value).lower()).strip()[:_LONGEST_OTHER]
    key = _CAPITAL.sub(r"-\1", name[:_LONGEST_OTHER]).lower()
    found.keep_other(fields, Field(key, word, None, f'"{name[:_LONGEST_OTHER]}": "{word}"'))


def _take(fields: Fields, part: Mapping[str, Any], member: str, key: str) -> None:
    """Take a member's value, or each of a list of them."""
    value = part.get(member)
    for item in value if isinstance(value, list) else [value]:
        if item is None:
            continue
        if not isinstance(item, str | bool | int | float):
            item = "…"
        word = (item if isinstance(item, str) else str(item).lower()).strip()
        _keep(fields, Field(key, word, None, f'"{member}": "{word}"'))


def _keep(fields: Fields, field: Field) -> None:
    """Keep a field; of one that takes three words those that say what none before it said."""
    known = fields.setdefault(field.key, [])
    if known and field.key in POLICIES:
        if field.value == known[-1].value:
            return
        word = word_of(field)
        if len(known) >= _MOST and not word:
            return
        if word and word in map(word_of, known):
            return
    known.append(field)


def word_of(field: Field) -> str | None:
    """Which of the three words a field has, None for any other value."""
    return _word(field.value[:100])


@lru_cache(256)
def _word(value: str) -> str | None:
    word = _REMARK.sub("", value).strip().lower()
    return word if word in WORDS else None


def valid(fields: Fields, key: str) -> list[tuple[str, Field]]:
    """The words that a field has, with the field."""
    found = [(word_of(field), field) for field in fields.get(key, ())]
    return [(word, field) for word, field in found if word]


def contact_of(value: str) -> str | None:
    """The mail address, the telephone number or the page that a value is."""
    mail = value[7:].strip() if value[:7].lower() == "mailto:" else value
    return mail if re.fullmatch(_CONTACT, mail) and mail.isprintable() else None
