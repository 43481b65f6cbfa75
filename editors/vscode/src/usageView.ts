/** Shows the page about what reviews cost, one at a time. */

import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { usagePage } from './usage.ts';

let panel: vscode.WebviewPanel | undefined;

export function showUsage(answer: unknown): void {
  if (!panel) {
    panel = vscode.window.createWebviewPanel('kibitz.usage', 'kibitz: usage', vscode.ViewColumn.Active, {
      enableScripts: false,
      enableForms: false,
      localResourceRoots: [],
    });
    panel.onDidDispose(() => (panel = undefined));
  }
  panel.webview.html = usagePage(answer, randomBytes(16).toString('base64url'));
  panel.reveal();
}
