"""The exchange itself, without a network: symbols, accounts, orders, and the one place that applies a request.

It runs on whatever clock it is given (microseconds since the epoch) and does nothing by itself: a server, a simulation or
a market source calls it. Refusals are `VenueError`s with Binance's codes. The venue remembers, per symbol, the last 1000
public trades and klines of each interval, and per account the last 200,000 finished orders and trades of each symbol.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from actors.exchange.accounts import Account
from actors.exchange.matching import quote_amount
from actors.exchange.order_lists import ListTrading
from actors.exchange.orders import ZERO, OrderRecord, PublicTrade
from actors.exchange.symbols import SymbolRules
from messages.enums import OrderType, Side, TimeInForce

DEFAULT_FEE = Decimal("0.001")


class Venue(ListTrading):
    """All symbols and accounts of one exchange."""

    def __init__(self, symbols: Sequence[SymbolRules], clock: Callable[[], int]) -> None:
        super().__init__(symbols, clock)
        self.accounts: dict[str, Account] = {}

    # Accounts.

    def open_account(
        self,
        name: str,
        balances: Mapping[str, Decimal],
        maker_fee: Decimal = DEFAULT_FEE,
        taker_fee: Decimal = DEFAULT_FEE,
        uses_bnb: bool = False,
    ) -> Account:
        """A new trader with the given funds; it shows a balance of every asset that the venue trades.

        Raises ValueError if the name is taken or a balance is negative.
        """
        account = self._open(Account(name, 0, maker_fee, taker_fee, uses_bnb))
        self.ledger.open(account, balances)
        for market in self.markets.values():
            account.balance(market.rules.base_asset)
            account.balance(market.rules.quote_asset)
        account.update_time_us = self.now_us()
        return account

    def open_house_account(self, name: str) -> Account:
        """An account for a market source: free of fees, topped up when it runs short."""
        return self._open(Account(name, 0, is_house=True))

    def _open(self, account: Account) -> Account:
        if account.name in self.accounts:
            raise ValueError(f"account {account.name!r} exists already")
        account.uid = 1_000_001 + len(self.accounts)
        self.accounts[account.name] = account
        return account

    # Numberings.

    def ids_used(self) -> dict[str, int]:
        """How far each of the venue's own numberings has come, by name."""
        used = {
            "orders": self.order_ids,
            "executions": self.execution_ids,
            "client ids": self.client_ids,
            "order lists": self.list_ids,
        }
        for name, market in self.markets.items():
            used[f"prevented {name}"] = market.prevented_matches
            used[f"trades {name}"] = market.next_trade_id - 1
            used[f"aggregates {name}"] = market.tape.aggregates_made
            used[f"book updates {name}"] = market.engine.book.update_id
        return used

    def skip_ids(self, used: Mapping[str, int]) -> None:
        """Lets every numbering go on above what another run of this venue may have used."""
        self.order_ids = used.get("orders", 0)
        self.execution_ids = used.get("executions", 0)
        self.client_ids = used.get("client ids", 0)
        self.list_ids = used.get("order lists", 0)
        for name, market in self.markets.items():
            market.prevented_matches = used.get(f"prevented {name}", 0)
            market.tape.aggregates_made = used.get(f"aggregates {name}", 0)
            market.next_trade_id = used.get(f"trades {name}", 0) + 1
            market.engine.book.update_id = used.get(f"book updates {name}", 0)

    # Recorded trades.

    def print_trade(self, symbol: str, trade: PublicTrade) -> None:
        """Prints a trade that was recorded elsewhere, then applies what its price sets off."""
        super().print_trade(symbol, trade)
        self.follow_up(self.markets[symbol])

    # Orders of the house: no filters, no records, and one `report_book` for many of them.

    def place_house_order(
        self,
        account: Account,
        symbol: str,
        side: Side,
        price: Decimal,
        quantity: Decimal,
        time_in_force: TimeInForce = TimeInForce.GTC,
    ) -> OrderRecord:
        """A LIMIT order of a house account; the caller keeps the record, the venue does not."""
        market = self.markets[symbol]
        reserve = quote_amount(price, quantity) if side is Side.BUY else quantity
        self.ledger.lock(account, market.rules.paid_asset(side), reserve)
        transaction = self.begin(market)
        self.order_ids += 1
        order = OrderRecord(
            account=account,
            order_id=self.order_ids,
            symbol=symbol,
            client_order_id="",
            side=side,
            order_type=OrderType.LIMIT,
            time_in_force=time_in_force,
            price=price,
            quantity=quantity,
            quote_order_quantity=ZERO,
            time_us=transaction.time_us,
            update_time_us=transaction.time_us,
            reserved=reserve,
        )
        market.engine.execute(order, transaction)
        transaction.release(order)
        transaction.deliver(self.market_listeners)
        if market.due:
            self.follow_up(market)
        return order

    def cancel_house_order(self, order: OrderRecord) -> None:
        """Takes an open order of a house account out of the book; one that has ended is left alone."""
        if not order.is_open:
            return
        market = self.markets[order.symbol]
        market.engine.cancel(order)
        self.ledger.unlock(order.account, market.rules.paid_asset(order.side), order.reserved)
        order.reserved = ZERO
