"""Fetch pages that may be used for AI training. Run: python examples/aiohttp_crawler.py URL…"""

import asyncio
import sys

from reservation_middleware import Agent, Decision, profile
from reservation_middleware.aiohttp import ReservationClient, ReservedError


def log(decision: Decision, blocked: bool) -> None:
    """Called once per request, whatever becomes of it."""
    print("blocked" if blocked else "fetched", decision.url, decision.stage, decision.verdict)


async def fetch(client: ReservationClient, url: str) -> None:
    try:
        async with client.get(url) as response:
            print(url, len(await response.read()), "bytes")
    except ReservedError as error:
        for reason in error.decision.reasons:
            print(url, reason.signal, reason.carrier, reason.line, reason.text)


async def main(urls: list[str]) -> None:
    agent = Agent("ExampleBot", purposes={"ai-train"})
    # trust_env: HTTP_PROXY and HTTPS_PROXY hold for pages and policies alike.
    async with ReservationClient(
        policy=profile("opt-out"), agent=agent, listener=log, trust_env=True
    ) as client:
        await asyncio.gather(*(fetch(client, url) for url in urls))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
