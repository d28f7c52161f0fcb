"""`lapilli data convert`."""

from pathlib import Path

from lapilli.commands.data import catalogue
from lapilli.output import print_json, progress_line
from lapilli.printable import say


def data_convert(name: str, origin: str, /, *, json: bool = False) -> int:
    """Make the packed files of a data set from a folder with its public origin, and compare them with lapilli's own.

    The files go to the folder that LAPILLI_DATA names. One that is there already is left as it is, and compared. Exit
    status: 0 when all hold what lapilli's own hold, 1 when one differs.

    Arguments:
        name: of the data set; `lapilli data list` says where its origin is.
        origin: folder with the origin: a clone of the repository, or the unpacked official files.
        json: print what was made as JSON.
    """
    # The catalogue says what is not installed.
    catalogue()
    from lapilli.training.data.converters.convert import convert

    with progress_line(f"converting {name}") as tell:
        found = convert(name, Path(origin), tell)
    if json:
        rows = [
            {"file": str(one.path), "kept": one.kept, "same": not one.differences, "differences": [*one.differences]}
            for one in found
        ]
        print_json({"name": name, "files": rows})
        return int(any(one.differences for one in found))
    for one in found:
        before = " (it was there before)" if one.kept else ""
        if one.differences:
            say(f"{one.path}{before} differs from lapilli's own: {'; '.join(one.differences)}")
        else:
            say(f"{one.path}{before} holds the same as lapilli's own")
    return int(any(one.differences for one in found))
