"""Broker is the page at Flower's address of what `/queues` shows of the broker, with its counts."""

from dataclasses import dataclass

from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.broker_part import BrokerPart, broker_part
from flower_ng.web.ui.links import Links


@dataclass(frozen=True, slots=True)
class BrokerView:
    """The broker and its queues."""

    title: str
    broker: BrokerPart


class BrokerPage(Page):
    """`/broker`: always a page, also when the broker does not answer."""

    path = "/broker"
    need = Need.READ
    nav = "Queues"
    template = "pages/broker.html"

    async def view(self, *_none: str) -> BrokerView:
        """Show the newest look; one that is due is waited for a moment."""
        return BrokerView("Broker", await broker_part(self.cluster, Links(self.services.prefix)))
