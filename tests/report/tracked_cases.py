"""Studies in a database whose runs were trained by arithmetic: some succeeded, one diverged, one failed, some wait."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ablate.metrics import EpochMetrics, Outcome, Predictions
from ablate.protocol import Failure, FailureKind, WorkerInfo
from ablate.recipe import Recipe
from ablate.store import Database
from ablate.store.queue import Queue
from ablate.store.submission import submit
from ablate.study.outline import Outline, OutlineDesign, OutlineFactor, OutlineLevel, OutlineVariant

#: Names and texts that mean something to a shell, a spreadsheet, a browser, Markdown, LaTeX or a path.
NASTY = (
    "a|b<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "+1, $x$ 100 % \\input{x} &amp;",
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    "-rf *",
    "学习率 😀 × 2",
    "שלום עולם",
    "Wide",
    "wide",
    "x" * 200,
)
#: What a run measures under names that are no file names.
CUSTOM = {"../../escaped": 0.25, "精度/val": 0.5, "run.f1": 0.75}


def database(
    path: Path,
    names: Sequence[str] = ("base", "wide"),
    *,
    seeds: int = 2,
    title: str = "What helps?",
    custom: Mapping[str, float] | None = None,
    ends: Mapping[tuple[str, int], str] | None = None,
) -> Path:
    """A database with a study `tracked`; the path of its file.

    Args:
        path: The file.
        names: Of the variants; each has a level of its own of the factor `size`.
        seeds: Number of seeds.
        title: Of the study.
        custom: What each epoch measures beside losses and accuracies.
        ends: How runs end that do not just succeed: `diverged`, `failed`, `running`, `queued`, or `resumed` after the
            second epoch by another attempt.
    """
    recipes = [
        Recipe.model_validate(
            {
                "data": {"name": "digits", "batch_size": 8 * (place + 1)},
                "training": {"epochs": 3, "optimizer": {"name": "SGD", "lr": 0.1}},
            }
        )
        for place in range(len(names))
    ]
    levels = tuple(OutlineLevel(name=name, label=name) for name in names)
    outline = Outline(
        name="tracked",
        title=title,
        metric="test_accuracy",
        direction="max",
        select="best_val",
        seeds=tuple(range(seeds)),
        baseline=recipes[0].key,
        factors=(OutlineFactor(name="size", label=title, levels=levels, reference=names[0]),),
        designs=(OutlineDesign(name="one-at-a-time", kind="one-at-a-time", factors=("size",)),),
        variants=tuple(
            OutlineVariant(name=name, key=recipe.key, levels={"size": name}, designs=("one-at-a-time",))
            for name, recipe in zip(names, recipes, strict=True)
        ),
    )
    with Database.open(path, create=True) as db:
        submit(
            db,
            outline=outline,
            recipes={recipe.key: recipe for recipe in recipes},
            text="[baseline.data]\nname = 'digits'\n",
            settings=(),
            sources={},
            execution={"threads": 1},
        )
        _train(Queue(db), custom or {}, ends or {})
    return path


def _train(queue: Queue, custom: Mapping[str, float], ends: Mapping[tuple[str, int], str]) -> None:
    queue.introduce(WorkerInfo(id="w", host="box", pid=1, device="cpu", device_name="A CPU", provenance={}))
    waiting: set[int] = set()
    given_back: set[int] = set()
    while (claim := queue.claim("w", without=waiting)) is not None:
        end = ends.get((claim.variant, claim.seed), "succeeded")
        if end == "queued":
            waiting.add(claim.ticket.job)
            queue.release(claim.ticket)
            continue
        share = 0.5 + 0.01 * claim.seed + 0.1 * (len(claim.variant) % 4)
        resumed = end == "resumed" and claim.ticket.job in given_back
        for epoch in (3,) if resumed else (1, 2, 3):
            broken = end == "diverged" and epoch == 2
            queue.record_epoch(
                claim.ticket,
                EpochMetrics(
                    epoch=epoch,
                    train_loss=float("nan") if broken else 1 / 3 / epoch + share,
                    train_accuracy=share,
                    val_loss=None if broken else 1.0 / epoch,
                    val_accuracy=None if broken else share + epoch / 100,
                    lr=0.1,
                    seconds=0.5,
                    images_per_second=100.0,
                    peak_memory_bytes=1000,
                    custom=dict(custom),
                ),
            )
            if end != "succeeded" and epoch == 2:
                break
        if end == "resumed" and not resumed:
            given_back.add(claim.ticket.job)
            queue.release(claim.ticket)
            continue
        if end == "diverged":
            queue.diverge(claim.ticket, "the loss became NaN in epoch 2", seconds=1.0)
        elif end == "failed":
            message = "=HYPERLINK(1) | <b>\u202eno\x1b[31m"
            queue.fail(claim.ticket, Failure(kind=FailureKind.USER_ERROR, message=message, details="", facts={}))
        elif end == "running":
            break
        else:
            outcome = Outcome(
                selected_epoch=3,
                test_loss=0.7,
                test_accuracy=share,
                parameters=10,
                trainable_parameters=10,
                flops=20,
                seconds=1.625,
                fingerprints={"module_tree": claim.variant[:9]},
                predictions=Predictions(
                    correct=np.packbits([1, 0, 1]).tobytes(),
                    predicted=np.array([0, 2, 1], dtype="<u2").tobytes(),
                    confidence=np.array([0.5, 0.25, 1.0], dtype="<f2").tobytes(),
                    count=3,
                    labels=np.array([0, 1, 1], dtype="<u2").tobytes(),
                    classes=("cat", "=dog", "<i>"),
                ),
            )
            queue.finish(claim.ticket, outcome)
