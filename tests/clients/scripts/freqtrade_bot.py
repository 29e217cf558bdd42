"""freqtrade: its bot, turned by hand and commanded as its user would; orders by REST, candles by stream, no user stream."""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from common import KEY, REST, SECRET, STREAMS, cut, run, tell
from freqtrade.configuration import Configuration
from freqtrade.enums import CandleType, RunMode
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.rpc import RPC

PAIR = "BTC/USDT"
URLS = {
    "public": f"{REST}/api/v3",
    "private": f"{REST}/api/v3",
    "sapi": f"{REST}/sapi/v1",
    "fapiPublic": f"{REST}/fapi/v1",
    "dapiPublic": f"{REST}/dapi/v1",
    "ws": {"spot": f"{STREAMS}/ws"},
}
STRATEGY = '''
from freqtrade.strategy import IStrategy


class Idle(IStrategy):
    """Does nothing of itself; what is bought is protected by a stop on the exchange."""

    timeframe = "1m"
    stoploss = -0.1
    order_types = {
        "entry": "limit", "exit": "limit", "stoploss": "limit", "stoploss_on_exchange": True
    }

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
'''


def made_bot(folder: Path) -> FreqtradeBot:
    """A bot that trades with real orders, as far as it can tell."""
    (folder / "idle.py").write_text(STRATEGY)
    pricing = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
    settings = {
        "dry_run": False,
        "db_url": f"sqlite:///{folder}/trades.sqlite",
        "initial_state": "running",
        "force_entry_enable": True,
        "stake_currency": "USDT",
        "stake_amount": 100,
        "max_open_trades": 1,
        "entry_pricing": pricing,
        "exit_pricing": pricing,
        "pairlists": [{"method": "StaticPairList"}],
        "exchange": {
            "name": "binance",
            "key": KEY,
            "secret": SECRET,
            "pair_whitelist": [PAIR],
            "ccxt_config": {"urls": {"api": URLS}},
        },
    }
    (folder / "config.json").write_text(json.dumps(settings))
    arguments = {
        "config": [str(folder / "config.json")],
        "user_data_dir": str(folder),
        "strategy": "Idle",
        "strategy_path": str(folder),
    }
    bot = FreqtradeBot(Configuration(arguments, RunMode.LIVE).get_config())
    bot.startup()
    return bot


def wait_for_candles(bot: FreqtradeBot) -> int:
    """Waits until the stream has brought candles that are newer than this call; tells how many there are.

    A stream that was reset is asked for again when the next candle is due, a minute later; this asks at once, by the same call.
    """
    stream, begun = bot.exchange._exchange_ws, time.time() * 1000
    while True:
        candles, at = stream.get_ohlcv_with_refresh(PAIR, "1m", CandleType.SPOT)
        if at > begun:
            return len(candles)
        time.sleep(0.1)
        stream.schedule_ohlcv(PAIR, "1m", CandleType.SPOT)


def main() -> None:
    """One run."""
    folder = Path(tempfile.mkdtemp())
    bot = made_bot(folder)
    user = RPC(bot)
    bot.process()
    frames = [wait_for_candles(bot)]
    book = bot.exchange.fetch_l2_order_book(PAIR, 5)
    numbers: list[str] = []
    for _ in range(2):
        trade = user._rpc_force_entry(PAIR, book["bids"][0][0] * 0.9, order_type="limit")
        numbers += trade.open_orders_ids
        user._rpc_cancel_open_order(trade.id)
    cut()
    frames.append(wait_for_candles(bot))
    trade = user._rpc_force_entry(PAIR, None, order_type="market")
    bot.process()
    user._rpc_force_exit(str(trade.id), "market")
    bot.process()
    numbers += [order.order_id for order in trade.orders]
    orders: list[dict[str, Any]] = [
        bot.exchange.fetch_order(number, PAIR)["info"] for number in numbers
    ]
    trades = [
        row["id"]
        for number in numbers
        for row in bot.exchange.get_trades_for_order(number, PAIR, trade.open_date)
    ]
    tell(
        [(order["orderId"], order["status"], order["executedQty"]) for order in orders],
        {
            asset: [f"{amounts['free']:.8f}", f"{amounts['used']:.8f}"]
            for asset, amounts in bot.exchange.get_balances().items()
            if isinstance(amounts, dict)
        },
        trades,
        [],
        frames,
    )


run(main)
