"""`lapilli data show`."""

from lapilli.commands.data import catalogue, with_lines
from lapilli.netx_exports import LapilliError
from lapilli.paths import PICTURES, check_outputs
from lapilli.printable import say
from lapilli.simulators.recording.plots import picture_format
from lapilli.training.data.framing import Framing, Lines, Split
from lapilli.training.data.origins import check_packed
from lapilli.training.data.sets import PartName


def data_show(
    name: str,
    /,
    *,
    out: str,
    sample: int = 0,
    part: PartName = "train",
    framing: Framing = Framing(),
    split: Split = Split(),
    lines: Lines = "none",
) -> None:
    """Draw a sample as it reaches a network: a raster of spikes, or pictures of what a camera sees step by step.

    Arguments:
        name: of the data set; `lapilli data list` has them.
        out: picture to write, .png or .svg.
        sample: which sample of the part.
        part: "train", "validation" or "test".
        framing: how recordings become steps.
        split: which samples belong to which part.
        lines: inputs beside the channels, "valid" or "valid and keys", as `data.lines` of a training.
    """
    picture_format(out)
    check_outputs((), {"out": out}, PICTURES)
    check_packed(name)
    found = catalogue().prepared(name, framing, split)
    samples = with_lines({part: found.part(part)}, lines)[part]
    if not 0 <= sample < len(samples):
        raise LapilliError(f"sample: the {part} part of {name} has {len(samples)} samples, got {sample}")
    events = samples.select([sample])
    known = f", group {samples.groups[sample]}" if samples.groups[sample] >= 0 else ""
    title = f"{name}, {part} sample {sample}: {found.classes[samples.labels[sample]]}{known}"
    from lapilli.training.data.pictures import draw_sample

    draw_sample(events, int(samples.lengths[sample]), found.step_ms, out, title)
    say(f"picture: {out}")
