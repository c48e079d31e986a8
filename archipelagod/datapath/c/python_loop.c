#include "python.h"

#include <stdlib.h>

struct loop_object {
    PyObject_HEAD
    PyObject *table, *lock;
    struct loop loop;
    bool is_running;
};

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

static PyObject *loop_awake(struct loop_object *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(__atomic_load_n(&self->loop.awake, __ATOMIC_RELAXED));
}

static PyMethodDef loop_methods[] = {
    {"run", (PyCFunction)loop_py_run, METH_NOARGS, NULL},
    {"rest", (PyCFunction)loop_py_rest, METH_O, NULL},
    {"take_flushes", (PyCFunction)loop_take_flushes, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef loop_attributes[] = {
    {"awake", (getter)loop_awake, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot loop_slots[] = {
    {Py_tp_init, loop_new},
    {Py_tp_dealloc, loop_dealloc},
    {Py_tp_methods, loop_methods},
    {Py_tp_getset, loop_attributes},
    {0, NULL},
};

PyType_Spec loop_spec = {
    .name = "archipelagod.datapath._fast.Loop",
    .basicsize = sizeof(struct loop_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = loop_slots,
};
