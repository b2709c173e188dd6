"""The data sets that ablate knows, by the name that a recipe gives them."""

from __future__ import annotations

from ablate.training.data.caltech101 import CALTECH101
from ablate.training.data.cifar import CIFAR10, CIFAR100
from ablate.training.data.class_folders import EUROSAT, IMAGENETTE, IMAGENETTE_160
from ablate.training.data.digits import DIGITS
from ablate.training.data.flowers102 import FLOWERS102
from ablate.training.data.idx import FASHION_MNIST, MNIST
from ablate.training.data.image_folder import IMAGE_FOLDER
from ablate.training.data.source import Source
from ablate.training.data.stl10 import STL10
from ablate.training.data.svhn import SVHN
from ablate.training.data.synthetic import SYNTHETIC
from ablate.training.data.tiny_imagenet import TINY_IMAGENET

#: Every value of `data.name` and where its images come from.
SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        DIGITS,
        MNIST,
        FASHION_MNIST,
        CIFAR10,
        CIFAR100,
        SVHN,
        STL10,
        EUROSAT,
        IMAGENETTE_160,
        IMAGENETTE,
        FLOWERS102,
        CALTECH101,
        TINY_IMAGENET,
        IMAGE_FOLDER,
        SYNTHETIC,
    )
}
