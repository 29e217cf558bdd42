"""Which test keeps which of the known pitfalls of an order gateway; none is left without one, and each test is there."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CONTINGENT, LISTS = "gateways/test_contingent_orders.py", "order_manager/test_lists.py"
OF_GATEWAYS, OF_MANAGER = "gateways/test_pitfalls.py", "order_manager/test_pitfalls.py"

PITFALLS: dict[str, list[tuple[str, str]]] = {
    "1 unknown outcome": [
        (OF_GATEWAYS, "test_an_unknown_outcome_is_unknown_and_is_never_sent_again"),
        (OF_GATEWAYS, "test_by_rest_an_unknown_outcome_is_unknown_too"),
        (OF_MANAGER, "test_an_unknown_outcome_keeps_its_funds_and_is_not_sent_again"),
        (OF_MANAGER, "test_an_unknown_outcome_is_resolved_by_whoever_tells_first"),
        (OF_MANAGER, "test_not_found_is_no_proof_while_the_request_can_still_be_accepted"),
        (OF_MANAGER, "test_absence_stays_revocable"),
        (
            "order_manager/test_denied.py",
            "test_an_acknowledged_order_that_is_denied_for_good_ends_and_frees_its_funds",
        ),
    ],
    "2 a client order id is no idempotency key": [
        (
            OF_GATEWAYS,
            "test_a_client_order_id_is_no_permission_to_send_twice_and_a_duplicate_is_an_open_order",
        ),
        (OF_MANAGER, "test_a_client_order_id_is_never_used_twice"),
        (OF_MANAGER, "test_duplicate_order_sent_means_that_the_first_is_open_and_is_adopted"),
        (OF_MANAGER, "test_a_twin_under_the_same_id_is_as_real_as_the_first"),
    ],
    "3 safe retry": [
        (OF_GATEWAYS, "test_even_a_safe_retry_is_the_deciders_and_not_the_gateways"),
        (OF_MANAGER, "test_a_definite_refusal_is_final_at_once_and_nothing_is_tried_again"),
    ],
    "4 the clock may have cost an order": [
        (
            OF_GATEWAYS,
            "test_a_timestamp_outside_the_window_costs_an_order_and_makes_it_measure_the_clock",
        ),
        (OF_MANAGER, "test_an_old_decision_is_never_replayed"),
    ],
    "5 reply and report in any order": [
        (OF_GATEWAYS, "test_answer_and_report_may_come_in_either_order"),
        (OF_MANAGER, "test_reply_and_report_may_come_in_either_order"),
    ],
    "6 fold fills by trade": [
        (OF_GATEWAYS, "test_fills_of_answer_and_report_are_one_by_their_trade_id"),
        (OF_MANAGER, "test_fills_are_folded_by_their_trade_ids"),
    ],
    "7 a canceled report's ids": [
        (OF_GATEWAYS, "test_a_canceled_report_is_about_the_original_client_order_id"),
        (OF_MANAGER, "test_a_cancel_under_another_name_is_found_by_the_venues_own_id"),
    ],
    "8 cancel race": [
        (OF_GATEWAYS, "test_a_cancel_that_finds_no_order_proves_no_end"),
        (OF_MANAGER, "test_a_refused_cancel_is_no_end"),
        (OF_MANAGER, "test_a_cancel_names_the_venues_own_id_once_it_is_known"),
    ],
    "9 a cancel with executions": [
        (OF_GATEWAYS, "test_a_cancel_can_succeed_with_a_part_executed"),
        (OF_MANAGER, "test_a_cancel_that_succeeds_with_executions_books_them"),
    ],
    # Of cancelReplace nothing is sent; where only the size shrinks the order keeps its priority.
    "10 amending": [
        ("order_manager/test_reducing.py", "test_the_order_keeps_its_name_and_its_place"),
        (CONTINGENT, "test_each_half_of_a_replacement_is_told_by_itself"),
        (LISTS, "test_each_half_can_be_unknown_by_itself"),
        (LISTS, "test_a_replacement_is_one_request_that_needs_the_funds_once"),
    ],
    "11 expired is a normal end": [
        (OF_GATEWAYS, "test_expired_is_an_end_like_others_and_unknown_words_end_nothing"),
        (OF_MANAGER, "test_expiry_is_a_normal_end_maybe_with_fills"),
        (OF_MANAGER, "test_an_unknown_status_crashes_nobody_and_is_asked_about"),
    ],
    "12 commission": [
        (OF_MANAGER, "test_fees_in_the_received_asset_leave_less_to_sell_and_the_dust_stays"),
        ("order_manager/test_limits.py", "test_fees_in_a_third_asset_are_losses_at_its_price"),
    ],
    "13 balances": [
        (OF_GATEWAYS, "test_balances_are_absolute_and_ordered_by_their_time"),
        (OF_MANAGER, "test_balances_are_absolute_and_the_newest_counts"),
        (
            "gateways/test_binance_faults.py",
            "test_balances_are_told_as_they_are_and_a_mere_difference_makes_it_ask",
        ),
    ],
    "14 rounding": [
        (OF_GATEWAYS, "test_numbers_go_out_without_exponent_and_needless_zeros"),
        (OF_MANAGER, "test_prices_are_rounded_against_us_and_quantities_down"),
        (OF_MANAGER, "test_a_symbol_that_does_not_trade_takes_no_new_orders_but_cancels"),
    ],
    "15 a filter's refusal is a normal answer": [
        (OF_GATEWAYS, "test_a_filter_failure_is_a_normal_answer"),
        (OF_MANAGER, "test_a_filter_refusal_of_the_venue_is_a_normal_answer"),
    ],
    "16 clock": [
        (OF_GATEWAYS, "test_the_clock_goes_by_the_shortest_round_trip"),
        ("binance/test_clock.py", "test_the_truth_lies_within_the_uncertainty"),
        (
            "gateways/test_clock_at_start.py",
            "test_a_clock_set_between_measuring_and_asking_is_measured_again",
        ),
        ("gateways/test_case_clock.py", "test_what_is_signed_follows_a_clock_that_drifts"),
    ],
    "17 rate limits": [
        (
            "gateways/test_limits.py",
            "test_the_last_share_of_the_order_limit_is_kept_for_what_reduces_a_position",
        ),
        ("gateways/test_limits.py", "test_a_ban_holds_trading_and_says_until_when"),
        (
            "gateways/test_limits.py",
            "test_too_many_orders_stops_orders_alone_and_makes_it_read_the_limits_again",
        ),
        ("binance/test_limits.py", "test_windows_are_aligned_to_the_clock"),
        ("binance/test_limits.py", "test_usage_is_read_from_replies_too"),
    ],
    "18 reconnect gap-fill": [
        (OF_GATEWAYS, "test_after_a_drop_new_orders_wait_until_the_gap_is_filled"),
        (OF_MANAGER, "test_what_the_account_no_longer_lists_is_asked_for_after_a_reconnect"),
        (OF_MANAGER, "test_an_account_that_still_lists_a_filled_order_opens_nothing_again"),
        (
            "gateways/test_account_events.py",
            "test_trades_since_the_last_known_are_told_with_their_orders_page_by_page",
        ),
    ],
    "19 two connections": [
        (OF_GATEWAYS, "test_orders_and_events_have_connections_of_their_own"),
        ("binance/test_user_stream.py", "test_a_server_that_will_shut_down_is_left_for_a_new_one_first"),
        ("binance/test_user_stream.py", "test_a_connection_is_renewed_before_the_venue_ends_it"),
    ],
    "20 silent death": [
        (
            "gateways/test_account_events.py",
            "test_a_silent_user_stream_is_noticed_within_the_configured_time",
        ),
        ("order_manager/test_reconciliation.py", "test_the_account_is_compared_periodically"),
    ],
    "21 order lists": [
        (
            OF_GATEWAYS,
            "test_the_status_of_a_list_comes_besides_the_reports_and_disturbs_nothing",
        ),
        (CONTINGENT, "test_a_pair_is_placed_and_canceled_as_a_whole"),
        (LISTS, "test_a_cancel_of_one_cancels_the_list_in_one_request"),
        (LISTS, "test_limits_count_each_order_of_a_list_and_refuse_all_or_none"),
    ],
    "22 a market order by amount": [
        (OF_GATEWAYS, "test_a_market_order_by_amount_learns_its_quantity_from_the_venue"),
        (OF_MANAGER, "test_an_amount_that_is_not_spent_whole_is_no_remainder"),
    ],
    "23 stop orders": [
        (
            OF_GATEWAYS,
            "test_the_fullest_answer_is_asked_for_by_name_and_no_stop_goes_without_its_trigger",
        ),
        (CONTINGENT, "test_orders_with_a_trigger_are_placed_trail_and_are_asked_for"),
        (LISTS, "test_exits_that_expire_leave_the_position_unprotected"),
    ],
    "24 the firewall's page": [
        (OF_GATEWAYS, "test_a_firewalls_page_is_no_answer_of_the_api_and_makes_it_back_off"),
        (OF_MANAGER, "test_ids_hold_no_word_that_a_firewall_stops"),
    ],
    "25 codes and not words": [
        (OF_GATEWAYS, "test_codes_decide_and_not_the_words_beside_them"),
    ],
}  # fmt: skip


def test_all_twenty_five_are_here() -> None:
    assert [int(name.split()[0]) for name in PITFALLS] == list(range(1, 26))


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_its_tests_are_there(pitfall: str) -> None:
    assert PITFALLS[pitfall]
    for file, name in PITFALLS[pitfall]:
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        found = [
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        assert name in found, f"{file} has no {name}"
