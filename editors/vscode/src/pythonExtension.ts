/** What the Python extension knows, where it is installed. */

import * as vscode from 'vscode';
import { isObject } from './status.ts';

const ID = 'ms-python.python';
const PATIENCE_MS = 10_000;

/** The part of its API that is used (`environments` of its exports). */
interface Environments {
  getActiveEnvironmentPath(resource?: vscode.Uri): { path: string };
  resolveEnvironment(environment: { path: string }): Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
  onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
}

/** The Python of the environment that is active in this window, if anything is known of it in time. */
export async function activePython(log: vscode.LogOutputChannel): Promise<string | undefined> {
  try {
    const environments = await environmentsOf(true);
    if (!environments) return undefined;
    const resource = vscode.workspace.workspaceFolders?.[0]?.uri;
    const resolved = await soon(environments.resolveEnvironment(environments.getActiveEnvironmentPath(resource)));
    return resolved?.executable.uri?.fsPath;
  } catch (error) {
    log.warn(`the Python extension could not be asked: ${String(error)}`);
    return undefined;
  }
}

/** Hear of another active environment. Does not start the Python extension: it is asked when it runs. */
export async function onOtherPython(heard: () => void): Promise<vscode.Disposable | undefined> {
  try {
    return (await environmentsOf(false))?.onDidChangeActiveEnvironmentPath(heard);
  } catch {
    return undefined;
  }
}

async function environmentsOf(start: boolean): Promise<Environments | undefined> {
  const extension = vscode.extensions.getExtension<unknown>(ID);
  if (!extension || !(start || extension.isActive)) return undefined;
  const exports = extension.isActive ? extension.exports : await soon(extension.activate());
  const environments = isObject(exports) ? exports['environments'] : undefined;
  return isObject(environments) ? (environments as unknown as Environments) : undefined;
}

async function soon<T>(wanted: PromiseLike<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  });
  try {
    return await Promise.race([wanted, late]);
  } finally {
    clearTimeout(timer);
  }
}
