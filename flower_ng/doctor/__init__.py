"""The doctor looks at a whole cluster once: what works, what can't be known, what changes it."""

from flower_ng.doctor.asking import Asking
from flower_ng.doctor.check import Check, Mark, Report
from flower_ng.doctor.doctor import Doctor
from flower_ng.doctor.told import Own

__all__ = ["Asking", "Check", "Doctor", "Mark", "Own", "Report"]
