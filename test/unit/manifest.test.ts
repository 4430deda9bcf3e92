/** package.json against the table of ids: what one names the other has. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HOST_CHOICES } from '../../extension/conductor/host';
import { COMMANDS, CONTEXTS, DEBUG_TYPE, SETTINGS } from '../../extension/ids';

const root = join(__dirname, '..', '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { contributes } = manifest;

test('the manifest contributes exactly the commands of the id table', () => {
  const contributed = contributes.commands.map(({ command }: { command: string }) => command);
  assert.deepEqual(contributed.sort(), Object.values<string>(COMMANDS).sort());
});

test('every command id is named after its key', () => {
  for (const [name, id] of Object.entries(COMMANDS)) assert.equal(id, `symphony.${name}`);
});

test('menus and key bindings name only commands of the table', () => {
  const known = new Set<string>(Object.values(COMMANDS));
  const menus = Object.values<{ command: string }[]>(contributes.menus).flat();
  for (const { command } of [...menus, ...contributes.keybindings]) assert.ok(known.has(command), command);
});

test('commands that run code are off until the workspace is trusted', () => {
  const runsCode: string[] = [
    COMMANDS.runScript,
    COMMANDS.debugScript,
    COMMANDS.invokePitOperation,
    COMMANDS.selectInterpreter,
    COMMANDS.showEnvironments,
    COMMANDS.restartConductor,
  ];
  for (const { command, enablement } of contributes.commands) {
    assert.equal(enablement === 'isWorkspaceTrusted', runsCode.includes(command), command);
  }
});

test('the manifest contributes exactly the settings of the id table', () => {
  assert.deepEqual(
    Object.keys(contributes.configuration.properties).sort(),
    Object.values<string>(SETTINGS).sort(),
  );
});

test('the hosts to choose from are those that the bridge knows', () => {
  const {
    enum: offered,
    enumDescriptions,
    default: first,
  } = contributes.configuration.properties[SETTINGS.host];
  assert.deepEqual(
    [offered, enumDescriptions.length, first],
    [[...HOST_CHOICES], HOST_CHOICES.length, 'auto'],
  );
});

test('settings that choose programs and folders are restricted in untrusted workspaces', () => {
  const { untrustedWorkspaces, virtualWorkspaces } = manifest.capabilities;
  assert.equal(untrustedWorkspaces.supported, 'limited');
  assert.equal(virtualWorkspaces.supported, false);
  assert.deepEqual(
    [...untrustedWorkspaces.restrictedConfigurations].sort(),
    Object.values<string>(SETTINGS).sort(),
  );
});

test('when clauses use only our context keys', () => {
  const clauses: string[] = [];
  JSON.stringify(contributes, (key, value) => {
    if (key === 'when' || key === 'enablement') clauses.push(value);
    return value;
  });
  const used = clauses.flatMap((clause) => clause.match(/\bsymphony[.\w]*/g) ?? []);
  assert.deepEqual(new Set(used), new Set<string>(Object.values(CONTEXTS)));
});

test('the debugger is contributed under the type that the code registers', () => {
  const [contributed] = contributes.debuggers;
  assert.equal(contributed.type, DEBUG_TYPE);
  assert.ok(manifest.activationEvents.includes(`onDebugResolve:${DEBUG_TYPE}`));
  assert.ok(manifest.activationEvents.includes(`onDebugDynamicConfigurations:${DEBUG_TYPE}`));
  const properties = Object.keys(contributed.configurationAttributes.launch.properties);
  assert.deepEqual(properties, ['program', 'args', 'python', 'cwd', 'env', 'stopOnEntry', 'justMyCode']);
});

test('the extension runs only where a Python can', () => {
  assert.deepEqual(manifest.extensionKind, ['workspace']);
  assert.equal(manifest.browser, undefined);
  assert.ok(existsSync(join(root, 'extension', 'main.ts')));
});
