// Synchronous calls: packed arguments in, packed reply out, on the JavaScript thread.
//
// JavaScript owns both sets of scratch arrays; this side only keeps their addresses. Must not know
// what the packs mean.
#pragma once

#include <napi.h>

// scratch(ops, nums, chars, replyOps, replyNums, replyChars, registers: Float64Array(11)): void
void SetScratch(const Napi::CallbackInfo& info);

// The environment is ending, and its thread calls nothing more.
void LeaveScratch();

// callSync(segments?): void. What is called stands in `registers`, and the outcome comes back there
// (see sync_call.cc): reading arguments one by one through Node-API would cost more than the call.
// Status 2 means that the reply scratch is too small: grow it and call takeReply.
napi_value CallSync(napi_env env, napi_callback_info info);

// callBare(): void. As callSync, of the target itself without arguments. Status 4: it gave None,
// and there is no reply to read.
napi_value CallBare(napi_env env, napi_callback_info info);

// takeReply(): void. Copies the reply of the last call into the (grown) reply scratch, and writes
// the registers.
void TakeReply(const Napi::CallbackInfo& info);

// takeSegments(allocate: (length) => Uint8Array): Uint8Array[]. Copies of the segments of the last
// reply. Node-API could only make memory that is cleared first.
Napi::Value TakeSegments(const Napi::CallbackInfo& info);
