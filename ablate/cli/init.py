"""`ablate init FILE`: write a commented study file from flags, or from questions at a terminal."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

DATASETS = (
    *("digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "svhn", "stl10", "eurosat", "tiny_imagenet"),
    *("imagenette_160", "imagenette", "flowers102", "caltech101"),
)
#: Those whose images differ in size.
OF_MANY_SIZES = ("imagenette_160", "imagenette", "flowers102", "caltech101")

#: Sides to which images of different sizes are scaled, pixels: for ablate's own networks and for others'.
OWN_SIDE, PRETRAINED_SIDE = 64, 224


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, as studies/mine.toml.")],
    dataset: Annotated[
        str | None,
        typer.Option(
            help=f"One of {', '.join(DATASETS)}, or a folder with a folder of images for each class.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="convnet, resnet, torchvision:NAME or timm:NAME.", show_default=False)
    ] = None,
    factors: Annotated[
        str | None, typer.Option(metavar="A,B", help="What to vary, as dropout,norm,optimizer.", show_default=False)
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Runs of each variant.", show_default=False)] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Length of each run.", show_default=False)] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Write a study file to start from. At a terminal, what no flag gives is asked for."""
    from ablate.errors import UsageError
    from ablate.study import load_study, parse_study, schema
    from ablate.study.starter import QUESTIONS, starter

    if file.exists() and not force:
        raise UsageError(f"{file} exists.", cure="Choose another name, or add `--force` to write over it.")
    usual = ["dropout", "norm", "optimizer"]
    chosen_model = _answer(model, "model (convnet, resnet, torchvision:NAME or timm:NAME)", "convnet")
    text = starter(
        name=re.sub(r"[^A-Za-z0-9._-]+", "_", file.stem).lstrip("._-") or "study",
        data=_data(
            _answer(dataset, f"data set ({', '.join(DATASETS)}, or a folder of images)", "digits"), chosen_model
        ),
        model=chosen_model,
        factors=[
            factor.strip()
            for factor in _answer(
                factors,
                f"what to vary ({', '.join(QUESTIONS)})",
                ",".join(usual if chosen_model == "convnet" else ["optimizer", "lr_decay"]),
            ).split(",")
            if factor.strip()
        ],
        seeds=int(_answer(seeds, "runs of each variant", "5")),
        epochs=int(_answer(epochs, "epochs of each run", "10")),
    )
    parse_study(text, source=str(file), folder=file.parent)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    beside = file.with_name("ablate.schema.json")
    if not beside.exists():
        beside.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")
    study = load_study(file)
    typer.echo(f"wrote {file}: {len(study.variants())} variants x {len(study.seeds)} seeds")
    typer.echo(f"next: `ablate plan {file}`, then `ablate run {file}`")


def _data(dataset: str, model: str) -> dict[str, object]:
    """The keys of the `data` table by which a data set, or a folder of images, is named."""
    side = PRETRAINED_SIDE if model.startswith(("torchvision:", "timm:")) else OWN_SIDE
    if Path(dataset).is_dir():
        return {"name": "image_folder", "folder": Path(dataset).absolute().as_posix(), "resize": side}
    own = {"validation": "own"} if dataset == "flowers102" else {}
    return {"name": dataset, **({"resize": [side, side]} if dataset in OF_MANY_SIZES else {}), **own}


def _answer(flag: object, question: str, usual: str) -> str:
    """What a flag gives, else what a person at the terminal answers, else the usual."""
    if flag is not None:
        return str(flag)
    if not sys.stdin.isatty():
        return usual
    return str(typer.prompt(question, default=usual))
