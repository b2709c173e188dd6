"""Revisions of a study: what changed, and what was added after results were seen."""

from ablate.study import diff, mark_exploratory, parse_study

TEXT = """
name = "x"

[seeds]
count = 2

[baseline.data]
name = "digits"

[baseline.training]
epochs = 10
optimizer = { name = "SGD", lr = 0.1 }

[factors.dropout]
path = "model.dropout"
levels = [0.3]

[[designs]]
kind = "one-at-a-time"
"""


def outline(text):
    return parse_study(text).outline()


def test_nothing_changed():
    assert not diff(outline(TEXT), outline(TEXT + "# a comment\n"))


def test_a_level_a_design_and_seeds_are_added():
    grown = TEXT.replace("[0.3]", "[0.3, 0.5]").replace("count = 2", "count = 4")
    change = diff(outline(TEXT), outline(grown + '\n[[designs]]\nkind = "grid"\n'))
    assert change.added == ("dropout=0.5",)
    assert change.added_levels == ("dropout=0.5",)
    assert change.added_seeds == (2, 3)
    assert change.added_designs == ("grid",)
    assert not change.removed
    back = diff(outline(grown), outline(TEXT))
    assert (back.removed, back.removed_seeds, back.added) == (("dropout=0.5",), (2, 3), ())


def test_a_renamed_factor_renames_variants_and_removes_none():
    change = diff(outline(TEXT), outline(TEXT.replace("factors.dropout", "factors.noise")))
    assert change.renamed == (("dropout=0.3", "noise=0.3"),)
    assert not change.added
    assert not change.removed


def test_settings_that_change_are_named():
    change = diff(outline(TEXT), outline(TEXT.replace('name = "x"', 'name = "x"\nmetric = "test_loss"')))
    assert "metric: test_accuracy -> test_loss" in change.changed
    assert "direction: max -> min" in change.changed
    assert diff(outline(TEXT), outline(TEXT.replace("epochs = 10", "epochs = 20"))).changed[0].startswith("baseline: ")


def test_what_comes_after_results_were_seen_is_exploratory_for_good():
    first = mark_exploratory(outline(TEXT), None, results_seen=False)
    assert not any(variant.exploratory for variant in first.variants)
    second = TEXT.replace("[0.3]", "[0.3, 0.5]") + '\n[[designs]]\nkind = "grid"\n'
    unseen = mark_exploratory(outline(second), first, results_seen=False)
    assert not any(part.exploratory for part in (*unseen.variants, *unseen.designs))
    seen = mark_exploratory(outline(second), first, results_seen=True)
    assert [variant.name for variant in seen.variants if variant.exploratory] == ["dropout=0.5"]
    assert [design.name for design in seen.designs if design.exploratory] == ["grid"]
    third = mark_exploratory(outline(second.replace("0.5]", "0.5, 0.7]")), seen, results_seen=False)
    assert [variant.name for variant in third.variants if variant.exploratory] == ["dropout=0.5"]
