"""A picture of a host, to compare before and after: what a removal has to bring back."""

from __future__ import annotations

from tests.hosts.fleet import Fleet

# Logs, caches and package managers' own notes change with every command; Ansible leaves its folder in the home.
PASSING = ["/proc", "/sys", "/run", "/dev", "/tmp", "/var/tmp", "/var/log", "/var/cache"]
PASSING += ["/var/lib/apt", "/var/lib/dpkg", "/var/lib/systemd", "/var/lib/ucf"]
ASKED = {
    "files": "sudo find / -xdev \\( {prune} -o -name .ansible \\) -prune -o -printf '%p %y %m %u:%g %l\\n'",
    "contents": "sudo find /etc /usr/local -xdev -type f ! -path '/etc/*-' -exec sha256sum {{}} +",
    "packages": "dpkg-query --show",
    "marked": "apt-mark showmanual",
    "accounts": "getent passwd; getent group",
    "unit files": "systemctl list-unit-files --no-legend --no-pager | grep -v transient",
    "services": "systemctl list-units --type=service,timer,socket --state=active --no-legend --plain"
    " | awk '{{print $1}}' | grep -vE '^(user|session|run-)'",
    "firewall": "sudo nft list ruleset",
    "kernel": "sudo sysctl --all --pattern '^(net.ipv4.conf|kernel.kptr|vm.swap|vm.dirty)'",
}


def picture(hosts: Fleet, name: str) -> dict[str, set[str]]:
    """What is on a host, by kind, as lines."""
    prune = " -o ".join(f"-path {path}" for path in PASSING)
    return {
        kind: set(hosts.run(name, command.format(prune=prune)).stdout.splitlines()) for kind, command in ASKED.items()
    }


def differences(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, list[str]]:
    """What came (+) and what went (-), by kind; empty where nothing did."""
    found = {
        kind: sorted(
            {f"+ {line}" for line in after[kind] - before[kind]} | {f"- {line}" for line in before[kind] - after[kind]}
        )
        for kind in before
    }
    return {kind: lines for kind, lines in found.items() if lines}
