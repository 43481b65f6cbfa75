"""Each row of ``docs/faults.md`` has its tests, and each of those is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROWS: dict[str, tuple[str, ...]] = {
    "401: the key is refused": (
        "provider/test_fault_keys.py::test_after_a_401_the_key_is_looked_up_again",
        "provider/test_fault_keys.py::test_a_refused_key_is_not_sent_again",
        "provider/test_fault_keys.py::test_the_next_key_takes_over_at_once",
    ),
    "403, 404: no permission, no such model or address": (
        "provider/test_fault_table.py::test_a_fault_that_stays",
        "e2e/test_engine.py::test_a_model_that_is_gone_is_told_once_and_another_one_answers",
    ),
    "400, 413, 422: the request is refused": (
        "provider/test_fault_table.py::test_a_fault_that_stays",
        "provider/test_client.py::test_a_request_that_is_too_long_is_asked_again_in_halves",
        "provider/test_lasting.py::test_a_piece_that_is_too_long_lasts_only_once_its_context_is_no_excuse",
    ),
    "408, 409": (
        "provider/test_fault_table.py::test_a_fault_that_stays",
        "provider/test_fault_table.py::test_a_fault_that_passes_costs_one_more_attempt",
    ),
    "429: too many requests": (
        "provider/test_fault_limits.py::test_the_wait_that_is_asked_for_is_kept",
        (
            "provider/test_fault_limits.py::"
            "test_a_wait_that_nobody_would_wait_ends_the_call_and_the_next_ones_at_once"
        ),
    ),
    "429: no credit": (
        "provider/test_fault_limits.py::test_without_credit_nothing_is_asked_for_a_quarter_of_an_hour",
    ),
    "500, 502, 503, 504": (
        "provider/test_fault_table.py::test_a_fault_that_passes_costs_one_more_attempt",
        "provider/test_fault_network.py::test_a_dead_provider_is_left_alone_and_looked_at_by_one",
        "provider/test_breaker.py::test_never_more_than_one_look_and_never_stuck",
    ),
    "The name does not resolve, the connection is refused": (
        "provider/test_fault_network.py::test_a_name_that_does_not_resolve",
        "provider/test_fault_network.py::test_a_server_that_is_not_there",
    ),
    "A certificate that is expired, of nobody known, or for another name": (
        "provider/test_fault_network.py::test_a_certificate_that_has_expired",
        "provider/test_fault_network.py::test_a_certificate_of_nobody_we_know",
        "provider/test_fault_network.py::test_a_certificate_for_another_name",
    ),
    "The answer breaks off, is empty, no JSON, no UTF-8": (
        "provider/test_fault_table.py::test_a_fault_that_stays",
    ),
    "The answer does not come, or drips": ("provider/test_fault_table.py::test_a_fault_that_stays",),
    "A web page, a list, another schema, a refusal, no choices": (
        "provider/test_fault_table.py::test_a_fault_that_stays",
    ),
    "Items with lines that are not there, edits that overlap, `NaN`, doubled keys, 200,000 levels": (
        "provider/test_fault_table.py::test_a_fault_that_stays",
        "provider/test_hostile_answers.py::test_a_review_holds_or_fails_properly",
        "provider/test_hostile_answers.py::test_suggestions_hold_or_fail_properly",
    ),
    "An answer of 10 MB, or one that unpacks to that": (
        "provider/test_fault_table.py::test_a_fault_that_stays",
        "provider/test_transport.py::test_a_bomb_costs_no_more_than_the_limit",
    ),
    "A redirect": (
        "provider/test_transport.py::test_redirects_are_refused_and_the_answer_is_closed",
        "provider/test_access.py::test_what_matters_for_security_is_noted",
    ),
    "A key with a line end or a space": ("provider/test_fault_keys.py::test_what_is_no_key_is_never_sent",),
    "Half a surrogate pair in a document": (
        "provider/test_fault_table.py::test_a_lone_surrogate_is_replaced_before_it_is_sent",
    ),
    "The clock jumps": (
        "cache/test_disk.py::test_no_jump_of_the_clock_makes_a_row_live_longer",
        "provider/limits/test_machine.py::test_a_clock_that_is_set_back_opens_nothing",
        "test_every_failure.py::test_the_nth_operation_fails",
    ),
    "The disk is full or read-only, there is no home folder": (
        "e2e/test_damage.py::test_a_disk_that_is_full_from_the_beginning",
        "e2e/test_damage.py::test_a_file_system_that_is_full",
        "e2e/test_damage.py::test_a_folder_that_cannot_be_written_to",
        "e2e/test_damage.py::test_without_a_home_findings_come_as_ever",
        "telemetry/test_journal.py::test_a_full_disk_costs_one_warning_and_what_could_not_be_written",
    ),
    "The state or the cache is damaged": (
        "e2e/test_damage.py::test_a_file_that_was_damaged_between_runs",
        "e2e/test_damage.py::test_a_file_that_is_damaged_while_it_is_used",
        "state/test_database.py::test_a_damaged_file_is_put_aside_and_a_new_one_begins",
    ),
    "Two servers with one cache": (
        "e2e/test_cache.py::test_two_windows_that_open_a_file_at_once_ask_once",
        "e2e/test_cache.py::test_a_window_that_dies_while_it_asks_leaves_the_question_to_the_other",
        "state/test_crash.py::test_a_killed_process_leaves_a_working_database",
        "telemetry/test_journal.py::test_processes_that_write_at_once_neither_mix_nor_lose_lines",
    ),
    "SIGTERM, the pipe closes, the editor dies": (
        "e2e/test_lifecycle.py::test_during_a_review",
        "e2e/test_lifecycle.py::test_the_editors_death_is_noticed_though_the_pipe_stays_open",
        "e2e/test_killed.py::test_who_is_killed_takes_nothing_along",
    ),
    "An older or equal version, a document that is not open, missing fields": (
        "lsp/test_documents.py::test_an_older_or_equal_version_loses_the_document_until_its_whole_text_comes",
        "lsp/test_documents.py::test_changes_of_documents_that_are_not_open_are_unknown",
        "lsp/test_protocol.py::test_bad_notifications_are_ignored_without_a_pop_up",
    ),
    "A range past the end, reversed, negative, or of 2³¹": (
        "lsp/test_machine.py::test_what_is_shown_is_true",
        "fuzz/test_fuzz.py::test_no_damage_breaks_the_server",
    ),
    "No JSON, no UTF-8, batches, plain values, 100,000 levels": (
        "lsp/test_protocol.py::test_what_is_no_request_is_answered_as_an_error",
    ),
    "A wrong `Content-Length`, one of 10¹², a header in lower case": (
        "lsp/test_framing.py::test_a_length_that_is_too_small_costs_one_message",
        "lsp/test_framing.py::test_a_length_that_is_too_large_costs_nothing_once_the_next_message_comes",
        "lsp/test_framing.py::test_an_absurd_length_is_neither_believed_nor_allocated",
        "lsp/test_framing.py::test_header_names_are_case_insensitive_and_other_headers_are_skipped",
    ),
    "A change of 20 MB": (
        "lsp/test_framing.py::test_a_message_over_the_limit_is_skipped_in_bounded_memory",
        "lsp/test_protocol.py::test_a_skipped_message_costs_the_document_its_sync_and_no_other",
        "lsp/test_session.py::test_a_document_that_is_too_large_is_not_sent_and_logged_once",
    ),
    "An unknown request or notification": (
        "lsp/test_protocol.py::test_unknown_requests_are_answered_and_unknown_notifications_ignored",
    ),
    "A document is closed while it is reviewed": ("lsp/test_session.py::test_closing_cancels_and_clears",),
    "500 documents, and some opened and closed a thousand times": (
        "lsp/test_crowds.py::test_of_many_documents_few_are_reviewed_at_a_time_and_all_in_the_end",
        "lsp/test_crowds.py::test_what_is_opened_and_closed_a_thousand_times_leaves_nothing",
    ),
    "Any file, database, network or clock operation fails, the 1st, 2nd, … n-th, once or from then on": (
        "test_every_failure.py::test_the_nth_operation_fails",
    ),
}


def test_the_page_has_these_rows() -> None:
    page = (HERE.parent / "docs" / "faults.md").read_text()
    rows = re.findall(r"^\| (.+?) \| .+ \|$", page, re.MULTILINE)
    assert rows[1:] == list(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_a_rows_tests_are_there(row: str) -> None:
    for test in ROWS[row]:
        path, _, name = test.partition("::")
        tree = ast.parse((HERE / path).read_text())
        functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
        assert name in {function.name for function in functions}, test
