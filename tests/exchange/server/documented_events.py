"""How to bring about each market stream message and user event that the documentation prints."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.exchange.server.client import World
from tests.exchange.server.documented import PAIR, SYMBOL

STREAMS, USERS = "web-socket-streams.md", "user-data-stream.md"
Happening = Callable[[World], Awaitable[Any]]


async def trade(world: World) -> None:
    """A trade of the first account with itself, and an order left on either side."""
    rest = world.rest()
    await rest.place("SELL", "0.02", "50000")
    await rest.place("BUY", "0.01", "50000")
    await rest.place("BUY", "0.01", "40000")


def stream(name: str) -> Happening:
    """The next message of a raw stream, after a trade."""

    async def happen(world: World) -> Any:
        async with world.streams(f"/ws/{name}") as socket:
            await trade(world)
            return await socket.next()

    return happen


def told(message: dict[str, Any], path: str = "/ws") -> Happening:
    """The answer to a message of the client."""

    async def happen(world: World) -> Any:
        async with world.streams(path) as socket:
            await socket.socket.send_json(message)
            return await socket.next()

    return happen


def shutdown(path: str) -> Happening:
    """What is said before the exchange ends."""

    async def happen(world: World) -> Any:
        if path == "/ws-api":
            async with world.api() as socket:
                world.stop.set()
                return await socket.next()
        async with world.streams(path) as socket:
            world.stop.set()
            return await socket.next()

    return happen


def user(**expected: Any) -> Happening:
    """The first event of this kind, with its envelope, after an order and a list."""

    async def happen(world: World) -> Any:
        async with world.api() as socket:
            await socket.signed("userDataStream.subscribe.signature")
            await world.rest().place("BUY", "0.01", "40000")
            await world.rest().signed("POST", "orderList/oco", **PAIR)
            while True:
                message = await socket.next()
                if all(message["event"].get(name) == one for name, one in expected.items()):
                    return message

    return happen


async def end_of_subscription(world: World) -> Any:
    """What follows the reply to an unsubscription."""
    async with world.api() as socket:
        await socket.signed("userDataStream.subscribe.signature")
        await socket.call("userDataStream.unsubscribe")
        return await socket.next()


def request(message: dict[str, Any]) -> Happening:
    """A documented request, which must be followed: what it is itself."""

    async def happen(world: World) -> Any:
        answer = await told(message)(world)
        assert "code" not in answer, answer
        return message

    return happen


AGGREGATES = ["btcusdt@aggTrade"]
SUBSCRIBE = {"method": "SUBSCRIBE", "params": [*AGGREGATES, "btcusdt@depth"], "id": 1}
UNSUBSCRIBE = {"method": "UNSUBSCRIBE", "params": ["btcusdt@depth"], "id": 312}
LIST = {"method": "LIST_SUBSCRIPTIONS", "id": 3}
SET = {"method": "SET_PROPERTY", "params": ["combined", True], "id": 5}
GET = {"method": "GET_PROPERTY", "params": ["combined"], "id": 2}
LOWER = SYMBOL.lower()

EVENTS: dict[tuple[str, int], Happening] = {
    (STREAMS, 72): shutdown("/ws"),
    (STREAMS, 81): shutdown("/stream"),
    (STREAMS, 104): request(SUBSCRIBE),
    (STREAMS, 113): told(SUBSCRIBE),
    (STREAMS, 122): request(UNSUBSCRIBE),
    (STREAMS, 131): told(UNSUBSCRIBE),
    (STREAMS, 141): request(LIST),
    (STREAMS, 149): told(LIST, "/ws/btcusdt@aggTrade"),
    (STREAMS, 162): request(SET),
    (STREAMS, 171): told(SET),
    (STREAMS, 180): request(GET),
    (STREAMS, 189): told(GET, "/stream"),
    (STREAMS, 238): stream(f"{LOWER}@aggTrade"),
    (STREAMS, 262): stream(f"{LOWER}@trade"),
    (STREAMS, 327): stream(f"{LOWER}@kline_1m"),
    (STREAMS, 406): stream(f"{LOWER}@miniTicker"),
    (STREAMS, 428): stream("!miniTicker@arr"),
    (STREAMS, 444): stream(f"{LOWER}@ticker"),
    (STREAMS, 488): stream(f"{LOWER}@ticker_1h"),
    (STREAMS, 523): stream("!ticker_1h@arr"),
    (STREAMS, 542): stream(f"{LOWER}@bookTicker"),
    (STREAMS, 563): stream(f"{LOWER}@avgPrice"),
    (STREAMS, 582): stream(f"{LOWER}@depth5@100ms"),
    (STREAMS, 608): stream(f"{LOWER}@depth@100ms"),
    (USERS, 34): user(e="outboundAccountPosition"),
    (USERS, 79): user(e="executionReport", x="NEW"),
    (USERS, 280): user(e="listStatus"),
    (USERS, 335): end_of_subscription,
    ("web-socket-api.md", 339): user(e="outboundAccountPosition"),
    ("web-socket-api.md", 375): shutdown("/ws-api"),
}
EXACT = frozenset((STREAMS, line) for line in (104, 113, 122, 131, 141, 149, 162, 171, 180, 189))
"""Those that are the same to the last value."""
BARE_LISTS = frozenset((STREAMS, line) for line in (428, 523))
"""Printed as a list of an object without fields."""
LEFT_OUT = {(USERS, 79): "v"}
"""`v` is printed in the example, but is there only after a prevented match (Conditional Fields in Execution Report)."""
