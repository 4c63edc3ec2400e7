"""What ``/openapi.json`` says: the addresses of this server, for programs.

Reference: https://spec.openapis.org/oas/v3.1.0
"""

from typing import Any

from reservation_middleware.model.version import __version__

_TEXT = {"type": "string"}


def _url(words: str) -> dict[str, Any]:
    schema = {**_TEXT, "maxLength": 2000}
    return {
        "name": "url",
        "in": "query",
        "required": True,
        "description": words,
        "schema": schema,
        "example": "example.org",
    }


_IDENT = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {**_TEXT, "pattern": "^[A-Za-z0-9_-]{22}$"},
}


def _answer(words: str, kind: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"description": words, "content": {kind: {"schema": schema or _TEXT}}}


_PROBLEM = {"type": "object", "required": ["error"], "properties": {"error": _TEXT}}
_LIMITED = {
    "description": "Asked too often; Retry-After says when to ask again.",
    "headers": {"Retry-After": {"schema": {"type": "integer"}}},
}


def _problems(kind: str, *statuses: int) -> dict[str, Any]:
    schema = _PROBLEM if kind == "application/json" else _TEXT
    words = {
        400: "The address cannot be asked.",
        404: "There is no such report, or no longer.",
        413: "The form is too long.",
        415: "It is no form.",
        424: "The look was given up.",
        429: "",
    }
    return {
        str(status): _LIMITED | {"content": {kind: {"schema": schema}}}
        if status == 429
        else _answer(words[status], kind, schema)
        for status in statuses
    }


def _form(*required: str, more: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = {**dict.fromkeys(required, _TEXT), **(more or {})}
    schema = {"type": "object", "required": list(required), "properties": properties}
    return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}


_HTML, _JSON = "text/html", "application/json"
_STARTED = {
    "303": {
        "description": "The look is under way; Location is its report.",
        "headers": {"Location": {"schema": _TEXT}},
    },
    **_problems(_HTML, 400, 429),
}

DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "reservations serve",
        "version": __version__,
        "description": "What the signals of a page say to AI crawlers. No legal advice.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "paths": {
        "/": {
            "get": {
                "summary": "The page with one field",
                "responses": {"200": _answer("A page", _HTML)},
            }
        },
        "/api/check": {
            "get": {
                "summary": "Look at a page and answer when it is done",
                "parameters": [_url("The page or site")],
                "responses": {
                    "200": _answer(
                        "What check --format json prints; its schema is in spec/record.md",
                        _JSON,
                        {"type": "object"},
                    ),
                    **_problems(_JSON, 400, 424, 429),
                },
            }
        },
        "/check": {
            "get": {
                "summary": "Begin a look",
                "parameters": [_url("The page or site")],
                "responses": _STARTED,
            },
            "post": {
                "summary": "Begin a look",
                "requestBody": _form("url"),
                "responses": {**_STARTED, **_problems(_HTML, 413, 415)},
            },
        },
        "/report/{id}": {
            "get": {
                "summary": "A report, or the progress of its look; kept for 30 days",
                "parameters": [_IDENT],
                "responses": {"200": _answer("A page", _HTML), **_problems(_HTML, 404)},
            }
        },
        "/events/{id}": {
            "get": {
                "summary": "The progress of a look: events request and done",
                "parameters": [_IDENT],
                "responses": {
                    "200": _answer("Server-sent events", "text/event-stream"),
                    **_problems(_HTML, 404, 429),
                },
            }
        },
        "/intent": {
            "get": {"summary": "The intent editor", "responses": {"200": _answer("A page", _HTML)}},
            "post": {
                "summary": "The files that say an intent",
                "requestBody": _form("site", more={"do": {"enum": ["show", "zip"]}}),
                "responses": {
                    "200": {
                        "description": "The page with the files, or a zip of them",
                        "content": {
                            _HTML: {"schema": _TEXT},
                            "application/zip": {"schema": {**_TEXT, "format": "binary"}},
                        },
                    },
                    **_problems(_HTML, 400, 413, 415, 429),
                },
            },
        },
        "/compare": {
            "get": {
                "summary": "Two dates of a watched page side by side",
                "parameters": [
                    {**_url("The watched page"), "required": False},
                    *(
                        {"name": name, "in": "query", "schema": {"type": "integer"}}
                        for name in ("from", "to")
                    ),
                ],
                "responses": {"200": _answer("A page", _HTML), **_problems(_HTML, 404)},
            }
        },
        "/healthz": {
            "get": {
                "summary": "Whether the server answers",
                "responses": {"200": _answer("It does", _JSON, {"type": "object"})},
            }
        },
    },
}
