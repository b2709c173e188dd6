"""Tables of runs and epochs: what is read, and that bad rows are named, all of them, and nothing is half imported."""

import json
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_cases import MEANS, SEEDS, accuracy, bring, table

from ablate.errors import StudyError, UsageError
from ablate.protocol import JobState
from ablate.report.export import epoch_rows, export_rows, run_rows
from ablate.store import Database
from ablate.store.integrity import check
from ablate.store.reading import epochs, outline, runs, studies


@pytest.fixture
def db(tmp_path):
    with Database.open(tmp_path / "results.db", create=True) as database:
        yield database


@pytest.fixture
def write(tmp_path):
    def written(text, name="runs.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def told(error) -> list[str]:
    return str(error.value).splitlines()


def test_variant_seed_and_one_metric_are_enough(db, write):
    done = bring(db, write(table()))
    assert (done.study, done.revision, done.added, done.unchanged) == ("lab", 1, len(MEANS) * SEEDS, 0)
    assert {(run.variant, run.seed): run.test_accuracy for run in runs(db, "lab")} == {
        (variant, seed): accuracy(variant, seed) for variant in MEANS for seed in range(SEEDS)
    }
    shown = outline(db, "lab")
    assert (shown.metric, shown.direction, shown.seeds) == ("test_accuracy", "max", tuple(range(SEEDS)))
    assert [variant.name for variant in shown.variants] == list(MEANS)
    assert check(db) == ()


def test_epochs_are_curves_and_what_is_of_the_run_repeats(db, write):
    rows = [
        f"base,0,{epoch},{1 / epoch:.3f},{0.5 + 0.1 * (epoch == 2)},0.625,1234,cuda:0,{epoch * 1.5}"
        for epoch in (1, 2, 3)
    ]
    head = "variant,seed,epoch,train_loss,val_accuracy,test_accuracy,parameters,device,grad norm"
    bring(db, write("\n".join([head, *rows])))
    [run] = runs(db, "lab")
    assert (run.selected_epoch, run.val_accuracy, run.test_accuracy, run.epochs) == (2, 0.6, 0.625, 3)
    assert (run.parameters, run.device, run.train_loss) == (1234, "cuda:0", 0.333)
    assert [row.custom["grad_norm"] for row in epochs(db, "lab")] == [1.5, 3.0, 4.5]


def test_a_test_curve_is_an_oracle_and_the_run_has_the_selected_epochs_value(db, write):
    text = "variant,seed,epoch,val_acc,test_acc\nbase,0,1,0.7,0.9\nbase,0,2,0.8,0.6\nbase,0,3,0.75,0.95\n"
    done = bring(db, write(text))
    [run] = runs(db, "lab")
    assert (run.selected_epoch, run.test_accuracy) == (2, 0.6)
    assert [row.custom["oracle_test_accuracy"] for row in epochs(db, "lab")] == [0.9, 0.6, 0.95]
    assert any("oracle" in note for note in done.notes)
    assert any("val_acc as val_accuracy" in note for note in done.notes)


def test_a_loss_that_is_no_number_is_a_divergence(db, write):
    text = (
        "variant,seed,epoch,train_loss,val_loss\nbase,0,1,2,2\nbase,0,2,1,1\n"
        "wide,0,1,2,2\nwide,0,2,NaN,\nwide,1,1,inf,2\n"
    )
    bring(db, write(text))
    found = {(run.variant, run.seed): run for run in runs(db, "lab")}
    assert [run.state for run in found.values()] == [JobState.SUCCEEDED, JobState.DIVERGED, JobState.DIVERGED]
    assert found["wide", 0].error == "train_loss was no number after epoch 2"
    assert check(db) == ()


def test_states_are_said_and_what_has_not_ended_is_left_out(db, write):
    text = (
        "variant,seed,state,test_accuracy,error\nbase,0,succeeded,0.9,\nbase,1,failed,,CUDA error\n"
        "wide,0,Diverged,,\nwide,1,running,,\nwide,2,,0.8,\nwide,3,cancelled,,\n"
    )
    done = bring(db, write(text))
    assert {(run.variant, run.seed): (run.state, run.error) for run in runs(db, "lab")} == {
        ("base", 0): (JobState.SUCCEEDED, None),
        ("base", 1): (JobState.FAILED, "CUDA error"),
        ("wide", 0): (JobState.DIVERGED, None),
        ("wide", 2): (JobState.SUCCEEDED, None),
        ("wide", 3): (JobState.CANCELLED, None),
    }
    assert done.notes == ("left out: runs that have not ended (1 running)",)


def test_every_bad_row_is_named_with_its_line_and_nothing_is_stored(db, write):
    text = (
        "variant,seed,epoch,train_loss,val_accuracy,parameters\n"
        "base,0,1,1.0,0.5,10\n"
        "base,0,1,0.9,0.5,10\n"
        '"two\nlines",0,1,0.9,0.5,10\n'
        "base,0,2,0.9,91.5,10\n"
        "base,1.5,2,0.9,0.5,10\n"
        "base,1,0,0.9,0.5,10\n"
        "base,1,2,low,0.5,10\n"
        'base,1,3,"0,9",0.5,10\n'
        "base,1,4,0.9,0.5\n"
        ",1,5,0.9,0.5,10\n"
        "base,1000000,5,0.9,0.5,10\n"
        "base,2,1,0.9,-0.5,10\n"
        "base,2,2,0.9,0.5,11.5\n"
        "base,0,3,0.9,50 %,10\n"
    )
    with pytest.raises(StudyError) as error:
        bring(db, write(text))
    lines = told(error)
    assert [line.split(": ")[0] for line in lines[:-1]] == [
        f"runs.csv:{n}" for n in (3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
    ]
    for line, words in zip(
        lines,
        (
            "epoch 1 stands in runs.csv:2 already",
            "control characters",
            "val_accuracy: 91.5 is more than all: write 0.915, or add `--percent`",
            "'1.5' is no seed",
            "epoch: 0, and epochs count from 1",
            "train_loss: 'low' is no number",
            "'0,9' has a comma: write 0.9, or add `--decimal-comma`",
            "5 cells, and the header has 6",
            "variant: empty",
            "1000000 is above 999,999",
            "-0.5 is no accuracy",
            "'11.5' is no whole number",
            "percent sign",
        ),
        strict=False,
    ):
        assert words in line
    assert error.value.exit_code == 3
    assert studies(db) == ()


def test_beyond_a_limit_bad_rows_are_counted(db, write):
    rows = "".join(f"base,{seed},{90 + seed}\n" for seed in range(50))
    with pytest.raises(StudyError) as error:
        bring(db, write(f"variant,seed,test_accuracy\n{rows}"))
    assert len(told(error)) == 22
    assert "and 30 more" in told(error)[20]
    bring(db, write(f"variant,seed,test_accuracy\n{rows[:40]}"), percent=True)
    assert [run.test_accuracy for run in runs(db, "lab")] == [0.9, 0.91, 0.92, 0.93]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "runs.csv: the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"variant,seed,test_accuracy\n", "a header and no row"),
        (b"variant,seed,test_accuracy\nb\xe9,0,0.9\n", "runs.csv:2: byte 2 of the line (0xE9) is not UTF-8"),
        ("variant,seed,acc\nb,0,0.9\n".encode("utf-16"), "runs.csv:1: the file is UTF-16: save it as UTF-8"),
        (b'variant,seed,acc\nb,0,0.9\n"b,1,0.9\n', "runs.csv:3: unexpected end of data"),
        (b"variant,rng,test_accuracy\nb,0,0.9\n", "runs.csv:1: there is no column `seed`"),
        (b"variant,seed,val_acc,val/accuracy\nb,0,0.9,0.8\n", "would both be `val_accuracy`"),
        (b"variant,seed,state,test_accuracy\nb,0,fine,0.9\n", "runs.csv:2: state: 'fine' is no state"),
        (b"variant,seed,test_accuracy\nb,0,\n", "runs.csv:2: b, seed 0: nothing is measured"),
        (
            b"variant,seed,epoch,val_loss,parameters\nb,0,1,1,5\nb,0,2,1,6\n",
            "runs.csv:3: parameters: differs from runs.csv:2",
        ),
    ],
)
def test_files_that_are_none_are_refused_with_the_place(db, write, content, words):
    with pytest.raises(StudyError) as error:
        bring(db, write(content), baseline="b")
    assert words in str(error.value)
    assert studies(db) == ()


def test_spreadsheets_of_other_countries_are_read(db, write):
    text = '\ufeffvariant;seed;test_accuracy;"a; b"\r\n"base\u00e9";0;0,9125;1\r\nbreit;0;0,5;2\r\n\r\n'
    bring(db, write(text), baseline="base\u00e9", decimal_comma=True)
    assert [(run.variant, run.test_accuracy, run.metrics["a_b"]) for run in runs(db, "lab")] == [
        ("base\u00e9", 0.9125, 1.0),
        ("breit", 0.5, 2.0),
    ]


def test_columns_are_mapped_by_name_and_misspelt_ones_told(db, write):
    text = "arch,rng,score,notes,_step,Unnamed: 0\nbase,0,17,fine,3,0\nwide,0,18,good,3,1\n"
    with pytest.raises(StudyError, match="--map seed=rgn`: there is no 'rgn'; did you mean 'rng'"):
        bring(db, write(text), names={"variant": "arch", "seed": "rgn"}, metric="score")
    with pytest.raises(UsageError, match="is more or less of 'score' better"):
        bring(db, write(text), names={"variant": "arch", "seed": "rng"})
    done = bring(db, write(text), names={"variant": "arch", "seed": "rng"}, direction="min")
    assert (done.metric, done.notes) == ("score (min)", ("runs.csv: left out columns of text: notes",))
    assert [dict(run.metrics) for run in runs(db, "lab")] == [{"score": 17.0}, {"score": 18.0}]


def test_what_cannot_be_guessed_is_asked_for(db, write, monkeypatch):
    path = write("variant,seed,f1,auc\na,0,1,2\n")
    with pytest.raises(UsageError, match="which metric ranks the variants\\? There is f1, auc"):
        bring(db, path)
    with pytest.raises(UsageError, match="no run has measured 'au'; did you mean 'auc'"):
        bring(db, path, metric="au")
    with pytest.raises(UsageError, match="which variant is the baseline\\? There is a\\."):
        bring(db, path, baseline=None, metric="f1", direction="max")
    with pytest.raises(UsageError, match="no variant 'b' to be the baseline"):
        bring(db, path, baseline="b", metric="f1", direction="max")
    with pytest.raises(UsageError, match=r"there is no .*nowhere\.csv"):
        bring(db, path.parent / "nowhere.csv")
    with pytest.raises(UsageError, match="--margin -1"):
        bring(db, path, margin=-1.0)
    with pytest.raises(UsageError, match="cannot be read as Parquet"):
        bring(db, write("PAR1", "runs.parquet"))
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as where it is not installed
    with pytest.raises(UsageError, match="pyarrow"):
        bring(db, write("PAR1", "runs.parquet"))
    assert studies(db) == ()


def test_levels_become_factors_and_designs(db, write):
    head = "variant,seed,test_accuracy,dropout,level:norm,reported\n"
    cells = {"base": "0,none,0.8", "drop": "0.5,none,", "norm": "0,batch,0.85", "both": "0.5,batch,"}
    rows = [f"{name},{seed},0.{9 - seed},{more}\n" for name, more in cells.items() for seed in (0, 1)]
    bring(db, write(head + "".join(rows[:6])), factors=("dropout",))
    shown = outline(db, "lab")
    assert [(factor.name, factor.reference, len(factor.levels)) for factor in shown.factors] == [
        ("dropout", "0", 2),
        ("norm", "none", 2),
    ]
    assert [design.kind for design in shown.designs] == ["one-at-a-time"]
    assert [variant.reported for variant in shown.variants] == [0.8, None, 0.85]
    bring(db, write(head + "".join(rows)), study="grid", factors=("dropout",))
    assert [design.kind for design in outline(db, "grid").designs] == ["one-at-a-time", "grid"]
    with pytest.raises(StudyError, match=r"runs\.csv:9: dropout: variant 'both' has '0\.1' here and '0\.5'"):
        bring(db, write(head + "".join(rows[:7]) + "both,1,0.8,0.1,batch,\n"), study="wrong", factors=("dropout",))
    with pytest.raises(StudyError, match="the baseline has no level of dropout"):
        bring(db, write("variant,seed,test_accuracy,dropout\nbase,0,1,\nb,0,1,2\n"), study="w", factors=("dropout",))
    with pytest.raises(StudyError, match="`--factors drop`: there is no column"):
        bring(db, write("variant,seed,test_accuracy,dropout\nbase,0,1,1\n"), study="w", factors=("drop",))


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SHARES = st.floats(0, 1)
NAMES = st.text("=+-@'ab \u00e9,;\"\u4e2d", min_size=1, max_size=6).map(str.strip).filter(bool)
WRITTEN = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@WRITTEN
@given(
    cells=st.dictionaries(
        st.tuples(NAMES, st.integers(0, 99)),
        st.tuples(SHARES, NUMBERS, st.lists(st.tuples(NUMBERS, SHARES, NUMBERS), min_size=1, max_size=3)),
        min_size=1,
        max_size=5,
    ),
    form=st.sampled_from(["csv", "json"]),
)
def test_what_is_exported_is_imported_again_without_loss(tmp_path_factory, cells, form):
    folder = tmp_path_factory.mktemp("again")
    columns = "variant", "seed", "test_accuracy", "test_loss"
    of_runs = [dict(zip(columns, (*key, share, loss), strict=True)) for key, (share, loss, _) in cells.items()]
    of_epochs = [
        {"variant": name, "seed": seed, "epoch": epoch, "train_loss": loss, "val_accuracy": share, "f1": other}
        for (name, seed), (_, _, curve) in cells.items()
        for epoch, (loss, share, other) in enumerate(curve, start=1)
    ]
    (folder / "r.json").write_text(json.dumps(of_runs))
    (folder / "e.json").write_text(json.dumps(of_epochs))
    first = next(iter(cells))[0]
    with (
        Database.open(folder / "a.db", create=True) as one,
        Database.open(folder / "b.db", create=True) as two,
    ):
        bring(one, folder / "r.json", folder / "e.json", baseline=first)
        for kind in ("runs", "epochs"):
            (folder / f"{kind}.{form}").write_text(export_rows(one, "lab", kind, form), "utf-8", newline="")
        bring(two, folder / f"runs.{form}", folder / f"epochs.{form}", baseline=first)
        for rows, read in ((run_rows, runs), (epoch_rows, epochs)):
            assert [list(part) for part in rows(read(one, "lab"))] == [list(part) for part in rows(read(two, "lab"))]
        assert bring(two, folder / f"epochs.{form}", baseline=None).unchanged == len(cells)
