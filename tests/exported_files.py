"""`lapilli export` as tests call it."""

import pytest

from lapilli import cli


def export(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Status, standard output and error stream of the command."""
    try:
        status = cli.main(("export", *words))
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err
