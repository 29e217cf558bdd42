"""All parts of one order manager, put together."""

from collections.abc import Callable
from dataclasses import dataclass

from actors.order_manager.amending import Amending
from actors.order_manager.books import Books
from actors.order_manager.cancels import Cancels
from actors.order_manager.chains import Chains
from actors.order_manager.checkpoints import Checkpoints
from actors.order_manager.closings import Closings
from actors.order_manager.emulation import Emulation
from actors.order_manager.failures import Failures
from actors.order_manager.foreign import ForeignOrders, ForeignOrdersPolicy
from actors.order_manager.gate import TradingGate
from actors.order_manager.halts import Halts
from actors.order_manager.inquiries import SILENCE_S, Inquiries
from actors.order_manager.kept_lists import KeptLists
from actors.order_manager.listings import Listings
from actors.order_manager.losses import Losses
from actors.order_manager.naming import OrderNames
from actors.order_manager.placements import Placements
from actors.order_manager.port import Port
from actors.order_manager.publisher import VALUATION_INTERVAL_S, Publisher
from actors.order_manager.readiness import Readiness
from actors.order_manager.reconciliation import Reconciliation
from actors.order_manager.recovery import Recovery
from actors.order_manager.reducing import Reducing
from actors.order_manager.refusals import Refusals
from actors.order_manager.replacing import Replacing
from actors.order_manager.restoring import Restoring
from actors.order_manager.settlement import Settlement
from actors.order_manager.venue_words import VenueWords
from actors.runtime.actor import LONGEST_DELAY_S
from actors.trading.risk import RiskChecker, RiskLimits
from messages.enums import SelfTradePrevention
from messages.orders import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerOptions:
    """How an order manager behaves, beside its limits; see its constructor."""

    halt_patience_s: float
    absence_after_s: float
    reconcile_interval_s: float
    refusal_hold_s: float
    checkpoint_entries: int
    foreign_orders: ForeignOrdersPolicy
    valuation_interval_s: float = VALUATION_INTERVAL_S
    silence_s: float = SILENCE_S
    self_trade_prevention: SelfTradePrevention | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot be meant, naming the key."""
        for key in (
            "halt_patience_s",
            "absence_after_s",
            "reconcile_interval_s",
            "refusal_hold_s",
            "valuation_interval_s",
            "silence_s",
        ):
            if not 0 < getattr(self, key) < float("inf"):
                raise ValueError(f"{key}: must be above 0 seconds, not {getattr(self, key)}")
            if getattr(self, key) > LONGEST_DELAY_S:
                raise ValueError(f"{key}: must be at most {LONGEST_DELAY_S:.0f} seconds")
        if self.checkpoint_entries < 1:
            raise ValueError(
                f"checkpoint_entries: must be 1 or more, not {self.checkpoint_entries}"
            )
        if self.foreign_orders not in ("ignore", "adopt", "cancel"):
            raise ValueError(
                f"foreign_orders: must be ignore, adopt or cancel, not {self.foreign_orders!r}"
            )


class Parts:
    """What an order manager consists of; each part knows those that it needs."""

    def __init__(
        self,
        port: Port,
        names: OrderNames,
        run: int,
        limits: RiskLimits,
        options: ManagerOptions,
        on_ready: Callable[[], None],
    ) -> None:
        self.port = port
        self.foreign = ForeignOrders(port, names, options.foreign_orders)
        self.books = Books(names, self.foreign.find_owner)
        self.gate = TradingGate()
        self.chains = Chains()
        self.refusals = Refusals(
            port, self.gate, limits.maximum_refusals_in_a_row, options.refusal_hold_s
        )
        self.publisher = Publisher(
            port, self.books, self.chains, self._check_losses, options.valuation_interval_s
        )
        risk = RiskChecker(limits)
        self.placements = Placements(
            port,
            self.books,
            self.publisher,
            self.gate,
            risk,
            self.refusals,
            lambda order: self.emulation.arm(order),
            options.self_trade_prevention,
        )
        self.cancels = Cancels(
            port, self.books, self.publisher, lambda order_id: self.emulation.disarm(order_id)
        )
        self.emulation = Emulation(
            port,
            self.books,
            self.publisher,
            self.gate,
            self.chains,
            self.placements,
            self.cancels,
            lambda change: self.settlement.settle(change),
        )
        self.inquiries = Inquiries(
            port,
            self.books,
            options.absence_after_s,
            lambda exchange: self.readiness.ask_snapshot(exchange),
            options.silence_s,
        )
        self.reducing = Reducing(port, self.publisher)
        self._put_actions_together(options)
        self._put_memory_together(run, limits, options, on_ready)

    def _put_actions_together(self, options: ManagerOptions) -> None:
        port, books, publisher, cancels = self.port, self.books, self.publisher, self.cancels
        self.amending = Amending(
            port, self.chains, publisher, self.placements, cancels, self.reducing
        )
        self.listings = Listings(port, books, self.chains, self.placements)
        self.replacing = Replacing(port, books, publisher, self.placements, cancels)
        self.kept_lists = KeptLists(port, books, cancels, self.emulation)
        self.closings = Closings(port, books, publisher, self.placements, cancels, self.amending)
        self.halts = Halts(
            port,
            books,
            self.gate,
            cancels,
            self.amending,
            self.closings,
            options.halt_patience_s,
        )
        self.settlement = Settlement(
            port,
            books,
            publisher,
            cancels,
            self.inquiries,
            self.amending,
            self.reducing,
            self.closings,
            self.halts,
            self.refusals,
            self.listings,
            self.replacing,
            self.emulation,
            self.kept_lists,
            self._on_adopted,
        )

    def _put_memory_together(
        self, run: int, limits: RiskLimits, options: ManagerOptions, on_ready: Callable[[], None]
    ) -> None:
        port, books, gate = self.port, self.books, self.gate
        self.checkpoints = Checkpoints(
            port,
            books,
            self.chains,
            gate,
            self.publisher,
            lambda: self.losses.marks(),
            options.checkpoint_entries,
        )
        self.losses = Losses(port, books, gate, self.halts, self.checkpoints, limits)
        self.failures = Failures(books, gate, self.settlement, self.reducing, self.checkpoints)
        restoring = Restoring(books, self.chains, gate, self.publisher, run)
        self.recovery = Recovery(
            port,
            books,
            restoring,
            self.settlement,
            self.cancels,
            self.inquiries,
            self.checkpoints,
            self.losses,
            self.halts,
            self.publisher,
            lambda: self.readiness.announce(),
        )
        self.readiness = Readiness(port, books, gate, lambda: self.recovery.is_waiting, on_ready)
        self.reconciliation = Reconciliation(
            port, books, gate, self.readiness, options.reconcile_interval_s
        )

        self.words = VenueWords(
            books,
            gate,
            self.settlement,
            self.inquiries,
            self.recovery,
            self.reconciliation,
            self.readiness,
            self.amending,
            self.reducing,
            self.halts,
            self.foreign,
        )

    def _check_losses(self) -> None:
        self.losses.check()

    def _on_adopted(self, order: Order) -> None:
        """An order of ours that nobody knew of: it is its strategy's, and its market is one of ours."""
        self.books.traded.add(order.strategy)
        self.readiness.learn_market(order.exchange, order.symbol)
        names = self.books.names
        run = names.find_run(order.client_order_id)
        if run is not None and run >= names.run_number and order.order_id == order.client_order_id:
            # Only an older copy of the journal can have forgotten it: this run's number is no new one.
            self.port.log.error(
                "%s was placed by run %d, this is run %d: the journal is older than the account's orders; "
                "ids go on from run %d",
                order.client_order_id,
                run,
                names.run_number,
                run + 1,
            )
            names.move_to(run + 1)
            self.checkpoints.ask()
            # What was traded meanwhile is not in it either.
            self.readiness.is_in_doubt = True
            self.readiness.ask_snapshot(order.exchange)
