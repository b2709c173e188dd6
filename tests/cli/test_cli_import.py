"""`ablate import` as it is typed: its results stand beside own ones in every other command."""

import json

import pytest

RUNS = "variant,seed,test_accuracy\n" + "".join(
    f"{name},{seed},{mean + 0.002 * ((seed * 3) % 4):.4f}\n"
    for name, mean in (("base", 0.9), ("wide", 0.95), ("deep", 0.9))
    for seed in range(5)
)
NUMBERS = ("n", "n_reference", "mean", "sd", "delta", "se", "df", "statistic", "p", "p_adjusted", "ci_low", "ci_high")


def test_own_results_exported_and_imported_have_the_same_report(ablate, folder):
    alone = ("--set", "training.tier=exact")  # a file does not tell that runs had their time together
    assert ablate("run", "tiny.toml", "--workers", "1", *alone).returncode == 0
    for kind in ("runs", "epochs"):
        assert ablate("export", "tiny", kind, "--out", f"{kind}.csv").returncode == 0
    done = ablate(
        "import", "runs.csv", "epochs.csv", "--study", "again", "--db", "other.db", "--title", "Does it help?"
    )
    assert (done.returncode, done.stderr) == (0, "next: `ablate report again`\n")
    reports = [
        json.loads(ablate("report", study, "--json", "--db", db).stdout)
        for study, db in (("tiny", "results.db"), ("again", "other.db"))
    ]
    for part in ("metric", "test", "icc", "baseline"):
        assert reports[0][part] == reports[1][part]
    pairs = zip(reports[0]["comparisons"], reports[1]["comparisons"], strict=True)
    for own, imported in pairs:
        assert [own[name] for name in (*NUMBERS, "variant", "verdict", "why", "mde")] == [
            imported[name] for name in (*NUMBERS, "variant", "verdict", "why", "mde")
        ]
    for study, db in (("tiny", "results.db"), ("again", "other.db")):
        assert ablate("report", study, "--db", db).returncode == 0
    texts = [(folder / "reports" / study / "report.md").read_text("utf-8") for study in ("tiny", "again")]
    tables = [text.partition("## All variants\n")[2].partition("\n## ")[0] for text in texts]
    assert tables[0].count("| baseline |") == 1
    assert tables[0] == tables[1]
    assert (folder / "reports" / "again" / "figures" / "named.png").exists()


def test_other_commands_know_what_was_imported(ablate, folder):
    (folder / "runs.csv").write_text(RUNS + "deep,5,nan\nwide,5,\n".replace("wide,5,\n", ""))
    told = ablate("import", "runs.csv", "--study", "lab", "--baseline", "base", "--margin", "0.01")
    assert (told.returncode, told.stdout.splitlines()[0]) == (0, "lab, revision 1: 16 runs imported")
    status = json.loads(ablate("status", "lab", "--json").stdout)["studies"][0]
    assert (status["jobs"]["succeeded"], status["jobs"]["diverged"], status["eta_seconds"]) == (15, 1, 0.0)
    assert "test_accuracy was no number" in ablate("status", "lab").stdout
    shown = ablate("show", "1").stdout
    assert "recipe: none, since its results were imported" in shown
    assert "source: imported from runs.csv, SHA-256 " in shown
    for command in ("run", "plan", "submit", "check"):
        refused = ablate(command, "lab")
        assert (refused.returncode, "cannot be run" in refused.stderr) == (2, True), command
    assert "cannot be run again" in ablate("retry", "lab").stderr
    (folder / "lab.toml").write_text((folder / "tiny.toml").read_text().replace('"tiny"', '"lab"'))
    for command in ("plan", "submit", "run"):
        refused = ablate(command, "lab.toml")
        assert (refused.returncode, "lab holds results from elsewhere" in refused.stderr) == (2, True), command
    assert ablate("db", "check").stdout == "results.db is whole\n"
    assert ablate("doctor").returncode == 0
    assert ablate("report", "lab", "--markdown", "--html").returncode == 0
    assert "No recipe is known." in (folder / "reports" / "lab" / "report.html").read_text("utf-8")
    report = (folder / "reports" / "lab" / "report.md").read_text("utf-8")
    assert "| imported from | runs.csv |" in report
    assert "1 diverged" in report
    assert "The results come from elsewhere." in report
    verdicts = {one["variant"]: one for one in json.loads(ablate("report", "lab", "--json").stdout)["comparisons"]}
    assert verdicts["wide"]["verdict"] == "better"
    assert verdicts["deep"]["verdict"] == "undecided"


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["bad.csv", "--baseline", "base"], 3, "bad.csv:2: test_accuracy: 91 is more than all"),
        (["nowhere.csv"], 2, "there is no nowhere.csv"),
        (["runs.csv"], 2, "which variant is the baseline? There is base, wide, deep."),
        (["runs.csv", "--baseline", "bse"], 2, "did you mean 'base'?"),
        (["runs.csv", "--map", "seed"], 2, "--map 'seed' is no pair."),
        (["runs.csv", "--map", "a=seed", "--map", "b=seed"], 2, "names what another `--map` names"),
        (["runs.csv", "--study", "no name"], 2, 'as "no_name"'),
        (["runs.csv", "--epoch-steps", "0"], 2, "makes no epoch"),
        (["runs.csv", "--baseline", "base", "--direction", "min"], 2, "--direction of test_accuracy is max"),
    ],
)
def test_mistakes_have_their_status_and_store_nothing(ablate, folder, words, status, told):
    (folder / "runs.csv").write_text(RUNS)
    (folder / "bad.csv").write_text("variant,seed,test_accuracy\nbase,0,91\n")
    name = [] if "--study" in words else ["--study", "lab"]
    done = ablate("import", *words, *name)
    assert (done.returncode, told in done.stderr) == (status, True), done.stderr
    if (folder / "results.db").exists():
        assert json.loads(ablate("status", "--json").stdout) == {"studies": []}
