"""The runs of `digits.py` by Ray Tune, two at a time.

DIGITS=digits.npz python benchmarks/by_hand/with_ray.py RESULTS
"""

import sys
from pathlib import Path

import digits
import ray
from ray import tune


def run(config):
    digits.torch.set_num_threads(1)
    tune.report({"found": digits.train(config["variant"], config["seed"])})


def main():
    path = Path(sys.argv[1]).resolve()
    ray.init(num_cpus=2, include_dashboard=False)
    tuner = tune.Tuner(
        run,
        param_space={
            "variant": tune.grid_search(list(digits.VARIANTS)),
            "seed": tune.grid_search(list(digits.SEEDS)),
        },
        tune_config=tune.TuneConfig(max_concurrent_trials=2, reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(path.parent / "tune"), verbose=0),
    )
    digits.write([result.metrics["found"] for result in tuner.fit()], path)


if __name__ == "__main__":
    main()
