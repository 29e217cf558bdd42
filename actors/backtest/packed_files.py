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
ENCRYPTED = 1
"""Bit of a zip file's flags."""
KNOWN_WAYS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
"""In which the content of a zip file may be packed."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UNPACKING_ERRORS = (
    EOFError,
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    zstandard.ZstdError,
)


class ZstandardFile:
    """A zstandard file, of any number of frames; the library's own reader takes a file that was cut for a whole one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpacker = zstandard.ZstdDecompressor()
        self._frame = self._unpacker.decompressobj()
        self._has_begun = False
        """Whether a part of the frame was read already."""
        self._ready = bytearray()

    def read(self, count: int) -> bytes:
        """The next bytes, none at the end. Raises EOFError for a file that ends within a frame."""
        while len(self._ready) < count and (data := self._file.read(BLOCK_BYTES)):
            while data:
                self._ready += self._frame.decompress(data)
                self._has_begun, data = not self._frame.eof, self._frame.unused_data
                if not self._has_begun:
                    self._frame = self._unpacker.decompressobj()
        if not self._ready and self._has_begun:
            raise EOFError("it was cut: it ends before its last frame does")
        found = bytes(self._ready[:count])
        del self._ready[:count]
        return found


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

            packed: IO[bytes] | gzip.GzipFile | ZstandardFile
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
                packed = ZstandardFile(file)
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
    member = archive.getinfo(names[0])
    if member.flag_bits & ENCRYPTED:
        raise zipfile.BadZipFile("it is encrypted")
    if member.compress_type not in KNOWN_WAYS:
        raise zipfile.BadZipFile(
            f"it is packed in a way that Python does not know, {member.compress_type}"
        )
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
