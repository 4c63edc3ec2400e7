"""Secrets in addresses and heads: what is left out before they go to a log, a cache or a ledger.

Of addresses are left out ``user:password@``, and the values of parameters that are named like secrets
(``token``, ``api_key``, ``X-Amz-Signature`` …), in the query, in the fragment and after a
semicolon in the path. Names are compared without case, ``-``, ``_`` and ``.``, after
percent-decoding; of ``user[token]`` the last part counts. Everything else stays byte for byte.

Not left out: secrets that are part of a path (``/reset/4f1c…``), that bear a name of their
site's own, or that stand inside the value of another parameter. Such a site's addresses are
themselves secrets, and so is the ledger of a crawl of it.

Of an answer's head are left out the fields of ``PRIVATE_FIELDS``, whole.
"""

import re
from urllib.parse import unquote

#: What stands where a secret was: characters that any URL may have.
REDACTED = "REDACTED"

#: Response fields that hold a secret between a server and this client: cookies (RFC 6265),
#: credentials (RFC 9110 §11) and tokens that many sites send. In lower case.
PRIVATE_FIELDS = frozenset(
    """
    set-cookie set-cookie2 cookie cookie2 authorization proxy-authorization
    authentication-info proxy-authentication-info x-api-key x-auth-token x-access-token
    x-refresh-token x-session-token x-session-id x-csrf-token x-xsrf-token
    x-amz-security-token
    """.split()  # noqa: SIM905 - a list of words
)

_ADDRESSES = frozenset({"location", "content-location"})

_NAMES = frozenset(
    """
    token accesstoken refreshtoken idtoken authtoken oauthtoken bearertoken securitytoken
    sessiontoken csrftoken xsrftoken apitoken usertoken clienttoken logintoken resettoken
    oauthverifier oauthsignature bearer jwt assertion clientassertion samlresponse apikey
    key secret secretkey privatekey accesskey accesskeyid appkey authkey subscriptionkey
    awsaccesskeyid clientsecret appsecret consumersecret apisecret sharedsecret sig sign
    signature xamzsignature xamzsecuritytoken xamzcredential xgoogsignature
    xgoogcredential xossignature xossecuritytoken xmssignature hmac hdnea hdnts password
    passwd pwd pass passphrase passcode pin otp auth authorization authentication
    credential credentials xapikey xauthtoken session sessionid sessid sid phpsessid
    jsessionid aspsessionid cfid cftoken
    """.split()  # noqa: SIM905 - a list of words
)
_AUTHORITY = re.compile(r"^([^/?#]*//)[^/?#]*@")
#: What begins a parameter, and its name.
_NAME = re.compile(r"[?&;#]([^=?&;#/]*)=")
#: What ends its value. In a query a semicolon does not: a secret cut at one would be half left.
_END = re.compile(r"[&#]"), re.compile(r"[;/]")
_PART = re.compile(r"[^\[\]]+")
_FILLING = str.maketrans("", "", "-_.")
#: A name longer than this is nobody's.
_LONGEST = 100
_IN_TEXT = re.compile(r"https?://[^\s\"'<>]+", re.IGNORECASE)


def redacted(url: str) -> str:
    """An address without the secrets that can be told from its form."""
    if "@" in url:
        url = _AUTHORITY.sub(r"\1", url)
    if "=" not in url:
        return url
    start = min(where if where >= 0 else len(url) for where in (url.find("?"), url.find("#")))
    in_query, in_path = _END
    return _without(url[:start], in_path) + _without(url[start:], in_query)


def public_fields(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The fields of a head, without those that hold secrets; addresses of answers ``redacted``."""
    return tuple(
        (name, redacted(value) if name.lower() in _ADDRESSES else value)
        for name, value in headers
        if name.lower() not in PRIVATE_FIELDS
    )


def redacted_text(text: str) -> str:
    """A text, such as an error's, whose http and https addresses are ``redacted``."""
    if "://" not in text:
        return text
    return _IN_TEXT.sub(lambda found: redacted(found[0]), text)


def _without(text: str, end: re.Pattern[str]) -> str:
    parts: list[str] = []
    done = position = 0
    while name := _NAME.search(text, position):
        position = name.end()
        if _is_secret(name[1]):
            found = end.search(text, position)
            until = found.start() if found else len(text)
            if until > position:
                parts += text[done:position], REDACTED
                done = position = until
    return "".join([*parts, text[done:]])


def _is_secret(name: str) -> bool:
    if len(name) > _LONGEST:
        return False
    if "%" in name or "+" in name:
        name = unquote(name)
    parts = _PART.findall(name)
    return bool(parts) and parts[-1].strip().lower().translate(_FILLING) in _NAMES
