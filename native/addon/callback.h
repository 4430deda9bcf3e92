// Calls from Python to JavaScript on the thread that runs both: the packed call goes into memory
// that JavaScript reads, and JavaScript's packed reply is handed on from where it was written.
//
// JavaScript owns all arrays; this side only keeps their addresses. Must not know what packs mean.
#pragma once

#include <napi.h>
#include <symphony_table.h>

// callbacks(entry, ops, nums, chars, registers: Float64Array(11)): void. `entry` is called for each
// call; see callback.cc for how it learns what is called, and answers.
void SetCallback(const Napi::CallbackInfo& info);

// callbackReply(ops, nums, chars): void. Where replies lie from now on.
void SetCallbackReply(const Napi::CallbackInfo& info);

// The environment is ending, and its thread calls nothing more.
void LeaveCallback(napi_env env);

// As SymHost.call.
int32_t RunCallback(void* context, uint32_t target, uint32_t flags, double span,
                    const SymPack* call, SymTake take, void* sink);
