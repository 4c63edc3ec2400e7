"""The catalogue of known AI agents: product token, operator, purposes, and where that is said.

Here live the reader of agents.json and its types. The facts themselves live in agents.toml, each
with its source and date; agents.json says the same and is written by
``.ci/write_agent_catalogue.py``. Nothing here decides anything: whether a block aimed at one of
these agents counts for a crawl is policy, and matching a token against robots.txt belongs to the
reader of robots.txt. This package imports nothing else of the package, so that any layer may use it.

Product tokens: RFC 9309 §2.2.1, https://www.rfc-editor.org/rfc/rfc9309.html#section-2.2.1
"""

import datetime
import functools
from typing import Literal

import msgspec

__all__ = ["Catalogue", "KnownAgent", "Source", "catalogue"]


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page, the fields of an entry that it stands for, and the day as of which it was known."""

    url: str
    claims: tuple[str, ...]
    seen: datetime.date


class KnownAgent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One agent as its operator, or else a public list, describes it."""

    token: str
    operator: str
    # A control token never fetches: it rules over what its operator's other crawlers bring home.
    kind: Literal["crawler", "user", "control"]
    # Category names or shorthands as plain strings; empty means not stated, never "none".
    purposes: tuple[str, ...]
    # By the operator's own words, not by anybody's observation.
    obeys: Literal["yes", "no", "unclear"]
    sources: tuple[Source, ...]
    aliases: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the token, then its other spellings, then its former names."""
        return (self.token, *self.aliases, *self.retired)


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """All known agents, sorted by token, as of one day."""

    version: str
    agents: tuple[KnownAgent, ...] = msgspec.field(name="agent")

    @functools.cached_property
    def _by_name(self) -> dict[str, KnownAgent]:
        return {name.casefold(): agent for agent in self.agents for name in agent.names}

    def find(self, token: str) -> KnownAgent | None:
        """Return the agent that goes, or once went, by this name, in whatever case."""
        return self._by_name.get(token.casefold())


@functools.cache
def catalogue() -> Catalogue:
    """Return the catalogue that ships with the package, read once per process."""
    from importlib import resources  # noqa: PLC0415 - needed once, if at all

    text = resources.files(__name__).joinpath("agents.json").read_bytes()
    return msgspec.json.decode(text, type=Catalogue)
