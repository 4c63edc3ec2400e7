"""Tokens of licences held, on the requests that may carry them and only while they are sent."""

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse


async def with_token(
    token: str, request: ClientRequest, handler: ClientHandlerType
) -> ClientResponse:
    """Send a request with a licence's token, if it has no Authorization of its own.

    The token is gone from the request afterwards: responses and errors show their headers.
    Redirects are requests of their own, which never inherit what a middleware put in.
    """
    if "Authorization" in request.headers:
        return await handler(request)
    request.headers["Authorization"] = token
    try:
        return await handler(request)
    finally:
        request.headers.popall("Authorization", None)
