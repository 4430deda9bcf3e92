// The part of CPython's stable ABI (3.8) that the addon uses, declared by hand.
//
// The stable ABI promises these signatures for every 3.x, so no Python headers are needed to build
// and one binary serves all versions. The symbols come from the libpython that the loader opened.
#pragma once

#include <cstddef>
#include <memory>

extern "C" {
using PyObject = struct _object;
using PyThreadState = struct _ts;
using Py_ssize_t = std::ptrdiff_t;

void Py_InitializeEx(int install_signal_handlers);
int Py_IsInitialized();
wchar_t* Py_DecodeLocale(const char* text, std::size_t* length);
void Py_SetProgramName(const wchar_t* name);
enum PyGILState_STATE { PyGILState_LOCKED, PyGILState_UNLOCKED };
PyGILState_STATE PyGILState_Ensure();
void PyGILState_Release(PyGILState_STATE state);
PyThreadState* PyEval_SaveThread();
void PyEval_RestoreThread(PyThreadState* state);
void Py_DecRef(PyObject* object);
PyObject* PyImport_ImportModule(const char* name);
PyObject* PyObject_CallMethod(PyObject* object, const char* name, const char* format, ...);
PyObject* PyObject_Str(PyObject* object);
PyObject* PyUnicode_AsUTF8String(PyObject* text);
char* PyBytes_AsString(PyObject* bytes);
PyObject* PyUnicode_FromString(const char* text);
PyObject* PyTuple_GetItem(PyObject* tuple, Py_ssize_t index);
int PyList_Insert(PyObject* list, Py_ssize_t index, PyObject* item);
PyObject* PySys_GetObject(const char* name);
void PyErr_Fetch(PyObject** type, PyObject** value, PyObject** traceback);
void PyErr_NormalizeException(PyObject** type, PyObject** value, PyObject** traceback);
void* PyCapsule_Import(const char* name, int no_block);
}

// An owned reference: released when dropped. Drop it while the GIL is held.
struct ReleaseReference {
  void operator()(PyObject* object) const { Py_DecRef(object); }
};
using PyOwned = std::unique_ptr<PyObject, ReleaseReference>;
