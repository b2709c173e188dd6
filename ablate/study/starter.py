"""A commented study file to start from, written for a data set and the factors that someone wants to vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ablate.errors import UsageError
from ablate.recipe.signatures import did_you_mean

if TYPE_CHECKING:
    from tomlkit import TOMLDocument
    from tomlkit.items import Table


@dataclass(frozen=True, kw_only=True)
class Question:
    """A factor that many studies vary, ready to be written down."""

    #: What it asks, for the comment above it.
    asks: str
    #: The recipe's path, for factors of single values.
    path: str = ""
    #: Values of `path`.
    levels: tuple[Any, ...] = ()
    #: Levels that set several paths, by level name.
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


#: The factors that `ablate init` knows, in the order in which it writes them.
QUESTIONS: Mapping[str, Question] = MappingProxyType(
    {
        "dropout": Question(asks="Does dropout help, and how much of it?", path="model.dropout", levels=(0.25, 0.5)),
        "norm": Question(asks="Does batch normalisation help?", path="model.norm", levels=("batch",)),
        "lr_decay": Question(
            asks="Does it help to lower the learning rate on the way?",
            tables={
                "cosine": {"training.scheduler": {"name": "CosineAnnealingLR"}},
                "halve_every_5": {"training.scheduler": {"name": "StepLR", "step_size": 5, "gamma": 0.5}},
            },
        ),
        "residual": Question(
            asks="Do residual connections help at this depth? Two blocks a stage, with the connection and without.",
            tables={
                "blocks": {"model.blocks": 2, "model.residual": True},
                "plain_blocks": {"model.blocks": 2, "model.residual": False},
            },
        ),
        "depth": Question(asks="Do more convolutions a stage help?", path="model.convs", levels=(2, 3)),
        "width": Question(asks="Do wider stages help?", path="model.channels", levels=((32, 64),)),
        "augmentation": Question(
            asks="Does it help to shift the training images about?",
            path="data.augment",
            levels=(({"name": "random_crop", "padding": 2},),),
        ),
        "optimizer": Question(
            asks="Which optimizer? Each with a learning rate of its own.",
            tables={
                "Adam": {"training.optimizer": {"name": "Adam", "lr": 0.001}},
                "AdamW": {"training.optimizer": {"name": "AdamW", "lr": 0.001}},
            },
        ),
        "batch_size": Question(asks="How many images a step?", path="data.batch_size", levels=(16, 256)),
        "init": Question(asks="Does the initialisation matter?", path="model.init", levels=("kaiming_normal",)),
    }
)


def starter(
    *, name: str, data: Mapping[str, object], model: str, factors: Sequence[str], seeds: int, epochs: int
) -> str:
    """The text of a study file.

    Args:
        name: Name of the study.
        data: Which images: `name` of the baseline's `data`, and keys that belong to it.
        model: `model.name` of the baseline: `convnet`, `resnet`, or a `torchvision:` or `timm:` name.
        factors: Names among `QUESTIONS`.
        seeds: Runs of each variant.
        epochs: Length of each run.

    Raises:
        UsageError: A factor is unknown, or needs another model.
    """
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.items.Comment(tomlkit.items.Trivia(comment="#:schema ./ablate.schema.json")))
    _remark(document, "What may stand here: `ablate schema`. What it would train: `ablate plan FILE`.")
    document["name"] = name
    document["title"] = f"What matters on {str(data.get('folder', data['name'])).rpartition('/')[2]}?"
    document["metric"] = "test_accuracy"
    document["select"] = "best_val"
    document["select"].comment("or 'last'")
    document["seeds"] = tomlkit.table()
    document["seeds"]["count"] = seeds
    document["seeds"]["count"].comment("runs of each variant; 5 or more make verdicts possible")
    document["baseline"] = _baseline(data, model, epochs)
    known = [factor for factor in QUESTIONS if model == "convnet" or not _needs_convnet(QUESTIONS[factor])]
    chosen = tomlkit.table(is_super_table=True)
    for factor in factors:
        if factor not in known:
            reason = f"needs the convnet, not {model}" if factor in QUESTIONS else "is not known"
            raise UsageError(f"the factor {factor!r} {reason}{did_you_mean(factor, known)}")
        chosen[factor] = _factor(QUESTIONS[factor])
    if factors:
        document["factors"] = chosen
    designs = tomlkit.aot()
    design = tomlkit.table()
    design["kind"] = "one-at-a-time"
    design["kind"].comment("the baseline, and each level of each factor by itself")
    designs.append(design)
    document["designs"] = designs
    return tomlkit.dumps(document)


def _baseline(data: Mapping[str, object], model: str, epochs: int) -> Table:
    import tomlkit

    baseline = tomlkit.table(is_super_table=True)
    baseline["data"] = tomlkit.table()
    baseline["data"].update(data)
    if "resize" in data:
        baseline["data"]["resize"].comment("pixels; all images get one size")
    baseline["data"]["batch_size"] = 64
    if "validation" not in data:
        baseline["data"]["validation"] = 0.1
        baseline["data"]["validation"].comment("share of the training images held out to choose the epoch")
    baseline["model"] = tomlkit.table()
    baseline["model"]["name"] = model
    if model == "convnet":
        baseline["model"]["channels"] = [16, 32]
        baseline["model"]["channels"].comment("of each stage; a stage ends with a pooling")
        baseline["model"]["hidden"] = [64]
    baseline["training"] = tomlkit.table()
    baseline["training"]["epochs"] = epochs
    baseline["training"]["optimizer"] = _inline({"name": "SGD", "lr": 0.02, "momentum": 0.9})
    return baseline


def _factor(question: Question) -> Table:
    import tomlkit

    factor = tomlkit.table()
    factor.add(tomlkit.comment(question.asks))
    if question.path:
        factor["path"] = question.path
        factor["levels"] = [_inline(level) for level in question.levels]
    else:
        levels = tomlkit.table(is_super_table=True)
        for name, overrides in question.tables.items():
            level = tomlkit.table()
            for path, value in overrides.items():
                level[path] = _inline(value)
            levels[name] = level
        factor["levels"] = levels
    return factor


def _inline(value: Any) -> Any:  # noqa: ANN401 - any TOML value
    import tomlkit

    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        table.update({key: _inline(item) for key, item in value.items()})
        return table
    return [_inline(item) for item in value] if isinstance(value, tuple) else value


def _needs_convnet(question: Question) -> bool:
    paths = {question.path, *(path for overrides in question.tables.values() for path in overrides)}
    return any(path.startswith("model.") for path in paths)


def _remark(document: TOMLDocument, text: str) -> None:
    import tomlkit

    document.add(tomlkit.comment(text))
    document.add(tomlkit.nl())
