"""Trains a small perceptron on scikit-learn's breast cancer data; see tabular_mlp.toml."""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from torch import nn

BATCH = 64


def train(ctx):
    params, training = ctx.recipe.params, ctx.recipe.training
    torch.manual_seed(ctx.seed)
    (x, y), (x_val, y_val), (x_test, y_test) = tables(params["standardise"])
    net = perceptron(x.shape[1], params["hidden"], params["dropout"]).to(ctx.device)
    optimizer = getattr(torch.optim, training.optimizer.name)(net.parameters(), **training.optimizer.arguments)
    if (state := ctx.restore()) is not None:
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])

    for epoch in range(ctx.epoch + 1, training.epochs + 1):
        net.train()
        total = 0.0
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1_000 * ctx.seed + epoch))
        for batch in order.split(BATCH):
            loss = nn.functional.binary_cross_entropy_with_logits(net(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        loss, accuracy, _ = measured(net, x_val, y_val)
        ctx.log(epoch=epoch, train_loss=total / len(x), val_loss=loss, val_accuracy=accuracy)
        ctx.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()})
        if ctx.should_stop():
            return

    loss, accuracy, f1 = measured(net, x_test, y_test)
    ctx.log(test_loss=loss, test_accuracy=accuracy, test_f1=f1, parameters=sum(p.numel() for p in net.parameters()))


def tables(standardise):
    """Training, validation and test rows, the same for every seed and variant: 60, 20 and 20 %."""
    data = load_breast_cancer()
    x = torch.tensor(data.data, dtype=torch.float32)
    y = torch.tensor(data.target, dtype=torch.float32)[:, None]
    rest, test = train_test_split(range(len(x)), test_size=0.2, random_state=0, stratify=data.target)
    train, val = train_test_split(rest, test_size=0.25, random_state=0, stratify=data.target[rest])
    if standardise:
        x = (x - x[train].mean(dim=0)) / x[train].std(dim=0)
    return [(x[part], y[part]) for part in (train, val, test)]


def perceptron(features, hidden, dropout):
    layers = []
    for width in hidden:
        layers += [nn.Linear(features, width), nn.ReLU(), nn.Dropout(dropout)]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, 1))


@torch.no_grad()
def measured(net, x, y):
    """Mean loss, accuracy and F1 score."""
    net.eval()
    logits = net(x)
    loss = nn.functional.binary_cross_entropy_with_logits(logits, y).item()
    says = logits > 0
    return loss, (says == (y > 0.5)).float().mean().item(), f1_score(y.ravel(), says.ravel())
