"""The control endpoint: faults given and taken back while the exchange runs. On loopback, and only if asked for.

`POST /control/faults` takes a plan as JSON (or TOML with `Content-Type: application/toml`) and answers the numbers of its
rules; `DELETE /control/faults` takes everything back, `DELETE /control/faults/3` one rule; `GET /control/state` tells
what is in force, how often each rule has struck, and what is open.
"""

from collections.abc import Collection
from typing import Any

import msgspec
from aiohttp import web

from actors.exchange.disturbances import Disturbances
from actors.exchange.fault_plan import InvalidPlan, parse_plan

LOOPBACK = "127.0.0.1"


class Control:
    """Serves the endpoint."""

    def __init__(self, disturbances: Disturbances, methods: Collection[str]) -> None:
        self.disturbances = disturbances
        self.methods = methods

    def application(self) -> web.Application:
        """A new application with the endpoint's paths."""
        application = web.Application()
        application.router.add_post("/control/faults", self.add)
        application.router.add_delete("/control/faults", self.remove)
        application.router.add_delete("/control/faults/{number:[0-9]+}", self.remove)
        application.router.add_get("/control/state", self.tell)
        return application

    async def add(self, request: web.Request) -> web.Response:
        """Puts a plan in force, or answers 400 with all that is wrong with it."""
        # A browser's page may send to loopback what it likes, but always says where it comes from.
        if "Origin" in request.headers:
            return answer({"problems": ["not from a browser"]}, 403)
        is_toml = "toml" in request.headers.get("Content-Type", "")
        symbols = self.disturbances.desk.venue.symbols
        try:
            plan = parse_plan(await request.read(), is_toml, self.methods, symbols)
        except InvalidPlan as error:
            return answer({"problems": error.problems}, 400)
        return answer({"numbers": self.disturbances.apply(plan)})

    async def remove(self, request: web.Request) -> web.Response:
        """Takes back one rule or all; 404 if there is no rule of the number."""
        text = request.match_info.get("number")
        count = self.disturbances.remove(None if text is None else int(text))
        if text is not None and not count:
            return answer({"problems": [f"no fault has the number {text}"]}, 404)
        return answer({"removed": count})

    async def tell(self, request: web.Request) -> web.Response:
        """How things stand."""
        return answer(self.disturbances.report())


def answer(content: Any, status: int = 200) -> web.Response:
    """JSON."""
    return web.Response(
        body=msgspec.json.encode(content), status=status, content_type="application/json"
    )
