"""What a report leaves out of what runs said: whose machine it was, and how that is laid out."""

from pathlib import PurePosixPath

import pytest

from ablate.report.private import without_machine

#: The home of the user `root`, wherever that is used.
OF_ROOT = PurePosixPath("/") / "root"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('File "/home/ada/venv/lib/python3.11/site-packages/torch/nn.py"', 'File "site-packages/torch/nn.py"'),
        ('File "/usr/lib/python3.12/threading.py", line 9', 'File "python3.12/threading.py", line 9'),
        (r'File "C:\Python\Lib\site-packages\torch\nn.py"', r'File "site-packages\torch\nn.py"'),
        ('File "/home/ada/thesis/nets.py", line 3', 'File "~/thesis/nets.py", line 3'),
        ("PosixPath('/Users/ada/thesis')", "PosixPath('~/thesis')"),
        (r"cannot open C:\Users\Ada Lovelace\thesis\a.png", r"cannot open ~\thesis\a.png"),
        (f"/cluster/home/ada/thesis and {OF_ROOT}/thesis", "~/thesis and ~/thesis"),
        ("PYTHONPATH=/home/ada/a:/home/bob/b", "PYTHONPATH=~/a:~/b"),
        ("/data/flowers/rose.jpg is no image", "/data/flowers/rose.jpg is no image"),
        ("see https://example.org/home/ada/page", "see https://example.org/home/ada/page"),
        ("nets/home/ada.py and venv/site-packages/x.py", "nets/home/ada.py and venv/site-packages/x.py"),
        ("1/2 images, loss 0.3", "1/2 images, loss 0.3"),
    ],
)
def test_homes_and_folders_of_packages_are_left_out(said: str, shown: str) -> None:
    assert without_machine(said) == shown
