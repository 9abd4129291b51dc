"""The prober: a small process beside engines that looks at them all the time and writes down what it saw.

`python -m llmdeploy.prober --config FILE`, with one --config for each engine that it watches. It needs an engine's
address and nothing of the engine's process.
"""
