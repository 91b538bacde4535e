"""Words that the steps of a task that does not run have in common. Pure."""

import re
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Final

from flower_ng.health.rules.all_rules import RULES
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.zone import Zone

#: What helps against a problem, in the words of its rule.
ADVICE: Final = {rule.name: rule.advice for rule in RULES}
#: A time among words.
_MARKED: Final = re.compile("\x02([0-9.]+)\x03")
#: More names than this are only counted.
MOST_NAMED: Final = 3


def when(at: float) -> str:
    """Return a time in a mark: who shows the words tells it in a zone (`timed`)."""
    return f"at \x02{at:.3f}\x03"


def timed(words: str, tell: Callable[[float], str]) -> str:
    """Return words with their marked times as `tell` writes them."""
    return _MARKED.sub(lambda found: tell(float(found[1])), words)


def plain(words: str, timezone: tzinfo) -> str:
    """Return words with their times to the second, with the name of their zone."""
    zone = Zone(timezone).name
    return timed(words, lambda at: f"{fmt.moment(at, timezone)[:19]} {zone}")


def named(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - MOST_NAMED
    first = ", ".join(names[:MOST_NAMED])
    return f"{first} and {fmt.number(more)} more" if more > 0 else first


def lowered(words: str) -> str:
    """Return a sentence as one that goes on; names that begin it stay as they are."""
    return words[:1].lower() + words[1:] if words[1:2].islower() else words
