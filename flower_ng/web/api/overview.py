"""The health of the cluster in one sentence, and as data. On the loop."""

from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.lookups.overview_numbers import health
from flower_ng.web.ui.links import Links


class ShowOverview(Endpoint):
    """The Overview's sentence and its numbers; not one of Flower's."""

    path = r"/api/overview"
    need = Need.READ
    methods = ("GET",)
    summary = "Tell in one sentence how the cluster is, with the numbers in it"

    async def get(self) -> None:
        """Answer `{verdict, sentence, workers, waiting, queues, failed, finished, …}`.

        Null is what is not known now.
        """
        found = await health(self.cluster, Links(self.services.prefix), self.services.clock())
        self.write_json(found.record())
