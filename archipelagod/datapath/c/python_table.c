#include "python.h"

#include <stdlib.h>

static int table_new(struct table_object *self, PyObject *arguments, PyObject *names)
{
    static char *keywords[] = {"size_bytes", "direct_limit", NULL};
    unsigned long long size_bytes;
    Py_ssize_t limit;

    if (!PyArg_ParseTupleAndKeywords(arguments, names, "Kn", keywords, &size_bytes, &limit))
        return -1;
    if (self->table.entries || limit < 1 || size_bytes > 1ull << 52) {
        PyErr_SetString(PyExc_ValueError, "a second __init__, or sizes out of range");
        return -1;
    }
    if (!table_init(&self->table, size_bytes, limit)) {
        table_free(&self->table, drop);
        PyErr_NoMemory();
        return -1;
    }
    flushes_init(&self->flushes);
    return 0;
}

static void table_dealloc(struct table_object *self)
{
    PyTypeObject *type = Py_TYPE(self);

    table_free(&self->table, drop);
    flushes_free(&self->flushes, drop);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static int install(struct table *table, size_t index, struct entry made, uint64_t generation)
{
    void *dropped = NULL;
    bool is_done;

    Py_XINCREF((PyObject *)made.keep);
    Py_BEGIN_ALLOW_THREADS
    is_done = table_install(table, index, made, generation, &dropped);
    Py_END_ALLOW_THREADS
    drop(dropped);
    if (!is_done) {
        free(made.present);
        drop(made.keep);
    }
    return is_done;
}

static uint64_t *copied_bitmap(const Py_buffer *bitmap)
{
    uint64_t *words = calloc(BITMAP_WORDS, sizeof *words);

    for (size_t at = 0; words && at < (size_t)bitmap->len; at++)
        words[at / 8] |= (uint64_t)((const uint8_t *)bitmap->buf)[at] << (at % 8 * 8);
    return words;
}

static PyObject *table_py_install(struct table_object *self, PyObject *arguments)
{
    Py_ssize_t index;
    struct entry made = {.state = DIRECT};
    Py_buffer bitmap = {0};
    unsigned long long generation;
    int is_writable;

    if (!PyArg_ParseTuple(arguments, "niiz*pOK", &index, &made.fd, &made.parent_fd, &bitmap,
                          &is_writable, &made.keep, &generation))
        return NULL;
    made.is_writable = is_writable;
    if (bitmap.buf) {
        if (bitmap.len == sizeof(uint64_t) * BITMAP_WORDS)
            made.present = copied_bitmap(&bitmap);
        PyBuffer_Release(&bitmap);
        if (!made.present) {
            PyErr_SetString(PyExc_ValueError, "a bitmap has 128 bytes");
            return NULL;
        }
    }
    return PyBool_FromLong(install(&self->table, index, made, generation));
}

static PyObject *install_state(struct table_object *self, PyObject *arguments, enum state state)
{
    Py_ssize_t index;
    unsigned long long generation;
    struct entry made = {.state = state};

    if (!PyArg_ParseTuple(arguments, "nK", &index, &generation))
        return NULL;
    return PyBool_FromLong(install(&self->table, index, made, generation));
}

static PyObject *table_install_zeros(struct table_object *self, PyObject *arguments)
{
    return install_state(self, arguments, ZEROS);
}

static PyObject *table_install_slow(struct table_object *self, PyObject *arguments)
{
    return install_state(self, arguments, SLOW);
}

static PyObject *table_py_forget(struct table_object *self, PyObject *argument)
{
    size_t index = PyLong_AsSize_t(argument);
    void *keep;

    if (PyErr_Occurred())
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    keep = table_forget(&self->table, index);
    Py_END_ALLOW_THREADS
    drop(keep);
    Py_RETURN_NONE;
}

static PyObject *table_py_fill(struct table_object *self, PyObject *arguments)
{
    Py_ssize_t index;
    unsigned first, count;

    if (!PyArg_ParseTuple(arguments, "nII", &index, &first, &count))
        return NULL;
    if (first > 64 * BITMAP_WORDS || count > 64 * BITMAP_WORDS - first) {
        PyErr_SetString(PyExc_ValueError, "an object has 1024 blocks");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    table_fill(&self->table, index, first, count);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *table_py_freeze(struct table_object *self, PyObject *Py_UNUSED(none))
{
    Py_BEGIN_ALLOW_THREADS
    table_freeze(&self->table);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *table_py_resize(struct table_object *self, PyObject *argument)
{
    unsigned long long size_bytes = PyLong_AsUnsignedLongLong(argument);

    if (PyErr_Occurred())
        return NULL;
    if (size_bytes > 1ull << 52) {
        PyErr_SetString(PyExc_ValueError, "too large");
        return NULL;
    }
    struct table old;
    bool is_done;
    Py_BEGIN_ALLOW_THREADS
    is_done = table_resize(&self->table, size_bytes, &old);
    Py_END_ALLOW_THREADS
    if (!is_done)
        return PyErr_NoMemory();
    table_free(&old, drop);
    Py_RETURN_NONE;
}

/* Lists of indexes and, unless there were too many, of (index, inner, size) that were written. */
static PyObject *table_py_take_written(struct table_object *self, PyObject *Py_UNUSED(none))
{
    struct written written[MOST_WRITTEN];
    size_t count, written_count;
    uint32_t *taken;

    Py_BEGIN_ALLOW_THREADS
    count = table_take_dirty(&self->table, &taken, written, &written_count);
    Py_END_ALLOW_THREADS
    PyObject *indexes = PyList_New(count);
    for (size_t at = 0; indexes && at < count; at++)
        if (PyList_SetItem(indexes, at, PyLong_FromUnsignedLong(taken[at])))
            Py_CLEAR(indexes);
    free(taken);
    if (!indexes || written_count > MOST_WRITTEN)
        return indexes ? Py_BuildValue("(NO)", indexes, Py_None) : NULL;
    PyObject *ranges = PyList_New(written_count);
    for (size_t at = 0; ranges && at < written_count; at++)
        if (PyList_SetItem(ranges, at, Py_BuildValue("(III)", written[at].index, written[at].inner, written[at].size)))
            Py_CLEAR(ranges);
    if (!ranges) {
        Py_DECREF(indexes);
        return NULL;
    }
    return Py_BuildValue("(NN)", indexes, ranges);
}

static PyObject *statistics_of(const struct counters *counters)
{
    PyObject *latency = PyTuple_New(BUCKETS);

    for (size_t at = 0; latency && at < BUCKETS; at++) {
        uint64_t count = __atomic_load_n(&counters->latency[at], __ATOMIC_RELAXED);
        PyObject *number = PyLong_FromUnsignedLongLong(count);
        if (!number)
            Py_CLEAR(latency);
        else
            PyTuple_SET_ITEM(latency, at, number);
    }
    if (!latency)
        return NULL;
    return Py_BuildValue("(KKN)", __atomic_load_n(&counters->bytes, __ATOMIC_RELAXED),
                         __atomic_load_n(&counters->us, __ATOMIC_RELAXED), latency);
}

static PyObject *table_statistics(struct table_object *self, PyObject *Py_UNUSED(none))
{
    PyObject *reads = statistics_of(&self->table.counters[READS]);
    PyObject *writes = reads ? statistics_of(&self->table.counters[WRITES]) : NULL;
    PyObject *flushes = writes ? statistics_of(&self->table.counters[FLUSHES]) : NULL;

    if (!flushes) {
        Py_XDECREF(reads);
        Py_XDECREF(writes);
        return NULL;
    }
    return Py_BuildValue("(NNN)", reads, writes, flushes);
}

static PyObject *table_generation(struct table_object *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(__atomic_load_n(&self->table.generation, __ATOMIC_SEQ_CST));
}

static PyObject *table_bypass(struct table_object *self, PyObject *argument)
{
    int is_bypassed = PyObject_IsTrue(argument);

    if (is_bypassed < 0)
        return NULL;
    __atomic_store_n(&self->table.is_bypassed, is_bypassed, __ATOMIC_RELAXED);
    Py_RETURN_NONE;
}

static PyMethodDef table_methods[] = {
    {"install", (PyCFunction)table_py_install, METH_VARARGS, NULL},
    {"install_zeros", (PyCFunction)table_install_zeros, METH_VARARGS, NULL},
    {"install_slow", (PyCFunction)table_install_slow, METH_VARARGS, NULL},
    {"forget", (PyCFunction)table_py_forget, METH_O, NULL},
    {"fill", (PyCFunction)table_py_fill, METH_VARARGS, NULL},
    {"freeze", (PyCFunction)table_py_freeze, METH_NOARGS, NULL},
    {"resize", (PyCFunction)table_py_resize, METH_O, NULL},
    {"take_written", (PyCFunction)table_py_take_written, METH_NOARGS, NULL},
    {"bypass", (PyCFunction)table_bypass, METH_O, NULL},
    {"wait_for_flushes", (PyCFunction)table_wait_for_flushes, METH_O, NULL},
    {"wake", (PyCFunction)table_wake, METH_NOARGS, NULL},
    {"flushed", (PyCFunction)table_flushed, METH_VARARGS, NULL},
    {"statistics", (PyCFunction)table_statistics, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef table_attributes[] = {
    {"generation", (getter)table_generation, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot table_slots[] = {
    {Py_tp_init, table_new},
    {Py_tp_dealloc, table_dealloc},
    {Py_tp_methods, table_methods},
    {Py_tp_getset, table_attributes},
    {0, NULL},
};

PyType_Spec table_spec = {
    .name = "archipelagod.datapath._fast.Table",
    .basicsize = sizeof(struct table_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = table_slots,
};
