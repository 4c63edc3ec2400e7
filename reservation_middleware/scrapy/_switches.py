"""What a crawl's settings switch: the adapter itself, and who enforces crawl rules.

Imports nothing else of the package's adapters: the add-on reads these before anything.
"""

from enum import StrEnum

from scrapy.settings import BaseSettings

from reservation_middleware.model.error import ConfigurationError

ENABLED = "RESERVATION_ENABLED"
ROBOTSTXT = "RESERVATION_ROBOTSTXT"


class CrawlRules(StrEnum):
    """Where the crawl rules of robots.txt are enforced here (``RESERVATION_ROBOTSTXT``)."""

    #: In enforce mode everywhere; in observe mode as ``OBEY``.
    ALWAYS = "always"
    #: Where ``ROBOTSTXT_OBEY`` is on.
    OBEY = "obey"
    #: Nowhere: they are left to Scrapy's own middleware. Set as False.
    SCRAPY = "False"


def is_enabled(settings: BaseSettings) -> bool:
    """Whether the adapter is to do anything in this crawl.

    Raises:
        ConfigurationError: the setting is no boolean.
    """
    try:
        return settings.getbool(ENABLED, True)
    except ValueError as error:
        raise ConfigurationError(f"{ENABLED}: {error}") from None


def crawl_rules(settings: BaseSettings) -> CrawlRules:
    """Where crawl rules are enforced here.

    Raises:
        ConfigurationError: the setting is neither "always", "obey" nor False.
    """
    given = settings.get(ROBOTSTXT, CrawlRules.ALWAYS)
    if given is False or given in ("False", "false", "0"):  # a command line has words only
        return CrawlRules.SCRAPY
    if given in (CrawlRules.ALWAYS, CrawlRules.OBEY):
        return CrawlRules(given)
    raise ConfigurationError(f'{ROBOTSTXT} must be "always", "obey" or False, not {given!r}')
