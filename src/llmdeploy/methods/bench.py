"""What every method is given: the need, the model, the catalogue, and one maker of offers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from llmdeploy.methods.hardware import Hardware, rented
from llmdeploy.methods.licences import forbids
from llmdeploy.methods.need import Need
from llmdeploy.methods.offer import Offers
from llmdeploy.methods.search import Found, cheapest
from llmdeploy.methods.variant import Variant, variants
from llmdeploy.sizing.catalogue.accelerators import Accelerator, accelerators
from llmdeploy.sizing.catalogue.instances import Instance, instances
from llmdeploy.sizing.catalogue.models import Model, models

CLOUDS = {"aws": "AWS", "azure": "Azure", "gcp": "GCP"}


@dataclass(frozen=True)
class Bench:
    """`here` is this machine, null where nobody has read it."""

    need: Need
    model: Model
    models: tuple[Model, ...] = field(default_factory=models)
    accelerators: tuple[Accelerator, ...] = field(default_factory=accelerators)
    instances: tuple[Instance, ...] = field(default_factory=instances)
    here: Hardware | None = None

    def about(self, model: Model) -> Bench:
        return replace(self, model=model)

    @cached_property
    def offers(self) -> Offers:
        return Offers(self.need)

    @cached_property
    def variants(self) -> list[Variant]:
        return variants(self.model, self.need)

    @cached_property
    def rented(self) -> list[Hardware]:
        return rented(self.instances, {one.name: one for one in self.accelerators})

    @cached_property
    def forbidden(self) -> str:
        """Why the model may not be used for this at all, or an empty text."""
        return forbids(self.model.license) if self.need.use == "commercial" else ""

    @cached_property
    def no_cloud(self) -> str:
        """Why nothing may be rented, or an empty text."""
        if self.need.policy == "private":
            return "data.policy is private: prompts stay on machines of your own"
        if self.need.connectivity == "none":
            return "data.connectivity is none: there is no line to a cloud"
        return ""

    @cached_property
    def cheapest_rented(self) -> Found:
        """Over all clouds: what others compare themselves with, also where it may not be taken."""
        return cheapest(self.offers, self.variants, self.rented, self.need)

    def cheapest(self, machines: list[Hardware], chosen: list[Variant] | None = None) -> Found:
        return cheapest(self.offers, self.variants if chosen is None else chosen, machines, self.need)
