"""Official data sets by name; without a network, the error says which file to put where."""

from training.data.official_cameras import DVS_CIFAR10, DVS_GESTURE, N_CALTECH101, N_MNIST
from training.data.official_cochlea import SHD, SSC
from training.data.official_images import CIFAR10, CIFAR100, MNIST, SEQUENTIAL_MNIST, TINY_IMAGENET
from training.data.official_motion import UCI_HAR
from training.data.official_speech import SPEECH_COMMANDS
from training.data.sets import DataSet

OFFICIAL: tuple[DataSet, ...] = (
    *(SHD, SSC, SPEECH_COMMANDS, DVS_GESTURE, N_MNIST, DVS_CIFAR10, N_CALTECH101),
    *(MNIST, SEQUENTIAL_MNIST, CIFAR10, CIFAR100, TINY_IMAGENET, UCI_HAR),
)
"""Every official data set that lapilli knows."""
