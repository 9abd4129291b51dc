"""llmdeploy deploys language models: one spec, one command, five steps."""

__version__ = "0.1.0"
