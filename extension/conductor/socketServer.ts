/**
 * Purpose: the private socket a child connects to, once: a fresh 0700 folder, a 0600 socket, a
 * one-time token. Nothing of it is left on disk once the child is connected, or has failed to.
 * Threads: JavaScript main thread.
 * Must not know: sessions, processes.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { rmSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeFrames, FrameSplitter, NO_REFS } from '../bridge/codec';
import type { Transport } from '../bridge/session';
import { FrameKind } from '../protocol/frame';

/** Linux allows 107 bytes; the name below takes some thirty of them. */
const LONGEST_FOLDER = 70;
/** A HELLO frame is short; a stranger must not make us keep more than this. */
const MAX_HELLO = 4096;

/** A socket that waits for one child. */
export class SocketServer {
  readonly token = randomBytes(32).toString('hex');
  private readonly arrived: Promise<SocketTransport>;
  private accept!: (transport: SocketTransport) => void;
  private fail!: (error: Error) => void;
  private readonly strangers = new Set<Socket>();
  private readonly removeAtExit = (): void => this.removeFolder();

  private constructor(
    private readonly folder: string,
    readonly path: string,
    private readonly server: Server,
  ) {
    this.arrived = new Promise((resolve, reject) => {
      this.accept = resolve;
      this.fail = reject;
    });
    // Whoever waits handles it; without a waiter it must not count as unhandled.
    this.arrived.catch(() => {});
    process.once('exit', this.removeAtExit);
    server.on('connection', (socket) => this.greet(socket));
  }

  /** Makes the folder and listens. */
  static async listen(): Promise<SocketServer> {
    const parent = tmpdir().length <= LONGEST_FOLDER ? tmpdir() : '/tmp';
    const folder = await mkdtemp(join(parent, 'symphony-'));
    const path = join(folder, 'conductor.sock');
    const server = createServer();
    const socketServer = new SocketServer(folder, path, server);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(path, resolve);
      });
      await chmod(path, 0o600);
    } catch (error) {
      socketServer.close();
      throw error;
    }
    return socketServer;
  }

  /** Resolves with the connection that showed the token; rejects when closed before. */
  connection(): Promise<SocketTransport> {
    return this.arrived;
  }

  /** Stops listening and removes the folder; an accepted connection stays. Safe to call twice. */
  close(): void {
    for (const socket of this.strangers) socket.destroy();
    this.strangers.clear();
    this.server.close();
    this.removeFolder();
    process.off('exit', this.removeAtExit);
    this.fail(new Error('the socket was closed before the child connected'));
  }

  private removeFolder(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private greet(socket: Socket): void {
    this.strangers.add(socket);
    const splitter = new FrameSplitter();
    let received = 0;
    const onData = (data: Buffer): void => {
      received += data.length;
      const [first, ...rest] = cut(splitter, data);
      if (first === undefined) {
        if (received > MAX_HELLO) socket.destroy();
        return;
      }
      const { hello, tail } = this.readHello(first);
      if (!hello) {
        socket.destroy();
        return;
      }
      socket.off('data', onData);
      this.strangers.delete(socket);
      this.accept(new SocketTransport(socket, splitter, [tail, ...rest]));
      this.close();
    };
    socket.on('data', onData);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.strangers.delete(socket));
  }

  /** The first frame has to be HELLO with our token; what follows in the chunk is the session's. */
  private readHello(chunk: Uint8Array): { hello: boolean; tail: Uint8Array } {
    const none = { hello: false, tail: new Uint8Array(0) };
    if (chunk.length < 8) return none;
    const length = new DataView(chunk.buffer, chunk.byteOffset).getUint32(0, true);
    let hello = false;
    try {
      const check = (kind: FrameKind, read: () => unknown): void => {
        hello = kind === FrameKind.HELLO && this.isToken((read() as unknown[])[0]);
      };
      decodeFrames(chunk.subarray(0, length), (header, read) => check(header.kind, read), NO_REFS);
    } catch {
      return none;
    }
    return { hello, tail: chunk.subarray(length) };
  }

  private isToken(value: unknown): boolean {
    if (typeof value !== 'string') return false;
    const [shown, expected] = [Buffer.from(value), Buffer.from(this.token)];
    return shown.length === expected.length && timingSafeEqual(shown, expected);
  }
}

/** A stranger's bytes may be anything: what cannot be cut counts as a frame that is no HELLO. */
function cut(splitter: FrameSplitter, data: Buffer): Uint8Array[] {
  try {
    return splitter.push(data);
  } catch {
    return [new Uint8Array(0)];
  }
}

/** Frames over the child's connection. */
export class SocketTransport implements Transport {
  private callback: ((frames: Uint8Array) => void) | null = null;
  private early: Uint8Array[];

  constructor(
    private readonly socket: Socket,
    private readonly splitter: FrameSplitter,
    early: Uint8Array[],
  ) {
    this.early = early.filter((chunk) => chunk.length > 0);
    socket.on('data', (data) => this.receive(data));
  }

  send(frames: Uint8Array): void {
    if (this.socket.writable) this.socket.write(frames);
  }

  onData(callback: (frames: Uint8Array) => void): void {
    this.callback = callback;
    // What came with the greeting is delivered like everything else: never before the caller returns.
    queueMicrotask(() => {
      for (const chunk of this.early.splice(0)) callback(chunk);
    });
  }

  /** Sends what is queued, then ends. */
  close(): void {
    this.socket.end();
  }

  /** Tells when the connection is gone, for whatever reason. */
  onClose(listener: () => void): void {
    this.socket.once('close', listener);
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Whether the connection keeps the process alive. */
  hold(hold: boolean): void {
    if (hold) this.socket.ref();
    else this.socket.unref();
  }

  private receive(data: Buffer): void {
    let chunks: Uint8Array[];
    try {
      chunks = this.splitter.push(data);
    } catch {
      // The stream cannot be read on from here; the host sees the connection end.
      this.socket.destroy();
      return;
    }
    for (const chunk of chunks) {
      if (this.callback && this.early.length === 0) this.callback(chunk);
      else this.early.push(chunk);
    }
  }
}
