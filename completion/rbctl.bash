# SPDX-License-Identifier: GPL-2.0-or-later
# Bash completion for rbctl, the control tool of ringbridge: rbctl itself knows the candidates.

_rbctl() {
  local line=${COMP_LINE:0:COMP_POINT} current kept
  local -a words
  read -ra words <<<"$line"
  [[ $line == *[[:blank:]] ]] && words+=("")
  current=${words[-1]}
  mapfile -t COMPREPLY < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)
  # Bash breaks words at colons and equals signs too, and replaces only the part behind the last of them.
  kept=${current%"${current##*[:=]}"}
  COMPREPLY=("${COMPREPLY[@]#"$kept"}")
  # More follows these: an address, a value, another option, a file.
  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[:=,/] ]] && compopt -o nospace 2>/dev/null
}

complete -F _rbctl rbctl
