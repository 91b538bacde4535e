"""Batches do something to many tasks, at a rate, and pause by themselves where that goes wrong."""

from flower_ng.batches.deed import Deed, Step
from flower_ng.batches.manager import Batches

__all__ = ["Batches", "Deed", "Step"]
