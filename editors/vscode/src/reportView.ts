/** Shows the usage report that the server wrote, one at a time. */

import * as vscode from 'vscode';

let panel: vscode.WebviewPanel | undefined;

/** The page brings its own policy, which allows for its own style and nothing else. */
export async function showReport(path: string): Promise<void> {
  const page = new TextDecoder().decode(await vscode.workspace.fs.readFile(vscode.Uri.file(path)));
  if (!panel) {
    panel = vscode.window.createWebviewPanel('kibitz.usageReport', 'kibitz: usage report', vscode.ViewColumn.Active, {
      enableScripts: false,
      enableForms: false,
      enableFindWidget: true,
      localResourceRoots: [],
    });
    panel.onDidDispose(() => (panel = undefined));
  }
  panel.webview.html = page;
  panel.reveal();
}
