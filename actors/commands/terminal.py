"""What a user sees while the bot runs: a live picture in a terminal, plain lines elsewhere."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from actors.commands.amounts import (
    show,
    show_amounts,
    show_counts,
    show_latency,
    show_price,
)
from actors.commands.latencies import show_quantiles
from actors.commands.monitor import BotFigures
from actors.runtime.system import System
from messages.control import END_OF_BOT

REFRESH_S = 0.25
PLAIN_LINE_S = 5.0
STARTING_LINE_S = 2.0
SHOWN_ORDERS = 8
GUTTER = 2
SHORTEST_TEXT = 6


class SteadyConsole(Console):
    """A console whose end may go away: then it falls silent, and the bot trades on."""

    def on_broken_pipe(self) -> None:
        """Nobody reads any more; the base class would end the program here."""
        self.quiet = True

    def _check_buffer(self) -> None:
        """Writes what was printed, at whichever step: a terminal that was closed is as such a pipe, and so is a full disk."""
        try:
            super()._check_buffer()
        except OSError:
            self.on_broken_pipe()


class Terminal:
    """Draws the bot's figures."""

    def __init__(
        self,
        title: str,
        figures: Callable[[], BotFigures],
        system: System,
        console: Console | None = None,
    ) -> None:
        self.title = title
        self.figures = figures
        self.system = system
        self.console = console or SteadyConsole(stderr=True)
        self.is_live = self.console.is_terminal
        self.started_ns = system.clock.monotonic_ns()
        self.live: Live | None = None
        self.redirected: list[logging.StreamHandler[Any]] = []

    @property
    def interval_s(self) -> float:
        """Seconds between two calls of `refresh`."""
        if self.is_live:
            return REFRESH_S
        return PLAIN_LINE_S if self.figures().is_ready else STARTING_LINE_S

    def tell_where(self, folder: Path) -> None:
        """Says at once what runs, where its log is, and how it ends."""
        text = f"{self.title}; Ctrl-C stops it in good order; state and log lie in {folder}"
        self.say(text)

    def say(self, line: str) -> None:
        """Prints one line, however long."""
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def start(self) -> None:
        """Opens the live picture, where there is a terminal; the log appears above it."""
        if not self.is_live:
            return
        self.live = Live(self.draw(), console=self.console, auto_refresh=False)
        stderr = sys.stderr
        self.live.start(refresh=True)
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is stderr:
                handler.setStream(sys.stderr)
                self.redirected.append(handler)

    def refresh(self) -> None:
        """Draws anew, or prints one line."""
        if self.live is not None:
            self.live.update(self.draw(), refresh=True)
        else:
            self.say(self.line())

    def stop(self) -> None:
        """Leaves the last picture standing."""
        if self.live is None:
            return
        self.refresh()
        self.live.stop()
        self.live = None
        for handler in self.redirected:
            handler.setStream(sys.stderr)
        self.redirected.clear()

    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return (self.system.clock.monotonic_ns() - self.started_ns) / 1e9

    def state(self) -> str:
        """In a few words how the bot stands."""
        figures = self.figures()
        if figures.halted == END_OF_BOT:
            return "stopping: its orders are canceled"
        if figures.halted:
            return f"halted: {figures.halted}"
        if figures.held:
            return f"on hold: {figures.held}"
        if figures.is_ready:
            out = ", ".join(sorted(figures.stopped_actors))
            return f"trading without {out}" if out else "trading"
        return "starting: waiting for the venue's account, rules and prices"

    def line(self) -> str:
        """Everything that matters in one line, for logs and pipes."""
        figures = self.figures()
        prices = " ".join(
            f"{symbol} {show_price(bid)}/{show_price(ask)}"
            for symbol, (bid, ask) in sorted(figures.last_prices.items())
        )
        counts = self.system.statistics().values()
        return (
            f"{self.elapsed_s():7.1f}s {self.state()} | {prices or 'no quote yet'} | orders {figures.order_count} "
            f"open {len(figures.open_orders)} fills {figures.fill_count} | "
            f"profit {show_amounts(figures.realized_profit())} "
            f"(open {show_amounts(figures.unrealized_profit())}) before fees {show_amounts(figures.fees())} | "
            f"tick to ack {show_latency(figures.tick_to_acknowledged_us)} | restarts {figures.restarts} "
            f"conflated {sum(item['conflated'] for item in counts)} dropped {sum(item['dropped'] for item in counts)}"
        )

    def draw(self) -> RenderableType:
        """The whole picture."""
        figures = self.figures()
        parts: list[RenderableType] = [
            Panel(
                self._draw_head(figures), title=Text(self.title), border_style=self._colour(figures)
            ),
            fit(draw_prices(figures), self.console.width),
        ]
        if figures.positions:
            parts.append(fit(draw_positions(figures), self.console.width))
        if figures.open_orders:
            parts.append(fit(draw_orders(figures), self.console.width))
        if figures.latencies:
            parts.append(fit(draw_latencies(figures), self.console.width))
        parts.append(fit(self._draw_actors(), self.console.width))
        parts += [
            Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in figures.recent
        ]
        return Group(*parts)

    def _colour(self, figures: BotFigures) -> str:
        if figures.halted and figures.halted != END_OF_BOT:
            return "red"
        is_trading = figures.is_ready and not figures.held and not figures.halted
        return "green" if is_trading else "yellow"

    def _draw_head(self, figures: BotFigures) -> Table:
        head = Table.grid(padding=(0, 2))
        sent = f"{figures.order_count} sent, {len(figures.open_orders)} open, {figures.fill_count} fills"
        if figures.orders_by_status:
            sent += f"; {show_counts(figures.orders_by_status)}"
        rows = {
            "state": self.state(),
            "running": f"{self.elapsed_s():.0f} s",
            "orders": sent,
            "refused": show_counts(figures.refusals),
            "profit": f"{show_amounts(figures.realized_profit())} realised, "
            f"{show_amounts(figures.unrealized_profit())} open, before fees",
            "fees": show_amounts(figures.fees()),
            "tick to acknowledged": show_latency(figures.tick_to_acknowledged_us),
        }
        for name, value in rows.items():
            if value:
                head.add_row(Text(name, style="dim"), Text(value))
        return head

    def _draw_actors(self) -> Table:
        table = make_table(
            ["actor"], ["handled", "conflated", "dropped", "deepest", "restarts", ""]
        )
        for name, item in self.system.statistics().items():
            counts = ("handled", "conflated", "dropped", "peak_depth", "restarts")
            table.add_row(
                Text(name), *(str(item[key]) for key in counts), "out" if item["is_out"] else ""
            )
        return table


def make_table(texts: list[str], figures: list[str]) -> Table:
    """A table of columns of text, which `fit` may narrow, and of figures, which are never broken."""
    table = Table(box=None, padding=(0, GUTTER, 0, 0), header_style="bold", pad_edge=False)
    for name in texts:
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def fit(table: Table, width: int) -> Table:
    """Narrows the texts, the widest first, until the table is no wider than that; left alone, figures would be cut too."""
    widths = [
        max(cell_len(str(cell)) for cell in (column.header, *column.cells))
        for column in table.columns
    ]
    texts = [index for index, column in enumerate(table.columns) if column.justify == "left"]
    excess = sum(widths) + GUTTER * (len(widths) - 1) - width
    while excess > 0 and texts:
        widest = max(texts, key=lambda index: widths[index])
        if widths[widest] <= SHORTEST_TEXT:
            break
        widths[widest] -= 1
        excess -= 1
    for index in texts:
        table.columns[index].max_width = widths[index]
    return table


def draw_prices(figures: BotFigures) -> Table:
    """Best bid and ask of each symbol, and whether they can be trusted."""
    table = make_table(["symbol", "feed"], ["bid", "ask"])
    for symbol, (bid, ask) in sorted(figures.last_prices.items()):
        feed = str(figures.feed_states.get(symbol, ""))
        table.add_row(symbol, feed, show_price(bid), show_price(ask))
    return table


def draw_positions(figures: BotFigures) -> Table:
    """What each strategy holds, and what it has made of it."""
    table = make_table(["strategy", "symbol"], ["holds", "average", "realised", "open profit"])
    for _, held in sorted(figures.positions.items()):
        average = held.average_price
        table.add_row(
            Text(held.strategy),
            held.symbol,
            show(held.quantity),
            f"{average:.2f}" if average >= 1 else show(average),
            show(held.realized_profit),
            show(held.unrealized_profit),
        )
    return table


def draw_latencies(figures: BotFigures) -> Table:
    """How long each strategy's orders took, in ms: to the socket, and from there to the venue's word."""
    table = make_table(["latency", "of"], ["p50", "p99", "p99.9", "max ms"])
    for name, latency in sorted(figures.latencies.items()):
        for what, histogram in (
            ("tick to order", latency.tick_to_order),
            ("acknowledgement", latency.order_to_acknowledged),
        ):
            if histogram.get_total_count():
                table.add_row(what, Text(name), *show_quantiles(histogram))
    return table


def draw_orders(figures: BotFigures) -> Table:
    """The newest open orders, and how many more there are."""
    table = make_table(["open order", "status"], ["side", "price", "quantity", "filled"])
    orders = list(figures.open_orders.values())
    for order in orders[-SHOWN_ORDERS:]:
        table.add_row(
            Text(order.client_order_id or order.order_id),
            order.status.value,
            order.side.value,
            show(order.price) if order.price else order.order_type.value,
            show(order.quantity),
            show(order.executed_quantity),
        )
    if len(orders) > SHOWN_ORDERS:
        table.add_row(f"and {len(orders) - SHOWN_ORDERS} more", "", "", "", "", "")
    return table
