"""Write down what lapilli's own packed files hold, as `convert` compares with it.

    python -m lapilli.training.data.converters.own ../shared/data > training/data/converters/own.yaml

reads every packed file of that folder.
"""

import sys
from pathlib import Path

from lapilli.training.data.converters.contents import contents_of
from lapilli.training.data.origins import ORIGINS

_HEADER = "# What lapilli's own packed files hold; `python -m lapilli.training.data.converters.own` writes this file."


def written(folder: Path) -> str:
    """The table as YAML, in the order of the origins.

    Arguments:
        folder: with all packed files.

    Raises:
        LapilliError: when one cannot be read.
    """
    lines = [_HEADER]
    for file in dict.fromkeys(file for origin in ORIGINS.values() for file in origin.packed):
        lines.append(f"{file}:")
        for name, content in contents_of(folder / file).items():
            facts = f'type: "{content.type}", shape: {list(content.shape)}, sha256: "{content.sha256}"'
            lines.append(f"  {name}: {{{facts}}}")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(written(Path(sys.argv[1])))
