# Building a preset with a line of progress now and then. Needs common.sh.
# shellcheck shell=bash

# One compiler a core, and no more than the memory holds: a file that includes ATen takes 1.5 GB.
build_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo)
  [ "$memory" -ge 1 ] || memory=1
  echo $((cores < memory ? cores : memory))
}

# Prints the first progress line of ninja ("[12/345] ...") and then one every 15 seconds.
show_progress() {
  local line last=-15
  while IFS= read -r line; do
    case $line in
      '['*/*']'*)
        if [ $((SECONDS - last)) -ge 15 ]; then
          say "building $1: ${line%%]*}]"
          last=$SECONDS
        fi ;;
    esac
  done
}

# configure PRESET [cmake arguments]
configure() {
  local preset=$1 log=build/$1.log
  mkdir -p build
  [ -d "build/$preset" ] || need_space 2500 build
  say "configuring $preset"
  cmake --preset "$@" >"$log" 2>&1 || build_failed "$preset" "$log"
}

# build PRESET [TARGET]: the output goes to build/PRESET.log; of a failure the errors are shown.
build() {
  local preset=$1 log=build/$1.log since=$SECONDS
  [ -f "build/$preset/build.ninja" ] || configure "$preset"
  { cmake --build --preset "$preset" ${2:+--target "$2"} -j "$(build_jobs)" 2>&1 | tee "$log" | show_progress "$preset"; } ||
    build_failed "$preset" "$log"
  [ $((SECONDS - since)) -lt 5 ] || say "built $preset in $((SECONDS - since)) s"
}

build_failed() {
  grep -m 20 -A 12 -E 'error|Error|FAILED' "$2" >&2 || tail -n 40 "$2" >&2
  fail "the $1 build failed, see $2."
}
