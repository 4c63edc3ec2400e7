"""What became of a page and why, in a few words, for the terminal and for the report."""

from typing import Any, NamedTuple

from reservation_middleware.model import Action, Stage, expand
from reservation_middleware.report.words import STAGES

from .task import Visit

Record = dict[str, Any]


class Because(NamedTuple):
    """One thing that led to a decision.

    Attributes:
        what: the signal, or ``note`` or ``offer``.
        where: carrier and line.
        text: the words.
        aside: whether it decided nothing.

    """

    what: str
    where: str
    text: str
    aside: bool = False


def happened(visit: Visit | None) -> str:
    """What became of a page."""
    if visit is None or visit.record is None:
        return "failed"
    if visit.blocked:
        return f"blocked {STAGES[Stage(visit.record['stage'])]}"
    return "proceeds"


def because(record: Record) -> list[Because]:
    """What a decision rests on, then what is worth knowing beside it."""
    found = [
        Because(
            reason["signal"],
            reason["carrier"] + (f" line {reason['line']}" if reason["line"] else ""),
            reason["text"],
            aside=reason["inferred"],
        )
        for reason in deciding(record)
    ]
    if any(note["ident"] == "conflict" for note in record["notes"]):
        found.append(Because("conflict", "", "another signal allows it", aside=True))
    elif not found:
        found += [Because("note", "", note["summary"], aside=True) for note in record["notes"][:1]]
    found += [Because("offer", "", offered(offer), aside=True) for offer in record["offers"]]
    return found


def offered(offer: Record) -> str:
    """An offer in a few words: its kind, the price if there is one, where to turn."""
    words = [offer["kind"]]
    if offer["price"] is not None:
        words += [offer["price"], offer["currency"] or ""]
        words += ["per", offer["per"]] if offer["per"] else []
    until = f"until {offer['until']}" if offer["until"] else None
    where = (offer["url"], offer["contact"], *offer["protocols"], until)
    turn = ", ".join(dict.fromkeys(place for place in where if place))
    return (", " if len(words) > 1 else " ").join(filter(None, (" ".join(words), turn)))


def deciding(record: Record) -> list[Record]:
    """The reasons that tipped the balance; of a page that was fetched, those that speak of
    usage, and only where there are none the crawl rule that let it pass.
    """
    reasons: list[Record] = record["reasons"]
    usage = [reason for reason in reasons if "crawl" not in reason["covers"]]
    crawl = [reason for reason in reasons if "crawl" in reason["covers"]]
    if record["action"] == Action.PROCEED:
        return usage or crawl
    if record["crawl"] == "disallowed":
        return crawl
    asked = expand(record["purposes"])
    return [
        reason
        for reason in usage
        if reason["preference"] == "disallowed"
        and not reason["inferred"]
        and not set(asked).isdisjoint(reason["covers"])
    ]
