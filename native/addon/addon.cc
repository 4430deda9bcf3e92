// Entry of the addon proper: names the functions, turns C++ exceptions into JavaScript errors.
//
// Load it after loader.node has opened libpython. The addon is pinned: Node unloads an addon with
// the last environment that used it, while Python's threads still run in it.

#include <dlfcn.h>

#include <napi.h>

#include <stdexcept>
#include <string>

#include "callback.h"
#include "frame_pump.h"
#include "interpreter.h"
#ifdef SYMPHONY_MEMORY_CHECKS
#include "memory_checks.h"
#endif
#include "sync_call.h"

namespace {

std::string Field(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

// start({program, packagePath, traceFile}): {version, prefix, executable}
Napi::Value Start(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  try {
    const InterpreterInfo& found = StartInterpreter(
        {Field(options, "program"), Field(options, "packagePath"), Field(options, "traceFile")});
    auto result = Napi::Object::New(info.Env());
    result["version"] = found.version;
    result["prefix"] = found.prefix;
    result["executable"] = found.executable;
    return result;
  } catch (const std::runtime_error& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

void Pin() {
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&Pin), &self) != 0) {
    dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
  }
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Pin();
  exports["start"] = Napi::Function::New(env, Start, "start");
  exports["connect"] = Napi::Function::New(env, Connect, "connect");
  exports["submit"] = Napi::Function::New(env, Submit, "submit");
  exports["keepAlive"] = Napi::Function::New(env, KeepAlive, "keepAlive");
  exports["close"] = Napi::Function::New(env, Close, "close");
  exports["scratch"] = Napi::Function::New(env, SetScratch, "scratch");
  exports["takeReply"] = Napi::Function::New(env, TakeReply, "takeReply");
  exports["takeSegments"] = Napi::Function::New(env, TakeSegments, "takeSegments");
  exports["callbacks"] = Napi::Function::New(env, SetCallback, "callbacks");
  exports["callbackReply"] = Napi::Function::New(env, SetCallbackReply, "callbackReply");
  napi_value call_sync = nullptr;
  napi_create_function(env, "callSync", NAPI_AUTO_LENGTH, CallSync, nullptr, &call_sync);
  exports["callSync"] = Napi::Value(env, call_sync);
  napi_value call_bare = nullptr;
  napi_create_function(env, "callBare", NAPI_AUTO_LENGTH, CallBare, nullptr, &call_bare);
  exports["callBare"] = Napi::Value(env, call_bare);
  napi_value poll = nullptr;
  napi_create_function(env, "poll", NAPI_AUTO_LENGTH, Poll, nullptr, &poll);
  exports["poll"] = Napi::Value(env, poll);
#ifdef SYMPHONY_MEMORY_CHECKS
  exports["plant"] = Napi::Function::New(env, Plant, "plant");
#endif
  return exports;
}

}  // namespace

NODE_API_MODULE(symphony, Init)
