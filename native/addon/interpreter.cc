#include "interpreter.h"

#include <pthread.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "python_api.h"
#ifdef SYMPHONY_MEMORY_CHECKS
#include "memory_checks.h"
#endif

namespace {

const SymTable* table = nullptr;
std::mutex starting;
bool is_ours = false;
std::optional<InterpreterInfo> started;

// What Python keeps for this thread, while it does not hold the GIL; null before it has joined.
thread_local PyThreadState* own_state = nullptr;
thread_local bool is_pythons_main = false;

// Python's fault handler replaces V8's handler for its own traps and would kill the host, so the
// variables that switch it on are hidden while Python starts.
class WithoutFaultHandler {
 public:
  WithoutFaultHandler() : fault_handler_("PYTHONFAULTHANDLER"), dev_mode_("PYTHONDEVMODE") {}

 private:
  class Hidden {
   public:
    explicit Hidden(const char* name) : name_(name) {
      if (const char* value = std::getenv(name)) {
        value_ = value;
        unsetenv(name);
      }
    }
    ~Hidden() {
      if (value_) setenv(name_, value_->c_str(), 1);
    }

   private:
    const char* name_;
    std::optional<std::string> value_;
  };
  Hidden fault_handler_;
  Hidden dev_mode_;
};

std::string Text(PyObject* object) {
  const PyOwned text(PyObject_Str(object));
  const PyOwned bytes(text ? PyUnicode_AsUTF8String(text.get()) : nullptr);
  return bytes ? PyBytes_AsString(bytes.get()) : "";
}

[[noreturn]] void ThrowPythonError(const std::string& what) {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  const PyOwned owned_type(type), owned_value(value), owned_traceback(traceback);
  throw std::runtime_error(what + ": " + (value ? Text(value) : "unknown error"));
}

void AddToPath(const std::string& folder) {
  const PyOwned entry(PyUnicode_FromString(folder.c_str()));
  PyObject* path = PySys_GetObject("path");
  if (!entry || !path || PyList_Insert(path, 0, entry.get()) != 0) {
    ThrowPythonError("cannot extend sys.path");
  }
}

InterpreterInfo ImportBridge(const InterpreterOptions& options) {
  AddToPath(options.package_path);
  const PyOwned module(PyImport_ImportModule("symphony_bridge._embedded"));
  if (!module) ThrowPythonError("cannot import symphony_bridge");
  const PyOwned info(PyObject_CallMethod(module.get(), "start", "s", options.trace_file.c_str()));
  if (!info) ThrowPythonError("cannot start the bridge");
  table = static_cast<const SymTable*>(PyCapsule_Import(SYMPHONY_TABLE_CAPSULE, 0));
  if (!table) ThrowPythonError("cannot find the bridge's C table");
  if (table->abi != SYMPHONY_TABLE_ABI || table->size != sizeof(SymTable)) {
    table = nullptr;
    throw std::runtime_error(
        "the addon and the Rust module are from different builds; build again");
  }
  return {Text(PyTuple_GetItem(info.get(), 0)), Text(PyTuple_GetItem(info.get(), 1)),
          Text(PyTuple_GetItem(info.get(), 2))};
}

// On the thread that becomes Python's main thread.
void Initialize(const InterpreterOptions& options) {
  {
    const WithoutFaultHandler guard;
    // Python may keep the pointer for the life of the process.
    static const wchar_t* const program = Py_DecodeLocale(options.program.c_str(), nullptr);
    Py_SetProgramName(program);
#ifdef SYMPHONY_MEMORY_CHECKS
    ShowLocalVariables();
#endif
    Py_InitializeEx(0);
  }
  is_pythons_main = true;
  is_ours = true;
  try {
    started = ImportBridge(options);
  } catch (...) {
    own_state = PyEval_SaveThread();
    throw;
  }
  own_state = PyEval_SaveThread();
}

// A thread that outlives every Worker; it never comes back from here.
void InitializeElsewhere(const InterpreterOptions& options) {
  std::promise<void> ready;
  std::thread([&options, &ready]() {
    pthread_setname_np(pthread_self(), "python-main");
    try {
      Initialize(options);
      ready.set_value();
    } catch (...) {
      ready.set_exception(std::current_exception());
    }
    while (true) pause();
  }).detach();
  ready.get_future().get();
}

bool IsMainThread() { return gettid() == getpid(); }

}  // namespace

const InterpreterInfo& StartInterpreter(const InterpreterOptions& options) {
  const std::scoped_lock guard(starting);
  if (Py_IsInitialized()) {
    if (!is_ours) throw std::runtime_error("this process already runs another Python");
  } else if (IsMainThread()) {
    Initialize(options);
  } else {
    InitializeElsewhere(options);
  }
  if (own_state == nullptr) {
    PyGILState_Ensure();
    own_state = PyEval_SaveThread();
  }
  if (!started) {
    // The import has failed before; what was wrong may be right now.
    const GilScope gil;
    started = ImportBridge(options);
  }
  return *started;
}

const SymTable* Table() { return table; }

bool HasJoinedPython() { return own_state != nullptr; }

void LeavePython() {
  if (own_state == nullptr || is_pythons_main) return;
  PyEval_RestoreThread(own_state);
  own_state = nullptr;
  PyGILState_Release(PyGILState_UNLOCKED);
}

GilScope::GilScope() { PyEval_RestoreThread(own_state); }
// What it gives is `own_state` again.
GilScope::~GilScope() { PyEval_SaveThread(); }
