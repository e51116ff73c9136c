"""Reading an event stream: bytes in, the data of whole events out."""


class EventReader:
    """Takes bytes as they arrive, torn anywhere, and gives the data of each event that is complete.

    After the WHATWG's event stream format, as far as a model server uses it: LF and CRLF line ends, comments, several
    data lines an event; names of events are left out, as their data tells what they are.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    @property
    def pending(self) -> int:
        """Bytes that wait for the end of their line or of their event."""
        return len(self._rest) + sum(map(len, self._data))

    def feed(self, chunk: bytes) -> list[bytes]:
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        events: list[bytes] = []
        for line in lines:
            line = line.removesuffix(b"\r")  # noqa: PLW2901  # the same line, without its end
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        return events
