"""What a family's code fixes and its config.json does not say.

Sources: the modelling code and the class defaults of transformers 5 (`configuration_*.py`, `modeling_*.py`) and of
vLLM 0.32, by family; checked against parameter counts in tests/sizing/published/parameters.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal


@dataclass(frozen=True)
class Family:
    """Traits of one `model_type`.

    `norms` counts the norms of a layer, each of the hidden width and with a bias where `norm_bias`. `qk_norm` is of one
    head's width or of all heads together. `gated` feed-forwards have three matrices, others two. `gated_query` doubles
    the query projection (an output gate). `full_every`: each n-th layer sees the whole context, the others a window,
    where the file does not say so itself. `router_bias`, `sinks`, `expert_bias`: small vectors of mixtures. `defaults`
    are the class defaults of keys that published files leave out.
    """

    tied: bool = False
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    head_bias: bool = False
    gated: bool = True
    norms: int = 2
    norm_bias: bool = False
    final_norm: bool = True
    qk_norm: Literal["", "head", "full"] = ""
    gated_query: bool = False
    full_every: int = 0
    positions: int = -1  # learned positions beyond the context; -1: none
    router_bias: bool = False
    expert_bias: bool = False
    sinks: bool = False
    embedding_norm: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)


def _head(width: int, **more: Any) -> dict[str, Any]:
    return {"head_dim": width, **more}


_LLAMA = Family()
_GPT = Family(qkv_bias=True, out_bias=True, mlp_bias=True, gated=False, norm_bias=True)
_TIED_GPT = Family(tied=True, qkv_bias=True, out_bias=True, mlp_bias=True, gated=False, norm_bias=True)
_SELDOM_SLIDING: Final = {"use_sliding_window": False, "max_window_layers": 28}
_DELTA: Final = {
    "full_attention_interval": 4, "linear_num_value_heads": 32, "linear_num_key_heads": 16, "linear_key_head_dim": 128,
    "linear_value_head_dim": 128, "linear_conv_kernel_dim": 4,
}  # fmt: skip
_GEMMA3: Final = _head(
    256, num_attention_heads=8, num_key_value_heads=4, vocab_size=262208, max_position_embeddings=131072,
    sliding_window=4096,
)  # fmt: skip

FAMILIES: Final[dict[str, Family]] = {
    "llama": Family(defaults={"max_position_embeddings": 2048}),
    "mistral": Family(defaults={"sliding_window": 4096}),
    "mistral3": _LLAMA,
    "ministral": _LLAMA,
    "ministral3": _LLAMA,
    "mixtral": Family(defaults={"num_local_experts": 8, "num_experts_per_tok": 2}),
    "llama4": Family(defaults=_head(128, num_experts_per_tok=1, interleave_moe_layer_step=1)),
    "mllama": _LLAMA,
    "qwen": Family(qkv_bias=True, defaults={"seq_length": 8192}),
    "qwen2": Family(qkv_bias=True, defaults=_SELDOM_SLIDING),
    "qwen2_vl": Family(qkv_bias=True, defaults=_SELDOM_SLIDING),
    "qwen2_5_vl": Family(qkv_bias=True, defaults=_SELDOM_SLIDING),
    "qwen2_moe": Family(
        qkv_bias=True, defaults={**_SELDOM_SLIDING, "num_experts": 60, "num_experts_per_tok": 4,
                                 "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632},
    ),
    "qwen3": Family(qk_norm="head", defaults=_head(128, **_SELDOM_SLIDING)),
    "qwen3_vl": Family(qk_norm="head", defaults=_head(128)),
    "qwen3_moe": Family(
        qk_norm="head", defaults=_head(128, num_experts=128, num_experts_per_tok=8, moe_intermediate_size=768,
                                       **_SELDOM_SLIDING),
    ),
    "qwen3_vl_moe": Family(qk_norm="head", defaults=_head(128)),
    "qwen3_next": Family(
        qk_norm="head", gated_query=True, defaults=_head(
            256, num_experts=512, num_experts_per_tok=10, moe_intermediate_size=512,
            shared_expert_intermediate_size=512, **_DELTA),
    ),
    "qwen3_5": Family(qk_norm="head", gated_query=True, defaults=_head(256, **_DELTA)),
    "qwen3_5_moe": Family(
        qk_norm="head", gated_query=True, defaults=_head(
            256, num_experts=256, num_experts_per_tok=8, moe_intermediate_size=512,
            shared_expert_intermediate_size=512, **_DELTA),
    ),
    "gemma": Family(tied=True, defaults=_head(256)),
    "gemma2": Family(
        tied=True, norms=4, full_every=2, defaults=_head(256, sliding_window=4096, max_position_embeddings=8192),
    ),
    "gemma3": Family(tied=True, norms=4, qk_norm="head", full_every=6, defaults=_GEMMA3),
    "gemma3n": Family(tied=True, norms=4, qk_norm="head", full_every=5, defaults=_GEMMA3),
    "gemma4": Family(tied=True, norms=4, qk_norm="head", full_every=6, defaults=_GEMMA3),
    "gemma4_unified": Family(tied=True, norms=4, qk_norm="head", full_every=6, defaults=_GEMMA3),
    "phi": Family(
        qkv_bias=True, out_bias=True, mlp_bias=True, head_bias=True, gated=False, norms=1, norm_bias=True,
    ),
    "phi3": _LLAMA,
    "phi3small": Family(tied=True, qkv_bias=True, out_bias=True, mlp_bias=True, norm_bias=True),
    "phimoe": Family(qkv_bias=True, out_bias=True, head_bias=True, norm_bias=True),
    "deepseek": _LLAMA,
    "deepseek_v2": _LLAMA,
    "deepseek_v3": _LLAMA,
    "deepseek_v32": _LLAMA,
    "deepseek_v4": _LLAMA,
    "kimi_k2": _LLAMA,
    "minicpm3": Family(tied=True),
    "glm4_moe_lite": _LLAMA,
    "mistral4": _LLAMA,
    "gpt_oss": Family(
        qkv_bias=True, out_bias=True, full_every=2, router_bias=True, expert_bias=True, sinks=True,
        defaults=_head(64, sliding_window=128, num_local_experts=128, num_experts_per_tok=4),
    ),
    "gpt2": Family(
        tied=True, qkv_bias=True, out_bias=True, mlp_bias=True, gated=False, norm_bias=True, positions=0,
        defaults={"n_positions": 1024, "n_layer": 12, "n_embd": 768, "n_head": 12, "vocab_size": 50257},
    ),
    "opt": Family(
        tied=True, qkv_bias=True, out_bias=True, mlp_bias=True, gated=False, norm_bias=True, positions=2,
        defaults={"max_position_embeddings": 2048, "vocab_size": 50272},
    ),
    "gpt_bigcode": Family(
        tied=True, qkv_bias=True, out_bias=True, mlp_bias=True, gated=False, norm_bias=True, positions=0,
    ),
    "gpt_neox": _GPT,
    "gptj": Family(mlp_bias=True, head_bias=True, gated=False, norms=1, norm_bias=True),
    "bloom": Family(
        tied=True, qkv_bias=True, out_bias=True, mlp_bias=True, gated=False, norm_bias=True, embedding_norm=True,
        defaults={"seq_length": 2048},
    ),
    "mpt": Family(tied=True, gated=False),
    "falcon": Family(tied=True, gated=False, norm_bias=True, defaults={"seq_length": 2048}),
    "smollm3": Family(tied=True, defaults=_SELDOM_SLIDING),
    "glm": Family(qkv_bias=True, defaults=_head(128)),
    "glm4": Family(qkv_bias=True, norms=4, defaults=_head(128)),
    "glm4_moe": Family(qkv_bias=True, defaults=_head(128, use_qk_norm=False)),
    "chatglm": Family(qkv_bias=True),
    "granite": _LLAMA,
    "granitemoe": _LLAMA,
    "granitemoeshared": _LLAMA,
    "granitemoehybrid": Family(tied=True),
    "olmo": Family(norms=0, final_norm=False),
    "olmo2": Family(qk_norm="full"),
    "olmo3": Family(qk_norm="full", full_every=4, defaults={"sliding_window": 4096}),
    "olmoe": Family(qk_norm="full", defaults={"num_experts": 64, "num_experts_per_tok": 8}),
    "starcoder2": _TIED_GPT,
    "stablelm": Family(norm_bias=True),
    "cohere": Family(tied=True, norms=1, defaults={"max_position_embeddings": 8192}),
    "cohere2": Family(tied=True, norms=1, full_every=4, defaults={"sliding_window": 4096}),
    "dbrx": Family(),
    "nemotron": Family(gated=False, norm_bias=True),
    "nemotron_h": Family(
        gated=False, norms=1, defaults=_head(
            128, mamba_num_heads=128, mamba_head_dim=64, ssm_state_size=128, n_groups=8, conv_kernel=4),
    ),
    "jamba": Family(defaults={"num_experts": 16, "num_experts_per_tok": 2, "num_key_value_heads": 8}),
    "falcon_h1": _LLAMA,
    "exaone": _LLAMA,
    "exaone4": Family(qk_norm="head", full_every=4, defaults={"sliding_window": 4096}),
    "ernie4_5": Family(tied=True, defaults=_head(128)),
    "ernie4_5_moe": Family(
        tied=True, defaults={"moe_num_experts": 64, "moe_k": 6, "moe_num_shared_experts": 2,
                             "moe_layer_start_index": 1},
    ),
    "hunyuan_v1_dense": Family(qk_norm="head"),
    "hunyuan_v1_moe": Family(qk_norm="head"),
    "internlm2": _LLAMA,
    "internlm3": _LLAMA,
    "baichuan": _LLAMA,
    "minimax": _LLAMA,
    "minimax_text_01": _LLAMA,
    "minimax_m1": _LLAMA,
    "minimax_m2": Family(qk_norm="full", defaults=_head(128)),
    "seed_oss": Family(qkv_bias=True, defaults=_head(128)),
    "arcee": Family(gated=False),
    "nemotron-nas": _LLAMA,
    "kimi_linear": _LLAMA,
    "mimo_v2_flash": _LLAMA,
    "glm_moe_dsa": _LLAMA,
    "apertus": Family(gated=False, qk_norm="head"),
    "lfm2": Family(tied=True, qk_norm="head"),
    "bamba": _LLAMA,
    "mimo": Family(qkv_bias=True),
}  # fmt: skip

UNKNOWN = _LLAMA
