"""Health finds problems of a cluster: rules judge facts, lasting findings become problems."""

from flower_ng.health.problem import Mute, Problem
from flower_ng.health.rules.all_rules import RULES
from flower_ng.health.rules.rule import Rule
from flower_ng.health.watch import ProblemWatch, unmuted

__all__ = ["RULES", "Mute", "Problem", "ProblemWatch", "Rule", "unmuted"]
