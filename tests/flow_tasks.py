"""Further tasks of the shop, for tests of workflows: SHOP_CONF has workers import them."""

from celery import chord, group

from tests.shop import add, app


@app.task
def total(numbers: list[int]) -> int:
    """Add up what the tasks of a chord returned."""
    return sum(numbers)


@app.task
def spread(many: int) -> str:
    """Send a chord; return the id of its group."""
    body = chord([add.s(number, 1) for number in range(many)], total.s())()
    return body.parent.id


@app.task(bind=True)
def instead(self) -> None:
    """Have a group with a body take this task's place."""
    raise self.replace(group(add.s(1, 1), add.s(2, 2)) | total.s())
