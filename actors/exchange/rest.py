"""The REST API: HTTP around the desk (rest-api.md).

Everything is answered: what the venue refuses as its error, what does not exist as the venue's own web page.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from actors.exchange.desk import Desk, Method, Request
from actors.exchange.errors import VenueError, no_binary, unknown
from actors.exchange.fault_rules import (
    Close,
    Disconnect,
    EmptyBody,
    Page,
    RequestRule,
    Silence,
    WrongContentType,
)
from actors.exchange.limits import RateLimited
from actors.exchange.request_faults import Course, Outcome, RequestFaults
from actors.exchange.signing import rest_payload, split_signature
from actors.exchange.sockets import POLL_SECONDS, drop
from actors.exchange.times import ENCODERS, read_time_unit

JSON_TYPE = "application/json;charset=UTF-8"
ERROR_PAGE = "<html><body><h2>{status} {reason}</h2></body></html>"
REASONS = {
    403: "Forbidden",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Time-out",
}


class RestApi:
    """Serves every method of the table that has a path."""

    def __init__(
        self, desk: Desk, methods: Iterable[Method], faults: RequestFaults | None = None
    ) -> None:
        self.desk = desk
        self.faults = faults
        self.ending = asyncio.Event()
        """Set when the exchange ends, so that no answer is waited for any longer."""
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
        try:
            body = (await http_request.read()).decode("utf-8", "surrogateescape")
        except (RequestPayloadError, ConnectionError):
            # Labelled as compressed, and not; or cut off by a client that has left. Nothing more can be read here.
            http_request.content.feed_eof()
            answer = self.render(method, self.read(http_request, "", ""), Outcome(error=unknown()))
            answer.force_close()
            return answer
        if method.verb == "GET":
            body = ""  # Parameters of a GET are those of its query (rest-api.md, General Information on Endpoints).
        request = self.read(http_request, query, body)
        accepted = http_request.headers.get("Accept", "")
        try:
            if "application/sbe" in accepted and "application/json" not in accepted:
                raise no_binary(406)
            request.time_unit = read_time_unit(http_request.headers.get("X-MBX-TIME-UNIT"))
            request.parameters = read_form(query, body)
        except VenueError as error:
            return self.render(method, request, Outcome(error=error))
        if self.faults is not None and (
            course := self.faults.course("rest", self.desk, method, request)
        ):
            return await self.follow(course, http_request)
        return self.render(method, request, self.answer(method, request))

    def read(self, http_request: web.Request, query: str, body: str) -> Request:
        """The request as the desk takes it; parameters are filled in by `handle`, which can refuse them."""
        return Request(
            parameters={},
            address=http_request.remote or "",
            api_key=http_request.headers.get("X-MBX-APIKEY"),
            signature=split_signature(query)[1] or split_signature(body)[1],
            payload=lambda: rest_payload(query, body),
        )

    def answer(self, method: Method, request: Request) -> Outcome:
        """The method's result or error."""
        try:
            return Outcome(self.desk.answer(method, request))
        except VenueError as error:
            return Outcome(error=error)

    def render(self, method: Method, request: Request, outcome: Outcome) -> web.Response:
        """An outcome as HTTP, with the headers that tell of the limits."""
        headers: dict[str, str] = {}
        status, result = 200, outcome.result
        if (error := outcome.error) is not None:
            status, result = error.http_status, describe(error)
            if isinstance(error, RateLimited):
                headers["Retry-After"] = str(error.retry_after_seconds)
        self.add_limits(headers, method, request)
        headers["Content-Type"] = JSON_TYPE
        body = ENCODERS[request.time_unit].encode(result)
        return web.Response(body=body, status=status, headers=headers)

    async def follow(self, course: Course, http_request: web.Request) -> web.Response:
        """Answers a request that has a course of its own."""
        await self.wait(course.arrival)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        course.start(lambda outcome: settle(future, outcome))
        ended = asyncio.ensure_future(self.ending.wait())
        await asyncio.wait((future, ended), return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        outcome = future.result() if future.done() else Outcome(error=VenueError(-1016, "", 503))
        response = self.render(course.method, course.request, outcome)
        return await self.spoil(course.rule, response, http_request)

    async def spoil(
        self, rule: RequestRule | None, response: web.Response, http_request: web.Request
    ) -> web.Response:
        """What the client gets in place of a response, if a rule puts something there."""
        transport = http_request.transport
        if isinstance(rule, Page):
            return page(rule.status, REASONS.get(rule.status, "Error"))
        if isinstance(rule, WrongContentType):
            response.headers["Content-Type"] = rule.content_type
        elif isinstance(rule, EmptyBody):
            return web.Response(status=rule.status, headers={"Content-Type": JSON_TYPE})
        elif isinstance(rule, Disconnect):
            drop(transport, rule.reset)
        elif isinstance(rule, Close) and transport is not None:
            transport.close()
        elif isinstance(rule, Silence):
            while transport is not None and not transport.is_closing() and not self.ending.is_set():
                await self.wait(POLL_SECONDS)
            drop(transport, reset=False)
        return response

    async def wait(self, seconds: float) -> None:
        """Lets time pass, unless the exchange ends."""
        if seconds > 0 and not self.ending.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.ending.wait()

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
                body=msgspec.json.encode(describe(error)),
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


def settle(future: "asyncio.Future[Outcome]", outcome: Outcome) -> None:
    """Gives a future its outcome, unless nobody waits for it any more."""
    if not future.done():
        future.set_result(outcome)


def describe(error: VenueError) -> dict[str, Any]:
    """An error as the REST API shows it."""
    described: dict[str, Any] = {"code": error.code, "msg": error.message}
    if error.data is not None:
        described["data"] = error.data
    return described


def page(status: int, reason: str, headers: dict[str, str] | None = None) -> web.Response:
    """The venue's web page for what is no part of the API."""
    return web.Response(
        text=ERROR_PAGE.format(status=status, reason=reason),
        status=status,
        content_type="text/html",
        headers=headers,
    )
