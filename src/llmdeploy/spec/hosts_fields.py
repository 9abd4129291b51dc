"""The fields of the section `hosts`: machines of one's own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from llmdeploy.spec.kinds import Choice, Text, Whole
from llmdeploy.spec.section import HOST, LINE, Section
from llmdeploy.spec.unit_kinds import Duration, Size

MAIL = r"[^@\s,]+@[^@\s,]+"
PemFile = Annotated[str, Text("a path", LINE, "write the path of a PEM file")]


class AlertMail(Section):
    """Alerts by e-mail: from whom, to whom, over which mail server."""

    to: Annotated[
        str,
        Text("e-mail addresses", rf"|{MAIL}(, ?{MAIL})*", "write an address, or several with commas: ops@example.org"),
    ] = Field(default="", description="who gets alerts; empty: nobody", examples=["ops@example.org"])
    sender: Annotated[str, Text("an e-mail address", rf"|{MAIL}", "write an address: llm@example.org")] = Field(
        default="", description="address that they come from", examples=["llm@example.org"]
    )
    server: Annotated[
        str,
        Text(
            "a mail server",
            rf"|({HOST}|\[[0-9A-Fa-f:.]+\]):[0-9]{{1,5}}",
            "write name and port: smtp.example.org:587",
            260,
        ),
    ] = Field(default="", description="mail server with its port", examples=["smtp.example.org:587"])
    user: Annotated[str, Text("a user name", LINE, "write the login at the mail server")] = Field(
        default="", description="login at the mail server; empty: it asks for none", examples=["llm@example.org"]
    )
    password_file: Annotated[str, Text("a path", LINE, "write the path of a file that holds the password")] = Field(
        default="", description="file with the password of that login", examples=["mail.password"]
    )
    authority: PemFile = Field(
        default="",
        description="PEM file with the authority of the mail server's certificate; empty: those that the host trusts",
        examples=["mail-ca.pem"],
    )
    tls: Annotated[str, Choice(("required", "off"))] = Field(
        default="required", description="required, or off: for a relay of your own network without a login"
    )


class Hosts(Section):
    """Machines of your own that SSH reaches: targets onprem and edge."""

    inventory: Annotated[str, Text("a path", LINE, "write the path of a hosts.yaml or of an Ansible inventory")] = (
        Field(
            default="",
            description="hosts.yaml, or any Ansible inventory (file, folder or script)",
            examples=["hosts.yaml"],
        )
    )
    image: Annotated[
        str,
        Text(
            "a container image by digest", r"|[a-z0-9][A-Za-z0-9._/:-]*@sha256:[0-9a-f]{64}",
            "write NAME@sha256:DIGEST, with the 64 digits that `podman image inspect` shows", 512,
        ),
    ] = Field(
        default="",
        description="image of vLLM by digest, run by podman in place of an environment of locked wheels",
        examples=[f"docker.io/vllm/vllm-openai@sha256:{'0' * 64}"],
    )  # fmt: skip
    max_unavailable: Annotated[int, Whole(0, 100_000)] = Field(
        default=1, description="hosts that may be off or unfit without stopping a run; a roll changes as many at once"
    )
    public_name: Annotated[str, Text("a host name", rf"|{HOST}", "write a DNS name: llm.example.org", 253)] = Field(
        default="", description="name that clients use; it stands in the certificate", examples=["llm.example.org"]
    )
    virtual_address: Annotated[
        str, Text("an address", rf"|{HOST}", "write an address of the gateways' network: 10.0.0.100", 253)
    ] = Field(default="", description="address that moves between two gateways (keepalived)", examples=["10.0.0.100"])
    certificate: Annotated[str, Text("a path", LINE, "write the path of a PEM file: chain and key")] = Field(
        default="",
        description="PEM file with chain and key for the gateway; empty: one of the deployment's own authority",
        examples=["gateway.pem"],
    )
    acme_email: Annotated[str, Text("an e-mail address", r"|[^@\s]+@[^@\s]+", "write an address: ops@example.org")] = (
        Field(
            default="",
            description="ask an ACME authority for the gateway's certificate, with this contact; needs public_name",
            examples=["ops@example.org"],
        )
    )
    acme_directory: Annotated[
        str, Text("an address", r"|https://\S+", "write the URL of the authority's directory: https://...", 512)
    ] = Field(
        default="",
        description="directory URL of the ACME authority (step-ca, your own); empty: Let's Encrypt",
        examples=["https://acme.example.org/directory"],
    )
    acme_authority: PemFile = Field(
        default="",
        description="PEM file with the root of a private ACME authority: of its own address, and of what it signs; "
        "empty: those that hosts and clients trust",
        examples=["acme-root.pem"],
    )
    drain: Annotated[float, Duration("0s", "1h")] = Field(
        default=60.0, description="the longest that running requests are waited for before an engine stops"
    )
    max_body: Annotated[int, Size("1KiB", "1GiB")] = Field(
        default=8 * 2**20, description="the largest request that the gateway takes"
    )
    rate: Annotated[int, Whole(0, 1_000_000)] = Field(
        default=0, description="requests that one API key may send in 10 seconds; 0: no limit"
    )
    pull_from: Annotated[
        str, Text("an address or a path", r"|https://\S+|/\S*", "write https://... or a folder of the box", 512)
    ] = Field(
        default="",
        description="where boxes of the edge fetch signed releases themselves: https address, or folder on the box",
        examples=["https://releases.example.org/box"],
    )
    pull_authority: PemFile = Field(
        default="",
        description="PEM file with the authority of pull_from's certificate; empty: those that the box trusts",
        examples=["releases-ca.pem"],
    )
    alert_webhook: Annotated[str, Text("a path", LINE, "write the path of a file that holds the URL")] = Field(
        default="",
        description="file with the URL that alerts are sent to; empty: alerts are shown, not sent",
        examples=["webhook.url"],
    )
    alert_mail: AlertMail = Field(default=AlertMail(), description="alerts by e-mail")
