#include "frame_pump.h"

#include <cstdio>
#include <memory>
#include <mutex>

#include "callback.h"
#include "interpreter.h"
#include "per_environment.h"
#include "sync_call.h"

namespace {

void Deliver(Napi::Env env, Napi::Function on_data, std::nullptr_t* context, void* data);
using Pump = Napi::TypedThreadSafeFunction<std::nullptr_t, void, Deliver>;

// One connection per environment, which is a thread: the main one's, or a Worker's.
struct Connection {
  // Held while the pump is called or replaced: a call that races its end would use freed memory.
  std::mutex lock;
  Pump pump;
  // The same as the pump's, for deliveries inside a synchronous call. Only the owner's thread uses
  // it.
  Napi::FunctionReference on_data;
  // The environment that connected; null when closed. Only its thread changes it.
  napi_env owner = nullptr;
  // Its environment's end is waited for.
  bool is_watched = false;
};

// Native threads may wake the pump until the process has gone, which then wakes the next
// environment's for nothing.
Connection& TheConnection() { return PerEnvironment<Connection>::Get(); }

struct Chunk {
  Napi::Env env;
  Napi::ArrayBuffer buffer;
};

uint8_t* Allocate(void* context, size_t length) {
  auto* chunk = static_cast<Chunk*>(context);
  try {
    chunk->buffer = Napi::ArrayBuffer::New(chunk->env, length);
    return static_cast<uint8_t*>(chunk->buffer.Data());
  } catch (const Napi::Error&) {
    return nullptr;  // Rust is below: nothing may be thrown through it
  }
}

void Deliver(Napi::Env env, Napi::Function on_data, std::nullptr_t*, void*) {
  if (env == nullptr || on_data == nullptr) return;  // the environment is going away
  Chunk chunk{env, {}};
  if (Table()->drain(Allocate, &chunk, 0) != 0) on_data.Call({chunk.buffer});
}

// Python waits on this thread, inside a synchronous call: what the others send must not wait too.
void DeliverNow(void*) {
  Connection& connection = TheConnection();
  if (connection.owner == nullptr) return;
  const Napi::Env env = connection.on_data.Env();
  const Napi::HandleScope scope(env);
  Chunk chunk{env, {}};
  if (Table()->drain(Allocate, &chunk, 0) == 0) return;
  try {
    connection.on_data.Call({chunk.buffer, Napi::Boolean::New(env, true)});
  } catch (const Napi::Error& error) {
    // Rust is below: nothing may be thrown through it.
    napi_fatal_exception(env, error.Value());
  }
}

void Wake(void* context) {
  auto& connection = *static_cast<Connection*>(context);
  const std::scoped_lock guard(connection.lock);
  // A pump that is closing has nobody left to deliver to.
  if (connection.owner != nullptr) (void)connection.pump.NonBlockingCall();
}

bool IsOwner(napi_env env) {
  Connection& connection = TheConnection();
  const std::scoped_lock guard(connection.lock);
  return connection.owner == env;
}

void Shut(napi_env env) {
  if (!IsOwner(env)) return;
  Table()->close();  // wakes the pump, so not under its lock
  Connection& connection = TheConnection();
  const std::scoped_lock guard(connection.lock);
  connection.owner = nullptr;
  connection.on_data.Reset();
  connection.pump.Abort();
}

void Leave(napi_env env) {
  try {
    Shut(env);
    LeavePython();
  } catch (const Napi::Error& error) {
    // The environment goes, so nobody in it can be told.
    std::fprintf(stderr, "symphony: %s\n", error.what());
  }
  LeaveCallback(env);
  LeaveScratch();
  TheConnection().is_watched = false;
  PerEnvironment<Connection>::GiveBack();
}

}  // namespace

void Connect(const Napi::CallbackInfo& info) {
  Connection& connection = TheConnection();
  if (!HasJoinedPython()) throw Napi::Error::New(info.Env(), "connect before start");
  Napi::Env env = info.Env();
  {
    const std::scoped_lock guard(connection.lock);
    if (connection.owner != nullptr) throw Napi::Error::New(env, "already connected");
    connection.pump = Pump::New(env, info[0].As<Napi::Function>(), "symphony frames", 0, 1);
    connection.pump.Unref(env);
    connection.on_data = Napi::Persistent(info[0].As<Napi::Function>());
    connection.owner = env;
  }
  if (!connection.is_watched) env.AddCleanupHook([env]() { Leave(env); });
  connection.is_watched = true;
  const SymHost host{&connection, Wake, RunCallback, DeliverNow};
  Table()->connect(&host);
}

void Submit(const Napi::CallbackInfo& info) {
  if (!IsOwner(info.Env())) throw Napi::Error::New(info.Env(), "the bridge is closed");
  auto frames = info[0].As<Napi::Uint8Array>();
  if (Table()->submit(frames.Data(), frames.ByteLength()) != 0) {
    throw Napi::Error::New(info.Env(), "malformed frame");
  }
}

// poll(stay): ArrayBuffer | undefined
napi_value Poll(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value stay = nullptr;
  bool watched = false;
  napi_get_cb_info(env, info, &count, &stay, nullptr, nullptr);
  if (!IsOwner(env) || napi_get_value_bool(env, stay, &watched) != napi_ok) return nullptr;
  Chunk chunk{Napi::Env(env), {}};
  if (Table()->drain(Allocate, &chunk, watched ? 1 : 0) == 0) return nullptr;
  return chunk.buffer;
}

void KeepAlive(const Napi::CallbackInfo& info) {
  if (!IsOwner(info.Env())) return;
  Connection& connection = TheConnection();
  if (info[0].As<Napi::Boolean>()) {
    connection.pump.Ref(info.Env());
  } else {
    connection.pump.Unref(info.Env());
  }
}

void Close(const Napi::CallbackInfo& info) { Shut(info.Env()); }
