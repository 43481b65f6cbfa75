/** The user's key: in VS Code's secret storage, and from there in the environment of the server's process only. */

import * as vscode from 'vscode';

const NAME = 'apiKey';
/** The server reads this one before all others, and takes it out of its environment. */
export const VARIABLE = 'KIBITZ_API_KEY';

export class Keys {
  readonly #secrets: vscode.SecretStorage;

  constructor(secrets: vscode.SecretStorage) {
    this.#secrets = secrets;
  }

  async environment(): Promise<Record<string, string>> {
    const key = await this.#secrets.get(NAME);
    return key === undefined || key === '' ? {} : { [VARIABLE]: key };
  }

  /** Ask the user for it; whether there is another one now. */
  async ask(): Promise<boolean> {
    const key = await vscode.window.showInputBox({
      title: 'kibitz: Set API key',
      prompt: 'It is kept in the secret storage of VS Code and handed to the server in its environment.',
      placeHolder: 'sk-…',
      password: true,
      ignoreFocusOut: true,
      validateInput: (value) => (/^[!-~]{8,4096}$/.test(value.trim()) ? undefined : 'A key has eight or more characters, and no spaces.'),
    });
    if (key === undefined) return false;
    await this.#secrets.store(NAME, key.trim());
    return true;
  }

  async forget(): Promise<void> {
    await this.#secrets.delete(NAME);
  }

  /** Another window may set it, too. */
  onChange(heard: () => void): vscode.Disposable {
    return this.#secrets.onDidChange((event) => {
      if (event.key === NAME) heard();
    });
  }
}
