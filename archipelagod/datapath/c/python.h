/*
 * Python's side of the loop: see _fast.pyi for what is offered.
 *
 * Nobody waits for a lock or a socket, or frees descriptors, while holding what another waits for:
 * the GIL is let go before any lock is asked for, and dropped objects are let go of after it.
 */
#ifndef ARCHIPELAGOD_PYTHON_H
#define ARCHIPELAGOD_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "loop.h"

struct table_object {
    PyObject_HEAD
    struct table table;
    struct flushes flushes;
};

struct lock_object {
    PyObject_HEAD
    struct send_lock lock;
};

extern PyObject *table_type, *lock_type, *loop_type;
extern PyType_Spec table_spec, lock_spec, loop_spec;

static inline void drop(void *keep)
{
    Py_XDECREF((PyObject *)keep);
}

/* Of a Table. */
PyObject *table_wait_for_flushes(struct table_object *self, PyObject *number);
PyObject *table_wake(struct table_object *self, PyObject *none);
PyObject *table_flushed(struct table_object *self, PyObject *arguments);

PyObject *gather(PyObject *module, PyObject *arguments);

#endif
