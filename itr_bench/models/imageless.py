"""Which of lmms-eval's adapters fail on prompts without an image.

Found by running them on tiny checkpoints with lmms-eval 0.7.3; what is not listed is tried.
"""

from __future__ import annotations

from itr_bench.errors import RunError
from itr_bench.tasks.spec import TaskSpec

_FAILING = {
    "llava_hf": "it fails on a prompt without an image, or answers it with nothing",
    "llama_vision": "it fails on a prompt without an image",
    "phi3v": "it is not known to take a prompt without an image",
}


def check_image(task: TaskSpec, adapter: str) -> None:
    """Check that *adapter* can do without an image where *task* shows none.

    Raises:
        RunError: it cannot.
    """
    if task.variant.picture == "none" and adapter in _FAILING:
        raise RunError(
            f"--model {adapter} cannot run {task.name}: {_FAILING[adapter]}. "
            "Take --model itr_vlm, or another adapter that can do without"
        )
