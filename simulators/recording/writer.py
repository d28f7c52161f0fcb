"""Writing recordings part by part, in memory that does not grow with the file (`docs/how-to/recording.md`)."""

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.files import PathLike, replacing
from lapilli.simulators.events import Events
from lapilli.simulators.files.event_file import spool_events, write_events
from lapilli.simulators.files.spool import Spool, write_array
from lapilli.simulators.plan import _ignore
from lapilli.simulators.recording import choice as recording
from lapilli.simulators.recording.choice import SPIKES, BoundedRecording, RecordedLayer, with_input
from lapilli.simulators.recording.file import SCHEMA, THRESHOLD_SUFFIX
from lapilli.simulators.results import RunResult


class RecordingWriter:
    """Collects the chosen samples of a run; made by `recording_writer`."""

    def __init__(self, bounded: BoundedRecording, spool: Spool, target: Path) -> None:
        self._bounded, self._spool, self._target = bounded, spool, target
        self._next = 0
        self._written = 0
        self._labels: list[npt.NDArray[np.int64]] = []

    @property
    def n_bytes(self) -> int:
        """Bytes collected so far, before compression."""
        return self._spool.n_bytes

    def add(self, events: Events, result: RunResult) -> None:
        """Keep what `result` recorded of the chosen ones among the next samples of the event file.

        Arguments:
            events: the samples.
            result: of a run of them; recorded if any is chosen.

        Raises:
            LapilliError: when the recording outgrows `FILE_LIMIT`.
        """
        rows = self._bounded.rows(self._next, self._next + len(events))
        self._next += len(events)
        if not len(rows):
            return
        recordings = with_input(result, events)
        every = len(rows) == len(events)
        for layer in self._bounded.layers:
            found = recordings[layer.name]
            for kind in layer.states:
                values = getattr(found, kind)
                self._spool.append(f"{layer.name}/{kind}", values if every else values[rows])
            if SPIKES in layer.kinds and found.spikes is not None:
                spool_events(self._spool, f"{layer.name}/", found.spikes if every else found.spikes.select(rows))
        self._written += len(rows)
        if events.labels is not None:
            self._labels.append(events.labels[rows])
        if self.n_bytes > recording.FILE_LIMIT:
            raise LapilliError(
                f"recording: {self._written} of {len(self._bounded.samples)} samples take more than the limit of "
                f"{recording.FILE_LIMIT >> 20:,} MiB; choose fewer samples or layers"
            )

    def finish(self, progress: Callable[[int], None] = _ignore) -> None:
        """Write the file; call it when all samples of the event file have been added.

        Arguments:
            progress: called with the number of bytes written since its last call.
        """
        samples = self._bounded.samples
        if self._written != len(samples):
            raise ValueError(f"{len(samples)} samples were to be recorded, {self._written} came")
        facts: dict[str, npt.NDArray[Any]] = {
            "schema": np.array(SCHEMA, np.int64),
            "fingerprint": np.frombuffer(bytes.fromhex(self._bounded.fingerprint), np.uint8),
            "n_steps": np.array(self._bounded.n_steps, np.int64),
            "samples": samples.astype(np.int64),
        }
        labels = np.concatenate([np.zeros(0, np.int64), *self._labels])
        if self._labels and len(labels) == len(samples):
            facts["labels"] = labels
        # Level 1 is five times as quick as the usual 6 and hardly larger on states.
        options: dict[str, Any] = {"compression": zipfile.ZIP_DEFLATED, "allowZip64": True, "compresslevel": 1}
        with zipfile.ZipFile(self._target, "w", **options) as archive:
            for name, array in facts.items():
                write_array(archive, name, array)
            for layer in self._bounded.layers:
                self._write_layer(archive, layer, progress)

    def _write_layer(self, archive: zipfile.ZipFile, layer: RecordedLayer, progress: Callable[[int], None]) -> None:
        write_array(archive, f"{layer.name}/shape", np.array(layer.shape, np.int64))
        for state, level in layer.thresholds.items():
            write_array(archive, f"{layer.name}/{state}{THRESHOLD_SUFFIX}", np.array(level, np.int64))
        if SPIKES in layer.kinds:
            write_events(self._spool, f"{layer.name}/", archive, progress)
        for kind in layer.states:
            shape = (len(self._bounded.samples), *layer.shape, self._bounded.n_steps)
            self._spool.copy(f"{layer.name}/{kind}", archive, shape, progress)


@contextmanager
def recording_writer(path: PathLike, bounded: BoundedRecording) -> Iterator[RecordingWriter]:
    """A writer whose file appears, whole, when the block ends without an error and `finish` was called in it.

    Raises:
        LapilliError: when the file cannot be written.
    """
    with replacing(path) as target, tempfile.TemporaryFile(dir=target.parent) as file:
        yield RecordingWriter(bounded, Spool(file), target)
