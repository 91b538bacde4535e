"""Hides secrets in what comes from outside, before it is stored or shown. Pure; any thread."""

from flower_ng.redaction.redactor import MODES, NO_REDACTION, Redactor, has_hidden
from flower_ng.redaction.text import HIDDEN

__all__ = ["HIDDEN", "MODES", "NO_REDACTION", "Redactor", "has_hidden"]
