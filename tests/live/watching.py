"""Watched is a dashboard whose problems are asked for, and what tests do through it."""

import re
from collections.abc import Callable
from typing import Any

from tests.services import Dashboard, wait_until

NAPS = "tests.shop.sleep"


class Watched:
    """A dashboard whose problems are asked for."""

    def __init__(self, dashboard: Dashboard) -> None:
        self.dashboard = dashboard

    def told(self, rule: str, subject: str = "", *, key: str = "problems") -> dict[str, Any] | None:
        answer = self.dashboard.get("/api/problems")
        same = (one for one in answer[key] if (one["rule"], one["subject"]) == (rule, subject))
        return next(same, None)

    def sees(self, rule: str, subject: str = "") -> dict[str, Any]:
        what = f"{rule} of {subject or 'the cluster'} is raised"
        return wait_until(lambda: self.told(rule, subject), 45, what)

    def clears(self, rule: str, subject: str = "") -> dict[str, Any]:
        what = f"{rule} of {subject or 'the cluster'} is cleared"
        try:
            wait_until(lambda: self.told(rule, subject) is None, 45, what)
        except AssertionError as error:
            error.add_note(f"still told: {self.told(rule, subject)}")
            error.add_note(f"workers: {self.dashboard.get('/api/workers', status=1)}")
            error.add_note(f"of the workers: {self._told_by_workers()}")
            raise
        return wait_until(lambda: self.told(rule, subject, key="past"), 10, "it is in the past")

    def _told_by_workers(self) -> list[str]:
        lines = self.dashboard.ask("/metrics").text.splitlines()
        return [line for line in lines if line.startswith("flower_events_total")]

    def counts(self, queue: str) -> Callable[[], bool]:
        """Return whether messages wait in a queue, by a metric; asking has it counted."""

        def counted() -> bool:
            self.looks()
            text = self.dashboard.ask("/metrics").text
            return re.search(rf'flower_ng_queue_length{{queue="{queue}"}} [1-9]', text) is not None

        return counted

    def looks(self) -> None:
        """Have the broker looked at, as a page does."""
        self.dashboard.ask("/queues")

    def send(self, task: str, *args: Any, **options: Any) -> str:
        """Send one of the shop's tasks; return its id."""
        body = {"args": list(args), **options}
        answer = self.dashboard.post(f"/api/task/async-apply/tests.shop.{task}", body)
        return str(answer.json()["task-id"])

    def nap(self, seconds: float, **options: Any) -> str:
        return self.send("sleep", seconds, **options)

    def reaches(self, task_id: str, state: str) -> None:
        def reached() -> bool:
            answer = self.dashboard.ask(f"/api/task/info/{task_id}")
            return answer.status == 200 and answer.json()["state"] == state

        wait_until(reached, 30, f"the task is {state}")

    def starts(self, task_id: str) -> None:
        self.reaches(task_id, "STARTED")

    def online(self, hostname: str) -> None:
        """Wait until a worker is seen online, and has answered."""

        def has_answered() -> bool:
            is_online = self.dashboard.get("/api/workers", status=1).get(hostname)
            return is_online and "stats" in self.dashboard.get("/api/workers").get(hostname, {})

        wait_until(has_answered, 30, f"{hostname} is online")
