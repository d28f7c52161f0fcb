"""Official data sets by name; without a network, the error says which file to put where."""

from lapilli.training.data.official.cameras import DVS_CIFAR10, DVS_GESTURE, N_CALTECH101, N_MNIST
from lapilli.training.data.official.cochlea import SHD, SSC
from lapilli.training.data.official.images import CIFAR10, CIFAR100, MNIST, SEQUENTIAL_MNIST, TINY_IMAGENET
from lapilli.training.data.official.motion import UCI_HAR
from lapilli.training.data.official.speech import SPEECH_COMMANDS
from lapilli.training.data.sets import DataSet

OFFICIAL: tuple[DataSet, ...] = (
    *(SHD, SSC, SPEECH_COMMANDS, DVS_GESTURE, N_MNIST, DVS_CIFAR10, N_CALTECH101),
    *(MNIST, SEQUENTIAL_MNIST, CIFAR10, CIFAR100, TINY_IMAGENET, UCI_HAR),
)
"""Every official data set that lapilli knows."""
