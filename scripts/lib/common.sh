# Shared by setup, serve and test: where things live, and how progress and failure are told.
# Sourced with the checkout as the current folder.
# shellcheck shell=bash

cache=${PARLEY_CACHE:-$HOME/.cache/parley}
started=$SECONDS

say() { printf '[%4ds] %s\n' $((SECONDS - started)) "$*" >&2; }

# One sentence for whoever runs the script: what is wrong and what to do.
fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# The comment that opens the script is its help.
print_help() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; }

use_ccache() {
  export CCACHE_DIR=$cache/ccache CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=5G
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
}

# need_space MEGABYTES FOLDER: stops before a download or a build that cannot fit.
need_space() {
  local free
  free=$(df -Pm "$2" | awk 'NR == 2 {print $4}')
  [ "$free" -ge "$1" ] || fail "$1 MB are needed under $2 and $free MB are free: make room, or set PARLEY_CACHE to another disk."
}

# An NVIDIA driver that answers; the libraries that talk to it are set-up's business.
has_nvidia_driver() { command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q '^GPU'; }
