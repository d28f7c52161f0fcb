"""Amounts times a cost table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.bill.cost_table import CostTable, MemoryPrices
from lapilli.simulators.bill.kinds import ACCESSES, Amount, priced_kinds


class NotBilledError(LapilliError):
    """A network whose amounts a table does not price; the reason is named."""


@dataclass(frozen=True)
class Estimate:
    """Joules of one sample, mean over the samples.

    Arguments:
        joules: by layer ("input" for what its events cost) and kind, of kinds that the table prices.
        fixed: part of the sum that is spent without any event.
    """

    joules: Mapping[str, Mapping[str, float]]
    fixed: float

    @property
    def total(self) -> float:
        """Sum over layers and kinds."""
        return sum(sum(kinds.values()) for kinds in self.joules.values())

    @property
    def memory(self) -> float:
        """Part of the sum that is spent on memory, as far as the table prices it apart."""
        return sum(joules for kinds in self.joules.values() for kind, joules in kinds.items() if kind in ACCESSES)


def estimate(amounts: Sequence[Amount], n_samples: int, table: CostTable) -> Estimate:
    """What the amounts cost.

    Arguments:
        amounts: of all samples together.
        n_samples: how many.
        table: what each event costs.

    Raises:
        NotBilledError: when something happened of which the table does not know the price.
        LapilliError: for an amount below 0 or of an unknown kind.
    """
    joules: dict[str, dict[str, float]] = {}
    fixed = 0.0
    for amount in amounts:
        price = price_of(amount, table)
        of_layer = joules.setdefault(amount.layer, {})
        if price is None:
            continue
        cost = price * amount.number / n_samples
        of_layer[amount.kind] = of_layer.get(amount.kind, 0.0) + cost
        fixed += 0.0 if amount.of_events else cost
    return Estimate(joules, fixed)


def price_of(amount: Amount, table: CostTable) -> float | None:
    """Joules of one of this kind; None where the table leaves the kind out or has it in another's price.

    Raises:
        NotBilledError, LapilliError: as `estimate`.
    """
    if amount.number < 0:
        raise LapilliError(f"layer {amount.layer!r}: {amount.kind}: must be at least 0, got {amount.number}")
    if amount.kind == "multiply_accumulate" and amount.kind in table.leaves_out and amount.number:
        # What is left of a dense network, or of graded events, without its products would be no price of it.
        raise NotBilledError(f"layer {amount.layer!r}: {amount.kind}: left out: {table.leaves_out[amount.kind]}")
    if amount.kind in table.included or amount.kind in table.leaves_out:
        return None
    if amount.kind in table.refuses:
        if not amount.number:
            return None
        raise NotBilledError(f"layer {amount.layer!r}: {amount.kind}: {table.refuses[amount.kind]}")
    if amount.kind in table.joules:
        price = table.joules[amount.kind]
        if isinstance(price, float):
            return price
        if amount.synapse not in price:
            raise NotBilledError(f"layer {amount.layer!r}: {amount.kind}: no price at {amount.synapse} synapses")
        return price[amount.synapse]
    if amount.kind in ACCESSES and table.memory is not None:
        return _access(amount, table.memory) if amount.number else 0.0
    if amount.kind in priced_kinds():
        # What a kind from outside counts: a table that never heard of it cannot bill a network in which it happens.
        if not amount.number:
            return None
        raise NotBilledError(f"layer {amount.layer!r}: {amount.kind}: the table says nothing about it")
    raise LapilliError(f"table {table.name}: says nothing about {amount.kind!r}")


def _access(amount: Amount, memory: MemoryPrices) -> float:
    size = -(-amount.memory_bits // 8)
    for largest, joules in memory.steps:
        if size <= largest:
            return joules * amount.bits / memory.word_bits
    largest = memory.steps[-1][0]
    raise NotBilledError(
        f"layer {amount.layer!r}: {amount.kind}: a memory of {size:,} bytes is not in this table, whose largest has "
        f"{largest:,}"
    )
