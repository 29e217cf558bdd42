"""The events of a day: connections cut and announced to be cut, a clock that drifts, bursts, and orders without end.

Every run of the tests has a short form, in which the bot remembers fewer of its ended orders so that its memory is soon
full. The long form, of ten minutes and with the bounds as they are, runs with `TICKTROUPE_WHOLE_DAY=1`.
"""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.endurance.day import DAYS, SHORT_DAY, WHOLE_DAY, Outcome

ROOT = Path(__file__).parents[2]
PATIENCE = 20
"""How much longer than planned a day may take on a machine that has other things to do."""


def run(form: str, folder: Path) -> Outcome:
    """The day, and what must hold of every one."""
    day = DAYS[form]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.endurance", form, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE * day.seconds,
    )
    assert ended.returncode == 0, ended.stderr
    outcome = msgspec.json.decode(ended.stdout.splitlines()[-1], type=Outcome)
    told = "\n".join(map(str, outcome.footprints))
    assert outcome.code == 0, ended.stderr
    assert outcome.wrong == []
    assert outcome.tasks_left == []
    assert outcome.fills > day.orders / 5, told
    assert [kind for kind, count in outcome.events if not count] == []
    assert len(outcome.events) == day.reconnects + day.shutdowns + 2
    tasks = [footprint.tasks for footprint in outcome.footprints]
    # A request that is on its way has a task.
    assert max(tasks) - min(tasks) <= 6, told
    assert outcome.growth(lambda footprint: footprint.blocks) < 0.02, told
    assert outcome.growth(lambda footprint: footprint.objects) < 0.02, told
    return outcome


def test_a_short_day_leaves_nothing_behind(tmp_path: Path) -> None:
    run(SHORT_DAY, tmp_path)


@pytest.mark.skipif(
    "TICKTROUPE_WHOLE_DAY" not in os.environ, reason="takes ten minutes: TICKTROUPE_WHOLE_DAY=1"
)
def test_a_whole_day_leaves_nothing_behind(tmp_path: Path) -> None:
    outcome = run(WHOLE_DAY, tmp_path)
    sys.stdout.write("\n".join(map(str, outcome.footprints)))
    # A burst's peak stays with the process: Python gives memory back a page at a time, and few pages are ever empty.
    assert outcome.growth(lambda footprint: footprint.resident_bytes) < 0.05, outcome.footprints
