"""`lapilli export`."""

from lapilli.commands.train import options_from


def export(run: str, /, *, out: str) -> None:
    """Export the network of a training run to a NetX HDF5 file.

    Arguments:
        run: run folder of `lapilli train`.
        out: file to write.
    """
    options_from()
    from training.export import export_run

    network = export_run(run, out)
    print(f"{out}: {len(network.layers)} layers, fingerprint {network.fingerprint}")
