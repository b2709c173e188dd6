"""Oxford Flowers (Nilsback & Zisserman 2008, https://www.robots.ox.ac.uk/~vgg/data/flowers/102/): 102 kinds of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ablate.recipe import Data
from ablate.training.data.files import FileImages
from ablate.training.data.folders import scanned, shown
from ablate.training.data.images import Contents, Part, PartName
from ablate.training.data.listing import Found, named
from ablate.training.data.matlab import read_matlab
from ablate.training.data.source import Download, Outline, Source, damaged, first_of

#: Names of the classes in the order of the labels, as the publishers give them.
CLASSES = (
    "pink primrose",
    "hard-leaved pocket orchid",
    "canterbury bells",
    "sweet pea",
    "english marigold",
    "tiger lily",
    "moon orchid",
    "bird of paradise",
    "monkshood",
    "globe thistle",
    "snapdragon",
    "colt's foot",
    "king protea",
    "spear thistle",
    "yellow iris",
    "globe-flower",
    "purple coneflower",
    "peruvian lily",
    "balloon flower",
    "giant white arum lily",
    "fire lily",
    "pincushion flower",
    "fritillary",
    "red ginger",
    "grape hyacinth",
    "corn poppy",
    "prince of wales feathers",
    "stemless gentian",
    "artichoke",
    "sweet william",
    "carnation",
    "garden phlox",
    "love in the mist",
    "mexican aster",
    "alpine sea holly",
    "ruby-lipped cattleya",
    "cape flower",
    "great masterwort",
    "siam tulip",
    "lenten rose",
    "barbeton daisy",
    "daffodil",
    "sword lily",
    "poinsettia",
    "bolero deep blue",
    "wallflower",
    "marigold",
    "buttercup",
    "oxeye daisy",
    "common dandelion",
    "petunia",
    "wild pansy",
    "primula",
    "sunflower",
    "pelargonium",
    "bishop of llandaff",
    "gaura",
    "geranium",
    "orange dahlia",
    "pink-yellow dahlia?",
    "cautleya spicata",
    "japanese anemone",
    "black-eyed susan",
    "silverbush",
    "californian poppy",
    "osteospermum",
    "spring crocus",
    "bearded iris",
    "windflower",
    "tree poppy",
    "gazania",
    "azalea",
    "water lily",
    "rose",
    "thorn apple",
    "morning glory",
    "passion flower",
    "lotus",
    "toad lily",
    "anthurium",
    "frangipani",
    "clematis",
    "hibiscus",
    "columbine",
    "desert-rose",
    "tree mallow",
    "magnolia",
    "cyclamen",
    "watercress",
    "canna lily",
    "hippeastrum",
    "bee balm",
    "ball moss",
    "foxglove",
    "bougainvillea",
    "camellia",
    "mallow",
    "mexican petunia",
    "bromelia",
    "blanket flower",
    "trumpet creeper",
    "blackberry lily",
)  # fmt: skip
ARCHIVE = "102flowers.tgz"
#: Folder of the images, `image_00001.jpg` and so on, in the archive and of an unpacked one.
FOLDER = "jpg"
#: `labels`: the class of each image, from 1 to 102.
LABELS = "imagelabels.mat"
#: Numbers of the images of each part, counted from 1.
SPLIT = "setid.mat"
#: What they are called there.
PARTS: dict[PartName, str] = {"train": "trnid", "validation": "valid", "test": "tstid"}


class Flowers102(Source):
    """Photographs whose shorter side has 500 pixels or more: 1,020 to train on, 1,020 to validate, 6,149 to test on."""

    def find(self, data: Data, root: Path) -> Found | None:
        """All images and the two lists."""
        place = first_of(self.places(root), FOLDER, LABELS, SPLIT)
        if place is None:
            return None
        images = scanned(place, FOLDER)
        return Found(folder=place, files=(*images.files, *named(place, [LABELS, SPLIT])), aside=images.aside)

    def contents(self, data: Data, found: Found) -> Contents:
        """The publishers' own split."""
        labels, split = found.folder / LABELS, found.folder / SPLIT
        classes = read_matlab(labels, "labels")[0].ravel()
        names = [f"{FOLDER}/image_{number:05}.jpg" for number in range(1, len(classes) + 1)]
        _refuse_gaps(labels, names, {file.name for file in found.files})
        parts: dict[PartName, Part] = {}
        for part, numbers in zip(PARTS, read_matlab(split, *PARTS.values()), strict=True):
            places = numbers.ravel().astype(np.int64) - 1
            if len(places) == 0 or places.min() < 0 or places.max() >= len(names):
                raise damaged(split, f"it lists images beside the {len(names):,} of which {LABELS} knows the class")
            images = FileImages(folder=found.folder, names=tuple(names[place] for place in places), channels=3)
            parts[part] = Part(images=images, labels=classes[places].astype(np.int64) - 1)
        return Contents(classes=CLASSES, parts=parts)

    def outline(self, data: Data, root: Path) -> Outline:
        """As its publishers say."""
        return Outline(
            classes=CLASSES, shape=(3, 500, 667), parts=frozenset({"train", "validation", "test"}), images=8_189
        )


def _refuse_gaps(labels: Path, names: Sequence[str], there: set[str]) -> None:
    """Every image that has a label lies there."""
    if absent := [name for name in names if name not in there]:
        raise damaged(labels.parent / FOLDER, f"it lacks {shown(absent)}, of which {LABELS} tells the class")


FLOWERS102 = Flowers102(
    name="flowers102",
    folders=("flowers102", "flowers-102", ""),
    archives=(ARCHIVE,),
    unpacked=FOLDER,
    download=Download(
        url="https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
        files=(ARCHIVE, LABELS, SPLIT),
        md5={
            ARCHIVE: "52808999861908f626f3c1f4e79d11fa",
            LABELS: "e0620be6f572b9609742df49c70aed4d",
            SPLIT: "a5357ecc9cb78c4bef273ce3793fc85c",
        },
    ),
)
