"""Files into the cache, each once: a folder a file, named by what it was made from and by whom.

The name is a digest of all the file's bytes and its name, of what the user said of it, and of the version of this
conversion. A folder is made under another name and put in its place when it is whole, so neither a killed
conversion nor two at once leave a half one.
"""

import gc
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from actors.backtest.data_files import DataFile, DataKind, Note
from actors.backtest.errors import DataError
from actors.backtest.file_digest import digest_of
from actors.backtest.parquet_rows import convert_parquet
from actors.backtest.recorded_frames import convert_frames
from actors.backtest.recordings import RECORDING_SUFFIX, convert_recording, is_recording
from actors.backtest.stream_set import StoredStream, StreamSet
from actors.backtest.synthetic_data import convert_synthetic, is_synthetic, parse_terms
from actors.backtest.table_rows import convert_csv
from messages.enums import Exchanges

CONVERSION_VERSION = 4
"""Goes up whenever the same file would be converted otherwise."""
MANIFEST = "manifest.json"

Progress = Callable[[str, float], None]
Converter = Callable[
    [DataFile, Exchanges, StreamSet, bool, Callable[[float], None] | None], list[Note]
]


class Converted(msgspec.Struct, frozen=True):
    """What a folder of the cache holds."""

    source: str
    streams: tuple[StoredStream, ...]
    notes: tuple[Note, ...]
    digest: str
    """SHA-256 of its files: equal data have equal digests."""


def convert_files(
    files: Sequence[DataFile],
    cache_folder: Path,
    exchange: Exchanges = Exchanges.BINANCE,
    repair: bool = False,
    on_progress: Progress | None = None,
) -> list[tuple[Path, Converted]]:
    """The folder of each file in the cache, and what is in it; what is not there yet is converted.

    Raises DataError for a file that cannot be used, OSError if the cache cannot be written.
    """
    return [convert_file(file, cache_folder, exchange, repair, on_progress) for file in files]


def convert_file(
    file: DataFile,
    cache_folder: Path,
    exchange: Exchanges = Exchanges.BINANCE,
    repair: bool = False,
    on_progress: Progress | None = None,
) -> tuple[Path, Converted]:
    """The folder of a file in the cache, and what is in it.

    Raises DataError for a file that cannot be used, OSError if the cache cannot be written.
    """
    folder = cache_folder / find_cache_name(file, cache_folder, exchange, repair)
    if (found := read_manifest(folder)) is not None:
        return folder, found
    cache_folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="converting-", dir=cache_folder))
    try:
        tell = None
        if on_progress is not None:
            report = on_progress

            def tell(part: float) -> None:
                report(file.path.name, part)

        with without_garbage_collection():
            converted = _convert(file, scratch, exchange, repair, tell)
        (scratch / MANIFEST).write_bytes(msgspec.json.encode(converted))
        try:
            scratch.rename(folder)
        except OSError:
            if (
                read_manifest(folder) is None
            ):  # damaged: not one that another process made meanwhile
                shutil.rmtree(folder)
                scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder, converted


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Rows are tuples without cycles: looking for cycles among them takes a quarter of the time, and finds none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _convert(
    file: DataFile,
    folder: Path,
    exchange: Exchanges,
    repair: bool,
    on_progress: Callable[[float], None] | None,
) -> Converted:
    streams = StreamSet(folder, file.path, exchange, repair=repair)
    try:
        notes = find_converter(file)(file, exchange, streams, repair, on_progress)
        stored, more_notes = streams.close()
    except BaseException:
        streams.abandon()
        raise
    if not stored:
        raise DataError(f"{file.path}: there is nothing in it that a backtest could use")
    digest = hashlib.sha256()
    for stream in stored:
        digest.update(msgspec.json.encode(stream.key))
        for segment in stream.segments:
            with (folder / segment.name).open("rb") as written:
                digest.update(hashlib.file_digest(written, "sha256").digest())
    return Converted(
        str(file.path), tuple(stored), tuple(sorted(notes + more_notes)), digest.hexdigest()
    )


def find_converter(file: DataFile) -> Converter:
    """What reads a file of this name and kind."""
    name = file.path.name
    if is_synthetic(str(file.path)):
        return convert_synthetic
    is_named_so = file.kind is DataKind.RECORDING or name.endswith(RECORDING_SUFFIX)
    if is_named_so or (file.kind is None and is_recording(file.path)):
        return convert_recording
    if file.kind is DataKind.FRAMES or ".jsonl" in name:
        return convert_frames
    return convert_parquet if name.endswith(".parquet") else convert_csv


def find_cache_name(file: DataFile, cache_folder: Path, exchange: Exchanges, repair: bool) -> str:
    """The name of a file's folder in the cache. Raises DataError if the file cannot be read."""
    if is_synthetic(str(file.path)):
        told_market = (CONVERSION_VERSION, str(parse_terms(str(file.path))), exchange)
        return hashlib.sha256(msgspec.json.encode(told_market)).hexdigest()[:32]
    try:
        content = digest_of(file.path, cache_folder)
    except OSError as error:
        raise DataError(f"{file.path}: cannot be read ({error.strerror})") from error
    told = (
        CONVERSION_VERSION,
        file.path.name,
        content,
        file.symbol,
        file.kind,
        file.interval,
        sorted(file.columns.items()),
        exchange,
        repair,
    )
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:32]


def read_manifest(folder: Path) -> Converted | None:
    """What a folder of the cache holds; None if there is none, or none that can be read."""
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Converted)
    except (OSError, msgspec.MsgspecError):
        return None
