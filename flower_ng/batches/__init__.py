"""Batches do something to many tasks, at a rate, and pause by themselves where that goes wrong."""

from flower_ng.batches.item_action import ItemAction, Step, Unsure
from flower_ng.batches.manager import Batches

__all__ = ["Batches", "ItemAction", "Step", "Unsure"]
