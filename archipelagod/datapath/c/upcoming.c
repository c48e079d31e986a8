#define _GNU_SOURCE
#include "steps.h"

#include <fcntl.h>

#define MOST_ASKED 256

enum step next_request(const struct loop *loop, size_t at, struct request *request)
{
    if (at >= loop->end || loop->end - at < loop->codec->head)
        return INPUT;
    return loop->codec->parse(loop->in + at, request) ? DONE : BROKEN;
}

bool look_up(struct loop *loop)
{
    struct request request;

    if (loop->looked_up < loop->start)
        loop->looked_up = loop->start;
    while (next_request(loop, loop->looked_up, &request) == DONE) {
        if (request.sort < FLUSH && !table_is_known(loop->table, request.offset, request.size))
            if (loop->asked++ < MOST_ASKED) {
                loop->index = request.offset >> OBJECT_SHIFT;
                while (loop->table->entries[loop->index].state != UNKNOWN)
                    loop->index++;
                return false;
            }
        loop->looked_up += loop->codec->head + request.payload;
    }
    return true;
}

bool is_within(const struct loop *loop, const struct request *request)
{
    return request->offset + request->size >= request->offset &&
           request->offset + request->size <= loop->table->size_bytes;
}

void announce(struct loop *loop)
{
    struct request request;
    struct run run;

    if (loop->announced < loop->start)
        loop->announced = loop->start;
    pthread_rwlock_rdlock(&loop->table->lock);
    while (next_request(loop, loop->announced, &request) == DONE) {
        loop->announced += loop->codec->head + request.payload;
        if (request.sort != READ || !is_within(loop, &request))
            continue;
        while (request.size && table_run(loop->table, request.offset, request.size, &run)) {
            if (run.fd >= 0)
                posix_fadvise(run.fd, run.at, run.size, POSIX_FADV_WILLNEED);
            request.offset += run.size;
            request.size -= run.size;
        }
    }
    pthread_rwlock_unlock(&loop->table->lock);
}
