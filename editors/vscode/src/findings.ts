/** Findings as they stand in the editor: the ones at the cursor, as the server's commands name them. */

import * as vscode from 'vscode';
import { isObject } from './status.ts';

export interface Named {
  readonly uri: string;
  readonly id: string;
}

interface Found extends Named {
  readonly title: string;
}

/** The finding at the cursor, or on its line; the user chooses among several. Undefined: none, which is told. */
export async function findingAtCursor(): Promise<Named | undefined> {
  const editor = vscode.window.activeTextEditor;
  const found = editor ? near(editor) : [];
  if (found.length === 0) {
    void vscode.window.showInformationMessage('kibitz: there is no finding on this line.');
    return undefined;
  }
  const first = found.length === 1 ? found[0] : await choose(found);
  return first && { uri: first.uri, id: first.id };
}

async function choose(found: readonly Found[]): Promise<Found | undefined> {
  const items = found.map((each) => ({ label: each.title, found: each }));
  return (await vscode.window.showQuickPick(items, { title: 'kibitz: which finding?' }))?.found;
}

function near(editor: vscode.TextEditor): Found[] {
  const { document, selection } = editor;
  const cursor = selection.active;
  const ours = vscode.languages.getDiagnostics(document.uri).filter((each) => each.source === 'kibitz');
  const exact = ours.filter((each) => each.range.contains(cursor));
  const lines = ours.filter((each) => each.range.start.line <= cursor.line && cursor.line <= each.range.end.line);
  return (exact.length > 0 ? exact : lines).flatMap((each) => {
    // The language client keeps what the server sent along.
    const data: unknown = 'data' in each ? each.data : undefined;
    const id = isObject(data) ? data['id'] : undefined;
    return typeof id === 'string' ? [{ uri: document.uri.toString(), id, title: each.message.split('\n')[0] ?? '' }] : [];
  });
}
