"""What must hold between fields. Each rule is a function of a spec whose fields are valid each by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from llmdeploy.spec.fields import Spec
from llmdeploy.units import format_duration

CLOUDS = ("aws", "azure", "gcp")
ACME_PORT = 80
PATH_STARTS = ("/", "./", "../", "~")


class Broken(NamedTuple):
    """A rule that does not hold: the fields that it is about (the first is named), what is wrong, what to write."""

    fields: tuple[str, ...]
    message: str
    hint: str


Rule: TypeAlias = Callable[[Spec], Broken | None]


def private_data_stays(spec: Spec) -> Broken | None:
    if spec.data.policy != "private" or spec.target not in CLOUDS:
        return None
    message = f"private does not go with the target {spec.target}, whose machines are not your own"
    return Broken(("data.policy", "target"), message, "write `policy: any`, or a target such as local, onprem or edge")


def path_has_no_revision(spec: Spec) -> Broken | None:
    if not spec.model.revision or not spec.model.id.startswith(PATH_STARTS):
        return None
    message = f"a path ({spec.model.id}) has no revision"
    return Broken(("model.revision", "model.id"), message, "remove the revision")


def answer_takes_longer_than_its_first_token(spec: Spec) -> Broken | None:
    slo = spec.workload.slo
    if slo.e2e_p95 is None or slo.e2e_p95 >= slo.ttft_p95:
        return None
    whole, first = format_duration(slo.e2e_p95), format_duration(slo.ttft_p95)
    message = f"{whole} for the whole answer is less than {first} for its first token"
    fields = ("workload.slo.e2e_p95", "workload.slo.ttft_p95")
    return Broken(fields, message, f"write at least {first}, or lower ttft_p95")


def ports_differ(spec: Spec) -> Broken | None:
    if spec.monitor.port != spec.access.port:
        return None
    message = f"{spec.monitor.port} is the port of the endpoint already (access.port)"
    return Broken(("monitor.port", "access.port"), message, "write another port, or 0 for a free one")


def acme_needs_a_name(spec: Spec) -> Broken | None:
    if not spec.hosts.acme_email or spec.hosts.public_name:
        return None
    message = "an authority signs for a public name, and none is given"
    return Broken(("hosts.acme_email", "hosts.public_name"), message, "write hosts.public_name: llm.example.org")


def mail_is_whole(spec: Spec) -> Broken | None:
    mail = spec.hosts.alert_mail
    wanted = ("to", "sender", "server")
    given = [name for name in (*wanted, "user", "password_file", "authority") if getattr(mail, name)]
    missing = [name for name in wanted if not getattr(mail, name)]
    if not given or not missing:
        return None
    fields = (f"hosts.alert_mail.{missing[0]}", f"hosts.alert_mail.{given[0]}")
    return Broken(fields, f"is needed for mail, beside {given[0]}", "write to, sender and server, or none of them")


def mail_login_is_whole(spec: Spec) -> Broken | None:
    mail = spec.hosts.alert_mail
    fields = ("hosts.alert_mail.password_file", "hosts.alert_mail.user")
    if bool(mail.user) != bool(mail.password_file):
        return Broken(fields, "a login has a user and a password", "write user and password_file, or neither")
    if mail.user and mail.tls == "off":
        message = "a password is not sent without TLS"
        return Broken(("hosts.alert_mail.tls", *fields), message, "write `tls: required`, or take the login out")
    return None


def acme_needs_an_account(spec: Spec) -> Broken | None:
    given = [name for name in ("acme_directory", "acme_authority") if getattr(spec.hosts, name)]
    if spec.hosts.acme_email or not given:
        return None
    message = "no ACME authority is asked for a certificate without an account"
    fields = (f"hosts.{given[0]}", "hosts.acme_email")
    return Broken(fields, message, "write hosts.acme_email: ops@example.org, or leave this out")


def acme_has_its_port(spec: Spec) -> Broken | None:
    if not spec.hosts.acme_email or spec.access.port != ACME_PORT:
        return None
    message = f"an ACME authority looks for its answer at port {ACME_PORT}, which cannot be the endpoint's too"
    return Broken(("access.port", "hosts.acme_email"), message, "write another port: 443")


RULES: tuple[Rule, ...] = (
    private_data_stays,
    path_has_no_revision,
    answer_takes_longer_than_its_first_token,
    ports_differ,
    acme_needs_a_name,
    mail_is_whole,
    mail_login_is_whole,
    acme_needs_an_account,
    acme_has_its_port,
)


def broken_rules(spec: Spec) -> Iterator[Broken]:
    for rule in RULES:
        if broken := rule(spec):
            yield broken
