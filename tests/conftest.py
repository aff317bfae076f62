"""The fixtures of all tests."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np  # noqa: F401 - pytester unloads what a run inside this process loaded, which numpy cannot stand
import pytest
import scipy.special  # noqa: F401
from programs import FEW_RUNS, perf_program
from scripting import CONFTEST, SCRIPTED, TWO_WORKERS, Project, ScriptedClock, leave_the_outer_run

import pytest_perfbudget.report.formats.terminal  # noqa: F401 - its package would keep it, with classes of the first run

if TYPE_CHECKING:
    from html_browser import Browser

pytest_plugins = ["pytester"]

_FURTHER_WAYS = ("neighbours", "plugin/collection", "plugin/measuring", "plugin/reporting")
"""The folders whose tests with `-n 0` and `-n 2` are slow: what xdist changes is tested in `plugin/xdist` and
`compare`."""

_SLOW = {
    "TestAccessibility::test_axe_finds_nothing_in_both_themes[tests/orders/test_queries.py::test_lists_open_orders[10000]]",
    "TestAccessibility::test_axe_finds_nothing_in_both_themes[tests/test_load.py::test_gateway_under_load order]",
    "TestAccuracy::test_changes_are_found_better_than_by_otava",
    "TestAccuracy::test_fewer_than_one_point_in_1000_is_falsely_called_a_change",
    "TestAccuracy::test_steps_of_5_percent_are_placed_within_one_point_at_a_variation_of_2_percent",
    "TestBaseline::test_a_regression_names_the_component_that_it_is_in",
    "TestBaseline::test_a_slower_service_fails",
    "TestBaseline::test_an_easier_load_needs_a_reason",
    "TestBaseline::test_an_older_baseline_is_read_and_the_failure_says_what_it_lacks",
    "TestBaseline::test_another_load_is_foreign_until_the_baseline_is_updated",
    "TestBusyWeek::test_a_busy_machine_is_no_change_of_the_code",
    "TestBusyWeek::test_a_slowdown_at_the_same_time_is_never_made_larger_by_the_waits",
    "TestBusyWeek::test_waits_in_the_numbers_would_look_like_a_change",
    "TestCallsOfOneName::test_calls_that_changed_places_are_not_compared[arguments-together]",
    "TestCallsOfOneName::test_calls_that_changed_places_are_not_compared[closures-together]",
    "TestCallsOfOneName::test_calls_that_changed_places_are_not_compared[lambdas-together]",
    "TestCallsOfOneName::test_calls_that_changed_places_are_not_compared[methods-together]",
    "TestCallsOfOneName::test_the_same_calls_are_compared[arguments-together]",
    "TestCallsOfOneName::test_the_same_calls_are_compared[closures-together]",
    "TestCallsOfOneName::test_the_same_calls_are_compared[lambdas-together]",
    "TestCallsOfOneName::test_the_same_calls_are_compared[methods-together]",
    "TestClean::test_a_test_that_skips_itself_in_a_worker_of_xdist_is_measured_after_the_last_test[plain]",
    "TestCommit::test_a_longer_loop_fails_and_is_named",
    "TestCommit::test_a_loop_of_the_same_length_passes",
    "TestCommit::test_a_pull_request_that_stops_counting_is_compared_by_the_policy_of_the_base[base]",
    "TestCommit::test_a_pull_request_that_stops_counting_is_compared_by_the_policy_of_the_base[head]",
    "TestDataFiles::test_a_case_whose_file_git_ignores_is_not_new[name-together]",
    "TestDataFiles::test_a_case_whose_file_is_new_is_new[name-together]",
    "TestEarlyEnd::test_a_server_near_its_limit_is_seldom_ended[M/M/1 at 50 %-some runs]",
    "TestEarlyEnd::test_a_server_near_its_limit_is_seldom_ended[M/M/1 at 80 %-some runs]",
    "TestEarlyEnd::test_a_server_near_its_limit_is_seldom_ended[bursty-some runs]",
    "TestErrors::test_a_base_that_fails_is_said",
    "TestErrors::test_a_head_that_fails_there_exceeds_its_limit[no limit]",
    "TestErrors::test_a_head_that_fails_there_exceeds_its_limit[together]",
    "TestErrors::test_a_load_with_errors_makes_no_line_of_the_baseline[0]",
    "TestErrors::test_a_load_with_errors_makes_no_line_of_the_baseline[9]",
    "TestErrors::test_a_single_error_in_one_of_many_processes_is_no_failure_of_the_head",
    "TestErrors::test_after_a_request_without_an_answer_the_user_enters_again[closed]",
    "TestErrors::test_errors_within_the_limit_fail_nothing",
    "TestErrors::test_so_does_one_that_is_measured_after_the_last_test",
    "TestErrors::test_the_limit_is_exceeded_as_seldom_as_stated[even]",
    "TestErrors::test_the_limit_is_exceeded_as_seldom_as_stated[step]",
    "TestGeneratedModules::test_a_new_module_of_the_head_is_not_carried_into_the_base",
    "TestGrowth::test_at_most_1_percent_of_counts_that_rise_and_fall_have_a_trend[few values]",
    "TestGrowth::test_at_most_1_percent_of_counts_that_rise_and_fall_have_a_trend[random walk]",
    "TestGrowth::test_at_most_1_percent_of_counts_that_rise_and_fall_have_a_trend[rare steps]",
    "TestGrowth::test_at_most_1_percent_of_histories_without_a_trend_have_one[0.3]",
    "TestGrowth::test_at_most_1_percent_of_histories_without_a_trend_have_one[0.5]",
    "TestGrowth::test_at_most_1_percent_of_histories_without_a_trend_have_one[0.7]",
    "TestGrowth::test_at_most_1_percent_of_histories_without_a_trend_have_one[0.9]",
    "TestIdentity::test_arguments_in_a_file_hold_for_both_sides",
    "TestLate::test_a_body_that_holds_what_exists_once_is_measured_after_the_last_test[clean]",
    "TestLate::test_a_test_that_fails_in_any_other_process_fails_the_session",
    "TestLate::test_code_that_is_as_fast_passes",
    "TestLate::test_slower_code_fails_beside_pytest_benchmark[plain]",
    "TestLate::test_slower_code_fails_the_session_of_several_workers",
    "TestLate::test_slower_code_fails_where_a_hook_of_the_suite_fails",
    "TestLate::test_slower_code_is_a_failure_in_a_junit_file",
    "TestLate::test_slower_code_of_a_test_that_is_expected_to_fail_fails_nothing",
    "TestLate::test_slower_code_only_warns_with_that_gate",
    "TestLibraries::test_a_base_that_lacks_a_built_library_is_wrong_code[side by side-loaded early]",
    "TestLibraries::test_a_base_that_lacks_a_built_library_is_wrong_code[side by side-loaded late]",
    "TestLibraries::test_a_library_that_the_head_adds_to_git_is_its_own_change[loaded early]",
    "TestLibraries::test_a_library_that_the_head_adds_to_git_is_its_own_change[loaded late]",
    "TestLost::test_a_body_and_a_benchmark_are_two_things",
    "TestLost::test_a_measurement_whose_function_has_another_name_fails_until_the_test_names_it[plain]",
    "TestLost::test_a_part_that_the_test_names_is_new_although_the_base_measures_the_whole",
    "TestLost::test_a_test_behind_a_link_out_of_the_repository_fails",
    "TestLost::test_a_test_that_measures_nothing_and_that_only_the_head_has_is_new",
    "TestLost::test_a_test_that_measures_nothing_fails_if_the_base_could_not_collect_its_file",
    "TestLost::test_a_test_that_measures_nothing_on_either_side_fails_beside_a_compared_test[budget]",
    "TestLost::test_a_test_that_was_measured_by_parts_and_now_as_a_whole_fails[parts to body]",
    "TestLost::test_calls_of_a_function_are_ambiguous_beside_the_baseline_too",
    "TestLost::test_calls_of_a_function_that_another_number_of_calls_made_ambiguous_fail_until_they_have_names[fewer]",
    "TestLost::test_the_head_says_what_a_test_is_called[plain]",
    "TestLost::test_the_tests_of_a_project_that_only_the_head_has_are_new",
    "TestLostPerfTests::test_it_is_named[fixture-plain]",
    "TestLostPerfTests::test_it_is_named[skipped file-plain]",
    "TestMeasured::test_tests_are_repeated_until_their_p95_has_a_bound",
    "TestNames::test_a_package_most_of_whose_files_the_tree_has_is_a_copy[half of its files]",
    "TestNames::test_a_package_most_of_whose_files_the_tree_has_is_a_copy[less than half]",
    "TestNames::test_a_project_in_a_folder_of_the_repository_is_held_to_the_same[setup.py-True]",
    "TestNames::test_a_stub_of_a_namespace_is_no_copy_though_it_is_the_same[__import__('pkg_resources').declare_namespace(__name__)\\n]",
    "TestNotRepeated::test_a_regression_since_the_baseline_names_its_component[benchmark]",
    "TestNotRepeated::test_a_regression_since_the_baseline_names_its_component[timer]",
    "TestNotRepeated::test_without_recorded_spans_the_failure_says_how_to_record_them",
    "TestNothingToCompare::test_an_entry_has_the_suite_compared",
    "TestNothingToCompare::test_perf_tests_that_addopts_skips_are_compared[plain]",
    "TestNumberedTests::test_a_case_under_the_number_of_another_is_not_compared_with_that[classes]",
    "TestNumberedTests::test_a_case_under_the_number_of_another_is_not_compared_with_that[functions]",
    "TestNumberedTests::test_the_baseline_knows_the_cases[classes]",
    "TestNumberedTests::test_the_baseline_knows_the_cases[functions]",
    "TestNumberedTests::test_the_same_cases_are_compared[classes]",
    "TestNumberedTests::test_the_same_cases_are_compared[functions]",
    "TestOnRecordedNoise::test_confirmed_by_pairs_smaller_ones_do_too",
    "TestOnRecordedPairs::test_real_slowdowns_turn_red[0.03-0.8]",
    "TestRounds::test_recorded_sessions_of_identical_code_are_quiet",
    "TestShiftedCases::test_a_case_that_stands_under_no_other_id_is_the_same_case[edited]",
    "TestShiftedCases::test_a_case_that_stands_under_no_other_id_is_the_same_case[random]",
    "TestShiftedCases::test_a_case_that_was_removed_shifts_the_others",
    "TestShiftedCases::test_the_baseline_knows_the_parameters_of_a_case",
    "TestShiftedCases::test_two_cases_of_one_id_are_not_compared_with_each_other",
    "TestShiftedCases::test_values_that_show_no_attributes_are_not_compared_with_other_values[Decimal]",
    "TestShiftedCases::test_values_that_show_no_attributes_are_not_compared_with_other_values[closure]",
    "TestShiftedCases::test_values_that_show_no_attributes_are_not_compared_with_other_values[default]",
    "TestShiftedCases::test_values_that_show_no_attributes_are_not_compared_with_other_values[timedelta]",
    "TestSteps::test_a_creep_after_a_steady_time_is_no_series_of_steps[-0.01-0.002]",
    "TestSteps::test_a_creep_after_a_steady_time_is_no_series_of_steps[0.01-0.002]",
    "TestSteps::test_a_creep_after_a_steady_time_is_no_series_of_steps[0.01-0.0]",
    "TestSteps::test_a_step_beside_a_creep_of_little_noise_is_found_and_few_others[amount-0.003]",
    "TestSteps::test_a_step_beside_a_creep_of_little_noise_is_found_and_few_others[share-0.0002]",
    "TestSteps::test_a_step_beside_a_creep_of_little_noise_is_found_and_few_others[share-0.003]",
    "TestSteps::test_a_step_of_exact_numbers_that_creep_is_found_alone_and_at_its_place[-3-amount-amount]",
    "TestSteps::test_a_step_of_exact_numbers_that_creep_is_found_alone_and_at_its_place[-3-amount-factor]",
    "TestSteps::test_a_step_of_exact_numbers_that_creep_is_found_alone_and_at_its_place[-3-share-factor]",
    "TestSteps::test_a_step_of_exact_numbers_that_creep_is_found_alone_and_at_its_place[1-amount-amount]",
    "TestSteps::test_a_step_of_exact_numbers_that_creep_is_found_alone_and_at_its_place[1-share-factor]",
    "TestSteps::test_a_step_of_exact_numbers_that_creep_is_found_alone_and_at_its_place[12-amount-amount]",
    "TestSteps::test_a_step_of_exact_numbers_that_creep_is_found_alone_and_at_its_place[12-amount-factor]",
    "TestSteps::test_a_step_of_exact_numbers_that_creep_is_found_alone_and_at_its_place[12-share-factor]",
    "TestSteps::test_an_interval_covers_the_ratio_of_a_known_step",
    "TestTheHeadDecides::test_a_mistake_that_the_head_has_mended_does_not_matter[table]",
    "TestTheHeadDecides::test_a_pull_request_that_adds_the_marker_is_compared",
    "TestTimeout::test_a_measurement_that_hangs_is_ended",
    "test_a_base_that_does_not_tell_its_perf_tests_fails_the_session",
    "test_a_base_that_imports_the_working_tree_is_wrong_code_and_fails[warn-side by side]",
    "test_a_base_whose_processes_all_die_leaves_every_test_unmeasured",
    "test_a_baseline_made_before_the_first_commit_is_confirmed_beside_that_commit",
    "test_a_baseline_of_an_older_version_is_compared_without_distributions",
    "test_a_baseline_that_another_root_folder_leaves_unread_is_named",
    "test_a_baseline_that_pyproject_names_has_to_be_there",
    "test_a_benchmark_runs_in_full_where_its_rounds_are_needed[budget]",
    "test_a_benchmark_runs_in_full_where_its_rounds_are_needed[option]",
    "test_a_benchmark_runs_in_full_where_its_rounds_are_needed[test]",
    "test_a_benchmark_test_without_a_marker_is_compared_if_the_baseline_has_it",
    "test_a_body_is_not_compared_with_a_benchmark_of_the_baseline",
    "test_a_body_is_not_compared_with_a_benchmark_one_process_after_the_other",
    "test_a_budget_that_holds_is_rarely_exceeded[0.04]",
    "test_a_budget_that_holds_is_rarely_exceeded[0.05]",
    "test_a_changed_test_is_compared_all_the_same_and_named",
    "test_a_changed_test_that_measures_a_fast_copy_of_slower_code_fails_the_session[conftest]",
    "test_a_changed_test_that_measures_less_fails_the_session_and_any_other_change_passes",
    "test_a_commit_is_compared[eventlet-0.8-improved]",
    "test_a_commit_is_compared[freezegun-3-regressed]",
    "test_a_commit_is_compared[gevent-1-unchanged]",
    "test_a_commit_is_compared[gevent-3-regressed]",
    "test_a_commit_is_compared[pyfakefs-1-unchanged]",
    "test_a_commit_is_compared[pyfakefs-3-regressed]",
    "test_a_commit_is_compared[time_machine-0.8-improved]",
    "test_a_compiled_file_that_names_the_hash_of_its_source_fails_the_session[False]",
    "test_a_compiled_file_that_names_the_hash_of_its_source_fails_the_session[True]",
    "test_a_component_that_waits_longer_says_so",
    "test_a_copy_is_known_in_whatever_folder_the_repository_has_its_packages[python/app-x = 1-True]",
    "test_a_copy_is_known_in_whatever_folder_the_repository_has_its_packages[python/app-x = 2-False]",
    "test_a_copy_is_known_in_whatever_folder_the_repository_has_its_packages[src/shop/app-x = 1-False]",
    "test_a_count_that_no_fresh_process_confirms_is_unmeasured[cannot-count]",
    "test_a_count_that_no_fresh_process_confirms_is_unmeasured[dies]",
    "test_a_deleted_test_is_named_until_it_is_taken_out_of_the_baseline",
    "test_a_drift_without_a_limit_or_surely_below_it_is_no_reason[0.06-]",
    "test_a_duet_with_the_commit_of_the_baseline_names_the_component",
    "test_a_failure_beyond_the_first_failures_is_named_and_not_told",
    "test_a_fast_copy_of_slower_code_fails_the_session_wherever_it_lies",
    "test_a_fast_copy_of_slower_code_is_no_way_through",
    "test_a_file_of_the_baseline_that_breaks_fresh_processes_is_left_out",
    "test_a_fixture_of_the_projects_own_is_not_missed[perf]",
    "test_a_fixture_that_can_live_once_is_confirmed_after_the_last_test",
    "test_a_folder_of_the_search_path_that_was_moved_is_not_in_the_base",
    "test_a_forked_child_of_measured_code_is_terminated_by_the_signal_itself",
    "test_a_fresh_process_imports_the_files_of_all_tests_of_the_baseline",
    "test_a_further_metric_goes_through_marker_table_json_and_baseline",
    "test_a_gate_that_only_warns_fails_nothing",
    "test_a_gate_that_warns_names_a_slowdown_and_fails_nothing",
    "test_a_generated_package_is_the_heads_on_both_sides[imported early-side by side]",
    "test_a_generated_package_is_the_heads_on_both_sides[imported late-side by side]",
    "test_a_generator_beside_busy_processes_judges_nothing_and_a_slow_server_exceeds",
    "test_a_head_that_is_an_installed_copy_is_measured_if_it_is_up_to_date[False-wrong_code]",
    "test_a_head_that_is_an_installed_copy_is_measured_if_it_is_up_to_date[True-improved]",
    "test_a_hook_leaves_no_test_out_that_a_fresh_process_is_asked_for",
    "test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one_whole",
    "test_a_late_comparison_has_its_share_of_the_sessions_error_rate",
    "test_a_late_comparison_that_never_comes_fails_the_session[fail-1]",
    "test_a_lazy_module_is_never_woken",
    "test_a_limit_of_memray_holds_for_one_execution[limit_leaks('1 MB')-with --memray]",
    "test_a_limit_of_memray_holds_for_one_execution[limit_leaks('1 MB')-without --memray]",
    "test_a_limit_of_memray_holds_for_one_execution[limit_memory('1 MB')-with --memray]",
    "test_a_limit_of_memray_holds_for_one_execution[limit_memory('1 MB')-without --memray]",
    "test_a_line_that_may_be_of_older_versions_keeps_these[a kept line]",
    "test_a_load_ends_although_its_users_do_not[closed]",
    "test_a_load_ends_although_its_users_do_not[open]",
    "test_a_load_shows_its_requests_latency_and_users",
    "test_a_load_that_is_not_answered_is_unmeasured",
    "test_a_load_that_may_have_become_easier_needs_a_reviewer",
    "test_a_load_whose_rate_changes_is_held_to_its_limits_only",
    "test_a_log_without_a_terminal_has_a_line_when_a_confirmation_begins[-q -q]",
    "test_a_log_without_a_terminal_has_a_line_when_a_confirmation_begins[-q]",
    "test_a_log_without_a_terminal_has_a_line_when_a_confirmation_begins[]",
    "test_a_module_behind_a_link_into_the_working_tree_is_not_the_bases[elsewhere/shop/cart.py]",
    "test_a_module_behind_a_link_out_of_the_repository_is_accepted",
    "test_a_module_of_an_installed_copy_is_not_the_bases[tools-tools.py]",
    "test_a_module_of_the_checkout_is_the_bases",
    "test_a_module_of_the_repository_around_a_submodule_is_not_the_bases[made/ops.py-False]",
    "test_a_module_of_the_repository_around_a_submodule_is_not_the_bases[src/ops.py-True]",
    "test_a_module_of_the_working_tree_is_not_the_bases",
    "test_a_module_that_is_built_from_the_trees_source_into_a_folder_outside_is_not_the_bases[fast.pyx-False-True]",
    "test_a_module_that_is_built_from_the_trees_source_into_a_folder_outside_is_not_the_bases[fast.pyx-True-False]",
    "test_a_module_that_was_built_beside_its_source_is_named_with_the_option",
    "test_a_name_with_a_path_into_the_project_is_the_same_name[path-together]",
    "test_a_name_with_a_path_into_the_project_is_the_same_name[resolved-together]",
    "test_a_name_with_a_path_into_the_project_is_the_same_name[timer-together]",
    "test_a_name_with_an_address_never_gets_into_a_baseline",
    "test_a_number_that_is_newer_than_the_anchor_is_judged_by_one_that_was_timed_in_the_same_way[False]",
    "test_a_number_that_is_newer_than_the_anchor_is_judged_by_one_that_was_timed_in_the_same_way[True]",
    "test_a_number_that_is_not_judged_beside_judged_numbers_is_a_line[few]",
    "test_a_number_that_is_not_judged_beside_judged_numbers_is_a_line[newer]",
    "test_a_number_that_is_not_judged_beside_judged_numbers_is_a_line[zero]",
    "test_a_number_that_was_not_compared_is_not_passed_over[with a history]",
    "test_a_p95_one_per_cent_off_the_limit_is_misjudged_in_at_most_alpha[bimodal]",
    "test_a_p95_one_per_cent_off_the_limit_is_misjudged_in_at_most_alpha[heavy tail (Pareto 1.5)]",
    "test_a_p95_one_per_cent_off_the_limit_is_misjudged_in_at_most_alpha[lognormal]",
    "test_a_p95_one_per_cent_off_the_limit_is_misjudged_in_at_most_alpha[normal]",
    "test_a_package_that_moved_is_not_carried_into_the_base",
    "test_a_parameter_that_is_a_path_into_the_working_tree_is_the_same_test",
    "test_a_pattern_that_matches_nothing_is_named_once_under_xdist",
    "test_a_perf_test_of_the_bases_configuration_alone_is_missing",
    "test_a_perf_test_that_a_value_of_the_product_removes_fails_the_session[1-False]",
    "test_a_perf_test_that_is_hidden_by_whatever_means_fails_the_session",
    "test_a_process_that_can_send_no_answer_tears_its_fixtures_down[alone]",
    "test_a_profile_takes_at_most_a_kilobyte_and_keeps_the_functions_with_the_most",
    "test_a_project_in_a_subfolder_of_the_repository_is_compared[0.8-improved]",
    "test_a_project_in_a_subfolder_of_the_repository_is_compared[1-unchanged]",
    "test_a_pull_request_does_not_choose_the_tests_of_the_base[arguments]",
    "test_a_pull_request_does_not_choose_the_tests_of_the_base[protocol]",
    "test_a_pull_request_that_leaves_a_test_out_fails[files0-expected to fail (xfail)]",
    "test_a_pull_request_that_leaves_a_test_out_fails[files1-renames the perf test: test_third has the same body]",
    "test_a_pull_request_that_leaves_a_test_out_fails[files2-deselected by --deselect of addopts]",
    "test_a_pull_request_that_leaves_a_test_out_fails[files3-deselected by a conftest.py]",
    "test_a_pull_request_that_leaves_a_test_out_fails[files4-removes the perf test, so the session fails]",
    "test_a_pull_request_with_a_slower_function_is_red[slower]",
    "test_a_ratio_beside_a_compared_test_passes",
    "test_a_regression_of_a_load_names_its_component[a fixed rate]",
    "test_a_regression_of_a_timer_and_of_a_benchmark_names_its_component[benchmark]",
    "test_a_regression_of_a_timer_and_of_a_benchmark_names_its_component[pedantic]",
    "test_a_regression_of_a_timer_and_of_a_benchmark_names_its_component[timer]",
    "test_a_removed_entry_of_the_table_still_holds_for_a_test_with_the_fixture",
    "test_a_report_says_how_many_tests_share_alpha[n2]",
    "test_a_request_to_end_does_not_interrupt_the_teardown[gone]",
    "test_a_run_that_keeps_its_limit_is_hardly_ever_ended_early[M/M/1 at 80 %-some runs]",
    "test_a_run_that_keeps_its_limit_is_hardly_ever_ended_early[bursty-some runs]",
    "test_a_scenario_is_held_to_limits_and_leaves_no_process[a master and two workers]",
    "test_a_scenario_is_held_to_limits_and_leaves_no_process[one process]",
    "test_a_search_for_the_capacity_shows_its_loads",
    "test_a_search_from_far_above_the_capacity_finds_it",
    "test_a_server_whose_path_the_other_side_takes_over_is_measured_after_the_last_test",
    "test_a_service_that_answers_no_request_exceeds_a_lower_limit_on_the_capacity[call]",
    "test_a_session_that_is_told_to_end_or_killed_leaves_no_checkout[SIGKILL]",
    "test_a_session_without_the_anchors_baseline_says_how_to_time_as_then",
    "test_a_setup_that_does_not_make_what_git_ignores_is_told_the_file",
    "test_a_shallow_clone_is_compared_with_the_commits_that_it_has",
    "test_a_side_that_dies_leaves_one_test_unmeasured_and_is_replaced",
    "test_a_side_that_hangs_leaves_one_test_unmeasured_and_is_replaced",
    "test_a_side_that_is_ended_from_outside_is_started_once_more",
    "test_a_signal_in_a_duet_leaves_no_checkout_and_no_process[2]",
    "test_a_signal_leaves_no_checkout_no_process_and_no_planted_slowdown[-arguments0-15]",
    "test_a_slowdown_of_every_second_call_does_not_hide_behind_the_others[1.2-0]",
    "test_a_slowdown_of_every_second_call_does_not_hide_behind_the_others[4-2]",
    "test_a_slowdown_of_rare_calls_fails[80-1]",
    "test_a_slower_service_fails_in_every_model[asyncio]",
    "test_a_slower_service_fails_in_every_model[open]",
    "test_a_suite_that_reads_the_statistics_is_measured_in_fresh_processes_too[plain]",
    "test_a_suites_own_leak_checks_see_no_new_thread_and_no_new_process",
    "test_a_suspect_whose_fixture_can_live_once_is_confirmed_after_the_last_test[plain]",
    "test_a_tear_down_follows_each_call_when_it_is_measured_again",
    "test_a_test_in_one_thread_is_measured[parallel_threads(1)]",
    "test_a_test_in_one_thread_is_measured[thread_unsafe]",
    "test_a_test_in_threads_or_iterations_is_executed_as_asked_and_not_measured[-arguments0-2]",
    "test_a_test_in_threads_or_iterations_is_executed_as_asked_and_not_measured[force_parallel_threads(2)-arguments1-2]",
    "test_a_test_in_threads_or_iterations_is_executed_as_asked_and_not_measured[iterations(3)-arguments2-3]",
    "test_a_test_may_look_at_the_result_on_both_sides[closed]",
    "test_a_test_may_look_at_the_result_on_both_sides[open]",
    "test_a_test_that_another_plugin_measures_fails_against_a_commit[--memray]",
    "test_a_test_that_another_plugin_measures_fails_against_a_commit[limit_memory]",
    "test_a_test_that_ends_its_process_is_unmeasured_and_the_others_are_not",
    "test_a_test_that_fails_in_its_second_run_is_judged_by_its_first[9-runs0]",
    "test_a_test_that_fails_in_its_teardown_gets_no_line",
    "test_a_test_that_is_many_times_slower_fails_against_it",
    "test_a_test_that_mocks_what_removes_folders_is_confirmed_all_the_same",
    "test_a_test_that_no_commit_can_have_is_not_new[ignored-side by side]",
    "test_a_test_that_only_the_pull_request_skips_or_lets_fail_is_found_by_running_the_base",
    "test_a_test_that_run_parallel_finds_unsafe_later_is_measured[1-within]",
    "test_a_test_that_run_parallel_finds_unsafe_later_is_measured[10-exceeded]",
    "test_a_test_that_stops_the_clock_of_time_is_confirmed_all_the_same",
    "test_a_time_that_changes_its_level_is_undecided_where_only_pairs_that_may_be_blind_could_tell[0.5-regressed]",
    "test_a_timer_has_a_limit_of_its_own",
    "test_a_user_class_is_run_alone",
    "test_a_user_who_paused_the_fake_files_finds_them_paused",
    "test_after_two_fresh_processes_that_hung_no_other_is_started",
    "test_all_intervals_of_windows_hold_together_in_95_percent[unchanged]",
    "test_all_kinds_of_loads[anyio-trio]",
    "test_all_kinds_of_loads[anyio]",
    "test_all_kinds_of_loads[asyncio]",
    "test_all_kinds_of_loads[pytest-trio]",
    "test_all_kinds_of_loads[trio]",
    "test_all_kinds_of_loads[uvloop]",
    "test_all_sessions_of_the_commit_count_although_an_old_commit_ran_between_them[HEAD~5-4.51 ms]",
    "test_all_workers_know_what_the_first_of_them_took[imported early]",
    "test_all_workers_know_what_the_first_of_them_took[imported late]",
    "test_an_anchor_that_cannot_be_held_against_is_one_line[HEAD^-problem2]",
    "test_an_environment_with_a_whole_python_is_no_part_of_the_project",
    "test_an_extension_that_is_built_in_the_working_tree_only_is_noticed",
    "test_an_extension_that_the_base_lacks_is_noticed_if_it_is_imported_late",
    "test_an_imported_benchmark_without_a_marker_can_be_updated",
    "test_an_installed_copy_is_noticed_wherever_its_source_is",
    "test_an_installed_copy_of_unknown_origin_is_known_by_its_projects_name",
    "test_an_interruption_ends_the_load_and_the_session[threads]",
    "test_an_interruption_ends_the_load_and_the_session[trio]",
    "test_an_object_that_changes_with_each_call_is_the_same_object",
    "test_an_open_load_shows_the_queue_of_a_stopped_server_and_a_closed_load_hides_it",
    "test_an_ordinary_test_never_overlaps_a_measurement[perf-churn, 30]",
    "test_an_ordinary_test_never_overlaps_a_measurement[perf_load-lambda: churn(30), users=2, requests=15]",
    "test_an_unchanged_timer_and_benchmark_show_no_component_moved[benchmark]",
    "test_an_unchanged_timer_and_benchmark_show_no_component_moved[timer]",
    "test_an_update_of_selected_tests_changes_no_other_line",
    "test_an_update_whose_code_is_edited_meanwhile_has_a_line_of_no_commit",
    "test_another_helper_with_the_same_code_under_test_passes",
    "test_another_load_is_not_compared_until_it_has_a_name",
    "test_any_node_id_name_and_reason_survive",
    "test_any_way_to_write_the_table_starts_the_plugin[[ tool . perfbudget ]]",
    "test_any_way_to_write_the_table_starts_the_plugin[[tool.perfbudget.components.web]]",
    "test_any_way_to_write_the_table_starts_the_plugin[[tool]\\nperfbudget = { strict = true }]",
    "test_any_way_to_write_the_table_starts_the_plugin[tool.perfbudget.strict = true]",
    "test_calls_that_other_tests_have_brought_about_do_not_fail",
    "test_child_processes_find_compiled_modules_on_both_sides_or_on_neither",
    "test_child_processes_of_the_base_import_the_bases_code",
    "test_code_slower_than_its_baseline_fails_with_the_numbers[n0]",
    "test_code_that_a_thread_runs_by_its_path_is_wrong_code[uncounted]",
    "test_code_that_is_measured_once_is_not_new_and_is_never_told_to_update_the_baseline",
    "test_code_that_is_run_by_its_path_in_the_working_tree_is_wrong_code[side by side]",
    "test_code_that_is_run_by_its_path_in_the_working_tree_is_wrong_code[uncounted]",
    "test_codspeed_and_an_option_that_measures_contradict_each_other[--perf-against=HEAD]",
    "test_codspeed_and_an_option_that_measures_contradict_each_other[--perf-strict]",
    "test_codspeed_and_an_option_that_measures_contradict_each_other[--perf-update-baseline]",
    "test_compiled_modules_of_the_base_do_not_stay_in_the_users_folder",
    "test_conftests_of_several_folders_are_not_taken_for_other_code",
    "test_connections_are_refused[closed-threads]",
    "test_connections_are_refused[closed-trio]",
    "test_connections_are_refused[open-asyncio]",
    "test_connections_are_refused[open-threads]",
    "test_connections_are_refused[open-trio]",
    "test_each_end_has_its_own_word[change0-inputs0-3-exceeded-over a budget]",
    "test_each_end_has_its_own_word[change1-inputs1-2-error-weakens its own gate by --perf-gate=warn]",
    "test_each_end_has_its_own_word[change2-inputs2-2-error-no verdict]",
    "test_each_end_has_its_own_word[change3-inputs3-2-error-Performance%3A no verdict]",
    "test_each_repetition_of_pytest_repeat_is_compared[-arguments1-head1]",
    "test_each_repetition_of_pytest_repeat_is_compared[-arguments2-head2]",
    "test_each_repetition_of_pytest_repeat_is_compared[@pytest.mark.repeat(2)\\n-arguments0-head0]",
    "test_each_timer_of_a_test_has_components_of_its_own",
    "test_errors_of_the_service_fail_the_test",
    "test_errors_stay_within_what_is_stated_for_skewed_times[exponential-1.0-3000]",
    "test_errors_stay_within_what_is_stated_for_skewed_times[gamma-2.0-3000]",
    "test_errors_stay_within_what_is_stated_for_skewed_times[lognormal-1.1331484530668263-3000]",
    "test_files_that_cannot_be_imported_together_are_measured_apart",
    "test_fixtures_of_both_sides_are_torn_down",
    "test_four_shards_have_the_verdicts_of_one_session_after_merging",
    "test_fresh_processes_do_not_catch_code_whose_data_is_scattered",
    "test_fresh_processes_have_worker_ids_of_their_own[plain]",
    "test_fresh_processes_know_what_another_plugin_tells_the_workers",
    "test_gate_warn_reports_and_fails_nothing[n2]",
    "test_head_and_base_have_the_same_modules",
    "test_in_turns_a_test_whose_fixture_cannot_live_twice_is_measured",
    "test_in_turns_slower_code_fails_and_names_the_component",
    "test_intervals_that_take_requests_for_independent_hold_much_less_often",
    "test_it_only_warns_if_the_marker_or_the_table_says_so[marker]",
    "test_it_only_warns_if_the_marker_or_the_table_says_so[table]",
    "test_its_own_rounds_take_a_tenth_of_a_second_unless_a_budget_needs_them[-0.1]",
    "test_limits_come_from_the_nearest_place",
    "test_limits_that_no_text_shows_are_compared_at_run_time",
    "test_memray_slows_all_tests_so_none_is_judged[quiet]",
    "test_memray_slows_all_tests_so_none_is_judged[with --memray]",
    "test_no_progress_with_q",
    "test_no_request_is_ever_answered[closed-asyncio]",
    "test_no_request_is_ever_answered[closed-threads]",
    "test_no_request_is_ever_answered[closed-trio]",
    "test_no_request_is_ever_answered[open-asyncio]",
    "test_no_request_is_ever_answered[open-threads]",
    "test_no_request_is_ever_answered[open-trio]",
    "test_nothing_that_a_process_started_outlives_it[hang]",
    "test_objects_that_have_all_changed_are_told_to_have_names",
    "test_one_slow_session_fails_nothing_until_another_shows_the_same",
    "test_one_test_has_fresh_pairs_only",
    "test_options_in_a_file_that_addopts_names_are_read",
    "test_other_files_of_clean_pull_requests_are_no_finding",
    "test_pairs_that_confirm_run_on_one_cpu_unless_pin_is_false[False]",
    "test_pairs_that_confirm_run_on_one_cpu_unless_pin_is_false[True]",
    "test_perf_only_and_perf_skip_select_perf_tests_or_all_others[n2]",
    "test_perf_only_calls_its_function_in_threads",
    "test_processes_whose_times_are_judged_record_no_spans",
    "test_prune_leaves_the_call_profile_that_another_machine_needs",
    "test_prune_leaves_what_is_in_a_file_that_is_skipped_or_broken[skipped]",
    "test_prune_removes_a_measurement_that_its_test_no_longer_makes",
    "test_prune_removes_what_is_no_longer_there",
    "test_prune_under_xdist",
    "test_pytest_randomly_draws_the_same_numbers_for_both_commits[plain, clean]",
    "test_recorded_sessions_of_identical_code_are_quiet_and_slower_ones_are_found",
    "test_removed_and_skipped_tests_and_raised_baselines_are_listed_first",
    "test_repeated_queries_are_named_with_their_lines[in process]",
    "test_repeated_queries_are_named_with_their_lines[served]",
    "test_scipy_is_imported_before_the_first_test_or_not_at_all[a comparison]",
    "test_scipy_is_imported_before_the_first_test_or_not_at_all[a load]",
    "test_scipy_is_imported_before_the_first_test_or_not_at_all[a mean]",
    "test_scipy_is_imported_before_the_first_test_or_not_at_all[a percentile]",
    "test_scipy_is_imported_before_the_first_test_or_not_at_all[the mean of a call]",
    "test_servers_with_a_path_for_each_worker_are_compared_side_by_side",
    "test_sessions_of_another_branch_hide_no_drift_and_those_of_the_branch_are_noise[True]",
    "test_sessions_of_another_project_of_the_repository_do_not_count[1.01-1]",
    "test_slowdowns_of_all_kinds_are_caught[0.05-0.93]",
    "test_slowdowns_of_all_kinds_are_caught[0.08-0.97]",
    "test_slower_code_is_regressed_although_the_pull_request_allows_it",
    "test_slower_code_that_allows_itself_to_be_slower[policy1-3]",
    "test_slower_code_that_allows_itself_to_be_slower[policy2-0]",
    "test_so_does_one_that_asks_for_a_number_of_rounds[(mean_ms=900)-False]",
    "test_so_is_one_that_a_module_of_the_project_hands_on[import pytest_perfbudget.tracing-pytest_perfbudget.tracing.track]",
    "test_so_is_one_that_a_module_of_the_project_hands_on[import tracking-tracking.track]",
    "test_so_is_one_that_a_module_of_the_project_hands_on[import tracking\\nmark = tracking.track-mark]",
    "test_ten_thousand_tests_make_a_file_of_a_bounded_size[codequality]",
    "test_ten_thousand_tests_make_a_file_of_a_bounded_size[json]",
    "test_ten_thousand_tests_make_a_file_of_a_bounded_size[md]",
    "test_tests_of_changed_code_run_first_and_all_others_after",
    "test_tests_with_odd_characters_in_their_node_ids_are_compared",
    "test_the_base_builds_its_own_modules[in the home folder, plain]",
    "test_the_base_builds_its_own_modules[in the repository]",
    "test_the_base_does_not_inherit_what_the_heads_conftest_has_set[environment-n2]",
    "test_the_base_does_not_inherit_what_the_heads_conftest_has_set[environment-plain]",
    "test_the_base_does_not_inherit_what_the_heads_conftest_has_set[search path-plain]",
    "test_the_base_runs_its_own_code_under_a_search_path_through_a_link[False]",
    "test_the_base_runs_its_own_code_under_a_search_path_through_a_link[True]",
    "test_the_base_runs_its_own_code_under_an_editable_installation[a namespace package, an import hook]",
    "test_the_base_runs_its_own_code_under_an_editable_installation[mapped, an import hook]",
    "test_the_base_runs_its_own_code_under_an_editable_installation[src, a path]",
    "test_the_base_runs_its_own_code_under_an_editable_installation[strict, a folder of links]",
    "test_the_bodies_of_codspeeds_tests_are_measured_if_asked[plain]",
    "test_the_capacity_of_a_random_queue_is_that_of_the_theory",
    "test_the_command_that_accepts_is_to_be_typed_where_pytest_was_started",
    "test_the_error_rates_hold_where_the_limit_is_the_exact_quantile[M/M/1 at 50 %-0.5-some runs]",
    "test_the_error_rates_hold_where_the_limit_is_the_exact_quantile[M/M/1 at 50 %-0.99-some runs]",
    "test_the_error_rates_hold_where_the_limit_is_the_exact_quantile[M/M/1 at 80 %-0.5-some runs]",
    "test_the_error_rates_hold_where_the_limit_is_the_exact_quantile[M/M/1 at 80 %-0.95-some runs]",
    "test_the_error_rates_hold_where_the_limit_is_the_exact_quantile[M/M/1 at 80 %-0.99-some runs]",
    "test_the_error_rates_hold_where_the_limit_is_the_exact_quantile[bursty-0.5-some runs]",
    "test_the_error_rates_hold_where_the_limit_is_the_exact_quantile[bursty-0.99-some runs]",
    "test_the_error_rates_of_a_mean_hold[M/M/1 at 50 %-some runs]",
    "test_the_error_rates_of_a_mean_hold[bursty-some runs]",
    "test_the_error_with_which_pytest_refuses_to_start_is_known[arguments0-unrecognized arguments: --no-such-option]",
    "test_the_error_with_which_pytest_refuses_to_start_is_known[arguments1-file or directory not found: gone.py]",
    "test_the_error_with_which_pytest_refuses_to_start_is_known[arguments2-command line: --perf-max-time: expected a duration]",
    "test_the_group_that_xdist_adds_to_a_node_id_is_no_part_of_it",
    "test_the_heads_tests_can_run_on_both_sides",
    "test_the_limit_of_an_entry_wins_over_that_of_the_table",
    "test_the_plugin_of_locust_gives_no_process_another_fixture[with]",
    "test_the_plugin_of_locust_gives_no_process_another_fixture[without]",
    "test_the_projects_log_has_no_line_about_the_checkout[plain]",
    "test_the_same_classes_in_the_same_places_are_compared",
    "test_the_self_test_plants_a_slowdown_that_every_test_has_to_see[blind]",
    "test_the_server_is_killed_halfway[closed-asyncio]",
    "test_the_server_is_killed_halfway[closed-threads]",
    "test_the_server_is_killed_halfway[open-asyncio]",
    "test_the_server_is_killed_halfway[open-threads]",
    "test_the_server_is_killed_halfway[open-trio]",
    "test_the_servers_of_fixtures_end_with_their_processes[complete]",
    "test_the_servers_of_fixtures_end_with_their_processes[interrupted]",
    "test_the_sessions_own_files_are_left_alone_by_fresh_processes",
    "test_the_setup_command_runs_once_for_a_commit",
    "test_the_timeout_of_a_test_does_not_run_while_it_is_confirmed",
    "test_the_warning_that_benchmarks_are_disabled_under_xdist_gets_an_answer",
    "test_time_that_a_conftest_froze_goes_on_for_measurements[time_machine]",
    "test_timers_and_benchmark_fixtures_are_compared",
    "test_turns_end_where_the_verdict_needs_no_more_of_them[20-3-ended1]",
    "test_weaker_options_in_addopts_are_refused[--perf-gate=fail-typed5-]",
    "test_what_cannot_be_run_is_one_line['broken.py'-locust made no request: *]",
    "test_what_cannot_be_run_is_one_line[5-expected a locustfile or a user class, found 5]",
    "test_what_fails_beside_the_requests_is_not_within[a process that dies]",
    "test_what_fails_beside_the_requests_is_not_within[an error in a task]",
    "test_what_is_slower_for_both_commits_is_no_regression",
    "test_what_the_base_leaves_out_itself_is_no_finding",
    "test_whatever_is_damaged_no_command_shows_a_traceback",
    "test_with_sessions_enough_for_unchanged_code_a_growth_near_the_limit_needs_more_of_its_commit",
    "test_without_a_limit_they_warn",
    "test_without_the_baselines_commit_fresh_processes_decide[auto]",
    "test_without_the_baselines_commit_fresh_processes_decide[duet]",
    "test_without_the_lock_ordinary_tests_overlap_a_measurement",
    "test_without_the_screening_pair_fresh_pairs_decide",
    'test_a_drift_without_a_limit_or_surely_below_it_is_no_reason[0.006-max_drift = "5%"\\n]',
    'test_an_anchor_that_cannot_be_held_against_is_one_line[last-tag-anchor = "last-tag": git has no tag at or before this commit: fetch the tags, or name a commit]',
    'test_any_way_to_write_the_table_starts_the_plugin[[tool."perfbudget"]]',
}
"""Tests of two seconds or more, which would take the job `tests` beyond its time. Most have a quicker relative there."""


@pytest.hookimpl(tryfirst=True)  # before -m leaves tests out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that the job `slow` runs; see `tests/compare/conftest.py` for those of comparisons."""
    here = Path(__file__).parent
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS:  # all tests are here
        gone = _SLOW - {item.nodeid.partition("::")[2] for item in items}
        if gone:
            message = f"tests/conftest.py lists slow tests that do not exist: {', '.join(sorted(gone))}"
            raise pytest.UsageError(message)
    for item in items:
        folder = item.path.parent.relative_to(here).as_posix()
        way = getattr(getattr(item, "callspec", None), "id", "")
        is_further = folder.startswith(_FURTHER_WAYS) and any(one in way for one in ("n0", "n2"))
        if is_further or item.nodeid.partition("::")[2] in _SLOW:
            item.add_marker("slow")


@pytest.fixture
def scripted() -> ScriptedClock:
    return ScriptedClock()


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[int]:
    """A pipe, named `pipe`, which other processes write to, and by which a test waits for them."""
    os.mkfifo(tmp_path / "pipe")
    opened = os.open(tmp_path / "pipe", os.O_RDWR | os.O_NONBLOCK)
    yield opened
    os.close(opened)


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    leave_the_outer_run(monkeypatch)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0), raising=False)  # of the machine that runs the tests
    made = Project(pytester)
    made.file("scripted.py", SCRIPTED)
    made.file("conftest.py", CONFTEST)
    # A root of its own, so that no pyproject.toml above it is read.
    made.file("pytest.ini", "[pytest]\nasyncio_default_fixture_loop_scope = function\npythonpath = .\n")
    return made


@pytest.fixture
def lean(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project without other plugins, which take half of the start of a process: for tests that start many."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_perfbudget.plugin.hooks")
    project.file("pytest.ini", "[pytest]\npythonpath = .\n")
    return project


@pytest.fixture(params=[(), ("-p", "xdist.plugin", "-n", "0"), TWO_WORKERS], ids=["plain", "n0", "n2"])
def each_way(lean: Project, request: pytest.FixtureRequest) -> Project:
    """The project, run without xdist, with `-n 0` and with `-n 2`."""
    lean.arguments = request.param
    return lean


_BASELINE: dict[str, str] = {}


@pytest.fixture
def based(lean: Project) -> Project:
    """A project with a baseline of `perf_program()`; made once, for on the scripted clock it is always the same."""
    lean.file("pyproject.toml", FEW_RUNS)
    if not _BASELINE:
        lean.run(perf_program(), "--perf-update-baseline").assert_outcomes(passed=2, deselected=1)
        for name in ("perf-baseline.json", "perf-baseline.calls.json"):
            _BASELINE[name] = (lean.pytester.path / name).read_text("utf-8")
    for name, text in _BASELINE.items():
        lean.file(name, text)
    return lean


@pytest.fixture
def data() -> Callable[[str], Any]:
    """Reads a file of recorded timings."""

    def read(name: str) -> Any:
        return json.loads((Path(__file__).parent / "data" / name).read_text("utf-8"))

    return read


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of all tests, which takes a second to start."""
    from html_browser import browser, missing  # selenium takes half a second

    if reason := missing():
        pytest.skip(reason)
    with browser() as shown:
        yield shown
