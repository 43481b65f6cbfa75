#!/usr/bin/env bash
# Fetches the editors that the tests drive, from Debian's archive, into ~/.cache/kibitz-editors:
#
#   tests/editors/setup.sh [emacs28] [emacs30] [helix] [vim]      (no name: all of them)
#
# Nothing is installed: packages are unpacked side by side and run with their own C library, so two versions of
# Emacs get along, and neither root nor a certain release of Debian is needed. What is there already is kept.
# KIBITZ_EDITORS names another folder, KIBITZ_DEBIAN another mirror. Neovim comes from PyPI with the development
# tools, and VS Code has a script of its own.
set -euo pipefail

HOME_OF_ALL=${KIBITZ_EDITORS:-${XDG_CACHE_HOME:-$HOME/.cache}/kibitz-editors}
MIRROR=${KIBITZ_DEBIAN:-http://deb.debian.org/debian}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
# What packages depend on without our need: compilers (Emacs would use them), tools of dpkg.
NEEDLESS='^(binutils|cpp|dpkg|gcc-[0-9]+$|init-system|install-info|lib(asan|atomic|binutils|cc1|c6-dev|c-dev|crypt-dev'
NEEDLESS+='|ctf|gcc-[0-9]+-dev|gprofng|hwasan|itm|jansson|lsan|nsl|perl|quadmath|sframe|tirpc|tsan|ubsan)|linux-libc'
NEEDLESS+='|perl|rpcsvc|tar$|usrmerge|lib(file-find-rule|number-compare|text-glob)-perl)'

# apt with lists of its own: `apt_of FOLDER SUITE apt-get …`
apt_of() {
  local at=$1/apt suite=$2
  shift 2
  if [ ! -e "$at/conf" ]; then
    mkdir -p "$at"/etc/apt.conf.d "$at"/etc/preferences.d "$at"/lists/partial "$at"/archives/partial
    : >"$at/status"
    echo "deb [signed-by=$KEYRING] $MIRROR $suite main" >"$at/etc/sources.list"
    cat >"$at/conf" <<CONF
Dir "$at";
Dir::State "$at";
Dir::State::status "$at/status";
Dir::Cache "$at";
Dir::Etc "$at/etc";
Dir::Bin::methods "/usr/lib/apt/methods";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Sandbox::User "";
CONF
    APT_CONFIG=$at/conf apt-get update -qq
  fi
  APT_CONFIG=$at/conf "$@"
}

# `unpack NAME SUITE PACKAGE…` fills the folder NAME with the packages and what they depend on.
unpack() {
  local name=$1 suite=$2 work root=$HOME_OF_ALL/$1
  shift 2
  local wanted="$suite $*"
  if [ "$(cat "$root/.complete" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  echo "Fetching $name from Debian $suite …"
  mkdir -p "$HOME_OF_ALL"
  work=$(mktemp -d "$HOME_OF_ALL/.$name-XXXXXX")
  mkdir "$work/debs" "$work/root"
  apt_of "$work" "$suite" apt-get install -qq --print-uris --no-install-recommends "$@" |
    sed -E "s/^'[^']*' ([^_]+)_.*/\1/" | grep -vE "$NEEDLESS" | sort -u >"$work/names"
  (cd "$work/debs" && xargs -a "$work/names" env APT_CONFIG="$work/apt/conf" apt-get download -qq)
  for each in "$work"/debs/*.deb; do dpkg-deb -x "$each" "$work/root"; done
  echo "$wanted" >"$work/root/.complete"
  rm -rf "$root"
  mv "$work/root" "$root"
  rm -rf "$work"
}

# `launcher COMMAND ROOT PROGRAM [VARIABLE=VALUE…] [-- ARGUMENT…]` writes bin/COMMAND, which starts PROGRAM of ROOT.
launcher() {
  local command=$1 root=$HOME_OF_ALL/$2 program=$3 loader libraries
  shift 3
  local variables=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    variables+=("$1")
    shift
  done
  [ $# -gt 0 ] && shift
  loader=$(find "$root/lib" "$root/lib64" "$root/usr/lib" "$root/usr/lib64" -name 'ld-linux*.so.*' -not -type d 2>/dev/null | head -n 1 || true)
  libraries=$root/lib/$(uname -m)-linux-gnu:$root/usr/lib/$(uname -m)-linux-gnu
  mkdir -p "$HOME_OF_ALL/bin"
  {
    echo '#!/bin/sh'
    for each in "${variables[@]}"; do printf 'export %s="%s"\n' "${each%%=*}" "${each#*=}"; done
    printf 'exec "%s" --library-path "%s" --argv0 "%s" "%s"' "$loader" "$libraries" "$root/$program" "$root/$program"
    [ $# -eq 0 ] || printf ' "%s"' "$@"
    echo ' "$@"'
  } >"$HOME_OF_ALL/bin/$command"
  chmod +x "$HOME_OF_ALL/bin/$command"
}

# `emacs VERSION SUITE NAME PACKAGE…`
emacs() {
  local version=$1 suite=$2 name=$3 root=$HOME_OF_ALL/$3 share libexec
  shift 3
  unpack "$name" "$suite" emacs-nox "$@"
  share=$root/usr/share/emacs
  libexec=$(dirname "$(find "$root/usr" -name 'emacs*.pdmp' | head -n 1)")
  # There is no compiler for native code, and Debian's packages are where they were unpacked.
  cat >"$share/site-lisp/site-start.el" <<LISP
(setq native-comp-jit-compilation nil native-comp-deferred-compilation nil
      native-comp-enable-subr-trampolines nil comp-enable-subr-trampolines nil
      package-directory-list '("$share/site-lisp/elpa-src"))
LISP
  launcher "$name" "$name" usr/bin/emacs-nox \
    "EMACSLOADPATH=$share/site-lisp:$share/$version/lisp:$(find "$share/$version/lisp" -mindepth 1 -type d -printf '%p:')" \
    "EMACSDATA=$share/$version/etc" "EMACSDOC=$share/$version/etc" "EMACSPATH=$libexec" \
    -- "--dump-file=$libexec/$(basename "$(find "$libexec" -name 'emacs*.pdmp')")"
  launcher "${name}client" "$name" usr/bin/emacsclient.emacs
}

emacs28() { emacs 28.2 bookworm emacs28 elpa-eglot elpa-lsp-mode elpa-package-lint; }
emacs30() { emacs 30.1 trixie emacs30 elpa-lsp-mode elpa-package-lint; }

helix() {
  unpack helix trixie hx
  launcher hx helix usr/bin/hx "HELIX_RUNTIME=$(find "$HOME_OF_ALL/helix/usr" -type d -name runtime | head -n 1)"
}

vim() {
  unpack vim bookworm vim vim-ale
  launcher vim vim usr/bin/vim.basic "VIM=$HOME_OF_ALL/vim/usr/share/vim" \
    "VIMRUNTIME=$HOME_OF_ALL/vim/usr/share/vim/vim90"
}

# Where the machine has no tmux, in which the terminal editors are driven.
tmux() {
  unpack tmux bookworm tmux ncurses-base
  launcher tmux tmux usr/bin/tmux "TERMINFO=$HOME_OF_ALL/tmux/lib/terminfo"
}

[ $# -gt 0 ] || set -- emacs28 emacs30 helix vim
for each in tmux "$@"; do
  case $each in
    emacs28 | emacs30 | helix | tmux | vim) "$each" ;;
    *)
      echo "no such editor: $each (emacs28, emacs30, helix or vim)" >&2
      exit 2
      ;;
  esac
done
