"""The store: the history of tasks, workers and counters, and `Store`, the only way in.

What is named here is public; nothing else is imported from outside.
"""

from flower_ng.search.conditions import FACETS, TaskQuery
from flower_ng.search.fields import fields
from flower_ng.search.parser import parse_search
from flower_ng.search.values import Field
from flower_ng.store.audit import AuditPage, AuditQuery
from flower_ng.store.batches import BatchTables
from flower_ng.store.flower_file.importer import ImportResult, found_at
from flower_ng.store.gaps import Gap
from flower_ng.store.noted import HandledFailure, SeenStart, ToldDeploy
from flower_ng.store.reading.answers import TaskAnswers, TaskGroup, TaskGroups
from flower_ng.store.reading.threads import PEER
from flower_ng.store.rollups.points import (
    MAX_SERIES,
    Bucket,
    GaugePoint,
    QueuePoint,
    Spread,
    TaskPoint,
    WorkerPoint,
)
from flower_ng.store.rollups.recorder import IngestStatus
from flower_ng.store.rollups.series import SeriesPage, SeriesQuery
from flower_ng.store.rollups.tallies import ALL_TYPES, LEVELS, RollupLevel, levels
from flower_ng.store.sql.engine import MOST_BUCKETS, Facets, FailureGroup, TaskHistogram
from flower_ng.store.sql.kinds import FailureKind, FailureKinds, TrendBars, likeness, pieces
from flower_ng.store.sql.queue_tasks import QueueTask, QueueTasks
from flower_ng.store.sql.statements import CursorPage
from flower_ng.store.sql.workflows import RootPlace, RootTold, RootWalk
from flower_ng.store.status import StoreStatus
from flower_ng.store.store import Store
from flower_ng.store.tables.rows import Restored, TaskPage, TaskRow
from flower_ng.store.tables.schema import FINISHED
from flower_ng.store.tables.texts import FLOWER_NG, Truncation, exception_class, first_line
from flower_ng.store.tables.timeline import Attempt
from flower_ng.store.writing.retention import MOST_BYTES, NO_LIMITS, Limits, usual_max_bytes
from flower_ng.store.writing.snapshots import BOUNDS, Bounds

__all__ = [
    "ALL_TYPES",
    "BOUNDS",
    "FACETS",
    "FINISHED",
    "FLOWER_NG",
    "LEVELS",
    "MAX_SERIES",
    "MOST_BUCKETS",
    "MOST_BYTES",
    "NO_LIMITS",
    "PEER",
    "Attempt",
    "AuditPage",
    "AuditQuery",
    "BatchTables",
    "Bounds",
    "Bucket",
    "CursorPage",
    "Facets",
    "FailureGroup",
    "FailureKind",
    "FailureKinds",
    "Field",
    "Gap",
    "GaugePoint",
    "HandledFailure",
    "ImportResult",
    "IngestStatus",
    "Limits",
    "QueuePoint",
    "QueueTask",
    "QueueTasks",
    "Restored",
    "RollupLevel",
    "RootPlace",
    "RootTold",
    "RootWalk",
    "SeenStart",
    "SeriesPage",
    "SeriesQuery",
    "Spread",
    "Store",
    "StoreStatus",
    "TaskAnswers",
    "TaskGroup",
    "TaskGroups",
    "TaskHistogram",
    "TaskPage",
    "TaskPoint",
    "TaskQuery",
    "TaskRow",
    "ToldDeploy",
    "TrendBars",
    "Truncation",
    "WorkerPoint",
    "exception_class",
    "fields",
    "first_line",
    "found_at",
    "levels",
    "likeness",
    "parse_search",
    "pieces",
    "usual_max_bytes",
]
