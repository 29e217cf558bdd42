"""What a user sees while the bot runs: a live table in a terminal, plain lines elsewhere."""

from collections.abc import Callable
from decimal import Decimal

from hdrh.histogram import HdrHistogram
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from actors.commands.monitor import BotFigures
from actors.runtime.system import System

REFRESH_S = 0.25
PLAIN_LINE_S = 5.0


def show(number: Decimal) -> str:
    """A decimal without needless zeros or exponent."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def show_amounts(amounts: dict[str, Decimal]) -> str:
    """Amounts per asset, such as `1.5 USDT, 0.001 BTC`."""
    return ", ".join(f"{show(amount)} {asset}" for asset, amount in sorted(amounts.items())) or "0"


def show_latency(histogram: HdrHistogram) -> str:
    """Median, 99th percentile and greatest of a histogram of microseconds."""
    if not histogram.get_total_count():
        return "-"
    middle, high = (histogram.get_value_at_percentile(part) for part in (50, 99))
    return f"p50 {middle / 1000:.1f} ms, p99 {high / 1000:.1f} ms, max {histogram.get_max_value() / 1000:.1f} ms"


class Terminal:
    """Draws the bot's figures."""

    def __init__(self, title: str, figures: Callable[[], BotFigures], system: System) -> None:
        self.title = title
        self.figures = figures
        self.system = system
        self.console = Console(stderr=True)
        self.is_live = self.console.is_terminal
        self.started_ns = system.clock.monotonic_ns()
        self.live: Live | None = None

    @property
    def interval_s(self) -> float:
        """Seconds between two calls of `refresh`."""
        return REFRESH_S if self.is_live else PLAIN_LINE_S

    def start(self) -> None:
        """Opens the live table, where there is a terminal."""
        if self.is_live:
            self.live = Live(self.draw(), console=self.console, auto_refresh=False, transient=False)
            self.live.start(refresh=True)

    def refresh(self) -> None:
        """Draws anew, or prints one line."""
        if self.live is not None:
            self.live.update(self.draw(), refresh=True)
        else:
            self.console.print(self.line(), highlight=False, soft_wrap=True)

    def stop(self) -> None:
        """Leaves the last picture standing."""
        if self.live is not None:
            self.live.update(self.draw(), refresh=True)
            self.live.stop()
            self.live = None

    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return (self.system.clock.monotonic_ns() - self.started_ns) / 1e9

    def state(self) -> str:
        """In one word how the bot stands."""
        figures = self.figures()
        if figures.halted:
            return f"halted: {figures.halted}"
        if figures.held:
            return f"on hold: {figures.held}"
        return "trading" if figures.is_ready else "starting"

    def line(self) -> str:
        """Everything that matters in one line, for logs and pipes."""
        figures = self.figures()
        prices = " ".join(
            f"{symbol} {bid:.8g}/{ask:.8g}"
            for symbol, (bid, ask) in sorted(figures.last_prices.items())
        )
        counts = self.system.statistics().values()
        return (
            f"{self.elapsed_s():7.1f}s {self.state()} | {prices or 'no price yet'} | orders {figures.order_count} "
            f"open {len(figures.open_orders)} fills {figures.fill_count} | "
            f"profit {show_amounts(figures.realized_profit())} "
            f"(open {show_amounts(figures.unrealized_profit())}) | "
            f"tick to ack {show_latency(figures.tick_to_acknowledged_us)} | restarts {figures.restarts} "
            f"conflated {sum(item['conflated'] for item in counts)} dropped {sum(item['dropped'] for item in counts)}"
        )

    def draw(self) -> Group:
        """The whole picture."""
        figures = self.figures()
        head = Table.grid(padding=(0, 2))
        head.add_row("state", self.state())
        head.add_row("running", f"{self.elapsed_s():.0f} s")
        head.add_row(
            "orders",
            f"{figures.order_count} sent, {len(figures.open_orders)} open, {figures.fill_count} fills"
            + "".join(
                f", {count} {status.lower()}"
                for status, count in sorted(figures.orders_by_status.items())
            ),
        )
        if figures.refusals:
            refused = ", ".join(
                f"{count} {name.lower()}" for name, count in sorted(figures.refusals.items())
            )
            head.add_row("refused", refused)
        head.add_row(
            "profit",
            f"{show_amounts(figures.realized_profit())} realised, "
            f"{show_amounts(figures.unrealized_profit())} open",
        )
        head.add_row("fees", show_amounts(figures.fees()))
        head.add_row("tick to acknowledged", show_latency(figures.tick_to_acknowledged_us))
        return Group(
            Panel(head, title=self.title, border_style="cyan"),
            self._draw_market(),
            self._draw_orders(),
            self._draw_actors(),
            Text("\n".join(figures.recent), style="dim"),
        )

    def _draw_market(self) -> Table:
        figures = self.figures()
        table = Table(
            "symbol",
            "bid",
            "ask",
            "feed",
            "strategy",
            "holds",
            "average",
            "realised",
            "open profit",
        )
        for symbol, (bid, ask) in sorted(figures.last_prices.items()):
            holders = [item for key, item in sorted(figures.positions.items()) if key[1] == symbol]
            feed = figures.feed_states.get(symbol)
            row = [symbol, f"{bid:.8g}", f"{ask:.8g}", str(feed or "LIVE")]
            if not holders:
                table.add_row(*row, "", "", "", "", "")
            for held in holders:
                table.add_row(
                    *row,
                    held.strategy,
                    show(held.quantity),
                    f"{held.average_price:.8g}",
                    f"{held.realized_profit:.6g}",
                    f"{held.unrealized_profit:.6g}",
                )
                row = ["", "", "", ""]
        return table

    def _draw_orders(self) -> Table:
        table = Table("open order", "strategy", "side", "price", "quantity", "filled", "status")
        for order in list(self.figures().open_orders.values())[-10:]:
            table.add_row(
                order.client_order_id or order.order_id,
                order.strategy,
                order.side.value,
                show(order.price) if order.price else order.order_type.value,
                show(order.quantity),
                show(order.executed_quantity),
                order.status.value,
            )
        return table

    def _draw_actors(self) -> Table:
        table = Table("actor", "handled", "conflated", "dropped", "deepest", "restarts", "")
        for name, item in self.system.statistics().items():
            table.add_row(
                name,
                *(
                    str(item[key])
                    for key in ("handled", "conflated", "dropped", "peak_depth", "restarts")
                ),
                "out" if item["is_out"] else "",
            )
        return table
