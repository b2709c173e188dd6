"""Fits a linear classifier to scikit-learn's digits by stochastic gradient descent; see existing_script.toml."""

import argparse
import json

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--penalty", choices=["l1", "l2", "none"], default="l2")
parser.add_argument("--alpha", type=float, default=0.001)
parser.add_argument("--scale", choices=["true", "false"], default="true")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

x, y = load_digits(return_X_y=True)
if args.scale == "true":
    x = x / 16
x, x_test, y, y_test = train_test_split(x, y, test_size=360, random_state=0, stratify=y)
x, x_val, y, y_val = train_test_split(x, y, test_size=0.1, random_state=0, stratify=y)

model = SGDClassifier(
    loss="log_loss",
    learning_rate="constant",
    eta0=args.lr,
    penalty=None if args.penalty == "none" else args.penalty,
    alpha=args.alpha,
)
rng = np.random.default_rng(args.seed)
for epoch in range(1, args.epochs + 1):
    order = rng.permutation(len(x))
    model.set_params(random_state=args.seed).partial_fit(x[order], y[order], classes=range(10))
    print(f"epoch {epoch} done")  # whatever is no JSON goes to the log
    report = {"epoch": epoch, "train_accuracy": model.score(x, y), "val_accuracy": model.score(x_val, y_val)}
    print(json.dumps(report), flush=True)
print(json.dumps({"test_accuracy": model.score(x_test, y_test)}))
