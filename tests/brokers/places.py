"""The brokers that adapters are tested on, and how a test fills their queues."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kombu

from tests.services import Process, Redis, free_port, need, wait_until


@dataclass
class Place:
    """Where a broker is: what Celery's app would connect with."""

    url: str
    options: dict[str, Any] = field(default_factory=dict)
    management_url: str | None = None
    publish_url: str | None = None  # where `url` would make Kombu wait

    def connection(self) -> kombu.Connection:
        return kombu.Connection(self.url, transport_options=self.options)

    def fill(self, queue: str, count: int, priority: int = 0) -> None:
        """Publish messages to a queue, which is declared first."""
        declared = kombu.Queue(queue, exchange=kombu.Exchange(""), routing_key=queue)
        url = self.publish_url or self.url
        with kombu.Connection(url, transport_options=self.options) as connection:
            producer = connection.Producer()
            for number in range(count):
                producer.publish(
                    {"number": number},
                    exchange="",
                    routing_key=queue,
                    declare=[declared],
                    priority=priority,
                )


class Sentinel(Process):
    """One redis-sentinel that watches a Redis under the name `flowers`."""

    def __init__(self, folder: Path, master: Redis) -> None:
        super().__init__(folder / "sentinel.log")
        self.port = free_port()
        self.config = folder / "sentinel.conf"
        self.config.write_text(f"sentinel monitor flowers 127.0.0.1 {master.port} 1\n")

    def start(self) -> "Sentinel":
        command = [need("redis-server"), str(self.config), "--sentinel"]
        self.spawn([*command, "--port", str(self.port), "--bind", "127.0.0.1"])
        wait_until(lambda: "+monitor master" in self.output(), 10, "the sentinel watches")
        return self
