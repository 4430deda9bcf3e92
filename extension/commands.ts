/**
 * Command id → handler, flat.
 *
 * Threads: extension host main thread. Must not know: how the handlers do their work.
 */
import * as vscode from 'vscode';
import { showCrashReportCommand, tryEmbeddedAgainCommand } from './commands/crash';
import { showEnvironmentsCommand } from './commands/environments';
import { selectInterpreterCommand } from './commands/interpreter';
import { invokePitOperationCommand } from './commands/pit';
import { restartCommand } from './commands/restart';
import { debugScriptCommand, runScriptCommand, stopCommand } from './commands/scripts';
import { COMMANDS, type CommandName } from './ids';
import type { Workbench } from './workbench/workbench';

type Handler = (...args: unknown[]) => unknown;

export function registerCommands(workbench: Workbench): vscode.Disposable {
  const handlers = createHandlers(workbench);
  const registered = Object.entries(handlers).map(([name, handler]) =>
    vscode.commands.registerCommand(COMMANDS[name as CommandName], handler),
  );
  return vscode.Disposable.from(...registered);
}

function createHandlers(workbench: Workbench): Record<CommandName, Handler> {
  return {
    runScript: (target, args) => runScriptCommand(workbench, target, args),
    debugScript: (target) => debugScriptCommand(target),
    stop: () => stopCommand(workbench),
    openTrace: () => workbench.trace.show(),
    showCrashReport: () => showCrashReportCommand(workbench),
    tryEmbeddedAgain: () => tryEmbeddedAgainCommand(workbench),
    invokePitOperation: (call) => invokePitOperationCommand(workbench, call),
    selectInterpreter: (path) => selectInterpreterCommand(workbench, path),
    showEnvironments: () => showEnvironmentsCommand(workbench),
    restartConductor: () => restartCommand(workbench),
    showOutput: () => workbench.log.show(),
  };
}
