/** Which kibitz is started: the user's own, one in a Python that is there, or the one that comes with the extension. */

import path from 'node:path';
import * as vscode from 'vscode';
import type { Configuration } from './configuration.ts';
import { Private, type Telling } from './installing.ts';
import { activePython } from './pythonExtension.ts';
import { type Python, examine, isExecutable, isInside, isNewEnough, onPath } from './pythons.ts';
import { fits } from './versions.ts';

/** How the server is started. */
export interface Server {
  readonly command: string;
  readonly args: readonly string[];
  /** Where it was found, for the log. */
  readonly origin: string;
  /** Whether it is the extension's own, so that the extension may add to it. */
  readonly own: boolean;
}

/** Why there is none. `python`: what is missing is a Python. */
export class NoServer extends Error {
  readonly python: boolean;

  constructor(message: string, python: boolean) {
    super(message);
    this.python = python;
  }
}

export class Locator {
  readonly #context: vscode.ExtensionContext;
  readonly #configuration: Configuration;
  readonly #log: vscode.LogOutputChannel;
  readonly #version: string;

  constructor(context: vscode.ExtensionContext, configuration: Configuration, log: vscode.LogOutputChannel, version: string) {
    this.#context = context;
    this.#configuration = configuration;
    this.#log = log;
    this.#version = version;
  }

  /** A folder of ours: Python looks for modules in the folder that it is started in. */
  get storage(): string {
    return this.#context.globalStorageUri.fsPath;
  }

  /** Find it, or install it, which the user sees. */
  async find(): Promise<Server> {
    await vscode.workspace.fs.createDirectory(this.#context.globalStorageUri);
    const named = this.#configuration.serverPath;
    if (named !== '') return this.#named(named);
    const pythons = await this.#pythons();
    const ready = pythons.find((each) => each.kibitz !== '' && fits(each.kibitz, this.#version));
    if (ready) return serverOf(ready.path, `kibitz ${ready.kibitz} of ${ready.path}`, false);
    return this.#installed(pythons, '');
  }

  /** The extension's own server, with the embedded model's engine. */
  async withEngine(): Promise<Server> {
    return this.#installed(await this.#pythons(), 'local');
  }

  async #named(file: string): Promise<Server> {
    if (!path.isAbsolute(file) || !(await isExecutable(file))) {
      throw new NoServer(`the setting kibitz.server.path names ${file}, which is not the absolute path of a program`, false);
    }
    await this.#refuseStrangers(file, 'kibitz.server.path');
    return { command: file, args: ['serve', '--stdio'], origin: `${file} (kibitz.server.path)`, own: false };
  }

  /** Pythons that may be run, the likeliest first. */
  async #pythons(): Promise<readonly Python[]> {
    const chosen = this.#configuration.python;
    if (chosen !== '') {
      await this.#refuseStrangers(chosen, 'kibitz.server.python');
      const python = path.isAbsolute(chosen) ? await examine(chosen, this.storage) : undefined;
      if (!python) throw new NoServer(`the setting kibitz.server.python names ${chosen}, which is not the absolute path of a Python that runs`, true);
      if (!isNewEnough(python)) throw new NoServer(`${chosen} (setting kibitz.server.python) is Python ${python.version}; kibitz needs 3.11 or newer`, true);
      return [python];
    }
    const active = vscode.workspace.isTrusted ? await activePython(this.#log) : undefined;
    const found: Python[] = [];
    for (const file of [...(active === undefined ? [] : [active]), ...(await onPath(process.env['PATH']))]) {
      if (await this.#isStrange(file)) continue;
      const python = await examine(file, this.storage);
      this.#log.debug(`looked at ${file}: ${python ? `Python ${python.version}, kibitz ${python.kibitz || 'none'}` : 'does not run'}`);
      if (python && isNewEnough(python)) found.push(python);
      // The first that has a fitting kibitz is taken: the others need not be asked.
      if (python && python.kibitz !== '' && fits(python.kibitz, this.#version)) break;
    }
    return found;
  }

  async #installed(pythons: readonly Python[], extras: string): Promise<Server> {
    const wheel = await Private.wheelIn(path.join(this.#context.extensionPath, 'bundled'));
    if (wheel === undefined) throw new NoServer('no Python has kibitz, and none comes with this build of the extension', true);
    const place = new Private(this.storage, wheel);
    const there = await place.installed(extras);
    if (there !== undefined && (await examine(there, this.storage))) return serverOf(there, 'the kibitz of this extension', true);
    const base = pythons[0];
    if (!base) throw new NoServer('kibitz needs Python 3.11 or newer, and none was found on PATH', true);
    const title = 'kibitz: installing its server (once)';
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    const python = await vscode.window.withProgress(options, async (progress, token) => {
      const stop = new AbortController();
      token.onCancellationRequested(() => stop.abort());
      const telling: Telling = {
        step: (words) => progress.report({ message: words }),
        log: (line) => this.#log.info(line),
      };
      try {
        return await place.install(base.path, telling, stop.signal, extras);
      } catch (error) {
        if (stop.signal.aborted) throw new NoServer('the installation was stopped', false);
        const why = error instanceof Error ? error.message : String(error);
        throw new NoServer(`its server could not be installed with ${base.path}: ${why}`, why.includes('this Python'));
      }
    });
    return serverOf(python, 'the kibitz of this extension', true);
  }

  /** In a folder that nobody vouches for, nothing of it is run. */
  async #isStrange(file: string): Promise<boolean> {
    if (vscode.workspace.isTrusted) return false;
    const folders = (vscode.workspace.workspaceFolders ?? []).map((each) => each.uri.fsPath);
    return isInside(file, folders);
  }

  async #refuseStrangers(file: string, setting: string): Promise<void> {
    if (await this.#isStrange(file)) {
      throw new NoServer(`the setting ${setting} names ${file}, which belongs to a folder that you do not trust`, false);
    }
  }
}

function serverOf(python: string, origin: string, own: boolean): Server {
  return { command: python, args: ['-m', 'kibitz.cli', 'serve', '--stdio'], origin, own };
}
