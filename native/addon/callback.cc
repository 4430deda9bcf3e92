#include "callback.h"

#include <array>
#include <memory>

#include "areas.h"
#include "per_environment.h"

namespace {

// Places in `registers`; twin: extension/bridge/codec/callbackCodec.ts.
enum Register : uint32_t {
  kTarget,
  kFlags,
  kSpan,
  kOps,
  kNums,
  kChars,
  kBusy,
  kStatus,
  kReplyOps,
  kReplyNums,
  kReplyChars,
  kRegisters,
};

struct Callback {
  napi_env env = nullptr;
  napi_ref entry = nullptr;
  Area<int32_t> ops, reply_ops;
  Area<double> nums, reply_nums;
  Area<uint8_t> chars, reply_chars;
  Area<double> registers;
  KeptArrays arrays, reply_arrays;
};

Callback& TheCallback() { return PerEnvironment<Callback>::Get(); }

class Scope {
 public:
  explicit Scope(napi_env env) : env_(env) {
    if (napi_open_handle_scope(env, &scope_) != napi_ok) scope_ = nullptr;
  }
  ~Scope() {
    if (scope_ != nullptr) napi_close_handle_scope(env_, scope_);
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  explicit operator bool() const { return scope_ != nullptr; }

 private:
  napi_env env_;
  napi_handle_scope scope_ = nullptr;
};

// JavaScript is reading or writing the shared memory, or the call does not fit it.
bool NeedsOwnMemory(const Callback& callback, const SymPack& call) {
  return callback.registers.data[kBusy] != 0 || call.segments_length != 0 ||
         !callback.ops.Fits(call.ops_length) || !callback.nums.Fits(call.nums_length) ||
         !callback.chars.Fits(call.chars_length);
}

template <typename T>
Napi::TypedArrayOf<T> CopyOf(Napi::Env env, const T* data, uint32_t length) {
  auto copy = Napi::TypedArrayOf<T>::New(env, length);
  if (length != 0) std::memcpy(copy.Data(), data, length * sizeof(T));
  return copy;
}

std::array<napi_value, 4> OwnMemory(Napi::Env env, const SymPack& call) {
  auto segments = Napi::Array::New(env, call.segments_length);
  for (uint32_t index = 0; index < call.segments_length; ++index) {
    const SymSegment& segment = call.segments[index];
    segments[index] = CopyOf(env, segment.data, static_cast<uint32_t>(segment.length));
  }
  return {CopyOf(env, call.ops, call.ops_length), CopyOf(env, call.nums, call.nums_length),
          CopyOf(env, call.chars, call.chars_length), segments};
}

// A reply outside the registered memory: [ops, nums, chars, segments].
void TakeApart(const Napi::Array& reply, const double* registers, SymTake take, void* sink) {
  const auto ops = reply.Get(0u).As<Napi::Int32Array>();
  const auto nums = reply.Get(1u).As<Napi::Float64Array>();
  const auto chars = reply.Get(2u).As<Napi::Uint8Array>();
  const auto list = reply.Get(3u).As<Napi::Array>();
  std::vector<SymSegment> segments;
  segments.reserve(list.Length());
  for (uint32_t index = 0; index < list.Length(); ++index) {
    auto bytes = list.Get(index).As<Napi::Uint8Array>();
    segments.push_back({bytes.Data(), bytes.ByteLength()});
  }
  SymPack pack{};
  pack.ops = ops.Data();
  pack.nums = nums.Data();
  pack.chars = chars.Data();
  pack.segments = segments.data();
  pack.ops_length = LengthFrom(registers[kReplyOps]);
  pack.nums_length = LengthFrom(registers[kReplyNums]);
  pack.chars_length = LengthFrom(registers[kReplyChars]);
  pack.segments_length = static_cast<uint32_t>(segments.size());
  if (pack.ops_length > ops.ElementLength() || pack.nums_length > nums.ElementLength() ||
      pack.chars_length > chars.ElementLength()) {
    throw Napi::Error::New(reply.Env(), "callback: lengths beyond the reply");
  }
  take(sink, &pack);
}

bool TakeShared(const Callback& callback, SymTake take, void* sink) {
  const double* const registers = callback.registers.data;
  SymPack pack{};
  pack.ops = callback.reply_ops.data;
  pack.nums = callback.reply_nums.data;
  pack.chars = callback.reply_chars.data;
  pack.ops_length = LengthFrom(registers[kReplyOps]);
  pack.nums_length = LengthFrom(registers[kReplyNums]);
  pack.chars_length = LengthFrom(registers[kReplyChars]);
  if (!callback.reply_ops.Fits(pack.ops_length) || !callback.reply_nums.Fits(pack.nums_length) ||
      !callback.reply_chars.Fits(pack.chars_length)) {
    return false;
  }
  take(sink, &pack);
  return true;
}

// The entry answers errors itself: it throws when its stack is full, or when its environment ends,
// which is no object.
int32_t Thrown(napi_env env) {
  napi_value error = nullptr;
  napi_valuetype type = napi_undefined;
  if (napi_get_and_clear_last_exception(env, &error) != napi_ok ||
      napi_typeof(env, error, &type) != napi_ok) {
    return SYM_GONE;
  }
  return type == napi_object ? SYM_EXHAUSTED : SYM_GONE;
}

}  // namespace

void SetCallback(const Napi::CallbackInfo& info) {
  Callback& callback = TheCallback();
  callback.arrays.clear();
  callback.ops = KeepArea<int32_t>(info[1], callback.arrays);
  callback.nums = KeepArea<double>(info[2], callback.arrays);
  callback.chars = KeepArea<uint8_t>(info[3], callback.arrays);
  callback.registers = KeepArea<double>(info[4], callback.arrays);
  if (callback.registers.length < kRegisters) {
    callback.registers = {};
    throw Napi::RangeError::New(info.Env(), "callbacks: the registers are too short");
  }
  if (callback.entry != nullptr) napi_delete_reference(info.Env(), callback.entry);
  callback.entry = nullptr;
  napi_create_reference(info.Env(), info[0], 1, &callback.entry);
  callback.env = info.Env();
}

void SetCallbackReply(const Napi::CallbackInfo& info) {
  Callback& callback = TheCallback();
  callback.reply_arrays.clear();
  callback.reply_ops = KeepArea<int32_t>(info[0], callback.reply_arrays);
  callback.reply_nums = KeepArea<double>(info[1], callback.reply_arrays);
  callback.reply_chars = KeepArea<uint8_t>(info[2], callback.reply_arrays);
}

void LeaveCallback(napi_env env) {
  Callback& callback = TheCallback();
  if (callback.entry != nullptr) napi_delete_reference(env, callback.entry);
  callback = {};
  PerEnvironment<Callback>::GiveBack();
}

// Plain Node-API on the usual path: it is hot.
int32_t RunCallback(void*, uint32_t target, uint32_t flags, double span, const SymPack* call,
                    SymTake take, void* sink) {
  Callback& callback = TheCallback();
  napi_env env = callback.env;
  if (callback.entry == nullptr) return SYM_GONE;
  const Scope scope(env);
  if (!scope) return SYM_GONE;
  double* const registers = callback.registers.data;
  std::array<napi_value, 4> arguments{};
  size_t count = 0;
  napi_value entry = nullptr;
  napi_value receiver = nullptr;
  napi_value reply = nullptr;
  try {
    if (NeedsOwnMemory(callback, *call)) {
      arguments = OwnMemory(env, *call);
      count = arguments.size();
    } else {
      callback.ops.Fill(call->ops, call->ops_length);
      callback.nums.Fill(call->nums, call->nums_length);
      callback.chars.Fill(call->chars, call->chars_length);
    }
    registers[kTarget] = target;
    registers[kFlags] = flags;
    registers[kSpan] = span;
    registers[kOps] = call->ops_length;
    registers[kNums] = call->nums_length;
    registers[kChars] = call->chars_length;
    napi_get_undefined(env, &receiver);
    if (napi_get_reference_value(env, callback.entry, &entry) != napi_ok ||
        napi_call_function(env, receiver, entry, count, arguments.data(), &reply) != napi_ok) {
      return Thrown(env);
    }
    // The call may have registered other memory: everything is read anew from here.
    const double* const answered = callback.registers.data;
    const auto status = static_cast<int32_t>(answered[kStatus]);
    if (status == SYM_NONE) return status;
    napi_valuetype type = napi_undefined;
    napi_typeof(env, reply, &type);
    if (type == napi_undefined) return TakeShared(callback, take, sink) ? status : SYM_GONE;
    TakeApart(Napi::Array(env, reply), answered, take, sink);
    return status;
  } catch (const Napi::Error&) {
    return SYM_GONE;  // Rust is below: nothing may be thrown through it
  }
}
