"""`export_run`: the network of a finished run, rebuilt from its configuration and weights."""

from pathlib import Path

from lapilli.netx_exports import Network, save
from lapilli.netx_exports.errors import FormatError
from lapilli.netx_exports.files import PathLike
from lapilli.training.loop.run_folder import RunFolder, read_config, read_weights
from lapilli.training.networks.kinds import NETWORKS, read_network_config
from lapilli.training.networks.trainable import TrainableNetwork


def export_run(run_dir: PathLike, out: PathLike) -> Network:
    """Write the network of a run to a `.net` file.

    Arguments:
        run_dir: folder of a finished run (`lapilli.training.loop.run_folder`).
        out: the file to write.

    Returns:
        The network that was written.

    Raises:
        LapilliError: when the folder holds no finished run or `out` cannot be written.
        FormatError: when configuration and weights are damaged or do not fit each other.
        UnsupportedError: when the trained parameters have no exact integer form.
    """
    network = load_module(run_dir).export()
    save(network, out)
    return network


def load_module(run_dir: PathLike) -> TrainableNetwork:
    """The module of a finished run, with its weights.

    Raises:
        LapilliError: when the folder holds no finished run.
        FormatError: when configuration and weights are damaged or do not fit each other.
    """
    folder = RunFolder(Path(run_dir))
    config = read_network_config(read_config(folder), folder.config)
    weights, facts = read_weights(folder)
    try:
        module = NETWORKS[type(config)].from_facts(config, facts)
        module.load_state_dict(weights)
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        # torch lists missing, unexpected and ill-shaped tensors on several lines.
        problem = " ".join(str(error).split())
        raise FormatError(str(folder.weights), [f"does not fit {folder.config.name} ({problem})"]) from error
    return module.eval()
