"""The shape of a model from its config.json: figures of models that everybody knows, and files that cannot be."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmdeploy.errors import StepError
from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.models import models
from llmdeploy.sizing.config import architecture_of_config, known_family
from llmdeploy.sizing.quantization import published_quantization
from llmdeploy.sizing.vllm.cache import kv_bytes_per_token

LLAMA_1B: dict[str, Any] = {
    "model_type": "llama", "num_hidden_layers": 16, "hidden_size": 2048, "num_attention_heads": 32,
    "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 8192, "vocab_size": 128256,
    "max_position_embeddings": 131072, "tie_word_embeddings": True, "torch_dtype": "bfloat16",
}  # fmt: skip
LLAMA_8B: dict[str, Any] = {
    "model_type": "llama", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "max_position_embeddings": 131072,
    "tie_word_embeddings": False, "torch_dtype": "bfloat16",
}  # fmt: skip
QWEN_7B: dict[str, Any] = {
    "model_type": "qwen2", "num_hidden_layers": 28, "hidden_size": 3584, "num_attention_heads": 28,
    "num_key_value_heads": 4, "intermediate_size": 18944, "vocab_size": 152064, "max_position_embeddings": 32768,
    "max_window_layers": 28, "sliding_window": 131072, "use_sliding_window": False, "tie_word_embeddings": False,
}  # fmt: skip
QWEN3_30B: dict[str, Any] = {
    "model_type": "qwen3_moe", "num_hidden_layers": 48, "hidden_size": 2048, "num_attention_heads": 32,
    "num_key_value_heads": 4, "head_dim": 128, "intermediate_size": 6144, "moe_intermediate_size": 768,
    "num_experts": 128, "num_experts_per_tok": 8, "decoder_sparse_step": 1, "mlp_only_layers": [],
    "vocab_size": 151936, "max_position_embeddings": 40960, "tie_word_embeddings": False,
}  # fmt: skip
MIXTRAL: dict[str, Any] = {
    "model_type": "mixtral", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "num_local_experts": 8, "num_experts_per_tok": 2,
    "sliding_window": None, "vocab_size": 32000, "max_position_embeddings": 32768, "tie_word_embeddings": False,
}  # fmt: skip
DEEPSEEK_V3: dict[str, Any] = {
    "model_type": "deepseek_v3", "num_hidden_layers": 61, "hidden_size": 7168, "num_attention_heads": 128,
    "num_key_value_heads": 128, "intermediate_size": 18432, "moe_intermediate_size": 2048, "n_routed_experts": 256,
    "n_shared_experts": 1, "num_experts_per_tok": 8, "first_k_dense_replace": 3, "moe_layer_freq": 1,
    "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
    "vocab_size": 129280, "max_position_embeddings": 163840, "num_nextn_predict_layers": 1,
    "tie_word_embeddings": False, "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
}  # fmt: skip
GPT_OSS_20B: dict[str, Any] = {
    "model_type": "gpt_oss", "num_hidden_layers": 24, "hidden_size": 2880, "num_attention_heads": 64,
    "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 2880, "num_local_experts": 32,
    "num_experts_per_tok": 4, "sliding_window": 128, "layer_types": ["sliding_attention", "full_attention"] * 12,
    "vocab_size": 201088, "max_position_embeddings": 131072, "tie_word_embeddings": False, "attention_bias": True,
    "quantization_config": {"quant_method": "mxfp4"},
}  # fmt: skip
GEMMA_2_9B: dict[str, Any] = {
    "model_type": "gemma2", "num_hidden_layers": 42, "hidden_size": 3584, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 256, "intermediate_size": 14336, "sliding_window": 4096,
    "vocab_size": 256000, "max_position_embeddings": 8192,
}  # fmt: skip
GEMMA_3_1B: dict[str, Any] = {
    "model_type": "gemma3_text", "num_hidden_layers": 26, "hidden_size": 1152, "num_attention_heads": 4,
    "num_key_value_heads": 1, "head_dim": 256, "intermediate_size": 6912, "sliding_window": 512,
    "sliding_window_pattern": 6, "vocab_size": 262144, "max_position_embeddings": 32768,
}  # fmt: skip
QWEN3_NEXT: dict[str, Any] = {
    "model_type": "qwen3_next", "num_hidden_layers": 48, "hidden_size": 2048, "num_attention_heads": 16,
    "num_key_value_heads": 2, "head_dim": 256, "intermediate_size": 5120, "moe_intermediate_size": 512,
    "shared_expert_intermediate_size": 512, "num_experts": 512, "num_experts_per_tok": 10, "decoder_sparse_step": 1,
    "full_attention_interval": 4, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128,
    "linear_value_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 32, "mlp_only_layers": [],
    "vocab_size": 151936, "max_position_embeddings": 262144, "tie_word_embeddings": False,
}  # fmt: skip
GPT2: dict[str, Any] = {
    "model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12, "n_positions": 1024, "n_ctx": 1024,
    "vocab_size": 50257,
}  # fmt: skip
PHI_2: dict[str, Any] = {
    "model_type": "phi", "num_hidden_layers": 32, "hidden_size": 2560, "num_attention_heads": 32,
    "num_key_value_heads": None, "intermediate_size": 10240, "vocab_size": 51200, "max_position_embeddings": 2048,
    "qk_layernorm": False, "tie_word_embeddings": False,
}  # fmt: skip
FALCON_7B: dict[str, Any] = {
    "model_type": "falcon", "num_hidden_layers": 32, "hidden_size": 4544, "num_attention_heads": 71,
    "multi_query": True, "new_decoder_architecture": False, "parallel_attn": True, "bias": False,
    "num_kv_heads": 71, "vocab_size": 65024,
}  # fmt: skip
FALCON_40B: dict[str, Any] = {
    "model_type": "falcon", "num_hidden_layers": 60, "hidden_size": 8192, "num_attention_heads": 128,
    "num_kv_heads": 8, "new_decoder_architecture": True, "bias": False, "vocab_size": 65024,
}  # fmt: skip

# (config, parameters, bytes of KV cache per token in 16 bits). Parameters are what the safetensors index on the hub
# counts; for DeepSeek V3 and Qwen3-Next without the layer for multi-token prediction, for Falcon without a second
# copy of the embedding. Cache: layers x KV heads x head dim x 2 x 2 bytes, DeepSeek V3 61 x (512 + 64) x 2.
KNOWN: dict[str, tuple[dict[str, Any], int, int]] = {
    "llama-3.2-1b": (LLAMA_1B, 1_235_814_400, 32_768),
    "llama-3.1-8b": (LLAMA_8B, 8_030_261_248, 131_072),
    "qwen2.5-7b": (QWEN_7B, 7_615_616_512, 57_344),
    "qwen3-30b-a3b": (QWEN3_30B, 30_532_122_624, 98_304),
    "mixtral-8x7b": (MIXTRAL, 46_702_792_704, 131_072),
    "deepseek-v3": (DEEPSEEK_V3, 671_026_404_352, 70_272),
    "gpt-oss-20b": (GPT_OSS_20B, 20_914_757_184, 49_152),
    "gemma-2-9b": (GEMMA_2_9B, 9_241_705_984, 344_064),
    "gemma-3-1b": (GEMMA_3_1B, 999_885_952, 26_624),
    "qwen3-next-80b-a3b": (QWEN3_NEXT, 79_674_391_296, 24_576),
    "gpt2": (GPT2, 124_439_808, 36_864),
    "phi-2": (PHI_2, 2_779_683_840, 327_680),
    "falcon-7b": (FALCON_7B, 6_921_720_704, 8_192),
    "falcon-40b": (FALCON_40B, 41_303_293_952, 122_880),
}


@pytest.mark.parametrize("name", KNOWN)
def test_parameters_and_cache_of_well_known_models(name: str) -> None:
    config, parameters, per_token = KNOWN[name]
    found = architecture_of_config(config)
    assert found.parameters == parameters
    assert kv_bytes_per_token(found) == per_token
    assert known_family(config)


@pytest.mark.parametrize(
    ("name", "billions", "with_embedding"),
    [
        ("mixtral-8x7b", 12.9, True),
        ("deepseek-v3", 37, True),
        ("gpt-oss-20b", 3.61, False),
        ("qwen3-30b-a3b", 3.35, True),
    ],
)
def test_active_parameters_of_mixtures(name: str, billions: float, with_embedding: bool) -> None:
    """What the model cards say works on a token; most count the embedding, which is looked up."""
    found = architecture_of_config(KNOWN[name][0])
    active = found.active_parameters + found.embedding * with_embedding
    assert active / 1e9 == pytest.approx(billions, rel=0.02)


@pytest.mark.parametrize(
    ("name", "window", "layers"),
    [
        ("gemma-2-9b", 4096, 21),
        ("gemma-3-1b", 512, 22),
        ("gpt-oss-20b", 128, 12),
        ("qwen2.5-7b", 0, 0),
        ("mixtral-8x7b", 0, 0),
    ],
)
def test_windows(name: str, window: int, layers: int) -> None:
    found = architecture_of_config(KNOWN[name][0])
    assert (found.sliding_window, found.sliding_layers) == (window, layers)


def test_a_hybrid_keeps_tokens_in_a_quarter_of_its_layers_and_a_state_in_the_others() -> None:
    found = architecture_of_config(QWEN3_NEXT)
    assert [(count, one.kv_heads) for count, one in found.caching()] == [(12, 2)]
    # 36 layers x (32 heads x 128 x 128 in 32 bits, and 8,192 channels x 3 tokens of convolution in 16)
    assert found.state_bytes == 36 * (32 * 128 * 128 * 4 + 8192 * 3 * 2)


def test_mla_keeps_one_latent_for_all_heads() -> None:
    (count, one), *_ = architecture_of_config(DEEPSEEK_V3).caching()
    assert one.latent == 512 + 64
    assert count in (3, 58)


def test_how_weights_are_stored_and_how_large_the_files_are() -> None:
    found = architecture_of_config(LLAMA_1B, 2_471_628_800)
    assert (found.quantization, found.weight_bytes, found.tower) == ("bfloat16", 2_471_628_800, 0)
    assert architecture_of_config(DEEPSEEK_V3).quantization == "fp8"


def test_the_language_model_inside_a_multimodal_one() -> None:
    inner = {**LLAMA_1B, "model_type": "gemma3_text", "sliding_window": 1024, "num_hidden_layers": 34}
    vision = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "patch_size": 14}
    whole = {"model_type": "gemma3", "text_config": inner, "vision_config": vision}
    found = architecture_of_config(whole)
    assert (found.family, found.layers, found.sliding_window, found.sliding_layers) == ("gemma3", 34, 1024, 29)
    assert 400_000_000 < found.tower < 430_000_000  # SigLIP So400m
    assert found.parameters - found.tower == architecture_of_config(inner).parameters


@pytest.mark.parametrize("key", ["text_config", "llm_config", "language_config"])
def test_every_usual_name_of_the_inner_part(key: str) -> None:
    whole = {"model_type": "somewrapper", "vocab_size": 5, key: LLAMA_8B}
    assert architecture_of_config(whole).parameters == 8_030_261_248
    assert known_family(whole)


def test_a_window_that_is_not_used() -> None:
    found = architecture_of_config({**LLAMA_1B, "sliding_window": 4096, "use_sliding_window": False})
    assert (found.sliding_window, found.sliding_layers) == (0, 0)


def test_each_layer_named() -> None:
    layers = ["sliding_attention"] * 12 + ["full_attention"] * 4
    assert architecture_of_config({**LLAMA_1B, "sliding_window": 4096, "layer_types": layers}).sliding_layers == 12


def test_mixtures_that_begin_after_some_dense_layers() -> None:
    counts = {block.feed_forward.experts: block.count for block in architecture_of_config(DEEPSEEK_V3).blocks}
    assert counts == {0: 3, 256: 58}


@pytest.mark.parametrize("name", KNOWN)
def test_null_is_as_good_as_left_out(name: str) -> None:
    """Published files write null for what does not apply."""
    config, parameters, _ = KNOWN[name]
    keys = (
        "sliding_window", "head_dim", "rope_scaling", "num_key_value_heads", "quantization_config", "text_config",
        "vision_config", "layer_types", "num_experts", "kv_lora_rank", "torch_dtype", "max_window_layers",
    )  # fmt: skip
    nulls = {key: None for key in keys if key not in config}
    assert architecture_of_config({**config, **nulls}).parameters == parameters


def test_a_family_that_is_not_known_is_read_as_llama_and_that_is_said() -> None:
    config = {**LLAMA_8B, "model_type": "brandnew"}
    assert not known_family(config)
    found = architecture_of_config(config)
    assert (found.family, found.parameters) == ("brandnew", 8_030_261_248)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hidden_size": None}, "does not say hidden_size"),
        ({"hidden_size": "2048"}, "hidden_size: '2048'"),
        ({"num_hidden_layers": -1}, "num_hidden_layers: -1"),
        ({"num_hidden_layers": True}, "num_hidden_layers: True"),
        ({"num_hidden_layers": 2_000_000_000}, "num_hidden_layers: 2,000,000,000"),
        ({"vocab_size": 1e6}, "vocab_size: 1000000.0"),
        ({"vocab_size": 1 << 40}, "vocab_size: 1099511627776"),
        ({"num_attention_heads": {}}, "num_attention_heads: {}"),
        ({"intermediate_size": "wide"}, "intermediate_size: 'wide'"),
        ({"hybrid_override_pattern": "M?*"}, r"hybrid_override_pattern: '\?'"),
        ({"block_configs": ["x"]}, "does not say n_heads_in_group"),
    ],
)
def test_what_cannot_be_is_said(change: dict[str, Any], said: str) -> None:
    with pytest.raises(StepError, match=said) as caught:
        architecture_of_config({**LLAMA_1B, **change})
    assert caught.value.hint


CONFIGS = [dict(row.config) for row in models()]
JUNK: list[Any] = [
    None, "", "x", -1, 0, 1.5, True, False, [], {}, [1, "a"], {"a": 1}, 1 << 40, 1 << 31, 100_000, [[]], [{}],
    float("nan"), [None], "MZ*",
]  # fmt: skip
SECTIONS = (
    "quantization_config", "text_config", "vision_config", "linear_attn_config", "block_configs", "layer_types",
    "hybrid_override_pattern", "attn_type_list", "mlp_only_layers", "sliding_window_pattern", "moe_layer_freq",
    "kv_lora_rank", "model_type",
)  # fmt: skip


def places(config: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every value."""
    for key, value in config.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from places(value, (*above, key))


def put(config: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(config.get(key), dict):
            return
        config = config[key]
    config[path[-1]] = value


@settings(max_examples=1500, deadline=None)
@given(data=st.data())
def test_a_damaged_config_is_refused_with_a_sentence(data: st.DataObject) -> None:
    """An architecture or a StepError of one line, quickly."""
    config = json.loads(json.dumps(data.draw(st.sampled_from(CONFIGS))))
    paths = [*places(config), *((key,) for key in SECTIONS)]
    changes = st.tuples(st.sampled_from(paths), st.sampled_from(JUNK))
    for path, value in data.draw(st.lists(changes, min_size=1, max_size=3)):
        put(config, path, json.loads(json.dumps(value)))
    began = time.monotonic()
    said = "fine"
    try:
        read(config)
    except StepError as error:
        said = error.message
    assert said.isprintable()
    assert time.monotonic() - began < 1


def read(config: dict[str, Any]) -> Architecture:
    published_quantization(config)
    known_family(config)
    found = architecture_of_config(config)
    assert found.parameters > 0
    assert found.active_parameters > 0
    assert found.ffn >= 0
    assert found.heads >= 0
    return found
