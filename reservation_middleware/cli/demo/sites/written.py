"""Hosts for signals that no other file shows: each reserves training in the signal's own words.

So a new signal is in the demo from its first day on; a host with a story of its own is better.
"""

from collections.abc import Iterator

from reservation_middleware.model import Preference
from reservation_middleware.model.vocabulary import TRAIN
from reservation_middleware.signals import CONTENT as IN_PAGE
from reservation_middleware.signals import HEADERS, SIGNALS, Intent, Rendering

from .page import BLOCK, CONTENT, HEAD, SITE, Expect, SiteAnswer, SiteHost, file, page

_NO_TRAINING = Intent(usage=dict.fromkeys(TRAIN, Preference.DISALLOWED))


def hosts(shown: set[str | None]) -> Iterator[SiteHost]:
    """A host for each way in which a signal that is not shown yet can be written.

    Args:
        shown: names of the signals that other hosts show.
    """
    for signal in SIGNALS:
        if signal.name not in shown:
            for rendering in signal.write(_NO_TRAINING):
                if not _is_in_a_file(rendering):
                    yield _host(signal.name, signal.title, rendering)


def _is_in_a_file(rendering: Rendering) -> bool:
    """Whether it stands in the metadata of images, which ``embedded`` shows, and not in a page."""
    return rendering.carrier.place is IN_PAGE and not rendering.text.startswith("<")


def _host(signal: str, title: str, rendering: Rendering) -> SiteHost:
    carrier, text = rendering.carrier, rendering.text
    files: dict[str, SiteAnswer] = {}
    fields: list[tuple[str, str]] = []
    metas, stage = "", SITE
    if carrier.place is HEADERS:
        stage = HEAD
        for line in text.splitlines():
            name, _, value = line.partition(":")
            fields.append((name.lower(), value.strip()))
    elif carrier.place is IN_PAGE:
        stage, metas = CONTENT, f"{text}\n"
    elif carrier.place.path:
        files = file(carrier.place.path, "text/plain", text)
    return SiteHost(
        f"{signal}-in-{carrier.name.replace('.', '-')}.example",
        f"{title}: no training, said in its {carrier.name}",
        files,
        (page("/a", Expect(BLOCK, stage, signal), *fields, metas=metas),),
    )
