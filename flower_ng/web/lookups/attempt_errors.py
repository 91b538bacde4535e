"""The errors of a task's attempts, as `format_task` shows them. On the loop."""

from collections.abc import Callable, Mapping

from msgspec import structs

from flower_ng.store import TaskRow


def shown_errors(row: TaskRow, shown: Callable[[TaskRow], TaskRow]) -> Mapping[str, str | None]:
    """Return for each error that events of a task tell what is to be shown of it.

    `shown` is `format_task`, which is given the task as if it had ended with that error.
    """
    told = {event.exception for event in row.events} | {one.exception for one in row.attempts}
    return {one: shown(structs.replace(row, exception=one)).exception for one in told if one}
