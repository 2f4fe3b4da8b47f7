# SPDX-License-Identifier: GPL-2.0-or-later
# Bash completion for ringbridged, the switch. The options come from `ringbridged --help`.

_ringbridged() {
  local current=${COMP_WORDS[COMP_CWORD]} options
  case "${COMP_WORDS[COMP_CWORD - 1]}" in
    --socket | --config) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    --group | --read-group) mapfile -t COMPREPLY < <(compgen -g -- "$current") ;;
    --log-level) mapfile -t COMPREPLY < <(compgen -W "error warning notice info debug" -- "$current") ;;
    --without) mapfile -t COMPREPLY < <(compgen -W "nowait uso nowait,uso" -- "$current") ;;
    --workers | --fdb-size) COMPREPLY=() ;;
    *)
      options=$(ringbridged --help 2>/dev/null | grep -oE '^ +(-[a-zA-Z] \[ )?--[a-z-]+' | grep -oE -e '--[a-z-]+')
      mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
      ;;
  esac
}

complete -F _ringbridged ringbridged
