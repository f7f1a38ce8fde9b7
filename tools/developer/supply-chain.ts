import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { z } from 'zod';
import { runCommand } from '../command.ts';

const USAGE = `npm run check:supply-chain

Checks that versions are exact, licences allowed, install scripts named and signatures valid, and writes the bill of
materials. Exit status: 0 all is well; 1 something is not.
`;

/**
 * `npm run supply-chain`: checks the dependencies of this project: exact versions, licences that may be shipped, install scripts
 * that are named, signatures of the registry, and the bill of materials as sbom.cdx.json. Ends with 1 if a check fails. An
 * unreachable registry is reported but is not a failure; an invalid signature is.
 */

const run = promisify(execFile);
const SBOM_FILE = 'sbom.cdx.json';

/** Packages that have an install script: whether it may run, and why. The same list is allowScripts in package.json. */
const INSTALL_SCRIPTS: Readonly<Record<string, { readonly runs: boolean; readonly why: string }>> = {
  node: { runs: true, why: 'puts the binary of Node 24 where npm scripts find it' },
  esbuild: { runs: true, why: 'checks and links the binary that bundles the functions' },
  '@swc/core': { runs: false, why: 'its binary comes as a package; the script only falls back to another' },
  '@parcel/watcher': { runs: false, why: 'watches files, which nothing here asks for' },
  'unrs-resolver': {
    runs: false,
    why: 'its binary comes as a package; the script only falls back to another',
  },
};

/** SPDX licences without obligations for a person who deploys this. */
const LICENCES = new Set([
  'MIT',
  'MIT-0',
  'ISC',
  '0BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'CC-BY-4.0',
  'Python-2.0',
  'Unlicense',
  'WTFPL',
  'Zlib',
]);
/** Allowed only for these packages and their variants for one platform. */
const ALLOWED_TO: Readonly<Record<string, readonly string[]>> = {
  // Used only to build and test. They are not part of anything that is deployed or distributed.
  'MPL-2.0': ['lightningcss', 'axe-core', '@axe-core/playwright', 'mediabunny'],
  // A font may be embedded in and distributed with software; only its separate sale is forbidden.
  'OFL-1.1': ['@fontsource-variable/inter'],
};
const isAllowedTo = (license: string, name: string): boolean =>
  ALLOWED_TO[license]?.some((known) => name === known || name.startsWith(`${known}-`)) ?? false;

const packageJson = z.object({
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
  allowScripts: z.record(z.string(), z.boolean()),
});
const lockfile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      hasInstallScript: z.boolean().optional(),
      integrity: z.string().optional(),
      inBundle: z.boolean().optional(),
    }),
  ),
});

const read = <Schema extends z.ZodType>(schema: Schema, file: string): z.infer<Schema> =>
  schema.parse(JSON.parse(readFileSync(file, 'utf8')));

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly hasInstallScript: boolean;
  readonly hasIntegrity: boolean;
}

const packages = (): readonly Package[] =>
  Object.entries(read(lockfile, 'package-lock.json').packages)
    .filter(([path]) => path !== '')
    .map(([path, { version = '', license = '', hasInstallScript = false, integrity, inBundle = false }]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      license,
      hasInstallScript,
      // A bundled package is covered by the hash of the package that contains it.
      hasIntegrity: integrity !== undefined || inBundle,
    }));

const EXACT = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;

const faultsOfVersions = (): readonly string[] => {
  const { dependencies, devDependencies, optionalDependencies } = read(packageJson, 'package.json');
  const asked = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  return [
    ...asked
      .filter(([, version]) => !EXACT.test(version))
      .map(([name, version]) => `${name} is asked for as ${version}, not as one version.`),
    ...packages()
      .filter(({ hasIntegrity }) => !hasIntegrity)
      .map(({ name }) => `The lockfile has no hash of ${name}.`),
  ];
};

const faultsOfScripts = (): readonly string[] => {
  const { allowScripts } = read(packageJson, 'package.json');
  const unnamed = packages()
    .filter(({ hasInstallScript, name }) => hasInstallScript && !(name in INSTALL_SCRIPTS))
    // Only for other operating systems, and therefore not installed here.
    .filter(({ name }) => name !== 'fsevents')
    .map(
      ({ name }) =>
        `${name} has an install script that nobody has judged. Add it to tools/developer/supply-chain.ts.`,
    );
  const differing = Object.entries(INSTALL_SCRIPTS)
    .filter(([name, { runs }]) => (allowScripts[name] ?? false) !== runs)
    .map(([name]) => `allowScripts in package.json says otherwise about ${name}.`);
  return [...unnamed, ...differing];
};

/** `(MIT OR CC0-1.0)` is free to choose, `MIT AND ISC` is both. */
const isAllowed = (license: string, name: string): boolean => {
  const expression = license.replace(/[()]/g, '');
  if (expression.includes(' OR ')) return expression.split(' OR ').some((one) => isAllowed(one, name));
  return expression.split(' AND ').every((one) => LICENCES.has(one) || isAllowedTo(one, name));
};

const faultsOfLicences = (): readonly string[] =>
  packages()
    .filter(({ license, name }) => !isAllowed(license, name))
    .map(({ name, version, license }) => `${name} ${version} is under "${license || 'no licence'}".`);

const auditAnswer = z.object({ invalid: z.array(z.object({ name: z.string(), version: z.string() })) });

/** A fault for each invalid signature, or a sentence if the registry could not be reached. */
const askForSignatures = async (): Promise<{ readonly faults: readonly string[]; readonly says: string }> => {
  const answer = await run(
    'npm',
    ['audit', 'signatures', '--json', '--fetch-retries=0', '--fetch-timeout=20000'],
    {
      timeout: 60_000,
    },
  ).then(
    ({ stdout }) => stdout,
    (error: unknown) => z.object({ stdout: z.string() }).safeParse(error).data?.stdout ?? '',
  );
  let json: unknown;
  try {
    json = JSON.parse(answer);
  } catch {
    json = undefined;
  }
  const parsed = auditAnswer.safeParse(json);
  if (!parsed.success)
    return { faults: [], says: 'not checked: the registry does not answer for signatures' };
  return {
    faults: parsed.data.invalid.map(({ name, version }) => `The signature of ${name} ${version} is bad.`),
    says: 'checked',
  };
};

const writeBillOfMaterials = async (): Promise<number> => {
  const { stdout } = await run('npm', ['sbom', '--sbom-format', 'cyclonedx'], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const { components } = z.object({ components: z.array(z.unknown()) }).parse(JSON.parse(stdout));
  writeFileSync(SBOM_FILE, stdout);
  return components.length;
};

await runCommand({
  usage: USAGE,
  run: async () => {
    const signatures = await askForSignatures();
    const faults = [...faultsOfVersions(), ...faultsOfScripts(), ...faultsOfLicences(), ...signatures.faults];
    for (const fault of faults) process.stderr.write(`${fault}\n`);
    const components = await writeBillOfMaterials();
    const scripts = Object.entries(INSTALL_SCRIPTS).map(
      ([name, { runs, why }]) => `  ${runs ? 'run  ' : 'never'} ${name}: ${why}`,
    );
    process.stdout.write(`Versions exact, licences allowed, install scripts named: ${faults.length === 0 ? 'yes' : 'no'}
Signatures: ${signatures.says}
Install scripts:
${scripts.join('\n')}
Bill of materials: ${components} components in ${SBOM_FILE}
`);
    return faults.length > 0 ? 1 : 0;
  },
});
