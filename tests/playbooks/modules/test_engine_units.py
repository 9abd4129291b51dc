"""What is told of an engine that does not come up."""

from __future__ import annotations

import json


def messages(journal: str, before: str) -> str:
    from ansible_collections.llmdeploy.host.plugins.modules.engine_units import messages as of_the_collection

    return str(of_the_collection(journal, before))


def test_the_end_of_the_engine_before_is_no_cause() -> None:
    entries = [
        {"MESSAGE": "ConnectionResetError", "_SYSTEMD_INVOCATION_ID": "old"},
        {"MESSAGE": "no module named vllm", "_SYSTEMD_INVOCATION_ID": "new"},
        {"MESSAGE": "and again", "_SYSTEMD_INVOCATION_ID": "newer"},
        {"MESSAGE": [104, 105], "_SYSTEMD_INVOCATION_ID": "newer"},  # bytes that are no text
        {"_SYSTEMD_INVOCATION_ID": "newer"},
    ]
    journal = "\n".join(json.dumps(entry) for entry in entries)
    assert messages(journal, "old") == "no module named vllm\nand again"
