"""The account's events on their way to the system, and how far its trades are known.

While the account is being read, at the start and after each loss, events are held back: the system hears first what the
account is, then what happened since the subscription, in its order. What happens twice in that is harmless: an order goes
by its trade ids and a balance by its time.

The last trade id of a symbol is taken from events in their sequence, and from reading trades page by page, but never from
the answer to an order: an answer may overtake the event of an earlier trade, which would then be asked for by nobody.
"""

import logging
from collections.abc import Callable, Iterable, Mapping

from actors.binance.errors import UNREADABLE
from actors.binance.wire_events import (
    AccountPosition,
    BalanceChange,
    ExternalLock,
    UserEvent,
    UserEventDecoder,
)
from actors.binance.wire_orders import ExecutionReport, from_binance_order
from messages.account import AccountSnapshot, Balance
from messages.enums import Exchanges
from messages.orders import Order

log = logging.getLogger(__name__)


class AccountEvents:
    """Decodes events and tells them, or keeps them until the account has been told.

    `ask_account` is called when an event tells a mere difference, or cannot be read: what it amounts to must be asked.
    """

    def __init__(
        self,
        exchange: Exchanges,
        tell_order: Callable[[Order], None],
        tell_balance: Callable[[Balance], None],
        ask_account: Callable[[], None],
    ) -> None:
        self.exchange = exchange
        self.tell_order = tell_order
        self.tell_balance = tell_balance
        self.ask_account = ask_account
        self.last_trade_ids: dict[str, int] = {}
        """Up to here every trade of the symbol has been told."""
        self.is_holding = True
        self.is_live = False
        self.epoch = 0
        """Changes whenever the stream is lost or comes back."""
        self.statements = 0
        """How many balances were told."""
        self._stated: dict[str, tuple[int, Balance]] = {}
        """The last statement about each asset, with its number among all."""
        self._held: list[UserEvent] = []
        self._decoder = UserEventDecoder()

    def take(self, event: bytes) -> None:
        """One event as it came. Raises ValueError for one that cannot be read."""
        try:
            decoded = self._decoder.decode(event)
            if decoded is None:
                return
            if self.is_holding:
                self._held.append(decoded)
            else:
                self._tell(decoded)
        except UNREADABLE:
            self.ask_account()
            raise

    def lose(self) -> None:
        """The stream is gone: what comes after its return is held back."""
        self.epoch += 1
        self.is_live = False
        self.is_holding = True

    def connect(self) -> None:
        """The stream is there, at first or again."""
        self.epoch += 1
        self.is_live = True

    def release(self, epoch: int) -> bool:
        """The account has been told, and its reading began in this epoch: tells what was held back.

        False if the stream was not live all the while: the account must be read again.
        """
        if epoch != self.epoch or not self.is_live:
            return False
        held, self._held = self._held, []
        self.is_holding = False
        for event in held:
            try:
                self._tell(event)
            except UNREADABLE:
                log.exception("an event of the account cannot be read: %r", event)
                self.ask_account()
        return True

    def trades_to_read(self, symbols: Iterable[str], asked: Mapping[str, int]) -> dict[str, int]:
        """After which trade id each symbol is to be read; one of which nobody knows any trade is left out."""
        after = {}
        for symbol in symbols:
            known = [ids[symbol] for ids in (asked, self.last_trade_ids) if symbol in ids]
            if known:
                after[symbol] = min(known)
        return after

    def note_read(self, last_trade_ids: Mapping[str, int]) -> None:
        """Trades were read without a hole up to these ids."""
        for symbol, trade_id in last_trade_ids.items():
            self._note_trade(symbol, trade_id)

    def bring_up_to_date(self, snapshot: AccountSnapshot, since: int) -> None:
        """Takes over what was told of balances after the reading began, when `statements` was `since`.

        The venue states times in milliseconds: by them alone an answer that holds one change of a millisecond cannot be
        told from the event of the next, which has overtaken it.
        """
        for index, read in enumerate(snapshot.balances):
            number, told = self._stated.get(read.asset, (0, read))
            if number > since and told.event_time_ns >= read.event_time_ns:
                snapshot.balances[index] = told

    def _note_trade(self, symbol: str, trade_id: int) -> None:
        self.last_trade_ids[symbol] = max(self.last_trade_ids.get(symbol, trade_id), trade_id)

    def _tell(self, event: UserEvent) -> None:
        if isinstance(event, ExecutionReport):
            order = from_binance_order(event, self.exchange)
            for execution in order.executions:
                self._note_trade(order.symbol, execution.trade_id)
            self.tell_order(order)
        elif isinstance(event, AccountPosition):
            for balance in event.to_balances(self.exchange):
                self.statements += 1
                self._stated[balance.asset] = self.statements, balance
                self.tell_balance(balance)
        elif isinstance(event, BalanceChange | ExternalLock):
            self.ask_account()
