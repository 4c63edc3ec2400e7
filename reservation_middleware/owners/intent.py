"""The intent file: what a site's owner means each use and crawler to be told, read and checked.

``generate`` writes signals that say it, ``lint --intent`` compares what is said with it. Nothing
here knows a signal. The form is that of the contract, "Site owners": TOML with the tables ``use``,
``path``, ``agent``, ``media`` and ``licence``; its schema is ``spec/schemas/intent.schema.json``.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from reservation_middleware.model import LEAVES, SHORTHANDS, ConfigurationError
from reservation_middleware.model.policy import TOKEN
from reservation_middleware.model.vocabulary import unknown_word
from reservation_middleware.runtime.toml_file import read_toml
from reservation_middleware.syntax.path import Pattern, judged, octets, split_url


class Use(StrEnum):
    """What an owner says to one use of the content."""

    YES = "yes"
    NO = "no"
    #: Reserved, and a licence is on offer.
    LICENCE = "licence"
    UNSAID = "unsaid"

    @property
    def is_reserved(self) -> bool:
        """Whether the use needs leave that is not given here."""
        return self in (Use.NO, Use.LICENCE)


class Crawl(StrEnum):
    """Whether a crawler may fetch."""

    YES = "yes"
    NO = "no"


class PathIntent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is meant for some paths, where that is not what is meant for the whole site.

    Attributes:
        match: a path pattern as robots.txt has it (RFC 9309 §2.2.3).
        use: by leaf or shorthand of the vocabulary.
    """

    match: str
    use: dict[str, Use]


class AgentIntent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a crawler may fetch at all, by its product token."""

    token: str
    crawl: Crawl


class MediaIntent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which files get their reservation embedded, in copies: glob patterns in the site's folder."""

    files: tuple[str, ...] = ()


class LicencePrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a licence costs: a decimal number, an ISO 4217 code, and for what or how long."""

    amount: str
    currency: str
    per: str = ""


class LicenceIntent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is on offer."""

    policy: str | None = None
    price: LicencePrice | None = None


class SiteIntent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an owner means for one site.

    Attributes:
        site: its origin.
        contact: where to ask for leave: a mailto or https address.
        express_reservation: whether the sentence is added that cites Directive (EU) 2019/790.
        use: by leaf or shorthand of the vocabulary.
        path: narrower paths; the longest match counts.
        agent: crawlers.
        media: images that get a reservation of their own.
        licence: what is on offer.
    """

    site: str
    contact: str | None = None
    express_reservation: bool = False
    use: dict[str, Use] = {}
    path: tuple[PathIntent, ...] = ()
    agent: tuple[AgentIntent, ...] = ()
    media: MediaIntent = MediaIntent()
    licence: LicenceIntent | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port of the site in their one spelling."""
        return split_url(self.site)[0]

    def usage(self, target: str = "/") -> dict[str, Use]:
        """What is meant for each leaf at a path and query, in the order of the vocabulary.

        A leaf that the longest matching path does not speak of has the meaning of the next
        shorter one, and at last that of the site.
        """
        meant = {**dict.fromkeys(LEAVES, Use.UNSAID), **by_leaf(self.use)}
        asked = judged(target)
        for narrower in sorted(self.path, key=lambda path: octets(path.match)):
            if Pattern(narrower.match).matches(asked):
                meant.update(by_leaf(narrower.use))
        return meant

    def crawl(self, token: str) -> Crawl | None:
        """Whether a crawler may fetch: its own entry, else that of ``*``; None if nothing is stated."""
        stated = {agent.token.lower(): agent.crawl for agent in self.agent}
        return stated.get(token.lower(), stated.get("*"))


def by_leaf(uses: Mapping[str, Use]) -> dict[str, Use]:
    """Uses by leaf: a leaf stands above a shorthand, a narrower shorthand above a wider.

    >>> {leaf: use.value for leaf, use in by_leaf({"ai": Use.NO, "ai-input": Use.YES}).items()}
    {'ai-index': 'no', 'ai-input': 'yes', 'ai-train-gen': 'no', 'ai-train-nongen': 'no'}
    """
    stated: dict[str, Use] = {}
    # The shorthands are nested, so that a narrower one is always a part of a wider.
    for term in sorted(uses, key=lambda term: -len(SHORTHANDS.get(term, (term,)))):
        stated.update(dict.fromkeys(SHORTHANDS.get(term, (term,)), uses[term]))
    return {leaf: stated[leaf] for leaf in LEAVES if leaf in stated}


def read_intent(file: Path) -> SiteIntent:
    """Read an intent file.

    Raises:
        ConfigurationError: it is not there, is no TOML, has an unknown key or value, or contradicts
            itself; one line that names the file and the key.
    """
    found = read_toml(file)
    if found is None:
        raise ConfigurationError(f"{file}: there is no such file")
    return intent_of(found[0], str(file))


def intent_of(tables: Mapping[str, Any], name: str) -> SiteIntent:
    """An intent from its tables.

    Args:
        tables: as TOML has them.
        name: what errors call it.

    Raises:
        ConfigurationError: an unknown key or value, or a contradiction; one line with name and key.
    """
    try:
        intent = msgspec.convert(tables, SiteIntent)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{name}: {_plain(str(error), tables)}") from None
    for key, problem in _contradictions(intent):
        raise ConfigurationError(f"{name}: {key}: {problem}")
    return intent


_PROBLEM = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_INVALID = re.compile(r"Invalid enum value '(.*)'", re.DOTALL)
_NUMBER = re.compile(r"\[(\d+)\]")
_TABLES: Mapping[str, type[msgspec.Struct]] = {
    "": SiteIntent,
    "path": PathIntent,
    "agent": AgentIntent,
    "media": MediaIntent,
    "licence": LicenceIntent,
    "licence.price": LicencePrice,
}


def _plain(error: str, tables: Mapping[str, Any]) -> str:
    """What the validator says, with the key first and the nearest word that is right.

    Entries of lists are numbered from 1.
    """
    found = _PROBLEM.fullmatch(error)
    what, where = (found["what"], found["where"] or "") if found else (error, "")
    if unknown := _UNKNOWN.fullmatch(what):
        table = _TABLES[_NUMBER.sub("", where)]
        what = unknown_word("key", unknown[1], table.__struct_fields__)
    elif invalid := _INVALID.fullmatch(what):
        kind: Iterable[StrEnum] = Crawl if where.endswith(".crawl") else Use
        what = unknown_word("value", invalid[1], [entry.value for entry in kind])
        # The validator does not say which key of a table of uses it is.
        if where.endswith("[...]"):
            uses: Any = tables
            for step in re.findall(r"\w+", where):
                uses = uses[int(step) if step.isdigit() else step]
            terms = (term for term, use in uses.items() if use == invalid[1])
            where = f"{where.removesuffix('[...]')}.{next(terms)}"
    where = _NUMBER.sub(lambda found: f"[{int(found[1]) + 1}]", where)
    return f"{where}: {what}" if where else what


def _contradictions(intent: SiteIntent) -> Iterable[tuple[str, str]]:
    """Keys whose values cannot be, or cannot be together, each with the reason."""
    if not intent.origin.startswith(("http://", "https://")):
        yield "site", f"{intent.site!r} is no http or https URL"
    tables = [("use", intent.use)]
    tables += [(f"path[{number}].use", entry.use) for number, entry in enumerate(intent.path, 1)]
    for key, uses in tables:
        for term, use in uses.items():
            if term not in SHORTHANDS and term not in LEAVES:
                yield key, unknown_word("use", term, (*LEAVES, *SHORTHANDS))
            if use is Use.LICENCE and intent.licence is None:
                yield f"{key}.{term}", "a licence is on offer, and there is no table [licence]"
    for number, path in enumerate(intent.path, 1):
        if not path.match.startswith(("/", "*")):
            yield f"path[{number}].match", f"{path.match!r} begins with no slash"
    for number, agent in enumerate(intent.agent, 1):
        if not TOKEN.fullmatch(agent.token):
            yield f"agent[{number}].token", f"{agent.token!r} is no product token"
    yield from _said_twice(
        "path", "match", [(entry.match, by_leaf(entry.use)) for entry in intent.path]
    )
    crawls = [(entry.token.lower(), entry.crawl) for entry in intent.agent]
    yield from _said_twice("agent", "token", crawls)
    if intent.crawl("*") is Crawl.NO and Crawl.YES not in [entry.crawl for entry in intent.agent]:
        for key, uses in tables:
            for term, use in uses.items():
                if use is Use.YES:
                    yield f"{key}.{term}", 'is "yes", and the agent "*" may not fetch anything'


def _said_twice(
    table: str, key: str, stated: Iterable[tuple[str, Any]]
) -> Iterable[tuple[str, str]]:
    """Names that stand in a list twice with different meanings."""
    first: dict[str, Any] = {}
    for number, (name, meaning) in enumerate(stated, 1):
        if first.setdefault(name, meaning) != meaning:
            yield f"{table}[{number}].{key}", f"{name!r} stands there twice and contradicts itself"
