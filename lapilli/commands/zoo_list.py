"""`lapilli zoo list`."""

from dataclasses import asdict
from typing import Any

from lapilli.output import NumberText, print_json, print_lines, print_table
from lapilli.zoo.folder import Entry, entries, zoo_folder


def zoo_list(*, json: bool = False) -> None:
    """Which trained networks come with the code, and what each reaches on the test part of its data.

    Arguments:
        json: print the cards as JSON.
    """
    found = entries()
    if json:
        print_json({"folder": str(zoo_folder()), "networks": [card_json(entry) for entry in found]})
        return
    columns = ["network", "accuracy", "samples", "operations", "steps", "KiB"]
    print_table("networks of the zoo, on the test part of their data", columns, [_row(entry) for entry in found])
    print_lines(f"{entry.name}: {entry.card.title} Data: {entry.card.data}." for entry in found)
    print("`lapilli simulate zoo:NAME` runs one, `lapilli zoo show NAME` prints its card.")


def card_json(entry: Entry) -> dict[str, Any]:
    """The card as JSON values."""
    card = asdict(entry.card)
    return {"name": entry.name, "accuracy": entry.card.accuracy, **card, "versions": dict(entry.card.versions)}


def _row(entry: Entry) -> list[object]:
    card = entry.card
    percent, size = NumberText(f"{card.accuracy:.2%}"), NumberText(f"{card.model.bytes / 1024:,.0f}")
    return [entry.name, percent, card.samples, NumberText(f"{card.operations:,.0f}"), card.steps, size]
