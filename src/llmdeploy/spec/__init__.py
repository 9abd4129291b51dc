"""The spec: what the user wants, in one closed YAML file, `llmdeploy.yaml`."""

from __future__ import annotations

from llmdeploy.spec.commented import commented_spec
from llmdeploy.spec.fields import (
    Access,
    Budget,
    Data,
    Gates,
    Load,
    ModelChoice,
    Monitor,
    Resources,
    Slo,
    Spec,
    Workload,
)
from llmdeploy.spec.load import load_spec, parse_spec
from llmdeploy.spec.schema import spec_schema
from llmdeploy.units import Money

__all__ = [
    "Access",
    "Budget",
    "Data",
    "Gates",
    "Load",
    "ModelChoice",
    "Money",
    "Monitor",
    "Resources",
    "Slo",
    "Spec",
    "Workload",
    "commented_spec",
    "load_spec",
    "parse_spec",
    "spec_schema",
]
