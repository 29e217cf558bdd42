"""The report of a backtest as plain data: strict JSON, the same bytes for the same inputs.

Money and quantities are decimal texts, exact; ratios are numbers, rounded to twelve significant digits, and null where a
figure has no value. Nothing in it depends on where, when or how fast the backtest ran.
"""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Any

import msgspec

from actors.backtest import metrics
from actors.backtest.engine import BacktestRun, plain
from actors.backtest.record import ZERO, FillRow, OrderRow, as_dict
from actors.exchange.matching import quote_amount
from actors.trading.position_book import PRECISION
from messages.enums import Exchanges, OrderStatus, Side
from messages.instruments import to_text

FORMAT = 1
DAY_S = 86_400
SIGNIFICANT = 12


def build_report(run: BacktestRun) -> dict[str, Any]:
    """The whole report."""
    record = run.record
    return {
        "format": FORMAT,
        "data": describe_data(run),
        "settings": describe_settings(run),
        "actors": run.actors,
        "metrics": build_metrics(run),
        "accounts": check_accounts(run),
        "notes": run.notes,
        "failure": run.failure,
        "failures": record.failures,
        "trades": [describe_trade(item) for item in record.trades],
        "orders": [describe_row(item) for item in record.orders.values()],
        "fills": [describe_row(item) for item in record.fills],
        "equity": [
            {
                "time": time_text(item.time_ns),
                "equity": number(item.equity),
                "exposure": number(item.exposure),
                "prices": [number(price) for price in item.prices],
            }
            for item in record.samples
        ],
    }


def to_json(report: dict[str, Any]) -> bytes:
    """The report as a file."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


# Metrics.


def build_metrics(run: BacktestRun) -> dict[str, Any]:
    """Every figure of the table. What they mean: metrics.py."""
    samples, trades = run.record.samples, run.record.trades
    equity = [item.equity for item in samples]
    seconds = (run.last_time_ns - run.first_time_ns) / 1e9
    periods = metrics.YEAR_S / run.interval_s
    # A year made of less than a day says nothing.
    is_long = seconds >= metrics.SHORTEST_FOR_ANNUAL_S
    returns = metrics.returns_of(equity) if is_long else []
    profits = [float(item.net_profit) for item in trades]
    holding = [item.exposure > 0 for item in samples]
    average = metrics.mean(equity) if equity else 0.0
    traded = sum(turnover(run).values())
    figures: dict[str, Any] = {
        "currency": run.currency,
        "initial_equity": to_text(run.initial_equity.quantize(Decimal("1e-8"))),
        "final_equity": number(equity[-1] if equity else None),
        "net_profit": number(equity[-1] - equity[0] if equity else None),
        "return": number(metrics.total_return(equity)),
        "annual_return": number(metrics.annual_return(equity, seconds)),
        "buy_and_hold_return": number(buy_and_hold(run)),
        "maximum_drawdown": number(metrics.maximum_drawdown(equity)),
        "volatility": number(metrics.volatility(returns, periods)),
        "sharpe": number(metrics.sharpe_ratio(returns, periods)),
        "sortino": number(metrics.sortino_ratio(returns, periods)),
        "calmar": number(metrics.calmar_ratio(equity, seconds)),
        "trades": len(trades),
        "profit_factor": number(metrics.profit_factor(profits)),
        "win_rate": number(metrics.win_rate(profits)),
        "average_trade": number(metrics.mean(profits) if profits else None),
        "best_trade": number(max(profits, default=None)),
        "worst_trade": number(min(profits, default=None)),
        "exposure": number(sum(holding) / len(holding) if holding else None),
        "turnover": number(traded / average if average > 0 else None),
        "turnover_per_day": number(
            traded / average / (seconds / DAY_S) if average > 0 and seconds > 0 else None
        ),
        "fees": sum_fees(run),
        "sample_interval_s": run.interval_s,
        "periods_a_year": number(periods),
        "days_a_year": 365,
        "ambiguous_bars": run.ambiguous_bars,
        "messages": run.message_count,
    }
    return figures | order_figures(list(run.record.orders.values()), run.record.fills)


def order_figures(orders: Sequence[OrderRow], fills: Sequence[FillRow]) -> dict[str, Any]:
    """What became of the orders."""
    outcomes = Counter(outcome_of(item) for item in orders)
    sent = [item for item in orders if item.acknowledged_time_ns]
    ordered = math.fsum(float(item.quantity) for item in sent)
    executed = math.fsum(float(item.executed_quantity) for item in sent)
    worth = math.fsum(float(item.price * item.quantity) for item in fills)
    made = math.fsum(float(item.price * item.quantity) for item in fills if item.is_maker)
    slips = [(slippage_of(item), float(item.price * item.quantity)) for item in fills]
    known = [(slip, weight) for slip, weight in slips if slip is not None]
    weight = math.fsum(item for _, item in known)
    slipped = math.fsum(slip * item for slip, item in known)
    return {
        "orders": len(orders),
        "fills": len(fills),
        "orders_by_outcome": dict(sorted(outcomes.items())),
        "fill_ratio": number(executed / ordered if ordered > 0 else None),
        "maker_share": number(made / worth if worth > 0 else None),
        "slippage": number(slipped / weight if weight > 0 else None),
    }


def outcome_of(order: OrderRow) -> str:
    """How an order ended, with the reason where it was refused."""
    if order.status is OrderStatus.REJECTED:
        return f"{order.status}: {order.reason}"
    if not order.status.is_terminal:
        return "open at the end"
    if order.status is not OrderStatus.FILLED and order.executed_quantity:
        return f"{order.status}, partly filled"
    return str(order.status)


def slippage_of(fill: FillRow) -> float | None:
    """How much worse a taker's price was than the middle of the market at its decision, as a fraction of that."""
    if fill.is_maker or not fill.mid_price:
        return None
    difference = float(fill.price) / fill.mid_price - 1
    return difference if fill.side is Side.BUY else -difference


def buy_and_hold(run: BacktestRun) -> float | None:
    """The return of equal parts of all traded symbols, bought at their first price and kept, without fees."""
    found = []
    for symbol in traded_symbols(run):
        index = run.symbols.index(symbol)
        known = [item.prices[index] for item in run.record.samples]
        prices = [price for price in known if price]
        if len(prices) > 1:
            found.append(prices[-1] / prices[0] - 1)
    return metrics.mean(found) if found else None


def traded_symbols(run: BacktestRun) -> list[str]:
    """Symbols in which there were fills; all of the data's where there were none."""
    traded = {fill.symbol for fill in run.record.fills}
    return [symbol for symbol in run.symbols if symbol in traded or not traded]


def turnover(run: BacktestRun) -> dict[str, float]:
    """Worth of all fills, per quote asset, in the currency where that is the quote asset."""
    sums: dict[str, list[float]] = {}
    for fill in run.record.fills:
        quote = run.record.assets[fill.symbol][1]
        sums.setdefault(quote, []).append(float(fill.price * fill.quantity))
    return {
        quote: math.fsum(amounts) * rate_of(run, quote) for quote, amounts in sorted(sums.items())
    }


def rate_of(run: BacktestRun, quote: str) -> float:
    """A quote asset in the report's currency, at the last price."""
    if quote == run.currency:
        return 1.0
    direct, inverse = run.prices.get(quote + run.currency), run.prices.get(run.currency + quote)
    if direct:
        return float(direct)
    return 1 / float(inverse) if inverse else 0.0


def sum_fees(run: BacktestRun) -> dict[str, str]:
    """What was paid, per asset."""
    fees: dict[str, Decimal] = {}
    for fill in run.record.fills:
        if fill.fee:
            fees[fill.fee_asset] = fees.get(fill.fee_asset, ZERO) + fill.fee
    return {asset: to_text(amount) for asset, amount in sorted(fees.items())}


# Agreement.


def check_accounts(run: BacktestRun) -> dict[str, Any]:
    """What account, portfolio and trades say, each by itself; `agrees` where all say the same to the last digit.

    The venue cuts the amount of a match to eight decimals, the portfolio keeps price times quantity: where a symbol's steps
    allow more decimals, `cut` says what that comes to.
    """
    record = run.record
    flows = record.portfolio.flows(Exchanges.BINANCE)
    cut, uncut = flows_of_fills(run, is_cut=True), flows_of_fills(run, is_cut=False)
    assets = sorted({*run.initial_balances, *run.final_balances, *flows})
    rows = {}
    agrees = True
    for asset in assets:
        before = run.initial_balances.get(asset, ZERO)
        after = run.final_balances.get(asset, ZERO)
        flow = flows.get(asset, ZERO)
        agrees = agrees and after - before == cut.get(asset, ZERO)
        agrees = agrees and flow == uncut.get(asset, ZERO)
        rows[asset] = {
            "begin": to_text(before),
            "end": to_text(after),
            "fills": to_text(flow),
            "cut": to_text(after - before - flow),
        }
    sums = {}
    for quote in sorted({quote for _, quote in record.assets.values()}):
        profit, trades = record.net_profit(quote, run.prices), record.sum_of_trades(quote)
        with localcontext(prec=PRECISION - 10):
            agrees = agrees and +profit == +trades
        sums[quote] = {"equity_change": money(profit), "sum_of_trades": money(trades)}
    return {"agrees": agrees, "balances": rows, "profit": sums}


def flows_of_fills(run: BacktestRun, *, is_cut: bool) -> dict[str, Decimal]:
    """What the fills have brought and taken, per asset; with amounts cut as the venue cuts them, or not."""
    flows: dict[str, Decimal] = {}

    def add(asset: str, amount: Decimal) -> None:
        flows[asset] = flows.get(asset, ZERO) + amount

    with localcontext(prec=PRECISION):
        for fill in run.record.fills:
            base, quote = run.record.assets[fill.symbol]
            sign = 1 if fill.side is Side.BUY else -1
            worth = fill.price * fill.quantity
            add(base, sign * fill.quantity)
            add(quote, -sign * (quote_amount(fill.price, fill.quantity) if is_cut else worth))
            if fill.fee:
                add(fill.fee_asset, -fill.fee)
    return flows


# Plain values.


def describe_data(run: BacktestRun) -> dict[str, Any]:
    """Which data, and from when to when."""
    return {
        "digest": run.data.digest,
        "begin": time_text(run.first_time_ns),
        "end": time_text(run.last_time_ns),
        "streams": [msgspec.structs.asdict(stream) for stream in run.data.streams],
        "notes": [plain_note(note) for note in run.data.notes],
    }


def plain_note(note: Any) -> Any:
    """A note of the data without the folder of its file."""
    found = msgspec.to_builtins(note)
    if isinstance(found, dict) and "file" in found:
        found["file"] = str(found["file"]).rsplit("/", 1)[-1]
    return found


def describe_settings(run: BacktestRun) -> dict[str, Any]:
    """Account, fees and models."""
    settings = run.settings
    limits = msgspec.structs.asdict(settings.risk)
    return {
        "initial_balances": {key: to_text(value) for key, value in run.initial_balances.items()},
        "maker_fee": to_text(settings.maker_fee),
        "taker_fee": to_text(settings.taker_fee),
        "fee_asset": str(settings.fee_asset),
        "fill_model": str(settings.fill_model),
        "bar_model": str(settings.bar_model),
        "feed_latency": settings.feed_latency.describe(),
        "order_latency": settings.order_latency.describe(),
        "seed": settings.seed,
        "flatten": settings.flatten,
        "limits": {key: plain(value) for key, value in limits.items() if value is not None},
    }


def describe_trade(trade: Any) -> dict[str, Any]:
    """A closed trade with its fees and profit after them."""
    row = describe_row(trade)
    row.pop("exchange")
    return row | {"net_profit": money(trade.net_profit)}


def describe_row(row: Any) -> dict[str, Any]:
    """A row with its times as texts and its amounts as exact texts."""
    found: dict[str, Any] = {}
    for name, value in as_dict(row).items():
        if name.endswith("time_ns"):
            found[name.removesuffix("_ns")] = time_text(value) if value else None
        elif isinstance(value, Decimal):
            found[name] = money(value)
        elif isinstance(value, dict):
            found[name] = {key: money(item) for key, item in sorted(value.items())}
        elif isinstance(value, float):
            found[name] = number(value)
        else:
            found[name] = value
    return found


def money(amount: Decimal) -> str:
    """An amount as text; a quotient without end is cut to thirty digits."""
    with localcontext(prec=30):
        return to_text(+amount)


def number(value: float | None) -> float | None:
    """A number fit for strict JSON."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{SIGNIFICANT}g}")


def time_text(time_ns: int) -> str:
    """ISO 8601, UTC, to the nanosecond where there are any."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f"{rest:09d}".rstrip("0")
    return f"{text}.{digits}Z" if digits else f"{text}Z"
