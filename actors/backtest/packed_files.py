"""Files as streams of bytes, whatever they are packed in, and text files as blocks of whole lines."""

import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import zstandard

from actors.backtest.errors import DataError

BLOCK_BYTES = 1 << 17
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UNPACKING_ERRORS = (
    EOFError,
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    zstandard.ZstdError,
)


@contextmanager
def open_unpacked(
    path: Path, on_progress: Callable[[float], None] | None = None
) -> Iterator[Callable[[int], bytes]]:
    """A function that reads the next bytes of a plain, gzip, zip or zstandard file, none at its end.

    Raises DataError for a file that cannot be opened, or for a zip file that does not hold exactly one file.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size

            def read(count: int) -> bytes:
                data = packed.read(count)
                if on_progress is not None and size:
                    on_progress(file.tell() / size)
                return data

            packed: IO[bytes] | gzip.GzipFile
            if path.suffix == ".zip":
                with (
                    zipfile.ZipFile(file) as archive,
                    archive.open(_only_member(archive)) as packed,
                ):
                    yield read
            elif path.suffix == ".gz":
                with gzip.GzipFile(fileobj=file) as packed:
                    yield read
            elif path.suffix in (".zst", ".zstd"):
                unpacker = zstandard.ZstdDecompressor()
                with unpacker.stream_reader(file, read_across_frames=True) as packed:
                    yield read
            else:
                packed = file
                yield read
    except UNPACKING_ERRORS as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def _only_member(archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if len(names) != 1:
        raise zipfile.BadZipFile(f"it must hold one file, and holds {len(names)}")
    return names[0]


def read_blocks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    r"""Blocks of whole lines, each ended by `\n`; without carriage returns and byte order marks."""
    rest = b""
    while data := read(BLOCK_BYTES):
        end = data.rfind(b"\n") + 1
        if end:
            yield _clean(rest + data[:end])
            rest = data[end:]
        else:
            rest += data
    if rest:
        yield _clean(rest + b"\n")


def _clean(block: bytes) -> bytes:
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    if BYTE_ORDER_MARK in block:
        block = block.replace(BYTE_ORDER_MARK, b"")
    return block
