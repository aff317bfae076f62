"""The data for the page's script, compressed, as text that no markup can end."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

_LEVEL = 6
"""The level of compression: higher levels take several times as long and save a few per cent."""


def packed(data: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    """Return data as base64 of gzip of JSON; the same data give the same text."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode("ascii"), _LEVEL, mtime=0)).decode("ascii")


def unpacked(text: str) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return the data in the result of `packed`."""
    return json.loads(gzip.decompress(base64.b64decode(text)))
