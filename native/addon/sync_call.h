// Synchronous calls: packed arguments in, packed reply out, on the JavaScript thread.
//
// JavaScript owns both sets of scratch arrays; this side only keeps their addresses. Must not know
// what the packs mean.
#pragma once

#include <napi.h>

// scratch(ops, nums, chars, replyOps, replyNums, replyChars, lengths: Uint32Array(4)): void
void SetScratch(const Napi::CallbackInfo& info);

// callSync(target, parent, ops, nums, chars, segments?): status. `lengths` then holds the reply's
// four lengths; status 2 means that the reply scratch is too small: grow it and call takeReply.
napi_value CallSync(napi_env env, napi_callback_info info);

// takeReply(): status. Copies the reply of the last call into the (grown) reply scratch.
Napi::Value TakeReply(const Napi::CallbackInfo& info);

// takeSegments(): Uint8Array[]. Copies of the segments of the last reply.
Napi::Value TakeSegments(const Napi::CallbackInfo& info);
