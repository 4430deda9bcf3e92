// Opens the chosen libpython for the whole process, before the addon proper is loaded.
//
// The addon, the Rust module and Python's own extension modules find CPython's functions among the
// global symbols; that is what makes one binary serve every Python. Must not know Python.

#include <dlfcn.h>

#include <napi.h>

#include <string>

namespace {

// open(path: string): void. Throws when the dynamic linker refuses the file.
void Open(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw Napi::Error::New(info.Env(), std::string("cannot load ") + path + ": " + dlerror());
  }
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports["open"] = Napi::Function::New(env, Open, "open");
  return exports;
}

}  // namespace

NODE_API_MODULE(loader, Init)
