/* The module: the loop in C, for Python.  See c/python.h. */
#include "c/python.h"

PyObject *table_type, *lock_type, *loop_type;

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
        !PyModule_AddIntConstant(made, "NBD_STRUCTURED", 1) && !PyModule_AddIntConstant(made, "BLOCK_FRAMES", 2) &&
        !PyModule_AddIntMacro(made, MOST_GROUPS))
        return made;
    Py_XDECREF(made);
    return NULL;
}
