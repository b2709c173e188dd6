"""Both databases for the tests of the store: every test that takes `db` runs over SQLite and over PostgreSQL."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from ablate.store import Database
from ablate.store.queue import Queue

_numbers = count(1)
_SQLITE_ONLY = os.environ.get("ABLATE_TEST_SQLITE_ONLY") == "1"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A private PostgreSQL cluster that does not outlive the tests."""

    binaries: Path
    folder: Path
    port: int
    #: Words before each command, so that a root user hands the server to another one.
    prefix: tuple[str, ...]

    def control(self, *arguments: str) -> None:
        command = [*self.prefix, str(self.binaries / "pg_ctl"), "-D", str(self.folder / "data"), "-w", *arguments]
        with (self.folder / "control.log").open("ab") as log:  # a pipe would stay open in the server
            done = subprocess.run(command, stdout=log, stderr=log, cwd=self.folder, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{(self.folder / 'control.log').read_text()}")

    def restart(self) -> None:
        """Crash the server and start it again."""
        self.control("stop", "-m", "immediate")
        self.start()

    def start(self) -> None:
        settings = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off"
        self.control("start", "-o", settings, "-l", str(self.folder / "server.log"))

    def execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self._url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement)

    def new(self, template: str = "template1") -> str:
        """The URL of a new database."""
        name = f"test_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://tester:secret-word@127.0.0.1:{self.port}/{name}"


def _binaries() -> Path:
    asked = shutil.which("pg_config")
    places = [Path(found).parent for found in [shutil.which("initdb")] if found]
    if asked:
        bindir = subprocess.run([asked, "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
        places.append(Path(bindir))
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists() and (place / "pg_ctl").exists():
            return place
    pytest.fail(
        "PostgreSQL's server programs (initdb, pg_ctl) are not installed: `apt install postgresql`, "
        "or test SQLite alone with ABLATE_TEST_SQLITE_ONLY=1",
        pytrace=False,
    )


def _other_user() -> tuple[str, ...]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    if _SQLITE_ONLY:
        pytest.skip("ABLATE_TEST_SQLITE_ONLY=1")
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="ablate-pg-"))
    prefix = _other_user()
    if prefix:
        shutil.chown(folder, "nobody")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cluster = Server(binaries=binaries, folder=folder, port=port, prefix=prefix)
    try:
        cluster.control("init", "-o", "-U tester --auth=trust --encoding=UTF8 --locale=C --no-sync")
        cluster.start()
        empty = cluster.new()
        Database.open(empty, create=True).close()
        cluster.execute(f"ALTER DATABASE {empty.rsplit('/', 1)[1]} RENAME TO ablate_template")
        yield cluster
    finally:
        with contextlib.suppress(RuntimeError):  # it may never have started
            cluster.control("stop", "-m", "immediate")
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where nothing was ever stored."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'results.db'}"
    return request.getfixturevalue("server").new()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with its tables and nothing in them."""
    if request.param == "postgresql":
        return request.getfixturevalue("server").new("ablate_template")
    file = tmp_path / "results.db"
    Database.open(file, create=True).close()
    return f"sqlite:///{file}"


@pytest.fixture
def db(url: str, tmp_path: Path) -> Iterator[Database]:
    with Database.open(url, artifacts=tmp_path / "artifacts") as database:
        yield database


@pytest.fixture
def queue(db: Database) -> Queue:
    return Queue(db)


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder of a user who is not root: file permissions mean nothing to root."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() != 0:
            yield Path(folder)
            return
        shutil.chown(folder, "nobody")
        os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)
