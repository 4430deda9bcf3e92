// Memory of JavaScript's that this side writes and reads in place.
#pragma once

#include <napi.h>

#include <cstdint>
#include <cstring>
#include <vector>

template <typename T>
struct Area {
  T* data = nullptr;
  uint32_t length = 0;

  bool Fits(uint32_t count) const { return count <= length; }

  void Fill(const T* from, uint32_t count) const {
    if (count != 0) std::memcpy(data, from, count * sizeof(T));
  }
};

// The arrays stay alive as long as their addresses are kept.
using KeptArrays = std::vector<Napi::Reference<Napi::TypedArray>>;

template <typename T>
Area<T> KeepArea(const Napi::Value& value, KeptArrays& kept) {
  auto array = value.As<Napi::TypedArrayOf<T>>();
  kept.push_back(Napi::Persistent(Napi::TypedArray(array)));
  return {array.Data(), static_cast<uint32_t>(array.ElementLength())};
}

// A length that JavaScript wrote; nonsense becomes one that fits nowhere.
inline uint32_t LengthFrom(double value) {
  return value >= 0 && value < UINT32_MAX ? static_cast<uint32_t>(value) : UINT32_MAX;
}
