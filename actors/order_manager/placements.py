"""The door: every order is rounded, checked, named and written down here, and only then sent.

A refusal is an `OrderUpdate` with status REJECTED and its reason, told once; nothing is tried again.
"""

from actors.order_manager.books import ZERO, Books, copy_order
from actors.order_manager.gate import TradingGate
from actors.order_manager.port import Port
from actors.order_manager.publisher import Publisher
from actors.order_manager.refusals import Refusals
from actors.order_manager.terms import find_malformation, find_venue_fault, round_terms
from actors.trading.risk import Refusal, RiskChecker, RiskState, check_funds
from messages.enums import OrderStatus, Reason, Side
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
    ) -> None:
        self.port = port
        self.books = books
        self.publisher = publisher
        self.gate = gate
        self.risk = risk
        self.refusals = refusals

    def place(self, order: Order, send_before_ns: int) -> bool:
        """Sends a strategy's order, or refuses it; True if it was sent."""
        refusal = (
            find_malformation(order)
            or self.find_closed_gate(order, send_before_ns)
            or self.find_fault(order)
            or self.risk.check(order, self.find_state(order))
        )
        return self._settle(order, send_before_ns, refusal)

    def close(self, order: Order, send_before_ns: int, *, ignores_halt: bool = False) -> bool:
        """Sends an order that only reduces what is held: the limits do not apply to it, the funds do."""
        refusal = (
            (None if ignores_halt else self.find_closed_gate(order, send_before_ns))
            or self.find_fault(order)
            or check_funds(order, self.find_state(order))
        )
        return self._settle(order, send_before_ns, refusal)

    def find_closed_gate(self, order: Order, send_before_ns: int) -> Refusal | None:
        """Why no order of this strategy may pass now, or why this one comes too late."""
        refusal = self.gate.find_refusal(order.strategy, order.exchange)
        if refusal is not None:
            return refusal
        if 0 < send_before_ns < self.port.now_ns:
            late_ms = (self.port.now_ns - send_before_ns) // 1_000_000
            return Reason.TOO_LATE, f"the decision is {late_ms} ms past its validity"
        return None

    def find_fault(self, order: Order) -> Refusal | None:
        """Rounds the order's terms; why the venue would refuse them, or None."""
        instrument = self.books.instruments.get((order.exchange, order.symbol))
        if instrument is not None:
            round_terms(order, instrument)
        return find_venue_fault(
            order, instrument, self.books.mid_price(order.exchange, order.symbol)
        )

    def find_state(self, order: Order) -> RiskState:
        """What an order is judged against, as far as its side and the limits ask; its instrument must be known."""
        books = self.books
        exchange, symbol, strategy = order.exchange, order.symbol, order.strategy
        instrument = books.instruments[exchange, symbol]
        is_sale = order.side is not Side.BUY
        held = own = all_buys = own_buys = own_sales = ZERO
        if is_sale or self.risk.limits_positions:
            all_buys, own_buys, own_sales = books.find_under_way(exchange, symbol, strategy)
            held = books.portfolio.quantity(exchange, symbol)
            own = books.portfolio.quantity(exchange, symbol, strategy)
        return RiskState(
            now_ns=self.port.now_ns,
            base_asset=instrument.base_asset,
            quote_asset=instrument.quote_asset,
            mid_price=books.mid_price(exchange, symbol),
            open_orders=books.table.count_open(),
            held_quantity=held,
            open_buy_quantity=all_buys,
            strategy_open_orders=books.table.count_open(strategy),
            strategy_open_buy_quantity=own_buys,
            strategy_quantity=own,
            strategy_open_sell_quantity=own_sales,
            free_base=books.free(exchange, instrument.base_asset) if is_sale else None,
            free_quote=None if is_sale else books.free(exchange, instrument.quote_asset),
            may_sell_account_holdings=self.risk.limits.may_sell_account_holdings,
        )

    def refuse(self, order: Order, refusal: Refusal) -> None:
        """Tells the strategy that an order was not sent, and why."""
        order.order_id = order.order_id or self.books.names.next(order.strategy)
        order.status = OrderStatus.REJECTED
        order.reason, order.reason_text = refusal
        self.refusals.remember(order.strategy, order.order_id)
        self.publisher.tell(order)
        self.refusals.on_refused(order.strategy, order.reason, order.reason_text)

    def _settle(self, order: Order, send_before_ns: int, refusal: Refusal | None) -> bool:
        if refusal is not None:
            self.refuse(order, refusal)
            return False
        order.client_order_id = self.books.names.next(order.strategy)
        order.order_id = order.order_id or order.client_order_id
        try:
            change = self.books.table.add(order)
        except ValueError as error:
            # A command may name any id; one that is known already must not end the order manager.
            self.refuse(order, (Reason.UNSUPPORTED, str(error)))
            return False
        self.risk.on_sent(self.port.now_ns)
        self.port.send(
            NewOrderRequest(
                exchange=order.exchange, order=copy_order(order), send_before_ns=send_before_ns
            )
        )
        self.publisher.publish(change)
        return True
