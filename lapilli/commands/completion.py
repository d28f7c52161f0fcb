"""`lapilli completion`."""

from typing import Literal

from lapilli.completion import completion_script
from lapilli.output import progress_line

Shell = Literal["bash", "zsh", "fish"]


def completion(*, shell: Shell = "bash") -> None:
    """Print what a shell needs to complete verbs, options and their values when Tab is pressed.

    Arguments:
        shell: whose script to print. bash reads it from ~/.local/share/bash-completion/completions/lapilli, zsh from
            `_lapilli` in a folder of its fpath, fish from a file in ~/.config/fish/completions.
    """
    with progress_line("looking at the options of all verbs"):
        script = completion_script(shell)
    print(script)
