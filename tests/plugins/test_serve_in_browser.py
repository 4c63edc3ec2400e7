"""The pages of ``reservations serve`` in the system's Chromium: phone and desk, light and dark, with
and without script, by keyboard alone.
"""

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Self
from urllib.parse import urlencode

import pytest
from plugin_support import BROWSER, LAUNCH, require

require("playwright")

from loopback import Loopback
from test_serve import PAGES, Client, at, running

pytestmark = [
    pytest.mark.plugins,
    pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed"),
]

#: How far the page is wider than the window, in CSS pixels.
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_FORM = {
    "site": "https://press.example",
    "use-ai-train": "no",
    "path-1": "/press/",
    "refused": "CCBot",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with import_module("playwright.sync_api").sync_playwright() as playwright:
        started = playwright.chromium.launch(**LAUNCH)
        yield started
        started.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Loopback]:
    with Loopback("127.0.0.1", PAGES) as found:
        yield found


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with running() as found:
        yield found


class Watched:
    """A page of the browser, with what goes wrong in it and what it asks for elsewhere."""

    def __init__(self, browser: Any, client: Client, **options: Any) -> None:
        self.context = browser.new_context(base_url=client.address, **options)
        self.page: Any = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url, client.address))

    def _asked(self, url: str, own: str) -> None:
        if not url.startswith(own):
            self.wrong.append(f"asked for {url}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.context.close()


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_break_no_rule_of_theirs(
    browser: Any, client: Client, site: Loopback, width: int, scheme: str
) -> None:
    viewport = {"width": width, "height": 800}
    with Watched(browser, client, viewport=viewport, color_scheme=scheme) as watched:
        page = watched.page
        for place in ("/", "/intent", "/compare"):
            page.goto(place)
            assert page.evaluate(_OVERFLOW) <= 0, place
        page.goto(f"/check?{urlencode({'url': at(site)})}")
        page.wait_for_selector("#mend")
        assert page.evaluate(_OVERFLOW) <= 0
        page.goto("/intent")
        for name, value in _FORM.items():
            if name.startswith("use-"):
                page.select_option(f"[name='{name}']", value)
            else:
                page.fill(f"[name='{name}']", value)
        page.click("text=Show the files")
        page.wait_for_selector("#result")
        assert page.evaluate(_OVERFLOW) <= 0
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert light == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 27)")
        assert watched.wrong == []


@pytest.mark.parametrize("script", [True, False])
def test_by_keyboard_alone_with_and_without_script(
    browser: Any, client: Client, site: Loopback, script: bool
) -> None:
    with Watched(browser, client, java_script_enabled=script) as watched:
        page = watched.page
        page.goto("/")
        page.keyboard.press("Tab")
        assert page.locator("a.skip").bounding_box()["x"] >= 0
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type(at(site))
        page.keyboard.press("Tab")
        focused = page.locator("form button:focus-visible")
        assert focused.evaluate("it => getComputedStyle(it).outlineWidth") == "3px"
        page.keyboard.press("Enter")
        page.wait_for_selector("#mend")
        assert page.locator("h1").inner_text().startswith("May AI crawlers use 127.0.0.1")
        assert watched.wrong == []
