#!/usr/bin/env bash
# Makes a copy of a folder: backup.sh SOURCE TARGET
set -euo pipefail

source_folder="${1:?usage: backup.sh SOURCE TARGET}"
target="${2:?usage: backup.sh SOURCE TARGET}"

options=(--archive --one-file-system)
if [[ -t 1 ]]; then
  options+=(--info=progress2)
fi

if [[ ! -d "$source_folder" ]]; then
  echo "backup: $source_folder is no folder" >&2
  exit 2
fi

stamp="$(date -u +%Y-%m-%dT%H%M%SZ)"
mkdir -p -- "$target"
partial="$target/.partial-$stamp"

# An interrupted copy has another name, so it is never taken for a whole one.
rsync "${options[@]}" -- "$source_folder/" "$partial/"
mv -- "$partial" "$target/$stamp"
echo "backup: $target/$stamp"
