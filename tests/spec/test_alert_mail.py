"""Alerts by e-mail: what a spec may say, and what a person reads where it says too little."""

from __future__ import annotations

import pytest

from llmdeploy.errors import SpecError
from llmdeploy.spec import parse_spec

WHOLE = "to: ops@example.org, sender: llm@example.org, server: smtp.example.org:587"


def problems(fields: str) -> list[tuple[str, str]]:
    try:
        parse_spec(f"hosts: {{alert_mail: {{{fields}}}}}", "spec")
    except SpecError as error:
        return [(problem.path, problem.message) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "more",
    [
        "",
        ", user: llm, password_file: mail.password",
        ", tls: off",
        ", authority: ca.pem",
    ],
)
def test_a_whole_mail_is_taken(more: str) -> None:
    assert problems(WHOLE + more.replace("off", '"off"')) == []


def test_several_may_get_it_and_the_server_may_be_an_address() -> None:
    assert problems('to: "a@example.org, b@example.org", sender: c@example.org, server: "[fd00::1]:25"') == []
    assert problems("to: a@example.org, sender: c@example.org, server: 10.0.0.5:25") == []


@pytest.mark.parametrize(
    ("fields", "place", "message"),
    [
        ("to: ops@example.org", "sender", "is needed for mail, beside to"),
        ("server: smtp.example.org:25", "to", "is needed for mail, beside server"),
        (f"{WHOLE}, user: llm", "password_file", "a login has a user and a password"),
        (f"{WHOLE}, password_file: p", "password_file", "a login has a user and a password"),
        (f'{WHOLE}, user: u, password_file: p, tls: "off"', "tls", "a password is not sent without TLS"),
        ("to: ops, sender: a@b, server: c:25", "to", "ops is not e-mail addresses"),
        (
            "to: ops@example.org, sender: a@b, server: smtp.example.org",
            "server",
            "smtp.example.org is not a mail server",
        ),
    ],
)
def test_what_is_missing_is_told_with_its_place(fields: str, place: str, message: str) -> None:
    assert problems(fields) == [(f"hosts.alert_mail.{place}", message)]
