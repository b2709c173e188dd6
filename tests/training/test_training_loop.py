"""The training loop on real digits."""

import io
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ablate.metrics import EpochMetrics, Outcome
from ablate.recipe import Recipe
from ablate.recipe.data import Data
from ablate.training import Diverged, RecipeError, Stopped, build_model, load_dataset, split, train
from ablate.training.batches import Residence
from ablate.training.data import Dataset, Portion
from ablate.training.normalize import build_normalizer
from ablate.training.streams import Stream

MakeRecipe = Callable[..., Recipe]
DIGITS = Data(name="digits")


def run(recipe: Recipe, seed: int = 0, **options: Any) -> tuple[Outcome, list[EpochMetrics], list[bytes]]:
    """Outcome, metrics and saved checkpoints of a run."""
    rows: list[EpochMetrics] = []
    checkpoints: list[bytes] = []

    def on_epoch(metrics: EpochMetrics, state: Callable[[], dict]) -> None:
        rows.append(metrics)
        buffer = io.BytesIO()
        torch.save(state(), buffer)
        checkpoints.append(buffer.getvalue())

    return train(recipe, seed=seed, on_epoch=on_epoch, **options), rows, checkpoints


def numbers(outcome: Outcome, rows: list[EpochMetrics]) -> tuple[Outcome, list[EpochMetrics]]:
    """Without what a clock measured."""
    return replace(outcome, seconds=0.0, execution={}), [
        replace(row, seconds=0.0, images_per_second=0.0, peak_memory_bytes=0) for row in rows
    ]


EVERYTHING = {
    "data.augment": [
        "random_crop",
        "horizontal_flip",
        {"name": "rand_augment", "p": 0.1},
        {"name": "trivial_augment", "p": 0.1},
        {"name": "random_erasing", "value": "random"},
    ],
    "model.norm": "batch",
    "model.blocks": 1,
    "model.dropout": 0.2,
    "model.dropout_place": "both",
    "model.stochastic_depth": 0.3,
    "model.hidden": [16],
    "training.epochs": 4,
}
RESUMED = {
    "SGD and one cycle over steps": {
        **EVERYTHING,
        "training.scheduler": {"name": "OneCycleLR", "max_lr": 0.1, "interval": "step"},
    },
    "AdamW and plateau": {
        **EVERYTHING,
        "training.optimizer": {"name": "AdamW", "lr": 0.003},
        "training.scheduler": {"name": "ReduceLROnPlateau", "patience": 0},
    },
    "another's network with its own dropout": {
        "data.train_images": 96,
        "model": {"name": "torchvision:mobilenet_v3_small"},
        "training.epochs": 3,
    },
    "timm's network with its own dropout and stochastic depth": {
        "data.train_images": 96,
        "model": {"name": "timm:mobilenetv3_small_050", "drop_rate": 0.2, "drop_path_rate": 0.2},
        "training.epochs": 3,
    },
    "last epoch selected": {
        "data.validation": 0.0,
        "select": "last",
        "training.epochs": 3,
        "training.oracle_curve": True,
    },
}


@pytest.mark.parametrize("changes", RESUMED.values(), ids=RESUMED)
def test_a_resumed_run_gives_the_same_bits_as_an_undisturbed_one(make_recipe: MakeRecipe, changes: dict):
    recipe = make_recipe(changes)
    outcome, rows, checkpoints = run(recipe)
    assert len(checkpoints) == recipe.training.epochs
    for epoch in (1, len(rows) - 1, len(rows)):
        torch.rand(17)
        state = torch.load(io.BytesIO(checkpoints[epoch - 1]), weights_only=True)
        resumed, later, _ = run(recipe, resume=state)
        assert numbers(resumed, rows[:epoch] + later) == numbers(outcome, rows)
        assert resumed.seconds > state["seconds"] > 0


def test_the_same_seed_gives_the_same_bits_and_another_seed_other_losses(make_recipe: MakeRecipe):
    recipe = make_recipe(EVERYTHING)
    first = run(recipe)[:2]
    assert numbers(*run(recipe)[:2]) == numbers(*first)
    losses = [row.train_loss for row in run(recipe, seed=1)[1]]
    assert all(ours != theirs.train_loss for ours, theirs in zip(losses, first[1], strict=True))


def test_no_number_depends_on_what_others_draw_from_the_global_generator(make_recipe: MakeRecipe):
    """`should_stop` is asked in the middle of every epoch."""
    recipe = make_recipe(EVERYTHING)
    undisturbed = numbers(*run(recipe)[:2])
    assert numbers(*run(recipe, should_stop=lambda: bool(torch.rand(3).sum() < 0))[:2]) == undisturbed


@pytest.mark.parametrize("selection", ["best_val", "last"])
def test_the_test_set_meets_the_weights_of_the_selected_epoch(make_recipe: MakeRecipe, selection: str):
    recipe = make_recipe(
        {
            "select": selection,
            "training.epochs": 6,
            "training.scheduler": {"name": "MultiStepLR", "milestones": [4], "gamma": 8.0},
            "training.oracle_curve": True,
        }
    )
    outcome, rows, _ = run(recipe)
    accuracies = [row.val_accuracy for row in rows]
    best = 1 + int(np.argmax(accuracies))
    assert best != 6
    assert outcome.selected_epoch == (best if selection == "best_val" else 6)
    oracle = rows[outcome.selected_epoch - 1].custom
    assert outcome.test_accuracy == oracle["oracle_test_accuracy"]
    assert outcome.test_loss == oracle["oracle_test_loss"]
    assert rows[0].custom["oracle_test_accuracy"] != oracle["oracle_test_accuracy"]


def test_of_equally_good_epochs_the_earliest_is_selected(make_recipe: MakeRecipe):
    recipe = make_recipe({"training.optimizer": {"name": "SGD", "lr": 1e-12}, "training.epochs": 3})
    outcome, rows, _ = run(recipe)
    assert len({row.val_accuracy for row in rows}) == 1
    assert outcome.selected_epoch == 1


def reference_epoch(recipe: Recipe, dataset: Dataset) -> tuple[torch.nn.Module, float, float]:
    """Network, loss and accuracy of one epoch by the plainest code, image by image where it can be."""
    index = split(dataset, recipe.data).train.index
    pixels = dataset.train.images.double() / 255
    mean, std = pixels[index].mean(), pixels[index].std(correction=0)
    model = build_model(recipe.model, channels=1, image_size=(8, 8), classes=10, seed=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses, hits = [], []
    for places in np.split(Stream("order", 0).permutation(1, len(index)), range(32, len(index), 32)):
        chosen = index[places]
        logits = model(((pixels[chosen] - mean) / std).float())
        labels = dataset.train.labels[chosen]
        each = F.cross_entropy(logits, labels, reduction="none")
        losses += each.tolist()
        hits += (logits.argmax(dim=1) == labels).tolist()
        optimizer.zero_grad()
        each.mean().backward()
        optimizer.step()
    assert len(losses) == 250
    return model, float(np.mean(losses)), float(np.mean(hits))


def test_losses_are_means_over_examples_as_a_plain_loop_computes_them(make_recipe: MakeRecipe):
    """250 images in batches of 32: the last batch has 26."""
    recipe = make_recipe({"training.epochs": 1})
    outcome, (row,), _ = run(recipe)
    dataset = load_dataset(DIGITS)
    model, loss, accuracy = reference_epoch(recipe, dataset)
    assert row.train_loss == pytest.approx(loss, rel=1e-4)
    assert row.train_accuracy == pytest.approx(accuracy, abs=0.005)

    portions = split(dataset, recipe.data)
    normalize = build_normalizer(recipe.data, portions.train, torch.contiguous_format)

    def loss(portion: Portion) -> float:
        images, labels = portion.images[portion.index], portion.labels[portion.index]
        with torch.no_grad():
            return float(F.cross_entropy(model(normalize(images)), labels))

    assert row.val_loss == pytest.approx(loss(portions.validation), rel=1e-4)
    assert outcome.test_loss == pytest.approx(loss(portions.test), rel=1e-4)


def test_predictions_say_per_image_what_the_accuracy_says_in_one_number(make_recipe: MakeRecipe):
    outcome, _, _ = run(make_recipe({"training.epochs": 4}))
    predictions = outcome.predictions
    assert predictions is not None
    assert predictions.count == 360
    correct = np.unpackbits(np.frombuffer(predictions.correct, np.uint8), count=360).astype(bool)
    predicted = np.frombuffer(predictions.predicted, "<u2")
    confidence = np.frombuffer(predictions.confidence, "<f2")
    labels = split(load_dataset(DIGITS), DIGITS).test.labels.numpy()
    assert np.array_equal(correct, predicted == labels)
    assert correct.mean() == pytest.approx(outcome.test_accuracy)
    assert confidence.min() >= 0.1
    assert confidence.max() <= 1


def test_digits_are_learnt_in_a_few_epochs(make_recipe: MakeRecipe):
    outcome, rows, _ = run(make_recipe({"data.train_images": None, "model.channels": [8, 16], "training.epochs": 4}))
    assert outcome.test_accuracy > 0.9
    assert [row.train_loss for row in rows] == sorted((row.train_loss for row in rows), reverse=True)
    assert [row.epoch for row in rows] == [1, 2, 3, 4]
    assert all(row.seconds > 0 and row.images_per_second > 0 and row.peak_memory_bytes > 2**20 for row in rows)


def test_without_validation_images_there_are_no_validation_figures(make_recipe: MakeRecipe):
    outcome, rows, _ = run(make_recipe({"data.validation": 0.0, "select": "last"}))
    assert all(row.val_loss is None and row.val_accuracy is None for row in rows)
    assert all(row.finite and not row.custom for row in rows)
    assert outcome.selected_epoch == 2


def test_the_learning_rate_shown_is_that_of_the_last_step(make_recipe: MakeRecipe):
    changes = {"training.scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5}, "training.epochs": 3}
    assert [row.lr for row in run(make_recipe(changes))[1]] == [0.05, 0.025, 0.0125]
    changes["training.scheduler"] = {"name": "CosineAnnealingLR", "interval": "step"}
    steps = 8  # of 250 images in batches of 32
    expected = [0.05 * (1 + math.cos(math.pi * (epoch * steps - 1) / (3 * steps))) / 2 for epoch in (1, 2, 3)]
    assert [row.lr for row in run(make_recipe(changes))[1]] == pytest.approx(expected)


def test_a_diverged_run_reports_its_last_epoch_and_ends_it_early(make_recipe: MakeRecipe):
    recipe = make_recipe(
        {"data.batch_size": 1, "data.train_images": 1000, "training.optimizer.lr": 1e30, "training.epochs": 3}
    )
    rows: list[EpochMetrics] = []
    asked = []
    with pytest.raises(Diverged, match="training loss became nan in epoch 1") as caught:
        train(
            recipe,
            seed=0,
            on_epoch=lambda metrics, _: rows.append(metrics),
            should_stop=lambda: bool(asked.append(1)),
        )
    assert caught.value.epoch == 1
    assert len(rows) == 1
    assert not rows[0].finite
    assert len(asked) <= 100


def test_an_infinite_validation_loss_is_a_divergence_too(make_recipe: MakeRecipe):
    recipe = make_recipe({"data.train_images": 20, "training.optimizer": {"name": "SGD", "lr": 1e30}})
    rows: list[EpochMetrics] = []
    with pytest.raises(Diverged, match="validation loss became"):
        train(recipe, seed=0, on_epoch=lambda metrics, _: rows.append(metrics))
    assert len(rows) == 1
    assert math.isfinite(rows[0].train_loss)
    assert not rows[0].finite


@pytest.mark.parametrize(("batches", "epochs"), [(0, 0), (5, 0), (9, 1)])
def test_a_run_stops_at_the_next_batch(make_recipe: MakeRecipe, batches: int, epochs: int):
    """8 training batches and 1 validation batch make an epoch."""
    asked = []
    rows = []
    with pytest.raises(Stopped) as caught:
        train(
            make_recipe(),
            seed=0,
            on_epoch=lambda metrics, _: rows.append(metrics),
            should_stop=lambda: bool(asked.append(1)) or len(asked) > batches,
        )
    assert len(asked) == batches + 1
    assert len(rows) == caught.value.epoch == epochs


def test_a_last_batch_of_one_image_is_left_out_where_batch_norm_could_not_train_on_it(make_recipe: MakeRecipe):
    changes = {"data.train_images": 65, "model.hidden": [8], "data.validation": 0.0, "select": "last"}
    asked: list[int] = []
    for norm, steps in ((True, 2), (False, 3)):
        asked.clear()
        train(
            make_recipe({**changes, "model.hidden_norm": norm, "training.epochs": 1}),
            seed=0,
            should_stop=lambda: bool(asked.append(1)),
        )
        assert len(asked) == steps + 2  # and 2 of the test


def test_batch_norm_on_batches_of_one_is_told_in_words(make_recipe: MakeRecipe):
    recipe = make_recipe({"data.batch_size": 1, "model.hidden": [8], "model.hidden_norm": True})
    with pytest.raises(RecipeError, match="cannot train on a batch of shape") as caught:
        train(recipe, seed=0)
    assert "batch_size" in caught.value.cure


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"model.dropout_place": "stages"}, set()),  # with dropout 0
        ({"training.optimizer.lr": 0.06}, {"optimizer_groups"}),
        ({"training.scheduler": {"name": "StepLR", "step_size": 1}}, {"optimizer_groups"}),
        ({"training.epochs": 3}, {"optimizer_groups"}),
        ({"data.augment": ["horizontal_flip"]}, {"transforms", "first_step_loss"}),
        ({"data.normalize": "none"}, {"transforms", "first_step_loss"}),
        ({"model.norm": "batch"}, {"module_tree", "first_step_loss"}),
        ({"data.batch_size": 16}, {"first_step_loss"}),
    ],
)
def test_fingerprints_tell_what_a_level_changes(make_recipe: MakeRecipe, changes: dict, differing: set[str]):
    base = run(make_recipe())[0].fingerprints
    other = run(make_recipe(changes))[0].fingerprints
    assert set(base) == {"module_tree", "optimizer_groups", "transforms", "first_step_loss", "data"}
    assert {key for key in base if base[key] != other[key]} == differing


def test_parameters_and_flops_are_counted(make_recipe: MakeRecipe):
    outcome, _, _ = run(make_recipe({"training.epochs": 1}))
    assert outcome.parameters == (9 * 4 + 4) + (4 * 9 * 8 + 8) + (8 * 2 * 2 * 10 + 10)
    assert outcome.trainable_parameters == outcome.parameters
    assert outcome.flops == 2 * (64 * 9 * 4 + 16 * 4 * 9 * 8 + 32 * 10)


def test_normalisation_by_the_training_images_makes_mean_0_and_deviation_1():
    dataset = load_dataset(DIGITS)
    portion = split(dataset, DIGITS).train
    normalize = build_normalizer(DIGITS, portion, torch.contiguous_format)
    normal = normalize(portion.images[portion.index])
    assert float(normal.mean()) == pytest.approx(0, abs=1e-5)
    assert float(normal.std(correction=0)) == pytest.approx(1, abs=1e-5)


def test_a_fixed_normalisation_is_subtract_and_divide():
    portion = split(load_dataset(DIGITS), DIGITS).train
    data = Data.model_validate({"name": "digits", "normalize": {"mean": [0.5], "std": [0.25]}})
    normalize = build_normalizer(data, portion, torch.channels_last)
    assert torch.allclose(normalize(portion.images), (portion.images / 255 - 0.5) / 0.25, atol=1e-6)


def test_images_that_portions_share_are_moved_once():
    """To a device that is no processor; PyTorch's `meta` stands for one."""
    dataset = load_dataset(DIGITS)
    portions = split(dataset, DIGITS)
    residence = Residence(torch.device("meta"), memory=2**40)
    train, validation, test = map(residence.take, (portions.train, portions.validation, portions.test))
    assert train.images.device.type == train.labels.device.type == "meta"
    assert train.images is validation.images
    assert train.labels is validation.labels
    assert test.images.shape == dataset.test.images.shape
    small = Residence(torch.device("meta"), memory=8 * portions.train.images.nbytes - 8).take(portions.train)
    assert small.images is portions.train.images  # too large for it
    assert small.labels.device.type == "meta"
    assert Residence.on(torch.device("cpu")).take(portions.train) is portions.train


def test_a_fixed_normalisation_for_other_channels_is_refused(make_recipe: MakeRecipe):
    recipe = make_recipe({"data.normalize": {"mean": [0.5, 0.5, 0.5], "std": [0.5]}})
    with pytest.raises(RecipeError, match=r"`data.normalize.mean` lists 3 values, but .* have 1 channel"):
        train(recipe, seed=0)


def test_images_that_are_too_small_to_be_measured_are_refused_before_the_first_step(make_recipe: MakeRecipe):
    recipe = make_recipe({"data.crop": 9, "data.augment": ["random_resized_crop"]})
    asked: list[int] = []
    with pytest.raises(RecipeError, match=r"`data.crop = 9`, but the images of 'digits' have 8x8 pixels") as caught:
        train(recipe, seed=0, should_stop=lambda: bool(asked.append(1)))
    assert "`data.resize`" in caught.value.cure
    assert not asked


def test_heavy_libraries_are_imported_only_when_needed(make_recipe: MakeRecipe):
    code = f"""
import sys
import ablate.training
assert "torch" not in sys.modules
from ablate.recipe import Recipe
recipe = Recipe.model_validate({make_recipe().canonical()!r})
ablate.training.train(recipe, seed=0)
assert "torchvision" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.cuda
def test_a_gpu_gives_the_same_numbers_twice_and_nearly_those_of_the_processor(make_recipe: MakeRecipe):
    recipe = make_recipe({"training.epochs": 2})
    first = numbers(*run(recipe, device="cuda:0")[:2])
    assert numbers(*run(recipe, device="cuda:0")[:2]) == first
    rows = run(recipe)[1]
    assert first[1][0].train_loss == pytest.approx(rows[0].train_loss, rel=1e-3)


@pytest.mark.cuda
def test_a_run_resumes_on_a_gpu(make_recipe: MakeRecipe):
    recipe = make_recipe(EVERYTHING)
    outcome, rows, checkpoints = run(recipe, device="cuda:0")
    state = torch.load(io.BytesIO(checkpoints[1]), weights_only=True)
    resumed, later, _ = run(recipe, device="cuda:0", resume=state)
    assert numbers(resumed, rows[:2] + later) == numbers(outcome, rows)
