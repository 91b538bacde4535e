"""The doctor examines a cluster: what works, what can't be determined, which setting helps."""

from flower_ng.doctor.check import Check, CheckMark, Report
from flower_ng.doctor.doctor import Doctor
from flower_ng.doctor.survey import OwnOptions
from flower_ng.doctor.surveyor import Surveyor

__all__ = ["Check", "CheckMark", "Doctor", "OwnOptions", "Report", "Surveyor"]
