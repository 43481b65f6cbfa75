/** The environments of processes that the extension starts. Pure. */

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that make Python load code from elsewhere; a project's shell may have set them. */
const PYTHONS = /^(PYTHONPATH|PYTHONHOME|PYTHONSTARTUP|PYTHONINSPECT|PYTHONBREAKPOINT|PYTHONWARNINGS|__PYVENV_LAUNCHER__)$/;
const SECRETS = /KEY|TOKEN|SECRET|PASSW|CREDENTIAL/i;

/** For a server: all of ours but what leads Python astray, and `more`. */
export function forServer(own: Environment, more: Environment): Record<string, string> {
  return { ...kept(own, (name) => !PYTHONS.test(name)), ...kept(more, () => true), PYTHONSAFEPATH: '1', PYTHONUTF8: '1' };
}

/** For looking at a Python, and for pip: no secrets either. */
export function forTools(own: Environment): Record<string, string> {
  const named = (name: string): boolean => !PYTHONS.test(name) && !(SECRETS.test(name) && !name.startsWith('PIP_'));
  return { ...kept(own, named), PYTHONSAFEPATH: '1', PYTHONUTF8: '1' };
}

function kept(from: Environment, wanted: (name: string) => boolean): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(from)) {
    if (value !== undefined && wanted(name)) found[name] = value;
  }
  return found;
}
