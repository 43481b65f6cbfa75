import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { MENU, OWN_COMMANDS, SERVER_COMMANDS } from '../src/commandNames.ts';

const here = path.dirname(import.meta.dirname);
const manifest = JSON.parse(readFileSync(path.join(here, 'package.json'), 'utf8')) as {
  contributes: {
    commands: { command: string; category: string; title: string }[];
    walkthroughs: { steps: { media: { markdown: string } }[] }[];
    configuration: { properties: Record<string, { scope: string; markdownDescription: string }> }[];
  };
};
const titled = manifest.contributes.commands.map((each) => each.command);
const known = new Set<string>([...SERVER_COMMANDS, ...OWN_COMMANDS]);

test('commands are named once, and all that have a title are known', () => {
  assert.equal(new Set(titled).size, titled.length);
  assert.equal(known.size, SERVER_COMMANDS.length + OWN_COMMANDS.length);
  assert.deepEqual(titled.filter((each) => !known.has(each)), []);
  assert.ok(manifest.contributes.commands.every((each) => each.category === 'kibitz'));
});

test('what has no title is what only other programs ask for', () => {
  assert.deepEqual([...known].filter((each) => !titled.includes(each)), ['kibitz.undismiss', 'kibitz.status', 'kibitz.metrics']);
});

test('the menu has all commands with a title, but itself', () => {
  const offered = MENU.flatMap(([, commands]) => commands.map(([command]) => command));
  assert.deepEqual([...offered].sort(), titled.filter((each) => each !== 'kibitz.showMenu').sort());
});

test('what the walkthrough shows is there', () => {
  const media = new Set(readdirSync(path.join(here, 'media')));
  for (const { steps } of manifest.contributes.walkthroughs) {
    for (const step of steps) assert.ok(media.has(path.basename(step.media.markdown)), step.media.markdown);
  }
});

test('no project can say where anything is sent, and no setting holds a key', () => {
  const settings = Object.entries(Object.assign({}, ...manifest.contributes.configuration.map((each) => each.properties)) as Record<string, { scope: string }>);
  const ofProjects = settings.filter(([, { scope }]) => scope !== 'machine').map(([name]) => name);
  assert.deepEqual(ofProjects.filter((name) => /url|model$|key|path|python|file$|command/i.test(name)), []);
  assert.deepEqual(settings.map(([name]) => name).filter((name) => /apiKeys?$|secret|redis|command/i.test(name)), []);
});
