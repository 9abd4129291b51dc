"""Makes the embedded demo model from nothing: corpus, tokenizer, training, GGUF, evaluation.

Run as `python scripts/demo_model VERB`. MODEL_CARD.md beside the model says how the shipped file was made.
"""
