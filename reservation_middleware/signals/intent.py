"""What a site owner wants to say, and the words in which a signal says it."""

from collections.abc import Mapping

import msgspec

from reservation_middleware.model import Preference

from .parsed_document import Carrier


class Term(msgspec.Struct, frozen=True):
    """A native word and the leaves that its yes and its no cover (see the spec page)."""

    yes: tuple[str, ...]
    no: tuple[str, ...]


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What a site owner wants to say.

    Attributes:
        usage: preference per leaf.
        crawl: whether to allow crawling, None to say nothing.
        agents: product tokens it is meant for; none for lines that stand in a group already.
        policy: where licence terms stand.
        path: the path pattern that it is about, "" for the whole site; carriers that belong to a
            page, such as header fields, are about that page whatever it is.

    """

    usage: Mapping[str, Preference] = {}
    crawl: Preference | None = None
    agents: tuple[str, ...] = ("*",)
    policy: str | None = None
    path: str = ""

    def group(self, line: str) -> str:
        """A robots.txt group for the agents with one line in it."""
        agents = [f"User-agent: {agent}" for agent in self.agents]
        return "\n".join([*agents, line, ""])


class Rendering(msgspec.Struct, frozen=True):
    """An intent in a signal's own words, for one carrier.

    ``text`` is a whole group for robots.txt, ``name: value`` lines for headers, elements
    for HTML, the file for a file of its own, the value of the property for XMP.
    """

    carrier: Carrier
    text: str


def terms_for(terms: Mapping[str, Term], intent: Intent) -> dict[str, Preference]:
    """The native terms that say no more than is intended, each with its preference."""
    found: dict[str, Preference] = {}
    for name, term in terms.items():
        for preference, leaves in (
            (Preference.DISALLOWED, term.no),
            (Preference.ALLOWED, term.yes),
        ):
            if leaves and all(intent.usage.get(leaf) is preference for leaf in leaves):
                found[name] = preference
                break
    return found
