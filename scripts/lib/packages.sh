# The system packages that building and running needs. Needs common.sh.
# shellcheck shell=bash

# system_packages TESTS: names for apt-get; TESTS is 1 to include what only the tests need.
system_packages() {
  local boost=libboost1.81-dev
  apt-cache show "$boost" >/dev/null 2>&1 || boost=libboost-dev   # newer releases: their default is recent enough
  echo g++ cmake ninja-build mold ccache pkg-config git ca-certificates python3-venv \
    $boost libssl-dev libopus-dev nlohmann-json3-dev libspdlog-dev libcli11-dev catch2 libsqlite3-dev \
    prometheus-cpp-dev libpcre2-dev libspeexdsp-dev libsndfile1-dev
  [ "$1" = 0 ] || echo clang libclang-rt-dev espeak-ng pocketsphinx-testdata nodejs "$(browser_package)"
}

# Ubuntu's Chromium is a snap, which no container can install; the browser's tests are skipped there.
browser_package() {
  grep -q '^ID=ubuntu' /etc/os-release || echo chromium
}

# Prints those of the packages that are not installed.
missing_packages() {
  # dpkg-query fails where it has never heard of a package, which is no failure here
  { dpkg-query -W -f '${Status} ${Package}\n' "$@" 2>/dev/null || true; } |
    awk -v wanted="$*" '/^install ok installed / {there[$4]} END {count = split(wanted, names, " ")
      for (place = 1; place <= count; place++) if (!(names[place] in there)) print names[place]}'
}

install_packages() {
  local tests=$1 missing root=
  # shellcheck disable=SC2046  # a list of words
  missing=$(missing_packages $(system_packages "$tests"))
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then root=sudo; fi
    [ -n "$root" ] ||
      fail "system packages are missing and this user is not root; run: sudo apt-get install -y ${missing//$'\n'/ }"
  fi
  say "installing $(wc -w <<<"$missing") system packages"
  $root apt-get update -qq >"$cache/apt.log" 2>&1 || apt_failed update
  # The package index may name another Boost than the one guessed before it was there.
  # shellcheck disable=SC2046
  missing=$(missing_packages $(system_packages "$tests"))
  # shellcheck disable=SC2086
  $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >"$cache/apt.log" 2>&1 ||
    apt_failed install
}

apt_failed() {
  fail "apt-get $1 failed ($(grep -m 1 '^E:' "$cache/apt.log" || echo 'it gave no reason')): is the network reachable? All of it is in $cache/apt.log."
}
