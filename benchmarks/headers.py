"""`headers`: from the response head to the decision of the HEADERS stage.

Ours reads every header family, datadiligence two. Heads are what real servers send, 12
to 20 fields, half of them with signals; the decision about the site is made already.
Both sides are given the same list of pairs, as a response came; datadiligence's fastest
way, its bare rules on a ready dict in the case they look for, has a row of its own.
"""

import random
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib import import_module

from reservation_middleware import Agent, Check, Document, Outcome, profile
from reservation_middleware.decide.reading import page_fields
from reservation_middleware.model import PAGE

from .corpus import OWN, Host, site
from .timing import OURS, Batch, Options, Prepare, Row, versus

Head = list[tuple[str, str]]

_FETCHED = Outcome.FETCHED

#: Heads of well-known servers; what changes from page to page is written ``{}``.
_SERVERS: tuple[Head, ...] = (
    [
        ("Date", "Sat, 21 Nov 2026 10:{} GMT"),
        ("Content-Type", "text/html; charset=UTF-8"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "keep-alive"),
        ("Vary", "Accept-Encoding, Cookie"),
        ("Last-Modified", "Fri, 20 Nov 2026 08:{} GMT"),
        ("Cache-Control", "max-age=14400, must-revalidate"),
        ("Link", '<https://a.example/wp-json/>; rel="https://api.w.org/"'),
        ("CF-Cache-Status", "HIT"),
        ("Age", "{}"),
        ("Report-To", '{"endpoints":[{"url":"https://r.example/v4?s={}"}],"group":"cf-nel"}'),
        ("NEL", '{"success_fraction":0,"report_to":"cf-nel","max_age":604800}'),
        ("Server", "cloudflare"),
        ("CF-RAY", "8e5f{}-FRA"),
        ("Alt-Svc", 'h3=":443"; ma=86400'),
    ],
    [
        ("Server", "nginx/1.26.2"),
        ("Date", "Sat, 21 Nov 2026 10:{} GMT"),
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", "{}"),
        ("Connection", "keep-alive"),
        ("X-Powered-By", "PHP/8.3.13"),
        ("Set-Cookie", "PHPSESSID=q{}; path=/; HttpOnly; SameSite=Lax"),
        ("Expires", "Thu, 19 Nov 1981 08:52:00 GMT"),
        ("Cache-Control", "no-store, no-cache, must-revalidate"),
        ("Pragma", "no-cache"),
        ("X-Frame-Options", "SAMEORIGIN"),
        ("X-Content-Type-Options", "nosniff"),
    ],
    [
        ("Date", "Sat, 21 Nov 2026 10:{} GMT"),
        ("Server", "Apache/2.4.62 (Debian)"),
        ("Last-Modified", "Fri, 20 Nov 2026 08:{} GMT"),
        ("ETag", '"1f2c-{}"'),
        ("Accept-Ranges", "bytes"),
        ("Content-Length", "{}"),
        ("Vary", "Accept-Encoding"),
        ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
        ("Content-Security-Policy", "default-src 'self'; img-src * data:; script-src 'self'"),
        ("Referrer-Policy", "strict-origin-when-cross-origin"),
        ("Keep-Alive", "timeout=5, max=100"),
        ("Connection", "Keep-Alive"),
        ("Content-Type", "text/html"),
    ],
    [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", "{}"),
        ("Connection", "keep-alive"),
        ("Date", "Sat, 21 Nov 2026 10:{} GMT"),
        ("Server", "AmazonS3"),
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-version-id", "kT{}"),
        ("Accept-Ranges", "bytes"),
        ("ETag", '"9b2cf5{}"'),
        ("X-Cache", "Hit from cloudfront"),
        ("Via", "1.1 d111.cloudfront.net (CloudFront)"),
        ("X-Amz-Cf-Pop", "FRA60-P5"),
        ("X-Amz-Cf-Id", "Zr{}=="),
        ("Age", "{}"),
        ("Vary", "Origin"),
        ("X-XSS-Protection", "1; mode=block"),
        ("Permissions-Policy", "camera=(), microphone=()"),
    ],
)
#: One or two signals of every family that travels in a head.
_SIGNALS: tuple[Head, ...] = (
    [("X-Robots-Tag", "noai, noimageai")],
    [("X-Robots-Tag", "index, follow, max-image-preview:large")],
    [("X-Robots-Tag", f"{OWN}: noai")],
    [("tdm-reservation", "1")],
    [("tdm-reservation", "1"), ("tdm-policy", "https://a.example/policy.json")],
    [("X-Robots-Tag", "noai"), ("tdm-reservation", "1")],
    [("Content-Usage", "train-ai=n, search=y")],
    [("Content-Signal", "search=yes, ai-train=no")],
    [("Link", '</license.xml>; rel="license"; type="application/rsl+xml"')],
)


def heads(count: int, seed: int = 2026) -> list[Head]:
    """Response heads as received: names in the sender's case, order kept."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        server = rng.choice(_SERVERS)
        head = [
            (name, value.replace("{}", str(rng.randrange(10_000, 99_999))))
            for name, value in server
        ]
        if number % 2:
            signals = rng.choice(_SIGNALS)
            place = rng.randrange(len(head))
            head[place:place] = signals
        found.append(head)
    rng.shuffle(found)
    return found


def decide_on(check: Check, url: str, head: Head) -> object:
    """The HEADERS stage, as an adapter runs it on a head that it received."""
    check.feed(
        Document(
            url=url,
            resource=PAGE,
            outcome=_FETCHED,
            status=200,
            headers=page_fields(head),
        )
    )
    return check.decide().reasons


def headers(options: Options) -> Iterator[Row]:
    """All families against two."""
    try:
        with redirect_stdout(None):  # it says that it has no key for its web service
            evaluators = import_module("datadiligence.evaluators")
            rules = import_module("datadiligence.rules")
    except ImportError:
        options.missing("datadiligence")
        return
    # Few at a time: in a crawl a head comes soon after its check was made, and is in the
    # processor's cache, as it has just come.
    size, runs = 300, options.runs(61, 21)
    host = Host("a.example", b"User-agent: *\nDisallow: /private/\n")
    known, agent, policy = site(host), Agent(OWN), profile()
    evaluator = evaluators.HttpEvaluator(user_agent=OWN)
    robots, tdmrep = rules.XRobotsTagHeader(user_agent=OWN), rules.TDMRepHeader()
    batches = [heads(size, options.seed + number) for number in range(runs)]
    names = {"x-robots-tag", "tdm-reservation", "tdm-policy", "content-usage", "content-signal"}

    def speaks(head: Head) -> bool:
        return any(name.lower() in names for name, _ in head)

    def ours(chosen: list[list[Head]]) -> Prepare:
        def prepare(number: int) -> Batch:
            prepared = []
            for place, head in enumerate(chosen[number]):
                url = f"{host.origin}/page/{place}"
                check = Check(url, agent=agent, policy=policy, site=known)
                check.decide()
                prepared.append((check, url, head))

            def run() -> None:
                for check, url, head in prepared:
                    decide_on(check, url, head)

            return run

        return prepare

    def peer(chosen: list[list[Head]]) -> Prepare:
        def prepare(number: int) -> Batch:
            prepared = chosen[number]

            def run() -> None:
                for head in prepared:
                    evaluator.is_allowed(headers=head)

            return run

        return prepare

    def bare(chosen: list[list[Head]]) -> Prepare:
        def prepare(number: int) -> Batch:
            prepared = [dict(head) for head in chosen[number]]

            def run() -> None:
                for head in prepared:
                    _ = robots.is_allowed(headers=head) and tdmrep.is_allowed(headers=head)

            return run

        return prepare

    for name, goal, chosen in (
        ("headers", 1.0, batches),
        ("headers:with-signals", None, _even([[h for h in b if speaks(h)] for b in batches])),
        ("headers:without", None, _even([[h for h in b if not speaks(h)] for b in batches])),
    ):
        contenders = {OURS: ours(chosen), "datadiligence, two families": peer(chosen)}
        if goal:
            contenders["datadiligence's bare rules on a dict"] = bare(chosen)
        found = versus(
            name,
            contenders,
            options,
            operations=len(chosen[0]),
            runs=runs,
            goal=goal,
            names={"datadiligence's bare rules on a dict": f"{name}:bare-rules"},
        )
        yield from found if goal else found[:1]


def _even(batches: list[list[Head]]) -> list[list[Head]]:
    """Batches of one length."""
    shortest = min(map(len, batches))
    return [batch[:shortest] for batch in batches]
