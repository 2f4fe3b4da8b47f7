#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the core of the integration tests in a guest with Debian's 6.1 kernel: the switch of this build, on real taps.
# Usage: tap_tests.sh BUILD_DIR CACHE_DIR
set -euo pipefail
build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The programs are at the paths of the build tree, where the tests look for them.
arguments=(--cache "$2" --module tun --module bridge --module veth --module 8021q --module nf_tables --memory 1024 --timeout 500)
for program in control/ringbridged control/rbctl tests/integration_tests; do
  arguments+=(--add "$build/$program:$build/$program")
done
# busybox's own shell would take busybox's ip and ping before these.
arguments+=(--add "$(command -v dash):/bin/sh")
for program in ip bridge ping nsenter setpriv ethtool head; do
  arguments+=(--add "$(PATH=$PATH:/usr/sbin:/sbin command -v "$program")")
done

cat >"$work/script" <<SCRIPT
printf 'audio:x:29:\\nvideo:x:44:\\n' >>/etc/group
exec $build/tests/integration_tests --gtest_color=no --gtest_filter='Forwarding.*:Devices.*:DaemonLife.*:Packet.*:Stream*:Dgram*:VhostUser.*:-*SegmentsAsTheKernel*'
SCRIPT
"$(dirname "$0")/run_guest" "${arguments[@]}" "$work/script"
