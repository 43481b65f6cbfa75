/** What the server says it is doing (`$/kibitz/status`), in the words and signs of a status bar. Pure. */

export interface Counts {
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** US dollars; null where a price is not known. */
  readonly costUsd: number | null;
}

/** States of the server, and those in which there is none. */
export type State = 'off' | 'paused' | 'degraded' | 'busy' | 'idle' | 'starting' | 'stopped';

export interface Status {
  readonly state: State;
  readonly message: string;
  /** What the user can do; empty: nothing needs to be done. */
  readonly action: string;
  readonly reviews: number;
  readonly findings: number;
  readonly documents: number;
  readonly today: Counts | null;
  readonly model: string;
}

/** What a status bar shows. */
export interface Shown {
  readonly text: string;
  readonly lines: readonly string[];
  readonly alert: boolean;
}

const ICONS: Record<State, string> = {
  off: '$(circle-slash)',
  paused: '$(debug-pause)',
  degraded: '$(warning)',
  busy: '$(sync~spin)',
  idle: '$(eye)',
  starting: '$(sync~spin)',
  stopped: '$(error)',
};

const STATES = new Set(Object.keys(ICONS));

/** A status without a server. */
export function without(state: State, message: string, action = ''): Status {
  return { state, message, action, reviews: 0, findings: 0, documents: 0, today: null, model: '' };
}

/** What came over the wire, if it is a status; what is odd in it is left out. */
export function statusOf(value: unknown): Status | undefined {
  if (!isObject(value) || typeof value['state'] !== 'string' || !STATES.has(value['state'])) return undefined;
  return {
    state: value['state'] as State,
    message: text(value['message']),
    action: text(value['action']),
    reviews: count(value['reviews']),
    findings: count(value['findings']),
    documents: count(value['documents']),
    today: countsOf(value['today']),
    model: text(value['model']),
  };
}

export function countsOf(value: unknown): Counts | null {
  if (!isObject(value)) return null;
  const cost = value['costUsd'];
  return {
    requests: count(value['requests']),
    inputTokens: count(value['inputTokens']),
    outputTokens: count(value['outputTokens']),
    costUsd: typeof cost === 'number' && Number.isFinite(cost) ? cost : null,
  };
}

export function shown(status: Status): Shown {
  const { today, findings, model } = status;
  const spent = today === null ? '' : price(today);
  const lines = [sentence(status.message)];
  if (status.action) lines.push(sentence(status.action));
  if (status.documents > 0) lines.push(`${plural(findings, 'finding')} in ${plural(status.documents, 'open file')}.`);
  if (model) lines.push(`Model: ${model}`);
  if (today !== null) lines.push(`Today, in all windows: ${spending(today)}`);
  return {
    text: `${ICONS[status.state]} kibitz${spent && ` ${spent}`}`,
    lines,
    alert: status.state === 'degraded' || status.state === 'off' || status.state === 'stopped',
  };
}

/** Requests, tokens and money, in words. */
export function spending(counts: Counts): string {
  if (counts.requests === 0) return 'nothing was sent';
  const tokens = `${number(counts.inputTokens)} tokens in, ${number(counts.outputTokens)} out`;
  const money = counts.costUsd === null ? 'price not known' : dollars(counts.costUsd);
  return `${plural(counts.requests, 'request')}, ${tokens}, ${money}`;
}

/** Money where it is known, else tokens; empty where there was nothing. */
function price(counts: Counts): string {
  const tokens = counts.inputTokens + counts.outputTokens;
  if (tokens === 0) return '';
  return counts.costUsd === null ? `${compact(tokens)} tokens` : dollars(counts.costUsd);
}

/** Two decimals, or as many as a small amount needs to be seen. */
export function dollars(amount: number): string {
  if (amount === 0 || amount >= 0.1) return `$${amount.toFixed(2)}`;
  return amount < 0.0001 ? '<$0.0001' : `$${amount.toFixed(4)}`;
}

export function number(value: number): string {
  return value.toLocaleString('en-US');
}

function compact(value: number): string {
  return value < 1000 ? String(value) : value < 1e6 ? `${(value / 1000).toFixed(1)}k` : `${(value / 1e6).toFixed(1)}M`;
}

export function plural(value: number, what: string): string {
  return `${number(value)} ${what}${value === 1 ? '' : 's'}`;
}

function sentence(words: string): string {
  const first = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.?!]$/.test(first) ? first : `${first}.`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 1000) : '';
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.floor(value) : 0;
}
