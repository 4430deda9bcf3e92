// What the build for test/memory has beside the product's: faults on purpose, which show that its
// run notices them, and memory of Python's that the checker can look into. No other build includes
// this.
//
// Threads: the caller's.
#pragma once

#include <dlfcn.h>
#include <napi.h>

#include <cstdlib>
#include <memory>
#include <string>

// Python maps the memory for the local variables of running functions (3.11 and newer), where the
// checker does not look: what only they hold would be told as leaked. From the heap it is looked
// into. Before Python starts.
inline void ShowLocalVariables() {
  struct Allocator {
    void* context;
    void* (*allocate)(void*, size_t);
    void (*free)(void*, void*, size_t);
  };
  auto set =
      reinterpret_cast<void (*)(Allocator*)>(dlsym(RTLD_DEFAULT, "PyObject_SetArenaAllocator"));
  if (set == nullptr) return;
  Allocator allocator{nullptr, [](void*, size_t size) { return std::malloc(size); },
                      [](void*, void* memory, size_t) { std::free(memory); }};
  set(&allocator);
}

// plant(fault: "leak" | "overflow" | "undefined"): number
inline Napi::Value Plant(const Napi::CallbackInfo& info) {
  const std::string fault = info[0].As<Napi::String>();
  volatile int length = 40;
  if (fault == "leak") {
    auto* lost = static_cast<volatile char*>(std::malloc(length));
    lost[0] = 1;
    return Napi::Number::New(info.Env(), lost[0]);
  }
  if (fault == "overflow") {
    const std::unique_ptr<volatile char[]> bytes(new volatile char[length]);
    return Napi::Number::New(info.Env(), bytes[length]);
  }
  volatile int most = 2147483647;
  return Napi::Number::New(info.Env(), most + length);
}
