/**
 * Carriers of UUIDs and paths. Pure data; any thread; know nothing of packs.
 */
import { Carrier } from './carrier';

/** A Python `uuid.UUID`, in its usual form: `12345678-1234-5678-1234-567812345678`. */
export class PyUUID extends Carrier {
  readonly text: string;

  /** @throws TypeError for text that is no UUID */
  constructor(text: string) {
    super();
    this.text = text.toLowerCase();
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(this.text)) {
      throw new TypeError(`no UUID: ${JSON.stringify(text)}`);
    }
    Object.freeze(this);
  }

  /** Its 16 bytes. */
  bytes(): Uint8Array {
    return Uint8Array.from(Buffer.from(this.text.replaceAll('-', ''), 'hex'));
  }

  toJSON(): string {
    return this.text;
  }

  toString(): string {
    return this.text;
  }
}

/** The classes of `pathlib` that paths may have. */
export const PATH_KINDS = ['PosixPath', 'WindowsPath', 'PurePosixPath', 'PureWindowsPath'] as const;
export type PathKind = (typeof PATH_KINDS)[number];

/** A path of Python's `pathlib`; `String(path)` is what Node's `fs` and `path` take. */
export class PyPath extends Carrier {
  readonly kind: PathKind;

  /**
   * @param kind class in `pathlib`; left out: the one of this system
   */
  constructor(
    readonly text: string,
    kind?: PathKind,
  ) {
    super();
    this.kind = kind ?? (process.platform === 'win32' ? 'WindowsPath' : 'PosixPath');
    if (!PATH_KINDS.includes(this.kind)) throw new TypeError(`no class of pathlib: ${this.kind}`);
    Object.freeze(this);
  }

  toJSON(): string {
    return this.text;
  }

  toString(): string {
    return this.text;
  }
}
