"""The order manager's table of all orders of the bot.

Theory of operation
-------------------
Every order is told twice: by the reply to the request that placed it, and by the venue's user stream. The two roads
have no common order, either may be late, doubled or cut, and after a reconnect a query tells everything a third time.
The table makes one history of it that depends on what was said and not on when: whatever the order of arrival, an order
ends in the same status, with the same executed quantity, and each of its executions is told once.

**Finding the order.** An event is matched by its client order id, which is ours and is never used twice; where it has
none, by (exchange, symbol, exchange order id). An event under one of our names that the table does not know is
*adopted* (it was placed before a crash that lost the journal's last lines, and may have moved money). The same is done
when one client order id turns up with a second exchange order id: a retry somewhere on the way has doubled the order,
and the twin is as real as the first. All other orders belong to the account's owner and are counted, never touched.

**Status.** `messages.order_status` is the machine, `Order.update` applies it. The table adds the judgement when an
event changes nothing: it was *repeated* (the slower road), *stale* (an earlier state, or a doubt that the venue has
settled since), or a *contradiction* (FILLED, then CANCELED; REJECTED, then NEW; the first end stands). All are counted;
only the last needs a look.

**Our own words.** `PENDING_CANCEL` is ours: the venue's words about a living order are kept aside while it stands, and
a refused cancel brings the last of them back. `UNKNOWN` and `NOT_FOUND` are ours too, and any word of the venue ends
them. An order is never taken for dead because we failed to hear of it.

**Executions** are booked once a trade id and order, also after the end: a terminal status is final, the money is not.
Trade ids are counted per symbol at the venue, but a trade of two of our own orders with each other carries one trade id
in both, so that the key is (order, trade id): an order has one symbol.

**Bounds.** An order that has ended stays in the table until `keep_closed` others have ended after it, and is gone from
`get` then; the venue's late words about it are still recognised until `remember_closed` more have ended, after which it
is forgotten for good. What is held is therefore open orders + keep_closed + remember_closed. An order that the venue
does not find counts as ended here, until a word of the venue revokes that.

**Names.** An order that was amended in place may have got another client order id (rest-api.md, Order Amend Keep
Priority). It is found by both, and called by the newer one.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from actors.trading.open_quantities import Assets, OpenQuantities
from actors.trading.order_change import OrderChange, Verdict, is_contradiction, judge_silence
from messages.enums import Exchanges, ExecutionType, OrderStatus, Reason, Side
from messages.orders import Order

OURS_ALONE = (OrderStatus.UNKNOWN, OrderStatus.NOT_FOUND, OrderStatus.PENDING_CANCEL)


class OrderTable:
    """All orders of the bot, by own id, client order id and exchange order id. See the module's docstring.

    `owner_of` names the strategy whose order a client order id denotes, or None if it is none of ours.
    """

    def __init__(
        self,
        owner_of: Callable[[str], str | None],
        *,
        keep_closed: int = 1_000,
        remember_closed: int = 10_000,
    ) -> None:
        self.owner_of = owner_of
        self.keep_closed = keep_closed
        self.remember_closed = remember_closed
        self.counts: Counter[Verdict] = Counter()
        self._open: dict[str, Order] = {}
        self._open_by_market: dict[tuple[Exchanges, str], dict[str, Order]] = {}
        self._open_by_strategy: dict[str, dict[str, Order]] = {}
        self._closed: dict[str, Order] = {}
        self._retired: dict[str, Order] = {}
        self._by_client_id: dict[tuple[Exchanges, str], Order] = {}
        self._by_exchange_id: dict[tuple[Exchanges, str, int], Order] = {}
        self._by_list: dict[str, dict[str, Order]] = {}
        """The orders of each list, by own id, in the order in which they were placed."""
        self.quantities = OpenQuantities()
        self._former_names: dict[str, list[str]] = {}
        """Earlier client order ids, by own id."""

    def __len__(self) -> int:
        """Open orders and closed ones that have not left."""
        return len(self._open) + len(self._closed)

    # Operations: each returns what it changed.

    def add(self, order: Order) -> OrderChange:
        """Takes a new intent. Raises what `add_all` raises."""
        self.add_all((order,))
        return OrderChange(Verdict.APPLIED, order, status_changed=True)

    def add_all(self, orders: Sequence[Order]) -> None:
        """Takes new intents, all or none; from now on the table's instances are the truth about them.

        Raises ValueError if one lacks an id, if an id is known already, or if a time to cancel is not above 0.
        """
        if len(orders) > 1 and len({order.order_id for order in orders}) < len(orders):
            raise ValueError("two orders have the same id; ids are never used twice")
        for order in orders:
            order_id, name = order.order_id, order.client_order_id
            if not order_id or not name:
                raise ValueError(f"an order needs its own id and a client order id: {order!r}")
            known = order_id in self._open or order_id in self._closed or order_id in self._retired
            if known or (order.exchange, name) in self._by_client_id:
                raise ValueError(f"order {order_id} ({name}) exists; ids are never used twice")
            seconds = order.time_to_cancel
            if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
                raise ValueError(f"order {order_id}: time_to_cancel must be above 0 seconds")
        for order in orders:
            self._by_client_id[order.exchange, order.client_order_id] = order
            if order.list_id:
                self._by_list.setdefault(order.list_id, {})[order.order_id] = order
            self._file(order)

    def restore(self, order: Order) -> None:
        """Takes over an order as an earlier table held it, in place of what is known of it."""
        known = self.get(order.order_id) or self._retired.get(order.order_id)
        if known is not None:
            self._leave_open(known)
            self._closed.pop(order.order_id, None)
            self._retired.pop(order.order_id, None)
        # Of twins the first keeps the name, as when they were told.
        self._by_client_id.setdefault((order.exchange, order.client_order_id), order)
        if known is self._by_client_id[order.exchange, order.client_order_id]:
            self._by_client_id[order.exchange, order.client_order_id] = order
        if order.exchange_order_id:
            key = (order.exchange, order.symbol, order.exchange_order_id)
            self._by_exchange_id[key] = order
        if order.list_id:
            self._by_list.setdefault(order.list_id, {})[order.order_id] = order
        self._file(order)

    def refile(self, order: Order) -> None:
        """Puts an order of the table where it belongs, after a change that was made from outside."""
        if order.exchange_order_id:
            key = (order.exchange, order.symbol, order.exchange_order_id)
            self._by_exchange_id.setdefault(key, order)
        self._file(order)

    def closed_orders(self, most: int) -> list[Order]:
        """The last orders that have ended, oldest first."""
        return list(self._closed.values())[-most:] if most else []

    def on_venue_order(self, event: Order, now_ns: int) -> OrderChange:
        """Folds in an event of the gateway: a reply, a report of the user stream, or the answer to a query."""
        order, is_twin = self._match(event)
        if order is not None:
            return self._fold(order, event, now_ns, Verdict.APPLIED)
        strategy = self.owner_of(event.client_order_id) if event.client_order_id else None
        if strategy is None or (event.status in OURS_ALONE and not event.exchange_order_id):
            return self._judge(OrderChange(Verdict.FOREIGN))
        order = Order(
            side=event.side,
            order_type=event.order_type,
            symbol=event.symbol,
            exchange=event.exchange,
            order_id=event.client_order_id + (f"#{event.exchange_order_id}" if is_twin else ""),
            client_order_id=event.client_order_id,
            strategy=strategy,
            quantity=event.quantity,
            quote_quantity=event.quote_quantity,
            price=event.price,
            time_in_force=event.time_in_force,
            created_time_ns=now_ns,
            stop_price=event.stop_price,
            trailing_delta=event.trailing_delta,
        )
        if not is_twin:
            self._by_client_id[order.exchange, order.client_order_id] = order
        return self._fold(order, event, now_ns, Verdict.ADOPTED)

    def on_cancel_requested(
        self, order: Order, reason: Reason = Reason.NONE, reason_text: str = ""
    ) -> OrderChange:
        """A cancel is on its way; `reason` says why, when it was our own decision."""
        return self._say(order, OrderStatus.PENDING_CANCEL, reason, reason_text)

    def on_cancel_refused(self, order: Order) -> OrderChange:
        """The cancel did not take place, or its outcome is unknown: back to the venue's last word, if not ended."""
        if not order.restore_venue_status():
            return self._judge(OrderChange(Verdict.STALE, order))
        return self._judge(OrderChange(Verdict.APPLIED, order, status_changed=True))

    def on_unknown(self, order: Order, reason_text: str, reason_code: int = 0) -> OrderChange:
        """The outcome of the placement is unknown; no matter, if the venue has spoken meanwhile."""
        return self._say(
            order, OrderStatus.UNKNOWN, Reason.OUTCOME_UNKNOWN, reason_text, reason_code
        )

    def on_not_found(self, order: Order, reason_text: str, reason_code: int = 0) -> OrderChange:
        """The venue, asked, does not know the order; any later word of the venue revokes it."""
        return self._say(
            order, OrderStatus.NOT_FOUND, Reason.UNKNOWN_ORDER, reason_text, reason_code
        )

    def on_refused(
        self, order: Order, reason: Reason, reason_text: str, reason_code: int = 0
    ) -> OrderChange:
        """The order is proven never to have come to the book: refused there, or not sent at all."""
        return self._say(order, OrderStatus.REJECTED, reason, reason_text, reason_code)

    def set_assets(self, exchange: Exchanges, symbol: str, assets: Assets) -> None:
        """Takes the base and quote asset of a symbol, in which its orders lock."""
        if self.quantities.set_assets(exchange, symbol, assets):
            for order in self.open_orders(None, exchange, symbol):
                self._file(order)

    # Questions.

    def get(self, order_id: str) -> Order | None:
        """The order with this own id, or None if there is none or it has left the table."""
        return self._open.get(order_id) or self._closed.get(order_id)

    def find(
        self,
        exchange: Exchanges,
        symbol: str,
        client_order_id: str = "",
        exchange_order_id: int = 0,
    ) -> Order | None:
        """The order with this client order id, else with this exchange order id, or None."""
        order = self._by_client_id.get((exchange, client_order_id))
        return order or self._by_exchange_id.get((exchange, symbol, exchange_order_id))

    def list_orders(self, order: Order) -> list[Order]:
        """All orders of the list that an order is in, this one among them; a single order alone."""
        found = self._by_list.get(order.list_id, {}) if order.list_id else {}
        return list(found.values()) or [order]

    def open_orders(
        self,
        strategy: str | None = None,
        exchange: Exchanges | None = None,
        symbol: str | None = None,
    ) -> list[Order]:
        """The orders that the venue may still execute, oldest first; None stands for any."""
        orders = self._open
        if strategy is None and exchange is None and symbol is None:
            return list(orders.values())
        if exchange is not None and symbol is not None:
            orders = self._open_by_market.get((exchange, symbol), {})
        return [
            order
            for order in orders.values()
            if (strategy is None or order.strategy == strategy)
            and (exchange is None or order.exchange is exchange)
            and (symbol is None or order.symbol == symbol)
        ]

    def count_open(self, strategy: str | None = None) -> int:
        """How many orders the venue may still execute, of one strategy or of all."""
        return len(self._open if strategy is None else self._open_by_strategy.get(strategy, {}))

    def open_quantity(
        self, exchange: Exchanges, symbol: str, side: Side, strategy: str | None = None
    ) -> Decimal:
        """What one side of a market may still execute for us, in the base asset."""
        return self.quantities.find(exchange, symbol, side, strategy)

    # Within.

    def _match(self, event: Order) -> tuple[Order | None, bool]:
        """The order that an event is about, if known, and whether the event names a second one of that name."""
        by_exchange_id = None
        if event.exchange_order_id:
            key = (event.exchange, event.symbol, event.exchange_order_id)
            by_exchange_id = self._by_exchange_id.get(key)
        by_client_id = self._by_client_id.get((event.exchange, event.client_order_id))
        if by_client_id is None:
            return by_exchange_id, False
        if event.exchange_order_id and by_client_id.exchange_order_id not in (
            0,
            event.exchange_order_id,
        ):
            return by_exchange_id, True
        return by_client_id, False

    def _fold(self, order: Order, event: Order, now_ns: int, verdict: Verdict) -> OrderChange:
        status, quantity = order.status, order.executed_quantity
        booked = len(order.executions)
        was_silent = order.venue_status is None
        contradicts = is_contradiction(order, event.status)
        changed = order.update(event)
        self._rename(order, event)
        is_acknowledged = was_silent and order.venue_status not in (None, OrderStatus.REJECTED)
        if is_acknowledged:
            # One that an earlier run has left unanswered has rested since then.
            order.acknowledged_time_ns = order.acknowledged_time_ns or now_ns
        if order.exchange_order_id:
            key = (order.exchange, order.symbol, order.exchange_order_id)
            self._by_exchange_id.setdefault(key, order)
        self._file(order)
        quantity_changed = order.executed_quantity != quantity
        executions = tuple(order.executions[booked:])
        if verdict is Verdict.APPLIED and not (executions or quantity_changed):
            if contradicts or not changed:
                verdict = judge_silence(order, event.status, contradicts)
        elif contradicts:
            self.counts[Verdict.CONTRADICTION] += 1
        return self._judge(
            OrderChange(
                verdict,
                order,
                executions,
                status_changed=order.status is not status,
                quantity_changed=quantity_changed,
                is_acknowledged=is_acknowledged,
                is_ended=order.status.is_terminal and not status.is_terminal,
            )
        )

    def _rename(self, order: Order, event: Order) -> None:
        """An amendment may have given the order another client order id."""
        name = event.client_order_id
        is_amendment = event.execution_type is ExecutionType.REPLACED
        if not is_amendment or not name or name == order.client_order_id:
            return
        if (order.exchange, name) in self._by_client_id:
            return  # an earlier amendment, told late
        self._former_names.setdefault(order.order_id, []).append(order.client_order_id)
        order.client_order_id = name
        self._by_client_id[order.exchange, name] = order

    def _say(
        self,
        order: Order,
        said: OrderStatus,
        reason: Reason,
        reason_text: str,
        reason_code: int = 0,
    ) -> OrderChange:
        status = order.status
        contradicts = is_contradiction(order, said)
        if not order.say(said) or order.status is status:
            verdict = judge_silence(order, said, contradicts)
            return self._judge(OrderChange(verdict, order))
        if reason is not Reason.NONE:
            order.reason, order.reason_text, order.reason_code = reason, reason_text, reason_code
        self._file(order)
        return self._judge(
            OrderChange(
                Verdict.APPLIED, order, status_changed=True, is_ended=order.status.is_terminal
            )
        )

    def _judge(self, change: OrderChange) -> OrderChange:
        self.counts[change.verdict] += 1
        return change

    def _file(self, order: Order) -> None:
        """Puts an order where it belongs after a change."""
        order_id = order.order_id
        mates = self.list_orders(order) if order.list_id else (order,)
        self.quantities.note(order.list_id or order_id, mates)
        if not order.status.is_open:
            self._leave_open(order)
            if order_id not in self._retired:
                self._closed.setdefault(order_id, order)
                self._shed()
            return
        if order_id not in self._open:
            self._closed.pop(order_id, None)
            self._retired.pop(order_id, None)
            self._open[order_id] = order
            market = (order.exchange, order.symbol)
            self._open_by_market.setdefault(market, {})[order_id] = order
            self._open_by_strategy.setdefault(order.strategy, {})[order_id] = order

    def _leave_open(self, order: Order) -> None:
        """Takes an order out of those that are open, if it is one of them."""
        order_id = order.order_id
        if (filed := self._open.pop(order_id, None)) is None:
            return
        market = (filed.exchange, filed.symbol)
        tables: tuple[tuple[dict[Any, dict[str, Order]], Any], ...] = (
            (self._open_by_market, market),
            (self._open_by_strategy, filed.strategy),
        )
        for table, key in tables:
            del table[key][order_id]
            if not table[key]:
                del table[key]

    def _shed(self) -> None:
        """Lets the oldest closed orders go: first out of `get`, then out of memory."""
        while len(self._closed) > self.keep_closed:
            order_id = next(iter(self._closed))
            order = self._closed.pop(order_id)
            order.decided_on = b""
            self._retired[order_id] = order
        while len(self._retired) > self.remember_closed:
            order = self._retired.pop(next(iter(self._retired)))
            if not any(other.is_open for other in self.list_orders(order)):
                self._by_list.pop(order.list_id, None)
            former = self._former_names.pop(order.order_id, [])
            for name in (order.client_order_id, *former):
                if self._by_client_id.get((order.exchange, name)) is order:
                    del self._by_client_id[order.exchange, name]
            self._by_exchange_id.pop((order.exchange, order.symbol, order.exchange_order_id), None)
