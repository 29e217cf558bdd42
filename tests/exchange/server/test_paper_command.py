"""The local exchange that `bin/start` runs with `market = "paper"` in its configuration, as a process of its own."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from actors.commands.configuration import VenueSection, load_configuration
from actors.commands.local_exchange import exchange_arguments, start_local_exchange
from actors.exchange.configuration import ExchangeConfiguration
from tests.exchange.server.client import running

PATIENCE_SECONDS = 20.0


@pytest.mark.asyncio
async def test_the_market_of_a_configuration_is_the_sources() -> None:
    async with running(ExchangeConfiguration(trades_per_second=20.0)) as source:
        venue = VenueSection(
            market="paper",
            market_rest=source.addresses.rest,
            market_streams=source.addresses.streams,
        )
        local = await start_local_exchange(exchange_arguments(venue, ["BTCUSDT"]))
        try:
            async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_SECONDS):
                url = f"{local.addresses.rest}/api/v3/trades?symbol=BTCUSDT"
                while True:
                    async with session.get(url) as response:
                        found = await response.json()
                    if found:
                        break
                    await asyncio.sleep(0.05)
        finally:
            await local.stop()
        theirs = (await source.rest().get("trades", symbol="BTCUSDT", limit=1000)).json
        prices = {one["id"]: one["price"] for one in theirs}
        assert all(prices[one["id"]] == one["price"] for one in found)


def test_a_configuration_may_name_a_paper_market(tmp_path: Path) -> None:
    file = tmp_path / "bot.toml"
    file.write_text('[venue]\nmarket = "paper"\n', encoding="utf-8")
    configuration = load_configuration(file)
    assert configuration.venue.market == "paper"
    assert configuration.inputs() == [file, None, None, None]
