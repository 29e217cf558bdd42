"""`bin/backtest download` against a loopback server that has the layout of the venue's public data site."""

import asyncio
import hashlib
import io
import os
import zipfile
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from actors.backtest import download as download_module
from actors.backtest.data_files import DataKind
from actors.backtest.download import Fetched, Wanted, download, path_of, periods_of
from actors.backtest.errors import DataError
from messages.enums import KlineInterval
from tests.backtest.data.files import load, trade_row


class Site:
    """The site: its files by path, and what it was asked for. `cut_after` ends answers after so many bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.cut_after: int | None = None
        self.failures: list[int] = []
        """Answered first, one a request."""
        self.url = ""

    def add(self, wanted: Wanted, period: str, first_id: int = 1) -> str:
        """A file of 2000 trades of a period."""
        path = path_of(wanted, period)
        rows = "\n".join(trade_row(first_id + n, 1700000000000 + first_id + n) for n in range(2000))
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(path.rsplit("/", 1)[-1].replace(".zip", ".csv"), rows)
        self.put(path, buffer.getvalue())
        return path

    def put(self, path: str, data: bytes) -> None:
        self.files[path] = data
        name = path.rsplit("/", 1)[-1]
        self.files[f"{path}.CHECKSUM"] = f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.lstrip("/")
        asked_range = request.headers.get("Range", "")
        self.requests.append((path, asked_range))
        if self.failures:
            return web.Response(status=self.failures.pop(0))
        data = self.files.get(path)
        if data is None:
            return web.Response(status=404)
        begin = int(asked_range.removeprefix("bytes=").rstrip("-")) if asked_range else 0
        if begin >= len(data):
            return web.Response(status=416)
        response = web.StreamResponse(status=206 if asked_range else 200)
        response.content_length = len(data) - begin
        await response.prepare(request)
        if (cut := self.cut_after) is not None and path.endswith(".zip"):
            self.cut_after = None
            await response.write(data[begin : begin + cut])
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(data[begin:])
        return response


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    found = Site()
    app = web.Application()
    app.router.add_get("/{path:.*}", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    server = web.TCPSite(runner, "127.0.0.1", 0)
    await server.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download_module, "FIRST_PAUSE_S", 0.01)


TRADES = Wanted("BTCUSDT", DataKind.TRADES, date(2024, 1, 30), date(2024, 3, 1))


def names_of(fetched: Fetched) -> list[str]:
    return [path.name for path in fetched.files]


def test_whole_months_are_one_file_and_the_rest_are_days() -> None:
    assert list(periods_of(TRADES.first, TRADES.last)) == [
        "2024-01-30",
        "2024-01-31",
        "2024-02",
        "2024-03-01",
    ]
    assert list(periods_of(date(2024, 2, 1), date(2024, 2, 28)))[-1] == "2024-02-28"


def test_the_site_s_layout() -> None:
    bars = Wanted(
        "BTCUSDT",
        DataKind.KLINES,
        TRADES.first,
        TRADES.last,
        interval=KlineInterval.MINUTE_5,
        market="um",
    )
    assert path_of(TRADES, "2024-02") == (
        "data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-02.zip"
    )
    assert path_of(bars, "2024-02-03") == (
        "data/futures/um/daily/klines/BTCUSDT/5m/BTCUSDT-5m-2024-02-03.zip"
    )


@pytest.mark.asyncio
async def test_files_are_fetched_checked_and_not_fetched_again(site: Site, tmp_path: Path) -> None:
    for index, period in enumerate(periods_of(TRADES.first, TRADES.last)):
        site.add(TRADES, period, 1 + 2000 * index)
    told: list[tuple[str, int, int]] = []
    fetched = await download(
        TRADES, tmp_path, site.url, lambda name, have, total: told.append((name, have, total))
    )
    assert names_of(fetched) == [
        "BTCUSDT-trades-2024-01-30.zip",
        "BTCUSDT-trades-2024-01-31.zip",
        "BTCUSDT-trades-2024-02.zip",
        "BTCUSDT-trades-2024-03-01.zip",
    ]
    assert fetched.missing == ()
    assert all(have == total for name, have, total in told if have == total)
    assert {name for name, have, total in told if have == total} == set(names_of(fetched))
    assert load(tmp_path, *fetched.files).streams[0].count == 8000
    site.requests.clear()
    again = await download(TRADES, tmp_path, site.url)
    assert (again.files, again.fetched_bytes) == (fetched.files, 0)
    assert all(path.endswith(".CHECKSUM") for path, _ in site.requests)


@pytest.mark.asyncio
async def test_what_was_cut_goes_on_where_it_ended(site: Site, tmp_path: Path) -> None:
    one_day = Wanted("BTCUSDT", DataKind.TRADES, TRADES.first, TRADES.first)
    path = site.add(one_day, "2024-01-30")
    site.cut_after = 30_000
    fetched = await download(one_day, tmp_path, site.url)
    assert fetched.files[0].read_bytes() == site.files[path]
    ranges = [asked for name, asked in site.requests if name == path]
    assert ranges[0] == ""
    assert ranges[1].startswith("bytes=")
    assert [path.name for path in fetched.files] == os.listdir(tmp_path)


@pytest.mark.asyncio
async def test_a_part_of_an_earlier_run_is_used_unless_it_is_wrong(
    site: Site, tmp_path: Path
) -> None:
    one_day = Wanted("BTCUSDT", DataKind.TRADES, TRADES.first, TRADES.first)
    path = site.add(one_day, "2024-01-30")
    data = site.files[path]
    part = tmp_path / "BTCUSDT-trades-2024-01-30.zip.part"
    for begin in (data[:1000], data, b"\0" * 1000, data + b"\0"):
        part.write_bytes(begin)
        fetched = await download(one_day, tmp_path, site.url)
        assert fetched.files[0].read_bytes() == data
        assert not part.exists()
        fetched.files[0].unlink()


@pytest.mark.asyncio
async def test_a_wrong_checksum_is_refused(site: Site, tmp_path: Path) -> None:
    one_day = Wanted("BTCUSDT", DataKind.TRADES, TRADES.first, TRADES.first)
    path = site.add(one_day, "2024-01-30")
    site.files[path] = site.files[path][:-1] + b"\1"
    with pytest.raises(DataError, match="checksum is wrong, twice"):
        await download(one_day, tmp_path, site.url)
    assert not os.listdir(tmp_path)
    site.files[f"{path}.CHECKSUM"] = b"<html>"
    with pytest.raises(DataError, match="is no checksum"):
        await download(one_day, tmp_path, site.url)


@pytest.mark.asyncio
async def test_a_month_that_is_missing_is_fetched_by_days(site: Site, tmp_path: Path) -> None:
    february = Wanted("BTCUSDT", DataKind.TRADES, date(2024, 2, 1), date(2024, 2, 29))
    for day in (1, 2, 29):
        site.add(february, f"2024-02-{day:02d}")
    fetched = await download(february, tmp_path, site.url)
    assert names_of(fetched) == [f"BTCUSDT-trades-2024-02-{day}.zip" for day in ("01", "02", "29")]
    assert len(fetched.missing) == 26
    assert fetched.missing[0] == "BTCUSDT-trades-2024-02-03.zip"


@pytest.mark.asyncio
async def test_a_server_in_trouble_is_asked_again_and_a_refusal_is_not(
    site: Site, tmp_path: Path
) -> None:
    one_day = Wanted("BTCUSDT", DataKind.TRADES, TRADES.first, TRADES.first)
    site.add(one_day, "2024-01-30")
    site.failures = [503, 500, 429]
    assert len((await download(one_day, tmp_path, site.url)).files) == 1
    site.failures = [403]
    site.requests.clear()
    with pytest.raises(DataError, match="answered 403"):
        await download(one_day, tmp_path / "other", site.url)
    assert len(site.requests) == 1
    site.failures = [503] * 10
    with pytest.raises(DataError, match="the same command goes on from there"):
        await download(one_day, tmp_path / "other", site.url)


@pytest.mark.asyncio
async def test_the_command(site: Site, tmp_path: Path) -> None:
    for period in periods_of(TRADES.first, TRADES.last):
        site.add(TRADES, period)
    words = [
        "download",
        "btcusdt",
        "--kind",
        "trades",
        "--from",
        "2024-01-30",
        "--to",
        "2024-03-02",
    ]
    process = await asyncio.create_subprocess_exec(
        Path(__file__).parents[3] / "bin" / "backtest",
        *words,
        "--base-url",
        site.url,
        "--folder",
        tmp_path / "data",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert [Path(line).name for line in output.decode().split()] == [
        "BTCUSDT-trades-2024-01-30.zip",
        "BTCUSDT-trades-2024-01-31.zip",
        "BTCUSDT-trades-2024-02.zip",
        "BTCUSDT-trades-2024-03-01.zip",
    ]
    assert "the site has no BTCUSDT-trades-2024-03-02.zip" in errors.decode()
    assert process.returncode == 1
