"""What a strategy's constructor refuses, it tells all at once."""

from pathlib import Path

import pytest

from actors.commands.configuration import load_configuration
from actors.runtime.errors import ConfigurationError
from actors.strategies.arguments import ArgumentChecks

FAULTS = {
    "MarketMaker": {
        'symbol = "btcusdt"': "symbol must be spelt as the venue spells it, not 'btcusdt' (did you mean 'BTCUSDT'?)",
        "quantity = 0": "quantity must be above 0, not 0",
        "spread = 2": "spread is a fraction of the price (0.001 is 0.1 %), not 2.0",
        "retry_s = -1": "retry_s must be above 0, not -1.0",
    },
    "MovingAverageCross": {
        'symbol = ""': "symbol must be spelt as the venue spells it, not ''",
        "fast = 0": "fast must be 1 or more, not 0: an average is of at least one price",
        "slow = 0": "slow must be 2 or more, not 0: the slow average is of more prices than the fast",
        "quantity = -1": "quantity must be above 0, not -1",
        "sample_s = 0": "sample_s must be 0.001 or more, not 0.0: trades have times in milliseconds",
    },
    "BracketBreakout": {
        'symbol = "btcusdt "': "not 'btcusdt ' (did you mean 'BTCUSDT'?)",
        "level = 0": "level must be above 0, not 0.0",
        "quantity = 0": "quantity must be above 0, not 0",
        "target = -1": "target must be above 0, not -1.0",
        "stop = 1": "stop is a share of the price, not 1.0",
    },
    "PriceAlert": {
        'symbol = "btcusdt"': "(did you mean 'BTCUSDT'?)",
        "level = -5": "level must be above 0, not -5.0",
    },
}


@pytest.mark.parametrize("name", FAULTS)
def test_all_that_a_shipped_strategy_refuses_is_told_in_one_run(name: str, tmp_path: Path) -> None:
    file = tmp_path / "bot.toml"
    lines = "\n".join(FAULTS[name])
    file.write_text(f'[[actors]]\nclass = "{name}"\n{lines}\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(file)
    told = [str(fault) for fault in caught.value.faults]
    for fault in FAULTS[name].values():
        assert any(f"{name} refuses its arguments: " in line and fault in line for line in told)
    assert len(told) == len(FAULTS[name])


def test_an_error_of_its_own_is_not_hidden_by_what_was_collected() -> None:
    with pytest.raises(KeyError), ArgumentChecks() as check:  # noqa: PT012
        check.above_zero("quantity", 0)
        raise KeyError("other")


def test_what_is_fine_raises_nothing() -> None:
    with ArgumentChecks() as check:
        check.symbol("BTCUSDT")
        check.above_zero("quantity", 1)
        check.above_zero("absent", None)
        check.at_least("fast", 1, 1, "")
    assert check.faults == []
