"""Errors are grouped by type and message, and none is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_perfbudget.core.load.error_groups import MOST_GROUPS, OTHER, ErrorGroup, ErrorGroups

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
