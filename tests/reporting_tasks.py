"""The tasks of docs/progress.md, as they stand there: SHOP_CONF has workers import them."""

import time

from flower_ng import emit
from tests.docs.pages import block
from tests.shop import app

exec(block("progress.md", "python"))


@app.task(bind=True)
def slow(self, way: str) -> None:
    """Report twice, in one of the ways, and go on."""
    for current in (0, 30):
        if way == "state":
            self.update_state(state="PROGRESS", meta={"current": current, "total": 100})
        else:
            emit.progress(current, 100, "password=hunter22")
        time.sleep(0.6)
    emit.log("half-way", 30)
    time.sleep(30)
