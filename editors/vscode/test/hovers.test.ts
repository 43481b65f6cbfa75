import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutRepeats } from '../src/hovers.ts';

test('what stands in the message already is not said again', () => {
  const markdown = '**Undefined name**\n\nf\\(\\[1\\]\\) raises \\*NameError\\*\n\nUndefined name (undefined-name) · certain';
  const shorter = 'Undefined name (undefined-name) · certain';
  assert.equal(withoutRepeats(markdown, ['Undefined name\nf([1]) raises *NameError*']), shorter);
  assert.equal(withoutRepeats(markdown, ['Undefined name']), markdown.split('\n\n').slice(1).join('\n\n'));
});

test('what no message says stays', () => {
  assert.equal(withoutRepeats('**Title**\n\ntext', []), '**Title**\n\ntext');
  assert.equal(withoutRepeats('new\n\nsaid', ['said']), 'new\n\nsaid');
  assert.equal(withoutRepeats('said', ['said']), '');
});
