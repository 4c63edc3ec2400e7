"""The hosts of the demo's web, with what must happen to each of their pages.

A new signal shows itself here: a host of its own, or a page on one of these.
"""

from . import embedded, files, licences, responses, rights, trouble
from .page import Expect, SiteAnswer, SiteHost, SitePage

HOSTS: tuple[SiteHost, ...] = (
    *files.HOSTS,
    *rights.HOSTS,
    *responses.HOSTS,
    *licences.HOSTS,
    *embedded.HOSTS,
    *trouble.HOSTS,
)

#: Whether files that speak for themselves can be read, and are in the web.
MEDIA = bool(embedded.HOSTS)

__all__ = ["HOSTS", "MEDIA", "Expect", "SiteAnswer", "SiteHost", "SitePage"]
