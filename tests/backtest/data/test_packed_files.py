"""Packed files: whole ones of every kind are read, and what is cut, locked or strange is said in one line."""

import gzip
import io
import zipfile
from pathlib import Path

import pytest
import zstandard

from actors.backtest.errors import DataError
from actors.backtest.packed_files import open_unpacked

CONTENT = b"".join(b"%d,%d\n" % (number, number * 7919 % 1_000_003) for number in range(60_000))


def read_all(path: Path, size: int = 10_000) -> bytes:
    found = []
    with open_unpacked(path) as read:
        while data := read(size):
            found.append(data)
    return b"".join(found)


def packed_zip(content: bytes) -> bytearray:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.csv", content)
    return bytearray(buffer.getvalue())


def in_frames(content: bytes) -> bytes:
    """Several zstandard frames, one after the other, as pzstd and our own recordings write them."""
    pack = zstandard.ZstdCompressor().compress
    return b"".join(
        pack(content[begin : begin + 99_991]) for begin in range(0, len(content), 99_991)
    )


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("rows.csv", CONTENT),
        ("rows.csv.gz", gzip.compress(CONTENT)),
        ("rows.zip", bytes(packed_zip(CONTENT))),
        ("rows.csv.zst", zstandard.ZstdCompressor().compress(CONTENT)),
        ("rows.csv.zst", in_frames(CONTENT)),
        ("rows.csv.zst", zstandard.ZstdCompressor(write_content_size=False).compress(CONTENT)),
    ],
)
def test_what_was_packed_comes_out(name: str, packed: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(packed)
    assert read_all(path) == CONTENT


@pytest.mark.parametrize(
    "packed", [zstandard.ZstdCompressor().compress(CONTENT), in_frames(CONTENT)]
)
@pytest.mark.parametrize("left_out", [1, 1_000])
def test_a_zstandard_file_that_was_cut_is_not_taken_for_a_whole_one(
    packed: bytes, left_out: int, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv.zst"
    path.write_bytes(packed[:-left_out])
    with pytest.raises(DataError, match=r"rows.csv.zst: cannot be read \(it was cut"):
        read_all(path)


def test_a_zip_file_that_is_locked_or_packed_strangely_is_said(tmp_path: Path) -> None:
    path = tmp_path / "rows.zip"
    locked, strange = packed_zip(b"1,2\n"), packed_zip(b"1,2\n")
    entry = locked.index(b"PK\x01\x02")
    locked[6], locked[entry + 8] = locked[6] | 1, locked[entry + 8] | 1
    strange[8], strange[entry + 10] = 9, 9
    for packed, why in ((locked, "it is encrypted"), (strange, "it is packed in a way")):
        path.write_bytes(packed)
        with pytest.raises(DataError, match=f"rows.zip: cannot be read .{why}"):
            read_all(path)
