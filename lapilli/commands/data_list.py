"""`lapilli data list`."""

from importlib.util import find_spec
from typing import Any

from lapilli.commands.data import catalogue
from lapilli.netx_exports.installing import how_to_install_module
from lapilli.output import NumberText, print_json, print_lines, print_table
from lapilli.training.data.folders import data_folder, find_file, listed, search_folders
from lapilli.training.data.origins import ORIGINS

_MIB = 1 << 20


def data_list(*, json: bool = False) -> None:
    """Which data sets there are, which of them are here, under which licence, and how to get the others.

    Arguments:
        json: print it as JSON.
    """
    rows = [_facts(found) for found in catalogue().DATA_SETS.values()]
    if json:
        print_json({"data_folder": str(data_folder()), "search": [str(f) for f in search_folders()], "sets": rows})
        return
    columns = ["name", "here", "MiB", "prepared MiB", "licence"]
    print_table("data sets", columns, [_cells(row) for row in rows])
    print_lines(f"{row['name']}: {row['title']}. {row['content'][:1].upper()}{row['content'][1:]}." for row in rows)
    for module in dict.fromkeys(module for row in rows for module in row["missing_modules"]):
        print(f"what comes with {module} is not here: {how_to_install_module(module)}")
    if absent := [row for row in rows if row["missing"]]:
        print(f"what is not here, and goes to {data_folder()}:")
        print_lines(_how(row) for row in absent)
    print(f"searched: {', '.join(map(str, search_folders()))}")


def _facts(found: Any) -> dict[str, Any]:
    paths = {file: find_file(file) for file in found.files}
    absent = [module for module in found.modules if find_spec(module) is None]
    cached = catalogue().cached_folders(found.name)
    return {
        "name": found.name,
        "title": found.title,
        "content": found.content,
        "licence": found.licence,
        "origin": found.origin,
        "downloads": found.fetch is not None,
        "how": ORIGINS[found.name].how if found.name in ORIGINS else None,
        "here": not absent and None not in paths.values(),
        "missing": [file for file, path in paths.items() if path is None],
        "missing_modules": absent,
        "files": [str(path) for path in paths.values() if path is not None],
        "bytes": sum(path.stat().st_size for path in paths.values() if path is not None),
        "prepared": [str(folder) for folder in cached],
        "prepared_bytes": sum(file.stat().st_size for folder in cached for file in folder.iterdir()),
        "framing": list(found.framing),
        "split": list(found.split),
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    sizes = (NumberText(f"{row[size] / _MIB:,.1f}" if row[size] else "") for size in ("bytes", "prepared_bytes"))
    return (row["name"], "yes" if row["here"] else "no", *sizes, row["licence"])


def _how(row: dict[str, Any]) -> str:
    if row["how"]:
        return f"{row['name']}: {listed(row['missing'])}; {row['how']}"
    download = f"; `lapilli data prepare {row['name']}` downloads them" if row["downloads"] else ""
    return f"{row['name']}: {listed(row['missing'])}, from {row['origin']}{download}"
