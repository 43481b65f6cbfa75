// Makes kibitz-VERSION.vsix: the bundled extension, and the server's wheel beside it.
//
//   npm run package [-- OUTPUT]        PYTHON names the Python that builds the wheel (python3)
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const here = path.dirname(import.meta.dirname);
const repository = path.join(here, '..', '..');
const { version } = JSON.parse(readFileSync(path.join(here, 'package.json'), 'utf8'));
const output = path.resolve(process.argv[2] ?? `kibitz-${version}.vsix`);
const python = process.env.PYTHON ?? 'python3';
const run = (program, ...args) => execFileSync(program, args, { cwd: here, stdio: ['ignore', 'inherit', 'inherit'] });

// Built elsewhere and copied: two builds at once do not see each other's half a wheel.
const folder = mkdtempSync(path.join(tmpdir(), 'kibitz-wheel-'));
try {
  run(python, '-m', 'pip', '--quiet', 'wheel', '--no-deps', '--disable-pip-version-check', '--wheel-dir', folder, repository);
  const wheels = readdirSync(folder).filter((name) => name.endsWith('.whl'));
  if (wheels.length !== 1 || !wheels[0].startsWith(`kibitz-${version}-`)) {
    throw new Error(`the wheel should be of version ${version}, as package.json is; built: ${wheels.join(', ')}`);
  }
  rmSync(path.join(here, 'bundled'), { recursive: true, force: true });
  cpSync(folder, path.join(here, 'bundled'), { recursive: true });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
run('npm', 'run', '--silent', 'build', '--', '--log-level=warning');
// There is no public repository that links of the README could be rewritten to.
run('npx', 'vsce', 'package', '--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links', '--out', output);
