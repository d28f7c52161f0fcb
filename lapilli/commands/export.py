"""`lapilli export`."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from lapilli.netx_exports import FormatError, LapilliError, Network, load, load_nir, save, save_nir
from lapilli.netx_exports.nir.meaning import DT
from lapilli.netx_exports.nir.quantising.choices import Reset
from lapilli.output import print_json
from lapilli.paths import NETWORKS, check_outputs
from lapilli.printable import printable, say
from lapilli.quantised import QuantiseOptions, quantised_file, show_comparison
from lapilli.recipes import training_module
from lapilli.simulators.decisions.of_events import with_readout
from lapilli.sources.runs import find_run, is_folder, run_folder

FileFormat = Literal["netx", "nir"]

_SUFFIXES: dict[str, FileFormat] = {".net": "netx", ".nir": "nir"}


_RESET = (
    "NIR does not say how a spike resets: here the voltage becomes 0; where the framework subtracts the threshold, as "
    "snnTorch and Sinabs do by default, it runs another network (docs/how-to/nir.md)"
)


def export(
    source: str,
    /,
    *,
    out: str,
    format: FileFormat | None = None,  # noqa: A002
    dt: float | None = None,
    readout: str | None = None,
    quantize: bool = False,
    calibrate: str | None = None,
    test: str | None = None,
    reset: Reset | None = None,
    json: bool = False,
) -> None:
    """Write the network of a training run, or of another network file, as a NetX or NIR file.

    A file that is called `*.nir` is NIR; every other file is NetX, unless `--format nir` says otherwise of `--out`.
    Nothing is rounded, unless `--quantize` says so.

    Arguments:
        source: run folder of `lapilli train`, or a network file.
        out: file to write.
        format: netx or nir; as the name of `--out` says if not given.
        dt: seconds in a step of a NIR file; if not given what the file says, else 1e-4, the step of snnTorch.
        readout: how a class is decided, to be written into the file of a network that does not say it. It is
            "spike_count", "voltage_sum" or "softmax_sum" of the output layer.
        quantize: round the float network of a NIR file to integers, and report what that changes.
        calibrate: event file (.npz) on which scales and thresholds of --quantize are found.
        test: event file (.npz) of the report; if not given, that of --calibrate.
        reset: what a spike does in the float network. With zero the voltage becomes 0. With subtract it loses the
            threshold. With approximate it loses the threshold, and in integers it becomes 0.
        json: print the report of --quantize as JSON.
    """
    quantising = QuantiseOptions(calibrate, test, reset, json)
    written = format or _format_of(out)
    if _SUFFIXES.get(Path(out).suffix, written) != written:
        raise LapilliError(f"--out {out} is not the name of a {written} file, which --format asks for")
    folder = is_folder(source)
    check_outputs((run_folder(source).network if folder else source, calibrate, test), {"out": out}, NETWORKS)
    if quantize:
        _export_quantised(source, out, written, dt, readout, quantising)
        return
    if quantising.given:
        raise LapilliError(f"{' and '.join(quantising.given)}: of --quantize, which is not given")
    if dt is not None and "nir" not in (written, _format_of(source)):
        raise LapilliError("--dt is of NIR files, and none is read or written")
    network = with_readout(_of_run(source) if folder else _read(source, dt), readout)
    if not folder and _format_of(source) == "nir":
        print(f"{printable(source)}: {_RESET}", file=sys.stderr)
    _save(network, out, written, dt)
    say(_written(network, out))


def _export_quantised(
    source: str, out: str, written: FileFormat, dt: float | None, readout: str | None, options: QuantiseOptions
) -> None:
    if is_folder(source) or _format_of(source) != "nir":
        raise LapilliError(f"--quantize is of the float network of a *.nir file, got {source}")
    network, comparison = quantised_file(source, dt, readout, options)
    _save(network, out, written, dt)
    if options.json:
        print_json({"out": out, "fingerprint": network.fingerprint, "reset": options.reset, **asdict(comparison)})
        return
    show_comparison(comparison, str(options.test or options.calibrate))
    say(_written(network, out))


def _written(network: Network, out: str) -> str:
    return f"{out}: {len(network.layers)} layers, fingerprint {network.fingerprint}"


def _save(network: Network, out: str, written: FileFormat, dt: float | None) -> None:
    if written == "nir":
        save_nir(network, out, DT if dt is None else dt)
    else:
        save(network, out)


def _format_of(path: str) -> FileFormat:
    return _SUFFIXES.get(Path(path).suffix, "netx")


def _read(path: str, dt: float | None) -> Network:
    if _format_of(path) != "nir":
        return load(path)
    try:
        return load_nir(path, dt)
    except FormatError as error:
        if not any("must be a multiple of" in problem for problem in error.problems):
            raise
        way_on = "a network of floats is rounded by --quantize --calibrate EVENTS.npz"
        raise FormatError(error.subject, [way_on, *error.problems]) from error


def _of_run(folder: str) -> Network:
    """The network that a run exported, or, where it did not come so far, that of its weights."""
    run = run_folder(folder)
    if run.network.is_file() or not run.weights.is_file():
        return load(find_run(folder)[0])
    network: Network = training_module("lapilli.training.exported.export").load_module(run.path).export()
    return network
