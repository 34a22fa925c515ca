"""Where a model is computed."""

from __future__ import annotations

import torch

from itr_bench.errors import ItrBenchError


def choose_device(name: str) -> torch.device:
    """Return the device called *name*: ``auto`` (the first GPU, else the CPU), ``cpu``, ``cuda``
    or ``cuda:N``.

    Raises:
        ItrBenchError: there is none of that name here.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(name)
    except RuntimeError as error:
        raise ItrBenchError(
            f"device {name!r}, expected auto, cpu, cuda or cuda:N ({error})"
        ) from error
    if place.type not in ("cpu", "cuda"):
        raise ItrBenchError(f"device {name!r}, expected auto, cpu, cuda or cuda:N")
    if place.type == "cuda" and (place.index or 0) >= torch.cuda.device_count():
        raise ItrBenchError(
            f"device {name!r}: this machine has {torch.cuda.device_count()} CUDA devices; "
            "take the device cpu, or a machine with one"
        )
    return torch.device("cuda:0") if str(place) == "cuda" else place


def seed_everywhere(seed: int) -> None:
    """Seed PyTorch's global generators, of the CPU and of all other devices.

    The random numbers are those after ``torch.manual_seed``. That one also formats a traceback
    for each kind of device that is not there, which on a CPU takes longer than a short request.
    """
    if torch.accelerator.is_available():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)
