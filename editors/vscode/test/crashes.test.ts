import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crashes } from '../src/crashes.ts';

test('the fifth end within three minutes is one too many', () => {
  const crashes = new Crashes();
  assert.deepEqual([0, 1000, 2000, 3000, 4000].map((now) => crashes.add(now)), [true, true, true, true, false]);
});

test('what is long ago does not count, nor what somebody has seen to', () => {
  const crashes = new Crashes();
  for (const now of [0, 1, 2, 3]) assert.ok(crashes.add(now));
  assert.ok(crashes.add(180_001));
  for (const now of [180_002, 180_003]) assert.ok(crashes.add(now));
  crashes.forget();
  assert.ok(crashes.add(180_004));
});
