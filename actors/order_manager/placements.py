"""The door: every order is rounded, checked, named and written down here, and only then sent.

A refusal is an `OrderUpdate` with status REJECTED and its reason, told once; nothing is tried again.
"""

from collections.abc import Callable, Sequence

import msgspec

from actors.order_manager.books import ZERO, Books, copy_order
from actors.order_manager.gate import TradingGate
from actors.order_manager.port import Port
from actors.order_manager.publisher import Publisher
from actors.order_manager.refusals import Refusals
from actors.order_manager.terms import (
    find_malformation,
    find_venue_fault,
    round_terms,
)
from actors.trading.order_lists import counted_orders
from actors.trading.price_trigger import (
    find_watched_price,
    is_stop_reached,
    needs_emulation,
    needs_kept_list,
    takes_type,
)
from actors.trading.risk import Refusal, RiskChecker, RiskState, check_funds
from messages.enums import ListRole, OrderStatus, Reason, ReplaceMode, SelfTradePrevention, Side
from messages.instruments import Instrument, to_text
from messages.order_requests import NewOrderListRequest, ReplaceOrderRequest
from messages.orders import NewOrderRequest, Order


class Placements:
    """Judges orders, and sends those that pass."""

    def __init__(
        self,
        port: Port,
        books: Books,
        publisher: Publisher,
        gate: TradingGate,
        risk: RiskChecker,
        refusals: Refusals,
        arm: Callable[[Order], None],
        self_trade_prevention: SelfTradePrevention | None = None,
    ) -> None:
        """`arm` keeps the trigger of an order whose type the venue lacks."""
        self.arm = arm
        self.self_trade_prevention = self_trade_prevention
        self.port = port
        self.books = books
        self.publisher = publisher
        self.gate = gate
        self.risk = risk
        self.refusals = refusals

    def place(self, order: Order, send_before_ns: int) -> bool:
        """Sends a strategy's order, or refuses it; True if it was sent."""
        instrument = self.books.instruments.get((order.exchange, order.symbol))
        refusal = (
            find_malformation(order)
            or self.find_closed_gate(order, send_before_ns)
            or self.find_fault(order, instrument)
        )
        is_kept = False
        if refusal is None and instrument is not None:
            is_kept = needs_emulation(order, instrument)
            if is_kept:
                refusal = self.find_early_trigger(order)
            if refusal is None:
                refusal = self.risk.check(order, self.find_state(order, instrument))
        return self._settle(order, send_before_ns, refusal, is_kept=is_kept)

    def place_list(self, orders: list[Order], send_before_ns: int) -> bool:
        """Sends orders that belong together as one intent, or refuses them all; True if they were sent."""
        for order in orders:
            self.apply_defaults(order)
        refusal = next(filter(None, map(find_malformation, orders)), None)
        refusal = refusal or self.find_closed_gate(orders[0], send_before_ns)
        self._decide_who_keeps(orders)
        refusal = refusal or next(filter(None, map(self.find_list_fault, orders)), None)
        if refusal is None:
            refusal = self._judge_list(
                orders, self.books.instruments[orders[0].exchange, orders[0].symbol]
            )
        if not self.admit(orders, refusal):
            return False
        if orders[0].is_list_kept:
            for order in orders:
                self._begin(order, send_before_ns, self._is_for_us(order))
        else:
            self.port.send(
                NewOrderListRequest(
                    exchange=orders[0].exchange,
                    symbol=orders[0].symbol,
                    list_id=orders[0].client_order_id,
                    orders=[copy_order(order) for order in orders],
                    send_before_ns=send_before_ns,
                )
            )
        for order in orders:
            self.publisher.tell(order)
        return True

    def _judge_list(self, orders: list[Order], instrument: Instrument) -> Refusal | None:
        fit_exits(orders, instrument)
        for order in orders:
            if (refusal := self.find_fault(order, instrument)) is not None:
                return refusal
        if orders[0].is_list_kept:
            for order in orders:
                if (refusal := self.find_early_trigger(order)) is not None:
                    return refusal
        for order in counted_orders(orders):
            state = self.find_state(order, instrument)
            state.orders_placed = len(orders)
            if (refusal := self.risk.check(order, state)) is not None:
                return refusal
        return None

    def replace(self, old: Order, order: Order, mode: ReplaceMode, send_before_ns: int) -> bool:
        """Sends an order that takes another's place in one request, or refuses it and the old one stays.

        True if it was sent; that is to be told after the old one's cancel.
        """
        self.apply_defaults(order)
        instrument = self.books.instruments.get((order.exchange, order.symbol))
        refusal = (
            find_malformation(order)
            or self.find_closed_gate(order, send_before_ns)
            or self.find_fault(order, instrument)
        )
        if refusal is None and instrument is not None:
            refusal = self.risk.check(order, self.find_state_without(old, order, instrument))
        if not self.admit((order,), refusal):
            return False
        self.port.send(
            ReplaceOrderRequest(
                exchange=order.exchange,
                order=copy_order(order),
                client_order_id=old.client_order_id,
                exchange_order_id=old.exchange_order_id,
                order_id=old.order_id,
                mode=mode,
                send_before_ns=send_before_ns,
            )
        )
        return True

    def close(self, order: Order, send_before_ns: int, *, ignores_halt: bool = False) -> bool:
        """Sends an order that only reduces what is held: the limits do not apply to it, the funds do."""
        instrument = self.books.instruments.get((order.exchange, order.symbol))
        refusal = None if ignores_halt else self.find_closed_gate(order, send_before_ns)
        refusal = refusal or self.find_fault(order, instrument)
        if refusal is None and instrument is not None:
            refusal = check_funds(order, self.find_state(order, instrument))
        return self._settle(order, send_before_ns, refusal, is_kept=False)

    def find_closed_gate(self, order: Order, send_before_ns: int) -> Refusal | None:
        """Why no order of this strategy may pass now, or why this one comes too late."""
        refusal = self.gate.find_refusal(order.strategy, order.exchange)
        if refusal is not None:
            return refusal
        if 0 < send_before_ns < self.port.now_ns:
            late_ms = (self.port.now_ns - send_before_ns) // 1_000_000
            return Reason.TOO_LATE, f"the decision is {late_ms} ms past its validity"
        return None

    def find_fault(self, order: Order, instrument: Instrument | None) -> Refusal | None:
        """Rounds the order's terms; why the venue would refuse them, or None."""
        if self.self_trade_prevention is not None:
            self.apply_defaults(order)
        if instrument is not None:
            round_terms(order, instrument)
        market_price = None
        if not order.price:
            market_price = self.books.mid_price(order.exchange, order.symbol)
        return find_venue_fault(order, instrument, market_price)

    def find_list_fault(self, order: Order) -> Refusal | None:
        """Why an order cannot go in one request with others at its venue, or None."""
        instrument = self.books.instruments.get((order.exchange, order.symbol))
        if instrument is None:
            return Reason.INSTRUMENT, f"the trading rules of {order.symbol} are not known"
        if order.is_list_kept:
            return None
        has_entry = order.is_waiting or order.list_role is ListRole.ENTRY
        is_offered = instrument.allows_oto if has_entry else instrument.allows_oco
        if not (is_offered and takes_type(order, instrument)):
            kind = f"{order.order_type} orders in lists"
            return Reason.UNSUPPORTED, f"{order.symbol} takes no {kind}"
        return None

    def apply_defaults(self, order: Order) -> None:
        """What the configuration says where the strategy says nothing."""
        if order.self_trade_prevention is None:
            order.self_trade_prevention = self.self_trade_prevention

    def find_state_without(self, old: Order, order: Order, instrument: Instrument) -> RiskState:
        """What an order is judged against that takes an open one's place: as if that were gone already."""
        state = self.find_state(order, instrument)
        _, lock = self.books.find_lock(old)
        is_sale = old.side is Side.SELL
        count = sum(1 for other in self.books.table.list_orders(old) if other.is_open)
        base, quote = (lock, ZERO) if is_sale else (ZERO, lock)
        gone = ZERO if old.is_waiting else old.open_quantity
        bought, sold = (ZERO, gone) if is_sale else (gone, ZERO)
        return msgspec.structs.replace(
            state,
            open_orders=state.open_orders - count,
            strategy_open_orders=state.strategy_open_orders - count,
            open_buy_quantity=state.open_buy_quantity - bought,
            strategy_open_buy_quantity=state.strategy_open_buy_quantity - bought,
            strategy_open_sell_quantity=state.strategy_open_sell_quantity - sold,
            free_base=None if state.free_base is None else state.free_base + base,
            free_quote=None if state.free_quote is None else state.free_quote + quote,
        )

    def is_covered(self, order: Order) -> bool:
        """Whether an open order's strategy holds what its open sales, this one among them, would sell."""
        if order.side is not Side.SELL or self.risk.limits.may_sell_account_holdings:
            return True
        market, strategy = (order.exchange, order.symbol), order.strategy
        held = self.books.portfolio.quantity(*market, strategy)
        return self.books.under_way(*market, Side.SELL, strategy) <= held

    def find_state(self, order: Order, instrument: Instrument) -> RiskState:
        """What an order is judged against, as far as its side and the limits ask."""
        books, risk = self.books, self.risk
        exchange, symbol, strategy = order.exchange, order.symbol, order.strategy
        base_asset, quote_asset = instrument.base_asset, instrument.quote_asset
        is_sale = order.side is not Side.BUY
        state = RiskState(
            now_ns=self.port.now_ns,
            base_asset=base_asset,
            quote_asset=quote_asset,
            free_base=books.free(exchange, base_asset) if is_sale else None,
            free_quote=None if is_sale else books.free(exchange, quote_asset),
            may_sell_account_holdings=risk.limits.may_sell_account_holdings,
        )
        if not order.price or risk.asks_market_price:
            state.mid_price = books.mid_price(exchange, symbol)
        if risk.limits_open_orders:
            state.open_orders = books.table.count_open()
            state.strategy_open_orders = books.table.count_open(strategy)
        if is_sale or risk.limits_positions:
            state.held_quantity = books.portfolio.quantity(exchange, symbol)
            state.strategy_quantity = books.portfolio.quantity(exchange, symbol, strategy)
            (
                state.open_buy_quantity,
                state.strategy_open_buy_quantity,
                state.strategy_open_sell_quantity,
            ) = books.find_under_way(exchange, symbol, strategy)
        return state

    def refuse(self, order: Order, refusal: Refusal) -> None:
        """Tells the strategy that an order was not sent, and why."""
        order.order_id = order.order_id or self.books.names.next(order.strategy)
        order.status = OrderStatus.REJECTED
        order.reason, order.reason_text = refusal
        self.refusals.remember(order.strategy, order.order_id)
        self.publisher.tell(order)
        self.refusals.on_refused(order.strategy, order.reason, order.reason_text)

    def refuse_all(self, orders: Sequence[Order], refusal: Refusal) -> None:
        """Tells the strategy that a list was not sent, and why: each order's own id ends so, and it counts once."""
        for order in orders[1:]:
            order.status = OrderStatus.REJECTED
            order.reason, order.reason_text = refusal
            self.refusals.remember(order.strategy, order.order_id)
            self.publisher.tell(order)
        self.refuse(orders[0], refusal)

    def admit(self, orders: Sequence[Order], refusal: Refusal | None) -> bool:
        """Names orders and takes them into the table, all or none; False if they were refused."""
        if refusal is None:
            for order in orders:
                name = order.client_order_id = self.books.names.next(order.strategy)
                if not order.order_id:
                    order.order_id = name
            try:
                self.books.take_in(orders)
            except ValueError as error:
                # A command may name any id; one that was used already must not end the order manager.
                refusal = Reason.UNSUPPORTED, str(error)
            else:
                if self.risk.limits_rate:
                    self.risk.on_sent(self.port.now_ns, len(orders))
                return True
        for order in orders:
            order.client_order_id = ""
        self.refuse_all(orders, refusal)
        return False

    def arm_again(self, order: Order) -> bool:
        """Keeps the trigger of an order that has passed all checks once already."""
        return self._settle(order, 0, None, is_kept=self._is_for_us(order))

    def _is_for_us(self, order: Order) -> bool:
        """Whether an order's trigger is kept here, for want of its type at the venue."""
        instrument = self.books.instruments.get((order.exchange, order.symbol))
        return instrument is not None and needs_emulation(order, instrument)

    def find_early_trigger(self, order: Order) -> Refusal | None:
        """Why an order would go off at once, which the venue refuses where it keeps the trigger itself, or None."""
        ticker = self.books.tickers.get((order.exchange, order.symbol))
        if order.trailing_delta or order.is_waiting or ticker is None or not self._is_for_us(order):
            return None
        price = find_watched_price(order, ticker)
        if price is None or not is_stop_reached(order, price):
            return None
        return Reason.PRICE, f"the order would trigger immediately: {to_text(price)}"

    def _settle(
        self, order: Order, send_before_ns: int, refusal: Refusal | None, *, is_kept: bool
    ) -> bool:
        if not self.admit((order,), refusal):
            return False
        self._begin(order, send_before_ns, is_kept)
        self.publisher.tell(order)
        return True

    def _begin(self, order: Order, send_before_ns: int, is_kept: bool) -> None:
        """Writes an admitted order down, to be sent or to be kept."""
        if is_kept:
            self.arm(order)
            return
        self.port.send(
            NewOrderRequest(
                exchange=order.exchange, order=copy_order(order), send_before_ns=send_before_ns
            )
        )

    def _decide_who_keeps(self, orders: list[Order]) -> None:
        """Marks a list that the venue does not have."""
        instrument = self.books.instruments.get((orders[0].exchange, orders[0].symbol))
        is_kept = instrument is not None and needs_kept_list(orders, instrument)
        for order in orders:
            order.is_list_kept = is_kept


def fit_exits(orders: list[Order], instrument: Instrument) -> None:
    """Makes the exits of a BUY no greater than what it brings: the venue may take its fee out of that.

    The venue refuses exits for more than is there, at the moment at which they are needed (rest-api.md, OTO: the pending
    orders are placed when the working one is filled). What the fee leaves over stays, as after any purchase.
    """
    entry = orders[0]
    if entry.list_role is not ListRole.ENTRY or entry.side is not Side.BUY:
        return
    fee = max(instrument.maker_fee, instrument.taker_fee)
    # Of one that is filled, self-trade prevention may have taken a part.
    bought = entry.executed_quantity if entry.status is OrderStatus.FILLED else entry.quantity
    brought = instrument.round_quantity(bought * (1 - fee))
    for order in orders[1:]:
        order.quantity = min(order.quantity, brought)
