"""`--peers`: the same jobs on what a user would pick instead, each in an environment of its own.

The environments lie in the user's cache folder and are made once, with pip. Each peer trades on the same exchange, stamped
at the same socket; which of the ways to the exchange it has is said, and one that does not start is said to.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import platformdirs

from actors.commands.bench_bare import run_bare
from actors.commands.bench_bot import Way
from actors.commands.bench_exchange import OTHER_SYMBOLS, SYMBOL, TickReport
from actors.commands.bench_hop import hop_actors, time_actors
from actors.commands.bench_intake import PeerTask
from actors.commands.bench_measure import Effort, Figure, run_in_loop
from actors.commands.bench_process import (
    BenchError,
    ExchangeProcess,
    open_child,
    open_exchange,
    read_line,
)
from actors.commands.bench_tick_to_order import (
    FLOOD_PER_S,
    TICKS,
    WAYS,
    make_figures,
    run_bot,
    take,
)

START_PATIENCE_S = 120.0
FOLDER = Path(__file__).parent
ACTOR_MESSAGES = 20_000
BURST = 512


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer: what pip installs, on which interpreters it runs, its program, and its ways to the exchange."""

    name: str
    requirements: tuple[str, ...]
    program: str
    ways: tuple[Way, ...] = ()
    interpreters: tuple[str, ...] = ()
    """Those it needs, the one that is wanted most first; empty: this program's own."""
    lacks: str = ""
    """What it cannot do here, in words."""


PEERS = (
    Peer(
        "python-binance",
        ("python-binance==1.0.37",),
        "bench_peer_binance.py",
        WAYS,
    ),
    Peer("ccxt", ("ccxt>=4.5", "uvloop"), "bench_peer_ccxt.py", WAYS),
    Peer(
        "NautilusTrader",
        ("nautilus_trader==1.231.0",),
        "bench_peer_nautilus.py",
        (Way("rest", "Ed25519"),),
        ("python3.13", "python3.12"),
        "no order entry by WebSocket API; HMAC only where a logon takes it, which Binance's does not",
    ),
)
ACTOR_PEERS = (
    Peer("xoscar", ("xoscar",), "bench_peer_actors.py"),
    Peer("pykka", ("pykka",), "bench_peer_actors.py"),
)


def find_interpreter(peer: Peer) -> str:
    """The interpreter for a peer's environment. Raises BenchError if it needs another than this, and none is there."""
    if not peer.interpreters:
        return sys.executable
    for name in peer.interpreters:
        if (found := shutil.which(name)) is not None and is_runnable(found):
            return found
    raise BenchError(f"{peer.name} needs {' or '.join(peer.interpreters)}, and none is on the path")


def is_runnable(program: str) -> bool:
    """Whether it starts: a version manager may leave names that do not."""
    return subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0


def make_environment(peer: Peer) -> str:
    """The interpreter of a peer's own environment, made if it is not there yet. Raises BenchError if that fails."""
    folder = Path(platformdirs.user_cache_dir("ticktroupe")) / "bench" / peer.name
    python = folder / "bin" / "python"
    mark = folder / "installed"
    interpreter = find_interpreter(peer)
    wanted = "\n".join((interpreter, *peer.requirements))
    if mark.is_file() and mark.read_text(encoding="utf-8") == wanted:
        return str(python)
    print(f"  {peer.name}: its environment is made in {folder}", flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    steps = (
        [interpreter, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", *peer.requirements],
    )
    for words in steps:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise BenchError(f"{peer.name} cannot be installed: {last}")
    mark.write_text(wanted, encoding="utf-8")
    return str(python)


async def run_peer(
    exchange: ExchangeProcess, peer: Peer, python: str, way: Way, ticks: int, flood_per_s: float
) -> TickReport:
    """A peer answers so many ticks, after some to get warm. Raises BenchError if it does not come so far."""
    found = exchange.addresses
    is_paired = way.key == "Ed25519"
    task = PeerTask(
        rest=found.rest,
        streams=found.streams,
        ws_api=found.ws_api,
        api_key=found.ed25519_api_key if is_paired else found.api_key,
        api_secret=found.ed25519_private_key if is_paired else found.api_secret,
        job="orders",
        entry=way.entry,
        symbols=(SYMBOL, OTHER_SYMBOLS[0]) if flood_per_s else (SYMBOL,),
        key=way.key,
    )
    words = [python, str(FOLDER / peer.program)]
    async with open_child(words, msgspec.json.encode(task)) as process:
        await read_line(process, START_PATIENCE_S)
        await exchange.run_ticks(max(ticks // 5, 10), flood_per_s)
        return await exchange.run_ticks(ticks, flood_per_s)


async def compare_peer(
    effort: Effort, peer: Peer, python: str, cases: Sequence[tuple[float, Way]]
) -> list[Figure]:
    """One peer by each of its ways, beside the bot in the same run."""
    figures = []
    ticks = effort.count(TICKS // 2, least=20)
    for flood, way in cases:
        market = f"{flood:,.0f} frames/s" if flood else "quiet"
        theirs, ours = make_figures(
            [f"{peer.name}, {way.name}, {market}", f"  the bot beside it, {market}"]
        )
        try:
            async with open_exchange(is_apart=True) as exchange:
                for _ in range(effort.runs):
                    bare = await run_bare(exchange, ticks, way, flood)
                    report = await run_peer(exchange, peer, python, way, ticks, flood)
                    bot = await run_bot(
                        exchange, ticks, synchronous="NORMAL", way=way, flood_per_s=flood
                    )
                    take(theirs, report, bare)
                    take(ours, bot, bare)
        except BenchError as error:
            print(f"  {peer.name}, {way.name}, {market}: not measured: {error}", flush=True)
            continue
        for their, our in zip(theirs, ours, strict=True):
            our.note = f"{their.median / our.median:.2f} times ahead"
        figures += [*theirs, *ours]
    return figures


def measure_peers(effort: Effort) -> list[Figure]:
    """Tick to order on each peer; then one-way messages in other actor libraries."""
    figures: list[Figure] = []
    for peer in PEERS:
        try:
            python = make_environment(peer)
        except BenchError as error:
            print(f"  not measured: {error}", flush=True)
            continue
        if peer.lacks:
            print(f"  {peer.name}: {peer.lacks}", flush=True)
        cases = [(flood, way) for way in peer.ways for flood in (0.0, FLOOD_PER_S)]
        figures += run_in_loop(lambda p=peer, e=python, c=cases: compare_peer(effort, p, e, c))  # type: ignore[misc]
    for peer in ACTOR_PEERS:
        try:
            figures.append(compare_actors(effort, peer, make_environment(peer)))
        except BenchError as error:
            print(f"  not measured: {error}", flush=True)
    return figures


def compare_actors(effort: Effort, peer: Peer, python: str) -> Figure:
    """Messages a second, one way, beside our own hop in bursts."""
    figure = Figure(f"{peer.name}, one-way messages", "messages/s")
    messages = effort.count(ACTOR_MESSAGES, least=1_000)
    rounds = max(messages // BURST, 2)
    for _ in range(effort.runs):
        theirs = run_in_loop(lambda: time_library(peer, python, messages))
        times = run_in_loop(lambda: time_actors(hop_actors(rounds, BURST)))
        ours = rounds * (BURST + 1) / sum(times) * 1e9
        figure.add(theirs, ours)
    ratio = figure.ratio or 1.0
    figure.note = f"bare: our own hop in bursts, {1 / ratio:.1f} times as many"
    return figure


class ActorReport(msgspec.Struct):
    """What another actor library has done."""

    messages_per_s: float


async def time_library(peer: Peer, python: str, messages: int) -> float:
    """Messages a second in another actor library."""
    words = [python, str(FOLDER / peer.program)]
    task = msgspec.json.encode({"library": peer.name, "messages": messages})
    async with open_child(words, task) as process:
        line = await read_line(process, START_PATIENCE_S)
        return msgspec.json.decode(line, type=ActorReport).messages_per_s
