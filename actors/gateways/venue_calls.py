"""What a venue's gateway implements: one coroutine for each thing that can be asked of a venue."""

from abc import abstractmethod
from collections.abc import Mapping

from actors.gateways.answers import Answer
from actors.gateways.errors import Refused
from messages.account import AccountSnapshot
from messages.enums import Reason
from messages.instruments import Instrument
from messages.order_requests import NewOrderListRequest, ReplaceOrderRequest
from messages.orders import (
    AmendOrderRequest,
    CancelOrderRequest,
    NewOrderRequest,
    Order,
    QueryOrderRequest,
)


class VenueCalls:
    """All of it raises GatewayError for what is proven not to have been done; any other exception leaves it unknown."""

    @abstractmethod
    async def place(self, request: NewOrderRequest) -> Order | None:
        """Places an order: the venue's first word on it, or None if that comes as an event."""

    @abstractmethod
    async def cancel(self, request: CancelOrderRequest) -> Order | None:
        """Cancels an order: the venue's word on it, or None if that comes as an event."""

    @abstractmethod
    async def query(self, request: QueryOrderRequest) -> Order | None:
        """How an order stands, with its executions; None if the venue does not know it."""

    @abstractmethod
    async def snapshot(
        self, symbols: list[str], trades_after: Mapping[str, int]
    ) -> AccountSnapshot:
        """Balances, fees, the open orders in these symbols, and the orders executed after these trade ids, by symbol."""

    @abstractmethod
    async def instruments(self, symbols: list[str]) -> list[Instrument]:
        """The trading rules of these symbols; one that the venue does not know is left out."""

    async def amend(self, request: AmendOrderRequest) -> Order | None:
        """Reduces an order's quantity and keeps its place: the venue's word on it."""
        raise Refused("this venue's orders cannot be amended", reason=Reason.UNSUPPORTED)

    async def place_list(self, request: NewOrderListRequest) -> list[Order]:
        """Places a list of orders in one request: the venue's first word on each."""
        raise Refused("this venue has no order lists", reason=Reason.UNSUPPORTED)

    async def cancel_list(self, request: CancelOrderRequest) -> list[Order]:
        """Cancels a list with all its orders: the venue's word on each."""
        raise Refused("this venue has no order lists", reason=Reason.UNSUPPORTED)

    async def replace(self, request: ReplaceOrderRequest) -> list[Answer]:
        """Cancels one order and places another in one request: what became of each."""
        raise Refused("this venue's orders cannot be replaced", reason=Reason.UNSUPPORTED)

    async def connect(self) -> None:
        """Connects and listens to the account's events, before the account is asked for: nothing is missed between.

        It is tried again until it succeeds, unless it raises `Refused`.
        """

    async def listen(self) -> None:
        """Runs once the gateway is ready, for as long as it likes; events may be told from here."""

    async def disconnect(self) -> None:
        """Closes what was opened; called however the gateway ends."""

    def places_at_once(self) -> bool:
        """Whether `place`, called now, sends its request before its first wait, and asks for no task until then."""
        return False

    def reserve_placement(self, is_protective: bool) -> float:
        """Counts one order against the venue's limit and returns 0.0, or returns the seconds to wait for it.

        A protective order, which turns what is held into money, may take the share that others must leave.
        """
        return 0.0
