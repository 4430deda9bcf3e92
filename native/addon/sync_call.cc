#include "sync_call.h"

#include <cstring>
#include <memory>
#include <vector>

#include "interpreter.h"

namespace {

constexpr int32_t kReplyTooLarge = 2;

// Places in `registers`; twin: extension/bridge/codec/syncCodec.ts.
enum Register : uint32_t {
  kTarget,
  kParent,
  kOps,
  kNums,
  kChars,
  kSegments,
  kStatus,
  kReplyOps,
  kReplyNums,
  kReplyChars,
  kReplySegments,
  kRegisters,
};

template <typename T>
struct Area {
  T* data = nullptr;
  uint32_t length = 0;
};

// One per environment thread; only the thread that started Python may fill it.
struct Scratch {
  Area<int32_t> ops, reply_ops;
  Area<double> nums, reply_nums;
  Area<uint8_t> chars, reply_chars;
  Area<double> registers;
  // The arrays stay alive as long as their addresses are kept here.
  std::vector<Napi::Reference<Napi::TypedArray>> arrays;
  SymPack reply{};
  int32_t status = SYM_VALUE;
};

Scratch& TheScratch() {
  // Leaked on purpose: destroying references after the environment has gone would crash.
  static thread_local Scratch* const scratch = std::make_unique<Scratch>().release();
  return *scratch;
}

template <typename T>
void Keep(const Napi::Value& value, Area<T>& area) {
  auto array = value.As<Napi::TypedArrayOf<T>>();
  area.data = array.Data();
  area.length = static_cast<uint32_t>(array.ElementLength());
  TheScratch().arrays.push_back(Napi::Persistent(Napi::TypedArray(array)));
}

template <typename T>
bool Fits(uint32_t length, const Area<T>& area) {
  return length <= area.length;
}

template <typename T>
void Copy(const T* from, uint32_t length, const Area<T>& to) {
  if (length != 0) std::memcpy(to.data, from, length * sizeof(T));
}

void CopyReply(Scratch& scratch) {
  const SymPack& reply = scratch.reply;
  double* const registers = scratch.registers.data;
  registers[kReplyOps] = reply.ops_length;
  registers[kReplyNums] = reply.nums_length;
  registers[kReplyChars] = reply.chars_length;
  registers[kReplySegments] = reply.segments_length;
  if (!Fits(reply.ops_length, scratch.reply_ops) || !Fits(reply.nums_length, scratch.reply_nums) ||
      !Fits(reply.chars_length, scratch.reply_chars)) {
    registers[kStatus] = kReplyTooLarge;
    return;
  }
  Copy(reply.ops, reply.ops_length, scratch.reply_ops);
  Copy(reply.nums, reply.nums_length, scratch.reply_nums);
  Copy(reply.chars, reply.chars_length, scratch.reply_chars);
  registers[kStatus] = scratch.status;
}

// A length that JavaScript wrote; nonsense becomes one that fits nowhere.
uint32_t Length(double value) {
  return value >= 0 && value < UINT32_MAX ? static_cast<uint32_t>(value) : UINT32_MAX;
}

std::vector<SymSegment> Segments(const Napi::Value& value) {
  std::vector<SymSegment> segments;
  if (!value.IsArray()) return segments;
  const auto array = value.As<Napi::Array>();
  segments.reserve(array.Length());
  for (uint32_t index = 0; index < array.Length(); ++index) {
    auto bytes = array.Get(index).As<Napi::Uint8Array>();
    segments.push_back({bytes.Data(), bytes.ByteLength()});
  }
  return segments;
}

}  // namespace

void SetScratch(const Napi::CallbackInfo& info) {
  if (!IsPythonsMainThread()) {
    throw Napi::Error::New(info.Env(), "synchronous calls need the thread that started Python");
  }
  Scratch& scratch = TheScratch();
  scratch.arrays.clear();
  Keep(info[0], scratch.ops);
  Keep(info[1], scratch.nums);
  Keep(info[2], scratch.chars);
  Keep(info[3], scratch.reply_ops);
  Keep(info[4], scratch.reply_nums);
  Keep(info[5], scratch.reply_chars);
  Keep(info[6], scratch.registers);
  if (scratch.registers.length < kRegisters) {
    scratch.registers = {};
    throw Napi::RangeError::New(info.Env(), "scratch: the registers are too short");
  }
}

// Plain Node-API: this is the hot path, and a no-argument call must not pay for wrappers.
napi_value CallSync(napi_env env, napi_callback_info info) {
  Scratch& scratch = TheScratch();
  const SymTable* const table = Table();
  const double* const registers = scratch.registers.data;
  if (table == nullptr || registers == nullptr) {
    napi_throw_error(env, nullptr, "callSync before start and scratch");
    return nullptr;
  }
  SymPack call{};
  call.ops_length = Length(registers[kOps]);
  call.nums_length = Length(registers[kNums]);
  call.chars_length = Length(registers[kChars]);
  if (!Fits(call.ops_length, scratch.ops) || !Fits(call.nums_length, scratch.nums) ||
      !Fits(call.chars_length, scratch.chars)) {
    napi_throw_error(env, nullptr, "callSync: lengths beyond the scratch");
    return nullptr;
  }
  call.ops = scratch.ops.data;
  call.nums = scratch.nums.data;
  call.chars = scratch.chars.data;
  std::vector<SymSegment> segments;
  if (registers[kSegments] != 0) {
    size_t count = 1;
    napi_value list = nullptr;
    napi_get_cb_info(env, info, &count, &list, nullptr, nullptr);
    try {
      segments = Segments(Napi::Value(env, list));
    } catch (const Napi::Error& error) {
      error.ThrowAsJavaScriptException();
      return nullptr;
    }
    call.segments = segments.data();
    call.segments_length = static_cast<uint32_t>(segments.size());
  }
  const uint32_t target = Length(registers[kTarget]);
  const double parent = registers[kParent];
  {
    const GilScope gil;
    // A call from here on may come back, and register other memory: nothing read above is used
    // after.
    scratch.status = table->call_sync(target, parent, &call, &scratch.reply);
  }
  CopyReply(scratch);
  return nullptr;
}

void TakeReply(const Napi::CallbackInfo& info) {
  Scratch& scratch = TheScratch();
  if (scratch.registers.data == nullptr)
    throw Napi::Error::New(info.Env(), "takeReply before scratch");
  CopyReply(scratch);
}

Napi::Value TakeSegments(const Napi::CallbackInfo& info) {
  const SymPack& reply = TheScratch().reply;
  auto list = Napi::Array::New(info.Env(), reply.segments_length);
  for (uint32_t index = 0; index < reply.segments_length; ++index) {
    const SymSegment& segment = reply.segments[index];
    auto bytes = Napi::Uint8Array::New(info.Env(), segment.length);
    if (segment.length != 0) std::memcpy(bytes.Data(), segment.data, segment.length);
    list[index] = bytes;
  }
  return list;
}
