"""The command line as a process: `lapilli`, or `python -m lapilli`."""

from lapilli.interruption import answer_signals, ends_with


def main() -> int:
    """Run the command line; signals end it in order from here on, while it still imports too."""
    answer_signals()
    from lapilli.cli import main as run

    return ends_with(run())


if __name__ == "__main__":
    import sys

    sys.exit(main())
