"""`lapilli data convert`."""

from pathlib import Path
from typing import Any

from lapilli.netx_exports.installing import data_sets_need
from lapilli.output import print_json, progress_line
from lapilli.printable import say
from lapilli.training.data.origins import check_convertible


def data_convert(name: str, origin: str, /, *, json: bool = False) -> int:
    """Make the packed files of a data set from a folder with its public origin, and compare them with lapilli's own.

    The files go to the folder that LAPILLI_DATA names. One that is there already is left as it is, and compared. Exit
    status: 0 when all hold what lapilli's own hold, 1 when one differs.

    Arguments:
        name: of the data set; `lapilli data list` says where its origin is.
        origin: folder with the origin: a clone of the repository, or the unpacked official files.
        json: print what was made as JSON.
    """
    check_convertible(name)
    with progress_line(f"converting {name}") as tell:
        found = _converted(name, Path(origin), tell)
    if json:
        print_json({"name": name, "files": [_facts(one) for one in found]})
    else:
        for one in found:
            say(_sentence(one))
    return int(any(one.differences for one in found))


def _converted(name: str, origin: Path, tell: Any) -> list[Any]:
    try:
        from lapilli.training.data.converters.convert import convert

        return convert(name, origin, tell)
    except ModuleNotFoundError as error:
        raise data_sets_need(error) from error


def _facts(one: Any) -> dict[str, Any]:
    same = not one.differences
    return {"file": str(one.path), "kept": one.kept, "same": same, "differences": list(one.differences)}


def _sentence(one: Any) -> str:
    file = f"{one.path}, which was there before," if one.kept else str(one.path)
    if one.differences:
        return f"{file} differs from lapilli's own: {'; '.join(one.differences)}"
    return f"{file} holds the same as lapilli's own"
