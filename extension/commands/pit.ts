/**
 * Invoke Pit Operation: picks one of the Pit's operations, asks for its arguments, shows the result.
 *
 * Threads: extension host main thread. Must not know: the Pit; operations and their parameters come from the
 * process where the Pit is.
 */
import * as vscode from 'vscode';
import type { Workbench } from '../workbench/workbench';
import { type Operation, type Parameter, parseArgument, typeHint } from './pitArguments';
import { trusted } from './scripts';

const CONTROL = 'symphony_bridge._operations';

/** @param given operation and arguments from another command or a test; without them the user is asked. */
export async function invokePitOperationCommand(
  workbench: Workbench,
  given?: unknown,
): Promise<string | undefined> {
  if (!trusted('Invoking the Pit')) return undefined;
  try {
    const bridge = await workbench.runs.connect();
    const call = isCall(given)
      ? given
      : await askForCall(await bridge.call<Operation[]>(`${CONTROL}:operations`));
    if (call === undefined) return undefined;
    const result = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: `pit.${call.name}`, cancellable: true },
      (_, token) =>
        bridge.call<string>(`${CONTROL}:invoke`, [call.name, call.arguments], { signal: signalOf(token) }),
    );
    workbench.log.info(`pit.${call.name} returned ${result.length} characters`);
    await workbench.results.show(`${call.name}.json`, result);
    return result;
  } catch (error) {
    workbench.failures.show('The Pit operation failed', error);
    return undefined;
  }
}

interface OperationCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

function isCall(value: unknown): value is OperationCall {
  return typeof value === 'object' && value !== null && 'name' in value && 'arguments' in value;
}

async function askForCall(operations: readonly Operation[]): Promise<OperationCall | undefined> {
  const items = operations.map((operation) => ({
    label: operation.name,
    description: operation.component,
    detail: operation.summary,
    operation,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    placeHolder: 'Pit operation',
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (picked === undefined) return undefined;
  const args: Record<string, unknown> = {};
  const { name, parameters } = picked.operation;
  for (const [index, parameter] of parameters.entries()) {
    const text = await askForArgument(name, parameter, `${index + 1} of ${parameters.length}`);
    if (text === undefined) return undefined;
    const value = parseArgument(parameter, text);
    if (value.kind === 'value') args[parameter.name] = value.value;
  }
  return { name, arguments: args };
}

async function askForArgument(
  operation: string,
  parameter: Parameter,
  step: string,
): Promise<string | undefined> {
  const need = parameter.required ? 'required' : `empty: ${parameter.default ?? 'None'}`;
  return await vscode.window.showInputBox({
    title: `pit.${operation} (${step})`,
    prompt: `${parameter.name}: ${parameter.type}, ${need}`,
    placeHolder: typeHint(parameter),
    ignoreFocusOut: true,
    validateInput: (text) => {
      const parsed = parseArgument(parameter, text);
      return parsed.kind === 'error' ? parsed.message : undefined;
    },
  });
}

function signalOf(token: vscode.CancellationToken): AbortSignal {
  const controller = new AbortController();
  token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}
