"""`lapilli zoo add`."""

from typing import Literal

from lapilli.output import progress_line
from lapilli.printable import say
from lapilli.simulators.run import BackendName


def zoo_add(
    run_folder: str,
    name: str,
    /,
    *,
    title: str,
    command: str | None = None,
    proof_samples: int = 4,
    backends: list[BackendName | Literal["module"]] | None = None,
    time_limit_s: float | None = None,
) -> None:
    """For maintainers: put the network of a finished run into the zoo, measured on the whole test part and proven.

    Arguments:
        run_folder: of a finished run, with its weights and its summary.
        name: that the network has in the zoo.
        title: what it does, in a sentence.
        command: that trains it again; needed where the run began with another run, else its configuration says it.
        proof_samples: on how many test samples the trained module and the backends are compared.
        backends: what to compare, as [module,reference,fast]; if not given, the module and all that can run.
        time_limit_s: seconds after which a Lava run is killed.
    """
    # Late, because it needs what training needs.
    from lapilli.zoo.making import Asked, add_entry

    chosen = None if backends is None else tuple(backends)
    asked = Asked(name, title, command, proof_samples, chosen, time_limit_s)
    with progress_line("measuring") as say_now:
        done = 0

        def advance(n: int) -> None:
            nonlocal done
            done += n
            say_now(f"measuring: {done:,} samples are done")

        card = add_entry(run_folder, asked, advance)
    say(f"zoo:{name}: {card.accuracy:.2%} of {card.samples:,} samples, {card.operations:,.1f} operations in a sample")
