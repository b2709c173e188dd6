"""Where knobs act and where not, what they leave behind, and what they refuse."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.stats import beta, kstest
from torch import nn

from ablate.metrics import EpochMetrics, Outcome
from ablate.orchestrate.check import check_study
from ablate.recipe import Recipe
from ablate.study import load_study
from ablate.training import RecipeError, load_dataset, probe, train
from ablate.training.batches import Batch
from ablate.training.mixing import Box, box, patched
from ablate.training.models import build_model
from ablate.training.parameter_groups import own_arguments
from ablate.training.setup import set_up
from ablate.training.update import Update

MakeRecipe = Callable[..., Recipe]
KNOBS = Path(__file__).parents[2] / "studies" / "examples" / "knobs.toml"


def run(recipe: Recipe, **options: Any) -> tuple[Outcome, list[EpochMetrics]]:
    rows: list[EpochMetrics] = []
    return train(recipe, seed=0, on_epoch=lambda row, _: rows.append(row), **options), rows


def losses(rows: list[EpochMetrics]) -> list[float | None]:
    return [loss for row in rows for loss in (row.train_loss, row.val_loss)]


# --- what a knob leaves alone


@pytest.mark.parametrize("changes", [{"training.label_smoothing": 0.3}, {"training.class_weights": [9.0, *[1.0] * 9]}])
def test_what_the_training_loss_asks_for_is_not_asked_of_validation_and_test(make_recipe: MakeRecipe, changes: dict):
    """A rate of almost nothing leaves the weights as they are."""
    still = {"training.optimizer": {"name": "SGD", "lr": 1e-30}, "training.epochs": 1}
    plain, plain_rows = run(make_recipe(still))
    outcome, rows = run(make_recipe({**still, **changes}))
    assert rows[0].train_loss != pytest.approx(plain_rows[0].train_loss, rel=1e-4)
    assert rows[0].val_loss == plain_rows[0].val_loss
    assert outcome.test_loss == plain.test_loss


def test_accumulated_batches_are_one_large_batch(make_recipe: MakeRecipe):
    """Without batch normalisation, and with as many steps for the schedule and the warm-up."""
    schedule = {
        "training.scheduler": {"name": "OneCycleLR", "max_lr": 0.1, "interval": "step"},
        "training.warmup": {"epochs": 1},
        "training.step_losses": 1,
        "training.epochs": 3,
    }
    _, large = run(make_recipe({**schedule, "data.batch_size": 96}))
    _, rows = run(make_recipe({**schedule, "training.accumulate": 3}))
    assert losses(rows) == pytest.approx(losses(large), rel=1e-5)
    assert [row.lr for row in rows] == [row.lr for row in large]
    assert [step.step for row in rows for step in row.steps] == list(range(1, 10))
    assert [step.loss for row in rows for step in row.steps] == pytest.approx(
        [step.loss for row in large for step in row.steps], rel=1e-5
    )


def test_gradients_that_are_looked_at_are_not_changed(make_recipe: MakeRecipe):
    _, plain = run(make_recipe())
    _, rows = run(make_recipe({"training.grad_norm": True}))
    _, loose = run(make_recipe({"training.clip_grad_norm": 1e6, "training.clip_grad_value": 1e6}))
    assert losses(rows) == losses(plain)
    assert losses(loose) == pytest.approx(losses(plain), rel=1e-6)
    assert rows[0].custom["grad_norm"] == loose[0].custom["grad_norm"] > 0
    assert plain[0].custom == {}


def test_the_test_alone_looks_at_mirror_images(make_recipe: MakeRecipe):
    plain, plain_rows = run(make_recipe())
    recipe = make_recipe({"training.test_time_augmentation": "flip", "training.oracle_curve": True})
    outcome, rows = run(recipe)
    assert losses(rows) == losses(plain_rows)
    assert outcome.test_loss == rows[outcome.selected_epoch - 1].custom["oracle_test_loss"] != plain.test_loss
    prepared = set_up(recipe, load_dataset(recipe.data), seed=0, device=torch.device("cpu"))
    images = next(iter(prepared.test)).images
    model = prepared.model.eval()
    with torch.no_grad():
        mean = torch.stack([model(images), model(images.flip(-1))]).mean(dim=0)
        assert torch.allclose(prepared.tested.eval()(images), mean, atol=1e-6)


def test_a_network_of_log_probabilities_is_judged_on_mirror_images_as_one_of_logits(
    make_recipe: MakeRecipe, tmp_path: Path
):
    (tmp_path / "nets.py").write_text(NETS, encoding="utf-8")
    flip = {"training.test_time_augmentation": "flip"}
    logits, _ = run(make_recipe({**flip, "model": {"name": "nets.py:Logits"}}), code_root=tmp_path)
    logs, _ = run(make_recipe({**flip, "model": {"name": "nets.py:Logs"}, "training.loss": "nll"}), code_root=tmp_path)
    assert logs.test_loss == pytest.approx(logits.test_loss, rel=1e-4)


NETS = """
import torch
class Logits(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(64, 10)
    def forward(self, images):
        return self.inner(images.flatten(1))
class Logs(Logits):
    def forward(self, images):
        return super().forward(images).log_softmax(dim=1)
class Puts(Logits):
    def forward(self, images):
        return super().forward(images.clone().put_(torch.tensor([0]), torch.tensor([0.0])))
class Holds(Logits):
    def __init__(self):
        super().__init__()
        self.lines = (line for line in "ab")
"""


def test_the_averaged_weights_are_selected_and_tested(make_recipe: MakeRecipe):
    """With a decay of almost 1 and no warm-up the average stays what the network began as."""
    recipe = make_recipe({"training.ema": {"decay": 1 - 1e-12, "warmup": False}, "training.oracle_curve": True})
    outcome, rows = run(recipe)
    assert rows[1].val_loss == pytest.approx(rows[0].val_loss, rel=1e-6)
    assert rows[1].train_loss < rows[0].train_loss
    still, _ = run(make_recipe({"training.optimizer": {"name": "SGD", "lr": 1e-30}}))
    assert outcome.test_loss == pytest.approx(still.test_loss, rel=1e-6)


def test_a_run_leaves_pytorch_as_it_was(make_recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    seen: list[tuple[bool, str | None]] = []

    def look() -> bool:
        seen.append((torch.are_deterministic_algorithms_enabled(), os.environ.get("CUBLAS_WORKSPACE_CONFIG")))
        return False

    _, rows = run(make_recipe({"training.deterministic": True}), should_stop=look)
    assert set(seen) == {(True, ":4096:8")}
    seen.clear()
    _, plain = run(make_recipe(), should_stop=look)
    assert set(seen) == {(False, None)}
    assert losses(rows) == losses(plain)


# --- mixed images


def mixed(make_recipe: MakeRecipe, *kinds: Any) -> tuple[list[Batch], list[Batch]]:
    """The batches of an epoch, mixed and not."""
    plain, changed = (
        set_up(make_recipe(changes), load_dataset(make_recipe().data), seed=0, device=torch.device("cpu"))
        for changes in ({"data.batch_size": 4}, {"data.batch_size": 4, "data.augment": list(kinds)})
    )
    return list(plain.training.epoch(1)), list(changed.training.epoch(1))


def test_the_labels_of_mixed_images_are_those_of_the_larger_share(make_recipe: MakeRecipe):
    plain, found = mixed(make_recipe, {"name": "mixup", "alpha": 1.0})
    assert {batch.share < 0.5 for batch in found} == {False}
    swapped = 0
    for before, after in zip(plain, found, strict=True):
        assert after.others is not None
        kept = torch.equal(before.labels, after.labels)
        swapped += not kept
        assert torch.equal(before.labels, after.labels if kept else after.others)
    assert 10 < swapped < 40  # of 63


def test_each_kind_and_each_batch_is_drawn(make_recipe: MakeRecipe):
    plain, found = mixed(make_recipe, {"name": "mixup", "p": 0.5}, {"name": "cutmix", "p": 0.5})
    same = [torch.equal(before.images, after.images) for before, after in zip(plain, found, strict=True)]
    assert 15 < sum(same) < 48
    assert all(after.others is None for after, is_same in zip(found, same, strict=True) if is_same and after.share == 1)
    pasted = [
        bool(torch.isin(after.images, before.images).all())
        for before, after, is_same in zip(plain, found, same, strict=True)
        if not is_same
    ]
    assert {True, False} <= set(pasted)


def test_shares_are_of_the_beta_distribution(make_recipe: MakeRecipe):
    _, found = mixed(make_recipe, {"name": "mixup", "alpha": 0.4})
    assert kstest([batch.share for batch in found], lambda x: 2 * beta.cdf(x, 0.4, 0.4) - 1).pvalue > 0.01


@pytest.mark.parametrize(
    ("share", "y", "x", "expected"),
    [
        (0.75, 0.5, 0.5, Box(2, 6, 3, 9)),
        (0.75, 0.0, 0.99, Box(0, 2, 8, 12)),
        (1.0, 0.3, 0.3, Box(2, 2, 3, 3)),
        (0.0, 0.5, 0.5, Box(0, 8, 0, 12)),
    ],
)
def test_the_rectangle_has_the_images_shape_and_ends_at_its_border(share: float, y: float, x: float, expected: Box):
    assert box((8, 12), share, y, x) == expected


def test_a_rectangle_leaves_the_share_of_its_area():
    images = torch.stack([torch.zeros(1, 8, 8), torch.ones(1, 8, 8)])
    batch = Batch(images, torch.tensor([3, 4]), 2)
    after = patched(batch, torch.tensor([1, 0]), Box(0, 8, 2, 8))
    assert after.images[0].mean() == 0.75
    assert after.share == 0.75
    assert after.labels.tolist() == [4, 3]


# --- groups


def test_norms_and_biases_of_torchvision_are_known_behind_grey_images(make_recipe: MakeRecipe):
    recipe = make_recipe({"training.no_weight_decay": ["norm"], "model": {"name": "torchvision:resnet18"}})
    model = build_model(recipe.model, channels=1, image_size=(32, 32), classes=10, seed=0)
    own = own_arguments(model, recipe.training)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(own) == 2 * len(norms) == 40
    assert set(map(repr, own.values())) == {"{'weight_decay': 0.0}"}


@pytest.mark.parametrize(
    "scheduler",
    [
        {"name": "OneCycleLR", "max_lr": 0.4, "interval": "step"},
        {"name": "CyclicLR", "base_lr": 0.1, "max_lr": 0.2, "step_size_up": 3, "interval": "step"},
        {"name": "StepLR", "step_size": 1},
        {"name": "CosineAnnealingLR"},
    ],
)
def test_each_group_keeps_its_proportion_along_schedule_and_warm_up(make_recipe: MakeRecipe, scheduler: dict):
    recipe = make_recipe(
        {
            "training.epochs": 3,
            "training.scheduler": scheduler,
            "training.warmup": {"epochs": 0.5},
            "training.parameter_groups": [
                {"match": ["head.*"], "lr": 0.005},
                {"match": ["*.bias", "head.*"], "weight_decay": 0.1},
            ],
        }
    )
    prepared = set_up(recipe, load_dataset(recipe.data), seed=0, device=torch.device("cpu"))
    stage = prepared.begin(recipe.training.parts[0])
    assert [len(group["params"]) for group in stage.optimizer.param_groups] == [2, 2, 2]
    rates = set()
    for _ in range(20):
        first, *others = (group["lr"] for group in stage.optimizer.param_groups)
        assert others == pytest.approx([first, first / 10])
        rates.add(first)
        stage.optimizer.step()
        stage.schedule.after_step()
    stage.schedule.after_epoch(None)
    assert len(rates) > 3


# --- half precision


def test_a_step_whose_gradients_overflow_is_left_out(make_recipe: MakeRecipe):
    recipe = make_recipe({"training.precision": "float16", "training.grad_norm": True})
    weight = nn.Parameter(torch.ones(3))
    update = Update(torch.optim.SGD([weight], lr=0.5), recipe.training, torch.device("cpu"))
    weight.grad = None
    update.backward((weight * 1e36).sum())
    assert not update.step().moved
    assert weight.tolist() == [1, 1, 1]
    weight.grad = None
    update.backward(weight.sum())
    moved, norm = update.step()
    assert moved
    assert float(norm) == pytest.approx(3**0.5)
    assert weight.tolist() == [0.5, 0.5, 0.5]
    again = Update(torch.optim.SGD([weight], lr=0.5), recipe.training, torch.device("cpu"))
    again.load_state_dict(update.state_dict())
    assert again.state_dict() == update.state_dict()
    assert update.state_dict()["scale"] == 2.0**15


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_trains_nearly_as_well(make_recipe: MakeRecipe, precision: str):
    _, plain = run(make_recipe({"training.epochs": 3}))
    _, rows = run(make_recipe({"training.epochs": 3, "training.precision": precision}))
    assert losses(rows) != losses(plain)
    assert losses(rows) == pytest.approx(losses(plain), rel=0.05)


# --- fingerprints and the example


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"training.no_weight_decay": ["norm", "bias"]}, set()),  # nothing decays
        ({"training.parameter_groups": [{"match": ["head.*"], "lr": 0.05}]}, set()),  # as all others
        ({"training.parameter_groups": [{"match": ["head.*"], "lr": 0.5}]}, {"optimizer_groups"}),
        ({"training.memory_format": "channels_last"}, set()),  # on a processor they are
        ({"training.memory_format": "contiguous"}, {"optimizer_groups"}),
        ({"training.grad_norm": True}, set()),
        ({"training.ema": {}}, {"optimizer_groups"}),
        ({"training.clip_grad_value": 0.1}, {"optimizer_groups"}),
        ({"training.test_time_augmentation": "flip"}, {"transforms"}),
    ],
)
def test_fingerprints_know_knobs_that_change_something(make_recipe: MakeRecipe, changes: dict, differing: set[str]):
    base, other = (probe(make_recipe(made)).fingerprints for made in ({}, changes))
    for fingerprint in ("module_tree", "optimizer_groups", "transforms"):
        assert (base[fingerprint] != other[fingerprint]) == (fingerprint in differing)


def test_every_factor_of_the_example_changes_something():
    found = list(check_study(load_study(KNOBS), probe))
    assert len(found) >= 19
    assert {one.variant.name: (one.error, one.findings) for one in found if one.error or one.findings} == {}


# --- refusals


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training.class_weights": [1.0, 2.0]}, r"`training.class_weights` lists 2 weights, but 'digits' has 10 cl"),
        ({"training.no_weight_decay": ["bias", "haed.*"]}, r"matches 'haed\.\*'; did you mean 'head\.\*'"),
        ({"training.parameter_groups": [{"match": ["stgae1.*"], "lr": 0.1}]}, r"did you mean 'stage1\.\*'"),
        ({"model": {"name": "nets.py:Puts"}, "training.deterministic": True}, r"does not allow .* put_ does not have"),
        ({"model": {"name": "nets.py:Holds"}, "training.ema": {}}, r"cannot be copied: TypeError: .*generator"),
        (
            {"training.parameter_groups": [{"match": ["*"], "betas": [0.9, 1.5]}],
             "training.optimizer": {"name": "Adam", "lr": 0.1}},
            "PyTorch refuses `training.optimizer`: Adam: .*beta",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_in_words(make_recipe: MakeRecipe, changes: dict, message: str, tmp_path: Path):
    (tmp_path / "nets.py").write_text(NETS, encoding="utf-8")
    with pytest.raises(RecipeError, match=message):
        train(make_recipe(changes), seed=0, code_root=tmp_path)


def test_a_class_without_training_images_has_no_balanced_weight(make_recipe: MakeRecipe):
    recipe = make_recipe({"data.train_images": 12, "data.batch_size": 12, "training.class_weights": "balanced"})
    _, rows = run(recipe)
    assert all(row.finite for row in rows)
