#define _GNU_SOURCE
#include "steps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILE_BYTES (32u << 10) /* reads of that size are sent from the file */

static uint8_t zeros[64 << 10];

static enum step fetch(struct loop *loop, const struct run *run, uint8_t *to)
{
    struct table *table = loop->table;
    uint32_t got = 0;

    while (got < run->size) {
        struct iovec part = {to + got, run->size - got};
        int flags = loop->may_wait ? 0 : table->only_cached;
        ssize_t count = preadv2(run->fd, &part, 1, run->at + got, flags);
        if (count == 0) {
            memset(to + got, 0, run->size - got); /* the object ends here */
            return DONE;
        }
        if (count > 0)
            got += count;
        else if (errno == EOPNOTSUPP && flags)
            table->only_cached = 0; /* tmpfs: everything is in memory anyway */
        else if (errno == EAGAIN && flags)
            return MISS;
        else if (errno != EINTR)
            return REFUSE;
    }
    return DONE;
}

static void finish_read(struct loop *loop, const struct request *request)
{
    loop->start += loop->codec->head;
    loop->may_wait = false;
    answered(loop, READS, request->size);
}

static enum step copy_read(struct loop *loop, const struct request *request)
{
    uint8_t *front = loop->out + loop->filled;
    uint8_t *to = front + loop->codec->data(front, request);
    uint64_t offset = request->offset;
    uint32_t left = request->size;
    struct run run;

    while (left) {
        if (!table_run(loop->table, offset, left, &run) || (run.is_hole && loop->codec->hole))
            return REFUSE; /* Python sends such holes for what they are */
        if (run.fd < 0)
            memset(to, 0, run.size);
        else {
            enum step step = fetch(loop, &run, to);
            if (step != DONE)
                return step;
        }
        to += run.size;
        offset += run.size;
        left -= run.size;
    }
    loop->filled = to - loop->out;
    finish_read(loop, request);
    return DONE;
}

static void close_segments(struct loop *loop)
{
    while (loop->segment_count)
        if (loop->segments[--loop->segment_count].fd >= 0)
            close(loop->segments[loop->segment_count].fd);
}

/* Whether the front of it is in memory; true where the kernel won't tell. */
static bool is_cached(const struct loop *loop, const struct run *run)
{
    uint8_t byte;
    struct iovec part = {&byte, 1};

    if (loop->may_wait || !loop->table->only_cached)
        return true;
    return preadv2(run->fd, &part, 1, run->at, RWF_NOWAIT) >= 0 || errno != EAGAIN;
}

/*
 * Notes the files from which a large read is to be sent, with descriptors of our own: sending may
 * take for ever, and the table can't be held meanwhile.
 */
static enum step plan_read(struct loop *loop, const struct request *request)
{
    uint64_t offset = request->offset;
    uint32_t left = request->size;
    enum step step = LARGE;
    struct run run;

    while (left && step == LARGE) {
        if (loop->segment_count == MOST_SEGMENTS || !table_run(loop->table, offset, left, &run) ||
            (run.is_hole && loop->codec->hole))
            step = REFUSE;
        else if (run.fd >= 0 && !is_cached(loop, &run))
            step = MISS;
        else {
            struct segment *segment = &loop->segments[loop->segment_count];
            segment->fd = run.fd < 0 ? -1 : fcntl(run.fd, F_DUPFD_CLOEXEC, 0);
            segment->at = run.at;
            segment->size = run.size;
            loop->segment_count++;
            offset += run.size;
            left -= run.size;
            if (run.fd >= 0 && segment->fd < 0)
                step = REFUSE; /* too many are open */
        }
    }
    if (step != LARGE)
        close_segments(loop);
    return step;
}

enum step read_request(struct loop *loop, const struct request *request)
{
    struct run run;

    if (!is_within(loop, request) || !table_run(loop->table, request->offset, request->size, &run))
        return REFUSE;
    if (run.is_hole && run.size == request->size && loop->codec->hole) {
        loop->filled += loop->codec->hole(loop->out + loop->filled, request);
        finish_read(loop, request);
        return DONE;
    }
    if (request->size >= FILE_BYTES && loop->table->sends_files &&
        (run.size >= FILE_BYTES || request->size > MOST_COPIED)) {
        enum step step = plan_read(loop, request);
        if (step != REFUSE || request->size > MOST_COPIED)
            return step;
    }
    if (request->size > MOST_COPIED)
        return REFUSE;
    if (loop->filled && loop->filled + MOST_HEAD + request->size > OUT_ROOM)
        return FULL;
    return copy_read(loop, request);
}

/* Where sendfile can't: through ``out``, which is free. */
static bool send_copied(struct loop *loop, struct segment *segment)
{
    loop->table->sends_files = false; /* should the medium fail now the client is lost, but not twice */
    while (segment->size) {
        ssize_t got = pread(segment->fd, loop->out, least(MOST_COPIED, segment->size), segment->at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            return true;
        if (!send_all(loop->fd, loop->out, got, 0))
            return false;
        segment->at += got;
        segment->size -= got;
    }
    return true;
}

static bool send_segment(struct loop *loop, struct segment *segment)
{
    while (segment->size && segment->fd >= 0) {
        ssize_t sent = sendfile(loop->fd, segment->fd, &segment->at, segment->size);
        if (sent == 0)
            break; /* the object ends here */
        if (sent > 0)
            segment->size -= sent;
        else if (errno == EPIPE || errno == ECONNRESET)
            return false;
        else if (errno != EINTR) {
            if (!send_copied(loop, segment))
                return false;
            break;
        }
    }
    while (segment->size) {
        uint32_t part = least(segment->size, sizeof zeros);
        if (!send_all(loop->fd, zeros, part, 0))
            return false;
        segment->size -= part;
    }
    return true;
}

bool send_large(struct loop *loop, const struct request *request)
{
    bool is_sent;

    loop->filled += loop->codec->data(loop->out + loop->filled, request);
    pthread_mutex_lock(&loop->lock->mutex);
    is_sent = send_all(loop->fd, loop->out, loop->filled, MSG_MORE);
    for (unsigned at = 0; is_sent && at < loop->segment_count; at++)
        is_sent = send_segment(loop, &loop->segments[at]);
    pthread_mutex_unlock(&loop->lock->mutex);
    close_segments(loop);
    loop->filled = 0;
    finish_read(loop, request);
    count_answered(loop);
    return is_sent;
}
