/** What commands do. All are registered once, for as long as the extension lives. */

import * as vscode from 'vscode';
import { type ServerCommand, SERVER_COMMANDS } from './commandNames.ts';
import type { Configuration } from './configuration.ts';
import { findingAtCursor } from './findings.ts';
import type { Keys } from './keys.ts';
import type { Kibitz } from './kibitz.ts';
import type { Locator } from './locating.ts';
import { showLog } from './logView.ts';
import { showMenu, titlesOf } from './menu.ts';
import { showReport } from './reportView.ts';
import { RequestView } from './requestView.ts';
import { isObject } from './status.ts';
import type { StatusBar } from './statusBar.ts';
import { showUsage } from './usageView.ts';

export interface Parts {
  readonly kibitz: Kibitz;
  readonly keys: Keys;
  readonly bar: StatusBar;
  readonly configuration: Configuration;
  readonly locator: Locator;
  readonly log: vscode.LogOutputChannel;
  readonly manifest: unknown;
  /** The extension's name, with its publisher. */
  readonly id: string;
}

type Doing = (...args: unknown[]) => unknown;

export function register(parts: Parts): { dispose(): unknown }[] {
  const view = new RequestView();
  const special: Partial<Record<ServerCommand, Doing>> = {
    'kibitz.analyzeDocument': (uri) => parts.kibitz.execute('kibitz.analyzeDocument', documentOf(uri)),
    'kibitz.showDismissed': (named) => parts.kibitz.execute('kibitz.showDismissed', isObject(named) ? [named] : documentOf(undefined).map((uri) => ({ uri }))),
    'kibitz.fix': (place) => atFinding(parts.kibitz, 'kibitz.fix', place),
    'kibitz.explain': (place) => atFinding(parts.kibitz, 'kibitz.explain', place),
    'kibitz.dismiss': (named) => dismiss(parts.kibitz, named),
    'kibitz.showStatus': () => status(parts.kibitz),
    'kibitz.showUsage': () => usage(parts.kibitz),
    'kibitz.usageReport': () => usageReport(parts.kibitz),
    'kibitz.showRequest': (uri) => request(parts.kibitz, view, documentOf(uri)),
    'kibitz.clearCache': () => clearCache(parts.kibitz),
  };
  const own: Record<string, Doing> = {
    'kibitz.showMenu': () => showMenu(parts.bar.status, titlesOf(parts.manifest)),
    'kibitz.setKey': () => setKey(parts),
    'kibitz.forgetKey': () => forgetKey(parts),
    'kibitz.useEmbeddedModel': () => useEmbeddedModel(parts),
    'kibitz.choosePython': () => choosePython(parts.configuration),
    'kibitz.restart': () => parts.kibitz.restart(),
    'kibitz.showLog': () => showLog(parts.log, parts.id),
    'kibitz.openSettings': () => vscode.commands.executeCommand('workbench.action.openSettings', `@ext:${parts.id}`),
    'kibitz.openWalkthrough': () => vscode.commands.executeCommand('workbench.action.openWalkthrough', `${parts.id}#start`, false),
  };
  const all: [string, Doing][] = [
    ...SERVER_COMMANDS.map((name): [string, Doing] => [name, special[name] ?? ((...args) => parts.kibitz.execute(name, args))]),
    ...Object.entries(own),
  ];
  return [view, ...all.map(([name, doing]) => vscode.commands.registerCommand(name, doing))];
}

/** The document that was named, as menus and code actions do, or else the one that is edited. */
function documentOf(named: unknown): string[] {
  if (typeof named === 'string') return [named];
  const uri = named instanceof vscode.Uri ? named : vscode.window.activeTextEditor?.document.uri;
  return uri ? [uri.toString()] : [];
}

async function atFinding(kibitz: Kibitz, command: ServerCommand, place: unknown): Promise<unknown> {
  const named = isPlace(place) ? place : await findingAtCursor();
  return named && kibitz.execute(command, [named]);
}

async function dismiss(kibitz: Kibitz, named: unknown): Promise<unknown> {
  const finding = isPlace(named) ? named : await findingAtCursor();
  if (!finding) return undefined;
  const reason = await vscode.window.showInputBox({
    title: 'kibitz: Dismiss',
    prompt: 'Why is it no problem? Enter dismisses it with or without a reason, Escape does not.',
    placeHolder: 'optional',
    validateInput: (value) => (value.length > 500 ? 'A reason has 500 characters at most.' : undefined),
  });
  if (reason === undefined) return undefined;
  const words = reason.trim();
  return kibitz.execute('kibitz.dismiss', [{ scope: 'finding', ...finding, ...(words === '' ? {} : { reason: words }) }]);
}

/** Menus call commands with URIs and the like; what the server understands is an object of its own making. */
function isPlace(value: unknown): value is Record<string, unknown> {
  return isObject(value) && typeof value['uri'] === 'string';
}

/** All there is to say: a dialog, because a message has one line. */
async function status(kibitz: Kibitz): Promise<void> {
  const answer = await kibitz.execute('kibitz.showStatus', [], true);
  if (!isObject(answer) || typeof answer['text'] !== 'string') return;
  const [first = '', ...others] = answer['text'].split('\n');
  await vscode.window.showInformationMessage(`kibitz: ${first}`, { modal: true, detail: others.join('\n') });
}

async function usage(kibitz: Kibitz): Promise<void> {
  const answer = await kibitz.execute('kibitz.showUsage', [], true);
  if (answer !== undefined) showUsage(answer);
}

async function usageReport(kibitz: Kibitz): Promise<void> {
  const answer = await kibitz.execute('kibitz.usageReport', [{ show: false }]);
  // Where there is none, the server has said why.
  if (isObject(answer) && typeof answer['path'] === 'string') await showReport(answer['path']);
}

async function request(kibitz: Kibitz, view: RequestView, named: readonly string[]): Promise<void> {
  const answer = await kibitz.execute('kibitz.showRequest', named, true);
  if (!isObject(answer) || typeof answer['text'] !== 'string') return;
  await view.show(answer['text']);
}

async function clearCache(kibitz: Kibitz): Promise<unknown> {
  const question = 'kibitz: Forget all kept answers? What is reviewed from then on is asked, and paid, again.';
  const sure = await vscode.window.showWarningMessage(question, { modal: true }, 'Forget them');
  return sure === undefined ? undefined : kibitz.execute('kibitz.clearCache');
}

async function setKey({ keys, configuration }: Parts): Promise<void> {
  if (!(await keys.ask())) return;
  // The server starts anew by itself: it hears of the key.
  if (configuration.provider === 'local') await configuration.setProvider(undefined);
  void vscode.window.showInformationMessage('kibitz: the key is kept in the secret storage of VS Code.');
}

async function forgetKey({ keys }: Parts): Promise<void> {
  await keys.forget();
  void vscode.window.showInformationMessage('kibitz: the key is forgotten.');
}

async function choosePython(configuration: Configuration): Promise<void> {
  const chosen = await vscode.window.showOpenDialog({
    title: 'kibitz: Choose Python 3.11 or newer',
    openLabel: 'Use this Python',
    canSelectMany: false,
  });
  const file = chosen?.[0];
  if (file) await configuration.setPython(file.fsPath);
}

/** Get the embedded model, in a terminal that shows how far it is, and use it from then on. */
async function useEmbeddedModel({ kibitz, configuration, locator, log }: Parts): Promise<void> {
  const question = 'kibitz: Fetch the embedded model? It is 1.1 GB, once; then nothing leaves this machine.';
  if ((await vscode.window.showInformationMessage(question, { modal: true }, 'Fetch it')) === undefined) return;
  try {
    const server = kibitz.server?.own === false ? kibitz.server : await locator.withEngine();
    const args = [...server.args.slice(0, server.args.indexOf('serve')), 'model', 'pull'];
    const terminal = vscode.window.createTerminal({ name: 'kibitz', shellPath: server.command, shellArgs: args, cwd: locator.storage });
    terminal.show();
    const closed = vscode.window.onDidCloseTerminal((each) => {
      if (each !== terminal) return;
      closed.dispose();
      if (each.exitStatus?.code === 0) void configuration.setProvider('local').then(() => kibitz.restart());
    });
  } catch (error) {
    log.error(String(error));
    void vscode.window.showErrorMessage(`kibitz: ${error instanceof Error ? error.message : String(error)}.`);
  }
}
