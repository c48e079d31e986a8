/* What a Table does for whoever performs flushes. */
#include "python.h"

/* The group of that number, of which each thread that performs flushes has its own. */
static struct group *group_of(struct table_object *self, PyObject *number)
{
    size_t at = PyLong_AsSize_t(number);

    if (PyErr_Occurred())
        return NULL;
    if (at >= MOST_GROUPS) {
        PyErr_SetString(PyExc_ValueError, "no such group of flushes");
        return NULL;
    }
    return &self->flushes.groups[at];
}

PyObject *table_wait_for_flushes(struct table_object *self, PyObject *number)
{
    struct group *group = group_of(self, number);
    size_t count;

    if (!group)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    count = flushes_wait(&self->flushes, group);
    Py_END_ALLOW_THREADS
    return PyLong_FromSize_t(count);
}

PyObject *table_wake(struct table_object *self, PyObject *Py_UNUSED(none))
{
    flushes_wake(&self->flushes);
    Py_RETURN_NONE;
}

/* (owner, bytes, number of flushes) of the asker of that one. */
static PyObject *answered(struct table_object *self, struct group *group, struct flush *first, bool is_done)
{
    struct asker *asker = first->asker;
    size_t room = (group->flushes + group->count - first) * MOST_HEAD, size;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, room);

    if (!bytes)
        return NULL;
    PyObject *owner = Py_NewRef((PyObject *)asker->owner);
    size_t count = flushes_answer(group, first, is_done, (uint8_t *)PyBytes_AS_STRING(bytes), &size);
    for (size_t at = 0; at < count; at++)
        drop(flushes_release(&self->flushes, asker));
    if (_PyBytes_Resize(&bytes, size)) {
        Py_DECREF(owner);
        return NULL;
    }
    return Py_BuildValue("(NNn)", owner, bytes, (Py_ssize_t)count);
}

PyObject *table_flushed(struct table_object *self, PyObject *arguments)
{
    PyObject *number;
    int is_done;

    if (!PyArg_ParseTuple(arguments, "Op", &number, &is_done))
        return NULL;
    struct group *group = group_of(self, number);
    PyObject *all = group ? PyList_New(0) : NULL;
    uint64_t now = loop_now_ns();

    for (size_t at = 0; all && at < group->count; at++) {
        struct flush *flush = &group->flushes[at];
        table_count(&self->table, FLUSHES, 1, 0, now - flush->received_ns);
        if (!flush->asker)
            continue;
        PyObject *one = answered(self, group, flush, is_done);
        if (!one || PyList_Append(all, one))
            Py_CLEAR(all);
        Py_XDECREF(one);
    }
    return all;
}
