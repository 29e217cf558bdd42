"""Placements at Binance: what their errors prove, what they cost of the order limit, and what both halves of a
replacement came to, each in the words that its own request would have brought.
"""

from collections.abc import Callable
from types import TracebackType

from actors.binance.client import BinanceClient
from actors.binance.limits import OrderBudget
from actors.binance.wire_lists import Half
from actors.gateways.answers import Answer, answer_cancel, answer_placement, cancel_of
from actors.gateways.binance_errors import VenueErrors
from actors.gateways.errors import Refused
from messages.enums import OrderStatus, Reason
from messages.order_requests import ReplaceOrderRequest
from messages.orders import NewOrderRequest


class Placing:
    """One placement: says what its errors prove, and learns from its answer how much of the order limit is used."""

    __slots__ = ("_budget", "_client", "_errors", "_retry_placements", "_sent_ns")

    def __init__(
        self,
        client: BinanceClient,
        budget: OrderBudget,
        errors: VenueErrors,
        retry_placements: Callable[[], None],
    ) -> None:
        self._client, self._budget, self._errors = client, budget, errors
        self._retry_placements = retry_placements
        self._sent_ns = client.venue_time_ns()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        client, sent_ns = self._client, self._sent_ns
        try:
            if isinstance(error, ValueError):
                raise Refused(str(error), reason=Reason.UNSUPPORTED) from error
            self._errors.__exit__(kind, error, traceback)
        finally:
            counts = client.usage.counts.values()
            self._budget.answered(
                sent_ns,
                client.venue_time_ns(),
                [usage for usage in counts if usage.time_ns >= sent_ns],
            )
            self._retry_placements()


def answers_to_halves(request: ReplaceOrderRequest, cancel: Half, new: Half) -> list[Answer]:
    """What is to be said of the old order and of the new one; each can have failed, or be unknown, by itself."""
    placement = NewOrderRequest(exchange=request.exchange, order=request.order)
    old_word: Answer
    if cancel.order is not None:
        old_word = cancel.order
    else:
        old_word = answer_cancel(cancel_of(request), cancel.text, cancel.code, cancel.is_unknown)
    if new.order is not None:
        new.order.order_id, new.order.strategy = request.order.order_id, request.order.strategy
        return [old_word, new.order]
    if new.is_unknown:
        status, reason = OrderStatus.UNKNOWN, Reason.OUTCOME_UNKNOWN
    elif new.code:
        status, reason = OrderStatus.REJECTED, Reason.VENUE
    else:
        status, reason = OrderStatus.REJECTED, Reason.CANCEL_REFUSED
    text = new.text if new.code else f"the order to be replaced was not canceled: {cancel.text}"
    return [old_word, answer_placement(placement, status, reason, text, new.code)]
