"""What the name of a repository says: which model, and how somebody has quantized it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from llmdeploy.sizing.catalogue.rows import key_of

PLAIN: Final = frozenset({"instruct", "chat", "it", "hf", "gguf"})
# Words at the end of a name -> the quantization that they say; empty for words that go along with one.
QUANTIZING: Final = {
    "awq": "awq", "gptq": "gptq", "fp8": "fp8", "nvfp4": "nvfp4", "fp4": "nvfp4", "mxfp4": "mxfp4", "int8": "int8",
    "w8a8": "int8", "w4a16": "gptq", "w8a16": "gptq-int8", "bnb": "nf4", "nf4": "nf4", "int4": "awq", "4bit": "awq",
    "8bit": "int8", "quantized": "", "dynamic": "", "static": "", "kv": "", "autoround": "", "auto": "", "round": "",
    "ct": "", "qat": "", "bf16": "", "fp16": "", "unsloth": "", "marlin": "", "block": "", "channel": "",
    "pertensor": "", "sym": "", "g128": "", "text": "", "only": "",
}  # fmt: skip
FIRST: Final = (
    "gptq",
    "bnb",
    "nf4",
    "awq",
    "w4a16",
    "w8a16",
    "nvfp4",
    "mxfp4",
    "fp4",
    "fp8",
    "w8a8",
    "int8",
    "int4",
    "4bit",
    "8bit",
)
EIGHT_BITS: Final = {"gptq": "gptq-int8"}
OWN_WAYS: Final = {("meta-llama", "fp8"): "fbgemm-fp8"}  # publishers whose ending means something of their own


@dataclass(frozen=True)
class Said:
    """`bare` is the model's part as a key to compare by, `quantization` a name of ours, empty where none is said."""

    bare: str
    quantization: str


def said_by(name: str) -> Said:
    """`TheBloke/Llama-2-7B-Chat-AWQ` is llama27b in awq; case and dashes do not matter."""
    owner, _, last = name.rpartition("/")
    words = [word for word in re.split(r"[-_.: ]+(?![0-9])|[-_: ]", last.lower()) if word]
    quantizing: list[str] = []
    while len(words) > 1 and words[-1] in QUANTIZING:
        quantizing.append(words.pop())
    if len(words) > 1 and words[-1] in PLAIN:
        words.pop()
    return Said(key_of("".join(words)), _quantization(owner.lower(), quantizing))


def _quantization(owner: str, words: list[str]) -> str:
    """The word that says most: a method before bits."""
    word = next((one for one in FIRST if one in words), "")
    if not word:
        return ""
    found = QUANTIZING[word]
    if "int8" in words or "8bit" in words:
        found = EIGHT_BITS.get(found, found)
    return OWN_WAYS.get((owner, found), found)
