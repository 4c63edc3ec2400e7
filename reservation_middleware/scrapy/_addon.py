"""The add-on: puts the downloader middlewares into a crawler, and takes Scrapy's own one out."""

from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.settings import BaseSettings
from scrapy.utils.misc import load_object

#: Where the built-in robots.txt middleware stands; ours takes its place.
ORDER = 100
#: Nearest to the downloader: other middlewares have changed the request by then.
SENT_ORDER = 10_000


class Addon:
    """Puts the middlewares into a crawler: ``ADDONS = {"reservation_middleware.scrapy.Addon": 300}``.

    Never overrides what the user set: a middleware that the user listed stays where it is.
    The built-in robots.txt middleware is replaced wherever ``RESERVATION_ROBOTSTXT`` has crawl
    rules enforced here. With ``RESERVATION_ENABLED = False`` nothing is changed or imported.
    """

    def update_settings(self, settings: BaseSettings) -> None:
        """Add the middlewares; take over from the built-in one.

        Raises:
            ConfigurationError: a switch has a value that it cannot have.
        """
        from ._switches import CrawlRules, crawl_rules, is_enabled  # noqa: PLC0415

        if not is_enabled(settings):
            return
        from ._middleware import ReservationMiddleware  # noqa: PLC0415
        from ._sent import SentRequestCheck  # noqa: PLC0415

        if _place(settings, ReservationMiddleware, ORDER) is None:
            return
        _place(settings, SentRequestCheck, SENT_ORDER)
        # Where ROBOTSTXT_OBEY is off, the built-in one disables itself.
        if crawl_rules(settings) is not CrawlRules.SCRAPY and settings.getbool("ROBOTSTXT_OBEY"):
            _place(settings, RobotsTxtMiddleware, None)


def _place(settings: BaseSettings, middleware: type, order: int | None) -> int | None:
    """Give a downloader middleware its place unless the user did; its place then.

    By import path: Scrapy 2.13 does not see that a class is what its path in the base
    setting names, so that ``setdefault_in_component_priority_dict`` switches nothing off.
    """
    name = "DOWNLOADER_MIDDLEWARES"
    placed = settings.getdict(name)
    for key, given in placed.items():
        if load_object(key) is middleware:
            return None if given is None else int(given)
    placed[f"{middleware.__module__}.{middleware.__qualname__}"] = order
    settings.set(name, placed, settings.getpriority(name) or 0)
    return order
