"""Placements at Binance: what their errors prove, what they cost of the order limit, and what both halves of a
replacement came to, each in the words that its own request would have brought.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from actors.binance.client import BinanceClient
from actors.binance.errors import BinanceError
from actors.binance.limits import OrderBudget
from actors.binance.wire_lists import Half
from actors.gateways.answers import Answer, answer_cancel, answer_placement, cancel_of
from actors.gateways.binance_errors import VenueErrors
from actors.gateways.errors import Refused
from messages.enums import OrderStatus, Reason
from messages.order_requests import ReplaceOrderRequest
from messages.orders import NewOrderRequest

AnswerType = TypeVar("AnswerType")


class Placing:
    """Placements of one account: says what their errors prove, and learns from each answer how much of the limit is used."""

    def __init__(
        self,
        client: BinanceClient,
        budget: OrderBudget,
        errors: VenueErrors,
        retry_placements: Callable[[], None],
    ) -> None:
        self.budget = budget
        self.venue_time_ns = client.venue_time_ns
        self._usage, self._errors = client.usage, errors
        self._retry_placements = retry_placements

    async def carry_out(self, sending: Coroutine[Any, Any, AnswerType]) -> AnswerType:
        """The answer to a placement that has not begun yet. Raises what its error proves, or the error itself."""
        sent_ns = self.venue_time_ns()
        try:
            return await sending
        except ValueError as error:
            raise Refused(str(error), reason=Reason.UNSUPPORTED) from error
        except BinanceError as error:
            self._errors.judge(error)
            raise
        finally:
            self.budget.answered(sent_ns, self.venue_time_ns(), self._usage.counts.values())
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
    is_told = new.code or new.is_unknown
    text = new.text if is_told else f"the order to be replaced was not canceled: {cancel.text}"
    return [old_word, answer_placement(placement, status, reason, text, new.code)]
