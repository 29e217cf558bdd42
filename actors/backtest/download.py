"""Fetches Binance's public data files: whole months as one file, what is left day by day, each checked by its checksum.

The site's layout is that of github.com/binance/binance-public-data (README, "Where do I access the data through the
Binance website"): `data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-01.zip`, the same with `daily` and a date, bars
with their interval as one folder more, futures below `data/futures/um`; beside each file its `.CHECKSUM` (SHA-256 and
name). A file that is there whole is not fetched again; one that was cut goes on where it ends.
"""

import asyncio
import calendar
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import aiohttp

from actors.backtest.data_files import DataKind
from actors.backtest.errors import DataError
from messages.enums import KlineInterval

BASE_URL = "https://data.binance.vision"
MARKETS = {"spot": "spot", "um": "futures/um", "cm": "futures/cm"}
KINDS = (DataKind.TRADES, DataKind.AGGREGATE_TRADES, DataKind.KLINES, DataKind.BOOK_TICKER)
PART_BYTES = 1 << 16
ATTEMPTS = 4
FIRST_PAUSE_S = 0.5
TIMEOUT = aiohttp.ClientTimeout(total=None, connect=20.0, sock_read=60.0)
PARTIAL = 206
NOT_FOUND = 404
RANGE_NOT_SATISFIABLE = 416

Result = TypeVar("Result")
Progress = Callable[[str, int, int], None]
"""Told a file's name, how many of its bytes are here, and how many it has (0 if that is not known)."""


@dataclass(frozen=True)
class Wanted:
    """What to fetch: `first` to `last`, both days included, UTC."""

    symbol: str
    kind: DataKind
    first: date
    last: date
    interval: KlineInterval = KlineInterval.MINUTE_1
    market: str = "spot"


@dataclass(frozen=True)
class Fetched:
    """What came of it."""

    files: tuple[Path, ...]
    """In order of time."""
    missing: tuple[str, ...]
    """Names of files that the site does not have."""
    fetched_bytes: int


def periods_of(first: date, last: date) -> Iterator[str]:
    """Whole months as `2024-01`, the days that are left as `2024-02-03`, in order of time."""
    day = first
    while day <= last:
        end = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        if day.day == 1 and end <= last:
            yield f"{day:%Y-%m}"
            day = end + timedelta(days=1)
        else:
            yield f"{day:%Y-%m-%d}"
            day += timedelta(days=1)


def days_of(period: str) -> list[str]:
    """The days of a month, `2024-01`."""
    year, month = map(int, period.split("-"))
    return [f"{period}-{day:02d}" for day in range(1, calendar.monthrange(year, month)[1] + 1)]


def is_month(period: str) -> bool:
    """Whether a period is a month, and not a day."""
    return period.count("-") == 1


def path_of(wanted: Wanted, period: str) -> str:
    """Where the file of a period lies on the site."""
    folder, name = f"{wanted.kind}/{wanted.symbol}", str(wanted.kind)
    if wanted.kind is DataKind.KLINES:
        folder, name = f"{folder}/{wanted.interval}", str(wanted.interval)
    frequency = "monthly" if is_month(period) else "daily"
    return f"data/{MARKETS[wanted.market]}/{frequency}/{folder}/{wanted.symbol}-{name}-{period}.zip"


class Downloader:
    """Fetches files into a folder, one after another."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        folder: Path,
        on_progress: Progress | None = None,
    ) -> None:
        self._session, self._base_url, self._folder = session, base_url.rstrip("/"), folder
        self._on_progress = on_progress
        self.fetched_bytes = 0

    async def fetch_period(self, wanted: Wanted, period: str) -> tuple[list[Path], list[str]]:
        """The files of a period, and the names of those that are missing; a month that is missing is fetched by days.

        Raises DataError for what cannot be fetched, or not whole.
        """
        path = path_of(wanted, period)
        if (file := await self.fetch_file(path)) is not None:
            return [file], []
        if not is_month(period):
            return [], [path.rsplit("/", 1)[-1]]
        files, missing = [], []
        for day in days_of(period):
            path = path_of(wanted, day)
            if (file := await self.fetch_file(path)) is not None:
                files.append(file)
            else:
                missing.append(path.rsplit("/", 1)[-1])
        return files, missing

    async def fetch_file(self, path: str) -> Path | None:
        """One file, checked; None if the site does not have it.

        Raises DataError if it cannot be fetched, or its checksum is wrong twice.
        """
        target = self._folder / path.rsplit("/", 1)[-1]
        for _ in range(2):
            checksum = await self._read_checksum(path)
            if checksum is None:
                return None
            if target.exists() and digest_of(target) == checksum:
                self._tell(target.name, target.stat().st_size, target.stat().st_size)
                return target
            part = target.with_name(target.name + ".part")
            if not await self._retried(partial(self._fetch_rest, path, part)):
                return None
            if digest_of(part) == checksum:
                part.replace(target)
                return target
            part.unlink()
        raise DataError(f"{self._base_url}/{path}: its checksum is wrong, twice")

    async def _read_checksum(self, path: str) -> str | None:
        text = await self._retried(partial(self._fetch_text, f"{path}.CHECKSUM"))
        if not text:
            return None
        word = text.split()[0].lower() if text.split() else ""
        if len(word) != 64 or word.strip("0123456789abcdef"):
            raise DataError(f"{self._base_url}/{path}.CHECKSUM: {text[:80]!r} is no checksum")
        return word

    async def _retried(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Tries again, after growing pauses, what the network or the server spoiled. Raises DataError in the end."""
        pause_s = FIRST_PAUSE_S
        for left in reversed(range(ATTEMPTS)):
            try:
                return await attempt()
            except (aiohttp.ClientError, TimeoutError) as error:
                if not left:
                    raise DataError(
                        f"{self._base_url}: {error or type(error).__name__}; "
                        "what was fetched is kept, and the same command goes on from there"
                    ) from error
            await asyncio.sleep(pause_s)
            pause_s *= 2
        raise AssertionError("the last attempt returns or raises")

    async def _fetch_text(self, path: str) -> str:
        """Empty if the site does not have it."""
        async with self._session.get(f"{self._base_url}/{path}") as response:
            if response.status == NOT_FOUND:
                return ""
            self._refuse(response)
            return await response.text()

    async def _fetch_rest(self, path: str, part: Path) -> bool:
        """Appends what is missing of a file; False if the site does not have it."""
        have = size_of(part)
        headers = {"Range": f"bytes={have}-"} if have else {}
        async with self._session.get(f"{self._base_url}/{path}", headers=headers) as response:
            if response.status == NOT_FOUND:
                return False
            if response.status == RANGE_NOT_SATISFIABLE:
                return True  # all of it is here, or what is here is wrong: the checksum tells
            self._refuse(response)
            goes_on = response.status == PARTIAL
            have = have if goes_on else 0
            length = response.content_length
            total = have + length if length is not None else 0
            name = part.name.removesuffix(".part")
            with part.open("ab" if goes_on else "wb") as file:
                async for data in response.content.iter_chunked(PART_BYTES):
                    file.write(data)
                    have += len(data)
                    self.fetched_bytes += len(data)
                    self._tell(name, have, total)
        return True

    def _refuse(self, response: aiohttp.ClientResponse) -> None:
        """Raises DataError for an answer that will not change, aiohttp's error for one that may."""
        if 400 <= response.status < 500 and response.status not in (408, 429):
            raise DataError(
                f"{response.url}: the site answered {response.status} {response.reason}"
            )
        response.raise_for_status()

    def _tell(self, name: str, have: int, total: int) -> None:
        if self._on_progress is not None:
            self._on_progress(name, have, total)


def make_folder(folder: Path) -> None:
    """Makes a folder if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)


def size_of(path: Path) -> int:
    """Bytes of a file; 0 if it is not there."""
    return path.stat().st_size if path.exists() else 0


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def download(
    wanted: Wanted,
    folder: Path,
    base_url: str = BASE_URL,
    on_progress: Progress | None = None,
) -> Fetched:
    """Fetches all files of what is wanted into a folder, which is made if it is not there.

    Raises DataError for what cannot be fetched, or not whole; OSError if the folder cannot be written.
    """
    if wanted.first > wanted.last:
        raise DataError(f"the first day, {wanted.first}, is after the last, {wanted.last}")
    make_folder(folder)
    files: list[Path] = []
    missing: list[str] = []
    async with aiohttp.ClientSession(timeout=TIMEOUT, trust_env=True) as session:
        downloader = Downloader(session, base_url, folder, on_progress)
        for period in periods_of(wanted.first, wanted.last):
            found, absent = await downloader.fetch_period(wanted, period)
            files += found
            missing += absent
    return Fetched(tuple(files), tuple(missing), downloader.fetched_bytes)
