"""One round: a bot that is killed again and again, an exchange that may be, and the comparison once all have ended."""

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaign.bystander import PAUSE_S, Bystander
from tests.campaign.comparison import Evidence, JournalReader, Ledger, find_wrong
from tests.campaign.plan import ExchangeKill, Life, RoundPlan, draw_plan
from tests.campaign.processes import BOT, REMOVES_SOON, Bot, Exchange

PATIENCE_S = 60.0
LOOK_S = 0.01
YOUNG_S = 0.3
"""A bot that was started less long ago is still being loaded; the exchange may yet hold its last life's connections."""
TRADES_ON_S = 0.6
"""How long a bot must have traded in its last life, once all its orders are known again."""


@dataclass
class RoundReport:
    """What came of a round."""

    seed: int
    folder: Path
    wrong: list[str] = field(default_factory=list)
    orders: int = 0
    fills: int = 0
    by_hand: int = 0
    kills: int = 0
    struck: list[str] = field(default_factory=list)
    """The failpoints at which the bot was killed."""
    exchange_kills: int = 0
    seconds: float = 0.0
    evidence: Evidence | None = None
    """None if the round did not come to its good end."""

    def __str__(self) -> str:
        places = f" at {', '.join(self.struck)}" if self.struck else ""
        return (
            f"seed {self.seed}: {'FAILED' if self.wrong else 'clean'}, {self.orders} orders, "
            f"{self.fills} fills, {self.by_hand} by hand, {self.kills} kills{places}, "
            f"{self.exchange_kills} of the exchange, {self.seconds:.1f} s"
        )

    def explain(self) -> str:
        """What differs, where everything lies, and how it is repeated."""
        lines = [str(self), *(f"  {line}" for line in self.wrong)]
        lines.append(f"  logs, journal and the exchange's state: {self.folder}")
        lines.append(f"  again: bin/test --campaign --rounds 1 --seed {self.seed}")
        return "\n".join(lines)


class Round:
    """The bot, the exchange and the bystander of one round."""

    def __init__(self, plan: RoundPlan, folder: Path) -> None:
        self.plan = plan
        self.report = RoundReport(plan.seed, folder)
        (folder / "plan.txt").write_text(f"{plan}\n")
        plain = ("BTCUSDT",) if plan.is_plain else ()
        self.exchange = Exchange(folder, plan.seed, plan.rate, plan.faults, plain)
        bot = ('order_entry = "rest"' if plan.is_by_rest else "") + BOT
        self.bot = Bot(folder, self.exchange.write_configuration(folder, bot, REMOVES_SOON))
        self.journal = JournalReader(self.bot.journal)
        self.bystander = Bystander(self.exchange, plan.seed)
        self.next_act_s = 0.0
        self.due_kills: list[tuple[float, ExchangeKill]] = []
        self.back_at_s: float | None = None
        self.is_listening = False
        """Whether this life of the bot has reached the exchange."""

    def watch(self, until: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> bool:
        """Lets bystander and exchange do what is due until something holds; whether it came to hold in time."""
        give_up_s = time.monotonic() + patience_s
        while not until():
            now_s = time.monotonic()
            if now_s >= give_up_s:
                if what:
                    raise AssertionError(f"it did not come within {patience_s:.0f} s: {what}")
                return False
            if self.back_at_s is not None and now_s >= self.back_at_s:
                self.back_at_s = None
                self.exchange.start()
            elif self.due_kills and now_s >= self.due_kills[0][0]:
                _, kill = self.due_kills.pop(0)
                self.exchange.kill()
                self.back_at_s = now_s + kill.away_s
            if now_s >= self.next_act_s:
                self.next_act_s = now_s + PAUSE_S
                self.bystander.act()
            time.sleep(LOOK_S)
        return True

    def wait(self, seconds: float) -> None:
        """Goes on for so long, or until the bot is gone."""
        self.watch(lambda: self.bot.code is not None, "", seconds)

    def trades_again(self, intents: int) -> bool:
        """Whether the bot has written down an order that was not there when it had so many; or has ended.

        A journal that is just being opened is left alone: whoever reads it then after a kill may lock it to mend it.
        """
        if self.bot.code is not None:
            return True
        if not self.is_listening:
            self.is_listening = self.bot.age_s > YOUNG_S and self.exchange.has_listeners()
            return False
        self.journal.read()
        return len(self.journal.intents) > intents

    def expect_kills(self, life: int) -> None:
        """The exchange's kills in this life are counted from now on."""
        now_s = time.monotonic()
        kills = [kill for kill in self.plan.exchange_kills if kill.life == life]
        self.due_kills = [(now_s + kill.after_s, kill) for kill in kills]

    def live(self, number: int, life: Life) -> None:
        """One life of the bot, to its violent end."""
        self.journal.read()
        intents = len(self.journal.intents)
        self.is_listening = False
        self.bot.start(f"{life.place}:{life.passages}" if life.place else "")
        if not life.is_startup:
            self.watch(lambda: self.trades_again(intents), "an order of the bot")
            self.expect_kills(number)
        self.wait(life.after_s)
        if self.bot.code is not None:
            if life.place and self.bot.code == -9:
                self.report.struck.append(f"{life.place}:{life.passages}")
            else:
                self.report.wrong.append(f"life {number} ended with code {self.bot.code}")
        self.bot.kill()
        self.report.kills += 1
        self.watch(lambda: not self.is_away(), "the exchange's return")

    def is_away(self) -> bool:
        """Whether the exchange is gone, or is to go."""
        return bool(self.due_kills) or self.back_at_s is not None

    def settle(self) -> None:
        """The last life: it finds out about everything, trades on, and is stopped in good order."""
        if self.plan.settles_in_peace:
            self.exchange.take_faults_back()
        self.journal.read()
        intents = len(self.journal.intents)
        self.is_listening = False
        self.bot.start()
        self.watch(lambda: self.trades_again(intents), "an order of the bot's last life")
        self.expect_kills(len(self.plan.lives))
        self.wait(TRADES_ON_S)
        self.watch(lambda: not self.is_away(), "the exchange's return")
        if not self.plan.settles_in_peace:
            self.exchange.take_faults_back()
        old = {intent.client_order_id for intent in self.journal.intents}

        def is_settled() -> bool:
            self.journal.read()
            return self.bot.code is not None or not old & set(self.journal.unsettled())

        if not self.watch(is_settled, "", PATIENCE_S):
            waiting = old & set(self.journal.unsettled())
            self.report.wrong.append(f"still not known: {', '.join(sorted(waiting))}")
        self.journal.read()
        intents = len(self.journal.intents)
        self.watch(lambda: self.trades_again(intents), "a further order of the bot's last life")
        self.wait(TRADES_ON_S)
        code = self.bot.code if self.bot.code is not None else self.bot.stop()
        if code != 0:
            self.report.wrong.append(f"the bot's last life ended with code {code}")

    def run(self) -> RoundReport:
        """The round."""
        started_s = time.monotonic()
        report = self.report
        try:
            for number, life in enumerate(self.plan.lives):
                self.live(number, life)
            self.settle()
        except (AssertionError, OSError) as error:
            report.wrong.append(repr(error))
        finally:
            self.bot.kill()
            self.exchange.close()
        self.journal.read()
        ledger = Ledger(self.exchange.state)
        report.orders, report.fills = len(ledger.ours), len(self.journal.fills)
        report.by_hand = len(ledger.orders) - len(ledger.ours)
        report.exchange_kills = self.exchange.kills
        if not report.wrong:
            report.evidence = Evidence(self.journal, ledger, self.bot.summary, self.bystander)
            report.wrong += find_wrong(report.evidence)
        report.seconds = time.monotonic() - started_s
        return report


def run_round(seed: int, keep: Path | None = None) -> RoundReport:
    """The round of a seed, in a folder of its own within `keep`; without one the folder stays only if the round failed."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"campaign-{seed}-", dir=keep))
    report = Round(draw_plan(seed), folder).run()
    if keep is None and not report.wrong:
        shutil.rmtree(folder)
    return report
