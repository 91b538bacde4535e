"""The link to the page that helps a task that does not run. Pure."""

from flower_ng.web.ui.links import Links
from flower_ng.web.ui.why_facts import Why


def help_link(why: Why | None, links: Links) -> tuple[str, str]:
    """Return what a link is called and where it leads; empty where no page helps."""
    about, subject = (None, "") if why is None else (why.verdict.about, why.verdict.subject)
    match about:
        case "queue":
            return "Open the queue", links.queue(subject)
        case "worker":
            return "Open the worker", links.worker(subject)
        case "task":
            return "Open the task before it", links.task(subject)
        case "broker":
            return "Open the broker", f"{links.page('/queues', {})}#broker"
        case "workers":
            return "Open the workers", links.page("/workers", {})
    return "", ""
