"""Published data sets that are a folder for each class: EuroSAT, Imagenette."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ablate.errors import DataMissingError
from ablate.recipe import Data
from ablate.training.data.aside import Aside
from ablate.training.data.folders import class_files, labelled, listed, shown
from ablate.training.data.images import Contents, PartName
from ablate.training.data.listing import File, Found, Owner
from ablate.training.data.source import Download, Outline, Source, anew, first_of

#: Land seen from a satellite (Helber et al. 2019, https://github.com/phelber/eurosat), by the names of its folders.
LAND = MappingProxyType(
    {
        "AnnualCrop": "annual crop",
        "Forest": "forest",
        "HerbaceousVegetation": "herbaceous vegetation",
        "Highway": "highway",
        "Industrial": "industrial",
        "Pasture": "pasture",
        "PermanentCrop": "permanent crop",
        "Residential": "residential",
        "River": "river",
        "SeaLake": "sea or lake",
    }
)
#: Ten easy classes of ImageNet (Howard 2019, https://github.com/fastai/imagenette), by their WordNet numbers.
THINGS = MappingProxyType(
    {
        "n01440764": "tench",
        "n02102040": "English springer",
        "n02979186": "cassette player",
        "n03000684": "chain saw",
        "n03028079": "church",
        "n03394916": "French horn",
        "n03417042": "garbage truck",
        "n03425413": "gas pump",
        "n03445777": "golf ball",
        "n03888257": "parachute",
    }
)


@dataclass(frozen=True, kw_only=True)
class ClassFolders(Source):
    """Colour images in `unpacked / part / class`; without a test part a study holds one out."""

    #: Folder of each part below `unpacked`; "" is that folder itself.
    parts: Mapping[PartName, str]
    #: Name of each class for people, by the name of its folder, in alphabetical order of the latter.
    classes: Mapping[str, str]
    #: Channels, height and width of an unscaled image; of some size where they differ.
    shape: tuple[int, int, int]
    #: Images of all parts together.
    images: int

    def find(self, data: Data, root: Path) -> Found | None:
        """All images of the class folders; what else lies there is not looked at."""
        place = first_of(self.places(root), self.unpacked)
        if place is None:
            return None
        files: list[File] = []
        aside = Aside()
        owners: dict[str, Owner] = {}  # of all parts: what is trained on must not be tested on
        for below in self._folders().values():
            self._refuse_other_classes(place, below)
            one = class_files(place, below, list(self.classes), owners, cure=anew(place / self.unpacked))
            files += one.files
            aside += one.aside
        return Found(folder=place, files=tuple(files), aside=aside)

    def contents(self, data: Data, found: Found) -> Contents:
        """All in colour; grey images become colour by copying."""
        names = list(self.classes)
        parts = {
            part: labelled(
                found.folder,
                [file for file in found.files if file.name.startswith(f"{below}/")],
                below,
                names,
                channels=3,
            )
            for part, below in self._folders().items()
        }
        return Contents(classes=tuple(self.classes.values()), parts=parts)

    def outline(self, data: Data, root: Path) -> Outline:
        """As its publishers say."""
        return Outline(
            classes=tuple(self.classes.values()), shape=self.shape, parts=frozenset(self.parts), images=self.images
        )

    def _folders(self) -> dict[PartName, str]:
        """Folder of each part below the place of the data set."""
        return {part: f"{self.unpacked}/{inside}".rstrip("/") for part, inside in self.parts.items()}

    def _refuse_other_classes(self, place: Path, below: str) -> None:
        there = set(listed(place / below).folders) if (place / below).is_dir() else set()
        for names, verb in ((self.classes.keys() - there, "lacks"), (there - self.classes.keys(), "has besides")):
            if names:
                raise DataMissingError(
                    f"{place / below} {verb} the class folders {shown(sorted(names))}, so it is not {self.name} as "
                    "published.",
                    cure=anew(place / self.unpacked),
                )


def _imagenette(name: str, side: int, md5: str) -> ClassFolders:
    """Imagenette with images whose shorter side has so many pixels; its `val` images are the test set."""
    folder = f"imagenette2-{side}"
    archive = f"{folder}.tgz"
    return ClassFolders(
        name=name,
        folders=(name, ""),
        archives=(archive,),
        unpacked=folder,
        parts={"train": "train", "test": "val"},
        classes=THINGS,
        shape=(3, side, side * 4 // 3),
        images=13_394,
        download=Download(url="https://s3.amazonaws.com/fast-ai-imageclas/", files=(archive,), md5={archive: md5}),
    )


IMAGENETTE_160 = _imagenette("imagenette_160", 160, "e793b78cc4c9e9a4ccc0c1155377a412")
IMAGENETTE = _imagenette("imagenette", 320, "3df6f0d01a2c9592104656642f5e78a3")
EUROSAT = ClassFolders(
    name="eurosat",
    folders=("eurosat", ""),
    archives=("EuroSAT.zip",),
    unpacked="2750",
    parts={"train": ""},
    classes=LAND,
    shape=(3, 64, 64),
    images=27_000,
    download=Download(
        url="https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/",
        files=("EuroSAT.zip",),
        md5={"EuroSAT.zip": "c8fa014336c82ac7804f0398fcb19387"},
    ),
)
