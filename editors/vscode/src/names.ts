/** The settings of the manifest, sorted by how they reach the server. Pure. */

import { isObject } from './status.ts';

const PREFIX = 'kibitz.';
/** Those of the extension itself, which the server never sees. */
const OWN = /^(server|trace)\./;

export interface Names {
  /** The user's alone: they reach the server in its environment, when it is started. */
  readonly machine: readonly string[];
  /** What a project may say too: the server asks for them, and hears of changes. */
  readonly editor: readonly string[];
}

/** `configuration` is `contributes.configuration` of package.json. */
export function settingNames(configuration: unknown): Names {
  const machine: string[] = [];
  const editor: string[] = [];
  for (const group of Array.isArray(configuration) ? configuration : [configuration]) {
    const properties = isObject(group) && isObject(group['properties']) ? group['properties'] : {};
    for (const [full, schema] of Object.entries(properties)) {
      const name = full.slice(PREFIX.length);
      if (OWN.test(name) || !isObject(schema)) continue;
      (schema['scope'] === 'machine' ? machine : editor).push(name);
    }
  }
  return { machine, editor };
}

/** `timeoutMs` as the server's environment has it: `KIBITZ_TIMEOUT_MS`. */
export function variable(name: string): string {
  return `KIBITZ_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** Settings as an environment; what is null or empty is left to the server's other sources. */
export function asEnvironment(values: Readonly<Record<string, unknown>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'string' ? value !== '' : typeof value === 'number' || typeof value === 'boolean') {
      found[variable(name)] = String(value);
    }
  }
  return found;
}
