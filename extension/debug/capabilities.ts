/**
 * What the `conductor` debugger can do. Stated before any Python runs, so it mirrors what debugpy's pydevd answers to
 * `initialize`; the adapter's test compares the two.
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
