"""Curves of temporal generalisation as rows of a table over seeds (`studies.collect.collect`), and back."""

from collections.abc import Mapping, Sequence

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.methods.temporal import Curve, TemporalCurves
from lapilli.training.studies.collect import Row

KEYS = ("protocol", "frames")
"""Columns that tell apart the rows of one training: `keys` of `collect`."""

_PROTOCOLS = ("first_frames", "rebinned")


def curve_rows(curves: TemporalCurves) -> list[Row]:
    """A row for each protocol and number of frames: columns protocol, frames, test_accuracy (6 decimals)."""
    found = {"first_frames": curves.first_frames, "rebinned": curves.rebinned}
    return [
        {"protocol": protocol, "frames": frames, "test_accuracy": round(right, 6)}
        for protocol, curve in found.items()
        if curve is not None
        for frames, right in zip(curve.frames, curve.accuracies)
    ]


def curves_of_rows(rows: Sequence[Mapping[str, object]], name: str) -> dict[str, list[TemporalCurves]]:
    """What `draw_curves` draws, from the rows of a table, in the order in which they stand there.

    Arguments:
        rows: of `collect`, text or not.
        name: column of the methods' names.

    Raises:
        LapilliError: for rows of another kind, or a training without a curve of the first frames.
    """
    found: dict[tuple[str, str], dict[str, list[tuple[int, float]]]] = {}
    for row in rows:
        if missing := {name, "seed", "test_accuracy", *KEYS} - row.keys():
            raise LapilliError(f"curves: rows have no {', '.join(sorted(missing))}")
        if row["protocol"] not in _PROTOCOLS:
            raise LapilliError(f"protocol: must be one of {', '.join(_PROTOCOLS)}, got {row['protocol']!r}")
        of_training = found.setdefault((str(row[name]), str(row["seed"])), {})
        point = (int(str(row["frames"])), float(str(row["test_accuracy"])))
        of_training.setdefault(str(row["protocol"]), []).append(point)
    curves: dict[str, list[TemporalCurves]] = {}
    for (method, seed), protocols in found.items():
        if "first_frames" not in protocols:
            raise LapilliError(f"curves of {method!r}, seed {seed}: no rows of the first frames")
        of_protocol = {protocol: Curve(*zip(*sorted(points))) for protocol, points in protocols.items()}
        curves.setdefault(method, []).append(TemporalCurves(**of_protocol))
    return curves
