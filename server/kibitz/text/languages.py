"""Which language a file is in, by LSP language id, and how that language writes comments.

Only source code has a language here: prose, data and style sheets hold nothing for a reviewer of logic.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import NamedTuple

PLAIN = "plaintext"
"""The language id of what is in no language."""


class _Language(NamedTuple):
    extensions: str
    """Without their dots, lower case, separated by spaces."""
    line: tuple[str, ...] = ()
    """What starts a comment that ends with its line."""
    block: tuple[tuple[str, str], ...] = ()
    """What opens and closes a comment that may span lines."""
    fence: str = ""
    """The name in a code block's info string, where it is not the language id."""


_SLASHES = ("//",)
_HASH = ("#",)
_DASHES = ("--",)
_C_BLOCK = (("/*", "*/"),)
_ANGLE = (("<!--", "-->"),)

_LANGUAGES = {
    "python": _Language("py pyi pyw", _HASH),
    "javascript": _Language("js mjs cjs", _SLASHES, _C_BLOCK),
    "javascriptreact": _Language("jsx", _SLASHES, _C_BLOCK, "jsx"),
    "typescript": _Language("ts mts cts", _SLASHES, _C_BLOCK),
    "typescriptreact": _Language("tsx", _SLASHES, _C_BLOCK, "tsx"),
    "go": _Language("go", _SLASHES, _C_BLOCK),
    "rust": _Language("rs", _SLASHES, _C_BLOCK),
    "java": _Language("java", _SLASHES, _C_BLOCK),
    "c": _Language("c h", _SLASHES, _C_BLOCK),
    "cpp": _Language("cc cpp cxx c++ hh hpp hxx h++ ipp tpp", _SLASHES, _C_BLOCK),
    "csharp": _Language("cs csx", _SLASHES, _C_BLOCK),
    "ruby": _Language("rb rake gemspec ru", _HASH, (("=begin", "=end"),)),
    "php": _Language("php phtml php5 php7 php8", ("//", "#"), _C_BLOCK),
    "shellscript": _Language("sh bash zsh ksh", _HASH, fence="bash"),
    "kotlin": _Language("kt kts", _SLASHES, _C_BLOCK),
    "swift": _Language("swift", _SLASHES, _C_BLOCK),
    "scala": _Language("scala sc", _SLASHES, _C_BLOCK),
    "groovy": _Language("groovy gradle", _SLASHES, _C_BLOCK),
    "dart": _Language("dart", _SLASHES, _C_BLOCK),
    "objective-c": _Language("m", _SLASHES, _C_BLOCK, "objectivec"),
    "objective-cpp": _Language("mm", _SLASHES, _C_BLOCK, "objectivec"),
    "cuda-cpp": _Language("cu cuh", _SLASHES, _C_BLOCK, "cuda"),
    "zig": _Language("zig", _SLASHES),
    "d": _Language("d", _SLASHES, (("/*", "*/"), ("/+", "+/"))),
    "v": _Language("v", _SLASHES, _C_BLOCK),
    "nim": _Language("nim nims", _HASH, (("#[", "]#"),)),
    "crystal": _Language("cr", _HASH),
    "elixir": _Language("ex exs", _HASH),
    "erlang": _Language("erl hrl", ("%",)),
    "haskell": _Language("hs", _DASHES, (("{-", "-}"),)),
    "ocaml": _Language("ml mli", (), (("(*", "*)"),)),
    "fsharp": _Language("fs fsi fsx", _SLASHES, (("(*", "*)"),)),
    "vb": _Language("vb", ("'",)),
    "pascal": _Language("pas pp dpr", _SLASHES, (("{", "}"), ("(*", "*)"))),
    "clojure": _Language("clj cljs cljc edn", (";",)),
    "commonlisp": _Language("lisp lsp", (";",), (("#|", "|#"),)),
    "scheme": _Language("scm ss", (";",), (("#|", "|#"),)),
    "racket": _Language("rkt", (";",), (("#|", "|#"),)),
    "emacs-lisp": _Language("el", (";",), fence="elisp"),
    "lua": _Language("lua", _DASHES, (("--[[", "]]"),)),
    "perl": _Language("pl pm t", _HASH, (("=pod", "=cut"),)),
    "raku": _Language("raku rakumod", _HASH),
    "r": _Language("r", _HASH),
    "julia": _Language("jl", _HASH, (("#=", "=#"),)),
    "fortran": _Language("f f90 f95 f03 f08", ("!",)),
    "cobol": _Language("cob cbl", ("*>",)),
    "ada": _Language("adb ads", _DASHES),
    "vhdl": _Language("vhd vhdl", _DASHES, _C_BLOCK),
    "systemverilog": _Language("sv svh", _SLASHES, _C_BLOCK),
    "tcl": _Language("tcl", _HASH),
    "powershell": _Language("ps1 psm1", _HASH, (("<#", "#>"),)),
    "bat": _Language("bat cmd", ("REM ", "::")),
    "fish": _Language("fish", _HASH),
    "awk": _Language("awk", _HASH),
    "sql": _Language("sql", _DASHES, _C_BLOCK),
    "plsql": _Language("pls plb pkb pks", _DASHES, _C_BLOCK, "sql"),
    "solidity": _Language("sol", _SLASHES, _C_BLOCK),
    "glsl": _Language("glsl vert frag comp geom", _SLASHES, _C_BLOCK),
    "hlsl": _Language("hlsl", _SLASHES, _C_BLOCK),
    "wgsl": _Language("wgsl", _SLASHES, _C_BLOCK),
    "proto3": _Language("proto", _SLASHES, _C_BLOCK, "protobuf"),
    "graphql": _Language("graphql gql", _HASH),
    "terraform": _Language("tf", ("#", "//"), _C_BLOCK, "hcl"),
    "nix": _Language("nix", _HASH, _C_BLOCK),
    "starlark": _Language("bzl star", _HASH),
    "cmake": _Language("cmake", _HASH),
    "makefile": _Language("mk mak", _HASH),
    "dockerfile": _Language("dockerfile", _HASH),
    "vue": _Language("vue", _SLASHES, (*_C_BLOCK, *_ANGLE)),
    "svelte": _Language("svelte", _SLASHES, (*_C_BLOCK, *_ANGLE)),
    "astro": _Language("astro", _SLASHES, (*_C_BLOCK, *_ANGLE)),
    "vim": _Language("vim", ('"',)),
    "gdscript": _Language("gd", _HASH),
    "coffeescript": _Language("coffee", _HASH, (("###", "###"),)),
    "elm": _Language("elm", _DASHES, (("{-", "-}"),)),
    "purescript": _Language("purs", _DASHES, (("{-", "-}"),)),
}

_BY_EXTENSION = {
    extension: name for name, language in _LANGUAGES.items() for extension in language.extensions.split()
}

_BY_NAME = {
    "makefile": "makefile",
    "gnumakefile": "makefile",
    "cmakelists.txt": "cmake",
    "dockerfile": "dockerfile",
    "containerfile": "dockerfile",
    "gemfile": "ruby",
    "rakefile": "ruby",
    "podfile": "ruby",
    "vagrantfile": "ruby",
    "guardfile": "ruby",
    "fastfile": "ruby",
    "jenkinsfile": "groovy",
    "build.bazel": "starlark",
    "workspace.bazel": "starlark",
    "sconstruct": "python",
    "sconscript": "python",
    "wscript": "python",
    "pkgbuild": "shellscript",
    "apkbuild": "shellscript",
    ".bashrc": "shellscript",
    ".bash_profile": "shellscript",
    ".profile": "shellscript",
    ".zshrc": "shellscript",
    ".vimrc": "vim",
}
"""Whole file names, lower case."""

_BY_INTERPRETER = {
    "python": "python",
    "pypy": "python",
    "node": "javascript",
    "deno": "typescript",
    "bun": "typescript",
    "ruby": "ruby",
    "php": "php",
    "sh": "shellscript",
    "bash": "shellscript",
    "dash": "shellscript",
    "zsh": "shellscript",
    "ksh": "shellscript",
    "perl": "perl",
    "lua": "lua",
    "rscript": "r",
    "awk": "awk",
    "gawk": "awk",
    "tclsh": "tcl",
    "fish": "fish",
    "pwsh": "powershell",
    "julia": "julia",
    "elixir": "elixir",
    "escript": "erlang",
    "groovy": "groovy",
}

_SHEBANG = re.compile(r"#!\s{0,8}(\S{1,200})(?:\s+(?:-\S{1,40}\s+)?(\S{1,200}))?")
_VERSION_SUFFIX = re.compile(r"[\d.]+$")


def language_of(path: str | PurePath, first_line: str = "") -> str | None:
    """The language id of a file by its name, or None if it is not source code as far as kibitz knows.

    A file whose name says nothing is known by its interpreter, if ``first_line`` names one (``#!…``).
    """
    return language_of_name(PurePath(path).name, first_line)


def language_of_name(name: str, first_line: str = "") -> str | None:
    """The same for a file's bare name; for whoever has ten thousand of them."""
    name = name.lower()
    if name in _BY_NAME:
        return _BY_NAME[name]
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem:
        return _language_of_shebang(first_line)
    if stem in {"dockerfile", "containerfile", "jenkinsfile"} and extension not in _BY_EXTENSION:
        # Dockerfile.dev and its like are named the other way round.
        return _BY_NAME[stem]
    return _BY_EXTENSION.get(extension)


def languages() -> tuple[str, ...]:
    """All that there are."""
    return tuple(_LANGUAGES)


def fence(language: str) -> str:
    """What a Markdown code block of that language is introduced by, such as ``tsx``; "" for plain text."""
    if language == PLAIN:
        return ""
    known = _LANGUAGES.get(language)
    return (known.fence if known else "") or language


def line_comments(language: str) -> tuple[str, ...]:
    """What starts a comment that runs to the end of its line; empty for a language kibitz does not know."""
    known = _LANGUAGES.get(language)
    return known.line if known else ()


def block_comments(language: str) -> tuple[tuple[str, str], ...]:
    """What opens and what closes a comment inside or across lines."""
    known = _LANGUAGES.get(language)
    return known.block if known else ()


def _language_of_shebang(first_line: str) -> str | None:
    match = _SHEBANG.match(first_line)
    if match is None:
        return None
    program = PurePath(match[1]).name
    if program == "env" and match[2]:
        program = PurePath(match[2]).name
    return _BY_INTERPRETER.get(_VERSION_SUFFIX.sub("", program).lower())
