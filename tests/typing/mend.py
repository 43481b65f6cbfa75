from kibitz import Finding


def mended(source: str, finding: Finding) -> str:
    fix = finding.fix
    if fix is None:
        return source
    return source[: fix.span.start] + fix.new_text + source[fix.span.end :]
