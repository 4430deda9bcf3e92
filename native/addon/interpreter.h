// The embedded interpreter: started once per process, never finalised.
//
// Threads: the JavaScript thread that starts it is Python's main thread. It holds the GIL only
// inside a GilScope. Must not know values, frames or the trace: those are behind the C table.
#pragma once

#include <symphony_table.h>

#include <string>

struct InterpreterInfo {
  std::string version;
  std::string prefix;
  std::string executable;
};

struct InterpreterOptions {
  std::string program;       // what sys.executable becomes; decides prefix and site-packages
  std::string package_path;  // folder that holds symphony_bridge
  std::string trace_file;    // empty: no recording
};

// Starts Python and imports the bridge. Throws std::runtime_error with Python's own words.
// A second call returns what the first one found.
const InterpreterInfo& StartInterpreter(const InterpreterOptions& options);

// The C table; null before the interpreter has started.
const SymTable* Table();

// Whether the calling thread is the one that started Python. A worker's environment is not.
bool IsPythonsMainThread();

// Holds the GIL on the JavaScript thread. Construct only after StartInterpreter.
class GilScope {
 public:
  GilScope();
  ~GilScope();
  GilScope(const GilScope&) = delete;
  GilScope& operator=(const GilScope&) = delete;
};
