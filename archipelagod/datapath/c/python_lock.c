#include "python.h"

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

PyType_Spec lock_spec = {
    .name = "archipelagod.datapath._fast.SendLock",
    .basicsize = sizeof(struct lock_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = lock_slots,
};
