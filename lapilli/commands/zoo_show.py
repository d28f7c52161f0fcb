"""`lapilli zoo show`."""

from collections.abc import Iterator

from lapilli.commands.zoo_list import card_json
from lapilli.output import print_json, print_lines
from lapilli.printable import say
from lapilli.zoo.folder import Entry, find_entry


def zoo_show(name: str, /, *, json: bool = False) -> None:
    """Print the card of a network: what it decides and what that costs, its data, how it was proven and is made again.

    Arguments:
        name: of the network; `lapilli zoo list` has them.
        json: print it as JSON.
    """
    entry = find_entry(name)
    if json:
        print_json(card_json(entry))
        return
    say(f"{entry.name}: {entry.card.title}")
    print_lines(card_lines(entry))


def card_lines(entry: Entry) -> Iterator[str]:
    """The card in sentences."""
    card, proof = entry.card, entry.card.proof
    samples = f"{card.samples:,} samples of the {card.part} part"
    yield f"It decides {card.accuracy:.2%} of the {samples} rightly ({card.right:,})."
    costs = f"{card.operations:,.1f} synaptic operations and {card.spikes:,.1f} spikes"
    yield f"A sample runs {card.steps:,} steps. It takes {costs} in the mean."
    yield f"Data: {card.data}. Trained on: {card.trained_on}. Licence of the data: {card.licence}."
    compared = f"{proof.spikes:,} spikes and {proof.states:,} states"
    proven = "one sample" if proof.samples == 1 else f"{proof.samples:,} samples"
    yield f"Proof: {' = '.join(proof.backends)} on {proven}, 0 differences in {compared}."
    yield f"File: {entry.model}, {card.model.bytes:,} bytes, fingerprint {card.fingerprint}."
    packages = ", ".join(f"{package} {version}" for package, version in card.versions.items() if version)
    yield f"Training: seed {card.seed}, commit {card.commit}, {packages}."
    yield f"Made again by: {card.command}"
    yield f"Run it: lapilli simulate zoo:{entry.name}"
