/** The one connection to a server: what it is started with, and what is made of what it says. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as vscode from 'vscode';
import {
  CloseAction,
  DidChangeConfigurationNotification,
  ErrorAction,
  ExecuteCommandRequest,
  LanguageClient,
  type LanguageClientOptions,
  MessageType,
  RevealOutputChannelOn,
  type ServerOptions,
  ShowMessageNotification,
} from 'vscode-languageclient/node';
import type { Configuration } from './configuration.ts';
import { forServer } from './environment.ts';
import { withoutRepeats } from './hovers.ts';
import type { Server } from './locating.ts';
import { type Status, statusOf } from './status.ts';

const STATUS = '$/kibitz/status';
/** How long a server that was told to end may take to do so. */
const END_MS = 3000;
/** So many messages in a row may be unreadable before the connection is given up. */
const MAX_ERRORS = 3;

export interface Hearing {
  status(status: Status): void;
  message(text: string, type: MessageType): void;
  /** It ended without being told to. */
  ended(): void;
}

/** Writes its mishaps to the log, and leaves it to others to tell the user. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

export class Client {
  readonly #client: LanguageClient;
  #process: ChildProcess | undefined;
  #hushed = 0;
  #ended = false;

  constructor(
    server: Server,
    secrets: () => Promise<Record<string, string>>,
    cwd: string,
    languages: readonly string[],
    configuration: Configuration,
    log: vscode.LogOutputChannel,
    hearing: Hearing,
  ) {
    const start: ServerOptions = async () => {
      const env = forServer(process.env, { ...configuration.environment(), ...(await secrets()) });
      const started = spawn(server.command, server.args, { cwd, env, stdio: 'pipe', windowsHide: true });
      this.#process = started;
      await once(started, 'spawn');
      return started;
    };
    const options: LanguageClientOptions = {
      documentSelector: ['file', 'untitled', 'vscode-notebook-cell'].flatMap((scheme) => languages.map((language) => ({ scheme, language }))),
      diagnosticCollectionName: 'kibitz',
      outputChannel: log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      // A client that lost its server while that was starting cannot start another one: a new client does.
      errorHandler: {
        error: (_error, _message, count) => ({ action: (count ?? 0) <= MAX_ERRORS ? ErrorAction.Continue : ErrorAction.Shutdown, handled: true }),
        closed: () => {
          this.#ended = true;
          hearing.ended();
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
      initializationFailedHandler: () => false,
      middleware: {
        provideHover: async (document, position, token, next) => shortened(await next(document, position, token), document, position),
        provideCodeActions: async (document, range, context, token, next) => inOrder(await next(document, range, context, token)),
        workspace: {
          configuration: (params, token, next) =>
            params.items.every((item) => item.section === 'kibitz')
              ? params.items.map((item) => configuration.section(item.scopeUri ? vscode.Uri.parse(item.scopeUri) : undefined))
              : next(params, token),
          // The client would tell of every change, and of none while the server starts: see `tellSettings`.
          didChangeConfiguration: () => Promise.resolve(),
        },
      },
    };
    this.#client = new QuietClient('kibitz', 'kibitz', start, options);
    // Its commands are registered once, by the extension, whether a server runs or not; registered here as
    // well, they would clash.
    const feature = this.#client.getFeature(ExecuteCommandRequest.method);
    feature.initialize = () => undefined;
    this.#client.onNotification(STATUS, (params: unknown) => {
      const status = statusOf(params);
      if (status) hearing.status(status);
    });
    this.#client.onNotification(ShowMessageNotification.type, ({ type, message }) => {
      if (this.#hushed === 0 || type !== MessageType.Info) hearing.message(message, type);
    });
  }

  /** Whether it ended without being told to. */
  get ended(): boolean {
    return this.#ended;
  }

  get running(): boolean {
    return this.#client.isRunning();
  }

  async start(): Promise<void> {
    await this.#client.start();
  }

  /** End it. Rejections are of no use to anybody: it was still starting, or is gone. */
  async stop(): Promise<void> {
    if (!this.#ended) await this.#client.stop().catch(() => undefined);
    await this.#client.dispose().catch(() => undefined);
    await this.#end();
  }

  /** The process goes with its client, whatever it is busy with. */
  async #end(): Promise<void> {
    const started = this.#process;
    if (!started?.pid || started.exitCode !== null || started.signalCode !== null) return;
    const gone = once(started, 'exit');
    started.stdin?.end();
    const timer = setTimeout(() => started.kill('SIGKILL'), END_MS);
    await gone;
    clearTimeout(timer);
  }

  /** Settings changed; the server asks for what it wants to know. Nobody is told while it is being stopped. */
  async tellSettings(): Promise<void> {
    await this.#client.sendNotification(DidChangeConfigurationNotification.type, { settings: null }).catch(() => undefined);
  }

  async execute(command: string, args: readonly unknown[]): Promise<unknown> {
    return this.#client.sendRequest(ExecuteCommandRequest.type, { command, arguments: [...args] });
  }

  /** The same, for those who show the answer themselves: what the server tells about it is not shown. */
  async executeQuietly(command: string, args: readonly unknown[]): Promise<unknown> {
    this.#hushed += 1;
    try {
      return await this.execute(command, args);
    } finally {
      this.#hushed -= 1;
    }
  }
}

/** VS Code shows diagnostics above hovers: what they say need not be said twice. */
function shortened(hover: vscode.Hover | null | undefined, document: vscode.TextDocument, at: vscode.Position): vscode.Hover | undefined {
  if (!hover) return undefined;
  const here = vscode.languages.getDiagnostics(document.uri).filter((each) => each.source === 'kibitz' && each.range.contains(at));
  const messages = here.map((each) => each.message);
  const contents = hover.contents.map((each) =>
    each instanceof vscode.MarkdownString ? new vscode.MarkdownString(withoutRepeats(each.value, messages)) : each,
  );
  return new vscode.Hover(contents, hover.range);
}

type Actions = (vscode.Command | vscode.CodeAction)[] | null | undefined;

/** VS Code puts what is marked as a model's behind all else, and so a checked fix behind asking for an explanation. */
function inOrder(actions: Actions): Actions {
  for (const each of actions ?? []) if ('isAI' in each) each.isAI = false;
  return actions;
}

export { MessageType };
