"""The marks that models put around their reasoning and their answer: one table for all readers.

Each row is a fact of a published chat template, or of the reasoning parser that a server carries
for the family. Marks in ``<`` are compared without regard to case,
others as they are written: ``[thinking]`` is prose.

========= ====================================================================================
reasoning what stands between opening and closing mark is dropped. Unclosed, it leaves nothing;
          a closing mark without its opening one drops all that precedes it, for templates open
          the thought in the prompt
final     the final channel: only what follows counts, up to the closing mark. Its marks are
          special tokens, which reasoning does not quote, so they also end a thought
answer    a box or tag: its content is read as if it followed ``Final answer:``
turn      begins somebody else's turn: nothing from there on counts
========= ====================================================================================

``WORDS`` are words in place of marks: what remains of marks when a tokenizer removes its special
tokens, and Granite's and HyperCLOVA's own. They count only where the response begins with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(str, Enum):
    """What a mark does; the table above says how."""

    REASONING = "reasoning"
    FINAL = "final"
    ANSWER = "answer"
    TURN = "turn"


@dataclass(frozen=True)
class Marks:
    """One pair of marks.

    Attributes:
        family: the models that write them.
        kind: what they do.
        opening: the mark before.
        closing: the mark after; empty where nothing closes it.
        source: a public page that shows them.
        alone: whether the closing mark says that there was reasoning where no mark opened it. The
            end of any message does not.
        glued: of words, whether text follows without a space, as it does after a removed token.
    """

    family: str
    kind: Kind
    opening: str
    closing: str
    source: str
    alone: bool = True
    glued: bool = False


def _vllm(commit: str, path: str) -> str:
    return f"https://github.com/vllm-project/vllm/blob/{commit}/vllm/{path}_reasoning_parser.py"


def _vllm_of(family: str) -> str:
    commit = "055e47c28003156421365af985d676fc921cb075"
    return _vllm(commit, f"frontend/processing/reasoning/{family}")


_SGLANG = (
    "https://github.com/sgl-project/sglang/blob/002e9bfc90a037dc912d3e8525dee06d5d789aa8/"
    "python/sglang/srt/parser/reasoning_parser.py"
)
_HARMONY = (
    "https://github.com/openai/harmony/blob/20cd04c17fa327f01f9f28240fb70183d4feb406/docs/format.md"
)
_COHERE = _vllm("01e4fce07423dafcc832600ba05159fb28dc1126", "reasoning/cohere_command")
_SOLAR = _vllm("c6cdf9111e439b070e6650c53aa9d8787af5808b", "reasoning/solar_open2")
_LONGCAT = _vllm("86c6857c47d64ea82abe23a87f270e072a6bb4c5", "reasoning/longcat")
_HORIZON = _vllm("90fb4adca2def7d949bca2abb7887b712a00dca4", "reasoning/k2_horizon")
_PANGU = _vllm("4ade7b8d2b108b252b1c0d26c7e003d129fcd606", "reasoning/pangu")
_HUNYUAN = _vllm("0011c7437d0d4c2eec6fd88449a9134bd35c0efa", "reasoning/hunyuan_a13b")
_GRANITE = _vllm("04dbd8f32c4dc8ef1254eeaabd154a225948cf57", "reasoning/granite")
_CLOVA = _vllm("0676dfcb47f707cc07dd84efec78363bc0f591b1", "reasoning/hyperclovax_seed_think_14b")
_SKY_T1 = "https://github.com/NovaSky-AI/SkyThought"
_LLAVA_COT = "https://github.com/PKU-YuanGroup/LLaVA-CoT"
_MEDGEMMA = "https://ollama.com/jordimurgo/medgemma1.5-thinking"
_GLM_V = "https://huggingface.co/mlx-community/GLM-4.5V-4bit/blob/main/tokenizer_config.json"
_R1 = "https://arxiv.org/abs/2501.12948"  # appendix: the template
_APRIEL = "https://huggingface.co/ServiceNow-AI/Apriel-1.5-15b-Thinker"
_MINITHINKY = "https://huggingface.co/ngxson/MiniThinky-1B-Llama-3.2-Q8_0-GGUF"
_REFLECTION = "https://huggingface.co/mattshumer/Reflection-70B-Draft"
_MATH = "https://arxiv.org/abs/2103.03874"  # the MATH data set's convention
_LLAMA = "https://www.llama.com/docs/model-cards-and-prompt-formats/llama3_1"
_PHI = "https://huggingface.co/microsoft/Phi-3.5-vision-instruct"
_GEMMA = "https://ai.google.dev/gemma/docs/core/prompt-structure"
_GEMMA_4 = "https://ai.google.dev/gemma/docs/core/prompt-formatting-gemma4"

_THINK, _FINAL, _ANSWER, _TURN = Kind.REASONING, Kind.FINAL, Kind.ANSWER, Kind.TURN

# fmt: off
MARKS = (
    Marks("DeepSeek, Qwen, GLM, InternVL, MiMo, Nemotron, Step, ERNIE", _THINK,
          "<think>", "</think>", _SGLANG),
    Marks("Kimi-VL", _THINK, "◁think▷", "◁/think▷", _SGLANG),
    Marks("Kimi K3", _THINK, "<|open|>think<|sep|>", "<|close|>think<|sep|>", _SGLANG),
    Marks("gpt-oss", _THINK, "<|channel|>analysis<|message|>", "<|end|>", _HARMONY, alone=False),
    Marks("gpt-oss", _THINK, "<|channel|>commentary<|message|>", "<|end|>", _HARMONY, alone=False),
    Marks("Gemma 4", _THINK, "<|channel>", "<channel|>", _SGLANG),
    Marks("MedGemma 1.5", _THINK, "<unused94>", "<unused95>", _MEDGEMMA),
    Marks("Magistral, Mistral", _THINK, "[THINK]", "[/THINK]", _SGLANG),
    Marks("Command A, Command 4", _THINK, "<|START_THINKING|>", "<|END_THINKING|>", _SGLANG),
    Marks("Apertus", _THINK, "<|inner_prefix|>", "<|inner_suffix|>", _SGLANG),
    Marks("Solar Open 2", _THINK, "<|think:start|>", "<|think:end|>", _SOLAR),
    Marks("Inkling", _THINK, "<|content_thinking|>", "<|end_message|>", _SGLANG, alone=False),
    Marks("MiniMax M3", _THINK, "<mm:think>", "</mm:think>", _SGLANG),
    Marks("Seed-OSS", _THINK, "<seed:think>", "</seed:think>", _vllm_of("seed_oss_engine")),
    Marks("Hunyuan 3", _THINK, "<think:opensource>", "</think:opensource>", _vllm_of("hy_v3")),
    Marks("LongCat", _THINK, "<longcat_think>", "</longcat_think>", _LONGCAT),
    Marks("K2 Horizon", _THINK, "<ifm|think>", "</ifm|think>", _HORIZON),
    Marks("K2 Horizon", _THINK, "<ifm|think_fast>", "</ifm|think_fast>", _HORIZON),
    Marks("K2 Horizon", _THINK, "<ifm|think_faster>", "</ifm|think_faster>", _HORIZON),
    Marks("openPangu", _THINK, "[unused16]", "[unused17]", _PANGU),
    Marks("Sky-T1, OpenThinker", _THINK, "<|begin_of_thought|>", "<|end_of_thought|>", _SKY_T1),
    Marks("LLaVA-CoT", _THINK, "<SUMMARY>", "</SUMMARY>", _LLAVA_COT),
    Marks("LLaVA-CoT", _THINK, "<CAPTION>", "</CAPTION>", _LLAVA_COT),
    Marks("LLaVA-CoT", _THINK, "<REASONING>", "</REASONING>", _LLAVA_COT),
    Marks("gpt-oss", _FINAL, "<|channel|>final<|message|>", "<|end|>", _HARMONY),
    Marks("gpt-oss", _FINAL, "<|channel|>final <|constrain|>json<|message|>", "<|end|>", _HARMONY),
    Marks("Kimi K3", _FINAL, "<|open|>response<|sep|>", "<|close|>response<|sep|>", _SGLANG),
    Marks("Command 4", _FINAL, "<|START_TEXT|>", "<|END_TEXT|>", _SGLANG),
    Marks("Command A", _FINAL, "<|START_RESPONSE|>", "<|END_RESPONSE|>", _COHERE),
    Marks("Inkling", _FINAL, "<|content_text|>", "<|end_message|>", _SGLANG),
    Marks("Sky-T1, OpenThinker", _FINAL, "<|begin_of_solution|>", "<|end_of_solution|>", _SKY_T1),
    Marks("Apriel", _FINAL, "[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]", _APRIEL),
    Marks("MiniThinky", _FINAL, "<|answer|>", "<|end_of_text|>", _MINITHINKY),
    Marks("GLM-V", _ANSWER, "<|begin_of_box|>", "<|end_of_box|>", _GLM_V),
    Marks("any", _ANSWER, r"\boxed{", "}", _MATH),
    Marks("any", _ANSWER, r"\fbox{", "}", _MATH),
    Marks("any", _ANSWER, r"\framebox{", "}", _MATH),
    Marks("Hunyuan A13B, GLM-4.1V, R1-like", _ANSWER, "<answer>", "</answer>", _HUNYUAN),
    Marks("R1-like", _ANSWER, "<final_answer>", "</final_answer>", _R1),
    Marks("R1-like", _ANSWER, "<solution>", "</solution>", _R1),
    Marks("Reflection", _ANSWER, "<output>", "</output>", _REFLECTION),
    Marks("R1-like", _ANSWER, "<result>", "</result>", _R1),
    Marks("R1-like", _ANSWER, "<verdict>", "</verdict>", _R1),
    Marks("ERNIE 4.5, Granite 3.3", _ANSWER, "<response>", "</response>", _vllm_of("ernie45")),
    Marks("LLaVA-CoT", _ANSWER, "<CONCLUSION>", "</CONCLUSION>", _LLAVA_COT),
    Marks("in Latvian", _ANSWER, "<atbilde>", "</atbilde>", _R1),
    Marks("in Latvian", _ANSWER, "<secinājums>", "</secinājums>", _LLAVA_COT),
    Marks("Qwen and other ChatML", _TURN, "<|im_start|>user", "", _CLOVA),
    Marks("gpt-oss", _TURN, "<|start|>user", "", _HARMONY),
    Marks("Llama 3", _TURN, "<|start_header_id|>user", "", _LLAMA),
    Marks("Phi, GLM", _TURN, "<|user|>", "", _PHI),
    Marks("Gemma", _TURN, "<start_of_turn>user", "", _GEMMA),
    Marks("Gemma 4", _TURN, "<|turn>user", "", _GEMMA_4),
)

WORDS = (
    Marks("gpt-oss", _THINK, "analysis", "assistantfinal", _HARMONY, glued=True),
    Marks("gpt-oss", _THINK, "commentary", "assistantfinal", _HARMONY, glued=True),
    Marks("gpt-oss", _FINAL, "final", "", _HARMONY, glued=True),
    Marks("Kimi K3", _THINK, "think", "thinkresponse", _SGLANG, glued=True),
    Marks("Kimi K3", _FINAL, "response", "response", _SGLANG, glued=True),
    Marks("Gemma 4", _THINK, "thought\n", "", _SGLANG),
    Marks("Muse Glimmer", _THINK, "to=self", "to=user", _vllm_of("muse_glimmer")),
    Marks("Muse Glimmer", _FINAL, "to=user", "", _vllm_of("muse_glimmer")),
    Marks("HyperCLOVA X Think", _THINK, "/think\n", "<|im_end|>\n<|im_start|>assistant", _CLOVA),
    Marks("Apriel", _THINK, "Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]", _APRIEL),
    Marks("Granite 3.2", _THINK, "Here is my thought process:", "Here is my response:", _GRANITE),
    Marks("Granite 3.2", _THINK, "Here's my thought process:", "Here's my response:", _GRANITE),
)
# fmt: on
