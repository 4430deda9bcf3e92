// Frames between JavaScript and the session: submitted at once, delivered in batches.
//
// Threads: every environment has a connection of its own; submit runs on its thread and never takes
// the GIL; any thread may wake the pump. Must not know what a frame means.
#pragma once

#include <napi.h>

// connect(onData: (chunk: ArrayBuffer, now?: true) => void): void. A chunk holds whole frames.
// `now`: Python waits on this very thread, so answers must leave before onData returns.
void Connect(const Napi::CallbackInfo& info);

// submit(frames: Uint8Array): void
void Submit(const Napi::CallbackInfo& info);

// poll(stay: boolean): ArrayBuffer | undefined. Output that waits; onData does not see it. After
// poll(true) nobody is told of output: whoever stays has to poll again, the last time with false.
// Plain Node-API: it is called in a loop.
napi_value Poll(napi_env env, napi_callback_info info);

// keepAlive(alive: boolean): void. Whether the connection keeps Node's event loop running.
void KeepAlive(const Napi::CallbackInfo& info);

// close(): void. Ends the session; Python itself stays.
void Close(const Napi::CallbackInfo& info);
