"""Forward pressure (RFC 2889 5.6): what becomes of an offered load that is greater than the switch can carry.

All ports but the last send to the last as fast as they can. The rest of the load is either refused at the ports, which
the senders notice (back pressure), or lost inside.
"""
from ..case import Case, size_words, sizes_of
from ..load import flow

PORTS = 4


def cases(options):
    size = options.sizes[0]
    flows = [flow(port, PORTS - 1, sizes_of(size)) for port in range(PORTS - 1)]

    def sample(scene):
        scene.teach(flows)
        trial = scene.frames(flows, options.seconds)
        tried = trial.offered + trial.refused
        return {"value": trial.rate, "offered": trial.offered, "refused": trial.refused,
                "refused_share": trial.refused / tried if tried else 0.0, "loss": trial.loss, **trial.costs()}

    yield Case("pressure", f"forwarding rate under pressure of {PORTS - 1} senders, {size_words(size)}", "frames/s", sample,
               ports=PORTS, parameters={"size": size, "pattern": "many_to_one"})
