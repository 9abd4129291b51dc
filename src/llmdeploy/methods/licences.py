"""What a licence of a model asks for, by the hub's tag. Facts in short words, no legal advice."""

from __future__ import annotations

from typing import Final

FORBIDDEN: Final = {
    "cc-by-nc-4.0": "CC BY-NC 4.0 forbids commercial use",
    "cc-by-nc-sa-4.0": "CC BY-NC-SA 4.0 forbids commercial use",
    "qwen-research": "the Qwen Research licence forbids commercial use",
    "mrl": "the Mistral Research licence forbids commercial use",
    "mnpl": "the Mistral Non-Production licence forbids use in production",
    "exaone": "the EXAONE licence forbids commercial use",
    "other-non-commercial": "its licence forbids commercial use",
}
CONDITIONS: Final = {
    "llama2": "a licence of Meta's own is needed above 700 million monthly users",
    "llama3": "a licence of Meta's own is needed above 700 million monthly users; say 'Built with Meta Llama 3'",
    "llama3.1": "a licence of Meta's own is needed above 700 million monthly users; say 'Built with Llama'",
    "llama3.2": "a licence of Meta's own is needed above 700 million monthly users; say 'Built with Llama'",
    "llama3.3": "a licence of Meta's own is needed above 700 million monthly users; say 'Built with Llama'",
    "llama4": "a licence of Meta's own is needed above 700 million monthly users; say 'Built with Llama'",
    "gemma": "Google's prohibited uses hold, and must be passed on",
    "falcon-llm-license": "hosting it for others needs TII's permission",
    "deepseek": "uses named in its attachment A are forbidden",
    "jamba-open-model-license": "AI21's permission is needed above 50 million USD of yearly revenue",
    "lfm1.0": "Liquid AI's permission is needed above 10 million USD of yearly revenue",
    "other": "its licence is the publisher's own: read it",
    "unknown": "no licence is known",
}
LICENCE_HINT: Final = "take another model, or write `use: research` under model where it is research"


def forbids(licence: str) -> str:
    """Why commercial use is forbidden, or an empty text."""
    return FORBIDDEN.get(licence, "")


def condition(licence: str) -> str:
    """What it asks for, or an empty text."""
    return CONDITIONS.get(licence, "")
