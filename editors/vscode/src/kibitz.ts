/** Holds the parts together: one server at a time, its state, and what the user is told. */

import * as vscode from 'vscode';
import { EMBEDDED, LOG, SET_KEY, buttonsFor, shortened } from './buttons.ts';
import { Client, MessageType } from './client.ts';
import type { Configuration } from './configuration.ts';
import { Crashes } from './crashes.ts';
import type { Keys } from './keys.ts';
import { type Locator, NoServer, type Server } from './locating.ts';
import type { StatusBar } from './statusBar.ts';
import { without } from './status.ts';

const AGAIN = 'Try again';
const RESTART = 'Restart';
const GET_PYTHON = 'Install Python';
const CHOOSE_PYTHON = 'Choose Python…';
const DOWNLOADS = 'https://www.python.org/downloads/';

/** What a button does. */
const DOES: Readonly<Record<string, string>> = {
  [SET_KEY]: 'kibitz.setKey',
  [EMBEDDED]: 'kibitz.useEmbeddedModel',
  [LOG]: 'kibitz.showLog',
  [AGAIN]: 'kibitz.restart',
  [RESTART]: 'kibitz.restart',
  [CHOOSE_PYTHON]: 'kibitz.choosePython',
};

export class Kibitz {
  readonly #locator: Locator;
  readonly #configuration: Configuration;
  readonly #keys: Keys;
  readonly #bar: StatusBar;
  readonly #log: vscode.LogOutputChannel;
  readonly #languages: readonly string[];
  #client: Client | undefined;
  #server: Server | undefined;
  readonly #crashes = new Crashes();
  #queue: Promise<void> = Promise.resolve();
  #waiting = false;
  #ending = false;

  constructor(
    locator: Locator,
    configuration: Configuration,
    keys: Keys,
    bar: StatusBar,
    log: vscode.LogOutputChannel,
    languages: readonly string[],
  ) {
    this.#locator = locator;
    this.#configuration = configuration;
    this.#keys = keys;
    this.#bar = bar;
    this.#log = log;
    this.#languages = languages;
  }

  /** The server that runs, or ran last. */
  get server(): Server | undefined {
    return this.#server;
  }

  /** Start it, or start it anew, because somebody wants that, or because settings are others. */
  restart(): Promise<void> {
    this.#crashes.forget();
    return this.#again();
  }

  /** One at a time, and several wishes at once are one. */
  #again(): Promise<void> {
    if (!this.#waiting) {
      this.#waiting = true;
      this.#queue = this.#queue.then(async () => {
        this.#waiting = false;
        await this.#stop();
        if (!this.#ending) await this.#start();
      });
    }
    return this.#queue;
  }

  /** Settings changed that count at once. */
  async tellSettings(): Promise<void> {
    await this.#client?.tellSettings();
  }

  /** Another server may be the right one: see, and start that one if so. */
  async reconsider(): Promise<void> {
    const server = await this.#locator.find().catch(() => undefined);
    if (server && server.command !== this.#server?.command) await this.restart();
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.#queue;
    await this.#stop();
  }

  /** Have a command done. Undefined, after a word to the user, where there is nobody to do it. */
  async execute(command: string, args: readonly unknown[] = [], quietly = false): Promise<unknown> {
    await this.#queue;
    const client = this.#client;
    if (!client?.running) {
      this.#tell('it is not running, so nothing can be done.', [RESTART, LOG]);
      return undefined;
    }
    try {
      return await (quietly ? client.executeQuietly(command, args) : client.execute(command, args));
    } catch (error) {
      if (error instanceof vscode.CancellationError) return undefined;
      this.#tell(error instanceof Error ? error.message : String(error), [LOG]);
      return undefined;
    }
  }

  async #start(): Promise<void> {
    this.#bar.show(without('starting', 'kibitz is starting'));
    try {
      const server = await this.#locator.find();
      this.#server = server;
      this.#log.info(`starting ${server.origin}`);
      const secrets = (): Promise<Record<string, string>> => this.#keys.environment();
      const client = new Client(server, secrets, this.#locator.storage, this.#languages, this.#configuration, this.#log, {
        status: (status) => {
          // One that is being stopped may still have something to say.
          if (this.#client === client) this.#bar.show(status);
        },
        message: (text, type) => this.#pass(text, type),
        ended: () => {
          if (this.#client === client) this.#ended();
        },
      });
      this.#client = client;
      await client.start();
    } catch (error) {
      // That it ended was heard already.
      if (!this.#client?.ended) this.#failed(error);
    }
  }

  async #stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.stop();
  }

  #failed(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#log.error(`kibitz did not start: ${why}`);
    this.#bar.show(without('stopped', `kibitz did not start: ${why}`, 'see its log'));
    const buttons = error instanceof NoServer && error.python ? [GET_PYTHON, CHOOSE_PYTHON, LOG] : [AGAIN, CHOOSE_PYTHON, LOG];
    this.#tell(`it did not start: ${why}.`, buttons, true);
  }

  #ended(): void {
    if (this.#crashes.add(Date.now())) {
      this.#log.warn('the server ended without being told to; it is started again');
      void this.#again();
      return;
    }
    this.#bar.show(without('stopped', 'the server ended five times within three minutes', 'restart it, or see its log'));
    this.#tell('its server ended five times within three minutes, and is left alone.', [RESTART, LOG], true);
  }

  #pass(message: string, type: MessageType): void {
    const serious = type === MessageType.Error || type === MessageType.Warning;
    const buttons = buttonsFor(message, serious);
    this.#log.info(message);
    const show = type === MessageType.Error ? vscode.window.showErrorMessage : serious ? vscode.window.showWarningMessage : vscode.window.showInformationMessage;
    void show(shortened(message), ...buttons).then(press);
  }

  #tell(what: string, buttons: readonly string[], serious = false): void {
    const show = serious ? vscode.window.showErrorMessage : vscode.window.showWarningMessage;
    void show(`kibitz: ${what}`, ...buttons).then(press);
  }
}

async function press(button: string | undefined): Promise<void> {
  if (button === GET_PYTHON) await vscode.env.openExternal(vscode.Uri.parse(DOWNLOADS));
  else if (button !== undefined && DOES[button] !== undefined) await vscode.commands.executeCommand(DOES[button]);
}
