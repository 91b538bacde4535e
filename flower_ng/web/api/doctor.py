"""What the doctor finds: broker, result backend, workers, and our own options. On the loop."""

import asyncio
from typing import Any, Final

from flower_ng.doctor.text import plain, summary
from flower_ng.web.http.base import Endpoint, Need

#: How long a form waits for the look that it asked for.
PATIENCE_S: Final = 5.0


class ShowDoctor(Endpoint):
    """The newest report of the doctor; not one of Flower's."""

    path = r"/api/doctor"
    need = Need.READ
    summary = "Tell what works, what can't be known, and the setting that changes it"
    has_form = True

    async def get(self) -> None:
        """Answer the report; looks first where there is none, or `refresh` is asked for."""
        refresh = self.get_argument("refresh", default=False, type=bool)
        doctor = self.cluster.doctor
        report = doctor.report
        self.write_json(plain(await doctor.look() if refresh or report is None else report))

    async def act(self) -> dict[str, Any]:
        """Look again: what the button of the page does."""
        look = self.cluster.doctor.begin()
        await asyncio.wait([look], timeout=PATIENCE_S)
        if not look.done():
            return {"message": "The doctor is still looking"}
        return {"message": summary(look.result())}
