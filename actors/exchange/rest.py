"""The REST API: HTTP around the desk (rest-api.md).

Everything is answered: what the venue refuses as its error, what does not exist as the venue's own web page.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from actors.exchange.desk import Desk, Method, Request
from actors.exchange.errors import VenueError
from actors.exchange.limits import RateLimited
from actors.exchange.signing import rest_payload, split_signature

JSON_TYPE = "application/json;charset=UTF-8"
ERROR_PAGE = "<html><body><h2>{status} {reason}</h2></body></html>"


class RestApi:
    """Serves every method of the table that has a path."""

    def __init__(self, desk: Desk, methods: Iterable[Method]) -> None:
        self.desk = desk
        self.encoder = msgspec.json.Encoder()
        self.methods: dict[str, dict[str, Method]] = {}
        for method in methods:
            if method.path:
                self.methods.setdefault(method.path, {})[method.verb] = method

    async def handle(self, http_request: web.Request) -> web.StreamResponse:
        """Answers one HTTP request."""
        path, _, query = http_request.raw_path.partition("?")
        found = self.methods.get(path)
        if found is None:
            return self.answer_unknown(path)
        method = found.get(http_request.method)
        if method is None:
            return page(405, "Method Not Allowed", {"Allow": ", ".join(sorted(found))})
        # A body may be labelled anything at all (some clients send a form as application/json): what it is called
        # is never looked at, only what it holds.
        body = (await http_request.read()).decode("utf-8", "surrogateescape")
        request = self.read(http_request, query, body)
        time_unit = http_request.headers.get("X-MBX-TIME-UNIT")
        return self.answer(method, request, query, body, time_unit)

    def read(self, http_request: web.Request, query: str, body: str) -> Request:
        """The request as the desk takes it; parameters are filled in by `answer`, which can refuse them."""
        return Request(
            parameters={},
            address=http_request.remote or "",
            api_key=http_request.headers.get("X-MBX-APIKEY"),
            signature=split_signature(query)[1] or split_signature(body)[1],
            payload=lambda: rest_payload(query, body),
        )

    def answer(
        self, method: Method, request: Request, query: str, body: str, time_unit: str | None
    ) -> web.Response:
        """The method's result or error, with the headers that tell of the limits."""
        headers: dict[str, str] = {}
        try:
            check_time_unit(time_unit)
            request.parameters = read_form(query, body)
            status, result = 200, self.desk.answer(method, request)
        except RateLimited as error:
            status, result = error.http_status, describe(error)
            headers["Retry-After"] = str(error.retry_after_seconds)
        except VenueError as error:
            status, result = error.http_status, describe(error)
        self.add_limits(headers, method, request)
        headers["Content-Type"] = JSON_TYPE
        return web.Response(body=self.encoder.encode(result), status=status, headers=headers)

    def add_limits(self, headers: dict[str, str], method: Method, request: Request) -> None:
        """Adds X-MBX-USED-WEIGHT-1M and, where orders are placed, X-MBX-ORDER-COUNT-10S and -1D."""
        now = self.desk.clock()
        for window in self.desk.weight_of(request.address).weights:
            count = str(window.read(now))
            headers["X-MBX-USED-WEIGHT"] = count
            headers[f"X-MBX-USED-WEIGHT-{window.limit.suffix}"] = count
        key = self.desk.keys.get(request.api_key or "")
        if method.places_order and key is not None:
            for window in self.desk.orders_of(key.account).windows:
                headers[f"X-MBX-ORDER-COUNT-{window.limit.suffix}"] = str(window.read(now))

    def answer_unknown(self, path: str) -> web.Response:
        """The answer for a path that is no method's."""
        if path == "/api/v3/userDataStream":
            # Gone since 2026-02-20 (CHANGELOG 2026-01-21): events come on the WebSocket API.
            error = VenueError(-1016, "This service is no longer available.", 410)
            return web.Response(
                body=self.encoder.encode(describe(error)),
                status=410,
                headers={"Content-Type": JSON_TYPE},
            )
        return page(404, "Not found")


def read_form(query: str, body: str) -> dict[str, str]:
    """Parameters of a raw query string and a raw body; the query wins (rest-api.md, General Information).

    Raises VenueError -1101 for a name that is given twice in one of the two.
    """
    parameters: dict[str, str] = {}
    for raw in (body, query):
        if not raw:
            continue
        pairs = parse_qsl(raw, keep_blank_values=True, errors="replace")
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise VenueError(-1101, "Duplicate values for a parameter detected.")
        parameters.update(pairs)
    return parameters


def check_time_unit(unit: str | None) -> None:
    """Raises VenueError -1194 for any unit of time but milliseconds, the only one this exchange speaks."""
    if unit is not None and unit.upper() != "MILLISECOND":
        raise VenueError(
            -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
        )


def describe(error: VenueError) -> dict[str, Any]:
    """An error as the REST API shows it."""
    return {"code": error.code, "msg": error.message}


def page(status: int, reason: str, headers: dict[str, str] | None = None) -> web.Response:
    """The venue's web page for what is no part of the API."""
    return web.Response(
        text=ERROR_PAGE.format(status=status, reason=reason),
        status=status,
        content_type="text/html",
        headers=headers,
    )
