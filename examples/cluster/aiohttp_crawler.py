"""Another of the cluster's crawlers. Run: python aiohttp_crawler.py urls.txt log.jsonl

Agent, mode, cache and ledger stand in reservations.toml, which is read in the working directory.
"""

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
from json_lines import install

from reservation_middleware import configuration
from reservation_middleware.aiohttp import ReservationClient, ReservedError


async def fetch(client: ReservationClient, url: str, slots: asyncio.Semaphore) -> None:
    async with slots:
        try:
            async with client.get(url) as response:
                body = await response.read()
                decision = client.decision(response)
                action = decision.action.value if decision else None
                print(json.dumps({"url": url, "action": action, "bytes": len(body)}))
        except ReservedError:
            pass  # is in the log and in the ledger
        except aiohttp.ClientError as error:
            print(json.dumps({"url": url, "error": str(error)}))


async def main(urls: list[str]) -> None:
    slots = asyncio.Semaphore(16)
    # trust_env: HTTP_PROXY and HTTPS_PROXY hold for pages and policies alike.
    async with ReservationClient(**configuration().keywords(), trust_env=True) as client:
        await asyncio.gather(*(fetch(client, url, slots) for url in urls))


if __name__ == "__main__":
    install(sys.argv[2])
    asyncio.run(main(Path(sys.argv[1]).read_text("utf-8").split()))
