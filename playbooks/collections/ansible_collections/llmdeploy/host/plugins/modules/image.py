#!/usr/bin/python
"""Brings a container image to a host, and takes those away that no deployment wants any more."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: Bring a container image, and take away those that no deployment wants any more
description:
  - Has podman fetch an image that it does not have from its registry.
  - Images that were brought so, and that no deployment of the host wants any more, are removed. One that was there
    before, or that a container uses, stays.
version_added: "0.1.0"
author: llmdeploy
options:
  deployment:
    description: Name of the deployment that wants the image.
    type: str
    required: true
  name:
    description: The image, as NAME@sha256:DIGEST. Empty where the deployment wants none.
    type: str
    default: ""
  keep:
    description: Further images that are not removed.
    type: list
    elements: str
    default: []
  root:
    description: Folder that notes what was brought and who wants it.
    type: path
    default: /opt/llmdeploy/images
attributes:
  check_mode: {support: full, description: Says what would be fetched and removed.}
"""

EXAMPLES = r"""
- name: Bring the image
  llmdeploy.host.image:
    deployment: demo
    name: docker.io/vllm/vllm-openai@sha256:0000000000000000000000000000000000000000000000000000000000000000
"""

RETURN = r"""
fetched: {description: Whether the image was not there., returned: always, type: bool}
removed: {description: Images that went., returned: always, type: list, elements: str}
left: {description: Images that nobody wants and that stay all the same, with the reason., returned: always, type: dict}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmdeploy.host.plugins.module_utils import images
from ansible_collections.llmdeploy.host.plugins.module_utils.wanted import note_wish, wish


class FailedError(Exception):
    """What went wrong, in one line."""


def fetch(name):
    done = images.podman("pull", "--quiet", name)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise FailedError("%s: %s" % (name, (said or ["podman gives no reason"])[-1][:300]))


def run(parameters, check_mode):
    name, root, deployment = parameters["name"], parameters["root"], parameters["deployment"]
    wanted = [name, *parameters["keep"]] if name else parameters["keep"]
    missing = bool(name) and not images.there(name)
    goes = images.unwanted(root, deployment, wanted)
    noted = bool(wanted) and wish(root, deployment, wanted)[2]
    result = {"changed": missing or bool(goes) or noted, "fetched": missing, "removed": goes, "left": {}}
    if check_mode or not result["changed"]:
        return result
    if missing:
        images.note_brought(root, {*images.brought(root), name})
        fetch(name)
    if wanted:
        note_wish(root, deployment, wanted)
    if goes:
        result["left"] = images.remove(root, goes)
        result["removed"] = [one for one in goes if one not in result["left"]]
    return result


def main():
    module = AnsibleModule(
        argument_spec={
            "deployment": {"type": "str", "required": True},
            "name": {"type": "str", "default": ""},
            "keep": {"type": "list", "elements": "str", "default": []},
            "root": {"type": "path", "default": images.ROOT},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module.params, module.check_mode))
    except FailedError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
