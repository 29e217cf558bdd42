"""A result that others published, reproduced to the last digit and fill by fill.

NautilusTrader's acceptance test of an EMA cross (version of 2026-07-02) on ten thousand one-minute bars of a BTC perpetual,
January 2022: each bar is four quotes with bid = ask, and the account's own 10 BTC let the strategy go short. It ends with
902 orders, 10 BTC and 9,999,954.943133 USDT.
"""

import csv
import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from actors.backtest.engine import BacktestRun, run_backtest
from actors.backtest.report import build_report
from actors.backtest.settings import BacktestSettings, BarModel, FeeAsset
from actors.runtime.specification import ActorSpecification
from actors.trading.risk import RiskLimits
from messages.enums import OrderStatus
from messages.market import Kline
from tests.backtest.command import ROOT, call, strict
from tests.backtest.markets import MINUTE, SECOND, bar, make_data
from tests.backtest.quotes_cross import QuotesCross

FOLDER = Path(__file__).parents[1] / "data"


def read_rows(name: str) -> list[dict[str, str]]:
    with gzip.open(FOLDER / name, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def time_of(text: str) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return round(moment.timestamp()) * SECOND


def read_bars() -> list[Kline]:
    """The bars; a row's time is the end of its bar."""
    found = []
    for row in read_rows("BTC-PERP-1m-2022-01.csv.gz"):
        open_, high, low, close = (float(row[name]) for name in ("open", "high", "low", "close"))
        message = bar(0, (open_, high, low, close))
        end = time_of(row["timestamp"])
        message.open_time_ns, message.close_time_ns = end - MINUTE, end - 1_000_000
        message.receive_time_ns = message.event_time_ns = end
        found.append(message)
    return found


def run_published() -> BacktestRun:
    settings = BacktestSettings(
        balances={"BTC": Decimal(10), "USDT": Decimal(10_000_000)},
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.001"),
        fee_asset=FeeAsset.QUOTE,
        bar_model=BarModel.QUOTES,
        risk=RiskLimits(may_sell_account_holdings=True),
        rules={
            "BTCUSDT": {
                "tick_size": Decimal("0.01"),
                "lot_size": Decimal("0.000001"),
                "min_quantity": Decimal("0.000001"),
                "min_notional": Decimal(0),
            }
        },
        flatten=True,
    )
    cross = ActorSpecification(
        QuotesCross, "cross", {"symbol": "BTCUSDT", "quantity": Decimal("0.001")}
    )
    return run_backtest(make_data(read_bars()), [cross], settings)


def test_the_published_result_fill_by_fill() -> None:
    run = run_published()
    assert run.message_count == 10_000
    assert run.final_balances == {"BTC": Decimal(10), "USDT": Decimal("9999954.943133")}
    orders = run.record.orders.values()
    assert len(orders) == 902
    assert {order.status for order in orders} == {OrderStatus.FILLED}
    expected = [
        (time_of(row["timestamp"]), row["side"], *map(Decimal, list(row.values())[2:]))
        for row in read_rows("BTC-PERP-EMA-cross-fills.csv.gz")
    ]
    found = [
        (fill.time_ns, str(fill.side), fill.price, fill.quantity, fill.fee)
        for fill in run.record.fills
    ]
    assert found == expected
    accounts = build_report(run)["accounts"]
    assert accounts["agrees"]
    assert accounts["profit"]["USDT"] == {
        "equity_change": "-45.056867",
        "sum_of_trades": "-45.056867",
    }


def test_the_same_from_the_command_line_as_the_documentation_says(tmp_path: Path) -> None:
    text = (ROOT / "actors/backtest/README.md").read_text()
    blocks = [block for block in text.split("```toml\n")[1:] if "QuotesCross" in block]
    (tmp_path / "cross.toml").write_text(blocks[0].split("```")[0])
    bars_file = f"BTCUSDT={FOLDER / 'BTC-PERP-1m-2022-01.csv.gz'}"
    done = call(tmp_path, "--config", "cross.toml", bars_file, "--json", "-")
    assert done.returncode == 0, done.stderr
    report = strict(done.stdout)
    assert report["metrics"]["orders"] == 902
    assert {asset: row["end"] for asset, row in report["accounts"]["balances"].items()} == {
        "BTC": "10",
        "USDT": "9999954.943133",
    }
