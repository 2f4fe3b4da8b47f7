#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the bridge of Debian's 6.1 kernel in a guest with tagged frames, and compares its behaviour with the record.
# Usage: vlan_oracle.sh BUILD_DIR CACHE_DIR RECORD. With --record at the end, the record is written again.
set -euo pipefail
build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

arguments=(--cache "$2" --module tun --module bridge --module 8021q --memory 256 --timeout 120)
arguments+=(--add "$build/tests/vlan_oracle:/bin/vlan_oracle" --add "$(command -v dash):/bin/sh")
for program in ip bridge; do
  arguments+=(--add "$(PATH=$PATH:/usr/sbin:/sbin command -v "$program")")
done
printf 'exec /bin/vlan_oracle\n' >"$work/script"
"$(dirname "$0")/run_guest" "${arguments[@]}" "$work/script" | tr -d '\r' >"$work/output"
{
  echo '# What the bridge of Linux 6.1 (Debian 12, cloud kernel) does with vlan_filtering 1.'
  echo '# Made by tests/guest/vlan_oracle.sh, whose program says what the modes and kinds of frames are.'
  grep -a '^802\.1' "$work/output"
} >"$work/record"
if [ "${4:-}" = --record ]; then
  cp "$work/record" "$3"
else
  diff -u "$3" "$work/record"
fi
