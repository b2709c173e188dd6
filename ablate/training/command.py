"""A script of the user's own, run as a command, that reports by printing lines of JSON."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import IO, Any

from ablate.recipe import CommandTrainer
from ablate.recipe.section import canonical_value
from ablate.recipe.trainer import KNOWN, PLACEHOLDER
from ablate.training.context import Context
from ablate.training.failures import Killed, RecipeError, Stopped

log = logging.getLogger(__name__)

#: How long a script may be silent before it is asked whether to stop, seconds.
LOOK_SECONDS = 0.2
#: How long a script has to end after SIGTERM, seconds; a worker has 2.5 for all of it.
END_SECONDS = 1.5
#: Longest line that may be a report, bytes.
MAX_LINE = 1 << 20
#: Last lines of a script that a failure's message shows.
LAST_LINES = 20


def run_command(trainer: CommandTrainer, context: Context, code_root: Path | None) -> None:
    """Run a script to its end and pass on what it reports.

    A line of its output that is a JSON object of numbers is a report, as `{"epoch": 1, "val_accuracy": 0.9}`; without
    `epoch` it is one of the whole run. All other lines go to the log. It runs in the folder of the user's own files,
    with `ABLATE_SEED`, `ABLATE_DEVICE`, `ABLATE_FOLDER` and `ABLATE_RECIPE` (a JSON file) in its environment.

    Args:
        trainer: The command.
        context: The run.
        code_root: Folder of the user's own files; None for the working folder.

    Raises:
        RecipeError: The command cannot be started, or ends with a status that is not 0.
        Killed: It was ended from outside.
        Stopped: The run is to stop.
    """
    recipe_file = context.folder / "recipe.json"
    recipe_file.write_text(json.dumps(canonical_value(context.recipe.model_dump(mode="json")), indent=2), "utf-8")
    words = command_words(trainer, context, recipe_file)
    environment = {
        **os.environ,
        "ABLATE_SEED": str(context.seed),
        "ABLATE_DEVICE": context.device,
        "ABLATE_FOLDER": str(context.folder),
        "ABLATE_RECIPE": str(recipe_file),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(context.threads),
    }
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command, which no shell reads
            words,
            cwd=code_root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise RecipeError(
            f"the command cannot be started: {words[0]}: {error.strerror or error}.",
            cure="Its first word is a program that is installed where the study runs, as `python`.",
        ) from error
    try:
        last = _follow(process, context)
        status = process.wait()
    finally:
        _end(process)
    if status < 0:
        raise Killed(f"the command was ended by {signal.Signals(-status).name}")
    if status:
        raise RecipeError(f"the command ended with exit status {status}:\n" + ("\n".join(last) or "it printed nothing"))


def command_words(trainer: CommandTrainer, context: Context, recipe_file: Path) -> list[str]:
    """The words of the command with the run's values put in; `python` is the one that runs ablate."""
    values = {
        "seed": context.seed,
        "device": context.device,
        "threads": context.threads,
        "data_root": context.data_root,
        "folder": context.folder,
        "recipe": recipe_file,
    }

    def put(word: str) -> str:
        def value(found: Any) -> str:  # noqa: ANN401 - a match
            path = found[1]
            if path is None:
                return str(found[0][0])
            return _text(values[path] if path in KNOWN else context.recipe.value(path))

        return PLACEHOLDER.sub(value, word)

    first, *rest = trainer.words
    return [sys.executable if first in ("python", "python3") else put(first), *map(put, rest)]


def _text(value: object) -> str:
    """A value as an argument: lists with commas, switches as `true` and `false`, tables as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return json.dumps(canonical_value(value)) if isinstance(value, dict) else str(value)


def _follow(process: subprocess.Popen[bytes], context: Context) -> deque[str]:
    """Pass on reports until the script closes its output; its last other lines."""
    lines: queue.Queue[bytes | None] = queue.Queue(maxsize=1_000)
    if process.stdout is None:
        raise AssertionError
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True, name="ablate-command").start()
    last: deque[str] = deque(maxlen=LAST_LINES)
    while True:
        if context.should_stop():
            raise Stopped(context.epoch)
        try:
            line = lines.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            continue
        if line is None:
            return last
        text = line.decode("utf-8", errors="replace").rstrip()
        report = _report(text)
        if report is None:
            last.append(text[:1_000])
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        else:
            context.log(epoch=report.pop("epoch", None), **report)


def _read(stream: IO[bytes], lines: queue.Queue[bytes | None]) -> None:
    with contextlib.suppress(ValueError, OSError):  # closed below us
        while line := stream.readline(MAX_LINE):
            lines.put(line)
    lines.put(None)


def _report(text: str) -> dict[str, Any] | None:
    """The numbers of a line that is a report; None for all other lines."""
    if not text.startswith("{") or not text.endswith("}"):
        return None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    numbers = {key: value for key, value in values.items() if isinstance(value, int | float)}
    return numbers if numbers and len(numbers) == len(values) else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a script that still runs: SIGTERM, then SIGKILL."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
