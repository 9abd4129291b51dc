"""What a prober is told: one JSON file with no secret in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from llmdeploy.engines import MetricNames
from llmdeploy.errors import StepError
from llmdeploy.state import write_private

HINT = "run `llmdeploy monitor` or `llmdeploy up`: both write this file anew"
LEAST_HISTORY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class ProberConfig:
    """Whom to probe and where to keep what was seen.

    `url` is the root of the endpoint without a path; paths are absolute file names. `sample_s` is the pause between two
    looks at health and metrics, `interval_s` the pause between two rounds of golden prompts, both in seconds. `golden`
    may be empty: then a fixed prompt is asked and its answer not judged. `port` 0 takes a free one; the port in use is
    written to `port_file`. `history_bytes` bounds the history with its write-ahead log. `min_accuracy` (0 to 1) is the
    share of right answers below which the views warn.

    The engine's process is the systemd unit `unit`, else `process` under the supervisor of `supervisor_folder`; where
    both are empty it is not followed, and neither memory nor restarts are told. `ca_file` holds the authorities that an
    https endpoint is checked against; empty means those of the machine. `name` stands before each line of the log.
    """

    url: str
    model: str
    key_file: str
    history: str
    port_file: str
    metrics: MetricNames
    supervisor_folder: str = ""
    unit: str = ""
    ca_file: str = ""
    health_path: str = "/health"
    metrics_path: str = "/metrics"
    golden: str = ""
    interval_s: float = 30.0
    sample_s: float = 1.0
    host: str = "127.0.0.1"
    port: int = 0
    history_bytes: int = 32 * 1024 * 1024
    process: str = "engine"
    min_accuracy: float = 0.0
    name: str = ""

    def write(self, path: Path) -> None:
        """Write the file whole, mode 0600."""
        write_private(path, json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> ProberConfig:
        """The config that `write` wrote. Raises StepError where the file is missing, damaged or out of bounds."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            config = cls(**{**data, "metrics": MetricNames(**data["metrics"])})
        except OSError as error:
            raise StepError(f"cannot read the prober's config {path}: {error.strerror}", HINT) from error
        except (ValueError, TypeError, KeyError) as error:
            raise StepError(f"the prober's config {path} is damaged: {error}", HINT) from error
        problem = _problem(config)
        if problem:
            raise StepError(f"the prober's config {path}: {problem}", HINT)
        return config


def _problem(config: ProberConfig) -> str:
    for field in fields(config):
        value, kind = getattr(config, field.name), type(field.default)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            continue
        if kind in (str, int, float) and type(value) is not kind:
            return f"{field.name} is {value!r}, and should be of type {kind.__name__}"
    if not config.url.startswith(("http://", "https://")):
        return f"url {config.url!r} does not begin with http:// or https://"
    if config.interval_s <= 0 or config.sample_s <= 0:
        return "interval_s and sample_s must be above 0"
    if config.history_bytes < LEAST_HISTORY_BYTES:
        return f"history_bytes {config.history_bytes} is below {LEAST_HISTORY_BYTES}"
    if not 0 <= config.port <= 65535:
        return f"port {config.port} is not a port"
    return ""
