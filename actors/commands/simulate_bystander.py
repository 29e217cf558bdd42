"""Somebody who trades by hand on the bot's account: a second client, whose orders are none of the bot's business."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from actors.binance.client import BinanceClient
from actors.binance.endpoints import BinanceEndpoints
from actors.binance.errors import BinanceError
from actors.exchange.prices import usual_price
from actors.exchange.symbols import SymbolRules, rules_for
from actors.simulation.seeded import SeededRandom

PREFIX = "manual-"
PAUSE_S = (0.3, 3.0)
FAR = Decimal("0.03")
LOTS = 130


@dataclass(frozen=True)
class Wish:
    """One order that was asked for by hand."""

    side: str
    order_type: str
    quantity: Decimal
    price: Decimal


@dataclass
class Bystander:
    """Trades by hand until `until_s`, and remembers what it asked for, whatever the answers were."""

    endpoints: BinanceEndpoints
    api_key: str
    api_secret: str
    symbol: str
    seed: int
    until_s: float
    wishes: dict[str, Wish] = field(default_factory=dict)
    """By client order id."""
    cancels: set[str] = field(default_factory=set)
    """Client order ids whose cancel was asked for."""

    async def run(self, folder: Path) -> None:
        """The program; it keeps nothing on its disk."""
        random = SeededRandom(f"{self.seed}:bystander")
        rules = rules_for(self.symbol)
        client = BinanceClient(self.endpoints, self.api_key, self.api_secret, timeout_s=5.0)
        loop = asyncio.get_running_loop()
        ends_at_s = loop.time() + self.until_s
        try:
            while loop.time() < ends_at_s:
                await asyncio.sleep(random.uniform(*PAUSE_S))
                try:
                    await client.synchronise_clock(samples=1)
                    await self.act(client, random, rules)
                except BinanceError:
                    # Whether it was done he does not know, and he does not ask for it twice.
                    continue
        finally:
            await client.close_connection()

    async def act(self, client: BinanceClient, random: SeededRandom, rules: SymbolRules) -> None:
        """Does one thing. Raises BinanceError."""
        resting = [name for name in self.wishes if name not in self.cancels]
        if resting and random.random() < 0.3:
            name = random.choice(resting)
            self.cancels.add(name)
            await self._ask(client, "delete", {"origClientOrderId": name})
            return
        side = random.choice(("BUY", "SELL"))
        kind = random.choice(("far", "near", "market"))
        price = Decimal(0)
        if kind != "market":
            price = await self._find_price(client, side)
        if kind == "far":
            price *= 1 - FAR if side == "BUY" else 1 + FAR
        price = price // rules.tick_size * rules.tick_size
        name = f"{PREFIX}{len(self.wishes) + 1}"
        wish = Wish(side, "MARKET" if kind == "market" else "LIMIT", LOTS * rules.lot_size, price)
        self.wishes[name] = wish
        await self._ask(client, "post", parameters_of(name, wish))

    async def _find_price(self, client: BinanceClient, side: str) -> Decimal:
        """The best price of his own side, where he stands in the queue."""
        data = await client.call("get", "ticker/bookTicker", {"symbol": self.symbol})
        ticker: dict[str, Any] = msgspec.json.decode(data)
        price = Decimal(ticker["bidPrice" if side == "BUY" else "askPrice"])
        return price or usual_price(rules_for(self.symbol))

    async def _ask(self, client: BinanceClient, verb: str, parameters: dict[str, Any]) -> None:
        await client.call(verb, "order", {"symbol": self.symbol, **parameters}, signed=True)


def parameters_of(name: str, wish: Wish) -> dict[str, Any]:
    """The order's own parameters on the wire."""
    parameters = {
        "newClientOrderId": name,
        "side": wish.side,
        "type": wish.order_type,
        "quantity": str(wish.quantity),
    }
    if wish.order_type == "LIMIT":
        parameters |= {"price": str(wish.price), "timeInForce": "GTC"}
    return parameters
