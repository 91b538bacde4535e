"""A Kombu transport made of folders that never shows half-written messages.

Kombu's own opens a file, then locks and fills it: who reads in between finds nothing, and a worker
ends of that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Writes messages under another name first, and has one at a time at the exchanges."""

    def get_table(self, exchange: str) -> Any:
        """Return what is bound to an exchange."""
        with self._alone():
            return super().get_table(exchange)

    def _queue_bind(self, *binding: Any) -> None:
        with self._alone():
            super()._queue_bind(*binding)

    def _delete(self, *binding: Any, **options: Any) -> None:
        with self._alone():
            super()._delete(*binding, **options)

    def _put(  # type: ignore[override] # as Kombu's own
        self, queue: str, payload: dict[str, Any], **_: Any
    ) -> None:
        whole = Path(self.data_folder_out, f"{monotonic() * 1000:.0f}_{uuid4()}.{queue}.msg")
        new = whole.with_name(f"{whole.name}.new")
        new.write_text(dumps(payload), encoding="utf-8")
        new.rename(whole)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.control_folder.mkdir(exist_ok=True)
        with Path(self.control_folder, "lock").open("w", encoding="utf-8") as file:
            filesystem.lock(file, filesystem.LOCK_EX)  # type: ignore[attr-defined] # by system
            try:
                yield
            finally:
                filesystem.unlock(file)


class Transport(filesystem.Transport):
    """That transport, for `filesystem://` once `used` was called."""

    Channel = Channel


def used() -> None:
    """Have `filesystem://` mean this transport in this process."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
