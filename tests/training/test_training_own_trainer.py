"""Training functions and commands of the user's own: reported, saved, stopped, and told where they go wrong."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ablate.metrics import EpochMetrics, Outcome
from ablate.recipe import OwnRecipe, read_recipe
from ablate.training import Diverged, Killed, RecipeError, Stopped, probe, train

TRAIN = """\
import numpy as np
import torch


def counts(ctx):
    seen = ctx.restore() or {"steps": torch.zeros(1), "rows": np.zeros(2), "names": ("a", None)}
    for epoch in range(ctx.epoch + 1, ctx.recipe.training.epochs + 1):
        seen["steps"] += ctx.recipe.params["size"]
        seen["rows"] += 1
        ctx.log(epoch=epoch, train_loss=1 / epoch, val_accuracy=[0.5, 0.9, 0.9, 0.2][epoch - 1])
        ctx.log(epoch=epoch, steps=seen["steps"])
        ctx.save(seen)
        if ctx.should_stop():
            return
    ctx.log(test_accuracy=0.75, rows=seen["rows"].sum(), parameters=12)


def curve(ctx):
    for epoch in (1, 2, 3):
        ctx.log(epoch=epoch, val_loss=abs(2 - epoch), test_accuracy=0.1 * epoch)


def draws(ctx):
    import random
    ctx.log(torch=torch.rand(()), numpy=np.random.rand(), python=random.random())


def images(ctx):
    parts, network = ctx.portions, ctx.build_model()
    logits = network(parts.test.images[:4] / 255.0)
    ctx.log(train=parts.train.count, test=parts.test.count, classes=logits.shape[1])


def breaks(ctx):
    ctx.log(epoch=1, train_loss=1.0)
    ctx.log(epoch=2, train_loss=0.5)
    raise KeyError("in epoch 3")


def diverges(ctx):
    ctx.log(epoch=1, train_loss=1.0)
    ctx.log(epoch=2, train_loss=float("nan"))
    ctx.log(epoch=3, train_loss=1.0)


def silent(ctx):
    pass


def backwards(ctx):
    ctx.log(epoch=2, x=1)
    ctx.log(epoch=1, x=1)


def percent(ctx):
    ctx.log(epoch=1, val_accuracy=87.5)


def text(ctx):
    ctx.log(epoch=1, val_accuracy="high")


def reserved(ctx):
    ctx.log(epoch=1, seconds=3)


def whole(ctx):
    ctx.log(epoch=1, x=1)
    ctx.save({"net": [torch.nn.Linear(1, 1)]})


def two(ctx, lr):
    pass
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "mine.py").write_text(TRAIN, encoding="utf-8")
    return folder


def recipe(trainer: Any, *, select: str = "last", epochs: int | None = 4, **tables: Any) -> OwnRecipe:
    document = {"training": {"trainer": trainer}, "params": {"size": 2}, "select": select, **tables}
    if epochs is not None:
        document["training"]["epochs"] = epochs
    made = read_recipe(document)
    assert isinstance(made, OwnRecipe)
    return made


def run(code: Path, trainer: Any, seed: int = 0, **more: Any) -> tuple[Outcome, list[EpochMetrics]]:
    rows: list[EpochMetrics] = []
    about = more.pop("about", {})
    outcome = train(
        recipe(trainer, **more), seed=seed, code_root=code, on_epoch=lambda row, _: rows.append(row), **about
    )
    return outcome, rows


def test_what_is_reported_reaches_rows_and_outcome(code: Path) -> None:
    outcome, rows = run(code, "mine.py:counts")
    assert [(row.epoch, row.train_loss, row.val_accuracy, dict(row.custom)) for row in rows] == [
        (1, 1.0, 0.5, {"steps": 2.0}),
        (2, 0.5, 0.9, {"steps": 4.0}),
        (3, 1 / 3, 0.9, {"steps": 6.0}),
        (4, 0.25, 0.2, {"steps": 8.0}),
    ]
    assert (outcome.selected_epoch, outcome.test_accuracy, outcome.parameters) == (4, 0.75, 12)
    assert dict(outcome.metrics) == {"rows": 8.0}
    assert outcome.test_loss is None


@pytest.mark.parametrize(
    ("select", "trainer", "epoch"),
    [("best_val", "mine.py:counts", 2), ("best_val_loss", "mine.py:curve", 2), ("last", "mine.py:curve", 3)],
)
def test_the_epoch_that_counts_is_chosen_by_the_rule(code: Path, select: str, trainer: str, epoch: int) -> None:
    outcome, _ = run(code, trainer, select=select)
    assert outcome.selected_epoch == epoch
    if trainer == "mine.py:curve":  # a test accuracy of every epoch: that of the chosen one stands for the run
        assert outcome.test_accuracy == pytest.approx(0.1 * epoch)


def test_a_stopped_run_goes_on_from_what_was_saved_to_the_same_end(code: Path, tmp_path: Path) -> None:
    whole, all_rows = run(code, "mine.py:counts", select="best_val")
    states: list[dict[str, Any]] = []
    first: list[EpochMetrics] = []

    def remember(row: EpochMetrics, state: Callable[[], dict[str, Any]] | None) -> None:
        first.append(row)
        assert state is not None
        torch.save(state(), tmp_path / "state.pt")
        states.append(torch.load(tmp_path / "state.pt", weights_only=True))

    with pytest.raises(Stopped):
        train(
            recipe("mine.py:counts", select="best_val"),
            seed=0,
            code_root=code,
            on_epoch=remember,
            should_stop=lambda: len(first) == 2,
        )
    resumed, rest = run(code, "mine.py:counts", select="best_val", about={"resume": states[-1]})
    assert [row.epoch for row in first + rest] == [1, 2, 3, 4]
    assert [dict(row.custom) for row in first + rest] == [dict(row.custom) for row in all_rows]
    assert (resumed.selected_epoch, resumed.metrics) == (whole.selected_epoch, whole.metrics)


def test_global_generators_begin_where_the_seed_says(code: Path) -> None:
    first, again, other = (dict(run(code, "mine.py:draws", seed)[0].metrics) for seed in (0, 0, 1))
    assert first == again
    assert all(first[name] != other[name] for name in ("torch", "numpy", "python"))


def test_a_trainer_may_use_the_data_and_the_model_of_the_recipe(code: Path) -> None:
    tables = {"data": {"name": "digits", "validation": 0.2}, "model": {"name": "convnet", "channels": [4]}}
    outcome, _ = run(code, "mine.py:images", epochs=None, **tables)
    assert dict(outcome.metrics) == {"train": 1437 - 287, "test": 360, "classes": 10}


def test_a_loss_that_is_no_number_is_a_divergence_after_its_row(code: Path) -> None:
    rows: list[EpochMetrics] = []
    with pytest.raises(Diverged, match="epoch 2"):
        train(recipe("mine.py:diverges"), seed=0, code_root=code, on_epoch=lambda row, _: rows.append(row))
    assert [row.epoch for row in rows] == [1, 2]
    assert rows[1].train_loss is not None
    assert math.isnan(rows[1].train_loss)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("silent", "reported nothing"),
        ("backwards", "epoch=1.* comes after epoch 2"),
        ("percent", r"shares between 0 and 1.*\n.*by 100"),
        ("text", "got str, and a metric is one number"),
        ("reserved", "a metric cannot be called 'seconds'"),
        ("whole", r"state\['net'\]\[0\] is a Linear"),
        ("two", "takes ctx, lr; a trainer takes one"),
        ("trian", "no class or function|nothing called 'trian'"),
    ],
)
def test_a_wrong_trainer_is_told_what_is_wrong(code: Path, name: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        run(code, f"mine.py:{name}")


def test_choosing_by_what_is_not_reported_is_an_error(code: Path) -> None:
    with pytest.raises(RecipeError, match="chooses by `val_loss`, and the trainer reported none"):
        run(code, "mine.py:counts", select="best_val_loss")


def test_an_exception_in_the_middle_leaves_the_epochs_before_it(code: Path) -> None:
    rows: list[EpochMetrics] = []
    with pytest.raises(KeyError, match="in epoch 3"):
        train(recipe("mine.py:breaks"), seed=0, code_root=code, on_epoch=lambda row, _: rows.append(row))
    assert [row.epoch for row in rows] == [1]  # the second was still open for more numbers


SCRIPT = """\
import json, os, sys
print("begins", sys.argv[1:])
recipe = json.load(open(sys.argv[2]))
mode = recipe["params"]["mode"]
if mode == "fails":
    print("what happened")
    sys.exit(3)
if mode == "killed":
    os.kill(os.getpid(), 9)
for epoch in (1, 2):
    print(json.dumps({"epoch": epoch, "val_accuracy": epoch / 4, "size": len(sys.argv[3])}), flush=True)
    if mode == "waits":
        sys.stdin.read()
        __import__("time").sleep(60)
print('{"note": "no report, for it holds a text"}')
print(json.dumps({"test_accuracy": 0.5, "seed": None}) if mode == "null" else json.dumps({"test_accuracy": 0.5}))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    folder = tmp_path / "script"
    folder.mkdir()
    (folder / "run.py").write_text(SCRIPT, encoding="utf-8")
    return folder


def command(mode: str) -> dict[str, Any]:
    return {"trainer": {"command": "python run.py {seed} {recipe} '{params.list} {{x}}'"}, "mode": mode}


def run_script(script: Path, mode: str, **more: Any) -> tuple[Outcome, list[EpochMetrics]]:
    asked = command(mode)
    return run(script, asked["trainer"], params={"mode": mode, "list": [1, 2.5, True]}, about=more)


def test_a_command_gets_values_and_reports_by_lines_of_json(script: Path, capfd: pytest.CaptureFixture[str]) -> None:
    outcome, rows = run_script(script, "well", folder=script / "kept")
    assert [(row.epoch, row.val_accuracy) for row in rows] == [(1, 0.25), (2, 0.5)]
    assert rows[0].custom["size"] == len("1,2.5,true {x}")
    assert outcome.test_accuracy == 0.5
    assert (script / "kept").is_dir()
    said = capfd.readouterr().out
    assert "begins ['0'," in said
    assert "holds a text" in said


def test_a_command_that_fails_is_told_with_its_last_words(script: Path) -> None:
    with pytest.raises(RecipeError, match=r"(?s)exit status 3.*what happened"):
        run_script(script, "fails")


def test_a_command_that_is_killed_counts_as_killed(script: Path) -> None:
    with pytest.raises(Killed, match="SIGKILL"):
        run_script(script, "killed")


def test_a_command_is_ended_when_the_run_is_to_stop(script: Path) -> None:
    rows: list[EpochMetrics] = []
    asked = command("waits")
    with pytest.raises(Stopped):
        train(
            recipe(asked["trainer"], params={"mode": "waits", "list": []}),
            seed=0,
            code_root=script,
            on_epoch=lambda row, _: rows.append(row),
            should_stop=lambda: True,
        )


def test_a_program_that_is_not_there_is_named(script: Path) -> None:
    asked = recipe({"command": "no_such_program --x"})
    with pytest.raises(RecipeError, match="no_such_program"):
        train(asked, seed=0, code_root=script)
    with pytest.raises(RecipeError, match="no program 'no_such_program'"):
        probe(asked, code_root=script)


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        ({"command": "python t.py {params.sise}"}, "did you mean 'size'"),
        ({"command": "python t.py {sed}"}, "did you mean 'seed'"),
        ({"command": "python 't.py"}, "cannot be taken apart"),
        ({"command": "python t.py", "files": ["../x"]}, "lies outside the study's folder"),
    ],
)
def test_a_command_is_checked_before_anything_runs(trainer: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recipe(trainer)


def test_recipes_of_trainers_have_keys_of_their_own_and_are_read_back() -> None:
    one = recipe("mine.py:counts")
    assert read_recipe(json.loads(json.dumps(one.canonical()))).key == one.key
    assert recipe("mine.py:counts", params={"size": 3}).key != one.key
    assert recipe("./mine.py:counts").key == one.key
