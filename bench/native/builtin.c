/* What the crossings into Rust are compared with: the same work as C built-ins of a full-API
 * extension. Built on demand by bench/python/native_calls.py; no part of the product. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject* noop(PyObject* self, PyObject* unused) {
  (void)self;
  (void)unused;
  Py_RETURN_NONE;
}

static PyObject* noop_with(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  (void)self;
  if (count != 3) {
    PyErr_SetString(PyExc_TypeError, "3 arguments are expected");
    return NULL;
  }
  volatile long long first = PyLong_AsLongLong(args[0]);
  if (first == -1 && PyErr_Occurred()) return NULL;
  volatile long long second = PyLong_AsLongLong(args[1]);
  if (second == -1 && PyErr_Occurred()) return NULL;
  Py_ssize_t length;
  const char* volatile text = PyUnicode_AsUTF8AndSize(args[2], &length);
  if (text == NULL) return NULL;
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"noop", noop, METH_NOARGS, NULL},
    {"noop_with", (PyCFunction)(void (*)(void))noop_with, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "builtin", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_builtin(void) { return PyModule_Create(&module); }
