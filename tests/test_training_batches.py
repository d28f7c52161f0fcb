"""Batches: which samples, in which order, and that processes share them without a rest."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lapilli.simulators import Events
from lapilli.training.data.augmentation import AugmentConfig, augment
from lapilli.training.data.samples import in_memory
from lapilli.training.loop.batches import Batch, TrainingBatches, ValidationBatches
from lapilli.training.networks.time import slayer_input

EVENTS = Events.from_dense(np.random.default_rng(0).integers(0, 3, (23, 5, 8)), np.arange(23))
SAMPLES = in_memory(EVENTS, lengths=np.arange(23) % 8 + 1)


def unchanged(events: Events, generator: np.random.Generator) -> Events:
    return events


def changed(events: Events, generator: np.random.Generator) -> Events:
    return augment(events, generator, AugmentConfig(drop=0.3, shift_x=2))


def test_every_epoch_has_every_sample_once_in_an_order_of_its_own() -> None:
    batches = TrainingBatches(SAMPLES, 10, 5, 3, unchanged)
    orders = []
    for epoch in range(3):
        batches.epoch = epoch
        found = list(batches)
        assert len(found) == len(batches) == 5
        assert [len(batch.labels) for batch in found] == [5, 5, 5, 5, 3]
        for batch in found:
            rows = batch.labels.numpy()
            assert torch.equal(batch.values, slayer_input(EVENTS.select(rows), 10))
            assert batch.lengths.tolist() == (rows % 8 + 1).tolist()
            assert float(batch.weight) == 1
        orders.append(np.concatenate([batch.labels.numpy() for batch in found]))
        assert np.array_equal(np.sort(orders[-1]), np.arange(23))
    assert not any(np.array_equal(one, two) for one, two in pairwise(orders))


def same(one: Batch, two: Batch) -> bool:
    return all(torch.equal(left, right) for left, right in zip(one[:4], two[:4]))


def test_seed_and_epoch_decide_everything() -> None:
    batches = TrainingBatches(SAMPLES, 10, 5, 3, changed)
    first, again = list(batches), list(batches)
    assert all(map(same, first, again))
    others = [TrainingBatches(SAMPLES, 10, 5, 4, changed), TrainingBatches(SAMPLES, 10, 5, 3, changed, epoch=1)]
    for other in others:
        assert not any(map(same, first, other))


@settings(deadline=None)
@given(size=st.integers(1, 30), world=st.integers(1, 5), seed=st.integers(0, 5))
def test_processes_share_what_one_alone_would_see(size: int, world: int, seed: int) -> None:
    alone = list(TrainingBatches(SAMPLES, 10, size, seed, changed))
    shared = [list(TrainingBatches(SAMPLES, 10, size, seed, changed, rank=rank, world=world)) for rank in range(world)]
    for number, batch in enumerate(alone):
        parts = [batches[number] for batches in shared]
        counted = [part for part in parts if part.weight > 0]
        rows = {int(label): place for place, label in enumerate(batch.labels)}
        assert sorted(int(label) for part in counted for label in part.labels) == sorted(rows)
        for part in parts:
            places = [rows[int(label)] for label in part.labels]
            assert torch.equal(part.values, batch.values[places])
            assert torch.equal(part.lengths, batch.lengths[places])
        # The mean over processes of weighted means is the mean over samples.
        of_samples = torch.arange(23.0)
        mean = sum(float(part.weight) * float(of_samples[part.labels].mean()) for part in parts) / world
        assert mean == pytest.approx(float(of_samples[batch.labels].mean()))


def test_validation_takes_samples_in_their_order() -> None:
    batches = ValidationBatches(SAMPLES, 10, 10)
    found = list(batches)
    assert len(batches) == 3
    assert torch.cat([batch.labels for batch in found]).tolist() == list(range(23))
    assert torch.equal(torch.cat([batch.values for batch in found]), slayer_input(EVENTS, 10))
    assert torch.cat([batch.lengths for batch in found]).tolist() == SAMPLES.lengths.tolist()
