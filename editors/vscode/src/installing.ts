/** Installs the server that comes with the extension into a Python environment of its own. Knows nothing of VS Code. */

import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { forTools } from './environment.ts';
import { isExecutable } from './pythons.ts';

const PREFIX = 'server-';

/** Why it could not be installed, for the user to read. */
export class InstallError extends Error {}

export interface Telling {
  /** What goes on, in a few words. */
  step(words: string): void;
  log(line: string): void;
}

/** One place for one wheel: another wheel, or other extras, is another place. */
export class Private {
  readonly #storage: string;
  readonly #wheel: string;

  constructor(storage: string, wheel: string) {
    this.#storage = storage;
    this.#wheel = wheel;
  }

  /** The wheel in the extension's folder; undefined if there is none (in development). */
  static async wheelIn(folder: string): Promise<string | undefined> {
    try {
      const name = (await readdir(folder)).find((each) => each.endsWith('.whl'));
      return name === undefined ? undefined : path.join(folder, name);
    } catch {
      return undefined;
    }
  }

  /** Its Python, if it was installed before; one with the embedded model's engine is as good. */
  async installed(extras = ''): Promise<string | undefined> {
    for (const each of extras === '' ? ['', 'local'] : [extras]) {
      const python = pythonIn(await this.#place(each));
      if (await isExecutable(python)) return python;
    }
    return undefined;
  }

  /** Install it with the Python at `base`, if that was not done yet; returns its own Python. */
  async install(base: string, telling: Telling, signal: AbortSignal, extras = ''): Promise<string> {
    const there = await this.installed(extras);
    if (there !== undefined) return there;
    const place = await this.#place(extras);
    // Made under another name and renamed when it is whole: another window may be doing the same.
    const part = `${place}.${randomBytes(4).toString('hex')}`;
    try {
      await mkdir(this.#storage, { recursive: true });
      telling.step('making a Python environment');
      await run(base, ['-m', 'venv', part], this.#storage, telling, signal);
      telling.step('installing kibitz and what it needs');
      const wanted = extras === '' ? this.#wheel : `${this.#wheel}[${extras}]`;
      // Wheels only: nothing of what is fetched is run, or compiled, to be installed.
      const options = ['--no-input', '--disable-pip-version-check', '--only-binary', ':all:'];
      await run(pythonIn(part), ['-m', 'pip', 'install', ...options, wanted], this.#storage, telling, signal);
      await rename(part, place).catch(async (error: unknown) => {
        if ((await this.installed(extras)) === undefined) throw error;
      });
    } finally {
      await rm(part, { recursive: true, force: true });
    }
    await this.#tidy(place);
    return pythonIn(place);
  }

  async #place(extras: string): Promise<string> {
    const hash = createHash('sha256').update(await readFile(this.#wheel)).update(extras).digest('hex');
    return path.join(this.#storage, PREFIX + hash.slice(0, 16));
  }

  /** Remove what older versions left; what another window still runs from may stay. */
  async #tidy(place: string): Promise<void> {
    const keep = path.basename(place);
    for (const name of await readdir(this.#storage)) {
      if (/^server-[0-9a-f]{16}$/.test(name) && name !== keep) {
        await rm(path.join(this.#storage, name), { recursive: true, force: true }).catch(() => undefined);
      }
    }
  }
}

/** Where an environment has its Python. */
export function pythonIn(environment: string, platform: NodeJS.Platform = process.platform): string {
  return platform === 'win32' ? path.join(environment, 'Scripts', 'python.exe') : path.join(environment, 'bin', 'python');
}

/** What the end of a tool's output means to the user. */
export function explained(output: string): string {
  if (/ensurepip is not\s+available|No module named '?(ensurepip|venv)/.test(output)) {
    return 'this Python cannot make environments; on Debian and Ubuntu: apt install python3-venv';
  }
  if (/No matching distribution|Could not find a version/.test(output)) {
    const what = /(?:No matching distribution found for|satisfies the requirement) ([^\s(]+)/.exec(output)?.[1];
    return `the package index has no ${what ?? 'package'} that fits this Python and machine, or cannot be reached`;
  }
  if (/No space left|Errno 28/.test(output)) return 'the disk is full';
  const lines = output.split('\n').map((each) => each.trim()).filter((each) => each !== '');
  return (lines.findLast((each) => /^error/i.test(each)) ?? lines.at(-1) ?? 'it said nothing').slice(0, 300);
}

async function run(program: string, args: string[], cwd: string, telling: Telling, signal: AbortSignal): Promise<void> {
  telling.log(`> ${[program, ...args].join(' ')}`);
  const child = spawn(program, args, { cwd, env: forTools(process.env), signal, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
  let output = '';
  const hear = (data: Buffer): void => {
    output = (output + data.toString()).slice(-20_000);
    for (const line of data.toString().split('\n')) if (line.trim() !== '') telling.log(line.trimEnd());
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new InstallError(explained(output));
}
