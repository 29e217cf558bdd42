"""A backtest benchmark's peer: NautilusTrader's backtest engine. A program of its own.

Its first line of standard input is a task in JSON (`BacktestTask`): `prepare` turns the file of trades into its own
catalogue, `run` plays that to a moving-average cross. Its last line of standard output says what it has done. It needs
nothing of this project.
"""

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any


def load(name: str) -> Any:
    """A module that this project does not know."""
    return importlib.import_module(f"nautilus_trader.{name}")


def make_strategy(instrument_id: Any, task: dict[str, Any]) -> Any:
    """The cross: long while the fast average is above the slow one."""
    base: Any = load("trading.strategy").Strategy
    enums, objects = load("model.enums"), load("model.objects")
    by_fast, by_slow, margin = task["fast"], task["slow"], task["margin"]

    class Cross(base):  # type: ignore[misc]  # its base is not known here
        """Market orders only."""

        def on_start(self) -> None:
            self.fast = self.slow = 0.0
            self.is_above = False
            self.orders = 0
            self.subscribe_trade_ticks(instrument_id)

        def on_trade_tick(self, tick: Any) -> None:
            price = tick.price.as_double()
            if not self.fast:
                self.fast = self.slow = price
            self.fast += (price - self.fast) * by_fast
            self.slow += (price - self.slow) * by_slow
            distance = self.fast - self.slow
            if self.is_above:
                if distance < -margin:
                    self.is_above = False
                    self.close_all_positions(instrument_id)
                    self.orders += 1
            elif distance > margin:
                self.is_above = True
                if self.portfolio.is_flat(instrument_id):
                    quantity = objects.Quantity.from_str(task["quantity"].ljust(8, "0"))
                    self.submit_order(
                        self.order_factory.market(instrument_id, enums.OrderSide.BUY, quantity)
                    )
                    self.orders += 1

    return Cross()


def prepare(task: dict[str, Any], instrument: Any) -> None:
    """Trades into the catalogue."""
    pandas: Any = importlib.import_module("pandas")
    names = ["trade_id", "price", "quantity", "quote", "timestamp", "buyer_maker", "best"]
    frame = pandas.read_csv(task["file"], names=names)
    frame["timestamp"] = pandas.to_datetime(frame["timestamp"], unit="ms", utc=True)
    frame = frame.set_index("timestamp")[["price", "quantity", "buyer_maker", "trade_id"]]
    ticks = load("persistence.wranglers").TradeTickDataWrangler(instrument).process(frame)
    folder = Path(task["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    load("persistence.catalog").ParquetDataCatalog(str(folder)).write_data(ticks)


def run(task: dict[str, Any], instrument: Any) -> dict[str, Any]:
    """Plays the catalogue."""
    engine_module = load("backtest.engine")
    currencies, objects, enums = (
        load("model.currencies"),
        load("model.objects"),
        load("model.enums"),
    )
    logging = load("config").LoggingConfig(log_level="ERROR")
    engine = engine_module.BacktestEngine(
        engine_module.BacktestEngineConfig(trader_id="BENCH-001", logging=logging)
    )
    engine.add_venue(
        venue=instrument.id.venue,
        oms_type=enums.OmsType.NETTING,
        account_type=enums.AccountType.CASH,
        base_currency=None,
        starting_balances=[objects.Money(100_000, currencies.USDT)],
        trade_execution=True,
    )
    engine.add_instrument(instrument)
    catalogue = load("persistence.catalog").ParquetDataCatalog(task["folder"])
    ticks = catalogue.trade_ticks(instrument_ids=[str(instrument.id)])
    engine.add_data(ticks)
    strategy = make_strategy(instrument.id, task)
    engine.add_strategy(strategy)
    begin = time.perf_counter()
    engine.run()
    seconds = time.perf_counter() - begin
    return {"events": len(ticks), "orders": strategy.orders, "seconds": seconds}


def main() -> None:
    """Does what the task says."""
    task = json.loads(sys.stdin.readline())
    instrument = load("test_kit.providers").TestInstrumentProvider.btcusdt_binance()
    if task["step"] == "prepare":
        prepare(task, instrument)
        print("{}")
    else:
        print(json.dumps(run(task, instrument)))


if __name__ == "__main__":
    main()
