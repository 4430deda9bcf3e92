/** A tuple that a built-in converter makes for the wire: unlike a value's own tuples, nobody else knows it. */
export class Parts {
  constructor(readonly items: readonly unknown[]) {}
}

/** Makes {@link Parts} of its arguments. */
export function parts(...items: unknown[]): Parts {
  return new Parts(items);
}
