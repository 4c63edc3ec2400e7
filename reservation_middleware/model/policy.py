"""Who asks, and what the operator decided beforehand.

What follows from it for a page is a ``Decision``. The knobs are told in
``spec/decision.md``, step 6.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Self

import msgspec

from .error import ConfigurationError
from .licence import Licence
from .vocabulary import Preference, expand, unknown_word

#: What an operator may use as a product token. RFC 9309 §2.2.1 allows letters, ``-`` and
#: ``_`` only; digits and dots are in wide use and do no harm to exact matching.
TOKEN = re.compile(r"\*|[A-Za-z0-9_.-]+")


#: Product tokens that stand for a purpose where the operator lists none: the one of
#: draft-kelley-aipref-training-preference-signal-00.
POLICY_TOKENS: tuple[tuple[str, tuple[str, ...]], ...] = (("__usage_ai-training", ("ai-train",)),)

_COUNTRY = r"[A-Z]{2}"
#: What kinds of users RSL 1.0 knows.
_USERS = ("commercial", "non-commercial", "education", "government", "personal")


class Action(StrEnum):
    """What the operator's profile makes of a verdict."""

    PROCEED = "proceed"
    BLOCK = "block"


class Mode(StrEnum):
    """Whether an adapter acts on the action or only records it."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


class ProxyAgents(StrEnum):
    """What a block aimed by name at other AI agents means for us."""

    OFF = "off"
    RECORD = "record"
    COUNT = "count"


class LegacyLabels(StrEnum):
    """What Content-Usage labels of older AIPREF drafts mean."""

    OFF = "off"
    MAP = "map"


class ContentUse(StrEnum):
    """How content is used at most, in the words of Content Signals' ``use=``; strictest first."""

    IMMEDIATE = "immediate"
    REFERENCE = "reference"
    FULL = "full"


class NearMiss(StrEnum):
    """What a malformed statement means that is a refusal beyond doubt (``spec/decision.md``, step 17)."""

    COUNT = "count"
    RECORD = "record"


class Probes(StrEnum):
    """Which well-known places are asked."""

    DEFAULT = "default"
    ALL = "all"


class Agent(msgspec.Struct, frozen=True, dict=True):
    """Who asks, and what for.

    Args:
        token: the product token that robots.txt groups name; ``*`` for the group for everyone.
            A list of them is a fallback list: at each site the first that some group names
            counts, without a match the first.
        purposes: leaves or shorthands of the vocabulary.

    Attributes:
        token: the token that counts; of a list the first, until a site is asked.
        tokens: the list, in its order and each once; empty where one token was given.

    Raises:
        ConfigurationError: the token is not a product token, or a purpose is not known.

    """

    token: str
    purposes: Collection[str] = ("ai-train",)
    tokens: tuple[str, ...] = ()

    if TYPE_CHECKING:

        def __init__(
            self,
            token: str | Sequence[str],
            purposes: Collection[str] = ("ai-train",),
            tokens: tuple[str, ...] = (),
        ) -> None: ...

    def __post_init__(self) -> None:
        token: object = self.token  # people pass one or a list
        if isinstance(token, Iterable) and not isinstance(token, str):
            several = tuple(dict.fromkeys(token))
            if not several:
                raise ConfigurationError("at least one product token is needed")
            msgspec.structs.force_setattr(self, "token", several[0])
            msgspec.structs.force_setattr(self, "tokens", several if len(several) > 1 else ())
        every: tuple[object, ...] = self.tokens or (self.token,)
        for token in every:
            if not isinstance(token, str) or not TOKEN.fullmatch(token):
                raise ConfigurationError(
                    f"{token!r} is not a product token: letters, digits, '-', '_' and '.' only"
                )
        given: object = self.purposes  # people pass a set, a list or a single word
        if isinstance(given, str):
            purposes: tuple[str, ...] = (given,)
        elif isinstance(given, set | frozenset):
            purposes = tuple(sorted(given))
        else:
            purposes = tuple(self.purposes)
        expand(purposes)
        msgspec.structs.force_setattr(self, "purposes", purposes)

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """The leaf categories that the purposes stand for."""
        return expand(self.purposes)

    @cached_property
    def key(self) -> str:
        """The token in lower case, as group choice compares it (RFC 9309 §2.2.1)."""
        return self.token.lower()

    @cached_property
    def keys(self) -> frozenset[str]:
        """All of its tokens in lower case."""
        return frozenset(token.lower() for token in self.tokens or (self.token,))

    def chosen(self, token: str) -> "Agent":
        """The agent for which one token of its list counts; one object for each token."""
        if token == self.token:
            return self
        return self._chosen[token]

    @cached_property
    def _chosen(self) -> Mapping[str, "Agent"]:
        return {token: Agent(token, self.purposes, self.tokens) for token in self.tokens}


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decided; profiles are named presets of it.

    Attributes:
        profile: name of the preset it was made from.
        mode: enforce or observe; the adapters' business, no verdict depends on it.
        unknown: what to do when nobody said anything about a purpose.
        reservation: what to do when a purpose is disallowed.
        unreachable: what to do when robots.txt could not be reached (RFC 9309 §2.3.1.4).
        proxy_agents: what a block aimed by name at other AI agents means.
        proxy_tokens: which agents' blocks; empty means any training agent of the catalogue.
        policy_tokens: product tokens that stand for purposes, with those purposes; a list of
            one's own takes the place of the default, an empty one turns it off.
        probes: which well-known places are asked.
        signals: names of the signals that count; None for all.
        user: what kind of user the operator is, in RSL's words (commercial, education …).
        geo: where the operator uses what it fetches, ISO 3166-1 alpha-2 in upper case.
        legacy_labels: whether Content-Usage labels of older drafts are heard.
        content_use: how the operator uses content at most, for sites that allow less
            (Content-Signal ``use=``); None where nothing is declared.
        near_miss: whether a refusal that is clearly meant and not spelled as its text has it counts.
        licences: those that the operator holds.

    """

    profile: str = "opt-out"
    mode: Mode = Mode.ENFORCE
    unknown: Action = Action.PROCEED
    reservation: Action = Action.BLOCK
    unreachable: Action = Action.BLOCK
    proxy_agents: ProxyAgents = ProxyAgents.RECORD
    proxy_tokens: tuple[str, ...] = ()
    policy_tokens: tuple[tuple[str, tuple[str, ...]], ...] = POLICY_TOKENS
    probes: Probes = Probes.DEFAULT
    signals: tuple[str, ...] | None = None
    user: tuple[str, ...] = ()
    geo: tuple[str, ...] = ()
    legacy_labels: LegacyLabels = LegacyLabels.OFF
    content_use: ContentUse | None = None
    near_miss: NearMiss = NearMiss.COUNT
    licences: tuple[Licence, ...] = ()

    def __post_init__(self) -> None:
        for token, purposes in self.policy_tokens:
            Agent(token, purposes)  # checks both
        # A wrong word would match nothing, prohibitions included.
        for word in self.geo:
            if not re.fullmatch(_COUNTRY, word):
                raise ConfigurationError(f"geo: {word!r} is no ISO 3166-1 alpha-2 code")
        for word in self.user:
            if word not in _USERS:
                raise ConfigurationError(unknown_word("kind of user", word, _USERS))

    def changed(self, changes: Mapping[str, object]) -> Self:
        """The same policy with some fields changed; plain values as in files will do.

        Licences are passed on as they are: they may hold what no encoder may see.

        Raises:
            ConfigurationError: there is no such field, or it cannot have that value.
        """
        for field in changes:
            if field not in self.__struct_fields__:
                raise ConfigurationError(unknown_word("key", field, self.__struct_fields__))
            choice, value = _CHOICES.get(field), changes[field]
            if choice is not None and isinstance(value, str) and value not in list(choice):
                known = ", ".join(choice)
                raise ConfigurationError(f"{field} cannot be {value!r}; known: {known}")
        others = {key: value for key, value in changes.items() if key != "licences"}
        held = _licences(changes["licences"]) if "licences" in changes else self.licences
        bare = msgspec.structs.replace(self, licences=()) if self.licences else self
        plain = {**msgspec.to_builtins(bare), **msgspec.to_builtins(others)}
        try:
            changed = msgspec.convert(plain, type(self))
        except msgspec.ValidationError as error:
            raise ConfigurationError(str(error)) from None
        return msgspec.structs.replace(changed, licences=held) if held else changed

    def on_crawl(self, crawl: Preference, *, unreachable: str | None = None) -> Action:
        """What crawl rules amount to (``spec/decision.md``, step 6).

        Args:
            crawl: whether the page may be fetched.
            unreachable: why robots.txt could not be had, None where it could.
        """
        if crawl is Preference.ALLOWED:
            return Action.PROCEED
        if crawl is Preference.UNKNOWN:
            return self.unknown
        return Action.BLOCK if unreachable is None else self.unreachable

    def on_usage(self, verdict: Preference) -> Action:
        """What an answer about the purposes asked amounts to (``spec/decision.md``, step 6)."""
        if verdict is Preference.UNKNOWN:
            return self.unknown
        return self.reservation if verdict is Preference.DISALLOWED else Action.PROCEED


_CHOICES: Mapping[str, type[StrEnum]] = {
    "mode": Mode,
    **dict.fromkeys(("unknown", "reservation", "unreachable"), Action),
    "proxy_agents": ProxyAgents,
    "probes": Probes,
    "legacy_labels": LegacyLabels,
    "content_use": ContentUse,
    "near_miss": NearMiss,
}


def _licences(given: object) -> tuple[Licence, ...]:
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
        raise ConfigurationError(f"licences must be a list of licences, not {given!r}"[:200])
    return tuple(
        licence if isinstance(licence, Licence) else Licence.given(licence) for licence in given
    )
