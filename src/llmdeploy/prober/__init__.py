"""The prober: a small process beside an engine that looks at it all the time and writes down what it saw.

`python -m llmdeploy.prober --config FILE`. It needs the engine's address and nothing of the engine's process.
"""
