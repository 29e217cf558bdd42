"""`bin/backtest download` and `bin/backtest export`: market data from the venue's public site, and data as Parquet."""

import argparse
import asyncio
import sys
from datetime import date
from pathlib import Path

from actors.backtest.arguments import default_cache_folder, parse_data_files
from actors.backtest.data_files import DataKind
from actors.backtest.download import BASE_URL, KINDS, MARKETS, Wanted, download
from actors.backtest.errors import DataError
from actors.backtest.export import export_data, export_recording
from actors.backtest.recordings import is_recording
from actors.backtest.source import open_data
from messages.enums import KlineInterval

MEGABYTE = 1_000_000
FAILED = 1


def add_download(parser: argparse.ArgumentParser) -> None:
    """The command line of `download`."""
    parser.description = (
        "Fetches Binance's public data files: whole months as one file, the days that are left one by one. Each is "
        "checked by its checksum; what is there already is not fetched again, and what was cut goes on. Prints the files."
    )
    add = parser.add_argument
    add("symbol", metavar="SYMBOL", help="such as BTCUSDT")
    add("--kind", choices=[str(kind) for kind in KINDS], default="trades", help="(trades)")
    add("--interval", default="1m", help="of klines (1m)")
    add("--from", dest="first", type=day, required=True, metavar="DAY", help="first day, UTC")
    add("--to", dest="last", type=day, required=True, metavar="DAY", help="last day, included")
    add(
        "--market", choices=sorted(MARKETS), default="spot", help="spot, or USD-M or COIN-M futures"
    )
    add("--base-url", default=BASE_URL, metavar="URL", help=f"the site ({BASE_URL})")
    add("--folder", type=Path, default=Path("data"), metavar="FOLDER", help="where to (data)")


def day(text: str) -> date:
    """A day, as 2024-01-31."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write 2024-01-31") from None


def run_download(arguments: argparse.Namespace) -> int:
    """Fetches; prints the path of each file. Gives 0, or 1 if the site lacks any. Raises DataError for what fails."""
    interval = KlineInterval(arguments.interval)
    if interval is KlineInterval.UNRECOGNISED:
        raise DataError(f"--interval {arguments.interval}: no such interval")
    wanted = Wanted(
        arguments.symbol.upper(),
        DataKind(arguments.kind),
        arguments.first,
        arguments.last,
        interval,
        arguments.market,
    )
    try:
        fetched = asyncio.run(download(wanted, arguments.folder, arguments.base_url, show_progress))
    except OSError as error:
        raise DataError(f"{arguments.folder}: cannot be written ({error})") from error
    if sys.stderr.isatty():
        print(file=sys.stderr)
    for path in fetched.files:
        print(path)
    for name in fetched.missing:
        print(f"the site has no {name}", file=sys.stderr)
    print(
        f"{len(fetched.files)} files, {fetched.fetched_bytes / MEGABYTE:.1f} MB fetched",
        file=sys.stderr,
    )
    return FAILED if fetched.missing else 0


def show_progress(name: str, have: int, total: int) -> None:
    """How far a file has come, on a terminal."""
    if not sys.stderr.isatty():
        return
    part = (
        f"{have / total:4.0%} of {total / MEGABYTE:.1f} MB"
        if total
        else f"{have / MEGABYTE:.1f} MB"
    )
    print(f"\r{name}: {part}   ", end="", file=sys.stderr, flush=True)


def add_export(parser: argparse.ArgumentParser) -> None:
    """The command line of `export`."""
    parser.description = (
        "Writes market data as Parquet, a file for each symbol and class: trades, book tickers and bars can be read back as "
        "data, order books not. Of a recording also every message that an actor handled or sent. Prints the files."
    )
    add = parser.add_argument
    add(
        "files",
        nargs="+",
        metavar="DATA",
        help="files of market data or recordings, or SYMBOL=FILE",
    )
    add("--folder", type=Path, default=Path("."), metavar="FOLDER", help="where to (here)")
    add("--columns", action="append", default=[], metavar="MAP", help="columns of other CSV files")
    add("--repair", action="store_true", help="leave out broken rows, and sort what goes back")
    add("--cache", type=Path, metavar="FOLDER", help="where converted data are kept")


def run_export(arguments: argparse.Namespace) -> int:
    """Writes the files, and prints the path of each. Raises DataError for what cannot be read or written."""
    files = parse_data_files(arguments.files, columns=arguments.columns)
    try:
        for file in files:
            if is_recording(file.path):
                target = arguments.folder / f"{file.path.stem}-messages.parquet"
                export_recording(file.path, target)
                print(target)
        data = open_data(files, arguments.cache or default_cache_folder(), repair=arguments.repair)
        for path in export_data(data, arguments.folder):
            print(path)
    except OSError as error:
        raise DataError(f"cannot be written: {error}") from error
    for note in data.notes:
        print(f"{note.file}: {note.text}", file=sys.stderr)
    return 0
