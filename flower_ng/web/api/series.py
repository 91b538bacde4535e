"""Numbers over time: of task types, queues and workers. On the loop."""

import msgspec

from flower_ng.errors import BadRequest
from flower_ng.search import BoundsError, duration
from flower_ng.store import SeriesQuery
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.http.moments import instant

#: Steps that are taken when none is asked for: the first that makes no more buckets than this.
STEPS_S = (60, 600, 3600, 86_400)
USUAL_BUCKETS = 400
#: Some 10 MB of JSON.
MAX_POINTS = 20_000
MAX_NAMES = 100


class ShowSeries(Endpoint):
    """Counts, percentiles and samples, in buckets of time; not one of Flower's."""

    path = r"/api/series"
    need = Need.READ
    methods = ("GET",)
    summary = "Show numbers over time of task types, queues or workers"

    async def get(self) -> None:
        """Answer `{kind, step_s, relative_error, buckets: [bucket], series: [series]}`.

        A wrong argument is 400, and says what would be right.
        """
        page = await self.while_here(self.cluster.store.series(self._query()))
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.write(msgspec.json.encode(page).replace(b"</", b"<\\/"))

    def _query(self) -> SeriesQuery:
        now = self.services.clock()
        start, end = self._time("start", "-1h", now), self._time("end", "now", now)
        return SeriesQuery(
            kind=self.get_argument("kind", default="", required=True),
            names=self._names(),
            start=start,
            end=end,
            step_s=self._step_s(end - start),
            max_points=MAX_POINTS,
        )

    def _names(self) -> tuple[str, ...] | None:
        names = tuple(dict.fromkeys(self.get_arguments("name", strip=False)))
        if len(names) > MAX_NAMES:
            raise BadRequest(f"{len(names)} names are too many, expected at most {MAX_NAMES}")
        return names or None

    def _time(self, argument: str, default: str, now: float) -> float:
        return instant(argument, self.get_argument(argument, default=default), now)

    def _step_s(self, range_s: float) -> int:
        text = self.get_argument("step", default="")
        if not text:
            fitting = (step_s for step_s in STEPS_S if range_s / step_s <= USUAL_BUCKETS)
            return next(fitting, STEPS_S[-1])
        try:
            return int(duration(text).start)
        except BoundsError:
            raise BadRequest(
                f"Invalid step '{text}', expected seconds or a duration such as 60, 10m, 1h"
            ) from None
