/** What a message of the server offers to do about it. Pure. */

export const SET_KEY = 'Set API key';
export const EMBEDDED = 'Use the embedded model';
export const LOG = 'Show log';

const NOBODY = 'no API key is set';

/** The message without the advice that its buttons are better at. */
export function shortened(message: string): string {
  return message.includes(NOBODY) ? message.replace(/\. Set OPENAI_API_KEY.*/s, '.') : message;
}

/** The titles of buttons, most likely first. `serious`: it is a warning or an error. */
export function buttonsFor(message: string, serious: boolean): readonly string[] {
  if (message.includes(NOBODY)) return [SET_KEY, EMBEDDED];
  if (/configuration error.*\bkeys?\b/i.test(message)) return [SET_KEY, LOG];
  if (message.includes('log of language servers')) return [LOG];
  return serious ? [LOG] : [];
}
