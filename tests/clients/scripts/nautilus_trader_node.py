"""NautilusTrader's live node: orders by REST with an Ed25519 key, events on its session, streams that come back."""

from decimal import Decimal
from typing import Any

from common import ED25519_KEY, ED25519_PEM, REST, STREAMS, SYMBOL, WS_API, cut, tell
from nautilus_trader.adapters.binance import (
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceLiveDataClientFactory,
    BinanceLiveExecClientFactory,
)
from nautilus_trader.config import InstrumentProviderConfig, LoggingConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import OrderSide, TimeInForce
from nautilus_trader.model.identifiers import InstrumentId, Venue
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.trading.strategy import Strategy

INSTRUMENT = f"{SYMBOL}.BINANCE"


def text(value: Any) -> str:
    """An amount as the venue writes it."""
    return f"{Decimal(str(value)):.8f}"


class Trader(Strategy):  # type: ignore[misc]
    """Two orders that rest and are canceled, a reset connection, and one that is filled."""

    def on_start(self) -> None:
        """Listens to trades and quotes."""
        self.instrument_id = InstrumentId.from_str(INSTRUMENT)
        self.counts = [0]
        self.sent: list[Any] = []
        self.events: list[tuple[str, str]] = []
        self.trades: list[str] = []
        self.subscribe_trade_ticks(self.instrument_id)
        self.subscribe_quote_ticks(self.instrument_id)

    def on_trade_tick(self, tick: Any) -> None:
        """After three trades the first order is placed, after three more behind the cut the last."""
        self.counts[-1] += 1
        if self.counts == [3]:
            self.rest_an_order(tick.price)
        elif len(self.counts) == 2 and self.counts[1] == 3:
            self.send(
                self.order_factory.market(
                    self.instrument_id, OrderSide.BUY, Quantity.from_str("0.001")
                )
            )

    def rest_an_order(self, price: Any) -> None:
        """Far below the market."""
        self.resting_price = Price.from_str(f"{float(price) * 0.9:.2f}")
        quantity = Quantity.from_str(f"0.00{len(self.sent) + 1}")
        self.send(
            self.order_factory.limit(
                self.instrument_id,
                OrderSide.BUY,
                quantity,
                self.resting_price,
                time_in_force=TimeInForce.GTC,
            )
        )

    def send(self, order: Any) -> None:
        """Places it."""
        self.sent.append(order)
        self.submit_order(order)

    def on_order_accepted(self, event: Any) -> None:
        """What rests is canceled."""
        self.events.append((event.venue_order_id.value, "NEW"))
        if len(self.sent) < 3:
            self.cancel_order(self.sent[-1])

    def on_order_canceled(self, event: Any) -> None:
        """After the second the connection is reset."""
        self.events.append((event.venue_order_id.value, "CANCELED"))
        if len(self.sent) == 1:
            self.rest_an_order(float(self.resting_price) / 0.9)
        else:
            cut()
            self.counts.append(0)

    def on_order_filled(self, event: Any) -> None:
        """The balances come a moment later."""
        self.events.append((event.venue_order_id.value, "TRADE"))
        self.trades.append(event.trade_id.value)
        if self.cache.order(event.client_order_id).is_closed:
            self.clock.set_time_alert_ns("told", self.clock.timestamp_ns() + 1_000_000_000)

    def on_event(self, event: Any) -> None:
        """Prints what was seen."""
        if type(event).__name__ == "TimeEvent":
            orders = [self.cache.order(order.client_order_id) for order in self.sent]
            account = self.cache.account_for_venue(Venue("BINANCE"))
            tell(
                [
                    (order.venue_order_id.value, order.status_string(), text(order.filled_qty))
                    for order in orders
                ],
                {
                    currency.code: [
                        text(balance.free.as_decimal()),
                        text(balance.locked.as_decimal()),
                    ]
                    for currency, balance in account.balances().items()
                },
                self.trades,
                self.events,
                self.counts,
            )


def main() -> None:
    """Runs the node until the strategy has told."""
    common = {
        "api_key": ED25519_KEY,
        "api_secret": ED25519_PEM,
        "account_type": BinanceAccountType.SPOT,
        "base_url_http": REST,
        "instrument_provider": InstrumentProviderConfig(load_ids=frozenset({INSTRUMENT})),
    }
    node = TradingNode(
        TradingNodeConfig(
            trader_id="CLIENT-001",
            logging=LoggingConfig(log_level="OFF"),
            data_clients={"BINANCE": BinanceDataClientConfig(base_url_ws=STREAMS, **common)},
            exec_clients={"BINANCE": BinanceExecClientConfig(base_url_ws=WS_API, **common)},
        )
    )
    node.trader.add_strategy(Trader())
    node.add_data_client_factory("BINANCE", BinanceLiveDataClientFactory)
    node.add_exec_client_factory("BINANCE", BinanceLiveExecClientFactory)
    node.build()
    node.run()


if __name__ == "__main__":
    main()
