"""The calls of GitHub's REST API that a comment on a pull request needs."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from pytest_perfbudget.errors import ReportError

_SECONDS: Final = 30.0
_PER_PAGE: Final = 100
_MOST_PAGES: Final = 30


class GitHub:
    """A repository on GitHub.

    Args:
        api: the address of the API, such as `https://api.example.org`.
        repository: the owner and the name, with `/` between them.
        token: a token that may write comments.
    """

    def __init__(self, api: str, repository: str, token: str) -> None:
        self._api = api.rstrip("/")
        self._login: str | None = None
        self._base = f"{self._api}/repos/{urllib.parse.quote(repository)}"
        self._token = token

    def open_pull_request(self, owner: str, branch: str, commit: str) -> int | None:
        """Return the number of the open pull request of a branch whose last commit is `commit`.

        None if there is none, and if there are several, to different bases: the verdict is about one of them.

        Raises:
            ReportError: the API cannot be asked.
        """
        query = urllib.parse.urlencode({"state": "open", "head": f"{owner}:{branch}", "per_page": _PER_PAGE})
        found = self._call("GET", f"/pulls?{query}")
        numbers = [int(one["number"]) for one in found if one["head"]["sha"] == commit]
        return numbers[0] if len(numbers) == 1 else None

    def put_comment(self, number: int, text: str, marker: str) -> bool:
        """Replace the comment that begins with a marker, or add a comment; return whether there was one to replace.

        A person may quote the comment: only a comment of a program, or of the token's owner, is replaced.

        Raises:
            ReportError: the API cannot be asked.
        """
        for page in range(1, _MOST_PAGES + 1):
            found = self._call("GET", f"/issues/{number}/comments?per_page={_PER_PAGE}&page={page}")
            for one in found:
                if str(one["body"]).startswith(f"{marker}\n") and self._is_own(one["user"]):
                    self._call("PATCH", f"/issues/comments/{int(one['id'])}", {"body": text})
                    return True
            if len(found) < _PER_PAGE:
                break
        self._call("POST", f"/issues/{number}/comments", {"body": text})
        return False

    def _is_own(self, user: Mapping[str, Any] | None) -> bool:
        if user is None or user["type"] == "Bot":  # the user of a deleted account is null
            return user is not None
        if self._login is None:
            self._login = ""
            with suppress(ReportError):  # the token of a job belongs to no user
                self._login = str(self._call("GET", f"{self._api}/user")["login"])
        return bool(self._login) and user.get("login") == self._login

    def _call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - the answer is any JSON
        request = urllib.request.Request(  # noqa: S310 - the address is that of the service that runs the job
            path if path.startswith(self._api) else f"{self._base}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Accept": "application/vnd.github+json", "Authorization": f"Bearer {self._token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - as above
                return json.load(answer)
        except (OSError, ValueError, urllib.error.URLError) as error:
            message = f"GitHub refused {method} {path.partition('?')[0]}: {error}"
            raise ReportError(message) from None
