"""The hosts of the demo's web, with what must happen to each of their pages.

A new signal shows itself here: a host of its own, or a page on one of these.
"""

from . import _embedded, _files, _licences, _responses, _rights, _trouble
from ._page import Expect, SiteAnswer, SiteHost, SitePage

HOSTS: tuple[SiteHost, ...] = (
    *_files.HOSTS,
    *_rights.HOSTS,
    *_responses.HOSTS,
    *_licences.HOSTS,
    *_embedded.HOSTS,
    *_trouble.HOSTS,
)

#: Whether files that speak for themselves can be read, and are in the web.
MEDIA = bool(_embedded.HOSTS)

__all__ = ["HOSTS", "MEDIA", "Expect", "SiteAnswer", "SiteHost", "SitePage"]
