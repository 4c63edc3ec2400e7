"""Which way a policy's request takes: the page's, as far as the route goes, and never rendered.

Real crawls over these routes are in tests/plugins.
"""

from typing import Any

import pytest

pytest.importorskip("scrapy")

from scrapy import Request
from scrapy.settings import Settings

from reservation_middleware.model import ConfigurationError
from reservation_middleware.scrapy._route import Routes

PROXY = "http://127.0.0.1:8080"
BROWSER = {"server": "http://127.0.0.1:3128", "username": "me", "password": "p@ss"}
BROWSER_URL = "http://me:p%40ss@127.0.0.1:3128"


def meta_of(
    page: dict[str, Any], settings: dict[str, Any] | None = None
) -> tuple[dict[str, Any], bool]:
    """What a policy inherits from a page's meta, and whether our own fields go with it."""
    route = Routes(Settings(settings or {})).of(Request("https://a.example/x", meta=page))
    return route.meta, route.is_own


@pytest.mark.parametrize(
    ("page", "inherited", "is_own"),
    [
        ({}, {}, True),
        ({"proxy": PROXY, "depth": 3}, {"proxy": PROXY}, True),
        ({"proxy": None}, {"proxy": None}, True),
        ({"proxy": PROXY, "_scheme_proxy": True}, {}, True),
        ({"bindaddress": ["127.0.0.2", 0]}, {"bindaddress": ["127.0.0.2", 0]}, True),
        ({"impersonate": "chrome"}, {"impersonate": "chrome"}, False),
        ({"impersonate": "chrome", "impersonate_args": {}}, {"impersonate": "chrome"}, False),
        ({"playwright": True, "playwright_include_page": True}, {}, True),
        ({"playwright": True, "proxy": PROXY}, {"proxy": PROXY}, True),
        ({"splash": {"endpoint": "render.html"}}, {}, True),
        ({"zyte_api_automap": True}, {"zyte_api_automap": True}, False),
        ({"zyte_api_automap": {"browserHtml": True}}, {"zyte_api_automap": True}, False),
        ({"zyte_api": {"screenshot": True}}, {"zyte_api_automap": True}, False),
        ({"zyte_api_automap": False}, {"zyte_api_automap": False}, True),
    ],
    ids=str,
)
def test_the_route_is_inherited_and_rendering_is_not(
    page: dict[str, Any], inherited: dict[str, Any], is_own: bool
) -> None:
    assert meta_of(page) == (inherited, is_own)


@pytest.mark.parametrize(
    ("page", "settings", "proxy"),
    [
        ({"playwright_context_kwargs": {"proxy": BROWSER}}, {}, BROWSER_URL),
        ({}, {"PLAYWRIGHT_CONTEXTS": {"default": {"proxy": BROWSER}}}, BROWSER_URL),
        (
            {},
            {"PLAYWRIGHT_LAUNCH_OPTIONS": {"proxy": {"server": "127.0.0.1:1"}}},
            "http://127.0.0.1:1",
        ),
        ({"playwright_context": "b"}, {"PLAYWRIGHT_CONTEXTS": {"a": {"proxy": BROWSER}}}, None),
        ({"playwright": False, "playwright_context_kwargs": {"proxy": BROWSER}}, {}, None),
        ({"playwright_context_kwargs": "nonsense"}, {}, None),
    ],
)
def test_the_browser_s_proxy_is_the_policies(
    page: dict[str, Any], settings: dict[str, Any], proxy: str | None
) -> None:
    found, _ = meta_of({"playwright": True, **page}, settings)
    assert found.get("proxy") == proxy


def test_zyte_api_never_renders_a_policy() -> None:
    settings = {
        "ZYTE_API_TRANSPARENT_MODE": True,
        "ZYTE_API_AUTOMAP_PARAMS": {
            "browserHtml": True,
            "screenshot": True,
            "httpResponseHeaders": True,
            "geolocation": "US",
        },
    }
    unrendered = {"browserHtml": False, "screenshot": False}
    assert meta_of({}, settings) == ({"zyte_api_automap": unrendered}, False)
    assert meta_of({"zyte_api_automap": False}, settings) == ({"zyte_api_automap": False}, True)


def test_the_setting_says_what_is_inherited() -> None:
    page = {"proxy": PROXY, "impersonate": "chrome", "own_route": 7}
    assert meta_of(page, {"RESERVATION_POLICY_META": ["own_route"]})[0] == {"own_route": 7}
    assert meta_of(page, {"RESERVATION_POLICY_META": "proxy, own_route"})[0] == {
        "proxy": PROXY,
        "own_route": 7,
    }
    assert meta_of(page, {"RESERVATION_POLICY_META": []})[0] == {}


@pytest.mark.parametrize("value", [7, {"proxy": True}, [7]])
def test_a_setting_that_is_no_list_of_names_is_an_error(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="RESERVATION_POLICY_META"):
        Routes(Settings({"RESERVATION_POLICY_META": value}))
