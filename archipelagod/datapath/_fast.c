/*
 * Python's side of the loop in C: see archipelagod/datapath/c, and _fast.pyi for what is offered.
 *
 * Nobody waits for a lock or a socket, or frees descriptors, while holding what another waits for:
 * the GIL is let go before any lock is asked for, and dropped objects are let go of after it.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "c/loop.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Table ---- */

struct table_object {
    PyObject_HEAD
    struct table table;
    struct flushes flushes;
};

static void drop(void *keep)
{
    Py_XDECREF((PyObject *)keep);
}

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

static PyObject *table_wait_for_flushes(struct table_object *self, PyObject *Py_UNUSED(none))
{
    size_t count;

    Py_BEGIN_ALLOW_THREADS
    count = flushes_wait(&self->flushes);
    Py_END_ALLOW_THREADS
    return PyLong_FromSize_t(count);
}

static PyObject *table_wake(struct table_object *self, PyObject *Py_UNUSED(none))
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

static PyObject *table_flushed(struct table_object *self, PyObject *argument)
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
    {"wait_for_flushes", (PyCFunction)table_wait_for_flushes, METH_NOARGS, NULL},
    {"wake", (PyCFunction)table_wake, METH_NOARGS, NULL},
    {"flushed", (PyCFunction)table_flushed, METH_O, NULL},
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

static PyType_Spec table_spec = {
    .name = "archipelagod.datapath._fast.Table",
    .basicsize = sizeof(struct table_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = table_slots,
};

/* ---- SendLock ---- */

struct lock_object {
    PyObject_HEAD
    struct send_lock lock;
};

static int lock_new(struct lock_object *self, PyObject *Py_UNUSED(arguments), PyObject *Py_UNUSED(names))
{
    pthread_mutex_init(&self->lock.mutex, NULL);
    return 0;
}

static void lock_dealloc(struct lock_object *self)
{
    PyTypeObject *type = Py_TYPE(self);

    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *lock_enter(struct lock_object *self, PyObject *Py_UNUSED(none))
{
    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock(&self->lock.mutex);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *lock_acquire(struct lock_object *self, PyObject *arguments, PyObject *names)
{
    static char *keywords[] = {"blocking", NULL};
    int blocking = 1;

    if (!PyArg_ParseTupleAndKeywords(arguments, names, "|p", keywords, &blocking))
        return NULL;
    if (!blocking)
        return PyBool_FromLong(send_lock_try(&self->lock));
    Py_DECREF(lock_enter(self, NULL));
    Py_RETURN_TRUE;
}

static PyObject *lock_release(struct lock_object *self, PyObject *Py_UNUSED(arguments))
{
    pthread_mutex_unlock(&self->lock.mutex);
    Py_RETURN_NONE;
}

static PyObject *lock_exit(struct lock_object *self, PyObject *Py_UNUSED(error))
{
    return lock_release(self, NULL);
}

static PyMethodDef lock_methods[] = {
    {"acquire", (PyCFunction)(void (*)(void))lock_acquire, METH_VARARGS | METH_KEYWORDS, NULL},
    {"release", (PyCFunction)lock_release, METH_NOARGS, NULL},
    {"__enter__", (PyCFunction)lock_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)lock_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot lock_slots[] = {
    {Py_tp_init, lock_new},
    {Py_tp_dealloc, lock_dealloc},
    {Py_tp_methods, lock_methods},
    {0, NULL},
};

static PyType_Spec lock_spec = {
    .name = "archipelagod.datapath._fast.SendLock",
    .basicsize = sizeof(struct lock_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = lock_slots,
};

/* ---- Loop ---- */

struct loop_object {
    PyObject_HEAD
    PyObject *table, *lock;
    struct loop loop;
    bool is_running;
};

static PyObject *table_type, *lock_type, *loop_type;

/* In the order of the module's constants. */
static const struct codec *const codecs[] = {&nbd_simple, &nbd_structured, &block_frames};

static struct asker *new_asker(PyObject *owner)
{
    struct asker *asker = malloc(sizeof *asker);

    if (asker)
        *asker = (struct asker){Py_NewRef(owner), 1};
    return asker;
}

static int loop_new(struct loop_object *self, PyObject *arguments, PyObject *names)
{
    static char *keywords[] = {"fd", "table", "lock", "codec", "received", "flushed", NULL};
    int fd;
    unsigned codec;
    PyObject *table, *lock, *flushed = NULL;
    Py_buffer received;

    if (!PyArg_ParseTupleAndKeywords(arguments, names, "iO!O!Iy*|O", keywords, &fd, table_type, &table,
                                     lock_type, &lock, &codec, &received, &flushed))
        return -1;
    int result = -1;
    if (self->table || codec >= sizeof codecs / sizeof *codecs)
        PyErr_SetString(PyExc_ValueError, "a second __init__, or no such codec");
    else {
        self->table = Py_NewRef(table);
        self->lock = Py_NewRef(lock);
        self->loop.fd = fd;
        self->loop.table = &((struct table_object *)table)->table;
        self->loop.lock = &((struct lock_object *)lock)->lock;
        self->loop.codec = codecs[codec];
        self->loop.flushes = &((struct table_object *)table)->flushes;
        if (!loop_init(&self->loop))
            PyErr_SetFromErrno(PyExc_OSError);
        else if (flushed && !(self->loop.asker = new_asker(flushed)))
            PyErr_NoMemory();
        else if (!loop_push(&self->loop, received.buf, received.len))
            PyErr_SetString(PyExc_ValueError, "too much was received");
        else
            result = 0;
    }
    PyBuffer_Release(&received);
    return result;
}

static void loop_dealloc(struct loop_object *self)
{
    PyTypeObject *type = Py_TYPE(self);

    loop_free(&self->loop);
    if (self->loop.asker)
        drop(flushes_release(self->loop.flushes, self->loop.asker));
    Py_XDECREF(self->table);
    Py_XDECREF(self->lock);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* (head, payload, bytes of the payload that were written already); None: the client is gone. */
static PyObject *taken(struct loop *loop)
{
    Py_ssize_t left = loop->current.payload - loop->written;
    PyObject *payload = PyBytes_FromStringAndSize(NULL, left);
    uint32_t written = loop->written;
    bool is_whole;

    if (!payload)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    is_whole = loop_take(loop, (uint8_t *)PyBytes_AS_STRING(payload));
    Py_END_ALLOW_THREADS
    if (!is_whole) {
        Py_DECREF(payload);
        Py_RETURN_NONE;
    }
    return Py_BuildValue("(y#NI)", loop->head, (Py_ssize_t)loop->codec->head, payload, written);
}

static PyObject *loop_py_run(struct loop_object *self, PyObject *Py_UNUSED(none))
{
    enum outcome outcome;

    if (self->is_running || !self->table) {
        PyErr_SetString(PyExc_RuntimeError, "it runs already");
        return NULL;
    }
    self->is_running = true;
    Py_BEGIN_ALLOW_THREADS
    outcome = loop_run(&self->loop);
    Py_END_ALLOW_THREADS
    PyObject *result = NULL;
    switch (outcome) {
    case GONE:
        result = Py_NewRef(Py_None);
        break;
    case PERFORM:
        result = taken(&self->loop);
        break;
    case RESOLVE:
        result = PyLong_FromSize_t(self->loop.index);
        break;
    case POSTED:
        result = PyTuple_New(0);
        break;
    case BYPASS:
        result = PyBytes_FromStringAndSize((char *)self->loop.in + self->loop.start,
                                           self->loop.end - self->loop.start);
        self->loop.start = self->loop.end;
        break;
    }
    self->is_running = false;
    return result;
}

static PyObject *loop_py_rest(struct loop_object *self, PyObject *most)
{
    unsigned long count = PyLong_AsUnsignedLong(most);

    if (PyErr_Occurred())
        return NULL;
    if (self->is_running || !self->table) {
        PyErr_SetString(PyExc_RuntimeError, "it runs");
        return NULL;
    }
    struct loop *loop = &self->loop;
    size_t size = loop_whole(loop, (unsigned)count);
    PyObject *rest = PyBytes_FromStringAndSize((char *)loop->in + loop->start, (Py_ssize_t)size);
    if (rest)
        loop->start += size;
    return rest;
}

static PyObject *loop_take_flushes(struct loop_object *self, PyObject *Py_UNUSED(none))
{
    size_t count = self->loop.flushes_asked;

    self->loop.flushes_asked = 0;
    return PyLong_FromSize_t(count);
}

static PyMethodDef loop_methods[] = {
    {"run", (PyCFunction)loop_py_run, METH_NOARGS, NULL},
    {"rest", (PyCFunction)loop_py_rest, METH_O, NULL},
    {"take_flushes", (PyCFunction)loop_take_flushes, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot loop_slots[] = {
    {Py_tp_init, loop_new},
    {Py_tp_dealloc, loop_dealloc},
    {Py_tp_methods, loop_methods},
    {0, NULL},
};

static PyType_Spec loop_spec = {
    .name = "archipelagod.datapath._fast.Loop",
    .basicsize = sizeof(struct loop_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = loop_slots,
};

/* ---- what a journal has of objects ---- */

/* See archipelagod/volume/journal.py. */
struct __attribute__((packed)) data_record {
    uint16_t kind, spare;
    uint32_t inner;
    uint64_t oid;
    uint32_t content_sum, content_bytes;
    uint32_t tag, sum;
};

enum { DATA = 5 };

struct part {
    int fd;
    unsigned long long oid;
    unsigned inner, size;
};

static bool fill(const struct part *part, uint8_t *content)
{
    size_t got = 0;

    while (got < part->size) {
        ssize_t count = pread(part->fd, content + got, part->size - got, part->inner + got);
        if (count < 0 && errno != EINTR)
            return false;
        if (count == 0)
            break;
        got += count < 0 ? 0 : count;
    }
    memset(content + got, 0, part->size - got); /* the object ends here */
    return true;
}

static bool gather_all(const struct part *parts, size_t count, uint8_t *out, uint32_t tag, uint32_t salt)
{
    for (const struct part *part = parts; part < parts + count; part++) {
        uint8_t *content = out + sizeof(struct data_record);
        if (!fill(part, content))
            return false;
        struct data_record record = {
            .kind = htole16(DATA),
            .inner = htole32(part->inner),
            .oid = htole64(part->oid),
            .content_sum = htole32(sum32(0, content, part->size)),
            .content_bytes = htole32(part->size),
            .tag = htole32(tag),
        };
        record.sum = htole32(sum32(salt, (uint8_t *)&record, offsetof(struct data_record, sum)));
        memcpy(out, &record, sizeof record);
        out = content + part->size;
    }
    return true;
}

/* The bytes that the parts of the list make; -1 when it is no such list. */
static Py_ssize_t take_parts(PyObject *list, struct part *parts)
{
    Py_ssize_t size = 0;

    for (Py_ssize_t at = 0; at < PyList_GET_SIZE(list); at++) {
        struct part *part = &parts[at];
        if (!PyArg_ParseTuple(PyList_GET_ITEM(list, at), "iKII", &part->fd, &part->oid, &part->inner,
                              &part->size))
            return -1;
        size += sizeof(struct data_record) + part->size;
    }
    return size;
}

static PyObject *gather(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *list, *made = NULL;
    unsigned tag, salt;

    if (!PyArg_ParseTuple(arguments, "O!II", &PyList_Type, &list, &tag, &salt))
        return NULL;
    size_t count = PyList_GET_SIZE(list);
    struct part *parts = malloc((count + 1) * sizeof *parts);
    if (!parts)
        return PyErr_NoMemory();
    Py_ssize_t size = take_parts(list, parts);
    if (size >= 0)
        made = PyByteArray_FromStringAndSize(NULL, size);
    if (made) {
        bool is_done;
        uint8_t *out = (uint8_t *)PyByteArray_AS_STRING(made);
        Py_BEGIN_ALLOW_THREADS
        is_done = gather_all(parts, count, out, tag, salt);
        Py_END_ALLOW_THREADS
        if (!is_done) {
            PyErr_SetFromErrno(PyExc_OSError);
            Py_CLEAR(made);
        }
    }
    free(parts);
    return made;
}

/* ---- the module ---- */

static PyObject *set_most_direct(PyObject *Py_UNUSED(module), PyObject *argument)
{
    size_t most = PyLong_AsSize_t(argument);

    if (PyErr_Occurred())
        return NULL;
    table_most_direct = most;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"gather", gather, METH_VARARGS, NULL},
    {"set_most_direct", set_most_direct, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_fast", NULL, -1, functions, NULL, NULL, NULL, NULL};

static bool add(PyObject *made, const char *name, PyObject **type, PyType_Spec *spec)
{
    *type = PyType_FromSpec(spec);
    return *type && !PyModule_AddObjectRef(made, name, *type);
}

PyMODINIT_FUNC PyInit__fast(void)
{
    PyObject *made = PyModule_Create(&module);

    if (made && add(made, "Table", &table_type, &table_spec) && add(made, "SendLock", &lock_type, &lock_spec) &&
        add(made, "Loop", &loop_type, &loop_spec) && !PyModule_AddIntConstant(made, "NBD_SIMPLE", 0) &&
        !PyModule_AddIntConstant(made, "NBD_STRUCTURED", 1) && !PyModule_AddIntConstant(made, "BLOCK_FRAMES", 2))
        return made;
    Py_XDECREF(made);
    return NULL;
}
