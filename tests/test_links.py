"""Documents that others point to: fetched once, kept, lost, redirected; in real crawls.

What they mean is their signals' business and tested with the vectors. Here: how often they are
asked for, where they must not lead, what becomes of a page whose document is slow or gone, and
that a site that is kept answers as one that was made a moment ago.
"""

import asyncio
import random
from collections.abc import Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec
import pytest

from reservation_middleware import Agent, Check, Decision, Document, Outcome, Policy, profile
from reservation_middleware.aiohttp import ReservationClient, ReservedError, reservation_middleware
from reservation_middleware.fetch import Answer, Fetcher
from reservation_middleware.model import Action, Preference, Stage
from reservation_middleware.syntax.host import is_public
from reservation_middleware.syntax.rsl import NAMESPACE
from web import Answer as Page
from web import Web

BOT = Agent("ExampleBot")
A, B = "http://a.example/", "http://b.example/"
TERMS = f"{B}license.xml"
RSL = ("content-type", "application/rsl+xml")
HTML = ("content-type", "text/html")
LINK = ("link", f'<{TERMS}>; rel="license"; type="application/rsl+xml"')

run = pytest.mark.asyncio


def terms(inner: str = '<prohibits type="usage">ai-train</prohibits>', url: str = "/") -> bytes:
    return (
        f'<rsl xmlns="{NAMESPACE}"><content url="{url}"><license>{inner}</license></content></rsl>'
    ).encode()


NO, YES = terms(), terms('<permits type="usage">all</permits>')
