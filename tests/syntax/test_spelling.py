"""Names that are nearly right: what is taken for a misspelling, and what never is.

The false friends are field names in common use, keys of real robots.txt files and names of metas.
"""

import pytest

from reservation_middleware.decide.reading import FIELDS, field_name
from reservation_middleware.syntax import spelling
from reservation_middleware.syntax.robots_line import OTHERS, SPEAKING
from reservation_middleware.syntax.spelling import (
    nearest,
    seems_meant,
    shown,
    sounds_of_ai_use,
)


def words(text: str) -> list[str]:
    return text.split()


KEYS = tuple(SPEAKING)
NAMES = tuple(sorted(name.decode() for name in FIELDS))

#: Fields of responses in common use (IANA's registry, CDNs, frameworks).
COMMON_FIELDS = words(
    """
accept-ranges access-control-allow-credentials access-control-allow-headers
access-control-allow-methods access-control-allow-origin access-control-expose-headers
access-control-max-age age allow alt-svc apigw-requestid cache-control cache-status cdn-cache-control
cf-cache-status cf-mitigated cf-ray clear-site-data connection content-digest content-disposition
content-encoding content-language content-length content-location content-md5 content-range
content-security-policy content-security-policy-report-only content-type
cross-origin-embedder-policy cross-origin-opener-policy cross-origin-resource-policy date
deprecation etag expect-ct expires feature-policy fastly-restarts host keep-alive last-modified link
location nel onion-location origin-agent-cluster permissions-policy pragma preference-applied
priority proxy-authenticate public-key-pins referrer-policy refresh report-to reporting-endpoints
repr-digest retry-after server server-timing set-cookie signature signature-input sourcemap
speculation-rules strict-transport-security sunset supports-loading-mode surrogate-control
surrogate-key timing-allow-origin trailer transfer-encoding upgrade vary via warning
www-authenticate x-ai-request-id x-akamai-transformed x-amz-cf-id x-amz-cf-pop x-amz-request-id
x-amzn-requestid x-amzn-trace-id x-backend x-cache x-cache-hits x-cdn x-content-type-options
x-correlation-id x-dns-prefetch-control x-drupal-cache x-fb-debug x-frame-options x-generator
x-github-request-id x-httpd x-kinja x-nextjs-cache x-nginx-cache-status x-pingback
x-permitted-cross-domain-policies x-powered-by x-proxy-cache x-ratelimit-limit x-rate-limit
x-request-id x-robots x-runtime x-served-by x-shopify-stage x-timer x-ua-compatible x-vercel-cache
x-vercel-id x-xss-protection x-yoast tailscale-user training-id airflow-id retrain-after
"""
)
COMMON_METAS = words(
    """
viewport description keywords author generator theme-color twitter:card twitter:site
google-site-verification msapplication-tilecolor format-detection referrer rating copyright
rights robots googlebot bingbot slurp citation_title dc.title dcterms.rightsholder parsely-title
sailthru.title apple-mobile-web-app-capable fb:app_id og:title csrf-token color-scheme
airbnb-id mailru-verification p:domain_verify yandex-verification llms.txt ai-generated
"""
)


@pytest.mark.parametrize("name", COMMON_FIELDS)
def test_common_fields_are_no_misspellings(name: str) -> None:
    assert name in NAMES or not seems_meant(name, NAMES)
    assert field_name(name.title()) in ("", name)


@pytest.mark.parametrize("name", COMMON_METAS)
def test_common_metas_are_no_misspellings(name: str) -> None:
    assert nearest(name, ("tdm-reservation", "tdm-policy")) is None
    assert not sounds_of_ai_use(name)


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_keys_of_robots_txt_are_no_misspellings(name: str) -> None:
    assert nearest(name, KEYS) is None


@pytest.mark.parametrize("name", KEYS)
def test_a_right_key_is_nearest_to_itself(name: str) -> None:
    assert nearest(name, KEYS) == name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(
            ("user-agnet", "user-agent"),
            ("user_agent", "user-agent"),
            ("user-agents", "user-agent"),
        ),
        *(("\u200duser-agent", "user-agent"), ("user\u2010agent", "user-agent")),
        *(
            ("usre-agent", "user-agent"),
            ("user-agen", "user-agent"),
            ("user - agent", "user-agent"),
        ),
        *(("disalllow", "disallow"), ("dissalow", "disallow"), ("disallowed", "disallow")),
        *(("alow", "allow"), ("allows", "allow"), ("disallow-ai-training", "disallowaitraining")),
        *(("licence", "license"), ("licenses", "license")),
        *(("content-singal", "content-signal"), ("content-signals", "content-signal")),
        *(("content-use", "content-usage"), ("contentusage", "content-usage")),
    ],
)
def test_misspelt_keys(name: str, meant: str) -> None:
    assert nearest(name, KEYS) == meant


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "x" * 10_000,
        "agent",
        "robot",
        "sitemaps",
        "allowance",
        "content",
        "usage",
        "\udcff" * 5,
    ],
)
def test_names_that_are_near_to_none(name: str) -> None:
    assert nearest(name, KEYS) is None


@pytest.mark.parametrize(
    "name",
    [
        *("noai", "no-ai", "X-NoAI", "ai-training", "X-AI-Training", "ai_usage", "LLM-Policy"),
        *("tdm-reservation", "ai-content-declaration", "ai-content-signals", "no-ai-training"),
        *("Disallow-AI", "noaitraining", "genai-permissions", "ai-opt-out", "ai.training"),
    ],
)
def test_names_that_sound_of_ai_use(name: str) -> None:
    assert sounds_of_ai_use(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "ai",
            "X-AI-Request-Id",
            "mail-policy",
            "train",
            "email-usage",
            "ai-version",
            "html-use-x",
        ),
        *("said-no", "no-cache", "airline-policy", "domain-policy", "fair-use", "x" * 50 + "noai"),
    ],
)
def test_names_that_do_not(name: str) -> None:
    assert not sounds_of_ai_use(name)


def test_what_cannot_be_seen_is_shown() -> None:
    assert shown("user-agent") == "user-agent"
    assert shown("\u200duser-agent") == "\\u200duser-agent"


def test_long_names_are_not_remembered() -> None:
    before = spelling._nearest.cache_info().misses, spelling._sounds.cache_info().misses
    for number in range(10):
        name = f"x-ai-training-{number}" * 10_000
        assert nearest(name, KEYS) is None
        assert not sounds_of_ai_use(name)
        assert not seems_meant(name, NAMES)
    after = spelling._nearest.cache_info().misses, spelling._sounds.cache_info().misses
    assert after == before
