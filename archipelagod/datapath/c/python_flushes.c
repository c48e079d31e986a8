/* What a Table does for whoever performs flushes. */
#include "python.h"

PyObject *table_wait_for_flushes(struct table_object *self, PyObject *Py_UNUSED(none))
{
    size_t count;

    Py_BEGIN_ALLOW_THREADS
    count = flushes_wait(&self->flushes);
    Py_END_ALLOW_THREADS
    return PyLong_FromSize_t(count);
}

PyObject *table_wake(struct table_object *self, PyObject *Py_UNUSED(none))
{
    flushes_wake(&self->flushes);
    Py_RETURN_NONE;
}

/* (owner, bytes, number of flushes) of the asker of that one. */
static PyObject *answered(struct table_object *self, struct flush *first, bool is_done)
{
    struct flushes *flushes = &self->flushes;
    struct asker *asker = first->asker;
    size_t room = (flushes->group + flushes->group_count - first) * MOST_HEAD, size;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, room);

    if (!bytes)
        return NULL;
    PyObject *owner = Py_NewRef((PyObject *)asker->owner);
    size_t count = flushes_answer(flushes, first, is_done, (uint8_t *)PyBytes_AS_STRING(bytes), &size);
    for (size_t at = 0; at < count; at++)
        drop(flushes_release(flushes, asker));
    if (_PyBytes_Resize(&bytes, size)) {
        Py_DECREF(owner);
        return NULL;
    }
    return Py_BuildValue("(NNn)", owner, bytes, (Py_ssize_t)count);
}

PyObject *table_flushed(struct table_object *self, PyObject *argument)
{
    struct flushes *flushes = &self->flushes;
    int is_done = PyObject_IsTrue(argument);
    PyObject *all = is_done < 0 ? NULL : PyList_New(0);
    uint64_t now = loop_now_ns();

    for (size_t at = 0; all && at < flushes->group_count; at++) {
        struct flush *flush = &flushes->group[at];
        table_count(&self->table, FLUSHES, 1, 0, now - flush->received_ns);
        if (!flush->asker)
            continue;
        PyObject *one = answered(self, flush, is_done);
        if (!one || PyList_Append(all, one))
            Py_CLEAR(all);
        Py_XDECREF(one);
    }
    return all;
}
