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
import type { Transport } from '../bridge/transport';
import { FrameKind } from '../protocol/frame';
import { atExit } from './atExit';

/** Linux allows 107 bytes; the name below takes some thirty of them. */
const LONGEST_FOLDER = 70;
/** A HELLO frame is short; a stranger must not make us keep more than this. */
const MAX_HELLO = 4096;
/** Bytes at the start of a frame that tell its length. */
const LENGTH_FIELD = 4;

/** A socket that waits for one child. */
export class SocketServer {
  readonly token = randomBytes(32).toString('hex');
  private readonly arrived: Promise<SocketTransport>;
  private accept!: (transport: SocketTransport) => void;
  private fail!: (error: Error) => void;
  private readonly strangers = new Set<Socket>();
  private readonly callOffRemoval = atExit(() => this.removeFolder());

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
    this.callOffRemoval();
    this.fail(new Error('the socket was closed before the child connected'));
  }

  private removeFolder(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private greet(socket: Socket): void {
    this.strangers.add(socket);
    let received = Buffer.alloc(0);
    const onData = (data: Buffer): void => {
      received = Buffer.concat([received, data]);
      if (received.length < LENGTH_FIELD) return;
      // Looked at before it is believed: room is made for what a proven child announces, not for a stranger's word.
      const length = received.readUInt32LE(0);
      if (length <= MAX_HELLO && received.length < length) return;
      if (length > MAX_HELLO || !this.isHello(received.subarray(0, length))) {
        socket.destroy();
        return;
      }
      socket.off('data', onData);
      this.strangers.delete(socket);
      this.accept(new SocketTransport(socket, received.subarray(length)));
      this.close();
    };
    socket.on('data', onData);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.strangers.delete(socket));
  }

  /** The first frame has to be HELLO with our token. */
  private isHello(frame: Uint8Array): boolean {
    let isHello = false;
    try {
      decodeFrames(
        frame,
        ({ kind }, read) => {
          isHello = kind === FrameKind.HELLO && this.isToken((read() as unknown[])[0]);
        },
        NO_REFS,
      );
    } catch {
      // A stranger's bytes may be anything.
      return false;
    }
    return isHello;
  }

  private isToken(value: unknown): boolean {
    if (typeof value !== 'string') return false;
    const [shown, expected] = [Buffer.from(value), Buffer.from(this.token)];
    return shown.length === expected.length && timingSafeEqual(shown, expected);
  }
}

/** Frames over the child's connection. */
export class SocketTransport implements Transport {
  readonly inParts = true;
  private callback: ((frames: Uint8Array) => void) | null = null;
  private readonly early: Uint8Array[] = [];
  private readonly splitter = new FrameSplitter();

  /** @param first what came right behind the greeting */
  constructor(
    private readonly socket: Socket,
    first: Uint8Array,
  ) {
    if (first.length > 0) this.receive(first);
    socket.on('data', (data) => this.receive(data));
  }

  send(frames: Uint8Array, sent?: () => void): void {
    if (this.socket.writable) this.socket.write(frames, sent);
  }

  /** Each turn of the event loop looks at the socket: while there are turns, nothing sleeps. */
  poll(): undefined {}

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

  private receive(data: Uint8Array): void {
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
