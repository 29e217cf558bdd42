"""What an exchange is started with, and what it tells about itself once it listens."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import msgspec

from actors.exchange.fault_plan import FaultPlan
from actors.exchange.limits import DEFAULT_LIMITS, RateLimit
from actors.exchange.request_faults import ENGINE_TIMEOUT_SECONDS
from actors.exchange.signing import (
    DEFAULT_RECEIVE_WINDOW_MICROSECONDS,
    KeyPair,
    generate_ed25519_pair,
    generate_hmac_pair,
)
from actors.exchange.sockets import LARGEST_BUFFER, PING_INTERVAL_SECONDS, SILENCE_SECONDS

DEFAULT_BALANCES = {
    "USDT": Decimal(1_000_000),
    "BTC": Decimal(100),
    "ETH": Decimal(1_000),
    "BNB": Decimal(100),
}
SYNTHETIC = "synthetic"
STILL = "still"
PAPER = "paper"
PUBLIC_REST = "https://data-api.binance.vision"
"""Binance's market data without a key (rest-api.md, General API Information)."""
PUBLIC_STREAMS = "wss://data-stream.binance.vision"
"""web-socket-streams.md, General WSS information."""
DEFAULT_ACCOUNT = "default"
NO_FAULTS = FaultPlan()


def system_clock() -> int:
    """The system's wall clock in microseconds since the epoch."""
    return time.time_ns() // 1000


def default_keys() -> tuple[KeyPair, ...]:
    """One HMAC and one Ed25519 key, new each time and from the system's entropy: no seed makes a key guessable."""
    return (generate_hmac_pair(), generate_ed25519_pair())


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfiguration:
    """One account: its name, its keys, what it owns at the start, and its fees as fractions."""

    name: str = DEFAULT_ACCOUNT
    keys: tuple[KeyPair, ...] = field(default_factory=default_keys)
    balances: Mapping[str, Decimal] = field(default_factory=lambda: dict(DEFAULT_BALANCES))
    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")
    uses_bnb: bool = False


def default_accounts() -> tuple[AccountConfiguration, ...]:
    """The one account that an exchange has by itself."""
    return (AccountConfiguration(),)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeConfiguration:
    """Everything `serve` wants to know. `market` is `synthetic`, `still` (nobody trades but the accounts), the
    path of a file of recorded trades, or `paper`: the public streams of another exchange at `source_rest` and
    `source_streams`.

    `clock` gives microseconds since the epoch; `trades_per_second` belongs to the synthetic market, `speed` to a
    recording (2 is twice as fast as it was, 0 as fast as possible). Port 0 lets the system choose.

    `receive_window_ms` is that of requests without a recvWindow; past `engine_timeout_seconds` a request that the
    engine has not answered gets -1007. `faults` are in force from the start; with `has_control`, more can be given
    through a second port on loopback. With `state`, accounts outlive the process: what the file holds of an account
    wins over `balances`, while its keys are those given here, which the file then keeps. `plain_symbols` take LIMIT,
    LIMIT_MAKER and MARKET orders alone: no triggers, no trailing stops and no order lists. With `allows_self_trades` an
    account trades with itself unless an order asks for prevention; without, no order may ask for NONE, as on Binance.
    """

    host: str = "127.0.0.1"
    port: int = 0
    symbols: tuple[str, ...] = ("BTCUSDT",)
    plain_symbols: tuple[str, ...] = ()
    allows_self_trades: bool = False
    market: str = SYNTHETIC
    seed: int = 0
    trades_per_second: float = 10.0
    speed: float = 1.0
    source_rest: str = PUBLIC_REST
    source_streams: str = PUBLIC_STREAMS
    accounts: tuple[AccountConfiguration, ...] = field(default_factory=default_accounts)
    limits: tuple[RateLimit, ...] = DEFAULT_LIMITS
    ping_interval_seconds: float = PING_INTERVAL_SECONDS
    silence_seconds: float = SILENCE_SECONDS
    largest_buffer: int = LARGEST_BUFFER
    receive_window_ms: int = DEFAULT_RECEIVE_WINDOW_MICROSECONDS // 1000
    engine_timeout_seconds: float = ENGINE_TIMEOUT_SECONDS
    faults: FaultPlan = NO_FAULTS
    has_control: bool = False
    state: Path | None = None
    clock: Callable[[], int] = system_clock


class ExchangeAddresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running exchange is found, and the keys of its first account; `bin/exchange` prints it as JSON.

    `rest` and `streams` are base URLs without a path (`http://127.0.0.1:P`, `ws://127.0.0.1:P`), `ws_api` is whole. A
    key that the account does not have is an empty text. `control` is the base URL of the control endpoint, if there is one.
    """

    rest: str
    streams: str
    ws_api: str
    api_key: str = ""
    api_secret: str = ""
    ed25519_api_key: str = ""
    ed25519_private_key: str = ""
    control: str | msgspec.UnsetType = msgspec.UNSET
