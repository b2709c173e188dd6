"""`ablate compare`: variants that somebody picked, against the first of them.

`members.py` finds what the names mean, `judge.py` reaches the verdicts, `warnings.py` tells what else may stand behind
a difference, `sections.py` has the tables in the order in which they are shown, `notes.py` what to know of the first,
`document.py` the JSON. What a pair can tell beyond its seeds (single classes, single images) is one more function in
`sections.SECTIONS`.
"""
