"""The numbers that make the shipped file: shape, seeds, learning rate."""

from __future__ import annotations

NAME = "llmdeploy-demo"
CONTEXT = 512  # tokens
VOCABULARY = 2048
HIDDEN = 192
FEED_FORWARD = 512
LAYERS = 4
HEADS = 3
KV_HEADS = 1
HEAD_DIMENSION = 64
ROPE_THETA = 10000.0
RMS_NORM_EPSILON = 1e-5

STEPS = 4808
BATCH = 32  # chats
LEARNING_RATE = 3e-3
WARM_UP_STEPS = 100
LOWEST_RATE = 0.02  # of LEARNING_RATE, at the end of the cosine

TOKENIZER_CHATS = 20_000
TOKENIZER_SEED = 7
CHATS_SEED = 1
BATCH_ORDER_SEED = 2
WEIGHTS_SEED = 0  # initial weights, and which question tokens are learned from

END_OF_TEXT = "<|endoftext|>"
START_OF_MESSAGE = "<|im_start|>"
END_OF_MESSAGE = "<|im_end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
