"""The card of a network of the zoo: what it was trained on, what was measured, and how it is made again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator

from lapilli.netx_exports.files import PathLike
from lapilli.simulators.configurations import as_plain, configuration, read_options, refuse
from lapilli.simulators.configurations.ranges import AtLeastZero, Count, Natural, within
from lapilli.simulators.files.plain_yaml import write_yaml

MAX_BYTES = 1 << 26
"""Of a file: whoever reads it holds it in memory."""

_LONGEST = 400


@dataclass(frozen=True)
class Form:
    """Refuses text of another form.

    Arguments:
        pattern: that all of the text matches.
        words: what it must be, for the error.
    """

    pattern: str
    words: str

    def __call__(self, value: str) -> str:
        """`value`, where it has the form.

        Raises:
            ValueError: saying what it must be.
        """
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"must be {self.words}")
        return value


Words = Annotated[
    str, AfterValidator(Form(rf"\S(.{{0,{_LONGEST - 2}}}\S)?", f"1 to {_LONGEST} characters on one line"))
]
Digest = Annotated[str, AfterValidator(Form(r"[0-9a-f]{64}", "64 digits of a hexadecimal number"))]
Commit = Annotated[str, AfterValidator(Form(r"[0-9a-f]{7,40}(\+changes)?", "a commit"))]


@configuration("file")
@dataclass(frozen=True)
class File:
    """A file beside the card, as it must be."""

    bytes: Annotated[int, within(1, MAX_BYTES)]
    """Its size."""

    sha256: Digest
    """Of what it holds."""


@configuration("proof")
@dataclass(frozen=True)
class CardProof:
    """What was compared when the card was made, with 0 differences."""

    backends: tuple[Words, ...]
    """What was compared, the trained module among them."""

    samples: Count
    """The first ones of the part."""

    spikes: Count
    """Of all layers, that each backend produced."""

    states: Natural
    """Values of states that were compared."""


@configuration("")
@dataclass(frozen=True)
class Card:
    """What `lapilli zoo` says of a network. All figures are of the exported network on `fast`."""

    title: Words
    """What it does, in a sentence."""

    data: Words
    """Data set."""

    trained_on: Words
    """Parts of the data set on which it was trained."""

    part: Words
    """Part of the data set on all of which the figures were measured."""

    licence: Words
    """Of the data."""

    samples: Count
    """Of the part."""

    right: Natural
    """Samples that are decided as their label says."""

    steps: Count
    """That a sample runs, as in its training."""

    drain: Natural
    """Of these, those after the input has ended."""

    operations: AtLeastZero
    """Synaptic operations in a sample, mean; of images that can come in a row, without empty ones behind them."""

    spikes: AtLeastZero
    """Of the layers in a sample, mean."""

    decisions: tuple[Natural, ...]
    """Classes of the first samples of the part."""

    proof: CardProof
    """What was compared."""

    model: File
    """The network."""

    config: File
    """The configuration of its training."""

    fingerprint: Digest
    """Of the network."""

    seed: Natural
    """Of the training."""

    commit: Commit
    """Of lapilli, at which it was trained."""

    versions: Mapping[str, str]
    """Of what it was trained with."""

    command: Words
    """Trains it again."""

    def __post_init__(self) -> None:
        for name in ("right", "decisions", "proof"):
            found = {"right": self.right, "decisions": len(self.decisions), "proof": self.proof.samples}[name]
            if found > self.samples:
                refuse([f"{name}: must be of at most {self.samples} samples, got {found}"])
        if self.drain >= self.steps:
            refuse([f"drain: must be below the {self.steps} steps, got {self.drain}"])

    @property
    def accuracy(self) -> float:
        """Share of the samples that are decided as their label says."""
        return self.right / self.samples


def read_card(path: PathLike) -> Card:
    """A card out of its file.

    Raises:
        LapilliError: when there is no such file, or it cannot be read.
        FormatError: listing every key that is none and every value that is wrong.
    """
    return read_options(path, Card)


def card_text(card: Card) -> str:
    """The card as YAML, the decisions on one line."""
    content: dict[str, Any] = as_plain(card)
    content["versions"] = dict(card.versions)
    return write_yaml(content | {"decisions": ", ".join(map(str, card.decisions))})
