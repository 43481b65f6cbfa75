/** The item in the status bar. */

import * as vscode from 'vscode';
import { type Status, shown, without } from './status.ts';

export class StatusBar implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem('kibitz.status', vscode.StatusBarAlignment.Right, 90);
  #status: Status = without('starting', 'kibitz is starting');

  constructor() {
    this.#item.name = 'kibitz';
    this.#item.command = 'kibitz.showMenu';
    this.show(this.#status);
    this.#item.show();
  }

  get status(): Status {
    return this.#status;
  }

  show(status: Status): void {
    this.#status = status;
    const { text, alert, lines: told } = shown(status);
    const lines = vscode.workspace.isTrusted ? told : [...told, 'This folder is not trusted: only what you ask for is reviewed.'];
    this.#item.text = text;
    this.#item.tooltip = lines.join('\n');
    this.#item.accessibilityInformation = { label: `kibitz: ${lines.join(' ')}` };
    this.#item.backgroundColor = alert ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
  }

  dispose(): void {
    this.#item.dispose();
  }
}
