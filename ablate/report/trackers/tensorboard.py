"""TensorBoard: a folder of scalars for each run, `VARIANT/seed0`, with its settings for the page of hyperparameters.

Written as the package `tensorboard` (`ablate-lab[tensorboard]`) writes records; steps are epochs, and wall times are
those of the training. Equal rows give equal bytes, and no name of a machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from ablate.errors import UsageError
from ablate.protocol import JobState
from ablate.report.trackers.runs import TrackedRun

#: Name of the one file of a run.
FILE = "events.out.tfevents.{started:010d}.ablate"
CURE = "Install it: `pip install 'ablate-lab[tensorboard]'`."


def write_tensorboard(runs: Sequence[TrackedRun], folder: Path) -> None:
    """Write a folder for each run.

    Raises:
        UsageError: The package `tensorboard` is not installed.
    """
    try:
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError as error:
        raise UsageError("event files are written by `tensorboard`, which is not installed.", cure=CURE) from error
    for run in runs:
        place = folder / run.folder / f"seed{run.seed}"
        place.mkdir(parents=True)
        with (place / FILE.format(started=int(run.started))).open("wb") as stream:
            writer = RecordWriter(stream)
            for event in _events(run):
                writer.write(event.SerializeToString(deterministic=True))
            writer.flush()


def _events(run: TrackedRun) -> Iterator[Any]:
    """Events in the order of their steps."""
    from tensorboard.compat.proto.event_pb2 import Event

    yield Event(wall_time=run.started, file_version="brain.Event:2")
    for summary in _settings(run):
        yield Event(wall_time=run.started, summary=summary)
    yield from _scalars(run)


def _scalars(run: TrackedRun) -> Iterator[Any]:
    """An event for each moment, with all that was measured then: its checksum costs more than its values."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    points = [(point.step, point.time, tag, point.value) for tag, curve in run.curves.items() for point in curve]
    points += [(point.step, point.time, tag, point.value) for tag, point in run.figures.items()]
    for (step, time), group in groupby(sorted(points), key=itemgetter(0, 1)):
        values = [Summary.Value(tag=tag, simple_value=value) for _, _, tag, value in group]
        yield Event(wall_time=time, step=step, summary=Summary(value=values))


def _settings(run: TrackedRun) -> Iterator[Any]:
    """The start and the end of a session of the hyperparameter plugin."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo

    start = SessionStartInfo(group_name=f"{run.folder}/seed{run.seed}", start_time_secs=run.started)
    for name, value in {**run.settings, "variant": run.variant, "seed": run.seed}.items():
        if isinstance(value, bool):
            start.hparams[name].bool_value = value
        elif isinstance(value, int | float):
            start.hparams[name].number_value = value
        else:
            start.hparams[name].string_value = value
    parts = [(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=start, version=0))]
    if run.state not in (JobState.RUNNING, JobState.QUEUED):
        is_whole = run.state in (JobState.SUCCEEDED, JobState.DIVERGED)
        status = api_pb2.STATUS_SUCCESS if is_whole else api_pb2.STATUS_FAILURE
        end = SessionEndInfo(status=status, end_time_secs=run.ended)
        parts.append((metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=end, version=0)))
    for tag, content in parts:
        about = SummaryMetadata(
            plugin_data=SummaryMetadata.PluginData(
                plugin_name=metadata.PLUGIN_NAME, content=content.SerializeToString(deterministic=True)
            )
        )
        yield Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)])
