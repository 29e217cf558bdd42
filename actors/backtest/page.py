"""The report as one self-contained HTML page: opens offline, asks no server for anything."""

import html
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import plotly.graph_objects as plots
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from actors.backtest import metrics
from actors.backtest.engine import BacktestRun
from actors.backtest.report import build_metrics, traded_symbols
from actors.backtest.table import figure_rows
from messages.enums import Side

INK, MUTED, ACCENT, GOOD, BAD, GRID = (
    "#1d2733",
    "#6b7785",
    "#2563a8",
    "#1a7f5a",
    "#c0392b",
    "#e6eaef",
)
BUY_MARK, SELL_MARK = "triangle-up", "triangle-down"
MAXIMUM_MARKS = 5_000
MANY_MARKS = 100
"""More than so many of a side are drawn smaller."""
LARGEST_RATIO = 8.0
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

STYLE = f"""
:root {{ color-scheme: light; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: #f5f7f9; color: {INK}; font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }}
main {{ max-width: 1180px; margin: 0 auto; padding: 28px 20px 60px; }}
h1 {{ font-size: 24px; margin: 0 0 2px; font-weight: 650; }}
h2 {{ font-size: 16px; margin: 0 0 10px; font-weight: 650; }}
.sub {{ color: {MUTED}; margin: 0 0 22px; }}
.cards {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-bottom: 16px; }}
.card, section {{ background: #fff; border: 1px solid {GRID}; border-radius: 10px; }}
.card {{ padding: 12px 16px; display: flex; flex-direction: column; justify-content: space-between; }}
.card .name {{ color: {MUTED}; font-size: 13px; }}
.card .value {{ font-size: 22px; font-weight: 650; font-variant-numeric: tabular-nums; white-space: nowrap; }}
.good {{ color: {GOOD}; }} .bad {{ color: {BAD}; }}
section {{ padding: 16px 18px; margin-bottom: 16px; overflow: hidden; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
td, th {{ padding: 5px 10px; text-align: right; border-bottom: 1px solid {GRID}; font-weight: 400; white-space: nowrap; }}
th {{ color: {MUTED}; font-size: 13px; }}
td:first-child, th:first-child {{ text-align: left; }}
.figures {{ columns: 2; column-gap: 36px; }}
.figures div {{ display: flex; justify-content: space-between; border-bottom: 1px solid {GRID}; padding: 4px 0; gap: 16px; }}
.figures div {{ break-inside: avoid; }}
.figures span:first-child {{ color: {MUTED}; flex: none; }}
.figures span:last-child {{ text-align: right; overflow-wrap: anywhere; }}
.warning {{ border-left: 4px solid {BAD}; }}
@media (max-width: 760px) {{
  main {{ padding: 16px 10px 40px; }}
  section {{ padding: 12px 10px; }}
  h1 {{ font-size: 20px; overflow-wrap: anywhere; }}
  .figures {{ columns: 1; }}
  .cards {{ grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 8px; }}
  .card {{ padding: 8px 12px; }}
  .card .value {{ font-size: 19px; }}
}}
"""


def build_page(run: BacktestRun, title: str) -> str:
    """The page."""
    figures = build_metrics(run)
    sections = [
        warning(run),
        section("Equity", equity_plot(run)),
        section("Drawdown", drawdown_plot(run)),
        *(
            section(f"{symbol}: price and fills", price_plot(run, symbol))
            for symbol in traded_symbols(run)
        ),
        section("Closed trades", trades_plot(run)) if run.record.trades else "",
        f'<section><h2>Monthly returns</h2><div class="scroll">{monthly_table(run)}</div></section>',
        f"<section><h2>All figures</h2>{figure_list(figures)}</section>",
        f"<section><h2>How it was run</h2>{settings_list(run)}</section>",
    ]
    begin, end = date_text(run.first_time_ns), date_text(run.last_time_ns)
    sub = f"{' · '.join(traded_symbols(run))} &nbsp;|&nbsp; {begin} to {end} UTC"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
        f"<script>{get_plotlyjs()}</script></head><body><main>"
        f'<h1>{html.escape(title)}</h1><p class="sub">{sub}</p>'
        f"{cards(figures)}{''.join(sections)}</main></body></html>\n"
    )


# Parts.


def section(title: str, figure: plots.Figure) -> str:
    """A plot with its heading."""
    identity = "plot-" + "".join(letter if letter.isalnum() else "-" for letter in title.lower())
    body = to_html(
        figure,
        full_html=False,
        include_plotlyjs=False,
        div_id=identity,
        config={"displaylogo": False, "displayModeBar": False, "responsive": True},
    )
    return f"<section><h2>{html.escape(title)}</h2>{body}</section>"


def cards(figures: dict[str, Any]) -> str:
    """The few figures that people look at first."""
    chosen = (
        ("Return", percent(figures["return"]), figures["return"]),
        ("Buy and hold", percent(figures["buy_and_hold_return"]), None),
        ("Maximum drawdown", percent(figures["maximum_drawdown"]), None),
        ("Sharpe", plain_number(figures["sharpe"]), figures["sharpe"]),
        ("Win rate", percent(figures["win_rate"]), None),
        ("Profit factor", plain_number(figures["profit_factor"]), None),
        ("Trades", str(figures["trades"]), None),
    )
    parts = []
    for name, text, signed in chosen:
        tone = "" if not signed else " good" if signed > 0 else " bad"
        parts.append(
            f'<div class="card"><div class="name">{name}</div><div class="value{tone}">{text}</div></div>'
        )
    return f'<div class="cards">{"".join(parts)}</div>'


def warning(run: BacktestRun) -> str:
    """What must not be overlooked."""
    lines = [*([run.failure] if run.failure else []), *run.record.failures[:10]]
    if not lines:
        return ""
    items = "".join(f"<div>{html.escape(line)}</div>" for line in lines)
    return f'<section class="warning"><h2>This run had failures</h2>{items}</section>'


def figure_list(figures: dict[str, Any]) -> str:
    """Every figure by its name."""
    rows = "".join(
        f"<div><span>{html.escape(name)}</span><span>{html.escape(value)}</span></div>"
        for name, value in figure_rows(figures)
    )
    return f'<div class="figures">{rows}</div>'


def settings_list(run: BacktestRun) -> str:
    """Strategies and models."""
    settings = run.settings
    rows = [
        (
            item["name"],
            ", ".join(
                f"{key}={value}" for key, value in item["arguments"].items() if value is not None
            ),
        )
        for item in run.actors
    ]
    rows += [
        (
            "fees",
            f"maker {settings.maker_fee}, taker {settings.taker_fee}, in {settings.fee_asset}",
        ),
        ("fill model", f"{settings.fill_model}; bars: {settings.bar_model}"),
        (
            "latency",
            f"feed {settings.feed_latency.describe()}, orders {settings.order_latency.describe()}",
        ),
        ("data", run.data.digest[:16]),
        *(("note", note) for note in run.notes),
        *((note.file, note.text) for note in run.data.notes),
    ]
    found = "".join(
        f"<div><span>{html.escape(name)}</span><span>{html.escape(text)}</span></div>"
        for name, text in rows
    )
    return f'<div class="figures" style="columns:1">{found}</div>'


# Plots.


def moment(time_ns: int) -> datetime:
    """A time as the plots take it, to the microsecond."""
    return datetime.fromtimestamp(time_ns // 1_000_000_000, tz=UTC).replace(
        microsecond=time_ns // 1_000 % 1_000_000, tzinfo=None
    )


def date_text(time_ns: int) -> str:
    """A time for people, to the minute."""
    found = moment(time_ns)
    return f"{found.day} {MONTHS[found.month - 1]} {found.year} {found:%H:%M}"


def layout(figure: plots.Figure, height: int, y_title: str, y_format: str = "") -> plots.Figure:
    """The look that all plots share."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        paper_bgcolor="#fff",
        plot_bgcolor="#fff",
        font={"color": INK, "size": 12},
        hovermode="x unified",
        legend={"orientation": "h", "y": 1.08, "x": 0},
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, automargin=True)
    figure.update_yaxes(
        gridcolor=GRID, zerolinecolor="#b8c2cc", title=y_title, automargin=True, nticks=7
    )
    if y_format:
        figure.update_yaxes(tickformat=y_format)
    return figure


def equity_plot(run: BacktestRun) -> plots.Figure:
    """Equity, and what buying and holding would have given: a click away where it would flatten the equity to a line."""
    samples = run.record.samples
    times = [moment(item.time_ns) for item in samples]
    equity = [item.equity for item in samples]
    figure = plots.Figure()
    figure.add_scatter(
        x=times,
        y=equity,
        name="equity",
        line={"color": ACCENT, "width": 2},
    )
    held = held_equity(run)
    if held:
        figure.add_scatter(
            x=times,
            y=held,
            name="buy and hold",
            visible=True if is_comparable(equity, held) else "legendonly",
            line={"color": "#a3adb8", "width": 1.3, "dash": "dot"},
        )
    return layout(figure, 340, run.currency)


def is_comparable(equity: Sequence[float], held: Sequence[float | None]) -> bool:
    """Whether both can be read in one plot."""
    known = [value for value in held if value is not None]
    if not equity or not known:
        return True
    return max(known) - min(known) <= LARGEST_RATIO * (max(equity) - min(equity))


def held_equity(run: BacktestRun) -> list[float | None]:
    """The equity of equal parts of all traded symbols, bought at their first price."""
    samples = run.record.samples
    columns = []
    for symbol in traded_symbols(run):
        index = run.symbols.index(symbol)
        prices = [item.prices[index] for item in samples]
        first = next((price for price in prices if price), None)
        if first:
            columns.append([price / first if price else None for price in prices])
    if not columns or not samples:
        return []
    start = samples[0].equity
    found: list[float | None] = []
    for row in zip(*columns, strict=True):
        known = [value for value in row if value is not None]
        found.append(start * metrics.mean(known) if len(known) == len(row) else None)
    return found


def drawdown_plot(run: BacktestRun) -> plots.Figure:
    """How far below its highest the equity was."""
    samples = run.record.samples
    figure = plots.Figure()
    figure.add_scatter(
        x=[moment(item.time_ns) for item in samples],
        y=[-value for value in metrics.drawdowns_of([item.equity for item in samples])],
        name="drawdown",
        fill="tozeroy",
        line={"color": BAD, "width": 1},
        fillcolor="rgba(192,57,43,0.15)",
    )
    return layout(figure, 200, "", ".3~%")


def price_plot(run: BacktestRun, symbol: str) -> plots.Figure:
    """A symbol's price with the fills in it; of very many fills the last ones."""
    index = run.symbols.index(symbol)
    samples = run.record.samples
    figure = plots.Figure()
    figure.add_scatter(
        x=[moment(item.time_ns) for item in samples],
        y=[item.prices[index] for item in samples],
        name=symbol,
        line={"color": "#8a96a3", "width": 1.2},
    )
    for side, mark, color in ((Side.BUY, BUY_MARK, GOOD), (Side.SELL, SELL_MARK, BAD)):
        fills = [item for item in run.record.fills if item.symbol == symbol and item.side is side]
        fills = fills[-MAXIMUM_MARKS:]
        figure.add_scatter(
            x=[moment(item.time_ns) for item in fills],
            y=[float(item.price) for item in fills],
            mode="markers",
            name=str(side).lower(),
            marker={
                "symbol": mark,
                "color": color,
                "size": 5 if len(fills) > MANY_MARKS else 9,
                "opacity": 0.55 if len(fills) > MANY_MARKS else 0.85,
            },
            text=[f"{item.quantity} at {item.price}" for item in fills],
            hoverinfo="text+x",
        )
    return layout(figure, 360, run.record.assets.get(symbol, ("", ""))[1])


def trades_plot(run: BacktestRun) -> plots.Figure:
    """How the closed trades' profits, after fees, are distributed."""
    profits = [float(item.net_profit) for item in run.record.trades]
    figure = plots.Figure()
    # Both sides in bins of one width, with a border at nothing won.
    width = (max(0.0, *profits) - min(0.0, *profits)) / 50 or 1.0
    for name, values, color in (
        ("won", [value for value in profits if value > 0], GOOD),
        ("lost", [value for value in profits if value <= 0], BAD),
    ):
        figure.add_histogram(
            x=values,
            name=name,
            marker={"color": color, "opacity": 0.8},
            xbins={"start": -width * 60, "end": width * 60, "size": width},
        )
    layout(figure, 280, "trades")
    figure.update_layout(barmode="overlay", hovermode="closest", bargap=0.05)
    figure.update_xaxes(title="profit after fees")
    return figure


def monthly_table(run: BacktestRun) -> str:
    """Returns by month of the year, and of the whole year."""
    months = monthly_returns([(item.time_ns, item.equity) for item in run.record.samples])
    years = sorted({year for year, _ in months})
    rows = []
    for year in years:
        cells = [months.get((year, month)) for month in range(1, 13)]
        whole = 1.0
        for value in cells:
            whole *= 1 + (value or 0.0)
        rows.append(f"<tr><td>{year}</td>{''.join(map(cell, cells))}{cell(whole - 1)}</tr>")
    head = "".join(f"<th>{name}</th>" for name in ("", *MONTHS, "Year"))
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def monthly_returns(samples: Sequence[tuple[int, float]]) -> dict[tuple[int, int], float]:
    """Per (year, month) the return from the last sample before it to its own last one."""
    found: dict[tuple[int, int], float] = {}
    before: float | None = None
    last: dict[tuple[int, int], tuple[float, float]] = {}
    for time_ns, equity in samples:
        day = moment(time_ns)
        key = (day.year, day.month)
        begin = last[key][0] if key in last else (equity if before is None else before)
        last[key] = (begin, equity)
        before = equity
    for key, (begin, end) in last.items():
        found[key] = end / begin - 1 if begin > 0 else 0.0
    return found


def cell(value: float | None) -> str:
    """One return in the table."""
    if value is None:
        return "<td></td>"
    tone = "good" if value > 0 else "bad" if value < 0 else ""
    return f'<td class="{tone}">{value:.2%}</td>'


def percent(value: float | None) -> str:
    """A fraction in percent."""
    return "-" if value is None else f"{value:.2%}"


def plain_number(value: float | None) -> str:
    """A figure with two decimals."""
    return "-" if value is None else f"{value:.2f}"
