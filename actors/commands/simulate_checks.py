"""Whether bot and venue agree when the dust has settled: orders, fills, positions and balances, to the last digit.

Every function tells what is wrong in words, or nothing.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from actors.binance.wire_orders import BinanceTrade
from actors.commands.halting import FAILED
from actors.commands.simulate_account import VenueAccount
from actors.commands.simulate_beliefs import Beliefs
from actors.commands.simulate_bystander import Bystander
from actors.order_manager.naming import OrderNames
from actors.simulation.invariants import OrderFact, compare_amounts, compare_orders
from actors.simulation.program import Program
from actors.trading.portfolio import add_to
from messages.enums import OrderStatus, Side

Assets = tuple[str, str]
"""Base and quote asset of a symbol."""


def bot_ended_well(bot: Program) -> Iterator[str]:
    """After the storm it ends when it is asked to, with the exit code of success; before that only with an error's."""
    for number, outcome in enumerate(bot.outcomes[:-1]):
        if outcome.how == "returned" and outcome.result != FAILED:
            yield f"the bot's start {number} ended by itself with exit code {outcome.result}"
    last = bot.outcomes[-1]
    if last.how != "returned" or last.result != 0:
        yield f"the bot ended by {last.how}, exit code {last.result}: {last.error!r}"


def outcomes_were_clear(beliefs: Beliefs, since_ns: int) -> Iterator[str]:
    """Once nothing disturbs the venue any more, every order that is asked for is answered."""
    for name, asked_ns in beliefs.doubtful.items():
        if asked_ns >= since_ns:
            after_s = (asked_ns - since_ns) / 1e9
            yield f"{name} was not answered, {after_s:.1f} s after all was well again"


def compare_bot(
    beliefs: Beliefs, account: VenueAccount, names: OrderNames, assets: Mapping[str, Assets]
) -> Iterator[str]:
    """Everything that is the bot's."""
    named = {**account.names, **beliefs.names}
    own = {key: named[key] for key in account.orders if names.is_ours(named[key])}
    yield from compare_own_orders(beliefs, account, own)
    trades = [trade for trade in account.trades if trade.exchange_order_id in own]
    yield from compare_fills(beliefs, trades, own)
    yield from compare_positions(beliefs, trades, own, names, assets)


def compare_own_orders(
    beliefs: Beliefs, account: VenueAccount, own: Mapping[int, str]
) -> Iterator[str]:
    """Intended, known and at the venue."""
    for name, count in Counter(beliefs.intended).items():
        if count > 1:
            yield f"{name} was written down {count} times"
    at_venue = [
        OrderFact(own[key], account.is_open(order), Decimal(order.executed_quantity))
        for key, order in account.orders.items()
        if key in own
    ]
    known = [
        OrderFact(name, order.is_open, order.executed_quantity)
        for name, order in beliefs.orders.items()
    ]
    yield from compare_orders(beliefs.intended, known, at_venue)
    for key in sorted(account.open_ids & own.keys()):
        yield f"{own[key]} is still open after the end"
    for fact in at_venue:
        if fact.client_order_id in beliefs.called_absent:
            yield f"{fact.client_order_id} is at the venue and was once called absent"


def compare_triggers(beliefs: Beliefs, account: VenueAccount) -> Iterator[str]:
    """A trigger that the bot has kept went off once, or was taken back or refused, and none was forgotten."""
    named = {**account.names, **beliefs.names}
    executed = {
        named[key]: Decimal(order.executed_quantity) for key, order in account.orders.items()
    }
    sold: dict[str, Decimal] = {}
    asked: dict[str, Decimal] = {}
    for name, count in Counter(order.client_order_id for order in beliefs.armed).items():
        if count > 1:
            yield f"the trigger of {name} was written down {count} times"
    for order in beliefs.armed:
        name, handle = order.client_order_id, order.order_id.partition("~")[0]
        last = beliefs.orders[name]
        if last.is_open:
            yield f"the trigger of {name} was forgotten: {last.status}"
        taken_back = (OrderStatus.CANCELED, OrderStatus.REJECTED)
        if name not in beliefs.intended and last.status not in taken_back:
            yield f"{name} has never gone off and is {last.status}"
        add_to(sold, handle, executed.get(name, Decimal(0)))
        asked[handle] = max(asked.get(handle, Decimal(0)), order.quantity)
    for handle, quantity in sold.items():
        if quantity > asked[handle]:
            yield f"{handle} went off more than once: {quantity} of {asked[handle]} executed"
    for list_id in dict.fromkeys(order.list_id for order in beliefs.armed if order.list_id):
        exits = [order for order in beliefs.armed if order.list_id == list_id]
        handles = {order.order_id.partition("~")[0] for order in exits}
        total, most = sum(sold[each] for each in handles), max(each.quantity for each in exits)
        if total > most:
            yield f"the exits of {list_id} have executed {total} together, and cover {most}"


def compare_fills(
    beliefs: Beliefs, trades: list[BinanceTrade], own: Mapping[int, str]
) -> Iterator[str]:
    """Each execution told once, with the venue's own figures."""
    ours = Counter(
        (
            fill.client_order_id,
            fill.trade_id,
            fill.side,
            fill.price,
            fill.quantity,
            fill.fee,
            fill.fee_asset,
        )
        for fill in beliefs.fills
    )
    venues = Counter(
        (
            own[trade.exchange_order_id],
            trade.trade_id,
            trade.side,
            Decimal(trade.price),
            Decimal(trade.quantity),
            Decimal(trade.fee),
            trade.fee_asset,
        )
        for trade in trades
    )
    for fill in sorted((ours - venues).elements()):
        yield f"the fill {describe(fill)} was told and is not the venue's, or was told twice"
    for fill in sorted((venues - ours).elements()):
        yield f"the fill {describe(fill)} is the venue's and was never told"


def describe(fill: tuple[str, int, Side, Decimal, Decimal, Decimal, str]) -> str:
    """A fill in words."""
    name, trade_id, side, price, quantity, fee, fee_asset = fill
    return f"{trade_id} of {name}: {side} {quantity} at {price}, fee {fee} {fee_asset}"


def compare_positions(
    beliefs: Beliefs,
    trades: list[BinanceTrade],
    own: Mapping[int, str],
    names: OrderNames,
    assets: Mapping[str, Assets],
) -> Iterator[str]:
    """What the bot's books say at its end, against the venue's trades."""
    if beliefs.fills_since_checkpoint:
        yield f"{len(beliefs.fills_since_checkpoint)} fills are in no checkpoint after the end"
    positions: dict[str, Decimal] = {}
    for trade in trades:
        base, _ = assets[trade.symbol]
        strategy = names.find_strategy(own[trade.exchange_order_id])
        key = f"{strategy} {trade.symbol}"
        add_to(positions, key, flows_of([trade], assets).get(base, Decimal(0)))
    yield from compare_amounts("position", beliefs.positions(), positions)
    yield from compare_amounts("flow", beliefs.flows(), flows_of(trades, assets))


def compare_balances(
    account: VenueAccount,
    beliefs: Beliefs,
    names: OrderNames,
    assets: Mapping[str, Assets],
    initial: Mapping[str, Decimal],
) -> Iterator[str]:
    """The account holds what it began with, what the bot believes to have made of it, and what others did."""
    named = {**account.names, **beliefs.names}
    others = [
        trade
        for trade in account.trades
        if not names.is_ours(named.get(trade.exchange_order_id, ""))
    ]
    expected = dict(initial)
    for flows in (beliefs.flows(), flows_of(others, assets)):
        for asset, amount in flows.items():
            add_to(expected, asset, amount)
    yield from compare_amounts("balance", expected, account.balances)


def compare_summary(file: Path, account: VenueAccount) -> Iterator[str]:
    """What the bot states at its end that the account holds is what it holds, unless somebody has traded since."""
    if not file.exists():
        yield "the bot has left no summary"
        return
    summary = json.loads(file.read_text())
    if summary["balances_doubt"]:
        yield f"the balances at the end are in doubt: {summary['balances_doubt']}"
        return
    read_ms = round(datetime.fromisoformat(summary["balances_time"]).timestamp() * 1000)
    if all(trade.time <= read_ms for trade in account.trades):
        stated = {asset: Decimal(text) for asset, text in summary["balances"].items()}
        yield from compare_amounts("stated balance", stated, account.balances)


def flows_of(trades: list[BinanceTrade], assets: Mapping[str, Assets]) -> dict[str, Decimal]:
    """What trades did to the account, per asset."""
    flows: dict[str, Decimal] = {}
    for trade in trades:
        base, quote = assets[trade.symbol]
        sign = 1 if trade.is_buyer else -1
        quantity = Decimal(trade.quantity)
        add_to(flows, base, sign * quantity)
        add_to(flows, quote, -sign * quantity * Decimal(trade.price))
        add_to(flows, trade.fee_asset, -Decimal(trade.fee))
    return flows


def compare_bystander(
    bystander: Bystander, account: VenueAccount, beliefs: Beliefs, names: OrderNames
) -> Iterator[str]:
    """Nobody's orders but the bot's own were touched, and there is none that nobody asked for."""
    named = {**account.names, **beliefs.names}
    counts = Counter(named[key] for key in account.orders)
    for key, order in account.orders.items():
        name = named[key]
        if names.is_ours(name):
            continue
        wish = bystander.wishes.get(name)
        if wish is None or counts[name] > 1:
            yield f"order {key} ({name}) is nobody's, or there twice"
            continue
        terms = (order.side.value, order.order_type.value, Decimal(order.quantity))
        if terms != (wish.side, wish.order_type, wish.quantity):
            yield f"{name} is not what was asked for: {terms}"
        if order.status == "CANCELED" and name not in bystander.cancels:
            yield f"{name} was placed by hand and canceled by somebody else"
        if key not in account.open_ids and account.is_open(order):
            yield f"{name} is open and not listed as such"
