/** What a message of the server offers to do about it. Pure. */

export const SET_KEY = 'Set API key';
export const EMBEDDED = 'Use the embedded model';
export const LOG = 'Show log';

/** The titles of buttons, most likely first. `serious`: it is a warning or an error. */
export function buttonsFor(message: string, serious: boolean): readonly string[] {
  if (message.includes('no API key is set')) return [SET_KEY, EMBEDDED];
  if (/configuration error.*\bkeys?\b/i.test(message)) return [SET_KEY, LOG];
  if (message.includes('log of language servers')) return [LOG];
  return serious ? [LOG] : [];
}
