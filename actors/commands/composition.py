"""Which actors a bot is made of, from its configuration and an open venue."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

import msgspec

from actors.binance.endpoints import BinanceEndpoints, endpoints_at, endpoints_named
from actors.commands.configuration import Configuration, VenueSection
from actors.commands.key_files import read_lines
from actors.commands.local_exchange import ExchangeLine
from actors.commands.monitor import Monitor
from actors.gateways.binance import BinanceGateway
from actors.gateways.binance_cancels import cancel_our_orders
from actors.market_data.binance import BinanceMarketDataFeed
from actors.order_manager.manager import OrderManager
from actors.runtime.specification import ActorSpecification
from messages.orders import Order

GATEWAY_NAME = "gateway"
ORDER_MANAGER_NAME = "order_manager"
MONITOR_NAME = "monitor"
LOCAL_ENDPOINT = "http://127.0.0.1"

SHARED_TIMES = ("request_timeout_s", "connection_lifetime_s", "clock_jump_s")
GATEWAY_TIMES = ("fallback_after_s", "rules_interval_s", "clock_interval_s")
FEED_TIMES = ("stale_after_s",)
"""Keys of `[venue]` that gateway and feed take under the same name."""


@dataclass(frozen=True)
class ApiKeys:
    """Keys of one account; they never show in a text made of this object."""

    api_key: str = field(default="", repr=False)
    api_secret: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Venue:
    """Where to reach the exchange, and with which keys."""

    endpoints: BinanceEndpoints
    keys: ApiKeys

    @property
    def identity(self) -> str:
        """Which venue and account this is, by a name that stays and from which no key can be read."""
        account = hashlib.sha256(self.keys.api_key.encode()).hexdigest()[:16]
        return f"{self.endpoints.rest} account {account}"

    @classmethod
    def unopened(cls) -> Self:
        """Stands for a venue where only the wiring matters."""
        return cls(endpoints_at(LOCAL_ENDPOINT, LOCAL_ENDPOINT, LOCAL_ENDPOINT), ApiKeys())


def open_venue(configuration: Configuration, local: ExchangeLine | None) -> Venue:
    """The endpoints and keys that the configuration means; `local` is the embedded exchange, where it runs."""
    venue = configuration.venue
    if local is not None:
        return Venue(
            endpoints_at(local.rest, local.ws_api, local.streams),
            ApiKeys(local.api_key, local.api_secret),
        )
    if venue.rest:
        return Venue(endpoints_at(venue.rest, venue.ws_api, venue.streams), read_keys(venue))
    return Venue(endpoints_named(venue.environment), read_keys(venue))


def read_keys(venue: VenueSection) -> ApiKeys:
    """The keys from the environment or a file of the user's; that they are there was checked before."""
    pem = venue.private_key_file
    private_key = pem.read_text(encoding="utf-8-sig") if pem is not None else ""
    if venue.key_file is not None:
        lines = read_lines(venue.key_file)
        return ApiKeys(lines[0] if lines else "", lines[1] if len(lines) > 1 else "", private_key)
    return ApiKeys(
        os.environ.get(venue.api_key_variable, ""),
        os.environ.get(venue.api_secret_variable, ""),
        private_key,
    )


def compose(configuration: Configuration, venue: Venue) -> list[ActorSpecification]:
    """All actors, in the order of their start: gateway, order manager, observer, the user's own, and the feed last."""
    bot, section = configuration.bot, configuration.venue
    exchange = section.exchange
    return [
        ActorSpecification(
            BinanceGateway,
            GATEWAY_NAME,
            {
                "endpoints": venue.endpoints,
                "keys": venue.keys,
                "exchange": exchange,
                "order_entry": section.order_entry,
                "recv_window_ms": section.receive_window_ms,
                **{
                    key: getattr(section, key)
                    for key in (*SHARED_TIMES, *GATEWAY_TIMES, "silence_limit_s")
                },
            },
        ),
        ActorSpecification(
            OrderManager,
            ORDER_MANAGER_NAME,
            {
                "bot": bot.name,
                "absence_after_s": section.absence_after_s,
                "reconcile_interval_s": section.reconcile_interval_s,
                "halt_patience_s": bot.halt_patience_s,
                "refusal_hold_s": bot.refusal_hold_s,
                "checkpoint_entries": bot.checkpoint_entries,
                "foreign_orders": bot.foreign_orders,
                "self_trade_prevention": bot.self_trade_prevention,
                **msgspec.structs.asdict(configuration.risk),
            },
        ),
        ActorSpecification(Monitor, MONITOR_NAME),
        *configuration.actors,
        ActorSpecification(
            BinanceMarketDataFeed,
            "market_data",
            {
                "endpoints": venue.endpoints,
                "exchange": exchange,
                "silence_limit_s": section.market_silence_limit_s,
                **{key: getattr(section, key) for key in (*SHARED_TIMES, *FEED_TIMES)},
            },
        ),
    ]


async def cancel_what_is_ours(
    configuration: Configuration,
    venue: Venue,
    is_meant: Callable[[str], bool],
    symbols: Iterable[str],
) -> list[Order]:
    """Cancels the orders whose client order ids `is_meant` knows, over a fresh client; returns those not proven gone.

    Raises BinanceError if the venue could not be asked even once.
    """
    return await cancel_our_orders(
        venue.endpoints,
        venue.keys,
        is_meant,
        symbols,
        exchange=configuration.venue.exchange,
    )
