"""Results of other tools, written as those tools write them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary import Writer
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from ablate.orchestrate.imports.bring import Imported, import_results
from ablate.orchestrate.imports.options import ImportOptions
from ablate.store import Database

#: Accuracy of each variant, to which a little is added for each seed.
MEANS = {"base": 0.9, "wide": 0.92, "deep": 0.89}
SEEDS = 4


def accuracy(variant: str, seed: int) -> float:
    return round(MEANS[variant] + 0.001 * ((seed * 7 + len(variant)) % 5), 6)


def table(*, columns: Sequence[str] = (), **more: object) -> str:
    """A CSV of all runs: variant, seed, test_accuracy, then what is asked for."""
    lines = [",".join(["variant", "seed", "test_accuracy", *columns])]
    for variant in MEANS:
        for seed in range(SEEDS):
            cells = [variant, str(seed), repr(accuracy(variant, seed)), *(str(more[name]) for name in columns)]
            lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def bring(
    db: Database, *sources: Path, study: str = "lab", baseline: str | None = "base", **options: object
) -> Imported:
    return import_results(db, sources, ImportOptions(study=study, baseline=baseline, **options))


def torch_events(folder: Path, curves: Mapping[str, Mapping[int, float]]) -> None:
    """Event files as `torch.utils.tensorboard.SummaryWriter` writes them: a field for a scalar of 32 bits."""
    writer = EventFileWriter(str(folder))
    for tag, curve in curves.items():
        for step, value in curve.items():
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            writer.add_event(Event(step=step, wall_time=1_700_000_000.0 + step, summary=summary))
    writer.close()


def tensor_events(folder: Path, curves: Mapping[str, Mapping[int, float]]) -> None:
    """Event files as TensorFlow 2 and TensorBoard's own writer have them: a tensor for each scalar."""
    writer = Writer(str(folder))
    for tag, curve in curves.items():
        for step, value in curve.items():
            writer.add_scalar(tag, value, step)
    writer.close()


def mlflow_run(
    experiment: Path,
    run: str,
    *,
    name: str,
    params: Mapping[str, str],
    metrics: Mapping[str, Mapping[int, float]],
    status: int = 3,
    stage: str = "active",
) -> None:
    """A run in a file store, as MLflow 2 and 3 lay it out."""
    folder = experiment / run
    if not experiment.exists():
        experiment.mkdir(parents=True)
        (experiment / "meta.yaml").write_text(
            f"artifact_location: file:///x/{experiment.name}\nexperiment_id: '{experiment.name}'\n"
            "lifecycle_stage: active\nname: nets\n"
        )
        (experiment / "models" / "m-1").mkdir(parents=True)
        (experiment / "models" / "m-1" / "meta.yaml").write_text("model_id: m-1\nname: net\n")
    for part in ("params", "metrics", "tags", "artifacts"):
        (folder / part).mkdir(parents=True)
    (folder / "meta.yaml").write_text(
        f"artifact_uri: file:///x/{run}/artifacts\nend_time: 1700000062500\nentry_point_name: ''\n"
        f"experiment_id: '{experiment.name}'\nlifecycle_stage: {stage}\nrun_id: {run}\nrun_name: {name}\n"
        f"run_uuid: {run}\nsource_name: ''\nsource_type: 4\nsource_version: ''\nstart_time: 1700000000000\n"
        f"status: {status}\ntags: []\nuser_id: ada\n"
    )
    (folder / "tags" / "mlflow.runName").write_text(name)
    for param, text in params.items():
        (folder / "params" / param).write_text(text)
    for metric, curve in metrics.items():
        file = folder / "metrics" / metric
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{1700000000000 + step} {value} {step}\n" for step, value in curve.items()))
