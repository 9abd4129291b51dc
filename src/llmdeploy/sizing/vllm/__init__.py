"""How vLLM fills a GPU. Everything here is arithmetic; the formulas name the file of vLLM that they follow."""
