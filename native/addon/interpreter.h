// The embedded interpreter: started once per process, never finalised.
//
// Threads: Node's main thread becomes Python's main thread if it starts Python; for a Worker a
// thread that stays does it, because Workers end. An environment's thread holds the GIL only inside
// a GilScope. Must not know values, frames or the trace: those are behind the C table.
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

// Starts Python, imports the bridge and joins the calling thread. Throws std::runtime_error with
// Python's own words. Python starts once: later calls, from any environment, only join.
const InterpreterInfo& StartInterpreter(const InterpreterOptions& options);

// The C table; null before the interpreter has started.
const SymTable* Table();

// Whether the calling thread has joined Python.
bool HasJoinedPython();

// Gives back what Python keeps for the calling thread; Python's main thread stays.
void LeavePython();

// Holds the GIL on a thread that has joined.
class GilScope {
 public:
  GilScope();
  ~GilScope();
  GilScope(const GilScope&) = delete;
  GilScope& operator=(const GilScope&) = delete;
};
