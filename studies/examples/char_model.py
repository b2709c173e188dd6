"""Trains a recurrent character-level language model; see char_model.toml."""

import math

import torch
from sklearn import datasets
from torch import nn

BATCH = 32


class Model(nn.Module):
    def __init__(self, characters, cell, width, layers, dropout):
        super().__init__()
        self.embedding = nn.Embedding(characters, width)
        self.body = getattr(nn, cell)(width, width, num_layers=layers, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, characters)

    def forward(self, text):
        """Characters (B, T) to logits of the next ones (B, T, characters)."""
        hidden, _ = self.body(self.embedding(text))
        return self.head(self.dropout(hidden))


def train(ctx):
    params = ctx.recipe.params
    torch.manual_seed(ctx.seed)
    text, held_out, characters = corpus()
    model = Model(characters, params["cell"], params["width"], params["layers"], params["dropout"]).to(ctx.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=params["lr"])
    ctx.log(parameters=sum(p.numel() for p in model.parameters()))
    if (state := ctx.restore()) is not None:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])

    for epoch in range(ctx.epoch + 1, ctx.recipe.training.epochs + 1):
        torch.manual_seed(1_000 * ctx.seed + epoch)  # dropout, so that a resumed run draws what a whole one does
        losses = [step(model, optimizer, batch) for batch in batches(text, params["context"], ctx.seed, epoch)]
        model.eval()
        with torch.no_grad():
            val_loss = next_character_loss(model, held_out[None]).item()
        ctx.log(epoch=epoch, train_loss=sum(losses) / len(losses), val_loss=val_loss, val_perplexity=math.exp(val_loss))
        ctx.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
        if ctx.should_stop():
            return


def corpus():
    """The first nine tenths of the text and the last one, as numbers, and how many characters there are."""
    sets = (datasets.load_iris, datasets.load_wine, datasets.load_diabetes, datasets.load_breast_cancer)
    text = "\n".join(load().DESCR for load in (*sets, datasets.load_digits, datasets.load_linnerud))
    known = sorted(set(text))
    numbers = torch.tensor([known.index(character) for character in text])
    cut = len(numbers) * 9 // 10
    return numbers[:cut], numbers[cut:], len(known)


def batches(text, context, seed, epoch):
    """All examples of `context` characters and the one after, in a random order."""
    generator = torch.Generator().manual_seed(1_000 * seed + epoch)
    shift = torch.randint(context, (), generator=generator).item()
    examples = text[shift:].unfold(0, context + 1, context)
    for chosen in torch.randperm(len(examples), generator=generator).split(BATCH):
        yield examples[chosen]


def step(model, optimizer, batch):
    model.train()
    loss = next_character_loss(model, batch)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def next_character_loss(model, text):
    """Mean cross-entropy of the next character, nats."""
    logits = model(text[:, :-1])
    return nn.functional.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())
