"""Power cuts from recorded system calls: which states may a disk be in after each of them?

`strace` records what a process writes, syncs, renames and deletes below a folder. A cut after any call leaves what was
synced; of what was not, each sector may have arrived or not, and the latest changes of names may be missing. That is
what a disk that honours fsync may do; one that lies about it, or that tears a sector, is not simulated.
"""

import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

#: Part of a file that arrives on the disk whole or not at all, bytes.
SECTOR = 512
_CALLS = "openat,write,pwrite64,fsync,fdatasync,rename,ftruncate,unlink,unlinkat,close,lseek"
_LINE = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"^(\d+)<([^>]*)>")


@dataclass
class _File:
    durable: bytes = b""
    #: Since the last sync: offset and content; None for the content means that the file was cut off there.
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def settle(self) -> None:
        self.durable = self._with(self.pending)
        self.pending = []

    def after_cut(self, chance: random.Random) -> bytes:
        share = chance.choice((0.0, 0.5, 0.9, 1.0))
        arrived: list[tuple[int, bytes | None]] = []
        for offset, content in self.pending:
            if content is None:
                arrived += [(offset, None)] if chance.random() < share else []
                continue
            first = SECTOR - offset % SECTOR
            cuts = [0, *range(first, len(content), SECTOR), len(content)]
            pieces = [(offset + a, content[a:b]) for a, b in pairwise(cuts)]
            arrived += [piece for piece in pieces if chance.random() < share]
        return self._with(arrived)

    def _with(self, writes: Sequence[tuple[int, bytes | None]]) -> bytes:
        found = bytearray(self.durable)
        for offset, content in writes:
            if content is None:
                found[offset:] = b"" if offset <= len(found) else bytes(offset - len(found))
            else:
                if offset > len(found):
                    found += bytes(offset - len(found))
                found[offset : offset + len(content)] = content
        return bytes(found)


@dataclass
class Disk:
    """A folder as the recorded process and a power cut see it."""

    root: Path
    #: Files whose writes are words to the outside, told at once, and not on the disk.
    told: Path
    names: dict[str, _File] = field(default_factory=dict)
    durable_names: dict[str, _File] = field(default_factory=dict)
    #: Changes of names since their folders were synced; None means deleted.
    pending: list[tuple[str, _File | None]] = field(default_factory=list)
    words: bytes = b""
    _positions: dict[int, int] = field(default_factory=dict)

    def load(self, folder: Path) -> None:
        """Begin with these files, all durable."""
        for file in folder.rglob("*"):
            if file.is_file():
                name = str(self.root / file.relative_to(folder))
                self.names[name] = self.durable_names[name] = _File(durable=file.read_bytes())

    def replay(self, lines: Iterator[str]) -> Iterator[None]:
        """Do what was recorded, call by call, and stop after each that matters."""
        for line in lines:
            found = _LINE.match(line)
            if found and int(found[3]) >= 0 and self._do(found[1], found[2], int(found[3])):
                yield

    def after_cut(self, target: Path, chance: random.Random) -> None:
        """Write into `target` what may be there after a cut now."""
        names = dict(self.durable_names)
        for name, file in self.pending[: chance.choice((0, len(self.pending), chance.randint(0, len(self.pending))))]:
            names.pop(name, None)
            if file is not None:
                names[name] = file
        for name, file in names.items():
            place = target / Path(name).relative_to(self.root)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.after_cut(chance))

    def _do(self, call: str, words: str, result: int) -> bool:
        texts = [bytes.fromhex(one.replace("\\x", "")) for one in _STRING.findall(words)]
        described = _DESCRIPTOR.match(words)
        number, path = (int(described[1]), _plain(described[2])) if described else (-1, "")
        if call == "openat":
            return self._open(os.fsdecode(texts[0]), words, result)
        if call == "rename":
            return self._rename(*map(os.fsdecode, texts))
        if call in ("unlink", "unlinkat"):
            return self._unlink(os.fsdecode(texts[0]))
        if path == str(self.told):
            self.words += texts[0] if call == "write" else b""
            return call == "write"
        if not path.startswith(str(self.root)) or path.endswith("-shm"):
            return False
        if call in ("fsync", "fdatasync"):
            self._sync(path)
        elif call == "lseek":
            self._positions[number] = result
            return False
        elif path not in self.names:
            return False
        elif call == "write":
            at = self._positions.get(number, 0)
            self._positions[number] = at + len(texts[0])
            self.names[path].pending.append((at, texts[0]))
        elif call == "pwrite64":
            self.names[path].pending.append((int(words.rsplit(",", 1)[1]), texts[0]))
        elif call == "ftruncate":
            self.names[path].pending.append((int(words.rsplit(",", 1)[1]), None))
        return call != "close"

    def _open(self, path: str, words: str, number: int) -> bool:
        self._positions[number] = 0
        if not path.startswith(str(self.root)) or path.endswith("-shm") or path == str(self.told):
            return False
        if path not in self.names:
            if "O_CREAT" not in words:
                return False
            self.names[path] = _File()
            self.pending.append((path, self.names[path]))
            return True
        if "O_TRUNC" in words:
            self.names[path].pending.append((0, None))
        return "O_TRUNC" in words

    def _rename(self, old: str, new: str) -> bool:
        if old in self.names:
            file = self.names[new] = self.names.pop(old)
            self.pending += [(new, file), (old, None)]
        return old in self.names or new in self.names

    def _unlink(self, path: str) -> bool:
        if self.names.pop(path, None) is None:
            return False
        self.pending.append((path, None))
        return True

    def _sync(self, path: str) -> None:
        if path in self.names:
            self.names[path].settle()
            return
        left = []
        for name, file in self.pending:
            if str(Path(name).parent) != path:
                left.append((name, file))
            elif file is None:
                self.durable_names.pop(name, None)
            else:
                self.durable_names[name] = file
        self.pending = left


def record(command: Sequence[str], trace: Path, environment: dict[str, str]) -> None:
    """Run a command under `strace`."""
    if shutil.which("strace") is None:
        raise RuntimeError("the power cuts are made of what strace records: `apt install strace`")
    options = ["-y", "-xx", "-s", "10000000", "-e", f"trace={_CALLS}", "-o", str(trace)]
    subprocess.run(["strace", *options, *command], check=True, env=environment)


def _plain(text: str) -> str:
    return os.fsdecode(re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode()))
