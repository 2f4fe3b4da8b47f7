# SPDX-License-Identifier: GPL-2.0-or-later
# Bash completion for rbctl, the control tool of ringbridge. Names of bridges and ports are asked from rbctl itself;
# without a running daemon there are none to offer.

_rbctl_bridges() {
  rbctl "${socket[@]}" show 2>/dev/null | awk -F '\t' 'NR > 1 && $1 != "" { print $1 }'
}

_rbctl_ports() {
  rbctl "${socket[@]}" link show 2>/dev/null | awk -F ': ' '{ print $2 }'
}

# Interfaces of this host, for addif and tap.
_rbctl_interfaces() {
  local path
  for path in /sys/class/net/*; do
    [[ -e $path ]] && echo "${path##*/}"
  done
}

# The words that may follow the command so far, which is in the array `command`.
_rbctl_candidates() {
  local previous=
  ((${#command[@]} > 0)) && previous=${command[-1]}
  [[ ${command[*]} == "vlan private dev" ]] && { _rbctl_bridges; return; }
  local flags="learning flood mcast_flood bcast_flood hairpin isolated locked"
  flags+=" guard root_block loop_guard bpdu_filter restricted_tcn"
  case "$previous" in
    dev | brport | --in | in) _rbctl_ports; return ;;
    br | master) _rbctl_bridges; return ;;
    user) compgen -u; return ;;
    group) compgen -g; return ;;
  esac
  case "${#command[@]}:${command[*]}" in
    0:*)
      echo "addbr delbr addif delif hairpin setageing setbridgeprio setfd sethello setmaxage setpathcost setportprio" \
           "show showmacs showstp stp spanning-tree fdb link vlan port stats monitor trace tap dump info" ;;
    1:spanning-tree) echo "mcheck"; _rbctl_bridges ;;
    2:"spanning-tree mcheck") _rbctl_ports ;;
    1:delbr | 1:addif | 1:delif | 1:hairpin | 1:set* | 1:showmacs | 1:showstp | 1:stp | 1:trace | *:show*) _rbctl_bridges ;;
    1:vlan) echo "show add del map private" ;;
    2:"vlan map") echo "show add del" ;;
    2:"vlan private") echo "dev show" ;;
    *:"vlan private dev"*)
      case "$previous" in
        vid | of) ;;
        isolated | community) echo "of" ;;
        *) if [[ " ${command[*]} " == *" vid "* ]]; then echo "primary isolated community none"; else echo "vid"; fi ;;
      esac ;;
    *:"vlan show"*) echo "dev vid" ;;
    *:"vlan map add"*) echo "dev vid to" ;;
    *:"vlan map del"*) echo "dev vid" ;;
    *:"vlan add"*) echo "dev vid pvid untagged self" ;;
    *:"vlan del"*) echo "dev vid self" ;;
    1:port) _rbctl_ports ;;
    2:port*) echo "mode" ;;
    3:port*) echo "access trunk native-tagged native-untagged dot1q-tunnel" ;;
    *:port*" trunk"* | *:port*" native-"*) echo "vids native" ;;
    *:port*) echo "vid" ;;
    1:fdb) echo "show get add replace del flush" ;;
    1:link) echo "show set" ;;
    1:stats) echo "dev br clear" ;;
    2:"stats clear") echo "dev" ;;
    1:tap) echo "add del" ;;
    *:monitor*) echo "all fdb link stp loop" ;;
    2:addbr*) echo "--no-host-port" ;;
    *:addif*) _rbctl_interfaces; echo "tap: packet: vhost-user: stream: dgram: listen:" ;;
    *:delif* | 2:hairpin* | 2:setpathcost* | 2:setportprio*) _rbctl_ports ;;
    3:hairpin*) echo "on off" ;;
    2:stp*) echo "on rstp off" ;;
    2:trace*) echo "--in" ;;
    *:trace*) echo "src dst type vlan size" ;;
    *:"fdb show"*) echo "br dev brport vlan static dynamic local permanent" ;;
    3:"fdb get "*) echo "br" ;;
    3:"fdb "*) echo "dev" ;;
    *:"fdb add"* | *:"fdb replace"*) echo "vlan static dynamic local" ;;
    2:"fdb flush") echo "br dev" ;;
    *:"fdb flush"*) echo "br dev vlan static dynamic all" ;;
    *:"link show"*) echo "dev master" ;;
    2:"link set") echo "dev"; _rbctl_bridges ;;
    *:"link set dev"*)
      case " $flags " in
        *" $previous "*) echo "on off" ;;
        *) case "$previous" in
             state) echo "disabled listening learning forwarding blocking" ;;
             admit) echo "all tagged untagged" ;;
             ingress_filtering) echo "on off" ;;
             edge | p2p) echo "auto on off" ;;
             cost) echo "auto" ;;
             *) echo "$flags cost priority state edge p2p admit ingress_filtering default_pcp pcp_map" ;;
           esac ;;
      esac ;;
    *:"link set"*)
      case "$previous" in
        forward) echo "lacp dot1x lldp provider mvrp none" ;;
        vlan_filtering) echo "on off" ;;
        vlan_protocol) echo "802.1Q 802.1ad" ;;
        vlan_learning) echo "shared independent" ;;
        path_cost) echo "short long" ;;
        loop_guard) echo "off report block" ;;
        loop_probe) echo "off" ;;
        *) echo "forward group_fwd_mask ageing path_cost loop_guard loop_probe loop_hold" \
                "vlan_filtering vlan_protocol vlan_default_pvid vlan_learning" ;;
      esac ;;
    2:"tap del") _rbctl_interfaces ;;
    *:"tap add"*) ((${#command[@]} > 2)) && echo "user group multi_queue" ;;
  esac
}

_rbctl() {
  local current=${COMP_WORDS[COMP_CWORD]} word index
  local -a command=() socket=()
  # The command's words up to the cursor; options may stand anywhere between them.
  for ((index = 1; index < COMP_CWORD; ++index)); do
    word=${COMP_WORDS[index]}
    case "$word" in
      --socket) socket=(--socket "${COMP_WORDS[++index]}") ;;
      --in | --no-host-port) command+=("$word") ;;
      -*) ;;
      *) command+=("$word") ;;
    esac
  done
  COMPREPLY=()
  if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --socket ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  elif [[ $current == -* && ${command[*]} != trace* && ${command[*]} != addbr* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--socket --json --pretty --statistics --compressvlans --details --batch --force --help --version" -- "$current")
  else
    local candidates
    candidates=$(_rbctl_candidates)
    mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$current")
  fi
}

complete -F _rbctl rbctl
