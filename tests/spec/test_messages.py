"""What a person is told: path, sentence, hint and line of each fault, all of them at once."""

from __future__ import annotations

import pytest

from llmdeploy.errors import ExitCode, Problem, SpecError
from llmdeploy.spec import parse_spec
from llmdeploy.spec.rules import RULES


def problems(text: str | bytes) -> list[Problem]:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "llmdeploy.yaml")
    assert caught.value.exit_code == ExitCode.SPEC
    assert caught.value.source == "llmdeploy.yaml"
    return list(caught.value.problems)


# text, path, message, a part of the hint, line
FAULTS = [
    ("workload:\n  slo:\n    itl_p95: 2 parsecs\n", "workload.slo.itl_p95", "2 parsecs is not a duration", "2s, 5m", 3),
    ("workload: {slo: {ttft_p95: 2}}", "workload.slo.ttft_p95", "2 has no unit", "write the unit: 2s, 2ms, 2m", 1),
    ("workload: {slo: {ttft_p95: 0s}}", "workload.slo.ttft_p95", "0s is less than 1ms", "from 1ms to 1h", 1),
    ("resources: {memory: 16}", "resources.memory", "16 has no unit", "16MiB, 16GiB", 1),
    ("resources: {memory: 16 gigs}", "resources.memory", "16 gigs is not a size", "16GiB", 1),
    ("budget: {monthly: 1500}", "budget.monthly", "1500 has no currency", "1500 USD", 1),
    ("budget: {monthly: 5 pence}", "budget.monthly", "5 pence is not an amount of money", "1500 USD", 1),
    ("workload:\n  concurrency: 0\n", "workload.concurrency", "0 is less than 1", "a whole number from 1 to 4096", 2),
    ("access: {port: 70000}", "access.port", "70000 is more than 65535", "from 1 to 65535", 1),
    ('access: {port: "8080"}', "access.port", '"8080" is not a whole number', "from 1 to 65535", 1),
    ("workload: {concurrency: 1.5}", "workload.concurrency", "1.5 is not a whole number", "whole number", 1),
    ("test: {min_accuracy: 95%}", "test.min_accuracy", "95% is not a number", "from 0 to 1", 1),
    ("name: My LLM", "name", "My LLM is not a name", "a to z", 1),
    ("name: 12", "name", "12 is not a name", "quotes", 1),
    ("name: 1.10", "name", "1.10 is not a name", "quotes", 1),
    ("name:", "name", "has no value", "or remove the line", 1),
    ("target: awz", "target", "awz is not one of the choices", "did you mean aws?", 1),
    ("engine: llama.cpp", "engine", "llama.cpp is not one of the choices", "did you mean llamacpp?", 1),
    ("model: {quantization: q4_k_n}", "model.quantization", "q4_k_n is not one of the choices", "did you mean q4", 1),
    ("model: {revision: main}", "model.revision", "main is not a commit hash", "7 to 40 hex digits", 1),
    ("model: {revision: 12e4567}", "model.revision", "12e4567 is too large a number", 'put it in quotes: "12e4567"', 1),
    ("access: {host: http://a}", "access.host", "http://a is not an address or a host name", "127.0.0.1", 1),
    ("workload: 5", "workload", "5 stands where keys should", "concurrency, prompt_tokens", 1),
    ("workload:\n  concurency: 3\n", "workload.concurency", "unknown key", "did you mean concurrency?", 2),
    ("acess: {}", "acess", "unknown key", "did you mean access?", 1),
    ("served-name: x", "served-name", "unknown key", "the keys here are name, target", 1),
    ("access: {served-name: x}", "access.served-name", "unknown key", "did you mean served_name?", 1),
    ("concurrency: 4", "concurrency", "unknown key", "it belongs to workload", 1),
    ("access: {target: aws}", "access.target", "unknown key", "it belongs in the first column", 1),
    ("workload.slo: {}", "workload.slo", "unknown key", "`slo:` on a line of its own, indented below `workload:`", 1),
    ("name: no", "name", "no is true or false for some YAML readers", 'put it in quotes: "no"', 1),
    ("workload: {concurrency: 0o17}", "workload.concurrency", "0o17 is a number to base 8", "whole number", 1),
    ("workload: {concurrency: 017}", "workload.concurrency", "017 begins with a zero", "whole number", 1),
    ("workload: {concurrency: 1_000}", "workload.concurrency", "1_000 has underscores", "whole number", 1),
    ("monitor: {interval: 1:30}", "monitor.interval", "1:30 is a number to base 60", "a number and a unit", 1),
    ("model: 2024-01-01", "model.id", "2024-01-01 is a date for some YAML readers", "quotes", 1),
    ("model: 5", "model.id", "5 is not a model's name", "quotes", 1),
    ("test: {load: {rate: .nan}}", "test.load.rate", ".nan is not a finite number", "from 0.001", 1),
    ("a: 1\nname: x\nname: y\n", "name", "is written twice, in lines 2 and 3", "keep one", 3),
    ("access:\n  port: 1\n  port: 2\n", "access.port", "is written twice, in lines 2 and 3", "keep one", 3),
    ("name: &a demo", "name", "the anchor &a names a value", "write each value out", 1),
    ("name: *a", "name", "the alias *a stands for another value", "write the value itself", 1),
    ("access:\n  <<: {port: 1}\n", "access.<<", "merge keys (<<) are not taken", "values themselves", 2),
    ("name: !!python/name:os.system", "name", "the tag !!python/name:os.system changes", "remove it", 1),
    ("name: a\n---\nname: b\n", "spec", "a second document begins here", "one spec", 2),
    ("- a", "spec", "a list stands where sections should", "llmdeploy init", 1),
    ("workload:\n\tconcurrency: 1\n", "spec", "the line is indented with a tab", "spaces", 2),
    ("name: 'demo\n", "spec", "a quote is not closed", "close it", 1),
    ("name: a: b", "spec", "a colon stands where none fits", "quotes", 1),
    ("access: {port: 1\nname: x\n", "spec", "a { is not closed, or a comma is missing in it", "close it with }", 2),
    ("a: " + "[" * 40, "spec", "sections are nested more than 32 deep", "4 deep", 1),
    ('name: "a\\0"', "name", "has the character U+0000", "without", 1),
    (b"name: demo\n# caf\xe9\n", "spec", "the file is not UTF-8: byte 0xe9", "UTF-8", 2),
    ("name: demo\n".encode("utf-16"), "spec", "the file is UTF-16, not UTF-8", "UTF-8", 1),
    ("name: demo\n".encode("utf-16-le"), "spec", "the file has NUL characters", "UTF-16", 1),
    ("name: demo\n\x1b[0m", "spec", "the file has an escape (U+001B)", "delete", 2),
    ("name: \ud800", "spec", "the file has the character U+D800", "delete", 1),
    ("name: demo\n\ufeffengine: auto", "spec", "the file has a byte order mark in the middle", "delete", 2),
    ("target: gcp\ndata: {policy: private}", "data.policy", "private does not go with the target gcp", "local", 2),
    ("model: {id: ./a.gguf, revision: abcdef0}", "model.revision", "a path (./a.gguf) has no revision", "remove", 1),
    ("workload: {slo: {e2e_p95: 1s}}", "workload.slo.e2e_p95", "1s for the whole answer is less", "at least 2s", 1),
    ("monitor: {port: 8080}", "monitor.port", "8080 is the port of the endpoint already", "another port", 1),
    ("hosts: {acme_email: a@b.c}", "hosts.acme_email", "an authority signs for a public name", "llm.example.org", 1),
    ("hosts: {acme_authority: r.pem}", "hosts.acme_authority", "no ACME authority", "acme_email: ops", 1),
    ("hosts: {acme_directory: 'https://a'}", "hosts.acme_directory", "no ACME authority", "acme_email: ops", 1),
    ("hosts: {acme_directory: 'http://a'}", "hosts.acme_directory", "http://a is not an address", "https://", 1),
    ("access: {port: 80}\nhosts: {acme_email: a@b.c, public_name: x.y}", "access.port", "an ACME authority", "443", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "path", "message", "hint", "line"), FAULTS, ids=[str(fault[0])[:40] for fault in FAULTS]
)
def test_a_fault_is_told_with_path_hint_and_line(
    text: str | bytes, path: str, message: str, hint: str, line: int
) -> None:
    found = [one for one in problems(text) if one.path == path]
    assert found, problems(text)
    assert found[0].message.startswith(message)
    assert hint in found[0].hint
    assert found[0].line == line


def test_all_faults_come_at_once_in_the_order_of_the_lines() -> None:
    text = (
        "name: Demo\nworkload:\n  concurency: 3\n  slo:\n    ttft_p95: 2 parsecs\n    e2e_p95: 1ms\n"
        "target: aws\ndata: {policy: private}\naccess:\n  port: 0\n  port: 1\nmonitor: &m {port: 9}\n"
    )
    assert [(one.path, one.line) for one in problems(text)] == [
        ("name", 1),
        ("workload.concurency", 3),
        ("workload.slo.ttft_p95", 5),
        ("data.policy", 8),
        ("access.port", 11),
        ("monitor", 12),
    ]


def test_a_rule_over_a_wrong_field_is_left_out() -> None:
    assert [one.path for one in problems("workload: {slo: {ttft_p95: 9 parsecs, e2e_p95: 1s}}")] == [
        "workload.slo.ttft_p95"
    ]


def test_a_section_written_twice_is_one_fault() -> None:
    assert len(problems("access:\n  port: 1\naccess:\n  port: 2\n  prot: 3\n")) == 1


def test_thousands_of_faults_are_cut_short() -> None:
    found = problems("".join(f"k{number}: 1\n" for number in range(5000)))
    assert len(found) == 101
    assert found[-1].message == "there are 4900 more problems"


def test_long_and_unprintable_values_are_shown_short_and_plain() -> None:
    found = problems("name: " + "a" * 5000 + "\nengine: \u202eauto\n")
    assert [len(one.message) < 120 and one.message.isprintable() for one in found] == [True, True]
    assert "\\u202e" in found[1].message


def test_every_rule_is_tried_here() -> None:
    tried = {fault[1:3] for fault in FAULTS[-len(RULES) :]}
    assert len(tried) == len(RULES)
