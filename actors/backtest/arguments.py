"""What the command line says of files of market data."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import platformdirs

from actors.backtest.data_files import DataFile
from actors.backtest.errors import DataError
from actors.backtest.synthetic_data import is_synthetic, parse_terms

NAMED_FILE = re.compile(r"([A-Z0-9][A-Z0-9_-]*)=(.+)")
SUFFIXES = (".csv", ".zip", ".gz", ".zst", ".parquet", ".jsonl", ".recording")


def parse_data_files(words: Sequence[str], columns: Iterable[str] = ()) -> list[DataFile]:
    """The files that words name: `FILE`, `SYMBOL=FILE`, a folder, which means every file of market data in it, or
    `synthetic:SYMBOL:SECONDS:RATE:SEED`, which is the local exchange's own market.

    `columns` are texts such as `time=timestamp,price=px`, ours to the files'. Raises DataError for a word that names no
    file.
    """
    mapping = parse_columns(columns)
    files = []
    for word in words:
        if is_synthetic(word):
            parse_terms(word)
            files.append(DataFile(Path(word)))
            continue
        named = None if Path(word).exists() else NAMED_FILE.fullmatch(word)
        symbol, path = ("", Path(word)) if named is None else (named[1], Path(named[2]))
        if path.is_dir():
            found = sorted(item for item in path.iterdir() if item.name.endswith(SUFFIXES))
        else:
            found = [path] if path.is_file() else []
        if not found:
            raise DataError(f"{path}: there is no file of market data")
        files += [DataFile(item, symbol=symbol, columns=mapping) for item in found]
    return files


def parse_columns(texts: Iterable[str]) -> Mapping[str, str]:
    """Names of columns, ours to the file's. Raises DataError for a text that is not of the form `ours=theirs`."""
    columns: dict[str, str] = {}
    for text in texts:
        for pair in text.split(","):
            ours, equals, theirs = pair.partition("=")
            if not equals or not ours.strip() or not theirs.strip():
                raise DataError(f"--columns {text}: write ours=theirs,..., as in time=timestamp")
            columns[ours.strip()] = theirs.strip()
    return columns


def default_cache_folder() -> Path:
    """Where converted market data lie, in the user's cache folder; they may be deleted at any time."""
    return platformdirs.user_cache_path("ticktroupe") / "market_data"
