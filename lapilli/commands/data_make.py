"""`lapilli data make`."""

from lapilli.commands.data import catalogue
from lapilli.netx_exports import LapilliError
from lapilli.output import print_json, progress_bar
from lapilli.paths import EVENTS, check_outputs
from lapilli.printable import say
from lapilli.simulators.recording.plots import picture_format

LIMITS = {"sequences": (1, 65_536), "side": (8, 256), "duration_ms": (1, 10_000), "seed": (0, (1 << 32) - 1)}


def data_make(
    what: str,
    /,
    *,
    out: str,
    sequences: int = 60,
    side: int = 64,
    duration_ms: int = 200,
    seed: int = 0,
    picture: str | None = None,
    json: bool = False,
) -> None:
    """Make simulated data with exact truth: "flow" renders photographs that move in front of an event camera.

    Each sequence moves a piece of a photograph by a homography. The file has its events and the motion, from which the
    flow of every pixel follows. Textures for training, validation and test differ. Equal options give equal bytes.

    Arguments:
        what: "flow".
        out: file (.npz) to write.
        sequences: how many; of every six, four are for training, one for validation and one for the test.
        side: rows, and columns, of the camera.
        duration_ms: of each sequence.
        seed: of textures, motions and pixels.
        picture: also draw the first sequence, its events and its flow (.png or .svg).
        json: print what was made as JSON.
    """
    if what != "flow":
        raise LapilliError(f"data make: must be flow, got {what!r}")
    _check({"sequences": sequences, "side": side, "duration_ms": duration_ms, "seed": seed})
    if picture is not None:
        picture_format(picture)
    check_outputs((), {"out": out, "picture": picture}, EVENTS)
    catalogue()
    from lapilli.training.data.flow.pictures import draw_flow
    from lapilli.training.data.flow.pixels import PixelModel
    from lapilli.training.data.flow.sequences import make_sequences, save_sequences

    with progress_bar("rendering", sequences) as advance:
        found = make_sequences(sequences, side, duration_ms * 1000, seed, PixelModel(), advance)
    save_sequences(found, out)
    if picture is not None:
        draw_flow(found, 0, picture)
    n_events = sum(len(sequence.events) for sequence in found.sequences)
    if json:
        facts = {"sequences": sequences, "side": side, "duration_ms": duration_ms, "seed": seed}
        print_json({"out": out, **facts, "events": n_events, "picture": picture})
    else:
        words = f"{sequences:,} simulated sequences of {duration_ms:,} ms, {side} × {side} pixels, {n_events:,} events"
        say(f"{out}: {words}" + (f"; picture: {picture}" if picture else ""))


def _check(chosen: dict[str, int]) -> None:
    for name, number in chosen.items():
        low, high = LIMITS[name]
        if not low <= number <= high:
            raise LapilliError(f"{name}: must be {low}…{high}, got {number}")
