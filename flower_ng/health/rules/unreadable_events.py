"""The rule about events that come in and can't be read. Pure."""

from collections.abc import Iterable
from typing import Final

from flower_ng.health.facts.records import Facts
from flower_ng.health.rules.rule import Finding, Rule


def refused(facts: Facts, least: float) -> Iterable[Finding]:
    """Messages of events could not be decoded, or hold no event."""
    ingest = facts.ingest
    if ingest.malformed < least:
        return []
    evidence = {"refused": ingest.malformed, "within_s": ingest.over_s}
    if ingest.disallowed:
        return [Finding("", {**evidence, "content_type": ingest.disallowed})]
    return [Finding("", evidence)]


RULES: Final = (
    Rule(
        "events-refused",
        "cluster",
        "error",
        "Events can't be read",
        "What they tell is missing everywhere here. Set event_serializer = 'json' for the workers"
        " and for who sends tasks. Where they must send pickle, which can run code, start flower_ng"
        " with the app whose accept_content and event_serializer name it.",
        refused,
    ),
)
