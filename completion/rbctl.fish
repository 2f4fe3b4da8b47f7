# SPDX-License-Identifier: GPL-2.0-or-later
# Fish completion for rbctl, the control tool of ringbridge: rbctl itself knows the candidates.

function __rbctl_candidates
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    $words[1] --complete $words[2..-1] (commandline --current-token --cut-at-cursor) 2>/dev/null
end

complete --command rbctl --no-files --arguments '(__rbctl_candidates)'
