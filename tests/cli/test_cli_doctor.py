"""`ablate doctor` as a person and as a script sees it."""

import json
from pathlib import Path

from tests.command import Ablate


def test_doctor_tells_each_thing_and_what_to_do(folder: Path, ablate: Ablate) -> None:
    told = ablate("doctor")
    assert told.returncode == 0, told.stdout
    assert "ok    Python: 3." in told.stdout
    (folder / "results.db").write_text("name = 'a study'")
    told = ablate("doctor", "--json")
    assert told.returncode == 6
    found = json.loads(told.stdout)
    assert found["failed"]
    [database] = [one for one in found["diagnoses"] if one["name"] == "database"]
    assert database["verdict"] == "fail"
    assert "is not a database" in database["text"]
