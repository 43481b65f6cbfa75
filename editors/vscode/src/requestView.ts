/** What would be sent, as a text that nobody is asked to save. */

import * as vscode from 'vscode';

const SCHEME = 'kibitz-request';

export class RequestView {
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly #provider: vscode.Disposable;
  #text = '';

  constructor() {
    this.#provider = vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      onDidChange: this.#changed.event,
      provideTextDocumentContent: () => this.#text,
    });
  }

  /** One page, which the next one takes the place of. */
  async show(text: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: 'What would be sent' });
    this.#text = text;
    this.#changed.fire(uri);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
  }

  dispose(): void {
    this.#provider.dispose();
    this.#changed.dispose();
  }
}
