"""A name server for the dashboards of one network: it knows any host, until it is silent."""

import socket
import threading
from pathlib import Path
from struct import pack, unpack_from
from typing import Final

from tests.faults.network import Network

PORT: Final = 53
_HEADER: Final = 12
_A: Final = 1


class NameServer:
    """Answers that every host is at our end of the network's cable.

    Dashboards in the namespace ask it: `ip netns exec` gives them their own resolv.conf.
    """

    def __init__(self, network: Network) -> None:
        self.is_silent = False
        self.asked = 0
        self._address = socket.inet_aton(network.outside)
        self._folder = Path("/etc/netns", network.name)
        self._outside = network.outside
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def start(self) -> "NameServer":
        self._folder.mkdir(parents=True)
        (self._folder / "resolv.conf").write_text(f"nameserver {self._outside}\n")
        self._socket.bind((self._outside, PORT))
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def stop(self) -> None:
        self.is_silent = True
        self._socket.sendto(b"", (self._outside, PORT))  # wakes the thread, which sees its end
        self._socket.close()
        (self._folder / "resolv.conf").unlink()
        self._folder.rmdir()

    def _serve(self) -> None:
        while True:
            try:
                question, client = self._socket.recvfrom(512)
            except OSError:  # it was closed
                return
            self.asked += 1
            if not self.is_silent:
                self._socket.sendto(self._answer(question), client)

    def _answer(self, question: bytes) -> bytes:
        """Return an address of the fourth version; of the sixth there is none."""
        end = question.index(b"\0", _HEADER) + 5
        (kind,) = unpack_from("!H", question, end - 4)
        found = kind == _A
        header = question[:2] + pack("!HHHHH", 0x8580, 1, found, 0, 0)
        record = b"\xc0\x0c" + pack("!HHIH", _A, 1, 0, 4) + self._address
        return header + question[_HEADER:end] + record * found
