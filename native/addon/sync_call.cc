#include "sync_call.h"

#include <cstring>
#include <memory>
#include <vector>

#include "interpreter.h"

namespace {

constexpr int32_t kReplyTooLarge = 2;

template <typename T>
struct Area {
  T* data = nullptr;
  uint32_t length = 0;
};

// One per environment thread; only the thread that started Python ever fills it.
struct Scratch {
  Area<int32_t> ops, reply_ops;
  Area<double> nums, reply_nums;
  Area<uint8_t> chars, reply_chars;
  Area<uint32_t> lengths;
  // The arrays stay alive as long as their addresses are kept here.
  std::vector<Napi::Reference<Napi::TypedArray>> arrays;
  SymPack reply{};
  int32_t status = SYM_VALUE;
};

Scratch& TheScratch() {
  // Leaked on purpose: destroying references after the environment has gone would crash.
  static Scratch* const scratch = std::make_unique<Scratch>().release();
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

bool CopyReply(Scratch& scratch) {
  const SymPack& reply = scratch.reply;
  const uint32_t lengths[] = {reply.ops_length, reply.nums_length, reply.chars_length,
                              reply.segments_length};
  std::memcpy(scratch.lengths.data, lengths, sizeof(lengths));
  if (!Fits(reply.ops_length, scratch.reply_ops) || !Fits(reply.nums_length, scratch.reply_nums) ||
      !Fits(reply.chars_length, scratch.reply_chars)) {
    return false;
  }
  Copy(reply.ops, reply.ops_length, scratch.reply_ops);
  Copy(reply.nums, reply.nums_length, scratch.reply_nums);
  Copy(reply.chars, reply.chars_length, scratch.reply_chars);
  return true;
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
  Scratch& scratch = TheScratch();
  scratch.arrays.clear();
  Keep(info[0], scratch.ops);
  Keep(info[1], scratch.nums);
  Keep(info[2], scratch.chars);
  Keep(info[3], scratch.reply_ops);
  Keep(info[4], scratch.reply_nums);
  Keep(info[5], scratch.reply_chars);
  Keep(info[6], scratch.lengths);
}

// Plain Node-API: this is the hot path, and a no-argument call must not pay for wrappers.
napi_value CallSync(napi_env env, napi_callback_info info) {
  size_t count = 6;
  napi_value values[6];
  napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  Scratch& scratch = TheScratch();
  uint32_t target = 0;
  double parent = 0;
  SymPack call{};
  napi_get_value_uint32(env, values[0], &target);
  napi_get_value_double(env, values[1], &parent);
  napi_get_value_uint32(env, values[2], &call.ops_length);
  napi_get_value_uint32(env, values[3], &call.nums_length);
  napi_get_value_uint32(env, values[4], &call.chars_length);
  const SymTable* const table = Table();
  if (table == nullptr || !Fits(call.ops_length, scratch.ops) ||
      !Fits(call.nums_length, scratch.nums) || !Fits(call.chars_length, scratch.chars)) {
    napi_throw_error(env, nullptr, "callSync before start and scratch, or lengths beyond the scratch");
    return nullptr;
  }
  call.ops = scratch.ops.data;
  call.nums = scratch.nums.data;
  call.chars = scratch.chars.data;
  std::vector<SymSegment> segments;
  if (count > 5) {
    segments = Segments(Napi::Value(env, values[5]));
    call.segments = segments.data();
    call.segments_length = static_cast<uint32_t>(segments.size());
  }
  {
    const GilScope gil;
    scratch.status = table->call_sync(target, parent, &call, &scratch.reply);
  }
  napi_value result = nullptr;
  napi_create_int32(env, CopyReply(scratch) ? scratch.status : kReplyTooLarge, &result);
  return result;
}

Napi::Value TakeReply(const Napi::CallbackInfo& info) {
  Scratch& scratch = TheScratch();
  return Napi::Number::New(info.Env(), CopyReply(scratch) ? scratch.status : kReplyTooLarge);
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
