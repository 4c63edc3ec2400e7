"""What a running server holds, and how it was set up."""

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from reservation_middleware.owners.inspect.budget import Reach

from .limits import Buckets
from .looks import Looks
from .reports import ReportStore

#: Files in the folder of data.
REPORTS_FILE, HISTORY_FILE = "reports.db", "watch.db"


class ClientAddress(StrEnum):
    """Where the address of a client stands."""

    #: It is who is connected.
    PEER = "peer"
    #: It is the last one in X-Forwarded-For, which a proxy in front adds.
    FORWARDED = "forwarded"


class Limit(NamedTuple):
    """Requests at once, and seconds after which one more may be made."""

    size: int
    seconds: float


class Settings(NamedTuple):
    """How a server is set up.

    Attributes:
        data: folder for reports and the history of watch; None: reports stay in memory.
        reach: where requests may go.
        client_address: where the address of a client stands.
        client: looks that one client may ask for.
        site: looks at one site.
        forms: intents that one client may send.
    """

    data: Path | None = None
    reach: Reach = Reach.PUBLIC
    client_address: ClientAddress = ClientAddress.PEER
    client: Limit = Limit(10, 20)
    site: Limit = Limit(6, 30)
    forms: Limit = Limit(20, 5)


class CheckServer:
    """What a running server holds.

    Attributes:
        reports: those that are kept.
        looks: those under way.
        clients, sites, client_forms: limits.
        history: file of the history of watch, whether it is there or not; None without a folder.
        streams: how many follow the progress of a look.
    """

    def __init__(self, settings: Settings) -> None:
        self.reach, self.client_address = settings.reach, settings.client_address
        self.reports = ReportStore(settings.data / REPORTS_FILE if settings.data else ":memory:")
        self.looks = Looks(self.reports, settings.reach, _links)
        self.clients = Buckets(*settings.client)
        self.sites = Buckets(*settings.site)
        self.client_forms = Buckets(*settings.forms)
        self.history = settings.data / HISTORY_FILE if settings.data else None
        self.streams = 0

    async def close(self) -> None:
        """End looks, close files."""
        await self.looks.close()
        self.reports.close()


def _links(_ident: str) -> tuple[tuple[str, str], ...]:
    return (("Check another page", "/"), ("Say what you mean", "/intent"))


SERVER = web.AppKey("server", CheckServer)
