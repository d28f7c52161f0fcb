"""What the section "data" of a configuration says; reading it needs no torch."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from lapilli.simulators.configurations import configuration, refuse
from lapilli.simulators.configurations.ranges import AtLeastZero, Natural
from lapilli.training.data.augmentation import AugmentConfig
from lapilli.training.data.framing import Framing, Lines, Split


@configuration("data")
@dataclass(frozen=True)
class DataConfig:
    """What to train on."""

    name: str = "digits"
    """Data set. "digits" are scikit-learn's handwritten digits, as times to first spike. `lapilli data list` has
    all."""

    framing: Framing = field(default_factory=Framing)
    """How recordings become steps."""

    split: Split = field(default_factory=Split)
    """Which samples belong to which part."""

    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """What happens to training samples at random."""

    lines: Lines = "none"
    """Inputs beside the channels, the last ones. "valid" is 1 in all steps of a sample, padding too, and "keys" in
    those of the recording itself. SpikeSCR needs the first, and the second where it masks keys."""

    deformation: AtLeastZero = 1.0
    """Largest random deformation of training images, of "digits" alone. 1 is 0.2 rad, 10 % of size, 0.2 of shear and
    0.6 pixels."""

    fit: Literal["train", "train and validation"] = "train"
    """Parts to train on. With "train and validation", when all choices are made, `optimizer.keep` must be "last"."""

    drain: Natural | None = None
    """Steps that a sample runs on after its input has ended. With None, it runs until the last spike has been answered,
    with learned delays at their largest."""

    def __post_init__(self) -> None:
        if self.lines == "valid and keys" and self.augment.shift_steps:
            refuse(
                ["augment.shift_steps: would move recordings, but not the line that says where they end; set it to 0"]
            )


def unguarded(config: DataConfig, keep: Literal["best", "last"]) -> Iterator[str]:
    """A phrase for `refuse` where epochs are chosen by validation samples that are trained on."""
    if config.fit == "train and validation" and keep == "best":
        yield "data.fit: with the validation part in training no epoch can be chosen by it; set optimizer.keep to last"
