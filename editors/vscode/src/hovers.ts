/** What of a hover VS Code shows already: it puts diagnostics above it. Pure. */

/** `markdown` without the paragraphs at its beginning that are lines of the messages, word for word. */
export function withoutRepeats(markdown: string, messages: readonly string[]): string {
  const said = new Set(messages.flatMap((each) => each.split('\n')).map(plain));
  const paragraphs = markdown.split('\n\n');
  const first = paragraphs.findIndex((each) => !said.has(plain(each)));
  return first < 0 ? '' : paragraphs.slice(first).join('\n\n');
}

function plain(text: string): string {
  return text
    .replaceAll('**', '')
    .replace(/\\([!-/:-@[-`{-~])/g, '$1')
    .replace(/&(amp|lt|gt);/g, (_, name: string) => ({ amp: '&', lt: '<', gt: '>' })[name] ?? '')
    .replace(/\s+/g, ' ')
    .trim();
}
