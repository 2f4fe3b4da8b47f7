# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests, one in each module. A module has cases(options), which yields its measurements in order."""
from . import (address_capacity, address_rate, back_to_back, broadcast, congestion, errored, idle, latency, loss, pressure,
               rate, super_frames, tcp, throughput, workers)

PROCEDURES = {"rate": rate, "throughput": throughput, "loss": loss, "back_to_back": back_to_back, "latency": latency,
              "broadcast": broadcast, "address_capacity": address_capacity, "address_rate": address_rate,
              "errored": errored, "congestion": congestion, "pressure": pressure, "tcp": tcp,
              "super_frames": super_frames, "idle": idle,
              "workers": workers}
