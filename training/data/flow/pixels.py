"""Pixels of a simulated event camera: thresholds of their own, a refractory time, and leakage."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lapilli.training.data.flow.kernels import fire

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PixelModel:
    """How pixels are made.

    Arguments:
        threshold: change of the logarithm of the brightness that is one event; mean over the pixels.
        deviation: standard deviation of the thresholds, which are drawn for ON and for OFF apart.
        least: smaller thresholds become this one.
        refractory_us: least time between two events of a pixel.
        leak_hz: ON events a second of a pixel that sees nothing: its reference sinks.
    """

    threshold: float = 0.2
    deviation: float = 0.03
    least: float = 0.05
    refractory_us: float = 500.0
    leak_hz: float = 0.1


class Pixels:
    """Pixels with their thresholds and references.

    Arguments:
        model: how they are made.
        signal: logarithm of the brightness that they see first, flat.
        rng: draws thresholds, and where between its thresholds each reference begins.
    """

    def __init__(self, model: PixelModel, signal: Floats, rng: np.random.Generator) -> None:
        self.model = model
        n_pixels = len(signal)
        drawn = rng.normal(model.threshold, model.deviation, (2, n_pixels))
        self.on, self.off = np.maximum(drawn, model.least)
        self.reference = signal + rng.uniform(-self.on, self.off)
        self._before, self._now_us = signal, 0.0
        self._last_us = np.full(n_pixels, -np.inf)

    def see(self, signal: Floats, now_us: float) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """Time in µs, pixel and polarity of the events up to now, pixel by pixel.

        Arguments:
            signal: logarithm of the brightness now; since the last call it moved along a straight line.
            now_us: time since the beginning, later than at the last call.
        """
        # A reference that sinks is as good as a signal that rises.
        after = signal + self.on * (self.model.leak_hz * now_us * 1e-6)
        room = int(np.sum(np.abs(after - self._before) / np.minimum(self.on, self.off))) + 2 * len(signal)
        time_us, pixel, polarity = np.empty(room), np.empty(room, np.int64), np.empty(room, np.uint8)
        n_found = fire(
            *(self._before, after, self._now_us, now_us, self.on, self.off, self.model.refractory_us),
            *(self.reference, self._last_us, time_us, pixel, polarity),
        )
        self._before, self._now_us = after, now_us
        return time_us[:n_found], pixel[:n_found], polarity[:n_found]
