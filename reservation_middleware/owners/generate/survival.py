"""Whether an intent survived: what was meant beside what is read back, before and after.

The matrix has a row for each region and leaf. What reads otherwise than it was meant is told in
words; so is what no signal has words for.
"""

from collections.abc import Mapping, Sequence

import msgspec

from reservation_middleware.model import LEAVES, Preference
from reservation_middleware.owners.intent import Crawl, SiteIntent

from .read_back import ReadBack, ServedPage, read_back
from .regions import Region, Regions

_SAID = {
    Preference.ALLOWED: "yes",
    Preference.DISALLOWED: "no",
    Preference.UNKNOWN: "not said",
}


class UseRow(msgspec.Struct, frozen=True, kw_only=True):
    """One use of the content of one region.

    Attributes:
        path: the region's pattern, "" for the rest of the site.
        sample: the path that was judged.
        leaf: the use.
        meant: yes, no, licence or unsaid; None where the intent does not mention it.
        implied: whether it is read as reserved although the intent does not mention it, since the
            words for what is reserved cover it, too.
        before: preference that the site's files say now.
        files: preference that the files alone say, before a page is fetched.
        after: preference that files, header fields and tags say together.
        crawl: whether the page may be fetched.
        signals: which signals and carriers say what is read after.
        survived: whether what is read is what was meant.
    """

    path: str
    sample: str
    leaf: str
    meant: str | None
    implied: bool
    before: Preference
    files: Preference
    after: Preference
    crawl: Preference
    signals: tuple[str, ...]
    survived: bool


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one crawler may fetch."""

    token: str
    meant: str
    before: Preference
    after: Preference
    survived: bool


def contradictions(region: Region, reading: ReadBack) -> list[str]:
    """Leaves that are read otherwise than they are meant; silence contradicts nothing.

    A leaf that the intent does not mention may be refused by the words for others, never allowed.
    """
    return [leaf for leaf in LEAVES if reading.usage[leaf] not in _readable(region, leaf)]


def _readable(region: Region, leaf: str) -> tuple[Preference, ...]:
    """What may be read of a leaf without contradicting what is meant."""
    if leaf in region.meant:
        return region.usage[leaf], Preference.UNKNOWN
    return Preference.DISALLOWED, Preference.UNKNOWN


def usage_rows(
    intent: SiteIntent,
    regions: Regions,
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    pages: Mapping[str, ServedPage],
) -> list[UseRow]:
    """The matrix of uses.

    Args:
        intent: what is meant.
        regions: where.
        before: the site's files as they are, by path.
        after: the same with what was written.
        pages: by region's pattern, a page as it would be served.
    """
    rows = []
    agent = reader(intent)
    for region in regions:
        url = intent.origin + region.sample
        old = read_back(url, before, None, agent=agent)
        alone = read_back(url, after, None, agent=agent)
        whole = read_back(url, after, pages[region.pattern], agent=agent)
        for leaf in LEAVES:
            use = region.meant.get(leaf)
            rows.append(
                UseRow(
                    path=region.pattern,
                    sample=region.sample,
                    leaf=leaf,
                    meant=use.value if use else None,
                    implied=use is None
                    and Preference.DISALLOWED in (alone.usage[leaf], whole.usage[leaf]),
                    before=old.usage[leaf],
                    files=alone.usage[leaf],
                    after=whole.usage[leaf],
                    signals=whole.signals.get(leaf, ()),
                    crawl=whole.crawl,
                    survived=_survived(leaf, region, alone, whole),
                )
            )
    return rows


def reader(intent: SiteIntent) -> str:
    """Who reads the uses: everybody, or a crawler that may come where everybody else may not."""
    if intent.crawl("*") is Crawl.NO:
        return next((agent.token for agent in intent.agent if agent.crawl is Crawl.YES), "*")
    return "*"


def _survived(leaf: str, region: Region, alone: ReadBack, whole: ReadBack) -> bool:
    """Whether a leaf is read as it was meant, and the files alone say nothing else."""
    readable = _readable(region, leaf)
    if leaf in region.meant:
        return alone.usage[leaf] in readable and whole.usage[leaf] is region.usage[leaf]
    return alone.usage[leaf] in readable and whole.usage[leaf] in readable


def agent_rows(
    intent: SiteIntent, before: Mapping[str, bytes], after: Mapping[str, bytes], sample: str
) -> list[AgentRow]:
    """The crawlers of the intent: may they fetch."""
    rows = []
    for token in dict.fromkeys(agent.token for agent in intent.agent):
        meant = intent.crawl(token)
        if meant is None:
            continue
        old = read_back(intent.origin + sample, before, None, agent=token).crawl
        new = read_back(intent.origin + sample, after, None, agent=token).crawl
        right = Preference.ALLOWED if meant.value == "yes" else Preference.DISALLOWED
        rows.append(
            AgentRow(token=token, meant=meant.value, before=old, after=new, survived=new is right)
        )
    return rows


def other_groups(
    intent: SiteIntent, regions: Regions, after: Mapping[str, bytes], tokens: Sequence[str]
) -> list[str]:
    """Sentences about named crawlers that read another answer than everybody else."""
    found = []
    for token in tokens:
        for region in regions:
            reading = read_back(intent.origin + region.sample, after, None, agent=token)
            if reading.crawl is Preference.DISALLOWED:
                continue
            wrong = contradictions(region, reading)
            if wrong:
                found.append(
                    f"robots.txt tells {token} something else about {', '.join(wrong)} "
                    f"({region.shown}) than the intent means; see the rest of the file"
                )
    return found


def in_words(preference: Preference) -> str:
    """A preference in the words for people."""
    return _SAID[preference]


def losses(rows: Sequence[UseRow]) -> list[str]:
    """Sentences about what did not survive."""
    sentences = []
    for row in rows:
        if row.survived:
            continue
        where = row.path or "everywhere else"
        meant = {"unsaid": "not said", None: "not said"}.get(row.meant, row.meant)
        read = row.after if row.after != row.files or row.files == "unknown" else row.files
        if read is Preference.UNKNOWN:
            why = "no signal has words for it alone"
            if row.crawl is Preference.DISALLOWED:
                why = "robots.txt keeps crawlers away, so that they read nothing there"
            sentences.append(f"{row.leaf} ({where}): {meant} is meant, and {why}")
        else:
            by = f" by {', '.join(row.signals)}" if row.signals else ""
            sentences.append(
                f"{row.leaf} ({where}): {meant} is meant, {in_words(read)} is read{by}"
            )
    return sentences
