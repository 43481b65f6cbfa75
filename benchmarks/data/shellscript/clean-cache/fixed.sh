#!/usr/bin/env bash
# Empties the cache of a build: clean-cache.sh [FOLDER]
set -eu

usage() {
  echo "usage: clean-cache.sh [FOLDER]" >&2
  exit 2
}

if [[ $# -gt 1 ]]; then
  usage
fi

# BUILD_CACHE may be set to nothing by CI where there is no cache.
cache="${1:-${BUILD_CACHE-/var/cache/build}}"
lock="${XDG_RUNTIME_DIR:-$HOME}/clean-cache.lock"

exec 9>"$lock"
if ! flock --nonblock 9; then
  echo "clean-cache: another run is under way" >&2
  exit 1
fi

rm -rf -- "${cache:?there is no cache to clean}"/*
echo "clean-cache: emptied $cache"
