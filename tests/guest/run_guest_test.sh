#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests run_guest itself: the guest has Debian's 6.1 kernel and the modules, and run_guest returns the script's exit
# status. Usage: run_guest_test.sh CACHE_DIR
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/script" <<'SCRIPT'
uname -r
lsmod
tunctl -t tap0 && ip link add br0 type bridge && exit 7
SCRIPT
status=0
"$(dirname "$0")/run_guest" --cache "$1" --module tun --module bridge "$work/script" >"$work/out" || status=$?
cat "$work/out"
grep -q '^6\.1\.' "$work/out"
grep -q '^bridge ' "$work/out"
[ "$status" = 7 ]
