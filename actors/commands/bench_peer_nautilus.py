"""A benchmark's peer: NautilusTrader's node with its Binance adapter. A program of its own.

Its first line of standard input is a task in JSON (`PeerTask`). It prints a line when its strategy runs; then it answers
each trade with an order. Its adapter places orders by REST and with an Ed25519 key alone. It needs nothing of this project.
"""

import importlib
import json
import sys
from typing import Any


def load(name: str) -> Any:
    """A module that this project does not know."""
    return importlib.import_module(f"nautilus_trader.{name}")


def make_strategy(names: list[str]) -> Any:
    """A strategy that answers each trade of the first instrument."""
    base: Any = load("trading.strategy").Strategy
    enums = load("model.enums")
    objects, identifiers = load("model.objects"), load("model.identifiers")

    class Answerer(base):  # type: ignore[misc]  # its base is not known here
        """One IOC order at the price of each trade."""

        def on_start(self) -> None:
            self.wanted = [identifiers.InstrumentId.from_str(f"{name}.BINANCE") for name in names]
            for instrument_id in self.wanted:
                self.subscribe_trade_ticks(instrument_id)
            self.clock.set_time_alert_ns("ready", self.clock.timestamp_ns() + 3_000_000_000)

        def on_event(self, event: Any) -> None:
            if type(event).__name__ == "TimeEvent":
                print("ready", flush=True)

        def on_trade_tick(self, tick: Any) -> None:
            if tick.instrument_id == self.wanted[0]:
                order = self.order_factory.limit(
                    instrument_id=tick.instrument_id,
                    order_side=enums.OrderSide.BUY,
                    quantity=objects.Quantity.from_str("0.001"),
                    price=objects.Price.from_str(f"{float(tick.price):.2f}"),
                    time_in_force=enums.TimeInForce.IOC,
                )
                self.submit_order(order)

    return Answerer()


def run(task: dict[str, Any]) -> None:
    """Runs the node until the process is ended."""
    config, binance = load("config"), load("adapters.binance")
    node_module = load("live.node")
    names = task["symbols"]
    common = {
        "api_key": task["api_key"],
        "api_secret": task["api_secret"],
        "account_type": binance.BinanceAccountType.SPOT,
        # Or it asks for the account's fees at an address that is none of the spot API's.
        "environment": load("adapters.binance.common.enums").BinanceEnvironment.TESTNET,
        "base_url_http": task["rest"],
        "instrument_provider": config.InstrumentProviderConfig(
            load_ids=frozenset(f"{name}.BINANCE" for name in names)
        ),
    }
    node = node_module.TradingNode(
        config=config.TradingNodeConfig(
            trader_id="BENCH-001",
            logging=config.LoggingConfig(log_level="ERROR"),
            # Its own throttle takes a hundred orders a second and denies the rest, or that would be measured.
            risk_engine=config.LiveRiskEngineConfig(max_order_submit_rate="100000/00:00:01"),
            data_clients={
                "BINANCE": binance.BinanceDataClientConfig(base_url_ws=task["streams"], **common)
            },
            exec_clients={
                "BINANCE": binance.BinanceExecClientConfig(base_url_ws=task["ws_api"], **common)
            },
        )
    )
    node.trader.add_strategy(make_strategy(names))
    node.add_data_client_factory("BINANCE", binance.BinanceLiveDataClientFactory)
    node.add_exec_client_factory("BINANCE", binance.BinanceLiveExecClientFactory)
    node.build()
    node.run()


if __name__ == "__main__":
    run(json.loads(sys.stdin.readline()))
