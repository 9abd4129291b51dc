#!/usr/bin/python
"""Says which roles are settled on a host, records what they put there, and takes it away again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: receipt
short_description: Tell settled roles, record what roles put on a host, take it away
description:
  - With C(compare), at the start of a play, says for each role whether its inputs and all that it put on the host are
    as the receipt has them, so that the play can skip it. Before the first run it notes what is on the host.
  - With C(present), at the end of a play, records what the roles put there.
  - With C(absent), stops, disables, deletes and purges what the receipts list, and nothing else.
version_added: "0.1.0"
author: llmdeploy
options:
  deployment:
    description: Name of the deployment.
    type: str
    required: true
  state:
    description: What to do.
    type: str
    choices: [compare, present, absent]
    required: true
  roles:
    description:
      - Role name to a dict with C(fingerprint) (a digest of all that decides the role; empty is never settled) and
        C(manages) (files, folders, units, packages, users, groups that the role puts on the host).
      - With C(present), the roles that ran or are settled. With C(absent), the roles to take away, by name; none
        given means all, and the deployment's own folders with them.
    type: dict
    default: {}
attributes:
  check_mode: {support: full}
"""

EXAMPLES = r"""
- name: See which roles are settled
  llmdeploy.host.receipt:
    deployment: demo
    state: compare
    roles: {gateway: {fingerprint: 5e1f, manages: "{{ gateway_manages }}"}}
  register: __receipt

- name: Set up the gateway
  ansible.builtin.import_role: {name: gateway}
  when: not __receipt.settled.gateway
"""

RETURN = r"""
settled: {description: Role to whether nothing is to be done (compare)., type: dict, returned: compare}
reasons: {description: Role to why it is not settled (compare)., type: dict, returned: compare}
leftover: {description: Roles of the receipt that were not asked about (compare)., type: list, returned: compare}
removed: {description: What went., type: dict, returned: present and absent}
left: {description: What stays of ours, with the reason., type: dict, returned: present and absent}
"""

import re
import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmdeploy.host.plugins.module_utils import brought, observed
from ansible_collections.llmdeploy.host.plugins.module_utils.receipt_book import STATE, Book, save, total
from ansible_collections.llmdeploy.host.plugins.module_utils.removal import TREES, Removal
from ansible_collections.llmdeploy.host.plugins.module_utils.settled import Now


def compare(module, book, roles):
    """Which roles may be skipped; the first time, note what is there."""
    now, receipts = Now(roles), book.receipt.get("roles", {})
    reasons = {name: found for name, role in roles.items() if (found := now.reasons(role, receipts.get(name)))}
    if reasons and not module.check_mode:
        save(
            book.folder / "before.json",
            brought.snapshot(book, {name: total({"": role["manages"]}) for name, role in roles.items()}),
        )
    return {
        "changed": False,
        "settled": {name: name not in reasons for name in roles},
        "reasons": reasons,
        "leftover": sorted(set(receipts) - set(roles)),
    }


def present(module, book, roles):
    """Record the roles; files and units that they put there once and no longer do are taken away."""
    old = book.receipt.get("roles", {})
    now = Now(roles)
    records = {name: now.record(role) for name, role in roles.items()}
    kept = {name: role for name, role in old.items() if name not in roles}
    for name, record in records.items():
        record["manages"]["folders"] = sorted({*record["manages"]["folders"], *folders_there(old.get(name))})
    everything = {name: role["manages"] for name, role in {**kept, **records}.items()}
    receipt = {"deployment": module.params["deployment"], "roles": {**kept, **records}}
    receipt["brought"] = brought.since(book, everything)
    removal = Removal(book, module.check_mode, total(everything))
    obsolete, wanted = total(book.recorded()), total(everything)
    stale = {kind: set(obsolete[kind]) - set(wanted[kind]) for kind in ("units", "files")}
    removal.units(stale["units"], receipt["brought"]["units"])
    removal.paths("files", stale["files"], receipt["brought"]["there"])
    removal.reload()
    changed = receipt != book.receipt
    if not module.check_mode:
        if changed:
            save(book.folder / "receipt.json", receipt)
        (book.folder / "before.json").unlink(missing_ok=True)
    return {"changed": changed, "removed": removal.removed, "left": removal.left}


def folders_there(role):
    """Folders of a role's former run that still are there: they go when the role goes."""
    folders = role["manages"]["folders"] if role else ()
    return [path for path in folders if observed.file(path) is not None]


def absent(module, book, names):
    """Take roles away; all of them where none is named."""
    recorded = book.recorded()
    going = {name: manages for name, manages in recorded.items() if not names or name in names}
    staying = {name: manages for name, manages in recorded.items() if name not in going}
    if not going:
        return {"changed": False, "removed": {}, "left": {}}
    had = brought.since(book, recorded)
    out, stay = total(going), total(staying)
    out = {kind: set(out[kind]) - set(stay[kind]) for kind in out}
    removal = Removal(book, module.check_mode, stay)
    # The receipts lie in these: they go last, so that a removal that was cut off can be run again.
    last = {path for path in out["folders"] if str(book.folder).startswith(path + "/")}
    removal.units(out["units"], had["units"])
    if not staying:
        removal.images(module.params["deployment"])  # before the folder goes that tells which are ours
    removal.paths("files", out["files"], had["there"])
    removal.paths("folders", out["folders"] - last, had["there"])
    removal.reload()
    if not staying:
        everything(module, removal, had, last)
    elif not module.check_mode:
        forget(book, staying, had)
    changed = any(removal.removed.values())
    return {"changed": changed, "removed": removal.removed, "left": removal.left}


def everything(module, removal, had, last):
    """With the last role go packages, accounts, kernel settings and the deployment's folders."""
    removal.settings(had["sysctl"])
    removal.packages(had)
    removal.restore(had["units"])
    removal.accounts(had)
    name = module.params["deployment"]
    removal.paths("folders", {f"/etc/llmdeploy/{name}"}, had["there"])
    removal.paths("folders", {f"{STATE}/{name}"}, {})
    if not removal.book.others:
        removal.paths("folders", last | set(TREES), had["there"])


def forget(book, staying, had):
    """Keep the receipt of the roles that stay, and what runs brought, for the day the last one goes."""
    roles = {name: role for name, role in book.receipt.get("roles", {}).items() if name in staying}
    save(book.folder / "receipt.json", {**book.receipt, "roles": roles, "brought": had})
    if book.before:
        open_roles = {name: manages for name, manages in book.before["roles"].items() if name in staying}
        save(book.folder / "before.json", {**book.before, "roles": open_roles})


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "deployment": {"type": "str", "required": True},
            "state": {"type": "str", "required": True, "choices": ["compare", "present", "absent"]},
            "roles": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    name = module.params["deployment"]
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) or name == "store":
        module.fail_json(msg=f"deployment {name!r}: lower-case letters, digits and inner dashes, and not 'store'")
    verb = {"compare": compare, "present": present, "absent": absent}[module.params["state"]]
    try:
        module.exit_json(**verb(module, Book(name), module.params["roles"]))
    except subprocess.CalledProcessError as error:
        module.fail_json(msg=f"{' '.join(error.cmd)} ended with {error.returncode}", stderr=error.stderr)


if __name__ == "__main__":
    main()
