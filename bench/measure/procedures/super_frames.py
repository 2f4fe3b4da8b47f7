# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP super-frames of 64 KiB from guest to guest. A switch that supports them passes them on whole."""
from ..case import Case
from ..load import flow

SIZE = 14 + 20 + 20 + 44 * 1460 + 4  # octets with FCS: as many whole segments as Linux puts into one
WINDOW = 128  # half of the rings that such large buffers allow


def cases(options):
    flows = [flow(0, 1, SIZE, window=WINDOW)]

    def sample(scene):
        scene.teach([flow(0, 1), flow(1, 0)])
        trial = scene.frames(flows, options.seconds)
        # Cut frames are many, so the received number counts only up to the sent number.
        return {"value": trial.rate * SIZE, **trial.costs(trial.rate * trial.window["seconds"] * SIZE)}

    yield Case("super_frames", "TCP super-frames of 64 KiB", "octets/s", sample, kinds=("vhost",), super_frames=True,
               parameters={"size": SIZE})
