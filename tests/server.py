"""A real web server for downloads."""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class Server(NamedTuple):
    """A server that runs."""

    url: str
    #: Paths that were fetched, in this order.
    fetched: list[str]


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Offers the files in a folder."""
    fetched: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            fetched.append(self.path)
            super().do_GET()

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield Server(f"http://127.0.0.1:{running.server_address[1]}/", fetched)
        running.shutdown()
        thread.join()
