/* What a journal has of objects. */
#include "python.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

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

PyObject *gather(PyObject *Py_UNUSED(module), PyObject *arguments)
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
