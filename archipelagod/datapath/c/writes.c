#define _GNU_SOURCE
#include "steps.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define WHOLE_BYTES (64u << 10) /* writes up to this wait for all of their payload */

/* Bytes of the payload to be written now; 0: wait for more. */
static uint32_t portion(const struct loop *loop)
{
    uint32_t left = loop->current.size - loop->written;
    uint64_t at = loop->current.offset + loop->written;
    size_t here = loop->end - loop->start;

    if (here >= left)
        return left;
    if (here < WHOLE_BYTES)
        return 0;
    /* Whole pages: a part of one would first be read from the medium. */
    return ((at + here) & ~(uint64_t)(BLOCK_BYTES - 1)) - at;
}

bool hand_in_notes(struct loop *loop)
{
    bool is_done = !loop->note_count || table_note_written(loop->table, loop->notes, loop->note_count);

    loop->note_count = 0;
    return is_done;
}

static void note(struct loop *loop, uint64_t at, uint32_t size)
{
    uint32_t index = at >> OBJECT_SHIFT, inner = at & (OBJECT_BYTES - 1);
    struct written *last = &loop->notes[loop->note_count - (loop->note_count > 0)];

    if (loop->note_count && last->index == index && last->inner + last->size == inner)
        last->size += size;
    else
        loop->notes[loop->note_count++] = (struct written){index, inner, size};
}

enum step go_on_writing(struct loop *loop)
{
    const struct request *request = &loop->current;
    struct run run;

    while (loop->written < request->size) {
        uint64_t at = request->offset + loop->written;
        uint32_t size = portion(loop);
        if (!size)
            return INPUT;
        if (loop->note_count == MOST_NOTES && !hand_in_notes(loop))
            return LOST;
        if (!is_within(loop, request) || !table_write_run(loop->table, at, size, &run))
            return REFUSE;
        ssize_t count = pwrite(run.fd, loop->in + loop->start, run.size, run.at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return REFUSE; /* Python tries again, and finds words for it */
        note(loop, at, count);
        loop->written += count;
        loop->start += count;
    }
    loop->is_writing = false;
    loop->filled += loop->codec->done(loop->out + loop->filled, request);
    answered(loop, WRITES, request->size);
    return DONE;
}

void begin_request(struct loop *loop, const struct request *request)
{
    loop->current = *request;
    loop->written = 0;
    memcpy(loop->head, loop->in + loop->start, loop->codec->head);
    loop->start += loop->codec->head;
}

/* Whether all of it may be written by us. */
static bool is_writable(struct loop *loop, const struct request *request)
{
    uint64_t at = request->offset, end = at + request->size;
    struct run run;

    if (!is_within(loop, request))
        return false;
    for (; at < end; at += run.size)
        if (!table_write_run(loop->table, at, end - at, &run))
            return false;
    return true;
}

enum step write_request(struct loop *loop, const struct request *request)
{
    size_t here = loop->end - loop->start - loop->codec->head;

    if (here < request->size && request->size <= WHOLE_BYTES)
        return INPUT;
    /* A freeze between our part of a request and the rest would see half of it. */
    if (here >= request->size && !is_writable(loop, request))
        return REFUSE;
    begin_request(loop, request);
    loop->is_writing = true;
    return go_on_writing(loop);
}
