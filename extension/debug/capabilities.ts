/**
 * What the `conductor` debugger can do. Stated before any Python runs, so it mirrors what debugpy's pydevd answers to
 * `initialize`; an interpreter with another debugpy may differ, which the adapter then corrects.
 *
 * Must not know: VS Code.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';

export const CAPABILITIES: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsEvaluateForHovers: true,
  supportsSetVariable: true,
  supportsGotoTargetsRequest: true,
  supportsCompletionsRequest: true,
  supportsModulesRequest: true,
  supportsExceptionOptions: true,
  supportsValueFormattingOptions: true,
  supportsExceptionInfoRequest: true,
  supportTerminateDebuggee: true,
  supportsDelayedStackTraceLoading: true,
  supportsLogPoints: true,
  supportsSetExpression: true,
  supportsTerminateRequest: true,
  supportsClipboardContext: true,
  supportsFunctionBreakpoints: true,
  supportsStepInTargetsRequest: true,
  exceptionBreakpointFilters: [
    {
      filter: 'raised',
      label: 'Raised Exceptions',
      description: 'Stops where an exception is raised, also when the script handles it.',
      default: false,
    },
    {
      filter: 'uncaught',
      label: 'Uncaught Exceptions',
      description: 'Stops at the line of a Conductor script whose exception nobody handles.',
      default: true,
    },
    {
      filter: 'userUnhandled',
      label: 'User Uncaught Exceptions',
      description: 'Stops where an exception leaves your code for a library.',
      default: false,
    },
  ],
};

/** The stated capabilities that the debug server answers otherwise, as it answers them. */
export function capabilityDifferences(real: Readonly<Record<string, unknown>>): DebugProtocol.Capabilities {
  const stated = Object.entries(CAPABILITIES).filter(([name]) => name !== 'exceptionBreakpointFilters');
  return Object.fromEntries(
    stated.filter(([name, value]) => real[name] !== value).map(([name]) => [name, real[name] ?? false]),
  );
}
