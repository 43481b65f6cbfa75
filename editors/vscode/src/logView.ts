/** Shows the log, in a window that may still be starting. */

import * as vscode from 'vscode';

const OFTEN_MS = 200;
const PATIENCE_MS = 60_000;

/** A window knows of its logs late: until then it shows nothing, or another one, and nobody is told when that is over. */
export async function showLog(log: vscode.LogOutputChannel, id: string): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  do log.show();
  while (!(await appears(id)) && Date.now() < end);
}

/** Whether it is before the user soon. */
async function appears(id: string): Promise<boolean> {
  return new Promise((resolve) => {
    const listener = vscode.window.onDidChangeVisibleTextEditors(() => isShown(id) && done());
    const timer = setTimeout(done, OFTEN_MS);
    function done(): void {
      listener.dispose();
      clearTimeout(timer);
      resolve(isShown(id));
    }
  });
}

/** Logs are named after the extension that they belong to. */
function isShown(id: string): boolean {
  return vscode.window.visibleTextEditors.some(({ document: { uri } }) => uri.scheme === 'output' && uri.path.includes(`${id}.`));
}
