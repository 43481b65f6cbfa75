import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usagePage } from '../src/usage.ts';

const COUNTS = { requests: 1, inputTokens: 2000, outputTokens: 30, costUsd: 0.5 };

test('the page has what was asked, by model, and what was saved', () => {
  const saved = { lookedUp: 10, hits: 9, savedInputTokens: 900, savedOutputTokens: 100, savedUsd: null };
  const page = usagePage({ run: COUNTS, today: null, models: { 'gpt-4o': COUNTS }, cache: { 'this run': saved } }, 'n');
  assert.match(page, /This window<\/td><td class="n">1<\/td><td class="n">2,000<\/td><td class="n">30<\/td><td class="n">\$0\.50/);
  assert.match(page, /Today, in all windows<\/td>.*not known/);
  assert.match(page, /Today, gpt-4o<\/td>/);
  assert.match(page, /This run<\/td><td class="n">10<\/td><td class="n">9<\/td><td class="n">1,000<\/td><td class="n">not known/);
});

test('what was not sent has no price', () => {
  const nothing = { requests: 0, inputTokens: 0, outputTokens: 0, costUsd: null };
  const page = usagePage({ run: nothing, today: nothing, cache: { 'this run': {} } }, 'n');
  assert.doesNotMatch(page, /not known/);
});

test('a name that is markup stays a name', () => {
  const page = usagePage({ models: { '<img src=x onerror=alert(1)>"\'&': COUNTS } }, 'n');
  assert.doesNotMatch(page, /<img/);
  assert.match(page, /&lt;img src=x onerror=alert\(1\)&gt;&quot;&#39;&amp;/);
});

test('the page lets its own style in, and nothing else', () => {
  const page = usagePage({}, 'abc');
  assert.match(page, /content="default-src 'none'; style-src 'nonce-abc'"/);
  assert.doesNotMatch(page, /<script|style="/);
});

test('an answer that is none makes a page all the same', () => {
  for (const answer of [undefined, null, 'text', [], { models: 3, cache: [], run: 'x' }]) {
    assert.match(usagePage(answer, 'n'), /not known/);
  }
});
