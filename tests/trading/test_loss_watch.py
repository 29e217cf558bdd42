"""Limits of loss: the day's, and the fall from the highest profit."""

from decimal import Decimal

from actors.trading.loss_watch import DAY_NS, LossWatch

NOON_NS = 20_000 * DAY_NS + DAY_NS // 2


def usdt(amount: str) -> dict[str, Decimal]:
    return {"USDT": Decimal(amount)}


def test_without_limits_nothing_is_watched() -> None:
    watch = LossWatch(None, None)
    assert not watch.is_set
    assert watch.check("", usdt("-1000000"), NOON_NS) is None


def test_the_loss_of_a_day_begins_anew_at_midnight_utc() -> None:
    watch = LossWatch(Decimal(100), None)
    assert watch.check("", usdt("-99.99"), NOON_NS) is None
    midnight_ns = NOON_NS + DAY_NS // 2
    assert watch.check("", usdt("-99.98"), midnight_ns) is None
    assert watch.check("", usdt("-199.97"), midnight_ns + 1) is None
    reason = watch.check("", usdt("-199.98"), midnight_ns + 2)
    assert reason == "100 USDT lost today (UTC), 100 are allowed"


def test_what_was_won_before_midnight_does_not_pay_for_the_new_day() -> None:
    watch = LossWatch(Decimal(100), None)
    assert watch.check("", usdt("500"), NOON_NS) is None
    assert watch.check("", usdt("500"), NOON_NS + DAY_NS) is None
    assert watch.check("", usdt("400"), NOON_NS + DAY_NS + 1) is not None


def test_a_clock_that_is_set_back_begins_no_new_day() -> None:
    watch = LossWatch(Decimal(100), None)
    watch.check("", usdt("0"), NOON_NS + DAY_NS)
    watch.check("", usdt("-60"), NOON_NS)
    assert watch.check("", usdt("-100"), NOON_NS + DAY_NS) is not None


def test_the_fall_from_the_highest_profit() -> None:
    watch = LossWatch(None, Decimal(50))
    for profit in ("0", "80", "31"):
        assert watch.check("a", usdt(profit), NOON_NS) is None
    assert watch.check("a", usdt("30"), NOON_NS) == (
        "50 USDT below the highest profit, 50 are allowed"
    )
    assert watch.check("b", usdt("-49"), NOON_NS) is None, "each for itself"


def test_quote_assets_do_not_add_up() -> None:
    watch = LossWatch(Decimal(100), None)
    assert watch.check("", {"USDT": Decimal(-60), "EUR": Decimal(-60)}, NOON_NS) is None


def test_after_the_word_to_go_on_losses_begin_anew() -> None:
    watch = LossWatch(Decimal(100), Decimal(100))
    assert watch.check("", usdt("-100"), NOON_NS) is not None
    watch.forgive("", usdt("-100"), NOON_NS)
    assert watch.check("", usdt("-199"), NOON_NS) is None
    assert watch.check("", usdt("-200"), NOON_NS) is not None
