"""The runs of `digits.py` by Hydra's multirun, two at a time by its joblib launcher.

DIGITS=digits.npz python benchmarks/by_hand/with_hydra.py RESULTS
"""

import json
import sys
from pathlib import Path

import digits
import hydra
from hydra.core.config_store import ConfigStore

ConfigStore.instance().store(name="config", node={"number": 0, "seed": 0})
NAMES = list(digits.VARIANTS)


@hydra.main(version_base=None, config_name="config")
def run(config):
    digits.torch.set_num_threads(1)
    folder = Path(hydra.core.hydra_config.HydraConfig.get().runtime.output_dir)
    digits.write(digits.train(NAMES[config.number], config.seed), folder / "found.json")


def main():
    path = sys.argv.pop()
    numbers, seeds = (",".join(map(str, values)) for values in (range(len(NAMES)), digits.SEEDS))
    sys.argv += ["--multirun", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", f"number={numbers}", f"seed={seeds}"]
    sys.argv.append("hydra.sweep.dir=sweep")
    run()
    digits.write([json.loads(found.read_text()) for found in Path("sweep").glob("*/found.json")], path)


if __name__ == "__main__":
    main()
