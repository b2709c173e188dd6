"""Each knob of a step against a script that does the same by hand, and against itself after a resume."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import beta
from torch import Tensor, nn

from ablate.recipe import Recipe
from ablate.training import build_model
from ablate.training.streams import Stream, uniform
from tests.runs import run, timeless
from tests.scripts import Images, validated

MakeRecipe = Callable[..., Recipe]
#: Wherever a step can be wrong: batch normalisation, a bias, momentum and decay.
BASE = {
    "model.norm": "batch",
    "training.optimizer": {"name": "SGD", "lr": 0.1, "momentum": 0.9, "weight_decay": 0.01},
}


class Script:
    """A script of two epochs; what a test changes is a method of it."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.images = Images()
        self.model = build_model(recipe.model, channels=1, image_size=(8, 8), classes=10, seed=0)
        self.optimizer = self.make_optimizer()
        self.norms: list[float] = []

    def make_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(outputs, labels)

    def clip(self) -> None:
        """Nothing."""

    def after_step(self) -> None:
        """Nothing."""

    def groups(self, epoch: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
        for batch in self.images.batches(epoch):
            yield [batch]

    def run(self) -> list[tuple[float, float]]:
        rows = []
        for epoch in (1, 2):
            losses: list[tuple[float, int]] = []
            for group in self.groups(epoch):
                self.optimizer.zero_grad()
                total = sum(len(labels) for _, labels in group)
                for inputs, labels in group:
                    loss = self.loss(self.model(inputs), labels)
                    (loss * len(labels) / total).backward()
                    losses.append((loss.item(), len(labels)))
                self.clip()
                self.optimizer.step()
                self.after_step()
            mean = sum(loss * count for loss, count in losses) / sum(count for _, count in losses)
            rows.append((mean, validated(self.judged(), self.images)))
        return rows

    def judged(self) -> nn.Module:
        return self.model


class Smoothed(Script):
    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        targets = F.one_hot(labels, 10) * 0.8 + 0.02
        return -(targets * outputs.log_softmax(dim=1)).sum(dim=1).mean()


class Weighted(Script):
    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        weights = torch.arange(1.0, 11)[labels]
        return (weights * F.cross_entropy(outputs, labels, reduction="none")).sum() / weights.sum()


class Balanced(Script):
    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        counts = torch.bincount(self.images.train[1][self.images.places], minlength=10)
        return nn.CrossEntropyLoss(weight=250 / (10 * counts))(outputs, labels)


class ClippedNorm(Script):
    def clip(self) -> None:
        norm = sum(float(p.grad.square().sum()) for p in self.model.parameters()) ** 0.5
        self.norms.append(norm)
        for parameter in self.model.parameters():
            parameter.grad *= min(1.0, 0.5 / norm)


class ClippedValue(Script):
    def clip(self) -> None:
        for parameter in self.model.parameters():
            parameter.grad.clamp_(-0.02, 0.02)


class Accumulated(Script):
    """Eight batches of an epoch are steps of three, three and two."""

    def groups(self, epoch: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
        batches = list(self.images.batches(epoch))
        yield from (batches[0:3], batches[3:6], batches[6:8])


class Averaged(Script):
    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.updates = 0

    def after_step(self) -> None:
        decay = min(0.9, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                self.average[name] = decay * self.average[name] + (1 - decay) * value
            else:
                self.average[name] = value.clone()

    def judged(self) -> nn.Module:
        other = build_model(self.recipe.model, channels=1, image_size=(8, 8), classes=10, seed=1)
        other.load_state_dict(self.average)
        return other


class Undecayed(Script):
    def make_optimizer(self) -> torch.optim.Optimizer:
        named = dict(self.model.named_parameters())
        bare = [name for name in named if name.endswith("bias") or ".norm" in name]
        assert len(bare) == 7
        return torch.optim.SGD(
            [
                {"params": [value for name, value in named.items() if name not in bare]},
                {"params": [named[name] for name in bare], "weight_decay": 0.0},
            ],
            lr=0.1,
            momentum=0.9,
            weight_decay=0.01,
        )


class Grouped(Script):
    def make_optimizer(self) -> torch.optim.Optimizer:
        named = dict(self.model.named_parameters())
        head = [value for name, value in named.items() if name.startswith("head.")]
        return torch.optim.SGD(
            [
                {"params": [value for name, value in named.items() if not name.startswith("head.")]},
                {"params": head, "lr": 0.01, "momentum": 0.0},
            ],
            lr=0.1,
            momentum=0.9,
            weight_decay=0.01,
        )


class MixedUp(Script):
    """Zhang et al.'s code: one share for each batch, and a permutation of it."""

    alpha = 0.4

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return self.share * F.cross_entropy(outputs, labels) + (1 - self.share) * F.cross_entropy(outputs, self.others)

    def mixed(self, inputs: Tensor, order: Tensor, place: tuple[float, float]) -> Tensor:
        return self.share * inputs + (1 - self.share) * inputs[order]

    def groups(self, epoch: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
        draws = uniform(Stream("mixing", 0).draws(epoch, 8, 5))
        keys = Stream("mixing/partners", 0).draws(epoch, 8, 32)
        for number, (inputs, labels) in enumerate(self.images.batches(epoch)):
            order = torch.from_numpy(np.argsort(keys[number, : len(labels)], kind="stable"))
            self.share = float(beta.ppf(draws[number, 2], self.alpha, self.alpha))
            images = self.mixed(inputs, order, (draws[number, 3], draws[number, 4]))
            self.others = labels[order]
            yield [(images, labels)]


class CutOut(MixedUp):
    """Yun et al.'s code: a rectangle of the partner, and the share that it leaves."""

    alpha = 1.0

    def mixed(self, inputs: Tensor, order: Tensor, place: tuple[float, float]) -> Tensor:
        cut = int(8 * np.sqrt(1.0 - self.share))
        y, x = int(8 * place[0]), int(8 * place[1])
        top, bottom = np.clip([y - cut // 2, y + cut // 2], 0, 8)
        left, right = np.clip([x - cut // 2, x + cut // 2], 0, 8)
        mixed = inputs.clone()
        mixed[:, :, top:bottom, left:right] = inputs[order, :, top:bottom, left:right]
        self.share = 1 - (bottom - top) * (right - left) / 64
        return mixed


SCRIPTS: dict[type[Script], dict[str, Any]] = {
    Script: {},
    Smoothed: {"training.label_smoothing": 0.2},
    Weighted: {"training.class_weights": list(range(1, 11))},
    Balanced: {"training.class_weights": "balanced"},
    ClippedNorm: {"training.clip_grad_norm": 0.5},
    ClippedValue: {"training.clip_grad_value": 0.02},
    Accumulated: {"training.accumulate": 3},
    Averaged: {"training.ema": {"decay": 0.9}},
    Undecayed: {"training.no_weight_decay": ["norm", "bias"]},
    Grouped: {"training.parameter_groups": [{"match": ["head.*"], "lr": 0.01, "momentum": 0}]},
    MixedUp: {"data.augment": [{"name": "mixup", "alpha": 0.4}]},
    CutOut: {"data.augment": ["cutmix"]},
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_a_knob_does_what_a_script_does(make_recipe: MakeRecipe, script: type[Script]):
    recipe = make_recipe({**BASE, **SCRIPTS[script]})
    _, rows, _ = run(recipe)
    by_hand = script(recipe)
    assert [(row.train_loss, row.val_loss) for row in rows] == [
        pytest.approx(expected, rel=1e-4) for expected in by_hand.run()
    ]
    if script is ClippedNorm:
        assert max(by_hand.norms) > 0.5
        means = [np.mean(by_hand.norms[:8]), np.mean(by_hand.norms[8:])]
        assert [row.custom["grad_norm"] for row in rows] == pytest.approx(means, rel=1e-4)


#: Every knob in three runs, with what they must get along with.
TOGETHER = {
    "mixed, weighed, accumulated, averaged": {
        "data.augment": ["random_crop", {"name": "mixup", "p": 0.8}, "cutmix"],
        "training.label_smoothing": 0.1,
        "training.class_weights": "balanced",
        "training.accumulate": 3,
        "training.ema": {"decay": 0.9},
        "training.clip_grad_norm": 0.5,
        "training.test_time_augmentation": "flip",
        "training.oracle_curve": True,
        "training.validate_every": 2,
        "training.early_stopping": {"patience": 3},
        "model.dropout": 0.2,
        "model.dropout_place": "stages",
    },
    "groups in phases under a schedule": {
        "training.no_weight_decay": ["norm", "bias"],
        "training.parameter_groups": [{"match": ["head.*", "stage1.*"], "lr": 0.01}],
        "training.phases": [
            {"epochs": 2, "freeze": ["stage1.*"]},
            {
                "epochs": 2,
                "optimizer": {"name": "AdamW", "lr": 0.002},
                "scheduler": {"name": "OneCycleLR", "max_lr": 0.01, "interval": "step"},
                "warmup": {"epochs": 1},
            },
        ],
        "training.epochs": 4,
        "training.ema": {"decay": 0.9, "warmup": False},
        "training.grad_norm": True,
        "training.clip_grad_value": 0.1,
    },
    "half precision": {
        "training.precision": "float16",
        "training.scheduler": {"name": "CosineAnnealingLR", "interval": "step"},
        "training.ema": {},
        "training.grad_norm": True,
        "training.deterministic": True,
        "training.memory_format": "contiguous",
    },
    "brain floats": {
        "training.precision": "bfloat16",
        "training.accumulate": 2,
        "training.memory_format": "channels_last",
        "model": {"name": "torchvision:resnet18"},
        "data.train_images": 64,
    },
}


@pytest.mark.parametrize("changes", TOGETHER.values(), ids=TOGETHER)
def test_a_run_with_knobs_goes_on_bit_for_bit(make_recipe: MakeRecipe, changes: dict[str, Any]):
    recipe = make_recipe({**BASE, "training.epochs": 3, **changes})
    outcome, rows, states = run(recipe)
    for after in range(1, len(rows) + 1):
        again, later, _ = run(recipe, resume=states[after - 1])
        assert timeless(again, later) == timeless(outcome, rows[after:])
