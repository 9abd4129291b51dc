#!/usr/bin/env bash
# Throw-away hosts for tests of playbooks: systemd is PID 1, an address of their own in a network namespace of their
# own, a real sshd, apt, nftables, a journal, working resource limits, reboot. One Debian file system is built once;
# each host is an overlay over it in a systemd-nspawn container. Runs as root on Debian, with cgroup v1 (also hybrid).
# What it needs it installs. Several fleets stand side by side with a TH_NAME, TH_NET and TH_BRIDGE each; they share the
# base. tests/hosts/fleet.py is how tests use it.
#
#   testhosts.sh up [N] | down            bring up edge1..edgeN (default 2) | take all down; the base stays
#   testhosts.sh ssh-config | inventory   for ssh -F | an INI inventory for Ansible
#   testhosts.sh start|stop|crash HOST    switch on | shut down in order | pull the plug; the disk is kept
#   testhosts.sh unplug|plug HOST         network cable out | in
#   testhosts.sh reset HOST               a new disk, as at the first start; address and host key stay
#   testhosts.sh status | log HOST        who is on | what the console said
#   testhosts.sh base | check             only build the base | only say whether this machine will do
set -euo pipefail
FLEET=${TH_NAME:-testhosts}               # of the fleet: its cgroup, nftables table, network namespaces and folder
DIR=${TH_DIR:-/var/tmp/testhosts}        # base, overlays, keys (ext4 or xfs; not on an overlay)
NET=${TH_NET:-198.51.100}                # /24; .1 is the bridge, edgeI is .(10+I)
BR=${TH_BRIDGE:-thbr0}
EGRESS=${TH_EGRESS:-nat}                 # nat: hosts may reach what this machine may reach; none: sealed
PORTS=${TH_PORTS:-}                      # TCP ports of this machine that the hosts may connect to
MEM=${TH_MEM:-2G}                        # memory cap of one whole host
CPU=${TH_CPU:-}                          # processor share of one whole host, in percent of a core; all there is when empty
PKGS=systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,python3,python3-apt,sudo,nftables,iproute2
PKGS=$PKGS,procps,curl,ca-certificates,iputils-ping,kmod,cron,logrotate,rsync,gpg${TH_PKGS:+,$TH_PKGS}
DEBS=${TH_DEBS:-}                        # packages only downloaded into the base: apt installs them without network
DISK=${TH_DISK:-}                        # paths in the hosts on plain disk, say /var/lib/containerd,/var/lib/docker
RUN=$DIR/fleet-$FLEET TOP=root CG=/sys/fs/cgroup CTL="cpu cpuacct cpuset memory devices freezer blkio pids systemd unified"
ID='' VERSION_CODENAME=''
# shellcheck source=/dev/null
[ ! -f /etc/os-release ] || . /etc/os-release
SUITE=${TH_SUITE:-$VERSION_CODENAME}      # trixie works on bookworm too
BASE=$DIR/base-$SUITE-$(printf %s "$PKGS $DEBS $(uname -r) v3" | sha1sum | cut -c1-10)
say() { echo "testhosts: $*" >&2; }
# shellcheck disable=SC2012 # the names are ours: edge and a number
hosts() { (cd $CG/unified/$FLEET 2>/dev/null && ls -d edge* 2>/dev/null | sort -V) || true; }
ip_of() { echo "$NET.$((10 + ${1#edge}))"; }
sshx() { ssh -F "$RUN/ssh_config" -o BatchMode=yes -o ConnectTimeout=2 "$@"; }
running() { grep -qs 'populated 1' "$CG/unified/$FLEET/$1/cgroup.events"; }

check() { # one line where this machine will not do
  local c
  [ "$(id -u)" = 0 ] || { say "needs root"; return 1; }
  [ "$ID" = debian ] || { say "needs Debian; this is ${ID:-unknown}"; return 1; }
  for c in $CTL; do [ -d "$CG/$c" ] || { say "needs cgroup v1 with the hierarchy $c in $CG"; return 1; }; done
}

deps() {
  local miss=() c
  for c in mmdebstrap:mmdebstrap systemd-nspawn:systemd-container nft:nftables ip:iproute2 ssh:openssh-client; do
    command -v "${c%:*}" >/dev/null || miss+=("${c#*:}"); done
  [ ${#miss[@]} = 0 ] && return
  local get=(apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "${miss[@]}")
  export DEBIAN_FRONTEND=noninteractive
  say "installing ${miss[*]}"
  # Lists may be missing, or too old for what the mirror has.
  "${get[@]}" >/dev/null 2>&1 || { apt-get -qq update && "${get[@]}" >/dev/null; }
}

base() {
  deps; mkdir -p "$DIR"; ( flock 9; if [ ! -d "$BASE" ]; then build; fi ) 9>"$DIR/lock"
}
build() {
  local src tmp=$BASE.tmp; rm -rf "$tmp"
  for src in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do [ -s "$src" ] && break; done
  [ "$SUITE" = "$VERSION_CODENAME" ] || src="deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(
    grep -hoE 'https?://[^ ]+/debian/?( |$)' "$src" | tail -1) $SUITE main"
  say "building $BASE (once)"
  mmdebstrap --quiet --variant=minbase --include="$PKGS" --skip=cleanup/apt/lists \
    --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Languages "none"' \
    "$SUITE" "$tmp" "$src" >"$DIR/base.log" 2>&1 || { tail -5 "$DIR/base.log" >&2; return 1; }
  # shellcheck disable=SC2086 # one word a package
  [ -z "$DEBS" ] || chroot "$tmp" apt-get -qq -y --no-install-recommends --download-only install ${DEBS//,/ } >>"$DIR/base.log" 2>&1 ||
    { tail -5 "$DIR/base.log" >&2; return 1; }
  # faster dpkg; no surprise apt runs that hold the lock; no getty; no PAM noise; apt options kept above
  echo force-unsafe-io >"$tmp/etc/dpkg/dpkg.cfg.d/testhosts"; : >"$tmp/etc/default/locale"
  chroot "$tmp" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer console-getty.service
  chroot "$tmp" useradd -m -s /bin/bash ops
  echo 'ops ALL=(ALL) NOPASSWD: ALL' >"$tmp/etc/sudoers.d/ops"
  cp -L /etc/ssl/certs/ca-certificates.crt "$tmp/etc/ssl/certs/ca-certificates.crt"   # pip/curl over TLS
  src=$tmp/lib/modules/$(uname -r); mkdir -p "$src"; : >"$src/modules.order"     # modprobe of what is built in: OK
  printf 'kernel/%s.ko\n' overlay br_netfilter bridge veth vxlan tun nf_conntrack nf_nat nf_tables ip_tables ip6_tables \
    xt_conntrack fuse loop >"$src/modules.builtin"; chroot "$tmp" depmod "$(uname -r)" 2>/dev/null
  rm -f "$tmp"/etc/ssh/ssh_host_*; : >"$tmp/etc/machine-id"
  # PID 1 shim: writable cgroup v1 controllers (nspawn leaves them read-only), and private writable copies of
  # the machine-wide sysctls (vm.* fs.* kernel.*), so that a role can set them and this machine does not change
  cat >"$tmp/sbin/th-init" <<'I'
#!/bin/sh
for c in cpu cpuacct cpuset memory devices freezer blkio pids; do mount -o remount,bind,rw /sys/fs/cgroup/$c; done
s=/run/.sysctl
for d in vm fs kernel; do mkdir -p $s/$d; cp -r --no-preserve=all /proc/sys/$d/. $s/$d 2>/dev/null; done
for f in random hostname domainname ns_last_pid; do
  [ -d $s/kernel/$f ] && rm -rf $s/kernel/$f/*; mount --rbind /proc/sys/kernel/$f $s/kernel/$f; done
for d in vm fs kernel; do mount --rbind $s/$d /proc/sys/$d; done
for f in core/rmem_max core/wmem_max core/rmem_default core/wmem_default netfilter/nf_conntrack_max; do
  cat /proc/sys/net/$f >$s/${f##*/} && mount --bind $s/${f##*/} /proc/sys/net/$f; done 2>/dev/null
exec /lib/systemd/systemd
I
  chmod 755 "$tmp/sbin/th-init"; mv "$tmp" "$BASE"
}

setting() { # one of this machine's kernel settings, until the last fleet is down
  mkdir -p "$DIR/was"; [ -f "$DIR/was/${1//\//.}" ] || cat "/proc/sys/$1" >"$DIR/was/${1//\//.}"; echo "$2" >"/proc/sys/$1"
}
settings_back() {
  local f; for f in "$DIR"/was/*; do [ ! -f "$f" ] || cat "$f" >"/proc/sys/$(basename "$f" | tr . /)"; done; rm -rf "$DIR/was"
}
net_up() {
  ip link add "$BR" type bridge; ip addr add "$NET.1/24" dev "$BR"; ip link set "$BR" up
  ip route replace unreachable "$NET.0/24" metric 4000000    # nothing leaks to the uplink when the bridge is gone
  local allow=; [ -n "$PORTS" ] && allow="iifname $BR tcp dport { ${PORTS// /,} } accept"
  setting net/ipv4/ip_forward 1; setting fs/inotify/max_user_instances 1024   # a host takes 8 of them
  nft -f - <<N
table inet $FLEET {
  chain input { type filter hook input priority 0; iifname $BR ct state established,related accept
    iifname $BR icmp type echo-request accept
    $allow
    iifname $BR reject; }
  chain forward { type filter hook forward priority 0; iifname $BR oifname $BR accept
    iifname != $BR oifname $BR ct state new drop
    $([ "$EGRESS" = nat ] || echo "iifname $BR reject"); tcp flags syn tcp option maxseg size set rt mtu; }
  chain post { type nat hook postrouting priority 100; ip saddr $NET.0/24 ip daddr != $NET.0/24 masquerade; }
}
N
}

clone() { # the host's disk, as from the factory
  local n=$1 h=$RUN/$1 f
  rm -rf "$h"/{upper,work,disk}; mkdir -p "$h"/{upper,work,"$TOP"}
  mount -t overlay -o "lowerdir=$BASE,upperdir=$h/upper,workdir=$h/work,volatile" "$FLEET-$n" "$h/$TOP"
  echo "$n" >"$h/$TOP/etc/hostname"; cp "$RUN/hosts" "$h/$TOP/etc/hosts"
  if [ "$EGRESS" = nat ]; then cp /etc/resolv.conf "$h/$TOP/etc/resolv.conf"
  else : >"$h/$TOP/etc/resolv.conf"; touch "$h/$TOP/var/lib/apt/lists"; fi  # names fail at once; cache_valid_time holds
  install -m 600 "$h/hostkey" "$h/$TOP/etc/ssh/ssh_host_ed25519_key"
  install -m 644 "$h/hostkey.pub" "$h/$TOP/etc/ssh/ssh_host_ed25519_key.pub"
  for f in root home/ops; do install -D -m 600 "$RUN/id.pub" "$h/$TOP/$f/.ssh/authorized_keys"; done
  chmod 700 "$h/$TOP"/{root,home/ops}/.ssh; chroot "$h/$TOP" sh -c "chown -R ops:ops ~ops/.ssh"
}

create() { # one host: cgroups (first: down goes by them), clone, keys, network
  local n=$1 h=$RUN/$1 c f cg
  for c in $CTL; do cg=$CG/$c/$FLEET; mkdir -p "$cg/$n"
    if [ "$c" = cpuset ]; then for f in cpus mems; do
      cat "$CG/cpuset/cpuset.$f" >"$cg/cpuset.$f"; cat "$cg/cpuset.$f" >"$cg/$n/cpuset.$f"; done; fi; done
  echo "$MEM" >"$CG/memory/$FLEET/$n/memory.limit_in_bytes"
  [ -z "$CPU" ] || echo $((CPU * 1000)) >"$CG/cpu/$FLEET/$n/cpu.cfs_quota_us"   # of 100 ms
  cg=$CG/devices/$FLEET/$n; echo a >"$cg/devices.deny"   # no block devices of this machine
  for f in 'a *:* m' 'c 1:3 rwm' 'c 1:5 rwm' 'c 1:7 rwm' 'c 1:8 rwm' 'c 1:9 rwm' 'c 5:* rwm' 'c 136:* rwm' 'c 10:200 rwm'; do
    echo "$f" >"$cg/devices.allow"; done
  mkdir -p "$h"; ssh-keygen -q -t ed25519 -N '' -C "$n" -f "$h/hostkey"
  echo "$(ip_of "$n") $(cut -d' ' -f1,2 "$h/hostkey.pub")" >>"$RUN/known_hosts"
  clone "$n"
  ip netns add "$FLEET-$n"; ip link add "$BR$n" mtu 1400 type veth peer name eth0 mtu 1400 netns "$FLEET-$n"
  ip link set "$BR$n" master "$BR" up
  ip -n "$FLEET-$n" link set lo up
}
address() { # the address that a host has when it boots, and no other: the namespace outlives the host
  ip -n "$FLEET-$1" addr flush dev eth0; ip -n "$FLEET-$1" addr add "$(ip_of "$1")/24" dev eth0
  ip -n "$FLEET-$1" link set eth0 up; ip -n "$FLEET-$1" route replace default via "$NET.1"
}
silent() { ip -n "$FLEET-$1" link set eth0 down; }   # who is off answers nobody, not even with a reset

supervise() { # the host's power supply, in the background; nspawn exits 133 for a reboot
  local n=$1 h=$RUN/$1 c rc bind=()
  for c in $(tr , ' ' <"$RUN/disk"); do mkdir -p "$h/disk$c"; bind+=("--bind=$h/disk$c:$c"); done
  while [ -e "$h/power" ]; do
    address "$n"; ip netns exec "$FLEET-$n" nft flush ruleset   # a kernel that boots has no rules either
    ( for c in $CTL; do echo $BASHPID >"$CG/$c/$FLEET/$n/cgroup.procs"; done
      SYSTEMD_NSPAWN_API_VFS_WRITABLE=network exec systemd-nspawn --quiet --register=no --keep-unit \
        --machine="$n" --directory="$h/$TOP" --network-namespace-path="/run/netns/$FLEET-$n" \
        --capability=CAP_NET_ADMIN --system-call-filter='@keyring bpf' --kill-signal=SIGRTMIN+3 --console=pipe --link-journal=no \
        --resolv-conf=off --timezone=off "${bind[@]}" /sbin/th-init ) >>"$h/console.log" 2>&1 &
    echo $! >"$h/nspawn.pid"; rc=0; wait $! || rc=$?
    echo "[testhosts] nspawn exit $rc" >>"$h/console.log"; [ $rc = 133 ] || break
  done
}
start() { running "$1" && return; touch "$RUN/$1/power"; ( trap '' HUP; supervise "$1" ) </dev/null >/dev/null 2>&1 & disown; }
wait_up() {
  local n t=$((SECONDS + 60))
  for n in "$@"; do
    until sshx "$n" 'systemctl is-system-running --wait >/dev/null || systemctl --failed --no-legend' 2>/dev/null; do
      [ $SECONDS -lt $t ] || { say "$n did not come up; see $RUN/$n/console.log"; return 1; }; sleep 0.1; done; done
}
gone() { local i; for i in $(seq "$2"); do running "$1" || return 0; sleep 0.05; done; return 1; }
crash() {
  local cg=$CG/unified/$FLEET/$1; rm -f "$RUN/$1/power"; running "$1" || return 0
  silent "$1"; echo 1 >"$cg/cgroup.kill"; gone "$1" 100 || return 1; unmade "$cg"
  mkdir -p "$cg"   # a new one: in one that was killed once, whatever systemd 257 starts is killed too
}
unmade() { # a cgroup and those below, which the kernel may hold for a moment
  for _ in 1 2 3 4 5; do
    [ ! -d "$1" ] || find "$1" -depth -type d -exec rmdir {} + 2>/dev/null && break; sleep 0.1; done
}
stop() { # orderly; after 15 s the plug
  rm -f "$RUN/$1/power"; running "$1" || return 0
  kill -TERM "$(cat "$RUN/$1/nspawn.pid")"; if gone "$1" 300; then silent "$1"; else crash "$1"; fi
}

up() {
  local i n all=(); base; down; mkdir -p "$RUN"; : >"$RUN/known_hosts"; echo "${TH_OWNER:-}" >"$RUN/owner"; echo "$DISK" >"$RUN/disk"
  [ -f "$DIR/id" ] || ssh-keygen -q -t ed25519 -N '' -C testhosts -f "$DIR/id"; cp "$DIR/id.pub" "$RUN/id.pub"
  for i in $(seq "$1"); do all+=("edge$i"); done
  { echo 127.0.0.1 localhost; for n in "${all[@]}"; do echo "$(ip_of "$n") $n"; done; } >"$RUN/hosts"
  for n in "${all[@]}"; do printf 'Host %s\n  HostName %s\n  User ops\n  IdentityFile %s\n  IdentitiesOnly yes\n  UserKnownHostsFile %s\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n' \
    "$n" "$(ip_of "$n")" "$DIR/id" "$RUN/known_hosts"; done >"$RUN/ssh_config"
  net_up; for n in "${all[@]}"; do create "$n"; start "$n"; done; wait_up "${all[@]}"
}
down() {
  local n c all; all=$(hosts)
  for n in $all; do crash "$n" || say "$n: processes left"; done
  for n in $all; do
    umount -l "$RUN/$n/$TOP" 2>/dev/null || true; ip netns del "$FLEET-$n" 2>/dev/null || true; ip link del "$BR$n" 2>/dev/null || true; done
  { find $CG/memory/$FLEET -depth -name memory.force_empty 2>/dev/null || true; } | while read -r c; do echo 0 >"$c" || true; done
  for c in $CTL; do unmade "$CG/$c/$FLEET"; done
  nft delete table inet $FLEET 2>/dev/null || true; ip link del "$BR" 2>/dev/null || true
  ip route del unreachable "$NET.0/24" metric 4000000 2>/dev/null || true; rm -rf "$RUN"
  ls -d "$DIR"/fleet-*/ >/dev/null 2>&1 || settings_back
}

case ${1:-} in
  check) check ;; base) check; base ;; up) check; up "${2:-2}" ;; down) down ;;
  ssh-config) cat "$RUN/ssh_config" ;;
  inventory) echo "[edge]"; hosts; printf "[edge:vars]\nansible_ssh_common_args=-F %s\nansible_python_interpreter=/usr/bin/python3\n" "$RUN/ssh_config" ;;
  start) start "$2"; wait_up "$2" ;; stop) stop "$2" ;; crash) crash "$2" ;;
  reset) crash "$2"; umount -l "$RUN/$2/$TOP"; clone "$2"; start "$2"; wait_up "$2" ;;
  unplug) ip link set "$BR$2" down ;; plug) ip link set "$BR$2" up ;;
  log) cat "$RUN/$2/console.log" ;;
  status) for n in $(hosts); do echo "$n $(ip_of "$n") $(running "$n" && echo on || echo off)"; done ;;
  *) sed -n '2,13p' "$0"; exit 2 ;;
esac
