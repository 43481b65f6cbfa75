/** Finds Pythons, and asks what they are. Knows nothing of VS Code. */

import { execFile } from 'node:child_process';
import { access, constants, realpath } from 'node:fs/promises';
import path from 'node:path';
import { forTools } from './environment.ts';
import { isObject } from './status.ts';
import { PYTHON, isAtLeast, versionOf } from './versions.ts';

/** A Python that runs. */
export interface Python {
  readonly path: string;
  readonly version: string;
  /** The version of kibitz that it has; empty: none. */
  readonly kibitz: string;
}

const ASK_MS = 20_000;
const QUESTION = `
import json, sys
try:
    from kibitz._version import __version__ as kibitz
except Exception:
    kibitz = ""
print(json.dumps({"version": "%d.%d.%d" % sys.version_info[:3], "kibitz": kibitz}))
`;
const NAMES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];

/** Ask the Python at `file` what it is, from the folder `cwd`, which has to be ours; undefined if it does not run. */
export async function examine(file: string, cwd: string): Promise<Python | undefined> {
  const said = await new Promise<string>((resolve) => {
    const options = { cwd, env: forTools(process.env), timeout: ASK_MS, windowsHide: true };
    execFile(file, ['-c', QUESTION], options, (error, stdout) => resolve(error ? '' : stdout));
  });
  try {
    const answer: unknown = JSON.parse(said);
    if (!isObject(answer)) return undefined;
    const { version, kibitz } = answer;
    if (typeof version !== 'string' || typeof kibitz !== 'string') return undefined;
    return { path: file, version, kibitz };
  } catch {
    return undefined;
  }
}

export function isNewEnough(python: Python): boolean {
  const version = versionOf(python.version);
  return version !== undefined && isAtLeast(version, PYTHON);
}

/** Programs on PATH that may be Pythons, in the order to try them. Relative entries of PATH do not count. */
export async function onPath(searched: string | undefined, platform: NodeJS.Platform = process.platform): Promise<string[]> {
  const folders = (searched ?? '').split(path.delimiter).filter((each) => path.isAbsolute(each));
  const ending = platform === 'win32' ? '.exe' : '';
  const found: string[] = [];
  for (const name of NAMES) {
    for (const folder of folders) {
      const file = path.join(folder, name + ending);
      if (await isExecutable(file)) {
        found.push(file);
        break;
      }
    }
  }
  return found;
}

/** Whether `file`, or what it is a link to, is in one of the folders. */
export async function isInside(file: string, folders: readonly string[]): Promise<boolean> {
  const files = [file, await real(file)];
  for (const folder of folders) {
    for (const root of [folder, await real(folder)]) {
      if (files.some((each) => each === root || each.startsWith(root.endsWith(path.sep) ? root : root + path.sep))) return true;
    }
  }
  return false;
}

export async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function real(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch {
    return file;
  }
}
