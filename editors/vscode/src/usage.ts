/** The page about what reviews cost: HTML without scripts, from what `kibitz.showUsage` answers. Pure. */

import { type Counts, countsOf, dollars, isObject, number } from './status.ts';

const STYLE = `
body { font-family: var(--vscode-font-family); color: var(--vscode-foreground); padding: 0 24px 24px; max-width: 60em; }
h1 { font-size: 1.5em; font-weight: 500; margin: 24px 0 4px; }
h2 { font-size: 1.1em; font-weight: 600; margin: 28px 0 8px; }
p.note { color: var(--vscode-descriptionForeground); margin: 4px 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 6px 16px 6px 0; border-bottom: 1px solid var(--vscode-panel-border, var(--vscode-widget-border, #8884)); }
th { font-weight: 600; color: var(--vscode-descriptionForeground); }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; }
`;

/** The whole page. `nonce` lets its own style in, and nothing else. */
export function usagePage(answer: unknown, nonce: string): string {
  const found = isObject(answer) ? answer : {};
  const models = isObject(found['models']) ? found['models'] : {};
  const cache = isObject(found['cache']) ? found['cache'] : {};
  const spent = [
    row('This window', countsOf(found['run'])),
    row('Today, in all windows', countsOf(found['today'])),
    ...Object.entries(models).map(([name, counts]) => row(`Today, ${name}`, countsOf(counts))),
  ];
  const saved = Object.entries(cache).map(([period, counts]) => savedRow(period, counts));
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kibitz: usage</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<h1>What kibitz used</h1>
<p class="note">Counted on this machine. Prices are list prices; your provider's bill is what counts.</p>
<h2>Sent to the model</h2>
${table(['', 'Requests', 'Tokens in', 'Tokens out', 'Cost'], spent)}
<h2>Saved by kept answers</h2>
${saved.length > 0 ? table(['', 'Looked up', 'Known', 'Tokens saved', 'Saved'], saved) : '<p class="note">Nothing was looked up yet.</p>'}
</body>
</html>`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = heads.map((each, at) => cell('th', each, at)).join('');
  const body = rows.map((each) => `<tr>${each.map((value, at) => cell('td', value, at)).join('')}</tr>`).join('\n');
  return `<table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body}\n</tbody>\n</table>`;
}

function cell(tag: 'td' | 'th', value: string, at: number): string {
  return `<${tag}${at > 0 ? ' class="n"' : ''}>${escaped(value)}</${tag}>`;
}

function row(title: string, counts: Counts | null): readonly string[] {
  if (counts === null) return [title, '–', '–', '–', 'not known'];
  const cost = counts.requests > 0 ? money(counts.costUsd) : '–';
  return [title, number(counts.requests), number(counts.inputTokens), number(counts.outputTokens), cost];
}

function savedRow(period: string, value: unknown): readonly string[] {
  const counts = isObject(value) ? value : {};
  const of = (name: string): number => (typeof counts[name] === 'number' ? counts[name] : 0);
  const usd = counts['savedUsd'];
  return [
    period.charAt(0).toUpperCase() + period.slice(1),
    number(of('lookedUp')),
    number(of('hits')),
    number(of('savedInputTokens') + of('savedOutputTokens')),
    of('hits') > 0 ? money(typeof usd === 'number' ? usd : null) : '–',
  ];
}

function money(amount: number | null): string {
  return amount === null ? 'not known' : dollars(amount);
}

function escaped(value: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return value.replace(/[&<>"']/g, (each) => names[each] ?? '');
}
