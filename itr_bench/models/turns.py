"""Which of lmms-eval's adapters put a chat of several turns with images to their model.

Found by reading the chat adapters of lmms-eval 0.7.3 and, for ``llava_hf`` and ``qwen2_5_vl``, by
running them. The others take one turn only, or the first image only, or leave answers out.
"""

from __future__ import annotations

from itr_bench.errors import RunError
from itr_bench.tasks.spec import TaskSpec

NO_ORDER = (
    "this adapter gets text and image apart and puts them in an order of its own; take --model "
    "itr_vlm, or an adapter with a chat class"
)

_INSTEAD = "take --model itr_vlm, or another adapter that takes chats with several images"

# By whether lmms-eval has a simple class of that name, too, which --force_simple takes.
_CHAT_ONLY = frozenset(
    {
        *("async_openai", "async_openai_compatible", "async_openai_compatible_chat"),
        *("internvl_hf", "llava_onevision2", "nanovlm", "sglang", "vllm_generate"),
    }
)
_BOTH = frozenset(
    {
        *("gemini", "gemini_api", "litellm", "litellm_chat", "litellm_compatible"),
        *("openai", "openai_compatible", "openai_compatible_chat"),
        *("llava_hf", "llava_onevision1_5", "phi4_multimodal", "vllm"),
        *("qwen2_5_omni", "qwen2_5_vl", "qwen3_5", "qwen3_omni", "qwen3_vl"),
    }
)
_OURS = frozenset({"itr_vlm", "itr_baseline"})  # the baseline looks at no prompt

_OTHERS = {
    **dict.fromkeys(
        ("bagel_lmms_engine", "lfm2_5_vl", "fastvideo"), "it takes the first image of a chat alone"
    ),
    **dict.fromkeys(
        ("minicpm_o", "baichuan_omni", "omnivinci", "neo_ov"),
        "it puts all turns of a chat together to one",
    ),
    "thyme": "it leaves out the answers in a chat",
    **dict.fromkeys(
        ("huggingface", "async_hf_model", "async_hf"), "it fails with this version of transformers"
    ),
}


def takes_turns(adapter: str, *, force_simple: bool = False) -> bool:
    """Whether *adapter* puts a chat of several turns with images to its model."""
    return adapter in _OURS | _CHAT_ONLY or (adapter in _BOTH and not force_simple)


def check_turns(task: TaskSpec, adapter: str, *, force_simple: bool = False) -> None:
    """Check that *adapter* can show the examples of *task* before its questions.

    Raises:
        RunError: it cannot; the message says why.
    """
    if takes_turns(adapter, force_simple=force_simple):
        return
    if adapter in _BOTH:
        raise RunError(
            f"{task.name}: --force_simple takes the class of {adapter} for one turn; leave it out"
        )
    why = _OTHERS.get(adapter, "it takes one turn only, as far as is known")
    raise RunError(
        f"--model {adapter} cannot run {task.name}, whose examples are turns of a chat: {why}; "
        f"{_INSTEAD}"
    )


def refuse_one_turn(task: str) -> RunError:
    """What to say where an adapter asks for a single turn all the same."""
    return RunError(
        f"{task}: the examples are turns of a chat, and this adapter asked for a single one; "
        f"{_INSTEAD}"
    )
