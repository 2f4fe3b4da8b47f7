# SPDX-License-Identifier: GPL-2.0-or-later
# ./demo and ./check source this file. It installs missing Debian packages, as root or by sudo.

BUILD_PACKAGES=(g++ cmake ninja-build pkg-config liburing-dev libxxhash-dev libboost-program-options-dev
  nlohmann-json3-dev libfmt-dev libmnl-dev libnftnl-dev libcap-ng-dev)
RUN_PACKAGES=(iproute2 iputils-ping procps)
TEST_PACKAGES=(libgtest-dev libgmock-dev libbenchmark-dev clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev
  ccache bridge-utils ethtool iperf3 python3 busybox-static cpio qemu-system-x86 tcpdump openvswitch-switch vde2 kmod git binutils util-linux bsdutils valgrind zsh fish)
COVERAGE_PACKAGES=(gcovr llvm-19)

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_missing() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  echo "installing: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
