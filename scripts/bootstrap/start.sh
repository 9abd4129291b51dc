# Sourced by scripts/llmdeploy and scripts/test, which set $checkout. Sets $venv, the environment to run from.
# What runs at every start is here, in shell, and starts no Python; the set-up itself is __main__.py beside this file.

venv=${LLMDEPLOY_VENV:-$checkout/.venv}
case $venv in /*) ;; *) venv=$PWD/$venv ;; esac

fail() { printf 'error: %s\nhint: %s\n' "$1" "$2" >&2; exit 4; }

is_ready() { # is_ready LEVEL: the set-up was finished, here, with the requirements of today (test holds runtime)
  [ -x "$venv/bin/python" ] || return 1
  { IFS= read -r level <"$venv/.llmdeploy-setup/complete"; } 2>/dev/null || return 1
  [ "$level" = "$1" ] || [ "$level" = test ] || return 1
  expected=$(printf '%s\n' "$level" "$venv" "$checkout"; cat "$checkout/requirements/$level.txt")
  [ "$(cat "$venv/.llmdeploy-setup/complete")" = "$expected" ]
}

probe='import os, sys
if sys.version_info < (3, 11):
    print("old %d.%d.%d" % sys.version_info[:3])
else:
    try:
        import ensurepip, venv
        print("good " + os.path.realpath(sys.executable))
    except ImportError:
        print("bare " + os.path.realpath(sys.executable))'

find_python() { # sets $python; one without ensurepip is the last choice: it serves only where uv is installed
  python='' bare='' seen=''
  for command in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3 python; do
    answer=$("$command" -I -c "$probe" 2>/dev/null) || answer='none'
    case $answer in
      good\ *) python=${answer#good }; return ;;
      bare\ *) bare=${bare:-${answer#bare }} ;;
      old\ *) seen="$seen, $command is ${answer#old }" ;;
    esac
    [ -z "${PYTHON:-}" ] || break
  done
  python=$bare
  [ -n "$python" ] && return
  [ -z "${PYTHON:-}" ] || fail "PYTHON=$PYTHON is not a Python 3.11 or newer${seen:+ (${seen#, })}" \
    "unset PYTHON, or let it name another: PYTHON=/usr/bin/python3.11"
  fail "no Python 3.11 or newer was found${seen:+ (${seen#, })}" \
    "install one (Debian 12, Ubuntu 24.04 or newer: apt-get install python3 python3-venv) or name it: PYTHON=/path/to/python3.11"
}

ensure_environment() { # ensure_environment runtime|test
  is_ready "$1" && return
  find_python
  "$python" -I "$checkout/scripts/bootstrap" environment "$1" "$venv" "$checkout" || exit
}

ensure_packages() { # ensure_packages REASON PACKAGE...: Debian packages; installs them only as root on Debian
  "$venv/bin/python" -I "$checkout/scripts/bootstrap" packages "$@" || exit
}
