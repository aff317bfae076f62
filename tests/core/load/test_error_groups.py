"""Errors are grouped by type and message, and none is lost."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.load.error_count import ErrorCount
from pytest_perfbudget.core.load.error_groups import MOST_ALIKE, MOST_GROUPS, OTHER, ErrorGroup, ErrorGroups

ERRORS = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["", "x", "y"]), st.integers(0, 10**10)))


def grouped(*errors: tuple[str, str, int]) -> ErrorGroups:
    """Return the groups of errors, each as type, message and time."""
    groups = ErrorGroups()
    for error in errors:
        groups.add(*error)
    return groups


def test_the_same_error_is_one_group_with_its_first_and_last_time() -> None:
    groups = grouped(("TimeoutError", "", 5), ("OSError", "refused", 7), ("TimeoutError", "", 9))
    assert list(groups) == [ErrorGroup("TimeoutError", "", 5, 9, count=2), ErrorGroup("OSError", "refused", 7, 7)]


def test_ports_and_addresses_do_not_make_groups() -> None:
    groups = grouped(("OSError", "port 50123 refused", 1), ("OSError", "port 50999 refused", 2))
    assert [(one.message, one.count) for one in groups] == [("port 50123 refused", 2)]


def test_uuids_do_not_make_groups() -> None:
    groups = grouped(*(("KeyError", f"user {uuid.UUID(int=number)} is unknown", number) for number in (10**37, 10**38)))
    assert [one.count for one in groups] == [2]


def test_numbers_of_which_there_are_many_do_not_make_groups() -> None:
    groups = grouped(*(("KeyError", f"order {number} is unknown", number) for number in range(1, 41)))
    assert list(groups) == [ErrorGroup("KeyError", "order 1 is unknown", 1, 40, count=40)]


def test_a_few_numbers_say_what_failed() -> None:
    statuses = [404, 429, 500, 502, 503]
    assert len(statuses) == MOST_ALIKE
    groups = grouped(*(("AssertionError", f"status {status}", status) for status in statuses * 2))
    assert [(one.message, one.count) for one in groups] == [(f"status {status}", 2) for status in statuses]


def test_groups_of_several_processes_are_joined_by_the_same_rule() -> None:
    loads = [grouped(*(("KeyError", f"order {at + 4 * load}", at) for at in range(4))) for load in range(2)]
    together = ErrorCount.together(ErrorCount(4, 4, tuple(load)) for load in loads)
    assert [(one.message, one.count) for one in together.groups] == [("order 0", 8)]
    assert [one.count for load in loads for one in load] == [1] * 8


def test_numbers_behind_too_many_other_messages_are_counted_too() -> None:
    names = [("OSError", f"message {'x' * number}", number) for number in range(MOST_GROUPS)]
    groups = grouped(*names, *(("KeyError", f"order {number}", number) for number in range(9)))
    assert next(iter(groups)) == ErrorGroup(OTHER, "", 0, 8, count=9)


def test_a_status_makes_a_group() -> None:
    assert len(list(grouped(("AssertionError", "status 500", 1), ("AssertionError", "status 503", 2)))) == 2


def test_the_first_error_of_a_group_is_asked_for_its_traceback() -> None:
    groups = ErrorGroups()
    first = groups.add("OSError", "refused", 1)
    assert first is not None
    first.traceback = "Traceback"
    assert groups.add("OSError", "refused", 2) is None
    assert [ErrorGroup.from_dict(one.to_dict()) for one in groups] == list(groups)


def test_a_server_that_invents_messages_does_not_fill_the_memory() -> None:
    groups = grouped(*(("OSError", f"message {'x' * number}", number) for number in range(3 * MOST_GROUPS)))
    assert len(list(groups)) == MOST_GROUPS + 1
    assert next(iter(groups)).kind == OTHER
    assert groups.count == 3 * MOST_GROUPS


@given(ERRORS)
def test_no_error_is_lost(errors: list[tuple[str, str, int]]) -> None:
    groups = grouped(*errors)
    assert groups.count == len(errors)
    for one in groups:
        times = [at for kind, message, at in errors if (kind, message) == (one.kind, one.message)]
        assert (one.count, one.first_ns, one.last_ns) == (len(times), min(times), max(times))


def test_the_values_of_a_failed_assertion_do_not_part_its_errors() -> None:
    groups = ErrorGroups()
    for value in (1, 2):
        groups.add("AssertionError", f"no answer\nassert {value} == 0", value)
    assert [(one.message, one.count) for one in groups] == [("no answer\nassert 1 == 0", 2)]
