"""What the venue says about itself and about the account: exchangeInfo, account, server time, rate limits."""

import logging
from decimal import Decimal

import msgspec

from actors.binance.numbers import WireInteger, amount_of, decimal_of, nanoseconds_of
from messages.account import AccountSnapshot, Balance
from messages.enums import Exchanges, OrderType, SelfTradePrevention, SymbolStatus
from messages.instruments import ZERO, Instrument
from messages.orders import Order

log = logging.getLogger(__name__)


class RateLimit(
    msgspec.Struct,
    rename={"kind": "rateLimitType", "interval_count": "intervalNum"},
):
    """One limit (`REQUEST_WEIGHT`, `ORDERS`, `RAW_REQUESTS`); `count` is set in WebSocket API replies alone."""

    kind: str = ""
    interval: str = ""
    interval_count: WireInteger = 1
    limit: WireInteger = 0
    count: WireInteger | None = None


class FilterHead(msgspec.Struct, rename="camel"):
    """What tells a filter's type."""

    filter_type: str = ""


class BinanceFilter(msgspec.Struct, rename="camel"):
    """Any symbol filter that we know (filters.md): what a type has not is empty."""

    filter_type: str
    min_price: str = ""
    max_price: str = ""
    tick_size: str = ""
    min_qty: str = ""
    max_qty: str = ""
    step_size: str = ""
    min_notional: str = ""
    max_notional: str = ""
    apply_to_market: bool = False
    apply_min_to_market: bool = False
    apply_max_to_market: bool = False
    multiplier_up: str = ""
    multiplier_down: str = ""
    bid_multiplier_up: str = ""
    bid_multiplier_down: str = ""
    ask_multiplier_up: str = ""
    ask_multiplier_down: str = ""
    max_num_orders: WireInteger = 0


class BinanceSymbol(msgspec.Struct, rename="camel"):
    """One element of `symbols`."""

    symbol: str
    base_asset: str
    quote_asset: str
    status: SymbolStatus = SymbolStatus.UNRECOGNISED
    base_asset_precision: WireInteger = 8
    quote_precision: WireInteger = 8
    quote_asset_precision: WireInteger | None = None
    order_types: list[OrderType] = []
    filters: list[msgspec.Raw] = []
    """Left raw: one of a type that is not known may have any form."""
    oco_allowed: bool = False
    oto_allowed: bool = False
    allow_trailing_stop: bool = False
    cancel_replace_allowed: bool = False
    allowed_self_trade_prevention_modes: list[SelfTradePrevention] = []


class ExchangeInfo(msgspec.Struct, rename="camel"):
    """The answer to `GET exchangeInfo`. One without `symbols` is none: it would mean that nothing trades any more."""

    symbols: list[BinanceSymbol]
    rate_limits: list[RateLimit] = []
    server_time: WireInteger = 0


class InfoAnswer(msgspec.Struct, rename="camel"):
    """The same with its limits left raw: one that cannot be read hides none of the others, and no symbol."""

    symbols: list[BinanceSymbol]
    rate_limits: list[msgspec.Raw] = []
    server_time: WireInteger = 0


class CommissionRates(msgspec.Struct):
    """Rates as fractions: `0.00100000` is 0.1 %."""

    maker: str = "0"
    taker: str = "0"


class AccountBalance(msgspec.Struct):
    """One balance."""

    asset: str
    free: str
    locked: str = "0"


class AccountAnswer(msgspec.Struct, rename="camel"):
    """The answer to `GET account`. Old ones have the commissions in hundredths of a percent alone.

    One without `balances` is none: it would mean that all is gone.
    """

    balances: list[AccountBalance]
    commission_rates: CommissionRates | None = None
    maker_commission: WireInteger = 0
    taker_commission: WireInteger = 0
    update_time: WireInteger = 0
    can_trade: bool = True


class ServerTime(msgspec.Struct, rename="camel"):
    """The answer to `GET time`."""

    server_time: WireInteger


_decode_info = msgspec.json.Decoder(InfoAnswer).decode
_decode_limit = msgspec.json.Decoder(RateLimit).decode
_decode_filter_head = msgspec.json.Decoder(FilterHead).decode
_decode_filter = msgspec.json.Decoder(BinanceFilter).decode
_decode_account = msgspec.json.Decoder(AccountAnswer).decode
_decode_time = msgspec.json.Decoder(ServerTime).decode
_decode_limits = msgspec.json.Decoder(list[RateLimit]).decode

MOST_DIGITS = 20
KNOWN_FILTERS = frozenset(
    {
        "PRICE_FILTER",
        "LOT_SIZE",
        "MARKET_LOT_SIZE",
        "MIN_NOTIONAL",
        "NOTIONAL",
        "PERCENT_PRICE",
        "PERCENT_PRICE_BY_SIDE",
        "MAX_NUM_ORDERS",
    }
)
BASIS_POINT = Decimal("0.0001")


def decode_exchange_info(data: bytes | msgspec.Raw) -> ExchangeInfo:
    """Raises msgspec.MsgspecError (a ValueError)."""
    answer = _decode_info(data)
    limits = []
    for item in answer.rate_limits:
        try:
            limits.append(_decode_limit(item))
        except msgspec.MsgspecError:
            log.warning("a limit of the venue cannot be read, and is not obeyed: %r", bytes(item))
    return ExchangeInfo(answer.symbols, limits, answer.server_time)


def decode_account(data: bytes | msgspec.Raw) -> AccountAnswer:
    """Raises msgspec.MsgspecError (a ValueError)."""
    return _decode_account(data)


def decode_server_time(data: bytes | msgspec.Raw) -> int:
    """Nanoseconds since the epoch, cut to the wire's unit. Raises ValueError for what is no time."""
    time_ns = nanoseconds_of(_decode_time(data).server_time)
    if time_ns <= 0:
        raise ValueError("the venue's clock stands at or before the epoch")
    return time_ns


def decode_rate_limits(data: bytes | msgspec.Raw) -> list[RateLimit]:
    """The answer to `GET rateLimit/order`, with counts. Raises msgspec.MsgspecError (a ValueError)."""
    return _decode_limits(data)


def instruments_of(
    info: ExchangeInfo,
    exchange: Exchanges = Exchanges.BINANCE,
    maker_fee: Decimal = ZERO,
    taker_fee: Decimal = ZERO,
) -> list[Instrument]:
    """Every symbol as an instrument. Raises ValueError for a figure that is no plain decimal."""
    event_time_ns = nanoseconds_of(info.server_time)
    instruments = []
    for symbol in info.symbols:
        instrument = Instrument(
            exchange=exchange,
            symbol=symbol.symbol,
            base_asset=symbol.base_asset,
            quote_asset=symbol.quote_asset,
            status=symbol.status,
            order_types=symbol.order_types,
            base_precision=digits_of(symbol.base_asset_precision),
            quote_precision=digits_of(symbol.quote_asset_precision or symbol.quote_precision),
            maker_fee=maker_fee,
            taker_fee=taker_fee,
            event_time_ns=event_time_ns,
            allows_trailing_stop=symbol.allow_trailing_stop,
            allows_oco=symbol.oco_allowed,
            allows_oto=symbol.oto_allowed,
            allows_cancel_replace=symbol.cancel_replace_allowed,
            self_trade_prevention_modes=symbol.allowed_self_trade_prevention_modes,
        )
        for data in symbol.filters:
            if _decode_filter_head(data).filter_type in KNOWN_FILTERS:
                apply_filter(instrument, _decode_filter(data))
        instruments.append(instrument)
    return instruments


def digits_of(precision: int) -> int:
    """Digits behind the point: no fewer than none, and no more than a number on the wire may have."""
    return min(max(precision, 0), MOST_DIGITS)


def apply_filter(instrument: Instrument, rule: BinanceFilter) -> None:
    """Writes one filter into the instrument; those that it has no field for are left to the venue."""
    match rule.filter_type:
        case "PRICE_FILTER":
            instrument.tick_size = amount_of(rule.tick_size)
            instrument.min_price = amount_of(rule.min_price)
            instrument.max_price = amount_of(rule.max_price)
        case "LOT_SIZE":
            instrument.lot_size = amount_of(rule.step_size)
            instrument.min_quantity = amount_of(rule.min_qty)
            instrument.max_quantity = amount_of(rule.max_qty)
        case "MARKET_LOT_SIZE":
            instrument.market_lot_size = amount_of(rule.step_size)
            instrument.market_min_quantity = amount_of(rule.min_qty)
            instrument.market_max_quantity = amount_of(rule.max_qty)
        case "MIN_NOTIONAL":
            instrument.min_notional = amount_of(rule.min_notional)
            instrument.min_notional_applies_to_market = rule.apply_to_market
        case "NOTIONAL":
            instrument.min_notional = amount_of(rule.min_notional)
            instrument.max_notional = amount_of(rule.max_notional)
            instrument.min_notional_applies_to_market = rule.apply_min_to_market
            instrument.max_notional_applies_to_market = rule.apply_max_to_market
        case "PERCENT_PRICE":
            instrument.bid_multiplier_up = amount_of(rule.multiplier_up)
            instrument.bid_multiplier_down = amount_of(rule.multiplier_down)
            instrument.ask_multiplier_up = amount_of(rule.multiplier_up)
            instrument.ask_multiplier_down = amount_of(rule.multiplier_down)
        case "PERCENT_PRICE_BY_SIDE":
            instrument.bid_multiplier_up = amount_of(rule.bid_multiplier_up)
            instrument.bid_multiplier_down = amount_of(rule.bid_multiplier_down)
            instrument.ask_multiplier_up = amount_of(rule.ask_multiplier_up)
            instrument.ask_multiplier_down = amount_of(rule.ask_multiplier_down)
        case "MAX_NUM_ORDERS":
            instrument.max_open_orders = rule.max_num_orders
        case _:
            pass


def fees_of(account: AccountAnswer) -> tuple[Decimal, Decimal]:
    """Maker and taker fee as fractions."""
    if account.commission_rates is not None:
        rates = account.commission_rates
        return decimal_of(rates.maker), decimal_of(rates.taker)
    return account.maker_commission * BASIS_POINT, account.taker_commission * BASIS_POINT


def account_snapshot_of(
    account: AccountAnswer,
    open_orders: list[Order],
    exchange: Exchanges = Exchanges.BINANCE,
) -> AccountSnapshot:
    """The account's state as one message. Raises ValueError for a figure that is no plain decimal."""
    maker_fee, taker_fee = fees_of(account)
    event_time_ns = nanoseconds_of(account.update_time)
    return AccountSnapshot(
        exchange=exchange,
        balances=[
            Balance(
                exchange=exchange,
                asset=balance.asset,
                free=amount_of(balance.free),
                locked=amount_of(balance.locked),
                event_time_ns=event_time_ns,
            )
            for balance in account.balances
        ],
        open_orders=open_orders,
        maker_fee=maker_fee,
        taker_fee=taker_fee,
        event_time_ns=event_time_ns,
    )
