"""Every URL of the site, written down by hand: what Flower has, then what is ours.

The house tests hold the code to this table; a route that is not in it fails them.
"""

from dataclasses import dataclass

from flower_ng.web.auth.roles import Need
from flower_ng.web.http.guard import Access

PAGE, API, OPEN = Access.PAGE, Access.API, Access.OPEN
READ, OPERATE, ADMINISTER = Need.READ, Need.OPERATE, Need.ADMINISTER


@dataclass(frozen=True, slots=True)
class Route:
    """One pattern, a path that it answers, its rule, what it needs, and the methods it has."""

    pattern: str
    example: str
    access: Access
    methods: tuple[str, ...] = ("GET",)
    need: Need = READ

    def writes(self, method: str) -> bool:
        return self.need > READ and method == "POST"

    def needs(self, method: str) -> Need:
        """Who only reads a route that writes too needs no more than to read."""
        reads = method != "POST" and "POST" in self.methods
        return min(self.need, READ) if reads else self.need


def page(pattern: str, example: str | None = None) -> Route:
    return Route(pattern, example or pattern, PAGE)


def read(pattern: str, example: str | None = None) -> Route:
    return Route(pattern, example or pattern, API)


def write(pattern: str, example: str, need: Need = OPERATE) -> Route:
    return Route(pattern, example, API, ("POST",), need)


def free(pattern: str) -> Route:
    return Route(pattern, pattern, OPEN, need=Need.OPEN)


def form(route: Route) -> Route:
    pattern, example = (text.replace("/api/", "/do/") for text in (route.pattern, route.example))
    return Route(pattern, example, API, ("POST",), route.need)


WORKER_CALLS = (
    "pool/restart",
    "pool/grow",
    "pool/shrink",
    "pool/autoscale",
    "queue/add-consumer",
    "queue/cancel-consumer",
)
QUEUE_CALLS = ("pause", "resume")
HOLD_CALLS = ("drain", "undrain")
TASK_CALLS = ("timeout", "rate-limit", "revoke", "abort", "rerun", "send")
PUBLISHING = ("apply", "async-apply", "send-task")

CONTROLS = (
    *(write(f"/api/worker/{call}/(.+)", f"/api/worker/{call}/w@x") for call in WORKER_CALLS),
    *(write(f"/api/task/{call}/(.+)", f"/api/task/{call}/some.id") for call in TASK_CALLS),
    *(write(f"/api/queue/{call}/(.+)", f"/api/queue/{call}/some.queue") for call in QUEUE_CALLS),
    *(
        write(f"/api/worker/{call}/(.+)", f"/api/worker/{call}/w@x", ADMINISTER)
        for call in HOLD_CALLS
    ),
    *(
        write(f"/api/workers/{call}", f"/api/workers/{call}", ADMINISTER)
        for call in ("drain", "stop-drain", "undrain")
    ),
    write("/api/worker/shutdown/(.+)", "/api/worker/shutdown/w@x", ADMINISTER),
    write("/api/task/forget/(.+)", "/api/task/forget/some.id", ADMINISTER),
    write("/api/tasks/revoke-stamped", "/api/tasks/revoke-stamped"),
    write("/api/tasks/forget", "/api/tasks/forget", ADMINISTER),
    *(
        write(f"/api/failures/{name}/(.+)", f"/api/failures/{name}/0123456789abcdef")
        for name in ("resolve", "reopen", "note", "mute", "unmute")
    ),
    Route("/api/deploys", "/api/deploys", API, ("GET", "POST"), OPERATE),
    write("/api/deploys/remove/(.+)", "/api/deploys/remove/0a1b2c"),
    write("/api/schedule/run/(.+)", "/api/schedule/run/nightly"),
    write("/api/schedule/enable/(.+)", "/api/schedule/enable/nightly", ADMINISTER),
    write("/api/schedule/disable/(.+)", "/api/schedule/disable/nightly", ADMINISTER),
    write("/api/problems/mute", "/api/problems/mute", ADMINISTER),
    write("/api/queue/purge/(.+)", "/api/queue/purge/some.queue", ADMINISTER),
    write("/api/queue/delete-message/(.+)", "/api/queue/delete-message/some.queue", ADMINISTER),
    write("/api/queue/move/(.+)", "/api/queue/move/some.queue", ADMINISTER),
    write("/api/queues/clean", "/api/queues/clean", ADMINISTER),
    write("/api/batches/rerun", "/api/batches/rerun"),
    write("/api/batches/revoke", "/api/batches/revoke"),
    write("/api/batches/terminate", "/api/batches/terminate"),
    write("/api/batches/forget", "/api/batches/forget", ADMINISTER),
    *(
        write(f"/api/batches/{action}/(.+)", f"/api/batches/{action}/0a1b")
        for action in ("pause", "resume", "stop", "rate")
    ),
    write("/api/problems/unmute", "/api/problems/unmute", ADMINISTER),
    write("/api/sessions/end", "/api/sessions/end", ADMINISTER),
    write("/api/problems/test", "/api/problems/test", ADMINISTER),
)
PUBLISH = tuple(
    write(f"/api/task/{call}/(.+)", f"/api/task/{call}/some.task") for call in PUBLISHING
)

FLOWER = (
    page("/"),
    page("/workers"),
    page("/worker/(.+)", "/worker/w@x"),
    page("/task/(.+)", "/task/some-id"),
    page("/tasks"),
    Route("/tasks/datatable", "/tasks/datatable", PAGE, ("GET", "POST")),
    page("/broker"),
    read("/api/workers"),
    read("/api/tasks"),
    read("/api/task/types"),
    read("/api/queues/length"),
    read("/api/queue/messages/(.+)", "/api/queue/messages/some.queue"),
    read("/api/queues/(.+)/scale", "/api/queues/some.queue/scale"),
    read("/api/queues/(.+)/ledger", "/api/queues/some.queue/ledger"),
    read("/api/overview"),
    read("/api/connection"),
    read("/api/series"),
    read("/api/history"),
    read("/api/problems"),
    read("/api/workflows"),
    read("/api/workflow/(.+)", "/api/workflow/0123456789abcdef"),
    read("/api/failures"),
    read("/api/failures/(.+)", "/api/failures/0123456789abcdef"),
    read("/api/deploys/changes"),
    read("/api/schedule"),
    read("/api/schedule/forecast"),
    read("/api/schedule/waiting"),
    read("/api/doctor"),
    read("/api/holds"),
    Route("/api/audit", "/api/audit", API, need=ADMINISTER),
    Route("/api/batches", "/api/batches", API, need=OPERATE),
    Route("/api/batches/(.+)", "/api/batches/0a1b", API, need=OPERATE),
    read("/api/tasks/page"),
    read("/api/tasks/facets"),
    read("/api/tasks/histogram"),
    read("/api/tasks/export"),
    read("/api/search/fields"),
    read("/api/task/info/(.*)", "/api/task/info/some-id"),
    read("/api/task/details/(.+)", "/api/task/details/some-id"),
    read("/api/task/why/(.+)", "/api/task/why/some-id"),
    read("/api/task/result/(.+)", "/api/task/result/some-id"),
    *CONTROLS,
    *PUBLISH,
    free("/metrics"),
    free("/healthcheck"),
    Route("/logout", "/logout", OPEN, ("GET", "POST"), Need.OPEN),
)

#: What pages have buttons for; refreshing asks workers and changes nothing.
WITH_FORM = (read("/api/workers"), read("/api/doctor"), *CONTROLS)

OURS = (
    page("/overview"),
    page("/workers/drain"),
    page("/queues"),
    page("/queues/(.+)", "/queues/some.queue"),
    page("/types"),
    page("/types/(.+)", "/types/some.task"),
    page("/stream"),
    Route("/tasks/export", "/tasks/export", PAGE, ("GET", "POST")),
    Route("/actions", "/actions", PAGE, need=OPERATE),
    Route("/batches/(.+)", "/batches/0a1b", PAGE, need=OPERATE),
    page("/history"),
    Route("/audit", "/audit", PAGE, need=ADMINISTER),
    page("/problems"),
    page("/compare"),
    page("/workflows"),
    page("/workflow/(.+)", "/workflow/0123456789abcdef"),
    page("/failures"),
    page("/failures/(.+)", "/failures/0123456789abcdef"),
    page("/deploys"),
    page("/schedule"),
    page("/schedule/waiting"),
    page("/doctor"),
    page("/jump"),
    free("/livez"),
    free("/readyz"),
    page("/tasks/complete"),
    *(form(route) for route in WITH_FORM),
)

SURFACE = (*FLOWER, *OURS)
