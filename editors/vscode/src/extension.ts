/** What VS Code calls. */

import * as vscode from 'vscode';
import { register } from './commands.ts';
import { Configuration } from './configuration.ts';
import { Keys } from './keys.ts';
import { Kibitz } from './kibitz.ts';
import { Locator } from './locating.ts';
import { onOtherPython } from './pythonExtension.ts';
import { isObject } from './status.ts';
import { StatusBar } from './statusBar.ts';

let running: Kibitz | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const manifest: unknown = context.extension.packageJSON;
  const log = vscode.window.createOutputChannel('kibitz', { log: true });
  const bar = new StatusBar();
  const configuration = new Configuration(manifest);
  const keys = new Keys(context.secrets);
  const locator = new Locator(context, configuration, log, versionIn(manifest));
  const kibitz = new Kibitz(locator, configuration, keys, bar, log, languagesIn(manifest));
  running = kibitz;
  const restart = (): void => void kibitz.restart();
  context.subscriptions.push(
    log,
    bar,
    keys.onChange(restart),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (configuration.needsRestart(event)) restart();
      else if (event.affectsConfiguration('kibitz')) void kibitz.tellSettings();
    }),
    ...register({ kibitz, keys, bar, configuration, locator, log, manifest, id: context.extension.id }),
  );
  await kibitz.restart();
  const other = await onOtherPython(() => void kibitz.reconsider());
  if (other) context.subscriptions.push(other);
}

export async function deactivate(): Promise<void> {
  await running?.end();
  running = undefined;
}

function versionIn(manifest: unknown): string {
  return isObject(manifest) ? String(manifest['version']) : '';
}

/** The languages that start the extension are those that the server reviews. */
function languagesIn(manifest: unknown): readonly string[] {
  const events: unknown = isObject(manifest) ? manifest['activationEvents'] : undefined;
  const prefix = 'onLanguage:';
  return (Array.isArray(events) ? events : [])
    .filter((each): each is string => typeof each === 'string' && each.startsWith(prefix))
    .map((each) => each.slice(prefix.length));
}
