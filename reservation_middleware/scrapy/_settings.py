"""A crawler's ``RESERVATION_*`` settings as an agent and a policy.

Settings win over ``RESERVATION_*`` variables of the environment, these over the keys of
``reservations.toml`` in the folder where the crawl was started.
"""

from typing import Any

from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings
from scrapy.utils.python import to_bytes

try:
    from scrapy.utils.asyncio import is_asyncio_available
except ImportError:  # Scrapy 2.13
    from scrapy.utils.reactor import is_asyncio_reactor_installed as is_asyncio_available

from reservation_middleware.model import Agent, ConfigurationError, Policy
from reservation_middleware.model.user_agent import product_token
from reservation_middleware.model.vocabulary import unknown_word
from reservation_middleware.runtime.config import STORES, Stores, configured, read_sources
from reservation_middleware.runtime.retries import Retries

from ._route import POLICY_META, policy_meta
from ._switches import ENABLED, ROBOTSTXT, crawl_rules

_CHOICES = {
    f"RESERVATION_{key.upper()}": key
    for key in (
        *("agent", "profile", "mode", "unknown", "reservation", "unreachable", "proxy_agents"),
        *("probes", "legacy_labels", "content_use", "near_miss", "licences", *STORES),
    )
}
_SETTINGS = (
    *_CHOICES,
    *("RESERVATION_PURPOSES", "RESERVATION_PROXY_TOKENS", "RESERVATION_POLICY_TOKENS"),
    *("RESERVATION_SIGNALS", "RESERVATION_USER", "RESERVATION_GEO"),
    *(ENABLED, "RESERVATION_CONTENT", "RESERVATION_MEDIA", ROBOTSTXT, "RESERVATION_TIMEOUT"),
    *(POLICY_META, "RESERVATION_WAIT"),
)
#: What is no key of ``reservations.toml``, and how Scrapy reads it.
_TYPED = {
    **dict.fromkeys(("RESERVATION_CONTENT", "RESERVATION_MEDIA"), "getbool"),
    **dict.fromkeys(("RESERVATION_TIMEOUT", "RESERVATION_WAIT"), "getfloat"),
}
KNOWN = frozenset(_SETTINGS)


def policy_from(settings: BaseSettings) -> Policy:
    """The policy that a crawler's ``RESERVATION_*`` settings stand for.

    Raises:
        ConfigurationError: a setting is unknown or has a value it cannot have.
    """
    for name in settings:
        if name.startswith("RESERVATION_") and name not in KNOWN:
            raise ConfigurationError(unknown_word("setting", name, _SETTINGS))
    for name, kind in _TYPED.items():
        try:
            getattr(settings, kind)(name)
        except ValueError as error:
            raise ConfigurationError(f"{name}: {error}") from None
    crawl_rules(settings)
    policy_meta(settings)
    keys = {**read_sources(), **_set(settings)}
    if settings.getbool("HTTPCACHE_ENABLED") and settings.getbool("HTTPCACHE_IGNORE_MISSING"):
        # Offline: pages come from the cache, so that no fetch needs the rules that are not there.
        keys.setdefault("unreachable", "proceed")
    return configured(keys).policy


def stores_from(settings: BaseSettings) -> Stores:
    """Where the crawl keeps things.

    Raises:
        ConfigurationError: a setting has a value it cannot have.
    """
    return configured({**read_sources(), **_set(settings)}).stores


def retries_from(settings: BaseSettings) -> Retries:
    """How policies are retried: as pages are by Scrapy's ``RETRY_*`` settings."""
    wait = max(settings.getfloat("RESERVATION_WAIT", Retries().wait), 0.0)
    if not settings.getbool("RETRY_ENABLED"):
        return Retries(0, wait=wait)
    statuses = frozenset(int(status) for status in settings.getlist("RETRY_HTTP_CODES"))
    return Retries(settings.getint("RETRY_TIMES"), statuses, wait)


def _set(settings: BaseSettings) -> dict[str, Any]:
    """What is set, by the keys of ``reservations.toml``."""
    found: dict[str, Any] = {
        key: settings.get(name) for name, key in _CHOICES.items() if settings.get(name) is not None
    }
    for key in ("purposes", "proxy_tokens", "signals", "user", "geo"):
        if settings.getlist(f"RESERVATION_{key.upper()}"):
            found[key] = settings.getlist(f"RESERVATION_{key.upper()}")
    if settings.get("RESERVATION_POLICY_TOKENS") is not None:  # an empty one turns them off
        tokens = settings.getdict("RESERVATION_POLICY_TOKENS")
        found["policy_tokens"] = {token: list(words) for token, words in tokens.items()}
    for key, value in found.items():
        if key != "licences":  # another file, whose errors name it
            try:
                configured({key: value})
            except ConfigurationError as error:
                raise ConfigurationError(f"RESERVATION_{key.upper()}: {error}") from None
    return found


def configured_agent(settings: BaseSettings) -> tuple[Agent, bool]:
    """Who crawls as far as settings say, and whether ``RESERVATION_AGENT`` names it.

    Else it is the crawler that ``ROBOTSTXT_USER_AGENT`` names, or everyone.
    """
    keys = {**read_sources(), **_set(settings)}
    if keys.get("agent"):
        return configured(keys).agent, True
    token = product_token(settings.get("ROBOTSTXT_USER_AGENT") or "") or "*"
    return configured({**keys, "agent": token}).agent, False


def default_user_agent(crawler: Crawler) -> bytes:
    """The User-Agent of requests that name none, as Scrapy's own middlewares will set it.

    ``DEFAULT_REQUEST_HEADERS`` comes first, then the spider's ``user_agent``, then ``USER_AGENT``.
    """
    settings = crawler.settings
    for name, value in (settings.getdict("DEFAULT_REQUEST_HEADERS") or {}).items():
        if str(name).lower() == "user-agent" and value:
            return to_bytes(value)
    own = getattr(crawler.spider, "user_agent", None)
    return to_bytes(own or settings.get("USER_AGENT") or "")


def has_asyncio() -> bool:
    """Whether asyncio can be used: Scrapy's asyncio reactor, or no reactor at all."""
    try:
        return bool(is_asyncio_available())
    except RuntimeError:  # nothing is installed yet, so nothing contradicts
        return True
