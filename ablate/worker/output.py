"""What a trainer and all that it starts write to file descriptors 1 and 2, on its way to the worker's log."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import wait

#: What is kept of the beginning and of the end of each attempt's output, bytes.
KEPT_BYTES = 1 << 20
#: What is at hand of the end of an attempt's output while it lasts, bytes.
RECENT_BYTES = 1 << 15
#: Most that is read at once, bytes; a pipe holds as much.
CHUNK_BYTES = 1 << 16


class Kept:
    """The beginning of a stream at once, its end at the end, and between them a line on what was left out.

    Args:
        write: Takes what is kept.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._begun = 0
        self._end = bytearray()
        self._left_out = 0
        self._last = b""
        self._recent = bytearray()

    @property
    def recent(self) -> bytes:
        """The end of what was taken since the last `close`."""
        return bytes(self._recent)

    def add(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._recent += chunk
        del self._recent[:-RECENT_BYTES]
        room = KEPT_BYTES - self._begun
        if room > 0:
            self._begun += len(chunk[:room])
            self._pass_on(chunk[:room])
        self._end += chunk[room:] if room > 0 else chunk
        if len(self._end) > 2 * KEPT_BYTES:
            self._shorten()

    def close(self) -> None:
        """Pass on the end; the next bytes begin anew, on a line of their own."""
        if len(self._end) > KEPT_BYTES:
            self._shorten()
        if self._left_out:
            self._pass_on(f"\n[... {self._left_out:,} bytes of output left out ...]\n".encode())
        self._pass_on(bytes(self._end))
        if self._last not in (b"", b"\n"):
            self._pass_on(b"\n")
        self._begun, self._left_out = 0, 0
        self._end.clear()
        self._recent.clear()

    def _shorten(self) -> None:
        surplus = len(self._end) - KEPT_BYTES
        self._left_out += surplus
        del self._end[:surplus]

    def _pass_on(self, chunk: bytes) -> None:
        if chunk:
            self._last = chunk[-1:]
            self._write(chunk)


class Output:
    """A pipe, and a thread that reads it, so that a trainer that says much neither waits nor fills the disk.

    Args:
        log: File descriptor of the worker's log.
    """

    def __init__(self, log: int = 2) -> None:
        self._log = log
        self._reader, self.writer = multiprocessing.Pipe(duplex=False)
        os.set_blocking(self._reader.fileno(), False)
        self._bell, self._rope = multiprocessing.Pipe(duplex=False)
        self._kept = Kept(self._write)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._pump, name="ablate-output", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """An attempt is over: pass on what was said until now, so that the next one begins anew."""
        with self._lock:
            self._catch_up()
            self._kept.close()

    def recent(self) -> str:
        """The end of what was said in this attempt until now."""
        with self._lock:
            self._catch_up()
            return self._kept.recent.decode("utf-8", "replace")

    def close(self) -> None:
        """Stop reading."""
        self.cut()
        self._rope.close()
        self._thread.join()
        self._reader.close()
        self._bell.close()

    def _pump(self) -> None:
        while True:
            if self._bell in wait([self._reader, self._bell]):
                return
            with self._lock:
                if not self._take():
                    return  # all who could write are gone

    def _catch_up(self) -> None:
        """Take what lies in the pipe, one pipe full; whoever still writes is not waited for."""
        for _ in range(2):
            if not self._take():
                return

    def _take(self) -> bool:
        """Read once without waiting; whether there may be more."""
        try:
            chunk = os.read(self._reader.fileno(), CHUNK_BYTES)
        except BlockingIOError:
            return True
        self._kept.add(chunk)
        return bool(chunk)

    def _write(self, chunk: bytes) -> None:
        left = memoryview(chunk)
        with contextlib.suppress(OSError):  # a full disk or a closed terminal is no reason to stop a job
            while left:
                left = left[os.write(self._log, left) :]
