"""The hosts of the demo's web, with what must happen to each of their pages.

A signal that none of them shows gets hosts that are made of what it writes.
"""

from . import embedded, files, licences, responses, rights, trouble, written
from .page import Expect, SiteAnswer, SiteHost, SitePage

_BY_HAND: tuple[SiteHost, ...] = (
    *files.HOSTS,
    *rights.HOSTS,
    *responses.HOSTS,
    *licences.HOSTS,
    *embedded.HOSTS,
    *trouble.HOSTS,
)
HOSTS: tuple[SiteHost, ...] = (
    *_BY_HAND,
    *written.hosts({page.expect.signal for host in _BY_HAND for page in host.pages}),
)

#: Whether files that speak for themselves can be read, and are in the web.
MEDIA = bool(embedded.HOSTS)

__all__ = ["HOSTS", "MEDIA", "Expect", "SiteAnswer", "SiteHost", "SitePage"]
