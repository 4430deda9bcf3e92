/**
 * Purpose: the objects that cross by reference: Python's as proxies of their handles, ours as handles that Python holds.
 * Threads: JavaScript main thread only.
 * Must not know: calls, frames.
 */
import type { WireRef } from './codec';
import { BridgeError } from './errors';
import { ByHandle, type HostCalls } from './hostCalls';
import type { LiveHandles } from './liveHandles';
import { labelOf, traitsOf } from './members';
import { faceOf, Ref, type RefOwner, unwrapProxy } from './refs';
import type { ForeignValues } from './wire';

export class CrossingObjects implements ForeignValues {
  /** See `ForeignValues`; held until somebody has looked, which is right after. */
  arrived: Ref[] = [];

  constructor(
    private readonly owner: RefOwner,
    private readonly handles: LiveHandles,
    /** What Python holds of ours; it exists once the wire does, which needs these objects. */
    private readonly hostCalls: () => HostCalls,
  ) {}

  refOf(value: unknown): WireRef | undefined {
    if (value instanceof ByHandle) return this.held(value.value);
    // An error that was an exception of Python's goes back as that exception.
    const found = unwrapProxy(value instanceof BridgeError ? value.exception : value);
    if (!found) return this.held(value);
    if (found.path !== null) {
      throw new TypeError(
        `an attribute path (${found.ref.label}.${found.path}) is no object yet: get it with await value(…)`,
      );
    }
    if (found.ref.owner !== this.owner) {
      throw new TypeError(`${found.ref.label} belongs to another bridge, or to this one before its restart`);
    }
    return { own: true, handle: found.ref.use() };
  }

  makeProxy(handle: number, traits: number, label: string): unknown {
    return faceOf(this.handles.arrive(handle, () => this.arrive(handle, traits, label)));
  }

  dismiss(): void {
    this.arrived = [];
  }

  ownValue(handle: number): unknown {
    return this.hostCalls().heldValue(handle);
  }

  discard(handles: number[]): void {
    this.hostCalls().release(handles);
  }

  /** The handle of the exception that an error was in Python; 0 when Python has it no more. */
  exceptionHandle(error: BridgeError): number {
    const ref = unwrapProxy(error.exception)?.ref;
    return ref && ref.owner === this.owner && !ref.disposed ? ref.handle : 0;
  }

  private arrive(handle: number, traits: number, label: string): Ref {
    const ref = new Ref(this.owner, handle, traits, label, null);
    this.arrived.push(ref);
    return ref;
  }

  private held(value: unknown): WireRef {
    const handle = this.hostCalls().hold(value);
    return { own: false, handle, traits: traitsOf(value), label: labelOf(value) };
  }
}
