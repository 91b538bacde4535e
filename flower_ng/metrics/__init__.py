"""The metrics of /metrics: Flower's six families, our own, and their exposition format."""

from flower_ng.metrics.exposition import Exposition, Form, ScrapeAnswer, Scrapes, chunks, exposition
from flower_ng.metrics.flower import PrometheusMetrics
from flower_ng.metrics.inspections import Inspections
from flower_ng.metrics.lag import LoopLag
from flower_ng.metrics.own import METRICS, MetricSources, OwnMetrics
from flower_ng.metrics.problems import ProblemMetric
from flower_ng.metrics.queues import QueueMetrics, QueueSources
from flower_ng.metrics.registry import Registry

__all__ = [
    "METRICS",
    "Exposition",
    "Form",
    "Inspections",
    "LoopLag",
    "MetricSources",
    "OwnMetrics",
    "ProblemMetric",
    "PrometheusMetrics",
    "QueueMetrics",
    "QueueSources",
    "Registry",
    "ScrapeAnswer",
    "Scrapes",
    "chunks",
    "exposition",
]
