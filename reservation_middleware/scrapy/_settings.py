"""A crawler's ``RESERVATION_*`` settings as an agent and a policy."""

import logging
from typing import Any

from scrapy.settings import BaseSettings

from reservation_middleware.check import known_signals
from reservation_middleware.model import (
    Agent,
    ConfigurationError,
    Mode,
    Policy,
    product_token,
)
from reservation_middleware.model.vocabulary import unknown_word
from reservation_middleware.profiles import profile

logger = logging.getLogger("reservation_middleware.scrapy")

_CHOICES = {
    "RESERVATION_UNKNOWN": "unknown",
    "RESERVATION_UNREACHABLE": "unreachable",
    "RESERVATION_PROXY_AGENTS": "proxy_agents",
}
_SETTINGS = (
    *("RESERVATION_AGENT", "RESERVATION_PURPOSES", "RESERVATION_PROFILE", "RESERVATION_MODE"),
    *("RESERVATION_CACHE", "RESERVATION_CONTENT", "RESERVATION_ROBOTSTXT", "RESERVATION_TIMEOUT"),
    *("RESERVATION_PROXY_TOKENS", "RESERVATION_POLICY_TOKENS", "RESERVATION_SIGNALS"),
    *("RESERVATION_USER", "RESERVATION_GEO"),
    *_CHOICES,
)
_LATER = ("RESERVATION_LEDGER", "RESERVATION_LICENCES")
KNOWN = frozenset((*_SETTINGS, *_LATER))


def policy_from(settings: BaseSettings) -> Policy:
    """The policy that a crawler's ``RESERVATION_*`` settings stand for.

    Raises:
        ConfigurationError: a setting is unknown or has a value it cannot have.
    """
    for later in _LATER:
        if settings.get(later) is not None:
            raise ConfigurationError(f"{later} is not supported by this version")
    for name in settings:
        if name.startswith("RESERVATION_") and name not in KNOWN:
            raise ConfigurationError(unknown_word("setting", name, _SETTINGS))
    cache = settings.get("RESERVATION_CACHE", "memory://")
    if cache != "memory://":
        raise ConfigurationError(f"RESERVATION_CACHE: this version knows memory://, not {cache!r}")
    changes: dict[str, Any] = {"mode": settings.get("RESERVATION_MODE", Mode.ENFORCE)}
    for name, field in _CHOICES.items():
        if settings.get(name) is not None:
            changes[field] = settings.get(name)
    for field in ("proxy_tokens", "user", "geo"):
        if settings.getlist(f"RESERVATION_{field.upper()}"):
            changes[field] = settings.getlist(f"RESERVATION_{field.upper()}")
    tokens = settings.getdict("RESERVATION_POLICY_TOKENS")
    if tokens:
        changes["policy_tokens"] = [(token, list(words)) for token, words in tokens.items()]
    if settings.getlist("RESERVATION_SIGNALS"):
        changes["signals"] = known_signals(settings.getlist("RESERVATION_SIGNALS"))
    return profile(settings.get("RESERVATION_PROFILE", "opt-out")).changed(changes)


def agent_from(settings: BaseSettings) -> Agent:
    """Who crawls: set, or the product token of the crawler's user agent, with a warning
    where that is nobody's own.
    """
    purposes = settings.getlist("RESERVATION_PURPOSES", ["ai-train"])
    token = settings.get("RESERVATION_AGENT")
    if token:
        return Agent(token, purposes)
    user_agent = settings.get("ROBOTSTXT_USER_AGENT") or settings.get("USER_AGENT") or ""
    token = product_token(user_agent)
    if token is None or token.lower() == "scrapy":
        logger.warning(
            "RESERVATION_AGENT is not set and USER_AGENT %r names no crawler of yours; "
            "robots.txt groups are looked up for %r, which many sites block by name",
            user_agent,
            token or "*",
        )
    return Agent(token or "*", purposes)
