/** Which versions fit. Pure. */

export type Version = readonly [number, number, number];

/** The oldest Python that the server runs on. */
export const PYTHON: Version = [3, 11, 0];

/** `1.2.3`, and whatever follows the third number; undefined if it is no version. */
export function versionOf(text: string): Version | undefined {
  const found = /^(\d+)\.(\d+)\.(\d+)/.exec(text);
  return found ? [Number(found[1]), Number(found[2]), Number(found[3])] : undefined;
}

export function isAtLeast(found: Version, wanted: Version): boolean {
  for (const at of [0, 1, 2] as const) {
    if (found[at] !== wanted[at]) return found[at] > wanted[at];
  }
  return true;
}

/** Whether a server of version `found` does all that the extension of version `wanted` asks for. */
export function fits(found: string, wanted: string): boolean {
  const [server, extension] = [versionOf(found), versionOf(wanted)];
  if (!server || server[0] !== extension?.[0]) return false;
  // Before 1.0, a new minor version may be another thing altogether.
  return (server[0] > 0 || server[1] === extension[1]) && isAtLeast(server, extension);
}
