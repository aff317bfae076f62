"""The definition of a setting: what the parser checks, and what the guide says."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_perfbudget.config.checks import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of the configuration.

    Attributes:
        key: the name that users write.
        check: the function that turns the value as written into the value as stored.
        default: the value that holds if the key is missing, as users would write it; None if there is no default.
        meaning: the effect of the key, in one sentence of Markdown.
        example: another valid value.
        field: the attribute that stores the value; if empty, the attribute has the name of the key.
        is_local: whether the key is also allowed in markers, calls, `budgets` entries and components.
    """

    key: str
    check: Check
    default: object = None
    meaning: str
    example: object
    field: str = ""
    is_local: bool = False

    @property
    def attribute(self) -> str:
        """The attribute that stores the value."""
        return self.field or self.key
