"""The real bot and the real local exchange as programs of a world."""

import asyncio
from decimal import Decimal
from pathlib import Path
from signal import SIGTERM
from typing import Any

from actors.binance.client import BinanceClient
from actors.binance.endpoints import endpoints_at
from actors.commands.configuration import load_configuration
from actors.commands.control import BotControl
from actors.commands.run_bot import RunOptions, run_bot
from actors.exchange.app import serve
from actors.exchange.configuration import AccountConfiguration, ExchangeConfiguration
from actors.exchange.signing import KeyKind, KeyPair
from actors.runtime.journal import connect
from actors.simulation.invariants import OrderFact, compare_orders
from actors.simulation.program import Program
from actors.simulation.rounds import RoundSetup
from actors.simulation.world import World
from messages.codec import decoder_of
from messages.orders import Fill, NewOrderRequest, OrderUpdate

API_KEY, API_SECRET = "K" * 64, "S" * 64
SYMBOL = "BTCUSDT"
REST, STREAMS, WS_API = "http://exchange", "ws://exchange", "ws://exchange/ws-api/v3"
PATTERNS = (b"order.place", b"order.cancel")
OPEN = ("NEW", "PARTIALLY_FILLED", "PENDING_NEW", "PENDING_CANCEL", "UNKNOWN")


def exchange_of(seed: int, trades_per_second: float) -> ExchangeConfiguration:
    """Keys that are the same in every run, and a market of the seed."""
    pair = KeyPair(key=API_KEY, secret=API_SECRET, kind=KeyKind.HMAC)
    return ExchangeConfiguration(
        host="0.0.0.0",
        port=80,
        seed=seed,
        trades_per_second=trades_per_second,
        accounts=(AccountConfiguration(keys=(pair,)),),
    )


async def run_bot_in(folder: Path) -> int:
    """What `bin/start` does, on a disk of the world."""
    keys = folder / "keys"
    keys.touch(mode=0o600)
    keys.write_text(f"{API_KEY}\n{API_SECRET}\n")
    configuration = load_configuration(
        None,
        {
            # The weather knows power cuts, and what is written in NORMAL may be lost in one.
            "bot": {"state_folder": str(folder / "state"), "journal_synchronous": "FULL"},
            "venue": {"rest": REST, "ws_api": WS_API, "streams": STREAMS, "key_file": str(keys)},
        },
    )
    control = BotControl()
    asyncio.get_running_loop().add_signal_handler(SIGTERM, control.interrupt)
    return await run_bot(configuration, RunOptions(), control)


async def orders_at_venue() -> list[dict[str, Any]]:
    """Every order of the account, asked for by REST."""
    client = await BinanceClient.create(endpoints_at(REST, WS_API, STREAMS), API_KEY, API_SECRET)
    try:
        orders: list[dict[str, Any]] = []
        while True:
            first = orders[-1]["orderId"] + 1 if orders else 1
            page = await client.get_all_orders(symbol=SYMBOL, orderId=first, limit=1000)
            orders += page
            if len(page) < 1000:
                return orders
    finally:
        await client.close_connection()


def journal_entries(folder: Path, message_class: str) -> list[bytes]:
    """The frames of one class in the bot's journal, oldest first; read from a copy, as another process would."""
    database = connect(folder / "state" / "journal.sqlite")
    rows = database.execute(
        "SELECT frame FROM entry WHERE message_class = ? ORDER BY position", (message_class,)
    ).fetchall()
    database.close()
    return [row[0] for row in rows]


class Beliefs:
    """What the bot's journal says of its orders."""

    def __init__(self, folder: Path) -> None:
        decode_intent = decoder_of(NewOrderRequest).decode
        decode_update, decode_fill = decoder_of(OrderUpdate).decode, decoder_of(Fill).decode
        self.intended = [
            decode_intent(frame).order.client_order_id
            for frame in journal_entries(folder, "NewOrderRequest")
        ]
        self.statuses: dict[str, str] = {}
        self.names: dict[int, str] = {}
        """Client order ids by the venue's own: a canceled order may show the id of its cancel."""
        for frame in journal_entries(folder, "OrderUpdate"):
            order = decode_update(frame).order
            self.statuses[order.client_order_id] = order.status.value
            self.names[order.exchange_order_id] = order.client_order_id
        self.trades: dict[str, dict[int, Decimal]] = {}
        for frame in journal_entries(folder, "Fill"):
            fill = decode_fill(frame)
            self.trades.setdefault(fill.client_order_id, {})[fill.trade_id] = fill.quantity

    def known(self) -> list[OrderFact]:
        """Each order by its last update and the sum of its fills, each trade once."""
        return [
            OrderFact(
                name,
                self.statuses.get(name, "") in OPEN,
                sum(self.trades.get(name, {}).values(), Decimal(0)),
            )
            for name in sorted({*self.statuses, *self.trades})
        ]


async def compare_with_venue(world: World, bot: Program) -> list[str]:
    """The journal against the venue. The bot goes on trading: only orders that are closed at the venue are compared."""
    orders = await orders_at_venue()
    # What the venue has said meanwhile has arrived.
    await asyncio.sleep(5)
    beliefs = Beliefs(bot.folder)
    at_venue = [
        OrderFact(
            beliefs.names.get(order["orderId"], order["clientOrderId"]),
            is_open=False,
            executed_quantity=Decimal(order["executedQty"]),
        )
        for order in orders
        if order["status"] not in OPEN
    ]
    asked = {fact.client_order_id for fact in at_venue}
    known = [fact for fact in beliefs.known() if fact.client_order_id in asked]
    return list(compare_orders(beliefs.intended, known, at_venue))


def setup_of(seed: int, duration_s: float = 60.0, trades_per_second: float = 10.0) -> RoundSetup:
    """A round of the whole bot."""

    async def exchange(folder: Path) -> None:
        await serve(exchange_of(seed, trades_per_second))

    return RoundSetup(
        exchange,
        run_bot_in,
        duration_s=duration_s,
        settle_s=15.0,
        settled=compare_with_venue,
        kill_patterns=PATTERNS,
    )
