"""Which actors a bot is made of, from its configuration and an open venue."""

import hashlib
import os
from dataclasses import dataclass, field
from typing import Self

import msgspec

from actors.binance.endpoints import BinanceEndpoints, endpoints_at, endpoints_named
from actors.commands.configuration import Configuration, VenueSection
from actors.commands.local_exchange import ExchangeLine
from actors.commands.monitor import Monitor
from actors.gateways.binance import BinanceGateway, cancel_our_orders
from actors.market_data.binance import BinanceMarketDataFeed
from actors.order_manager.manager import OrderManager
from actors.order_manager.naming import OrderNames
from actors.runtime.specification import ActorSpecification

GATEWAY_NAME = "gateway"
ORDER_MANAGER_NAME = "order_manager"
MONITOR_NAME = "monitor"
LOCAL_ENDPOINT = "http://127.0.0.1"


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
    private_key = venue.private_key_file.read_text() if venue.private_key_file else ""
    if venue.key_file is not None:
        lines = [line.strip() for line in venue.key_file.read_text().splitlines() if line.strip()]
        return ApiKeys(lines[0] if lines else "", lines[1] if len(lines) > 1 else "", private_key)
    return ApiKeys(
        os.environ.get(venue.api_key_variable, ""),
        os.environ.get(venue.api_secret_variable, ""),
        private_key,
    )


def compose(configuration: Configuration, venue: Venue) -> list[ActorSpecification]:
    """All actors, in the order of their start: gateway, order manager, observer, the user's own, and the feed last."""
    section = configuration.venue
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
            },
        ),
        ActorSpecification(
            OrderManager,
            ORDER_MANAGER_NAME,
            {"bot": configuration.bot.name, **msgspec.structs.asdict(configuration.risk)},
        ),
        ActorSpecification(Monitor, MONITOR_NAME),
        *configuration.actors,
        ActorSpecification(
            BinanceMarketDataFeed,
            "market_data",
            {"endpoints": venue.endpoints, "exchange": exchange},
        ),
    ]


async def cancel_what_is_ours(configuration: Configuration, venue: Venue, run: int) -> list[str]:
    """Cancels the bot's orders over a fresh client, when its own gateway cannot; those not proven gone, by client id."""
    names = OrderNames(configuration.bot.name, run)
    left = await cancel_our_orders(
        venue.endpoints,
        venue.keys,
        names.is_ours,
        configuration.symbols(),
        exchange=configuration.venue.exchange,
    )
    return [order.client_order_id for order in left]
