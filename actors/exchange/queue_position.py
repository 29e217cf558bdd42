"""Where resting orders stand in queues that are known by their displayed quantities alone: the fill model `queue`.

Used by backtests (actors/backtest) and by the paper market of a live venue (paper_market.py), so that both fill alike.

- An order that comes to rest has all that is displayed at its price ahead of it; nothing, if its price is better than the
  best. Where its price is not displayed at all, its place is unknown until the price is.
- A trade at its price takes from what is ahead of it, and fills the order with what is left. Orders that others cancel
  are taken to have been behind it: the estimate is a careful one.
- A trade beyond its price fills it at once, at its own price.
- No trade fills more than its own quantity, of all orders together; what is left goes to the next by price, then time.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from actors.exchange.orders import OrderRecord
from messages.enums import Side

ZERO = Decimal(0)


class QueuePositions:
    """What is ahead of each order of one symbol."""

    def __init__(self) -> None:
        self.ahead: dict[int, Decimal | None] = {}
        """By order id, what was displayed ahead of it and has not traded; None while its price is not displayed."""

    def join(
        self,
        record: OrderRecord,
        best_price: Decimal | None,
        displayed: Decimal | None,
        others: Sequence[OrderRecord],
    ) -> None:
        """An order has come to rest: `best_price` of its side (None if there is none), and what is displayed at its own
        price (None if nothing is); `others` rest on its side.
        """
        if best_price is not None and displayed is None:
            is_better = (
                record.price > best_price if record.side is Side.BUY else record.price < best_price
            )
            displayed = ZERO if is_better else None
        known = [
            ahead
            for other in others
            if other.price == record.price and (ahead := self.ahead.get(other.order_id)) is not None
        ]
        if displayed is not None and known:
            displayed = max(displayed, *known)
        self.ahead[record.order_id] = displayed

    def show(self, records: Sequence[OrderRecord], displayed: Mapping[Decimal, Decimal]) -> None:
        """A side as it is displayed: where a price is for the first time, all that is displayed there is ahead."""
        for record in records:
            if self.ahead.get(record.order_id, ZERO) is None and record.price in displayed:
                self.ahead[record.order_id] = displayed[record.price]

    def trade(
        self, taker: Side, price: Decimal, quantity: Decimal, records: Sequence[OrderRecord]
    ) -> Iterator[tuple[OrderRecord, Decimal]]:
        """A trade by a taker: which of the orders it fills, and how much of each; `records` by price, then time."""
        left = quantity
        for record in records:
            is_beyond = record.price > price if taker is Side.SELL else record.price < price
            if not is_beyond and record.price != price:
                return
            possible = left
            if not is_beyond:
                ahead = self.ahead.get(record.order_id)
                if ahead is None:
                    continue  # its place is not known yet
                self.ahead[record.order_id] = max(ahead - quantity, ZERO)
                possible = min(left, quantity - ahead)
            taken = min(possible, record.open_quantity)
            if taken > 0:
                left -= taken
                yield record, taken
