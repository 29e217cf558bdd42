"""`bin/backtest run` and `lookahead`: runs a backtest and reports; runs it again in part and looks for the future."""

import argparse
import gc
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from actors.backtest.engine import BacktestRun, run_backtest
from actors.backtest.errors import BacktestError
from actors.backtest.lookahead import find_lookahead
from actors.backtest.report import build_report, to_json
from actors.backtest.table import figure_rows
from actors.commands.backtest_setup import BacktestSetup, add_shared, read_setup

FAILED = 1


def add_run(parser: argparse.ArgumentParser) -> None:
    """The options of a run."""
    add_shared(parser)
    add = parser.add_argument
    add("--json", type=Path, metavar="FILE", help="write the whole result as JSON; - for stdout")
    add("--report", "--html", type=Path, metavar="FILE", help="write a page for the browser")
    add("--parquet", type=Path, metavar="FOLDER", help="write orders, fills, trades and equity")
    add("--quiet", action="store_true", help="print no table")


def run_run(arguments: argparse.Namespace) -> int:
    """Runs a backtest; 1 if it ended by a failure."""
    setup = read_setup(arguments)
    begin = time.perf_counter()
    # What is loaded by now stays: no collection needs to walk through it again.
    gc.freeze()
    run = run_backtest(setup.data, setup.actors, setup.settings)
    seconds = time.perf_counter() - begin
    report = build_report(run)
    if arguments.json is not None:
        write(arguments.json, to_json(report))
    if arguments.report is not None:
        from actors.backtest.page import build_page

        write(arguments.report, build_page(run, title_of(run)).encode())
    if arguments.parquet is not None:
        from actors.backtest.tables import write_tables

        write_tables(report, arguments.parquet)
    is_on_stdout = str(arguments.json) == "-"
    if not arguments.quiet and not is_on_stdout:
        show(run, report, seconds)
    for failure in filter(None, [run.failure, *run.record.failures]):
        print(f"failed: {failure}", file=sys.stderr)
    return FAILED if run.failure or run.record.failures else 0


def title_of(run: BacktestRun) -> str:
    """Which strategies ran."""
    return f"Backtest of {', '.join(item['name'] for item in run.actors)}"


def write(path: Path, content: bytes) -> None:
    """Writes a result. Raises BacktestError if that fails."""
    if str(path) == "-":
        with suppress(BrokenPipeError):  # a reader who has left wants no more
            sys.stdout.write(content.decode())
            sys.stdout.flush()
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise BacktestError(f"{path} cannot be written: {error.strerror}") from error


class PatientConsole(Console):
    """A console whose reader may leave early, as `head` does: that is no failure of the run."""

    def on_broken_pipe(self) -> None:
        """Says no more."""
        self.quiet = True
        sys.stdout = None


def show(run: BacktestRun, report: dict[str, Any], seconds: float) -> None:
    """The table on the terminal."""
    console = PatientConsole()
    table = Table(title=title_of(run), show_header=False, title_justify="left")
    table.add_column(style="dim")
    table.add_column(justify="right")
    for name, value in figure_rows(report["metrics"]):
        table.add_row(name, value)
    console.print(table)
    for note in run.notes:
        console.print(f"note: {note}", markup=False)
    for note in report["data"]["notes"]:
        console.print(f"data: {note['file']}: {note['text']}", markup=False)
    if not report["accounts"]["agrees"]:
        console.print("account, portfolio and trades do not agree: see `accounts` in the JSON")
    rate = run.message_count / seconds if seconds > 0 else 0.0
    console.print(f"{run.message_count:,} messages in {seconds:.2f} s, {rate:,.0f} a second")


def add_lookahead(parser: argparse.ArgumentParser) -> None:
    """The options of the check."""
    add_shared(parser)
    parser.add_argument(
        "--cuts", type=int, default=5, metavar="N", help="at how many places the data are cut (5)"
    )


def run_lookahead(arguments: argparse.Namespace) -> int:
    """Looks for the use of the future; 1 if it is found."""
    setup: BacktestSetup = read_setup(arguments)
    findings = find_lookahead(setup.data, setup.actors, setup.settings, arguments.cuts)
    for finding in findings:
        print(finding)
    if not findings:
        print(
            f"no use of the future was found: {arguments.cuts} cuts and as many later starts agree"
        )
    return FAILED if findings else 0
