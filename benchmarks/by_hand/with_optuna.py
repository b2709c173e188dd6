"""The runs of `digits.py` by Optuna: a grid in an SQLite file, two processes that ask it for trials.

DIGITS=digits.npz python benchmarks/by_hand/with_optuna.py RESULTS
"""

import subprocess
import sys

import digits
import optuna

STORAGE, NAME = "sqlite:///optuna.db", "digits"
GRID = {"variant": list(digits.VARIANTS), "seed": list(digits.SEEDS)}


def objective(trial):
    variant = trial.suggest_categorical("variant", GRID["variant"])
    seed = trial.suggest_categorical("seed", GRID["seed"])
    found = digits.train(variant, seed)
    trial.set_user_attr("found", found)
    return found["test_accuracy"]


def work():
    digits.torch.set_num_threads(1)
    study = optuna.load_study(study_name=NAME, storage=STORAGE, sampler=optuna.samplers.GridSampler(GRID, seed=0))
    study.optimize(objective)


def main():
    path = sys.argv[1]
    study = optuna.create_study(study_name=NAME, storage=STORAGE, direction="maximize")
    workers = [subprocess.Popen([sys.executable, __file__, "--work"]) for _ in range(2)]
    statuses = [worker.wait() for worker in workers]
    if any(statuses):
        raise SystemExit("a process of Optuna's failed")
    cells = {(found["variant"], found["seed"]): found for found in (t.user_attrs["found"] for t in study.trials)}
    digits.write(list(cells.values()), path)  # two processes may run a cell twice


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    work() if sys.argv[1] == "--work" else main()
