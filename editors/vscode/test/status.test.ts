import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dollars, shown, spending, statusOf, without } from '../src/status.ts';

const WIRE = {
  state: 'idle',
  message: 'all reviewed',
  action: '',
  reviews: 0,
  findings: 2,
  documents: 1,
  today: { requests: 3, inputTokens: 12_345, outputTokens: 678, costUsd: 0.0421 },
  model: 'gpt-4o-mini',
};

test('a status is shown with its cost and in sentences', () => {
  const status = statusOf(WIRE);
  assert.ok(status);
  const { text, lines, alert } = shown(status);
  assert.equal(text, '$(eye) kibitz $0.0421');
  assert.deepEqual(lines, [
    'All reviewed.',
    '2 findings in 1 open file.',
    'Model: gpt-4o-mini',
    'Today, in all windows: 3 requests, 12,345 tokens in, 678 out, $0.0421',
  ]);
  assert.equal(alert, false);
});

test('tokens stand for a price that is not known', () => {
  const status = statusOf({ ...WIRE, today: { ...WIRE.today, costUsd: null } });
  assert.ok(status);
  assert.equal(shown(status).text, '$(eye) kibitz 13.0k tokens');
});

test('requests that brought nothing are no cost', () => {
  const status = statusOf({ ...WIRE, today: { requests: 2, inputTokens: 0, outputTokens: 0, costUsd: null } });
  assert.ok(status);
  assert.equal(shown(status).text, '$(eye) kibitz');
});

test('what needs the user stands out, and says what to do', () => {
  for (const state of ['off', 'degraded', 'stopped'] as const) {
    const { alert, lines } = shown(without(state, 'nobody to ask', 'set a key'));
    assert.equal(alert, true);
    assert.deepEqual(lines, ['Nobody to ask.', 'Set a key.']);
  }
});

test('what is no status is none, and what is odd in one does no harm', () => {
  for (const value of [undefined, null, 7, 'idle', [], {}, { state: 'constructor' }, { state: 4 }]) {
    assert.equal(statusOf(value), undefined);
  }
  const odd = statusOf({ state: 'busy', message: {}, findings: -1, documents: NaN, today: 'much', model: null });
  assert.ok(odd);
  assert.deepEqual([odd.message, odd.findings, odd.documents, odd.today, odd.model], ['', 0, 0, null, '']);
});

test('amounts have the decimals that they need', () => {
  assert.deepEqual([0, 0.00001, 0.0012, 0.099, 0.1, 12.345].map(dollars), ['$0.00', '<$0.0001', '$0.0012', '$0.0990', '$0.10', '$12.35']);
});

test('nothing sent is said so', () => {
  assert.equal(spending({ requests: 0, inputTokens: 0, outputTokens: 0, costUsd: null }), 'nothing was sent');
});
