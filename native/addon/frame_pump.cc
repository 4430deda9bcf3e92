#include "frame_pump.h"

#include <atomic>
#include <memory>

#include "interpreter.h"

namespace {

void Deliver(Napi::Env env, Napi::Function on_data, std::nullptr_t* context, void* data);
using Pump = Napi::TypedThreadSafeFunction<std::nullptr_t, void, Deliver>;

// One connection per process: Python is process-wide.
struct Connection {
  Pump pump;
  std::atomic<bool> open{false};
};

Connection& TheConnection() {
  // Leaked on purpose: native threads may wake the pump until the process has gone.
  static Connection* const connection = std::make_unique<Connection>().release();
  return *connection;
}

struct Chunk {
  Napi::Env env;
  Napi::ArrayBuffer buffer;
};

uint8_t* Allocate(void* context, size_t length) {
  auto* chunk = static_cast<Chunk*>(context);
  chunk->buffer = Napi::ArrayBuffer::New(chunk->env, length);
  return static_cast<uint8_t*>(chunk->buffer.Data());
}

void Deliver(Napi::Env env, Napi::Function on_data, std::nullptr_t*, void*) {
  if (env == nullptr || on_data == nullptr) return;  // the environment is going away
  Chunk chunk{env, {}};
  if (Table()->drain(Allocate, &chunk) != 0) on_data.Call({chunk.buffer});
}

void Wake(void*) {
  Connection& connection = TheConnection();
  // A pump that is closing has nobody left to deliver to.
  if (connection.open.load(std::memory_order_acquire)) (void)connection.pump.NonBlockingCall();
}

void Shut() {
  Connection& connection = TheConnection();
  if (connection.open.exchange(false)) {
    Table()->close();
    connection.pump.Abort();
  }
}

}  // namespace

void Connect(const Napi::CallbackInfo& info) {
  Connection& connection = TheConnection();
  if (Table() == nullptr) throw Napi::Error::New(info.Env(), "connect before start");
  if (connection.open.load()) throw Napi::Error::New(info.Env(), "already connected");
  connection.pump = Pump::New(info.Env(), info[0].As<Napi::Function>(), "symphony frames", 0, 1);
  connection.pump.Unref(info.Env());
  connection.open.store(true, std::memory_order_release);
  info.Env().AddCleanupHook(Shut);
  Table()->connect(Wake, nullptr);
}

void Submit(const Napi::CallbackInfo& info) {
  if (!TheConnection().open.load()) throw Napi::Error::New(info.Env(), "the bridge is closed");
  auto frames = info[0].As<Napi::Uint8Array>();
  if (Table()->submit(frames.Data(), frames.ByteLength()) != 0) {
    throw Napi::Error::New(info.Env(), "malformed frame");
  }
}

void KeepAlive(const Napi::CallbackInfo& info) {
  Connection& connection = TheConnection();
  if (!connection.open.load()) return;
  if (info[0].As<Napi::Boolean>()) {
    connection.pump.Ref(info.Env());
  } else {
    connection.pump.Unref(info.Env());
  }
}

void Close(const Napi::CallbackInfo&) { Shut(); }
