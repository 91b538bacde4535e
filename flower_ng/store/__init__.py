"""The store: the history of tasks, workers and counters. Only what is named here is public.

`Store` is the only way in: only what is named here is imported from outside.
"""

from flower_ng.store.audit import AuditPage, AuditQuery
from flower_ng.store.batches import BatchTables
from flower_ng.store.failure_handling import HandledFailure
from flower_ng.store.flower_file.importer import ImportResult, found_at
from flower_ng.store.gaps import Gap
from flower_ng.store.reading.answers import TaskAnswers, TaskGroup, TaskGroups
from flower_ng.store.reading.threads import PEER
from flower_ng.store.rollups.series import SeriesPage, SeriesQuery
from flower_ng.store.search.conditions import FACETS, TaskQuery
from flower_ng.store.search.fields import fields
from flower_ng.store.search.parser import parse_search
from flower_ng.store.search.values import Field
from flower_ng.store.sql.engine import MOST_BUCKETS, Facets, FailureGroup, TaskHistogram
from flower_ng.store.sql.kinds import FailureKind, FailureKinds, TrendBars, likeness, pieces
from flower_ng.store.sql.queue_tasks import QueueTask, QueueTasks
from flower_ng.store.sql.statements import CursorPage
from flower_ng.store.store import Store, StoreStatus
from flower_ng.store.tables.rows import Restored, TaskPage, TaskRow
from flower_ng.store.told_deploys import ToldDeploy
from flower_ng.store.writing.retention import NO_LIMITS, Limits
from flower_ng.store.writing.snapshots import BOUNDS, Bounds

__all__ = [
    "BOUNDS",
    "FACETS",
    "MOST_BUCKETS",
    "NO_LIMITS",
    "PEER",
    "AuditPage",
    "AuditQuery",
    "BatchTables",
    "Bounds",
    "CursorPage",
    "Facets",
    "FailureGroup",
    "FailureKind",
    "FailureKinds",
    "Field",
    "Gap",
    "HandledFailure",
    "ImportResult",
    "Limits",
    "QueueTask",
    "QueueTasks",
    "Restored",
    "SeriesPage",
    "SeriesQuery",
    "Store",
    "StoreStatus",
    "TaskAnswers",
    "TaskGroup",
    "TaskGroups",
    "TaskHistogram",
    "TaskPage",
    "TaskQuery",
    "TaskRow",
    "ToldDeploy",
    "TrendBars",
    "fields",
    "found_at",
    "likeness",
    "parse_search",
    "pieces",
]
