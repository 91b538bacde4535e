"""The language of searches: conditions, fields, values, and the parser of its text. Pure.

What is named here is public, beside what `flower_ng.store` names of it.
"""

from flower_ng.search.conditions import (
    AllOf,
    Compare,
    Has,
    Is,
    Not,
    Search,
    short_texts,
    since,
)
from flower_ng.search.fields import IS, STATES, TIME, field_named
from flower_ng.search.parser import Token, suggestions, tokens
from flower_ng.search.ranges import BoundsError, duration, moment
from flower_ng.search.values import parsed

__all__ = [
    "IS",
    "STATES",
    "TIME",
    "AllOf",
    "BoundsError",
    "Compare",
    "Has",
    "Is",
    "Not",
    "Search",
    "Token",
    "duration",
    "field_named",
    "moment",
    "parsed",
    "short_texts",
    "since",
    "suggestions",
    "tokens",
]
