/** The settings as VS Code has them: only what somebody set, so that the user file's values are not overridden. */

import * as vscode from 'vscode';
import { type Names, asEnvironment, settingNames } from './names.ts';
import { isObject } from './status.ts';

const SECTION = 'kibitz';

export class Configuration {
  readonly #names: Names;

  constructor(manifest: unknown) {
    const contributes = isObject(manifest) && isObject(manifest['contributes']) ? manifest['contributes'] : {};
    this.#names = settingNames(contributes['configuration']);
  }

  /** What the server may hear about a folder, or about all: the answer to `workspace/configuration`. */
  section(resource?: vscode.Uri): Record<string, unknown> {
    const settings = vscode.workspace.getConfiguration(SECTION, resource ?? null);
    const found: Record<string, unknown> = {};
    for (const name of this.#names.editor) {
      const said = settings.inspect(name);
      if (said && [said.globalValue, said.workspaceValue, said.workspaceFolderValue].some((each) => each !== undefined)) {
        found[name] = settings.get(name);
      }
    }
    // What a stranger's folder holds is sent nowhere until somebody asks for it.
    if (!vscode.workspace.isTrusted) found['trigger'] = 'manual';
    return found;
  }

  /** The user's own settings, as the server's environment has them. */
  environment(): Record<string, string> {
    const settings = vscode.workspace.getConfiguration(SECTION, null);
    const own = Object.fromEntries(this.#names.machine.map((name) => [name, settings.inspect(name)?.globalValue]));
    const found = asEnvironment(own);
    if (!vscode.workspace.isTrusted) found['KIBITZ_WARM'] = 'off';
    return found;
  }

  /** Whether the server has to be started anew. */
  needsRestart(event: vscode.ConfigurationChangeEvent): boolean {
    return ['server', ...this.#names.machine].some((name) => event.affectsConfiguration(`${SECTION}.${name}`));
  }

  /** The kibitz that the user named; empty if none. */
  get serverPath(): string {
    return userValue('server.path');
  }

  /** The Python that the user named; empty if none. */
  get python(): string {
    return userValue('server.python');
  }

  async setPython(file: string): Promise<void> {
    await vscode.workspace.getConfiguration(SECTION, null).update('server.python', file, vscode.ConfigurationTarget.Global);
  }

  /** Who reviews, if the user said so here. */
  get provider(): unknown {
    return vscode.workspace.getConfiguration(SECTION, null).inspect('provider')?.globalValue;
  }

  async setProvider(provider: 'local' | undefined): Promise<void> {
    await vscode.workspace.getConfiguration(SECTION, null).update('provider', provider, vscode.ConfigurationTarget.Global);
  }
}

/** Never what a workspace says, whatever VS Code makes of its scope. */
function userValue(name: string): string {
  const value = vscode.workspace.getConfiguration(SECTION, null).inspect<unknown>(name)?.globalValue;
  return typeof value === 'string' ? value.trim() : '';
}
