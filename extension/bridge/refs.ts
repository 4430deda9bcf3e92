/**
 * Purpose: Python objects held from TypeScript, in one place for those who use them.
 * Threads: JavaScript main thread only.
 * Must not know: frames, transports, hosts.
 */
export { type CallOptions, Kwargs, kw, splitArguments } from './callOptions';
export { attribute, faceOf, type PyObject, proxyOf, unwrapProxy, value } from './proxies';
export { PyPromise } from './pyPromise';
export { type CallHandle, type ProxyCall, type Question, Ref, type RefOwner } from './pyRef';
export { PyItems, PyStream } from './streams';
