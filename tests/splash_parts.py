"""scrapy-splash, for a Scrapy that no longer has a function which it imports.

scrapy-splash 0.11.1 takes `canonicalize_url` from `scrapy.utils.url`, where Scrapy 2.19 has none
any more; w3lib is where it lives. Crawls of tests name this module in their settings.
"""

import importlib
from typing import Any

import scrapy.utils.url
import w3lib.url

if not hasattr(scrapy.utils.url, "canonicalize_url"):
    scrapy.utils.url.canonicalize_url = w3lib.url.canonicalize_url  # type: ignore[attr-defined]

_splash: Any = importlib.import_module("scrapy_splash")
SplashCookiesMiddleware = _splash.SplashCookiesMiddleware
SplashMiddleware = _splash.SplashMiddleware
SplashRequestFingerprinter = _splash.SplashRequestFingerprinter
