"""The Scrapy adapter: add-on, downloader middleware, header-stage handler, stats.

Translates between Scrapy and the core and enforces decisions; parses nothing. Policies
are fetched through the crawler's own downloader, so that proxy, TLS and delay settings
hold for them, too. Reference: https://docs.scrapy.org/en/latest/topics/addons.html
"""

try:
    from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
    from scrapy.settings import BaseSettings
    from scrapy.utils.misc import load_object

    from ._middleware import ReservationMiddleware
    from ._report import ReservedError, decided
except ImportError as error:  # pragma: no cover - needs an environment without Scrapy
    raise ImportError(
        "the Scrapy adapter needs Scrapy 2.13 or newer: "
        "pip install 'reservation-middleware[scrapy]', "
        "or in a checkout uv run --extra scrapy …"
    ) from error

#: Where the built-in robots.txt middleware stands; ours takes its place.
ORDER = 100


class Addon:
    """Puts the middleware into a crawler: ``ADDONS = {"reservation_middleware.scrapy.Addon": 300}``.

    Never overrides what the user set: a middleware that the user listed stays where it
    is. Where ``ROBOTSTXT_OBEY`` is on, the built-in robots.txt middleware is replaced.
    """

    def update_settings(self, settings: BaseSettings) -> None:
        """Add the middleware; take over from the built-in one."""
        order = _place(settings, ReservationMiddleware, ORDER)
        takes_over = order is not None and settings.getbool("RESERVATION_ROBOTSTXT", True)
        if takes_over and settings.getbool("ROBOTSTXT_OBEY"):
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
    module = __name__ if middleware is ReservationMiddleware else middleware.__module__
    placed[f"{module}.{middleware.__qualname__}"] = order
    settings.set(name, placed, settings.getpriority(name) or 0)
    return order


__all__ = ["ORDER", "Addon", "ReservationMiddleware", "ReservedError", "decided"]
