"""A proxy between the dashboard and its broker: it goes silent, or is slow, as a network is."""

import contextlib
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator


class Proxy:
    """Passes bytes to a broker on this machine, until it is cut.

    What was connected, or connects, while it is cut stays silent for good: what clients send is
    acknowledged and thrown away, and nothing ever comes back.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._broker = ("127.0.0.1", port)
        self._listener = socket.create_server((host, 0))
        self.host, self.port = self._listener.getsockname()
        self._lock = threading.Lock()
        self._is_cut = False
        #: What clients send is not passed on from these bytes on: it is cut there.
        self.cut_at = b""
        #: What clients send is passed on up to these bytes and with them; no answer to them is: the
        #: connection is reset, or `falls_silent`.
        self.answered_to = b""
        #: Of the broker's next answer only so many bytes are passed on: it is cut there.
        self.tears_after: int | None = None
        #: How long bytes are under way, and how many of the broker's pass in a second.
        self.delay_s = 0.0
        self.bytes_per_s: float | None = None
        #: Gives how many bytes of the broker's each new connection lasts, and whether it then falls
        #: silent; else it is reset.
        self.lasts: Callable[[], int] | None = None
        self.falls_silent = False
        self._open: list[socket.socket] = []
        self._clients: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, broker_url: str) -> str:
        """Return a broker's URL with our address in place of its own."""
        return broker_url.replace(f"127.0.0.1:{self._broker[1]}/", f"{self.host}:{self.port}/")

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            for broker in self._open:
                with contextlib.suppress(OSError):
                    broker.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def reset(self) -> int:
        """Break what is connected, on both sides, and return how many clients that were.

        What connects afterwards is passed on.
        """
        with self._lock:
            gone, clients = [*self._open, *self._clients], len(self._open)
            self._open.clear()
            self._clients.clear()
        for one in gone:
            with contextlib.suppress(OSError):
                reset(one)
        return clients

    def heal(self) -> None:
        """Pass on what connects from now on."""
        self.cut_at, self.tears_after, self.lasts, self._is_cut = b"", None, None, False

    def close(self) -> None:
        self.cut()
        self._listener.close()
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                client, _ = self._listener.accept()
                self._clients.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            broker = self._connect()
            if broker is not None:
                threading.Thread(target=self._answer, args=(broker, client), daemon=True).start()
            for sent in self._arriving(client):
                if self.cut_at and self.cut_at in sent:
                    self.cut()
                if self.answered_to and self.answered_to in sent:
                    self.tears_after = 0
                with contextlib.suppress(OSError):
                    if broker is not None:
                        broker.sendall(sent)
            if broker is not None:
                broker.shutdown(socket.SHUT_RDWR)

    def _arriving(self, sender: socket.socket) -> Iterator[bytes]:
        """Give what comes from a socket, each piece `delay_s` after it was sent."""
        if not self.delay_s:
            while sent := sender.recv(2**12 if self.bytes_per_s else 2**16):
                yield sent
            return
        under_way: queue.Queue[tuple[float, bytes]] = queue.Queue()

        def read() -> None:
            sent = b"-"
            while sent:
                try:
                    sent = sender.recv(2**16)
                except OSError:
                    sent = b""
                under_way.put((time.monotonic() + self.delay_s, sent))

        threading.Thread(target=read, daemon=True).start()
        while True:
            due, sent = under_way.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not sent:
                return
            yield sent

    def _connect(self) -> socket.socket | None:
        with self._lock:
            if self._is_cut:
                return None
            broker = socket.create_connection(self._broker)
            self._open.append(broker)
            return broker

    def _answer(self, broker: socket.socket, client: socket.socket) -> None:
        left = self.lasts() if self.lasts else None
        with broker, contextlib.suppress(OSError):
            for answered in self._arriving(broker):
                if left is not None and (left := left - len(answered)) < 0:
                    client.sendall(answered[:left])
                    return self._break(client)
                passed = answered[: self.tears_after]
                if self.answered_to and self.tears_after is not None and not self.falls_silent:
                    self.reset()
                elif self.tears_after is not None:
                    self.cut()
                if self.bytes_per_s is not None:
                    time.sleep(len(passed) / self.bytes_per_s)
                client.sendall(passed)
            with self._lock:
                if broker in self._open:  # the broker itself has closed it
                    self._open.remove(broker)
                    client.shutdown(socket.SHUT_RDWR)
        return None

    def _break(self, client: socket.socket) -> None:
        """Leave a client without an answer, or without its connection."""
        if not self.falls_silent:
            reset(client)


def reset(connection: socket.socket) -> None:
    """Break a connection, as a router does that has forgotten it: whoever reads it closes it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RD)
