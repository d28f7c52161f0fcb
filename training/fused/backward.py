"""A layer's way back: from the gradient of its output to those of all that it reads."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from lapilli.training.fused.events import InputEvents
from lapilli.training.fused.kernel_records import (
    back_room,
    cells_of,
    incoming_of,
    order_room,
    packed,
    samples_at_once,
    slope_of,
    wanted_of,
)
from lapilli.training.fused.kernels.backward import backward
from lapilli.training.fused.kernels.records import Cells, Found, Incoming, Slope, Sums, Wanted
from lapilli.training.fused.saved import Saved
from lapilli.training.fused.source import SourceSums
from lapilli.training.fused.tensors import Gradients, Needs
from lapilli.training.fused.threads import over_samples

Array = npt.NDArray[Any]


class _Part(NamedTuple):
    """What the kernel adds up over some samples."""

    sums: Sums
    found: Found


class _Front(NamedTuple):
    """What the way back finds of all samples: what its parts added up, and what is in front of the neurons."""

    parts: list[_Part]
    values: torch.Tensor | None
    weight: torch.Tensor | None
    real: torch.Tensor | None


@dataclass(frozen=True)
class _WayBack:
    """What all samples of a batch share on the way back."""

    saved: Saved
    wanted: Wanted
    incoming: Incoming
    cells: Cells
    slope: Slope
    panels: Array
    events: InputEvents | None

    @classmethod
    def of(cls, saved: Saved, needs: Needs, through_source: bool) -> "_WayBack":
        layer, parameters = saved.layer, saved.parameters
        events = None if through_source or saved.events is None else saved.events.events()
        return cls(
            saved,
            wanted_of(saved.modes, needs, through_source),
            incoming_of(layer, parameters.weight, parameters.feedback, events),
            cells_of(layer, parameters.bias),
            slope_of(layer, parameters.feedback is not None),
            packed(parameters.feedback),
            events,
        )

    def over(
        self, first: int, last: int, out_gradient: Array, arriving: Array, begin: int, incoming: Incoming
    ) -> _Part:
        """Samples `first` to `last`; `out_gradient` and `arriving` hold samples from `begin` on."""
        saved, wanted, n_neurons = self.saved, self.wanted, self.saved.layer.size[1]
        ordered = self.events if wanted.weights else None
        found = Found(
            weights=np.zeros((0 if ordered is None else ordered.n_channels, n_neurons), np.float32),
            feedback=np.zeros((n_neurons if wanted.feedback else 0, n_neurons), np.float32),
            arriving=arriving,
            first=begin,
        )
        asked = Sums(wanted.decays, wanted.decays, wanted.bias, wanted.delays)
        sums = Sums(*(np.zeros(n_neurons if one else 0) for one in asked))
        room = back_room(saved.layer, saved.modes, wanted, saved.kept, self.panels, order_room(ordered))
        backward(
            first, last, samples_at_once(saved.modes), saved.modes, wanted, out_gradient, incoming, self.cells,
            self.slope, saved.kept, room, sums, found,
        )  # fmt: skip
        return _Part(sums, found)


def gradients_of(saved: Saved, out_gradient: torch.Tensor, needs: Needs) -> Gradients:
    """Gradients of what a layer read; None where none is needed.

    Arguments:
        saved: what the way forward left.
        out_gradient: of the output, in the layer's form.
        needs: which of them are needed.
    """
    layer, parameters = saved.layer, saved.parameters
    sources = SourceSums.of(layer.source, layer.form, parameters.weight, saved.events)
    way = _WayBack.of(saved, needs, sources is not None)
    front = _by_rows(way, out_gradient, needs) if sources is None else _by_source(way, sources, out_gradient, needs)
    sums = Sums(*(sum(parts) for parts in zip(*(part.sums for part in front.parts))))
    if way.saved.modes.recurrent and not layer.through_state:
        # SLAYER runs the neurons step by step, and finds no step before that a decay could act on.
        sums = sums._replace(current_decay=0 * sums.current_decay, voltage_decay=0 * sums.voltage_decay)
    return Gradients(
        values=front.values,
        weight=front.weight,
        feedback=_added(part.found.feedback for part in front.parts) if needs.feedback else None,
        real=front.real,
        current_decay=_of_decay(sums.current_decay, parameters.current_decay) if needs.current_decay else None,
        voltage_decay=_of_decay(sums.voltage_decay, parameters.voltage_decay) if needs.voltage_decay else None,
        bias=torch.from_numpy(sums.bias).float() if needs.bias else None,
        delay=torch.from_numpy(sums.delay).float() * layer.delay_scale if needs.delay else None,
    )


def _added(parts: Iterable[Array]) -> torch.Tensor:
    """The gradient of weights (neurons, inputs) from those of parts, (inputs, neurons)."""
    return torch.from_numpy(sum(parts)).t()


def _of_decay(of_neurons: Array, decay: torch.Tensor) -> torch.Tensor:
    """The gradient of decays of all neurons, or of one decay that they share."""
    return torch.from_numpy(of_neurons.sum(keepdims=True) if decay.numel() == 1 else of_neurons).float()


def _by_rows(way: _WayBack, out_gradient: torch.Tensor, needs: Needs) -> _Front:
    """All samples on as many threads as there are; weights lie in rows."""
    by_step = way.saved.layer.form.by_step(out_gradient)
    arriving = torch.empty(by_step.shape if way.wanted.arriving else (0, 0, 0))

    def work(part: int, first: int, last: int) -> _Part:
        return way.over(first, last, by_step.numpy(), arriving.numpy(), 0, way.incoming)

    parts = over_samples(len(by_step), work, samples_at_once(way.saved.modes))
    weight = way.saved.parameters.weight
    return _Front(
        parts,
        values=torch.matmul(arriving, weight.detach()).transpose(1, 2) if needs.values and weight is not None else None,
        weight=_added(part.found.weights for part in parts) if way.wanted.weights else None,
        real=arriving.transpose(1, 2) if needs.real else None,
    )


def _by_source(way: _WayBack, sources: SourceSums, out_gradient: torch.Tensor, needs: Needs) -> _Front:
    """As many samples at a time as there are threads, because what arrives at all of them is large."""
    source, weight, n_samples = sources.source, way.saved.parameters.weight, len(out_gradient)
    assert weight is not None
    of_values = source.no_value_gradient(n_samples, sources.size[0]) if needs.values else None
    of_weights = np.zeros(sources.weights.shape)
    at_once = min(torch.get_num_threads(), n_samples)
    arriving = np.empty((at_once, *sources.size), np.float32)
    parts: list[_Part] = []
    for begin in range(0, n_samples, at_once):
        some = range(begin, min(begin + at_once, n_samples))
        by_step = sources.form.by_step(out_gradient[some.start : some.stop]).numpy()
        of_each = [np.zeros(of_weights.shape) for _ in some] if needs.weight else None
        parts += _some_by_source(way, sources, some, by_step, arriving, of_each)
        of_weights += 0 if of_each is None else sum(of_each)
        if of_values is not None:
            for sample in some:
                source.add_value_gradient(torch.from_numpy(arriving[sample - begin]), weight, of_values[sample])
    return _Front(
        parts,
        values=None if of_values is None else source.value_gradient(of_values),
        weight=source.weight_gradient(of_weights, weight) if needs.weight else None,
        real=None,
    )


def _some_by_source(
    way: _WayBack, sources: SourceSums, some: range, by_step: Array, arriving: Array, of_weights: list[Array] | None
) -> list[_Part]:
    """Samples `some`, each on a thread; what arrives at them is computed again where chunks of steps need it."""

    def one(sample: int) -> _Part:
        incoming = way.incoming
        if way.saved.modes.chunks:
            ((incoming, _, _),) = sources.one_by_one(incoming, sample, sample + 1)
        part = way.over(sample, sample + 1, by_step, arriving, some.start, incoming)
        if of_weights is not None:
            at = sample - some.start
            sources.source.add_weight_gradient(sources.events.of_sample(sample), arriving[at], of_weights[at])
        return part

    groups = over_samples(len(some), lambda part, first, last: [one(sample) for sample in some[first:last]])
    return [part for group in groups for part in group]
