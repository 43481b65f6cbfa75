import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { EMBEDDED, LOG, SET_KEY, buttonsFor, shortened } from '../src/buttons.ts';
import { forServer, forTools } from '../src/environment.ts';
import { InstallError, Private, explained, pythonIn } from '../src/installing.ts';
import { asEnvironment, settingNames, variable } from '../src/names.ts';
import { examine, isInside, isNewEnough, onPath } from '../src/pythons.ts';
import { fits, isAtLeast, versionOf } from '../src/versions.ts';

let folder = '';

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kibitz-test-'));
});

after(() => rm(folder, { recursive: true, force: true }));

async function program(file: string, script: string): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

test('a server fits if it is as new as the extension, and not another thing altogether', () => {
  assert.ok(fits('0.1.0', '0.1.0') && fits('0.1.7', '0.1.2') && fits('1.4.0', '1.2.9'));
  for (const [found, wanted] of [['0.1.0', '0.1.1'], ['0.2.0', '0.1.0'], ['1.0.0', '0.9.0'], ['2.0.0', '1.9.0'], ['', '0.1.0'], ['x', '0.1.0']] as const) {
    assert.equal(fits(found, wanted), false, `${found} for ${wanted}`);
  }
  assert.deepEqual(versionOf('3.14.0rc1'), [3, 14, 0]);
  assert.ok(isAtLeast([3, 12, 0], [3, 11, 9]) && !isAtLeast([3, 10, 9], [3, 11, 0]));
});

test('settings reach the server by their scope', () => {
  const group = { properties: { 'kibitz.model': { scope: 'machine' }, 'kibitz.debounceMs': { scope: 'resource' }, 'kibitz.server.path': { scope: 'machine' } } };
  assert.deepEqual(settingNames([group]), { machine: ['model'], editor: ['debounceMs'] });
  assert.equal(variable('cacheTtlS'), 'KIBITZ_CACHE_TTL_S');
  const values = { model: 'm', baseUrl: '', temperature: null, maxRetries: 0, diskCache: false, logFile: undefined };
  assert.deepEqual(asEnvironment(values), { KIBITZ_MODEL: 'm', KIBITZ_MAX_RETRIES: '0', KIBITZ_DISK_CACHE: 'false' });
});

test('nothing leads a Python astray, and tools get no secrets', () => {
  const own = { PATH: '/bin', PYTHONPATH: '/repo', PYTHONSTARTUP: '/x', OPENAI_API_KEY: 'sk-1', GITHUB_TOKEN: 't', PIP_INDEX_URL: 'u', NONE: undefined };
  assert.deepEqual(forTools(own), { PATH: '/bin', PIP_INDEX_URL: 'u', PYTHONSAFEPATH: '1', PYTHONUTF8: '1' });
  const server = forServer(own, { KIBITZ_API_KEY: 'sk-2' });
  assert.deepEqual([server['OPENAI_API_KEY'], server['KIBITZ_API_KEY'], server['PYTHONPATH']], ['sk-1', 'sk-2', undefined]);
});

test('messages offer what helps', () => {
  assert.deepEqual(buttonsFor('kibitz has nobody to ask: no API key is set, and …', true), [SET_KEY, EMBEDDED]);
  assert.deepEqual(buttonsFor('kibitz: configuration error: the key was refused', true), [SET_KEY, LOG]);
  assert.deepEqual(buttonsFor('kibitz: something broke', true), [LOG]);
  assert.deepEqual(buttonsFor('kibitz: all is well', false), []);
});

test('advice that a button gives better is left out', () => {
  const message = 'kibitz has nobody to ask: no API key is set, and x. Set OPENAI_API_KEY, or run y; z.';
  assert.equal(shortened(message), 'kibitz has nobody to ask: no API key is set, and x.');
  assert.equal(shortened('kibitz: other. Set OPENAI_API_KEY.'), 'kibitz: other. Set OPENAI_API_KEY.');
});

test('a Python is asked what it is, in a folder of ours', async () => {
  const good = await program(path.join(folder, 'a', 'python3'), 'echo \'{"version": "3.12.1", "kibitz": "0.1.0"}\'');
  assert.deepEqual(await examine(good, folder), { path: good, version: '3.12.1', kibitz: '0.1.0' });
  for (const script of ['exit 1', 'echo nonsense', 'echo "[]"', 'echo \'{"version": 3}\'']) {
    assert.equal(await examine(await program(path.join(folder, 'b', 'python3'), script), folder), undefined, script);
  }
  assert.equal(await examine(path.join(folder, 'none'), folder), undefined);
  assert.ok(isNewEnough({ path: '', version: '3.11.0', kibitz: '' }) && !isNewEnough({ path: '', version: '3.10.9', kibitz: '' }));
});

test('relative entries of PATH do not count', async () => {
  const one = await program(path.join(folder, 'one', 'python3'), 'exit 0');
  const two = await program(path.join(folder, 'two', 'python'), 'exit 0');
  await writeFile(path.join(folder, 'two', 'python3'), 'not a program');
  const searched = ['.', '', 'bin', path.join(folder, 'two'), path.join(folder, 'one')].join(path.delimiter);
  assert.deepEqual(await onPath(searched), [one, two]);
  assert.deepEqual(await onPath(undefined), []);
});

test('a link out of a folder, or into it, is inside', async () => {
  const inside = await program(path.join(folder, 'work', 'venv', 'python'), 'exit 0');
  const outside = await program(path.join(folder, 'elsewhere', 'python'), 'exit 0');
  await symlink(outside, path.join(folder, 'work', 'out'));
  await symlink(inside, path.join(folder, 'elsewhere', 'in'));
  const work = [path.join(folder, 'work')];
  for (const file of [inside, path.join(folder, 'work', 'out'), path.join(folder, 'elsewhere', 'in')]) {
    assert.ok(await isInside(file, work), file);
  }
  assert.equal(await isInside(outside, work), false);
  assert.equal(await isInside(path.join(folder, 'workshop', 'python'), work), false);
});

/** A Python whose `venv` makes another one like it, and whose pip does as `pip` says. */
async function fakePython(pip: string): Promise<string> {
  const file = path.join(folder, 'fake', 'python');
  const script = `if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; exit; fi\n${pip}`;
  return program(file, script);
}

const telling = { step: () => undefined, log: () => undefined };

test('a server is installed once, and what an older one left goes', async () => {
  const storage = path.join(folder, 'storage');
  await mkdir(path.join(storage, 'server-0123456789abcdef'), { recursive: true });
  const wheel = path.join(folder, 'kibitz-0.1.0-py3-none-any.whl');
  await writeFile(wheel, 'a wheel');
  const asked = path.join(folder, 'asked');
  const base = await fakePython(`echo "$@" >> "${asked}"`);
  const place = new Private(storage, wheel);
  assert.equal(await place.installed(), undefined);
  const python = await place.install(base, telling, new AbortController().signal);
  assert.equal(await place.installed(), python);
  assert.equal(await place.install('/nowhere', telling, new AbortController().signal), python);
  assert.match(await readFile(asked, 'utf8'), /^-m pip install --no-input .*--only-binary :all: .*\.whl\n$/);
  assert.deepEqual(await readdir(storage), [path.basename(path.dirname(path.dirname(python)))]);
});

test('an installation that fails leaves nothing, and says why', async () => {
  const storage = path.join(folder, 'failing');
  const wheel = path.join(folder, 'other.whl');
  await writeFile(wheel, 'another wheel');
  const base = await fakePython('echo "ERROR: No matching distribution found for pygls>=2.1" >&2; exit 1');
  const place = new Private(storage, wheel);
  await assert.rejects(place.install(base, telling, new AbortController().signal), (error) => error instanceof InstallError && error.message.includes('pygls>=2.1'));
  assert.deepEqual(await readdir(storage), []);
});

test('the end of the output of a tool is put in words', () => {
  assert.match(explained('The virtual environment was not created because ensurepip is not\navailable.'), /apt install python3-venv/);
  assert.match(explained('OSError: [Errno 28] No space left on device'), /disk is full/);
  assert.equal(explained('some\nERROR: this\nmore\n'), 'ERROR: this');
  assert.equal(explained(''), 'it said nothing');
});

test('a Python is where its platform has it', () => {
  assert.equal(pythonIn('/v', 'linux'), path.join('/v', 'bin', 'python'));
  assert.equal(pythonIn('/v', 'win32'), path.join('/v', 'Scripts', 'python.exe'));
});
