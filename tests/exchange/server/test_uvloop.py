"""The exchange on uvloop, the loop of production: sockets, events, and clients that vanish."""

import asyncio

import uvloop

from actors.exchange.configuration import STILL, AccountConfiguration, ExchangeConfiguration
from tests.exchange.server.client import PATIENCE_SECONDS, running

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
NAMES = "btcusdt@trade/btcusdt@bookTicker/btcusdt@aggTrade/btcusdt@depth@100ms"


async def scenario() -> None:
    """Trades while clients come and vanish, then a goodbye."""
    configuration = ExchangeConfiguration(
        market=STILL, accounts=(AccountConfiguration(), AccountConfiguration(name="other"))
    )
    async with (
        running(configuration) as world,
        world.api() as api,
        world.streams(f"/stream?streams={NAMES}") as streams,
    ):
        host, port = world.addresses.streams.removeprefix("ws://").split(":")
        await api.signed("userDataStream.subscribe.signature")
        other = world.rest(1, account=1)
        for number in range(5):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(HANDSHAKE.format(path=f"/ws/{NAMES}").encode())
            assert b"101" in await asyncio.wait_for(reader.readline(), PATIENCE_SECONDS)
            await api.place("BUY", "0.01", f"5000{number}")
            writer.transport.abort()
            assert (await other.place("SELL", "0.01", "50000")).json["status"] == "FILLED"
            trade = await streams.until(stream="btcusdt@trade")
            assert trade["data"]["p"] == f"5000{number}.00000000"
            assert (await api.until(x="TRADE", X="FILLED"))["m"] is True
        assert (await streams.until(stream="btcusdt@depth@100ms"))["data"]["e"] == "depthUpdate"
        world.stop.set()
        assert (await api.until(e="serverShutdown"))["E"] > 0
        assert (await streams.until(stream="!serverShutdown"))["data"]["E"] > 0
        await asyncio.wait_for(world.task, PATIENCE_SECONDS)


def test_a_whole_scenario_on_uvloop() -> None:
    uvloop.run(scenario())
