"""Values that requests are made of: those that a method may take, and those that nobody should send."""

import random
from collections.abc import Callable

from actors.exchange.desk import Method
from actors.exchange.methods import METHODS
from actors.exchange.parameters import Parameter

SYMBOLS = ("BTCUSDT", "ETHUSDT")
PRICE = 10_000
NAMES = sorted({parameter.name for method in METHODS for parameter in method.parameters})
SHELL_NAMES = ("timestamp", "recvWindow", "signature", "apiKey", "returnRateLimits", "timeUnit")
TYPES = (
    *("LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"),
    *("TAKE_PROFIT", "TAKE_PROFIT_LIMIT"),
)
HOSTILE = (
    *("", " ", "0", "-0", "-1", "+1", "1_000", ".5", "5.", "00001", "0x10", "1e400", "1e-5"),
    *("NaN", "Infinity", "null", "None", "true", "True", "[]", "{}", "[[]]", "[null]", "[1,2]"),
    *('["BTCUSDT"]', '["BTCUSDT","BTCUSDT"]', '["btcusdt"]', '["', '["\\ud800"]', '{"a":1}'),
    *("btcusdt", "BTCUSDT ", "BTCUSDT\n", "NOSUCH", "BTC/USDT", "B" * 51, "9" * 19, "9" * 20),
    *("9" * 25, str(2**63 - 1), str(2**63), str(2**64), "0." + "0" * 19 + "1", "1" * 20),
    *("1" * 20 + "." + "1" * 20, "0.000000001", "0.00000001", "92233720368.54775807"),
    *(
        "a" * 300,
        "%",
        "&",
        "=",
        "+",
        "/",
        "\\",
        "'",
        '"',
        ";",
        "#",
        "?",
        "%00",
        "%ff",
        "..",
        "../..",
    ),
    *("\x00", "\x7f", "\r\n", "\u00fc", "\u00b2", "\u0661\u0662", "\uff11", "\u8fd9\u662f"),
    *("\U0001f600", "\u202e", "\ufeff", "e\u0301", "\u2028", "' OR 1=1 --", "<script>", "{{7*7}}"),
    *("${jndi:ldap://x}", "GTC", "BUY", "LIMIT", "1m", "1M", "-12:00", "+14:00", "1735689600000"),
    *("1735689600000000", "99999999999999", "100000000000000"),
)


def around(rng: random.Random) -> str:
    """A price near the market."""
    return str(PRICE + rng.randrange(-12, 13))


def amount(rng: random.Random) -> str:
    """A quantity that filters let pass."""
    return rng.choice(("0.01", "0.02", "0.013", "0.5", "0.00500000"))


def order_number(rng: random.Random) -> str:
    """An id that an order may have by now."""
    return str(rng.randrange(1, 600))


def client_name(rng: random.Random) -> str:
    """One of few client order ids, so that they are met again."""
    return f"name-{rng.randrange(60)}"


def moment(rng: random.Random) -> str:
    """Some time, in one of the two units."""
    return str(rng.choice((1, 1000)) * rng.choice((0, 1, 1_735_689_600_000, 4_000_000_000_000)))


def one_of(*values: str) -> Callable[[random.Random], str]:
    """One of the values."""
    return lambda rng: rng.choice(values)


ENDINGS: tuple[tuple[str, Callable[[random.Random], str]], ...] = (
    ("symbol", one_of(*SYMBOLS)),
    ("symbols", one_of('["BTCUSDT"]', '["BTCUSDT","ETHUSDT"]')),
    ("symbolstatus", one_of("TRADING", "HALT", "BREAK")),
    ("side", one_of("BUY", "SELL")),
    ("pegpricetype", one_of("PRIMARY_PEG", "MARKET_PEG")),
    ("pegoffsettype", one_of("PRICE_LEVEL")),
    ("pegoffsetvalue", one_of("1", "100")),
    ("type", one_of(*TYPES)),
    ("timeinforce", one_of("GTC", "IOC", "FOK")),
    ("quantity", amount),
    ("qty", amount),
    ("price", around),
    ("trailingdelta", one_of("10", "50", "2000", "1")),
    ("clientorderid", client_name),
    ("orderid", order_number),
    ("listid", order_number),
    ("id", order_number),
    ("time", moment),
    ("limit", one_of("1", "5", "20")),
    ("interval", one_of("1s", "1m", "1h", "1M")),
    ("timezone", one_of("0", "8", "-1:00", "5:45")),
    (
        "mode",
        one_of("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"),
    ),
    ("windowsize", one_of("1m", "1h", "7d")),
    ("restrictions", one_of("ONLY_NEW", "ONLY_PARTIALLY_FILLED")),
)
EXACT: dict[str, Callable[[random.Random], str]] = {
    "newOrderRespType": one_of("ACK", "RESULT", "FULL"),
    "cancelReplaceMode": one_of("STOP_ON_FAILURE", "ALLOW_FAILURE"),
    "orderRateLimitExceededMode": one_of("DO_NOTHING", "CANCEL_ONLY"),
    "strategyType": one_of("1000000", "2000000"),
}
BOOLEAN = one_of("true", "false")


def plausible(rng: random.Random, name: str) -> str:
    """A value that a parameter of this name may well have."""
    if name in EXACT:
        return EXACT[name](rng)
    lowered = name.lower()
    for ending, draw in ENDINGS:
        if lowered.endswith(ending):
            return draw(rng)
    return BOOLEAN(rng)


def value_of(rng: random.Random, name: str, harm: float) -> str:
    """A value for a parameter, hostile with a probability of `harm`."""
    return rng.choice(HOSTILE) if rng.random() < harm else plausible(rng, name)


def likelihood(parameter: Parameter) -> float:
    """How often a parameter is sent: pegs rarely, for no order that has one is placed."""
    if parameter.is_mandatory:
        return 0.95
    return 0.02 if "peg" in parameter.name.lower() else 0.35


def draw_parameters(rng: random.Random, method: Method) -> dict[str, str]:
    """Most of what a method needs, some of what it takes, and now and then what it does not know."""
    harm = rng.choice((0.0, 0.1, 0.4))
    chosen = {
        one.name: value_of(rng, one.name, harm)
        for one in method.parameters
        if rng.random() < likelihood(one)
    }
    if rng.random() < 0.1:
        name = rng.choice((*NAMES, *HOSTILE, "timeUnit"))
        chosen[name] = value_of(rng, name, 0.5)
    return chosen


def draw_order(rng: random.Random) -> dict[str, str]:
    """The parameters of an order that is complete for its type."""
    kind = rng.choice(("LIMIT",) * 6 + TYPES)
    terms = {
        "symbol": rng.choice(SYMBOLS),
        "side": rng.choice(("BUY", "SELL")),
        "type": kind,
        "quantity": amount(rng),
    }
    if kind == "MARKET" and rng.random() < 0.4:
        del terms["quantity"]
        terms["quoteOrderQty"] = rng.choice(("50", "123.45678901", "200.01"))
    if "LIMIT" in kind:
        terms["price"] = around(rng)
    if kind.endswith("LIMIT"):
        terms["timeInForce"] = rng.choice(("GTC", "GTC", "GTC", "IOC", "FOK"))
    if kind.startswith(("STOP", "TAKE")):
        terms[rng.choice(("stopPrice", "stopPrice", "trailingDelta"))] = "50"
        if "stopPrice" in terms:
            terms["stopPrice"] = around(rng)
    for name, share in (
        ("newClientOrderId", 0.4),
        ("selfTradePreventionMode", 0.3),
        ("newOrderRespType", 0.3),
        ("strategyId", 0.1),
    ):
        if rng.random() < share:
            terms[name] = plausible(rng, name)
    return terms


def draw_trading(rng: random.Random) -> tuple[str, dict[str, str]]:
    """A method and parameters that make sense together."""
    kind = rng.random()
    if kind < 0.62:
        return "order.place", draw_order(rng)
    by = rng.choice(("orderId", "origClientOrderId"))
    target = {"symbol": rng.choice(SYMBOLS), by: plausible(rng, by)}
    if kind < 0.74:
        return "order.cancel", target
    if kind < 0.82:
        return "order.amend.keepPriority", {**target, "newQty": rng.choice(("0.001", "0.004"))}
    if kind < 0.9:
        cancel = {"cancelOrderId": order_number(rng), "cancelReplaceMode": "ALLOW_FAILURE"}
        return "order.cancelReplace", {**draw_order(rng), **cancel}
    if kind < 0.95:
        return "orderList.place.oco", draw_pair(rng)
    if kind < 0.96:
        return "openOrders.cancelAll", {"symbol": rng.choice(SYMBOLS)}
    return "order.status", target


def draw_pair(rng: random.Random) -> dict[str, str]:
    """An OCO list around the market."""
    side = rng.choice(("BUY", "SELL"))
    profit, stop = ("above", "below") if side == "SELL" else ("below", "above")
    away = {"above": str(PRICE + rng.randrange(1, 40)), "below": str(PRICE - rng.randrange(1, 40))}
    return {
        "symbol": rng.choice(SYMBOLS),
        "side": side,
        "quantity": amount(rng),
        f"{profit}Type": "LIMIT_MAKER",
        f"{profit}Price": away[profit],
        f"{stop}Type": "STOP_LOSS",
        f"{stop}StopPrice": away[stop],
    }
