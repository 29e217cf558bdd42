"""Which column of a file means what: Binance's public files with or without header, and any other by its header.

The forms are those of data.binance.vision (github.com/binance/binance-public-data, README): spot and futures, with the
header line that futures files have since 2022.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from actors.backtest.data_files import DataKind

SYNONYMS = {
    "time": "time timestamp transacttime transactiontime tradetime date datetime ts",
    "event_time": "eventtime",
    "receive_time": "receivetime timestampofreceive receivedtime localtimestamp",
    "id": "id tradeid aggtradeid aggregatetradeid updateid",
    "price": "price",
    "quantity": "quantity qty size",
    "buyer_is_maker": "buyerismaker isbuyermaker isbuyermarketmaker",
    "taker_side": "takerside side",
    "symbol": "symbol",
    "open_time": "opentime",
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "volume",
    "close_time": "closetime",
    "quote_volume": "quotevolume quoteassetvolume",
    "trade_count": "tradecount count trades numberoftrades",
    "taker_buy_volume": "takerbuyvolume takerbuybaseassetvolume takerbuybasevolume",
    "taker_buy_quote_volume": "takerbuyquotevolume takerbuyquoteassetvolume",
    "bid_price": "bidprice bestbidprice bid",
    "bid_quantity": "bidquantity bidqty bidsize bestbidqty",
    "ask_price": "askprice bestaskprice ask",
    "ask_quantity": "askquantity askqty asksize bestaskqty",
}
"""Our names, and the file's as they are spelled without blanks, underscores and capitals."""
ROLE_OF = {spelling: role for role, words in SYNONYMS.items() for spelling in words.split()}

TIME_ROLES = ("time", "event_time", "receive_time", "open_time", "close_time")
REQUIRED = {
    DataKind.TRADES: ("time", "price", "quantity"),
    DataKind.KLINES: ("open_time", "open", "high", "low", "close"),
    DataKind.BOOK_TICKER: ("time", "bid_price", "bid_quantity", "ask_price", "ask_quantity"),
}
NO_HEADER = {
    (7, 5): "id price quantity - time buyer_is_maker -",
    (6, 5): "id price quantity - time buyer_is_maker",
    (8, 6): "id price quantity - - time buyer_is_maker -",
    (7, 6): "id price quantity - - time buyer_is_maker",
    (12, None): (
        "open_time open high low close volume close_time quote_volume trade_count taker_buy_volume taker_buy_quote_volume -"
    ),
    (7, None): "id bid_price bid_quantity ask_price ask_quantity time event_time",
}
"""By the number of fields, and which of them is the first that says true or false."""

WHOLE = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
ABOVE_ZERO = Annotated[float, msgspec.Meta(gt=0, le=1e18)]
NOT_NEGATIVE = Annotated[float, msgspec.Meta(ge=0, le=1e18)]
TEXT = Annotated[str, msgspec.Meta(min_length=1)]
TYPES: dict[str, Any] = {
    **dict.fromkeys(TIME_ROLES, Annotated[int, msgspec.Meta(gt=0, le=2**63 - 1)]),
    # 0 where a message has none, as the venue's book tickers.
    **dict.fromkeys(("id", "trade_count", "event_time"), WHOLE),
    **dict.fromkeys(("price", "quantity", "open", "high", "low", "close"), ABOVE_ZERO),
    **dict.fromkeys(("bid_price", "ask_price"), ABOVE_ZERO),
    **dict.fromkeys(("volume", "quote_volume", "bid_quantity", "ask_quantity"), NOT_NEGATIVE),
    **dict.fromkeys(("taker_buy_volume", "taker_buy_quote_volume"), NOT_NEGATIVE),
    **dict.fromkeys(("symbol", "taker_side"), TEXT),
    "buyer_is_maker": bool,
}
FIRST_SECOND = 100_000_000
"""In 1973. A smaller number is no time: the columns mean something else, as a truth written as 1 or 0."""
HEADER_FIELD = re.compile(r"[^\W\d].*")
TRUTH = re.compile(r"(?i:true|false)")
WHOLE_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Layout:
    """What the columns of a file mean."""

    kind: DataKind
    roles: tuple[str, ...]
    """One for each column; empty for what is not needed."""
    text_times: bool
    """Whether times are written as dates."""

    @property
    def row_type(self) -> Any:
        """The type of a row: a tuple, an element for each column."""
        return tuple[tuple(self._type_of(role) for role in self.roles)]  # type: ignore[misc]

    def _type_of(self, role: str) -> Any:
        if role in TIME_ROLES and self.text_times:
            return TEXT
        return TYPES.get(role, str)


def is_header(fields: Sequence[str]) -> bool:
    """Whether a line names columns: words only."""
    return len(fields) > 1 and all(
        HEADER_FIELD.fullmatch(field) and not TRUTH.fullmatch(field) for field in fields
    )


def roles_of_header(names: Sequence[str], columns: Mapping[str, str]) -> tuple[str, ...]:
    """A role for each column: by the user's mapping (ours to the file's), else by its name.

    Raises ValueError for a mapping that names no role of ours or no column of the file.
    """
    for role, name in columns.items():
        if role not in SYNONYMS:
            raise ValueError(f"{role!r} is no column of ours; there are {', '.join(SYNONYMS)}")
        if name not in names:
            raise ValueError(f"there is no column {name!r}; there are {', '.join(names)}")
    role_of_name = {name: role for role, name in columns.items()}
    taken = set(columns)
    roles = []
    for name in names:
        if name in role_of_name:
            roles.append(role_of_name[name])
            continue
        found = ROLE_OF.get(re.sub(r"[ _]", "", name).lower(), "")
        roles.append("" if found in taken else found)
        taken.add(found)
    return tuple(roles)


def find_kind(roles: Sequence[str]) -> tuple[DataKind, tuple[str, ...]]:
    """What columns of these roles are, and their roles as bars call them. Raises ValueError if they are nothing of use."""
    given = tuple(roles)
    if "open" in given and "open_time" not in given and "time" in given:
        given = tuple("open_time" if role == "time" else role for role in given)
    if "event_time" in given and "time" not in given and "open" not in given:
        given = tuple("time" if role == "event_time" else role for role in given)
    for kind, required in REQUIRED.items():
        if all(role in given for role in required):
            return kind, given
    best = max(REQUIRED.values(), key=lambda required: len(set(required) & set(given)))
    missing = [role for role in best if role not in given]
    raise ValueError(
        f"no column is known for {', '.join(missing)}; name them, as in --columns {missing[0]}=NAME"
    )


def roles_of_row(fields: Sequence[str]) -> tuple[str, ...]:
    """The roles of a file without header, by its first row. Raises ValueError if it is of no known form."""
    first_truth = next((i for i, field in enumerate(fields) if TRUTH.fullmatch(field)), None)
    words = NO_HEADER.get((len(fields), first_truth))
    if words is None:
        raise ValueError(
            f"{len(fields)} fields without a header line: not the form of any of Binance's public files"
        )
    roles = tuple("" if word == "-" else word for word in words.split())
    for number, (role, field) in enumerate(zip(roles, fields, strict=True), start=1):
        if role in TIME_ROLES and WHOLE_NUMBER.fullmatch(field) and 0 < int(field) < FIRST_SECOND:
            raise ValueError(
                f"without a header line field {number} would be its {role}, and {field} is no time of these decades"
            )
    return roles


def find_layout(first: Sequence[str], second: Sequence[str], columns: Mapping[str, str]) -> Layout:
    """The layout of a file by its first two rows, of which the first may be a header.

    Raises ValueError if they are of no use.
    """
    has_header = is_header(first)
    if columns and not has_header:
        raise ValueError("--columns is for files with a header line, and this has none")
    row = second if has_header else first
    roles = roles_of_header(first, columns) if has_header else roles_of_row(first)
    kind, roles = find_kind(roles)
    text_times = any(
        role in TIME_ROLES and not WHOLE_NUMBER.fullmatch(field)
        for role, field in zip(roles, row, strict=False)
    )
    return Layout(kind, roles, text_times)
