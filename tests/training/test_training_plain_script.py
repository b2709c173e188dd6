"""The training loop against scripts as one writes them by hand, fed the same initial weights and batches."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ablate.metrics import EpochMetrics
from ablate.recipe import Recipe
from ablate.training import build_model, train
from tests.scripts import Images, validated

MakeRecipe = Callable[..., Recipe]
EPOCHS = 4
Rows = list[tuple[float, float, float]]


def adam_with_batch_norm(model: nn.Module, images: Images) -> Rows:
    """Lab C, question 7 in small: Adam with weight decay, cosine annealing, batch normalisation."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)
    rows = []
    for epoch in range(1, EPOCHS + 1):
        lr, losses = optimizer.param_groups[0]["lr"], []
        for inputs, labels in images.batches(epoch):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            losses += [loss.item()] * len(labels)
        rows.append((float(np.mean(losses)), validated(model, images), lr))
        scheduler.step()
    return rows


def likelihood_on_a_plateau(model: nn.Module, images: Images) -> Rows:
    """Labs A and E in small: NLL of log-softmax, SGD with momentum, a rate that falls on a plateau."""
    criterion = nn.NLLLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.4, momentum=0.5)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.1, min_lr=0.01)
    rows = []
    for epoch in range(1, EPOCHS + 1):
        lr, losses = optimizer.param_groups[0]["lr"], []
        for inputs, labels in images.batches(epoch):
            optimizer.zero_grad()
            loss = criterion(torch.log_softmax(model(inputs), dim=1), labels)
            loss.backward()
            optimizer.step()
            losses += [loss.item()] * len(labels)
        val_loss = validated(model, images)
        rows.append((float(np.mean(losses)), val_loss, lr))
        scheduler.step(val_loss)
    return rows


def head_first(model: nn.Module, images: Images) -> Rows:
    """Lab D in small: the head alone under Adam with a warm-up of an epoch, then all but the first stage under SGD."""
    rows = []
    for phase in (0, 1):
        trained = [
            p for name, p in model.named_parameters() if name.startswith("head" if phase == 0 else ("head", "stage2"))
        ]
        optimizer: torch.optim.Optimizer = (
            torch.optim.Adam(trained, lr=0.01) if phase == 0 else torch.optim.SGD(trained, lr=0.02, momentum=0.8)
        )
        for number in (1, 2):
            lr, losses = 0.0, []
            for step, (inputs, labels) in enumerate(images.batches(2 * phase + number)):
                if phase == 0 and number == 1:
                    optimizer.param_groups[0]["lr"] = 0.01 * (step + 1) / 8
                lr = optimizer.param_groups[0]["lr"]
                for name, module in model.named_modules():
                    if isinstance(module, nn.BatchNorm2d) and (phase == 0 or name.startswith("stage1")):
                        module.eval()
                optimizer.zero_grad()
                loss = F.cross_entropy(model(inputs), labels)
                loss.backward()
                optimizer.step()
                losses += [loss.item()] * len(labels)
            rows.append((float(np.mean(losses)), validated(model, images), lr))
    return rows


SCRIPTS: dict[Callable[[nn.Module, Images], Rows], dict[str, Any]] = {
    adam_with_batch_norm: {
        "model.norm": "batch",
        "training.optimizer": {"name": "Adam", "lr": 0.002, "weight_decay": 1e-4},
        "training.scheduler": {"name": "CosineAnnealingLR"},
    },
    likelihood_on_a_plateau: {
        "training.loss": "nll",
        "training.optimizer": {"name": "SGD", "lr": 0.4, "momentum": 0.5},
        "training.scheduler": {"name": "ReduceLROnPlateau", "patience": 0, "factor": 0.1, "min_lr": 0.01},
    },
    head_first: {
        "model.norm": "batch",
        "training.phases": [
            {
                "epochs": 2,
                "freeze": ["stage*"],
                "optimizer": {"name": "Adam", "lr": 0.01},
                "warmup": {"epochs": 1},
            },
            {"epochs": 2, "freeze": ["stage1.*"], "optimizer": {"name": "SGD", "lr": 0.02, "momentum": 0.8}},
        ],
    },
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_the_loop_computes_what_a_script_computes(make_recipe: MakeRecipe, script: Callable[[nn.Module, Images], Rows]):
    recipe = make_recipe({"training.epochs": EPOCHS, **SCRIPTS[script]})
    model = build_model(recipe.model, channels=1, image_size=(8, 8), classes=10, seed=0)
    expected = script(model, Images())
    assert len({lr for _, _, lr in expected}) > 1
    rows: list[EpochMetrics] = []
    train(recipe, seed=0, on_epoch=lambda row, _: rows.append(row))
    assert [row.lr for row in rows] == pytest.approx([lr for _, _, lr in expected])
    assert [row.train_loss for row in rows] == pytest.approx([loss for loss, _, _ in expected], rel=2e-4)
    assert [row.val_loss for row in rows] == pytest.approx([loss for _, loss, _ in expected], rel=2e-4)
