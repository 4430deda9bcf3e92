#include "sync_call.h"

#include <memory>
#include <vector>

#include "areas.h"
#include "interpreter.h"
#include "per_environment.h"

namespace {

// Twins: `Status` in extension/bridge/codec/syncCodec.ts.
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
  kFlags,
  kRegisters,
};

// One per environment, which is a thread; it has joined Python.
struct Scratch {
  Area<int32_t> ops, reply_ops;
  Area<double> nums, reply_nums;
  Area<uint8_t> chars, reply_chars;
  Area<double> registers;
  KeptArrays arrays;
  SymPack reply{};
  int32_t status = SYM_VALUE;
};

Scratch& TheScratch() { return PerEnvironment<Scratch>::Get(); }

void CopyReply(Scratch& scratch) {
  const SymPack& reply = scratch.reply;
  double* const registers = scratch.registers.data;
  registers[kReplyOps] = reply.ops_length;
  registers[kReplyNums] = reply.nums_length;
  registers[kReplyChars] = reply.chars_length;
  registers[kReplySegments] = reply.segments_length;
  if (!scratch.reply_ops.Fits(reply.ops_length) || !scratch.reply_nums.Fits(reply.nums_length) ||
      !scratch.reply_chars.Fits(reply.chars_length)) {
    registers[kStatus] = kReplyTooLarge;
    return;
  }
  scratch.reply_ops.Fill(reply.ops, reply.ops_length);
  scratch.reply_nums.Fill(reply.nums, reply.nums_length);
  scratch.reply_chars.Fill(reply.chars, reply.chars_length);
  registers[kStatus] = scratch.status;
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
  if (!HasJoinedPython()) throw Napi::Error::New(info.Env(), "scratch before start");
  Scratch& scratch = TheScratch();
  scratch.arrays.clear();
  scratch.ops = KeepArea<int32_t>(info[0], scratch.arrays);
  scratch.nums = KeepArea<double>(info[1], scratch.arrays);
  scratch.chars = KeepArea<uint8_t>(info[2], scratch.arrays);
  scratch.reply_ops = KeepArea<int32_t>(info[3], scratch.arrays);
  scratch.reply_nums = KeepArea<double>(info[4], scratch.arrays);
  scratch.reply_chars = KeepArea<uint8_t>(info[5], scratch.arrays);
  scratch.registers = KeepArea<double>(info[6], scratch.arrays);
  if (scratch.registers.length < kRegisters) {
    scratch.registers = {};
    throw Napi::RangeError::New(info.Env(), "scratch: the registers are too short");
  }
}

void LeaveScratch() {
  TheScratch() = {};
  PerEnvironment<Scratch>::GiveBack();
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
  call.ops_length = LengthFrom(registers[kOps]);
  call.nums_length = LengthFrom(registers[kNums]);
  call.chars_length = LengthFrom(registers[kChars]);
  if (!scratch.ops.Fits(call.ops_length) || !scratch.nums.Fits(call.nums_length) ||
      !scratch.chars.Fits(call.chars_length)) {
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
  const uint32_t target = LengthFrom(registers[kTarget]);
  const double parent = registers[kParent];
  const uint32_t flags = LengthFrom(registers[kFlags]);
  {
    const GilScope gil;
    // A call from here on may come back, and register other memory: nothing read above is used
    // after.
    scratch.status = table->call_sync(target, parent, flags, &call, &scratch.reply);
  }
  CopyReply(scratch);
  return nullptr;
}

// Nothing here but what a call needs at least.
napi_value CallBare(napi_env env, napi_callback_info) {
  Scratch& scratch = TheScratch();
  double* const registers = scratch.registers.data;
  if (registers == nullptr) {
    napi_throw_error(env, nullptr, "callBare before scratch");
    return nullptr;
  }
  const uint32_t target = LengthFrom(registers[kTarget]);
  const double parent = registers[kParent];
  int32_t status;
  {
    const GilScope gil;
    // As above.
    status = Table()->call_bare(target, parent, &scratch.reply);
  }
  scratch.status = status;
  if (status == SYM_NONE) {
    scratch.registers.data[kStatus] = status;
  } else {
    CopyReply(scratch);
  }
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
  const auto allocate = info[0].As<Napi::Function>();
  auto list = Napi::Array::New(info.Env(), reply.segments_length);
  for (uint32_t index = 0; index < reply.segments_length; ++index) {
    const SymSegment& segment = reply.segments[index];
    const auto length = Napi::Number::New(info.Env(), static_cast<double>(segment.length));
    auto bytes = allocate.Call({length}).As<Napi::Uint8Array>();
    if (bytes.ByteLength() != segment.length) {
      throw Napi::RangeError::New(info.Env(), "takeSegments: memory of another length");
    }
    if (segment.length != 0) std::memcpy(bytes.Data(), segment.data, segment.length);
    list[index] = bytes;
  }
  return list;
}
