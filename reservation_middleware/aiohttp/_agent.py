"""Who asks: the agent that is set, or the one that a request's User-Agent names.

Reference: RFC 9309 §2.2.1 (product tokens), RFC 9110 §10.1.5 (User-Agent)
"""

import logging
from collections.abc import MutableMapping
from functools import lru_cache

from aiohttp.http import SERVER_SOFTWARE

from reservation_middleware.model import Agent
from reservation_middleware.model.user_agent import claimed_token

logger = logging.getLogger("reservation_middleware.aiohttp")


class Agents:
    """Finds the agent of each request.

    Args:
        agent: who is set to ask; None to go by each request's User-Agent.
    """

    def __init__(self, agent: Agent | None) -> None:
        self._agent = agent
        self._named_by = lru_cache(maxsize=100)(_named_by)  # one warning per User-Agent

    def of(self, headers: MutableMapping[str, str]) -> Agent:
        """The agent of a request with such headers.

        Who is set is who sends: headers without a User-Agent of their own get the token.
        """
        agent = self._agent
        user_agent = headers.get("User-Agent")
        if agent is None:
            return self._named_by(user_agent or "")
        token = agent.token
        if token in (user_agent, "*"):
            return agent
        if user_agent == SERVER_SOFTWARE:  # aiohttp's own, as none was set
            headers["User-Agent"] = token
        elif not any(key in (user_agent or "").lower() for key in agent.keys):
            _warn_of_another_name(token, user_agent)
        return agent


@lru_cache(maxsize=1_000)
def _warn_of_another_name(token: str, user_agent: str | None) -> None:
    """Warn once that requests do not say who is set."""
    sent = "without a User-Agent" if user_agent is None else f"as {user_agent!r}"
    logger.warning(
        "the agent is %r, but requests are sent %s: sites cannot tell that these are yours; "
        "leave User-Agent unset, or name the agent in it",
        token,
        sent,
    )


def _named_by(user_agent: str) -> Agent:
    """The agent that a User-Agent field names; the group for everyone if it names no crawler."""
    claimed = claimed_token(user_agent)
    agent = Agent(claimed.token or "*")
    if claimed.token is None or claimed.is_library or claimed.is_ambiguous:
        logger.warning(
            "no agent is set and User-Agent %r names no crawler of yours for certain; "
            "robots.txt groups are looked up for %r",
            user_agent,
            agent.token,
        )
    return agent
