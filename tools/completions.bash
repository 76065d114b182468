# bash completion for the tools of gst-alitra
# SPDX-License-Identifier: LGPL-2.1-or-later
# Options are those that the tool itself lists, so that none is missing; what may stand after an option is known by the
# word that the tool shows for it (FILE, PNG, …).

_alitra_options () {
  "$1" --help 2>/dev/null | grep -oE -- '(^|[ ,])--?[a-z][a-z0-9-]*' | tr -d ' ,'
}

# _alitra_metavar TOOL OPTION: the word behind the option, such as FILE; empty for a switch
_alitra_metavar () {
  "$1" --help 2>/dev/null | sed -n "s/^ *\(-[a-z], \)\?\(--[a-z0-9-]*\)=\([^ ]*\).*/\1\2 \3/p" | tr -d , \
    | awk -v option="$2" '{ for (i = 1; i < NF; i++) if ($i == option) print $NF }'
}

_alitra_values () {
  case $1 in
    FILE|PNG) compgen -f -- "$2" ;;
    URI) compgen -f -W "test" -- "$2" ;;
    WHO) compgen -W "learned uniform complexity" -- "$2" ;;
    STYLE) compgen -W "heatmap grid contours" -- "$2" ;;
    RANGE) compgen -W "limited full" -- "$2" ;;
    FORMAT) compgen -W "I420 RGB" -- "$2" ;;
  esac
}

_alitra () {
  local tool=$1 word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} metavar
  # "--option=value" comes as three words
  if [ "$word" = = ]; then
    word=
  elif [ "$before" = = ]; then
    before=${COMP_WORDS[COMP_CWORD-2]}
  fi
  metavar=$(_alitra_metavar "$tool" "$before")
  if [ -n "$metavar" ]; then
    mapfile -t COMPREPLY < <(_alitra_values "$metavar" "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_alitra_options "$tool")" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}

complete -o filenames -F _alitra alitra-bench alitra-check alitra-info alitra-roundtrip alitra-tokens alitra-view
