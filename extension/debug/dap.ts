/**
 * The Debug Adapter Protocol as bytes: `Content-Length` framing over a stream.
 *
 * Threads: JS main thread. Must not know: VS Code, Python, what the messages mean.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';

export type Message = DebugProtocol.ProtocolMessage;
export type Request = DebugProtocol.Request;
export type Response = DebugProtocol.Response;
export type Event = DebugProtocol.Event;

export function isRequest(message: Message): message is Request {
  return message.type === 'request';
}

export function isResponse(message: Message): message is Response {
  return message.type === 'response';
}

export function isEvent(message: Message): message is Event {
  return message.type === 'event';
}

/** One message with its header, ready for the socket. */
export function encodeMessage(message: Message): Buffer {
  const body = Buffer.from(JSON.stringify(message), 'utf8');
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`, 'ascii'), body]);
}

const HEADER_END = Buffer.from('\r\n\r\n');
const MAX_HEADER = 1024;

/** Cuts a byte stream into messages, however it was chunked on the way. */
export class MessageDecoder {
  private buffered: Buffer = Buffer.alloc(0);

  /**
   * @returns the messages that are complete with this chunk.
   * @throws Error when the stream is not the protocol; the stream is unusable from then on.
   */
  push(chunk: Buffer): Message[] {
    this.buffered = this.buffered.length === 0 ? chunk : Buffer.concat([this.buffered, chunk]);
    const messages: Message[] = [];
    for (let next = this.take(); next !== undefined; next = this.take()) messages.push(next);
    return messages;
  }

  private take(): Message | undefined {
    const headerEnd = this.buffered.indexOf(HEADER_END);
    if (headerEnd < 0) {
      if (this.buffered.length > MAX_HEADER) throw new Error('not the debug adapter protocol: no header');
      return undefined;
    }
    const header = this.buffered.toString('ascii', 0, headerEnd);
    const length = /content-length:\s*(\d+)/i.exec(header)?.[1];
    if (length === undefined) throw new Error(`not the debug adapter protocol: ${JSON.stringify(header)}`);
    const start = headerEnd + HEADER_END.length;
    const end = start + Number(length);
    if (this.buffered.length < end) return undefined;
    const message = JSON.parse(this.buffered.toString('utf8', start, end)) as Message;
    this.buffered = this.buffered.subarray(end);
    return message;
  }
}
