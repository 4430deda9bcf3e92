/**
 * The connection to the debug server (pydevd, debugpy's core) in the child. We listen, the child connects: so the
 * port is ours from the start, and the first message proves with a token that the other end is our child.
 *
 * Threads: JS main thread. Must not know: VS Code, what is relayed.
 */

import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { BridgeError, CallCancelled } from '../bridge/errors';
import {
  type Event,
  encodeMessage,
  isEvent,
  isRequest,
  isResponse,
  type Message,
  MessageDecoder,
  type Request,
  type Response,
} from './dap';
import type { DebugServerAddress } from './debuggee';

const LOOPBACK = '127.0.0.1';
/** The next step for whoever sees that a session ended before it began. */
export const START_AGAIN = 'Start it again, unless you ended it.';

export class ServerLink {
  private socket: Socket | undefined;
  private seq = 1;
  private readonly waiting = new Map<number, (response: Response) => void>();

  private constructor(
    private readonly server: Server,
    private readonly token: string,
    private readonly onEvent: (event: Event) => void,
  ) {}

  /**
   * Starts to listen on a free loopback port.
   * @param onEvent takes each event of the debug server.
   */
  static async listen(onEvent: (event: Event) => void): Promise<ServerLink> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, LOOPBACK, resolve);
    });
    return new ServerLink(server, randomBytes(32).toString('hex'), onEvent);
  }

  get address(): DebugServerAddress {
    const bound = this.server.address();
    if (bound === null || typeof bound === 'string') throw new Error('the debug server link is closed');
    return { host: LOOPBACK, port: bound.port, token: this.token };
  }

  /** Waits until a connection has proved that it is our child; strangers are dropped. */
  accept(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(failed(`debugpy did not connect within ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      this.server.on('close', () => {
        clearTimeout(timer);
        reject(new CallCancelled('the debug session ended before debugpy connected', { hint: START_AGAIN }));
      });
      this.server.on('connection', (socket) => {
        if (this.socket !== undefined) {
          socket.destroy();
          return;
        }
        this.adopt(socket);
        this.authorize().then(
          () => {
            clearTimeout(timer);
            this.server.close();
            resolve();
          },
          () => {
            this.socket = undefined;
            socket.destroy();
          },
        );
      });
    });
  }

  /** Sends a request and resolves with its response, successful or not; rejects when the link closes first. */
  request(command: string, args?: unknown): Promise<Response> {
    const socket = this.socket;
    if (socket === undefined || socket.destroyed) return Promise.reject(failed('debugpy is not connected'));
    const seq = this.seq++;
    const request: Request = { seq, type: 'request', command, arguments: args };
    return new Promise((resolve, reject) => {
      const closed = (): void => reject(failed('debugpy closed the connection'));
      socket.once('close', closed);
      this.waiting.set(seq, (response) => {
        socket.off('close', closed);
        resolve(response);
      });
      socket.write(encodeMessage(request));
    });
  }

  close(): void {
    this.server.close();
    this.socket?.destroy();
    this.waiting.clear();
  }

  private adopt(socket: Socket): void {
    this.socket = socket;
    const decoder = new MessageDecoder();
    socket.setNoDelay(true);
    // A client may have a hundred requests under way, each listens for the end of the connection.
    socket.setMaxListeners(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of decoder.push(chunk)) this.dispatch(message);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
  }

  private async authorize(): Promise<void> {
    const response = await this.request('pydevdAuthorize', { debugServerAccessToken: null });
    const offered = (response.body as { clientAccessToken?: string } | undefined)?.clientAccessToken;
    if (!response.success || offered !== this.token)
      throw new Error('a stranger connected to the debug port');
  }

  private dispatch(message: Message): void {
    if (isResponse(message)) {
      const settle = this.waiting.get(message.request_seq);
      this.waiting.delete(message.request_seq);
      settle?.(message);
    } else if (isEvent(message)) {
      this.onEvent(message);
    } else if (isRequest(message)) {
      // The child runs code that we do not trust with the editor (`runInTerminal`): it may ask for nothing.
      const refusal: Response = {
        seq: this.seq++,
        type: 'response',
        request_seq: message.seq,
        command: message.command,
        success: false,
        message: 'requests from the debug server are not allowed',
      };
      this.socket?.write(encodeMessage(refusal));
    }
  }
}

function failed(message: string): BridgeError {
  return new BridgeError(message, { code: 'debugger-failed' });
}
