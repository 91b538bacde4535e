"""Why something is missing of the past, in words; pure."""

from collections.abc import Mapping
from typing import Final

GAP_WHY: Final[Mapping[str, str]] = {
    "broker": "no connection to the broker",
    "inbox": "the inbox was full",
    "store": "the history could not be written",
    "stopped": "flower_ng did not run",
}
