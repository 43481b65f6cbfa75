/** The menu behind the status bar item: what goes on, and all that can be done. */

import * as vscode from 'vscode';
import { MENU } from './commandNames.ts';
import { type Status, isObject, shown } from './status.ts';

interface Item extends vscode.QuickPickItem {
  readonly command?: string;
}

/** The titles of commands, from the manifest. */
export function titlesOf(manifest: unknown): ReadonlyMap<string, string> {
  const contributes = isObject(manifest) ? manifest['contributes'] : undefined;
  const commands = isObject(contributes) ? contributes['commands'] : undefined;
  const titles = new Map<string, string>();
  for (const each of Array.isArray(commands) ? (commands as unknown[]) : []) {
    if (isObject(each)) titles.set(String(each['command']), String(each['title']));
  }
  return titles;
}

export async function showMenu(status: Status, titles: ReadonlyMap<string, string>): Promise<void> {
  const items: Item[] = [];
  for (const [group, commands] of MENU) {
    items.push({ label: group, kind: vscode.QuickPickItemKind.Separator });
    for (const [command, icon] of commands) {
      // Of two that undo each other, the one that makes sense.
      if (command === (status.state === 'paused' ? 'kibitz.pause' : 'kibitz.resume')) continue;
      items.push({ label: `$(${icon}) ${titles.get(command) ?? command}`, command });
    }
  }
  const placeHolder = shown(status).lines.slice(0, 2).join(' ');
  const chosen = await vscode.window.showQuickPick(items, { title: 'kibitz', placeHolder });
  if (chosen?.command !== undefined) await vscode.commands.executeCommand(chosen.command);
}
