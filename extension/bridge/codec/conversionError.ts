/**
 * Errors of the codec. Any thread; knows nothing of packs.
 */

/** A step from a container to what it holds: array index or property; text in angle brackets for set and map entries. */
export type PathStep = string | number;

/** A value that has no form on the other side. The message names its path and type. */
export class ConversionError extends TypeError {
  readonly code: string = 'conversion';
  override readonly name: string = 'ConversionError';

  constructor(
    message: string,
    /** Where in the value, e.g. `args[0].items[3]`. */
    readonly path: string,
    /** Type name of what was refused. */
    readonly valueType: string,
  ) {
    super(message);
  }
}

/** Bytes that are no frame or pack of this protocol: a broken or foreign peer. */
export class FrameError extends Error {
  readonly code: string = 'frame-invalid';
  override readonly name: string = 'FrameError';
}

/** Renders a path the way a programmer would write it. */
export function formatPath(root: string, steps: readonly PathStep[]): string {
  let text = root;
  for (const step of steps) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^<(item|key|value) \d+>$|^<…>$/.test(step)) text += step;
    else if (/^[A-Za-z_$][\w$]*$/.test(step)) text += `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}
